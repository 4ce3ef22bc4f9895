"""The forward sweep written as nodes, for scalars: tangents by node.

What is no scalar operation is left to Python, node by node (``dualad.transforms.tangent``), and so are tangents of
scalars that have lanes.
"""

cimport numpy as cnp
from libc.stdlib cimport free, malloc

import numpy as np

from dualad._formulas cimport (NOTHING, OTHER, Lines, Value, dependent, object_of, product, total, value_of)
from dualad._tape cimport GENERAL, READ, RULES, WRITE, Recorded, Rule, Tape

cnp.import_array()


cdef class Forward:
    """The tangents of a tape's nodes while they are written; None is zero.

    Versions of an array share their tangent, which is written as the array was. ``owned`` says of which tangents that
    may be done; one that a late use will need is copied first.
    """

    cdef readonly Tape tape
    cdef readonly bint single      # no lanes
    cdef readonly set owned
    cdef Py_ssize_t end
    cdef char *varied
    cdef Value *tangent            # of scalars
    cdef dict others               # tangents of scalars that are no scalar nodes, and those of arrays
    cdef object seeds
    cdef Lines lines

    def __cinit__(self, Tape tape, seeds, Py_ssize_t end, bint single):
        cdef Py_ssize_t node
        self.tape, self.end, self.single = tape, end, single
        self.varied = dependent(tape, seeds, end)
        self.tangent = <Value *> malloc(max(end, 1) * sizeof(Value))
        if self.tangent == NULL:
            raise MemoryError
        for node in range(end):
            self.tangent[node].node, self.tangent[node].number = NOTHING, 0.0
        self.lines, self.others, self.owned, self.seeds = Lines(tape), {}, set(), seeds
        for node, t in seeds.items():
            self.keep(node, t)

    def __dealloc__(self):
        free(self.varied)
        free(self.tangent)

    cdef int keep(self, int node, object t) except -1:
        """Make ``t`` the tangent of a node."""
        cdef Value found
        if node >= self.end or t is None:
            return 0
        if self.tape.slot[node] < 0:
            found = value_of(self.tape, t)
            self.tangent[node] = found
            if found.node != OTHER:
                return 0
        # A number stands for an array without axes here and there.
        self.others[node] = np.asarray(t) if isinstance(t, (float, int, np.generic)) else t
        return 0

    def of(self, int node):
        """Return the tangent of a node, None where it does not vary."""
        if node < 0 or node >= self.end:
            return None
        if self.tape.slot[node] < 0 and self.tangent[node].node != OTHER:
            return object_of(self.tape, self.tangent[node])
        return self.others.get(node)

    def moved(self, int before, int node):
        """Make the tangent of an array that of its next version, as an array of its own that may be written."""
        t = self.others.get(before)
        if before not in self.owned or before in self.tape.late:
            t = self.own_copy(before, t)
        else:
            del self.others[before]
        self.owned.add(node)
        self.others[node] = t
        return t

    def run(self):
        """Go through all nodes that vary from the first to the last."""
        cdef Tape tape = self.tape
        cdef int node, op
        for node in range(<int> self.end):
            if not self.varied[node] or node in self.seeds:
                continue
            op = tape.op[node]
            if op >= 0:
                self.scalar(node)
            elif op == READ:
                self.read(node)
            elif op == WRITE:
                self.write(node)
            elif op == GENERAL:
                self.keep(node, self.general(node, tape.records[<Py_ssize_t> tape.at[node]]))

    cdef int scalar(self, int node) except -1:
        """Write the tangent of a scalar operation."""
        cdef Tape tape = self.tape
        cdef Value partial, term, t
        cdef Value sum
        cdef int i, operand
        sum.node, sum.number = NOTHING, 0.0
        for i in range((<Rule> RULES[tape.op[node]]).arguments):
            operand = tape.b[node] if i else tape.a[node]
            if operand < 0 or self.tangent[operand].node == NOTHING:
                continue
            t = self.tangent[operand]
            if t.node == OTHER or not self.lines.partial(node, i, &partial):
                return self.keep(node, self.scalar_by_python(node))
            if partial.node == NOTHING:
                continue
            product(tape, partial, t, &term)
            if sum.node == NOTHING:
                sum = term
            else:
                total(tape, sum, term, &sum)
        self.tangent[node] = sum
        return 0

    cdef bint is_plain(self, int node) except -1:
        """Say whether the elements of a tangent are counted as the tape counts those of an array."""
        return self.single and not (self.tape.odd and self.tape.slot[node] in self.tape.odd)

    cdef int read(self, int node) except -1:
        """Write the tangent of an element."""
        cdef Tape tape = self.tape
        cdef int array = tape.a[node]
        cdef Py_ssize_t at = <Py_ssize_t> tape.at[node]
        cdef Recorded one
        cdef double *address
        whole = self.others.get(array)
        if whole is None:
            return 0
        if type(whole) is Recorded and self.is_plain(array):
            one = <Recorded> whole
            if one.tape is tape and one.cell is not None and one.cell.data != NULL and is_straight(one.primal()):
                address = <double *> cnp.PyArray_DATA(<cnp.ndarray> one.primal()) + at
                self.tangent[node].node = tape.number(READ, one.cell.node, -1, address - one.cell.data, address[0])
                return 0
        elif is_straight(whole) and self.is_plain(array):
            return self.keep(node, (<double *> cnp.PyArray_DATA(<cnp.ndarray> whole))[at])
        return self.keep(node, self.read_by_python(array, at, whole))

    cdef int write(self, int node) except -1:
        """Write the tangent of an element where the array was written."""
        cdef Tape tape = self.tape
        cdef int before = tape.a[node], source = tape.b[node]
        cdef Py_ssize_t at = <Py_ssize_t> tape.at[node]
        cdef Recorded one
        cdef Value t
        t.node, t.number = NOTHING, 0.0
        if source >= 0:
            t = self.tangent[source]
        target = self.moved(before, node)
        if type(target) is Recorded and t.node != OTHER and self.is_plain(before):
            one = <Recorded> target
            if one.tape is tape and one.path is None and one.cell is not None and one.cell.data != NULL:
                one.put(at, t.node if t.node >= 0 else -1, tape.v[t.node] if t.node >= 0 else t.number)
                return 0
        self.write_by_python(before, at, target, self.of(source))
        return 0


cdef bint is_straight(object x) except -1:
    """Say whether an array holds doubles in C order."""
    if type(x) is not np.ndarray:
        return False
    return cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> x)
