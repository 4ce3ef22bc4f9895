"""What one node passes to its operands, or receives from them, by the rule of its row.

Used by every sweep and transform for nodes that are no scalar operation. Tangents and cotangents may have lanes
(leading axes) where the rules may; they are ndarrays in a numeric sweep, and arrays that carry derivatives when a
derivative is itself differentiated or written on a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.scale import scaled
from dualad.ops import formula, settle
from dualad.ops.formula import Call, Const, Symbol
from dualad.ops.lanes import grow, lane_shape, shape_of, sum_to
from dualad.ops.table import Bilinear, Elementwise, Linear, Todo

__all__ = ["Evaluate", "Times", "partial_of", "pull", "push", "settled", "written"]

Times = Callable[[Any, Any], Any]
Evaluate = Callable[[Any, Mapping[str, Any]], Any]


def written(row: Elementwise, i: int) -> Sequence[Any]:
    """Return the partials of a row in one argument, one for each output, or raise the sentence for one that is not
    written.
    """
    rules: Sequence[Any] = formula.partials(row)[i]
    for mark in rules:
        if isinstance(mark, Todo):
            raise errors.NotWritten(errors.not_written(row.name, row.args[i], mark.reason))
    return rules


def settled(row: Elementwise, i: int, primals: Sequence[Any]) -> Sequence[Any]:
    """Return the partials of a row in one argument; with a small whole exponent they are products."""
    place = settle.exponent(row)
    if place >= 0 and type(primals[place]) in (int, float) and primals[place] in _WHOLE:
        written(row, i)
        return _with_exponent(row, i, float(primals[place]))
    return written(row, i)


_WHOLE = frozenset(range(-3, 5))


@cache
def _with_exponent(row: Elementwise, i: int, number: float) -> Sequence[Any]:
    name = row.args[settle.exponent(row)]
    rules = formula.partials(row)[i]
    return [settle.settle(e, name, number) if isinstance(e, (Const, Symbol, Call)) else e for e in rules]


def _quiet() -> Any:
    """No warnings of NumPy's: those of the value have been given. (Never around a ``yield``: it would leak.)"""
    return np.errstate(all="ignore")


def partial_of(expr: Any, bound: Mapping[str, Any]) -> Any:
    """Return the value of a partial, None where it is zero or has no meaning."""
    if expr == formula.ZERO or not isinstance(expr, (Const, Symbol, Call)):
        return None
    with np.errstate(all="ignore"):
        return expr.value if isinstance(expr, Const) else formula.evaluate(expr, bound)


def pull(
    record: Any,
    g: Any,
    primals: Sequence[Any],
    value: Any,
    plan: Any = None,
    times: Times = scaled,
    evaluate: Evaluate = partial_of,
    varies: Callable[[int], bool] | None = None,
) -> Iterator[tuple[int, Any]]:
    """Yield ``(operand number, cotangent)`` for the operands that are nodes, or those of them that vary.

    ``primals``, ``value`` and ``plan`` are those of the node, or what stands for them in a transform. ``g`` is the
    cotangent of the result, a list of them (None where unused) for a node with several results. ``times`` and
    ``evaluate`` are how a partial is multiplied and evaluated.
    """
    if record.kind == "elementwise":
        yield from _pull_elementwise(record, g, primals, value, times, evaluate)
    else:
        yield from _pull_row(record, g, primals, value, plan if plan is not None else record.plan, varies)


def push(
    record: Any,
    tangents: Sequence[Any],
    primals: Sequence[Any],
    value: Any,
    plan: Any = None,
    times: Times = scaled,
    evaluate: Evaluate = partial_of,
) -> Any:
    """Return the tangent of the result (several: a sequence) from those of the operands, None for
    what does not vary.
    """
    if all(t is None for t in tangents):
        return None
    with _quiet():
        if record.kind == "elementwise":
            return _push_elementwise(record, tangents, primals, value, times, evaluate)
        return _push_row(record, tangents, primals, value, plan if plan is not None else record.plan)


# --- elementwise rows -------------------------------------------------------------------------------------------------


def _bound(record: Any, primals: Sequence[Any], value: Any) -> dict[str, Any]:
    values = value if record.row.outputs > 1 else (value,)
    return dict(zip(formula.symbols_of(record.row), (*primals, *values), strict=True))


def _result_shape(record: Any, value: Any) -> tuple[int, ...]:
    return shape_of(value[0]) if record.shape is None else record.shape


def _pull_elementwise(
    record: Any, g: Any, primals: Sequence[Any], value: Any, times: Times, evaluate: Evaluate
) -> Iterator[tuple[int, Any]]:
    bound = _bound(record, primals, value)
    ndim = len(_result_shape(record, value))
    for i in range(len(record.operands)):
        if not record.active >> i & 1:
            continue
        total = None
        with _quiet():
            for g_out, expr in zip(g if record.row.outputs > 1 else [g], settled(record.row, i, primals), strict=True):
                partial = None if g_out is None else evaluate(expr, bound)
                if partial is not None:
                    term = times(partial, g_out)
                    total = term if total is None else total + term
            if total is not None:
                total = sum_to(total, ndim, shape_of(primals[i]))
        if total is not None:
            yield i, total


def _push_elementwise(
    record: Any, tangents: Sequence[Any], primals: Sequence[Any], value: Any, times: Times, evaluate: Evaluate
) -> Any:
    bound = _bound(record, primals, value)
    shape = _result_shape(record, value)
    totals: list[Any] = [None] * record.row.outputs
    for i, t in enumerate(tangents):
        if t is None or not record.active >> i & 1:
            continue
        moved = grow(t, len(shape_of(primals[i])), len(shape))
        for output, expr in enumerate(settled(record.row, i, primals)):
            partial = evaluate(expr, bound)
            if partial is not None:
                term = times(partial, moved)
                totals[output] = term if totals[output] is None else totals[output] + term
    wide = [None if total is None else _spread(total, shape) for total in totals]
    return wide if record.row.outputs > 1 else wide[0]


def _spread(t: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast a tangent to the shape of the result, lanes kept."""
    lanes = lane_shape(t, len(shape))
    return t if shape_of(t) == lanes + shape else np.broadcast_to(t, lanes + shape)


# --- rows of arrays ---------------------------------------------------------------------------------------------------


def _pull_row(
    record: Any, g: Any, primals: Sequence[Any], value: Any, plan: Any, varies: Callable[[int], bool] | None
) -> Iterator[tuple[int, Any]]:
    several = isinstance(g, list)
    with _quiet():
        if isinstance(record.row, Linear):
            answer = plan.transpose(*_filled(g, record.value)) if several else plan.transpose(g)
            answers = answer if isinstance(answer, (tuple, list)) else (answer,)
        elif isinstance(record.row, Bilinear):
            wanted = [node >= 0 and (varies is None or varies(node)) for node in record.operands]
            answers = [plan.transpose(i, g, *primals) if want else None for i, want in enumerate(wanted)]
        else:
            answers = plan.vjp(value, primals, tuple(g) if several else g)
    for i, (node, answer) in enumerate(zip(record.operands, answers, strict=True)):
        if node >= 0 and answer is not None:
            yield i, answer


def _filled(parts: Sequence[Any], likes: Sequence[Any]) -> list[Any]:
    """Put zeros, with the lanes of the others, in place of None."""
    known, ndim = next((part, len(shape_of(like))) for part, like in zip(parts, likes, strict=True) if part is not None)
    lanes = lane_shape(known, ndim)
    return [
        np.zeros_like(known, shape=lanes + shape_of(like), dtype=getattr(like, "dtype", None)) if part is None else part
        for part, like in zip(parts, likes, strict=True)
    ]


def _push_row(record: Any, tangents: Sequence[Any], primals: Sequence[Any], value: Any, plan: Any) -> Any:
    if isinstance(record.row, Linear):
        return plan.apply(*_filled(tangents, primals))
    if isinstance(record.row, Bilinear):
        total = None
        for i, t in enumerate(tangents):
            if t is not None:
                term = plan.apply(*primals[:i], t, *primals[i + 1 :])
                total = term if total is None else total + term
        return total
    return plan.jvp(value, primals, list(tangents))
