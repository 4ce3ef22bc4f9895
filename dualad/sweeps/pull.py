"""What one node passes to its operands: its cotangent through the row's rule.

Used by every sweep for nodes that are no scalar operation. Cotangents may have lanes (leading axes) where the rules may;
they are ndarrays in a numeric sweep, and recorded or dual arrays when a derivative is itself differentiated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dualad.ops import formula
from dualad.ops.formula import Const
from dualad.ops.lanes import shape_of, sum_to
from dualad.ops.table import Bilinear, Linear

__all__ = ["pull", "scaled"]


def scaled(partial: Any, g: Any) -> Any:
    """Multiply a cotangent by a partial; one that is zero stays zero whatever the partial is."""
    if isinstance(partial, (float, int)):
        return g if partial == 1 else -g if partial == -1 else partial * g
    if isinstance(g, (float, int)):
        return partial if g == 1 else np.zeros_like(partial) if g == 0 else g * partial
    with np.errstate(all="ignore"):
        zero = g == 0
        if not np.any(zero):
            return partial * g
        return np.where(zero, 0.0, partial * g)


def pull(record: Any, g: Any, primals: Sequence[Any], value: Any) -> Iterator[tuple[int, Any]]:
    """Yield ``(operand number, cotangent)`` for the operands that are nodes.

    ``primals`` and ``value`` are the operands and the result of the node, or what stands for them in a transform.
    ``g`` is the cotangent of the result, a list of them (None where unused) for a node with several results.
    """
    if record.kind == "elementwise":
        yield from _elementwise(record, g, primals, value)
    else:
        yield from _array_row(record, g, primals, value)


def _elementwise(record: Any, g: Any, primals: Sequence[Any], value: Any) -> Iterator[tuple[int, Any]]:
    row = record.row
    cotangents = g if row.outputs > 1 else [g]
    values = value if row.outputs > 1 else (value,)
    bound = dict(zip(formula.symbols_of(row), (*primals, *values), strict=True))
    ndim = len(shape_of(values[0])) if record.shape is None else len(record.shape)
    for i, node in enumerate(record.operands):
        if node < 0:
            continue
        total = None
        for output, g_out in enumerate(cotangents):
            expr = formula.partials(row)[i][output]
            if g_out is None or expr == formula.ZERO or not isinstance(expr, (Const, formula.Symbol, formula.Call)):
                continue
            with np.errstate(all="ignore"):
                partial = expr.value if isinstance(expr, Const) else formula.evaluate(expr, bound)
            term = scaled(partial, g_out)
            total = term if total is None else total + term
        if total is not None:
            yield i, sum_to(total, ndim, shape_of(primals[i]))


def _array_row(record: Any, g: Any, primals: Sequence[Any], value: Any) -> Iterator[tuple[int, Any]]:
    row, plan = record.row, record.plan
    several = isinstance(g, list)
    if isinstance(row, Linear):
        answer = plan.transpose(*_filled(g, record)) if several else plan.transpose(g)
        answers = answer if isinstance(answer, (tuple, list)) else (answer,)
    elif isinstance(row, Bilinear):
        answers = [plan.transpose(i, g, *primals) if node >= 0 else None for i, node in enumerate(record.operands)]
    else:
        answers = plan.vjp(value, primals, tuple(g) if several else g)
    for i, (node, answer) in enumerate(zip(record.operands, answers, strict=True)):
        if node >= 0 and answer is not None:
            yield i, answer


def _filled(g: Sequence[Any], record: Any) -> list[Any]:
    known = next((part, np.ndim(value)) for part, value in zip(g, record.value, strict=True) if part is not None)
    lanes = np.shape(known[0])[: np.ndim(known[0]) - known[1]]
    return [
        np.zeros_like(known[0], shape=lanes + np.shape(value)) if part is None else part
        for part, value in zip(g, record.value, strict=True)
    ]
