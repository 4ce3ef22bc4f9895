"""Scalar operations that are alike: found by what they are made of, and written again as operations on arrays."""

cimport numpy as cnp
from libc.stdint cimport uint64_t

import numpy as np

from dualad._columns cimport GENERAL, LEAF, READ, WRITE
from dualad._lower cimport Graph
from dualad._record cimport Record
from dualad._tape cimport Tape

cnp.import_array()


cdef inline uint64_t mix(uint64_t h, uint64_t x) noexcept nogil:
    h ^= x + 0x9E3779B97F4A7C15ULL + (h << 6) + (h >> 2)
    h *= 0xBF58476D1CE4E5B9ULL
    return h ^ h >> 31


cdef inline uint64_t bits(double x) noexcept nogil:
    return (<uint64_t *> &x)[0]


def survey(Graph graph):
    """Return the level of each node that is alive, and the signature of each scalar operation (0 for others).

    A level is one more than the largest of the operands'. Operations with one signature do the same with operands of
    one signature; elements of one array are alike, but for how far apart two of them are.
    """
    cdef Tape tape = graph.tape
    cdef int node, op, a, b, level
    cdef uint64_t h, left, right
    cdef double at
    levels = np.zeros(graph.n, np.int32)
    signs = np.zeros(graph.n, np.uint64)
    own = np.zeros(graph.n, np.uint64)
    cdef int[::1] depth = levels
    cdef cnp.uint64_t[::1] sign = signs, name = own
    for node in range(graph.n):
        if not graph.alive[node]:
            continue
        op = tape.op[node]
        level = 0
        if op == GENERAL:
            for a in graph.operands(node):
                if a >= 0 and depth[graph.same[a]] >= level:
                    level = depth[graph.same[a]] + 1
            depth[node] = level
            name[node] = mix(12345, <uint64_t> node)
            continue
        a, b, at = tape.a[node], tape.b[node], tape.at[node]
        a = graph.same[a] if a >= 0 else -1
        b = graph.same[b] if b >= 0 else -1
        if a >= 0 and not graph.fixed[a]:
            level = depth[a] + 1
        if b >= 0 and not graph.fixed[b] and depth[b] >= level:
            level = depth[b] + 1
        depth[node] = level
        if op == READ:
            name[node] = mix(777, <uint64_t> a)
            continue
        if op < 0:
            name[node] = mix(4321, <uint64_t> node)
            continue
        left = bits(graph.value[a] if a >= 0 else at) if a < 0 or graph.fixed[a] else name[a]
        right = 0
        if b >= 0 and not graph.fixed[b]:
            right = name[b]
        elif b >= 0:
            right = bits(graph.value[b])
        elif tape.b[node] < 0 and a >= 0:
            right = bits(at)
        h = mix(mix(mix(99, <uint64_t> op), left), right)
        if (a >= 0 and b >= 0 and tape.op[a] == READ and tape.op[b] == READ
                and graph.same[tape.a[a]] == graph.same[tape.a[b]]):
            h = mix(h, <uint64_t> <long long> (tape.at[b] - tape.at[a]))
        name[node] = h
        sign[node] = h if h else 1
    return levels, signs


def crowded(Graph graph, int[::1] levels, cnp.uint64_t[::1] signs, int least):
    """Return the scalar operations that may share level and signature with so many, and the number of all.

    Levels are counted first: what is serial has few operations on each. Then it is counted how many there are of each
    mix of level and signature, which different ones have in common once in a blue moon.
    """
    cdef Py_ssize_t room = 64, place, count = 0, likely = 0
    cdef int node, n = graph.n
    cdef uint64_t h
    wanted = np.zeros(n, np.uint8)
    cdef unsigned char[::1] mark = wanted
    cdef int[::1] on_level = np.zeros(1 + np.max(levels, initial=0), np.int32)
    for node in range(n):
        if signs[node] != 0 and graph.alive[node] and graph.same[node] == node:
            count += 1
            on_level[levels[node]] += 1
    for node in range(n):
        mark[node] = (on_level[levels[node]] >= least and signs[node] != 0 and graph.alive[node]
                      and graph.same[node] == node)
        likely += mark[node]
    if 2 * likely < count:
        return np.flatnonzero(wanted), count
    while room < 2 * likely:
        room *= 2
    cdef cnp.uint64_t[::1] names = np.zeros(room, np.uint64)
    cdef int[::1] many = np.zeros(room, np.int32), at = np.empty(n, np.int32)
    for node in range(n):
        if not mark[node]:
            continue
        h = mix(signs[node], <uint64_t> levels[node])
        place = <Py_ssize_t> (h & <uint64_t> (room - 1))
        while many[place] and names[place] != h:
            place = (place + 1) & (room - 1)
        names[place] = h
        many[place] += 1
        at[node] = <int> place
    for node in range(n):
        if mark[node]:
            mark[node] = many[at[node]] >= least
    return np.flatnonzero(wanted), count


def columns(Graph graph):
    """Return operator, operands (-1 for a constant) and attribute of every node."""
    cdef int node, op
    cdef Tape tape = graph.tape
    ops, lefts, rights = (np.full(graph.n, -1, np.int32) for _ in range(3))
    ats, constants = np.zeros(graph.n), np.zeros((graph.n, 2))
    cdef int[::1] o = ops, left = lefts, right = rights
    cdef double[::1] at = ats
    cdef double[:, ::1] constant = constants
    for node in range(graph.n):
        op = tape.op[node]
        o[node], at[node] = op, tape.at[node]
        if op == GENERAL or op == LEAF:
            continue
        constant[node, 0] = constant[node, 1] = tape.at[node]
        if tape.a[node] >= 0:
            left[node] = graph.same[tape.a[node]]
            if graph.fixed[left[node]]:
                constant[node, 0] = graph.value[left[node]]
                left[node] = -1
        if tape.b[node] >= 0:
            right[node] = graph.same[tape.b[node]]
            if graph.fixed[right[node]]:
                constant[node, 1] = graph.value[right[node]]
                right[node] = -1
    return ops, lefts, rights, ats, constants


cdef class Rewriting:
    """A tape written again, with classes of alike operations as arrays; ``where[node]`` is the new number of a node."""

    cdef readonly Graph graph
    cdef readonly Tape tape
    cdef readonly object where
    cdef int[::1] new
    cdef int[::1] class_of
    cdef int[::1] position
    cdef object constant
    cdef object write_class
    cdef readonly dict class_node

    def __init__(self, Graph graph, constant, class_of, position, write_class):
        self.graph, self.constant, self.tape = graph, constant, Tape(graph.tape.level)
        self.where = np.full(graph.n, -1, np.int32)
        self.new, self.class_of, self.position = self.where, class_of, position
        self.write_class = write_class
        self.class_node = {}

    cpdef int at(self, int node) except -2:
        """Return the new number of a node; a number that lies in an array is read from it."""
        cdef int c, found
        node = self.graph.same[node]
        if self.new[node] >= 0:
            return self.new[node]
        if self.graph.fixed[node]:
            return self.copied(node)
        c = self.class_of[node]
        if c < 0:
            raise RuntimeError(f"node {node} is used before it is written")
        found = self.tape.append(READ, self.class_node[c], -1, -1, self.position[node], self.graph.tape.v[node])
        self.new[node] = found
        return found

    cdef int copied(self, int node) except -2:
        """Write a constant."""
        cdef Tape old = self.graph.tape
        if old.op[node] == GENERAL and old.slot[node] >= 0:
            self.new[node] = self.array(self.constant(node))
        else:
            self.new[node] = self.tape.append(LEAF, -1, -1, -1, 0.0, self.graph.value[node])
        return self.new[node]

    def array(self, value):
        """Write a constant array and return its node."""
        return self.tape.constant(np.asarray(value))._operand()

    def general(self, int node):
        """Write a general node."""
        cdef Tape old = self.graph.tape
        cdef Record record = <Record> old.records[<Py_ssize_t> old.at[node]]
        cdef int number
        operands = tuple([self.at(k) if k >= 0 else -1 for k in record.operands])
        number = self.tape.append(GENERAL, -1, -1, -1, len(self.tape.records), old.v[node])
        if old.slot[node] >= 0:
            # A write shares the slot of the array, as far as that is one and the same still.
            self.tape.slot[number] = self.tape.new_slot()
        self.tape.records.append(record.with_operands(operands))
        if record.order is not None and old.slot[node] >= 0:
            self.tape.odd.add(self.tape.slot[number])
        self.new[node] = number

    def run(self, int[::1] order):
        """Write all nodes, in an order in which operands come before their users."""
        cdef Tape old = self.graph.tape
        cdef int k, node, op, a, b
        for k in range(order.shape[0]):
            node = order[k]
            op = old.op[node]
            if self.class_of[node] >= 0:
                if self.position[node] == 0:
                    self.class_node[self.class_of[node]] = self.write_class(self, self.class_of[node])
                continue
            if op == GENERAL:
                self.general(node)
                continue
            a, b = old.a[node], old.b[node]
            a = self.at(a) if a >= 0 else -1
            b = self.at(b) if b >= 0 else -1
            self.new[node] = self.tape.append(op, a, b, -1, old.at[node], old.v[node])
            if op == WRITE:
                self.tape.slot[self.new[node]] = self.tape.new_slot()

    def elementwise(self, row, function, tuple operands, list primals, Py_ssize_t n):
        """Write an elementwise operation on arrays and return its node."""
        cdef object out = self.tape.record("elementwise", row, operands, primals, np.empty(n))
        cdef Record record = <Record> self.tape.records[len(self.tape.records) - 1]
        record.function = function
        return out._operand()
