"""Jacobians and Hessians by the mode that was asked for, or that the dispatcher chooses, each with its plan."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import Varied, chunks, width
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import FEW, SIDE, Plan, asked, choose
from dualad.drivers.columns import (
    collected,
    dual_columns,
    hessian_blocks,
    hessian_columns,
    jacobian_columns,
    real_dtype,
    work_of,
)
from dualad.drivers.paying import told
from dualad.drivers.recording import Recording
from dualad.duck.kernels import DuckArray

__all__ = ["explain", "hessian_auto", "hessian_by", "jacobian_auto", "jacobian_by"]

Function = Callable[..., Any]

# Where the costs do not decide, this does.
_OUTER = "the argument carries an outer derivative, which needs no recording to be carried on"
_CAPTURED = "f holds values of an outer derivative"
_CHANGED = "f changes an array that it has used, so that a recording of it cannot be swept"


# --- the mode that was asked for --------------------------------------------------------------------------------------


def jacobian_by(
    mode: str,
    f: Function,
    argnums: int | Sequence[int],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    chunk: int | None,
) -> tuple[Any, Plan]:
    """Return the Jacobian in the mode "forward" or "reverse", and the plan that says so."""
    varied = Varied("jacobian", argnums, args)
    if mode == "forward":
        plan = asked(mode, varied.size, None, 1, width(varied.size, chunk))
        return _by_dual_numbers(f, varied, kwargs, chunk, plan)
    recording, y = _recorded(f, varied, kwargs, "jacobian")
    m = int(np.size(y))
    return _swept(recording, y, varied, mode, chunk), asked(mode, varied.size, m, 1, width(m, chunk))


def hessian_by(
    mode: str, f: Function, argnums: int, args: tuple[Any, ...], kwargs: Mapping[str, Any], chunk: int | None
) -> tuple[Any, Plan]:
    """Return the Hessian in the mode "hyperdual" or "forward-over-reverse", and the plan that says so."""
    varied = Varied("hessian", argnums, args)
    n = varied.size
    if mode == "hyperdual" or isinstance(varied.arrays[0], DuckArray):
        return _by_hyper_duals(f, varied, kwargs, chunk, asked("hyperdual", n, None, 2, width(n, chunk, SIDE)))
    recording, y = _recorded(f, varied, kwargs, "hessian")
    return hessian_columns(recording, y, chunk), asked(mode, n, int(np.size(y)), 2, width(n, chunk))


# --- the mode that is chosen ------------------------------------------------------------------------------------------


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
    With one the best of all ways is known at once: the second call records a function of few columns to learn it.
    """
    varied = Varied("jacobian", argnums, args)
    n, before, several = _sizes(varied, before, chunk)
    plan = choose(n) if before is None else choose(n, before.m, work=before.work)
    if any([isinstance(array, DuckArray) for array in varied.arrays]):
        return _by_dual_numbers(f, varied, kwargs, chunk, plan, _OUTER)
    if before is not None and not before.recordable:
        return _by_dual_numbers(f, varied, kwargs, chunk, before, _CHANGED)
    learn = n > FEW and before is not None and before.work is None
    if not n or not (plan.recorded or several or learn):
        return _by_dual_numbers(f, varied, kwargs, n or None, plan)
    recording, y = _recorded(f, varied, kwargs, "jacobian")
    plan = choose(n, int(np.size(y)), work=work_of(recording.tape), recorded=True)
    if recording.tape.boxed:
        plan = replace(plan, mode="reverse", reason=f"{_CAPTURED}, which the rows of a recording carry")
    if chunk is not None:
        plan = replace(plan, chunk=chunk)
    try:
        return _swept(recording, y, varied, plan.mode, plan.chunk), plan
    except errors.ChangedConstant:
        plan = replace(plan, recordable=False)
    return _by_dual_numbers(f, varied, kwargs, chunk, plan, _CHANGED)


def hessian_auto(
    f: Function,
    argnums: int,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    chunk: int | None = None,
    before: Plan | None = None,
) -> tuple[Any, Plan]:
    """Return the Hessian, of shape T + S + S, and the plan by which it was made; ``before`` as in
    :func:`jacobian_auto`, but few columns are never recorded to learn.
    """
    varied = Varied("hessian", argnums, args)
    n, before, several = _sizes(varied, before, chunk)
    plan = choose(n, order=2) if before is None else choose(n, before.m, 2, before.work)
    if isinstance(varied.arrays[0], DuckArray):
        return _by_hyper_duals(f, varied, kwargs, chunk, plan, _OUTER)
    if before is not None and not before.recordable:
        return _by_hyper_duals(f, varied, kwargs, chunk, before, _CHANGED)
    if not n or not (plan.recorded or several):
        return _by_hyper_duals(f, varied, kwargs, n or None, plan)
    recording, y = _recorded(f, varied, kwargs, "hessian")
    plan = choose(n, int(np.size(y)), 2, work_of(recording.tape), recorded=True)
    if recording.tape.boxed:
        return _by_hyper_duals(f, varied, kwargs, chunk, plan, _CAPTURED)
    if not plan.recorded:
        return _by_hyper_duals(f, varied, kwargs, n if chunk is None else chunk, plan)
    if chunk is not None:
        plan = replace(plan, chunk=chunk)
    try:
        return hessian_columns(recording, y, plan.chunk), plan
    except errors.ChangedConstant:
        plan = replace(plan, recordable=False)
    return _by_hyper_duals(f, varied, kwargs, chunk, plan, _CHANGED)


# --- how they are carried ---------------------------------------------------------------------------------------------


def _sizes(varied: Varied, before: Plan | None, chunk: int | None) -> tuple[int, Plan | None, bool]:
    """Return the number of inputs, the earlier plan if it is for as many, and whether the caller wants several chunks:
    on dual numbers f would run for each of them.
    """
    n = varied.size
    return n, None if before is None or before.n != n else before, chunk is not None and len(chunks(n, chunk)) > 1


def _recorded(f: Function, varied: Varied, kwargs: Mapping[str, Any], name: str) -> tuple[Recording, Any]:
    recording = Recording(f, varied.numbers, varied.called_with(varied.arrays), kwargs, name)
    return recording, collected(recording)


def _swept(recording: Recording, y: Any, varied: Varied, mode: str, chunk: int | None) -> Any:
    """Return the Jacobian of a recorded result, of its dtype."""
    dtype = real_dtype(y)
    if not recording.mine(y) or not varied.size or not np.size(y):
        parts = [np.zeros(np.shape(y) + array.shape, dtype) for array in varied.arrays]
    elif mode == "forward":
        return varied.split(jacobian_columns(recording, y, chunk).astype(dtype, copy=False))
    else:
        parts = [part if part.dtype == dtype else part.astype(dtype) for part in jacobian_rows(recording, y, chunk)]
    return parts[0] if varied.single else tuple(parts)


def _by_dual_numbers(
    f: Function, varied: Varied, kwargs: Mapping[str, Any], chunk: int | None, plan: Plan, why: str = ""
) -> tuple[Any, Plan]:
    columns = dual_columns(f, varied, kwargs, chunk)
    return varied.split(columns), _done(plan, "forward", math.prod(columns.shape[:-1]), why)


def _by_hyper_duals(
    f: Function, varied: Varied, kwargs: Mapping[str, Any], chunk: int | None, plan: Plan, why: str = ""
) -> tuple[Any, Plan]:
    found = hessian_blocks(f, varied, kwargs, chunk)
    outputs = found.shape[: found.ndim - 2 * varied.arrays[0].ndim]
    return found, _done(plan, "hyperdual", math.prod(outputs), why)


def _done(plan: Plan, mode: str, m: int, why: str) -> Plan:
    """Return the plan of what was done without a recording, the number of outputs being known now."""
    if why:
        return replace(plan, mode=mode, recorded=False, m=m, reason=why)
    return plan if plan.m == m else replace(plan, m=m)


# --- the plan without the derivative ----------------------------------------------------------------------------------


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
    Costs one recording of ``f``: the costs are predicted from what it did. It is the plan of a function that is called
    again and again; the first calls of :func:`jacobian` and :func:`hessian` have yet to learn what is known here.

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
    n, m, work = varied.size, int(np.size(y)), work_of(recording.tape)
    plan = replace(choose(n, m, order, work), compiling=told(n, m, order, work)[1])
    print(plan)
    return plan
