"""The passes over the nodes of a tape that are to become a program: a few linear walks over its columns.

What they find stands in columns of its own, one entry a node; the tape stays as it is.
"""

cimport numpy as cnp
from libc.math cimport NAN, copysign
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from dualad.ops.table import TABLE

from dualad._columns cimport GENERAL, LEAF, READ, WRITE
from dualad._record cimport Record
from dualad._rule cimport rule_of
from dualad._tape cimport Tape

cnp.import_array()

CODE_ADD = -1     # until there is a graph


cdef int find_codes() except -1:
    global CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER, CODE_SCALE
    from dualad.duck.scale import SCALE

    CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER = [
        rule_of(TABLE.named(name)).code for name in ("add", "subtract", "multiply", "divide", "negative", "power")
    ]
    CODE_SCALE = rule_of(SCALE).code
    return 0


cdef enum:
    NEAR = 8     # places that are looked at before those far away


cdef inline uint64_t mixed(Key *key) noexcept nogil:
    cdef uint64_t h = <uint64_t> <unsigned int> key.a * 0x9E3779B97F4A7C15ULL
    h ^= (<uint64_t> <unsigned int> key.b + 0x7F4A7C15ULL) * 0xC2B2AE3D27D4EB4FULL
    h ^= (<uint64_t *> &key.at)[0] * 0x165667B19E3779F9ULL
    h ^= <uint64_t> <unsigned int> key.op << 17
    h ^= h >> 29
    h *= 0xBF58476D1CE4E5B9ULL
    return h ^ h >> 32


cdef class Graph:
    """The nodes of a tape as a program sees them.

    ``same[node]`` is the node that stands for it (an equal one, or itself); ``fixed[node]`` says that it is a constant,
    of value ``value[node]`` if it is a number; ``alive[node]`` that something wanted depends on it; ``stage[node]`` in
    which stage of the program it is computed. Elements that are written one after the other, without a look at the
    whole in between, are one write: ``final[node]`` is its last version, and ``head[final]`` its first.
    """

    def __init__(self, Tape tape, variable, general):
        """``variable`` are the nodes of inputs and live arrays; ``general`` describes nodes that are no scalar ones."""
        if CODE_ADD < 0:
            find_codes()
        self.tape, self.n, self.general = tape, tape.n, general
        self.same_array = np.arange(self.n, dtype=np.int32)
        self.fixed_array = np.zeros(self.n, np.uint8)
        self.value_array = np.zeros(self.n)
        self.alive_array = np.zeros(self.n, np.uint8)
        self.stage_array = np.zeros(self.n, np.int32)
        self.same, self.fixed, self.value = self.same_array, self.fixed_array, self.value_array
        self.alive, self.stage = self.alive_array, self.stage_array
        self.find_same(set(variable))
        self.general = None  # which may lead back here

    cdef int find_same(self, set variable) except -1:
        """Find constants, exact identities and equal nodes."""
        cdef Py_ssize_t room = 64
        while room < self.n + self.n // 3:
            room *= 2
        self.mask = room - 1
        self.keys = <Key *> malloc(self.n * sizeof(Key) + 1)
        self.slots = <Slot *> calloc(room, sizeof(Slot))
        if self.keys == NULL or self.slots == NULL:
            free(self.keys)
            free(self.slots)
            raise MemoryError
        try:
            self.walk(variable)
        finally:
            free(self.keys)
            free(self.slots)
        return 0

    cdef int walk(self, set variable) except -1:
        cdef int node, op, a, b
        cdef double at
        cdef Tape tape = self.tape
        for node in range(self.n):
            op = tape.op[node]
            if op == GENERAL:
                if node not in variable:
                    found = self.general.same(self, node)
                    if found is None:
                        self.fixed[node] = 1
                        self.value[node] = tape.v[node]
                    else:
                        self.same[node] = found
                continue
            if op == LEAF:
                if node not in variable:
                    self.fixed[node] = 1
                    self.value[node] = tape.v[node]
                continue
            a, b, at = tape.a[node], tape.b[node], tape.at[node]
            if op == WRITE:
                continue
            if op == READ:
                a = self.same[a]
                if self.fixed[a]:
                    self.fixed[node] = 1
                    self.value[node] = tape.v[node]
                else:
                    self.same[node] = self.first(op, a, -1, at, node)
                continue
            if (a < 0 or self.fixed[a]) and (b < 0 or self.fixed[b]):
                self.fixed[node] = 1
                self.value[node] = tape.v[node]
                continue
            # A constant operand is written as one, whether it stood on the tape or not.
            if a >= 0:
                a = self.same[a]
                if self.fixed[a]:
                    at = self.value[a]
                    a = -1
            if b >= 0:
                b = self.same[b]
                if self.fixed[b]:
                    at = self.value[b]
                    b = -1
            self.same[node] = self.simple(op, a, b, at, node)
        return 0

    cdef int simple(self, int op, int a, int b, double at, int node) except -2:
        """Return the node that equals an operation to the bit: an operand, an earlier operation, or itself."""
        if op == CODE_MULTIPLY or op == CODE_SCALE:
            if (a < 0 or b < 0) and at == 1:
                return b if a < 0 else a
            if a >= 0 and b >= 0 and a > b:
                a, b = b, a
        elif op == CODE_DIVIDE:
            if b < 0 and at == 1:
                return a
        elif op == CODE_POWER:
            if b < 0 and at == 1:
                return a
        elif op == CODE_SUBTRACT:
            if b < 0 and a >= 0 and at == 0 and copysign(1.0, at) > 0:
                return a
        elif op == CODE_ADD:
            if (a < 0 or b < 0) and at == 0 and copysign(1.0, at) < 0:
                return b if a < 0 else a
            if a >= 0 and b >= 0 and a > b:
                a, b = b, a
        elif op == CODE_NEGATIVE:
            if self.tape.op[a] == CODE_NEGATIVE:
                return self.same[self.tape.a[a]] if not self.fixed[self.tape.a[a]] else self.first(op, a, -1, at, node)
        if a >= 0 and b >= 0:
            at = 0.0
        return self.first(op, a, b, at, node)

    cdef int first(self, int op, int a, int b, double at, int node) noexcept:
        """Return the first node with an operation.

        Operations are looked for where their last operand tells: those of one time lie close together then, and stay in
        the cache. Where many have that operand, they are looked for wherever a mix of all that they are made of tells.
        """
        cdef Key key
        cdef Key *other
        cdef Slot *slot
        cdef uint64_t h
        cdef int tried = 0
        cdef Py_ssize_t place = 2 * <Py_ssize_t> max(a, b) + (<Py_ssize_t> at if op == READ else op)
        key.op, key.a, key.b, key.at = op, a, b, at
        h = mixed(&key)
        slot = &self.slots[place & self.mask]
        while slot.node:
            if slot.tag == <unsigned int> h:
                other = &self.keys[slot.node - 1]
                if (other.op == op and other.a == a and other.b == b
                        and (<uint64_t *> &other.at)[0] == (<uint64_t *> &at)[0]):
                    return slot.node - 1
            tried += 1
            place = place + 1 if tried != NEAR else <Py_ssize_t> (h >> 20)
            slot = &self.slots[place & self.mask]
        self.keys[node] = key
        slot.node, slot.tag = node + 1, <unsigned int> h
        return node

    def keep(self, wanted):
        """Mark what the wanted nodes depend on as alive; return how many nodes that are."""
        cdef int node, op, k
        cdef Py_ssize_t count = 0
        cdef Tape tape = self.tape
        for k in wanted:
            node = self.same[k]
            if not self.fixed[node]:
                self.alive[node] = 1
        for node in range(self.n - 1, -1, -1):
            if not self.alive[node]:
                continue
            count += 1
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    self.need(k)
            elif op != LEAF:
                self.need(tape.a[node])
                self.need(tape.b[node])
        return count

    cdef double fixed_number(self, int node, double at) noexcept:
        """Return a constant operand, NaN where it varies."""
        if node < 0:
            return at
        node = self.same[node]
        return self.value[node] if self.fixed[node] else NAN

    cdef void need(self, int node) noexcept:
        if node >= 0:
            node = self.same[node]
            if not self.fixed[node]:
                self.alive[node] = 1

    def verify(self, bint staged=False):
        """Raise where what the passes found contradicts itself: what every pass has to leave as it should be."""
        cdef int node, k, op
        cdef Tape tape = self.tape
        for node in range(self.n):
            if not 0 <= self.same[node] <= node or self.same[self.same[node]] != self.same[node]:
                raise RuntimeError(f"node {node} is replaced by node {self.same[node]}")
            if not self.alive[node]:
                continue
            if self.same[node] != node or self.fixed[node]:
                raise RuntimeError(f"node {node} is alive, and another node or a constant stands for it")
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    self.verify_use(node, k, staged)
            elif op != LEAF:
                self.verify_use(node, tape.a[node], staged)
                self.verify_use(node, tape.b[node], staged)

    cdef int verify_use(self, int node, int k, bint staged) except -1:
        if k < 0:
            return 0
        k = self.same[k]
        if k >= node or not (self.alive[k] or self.fixed[k]):
            raise RuntimeError(f"node {node} needs node {k}, which is not computed before it")
        if staged and not self.fixed[k] and self.stage[k] > self.stage[node]:
            raise RuntimeError(f"node {node} needs node {k} of a later stage")
        return 0

    cdef tuple operands(self, int node):
        """Return the operands of a general node, those below zero being constants.

        Those of one of several results that is computed by itself are those of the whole.
        """
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        parent = self.parent_of(node) if record.kind == "item" else None
        return record.operands if parent is None else (<Record> parent).operands

    def parent_of(self, int node):
        """Return the record that has several results, for one of them that is computed by itself; else None."""
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        cdef Record parent
        if record.kind != "item" or self.tape.slot[node] >= 0:
            return None
        parent = <Record> self.tape.records[<Py_ssize_t> self.tape.at[record.operands[0]]]
        if parent.kind != "row" or parent.row.name != "linalg.slogdet" or parent.operands[0] < 0:
            return None
        if self.tape.op[parent.operands[0]] != GENERAL:
            return None
        record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[parent.operands[0]]]
        return parent if record.dtype == np.dtype(float) else None

    def count_scalars(self):
        """Return how many scalar operations are alive."""
        cdef int node
        cdef Py_ssize_t count = 0
        for node in range(self.n):
            count += self.alive[node] and self.tape.op[node] >= 0
        return count

    def operators(self):
        """Return the operator of every node, and its first operand, -1 where it has none."""
        cdef int node
        ops, lefts = np.zeros(self.n, np.int32), np.full(self.n, -1, np.int32)
        cdef int[::1] op = ops, left = lefts
        for node in range(self.n):
            op[node] = self.tape.op[node]
            if op[node] != GENERAL and op[node] != LEAF and self.tape.a[node] >= 0:
                left[node] = self.same[self.tape.a[node]]
        return ops, lefts

    def find_chains(self, wanted):
        """Find the versions of arrays that are seen by single reads before the next write only."""
        cdef int node, op, k, a
        cdef Tape tape = self.tape
        cdef int[::1] last = np.full(self.n, -1, np.int32)
        cdef unsigned char[::1] seen = np.zeros(self.n, np.uint8)
        self.final_array = np.arange(self.n, dtype=np.int32)
        self.head_array = np.arange(self.n, dtype=np.int32)
        self.final, self.head = self.final_array, self.head_array
        for k in wanted:
            seen[self.same[k]] = 1
        for node in range(self.n):
            if not self.alive[node]:
                continue
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    if k >= 0:
                        seen[self.same[k]] = 1
            elif op == READ or op == WRITE:
                last[self.same[tape.a[node]]] = node
        for node in range(self.n - 1, -1, -1):
            if tape.op[node] == WRITE and self.alive[node]:
                a = self.same[tape.a[node]]
                if tape.op[a] == WRITE and not seen[a] and last[a] == node and not self.fixed[a]:
                    self.final[a] = self.final[node]
                    self.head[self.final[node]] = a

    def set_stages(self, arrays):
        """Find the stage of every node that is alive; ``arrays`` does so for general ones."""
        cdef int node, op, s, a, b
        cdef Tape tape = self.tape
        for node in range(self.n):
            if not self.alive[node]:
                continue
            op = tape.op[node]
            if op == GENERAL:
                self.stage[node] = arrays.stage(self, node)
                continue
            s = 0
            if op != LEAF:
                a, b = tape.a[node], tape.b[node]
                if a >= 0:
                    s = self.stage[self.same[a]]
                if b >= 0 and self.stage[self.same[b]] > s:
                    s = self.stage[self.same[b]]
            self.stage[node] = s


    def schedule(self):
        """Return the nodes that are computed, stage by stage, and the arrays of which elements are read there."""
        cdef int node
        cdef int top = 0
        cdef Py_ssize_t count = 0, before = 0
        cdef set read = set()
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                count += 1
                top = max(top, self.stage[node])
                if self.tape.op[node] == READ:
                    read.add(self.same[self.tape.a[node]])
        found = np.empty(count, np.int32)
        cdef int[::1] order = found
        cdef Py_ssize_t[::1] place = np.zeros(top + 2, np.intp)      # where the next node of a stage goes
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                place[self.stage[node] + 1] += 1
        for node in range(top + 1):
            before += place[node]
            place[node] = before
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                order[place[self.stage[node]]] = node
                place[self.stage[node]] += 1
        return found, read
