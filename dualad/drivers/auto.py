"""Derivatives whose mode the dispatcher chooses, and the plan of what it chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dualad.drivers.arguments import Varied, collect
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import Plan, choose
from dualad.drivers.columns import jacobian_columns, work_of
from dualad.drivers.recording import Recording
from dualad.duck.kernels import DuckArray

__all__ = ["explain", "hessian_auto", "jacobian_auto"]

Function = Callable[..., Any]


def jacobian_auto(
    f: Function,
    argnums: int | Sequence[int],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    chunk: int | None = None,
) -> tuple[Any, Plan]:
    """Return the Jacobian and the plan by which it was made; ``f`` runs once where ``chunk`` is not given.

    Few columns are carried by dual numbers. Else ``f`` is recorded, and then, the number of its results known, the tape
    is swept forward or backward.
    """
    from dualad.drivers.first import _columns  # which imports this module

    varied = Varied("jacobian", argnums, args)
    n = varied.size
    # What carries an outer derivative is nested in dual numbers, which carry anything.
    if choose(n).mode == "forward" or any(isinstance(array, DuckArray) for array in varied.arrays):
        value, columns = _columns(f, varied, dict(kwargs), chunk)
        return varied.split(columns), choose(n, int(np.size(value)))
    recording, y = _recorded(f, varied, kwargs)
    m = int(np.size(y))
    plan = choose(n, m, work=work_of(recording.tape))
    if not recording.mine(y) or not m:
        parts = tuple(np.zeros(np.shape(y) + array.shape) for array in varied.arrays)
    elif plan.mode == "reverse" or recording.tape.boxed:
        if recording.tape.boxed:
            plan = replace(plan, mode="reverse", reason="f holds values of an outer derivative: rows backward carry them")
        parts = tuple(jacobian_rows(recording, y, plan.chunk if chunk is None else chunk))
    else:
        return varied.split(jacobian_columns(recording, y, plan.chunk if chunk is None else chunk)), plan
    return parts[0] if varied.single else parts, plan


def hessian_auto(
    f: Function, argnums: int, args: tuple[Any, ...], kwargs: Mapping[str, Any], chunk: int | None = None
) -> tuple[Any, Plan]:
    """Return the Hessian, of shape T + S + S, and the plan by which it was made."""
    from dualad.drivers.second import hessian  # which imports this module

    varied = Varied("hessian", argnums, args)
    plan = choose(varied.size, order=2)
    return hessian(f, argnums, plan.mode, chunk=chunk)(*args, **kwargs), plan


def _recorded(f: Function, varied: Varied, kwargs: Mapping[str, Any]) -> tuple[Recording, Any]:
    recording = Recording(f, varied.numbers, varied.called_with(varied.arrays), kwargs, "jacobian")
    return recording, collect(recording.result)


def explain(f: Function, *args: Any, argnums: int | Sequence[int] = 0, order: int = 1, **kwargs: Any) -> Plan:
    """Say how the derivative of ``f`` would be carried, and why; the plan is printed and returned.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code.
    *args, **kwargs
        Its arguments.
    argnums : int or sequence of int
        Positional arguments in which to differentiate.
    order : {1, 2}
        The Jacobian or the Hessian.

    Returns
    -------
    Plan
        With ``mode``, ``chunk``, ``reason`` and ``costs``, the predicted costs of the alternatives in evaluations of
        ``f``.

    Notes
    -----
    Costs one recording of ``f``: the costs are predicted from what it did.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> plan = dualad.explain(lambda x: np.sum(x**2), np.ones(1000))  # doctest: +ELLIPSIS
    Jacobian of 1000 inputs and 1 output: reverse, 1 at a time
    1 row backward cost ... evaluations of f, 1000 columns forward cost ... evaluations of f
    predicted cost, in evaluations of f:
      reverse ...
    >>> plan.mode
    'reverse'
    """
    varied = Varied("explain", argnums, args)
    recording, y = _recorded(f, varied, kwargs)
    plan = choose(varied.size, int(np.size(y)), order, work_of(recording.tape))
    print(plan)
    return plan
