"""Formulas as lists of parts, for the walks over scalar nodes in C."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from dualad.ops import settle
from dualad.ops.formula import COMPARISONS, ZERO, Call, Const, Expr, Symbol, symbols_of
from dualad.ops.table import TABLE, Elementwise
from dualad.reverse.pull import written

__all__ = ["CHOICE", "COMPARISON", "CONSTANT", "OPERATION", "SYMBOL", "exponent_of", "parts_of"]

CONSTANT, SYMBOL, OPERATION, COMPARISON, CHOICE = range(5)
_ORDER: Final = ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal")

Part = tuple[int, Any, tuple[int, ...], float, int]


@cache
def exponent_of(row: Elementwise) -> int:
    """Return the argument that is worth settling where it is a number, or -1."""
    return settle.exponent(row)


def parts_of(row: Elementwise, i: int, settled: float | None) -> list[Part] | None:
    """Return the parts of a first partial, operands first: ``(kind, which, arguments, number, symbols)``.

    ``settled`` is a number that stands for the exponent of the row. A partial that is zero or has no meaning has no
    parts; one with a part that no scalar node can hold is None.
    """
    expr = written(row, i)[0]
    if settled is not None and isinstance(expr, (Const, Symbol, Call)):
        expr = settle.settle(expr, row.args[exponent_of(row)], settled)
    if expr == ZERO or not isinstance(expr, (Const, Symbol, Call)):
        return []
    work = _Listing(symbols_of(row))
    try:
        work.place(expr)
    except _NoScalar:
        return None
    return work.parts


class _NoScalar(Exception):  # a message inside this room
    """A formula has a part that no scalar node can hold."""


class _Listing:
    def __init__(self, symbols: tuple[str, ...]) -> None:
        self.symbols = symbols
        self.parts: list[Part] = []
        self.places: dict[Expr, int] = {}

    def place(self, e: Expr) -> int:
        """Return the number of a part, having listed it and what it is made of."""
        if e not in self.places:
            part = self.part(e)
            self.places[e] = len(self.parts)
            self.parts.append(part)
        return self.places[e]

    def part(self, e: Expr) -> Part:
        match e:
            case Const(number):
                return CONSTANT, 0, (), number, 0
            case Symbol(name):
                which = self.symbols.index(name)
                return SYMBOL, which, (), 0.0, 1 << which
        args = tuple(map(self.place, e.args))
        symbols = 0
        for arg in args:
            symbols |= self.parts[arg][4]
        if e.name == "where":
            return CHOICE, 0, args, 0.0, symbols
        if e.name in COMPARISONS:
            return COMPARISON, _ORDER.index(e.name), args, 0.0, symbols
        row = TABLE.named(e.name)
        if e.output or not isinstance(row, Elementwise):
            raise _NoScalar(e.name)
        return OPERATION, row, args if len(args) > 1 else (*args, -1), 0.0, symbols
