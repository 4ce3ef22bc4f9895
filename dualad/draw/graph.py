"""``draw``: the computational graph of a function, alone or with the nodes of its adjoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from dualad.draw.equations import quoted
from dualad.draw.page import Page, Var, labels_of
from dualad.draw.picture import Graph
from dualad.draw.spoken import value_text
from dualad.draw.statements import Statement, operands_of
from dualad.draw.symbols import labelled, symbol_text
from dualad.drivers.recording import record
from dualad.reverse.kernels import Tape
from dualad.transforms.adjoint import extend

__all__ = ["draw"]

_MOST: Final = 150
_STYLES: Final[Mapping[str, str]] = {
    "input": 'shape=box, style=filled, fillcolor="#cfe3f5"',
    "constant": 'shape=plaintext, fontcolor="#666666"',
    "operator": 'shape=box, style="rounded,filled", fillcolor="#ffffff"',
    "discrete": 'shape=box, style="rounded,dashed"',
    "output": 'shape=box, style=filled, fillcolor="#d5ecd0", peripheries=2',
    "adjoint": 'shape=box, style="rounded,filled", fillcolor="#fde2c4", color="#c76a10"',
    "gradient": 'shape=box, style=filled, fillcolor="#f9c58d", color="#c76a10", peripheries=2',
}


def draw(f: Callable[..., Any], *args: Any, extended: bool = False, most: int = _MOST, digits: int = 5) -> Graph:
    r"""Draw the computational graph of a function.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code.
    *args
        Its arguments: numbers, arrays, or containers of them.
    extended : bool
        Draw the adjoints too: the nodes that the reverse sweep adds to the tape, in another color. The function must
        return one number.
    most : int
        Nodes beyond which there is no picture that could be read.
    digits : int
        Digits of the numbers shown.

    Returns
    -------
    Graph
        ``print`` gives it in the DOT language; ``svg()``, ``png()`` and ``save(path)`` make pictures where Graphviz is
        installed, and a notebook shows it by itself.

    Raises
    ------
    ValueError
        The graph has more than ``most`` nodes, or adjoints were asked for a function of several numbers.

    Notes
    -----
    Names are those of :func:`dualad.trace_table`. Nodes on which neither the result nor a derivative depends are left
    out.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> print(dualad.draw(lambda x: np.sin(x) * x, 2.0))
    digraph {
        rankdir=LR
        node [fontname="Helvetica", fontsize=11]
        edge [arrowsize=0.7]
        n0 [label="x\nv₀ = 2", shape=box, style=filled, fillcolor="#cfe3f5"]
        n1 [label="v₁ = sin v₀\n0.9093", shape=box, style="rounded,filled", fillcolor="#ffffff"]
        n2 [label="v₂ = v₁ * v₀\n1.8186", shape=box, style="rounded,filled", fillcolor="#ffffff"]
        y [label="y\n1.8186", shape=box, style=filled, fillcolor="#d5ecd0", peripheries=2]
        n0 -> n1
        n1 -> n2
        n0 -> n2
        n2 -> y
    }
    """
    tape = record(f, *args)
    primal = len(tape)
    _refuse_large(primal, most)
    gradient = _adjoints(tape) if extended else {}
    _refuse_large(len(tape), most)
    labels = labels_of(f, args)
    picture = _Picture(Page(tape, labels), primal, digits)
    picture.write(gradient, labels)
    return Graph(picture.dot())


def _refuse_large(count: int, most: int) -> None:
    if count > most:
        raise ValueError(
            f"the graph has {count} nodes, and a picture of more than {most} cannot be read. Draw it at a smaller "
            f"argument or by arrays in place of loops, or ask for it all the same: draw(f, x, most={count})."
        )


def _adjoints(tape: Tape) -> dict[int, tuple[int, Any]]:
    """Write the adjoints on the tape of a function; return the adjoint of every input, and what it is worth."""
    outputs = list(tape.outputs or ())
    if len(outputs) != 1 or np.shape(tape.handle(outputs[0])) != ():
        raise ValueError(
            "draw(f, x, extended=True) needs a function that returns one number that depends on its argument; end it "
            "with a sum, or with the element that you want to see."
        )
    return {node: (g._operand(), g._primal()) for node, g in zip(tape.inputs, extend(tape), strict=True)}


# --- the text --------------------------------------------------------------------------------------------------------


@dataclass
class _Picture:
    """Nodes and edges as they are collected; ``primal`` nodes come before the adjoint ones."""

    page: Page
    primal: int
    digits: int
    nodes: dict[str, str] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def write(self, gradient: Mapping[int, tuple[int, Any]], labels: Sequence[str]) -> None:
        """Write all that the outputs and the gradient depend on."""
        page = self.page
        outputs = list(page.tape.outputs or ())
        wanted = self._needed([*outputs, *(node for node, _ in gradient.values())])
        for x in page.inputs:
            text = f"{labelled(x.label)[0]}\n{symbol_text(page.name(x.var))}{self._worth(page.value(x.var), ' = ')}"
            self._node(self._id(x.var), text, "input")
        for statement in page.rows:
            if statement.node in wanted:
                self._statement(statement)
        for i, node in enumerate(outputs):
            name = "y" if len(outputs) == 1 else f"y{i + 1}"
            var = page.var(node)
            self._node(name, labelled(name)[0] + self._worth(page.value(var), "\n"), "output")
            self.edges.append((self._id(var), name))
        label_of = dict(zip(page.tape.inputs, labels, strict=True))
        for node, (adjoint, value) in gradient.items():
            name = f"g{node}"
            self._node(name, labelled(label_of[node], "bar")[0] + self._worth(value, "\n"), "gradient")
            self.edges.append((self._id(page.var(adjoint)), name))

    def _statement(self, statement: Statement) -> None:
        page = self.page
        name = symbol_text(page.name(statement.node))
        value = page.value(statement.node)
        here = self._id(statement.node)
        if statement.kind == "constant":
            self._node(here, f"{name} = {value_text(value, self.digits)}", "constant")
            return
        worth = self._worth(value, "\n") or f"\n{statement.shape or f'{statement.results} results'}"
        kind = (
            "discrete" if statement.kind == "discrete" else "adjoint" if statement.node >= self.primal else "operator"
        )
        self._node(here, f"{name} = {quoted(page, statement)[0]}{worth}", kind)
        for operand in operands_of(statement):
            self.edges.append((self._id(page.var(operand)), here))

    def _needed(self, ends: list[int]) -> set[int]:
        """Return the nodes on which others depend."""
        by_node = {statement.node: statement for statement in self.page.statements}
        found: set[int] = set()
        todo = list(ends)
        while todo:
            node = todo.pop()
            if node not in found:
                found.add(node)
                todo.extend(operands_of(by_node[node]))
        return found

    def _worth(self, value: Any, before: str) -> str:
        return "" if value is None else before + value_text(value, self.digits)

    def _id(self, var: Var) -> str:
        return f"n{var}" if isinstance(var, int) else f"n{var[0]}_{var[1]}"

    def _node(self, name: str, label: str, kind: str) -> None:
        self.nodes[name] = f"{name} [label={_quoted(label)}, {_STYLES[kind]}]"

    def dot(self) -> str:
        """Return the graph in the DOT language."""
        lines = ["rankdir=LR", 'node [fontname="Helvetica", fontsize=11]', "edge [arrowsize=0.7]"]
        lines += [*self.nodes.values(), *(f"{tail} -> {head}" for tail, head in self._drawn())]
        return "\n    ".join(["digraph {", *lines]) + "\n}"

    def _drawn(self) -> Iterator[tuple[str, str]]:
        return ((tail, head) for tail, head in self.edges if tail in self.nodes and head in self.nodes)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
