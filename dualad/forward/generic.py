"""Elementwise rules by NumPy's functions: for nested derivatives, and for formulas without C loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dualad.duck.scale import scaled
from dualad.forward.kernels import Forward, make, refuse_unless_written
from dualad.ops import formula
from dualad.ops.formula import Const
from dualad.ops.table import Elementwise

__all__ = ["generic", "with_second_order"]


def generic(like: Any, row: Elementwise, given: Sequence[Any], value: Any) -> Any:
    """Return the value with its tangents, the partials evaluated on whatever the values are."""
    active = [i for i, x in enumerate(given) if isinstance(x, Forward) and x.level == like.level]
    refuse_unless_written(row, active, like.k2 > 0)
    primals = [x._primal() if i in active else x for i, x in enumerate(given)]
    values = value if row.outputs > 1 else (value,)
    bound = dict(zip(formula.symbols_of(row), (*primals, *values), strict=True))
    results = []
    with np.errstate(all="ignore"):
        for output, v in enumerate(values):
            if v.dtype.kind != "f":  # a whole number among the results does not vary
                results.append(v)
                continue
            moved = {i: _lead(given[i]._parts(), np.ndim(v)) for i in active}
            lanes = _first_order(row, output, moved, bound)
            if lanes is None:
                results.append(like._constant(v))
                continue
            lanes = np.copy(np.broadcast_to(lanes, (like.lanes, *np.shape(v))))
            if like.k2:
                lanes = with_second_order(lanes, _second_order(like, row, output, moved, bound), like)
            results.append(make(like, v, lanes))
    return tuple(results) if row.outputs > 1 else results[0]


def _lead(lanes: Any, ndim: int) -> Any:
    """Return lanes of an operand shaped to broadcast against a result of ``ndim`` axes."""
    inner = lanes.shape[1:]
    return np.reshape(lanes, (lanes.shape[0], *(1,) * (ndim - len(inner)), *inner))


def _value_of(expr: Any, bound: Mapping[str, Any]) -> Any:
    return expr.value if isinstance(expr, Const) else formula.evaluate(expr, bound)


def _first_order(row: Elementwise, output: int, moved: Mapping[int, Any], bound: Mapping[str, Any]) -> Any:
    total = None
    for i, lanes in moved.items():
        expr = formula.partials(row)[i][output]
        if expr != formula.ZERO:
            term = scaled(_value_of(expr, bound), lanes)
            total = term if total is None else total + term
    return total


def _second_order(like: Any, row: Elementwise, output: int, moved: Mapping[int, Any], bound: Mapping[str, Any]) -> Any:
    k1, k2 = like.k1, like.k2
    total: Any = 0.0
    for (i, j, o), expr in formula.second(row).items():
        if o != output or i not in moved or j not in moved or expr == formula.ZERO:
            continue
        partial = _value_of(expr, bound)
        for a, b in {(i, j), (j, i)}:
            total = total + scaled(partial, scaled(moved[a][:k1, None], moved[b][None, k1 : k1 + k2]))
    return total


def with_second_order(lanes: Any, terms: Any, like: Any) -> Any:
    """Add terms of shape (k1, k2) + S to the lanes of second order."""
    first = like.k1 + like.k2
    inner = lanes.shape[1:]
    terms = np.reshape(np.broadcast_to(terms, (like.k1, like.k2, *inner)), (like.k1 * like.k2, *inner))
    return np.concatenate([lanes[:first], lanes[first:] + terms])
