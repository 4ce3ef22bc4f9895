"""Lines of a trace table: a variable, the formula that makes it, the same in numbers, and its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dualad.draw.page import Page
from dualad.draw.spoken import said, value_text
from dualad.draw.statements import Ref, Statement
from dualad.draw.symbols import as_math, as_text, mathtt, numbered, raised, symbol_latex, symbol_text
from dualad.ops import formula
from dualad.ops.formula import Call, Const, Expr, Symbol, call
from dualad.ops.table import Elementwise

__all__ = ["Equation", "expression", "partial_expression", "primal_equation", "quoted", "times", "written"]

_LONGEST: Final = 60
Spelled = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Equation:
    """``target = forms[0] = forms[1] = value``; target and forms are pairs of text and LaTeX."""

    target: Spelled
    forms: tuple[Spelled, ...] = ()
    value: Any = None


def written(e: Expr, page: Page, known: Mapping[str, Any], digits: int) -> tuple[Spelled, ...]:
    """Return an expression in symbols and, where all of them are numbers, in numbers."""
    e = raised(e)
    numbers = numbered(e, lambda name: _as_number(known.get(name)))
    forms = [e] if numbers is None or isinstance(e, (Symbol, Const)) else [e, numbers]
    return tuple((as_text(form, digits), as_math(form, digits)) for form in forms)


def _as_number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float, np.number, np.bool_)) else None


def name_pair(name: str) -> Spelled:
    """Return a symbol as text and as LaTeX."""
    return symbol_text(name), symbol_latex(name)


# --- what a node says ------------------------------------------------------------------------------------------------


def expression(page: Page, statement: Statement) -> Expr | None:
    """Return an elementwise statement as an expression in the page's symbols; None for all else."""
    if not isinstance(statement.row, Elementwise):
        return None
    return Call(statement.name, tuple(_operand(page, part) for part in statement.args))


def _operand(page: Page, part: Any) -> Expr:
    if isinstance(part, Ref):
        return Symbol(page.name(page.var(part.node)))
    number = _as_number(part)
    return Symbol(value_text(part)) if number is None else Const(number)


def primal_equation(page: Page, statement: Statement, known: Mapping[str, Any], digits: int) -> Equation:
    """Return the row of the primal trace."""
    target = name_pair(page.name(statement.node))
    value = page.value(statement.node) if statement.shape is not None else None
    shown: Any = value if value is not None else Unkept(statement)
    if statement.kind == "constant":
        return Equation(target, (("constant", r"\mathtt{constant}"),), shown)
    e = expression(page, statement)
    forms = written(e, page, known, digits) if e is not None else (quoted(page, statement),)
    return Equation(target, forms, shown)


@dataclass(frozen=True, slots=True)
class Unkept:
    """Stands for numbers that are not shown: those of an array that is written to later."""

    statement: Statement

    def __str__(self) -> str:
        shape = self.statement.shape
        return f"{self.statement.results} results" if shape is None else f"array{shape}"


def quoted(page: Page, statement: Statement, marked: Mapping[int, str] | None = None) -> Spelled:
    """Return a statement as the tape says it, with the page's names; ``marked`` nodes get a dot or a bar."""
    marks = marked or {}

    def text(node: int) -> str:
        return symbol_text(page.name(page.var(node), marks.get(node, "v")))

    def latex(node: int) -> str:
        return f"\0{symbol_latex(page.name(page.var(node), marks.get(node, 'v')))}\0"

    return said(statement, text), mathtt(said(statement, latex))


# --- partial derivatives ---------------------------------------------------------------------------------------------


def times(partial: Expr, g: Expr) -> Expr:
    """Return ``partial * g`` as one would write it: ``g/x`` for ``1/x * g``, ``-g`` for ``-1 * g``."""
    match partial:
        case Call("divide", (Const(1.0), below)):
            return call("divide", g, below)
        case Call("negative", (inner,)):
            return call("negative", times(inner, g))
    return call("multiply", g, partial)


def partial_expression(page: Page, statement: Statement, i: int, bound: Mapping[str, Any]) -> Expr | None:
    """Return the partial in argument ``i`` in the page's symbols; None where it is too long to be read.

    ``bound`` are the numbers of the row's symbols: of a ``where`` in the formula only the branch taken is written.
    """
    row = statement.row
    e = formula.partials(row)[i][0]
    if not isinstance(e, (Const, Symbol, Call)):
        return None
    names = {name: _operand(page, part) for name, part in zip(row.args, statement.args, strict=True)}
    if row.outputs == 1:
        names["v"] = Symbol(page.name(statement.node))
    e = raised(_substituted(_taken(e, bound), names))
    return e if len(as_text(e)) <= _LONGEST else None


def _taken(e: Expr, bound: Mapping[str, Any]) -> Expr:
    """Return a formula with each ``where`` replaced by the branch that these numbers take."""
    match e:
        case Call("where", (condition, yes, no)):
            with np.errstate(all="ignore"):
                outcome = np.asarray(formula.evaluate(condition, bound))
            if np.all(outcome):
                return _taken(yes, bound)
            return e if np.any(outcome) else _taken(no, bound)
        case Call(name, args, output):
            return call(name, *(_taken(part, bound) for part in args), output=output)
    return e


def _substituted(e: Expr, names: Mapping[str, Expr]) -> Expr:
    match e:
        case Symbol(name):
            return names.get(name, e)
        case Call(name, args, output):
            return call(name, *(_substituted(part, names) for part in args), output=output)
    return e


def shown_value(value: Any, digits: int) -> str:
    """Return a value as the last column of a table shows it."""
    return str(value) if isinstance(value, Unkept) else value_text(value, digits)
