"""The adjoint trace: what each variable passes back to its operands, from the last to the first.

One line for each contribution, as in the textbook; a variable that several others use is written again with each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad.draw.equations import Equation, Spelled, name_pair, partial_expression, times, written
from dualad.draw.node import Node
from dualad.draw.page import Page, Var
from dualad.draw.spoken import index_text, step_text
from dualad.draw.statements import Statement
from dualad.draw.symbols import labelled, mathtt
from dualad.ops.formula import Call, Expr, Symbol, call
from dualad.ops.lanes import sum_to
from dualad.sweeps.pull import pull

__all__ = ["AdjointTrace"]


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a variable passes to an operand: the number, and the formula as an expression or in words.

    ``place`` says which part of the operand is touched, where it is not the whole.
    """

    var: Var
    value: Any
    formula: Expr | Spelled
    place: str = ""


class AdjointTrace:
    """Adjoints of all variables of a page for given adjoints of its outputs."""

    def __init__(self, page: Page, known: dict[str, Any], digits: int) -> None:
        self.page, self.known, self.digits = page, known, digits
        self.values: dict[Var, Any] = {}

    def seed(self, var: Var, g: Any, label: str) -> Equation:
        """Add the adjoint of an output and return its line."""
        return self._add(Contribution(var, g, labelled(label, "bar")))

    def input_equation(self, var: Var, label: str, shape: tuple[int, ...]) -> Equation:
        """Return the line of an input, which is a part of the gradient."""
        found = self.values.get(var)
        bar = name_pair(self.page.name(var, "bar")) if found is not None else ("0", "0")
        return Equation(labelled(label, "bar"), (bar,), np.zeros(shape)[()] if found is None else found)

    def equations(self, statement: Statement) -> list[Equation]:
        """Pass the adjoint of a statement to its operands and return the lines, in the order of computing."""
        g = self.values.get(statement.node)
        if g is None or statement.kind in ("discrete", "constant"):
            return []
        return [self._add(part) for part in self._contributions(Node(self.page.tape, statement), g)]

    def _add(self, part: Contribution) -> Equation:
        name = self.page.name(part.var, "bar")
        before = self.values.get(part.var)
        forms = self._forms(part, name, before is not None)
        total = part.value if before is None else _total(before, part.value)
        self.values[part.var] = total
        target = name_pair(name)
        if isinstance(total, list):
            return Equation(_at(target, part.place), forms)
        self.known[name] = total
        return Equation(_at(target, part.place), forms, total)

    # --- numbers

    def _contributions(self, node: Node, g: Any) -> Iterator[Contribution]:
        page, statement = self.page, node.statement
        bar = name_pair(page.name(statement.node, "bar"))
        match statement.kind:
            case "read" | "view":
                whole = np.zeros(page.statements[node.operands[0]].shape or ())
                _at_steps(whole, node)[node.index if statement.kind == "read" else ...] = g
                yield Contribution(page.var(node.operands[0]), whole, bar, _place(node))
            case "item":
                results: list[Any] = [None] * page.statements[node.operands[0]].results
                results[statement.args[1]] = g
                yield Contribution(page.var(node.operands[0]), results, bar, f"[{statement.args[1]}]")
            case "write":
                yield from self._of_write(node, g, bar)
            case _:
                found = pull(node.record, g, node.primals, node.record.value)
                for i, part in found if node.elementwise else _merged(found, node):
                    yield Contribution(page.var(node.operands[i]), part, self._formula(node, i, bar, np.shape(part)))

    def _of_write(self, node: Node, g: Any, bar: Spelled) -> Iterator[Contribution]:
        before, put = node.operands
        kept = np.copy(g)
        target = _at_steps(kept, node)
        taken = np.copy(target[node.index])
        target[node.index] = 0.0
        place = _place(node)
        if put >= 0:
            part = sum_to(taken, np.ndim(taken), self.page.statements[put].shape or ())
            yield Contribution(self.page.var(put), part, _at(bar, place))
        # What was there before the write has no effect on what comes after it.
        yield Contribution(self.page.var(before), kept, _at(bar, f" with {place} = 0"))

    # --- words

    def _formula(self, node: Node, i: int, bar: Spelled, shape: tuple[int, ...]) -> Expr | Spelled:
        statement, page = node.statement, self.page
        if node.elementwise and statement.results == 1:
            partial = partial_expression(page, statement, i, node.bound)
            if partial is not None:
                product = times(partial, Symbol(page.name(statement.node, "bar")))
                # Of an operand that was spread over the result the adjoint is the sum over the copies.
                return product if shape == statement.shape else Call("sum", (product,))
        target, operand = (name_pair(page.name(var)) for var in (statement.node, page.var(node.operands[i])))
        turned = ("ᵀ", r"^{\mathsf{T}}") if statement.shape or shape else ("", "")
        return (
            f"(∂{target[0]}/∂{operand[0]}){turned[0]} {bar[0]}",
            rf"\left(\frac{{\partial {target[1]}}}{{\partial {operand[1]}}}\right){turned[1]} {bar[1]}",
        )

    def _forms(self, part: Contribution, name: str, again: bool) -> tuple[Spelled, ...]:
        if isinstance(part.formula, tuple):
            before = _at(name_pair(name), part.place)
            text, latex = part.formula
            return ((f"{before[0]} + {text}", f"{before[1]} + {latex}") if again or part.place else part.formula,)
        total = call("add", Symbol(name), part.formula) if again else part.formula
        return written(total, self.page, self.known, self.digits)


def _merged(parts: Iterable[tuple[int, Any]], node: Node) -> Iterator[tuple[int, Any]]:
    """Add up what an array function passes to one and the same operand, whose derivative is written as a whole."""
    first: dict[int, int] = {}
    totals: dict[int, Any] = {}
    for i, part in parts:
        place = first.setdefault(node.operands[i], i)
        totals[place] = totals[place] + part if place in totals else part
    yield from totals.items()


def _total(before: Any, g: Any) -> Any:
    if isinstance(g, list):
        return [b if a is None else a if b is None else a + b for a, b in zip(before, g, strict=True)]
    return before + g


def _at(name: Spelled, place: str) -> Spelled:
    return (name[0] + place, name[1] + mathtt(place)) if place else name


def _at_steps(array: Any, node: Node) -> Any:
    for step in node.path:
        array = step(array)
    return array


def _place(node: Node) -> str:
    """Return the part of its base that a read, a view or a write touches."""
    text = ""
    for step in node.path:
        head, given = step_text(step)
        text += f"[{given}]" if head == "getitem" else f".{head}({given})"
    return text if node.statement.kind == "view" else f"{text}[{index_text(node.index)}]"
