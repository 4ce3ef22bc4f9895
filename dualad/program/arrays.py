"""The arrays of a program: which memory each lies in, and the instructions that compute them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.program.describe import _NODE, Describing
from dualad.program.groups import group
from dualad.program.kernels import OPCODES, Graph, Scalars
from dualad.program.nodes import Node, Value
from dualad.program.parts import COPIED, FIXED, NUMBER, OBJECT, Callback
from dualad.reverse.kernels import Tape

__all__ = ["Arrays"]

_FOREVER = 2**31 - 1
_READ, _WRITE, _GENERAL = -2, -3, -4
_RUN = 16  # numbers in a row that are copied as an array


class Arrays(Describing):
    """Plans memory along the schedule, then writes the instructions of general nodes when the schedule comes to them."""

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        super().__init__(tape, inputs)
        self.groups: list[Any] = []
        self.reductions: list[Any] = []
        self.callbacks: list[Callback] = []
        self.functions: list[Any] = []
        self.bytes: list[Any] = []
        self.constant_at: dict[Any, tuple[int, str, tuple[int, ...], tuple[int, ...]]] = {}
        self.constant_size = 1  # one that nobody reads, so that there are some
        self.objects: dict[int, int] = {}
        self.scratch = 0
        self.work = 0.0
        self.external: dict[int, int] = {}  # of nodes whose memory is given from outside: the base
        self.room: dict[int, int] = {}
        self.last_in: dict[int, int] = {}

    # --- the plan

    def plan(self, graph: Graph, order: Any, outputs: Sequence[int], guarded: set[int]) -> None:
        """Give every array its memory."""
        self.graph = graph
        stage = graph.stage_array
        self.stages = int(stage[order[-1]]) + 1 if len(order) else 0
        self.starts = np.searchsorted(stage[order], np.arange(self.stages + 1))
        self.home = np.full(graph.n, -1, np.int64)
        self.stable = np.ones(graph.n, np.uint8)
        self.members: list[list[int]] = [[] for _ in range(self.stages)]
        self.last: dict[int, int] = {}
        self.born: dict[int, int] = {}
        self.numbers: set[int] = set()  # that arrays use
        self.needed: set[int] = set()  # elementwise nodes that are used outside their group
        general: list[tuple[int, int]] = []
        operators, lefts = graph.operators()
        ops = operators[order]
        reads = np.flatnonzero(ops == _READ)
        # The last read of an array is as good as all of them.
        self.reads = dict(zip(lefts[order[reads]].tolist(), reads.tolist(), strict=True))
        for k in np.flatnonzero((ops == _GENERAL) | (ops == _WRITE)).tolist():
            general.append((k, int(order[k])))
        for k, number in general:
            self._uses(k, number, int(ops[k]))
        for number in outputs:
            self._use(int(graph.same_array[number]), _FOREVER, True)
        for number in guarded:
            self._use(int(graph.same_array[number]), _FOREVER, True)
        for base, k in self.reads.items():
            self._use(base, _FOREVER if self.stable[base] else k, True)
        self._place(general)

    def _uses(self, k: int, number: int, op: int) -> None:
        graph = self.graph
        if op == _WRITE:
            _, a, _, _, _, _ = graph.tape.fields(number)
            value = self.value(graph, number)
            self._born(number, k, value)
            base = int(graph.same_array[a])
            if not graph.fixed_array[base]:
                self.stable[base] = 0
                self._use(base, k, True)
            return
        node = self.node(graph, number)
        fused = node.way == "each" and node.value is not None
        at = int(self.starts[graph.stage_array[number]]) if fused else k
        if fused:
            self.members[int(graph.stage_array[number])].append(number)
        if node.value is not None:
            self._born(number, at, node.value)
        for x in node.operands:
            if isinstance(x, _NODE):
                outside = not fused or not self._in_group(x.number, number)
                self._use(x.number, at, outside)
        if node.way == "write" and isinstance(node.operands[0], _NODE):
            self.stable[node.operands[0].number] = 0

    def _in_group(self, number: int, user: int) -> bool:
        graph = self.graph
        if graph.tape.operator(number) != _GENERAL or graph.stage_array[number] != graph.stage_array[user]:
            return False
        return self.node(graph, number).way == "each" and self.node(graph, number).value is not None

    def _born(self, number: int, k: int, value: Value | None) -> None:
        self.born[number] = -1 if number in self.inputs else k
        self.last.setdefault(number, -1)

    def _use(self, number: int, k: int, outside: bool) -> None:
        if self.graph.fixed_array[number]:
            return
        value = self.value(self.graph, number)
        if value is None:
            self.numbers.add(number)
            return
        if outside:
            self.needed.add(number)
        if value.root != number and outside:
            self.needed.add(value.root)
        self.last[value.root] = max(self.last.get(value.root, -1), k)

    def _place(self, general: list[tuple[int, int]]) -> None:
        """Walk along the schedule: memory for what is born, back what is used for the last time."""
        graph = self.graph
        events = sorted((self.born[number], number) for number in self.born)
        self.root: dict[int, int] = {}
        self.kept_in_place: set[int] = set()
        self.at: dict[int, tuple[int, int]] = {}  # of a root: base, byte offset
        free: dict[int, list[int]] = {}
        ends: list[tuple[int, int]] = []
        top = 0
        import heapq

        for k, number in events:
            value = self.value(graph, number)
            if value is None or value.root != number or not value.kind:
                if value is not None and not value.kind:
                    self.objects[number] = len(self.objects)
                continue
            while ends and ends[0][0] < k:
                _, gone = heapq.heappop(ends)
                if self.last_of(gone) < k and gone in self.at and self.at[gone][0] == 0:
                    _, offset = self.at[gone]
                    free.setdefault(self.room[gone], []).append(offset)
                elif self.last_of(gone) >= k:
                    heapq.heappush(ends, (self.last_of(gone), gone))
            before = self._overwrites(number, k)
            if before is not None:
                self.root[number] = before
                self.kept_in_place.add(number)
                continue
            self.root[number] = number
            if number in self.external:
                self.at[number] = (self.external[number], 0)
                continue
            if self._is_temporary(number):
                continue
            itemsize = 1 if value.kind == "?" else 8
            room = -(-max(int(np.prod(value.shape)) * itemsize, 1) // 64) * 64
            self.room[number] = room
            if free.get(room):
                offset = free[room].pop()
            else:
                offset, top = top, top + room
            self.at[number] = (0, offset)
            heapq.heappush(ends, (self.last_of(number), number))
        self.top = top
        for _, number in general:
            value = None if graph.tape.operator(number) == _READ else self.value(graph, number)
            if value is not None and value.kind and not self._is_temporary(number):
                base, offset = self.spot(value)
                if base == 0 and value.kind == "d":
                    self.home[number] = offset // 8

    def last_of(self, root: int) -> int:
        """Return the last use of a root's memory, by all versions that lie in it."""
        return self.last_in.get(root, self.last[root])

    def _is_temporary(self, number: int) -> bool:
        """Say whether a value lives in the blocks of its group only."""
        if self.graph.tape.operator(number) != _GENERAL:
            return False
        node = self.node(self.graph, number)
        return node.way == "each" and number not in self.needed

    def _overwrites(self, number: int, k: int) -> int | None:
        """Return the root in whose memory a write may take place, None where the old version is needed still."""
        graph = self.graph
        if graph.tape.operator(number) == _WRITE:
            before = int(graph.same_array[graph.tape.fields(number)[1]])
            put = None
        else:
            node = self.node(graph, number)
            if node.way != "write" or not isinstance(node.operands[0], _NODE):
                return None
            before, put = node.operands[0].number, node.operands[1]
        if graph.fixed_array[before] or before in self.inputs:
            return None
        value = self.value(graph, before)
        if value is None or not value.kind or value.root not in self.root:
            return None
        own = self.value(graph, number)
        if own is None or own.strides != value.strides or value.offset != 0 or value.root != before:
            return None
        if self.last[before] > k:
            return None
        root = self.root[before]
        if root in self.external:
            return None
        if isinstance(put, _NODE):
            other = self.value(graph, put.number)
            if other is not None and other.kind and self.root.get(other.root) == root:
                return None
        self.last_in[root] = max(self.last_in.get(root, self.last[root]), self.last[number])
        return root

    def spot(self, value: Value) -> tuple[int, int]:
        """Return the base and the byte offset where a value begins."""
        root = self.root[value.root]
        base, offset = self.at[root]
        return base, offset + value.offset

    # --- instructions

    def begin(self, scalars: Scalars, stage: int) -> None:
        """Write the groups of a stage."""
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for number in self.members[stage]:
            by_shape.setdefault(self.node(self.graph, number).value.shape, []).append(number)  # type: ignore[union-attr]
        for shape, numbers in by_shape.items():
            self._group(scalars, shape, numbers)

    def _group(self, scalars: Scalars, shape: tuple[int, ...], numbers: list[int]) -> None:
        loads: list[Any] = []
        load_of: dict[Any, int] = {}

        def load(key: Any, spec: Any) -> int:
            if key not in load_of:
                load_of[key] = len(loads)
                loads.append(spec)
            return -1 - load_of[key]

        inside = set(numbers)
        members = []
        for number in numbers:
            node = self.node(self.graph, number)
            operands = []
            for x in node.operands:
                if isinstance(x, _NODE) and x.number in inside:
                    operands.append(x.number)
                else:
                    spec = self.operand(scalars, x, shape)
                    operands.append(load(spec, spec))
            function = scalars.function(*node.function) if node.op == OPCODES["call"] else 0
            members.append((number, node.op, function, operands))
        stores = {}
        for number in numbers:
            if number in self.needed:
                stores[number] = self._spec(self.value(self.graph, number), shape)
        made, scratch = group(shape, members, loads, stores)
        self.scratch = max(self.scratch, scratch)
        self.work += (int(np.prod(shape)) + 20) * len(members)
        scalars.code.emit(OPCODES["group"], len(self.groups))
        self.groups.append(made)

    def _spec(self, value: Any, shape: tuple[int, ...]) -> tuple[int, str, int, tuple[int, ...]]:
        base, offset = self.spot(value)
        return base, value.kind, offset, _spread(value.shape, value.strides, shape)

    def operand(self, scalars: Scalars, x: Any, shape: tuple[int, ...]) -> tuple[int, str, int, tuple[int, ...]]:
        """Return how a group reads an operand: base, kind, byte offset, strides."""
        if isinstance(x, _NODE):
            value = self.value(self.graph, x.number)
            if value is None:
                return 0, "d", self.number_at(scalars, x.number), (0,) * len(shape)
            return self._spec(value, shape)
        offset, kind, own, strides = self.constant_place(x)
        return 1, kind, offset, _spread(own, strides, shape)

    def number_at(self, scalars: Scalars, number: int) -> int:
        """Return the byte offset of a number."""
        return 8 * int(scalars.at(number))

    def constant_place(self, x: Any) -> tuple[int, str, tuple[int, ...], tuple[int, ...]]:
        """Return where a constant array lies among the constants."""
        held = np.asarray(x)
        array = np.ascontiguousarray(held, dtype=float).reshape(held.shape)
        if array.size and np.all(array == (first := array.reshape(-1)[0])) and not np.any(np.signbit(array) != np.signbit(first)):
            array = np.broadcast_to(first, array.shape)
        key = (array.shape, array.strides, array.reshape(-1)[:1].tobytes() if 0 in array.strides else array.tobytes())
        if key not in self.constant_at:
            stored = array.reshape(-1)[:1] if array.ndim and not any(array.strides) else array.reshape(-1)
            self.constant_at[key] = (8 * self.constant_size, "d", array.shape, array.strides)
            self.bytes.append(np.array(stored, dtype=float))
            self.constant_size += stored.size
        return self.constant_at[key]

    def write(self, scalars: Scalars, number: int, k: int) -> None:
        """Write the instructions of a general node."""
        node = self.node(self.graph, number)
        way = node.way
        if way in ("input", "view"):
            return
        if way == "each":
            if node.value is None:
                self._number(scalars, number, node)
            return
        if way == "pack":
            self._pack(scalars, node)
            return
        if way == "write":
            self._write(scalars, number, node)
            return
        if way == "reduce":
            self._reduce(scalars, number, node)
            return
        self._call(scalars, number, node)

    def _pack(self, scalars: Scalars, node: Node) -> None:
        """Put numbers in an array: one by one, or where many lie one behind the other already, as an array."""
        base, offset = self.spot(node.value)  # type: ignore[arg-type]
        places = np.array([self._place_of(scalars, x) for x in node.operands])
        ends = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
        for start, stop in itertools.pairwise(ends):
            if stop - start >= _RUN:
                target = (base, "d", offset + 8 * start, (8,))
                self._copy(scalars, (0, "d", 8 * int(places[start]), (8,)), target, (stop - start,))
                continue
            for i in range(start, stop):
                scalars.code.emit(OPCODES["move"], offset // 8 + i, places[i])

    def _number(self, scalars: Scalars, number: int, node: Node) -> None:
        sources = [self._place_of(scalars, x) for x in node.operands]
        words = [node.op, scalars.give(number)]
        if node.op == OPCODES["call"]:
            words.append(scalars.function(*node.function))
        elif node.op == OPCODES["square"]:
            words = [OPCODES["multiply"], words[1]]
            sources = sources * 2
        scalars.code.emit(*words, *sources)

    def _place_of(self, scalars: Scalars, x: Any) -> int:
        """Return the place of a number, also of one that is an array without axes."""
        if not isinstance(x, _NODE):
            return int(scalars.constant(float(x)))
        value = self.value(self.graph, x.number)
        if value is None:
            return int(scalars.at(x.number))
        base, offset = self.spot(value)
        if base == 0 and value.kind == "d":
            return offset // 8
        place = int(scalars.new_place())
        self._copy(scalars, self._spec(value, ()), (0, "d", 8 * place, ()), ())
        return place

    def _copy(self, scalars: Scalars, source: Any, target: Any, shape: tuple[int, ...]) -> None:
        made, scratch = group(shape, [(0, OPCODES["move"], 0, [-1])], [source], {0: target})
        self.scratch = max(self.scratch, scratch)
        self.work += int(np.prod(shape)) + 20
        scalars.code.emit(OPCODES["group"], len(self.groups))
        self.groups.append(made)

    def prepare_write(self, scalars: Scalars, number: int) -> None:
        """Copy the old version where a write cannot take place in its memory."""
        if number in self.kept_in_place:
            return
        graph = self.graph
        own = self.value(graph, number)
        before = graph.tape.fields(number)[1] if graph.tape.operator(number) == _WRITE else -1
        if before < 0:
            node = self.node(graph, number)
            source = node.operands[0]
        else:
            before = int(graph.same_array[before])
            source = self.constant(before) if graph.fixed_array[before] else _NODE(before)
        self._copy(scalars, self.operand(scalars, source, own.shape), self._spec(own, own.shape), own.shape)  # type: ignore[union-attr]

    def _write(self, scalars: Scalars, number: int, node: Node) -> None:
        self.prepare_write(scalars, number)
        part: Value = node.function
        base, offset = self.spot(node.value)  # type: ignore[arg-type]
        target = (base, part.kind, offset + part.offset, part.strides)
        put = node.operands[1]
        self._copy(scalars, self.operand(scalars, put, part.shape), target, part.shape)

    def _reduce(self, scalars: Scalars, number: int, node: Node) -> None:
        ufunc, first, outer, inner, rows = node.function
        loop = ufunc.types.index("dd->d")
        value = self.value(self.graph, node.operands[0].number)
        base, offset = self.spot(value)  # type: ignore[arg-type]
        target = (0, 8 * scalars.give(number)) if node.value is None else self.spot(node.value)
        scalars.code.emit(OPCODES["reduce"], len(self.reductions))
        self.reductions.append((scalars.function(ufunc, loop), first, outer, inner, rows, (base, offset), target))
        self.work += outer * inner

    def _call(self, scalars: Scalars, number: int, node: Node) -> None:
        operands = tuple(self._handed(scalars, x) for x in node.operands)
        if node.value is None:
            target: tuple[Any, ...] = (NUMBER, scalars.give(number))
        elif not node.value.kind:
            target = (OBJECT, self.objects[number], *self._kept(node.value))
        else:
            target = (COPIED, self.view_spec(node.value))
        scalars.code.emit(OPCODES["callback"], len(self.callbacks))
        self.callbacks.append(Callback(node.function, node.args, node.kwargs, operands, target, node.name))
        self.work += 1e4

    @staticmethod
    def _kept(value: Value) -> tuple[Any, Any]:
        """Return the shape and type that a value kept as an object must have; None for several results."""
        return (value.shape, value.dtype) if value.dtype is not None else ((), None)

    def _handed(self, scalars: Scalars, x: Any) -> tuple[int, Any]:
        if not isinstance(x, _NODE):
            return FIXED, x
        value = self.value(self.graph, x.number)
        if value is None:
            return NUMBER, scalars.at(x.number)
        if not value.kind:
            return OBJECT, self.objects[value.root]
        return COPIED, self.view_spec(value)

    def view_spec(self, value: Value) -> tuple[Any, ...]:
        """Return what a Python function is shown of the memory."""
        base, offset = self.spot(value)
        return base, value.kind, offset, value.strides, value.shape

    def guard(self, scalars: Scalars, number: int, guard: int, outcome: Any) -> None:
        """Write the instruction that stops the machine where a node has another outcome than it had."""
        value = self.value(self.graph, number)
        if isinstance(outcome, (bool, np.bool_)) and (value is None or value.shape == () and value.kind == "d"):
            scalars.code.emit(OPCODES["guard"], guard, self._place_of(scalars, _NODE(number)), int(outcome))
        elif isinstance(outcome, int) and value is None:
            scalars.code.emit(OPCODES["guard_whole"], guard, scalars.at(number), scalars.constant(float(outcome)))
        else:
            operands = (self._handed(scalars, _NODE(number)),)
            scalars.code.emit(OPCODES["callback"], len(self.callbacks))
            check = Outcome(outcome)
            self.callbacks.append(Callback(check, None, None, operands, (-1, guard), "guard"))
            self.work += 1e4


class Outcome:
    """Whether a value has the outcome on which a recording relied."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def __call__(self, value: Any) -> bool:
        if isinstance(self.outcome, (bool, np.bool_)):
            return bool(value) == bool(self.outcome)
        if isinstance(self.outcome, int):
            return bool(np.trunc(value) == self.outcome)
        wanted = np.asarray(self.outcome)
        return bool(np.shape(value) == wanted.shape and np.array_equal(value, wanted, equal_nan=wanted.dtype.kind == "f"))


def _spread(own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides with which an array is read in a shape that it is broadcast to."""
    lead = len(shape) - len(own)
    return (0,) * lead + tuple(
        0 if n == 1 and whole != 1 else stride
        for n, stride, whole in zip(own, strides, shape[lead:], strict=True)
    )


