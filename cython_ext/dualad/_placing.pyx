"""Which memory the arrays of a program lie in, and what is computed together."""

import heapq

import numpy as np

from dualad._lower cimport Graph
from dualad._nodes cimport _NODE, Node, Nodes
from dualad._tape cimport GENERAL, READ, WRITE
from dualad._values cimport Value

cdef enum:
    FOREVER = 2147483647   # a position of the schedule after all others
    TOTALS = 8             # sums of all elements in one group
    ROW = 2048             # elements that are summed in one block
    REDUCE = 0             # see dualad/program/whole.py


cdef class Placing(Nodes):
    """Plans memory along the schedule.

    A group of elementwise operations also takes the sums of its results, and puts results in slices of arrays, where
    nothing forbids it: those are its *sinks* and *direct* writes.
    """

    def __init__(self, tape, set inputs):
        super().__init__(tape, inputs)
        self.external = {}     # of nodes whose memory is given from outside: the base
        self.room = {}
        self.last_in = {}
        self.objects = {}
        self.sinks = {}        # sums taken by a stage's groups
        self.direct = {}       # writes done by a stage's groups
        self.done = set()      # both
        self.joins = {}        # by stage: results, and where a group puts them
        self.joined = set()
        self.totals = {}
        self.readers = {}
        self.writers = {}
        self.last = {}
        self.born = {}
        self.numbers = set()   # that arrays use
        self.needed = set()    # elementwise nodes that are used outside their group
        self.root = {}
        self.kept_in_place = set()
        self.chain = {}        # of a root: the versions that lie in its memory
        self.at = {}           # of a root: base, byte offset

    # --- the plan

    def plan(self, Graph graph, order, outputs, guarded):
        """Give every array its memory."""
        cdef Node node
        cdef Py_ssize_t k
        cdef int number, base
        cdef Py_ssize_t i
        cdef list writes = []
        cdef int[::1] ops
        self.graph = graph
        stage = graph.stage_array
        self.stages = int(stage[order[len(order) - 1]]) + 1 if len(order) else 0
        self.starts = np.searchsorted(stage[order], np.arange(self.stages + 1)).astype(np.intp)
        self.home = np.full(graph.n, -1, np.int64)
        self.stable = np.ones(graph.n, np.uint8)
        self.members = [[] for _ in range(self.stages)]
        operators, lefts = graph.operators()
        taken = operators[order]
        reads = np.flatnonzero(taken == READ)
        # The last read of an array is as good as all of them.
        self.reads = dict(zip(graph.final_array[lefts[order[reads]]].tolist(), reads.tolist()))
        heads = (taken == WRITE) & (graph.head_array[graph.final_array[order]] == order)
        ops = taken
        found = np.flatnonzero((taken == GENERAL) | heads)
        cdef Py_ssize_t[::1] places = found
        cdef int[::1] general = graph.final_array[order[found]]
        for i in range(places.shape[0]):
            if ops[places[i]] == GENERAL:
                node = self.node_of(graph, general[i])
                if node.way == "write":
                    writes.append((places[i], general[i], node))
                    if type(node.operands[0]) is _NODE:
                        base = (<_NODE> node.operands[0]).number
                        self.writers[base] = self.writers.get(base, 0) + 1
        for i in range(places.shape[0]):
            if ops[places[i]] != GENERAL or self.node_of(graph, general[i]).way != "write":
                self.uses(places[i], general[i], ops[places[i]])
        for number in outputs:
            self.use(graph.same[number], FOREVER, True)
        for number in guarded:
            self.use(graph.same[number], FOREVER, True)
        for number, k in self.reads.items():
            self.use(number, FOREVER if self.stable[number] else k, True)
        for k, number, node in writes:
            self.write_uses(k, number, node)
        self.stable[(operators == WRITE) & (graph.final_array != np.arange(graph.n))] = 0
        self.scalars_touch = {*self.reads, *graph.final_array[order[heads]].tolist()}
        self.place_all(general)

    cdef int uses(self, Py_ssize_t k, int number, int op) except -1:
        cdef Graph graph = self.graph
        cdef Node node
        cdef int base, stage
        cdef bint summed
        cdef Py_ssize_t at, used
        if op == WRITE:
            self.note_birth(number, k)
            base = self.version_before(graph, number)
            if not graph.fixed[base]:
                self.stable[base] = 0
                self.use(base, k, True)
            return 0
        node = self.node_of(graph, number)
        stage = graph.stage[number]
        summed = node.way == "reduce" and self.sums(number, node, stage)
        at = self.starts[stage] if node.fused or summed else k
        if node.fused:
            (<list> self.members[stage]).append(number)
        elif summed:
            self.sinks.setdefault(stage, []).append(number)
            self.done.add(number)
        used = at  # what is joined by copying is read when the schedule comes to the join
        if node.way == "join":
            at = min(k, self.join(number, node))
        if node.value is not None:
            self.note_birth(number, at)
        for x in node.operands:
            if type(x) is _NODE:
                base = (<_NODE> x).number
                if self.joined and (number, base) in self.joined:
                    continue
                self.use(base, used, not summed and not (node.fused and self.in_group(base, number)), number)
        return 0

    cdef Py_ssize_t join(self, int number, Node node) except -1:
        """Note which groups put their results where they are joined; return when the first of them runs."""
        cdef Py_ssize_t first = FOREVER
        cdef Value value, place
        cdef int part, stage
        for x, place in node.function:
            if type(x) is not _NODE:
                continue
            part = (<_NODE> x).number
            if part in self.inputs or not self.is_fused(part) or (number, part) in self.joined:
                continue
            value = self.value_of(self.graph, part)
            if value is None or value.kind != "d" or value.shape != place.shape:
                continue
            stage = self.graph.stage[part]
            self.joins.setdefault(stage, []).append((part, number))
            self.joined.add((number, part))
            first = min(first, self.starts[stage])
        return first

    cdef bint sums(self, int number, Node node, int stage) except -1:
        """Say whether a sum is taken by the group that computes its terms."""
        cdef int terms = (<_NODE?> node.operands[0]).number
        whole = node.function
        if whole.way != REDUCE or whole.function is not ADD:
            return False
        if terms in self.inputs or not self.is_fused(terms) or self.graph.stage[terms] != stage:
            return False
        if not self.value_of(self.graph, terms).dense():
            return False  # a group goes through its elements in the order of the axes
        outer, length, inner, _ = whole.sizes
        key = stage, self.value_of(self.graph, terms).shape
        if outer == inner == 1:
            # Rows and totals cut the elements differently.
            self.totals[key] = self.totals.get(key, 0) + 1
            return 0 < self.totals[key] <= TOTALS
        if inner == 1:
            if length > ROW or self.totals.get(key, 0) > 0:
                return False
            self.totals[key] = -FOREVER
        return True

    cdef bint is_fused(self, int number) except -1:
        return self.tape.op[number] == GENERAL and self.node_of(self.graph, number).fused

    cdef int write_uses(self, Py_ssize_t k, int number, Node node) except -1:
        cdef int stage = self.graph.stage[number]
        cdef bint direct = self.is_direct(node, stage)
        cdef Py_ssize_t at = self.starts[stage] if direct else k
        base, put = node.operands
        if direct:
            self.direct.setdefault(stage, []).append(number)
            self.done.add(number)
        self.note_birth(number, at)
        if type(base) is _NODE:
            self.use((<_NODE> base).number, at, True)
            self.stable[(<_NODE> base).number] = 0
        if type(put) is _NODE:
            self.use((<_NODE> put).number, at, not direct, number)
        return 0

    cdef bint is_direct(self, Node node, int stage) except -1:
        """Say whether a group puts its results in a slice of an array: all others that read this version do so before,
        or read the very elements in the same group.
        """
        cdef Graph graph = self.graph
        cdef Value value, seen, part = node.function
        cdef Node before
        cdef int version, user
        base, put = node.operands
        if type(put) is not _NODE or (<_NODE> put).number in self.inputs or not self.is_fused((<_NODE> put).number):
            return False
        value = self.value_of(graph, (<_NODE> put).number)
        if graph.stage[(<_NODE> put).number] != stage or value is None or value.shape != part.shape:
            return False
        if value.kind != "d" or part.kind != "d":
            return False
        if type(base) is not _NODE:
            return True
        version = (<_NODE> base).number
        if self.writers[version] != 1:
            return False  # equal arrays are one: of two writes into it each needs what was there before
        if graph.stage[version] == stage and version not in self.inputs:
            before = self.described(version)
            if version not in self.done or before is None or before.way != "write":
                return False
            if self.last[version] >= 0 or not are_apart(before.function, part):
                return False
            while version in self.done:  # earlier ones of this stage
                before = self.described(version)
                if graph.stage[version] != stage or before.way != "write":
                    break
                if not are_apart(before.function, part):
                    return False
                if type(before.operands[0]) is not _NODE:
                    break
                version = (<_NODE> before.operands[0]).number
        for user, seen in self.readers.get(version, ()):
            if graph.stage[user] == stage:
                if seen.shape != part.shape or seen.strides != part.strides or seen.offset != part.offset:
                    return False
                if not self.is_fused(user) or self.value_of(graph, user).shape != part.shape:
                    return False
        return True

    cdef bint in_group(self, int number, int user) except -1:
        return self.graph.stage[number] == self.graph.stage[user] and self.is_fused(number)

    cdef int note_birth(self, int number, Py_ssize_t k) except -1:
        self.born[number] = -1 if number in self.inputs else k
        self.last.setdefault(number, -1)
        return 0

    cdef int use(self, int number, Py_ssize_t k, bint outside, int user=-1) except -1:
        cdef Value value
        if self.graph.fixed[number]:
            return 0
        value = self.value_of(self.graph, number)
        if value is None:
            self.numbers.add(number)
            return 0
        if outside:
            self.needed.add(number)
            if user >= 0 and value.root in self.writers:
                self.readers.setdefault(value.root, []).append((user, value))
            if value.root != number:
                self.needed.add(value.root)
        if <Py_ssize_t> self.last.get(value.root, -1) < k:
            self.last[value.root] = k
        return 0

    cdef int place_all(self, int[::1] general) except -1:
        """Walk along the schedule: memory for what is born, back what is used for the last time."""
        cdef Graph graph = self.graph
        cdef Value value
        cdef Py_ssize_t i, k, room, offset, top = 0
        cdef int number, gone, before
        cdef dict free = {}
        cdef list ends = []
        cdef long long[::1] home = self.home
        nodes = np.fromiter(self.born, np.int64, len(self.born))
        births = np.fromiter(self.born.values(), np.int64, len(self.born))
        sequence = np.lexsort((nodes, births))
        cdef long long[::1] events = nodes[sequence], when = births[sequence]
        for i in range(events.shape[0]):
            k, number = when[i], events[i]
            value = self.value_of(graph, number)
            if value is None or value.root != number or not value.kind:
                if value is not None and not value.kind:
                    self.objects[number] = len(self.objects)
                continue
            while ends and ends[0][0] < k:
                _, gone = heapq.heappop(ends)
                if self.last_of(gone) >= k:
                    heapq.heappush(ends, (self.last_of(gone), gone))
                elif gone in self.at and self.at[gone][0] == 0:
                    free.setdefault(self.room[gone], []).append(self.at[gone][1])
            before = self.overwrites(number, k)
            if before >= 0:
                self.root[number] = before
                self.kept_in_place.add(number)
                self.chain.setdefault(before, [before]).append(number)
                if number in self.external:
                    self.move_out(number, before)
                continue
            self.root[number] = number
            if number in self.external:
                self.at[number] = (self.external[number], 0)
                continue
            if self.is_temporary(number):
                continue
            room = (max(value.size * value.width(), 1) + 63) // 64 * 64
            self.room[number] = room
            idle = free.get(room)
            if idle:
                offset = idle.pop()
            else:
                offset, top = top, top + room
            self.at[number] = (0, offset)
            heapq.heappush(ends, (self.last_of(number), number))
        self.top = top
        for i in range(general.shape[0]):
            number = general[i]
            value = self.value_of(graph, number)
            if value is not None and value.kind == "d" and not self.is_temporary(number):
                base, offset = self.place(value)
                if base == 0:
                    home[number] = offset // 8
        return 0

    cdef int move_out(self, int number, int root) except -1:
        """Let all versions of an array lie where its last one is wanted."""
        if self.at[root][0] == 0 and not self.scalars_touch.intersection(self.chain[root]):
            self.at[root] = self.external[number], 0
        else:
            del self.external[number]
        return 0

    cdef Py_ssize_t last_of(self, int root) except -2:
        """Return the last use of a root's memory, by all versions that lie in it."""
        found = self.last_in.get(root)
        return self.last[root] if found is None else found

    cdef bint is_temporary(self, int number) except -1:
        """Say whether a value lives in the blocks of its group only."""
        if self.tape.op[number] != GENERAL or number in self.needed:
            return False
        return self.node_of(self.graph, number).way == "each"

    cdef int overwrites(self, int number, Py_ssize_t k) except -2:
        """Return the root in whose memory a write may take place, -1 where the old version is needed still."""
        cdef Graph graph = self.graph
        cdef Node node
        cdef Value value, own, other
        cdef int before, root
        put = None
        if self.tape.op[number] == WRITE:
            before = self.version_before(graph, number)
        else:
            node = self.node_of(graph, number)
            if node.way != "write" or type(node.operands[0]) is not _NODE:
                return -1
            before, put = (<_NODE> node.operands[0]).number, node.operands[1]
        if graph.fixed[before] or before in self.inputs:
            return -1
        value = self.value_of(graph, before)
        if value is None or not value.kind or value.root not in self.root:
            return -1
        own = self.value_of(graph, number)
        if own is None or own.strides != value.strides or value.offset != 0 or value.root != before:
            return -1
        if <Py_ssize_t> self.last[before] > k:
            return -1
        root = self.root[before]
        if root in self.external:
            return -1
        if type(put) is _NODE:
            other = self.value_of(graph, (<_NODE> put).number)
            if other is not None and other.kind and self.root.get(other.root) == root:
                return -1
        self.last_in[root] = max(self.last_of(root), <Py_ssize_t> self.last[number])
        return root

    def spot(self, Value value):
        """Return the base and the byte offset where a value begins."""
        return self.place(value)

    cdef tuple place(self, Value value):
        cdef tuple at = self.at[self.root[value.root]]
        return (at[0], <Py_ssize_t> at[1] + value.offset) if value.offset else at


cdef object ADD = np.add


cdef bint are_apart(Value one, Value other) except -1:
    """Say whether two parts of an array have no byte in common, as far as their ends tell."""
    a, b = ends_of(one)
    c, d = ends_of(other)
    return b <= c or d <= a


cdef tuple ends_of(Value part):
    cdef Py_ssize_t low = part.offset, high = part.offset + 8, step
    for n, stride in zip(part.shape, part.strides):
        step = <Py_ssize_t> stride * (<Py_ssize_t> n - 1)
        low += min(step, 0)
        high += max(step, 0)
    return low, high
