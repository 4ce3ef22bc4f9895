"""The reverse sweep written as nodes, for scalars: adjoints by node, and by element of an array.

What is no scalar operation is left to Python, node by node (``dualad.transforms.adjoint``).
"""

cimport numpy as cnp
from libc.stdlib cimport calloc, free, malloc

import numpy as np

from dualad._columns cimport GENERAL, LEAF, READ, WRITE
from dualad._formulas cimport (NOTHING, NUMBER, OTHER, Lines, Value, dependent, object_of, product, total, value_of)
from dualad._record cimport Record
from dualad._rule cimport RULES, Rule
from dualad._tape cimport Recorded, Tape
from dualad._terms cimport Partial, back_to, constant_of, plus, shape_of, times

cnp.import_array()


cdef enum:
    FEW = 64               # scalar operations that are written with lanes, each by Python


cdef class Elements:
    """What was added to single elements of an array, which are counted in the order of its memory.

    ``whole`` is what was added to all of it (None: nothing), of which the subclass takes care; it does not count for
    the elements in ``dead``, which a write has overwritten, nor where ``touched``, if there is one, is false.
    """

    def __cinit__(self, Tape tape, int node, tuple lanes):
        self.tape, self.node, self.lanes, self.dead, self.parts = tape, node, lanes, set(), {}

    def __dealloc__(self):
        free(self.source)
        free(self.number)

    cdef int room(self) except -1:
        cdef Py_ssize_t size = 1
        for n in self.tape.shape_of(self.node):
            size *= n
        self.source = <int *> calloc(max(size, 1), sizeof(int))
        self.number = <double *> malloc(max(size, 1) * sizeof(double))
        if self.source == NULL or self.number == NULL:
            raise MemoryError
        self.size = size
        return 0

    cdef int add_element(self, Py_ssize_t place, Value g) except -1:
        """Add to one element."""
        cdef Value before
        if self.number == NULL:
            self.room()
        if self.source[place]:
            before = self.take_element(place)
            total(self.tape, before, g, &g)
        self.count += 1
        if g.node >= 0:
            self.source[place] = g.node + 1
        else:
            self.source[place], self.number[place] = -1, g.number
        return 0

    cdef Value take_element(self, Py_ssize_t place) noexcept:
        """Return what was added to one element, and leave nothing."""
        cdef Value out
        out.node, out.number = NOTHING, 0.0
        if self.number == NULL or self.source[place] == 0:
            return out
        if self.source[place] > 0:
            out.node = self.source[place] - 1
        else:
            out.node, out.number = NUMBER, self.number[place]
        self.source[place] = 0
        self.count -= 1
        return out

    cdef bint take_from_whole(self, Py_ssize_t place, Value *out) except -1:
        """Take one element out as ``take_element`` does, with its part of the whole; False where Python must."""
        cdef Recorded one
        cdef double *address
        cdef Value g
        cdef object numbers = self.whole
        if self.tape.odd and self.tape.slot[self.node] in self.tape.odd:
            return False
        if type(self.whole) is Recorded:
            one = <Recorded> self.whole
            if one.tape is not self.tape or one.cell is None or one.cell.data == NULL:
                return False
            numbers = one.primal()
        if type(numbers) is not np.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> numbers) != cnp.NPY_DOUBLE:
            return False
        if not cnp.PyArray_ISALIGNED(<cnp.ndarray> numbers):
            return False
        if cnp.PyArray_NDIM(<cnp.ndarray> numbers) == 1:
            address = <double *> cnp.PyArray_GETPTR1(<cnp.ndarray> numbers, place)
        elif cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> numbers):
            address = <double *> cnp.PyArray_DATA(<cnp.ndarray> numbers) + place
        else:
            return False
        g = self.take_element(place)
        out[0] = g
        if place in self.dead:
            return True
        self.dead.add(place)
        if self.touched is not None and not (<char *> cnp.PyArray_DATA(<cnp.ndarray> self.touched))[place]:
            return True
        if type(self.whole) is Recorded:
            out.node = self.tape.number(READ, one.cell.node, -1, address - one.cell.data, address[0])
        else:
            out.node, out.number = NUMBER, address[0]
        if g.node != NOTHING:
            total(self.tape, out[0], g, out)
        return True

    def take_object(self, Py_ssize_t place):
        """Return what was added to one element as a recorded number or a float, None for nothing; leave nothing."""
        return object_of(self.tape, self.take_element(place))

    def gathered(self):
        """Return what was added to the elements as an array of this shape: of numbers, or written on the tape."""
        cdef cnp.ndarray numbers = self.tape.zeros(self.node)
        cdef double *data = <double *> cnp.PyArray_DATA(numbers)
        cdef Recorded out
        cdef Py_ssize_t place
        cdef bint written = False
        for place in range(self.size):
            if self.source[place] < 0:
                data[place] = self.number[place]
                self.source[place] = 0
            elif self.source[place]:
                written = True
        self.count = 0
        if not written:
            return numbers
        out = <Recorded> self.tape.constant(numbers)
        for place in range(self.size):
            if self.source[place]:
                out.put(place, self.source[place] - 1, self.tape.v[self.source[place] - 1])
                self.source[place] = 0
        return out


cdef class Backward:
    """The adjoints of a tape's nodes while they are written: scalars by node, arrays by slot.

    ``end`` is behind the last node that has an adjoint. With lanes the adjoint of a scalar is an array, which no scalar
    operation takes: there must be few of them.
    """

    def __cinit__(self, Tape tape, inputs, Py_ssize_t end, tuple lanes):
        cdef Py_ssize_t node, scalars = 0
        self.tape, self.end, self.lanes = tape, end, lanes
        self.varied = dependent(tape, inputs, end)
        if lanes:
            for node in range(self.end):
                scalars += self.varied[node] and tape.op[node] > GENERAL and tape.op[node] != LEAF
            if len(lanes) > 1 or scalars > FEW:
                raise NotImplementedError
        self.adjoint = <Value *> malloc(max(self.end, 1) * sizeof(Value))
        if self.adjoint == NULL:
            raise MemoryError
        for node in range(self.end):
            self.adjoint[node].node, self.adjoint[node].number = NOTHING, 0.0
        self.lines = Lines(tape)
        self.sums, self.late, self.others = [None] * tape.slots, {}, {}

    def __dealloc__(self):
        free(self.varied)
        free(self.adjoint)

    def varies(self, int node):
        """Say whether a node depends on the inputs."""
        return bool(self.varied[node])

    # --- sums

    cdef Elements sum_of(self, int node):
        """Return the sum that is the adjoint of an array: of its slot, or of its own for a late version."""
        if self.tape.late and node in self.tape.late:
            if node not in self.late:
                self.late[node] = self.new_sum(node)
            return <Elements> self.late[node]
        return <Elements> self.sum_at_slot(node)

    def sum_for(self, int node):
        """Return the sum that is the adjoint of an array, new where there is none."""
        return self.sum_of(node)

    def sum_at_slot(self, int node):
        """Return the sum of the slot of an array, new where there is none."""
        cdef int slot = self.tape.slot[node]
        found = self.sums[slot]
        if not isinstance(found, Elements):
            self.sums[slot] = made = self.new_sum(node)
            if found is not None:
                made.add(found)
            return made
        return found

    def late_sum(self, int node):
        """Return the sum of a late version, and leave none."""
        return self.late.pop(node)

    def sum_of_slot(self, int node):
        """Return the sum of the slot of an array, None where there is none."""
        return None if self.sums[self.tape.slot[node]] is None else self.sum_at_slot(node)

    cdef int add_array(self, int node, object g) except -1:
        """Add to all of an array: a sum of its own has only what is added to in part."""
        cdef int slot = self.tape.slot[node]
        if self.tape.late and node in self.tape.late:
            self.sum_of(node).add(g)
            return 0
        before = self.sums[slot]
        if before is None:
            self.sums[slot] = g
        elif isinstance(before, Elements):
            before.add(g)
        else:
            self.sums[slot] = plus(before, g)
        return 0

    cdef object taken(self, int node):
        """Return the adjoint of the slot of an array, None for nothing, and leave nothing."""
        found = self.sums[self.tape.slot[node]]
        self.sums[self.tape.slot[node]] = None
        return found.value() if isinstance(found, Elements) else found

    def take_array(self, int node):
        """Return the adjoint of the slot of an array, None for nothing, and leave nothing."""
        return self.taken(node)

    cdef int add_any(self, int node, object g) except -1:
        """Add to the adjoint of a node, if it varies."""
        cdef Record record
        if not self.varied[node]:
            return 0
        number = constant_of(g)
        if number is not None and number == 0.0:
            return 0
        if self.tape.slot[node] < 0:
            self.add_scalar(node, g)
            return 0
        if self.tape.op[node] == GENERAL:
            record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
            if record.kind == "view":
                self.sum_of(record.operands[0]).add_through(record.path, g)
                return 0
        return self.add_array(node, g)

    def add(self, int node, g):
        """Add to the adjoint of a node, if it varies."""
        self.add_any(node, g)

    # --- adjoints of scalars

    cdef int add_value(self, int node, Value g) except -1:
        """Add to the adjoint of a scalar that varies."""
        cdef Value *sum = &self.adjoint[node]
        if g.node == NOTHING or g.node == NUMBER and g.number == 0:
            return 0
        if sum.node == NOTHING:
            sum[0] = g
        elif sum.node == OTHER:
            self.add_other(node, object_of(self.tape, g))
        else:
            total(self.tape, sum[0], g, sum)
        return 0

    def add_scalar(self, int node, g):
        """Add to the adjoint of a scalar that varies."""
        cdef Value value = value_of(self.tape, g)
        if value.node == OTHER:
            self.add_other(node, g)
        elif self.lanes:
            raise NotImplementedError
        else:
            self.add_value(node, value)

    def add_other(self, int node, g):
        """Add what is no scalar node, such as a number that carries a derivative of its own."""
        before = self.take(node)
        self.others[node] = g if before is None else self.plus(before, g)
        self.adjoint[node].node = OTHER

    def take(self, int node):
        """Return the adjoint of a scalar as a recorded number or a float, None for nothing; leave nothing."""
        cdef Value found = self.adjoint[node]
        self.adjoint[node].node = NOTHING
        return self.others.pop(node) if found.node == OTHER else object_of(self.tape, found)

    # --- the walk

    def run(self):
        """Go through all nodes that vary from the last to the first."""
        cdef Tape tape = self.tape
        cdef int node, op
        cdef Elements sum
        cdef Record record
        for node in range(<int> self.end - 1, -1, -1):
            if not self.varied[node]:
                continue
            if self.late and node in self.late:
                self.come_to_late(node)
            op = tape.op[node]
            if op >= 0:
                if self.adjoint[node].node != NOTHING:
                    self.scalar(node)
            elif op == READ:
                if self.adjoint[node].node != NOTHING and self.varied[tape.a[node]]:
                    sum = self.sum_of(tape.a[node])
                    if self.adjoint[node].node == OTHER:
                        self.add_other_element(sum, <Py_ssize_t> tape.at[node], self.take(node))
                    else:
                        sum.add_element(<Py_ssize_t> tape.at[node], self.adjoint[node])
            elif op == WRITE:
                self.write(node)
            elif op == GENERAL:
                record = <Record> tape.records[<Py_ssize_t> tape.at[node]]
                if self.lanes or tape.slot[node] < 0:
                    self.general(node, record)
                elif record.kind == "view":
                    g = self.taken(node)
                    if g is not None:
                        self.add_any(node, g)
                elif record.kind == "elementwise" and record.rule.outputs == 1:
                    g = self.taken(node)
                    if g is not None:
                        self.elementwise(node, record, g)
                else:
                    self.general(node, record)

    cdef int scalar(self, int node) except -1:
        """Pass the adjoint of a scalar operation on."""
        cdef Tape tape = self.tape
        cdef Value g = self.adjoint[node]
        cdef Value partial, term
        cdef int i, operand
        for i in range((<Rule> RULES[tape.op[node]]).arguments):
            operand = tape.b[node] if i else tape.a[node]
            if operand < 0 or not self.varied[operand]:
                continue
            if g.node == OTHER or not self.lines.partial(node, i, &partial):
                self.scalar_by_python(node, i, object_of(tape, g) if g.node != OTHER else self.others[node])
            elif partial.node != NOTHING:
                product(tape, partial, g, &term)
                self.add_value(operand, term)
        return 0

    def elementwise(self, int node, Record record, g):
        """Pass the adjoint of an elementwise operation on arrays on, which has one result."""
        cdef Partial partials = Partial(self.tape, node, record)
        cdef int i, operand
        for i in range(len(record.operands)):
            operand = record.operands[i]
            if operand < 0 or not record.active >> i & 1 or not self.varied[operand]:
                continue
            partial = partials.of(i)
            if partial is not None:
                self.add_any(operand, back_to(times(partial, g), len(record.shape), shape_of(record.primals[i])))

    cdef int write(self, int node) except -1:
        """Take out the adjoint of an element that was overwritten, which is that of what was written."""
        cdef Elements sum = <Elements> self.sum_of_slot(node)
        cdef int source = self.tape.b[node]
        cdef Py_ssize_t place = <Py_ssize_t> self.tape.at[node]
        cdef Value g
        if sum is None:
            return 0
        if sum.parts:
            sum.add_parts()
        if not self.lanes and (sum.whole is None or sum.take_from_whole(place, &g)):
            if sum.whole is None:
                g = sum.take_element(place)
            if source >= 0 and self.varied[source]:
                self.add_value(source, g)
            return 0
        found = sum.take_at(place)
        if found is not None and source >= 0 and self.varied[source]:
            self.add_scalar(source, found)
        return 0
