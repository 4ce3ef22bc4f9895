"""Formulas written on a tape with what is constant folded away: ``1*x``, ``x**1``, a branch that is known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.ops import formula
from dualad.ops.formula import Call, Const, Expr, Symbol
from dualad.ops.lanes import shape_of
from dualad.ops.table import TABLE
from dualad.reverse.kernels import Recorded

__all__ = ["folded"]


def folded(expr: Any, bound: Mapping[str, Any]) -> Any:
    """Return the value of a partial, None where it is zero or has no meaning."""
    match expr:
        case Const(number):
            return None if number == 0.0 else number
        case Symbol(name):
            return bound[name]
        case Call():
            pass
        case _:
            return None
    with np.errstate(all="ignore"):
        return _Folding(bound).value(expr)


class _Folding:
    """The values of the parts of one formula, each written once."""

    def __init__(self, bound: Mapping[str, Any]) -> None:
        self.bound = bound
        self.known: dict[Any, Any] = {}

    @cached_property
    def varies(self) -> set[str]:
        """The names of what is no constant."""
        return {name for name, x in self.bound.items() if isinstance(x, DuckArray)}

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of the partial."""
        return np.broadcast_shapes(*(shape_of(x) for x in self.bound.values() if x is not None))

    def value(self, e: Expr) -> Any:
        """Return the value of a part."""
        match e:
            case Const(number):
                return int(number) if number.is_integer() else number
            case Symbol(name):
                return self.bound[name]
        key = (e.name, e.args)
        if key not in self.known:
            if e.name == "where":
                self.known[key] = self._where(*e.args)
            else:
                self.known[key] = _call(e.name, [self.value(part) for part in e.args])
        found = self.known[key]
        return found[e.output] if isinstance(found, tuple) else found

    def _where(self, condition: Expr, yes: Expr, no: Expr) -> Any:
        if not formula.names_in(condition) & self.varies and np.ndim(self.value(condition)) == 0:
            return self.value(yes if self.value(condition) else no)
        branches = self.value(yes), self.value(no)
        if _same(*branches) and shape_of(branches[0]) == self.shape:
            return branches[0]
        return np.where(self.value(condition), *branches)


def _call(name: str, args: list[Any]) -> Any:
    match name, args:
        case ("multiply", [left, right]) if _is(left, 1) or _is(right, 1):
            return right if _is(left, 1) else left
        case ("power" | "float_power" | "divide", [x, y]) if _is(y, 1) and isinstance(x, DuckArray):
            return x
        case ("power" | "float_power", [x, y]) if _is(y, 0):
            return np.ones(shape_of(x))[()]
        case ("add", [left, right]) if _is(left, 0) or _is(right, 0):
            return right if _is(left, 0) else left
        case "subtract", [left, right] if _is(right, 0):
            return left
    return getattr(np, name)(*args) if name in formula.COMPARISONS else TABLE.named(name).call(tuple(args))


def _is(x: Any, number: float) -> bool:
    return isinstance(x, (int, float, np.number)) and not isinstance(x, bool) and bool(x == number)


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are one node; shared nodes make the same operation one node."""
    if isinstance(one, Recorded) and isinstance(other, Recorded):
        return one.level == other.level and one._operand(False) == other._operand(False)
    return one is other
