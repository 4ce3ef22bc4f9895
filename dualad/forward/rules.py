"""How dual and hyper-dual arrays meet the array rows of the table, indices, and values of an outer derivative.

``lanes`` of an array are its tangents with the lane as first axis: k of them for a dual array; k1, then k2, then k1*k2 of
second order for a hyper-dual one. Linear rules act on all lanes alike; the others add the terms of second order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.levels import fresh_level
from dualad.forward import kernels
from dualad.forward.kernels import Dual, Forward, make
from dualad.ops import formula
from dualad.ops.formula import Const
from dualad.ops.table import TABLE, Bilinear, Elementwise, Linear, Operator, Ruled

__all__ = ["any_duck", "array_row", "generic", "get_item", "lift", "set_item"]


def _carries(x: Any, like: Any) -> bool:
    return isinstance(x, Forward) and x.level == like.level


# --- elementwise rows by NumPy's functions (nested derivatives, formulas without C loops) --------------------------------


def _lead(lanes: Any, ndim: int) -> Any:
    """Return lanes of an operand shaped to broadcast against a result of ``ndim`` axes."""
    inner = lanes.shape[1:]
    return np.reshape(lanes, (lanes.shape[0], *(1,) * (ndim - len(inner)), *inner))


def _scaled(partial: Any, lanes: Any) -> Any:
    """Multiply lanes by a partial; a zero tangent stays zero whatever the partial is."""
    if isinstance(partial, float):
        return lanes if partial == 1.0 else partial * lanes
    zero = lanes == 0
    if not np.any(zero):
        return partial * lanes
    with np.errstate(invalid="ignore"):
        return np.where(zero, 0.0, partial * lanes)


def generic(like: Any, row: Elementwise, given: Sequence[Any], value: Any) -> Any:
    """Return the value with its tangents, partials evaluated by NumPy's functions on whatever the values are."""
    active = [i for i, x in enumerate(given) if _carries(x, like)]
    kernels.refuse_unless_written(row, active, like.k2 > 0)
    primals = [x._primal() if i in active else x for i, x in enumerate(given)]
    values = value if row.outputs > 1 else (value,)
    bound = dict(zip(formula.symbols_of(row), (*primals, *values), strict=True))
    results = []
    with np.errstate(all="ignore"):
        for output, v in enumerate(values):
            if v.dtype.kind != "f":
                results.append(v)
                continue
            ndim = np.ndim(v)
            moved = {i: _lead(given[i]._parts(), ndim) for i in active}
            lanes = _first_order(row, output, moved, bound)
            if lanes is None:
                results.append(like._constant(v))
                continue
            lanes = np.broadcast_to(lanes, (like.lanes, *np.shape(v)))
            if like.k2:
                lanes = _with_second_order(lanes, _second_order(like, row, output, moved, bound), like)
            results.append(make(like, v, np.copy(lanes)))
    return tuple(results) if row.outputs > 1 else results[0]


def _value_of(expr: Any, bound: Mapping[str, Any]) -> Any:
    return expr.value if isinstance(expr, Const) else formula.evaluate(expr, bound)


def _first_order(row: Elementwise, output: int, moved: Mapping[int, Any], bound: Mapping[str, Any]) -> Any:
    total = None
    for i, lanes in moved.items():
        expr = formula.partials(row)[i][output]
        if expr != formula.ZERO:
            term = _scaled(_value_of(expr, bound), lanes)
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
            products = moved[a][:k1, None] * moved[b][None, k1 : k1 + k2]
            total = total + _scaled(partial, products)
    return total


def _with_second_order(lanes: Any, terms: Any, like: Any) -> Any:
    """Add terms of shape (k1, k2) + S to the lanes of second order."""
    first = like.k1 + like.k2
    inner = lanes.shape[1:]
    terms = np.reshape(np.broadcast_to(terms, (like.k1, like.k2, *inner)), (like.k1 * like.k2, *inner))
    return np.concatenate([lanes[:first], lanes[first:] + terms])


# --- array rows ----------------------------------------------------------------------------------------------------------


class _Operands:
    """The operands of a call: which arguments of it may carry derivatives, in the order of the rule."""

    def __init__(self, like: Any, row: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.like, self.row = like, row
        self.args, self.kwargs = list(args), dict(kwargs)
        self.found: list[Any] = []
        names = row.operands
        if names and names[0].startswith("*"):
            self._collect_sequence(names[0][1:])
        else:
            for i, name in enumerate(names):
                if i < len(self.args):
                    self.args[i] = self._take(self.args[i])
                elif name in self.kwargs:
                    self.kwargs[name] = self._take(self.kwargs[name])
        self._refuse_others()

    def _take(self, x: Any) -> Any:
        """Note an operand and return its primal."""
        if isinstance(x, (list, tuple)):
            x = lift(np.array(x, dtype=object)) if _any_carries(x, self.like) else np.asarray(x)
        self.found.append(x)
        return x._primal() if _carries(x, self.like) else x

    def _collect_sequence(self, name: str) -> None:
        if name == "args":
            self.args = [self._take(x) for x in self.args]
        elif self.args:
            self.args[0] = self._take_all(self.args[0])
        else:
            self.kwargs[name] = self._take_all(self.kwargs[name])

    def _take_all(self, sequence: Any) -> Any:
        if isinstance(sequence, Forward):
            return [self._take(x) for x in sequence]
        kind = tuple if isinstance(sequence, tuple) else list
        return kind(self._take_all(x) if isinstance(x, (list, tuple)) and self.row.nested else self._take(x) for x in sequence)

    def _refuse_others(self) -> None:
        for i, x in enumerate(self.args):
            if _any_carries(x, self.like):
                raise errors.DiscreteArgument(errors.discrete_argument(self.row.path, f"number {i + 1}"))
        for name, x in self.kwargs.items():
            if _any_carries(x, self.like):
                raise errors.DiscreteArgument(errors.discrete_argument(self.row.path, name))

    @property
    def primals(self) -> list[Any]:
        """The operands without this derivative."""
        return [x._primal() if _carries(x, self.like) else np.asarray(x) if _is_plain(x) else x for x in self.found]

    def tangents(self, pick: Callable[[Any], Any] = lambda lanes: lanes) -> list[Any]:
        """The lanes of the operands, None for a constant."""
        return [pick(x._parts()) if _carries(x, self.like) else None for x in self.found]

    def filled(self) -> list[Any]:
        """The lanes of the operands, zeros for a constant."""
        return [
            lanes if lanes is not None else np.zeros((self.like.lanes, *np.shape(x)))
            for lanes, x in zip(self.tangents(), self.found, strict=True)
        ]


def _is_plain(x: Any) -> bool:
    return isinstance(x, (int, float, np.generic, list, tuple))


def _any_carries(x: Any, like: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_any_carries(part, like) for part in x)
    return _carries(x, like)


def array_row(like: Any, row: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function of an array row on arrays of this level."""
    operands = _Operands(like, row, args, kwargs)
    value = row.function(*operands.args, **operands.kwargs)
    plan = row.plan(*operands.args, **operands.kwargs)  # type: ignore[attr-defined]
    if isinstance(row, Linear):
        lanes = plan.apply(*operands.filled())
    elif isinstance(row, Bilinear):
        lanes = _product_rule(like, plan, operands)
    elif isinstance(row, Ruled):
        lanes = _ruled_lanes(like, plan, value, operands)
    else:
        raise TypeError(f"the row {row.name!r} is of no kind that arrays know")
    return _wrap(like, value, lanes)


def _wrap(like: Any, value: Any, lanes: Any) -> Any:
    if isinstance(value, (tuple, list)):
        parts = [_wrap(like, v, part) for v, part in zip(value, lanes, strict=True)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if lanes is None:
        return value
    errors.check_real(value.dtype, "this function")
    return make(like, value, lanes)


def _product_rule(like: Any, plan: Any, operands: _Operands) -> Any:
    primals, tangents = operands.primals, operands.tangents()
    total: Any = None
    for i, lanes in enumerate(tangents):
        if lanes is not None:
            term = plan.apply(*primals[:i], lanes, *primals[i + 1 :])
            total = term if total is None else total + term
    if not like.k2:
        return total
    cross: list[Any] = [0.0] * like.k1
    for i, left in enumerate(tangents):
        for j, right in enumerate(tangents):
            if i == j or left is None or right is None:
                continue
            for a in range(like.k1):
                both = list(primals)
                both[i], both[j] = left[a], right[like.k1 : like.k1 + like.k2]
                cross[a] = cross[a] + plan.apply(*both)
    if isinstance(cross[0], float):
        return total
    return _with_second_order(total, np.stack(cross), like)


def _ruled_lanes(like: Any, plan: Any, value: Any, operands: _Operands) -> Any:
    if not like.k2:
        return plan.jvp(value, operands.primals, operands.tangents())
    # A hyper-dual number is a dual number over dual numbers: the rule itself is differentiated in the second directions.
    k1, k2, level = like.k1, like.k2, fresh_level()
    primals = operands.primals
    second = operands.tangents(lambda lanes: lanes[k1 : k1 + k2])
    value_e2 = plan.jvp(value, primals, second)

    def inner(x: Any, lanes: Any) -> Any:
        return x if lanes is None else kernels.rebuild(Dual, level, k2, 0, np.asarray(x), lanes)

    def first(lanes: Any) -> Any:
        e12 = np.reshape(lanes[k1 + k2 :], (k1, k2, *lanes.shape[1:]))
        return inner(lanes[:k1], np.moveaxis(e12, 0, 1))

    dual_primals = [inner(x, lanes) for x, lanes in zip(primals, second, strict=True)]
    dual_value = _zip(inner, value, value_e2)
    answer = plan.jvp(dual_value, dual_primals, operands.tangents(first))

    def joined(e1: Any, e2: Any) -> Any:
        if e1 is None:
            return None
        if isinstance(e1, Dual):
            e12 = np.moveaxis(e1.tangents, 0, 1)
            e1 = e1.value
        else:
            e12 = np.zeros((k1, k2, *e1.shape[1:]))
        return np.concatenate([e1, e2, np.reshape(e12, (k1 * k2, *e1.shape[1:]))])

    return _zip(joined, answer, value_e2)


def _zip(join: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if isinstance(one, (tuple, list)):
        return tuple(join(a, b) for a, b in zip(one, other, strict=True))
    return join(one, other)


# --- indices -------------------------------------------------------------------------------------------------------------


def _plain_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(_plain_index(i) for i in index)
    if isinstance(index, Forward):
        raise errors.DiscreteArgument(errors.discrete_argument("x[i]", "i"))
    return index


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, (int, np.integer, slice, type(None), type(...))) and not isinstance(i, bool) for i in parts)


def get_item(x: Any, index: Any) -> Any:
    """Return ``x[index]``: a view where NumPy gives one."""
    index = _plain_index(index)
    value = x._primal()[index]
    if _is_basic(index):
        lanes = x._parts()[(slice(None), *(index if isinstance(index, tuple) else (index,)))]
    else:
        lanes = TABLE.named("getitem").plan(x._primal(), index).apply(x._parts())  # type: ignore[attr-defined]
    return make(x, value, lanes)


def set_item(x: Any, index: Any, value: Any) -> None:
    """Do ``x[index] = value``, value and lanes."""
    index = _plain_index(index)
    if x._is_scalar:
        raise TypeError("a scalar does not support item assignment")
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        value = lift(np.array(value, dtype=object)) if any_duck(value) else value
    carries = _carries(value, x)
    lanes = value._parts() if carries else None
    primal = value._primal() if carries else value
    held = x._primal()
    if isinstance(held, np.ndarray) and isinstance(primal, Forward):
        raise errors.DerivativeLost(errors.lost_nested("x[...] = value"))
    own = x._parts()
    if carries and value is x:
        lanes, primal = np.copy(lanes), np.copy(primal)
    held[index] = primal
    for lane in range(x.lanes):
        own[lane][index] = 0.0 if lanes is None else lanes[lane]


# --- arrays of objects ---------------------------------------------------------------------------------------------------


def any_duck(x: Any) -> bool:
    if isinstance(x, np.ndarray):
        x = x.ravel().tolist()
    return any(any_duck(part) if isinstance(part, (list, tuple, np.ndarray)) else isinstance(part, Forward) for part in x)


def lift(objects: Any) -> Any:
    """Return an object array whose elements carry derivatives as one array that carries them."""
    if not isinstance(objects, np.ndarray) or objects.dtype != object:
        return objects
    flat = objects.ravel().tolist()
    inside = [x for x in flat if isinstance(x, Forward)]
    if not inside:
        return objects.astype(float)
    like = max(inside, key=lambda x: x.level)
    values = [x._primal() if _carries(x, like) else x for x in flat]
    inner = np.broadcast_shapes(*(np.shape(v) for v in values))
    zero = np.zeros((like.lanes, *inner))
    lanes = [np.broadcast_to(x._parts(), zero.shape) if _carries(x, like) else zero for x in flat]
    shape = objects.shape + inner
    value = _stack(values, inner)
    return make(like, np.reshape(value, shape), np.reshape(np.moveaxis(_stack(lanes, zero.shape), 1, 0), (like.lanes, *shape)))


def _stack(parts: Sequence[Any], shape: tuple[int, ...]) -> Any:
    if any(isinstance(part, Forward) for part in parts):
        return np.stack([np.broadcast_to(part, shape) for part in parts])
    return np.array([np.broadcast_to(part, shape) for part in parts], dtype=float)
