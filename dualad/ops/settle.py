"""Formulas with a number put in for an argument: a power with a plain exponent needs multiplications only.

The value of a row is NumPy's in any case. What changes is how its partials are computed: ``y*power(x, y - 1)`` at
y = 2 is ``2*x``, which costs a hundredth of a general power.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from dualad.ops.formula import COMPARISONS, ONE, Call, Const, Expr, Symbol, call, names_in, partials
from dualad.ops.table import Elementwise

__all__ = ["NUMBERS", "exponent", "settle"]

NUMBERS: Final = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 4.0)
"""The numbers that are put in: for any other a formula would be lowered anew, and kept, with little gain."""

_POWERS: Final = ("power", "float_power")
_COMPARE: Final = {
    "less": float.__lt__, "less_equal": float.__le__, "greater": float.__gt__, "greater_equal": float.__ge__,
    "equal": float.__eq__, "not_equal": float.__ne__,
}  # fmt: skip


@cache
def exponent(row: Elementwise) -> int:
    """Return the argument that is an exponent in the row's formulas and is worth settling, or -1."""

    def of(e: object) -> set[str]:
        if not isinstance(e, Call):
            return set()
        here = names_in(e.args[1]) if e.name in _POWERS else set()
        return here.union(*map(of, e.args))

    found = set().union(*(of(e) for by_output in partials(row) for e in by_output)) & set(row.args)
    return row.args.index(found.pop()) if len(found) == 1 else -1


def settle(e: Expr, name: str, number: float) -> Expr:
    """Return a formula with ``number`` put in for the argument ``name``, and what then is known worked out."""
    known: dict[Expr, Expr] = {}

    def put(e: Expr) -> Expr:
        if e not in known:
            match e:
                case Symbol(found):
                    known[e] = Const(number) if found == name else e
                case Call(function, args, output):
                    known[e] = _simpler(function, tuple(map(put, args)), output)
                case _:
                    known[e] = e
        return known[e]

    return put(e)


def _simpler(function: str, args: tuple[Expr, ...], output: int) -> Expr:
    match function, args:
        case "where", (Const(condition), yes, no):
            return yes if condition else no
        case _, (Const(left), Const(right)) if function in COMPARISONS:
            return Const(float(_COMPARE[function](left, right)))
        case (("power" | "float_power"), (base, Const(number))) if abs(number) <= 5 and (2 * number).is_integer():
            return _power(base, number)
    return call(function, *args, output=output)


def _power(base: Expr, number: float) -> Expr:
    """Return a power as a product of like factors: what lies between the first and the last of them is no larger."""
    if not number.is_integer():
        # A power knows no negative zero here: (-0.0)**-0.5 is inf, where 1/sqrt(-0.0) would be -inf.
        base, number = call("sqrt", Call("add", (base, Const(0.0)))), 2 * number
    factor = base if number >= 0 else call("divide", ONE, base)
    product: Expr = ONE
    for _ in range(int(abs(number))):
        product = call("multiply", product, factor)
    return product
