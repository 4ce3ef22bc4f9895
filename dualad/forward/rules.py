"""How dual and hyper-dual arrays meet the array rows of the table.

``lanes`` of an array are its tangents with the lane as first axis: k of them for a dual array; k1, then k2, then k1*k2 of
second order for a hyper-dual one. Linear rules act on all lanes alike; the others add the terms of second order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.levels import fresh_level
from dualad.forward.generic import with_second_order
from dualad.forward.indexing import any_forward, lift
from dualad.forward.kernels import Dual, Forward, make, rebuild
from dualad.ops.table import Bilinear, Linear, Operator

__all__ = ["array_row"]


# --- the operands of a call ----------------------------------------------------------------------------------------------


class _Call:
    """A call with its operands found: which arguments may carry derivatives, in the order of the rule.

    ``args`` and ``kwargs`` are the call without this derivative; ``primals`` and ``tangents`` are those of the operands,
    a tangent None for an operand that does not vary.
    """

    __slots__ = ("args", "kwargs", "level", "primals", "tangents")

    def __init__(self, level: int, row: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.level = level
        self.primals: list[Any] = []
        self.tangents: list[Any] = []
        names = row.operands
        rest = dict(kwargs)
        if not names[0].startswith("*"):
            count = len(names)
            self.args = [self._take(x) for x in args[:count]]
            self.args += args[count:]
            self.kwargs = rest
            for name in names[len(args) :]:
                if name in rest:
                    rest[name] = self._take(rest[name])
            loose = (*args[count:], *(value for name, value in rest.items() if name not in names))
        elif row.variadic:
            self.args, self.kwargs = [self._take(x) for x in args], rest
            loose = tuple(rest.values())
        else:
            name = names[0][1:]
            sequence = args[0] if args else rest.pop(name)
            kept = [self._take(x) for x in sequence]
            self.args, self.kwargs = [tuple(kept) if isinstance(sequence, tuple) else kept, *args[1:]], rest
            loose = (*args[1:], *rest.values())
        if any(_varies(x, level) for x in loose):
            self._refuse(row, args, kwargs)

    def _take(self, x: Any) -> Any:
        """Note an operand and return its primal."""
        if isinstance(x, Forward) and x.level == self.level:
            primal = x._primal()
            self.tangents.append(x._parts())
        else:
            if isinstance(x, (list, tuple)) and any_forward(x):
                return self._take(lift(np.array(x, dtype=object)))
            primal = x if x is None or isinstance(x, str) or hasattr(x, "shape") else np.asarray(x)
            self.tangents.append(None)
        self.primals.append(primal)
        return primal

    def _refuse(self, row: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        named = {f"number {i + 1}": x for i, x in enumerate(args) if i >= len(row.operands)} | dict(kwargs)
        name = next(name for name, x in named.items() if name not in row.operands and _varies(x, self.level))
        raise errors.DiscreteArgument(errors.discrete_argument(row.path, name))

    def filled(self, lanes: int) -> list[Any]:
        """The tangents, zeros for an operand that does not vary."""
        pairs = zip(self.primals, self.tangents, strict=True)
        return [np.zeros((lanes, *np.shape(x))) if t is None else t for x, t in pairs]


def _varies(x: Any, level: int) -> bool:
    if isinstance(x, (list, tuple)):
        return any(_varies(part, level) for part in x)
    return isinstance(x, Forward) and x.level == level


# --- rules ---------------------------------------------------------------------------------------------------------------


def array_row(like: Any, row: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function of an array row on arrays of this level."""
    call = _Call(like.level, row, args, kwargs)
    value = row.call(call.args, call.kwargs)
    call.kwargs.pop("dtype", None)
    with np.errstate(all="ignore"):
        plan = row.plan(*call.args, **call.kwargs)  # type: ignore[attr-defined]
        if isinstance(row, Linear):
            lanes = plan.apply(*(call.tangents if len(call.tangents) == 1 else call.filled(like.lanes)))
        elif isinstance(row, Bilinear):
            lanes = _product_rule(like, plan, call)
        else:
            lanes = _ruled_lanes(like, plan, value, call)
    return _result(like, value, lanes, call)


def _result(like: Any, value: Any, lanes: Any, call: _Call) -> Any:
    if isinstance(value, (tuple, list)):
        parts = [_result(like, v, part, call) for v, part in zip(value, lanes, strict=True)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if lanes is None:
        return value
    if isinstance(value, float) and not isinstance(value, np.floating):
        value = np.float64(value)
    errors.check_real(value.dtype, "this function")
    if _base(value) is not value or _base(lanes) is not lanes or any(lanes is t for t in call.tangents):
        value, lanes = _alike(value, lanes, call)
    return make(like, value, lanes)


def _base(x: Any) -> Any:
    """Return the array that owns the memory of ``x``."""
    while isinstance(x, Forward):
        x = x._primal()
    base = getattr(x, "base", None)
    return x if base is None else base


def _alike(value: Any, lanes: Any, call: _Call) -> tuple[Any, Any]:
    """Make lanes a view where the value is one, so that assignment reaches the same elements of both."""
    of_value = any(_base(value) is _base(x) for x in call.primals)
    of_lanes = any(_base(lanes) is _base(t) for t in call.tangents if t is not None)
    if of_lanes and not of_value:
        return value, np.copy(lanes)
    if of_value and not of_lanes and isinstance(value, np.ndarray):
        # The lanes lie in another order than the value and had to be copied: what cannot be right must not be written.
        value = value[...]
        value.setflags(write=False)
    return value, lanes


def _product_rule(like: Any, plan: Any, call: _Call) -> Any:
    total: Any = None
    for i, lanes in enumerate(call.tangents):
        if lanes is not None:
            term = plan.apply(*call.primals[:i], lanes, *call.primals[i + 1 :])
            total = term if total is None else total + term
    if not like.k2:
        return total
    cross: list[Any] = [None] * like.k1
    for i, left in enumerate(call.tangents):
        for j, right in enumerate(call.tangents):
            if i == j or left is None or right is None:
                continue
            for a in range(like.k1):
                both = list(call.primals)
                both[i], both[j] = left[a], right[like.k1 : like.k1 + like.k2]
                term = plan.apply(*both)
                cross[a] = term if cross[a] is None else cross[a] + term
    return total if cross[0] is None else with_second_order(total, np.stack(cross), like)


def _ruled_lanes(like: Any, plan: Any, value: Any, call: _Call) -> Any:
    if not like.k2:
        return plan.jvp(value, call.primals, call.tangents)
    # A hyper-dual number is a dual number over dual numbers: the rule itself is differentiated in the second directions.
    k1, k2, level = like.k1, like.k2, fresh_level()
    second = [None if lanes is None else lanes[k1 : k1 + k2] for lanes in call.tangents]
    value_e2 = plan.jvp(value, call.primals, second)

    def inner(x: Any, lanes: Any) -> Any:
        return x if lanes is None else rebuild(Dual, level, k2, 0, x, lanes)

    def first(lanes: Any) -> Any:
        if lanes is None:
            return None
        e12 = np.reshape(lanes[k1 + k2 :], (k1, k2, *lanes.shape[1:]))
        return inner(lanes[:k1], np.moveaxis(e12, 0, 1))

    dual_primals = [inner(x, lanes) for x, lanes in zip(call.primals, second, strict=True)]
    answer = plan.jvp(_zip(inner, value, value_e2), dual_primals, [first(lanes) for lanes in call.tangents])

    def together(e1: Any, e2: Any) -> Any:
        if e1 is None:
            return None
        if isinstance(e1, Forward) and e1.level == level:
            e12 = np.moveaxis(e1._parts(), 0, 1)
            e1 = e1._primal()
        else:
            e12 = np.zeros((k1, k2, *e1.shape[1:]))
        return np.concatenate([e1, e2, np.reshape(e12, (k1 * k2, *e1.shape[1:]))])

    return _zip(together, answer, value_e2)


def _zip(join: Callable[[Any, Any], Any], one: Any, other: Any) -> Any:
    if isinstance(one, (tuple, list)):
        return tuple(join(a, b) for a, b in zip(one, other, strict=True))
    return join(one, other)
