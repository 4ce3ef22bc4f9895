"""Numeric reverse sweep: cotangents carried backward over a tape, several lanes at once.

Nodes of scalars are plain C; nodes of arrays use the rules of their rows. ``dualad.sweeps.reference`` says the same in a
page of Python, and the tests hold this against it.
"""

cimport cython
cimport numpy as cnp
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np

from dualad.ops.lanes import sum_to
from dualad.sweeps.pull import pull

from dualad._duck cimport ADD, DIVIDE, MULTIPLY, NEGATIVE, ROWS, SUBTRACT
from dualad._kernel cimport BLOCK, MOST, Kernel
from dualad._tape cimport COMPARE, GENERAL, LEAF, READ, RULES, WRITE, Record, Rule, Tape, rule_of

cnp.import_array()

cdef enum:
    ZERO = 0
    ONE = 1
    MINUS_ONE = 2
    SLOT = 3

cdef enum:
    FRESH = 0
    MORE = 1
    SUM = 2

cdef int CODE[16]
for i, row in enumerate(ROWS):
    CODE[<int> i] = rule_of(row).code


cdef class Cotangents:
    """The cotangents of a tape's nodes: scalars in one column, arrays by slot."""

    cdef Tape tape
    cdef Py_ssize_t lanes
    cdef bint single               # no lane axis on arrays
    cdef double *scalars
    cdef double **data             # numbers of the arrays that are their own
    cdef list arrays
    cdef bytearray owned
    cdef dict items

    def __cinit__(self, Tape tape, Py_ssize_t lanes, bint single):
        self.tape, self.lanes, self.single = tape, lanes, single
        self.scalars = <double *> calloc(max(tape.n * lanes, 1), sizeof(double))
        self.data = <double **> calloc(max(tape.slots, 1), sizeof(void *))
        if self.scalars == NULL or self.data == NULL:
            raise MemoryError
        self.arrays = [None] * tape.slots
        self.owned = bytearray(tape.slots)
        self.items = {}

    def __dealloc__(self):
        free(self.scalars)
        free(self.data)

    cdef tuple lead(self):
        return () if self.single else (self.lanes,)

    cdef int keep(self, int slot, object g, bint own) except -1:
        """Make ``g`` the cotangent of a slot."""
        cdef cnp.ndarray one
        self.arrays[slot] = g
        one = <cnp.ndarray> g
        own = own and cnp.PyArray_ISCARRAY(one)
        self.owned[slot] = own
        self.data[slot] = <double *> cnp.PyArray_DATA(one) if own and cnp.PyArray_TYPE(one) == cnp.NPY_DOUBLE else NULL
        return 0

    cdef int drop(self, int slot) except -1:
        self.arrays[slot] = None
        self.owned[slot] = 0
        self.data[slot] = NULL
        return 0

    cdef object buffer(self, int node):
        """Return the cotangent of an array as an array of its own that may be written."""
        cdef int slot = self.tape.slot[node]
        cdef Record root
        if not self.owned[slot]:
            root = self.root(node)
            fresh = np.zeros(self.lead() + root.shape, root.dtype)
            if self.arrays[slot] is not None:
                fresh += self.arrays[slot]
            self.keep(slot, fresh, True)
        return self.arrays[slot]

    cdef Record root(self, int node):
        """Return the record of the first version of an array: a WRITE of one element has none."""
        while self.tape.op[node] == WRITE:
            node = self.tape.a[node]
        return <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]

    cdef object view(self, Record record):
        target = self.buffer(record.operands[0])
        for step in record.path:
            target = step(target)
        return target

    cdef int add(self, int node, object g, bint own) except -1:
        """Add a contribution; ``own`` says that nobody else holds ``g``."""
        cdef Tape tape = self.tape
        cdef int slot = tape.slot[node]
        cdef Py_ssize_t l
        cdef cnp.ndarray flat
        cdef Record record
        if slot < 0:
            flat = np.ascontiguousarray(g, dtype=np.float64)
            for l in range(self.lanes):
                self.scalars[node * self.lanes + l] += (<double *> cnp.PyArray_DATA(flat))[l]
            return 0
        if tape.op[node] == GENERAL:
            record = <Record> tape.records[<Py_ssize_t> tape.at[node]]
            if record.kind == "view":
                target = self.view(record)
                np.add(target, g, out=target)
                return 0
        if self.arrays[slot] is None:
            self.keep(slot, g, own)
        elif self.owned[slot]:
            np.add(self.arrays[slot], g, out=self.arrays[slot])
        else:
            self.keep(slot, self.arrays[slot] + g, True)
        return 0

    def seed(self, int node, g):
        """Seed an output."""
        self.add(node, g, False)

    def of(self, int node):
        """Return the cotangent of a node with its lanes, None for an array that nothing depends on."""
        cdef cnp.ndarray out
        cdef Py_ssize_t l
        if self.tape.slot[node] >= 0:
            return self.arrays[self.tape.slot[node]]
        out = np.empty(self.lead())
        for l in range(self.lanes):
            (<double *> cnp.PyArray_DATA(out))[l] = self.scalars[node * self.lanes + l]
        return out

    # --- the sweep

    @cython.cdivision(True)
    def sweep(self):
        """Go through all nodes from the last to the first."""
        cdef Tape tape = self.tape
        cdef Py_ssize_t lanes = self.lanes
        cdef double *s = self.scalars
        cdef double *gs
        cdef double *p
        cdef double x, y, v, g
        cdef double slope[2]
        cdef int node, op, a, b, slot
        cdef Py_ssize_t l, at, stride
        cdef Rule rule
        cdef bint zero
        for node in range(<int> tape.n - 1, -1, -1):
            op = tape.op[node]
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
                x = tape.v[a] if a >= 0 else tape.at[node]
                y = tape.v[b] if b >= 0 else tape.at[node]
                if op == CODE[<int> MULTIPLY]:
                    slope[0], slope[1] = y, x
                elif op == CODE[<int> DIVIDE]:
                    slope[0] = 1 / y
                    slope[1] = -tape.v[node] / y
                elif op == CODE[<int> NEGATIVE]:
                    slope[0] = -1.0
                else:
                    self.slopes(op, a, b, x, y, tape.v[node], slope)
                for l in range(lanes):
                    g = gs[l]
                    if g != 0:
                        if a >= 0:
                            s[a * lanes + l] += slope[0] * g
                        if b >= 0:
                            s[b * lanes + l] += slope[1] * g
            elif op == READ:
                slot = tape.slot[a]
                if self.data[slot] == NULL:
                    self.buffer(a)
                p = self.data[slot] + <Py_ssize_t> tape.at[node]
                if lanes == 1:
                    p[0] += gs[0]
                else:
                    stride = (<cnp.ndarray> self.arrays[slot]).size // lanes
                    for l in range(lanes):
                        p[l * stride] += gs[l]
            elif op == WRITE:
                slot = tape.slot[node]
                if self.arrays[slot] is None:
                    continue
                if self.data[slot] == NULL:
                    self.buffer(node)
                p = self.data[slot] + <Py_ssize_t> tape.at[node]
                stride = (<cnp.ndarray> self.arrays[slot]).size // lanes if lanes > 1 else 0
                for l in range(lanes):
                    if b >= 0:
                        s[b * lanes + l] += p[l * stride]
                    p[l * stride] = 0
            elif op == GENERAL:
                self.general(node, <Record> tape.records[<Py_ssize_t> tape.at[node]])

    cdef int slopes(self, int op, int a, int b, double x, double y, double v, double *slope) except -1:
        """Fill the partials of a scalar node by the kernel of its row."""
        cdef Rule rule = <Rule> RULES[op]
        cdef unsigned int active = (a >= 0) | ((b >= 0) << 1)
        cdef Kernel kernel
        cdef double *held[64]
        cdef double work[64]
        cdef int i, used = 0, fixed
        if rule.arguments == 1:
            active = 1
        found = rule.kernel(active, 0)
        if found is None:
            return self.slopes_by_numpy(rule, active, x, y, v, slope)
        kernel = <Kernel> found
        held[0] = &x
        if rule.arguments > 1:
            held[1] = &y
        held[rule.arguments] = &v
        fixed = kernel.arguments + kernel.values + kernel.nconstants
        for i in range(kernel.nconstants):
            held[kernel.arguments + kernel.values + i] = &kernel.constants[i * BLOCK]
        for i in range(fixed, kernel.slots):
            held[i] = &work[i]
        kernel.run(1, held)
        for i in range(rule.arguments):
            if active >> i & 1:
                slope[i] = held[kernel.result[used]][0]
                used += 1
        return 0

    cdef int slopes_by_numpy(self, Rule rule, unsigned int active, double x, double y, double v, double *slope) except -1:
        from dualad.ops import formula
        inputs = [x, y][:rule.arguments]
        bound = dict(zip(formula.symbols_of(rule.row), (*inputs, np.float64(v))))
        for i in range(rule.arguments):
            if active >> i & 1:
                with np.errstate(all="ignore"):
                    slope[i] = formula.evaluate(formula.partials(rule.row)[i][0], bound)
        return 0

    cdef int general(self, int node, Record record) except -1:
        cdef Tape tape = self.tape
        cdef int slot = tape.slot[node]
        cdef cnp.ndarray column
        cdef Py_ssize_t l
        cdef bint own = True
        kind = record.kind
        if kind == "view" or kind == "constant" or kind == "discrete":
            return 0
        if kind == "write":
            return self.write(node, record)
        if slot < 0:
            column = np.empty(self.lead())
            own = False
            for l in range(self.lanes):
                (<double *> cnp.PyArray_DATA(column))[l] = self.scalars[node * self.lanes + l]
                own = own or self.scalars[node * self.lanes + l] != 0
            if not own:
                return 0
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
        if kind == "elementwise" and self.elementwise(record, g, own):
            return 0
        for i, answer in pull(record, g, record.primals, record.value):
            self.add(record.operands[i], answer, answer is not g and isinstance(answer, np.ndarray)
                     and answer.base is None and answer.flags.writeable)
        return 0

    cdef int write(self, int node, Record record) except -1:
        if self.arrays[self.tape.slot[node]] is None:
            return 0
        target = self.buffer(node)
        for step in record.path:
            target = step(target)
        index = record.index
        if self.single:
            g = np.copy(target[index])
            target[index] = 0
        else:
            g = np.stack([target[l][index] for l in range(self.lanes)])
            for l in range(self.lanes):
                target[l][index] = 0
        if record.operands[1] >= 0:
            self.add(record.operands[1], sum_to(g, np.ndim(g) - (not self.single), record.primals[1]), True)
        return 0

    cdef bint elementwise(self, Record record, object given, bint own) except -1:
        """Pass a cotangent through an elementwise row by its kernel; False where NumPy's functions must."""
        cdef cnp.ndarray g
        cdef double *x[MOST]
        cdef double *out[MOST]
        cdef double *v = NULL
        cdef char fixed[MOST]
        cdef char mode[MOST]
        cdef int target[MOST]
        cdef int i, used = 0, count = 0, last = -1
        cdef Py_ssize_t n
        cdef Kernel kernel
        cdef Rule rule = record.rule
        cdef bint same
        if rule.outputs > 1 or type(given) is not np.ndarray or given.dtype != np.float64 or isinstance(record.value, float):
            return False
        found = rule.kernel(record.active, record.whole)
        if found is None:
            return False
        kernel = <Kernel> found
        g = given if cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> given) else np.ascontiguousarray(given)
        own = own and g is given
        shape = record.shape
        n = g.size // self.lanes if self.lanes else 0
        keep = []
        wide = []
        for i in range(rule.arguments):
            fixed[i] = 1
            x[i] = NULL
            primal = record.primals[i]
            if kernel.used[i]:
                x[i] = numbers(primal, shape, &fixed[i], keep)
            if record.active >> i & 1:
                node = record.operands[i]
                same = np.shape(primal) == shape
                target[count] = node
                if self.tape.slot[node] < 0:
                    mode[count] = SUM
                    out[count] = &self.scalars[<int> node * self.lanes]
                elif same and not self.is_view(node):
                    if self.data[self.tape.slot[node]] != NULL:
                        mode[count] = MORE
                        out[count] = self.data[self.tape.slot[node]]
                    elif self.arrays[self.tape.slot[node]] is not None:
                        self.buffer(node)
                        mode[count] = MORE
                        out[count] = self.data[self.tape.slot[node]]
                    else:
                        mode[count] = FRESH
                        last = count
                else:
                    mode[count] = FRESH
                    made = np.empty(self.lead() + shape)
                    wide.append((node, made, np.shape(primal)))
                    out[count] = <double *> cnp.PyArray_DATA(made)
                    target[count] = -1
                count += 1
        for i in range(count):
            if mode[i] == FRESH and target[i] >= 0:
                # The last operand takes over the memory of the cotangent, which is not needed again.
                slot = self.tape.slot[target[i]]
                if self.arrays[slot] is not None:
                    # The same array stands in both places of the operator: f(x, x).
                    mode[i] = MORE
                    out[i] = self.data[slot]
                    continue
                made = g if own and i == last and i == count - 1 else np.empty(self.lead() + shape)
                self.keep(slot, made, True)
                out[i] = <double *> cnp.PyArray_DATA(made)
        if kernel.used[rule.arguments]:
            v = numbers(record.value, shape, &fixed[MOST - 1], keep)
        if n * self.lanes > 16384:
            with nogil:
                backward(kernel, n, count, x, fixed, v, self.lanes, <double *> cnp.PyArray_DATA(g), out, mode)
        else:
            backward(kernel, n, count, x, fixed, v, self.lanes, <double *> cnp.PyArray_DATA(g), out, mode)
        for node, made, inner in wide:
            self.add(node, sum_to(made, len(shape), inner), True)
        return True

    cdef bint is_view(self, int node) except -1:
        if self.tape.op[node] != GENERAL:
            return False
        return (<Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]).kind == "view"


cdef double *numbers(object source, tuple shape, char *fixed, list keep) except NULL:
    """Return the doubles of an operand broadcast to ``shape``; ``fixed`` says that one double stands for all."""
    cdef cnp.ndarray found
    if not isinstance(source, np.ndarray):
        source = np.asarray(source)
    found = <cnp.ndarray> source
    fixed[0] = cnp.PyArray_SIZE(found) == 1
    if fixed[0]:
        found = np.ascontiguousarray(found, dtype=np.float64)
    elif source.shape != shape:
        found = np.empty(shape)
        found[...] = source
    elif not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
        found = np.array(source, dtype=np.float64, order="C")
    keep.append(found)
    return <double *> cnp.PyArray_DATA(found)


cdef int backward(Kernel kernel, Py_ssize_t n, int active, double **x, char *fixed, double *v, Py_ssize_t lanes,
                  double *g, double **out, char *mode) except -1 nogil:
    """Write ``partial * g`` of each active operand: into a fresh array, onto an array, or summed onto a number."""
    cdef double *slot[64]
    cdef double *work
    cdef double *d
    cdef double *y
    cdef double *gl
    cdef double total, one
    cdef int s, a, kind
    cdef Py_ssize_t at = 0, count, i, l
    cdef Py_ssize_t room = min(n, <Py_ssize_t> BLOCK)
    cdef int first = kernel.arguments + kernel.values
    work = <double *> malloc(max(kernel.slots * room, <Py_ssize_t> 1) * sizeof(double))
    if work == NULL:
        with gil:
            raise MemoryError
    for s in range(kernel.nconstants):
        slot[first + s] = &kernel.constants[s * BLOCK]
    for s in range(first + kernel.nconstants, kernel.slots):
        slot[s] = &work[s * room]
    for s in range(kernel.arguments):
        if fixed[s] and kernel.used[s]:
            slot[s] = &work[s * room]
            for i in range(room):
                slot[s][i] = x[s][0]
    while at < n:
        count = min(room, n - at)
        for s in range(kernel.arguments):
            if not fixed[s]:
                slot[s] = x[s] + at
        slot[kernel.arguments] = v + at
        kernel.run(count, slot)
        for a in range(active):
            kind = kernel.kind[a]
            d = slot[kernel.result[a]]
            for l in range(lanes):
                gl = g + l * n + at
                if mode[a] == SUM:
                    total = 0
                    if kind == SLOT:
                        for i in range(count):
                            total += d[i] * gl[i] if gl[i] != 0 else 0
                    elif kind != ZERO:
                        for i in range(count):
                            total += gl[i]
                        if kind == MINUS_ONE:
                            total = -total
                    out[a][l] += total
                    continue
                y = out[a] + l * n + at
                if mode[a] == FRESH:
                    if kind == SLOT:
                        for i in range(count):
                            y[i] = d[i] * gl[i] if gl[i] != 0 else 0
                    elif kind == ONE:
                        for i in range(count):
                            y[i] = gl[i]
                    elif kind == MINUS_ONE:
                        for i in range(count):
                            y[i] = -gl[i]
                    else:
                        memset(y, 0, count * sizeof(double))
                elif kind == SLOT:
                    for i in range(count):
                        y[i] += d[i] * gl[i] if gl[i] != 0 else 0
                elif kind == ONE:
                    for i in range(count):
                        y[i] += gl[i]
                elif kind == MINUS_ONE:
                    for i in range(count):
                        y[i] -= gl[i]
        at += count
    free(work)
    return 0
