"""Loops found again: thousands of alike scalar operations, as a Python loop leaves them, run as operations on arrays.

Operations are alike that stand on one level, do the same, and whose operands are constants, one number for all, or lie
one behind the other in an array: the elements that a loop reads, or results of operations that are alike themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad.program.kernels import Graph, Rewriting, columns, crowded, survey
from dualad.program.nodes import READ, number_power
from dualad.reverse.kernels import Pick

__all__ = ["rewritten"]

_LEAST = 16  # operations that are worth an array
_WORTH = 256  # scalar operations that are worth looking at


@dataclass(frozen=True)
class _Operand:
    """Operands of a class: ``kind`` is "constant" (``source`` its value), "number" (a node), "read" or "class"."""

    kind: str
    source: Any
    start: int = 0
    step: int = 0


def rewritten(graph: Graph, constant: Callable[[int], Any], inputs: set[int]) -> Rewriting | None:
    """Return the tape written again with arrays for alike numbers, None where that would not gain much.

    ``constant`` returns the value of a node that is an array and does not vary.
    """
    if graph.count_scalars() < _WORTH:
        return None
    finder = _Finder(graph)
    if 2 * len(finder.scalar) < finder.count:
        return None
    finder.find()
    if 2 * finder.found < finder.count:
        return None
    made = Rewriting(graph, constant, finder.class_of, finder.position, finder.write)
    made.run(finder.order(inputs))
    return made


class _Finder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.levels, self.signs = survey(graph)
        #: What may find a class, out of how many.
        self.scalar, self.count = crowded(graph, self.levels, self.signs, _LEAST)
        self.found = 0
        self.classes: list[tuple[Any, list[_Operand]]] = []

    def find(self) -> None:
        """Find the classes, level by level."""
        self.class_of = np.full(self.graph.n, -1, np.int32)
        self.position = np.zeros(self.graph.n, np.int32)
        self.ops, *self.operands, self.ats, self.constants = columns(self.graph)
        nodes = self.scalar[np.lexsort((self.scalar, self.signs[self.scalar], self.levels[self.scalar]))]
        ends = np.flatnonzero((np.diff(self.levels[nodes]) != 0) | (np.diff(self.signs[nodes]) != 0)) + 1
        starts = np.concatenate([[0], ends])
        lengths = np.diff(np.concatenate([starts, [len(nodes)]]))
        for start, length in zip(starts[lengths >= _LEAST].tolist(), lengths[lengths >= _LEAST].tolist(), strict=True):
            self._split(nodes[start : start + length])

    def _split(self, members: Any) -> None:
        """Cut alike operations where an operand does not go on as it did, and make classes of the long pieces."""
        arguments = self.graph.tape.row_of(int(members[0])).args
        places = [self._places(members, i) for i in range(len(arguments))]
        cuts = np.zeros(len(members) - 1, bool)
        for source, at in places:
            step = np.diff(at)
            usual = _most_common(step)
            cuts |= (np.diff(source) != 0) | (step != usual)
        ends = np.concatenate([[0], np.flatnonzero(cuts) + 1, [len(members)]])
        for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            if stop - start < _LEAST:
                continue
            # The way round in which most operands are read upwards: a reverse sweep comes to a loop from its end.
            falling = sum(np.sign(at[start + 1] - at[start]) for _, at in places) < 0
            piece = np.arange(start, stop)[:: -1 if falling else 1]
            part = members[piece]
            specs = [self._spec(part, i, source[piece], at[piece]) for i, (source, at) in enumerate(places)]
            self.class_of[part] = len(self.classes)
            self.position[part] = np.arange(stop - start)
            self.classes.append((part, specs))
            self.found += stop - start

    def _places(self, members: Any, i: int) -> tuple[Any, Any]:
        """Return where the operands lie: which array, and at which place of it; numbers are arrays of their own."""
        nodes = self.operands[i][members]
        known = np.maximum(nodes, 0)
        source = np.where(nodes < 0, -1, -2 - known.astype(np.int64))
        at = np.zeros(len(nodes), np.int64)
        read = (nodes >= 0) & (self.ops[known] == READ)
        source[read] = self.operands[0][known[read]]
        at[read] = self.ats[known[read]].astype(np.int64)
        inside = (nodes >= 0) & (self.class_of[known] >= 0)
        source[inside] = self.graph.n + self.class_of[known[inside]]
        at[inside] = self.position[known[inside]]
        return source, at

    def _spec(self, members: Any, i: int, source: Any, at: Any) -> _Operand:
        node = int(self.operands[i][members[0]])
        if node < 0:
            return _Operand("constant", float(self.constants[members[0], i]))
        step = int(at[1] - at[0])
        if source[0] < 0 or step == 0:
            return _Operand("number", node)
        if source[0] >= self.graph.n:
            return _Operand("class", int(source[0]) - self.graph.n, int(at[0]), step)
        return _Operand("read", int(source[0]), int(at[0]), step)

    def order(self, inputs: set[int]) -> Any:
        """Return the nodes in an order in which operands come before their users, reads before writes."""
        wanted = self.graph.alive_array.astype(bool) & (self.graph.same_array == np.arange(self.graph.n))
        wanted[list(inputs)] = True
        nodes = np.flatnonzero(wanted)
        found = np.lexsort((nodes, self.class_of[nodes], self.ops[nodes] != READ, self.levels[nodes]))
        return np.ascontiguousarray(nodes[found].astype(np.int32))

    # --- writing

    def write(self, made: Rewriting, number: int) -> int:
        """Write a class as one operation on arrays."""
        members, specs = self.classes[number]
        n = len(members)
        row = self.graph.tape.row_of(int(members[0]))
        operands, primals = [], []
        for spec in specs:
            operands.append(self._operand(made, spec, n))
            primals.append(spec.source if spec.kind == "constant" else None)
        function = number_power if row.name == "power" else None
        return int(made.elementwise(row, function, tuple(operands), primals, n))

    def _operand(self, made: Rewriting, spec: _Operand, n: int) -> int:
        if spec.kind == "constant":
            return -1
        if spec.kind == "number":
            return int(made.at(spec.source))
        base = made.class_node[spec.source] if spec.kind == "class" else int(made.at(spec.source))
        shape = made.tape.shape_of(base)
        if spec.start == 0 and spec.step == 1 and shape == (n,):
            return int(base)
        stop = spec.start + n * spec.step
        pick = Pick(slice(spec.start, None if stop < 0 else stop, spec.step), 1)
        path = (pick,) if len(shape) == 1 else (FLAT, pick)
        return int(made.tape.record("view", None, (base,), [None], np.empty(n), path=path)._operand())


class Flat:
    """The elements of an array in the order of its memory."""

    def __call__(self, x: Any) -> Any:
        return np.ravel(x, order="K")


FLAT = Flat()


def _most_common(steps: Any) -> int:
    found, counts = np.unique(steps, return_counts=True)
    return int(found[np.argmax(counts)])
