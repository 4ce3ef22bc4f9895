"""Numeric forward sweep: tangents carried forward over a tape, several lanes at once.

``dualad.sweeps.reference_forward`` says the same in a page of Python, and the tests hold this against it.
"""

cimport numpy as cnp
from libc.stdlib cimport calloc, free

import numpy as np

from dualad.reverse.pull import push

from dualad._blocks cimport empty
from dualad._columns cimport GENERAL, READ, WRITE
from dualad._duck cimport ADD, SUBTRACT
from dualad._kernel cimport MOST, Kernel, Lanes
from dualad._partials cimport CODE, numbers, slopes
from dualad._record cimport Record
from dualad._rule cimport Rule
from dualad._tape cimport Tape

cnp.import_array()


cdef class Tangents:
    """The tangents of a tape's nodes: scalars in one column, arrays by slot with the lane first, None where zero.

    Versions of one array share their tangent, which is written as the array was; a version that is read late keeps a
    copy.
    """

    cdef Tape tape
    cdef Py_ssize_t lanes
    cdef double *scalars
    cdef double **data             # numbers of the arrays that may be written
    cdef list arrays
    cdef bytearray own
    cdef int *last                 # node that reads the tangent at each place last, NULL where all are kept
    cdef dict items
    cdef dict late

    def __cinit__(self, Tape tape, Py_ssize_t lanes):
        cdef Py_ssize_t places = tape.slots + len(tape.late)
        self.tape, self.lanes = tape, lanes
        self.scalars = <double *> calloc(max(tape.n * lanes, 1), sizeof(double))
        self.data = <double **> calloc(max(places, 1), sizeof(void *))
        if self.scalars == NULL or self.data == NULL:
            raise MemoryError
        self.arrays = [None] * places
        self.own = bytearray(places)
        self.items = {}
        self.late = {node: tape.slots + i for i, node in enumerate(tape.late)} if tape.late else None

    def __dealloc__(self):
        free(self.scalars)
        free(self.data)
        free(self.last)

    cdef int keep(self, int place, object t, bint own) except -1:
        """Make ``t`` the tangent at a place; ``own`` says that nobody else holds it."""
        cdef cnp.ndarray one
        self.arrays[place] = t
        self.own[place] = 0
        self.data[place] = NULL
        if own and not (place >= self.tape.slots or self.tape.odd and place in self.tape.odd):
            one = <cnp.ndarray> t
            if cnp.PyArray_ISCARRAY(one):
                self.own[place] = 1
                self.data[place] = <double *> cnp.PyArray_DATA(one) if cnp.PyArray_TYPE(one) == cnp.NPY_DOUBLE else NULL
        return 0

    cdef object buffer(self, int node):
        """Return the tangent of an array as an array of its own that may be written."""
        return self.owned(node, self.tape.slot[node])

    cdef object owned(self, int node, int place):
        cdef cnp.ndarray fresh
        if not self.own[place]:
            fresh = self.tape.zeros(node, (self.lanes,))
            if self.arrays[place] is not None:
                fresh[...] = self.arrays[place]
            self.arrays[place] = fresh
            self.own[place] = 1
            self.data[place] = <double *> cnp.PyArray_DATA(fresh) if cnp.PyArray_TYPE(fresh) == cnp.NPY_DOUBLE else NULL
        return self.arrays[place]

    def seed(self, int node, t):
        """Give an input its tangent: an array with the lane first."""
        cdef cnp.ndarray flat
        cdef Py_ssize_t l
        if self.tape.slot[node] >= 0:
            self.keep(self.tape.slot[node], np.asarray(t), False)
            return
        flat = np.ascontiguousarray(t, dtype=np.float64)
        for l in range(self.lanes):
            self.scalars[node * self.lanes + l] = (<double *> cnp.PyArray_DATA(flat))[l]

    def of(self, int node):
        """Return the tangent of a node with its lanes, None for an array that does not vary."""
        if self.tape.slot[node] >= 0:
            if self.last != NULL and self.last[self.place_of(node)] != self.tape.n:
                raise ValueError(f"the tangent of node {node} was not among those that the sweep was asked for")
            return self.array(node)
        return self.column(node)

    cdef int place_of(self, int node) except -1:
        """Return the place of the tangent of an array."""
        return self.late[node] if self.late is not None and node in self.late else self.tape.slot[node]

    cdef object array(self, int node):
        return self.arrays[self.place_of(node)]

    cdef cnp.ndarray column(self, int node):
        cdef cnp.ndarray out = np.empty(self.lanes)
        cdef Py_ssize_t l
        for l in range(self.lanes):
            (<double *> cnp.PyArray_DATA(out))[l] = self.scalars[node * self.lanes + l]
        return out

    cdef bint is_still(self, int node) noexcept:
        """Say whether the tangent of a scalar is zero in all lanes."""
        cdef Py_ssize_t l
        for l in range(self.lanes):
            if self.scalars[node * self.lanes + l] != 0:
                return False
        return True

    # --- which tangents are read no more

    cdef int find_last(self, object wanted) except -1:
        """Find out where each tangent of an array is read last; those of ``wanted`` nodes are kept to the end."""
        cdef Tape tape = self.tape
        cdef int node, operand
        self.last = <int *> calloc(max(len(self.arrays), 1), sizeof(int))
        if self.last == NULL:
            raise MemoryError
        for node in range(<int> tape.n):
            if tape.op[node] >= 0:
                continue
            if tape.slot[node] >= 0:
                self.last[tape.slot[node]] = node
            if tape.op[node] == READ:
                self.last[self.place_of(tape.a[node])] = node
            elif tape.op[node] == GENERAL:
                for operand in (<Record> tape.records[<Py_ssize_t> tape.at[node]]).operands:
                    if operand >= 0 and tape.slot[operand] >= 0:
                        self.last[self.place_of(operand)] = node
        for node in wanted:
            if tape.slot[node] >= 0:
                self.last[self.place_of(node)] = <int> tape.n
        return 0

    cdef int drop(self, int node, int place) except -1:
        """Give back the tangent at a place if ``node`` was the last to read it."""
        if self.last[place] == node:
            self.arrays[place] = None
            self.own[place] = 0
            self.data[place] = NULL
        return 0

    cdef int drop_read(self, int node) except -1:
        """Give back the tangents that ``node`` was the last to read."""
        cdef Tape tape = self.tape
        cdef int operand
        if tape.op[node] == GENERAL:
            for operand in (<Record> tape.records[<Py_ssize_t> tape.at[node]]).operands:
                if operand >= 0 and tape.slot[operand] >= 0:
                    self.drop(node, self.place_of(operand))
        elif tape.op[node] == READ:
            self.drop(node, self.place_of(tape.a[node]))
        if tape.slot[node] >= 0:
            self.drop(node, tape.slot[node])
        return 0

    # --- the sweep

    def sweep(self, wanted=None):
        """Go through all nodes from the first to the last.

        Where ``wanted`` nodes are named, only their tangents can be asked for: the memory of other arrays is used again
        as soon as nothing reads them.
        """
        cdef Tape tape = self.tape
        cdef Py_ssize_t lanes = self.lanes
        cdef double *s = self.scalars
        cdef double *t
        cdef double *p
        cdef double slope[2]
        cdef int node, op, a, b, place
        cdef Py_ssize_t l, stride
        cdef bint has_late = self.late is not None
        tape.check_constants()
        if wanted is not None:
            self.find_last(wanted)
        for node in range(<int> tape.n):
            op = tape.op[node]
            a, b = tape.a[node], tape.b[node]
            t = &s[node * lanes]
            if op >= 0:
                if (a < 0 or self.is_still(a)) and (b < 0 or self.is_still(b)):
                    continue
                if op == CODE[<int> ADD]:
                    slope[0] = slope[1] = 1.0
                elif op == CODE[<int> SUBTRACT]:
                    slope[0], slope[1] = 1.0, -1.0
                else:
                    slopes(tape, node, slope)
                for l in range(lanes):
                    if a >= 0 and slope[0] != 0 and s[a * lanes + l] != 0:
                        t[l] = slope[0] * s[a * lanes + l]
                    if b >= 0 and slope[1] != 0 and s[b * lanes + l] != 0:
                        t[l] += slope[1] * s[b * lanes + l]
            elif op == READ:
                place = tape.slot[a]
                if has_late and a in self.late:
                    place = self.late[a]
                if self.arrays[place] is None:
                    continue
                if self.data[place] == NULL:
                    self.owned(a, place)
                p = self.data[place] + <Py_ssize_t> tape.at[node]
                stride = cnp.PyArray_SIZE(<cnp.ndarray> self.arrays[place]) // lanes
                for l in range(lanes):
                    t[l] = p[l * stride]
            elif op == WRITE:
                place = tape.slot[node]
                if self.arrays[place] is None and (b < 0 or self.is_still(b)):
                    continue
                if self.data[place] == NULL:
                    self.buffer(node)
                p = self.data[place] + <Py_ssize_t> tape.at[node]
                stride = cnp.PyArray_SIZE(<cnp.ndarray> self.arrays[place]) // lanes
                for l in range(lanes):
                    p[l * stride] = s[b * lanes + l] if b >= 0 else 0
            elif op == GENERAL:
                self.general(node, <Record> tape.records[<Py_ssize_t> tape.at[node]])
            if has_late and node in self.late:
                self.leave_late(node)
            if self.last != NULL and op < 0:
                self.drop_read(node)

    cdef int leave_late(self, int node) except -1:
        """Keep a copy of the tangent of a version that is read after it is overwritten."""
        cdef int place = self.late[node]
        t = self.arrays[self.tape.slot[node]]
        if t is not None:
            self.keep(place, np.array(t), False)
        return 0

    cdef object tangent(self, int node):
        """Return the tangent of an operand, None where it does not vary."""
        if node < 0:
            return None
        if self.tape.slot[node] >= 0:
            return self.array(node)
        return None if self.is_still(node) else self.column(node)

    cdef int put(self, int node, object t, list given) except -1:
        """Make ``t`` the tangent of a node; ``given`` are arrays with which it must not share memory."""
        cdef cnp.ndarray flat
        cdef Py_ssize_t l
        cdef bint own = True
        if self.tape.slot[node] < 0:
            flat = np.ascontiguousarray(t, dtype=np.float64)
            for l in range(self.lanes):
                self.scalars[node * self.lanes + l] = (<double *> cnp.PyArray_DATA(flat))[l]
            return 0
        if type(t) is not np.ndarray:
            t = np.asarray(t)
        if t.base is not None or not t.flags.writeable or any([t is other for other in given]):
            # What lies in the memory of another tangent would change when that one is written.
            t = np.array(t)
        self.keep(self.tape.slot[node], t, own)
        return 0

    cdef int general(self, int node, Record record) except -1:
        kind = record.kind
        if kind == "view":
            t = self.array(record.operands[0])
            if t is not None:
                for step in record.path:
                    t = step(t)
            self.keep(self.tape.slot[node], t, False)
            return 0
        if kind == "constant" or kind == "discrete":
            return 0
        if kind == "write":
            return self.write(node, record)
        if kind == "item":
            parts = self.items.get(record.operands[0])
            if parts is not None and parts[record.index] is not None:
                self.put(node, parts[record.index], parts)
            return 0
        if kind == "elementwise" and record.rule.outputs == 1 and self.elementwise(node, record):
            return 0
        given = [self.tangent(operand) for operand in record.operands]
        t = push(record, given, record.primals, record.value)
        if t is None:
            return 0
        if isinstance(t, (tuple, list)):
            self.items[node] = list(t)
        else:
            self.put(node, t, given)
        return 0

    cdef int write(self, int node, Record record) except -1:
        cdef int slot = self.tape.slot[node], l
        t = self.tangent(record.operands[1])
        if self.arrays[slot] is None and t is None:
            return 0
        target = self.buffer(node)
        for l in range(self.lanes):
            one = target[l, ...]
            for step in record.path:
                one = step(one)
            one[record.index] = 0.0 if t is None else t[l, ...]
        return 0

    cdef bint elementwise(self, int node, Record record) except -1:
        """Carry tangents through an elementwise row by its kernel; False where NumPy's functions must."""
        cdef Rule rule = record.rule
        cdef Kernel kernel
        cdef double *x[MOST]
        cdef double *v = NULL
        cdef double *out
        cdef Lanes t[MOST]
        cdef char fixed[MOST]
        cdef char spare
        cdef unsigned int active = 0
        cdef int i, used = 0
        cdef Py_ssize_t n = 1, k
        cdef cnp.npy_intp dims[64]
        cdef cnp.ndarray made
        cdef tuple shape = record.shape
        if record.dtype.num != cnp.NPY_DOUBLE:
            return False
        given = []
        keep = []
        for i in range(rule.arguments):
            t_dot = None
            if record.active >> i & 1:
                t_dot = self.tangent(record.operands[i])
                if t_dot is not None:
                    active |= 1 << i
            given.append(t_dot)
        if not active:
            return True
        found = rule.kernel(active, record.whole)
        if found is None:
            return False
        kernel = <Kernel> found
        dims[0] = self.lanes
        for i, k in enumerate(shape):
            dims[i + 1] = k
            n *= k
        for i in range(rule.arguments):
            fixed[i] = 1
            x[i] = NULL
            if kernel.used[i]:
                x[i] = numbers(record.primals[i], shape, &fixed[i], keep)
            if active >> i & 1:
                spread(given[i], shape, self.lanes, &t[used], keep)
                used += 1
        if kernel.used[rule.arguments]:
            v = numbers(record.value, shape, &spare, keep)
        if self.tape.slot[node] < 0:
            out = &self.scalars[<Py_ssize_t> node * self.lanes]
        else:
            made = empty(<int> len(shape) + 1, dims)
            self.keep(self.tape.slot[node], made, True)
            out = <double *> cnp.PyArray_DATA(made)
        with nogil:
            kernel.forward(n, used, x, fixed, &v, <int> self.lanes, 0, self.lanes, t, &out)
        return True


cdef int spread(object given, tuple shape, Py_ssize_t lanes, Lanes *t, list keep) except -1:
    """Point ``t`` at the tangents of an operand, broadcast to ``shape`` where they must be."""
    cdef cnp.ndarray found = given
    cdef Py_ssize_t n = cnp.PyArray_SIZE(found) // lanes if lanes else 0
    inner = given.shape[1:]
    if n != 1 and inner != shape:
        found = np.empty((lanes,) + shape)
        found[...] = given.reshape((lanes,) + (1,) * (len(shape) - len(inner)) + inner)
        n = cnp.PyArray_SIZE(found) // lanes
    elif not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
        found = np.array(given, dtype=np.float64, order="C")
    keep.append(found)
    t.at, t.lane, t.element = <double *> cnp.PyArray_DATA(found), n, 0 if n == 1 else 1
    return 0
