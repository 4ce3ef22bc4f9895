"""Which memory the arrays of a program lie in, and what is computed together."""

import heapq

from cpython.mem cimport PyMem_Calloc, PyMem_Free

import numpy as np

from dualad._columns cimport GENERAL, READ, WRITE
from dualad._lower cimport Graph
from dualad._nodes cimport _NODE, Node, Nodes
from dualad._values cimport Value

cdef enum:
    UNBORN = -2
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
        cdef Py_ssize_t k
        super().__init__(tape, inputs)
        self.external = {}     # of nodes whose memory is given from outside: the base
        self.objects = {}
        self.fused, self.direct = [], []   # elementwise operations of groups; writes done by groups
        self.reader, self.reader_before, self.reader_value = [], [], []
        self.sinks = {}        # sums taken by a stage's groups
        self.joins = {}        # by stage: results, and where a group puts them
        self.joined = set()
        self.totals = {}
        self.numbers = set()   # that arrays use
        self.chain = {}        # of a root: the versions that lie in its memory
        self.count = len(tape)
        self.spots = <Spot *> PyMem_Calloc(max(self.count, 1), sizeof(Spot))
        if self.spots == NULL:
            raise MemoryError
        for k in range(self.count):
            self.spots[k].last = self.spots[k].last_in = -1
            self.spots[k].base = self.spots[k].root = -1
            self.spots[k].born = UNBORN

    def __dealloc__(self):
        PyMem_Free(self.spots)

    def is_done(self, int number):
        """Say whether a sum or a write is done by a group."""
        return self.spots[number].done

    def is_kept(self, int number):
        """Say whether a version of an array lies in the memory of the one before."""
        return self.spots[number].kept

    def is_settled(self, int number):
        """Say whether nothing is left to write for a general node: its group does it, or nothing has to be done."""
        cdef Node node = self.node_of(self.graph, number)
        if node.way == "reduce":
            return False
        if node.way == "each":
            return node.value is not None
        return node.way == "view" or node.way == "input" or self.spots[number].done

    cdef list next_of(self, list nodes, Py_ssize_t *at, int stage):
        """Return the nodes of the next stage."""
        cdef Py_ssize_t first = at[0]
        while at[0] < len(nodes) and self.graph.stage[<int> nodes[at[0]]] == stage:
            at[0] += 1
        return nodes[first:at[0]]

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
                        self.spots[base].writers += 1
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
            self.fused.append(number)
        elif summed:
            self.sinks.setdefault(stage, []).append(number)
            self.spots[number].done = True
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
            self.direct.append(number)
            self.spots[number].done = True
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
        cdef int version, user, reader
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
        if self.spots[version].writers != 1:
            return False  # equal arrays are one: of two writes into it each needs what was there before
        if graph.stage[version] == stage and version not in self.inputs:
            before = self.described(version)
            if not self.spots[version].done or before is None or before.way != "write":
                return False
            if self.spots[version].last >= 0 or not are_apart(before.function, part):
                return False
            while self.spots[version].done:  # earlier ones of this stage
                before = self.described(version)
                if graph.stage[version] != stage or before.way != "write":
                    break
                if not are_apart(before.function, part):
                    return False
                if type(before.operands[0]) is not _NODE:
                    break
                version = (<_NODE> before.operands[0]).number
        reader = self.spots[version].reader
        while reader:
            user, seen = self.reader[reader - 1], <Value> self.reader_value[reader - 1]
            reader = self.reader_before[reader - 1]
            if graph.stage[user] == stage:
                if seen.shape != part.shape or seen.strides != part.strides or seen.offset != part.offset:
                    return False
                if not self.is_fused(user) or self.value_of(graph, user).shape != part.shape:
                    return False
        return True

    cdef bint in_group(self, int number, int user) except -1:
        return self.graph.stage[number] == self.graph.stage[user] and self.is_fused(number)

    cdef int note_birth(self, int number, Py_ssize_t k) except -1:
        self.spots[number].born = -1 if number in self.inputs else k
        return 0

    cdef int use(self, int number, Py_ssize_t k, bint outside, int user=-1) except -1:
        cdef Value value
        cdef Spot *root
        if self.graph.fixed[number]:
            return 0
        value = self.value_of(self.graph, number)
        if value is None:
            self.numbers.add(number)
            return 0
        if outside:
            self.spots[number].needed = True
            root = &self.spots[value.root]
            if user >= 0 and root.writers:
                self.reader.append(user)
                self.reader_before.append(root.reader)
                self.reader_value.append(value)
                root.reader = len(self.reader)
            root.needed = True
        if self.spots[value.root].last < k:
            self.spots[value.root].last = k
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
        cdef Spot *spot
        born = np.empty(self.count, np.int64)
        cdef long long[::1] column = born
        for i in range(self.count):
            column[i] = self.spots[i].born
        nodes = np.flatnonzero(born != UNBORN)
        births = born[nodes]
        sequence = np.lexsort((nodes, births))
        cdef long long[::1] events = nodes[sequence], when = births[sequence]
        for i in range(events.shape[0]):
            k, number = when[i], events[i]
            value = self.value_of(graph, number)
            if value is None or value.root != number or not value.kind:
                if value is not None and not value.kind:
                    self.objects[number] = len(self.objects)
                continue
            while ends and <long long> ends[0] >> 32 < k:
                gone = <long long> heappop(ends) & 0xFFFFFFFF
                if self.last_of(gone) >= k:
                    heappush(ends, <long long> self.last_of(gone) << 32 | gone)
                elif self.spots[gone].base == 0:
                    free.setdefault(self.spots[gone].room, []).append(self.spots[gone].offset)
            spot = &self.spots[number]
            before = self.overwrites(number, k)
            if before >= 0:
                spot.root, spot.kept = before, True
                self.chain.setdefault(before, [before]).append(number)
                if number in self.external:
                    self.move_out(number, before)
                continue
            spot.root = number
            if number in self.external:
                spot.base, spot.offset = self.external[number], 0
                continue
            if self.is_temporary(number):
                continue
            room = (max(value.size * value.width(), 1) + 63) // 64 * 64
            spot.room = room
            idle = free.get(room)
            if idle:
                offset = idle.pop()
            else:
                offset, top = top, top + room
            spot.base, spot.offset = 0, offset
            heappush(ends, <long long> self.last_of(number) << 32 | number)
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
        if self.spots[root].base == 0 and not self.scalars_touch.intersection(self.chain[root]):
            self.spots[root].base, self.spots[root].offset = self.external[number], 0
        else:
            del self.external[number]
        return 0

    cdef Py_ssize_t last_of(self, int root) noexcept:
        """Return the last use of a root's memory, by all versions that lie in it."""
        return max(self.spots[root].last, self.spots[root].last_in)

    cdef bint is_temporary(self, int number) except -1:
        """Say whether a value lives in the blocks of its group only."""
        if self.tape.op[number] != GENERAL or self.spots[number].needed:
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
        if value is None or not value.kind or self.spots[value.root].root < 0:
            return -1
        own = self.value_of(graph, number)
        if own is None or own.strides != value.strides or value.offset != 0 or value.root != before:
            return -1
        if self.spots[before].last > k:
            return -1
        root = self.spots[before].root
        if root in self.external:
            return -1
        if type(put) is _NODE:
            other = self.value_of(graph, (<_NODE> put).number)
            if other is not None and other.kind and self.spots[other.root].root == root:
                return -1
        self.spots[root].last_in = max(self.last_of(root), self.spots[number].last)
        return root

    def spot(self, Value value):
        """Return the base and the byte offset where a value begins."""
        return self.place(value)

    cdef tuple place(self, Value value):
        cdef int root = self.spots[value.root].root
        if root < 0 or self.spots[root].base < 0:
            raise RuntimeError(f"the array of node {value.root} was given no memory")
        return self.spots[root].base, self.spots[root].offset + value.offset


cdef object ADD = np.add
cdef object heappop = heapq.heappop, heappush = heapq.heappush


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
