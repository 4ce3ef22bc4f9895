"""The forward sweep written as nodes, for scalars: tangents by node, and by lane where there are several directions.

The lanes of a scalar are scalars, of which most are zero in a loop over elements: for these nothing is written. What is
no scalar operation is left to Python, node by node (``dualad.transforms.tangent``).
"""

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject
from libc.stdlib cimport free, malloc

import numpy as np

from dualad._columns cimport GENERAL, READ, WRITE
from dualad._formulas cimport (NOTHING, NUMBER, OTHER, Lines, Value, dependent, keep_needed, object_of, product, total,
                               value_of)
from dualad._record cimport Record
from dualad._rule cimport RULES, Rule
from dualad._tape cimport Recorded, Tape
from dualad._terms cimport Partial, grown, plus, shape_of, spread, times

cnp.import_array()


cdef enum:
    LARGEST = 1 << 26      # lanes of all scalars together, of 16 bytes each


    FACTORS = 3            # tangents with lanes in one sum of products


@cython.final
cdef class Factors:
    """A tangent with lanes as a sum of products: factors without lanes times tangents with lanes.

    An elementwise operation multiplies the factors, which are as many times smaller as there are lanes. The products
    are written when something else asks for them.
    """

    cdef list factors
    cdef list bases                # tangents that nobody writes to
    cdef tuple shape               # of the node

    cdef bint add(self, object factor, object base) except -1:
        """Add a product; False where there are too many."""
        cdef Py_ssize_t k
        for k in range(len(self.bases)):
            if is_same(self.bases[k], base):
                self.factors[k] = plus(self.factors[k], factor)
                return True
        self.factors.append(factor)
        self.bases.append(base)
        return len(self.bases) <= FACTORS

    cdef object value(self):
        """Write the tangent."""
        cdef object whole = None
        cdef Py_ssize_t k
        for k in range(len(self.bases)):
            term = times(self.factors[k], self.bases[k])
            whole = term if whole is None else plus(whole, term)
        return spread(whole, self.shape)


cdef bint is_same(object one, object other) except -1:
    """Say whether two tangents are the same numbers of the same memory."""
    if one is other:
        return True
    if type(one) is Recorded and type(other) is Recorded:
        if (<Recorded> one).cell is None or (<Recorded> one).cell is not (<Recorded> other).cell:
            return False
        one, other = (<Recorded> one).primal(), (<Recorded> other).primal()
    if type(one) is not cnp.ndarray or type(other) is not cnp.ndarray:
        return False
    return (cnp.PyArray_DATA(<cnp.ndarray> one) == cnp.PyArray_DATA(<cnp.ndarray> other)
            and one.shape == other.shape and one.strides == other.strides and one.dtype == other.dtype)


cdef class Forward:
    """The tangents of a tape's nodes while they are written; None is zero.

    Versions of an array share their tangent, which is written as the array was. ``owned`` says of which tangents that
    may be done; one that a late use will need is copied first.
    """

    cdef readonly Tape tape
    cdef readonly tuple lanes      # the sizes of the leading axis of tangents, if there is one
    cdef readonly set owned
    cdef Py_ssize_t end
    cdef Py_ssize_t count          # lanes of a scalar
    cdef char *varied
    cdef Value *tangent            # of scalars, the lanes of a node beside each other
    cdef dict others               # tangents of arrays, and of scalars that are no scalar nodes
    cdef dict gathered             # the lanes of a scalar put together
    cdef set written               # of the arrays that tangents are written to: the ids of their cells
    cdef dict untouched            # of arrays that began as zeros: where nothing else was written
    cdef object seeds
    cdef Lines lines

    def __cinit__(self, Tape tape, seeds, outputs, tuple lanes):
        cdef Py_ssize_t k, end = max(outputs, default=-1) + 1
        self.tape, self.end, self.lanes = tape, end, lanes
        self.count = lanes[0] if lanes else 1
        if len(lanes) > 1 or end * self.count > LARGEST:
            raise NotImplementedError
        self.varied = dependent(tape, seeds, end)
        keep_needed(tape, outputs, self.varied, end)
        self.tangent = <Value *> malloc(max(end * self.count, 1) * sizeof(Value))
        if self.tangent == NULL:
            raise MemoryError
        for k in range(end * self.count):
            self.tangent[k].node, self.tangent[k].number = NOTHING, 0.0
        self.lines, self.others, self.owned, self.seeds = Lines(tape), {}, set(), seeds
        self.gathered, self.untouched, self.written = {}, {}, set()
        for node, t in seeds.items():
            self.keep(node, t)

    def __dealloc__(self):
        free(self.varied)
        free(self.tangent)

    cdef int keep(self, int node, object t) except -1:
        """Make ``t`` the tangent of a node."""
        cdef Value *found
        if node >= self.end or t is None:
            return 0
        if self.tape.slot[node] >= 0:
            # A number stands for an array without axes here and there.
            self.others[node] = np.asarray(t) if isinstance(t, (float, int, np.generic)) else t
            return 0
        found = &self.tangent[node * self.count]
        if self.lanes:
            self.gathered[node] = t
            # Where the seeds are of single precision, a number may have a tangent that is no double.
            if not self.pick(t, 0, found) and not self.pick(t.astype(np.float64), 0, found):
                raise NotImplementedError
            return 0
        found[0] = value_of(self.tape, t)
        if found.node == NUMBER and found.number == 0:
            found.node = NOTHING
        if found.node == OTHER:
            self.others[node] = t
        return 0

    cdef bint pick(self, object whole, Py_ssize_t at, Value *out) except -1:
        """Read an element in each lane of an array in C order; False for any other array."""
        cdef Recorded one
        cdef double *address
        cdef double *base = NULL
        cdef Py_ssize_t l, step
        cdef object numbers = whole
        if type(whole) is Recorded:
            one = <Recorded> whole
            if one.tape is not self.tape or one.cell is None or one.cell.data == NULL:
                return False
            numbers, base = one.primal(), one.cell.data
        if not is_straight(numbers, bool(self.lanes)):
            return False
        address = <double *> cnp.PyArray_DATA(<cnp.ndarray> numbers) + at
        step = cnp.PyArray_STRIDE(<cnp.ndarray> numbers, 0) // <Py_ssize_t> sizeof(double) if self.lanes else 0
        for l in range(self.count):
            out[l].node = NOTHING
            if base != NULL:
                out[l].node = self.tape.number(READ, one.cell.node, -1, address - base, address[0])
            elif address[0] != 0:
                out[l].node, out[l].number = NUMBER, address[0]
            address += step
        return True

    def of(self, int node):
        """Return the tangent of a node, None where it does not vary."""
        if node < 0 or node >= self.end:
            return None
        if self.tape.slot[node] >= 0 or not self.lanes and self.tangent[node].node == OTHER:
            return self.other(node)
        if not self.lanes:
            return object_of(self.tape, self.tangent[node])
        if node not in self.gathered:
            self.gathered[node] = self.gather(&self.tangent[node * self.count])
        return self.gathered[node]

    cdef object other(self, int node):
        """Return the tangent of an array, with its products written."""
        found = self.others.get(node)
        if type(found) is Factors:
            found = self.others[node] = (<Factors> found).value()
        return found

    def varies(self, int node):
        """Say whether an array has a tangent that is not zero."""
        return self.others.get(node) is not None

    def product(self, int node):
        """Return the tangent of an array as a factor without lanes and a plain array; None where it is no product."""
        found = self.others.get(node)
        if type(found) is Factors and len((<Factors> found).bases) == 1:
            factor, base = (<Factors> found).factors[0], (<Factors> found).bases[0]
        else:
            factor, base = 1.0, found
        return (factor, base) if type(base) is cnp.ndarray else None

    cdef object gather(self, Value *lane):
        """Return the lanes of a scalar as an array: of numbers, or written on the tape; None where all are zero."""
        cdef cnp.ndarray numbers = np.zeros(self.count)
        cdef Py_ssize_t l
        cdef bint written = False, anything = False
        cdef Recorded out
        for l in range(self.count):
            anything = anything or lane[l].node != NOTHING
            written = written or lane[l].node >= 0
            if lane[l].node == NUMBER:
                (<double *> cnp.PyArray_DATA(numbers))[l] = lane[l].number
        if not written:
            return numbers if anything else None
        out = <Recorded> self.tape.constant(numbers)
        for l in range(self.count):
            if lane[l].node >= 0:
                out.put(l, lane[l].node, self.tape.v[lane[l].node])
        return out

    def moved(self, int before, int node):
        """Make the tangent of an array that of its next version, as an array of its own that may be written."""
        t = self.other(before)
        untouched = self.untouched.pop(before, None)
        if before not in self.owned or before in self.tape.late:
            if t is None:
                untouched = bytearray()
            t = self.own_copy(before, t)
        else:
            del self.others[before]
        self.owned.add(node)
        self.others[node] = t
        if type(t) is Recorded:
            self.written.add(<size_t> <PyObject *> (<Recorded> t).cell)
        if untouched is not None and self.tape.op[node] == WRITE:
            self.untouched[node] = untouched
        return t

    def run(self):
        """Go through all nodes that vary, and that the outputs are made of, from the first to the last."""
        cdef Tape tape = self.tape
        cdef int node, op
        for node in range(<int> self.end):
            if not self.varied[node] or node in self.seeds:
                continue
            op = tape.op[node]
            if op >= 0:
                if not self.scalar(node):
                    self.forget(node)
                    self.keep(node, self.scalar_by_python(node))
            elif op == READ:
                self.read(node)
            elif op == WRITE:
                self.write(node)
            elif op == GENERAL:
                self.keep(node, self.general(node, tape.records[<Py_ssize_t> tape.at[node]]))

    cdef bint scalar(self, int node) except -1:
        """Write the tangent of a scalar operation; False where Python must."""
        cdef Tape tape = self.tape
        cdef Value partial, term
        cdef Value *t
        cdef Value *sum = &self.tangent[node * self.count]
        cdef Py_ssize_t l
        cdef int i, operand
        cdef bint known
        for i in range((<Rule> RULES[tape.op[node]]).arguments):
            operand = tape.b[node] if i else tape.a[node]
            if operand < 0:
                continue
            t = &self.tangent[operand * self.count]
            known = False
            for l in range(self.count):
                if t[l].node == NOTHING:
                    continue
                if not known and (t[l].node == OTHER or not self.lines.partial(node, i, &partial)):
                    return False
                known = True
                if partial.node == NOTHING:
                    break
                product(tape, partial, t[l], &term)
                if term.node == NUMBER and term.number == 0:
                    continue
                if sum[l].node == NOTHING:
                    sum[l] = term
                else:
                    total(tape, sum[l], term, &sum[l])
        return True

    def elementwise(self, int node, Record record):
        """Return the tangent of an elementwise operation on arrays, which has one result."""
        cdef Partial partials = Partial(self.tape, node, record)
        cdef Py_ssize_t ndim = len(record.shape)
        cdef object whole = None
        cdef int i
        if self.lanes and ndim and self.tape.slot[node] >= 0:
            found = self.factored(record, partials)
            if found is not None:
                return found if len((<Factors> found).bases) else None
        for i in range(len(record.operands)):
            if not record.active >> i & 1:
                continue
            t = self.of(record.operands[i])
            partial = None if t is None else partials.of(i)
            if partial is not None:
                term = times(partial, grown(t, len(shape_of(record.primals[i])), ndim))
                whole = term if whole is None else whole + term
        return None if whole is None else spread(whole, record.shape)

    cdef Factors factored(self, Record record, Partial partials):
        """Return the tangent of an elementwise operation as products; None where it has to be written at once."""
        cdef Factors made = Factors(), given
        cdef Py_ssize_t k, own, ndim = len(record.shape)
        cdef int i, operand
        made.factors, made.bases, made.shape = [], [], record.shape
        for i in range(len(record.operands)):
            operand = record.operands[i]
            if operand < 0 or not record.active >> i & 1:
                continue
            t = self.others.get(operand) if self.tape.slot[operand] >= 0 else self.of(operand)
            partial = None if t is None else partials.of(i)
            if partial is None:
                continue
            own = len(shape_of(record.primals[i]))
            if type(t) is Factors:
                given = <Factors> t
                for k in range(len(given.bases)):
                    if not made.add(times(partial, given.factors[k]), grown(given.bases[k], own, ndim)):
                        return None
            elif self.is_written(t) or not made.add(partial, grown(t, own, ndim)):
                return None
        return made

    cdef bint is_written(self, object t) except -1:
        """Say whether a tangent is an array that will be written to, or a view of one."""
        if type(t) is cnp.ndarray:
            return False
        if type(t) is not Recorded or (<Recorded> t).cell is None:
            return True
        return <size_t> <PyObject *> (<Recorded> t).cell in self.written

    cdef int forget(self, int node) except -1:
        """Drop what has been summed of the tangent of a scalar."""
        cdef Py_ssize_t l
        for l in range(self.count):
            self.tangent[node * self.count + l].node = NOTHING
        return 0

    cdef bint is_plain(self, int node) except -1:
        """Say whether the elements of a tangent are counted as the tape counts those of an array."""
        return not (self.tape.odd and self.tape.slot[node] in self.tape.odd)

    cdef int read(self, int node) except -1:
        """Write the tangent of an element."""
        cdef int array = self.tape.a[node]
        cdef Py_ssize_t at = <Py_ssize_t> self.tape.at[node]
        whole = self.other(array)
        if whole is None:
            return 0
        if self.is_plain(array) and self.pick(whole, at, &self.tangent[node * self.count]):
            return 0
        return self.keep(node, self.read_by_python(array, at, whole))

    cdef int write(self, int node) except -1:
        """Write the tangent of an element where the array was written."""
        cdef Tape tape = self.tape
        cdef int before = tape.a[node], source = tape.b[node]
        cdef Py_ssize_t at = <Py_ssize_t> tape.at[node]
        cdef Py_ssize_t l, size, place
        cdef Recorded one
        cdef Value t
        target = self.moved(before, node)
        if type(target) is Recorded and self.is_plain(before):
            one = <Recorded> target
            if one.tape is tape and one.path is None and one.cell is not None and one.cell.data != NULL:
                if source < 0 or self.lanes or self.tangent[source].node != OTHER:
                    size = cnp.PyArray_SIZE(<cnp.ndarray> one.cell.buffer) // self.count
                    untouched = self.untouched.get(node)
                    if untouched is not None and not untouched:
                        untouched.extend(bytes(size * self.count))
                    for l in range(self.count):
                        t.node, t.number = NOTHING, 0.0
                        if source >= 0:
                            t = self.tangent[source * self.count + l]
                        place = l * size + at
                        if untouched is not None:
                            if t.node == NOTHING and not untouched[place]:
                                continue
                            untouched[place] = 1
                        one.put(place, t.node if t.node >= 0 else -1, tape.v[t.node] if t.node >= 0 else t.number)
                    return 0
        self.untouched.pop(node, None)
        self.write_by_python(before, at, target, self.of(source))
        return 0


cdef bint is_straight(object x, bint lanes) except -1:
    """Say whether an array holds doubles in C order; lanes of one number each may lie anywhere."""
    if type(x) is not np.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> x) != cnp.NPY_DOUBLE:
        return False
    if lanes and cnp.PyArray_NDIM(<cnp.ndarray> x) == 1:
        return cnp.PyArray_ISALIGNED(<cnp.ndarray> x)
    return cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> x)
