"""The nodes of a tape: a Wengert list in columns."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc

import numpy as np

from dualad.ops.table import TABLE

from dualad._record cimport Record, are_plainly_alike, make_record, same_bits, settle, shared_key
from dualad._rule cimport RULES, Rule, rule_of

cdef object DOUBLE = np.dtype(float)
cdef object TRUTH = np.dtype(bool)
cdef object WHERE = TABLE.named("where")


cdef int enlarge(void **column, size_t bytes) except -1:
    cdef void *fresh = realloc(column[0], bytes)
    if fresh == NULL:
        raise MemoryError
    column[0] = fresh
    return 0


cdef enum:
    NEAR = 8               # places that are tried beside an operand


cdef class Columns:
    """A list of nodes in the order in which they were computed.

    ``op``, ``a``, ``b``, ``at`` and ``v`` are columns: the operator, its operands (-1 for a constant, which then stands
    in ``at``), an attribute, and the value of a scalar. ``slot`` numbers the cotangent of an array; versions of one
    array share it.
    """

    def __cinit__(self):
        self.records, self.roots = [], {}

    def __dealloc__(self):
        free(self.op)
        free(self.a)
        free(self.b)
        free(self.slot)
        free(self.at)
        free(self.v)
        free(self.shelf)

    cdef int grow(self) except -1:
        cdef Py_ssize_t room = max(64, self.room * 2)
        if room > 2000000000:
            raise MemoryError("a tape holds at most 2e9 nodes")
        enlarge(<void **> &self.op, room * sizeof(int))
        enlarge(<void **> &self.a, room * sizeof(int))
        enlarge(<void **> &self.b, room * sizeof(int))
        enlarge(<void **> &self.slot, room * sizeof(int))
        enlarge(<void **> &self.at, room * sizeof(double))
        enlarge(<void **> &self.v, room * sizeof(double))
        self.room = room
        return 0

    cdef int append(self, int op, int a, int b, int slot, double at, double v) except -1:
        """Write a node and return its number."""
        cdef Py_ssize_t n = self.n
        if n == self.room:
            self.grow()
        self.op[n], self.a[n], self.b[n], self.slot[n] = op, a, b, slot
        self.at[n], self.v[n] = at, v
        self.n = n + 1
        if self.watch is not None:
            self.watch(n)
        return <int> n

    cdef int keep(self, Record record) except -1:
        """Put a record behind the others."""
        settle(record)
        self.records.append(record)
        return 0

    cdef int number(self, int op, int a, int b, double at, double v) except -1:
        """Write a scalar operation and return its number; that of the same operation before, while nodes are shared."""
        cdef Py_ssize_t place
        if self.known is None:
            return self.append(op, a, b, -1, at, v)
        if 2 * self.shelved >= self.shelf_room:
            self.enlarge_shelf()
        place = self.place_of(op, a, b, at)
        if self.shelf[place] == 0:
            self.shelf[place] = self.append(op, a, b, -1, at, v) + 1
            self.shelved += 1
        return self.shelf[place] - 1

    cdef Py_ssize_t place_of(self, int op, int a, int b, double at) noexcept:
        """Return where on the shelf a scalar operation stands, or the free place where it belongs.

        That is near the place of its later operand, so that a walk over the tape also goes along the shelf; what does
        not fit there stands anywhere, and the places that are tried for it are far apart, since near ones are full.
        """
        cdef int64_t bits = (<int64_t *> &at)[0]       # tells -0.0 from 0.0
        cdef uint64_t key = (<uint64_t> bits ^ (<uint64_t> <unsigned int> a << 32 | <unsigned int> b))
        cdef Py_ssize_t mask = self.shelf_room - 1
        cdef Py_ssize_t place = max(a, b), step
        cdef int node, tried = 0
        if op == READ:
            place += <Py_ssize_t> at
        key = (key ^ (key >> 29) ^ <uint64_t> <unsigned int> op * 0x9E3779B97F4A7C15ULL) * 0xBF58476D1CE4E5B9ULL
        place, step = (2 * place + <Py_ssize_t> (key >> 61)) & mask, 1
        while self.shelf[place]:
            node = self.shelf[place] - 1
            if self.a[node] == a and self.b[node] == b and self.op[node] == op:
                if (<int64_t *> &self.at[node])[0] == bits:
                    break
            tried += 1
            if tried == NEAR:
                place, step = <Py_ssize_t> ((key ^ (key >> 32)) >> 1), <Py_ssize_t> (key >> 40) | 1
            place = (place + step) & mask
        return place

    cdef int enlarge_shelf(self) except -1:
        """Make the shelf twice as large, with room for a derivative of the tape at first."""
        cdef int *before = self.shelf
        cdef Py_ssize_t old = self.shelf_room, k
        cdef Py_ssize_t room = 2 * old if old else 256
        cdef int node
        while room < 3 * self.n:
            room *= 2
        self.shelf = <int *> calloc(room, sizeof(int))
        if self.shelf == NULL:
            self.shelf = before
            raise MemoryError
        self.shelf_room = room
        for k in range(old):
            if before[k]:
                node = before[k] - 1
                self.shelf[self.place_of(self.op[node], self.a[node], self.b[node], self.at[node])] = before[k]
        free(before)
        return 0

    def share(self, bint on):
        """Begin or end to write each elementwise operation once, also those that stand on the tape already."""
        cdef int node
        cdef Py_ssize_t place
        cdef Record record
        free(self.shelf)
        self.shelf, self.shelf_room, self.shelved = NULL, 0, 0
        self.known = {} if on else None
        if not on:
            return
        self.enlarge_shelf()
        for node in range(<int> self.n):
            if self.op[node] >= 0:
                place = self.place_of(self.op[node], self.a[node], self.b[node], self.at[node])
                if self.shelf[place] == 0:
                    self.shelf[place] = node + 1
                    self.shelved += 1
            elif self.op[node] == GENERAL:
                record = <Record> self.records[<Py_ssize_t> self.at[node]]
                if record.kind == "elementwise" and record.value is not None and record.rule.outputs == 1:
                    self.known[shared_key(record)] = node

    cdef int choice(self, int condition, int yes, int no, double x, double y) except -1:
        """Write ``np.where`` of scalars and return its number; a branch that is -1 is the number beside it."""
        cdef Rule rule = rule_of(WHERE)
        cdef double v = x if self.v[condition] != 0 else y
        cdef Record record
        primals = np.bool_(self.v[condition] != 0), np.float64(x), np.float64(y)
        record = <Record> make_record("elementwise", WHERE, (condition, yes, no), primals, np.float64(v))
        record.rule, record.active = rule, (yes >= 0) << 1 | (no >= 0) << 2
        if self.known is not None:
            key = shared_key(record)
            found = self.known.get(key)
            if found is not None:
                return found
            self.known[key] = self.n
        self.keep(record)
        return self.append(GENERAL, -1, -1, -1, len(self.records) - 1, v)

    cdef int new_slot(self):
        self.slots += 1
        return self.slots - 1

    def __len__(self):
        return self.n

    # --- reading (for printing, transforms, and the reference sweeps)

    def operator(self, int node):
        """Return the operator number of a node."""
        return self.op[node]

    def fields(self, int node):
        """Return ``(op, a, b, slot, at, v)`` of a node."""
        return self.op[node], self.a[node], self.b[node], self.slot[node], self.at[node], self.v[node]

    def row_of(self, int node):
        """Return the elementwise row of a scalar node."""
        if self.op[node] < 0:
            raise ValueError(f"node {node} is no scalar operation")
        return (<Rule> RULES[self.op[node]]).row

    def record_of(self, int node):
        """Return the Record of a general node."""
        return self.records[<Py_ssize_t> self.at[node]]

    cdef Record root(self, int node):
        """Return the record of the first version of an array: a write keeps its shape and dtype."""
        cdef Record record
        cdef int slot = self.slot[node]
        found = self.roots.get(slot)
        if found is not None:
            return <Record> found
        while True:
            if self.op[node] == GENERAL:
                record = <Record> self.records[<Py_ssize_t> self.at[node]]
                if record.kind != "write":
                    if slot >= 0:
                        self.roots[slot] = record
                    return record
                node = record.operands[0]
            else:
                node = self.a[node]

    def shape_of(self, int node):
        """Return the shape of a node's value; None for a node of several results."""
        return () if self.slot[node] < 0 else self.root(node).shape

    def index_of(self, int node, at):
        """Return the index of the element ``at`` of an array, which are counted in the order of its memory."""
        cdef Record first = self.root(node)
        if first.order is None:
            return tuple([int(i) for i in np.unravel_index(int(at), first.shape)])
        found = np.unravel_index(int(at), [first.shape[axis] for axis in first.order])
        return tuple([int(found[first.order.index(axis)]) for axis in range(len(first.shape))])

    def zeros(self, int node, tuple lead=(), like=None):
        """Return zeros in the shape, dtype and layout of an array, with axes ``lead`` before it; of the kind of
        ``like``.
        """
        cdef Record first = self.root(node)
        shape = first.shape if first.order is None else tuple([first.shape[axis] for axis in first.order])
        shape = lead + shape
        if like is None:
            made = np.zeros(shape, first.dtype)
        else:
            made = np.zeros_like(like, shape=shape, dtype=first.dtype, order="C")
        if first.order is None:
            return made
        n = len(lead)
        back = [n + first.order.index(axis) for axis in range(len(shape) - n)]
        return np.transpose(made, (*range(n), *back))

    def dtype_of(self, int node):
        """Return the dtype of a node's value."""
        if self.slot[node] < 0:
            return TRUTH if self.op[node] <= COMPARE + 5 else DOUBLE
        return self.root(node).dtype

    def differs(self, Columns other, int stop, fixed, other_fixed, alike):
        """Return the first node at which the first ``stop`` nodes of another tape are another computation, or -1.

        ``fixed`` are the nodes of each tape whose values are not constants of the function (inputs, captured arrays).
        ``alike(node)`` is asked where the columns do not decide it.
        """
        cdef int node, op
        cdef bint same
        for node in range(<int> min(self.n, stop)):
            op = self.op[node]
            if op == GENERAL or other.op[node] == GENERAL:
                same = False
                if op == other.op[node]:
                    same = are_plainly_alike(
                        <Record> self.records[<Py_ssize_t> self.at[node]],
                        <Record> other.records[<Py_ssize_t> other.at[node]],
                    )
                same = same or alike(node)
            elif op != other.op[node] or self.a[node] != other.a[node] or self.b[node] != other.b[node]:
                same = False
            elif op == LEAF:
                same = same_bits(self.v[node], other.v[node]) or (node in fixed and node in other_fixed)
            else:
                same = same_bits(self.at[node], other.at[node])
                if op == WRITE and self.b[node] < 0:
                    same = same and same_bits(self.v[node], other.v[node])
            if not same:
                return node
        return -1 if self.n == stop else <int> min(self.n, stop)

    def constants(self, fixed):
        """Return the numbers that stand on the tape as constants of scalar operations and as leaves of their own."""
        cdef int node, op
        cdef set found = set()
        for node in range(<int> self.n):
            op = self.op[node]
            if op == LEAF:
                if node not in fixed:
                    found.add(self.v[node])
            elif op == WRITE:
                if self.b[node] < 0:
                    found.add(self.v[node])
            elif (op >= 0 and (self.a[node] < 0 or (self.b[node] < 0 and (<Rule> RULES[op]).arguments > 1))) or \
                    (op <= COMPARE + 5 and self.b[node] < 0):
                found.add(self.at[node])
        return found

    @property
    def nbytes(self):
        """Bytes that the columns hold."""
        return self.room * (4 * sizeof(int) + 2 * sizeof(double))
