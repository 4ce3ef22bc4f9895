"""Derivatives whose mode the dispatcher chooses, and the plan of what it chose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dualad.drivers.arguments import Varied
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import FEW, SIDE, Plan, choose
from dualad.drivers.columns import collected, hessian_columns, jacobian_columns, work_of
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
    before: Plan | None = None,
) -> tuple[Any, Plan]:
    """Return the Jacobian, and the plan by which it was made.

    ``before`` is the plan of an earlier call of the same function. Without one, few columns are carried by dual
    numbers; else ``f`` is recorded, and then, its outputs and its work known, its tape is swept forward or backward.
    With one the best of all ways is known at once. ``f`` runs once, unless the columns are so many that they are cut
    into chunks.
    """
    from dualad.drivers.first import _columns  # which imports this module

    varied = Varied("jacobian", argnums, args)
    n = varied.size
    outer = any(isinstance(array, DuckArray) for array in varied.arrays)
    if before is None or before.n != n:
        plan, learn = choose(n), False
    else:
        plan, learn = choose(n, before.m, work=before.work), before.work is None and n > FEW
    if outer or not (plan.recorded or learn):
        columns = _columns(f, varied, dict(kwargs), plan.chunk if chunk is None and n else chunk)[1]
        return varied.split(columns), plan
    recording, y = _recorded(f, varied, kwargs, "jacobian")
    m, work = int(np.size(y)), work_of(recording.tape)
    plan = choose(n, m, work=work, recorded=True)
    if recording.tape.boxed:
        plan = replace(plan, mode="reverse", reason="f holds values of an outer derivative, which rows backward carry")
    width = plan.chunk if chunk is None else chunk
    if not recording.mine(y) or not m:
        parts = tuple(np.zeros(np.shape(y) + array.shape) for array in varied.arrays)
    elif plan.mode == "reverse":
        parts = tuple(jacobian_rows(recording, y, width))
    else:
        return varied.split(jacobian_columns(recording, y, width)), plan
    return parts[0] if varied.single else parts, plan


def hessian_auto(
    f: Function,
    argnums: int,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    chunk: int | None = None,
    before: Plan | None = None,
) -> tuple[Any, Plan]:
    """Return the Hessian, of shape T + S + S, and the plan by which it was made; ``before`` as in
    :func:`jacobian_auto`.
    """
    from dualad.drivers.second import hessian  # which imports this module

    varied = Varied("hessian", argnums, args)
    n = varied.size
    again = before if before is not None and before.n == n else None
    if again is not None and again.work is not None:
        plan, learn = choose(n, again.m, 2, again.work), False
    else:
        plan = choose(n, order=2)
        learn = plan.recorded or n > (SIDE if again is None else FEW)
    if learn and not isinstance(varied.arrays[0], DuckArray):
        recording, y = _recorded(f, varied, kwargs, "hessian")
        plan = choose(n, int(np.size(y)), 2, work_of(recording.tape))
        if plan.recorded and recording.mine(y) and not recording.tape.boxed:
            return hessian_columns(recording, y, plan.chunk if chunk is None else chunk), plan
    return hessian(f, argnums, plan.mode, chunk=chunk)(*args, **kwargs), plan


def _recorded(f: Function, varied: Varied, kwargs: Mapping[str, Any], name: str) -> tuple[Recording, Any]:
    recording = Recording(f, varied.numbers, varied.called_with(varied.arrays), kwargs, name)
    return recording, collected(recording)


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
    Jacobian of 1000 inputs and 1 output: reverse, 1 at a time, over a recording
    1 row backward over a recording: ... evaluations of f; 1000 columns ...
    predicted cost, in evaluations of f:
      reverse, recorded ...
    >>> plan.mode
    'reverse'
    """
    varied = Varied("explain", argnums, args)
    recording, y = _recorded(f, varied, kwargs, "explain")
    plan = choose(varied.size, int(np.size(y)), order, work_of(recording.tape))
    print(plan)
    return plan
