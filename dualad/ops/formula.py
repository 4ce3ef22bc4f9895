"""Formulas: small expressions over the table, read from text, differentiated, and evaluated.

The language is Python's arithmetic, comparisons, calls of elementwise rows by name, the row's arguments, ``v`` for its
value (``v0``, ``v1``, ... for several outputs), ``f(x)[i]`` for one of several outputs, ``where(c, a, b)`` and the
constants ``pi``, ``e``, ``inf`` and ``euler_gamma``. Because each call is itself a row, a formula can be differentiated
by the table, and second partials are derived, never typed.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo

__all__ = ["COMPARISONS", "Call", "Const", "Expr", "Symbol", "differentiate", "evaluate", "parse", "partials", "second"]


@dataclass(frozen=True)
class Const:
    """A number."""

    value: float


@dataclass(frozen=True)
class Symbol:
    """An argument of the row, or its value ``v``."""

    name: str


@dataclass(frozen=True)
class Call:
    """An operator applied to expressions; ``output`` picks one of several results."""

    name: str
    args: tuple[Expr, ...]
    output: int = 0

    def __post_init__(self) -> None:
        # Second partials share deep subtrees: without a kept hash, looking one up would walk it each time.
        object.__setattr__(self, "_hash", hash((self.name, self.args, self.output)))

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined, no-any-return]


Expr = Const | Symbol | Call

ZERO: Final = Const(0.0)
ONE: Final = Const(1.0)
CONSTANTS: Final = {"pi": math.pi, "e": math.e, "inf": math.inf, "nan": math.nan, "euler_gamma": float(np.euler_gamma)}
_BINARY: Final = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
}  # fmt: skip
_COMPARE: Final = {
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal", ast.Eq: "equal",
    ast.NotEq: "not_equal",
}  # fmt: skip
COMPARISONS: Final = frozenset(_COMPARE.values())


# --- reading ---------------------------------------------------------------------------------------------------------


def parse(text: str, symbols: tuple[str, ...]) -> Expr:
    """Read a formula in which ``symbols`` are the names that may occur."""
    return _read(ast.parse(text, mode="eval").body, symbols, text)


def _read(node: ast.AST, symbols: tuple[str, ...], text: str) -> Expr:
    def read(part: ast.AST) -> Expr:
        return _read(part, symbols, text)

    match node:
        case ast.Constant(value=int() | float() as number):
            return Const(float(number))
        case ast.Name(id=name) if name in symbols:
            return Symbol(name)
        case ast.Name(id=name) if name in CONSTANTS:
            return Const(CONSTANTS[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return call("negative", read(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() as exponent)) if 2 <= exponent <= 4:
            base = read(left)
            square = call("multiply", base, base)
            return {2: square, 3: call("multiply", square, base), 4: call("multiply", square, square)}[exponent]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return call(_BINARY[type(sign)], read(left), read(right))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return Call(_COMPARE[type(sign)], (read(left), read(right)))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return call(name, *(read(part) for part in args))
        case ast.Subscript(value=ast.Call(func=ast.Name(id=name), args=args), slice=ast.Constant(value=int() as item)):
            return Call(name, tuple(read(part) for part in args), item)
    raise ValueError(f"the formula {text!r} has a part that the language lacks: {ast.unparse(node)!r}")


def names_in(expr: Any) -> set[str]:
    """Return the names of arguments and values that a formula uses; none for a mark of "no derivative"."""
    match expr:
        case Symbol(name):
            return {name}
        case Call(_, args):
            return set().union(*map(names_in, args))
    return set()


# --- building, with the simplifications that keep derived formulas small ---------------------------------------------

_FOLD: Final[Mapping[str, Callable[..., float]]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "negative": operator.neg,
}  # fmt: skip


def call(name: str, *args: Expr, output: int = 0) -> Expr:
    """Build ``name(*args)``, folding constants and dropping zeros and ones."""
    if name in _FOLD and all(isinstance(arg, Const) for arg in args):
        return Const(_FOLD[name](*(arg.value for arg in args)))  # type: ignore[union-attr]
    match name, args:
        case ("add", (Const(0.0), rest)) | ("add" | "subtract", (rest, Const(0.0))):
            return rest
        case "multiply", (Const(0.0), _) | (_, Const(0.0)):
            return ZERO
        case ("multiply", (Const(1.0), rest)) | ("multiply" | "divide", (rest, Const(1.0))):
            return rest
        case ("multiply", (Const(-1.0), rest)) | ("multiply", (rest, Const(-1.0))) | ("subtract", (Const(0.0), rest)):
            return call("negative", rest)
        case "divide", (Const(0.0), _):
            return ZERO
        case "negative", (Call("negative", (rest,)),):
            return rest
        case "add", (left, Call("negative", (rest,))):
            return call("subtract", left, rest)
        case "where", (_, yes, no) if yes == no:
            return yes
        case "add" | "subtract", (Call("add" | "subtract" as inner, (rest, Const(first))), Const(then)):
            # n - 1 + 1 is n: orders that are moved up and down again are one and the same call.
            total = (first if inner == "add" else -first) + (then if name == "add" else -then)
            return call("add", rest, Const(total)) if total >= 0.0 else Call("subtract", (rest, Const(-total)))
        case "add" | "subtract", (left, right):
            merged = _merged(left, right, 1.0 if name == "add" else -1.0)
            if merged is not None:
                return merged
    return Call(name, args, output)


def _merged(left: Expr, right: Expr, sign: float) -> Expr | None:
    """Return ``left + sign*right`` where its like terms leave one term or a number, as in ``(1 - x) - (1 + x)``.

    The derivative of a product such as ``(1 - x)*(1 + x)`` ends in such a sum, which would lose its digits near 0.
    Longer sums are left as they are written, because another order could lose digits that the author has kept.
    """
    terms: dict[Expr, float] = {}
    count = _collect(left, 1.0, terms) + _collect(right, sign, terms)
    rest = [(term, factor) for term, factor in terms.items() if factor != 0.0]
    if count > 6 or count == len(terms) or len(rest) > 1:
        return None
    if not rest:
        return ZERO
    term, factor = rest[0]
    return Const(factor) if term == ONE else call("multiply", Const(factor), term)


def _collect(e: Expr, factor: float, terms: dict[Expr, float]) -> int:
    """Add the terms of a sum to ``terms``, each with its factor, and return how many there were."""
    match e:
        case Call("add" | "subtract" as name, (left, right)) if len(terms) < 6:
            return _collect(left, factor, terms) + _collect(right, factor if name == "add" else -factor, terms)
        case Call("negative", (inner,)):
            return _collect(inner, -factor, terms)
        case Call("multiply", (Const(number), inner)) | Call("multiply", (inner, Const(number))):
            return _collect(inner, factor * number, terms)
        case Const(number):
            e, factor = ONE, factor * number
    terms[e] = terms.get(e, 0.0) + factor
    return 1


# --- differentiating -------------------------------------------------------------------------------------------------


class Underived(Exception):  # it is a message between formulas, which no user meets
    """A derivative was asked through a ``NoTangent`` or a ``Todo``; ``args[0]`` is that mark."""


def symbols_of(row: Elementwise) -> tuple[str, ...]:
    """Return the names that a row's formulas may use: its arguments and its values."""
    return row.args + (("v",) if row.outputs == 1 else tuple(f"v{o}" for o in range(row.outputs)))


@cache
def partials(row: Elementwise) -> tuple[tuple[Expr | Todo | Any, ...], ...]:
    """Return ``[argument][output]`` partials of a row as expressions, or its marks of "no derivative"."""
    names = symbols_of(row)
    return tuple(tuple(parse(p, names) if isinstance(p, str) else p for p in by_output) for by_output in row.partials)


def _partial(row: Elementwise, arg: int, output: int) -> Expr:
    found = partials(row)[arg][output]
    if found is NoTangent or isinstance(found, Todo):
        raise Underived(found)
    return found


@cache
def second(row: Elementwise) -> Mapping[tuple[int, int, int], Expr | Todo | Any]:
    """Return the second partials ``(i, j, output)``, ``j <= i``, derived from the first through the table.

    A mixed partial is derived in the order of differentiation that gives the smaller formula, or that is known at all.
    """
    derived: dict[tuple[int, int, int], Expr | Todo | Any] = {}
    for output in range(row.outputs):
        for i in range(len(row.args)):
            for j in range(i + 1):
                derived[i, j, output] = _mixed(row, i, j, output)
    return derived


def _mixed(row: Elementwise, i: int, j: int, output: int) -> Expr | Todo | Any:
    marks = {row.partials[i][output], row.partials[j][output]}
    if NoTangent in marks:
        return NoTangent
    found: list[Expr] = []
    refused: list[Any] = []
    for first, then in dict.fromkeys([(i, j), (j, i)]):
        try:
            found.append(differentiate(_partial(row, first, output), row, then))
        except Underived as mark:
            refused.append(mark.args[0])
    return min(found, key=_size) if found else refused[0]


def _size(expr: Expr) -> int:
    """Return the number of different calls in a formula."""
    seen: set[Expr] = set()
    todo: list[Expr] = [expr]
    while todo:
        e = todo.pop()
        if isinstance(e, Call) and e not in seen:
            seen.add(e)
            todo.extend(e.args)
    return len(seen)


def differentiate(expr: Expr, row: Elementwise, arg: int) -> Expr:
    """Return the derivative of a formula of ``row`` in its argument number ``arg``."""
    names = symbols_of(row)
    known: dict[Expr, Expr] = {}

    def rate(e: Expr) -> Expr:
        if e not in known:
            known[e] = fresh(e)
        return known[e]

    def fresh(e: Expr) -> Expr:
        match e:
            case Const():
                return ZERO
            case Symbol(name):
                place = names.index(name) - len(row.args)
                return _partial(row, arg, place) if place >= 0 else Const(float(name == row.args[arg]))
            case Call("where", (condition, yes, no)):
                return call("where", condition, rate(yes), rate(no))
            case Call(name) if name in COMPARISONS:
                return ZERO
        return _through(e)

    def _through(e: Call) -> Expr:
        total: Expr = ZERO
        inner = TABLE.named(e.name)
        if not isinstance(inner, Elementwise):
            raise TypeError(f"a formula of {row.name!r} calls {e.name!r}, which is no elementwise row")
        for i, part in enumerate(e.args):
            slope = rate(part)
            if slope != ZERO:
                factor = substitute(_partial(inner, i, e.output), inner, e)
                total = call("add", total, call("multiply", factor, slope))
        return total

    return rate(expr)


def substitute(expr: Expr, row: Elementwise, at: Call) -> Expr:
    """Return a formula of ``row`` with the arguments and the value of the call ``at`` put in."""
    values = tuple(Call(at.name, at.args, output) for output in range(row.outputs))
    bound = dict(zip(symbols_of(row), at.args + values, strict=True))
    known: dict[Expr, Expr] = {}

    def put(e: Expr) -> Expr:
        if e not in known:
            match e:
                case Symbol(name):
                    known[e] = bound[name]
                case Call(name, args, output):
                    known[e] = call(name, *(put(part) for part in args), output=output)
                case _:
                    known[e] = e
        return known[e]

    return put(expr)


# --- evaluating ------------------------------------------------------------------------------------------------------


def evaluate(expr: Expr, bound: Mapping[str, Any]) -> Any:
    """Evaluate a formula with NumPy's functions on anything that NumPy's protocols reach."""
    known: dict[tuple[str, tuple[Expr, ...]], Any] = {}

    def value(e: Expr) -> Any:
        match e:
            case Const(number):
                # A whole number stays one: an order n - 1 must find SciPy's loops for integer orders.
                return int(number) if number.is_integer() else number
            case Symbol(name):
                return bound[name]
        key = (e.name, e.args)
        if key not in known:
            args = tuple(value(part) for part in e.args)
            if e.name == "power" and type(args[0]) is int:
                args = float(args[0]), args[1]  # NumPy raises no whole number to a negative whole power
            known[key] = getattr(np, e.name)(*args) if e.name in COMPARISONS else TABLE.named(e.name).call(args)
        found = known[key]
        return found[e.output] if isinstance(found, tuple) else found

    return value(expr)
