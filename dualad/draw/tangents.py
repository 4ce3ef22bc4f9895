"""The tangent trace: beside each variable its derivative along one direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from dualad.draw.equations import Equation, Spelled, name_pair, partial_expression, quoted, times, written
from dualad.draw.node import Node
from dualad.draw.page import Page, Var
from dualad.draw.statements import Statement
from dualad.draw.symbols import labelled
from dualad.ops.formula import ZERO, Expr, Symbol, call
from dualad.ops.table import Bilinear
from dualad.sweeps.reference_forward import forward

__all__ = ["TangentTrace"]

# Functions that are linear in their one array: the tangent goes through the same call.
_LINEAR: Final = frozenset(
    "astype copy cumsum diag diagonal flip getitem mean ravel reshape roll sum take tile trace transpose".split()
)


class TangentTrace:
    """Tangents of all variables of a page; ``seeds`` are those of the input nodes."""

    def __init__(self, page: Page, seeds: Mapping[int, Any], known: dict[str, Any], digits: int) -> None:
        self.page, self.known, self.digits = page, known, digits
        self.sweep = forward(page.tape, seeds)
        for x in page.inputs:
            known[page.name(x.var, "dot")] = self.of(x.var)
        for statement in page.rows:
            known[page.name(statement.node, "dot")] = self.of(statement.node)

    def of(self, var: Var) -> Any:
        """Return the tangent of a variable; None where it has none or has several."""
        if isinstance(var, tuple):
            return np.ravel(self.sweep.of(var[0]))[var[1]]
        statement = self.page.statements[var]
        if statement.kind == "discrete" or statement.shape is None:
            return None
        found = self.sweep.of(var)
        return np.zeros(statement.shape)[()] if found is None else np.asarray(found)[()]

    def input_equation(self, var: Var, label: str) -> Equation:
        """Return the line of an input."""
        return Equation(name_pair(self.page.name(var, "dot")), (labelled(label, "dot"),), self.of(var))

    def equation(self, statement: Statement) -> Equation | None:
        """Return the line of a statement; None where its result carries no tangent."""
        if statement.kind == "discrete":
            return None
        target = name_pair(self.page.name(statement.node, "dot"))
        return Equation(target, self._forms(Node(self.page.tape, statement)), self.of(statement.node))

    # --- words

    def _forms(self, node: Node) -> tuple[Spelled, ...]:
        statement, page = node.statement, self.page
        if statement.kind == "constant":
            return (("0", "0"),)
        moving = self._moving(node)
        if statement.kind == "write" and node.operands[1] not in moving:
            statement = replace(statement, args=(*statement.args[:2], 0))
        linear = statement.name in _LINEAR and "initial" not in statement.kwargs
        if statement.kind in ("read", "item", "view", "write") or linear:
            return (quoted(page, statement, dict.fromkeys(moving, "dot")),)
        if node.elementwise:
            e = self._sum(node)
            return (self._by_name(node),) if e is None else written(e, page, self.known, self.digits)
        if isinstance(statement.row, Bilinear) and len(moving) == len(set(moving)):
            return (_joined([quoted(page, statement, {n: "dot"}) for n in moving]),)
        return (self._by_name(node),)

    def _moving(self, node: Node) -> list[int]:
        """Return the operands that have tangents."""
        return [n for n in node.operands if n >= 0 and self.page.statements[n].kind != "discrete"]

    def _sum(self, node: Node) -> Expr | None:
        """Return the sum of partials times tangents; None where a partial is too long to be read."""
        if node.statement.results > 1:
            return None
        total: Expr = ZERO
        moving = self._moving(node)
        for i, operand in enumerate(node.operands):
            if operand not in moving:
                continue
            partial = partial_expression(self.page, node.statement, i, node.bound)
            if partial is None:
                return None
            dot = Symbol(self.page.name(self.page.var(operand), "dot"))
            if partial != ZERO:
                total = call("add", total, times(partial, dot))
        return total

    def _by_name(self, node: Node) -> Spelled:
        """Return the sum of partials times tangents without the partials' formulas."""
        page = self.page
        target = name_pair(page.name(node.statement.node))
        terms = []
        for var in dict.fromkeys(map(page.var, self._moving(node))):
            operand, dot = name_pair(page.name(var)), name_pair(page.name(var, "dot"))
            slope = rf"\frac{{\partial {target[1]}}}{{\partial {operand[1]}}}"
            terms.append((f"∂{target[0]}/∂{operand[0]} {dot[0]}", f"{slope} {dot[1]}"))
        return _joined(terms)


def _joined(terms: list[Spelled]) -> Spelled:
    return " + ".join(text for text, _ in terms), " + ".join(latex for _, latex in terms)
