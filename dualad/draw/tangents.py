"""The tangent trace: beside each variable its derivative along one direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from dualad.draw.equations import Equation, Spelled, name_pair, partial_expression, quoted, times, written
from dualad.draw.node import Node
from dualad.draw.page import Page, Var
from dualad.draw.statements import Statement
from dualad.draw.symbols import labelled
from dualad.ops import formula
from dualad.ops.formula import ZERO, Call, Const, Expr, Symbol, call
from dualad.ops.table import Bilinear, Linear
from dualad.sweeps.pull import scaled

__all__ = ["TangentTrace"]


class TangentTrace:
    """Tangents of all variables of a page for given tangents of its inputs."""

    def __init__(self, page: Page, seeds: Mapping[Var, Any], known: dict[str, Any], digits: int) -> None:
        self.page, self.known, self.digits = page, known, digits
        self.values: dict[Var, Any] = dict(seeds)
        for var, seed in seeds.items():
            known[page.name(var, "dot")] = seed

    def input_equation(self, var: Var, label: str) -> Equation:
        """Return the line of an input."""
        return Equation(name_pair(self.page.name(var, "dot")), (labelled(label, "dot"),), self.values[var])

    def equation(self, statement: Statement) -> Equation | None:
        """Compute the tangent of a statement and return its line; None where the result carries none."""
        if statement.kind == "discrete":
            if statement.shape is not None and statement.dtype.kind == "f":
                self.values[statement.node] = np.zeros(statement.shape)[()]
            return None
        node = Node(self.page.tape, statement)
        tangent = self._tangent(node)
        if isinstance(tangent, np.ndarray):
            tangent = tangent[()]
        self.values[statement.node] = tangent
        name = self.page.name(statement.node, "dot")
        if not isinstance(tangent, (tuple, list)):
            self.known[name] = tangent
        return Equation(name_pair(name), self._forms(node), None if isinstance(tangent, (tuple, list)) else tangent)

    # --- numbers

    def _tangent(self, node: Node) -> Any:
        dots: list[Any] = [None if n < 0 else self.values.get(self.page.var(n)) for n in node.operands]
        match node.statement.kind:
            case "constant":
                return np.zeros(node.statement.shape or ())[()]
            case "read":
                return dots[0][node.statement.args[1]]
            case "item":
                return dots[0][node.statement.args[1]]
            case "view":
                target = dots[0]
                for step in node.path:
                    target = step(target)
                return np.copy(target)
            case "write":
                return self._after_write(node, dots)
        return self._elementwise(node, dots) if node.elementwise else self._array_row(node, dots)

    def _after_write(self, node: Node, dots: list[Any]) -> Any:
        after = np.copy(dots[0])
        target = after
        for step in node.path:
            target = step(target)
        target[node.index] = 0.0 if dots[1] is None else dots[1]
        return after

    def _elementwise(self, node: Node, dots: list[Any]) -> Any:
        row = node.statement.row
        results = []
        for output in range(row.outputs):
            total: Any = 0.0
            for i, dot in enumerate(dots):
                expr = formula.partials(row)[i][output]
                if dot is None or not isinstance(expr, (Const, Symbol, Call)) or expr == ZERO:
                    continue
                with np.errstate(all="ignore"):
                    partial = expr.value if isinstance(expr, Const) else formula.evaluate(expr, node.bound)
                total = total + scaled(partial, dot)
            shape = np.shape(node.values[output])
            results.append(np.broadcast_to(total, shape)[()] if shape else total)
        return tuple(results) if row.outputs > 1 else results[0]

    def _array_row(self, node: Node, dots: list[Any]) -> Any:
        row, plan, primals = node.statement.row, node.record.plan, node.primals
        if isinstance(row, Linear):
            filled = [np.zeros(np.shape(x)) if dot is None else dot for x, dot in zip(primals, dots, strict=True)]
            return plan.apply(*filled)
        if isinstance(row, Bilinear):
            terms = [plan.apply(*primals[:i], dot, *primals[i + 1 :]) for i, dot in enumerate(dots) if dot is not None]
            return sum(terms[1:], terms[0])
        return plan.jvp(node.record.value, primals, dots)

    # --- words

    def _forms(self, node: Node) -> tuple[Spelled, ...]:
        statement, page = node.statement, self.page
        if statement.kind == "constant":
            return (("0", "0"),)
        marked = {n: "dot" for n in node.operands if n >= 0 and page.var(n) in self.values}
        if statement.kind == "write" and node.operands[1] < 0:
            statement = replace(statement, args=(*statement.args[:2], 0))
        if statement.kind in ("read", "item", "view", "write"):
            return (quoted(page, statement, marked),)
        if node.elementwise:
            e = self._sum(node)
            return (self._by_name(node),) if e is None else written(e, page, self.known, self.digits)
        if isinstance(statement.row, Bilinear) and len(set(node.operands)) == len(node.operands):
            terms = [quoted(page, statement, {n: "dot"}) for n in node.operands if n >= 0]
            return (_joined(terms),)
        return (self._by_name(node),)

    def _sum(self, node: Node) -> Expr | None:
        total: Expr = ZERO
        for i, operand in enumerate(node.operands):
            if operand < 0 or self.page.var(operand) not in self.values:
                continue
            partial = partial_expression(self.page, node.statement, i, node.bound)
            if partial is None or node.statement.results > 1:
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
        for var in dict.fromkeys(page.var(n) for n in node.operands if n >= 0):
            if var not in self.values:
                continue
            operand, dot = name_pair(page.name(var)), name_pair(page.name(var, "dot"))
            slope = rf"\frac{{\partial {target[1]}}}{{\partial {operand[1]}}}"
            terms.append((f"∂{target[0]}/∂{operand[0]} {dot[0]}", f"{slope} {dot[1]}"))
        return _joined(terms)


def _joined(terms: list[Spelled]) -> Spelled:
    return " + ".join(text for text, _ in terms), " + ".join(latex for _, latex in terms)
