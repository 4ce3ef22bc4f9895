"""Which memory the arrays of a program lie in, and what is computed together."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.program.describe import _NODE, Describing
from dualad.program.kernels import Graph
from dualad.program.nodes import FOREVER, GENERAL, READ, WRITE, Node, Value
from dualad.program.whole import REDUCE
from dualad.reverse.kernels import Tape

__all__ = ["Placing"]

_TOTALS = 8  # sums of all elements in one group
_ROW = 2048  # elements that are summed in one block


class Placing(Describing):
    """Plans memory along the schedule.

    A group of elementwise operations also takes the sums of its results, and puts results in slices of arrays, where
    nothing forbids it: those are its *sinks* and *direct* writes.
    """

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        super().__init__(tape, inputs)
        self.external: dict[int, int] = {}  # of nodes whose memory is given from outside: the base
        self.room: dict[int, int] = {}
        self.last_in: dict[int, int] = {}
        self.objects: dict[int, int] = {}
        self.sinks: dict[int, list[int]] = {}  # sums taken by a stage's groups
        self.direct: dict[int, list[int]] = {}  # writes done by a stage's groups
        self.done: set[int] = set()  # both
        self.joins: dict[int, list[tuple[int, int]]] = {}  # by stage: results, and where a group puts them
        self.joined: set[tuple[int, int]] = set()
        self.totals: dict[Any, int] = {}
        self.readers: dict[int, list[tuple[int, Value]]] = {}
        self.writers: dict[int, int] = {}

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
        reads = np.flatnonzero(ops == READ)
        # The last read of an array is as good as all of them.
        final, head = graph.final_array, graph.head_array
        self.reads = dict(zip(final[lefts[order[reads]]].tolist(), reads.tolist(), strict=True))
        heads = (ops == WRITE) & (head[final[order]] == order)
        for k in np.flatnonzero((ops == GENERAL) | heads).tolist():
            general.append((k, int(final[order[k]])))
        writes = []
        for k, number in general:
            if ops[k] == GENERAL and self.node(graph, number).way == "write":
                writes.append((k, number, self.node(graph, number)))
            else:
                self._uses(k, number, int(ops[k]))
        for number in outputs:
            self._use(int(graph.same_array[number]), FOREVER, True)
        for number in guarded:
            self._use(int(graph.same_array[number]), FOREVER, True)
        for base, k in self.reads.items():
            self._use(base, FOREVER if self.stable[base] else k, True)
        for _, _, node in writes:
            if isinstance(node.operands[0], _NODE):
                base = node.operands[0].number
                self.writers[base] = self.writers.get(base, 0) + 1
        for k, number, node in writes:
            self._write_uses(k, number, node)
        inner = operators == WRITE
        self.stable[inner & (final != np.arange(graph.n))] = 0
        self.scalars_touch = {*self.reads, *final[order[heads]].tolist()}
        self._place(general)

    def _uses(self, k: int, number: int, op: int) -> None:
        graph = self.graph
        if op == WRITE:
            value = self.value(graph, number)
            self._born(number, k, value)
            base = self.overwritten(graph, number)
            if not graph.fixed_array[base]:
                self.stable[base] = 0
                self._use(base, k, True)
            return
        node = self.node(graph, number)
        fused = node.way == "each" and node.value is not None
        stage = int(graph.stage_array[number])
        sinks = node.way == "reduce" and self._sinks(number, node, stage)
        at = int(self.starts[stage]) if fused or sinks else k
        if fused:
            self.members[stage].append(number)
        elif sinks:
            self.sinks.setdefault(stage, []).append(number)
            self.done.add(number)
        used = at  # what is joined by copying is read when the schedule comes to the join
        if node.way == "join":
            at = min(k, self._join(number, node))
        if node.value is not None:
            self._born(number, at, node.value)
        for x in node.operands:
            if isinstance(x, _NODE):
                if (number, x.number) in self.joined:
                    continue
                outside = not sinks and not (fused and self._in_group(x.number, number))
                self._use(x.number, used, outside, number)

    def _join(self, number: int, node: Node) -> int:
        """Note which groups put their results where they are joined; return when the first of them runs."""
        first = FOREVER
        for x, place in node.function:
            if not isinstance(x, _NODE) or not self._is_fused(x.number) or x.number in self.inputs:
                continue
            value = self.value(self.graph, x.number)
            if value is None or value.kind != "d" or value.shape != place.shape or (number, x.number) in self.joined:
                continue
            stage = int(self.graph.stage_array[x.number])
            self.joins.setdefault(stage, []).append((x.number, number))
            self.joined.add((number, x.number))
            first = min(first, int(self.starts[stage]))
        return first

    def _sinks(self, number: int, node: Node, stage: int) -> bool:
        """Say whether a sum is taken by the group that computes its terms."""
        whole, terms = node.function, node.operands[0].number
        if whole.way != REDUCE or whole.function is not np.add:
            return False
        if terms in self.inputs or not self._is_fused(terms) or self.graph.stage_array[terms] != stage:
            return False
        value = self.value(self.graph, terms)
        if value is None or not value.is_dense:
            return False  # a group goes through its elements in the order of the axes
        outer, length, inner, _ = whole.sizes
        key = stage, value.shape
        if outer == inner == 1:
            # Rows and totals cut the elements differently.
            self.totals[key] = self.totals.get(key, 0) + 1
            return 0 < self.totals[key] <= _TOTALS
        if inner == 1:
            if length > _ROW or self.totals.get(key, 0) > 0:
                return False
            self.totals[key] = -FOREVER
        return True

    def _is_fused(self, number: int) -> bool:
        if self.graph.tape.operator(number) != GENERAL:
            return False
        node = self.node(self.graph, number)
        return node.way == "each" and node.value is not None

    def _write_uses(self, k: int, number: int, node: Node) -> None:
        base, put = node.operands
        stage = int(self.graph.stage_array[number])
        direct = self._is_direct(node, stage)
        at = int(self.starts[stage]) if direct else k
        if direct:
            self.direct.setdefault(stage, []).append(number)
            self.done.add(number)
        self._born(number, at, node.value)
        if isinstance(base, _NODE):
            self._use(base.number, at, True)
            self.stable[base.number] = 0
        if isinstance(put, _NODE):
            self._use(put.number, at, not direct, number)

    def _is_direct(self, node: Node, stage: int) -> bool:
        """Say whether a group puts its results in a slice of an array: all others that read this version do so before,
        or read the very elements in the same group.
        """
        graph = self.graph
        base, put = node.operands
        part: Value = node.function
        if not isinstance(put, _NODE) or not self._is_fused(put.number) or put.number in self.inputs:
            return False
        value = self.value(graph, put.number)
        if graph.stage_array[put.number] != stage or value is None or value.shape != part.shape:
            return False
        if value.kind != "d" or part.kind != "d":
            return False
        if not isinstance(base, _NODE):
            return True
        version = base.number
        if graph.stage_array[version] == stage and version not in self.inputs:
            before = self.found.get(version)
            if version not in self.done or before is None or before.way != "write" or self.writers[version] != 1:
                return False
            if self.last[version] >= 0 or not _apart(before.function, part):
                return False
            while version in self.done:  # earlier ones of this stage
                one = self.found[version]
                if graph.stage_array[version] != stage or one.way != "write":
                    break
                if not _apart(one.function, part):
                    return False
                if not isinstance(one.operands[0], _NODE):
                    break
                version = one.operands[0].number
        for user, seen in self.readers.get(version, ()):
            if graph.stage_array[user] == stage:
                same = (seen.shape, seen.strides, seen.offset) == (part.shape, part.strides, part.offset)
                if not same or not self._is_fused(user) or self.value(graph, user).shape != part.shape:  # type: ignore[union-attr]
                    return False
        return True

    def _in_group(self, number: int, user: int) -> bool:
        stage = self.graph.stage_array
        return bool(stage[number] == stage[user]) and self._is_fused(number)

    def _born(self, number: int, k: int, value: Value | None) -> None:
        self.born[number] = -1 if number in self.inputs else k
        self.last.setdefault(number, -1)

    def _use(self, number: int, k: int, outside: bool, user: int = -1) -> None:
        if self.graph.fixed_array[number]:
            return
        value = self.value(self.graph, number)
        if value is None:
            self.numbers.add(number)
            return
        if outside:
            self.needed.add(number)
            if user >= 0:
                self.readers.setdefault(value.root, []).append((user, value))
        if value.root != number and outside:
            self.needed.add(value.root)
        self.last[value.root] = max(self.last.get(value.root, -1), k)

    def _place(self, general: list[tuple[int, int]]) -> None:
        """Walk along the schedule: memory for what is born, back what is used for the last time."""
        graph = self.graph
        events = sorted((self.born[number], number) for number in self.born)
        self.root: dict[int, int] = {}
        self.kept_in_place: set[int] = set()
        self.chain: dict[int, list[int]] = {}  # of a root: the versions that lie in its memory
        self.at: dict[int, tuple[int, int]] = {}  # of a root: base, byte offset
        free: dict[int, list[int]] = {}
        ends: list[tuple[int, int]] = []
        top = 0
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
                self.chain.setdefault(before, [before]).append(number)
                if number in self.external:
                    self._move_out(number, before)
                continue
            self.root[number] = number
            if number in self.external:
                self.at[number] = (self.external[number], 0)
                continue
            if self._is_temporary(number):
                continue
            room = -(-max(value.nbytes, 1) // 64) * 64
            self.room[number] = room
            if free.get(room):
                offset = free[room].pop()
            else:
                offset, top = top, top + room
            self.at[number] = (0, offset)
            heapq.heappush(ends, (self.last_of(number), number))
        self.top = top
        for _, number in general:
            value = None if graph.tape.operator(number) == READ else self.value(graph, number)
            if value is not None and value.kind and not self._is_temporary(number):
                base, offset = self.spot(value)
                if base == 0 and value.kind == "d":
                    self.home[number] = offset // 8

    def _move_out(self, number: int, root: int) -> None:
        """Let all versions of an array lie where its last one is wanted."""
        if self.at[root][0] == 0 and not self.scalars_touch.intersection(self.chain[root]):
            self.at[root] = self.external[number], 0
        else:
            del self.external[number]

    def last_of(self, root: int) -> int:
        """Return the last use of a root's memory, by all versions that lie in it."""
        return self.last_in.get(root, self.last[root])

    def _is_temporary(self, number: int) -> bool:
        """Say whether a value lives in the blocks of its group only."""
        if self.graph.tape.operator(number) != GENERAL:
            return False
        node = self.node(self.graph, number)
        return node.way == "each" and number not in self.needed

    def _overwrites(self, number: int, k: int) -> int | None:
        """Return the root in whose memory a write may take place, None where the old version is needed still."""
        graph = self.graph
        if graph.tape.operator(number) == WRITE:
            before = self.overwritten(graph, number)
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


def _apart(one: Value, other: Value) -> bool:
    """Say whether two parts of an array have no byte in common, as far as their ends tell."""
    (a, b), (c, d) = _ends(one), _ends(other)
    return b <= c or d <= a


def _ends(part: Value) -> tuple[int, int]:
    steps = [stride * (n - 1) for n, stride in zip(part.shape, part.strides, strict=True)]
    return part.offset + sum(min(step, 0) for step in steps), part.offset + sum(max(step, 0) for step in steps) + 8
