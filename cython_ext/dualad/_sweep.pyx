"""Numeric reverse sweep: cotangents carried backward over a tape, several lanes at once.

Nodes of scalars are plain C; nodes of arrays use the rules of their rows. ``dualad.sweeps.reference`` says the same in
a page of Python, and the tests hold this against it.
"""

cimport numpy as cnp
from libc.stdlib cimport calloc, free

import numpy as np

from dualad.ops.lanes import sum_to
from dualad.ops.table import TABLE
from dualad.reverse.pull import pull

from dualad._columns cimport GENERAL, READ, WRITE
from dualad._duck cimport ADD, SUBTRACT
from dualad._kernel cimport MOST, Kernel
from dualad._partials cimport (CODE, FRESH, MORE, SKIP, SUM, Target, backward, has_shape, is_double, numbers, slopes)
from dualad._record cimport Record, Shape
from dualad._rule cimport Rule, rule_of
from dualad._tape cimport Tape
from dualad._views cimport Pick, is_basic

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_NewLikeArray(cnp.ndarray prototype, cnp.NPY_ORDER order, cnp.PyArray_Descr *dtype, int subok)

cdef enum:
    ONE = 1            # Kernel.kind of a partial that is 1

cdef object getitem_row = TABLE.named("getitem")
cdef object sum_row = TABLE.named("sum")
cdef Rule power_rule = rule_of(TABLE.named("power"))
cdef Rule square_rule = rule_of(TABLE.named("square"))


cdef class Cotangents:
    """The cotangents of a tape's nodes: scalars in one column, arrays by slot.

    A version of an array that is read late has a place of its own behind the slots.
    """

    cdef Tape tape
    cdef Py_ssize_t lanes
    cdef bint single               # no lane axis on arrays
    cdef double *scalars
    cdef double **data             # numbers of the arrays that are their own
    cdef list arrays
    cdef bytearray owned
    cdef dict items
    cdef dict late
    cdef dict roots

    def __cinit__(self, Tape tape, Py_ssize_t lanes, bint single):
        cdef Py_ssize_t places = tape.slots + len(tape.late)
        self.tape, self.lanes, self.single = tape, lanes, single
        self.scalars = <double *> calloc(max(tape.n * lanes, 1), sizeof(double))
        self.data = <double **> calloc(max(places, 1), sizeof(void *))
        if self.scalars == NULL or self.data == NULL:
            raise MemoryError
        self.arrays = [None] * places
        self.owned = bytearray(places)
        self.items = {}
        self.roots = {}
        self.late = {node: tape.slots + i for i, node in enumerate(tape.late)} if tape.late else None

    def __dealloc__(self):
        free(self.scalars)
        free(self.data)

    cdef tuple lead(self):
        return () if self.single else (self.lanes,)

    cdef int home(self, int node) except -1:
        """Return the place of an array's cotangent."""
        if self.late is not None:
            found = self.late.get(node)
            if found is not None:
                return found
        return self.tape.slot[node]

    cdef Record root(self, int node):
        """Return the record of the first version of an array."""
        cdef int slot = self.tape.slot[node]
        found = self.roots.get(slot)
        if found is None:
            found = self.roots[slot] = self.tape.root(node)
        return <Record> found

    cdef int keep(self, int place, object g, bint own) except -1:
        """Make ``g`` the cotangent at a place."""
        cdef cnp.ndarray one = <cnp.ndarray> g
        self.arrays[place] = g
        own = own and cnp.PyArray_ISCARRAY(one) and not self.is_odd(place)
        self.owned[place] = own
        self.data[place] = <double *> cnp.PyArray_DATA(one) if own and cnp.PyArray_TYPE(one) == cnp.NPY_DOUBLE else NULL
        return 0

    cdef bint is_odd(self, int place) except -1:
        """Say whether an array is laid out in another than C order; a late version counts as such."""
        return place >= self.tape.slots or bool(self.tape.odd) and place in self.tape.odd

    cdef int drop(self, int place) except -1:
        self.arrays[place] = None
        self.owned[place] = 0
        self.data[place] = NULL
        return 0

    cdef object buffer(self, int node, int place):
        """Return the cotangent of an array, kept at a place, as an array of its own that may be written."""
        cdef cnp.ndarray fresh
        if not self.owned[place]:
            found = self.arrays[place]
            fresh = self.tape.zeros(node, self.lead())
            if found is not None:
                fresh[...] = found
            self.arrays[place] = fresh
            self.owned[place] = 1
            self.data[place] = <double *> cnp.PyArray_DATA(fresh) if cnp.PyArray_TYPE(fresh) == cnp.NPY_DOUBLE else NULL
        return self.arrays[place]

    cdef object view(self, Record record):
        """Return the part of a base's cotangent that belongs to a view of it."""
        target = self.buffer(record.operands[0], self.home(record.operands[0]))
        for step in record.path:
            target = step(target)
        return target

    cdef int add(self, int node, object g, bint own) except -1:
        """Add a contribution; ``own`` says that nobody else holds ``g``."""
        cdef Tape tape = self.tape
        cdef int place = tape.slot[node]
        cdef Py_ssize_t l
        cdef cnp.ndarray flat
        cdef Record record
        if place < 0:
            flat = np.ascontiguousarray(g, dtype=np.float64)
            for l in range(self.lanes):
                self.scalars[node * self.lanes + l] += (<double *> cnp.PyArray_DATA(flat))[l]
            return 0
        if tape.op[node] == GENERAL:
            record = <Record> tape.records[<Py_ssize_t> tape.at[node]]
            if record.kind == "view":
                target = self.view(record)
                np.add(target, g, out=target, casting="unsafe")
                return 0
        if type(g) is not np.ndarray:
            g = np.asarray(g)
        dtype = self.root(node).dtype
        if (<cnp.ndarray> g).descr is not dtype and g.dtype != dtype:
            g, own = g.astype(dtype), True
        return self.gather(self.home(node), g, own)

    cdef int gather(self, int place, object g, bint own) except -1:
        """Add to the whole cotangent at a place."""
        if self.arrays[place] is None:
            self.keep(place, g, own)
        elif self.owned[place]:
            np.add(self.arrays[place], g, out=self.arrays[place])
        else:
            self.keep(place, np.add(self.arrays[place], g), True)
        return 0

    def seed(self, int node, g):
        """Seed an output."""
        self.add(node, g, False)

    def of(self, int node):
        """Return the cotangent of a node with its lanes, None for an array that nothing depends on."""
        cdef cnp.ndarray out
        cdef Py_ssize_t l
        cdef int slot = self.tape.slot[node]
        if slot >= 0:
            if self.arrays[slot] is not None and not self.owned[slot]:
                self.keep(slot, np.array(self.arrays[slot], order="C"), True)
            return self.arrays[slot]
        out = np.empty(self.lead())
        for l in range(self.lanes):
            (<double *> cnp.PyArray_DATA(out))[l] = self.scalars[node * self.lanes + l]
        return out

    # --- the sweep

    def sweep(self):
        """Go through all nodes from the last to the first."""
        cdef Tape tape = self.tape
        cdef Py_ssize_t lanes = self.lanes
        cdef double *s = self.scalars
        cdef double *gs
        cdef double *p
        cdef double g
        cdef double slope[2]
        cdef int node, op, a, b, place
        cdef Py_ssize_t l, stride
        cdef bint zero, has_late = self.late is not None
        tape.check_constants()
        for node in range(<int> tape.n - 1, -1, -1):
            op = tape.op[node]
            if has_late and node in self.late:
                self.come_to_late(node)
            if op == GENERAL:
                self.general(node, <Record> tape.records[<Py_ssize_t> tape.at[node]])
                continue
            gs = &s[node * lanes]
            if op >= 0 or op == READ:
                zero = True
                for l in range(lanes):
                    if gs[l] != 0:
                        zero = False
                        break
                if zero:
                    continue
            a, b = tape.a[node], tape.b[node]
            if op >= 0:
                if op == CODE[<int> ADD]:
                    for l in range(lanes):
                        if a >= 0:
                            s[a * lanes + l] += gs[l]
                        if b >= 0:
                            s[b * lanes + l] += gs[l]
                    continue
                if op == CODE[<int> SUBTRACT]:
                    for l in range(lanes):
                        if a >= 0:
                            s[a * lanes + l] += gs[l]
                        if b >= 0:
                            s[b * lanes + l] -= gs[l]
                    continue
                slopes(tape, node, slope)
                for l in range(lanes):
                    g = gs[l]
                    if g != 0:
                        # Nothing times infinity is nothing.
                        if a >= 0 and slope[0] != 0:
                            s[a * lanes + l] += slope[0] * g
                        if b >= 0 and slope[1] != 0:
                            s[b * lanes + l] += slope[1] * g
            elif op == READ:
                place = self.home(a) if has_late else tape.slot[a]
                if self.data[place] == NULL:
                    self.buffer(a, place)
                p = self.data[place] + <Py_ssize_t> tape.at[node]
                if lanes == 1:
                    p[0] += gs[0]
                else:
                    stride = cnp.PyArray_SIZE(<cnp.ndarray> self.arrays[place]) // lanes
                    for l in range(lanes):
                        p[l * stride] += gs[l]
            elif op == WRITE:
                place = tape.slot[node]
                if self.arrays[place] is None:
                    continue
                if self.data[place] == NULL:
                    self.buffer(node, place)
                p = self.data[place] + <Py_ssize_t> tape.at[node]
                stride = cnp.PyArray_SIZE(<cnp.ndarray> self.arrays[place]) // lanes if lanes > 1 else 0
                for l in range(lanes):
                    if b >= 0:
                        s[b * lanes + l] += p[l * stride]
                    p[l * stride] = 0

    cdef int come_to_late(self, int node) except -1:
        """Add what late uses of a version have given to the cotangent that its array has here."""
        cdef int place = self.late[node]
        g = self.arrays[place]
        if g is not None:
            self.gather(self.tape.slot[node], g, self.owned[place])
            self.drop(place)
        return 0

    cdef int general(self, int node, Record record) except -1:
        cdef Tape tape = self.tape
        cdef int slot = tape.slot[node]
        cdef cnp.ndarray column
        cdef Py_ssize_t l
        cdef bint own = True
        kind = record.kind
        if kind == "view":
            # What reads elements of the view itself, as transforms do, has added to a cotangent of the view.
            g = self.arrays[slot]
            if g is not None:
                self.drop(slot)
                self.add(node, g, False)
            return 0
        if kind == "constant" or kind == "discrete":
            return 0
        if kind == "write":
            return self.write(node, record)
        if slot < 0:
            for l in range(self.lanes):
                if self.scalars[node * self.lanes + l] != 0:
                    break
            else:
                return 0
            if kind == "row" and record.row is sum_row and self.total(node, record):
                return 0
            column = np.empty(self.lead())
            for l in range(self.lanes):
                (<double *> cnp.PyArray_DATA(column))[l] = self.scalars[node * self.lanes + l]
            g = column
        elif node in self.items:
            g = self.items.pop(node)
        else:
            g = self.arrays[slot]
            if g is None:
                return 0
            own = self.owned[slot]
            self.drop(slot)
        if kind == "item":
            parent = record.operands[0]
            parts = self.items.get(parent)
            if parts is None:
                parts = self.items[parent] = [None] * len((<Record> tape.record_of(parent)).value)
            parts[record.index] = g
            return 0
        if kind == "elementwise":
            if self.elementwise(record, g, own):
                return 0
        elif record.row is getitem_row and self.picked(record, g):
            return 0
        for i, answer in pull(record, g, record.primals, record.value):
            self.add(record.operands[i], answer, answer is not g and isinstance(answer, np.ndarray)
                     and answer.base is None and answer.flags.writeable)
        return 0

    cdef bint total(self, int node, Record record) except -1:
        """Pass the cotangent of a plain ``np.sum(x)``: the same number to every element, which takes no memory."""
        cdef int a = record.operands[0]
        cdef cnp.ndarray base
        cdef Py_ssize_t k
        cdef Shape like
        if len(record.args) != 1 or record.kwargs or type(record.primals[0]) is not Shape:
            return False
        like = <Shape> record.primals[0]
        if not is_double(like):
            return False
        base = np.empty(self.lanes)
        for k in range(self.lanes):
            (<double *> cnp.PyArray_DATA(base))[k] = self.scalars[node * self.lanes + k]
        strides = (0,) * len(like.shape) if self.single else (sizeof(double),) + (0,) * len(like.shape)
        self.add(a, np.ndarray(self.lead() + like.shape, np.float64, base, 0, strides), False)
        return True

    cdef bint picked(self, Record record, object g) except -1:
        """Add the cotangent of ``x[index]`` in place: elements that are not picked cost nothing."""
        cdef int a = record.operands[0]
        cdef Py_ssize_t l
        if self.tape.slot[a] < 0 or len(record.args) != 2:
            return False
        index = record.args[1]
        if self.is_view(a):
            target = self.view(<Record> self.tape.records[<Py_ssize_t> self.tape.at[a]])
        else:
            target = self.buffer(a, self.home(a))
        if is_basic(index):
            target = Pick(index, target.ndim - (not self.single))(target)
            np.add(target, g, out=target)
        elif self.single:
            np.add.at(target, index, g)
        else:
            for l in range(self.lanes):
                np.add.at(target[l, ...], index, g[l])
        return True

    cdef int write(self, int node, Record record) except -1:
        cdef int slot = self.tape.slot[node]
        if self.arrays[slot] is None:
            return 0
        target = self.buffer(node, slot)
        for step in record.path:
            target = step(target)
        index = record.index
        if self.single:
            g = np.copy(target[index])
            target[index] = 0
        else:
            g = np.stack([target[l, ...][index] for l in range(self.lanes)])
            for l in range(self.lanes):
                target[l, ...][index] = 0
        if record.plan is not None:
            g = np.where(record.plan, g, 0.0)
        if record.operands[1] >= 0:
            self.add(record.operands[1], sum_to(g, np.ndim(g) - (not self.single), record.primals[1]), True)
        return 0

    cdef bint is_view(self, int node) except -1:
        if self.tape.op[node] != GENERAL:
            return False
        return (<Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]).kind == "view"

    cdef char fits(self, Record record, int i) except -1:
        """Say whether operand ``i`` is an array of doubles of the shape of the result: 1, or 2 if it is a view."""
        cdef int node = record.operands[i]
        primal = record.primals[i]
        if self.tape.slot[node] < 0 or not (has_shape(primal, record.shape) and is_double(primal)):
            return 0
        return 2 if self.is_view(node) else 1

    cdef bint elementwise(self, Record record, object given, bint own) except -1:
        """Pass a cotangent through an elementwise row by its kernel; False where NumPy's functions must."""
        cdef cnp.ndarray g
        cdef double *x[MOST]
        cdef double *v = NULL
        cdef Target target[MOST]
        cdef char fixed[MOST]
        cdef char fit[MOST]
        cdef int i, node, place, count = 0, heir = -1, left = 0
        cdef Py_ssize_t n
        cdef Kernel kernel
        cdef Rule rule = record.rule
        cdef bint uniform
        if rule.outputs > 1 or type(given) is not np.ndarray or cnp.PyArray_TYPE(<cnp.ndarray> given) != cnp.NPY_DOUBLE:
            return False
        if rule is power_rule and record.active == 1 and type(record.primals[1]) is int and record.primals[1] == 2:
            found = square_rule.kernel(1, 0)
        else:
            found = rule.kernel(record.active, record.whole)
        if found is None:
            return False
        kernel = <Kernel> found
        g = <cnp.ndarray> given
        n = cnp.PyArray_SIZE(g) // self.lanes if self.lanes else 0
        uniform = is_uniform(g, not self.single)
        if not uniform and not cnp.PyArray_ISCARRAY_RO(g):
            g, own = np.ascontiguousarray(g), True
        keep = []
        wide = []
        # An operand whose partial is 1 is given the cotangent itself, the first of the others the memory of it.
        for i in range(rule.arguments):
            if not record.active >> i & 1:
                continue
            fit[i] = self.fits(record, i)
            target[count].mode = FRESH
            if fit[i] == 1 and kernel.kind[count] == ONE:
                place = self.home(record.operands[i])
                if self.arrays[place] is None:
                    self.keep(place, g, own and record.active == 1u << i)
                    target[count].mode = SKIP
                    own = False
            if target[count].mode != SKIP:
                left += 1
                if heir < 0 and fit[i] == 1 and self.arrays[self.home(record.operands[i])] is None:
                    heir = i
            count += 1
        if not left:
            return True
        own = own and not uniform
        count = 0
        for i in range(rule.arguments):
            fixed[i] = 1
            x[i] = NULL
            primal = record.primals[i]
            if i < kernel.arguments and kernel.used[i]:
                x[i] = numbers(primal, record.shape, &fixed[i], keep)
            if not record.active >> i & 1:
                continue
            node = record.operands[i]
            if target[count].mode == SKIP:
                pass
            elif self.tape.slot[node] < 0:
                target[count].mode = SUM
                target[count].out = &self.scalars[<int> node * self.lanes]
            elif fit[i] == 1:
                self.aim(&target[count], self.home(node), g, own and i == heir, keep)
            elif fit[i] == 2 and self.aim_at_view(&target[count], node, keep):
                pass
            else:
                made = PyArray_NewLikeArray(g, cnp.NPY_CORDER, NULL, 0)
                wide.append((node, made, np.shape(primal)))
                target[count].out = <double *> cnp.PyArray_DATA(<cnp.ndarray> made)
            count += 1
        if kernel.used[kernel.arguments]:
            v = numbers(record.value, record.shape, &fixed[MOST - 1], keep)
        if n * self.lanes > 16384:
            with nogil:
                backward(kernel, n, count, x, fixed, v, self.lanes, <double *> cnp.PyArray_DATA(g), uniform, target)
        else:
            backward(kernel, n, count, x, fixed, v, self.lanes, <double *> cnp.PyArray_DATA(g), uniform, target)
        for node, made, inner in wide:
            self.add(node, sum_to(made, len(record.shape), inner), True)
        return True

    cdef bint aim_at_view(self, Target *target, int node, list keep) except -1:
        """Let the contribution to a view be added in the cotangent of its base, where its elements lie one after the
        other.
        """
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        view = self.view(record)
        if type(view) is not np.ndarray or not cnp.PyArray_ISCARRAY(<cnp.ndarray> view):
            return False
        keep.append(view)
        target.mode = MORE
        target.before = target.out = <double *> cnp.PyArray_DATA(<cnp.ndarray> view)
        return True

    cdef int aim(self, Target *target, int place, cnp.ndarray g, bint take, list keep) except -1:
        """Say where the contribution to an array goes; ``take`` allows the memory of the cotangent itself."""
        cdef cnp.ndarray before
        if self.arrays[place] is not None:
            target.mode = MORE
            before = <cnp.ndarray> self.arrays[place]
            if not (cnp.PyArray_TYPE(before) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(before)):
                before = np.array(before, dtype=np.float64, order="C")
            keep.append(before)
            target.before = <double *> cnp.PyArray_DATA(before)
            if self.data[place] != NULL and not self.is_odd(place):
                target.out = self.data[place]
                return 0
        if not take:
            g = PyArray_NewLikeArray(g, cnp.NPY_CORDER, NULL, 0)
        self.keep(place, g, True)
        target.out = <double *> cnp.PyArray_DATA(g)
        return 0


cdef bint is_uniform(cnp.ndarray g, bint lanes) noexcept:
    """Say whether all elements of a lane are one number in memory."""
    cdef int k
    cdef bint found = False
    for k in range(lanes, cnp.PyArray_NDIM(g)):
        if cnp.PyArray_DIM(g, k) > 1:
            if cnp.PyArray_STRIDE(g, k) != 0:
                return False
            found = True
    return found and (not lanes or cnp.PyArray_STRIDE(g, 0) == sizeof(double) or cnp.PyArray_DIM(g, 0) < 2)
