"""A tape becomes a program: passes over its nodes, a schedule, a plan of the memory, instructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.program.alike import rewritten
from dualad.program.arrays import Arrays
from dualad.program.kernels import OPCODES, Graph, Program, Scalars
from dualad.program.nodes import FOREVER, GENERAL, Value
from dualad.program.parts import COPIED, FIXED, NUMBER, OBJECT, SHOWN, Output, Parts
from dualad.reverse.kernels import Tape

__all__ = ["build"]

_COMPUTED = ("each", "call", "write", "reduce", "whole", "join", "steps")  # compute a value wherever it lies
_COPIED_UP_TO = 128  # elements of an input or output that is copied to or from the workspace


def build(
    tape: Tape,
    inputs: Sequence[int],
    outputs: Sequence[int],
    live: Sequence[tuple[int, Any]] = (),
    recorded: int | None = None,
) -> Program:
    """Return the program that computes the values of some nodes of a tape from those of its inputs.

    ``live`` are constant nodes whose numbers are read from an array at each run. The guards of the tape are the
    program's. The first ``recorded`` nodes (all where it is None) are the function's own, whose values are NumPy's to
    the last bit; those that follow are derivatives.
    """
    variable = {*inputs, *(node for node, _ in live)}
    graph, arrays, guards, alive = _looked_at(tape, variable, outputs)
    counts = {"recorded": len(tape), "alive": alive}
    again = rewritten(graph, arrays.constant, variable)
    if again is not None:
        tape, counts["rewritten"] = again.tape, len(again.tape)
        tape.guards.extend((again.at(node), outcome) for node, found in guards.items() for _, outcome in found)
        numbers = [number for found in guards.values() for number, _ in found]
        inputs, outputs = [again.at(node) for node in inputs], [again.at(node) for node in outputs]
        live = [(again.at(node), array) for node, array in live]
        variable = {*inputs, *(node for node, _ in live)}
        graph, arrays, guards, _ = _looked_at(tape, variable, outputs)
        guards = {node: [(numbers[number], outcome) for number, outcome in found] for node, found in guards.items()}
    elif recorded is not None:
        arrays.exact = recorded
    graph.find_chains([*outputs, *guards])
    graph.set_stages(arrays)
    arrays.postpone(graph, [*outputs, *guards])
    graph.verify(staged=True)
    order, read = graph.schedule()
    counts["scheduled"] = len(order)
    bases = _Bases(graph, arrays, read)
    for node in (*inputs, *(node for node, _ in live)):
        bases.input(node)
    for node in outputs:
        bases.output(node)
    # At many rows one after the other, live arrays are put in their places once: nothing else may ever lie there.
    lasting = [node for node, _ in live if graph.alive_array[node]]
    arrays.plan(graph, order, outputs, {*guards, *lasting})
    scalars = Scalars(graph, arrays.top // 8, arrays.functions)
    for node in (*outputs, *guards, *arrays.numbers):
        scalars.keep_until(node, FOREVER)
    ends = [bases.handed(scalars, node) for node in (*inputs, *(node for node, _ in live))]
    scalars.find_uses(order)
    scalars.write_all(order, arrays, guards)
    scalars.code.emit(OPCODES["end"])
    found = [bases.result(scalars, node) for node in outputs]
    code = scalars.code.array()
    counts |= {"instructions": len(code), "groups": len(arrays.groups), "callbacks": len(arrays.callbacks)}
    counts["workspace bytes"] = 8 * (scalars.top + arrays.scratch)
    counts["node bytes"] = _node_bytes(arrays, order)
    counts["native"] = not arrays.callbacks
    return Program(
        Parts(
            code=code,
            functions=list(scalars.functions),
            groups=arrays.groups,
            wholes=arrays.wholes,
            callbacks=arrays.callbacks,
            constants=np.concatenate([np.zeros(1), *arrays.bytes]),
            image=[(at, np.array([x])) for at, x in scalars.image.items()],
            doubles=scalars.top,
            scratch=arrays.scratch,
            objects=len(arrays.objects),
            bases=bases.count,
            inputs=ends[: len(inputs)],
            live=[(array, end) for (_, array), end in zip(live, ends[len(inputs) :], strict=True)],
            outputs=found,
            work=arrays.work + len(code) / 4,
            stats=counts,
        ),
        checked=True,
    )


def _looked_at(tape: Tape, variable: set[int], outputs: Sequence[int]) -> tuple[Graph, Arrays, dict[int, Any], int]:
    """Return the graph of a tape with its general nodes and guards, and how many nodes are needed."""
    arrays = Arrays(tape, variable)
    graph = Graph(tape, variable, arrays)
    arrays.forget()
    guards = _guards(graph, tape)
    alive = graph.keep([*outputs, *guards])
    graph.verify()
    return graph, arrays, guards, alive


def _guards(graph: Graph, tape: Tape) -> dict[int, list[tuple[int, Any]]]:
    """Return, for each node, the guards that rely on it; those on constants always hold."""
    found: dict[int, list[tuple[int, Any]]] = {}
    for number, (node, outcome) in enumerate(tape.guards):
        node = int(graph.same_array[node])
        if not graph.fixed_array[node] and not any(_alike(outcome, other) for _, other in found.get(node, ())):
            found.setdefault(node, []).append((number, outcome))
    return found


def _alike(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and isinstance(one, (bool, int, np.generic)) and one == other)


def _node_bytes(arrays: Arrays, order: Any) -> int:
    """Return the bytes that all values would take, each in memory of its own."""
    return 8 * (len(order) + arrays.elements())


class _Bases:
    """The memory from outside: inputs that are read where they lie, outputs that are written where they will stay."""

    def __init__(self, graph: Graph, arrays: Arrays, read: set[int]) -> None:
        self.graph, self.arrays = graph, arrays
        self.count = 2
        self.given: set[int] = set()
        # An element that is read through a view is read from the memory of the view's root.
        values = [arrays.value(graph, node) for node in read]
        self.read = read | {value.root for value in values if value is not None}

    def _value(self, node: int) -> Value | None:
        return self.arrays.value(self.graph, node) if self.graph.alive_array[node] else None

    def input(self, node: int) -> None:
        """Let a large input be read where it lies."""
        value = self._value(node)
        if value is not None and value.kind and node not in self.read and value.size > _COPIED_UP_TO:
            self.arrays.external[node] = self.count
            self.count += 1

    def handed(self, scalars: Scalars, node: int) -> tuple[int, int, int]:
        """Return how an input is handed over: kind, place, bytes."""
        if self.graph.tape.fields(node)[3] < 0:
            place = scalars.give(node)
            scalars.put_at(node, place)
            return NUMBER, place, 8
        value = self._value(node)
        if value is None:
            return COPIED, 0, 0
        if not value.kind:
            return OBJECT, self.arrays.objects[node], 0
        if node in self.arrays.external:
            return SHOWN, self.arrays.external[node], value.nbytes
        _, offset = self.arrays.spot(value)
        return COPIED, offset, value.nbytes

    def output(self, node: int) -> None:
        """Let a large output be computed where it will stay."""
        node = int(self.graph.same_array[node])
        value = None if self.graph.fixed_array[node] else self._value(node)
        if value is None or value.kind != "d":
            return
        node, value = self._whole(node, value)
        if value.root != node or node in self.arrays.external:
            return
        if self.graph.tape.operator(node) != GENERAL or self.arrays.node(self.graph, node).way not in _COMPUTED:
            return
        if value.is_dense and node not in self.read and value.size > _COPIED_UP_TO:
            self.arrays.external[node] = self.count
            self.count += 1

    def _whole(self, node: int, value: Value) -> tuple[int, Value]:
        """Return the array that a node shows all of, element by element in its order; else the node itself."""
        root = value.root
        if root == node or not value.is_dense or value.offset or self.graph.fixed_array[root]:
            return node, value
        whole = self._value(root)
        return (root, whole) if whole is not None and whole.is_dense and whole.size == value.size else (node, value)

    def result(self, scalars: Scalars, node: int) -> Output:
        """Return where a result is found."""
        node = int(self.graph.same_array[node])
        if self.graph.fixed_array[node]:
            return Output(FIXED, 0, value=self.arrays.constant(node))
        value = self.arrays.value(self.graph, node)
        if value is None:
            return Output(NUMBER, scalars.at(node))
        if not value.kind:
            return Output(OBJECT, self.arrays.objects[value.root], value.shape)
        whole, _ = self._whole(node, value) if value.kind == "d" else (node, value)
        base = self.arrays.external.get(whole)
        if base is not None and whole not in self.arrays.inputs and base not in self.given:
            self.given.add(base)  # the same value once more is a copy
            return Output(SHOWN, base, value.shape)
        base, offset = self.arrays.spot(value)
        dense = value.is_dense and base == 0
        return Output(COPIED, offset, value.shape, spec=None if dense else self.arrays.view_spec(value))
