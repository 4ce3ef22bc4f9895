"""The machine that runs the formulas of one row over blocks of doubles.

Universal functions are run by their own C loops, so that a partial computed here is the one NumPy would compute; no
floating-point flag is looked at, because an infinite partial is no fault of the user's.
"""

cimport numpy as cnp
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from dualad.ops.code import find_loop

cnp.import_array()

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyUFuncObject:
        int nin
        int nout
        Loop *functions
        void **data
        int ntypes

cdef extern from "loops.h" nogil:
    void op_add(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_subtract(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_multiply(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_divide(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_negative(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_less(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_less_equal(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_greater(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_greater_equal(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_equal(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_not_equal(Py_ssize_t n, double *d, double *a, double *b) noexcept
    void op_where(Py_ssize_t n, double *d, double *a, double *b, double *c) noexcept
    cnp.int64_t term_set_scaled(Py_ssize_t n, double *y, double *d, double *x, double s) noexcept
    cnp.int64_t term_add_scaled(Py_ssize_t n, double *y, double *d, double *x, double s) noexcept
    cnp.int64_t term_set_times(Py_ssize_t n, double *y, double *d, double *x, double s) noexcept
    cnp.int64_t term_add_times(Py_ssize_t n, double *y, double *d, double *x, double s) noexcept
    void term_set_number(Py_ssize_t n, double *y, double *x, double s) noexcept
    void term_add_number(Py_ssize_t n, double *y, double *x, double s) noexcept
    void term_add_same(Py_ssize_t n, double *y, double *x, double s) noexcept
    void term_set_minus(Py_ssize_t n, double *y, double *x, double s) noexcept
    void term_add_minus(Py_ssize_t n, double *y, double *x, double s) noexcept
    void term_product(Py_ssize_t n, double *y, double *d, double *x, double *z) noexcept
    void term_product_times(Py_ssize_t n, double *y, double *d, double *x, double s) noexcept
    void term_product_number(Py_ssize_t n, double *y, double *d, double s) noexcept

cdef enum:
    ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL, WHERE, CALL

cdef enum:
    ZERO = 0
    ONE = 1
    MINUS_ONE = 2
    SLOT = 3


cdef void bind(Step *step, object ufunc, int loop) except *:
    """Fill a step with one loop of a universal function, with the types of what it reads and writes."""
    cdef PyUFuncObject *raw = <PyUFuncObject *> (<void *> ufunc)
    inputs, outputs = ufunc.types[loop].split("->")
    step.opcode = CALL
    step.sources = len(inputs)
    step.targets = len(outputs)
    for i in range(step.sources):
        step.source_kind[i] = ord(inputs[i])
    for i in range(step.targets):
        step.target_kind[i] = ord(outputs[i])
    step.loop = raw.functions[loop]
    step.data = raw.data[loop] if raw.data != NULL else NULL


cdef void run_loop(Step *step, Py_ssize_t n, double **slot) noexcept nogil:
    """Call a loop on slots, converting the integers that some loops take or give."""
    cdef char *at[2 * MOST]
    cdef Py_ssize_t stride[2 * MOST]
    cdef cnp.int64_t whole[3][BLOCK]
    cdef int *small = <int *> &whole[2][0]
    cdef int i, spare = 0
    cdef Py_ssize_t j
    cdef Py_ssize_t count = n
    cdef double *values
    for i in range(step.sources):
        at[i] = <char *> slot[step.source[i]]
        stride[i] = 8
        if step.source_kind[i] == c"l":
            values = slot[step.source[i]]
            for j in range(n):
                whole[spare][j] = <cnp.int64_t> values[j]
            at[i] = <char *> &whole[spare][0]
            spare = 1 - spare
    for i in range(step.targets):
        at[step.sources + i] = <char *> slot[step.target[i]]
        stride[step.sources + i] = 8
        if step.target_kind[i] != c"d":
            at[step.sources + i] = <char *> &whole[2][0]
            stride[step.sources + i] = 4 if step.target_kind[i] == c"i" else 8
    step.loop(at, &count, stride, step.data)
    for i in range(step.targets):
        values = slot[step.target[i]]
        if step.target_kind[i] == c"i":
            for j in range(n):
                values[j] = small[j]
        elif step.target_kind[i] == c"l":
            for j in range(n):
                values[j] = <double> whole[2][j]


cdef class Kernel:
    """Code with its loops resolved, ready to run on blocks."""

    def __cinit__(self, code):
        cdef Step *step
        self.code = code
        self.arguments, self.values, self.slots = code.arguments, code.values, code.slots
        self.nsteps = len(code.instructions)
        self.nconstants = len(code.constants)
        self.nresults = len(code.results)
        self.steps = <Step *> malloc(max(self.nsteps, 1) * sizeof(Step))
        self.constants = <double *> malloc(max(self.nconstants, 1) * BLOCK * sizeof(double))
        self.result = <int *> malloc(max(self.nresults, 1) * sizeof(int))
        self.kind = <char *> malloc(max(self.nresults, 1))
        self.used = <unsigned char *> malloc(self.slots + 1)
        if not (self.steps and self.constants and self.result and self.kind and self.used):
            raise MemoryError
        memset(self.used, 0, self.slots + 1)
        for i, instruction in enumerate(code.instructions):
            step = &self.steps[i]
            if instruction.opcode == CALL:
                bind(step, instruction.function, instruction.loop)
            else:
                step.opcode = instruction.opcode
                step.sources, step.targets = len(instruction.sources), 1
            for j, slot in enumerate(instruction.sources):
                step.source[j] = slot
                self.used[<int> slot] = 1
            for j, slot in enumerate(instruction.targets):
                step.target[j] = slot
        for i, number in enumerate(code.constants):
            for j in range(BLOCK):
                self.constants[i * BLOCK + j] = number
        for i, slot in enumerate(code.results):
            self.result[i] = slot
            self.used[<int> slot] = 1
            self.kind[i] = {0.0: ZERO, 1.0: ONE, -1.0: MINUS_ONE}.get(code.constant(slot), SLOT)

    def __dealloc__(self):
        free(self.steps)
        free(self.constants)
        free(self.result)
        free(self.kind)
        free(self.used)

    cdef void run(self, Py_ssize_t n, double **slot) noexcept nogil:
        """Run the code on ``n <= BLOCK`` elements of every slot."""
        cdef Step *step
        cdef double *a
        cdef double *b
        cdef double *d
        cdef int s, op
        for s in range(self.nsteps):
            step = &self.steps[s]
            op = step.opcode
            if op == CALL:
                run_loop(step, n, slot)
                continue
            a = slot[step.source[0]]
            b = slot[step.source[1]] if step.sources > 1 else a
            d = slot[step.target[0]]
            if op == ADD:
                op_add(n, d, a, b)
            elif op == SUBTRACT:
                op_subtract(n, d, a, b)
            elif op == MULTIPLY:
                op_multiply(n, d, a, b)
            elif op == DIVIDE:
                op_divide(n, d, a, b)
            elif op == NEGATIVE:
                op_negative(n, d, a, b)
            elif op == LESS:
                op_less(n, d, a, b)
            elif op == LESS_EQUAL:
                op_less_equal(n, d, a, b)
            elif op == GREATER:
                op_greater(n, d, a, b)
            elif op == GREATER_EQUAL:
                op_greater_equal(n, d, a, b)
            elif op == EQUAL:
                op_equal(n, d, a, b)
            elif op == NOT_EQUAL:
                op_not_equal(n, d, a, b)
            elif op == WHERE:
                op_where(n, d, a, b, slot[step.source[2]])

    cdef int forward(self, Py_ssize_t n, int active, double **x, char *x_scalar, double **v, int k1, int k2,
                     Py_ssize_t lanes, Lanes *t, double **out) except -1 nogil:
        """Write the tangents of a row's values, ``n`` elements and ``lanes`` lanes of each output.

        ``active`` operands have tangents ``t``. With ``k2 > 0`` lanes are those of a hyper-dual number: k1, then k2,
        then k1*k2 of second order, for which the code holds second partials too.
        """
        cdef Py_ssize_t at, count, room
        cdef int s, o, a, r, pairs
        cdef double *slot[64]
        cdef double small[64]
        cdef double *work
        cdef double *memory = NULL
        cdef Lanes moved[MOST]
        cdef int fixed = self.arguments + self.values + self.nconstants
        if self.slots > 64:
            with gil:
                raise ValueError("a formula of this row needs more than 64 intermediate values; split it in two rows")
        room = 1 if n == 1 else min(n, <Py_ssize_t> BLOCK)
        if n == 1:
            work = small
        else:
            memory = <double *> malloc(max(self.slots, 1) * room * sizeof(double))
            if memory == NULL:
                with gil:
                    raise MemoryError
            work = memory
        for s in range(self.nconstants):
            slot[self.arguments + self.values + s] = &self.constants[s * BLOCK]
        for s in range(fixed, self.slots):
            slot[s] = &work[s * room]
        for s in range(self.arguments):
            if x_scalar[s] and self.used[s]:
                slot[s] = &work[s * room]
                for at in range(room):
                    slot[s][at] = x[s][0]
        pairs = active * (active + 1) // 2 if k2 else 0
        at = 0
        while at < n:
            count = min(room, n - at)
            for s in range(self.arguments):
                if not x_scalar[s]:
                    slot[s] = x[s] + at
            for o in range(self.values):
                slot[self.arguments + o] = v[o] + at
            self.run(count, slot)
            for a in range(active):
                moved[a].at = t[a].at + at * t[a].element
                moved[a].lane, moved[a].element = t[a].lane, t[a].element
            for o in range(self.values):
                first_order(count, active, self, o * active, slot, lanes, moved, out[o] + at, n)
                if k2:
                    r = self.values * active + o * pairs
                    second_order(count, active, self, r, slot, k1, k2, moved, out[o] + at, n)
            at += count
        free(memory)
        return 0


cdef void first_order(Py_ssize_t n, int active, Kernel kernel, int result, double **slot, Py_ssize_t lanes,
                      Lanes *t, double *out, Py_ssize_t stride) noexcept nogil:
    """``out[j] = sum over operands of partial * tangent[j]``, in which nothing times infinity is nothing.

    The zero slope of a branch that was not taken meets the infinite tangent of what stands in it, and a tangent that is
    zero meets the infinite slope of sqrt at 0: both say that there is no dependence.
    """
    cdef Py_ssize_t j
    for j in range(lanes):
        if n == 1 or chain(n, active, kernel, result, slot, j, t, out + j * stride):
            guarded_chain(n, active, kernel, result, slot, j, t, out + j * stride)


cdef bint chain(Py_ssize_t n, int active, Kernel kernel, int result, double **slot, Py_ssize_t lane, Lanes *t,
                double *y) noexcept nogil:
    """Write one lane and say whether a product was NaN, so that it has to be done again with a look at each zero."""
    cdef int a, kind
    cdef double *d
    cdef double *x
    cdef double s = 0
    cdef cnp.int64_t odd = 0
    cdef bint fresh = True
    for a in range(active):
        kind = kernel.kind[result + a]
        if kind == ZERO:
            continue
        d = slot[kernel.result[result + a]]
        x = t[a].at + lane * t[a].lane
        if t[a].element == 0:
            s = x[0]
            if s == 0:
                continue
            if kind == SLOT:
                odd |= term_set_times(n, y, d, x, s) if fresh else term_add_times(n, y, d, x, s)
            else:
                if kind == MINUS_ONE:
                    s = -s
                if fresh:
                    term_set_number(n, y, x, s)
                else:
                    term_add_number(n, y, x, s)
        elif kind == SLOT:
            odd |= term_set_scaled(n, y, d, x, s) if fresh else term_add_scaled(n, y, d, x, s)
        elif kind == ONE:
            if fresh:
                memcpy(y, x, n * sizeof(double))
            else:
                term_add_same(n, y, x, s)
        elif fresh:
            term_set_minus(n, y, x, s)
        else:
            term_add_minus(n, y, x, s)
        fresh = False
    if fresh:
        memset(y, 0, n * sizeof(double))
    return odd != 0


cdef void guarded_chain(Py_ssize_t n, int active, Kernel kernel, int result, double **slot, Py_ssize_t lane, Lanes *t,
                        double *y) noexcept nogil:
    cdef int a, kind
    cdef Py_ssize_t i
    cdef double d, x, total
    for i in range(n):
        total = 0
        for a in range(active):
            kind = kernel.kind[result + a]
            if kind == ZERO:
                continue
            x = t[a].at[lane * t[a].lane + i * t[a].element]
            if kind == SLOT:
                d = slot[kernel.result[result + a]][i]
                if x != 0 and d != 0:
                    total += d * x
            elif kind == ONE:
                total += x
            else:
                total -= x
        y[i] = total


cdef void second_order(Py_ssize_t n, int active, Kernel kernel, int result, double **slot, int k1, int k2, Lanes *t,
                       double *out, Py_ssize_t stride) noexcept nogil:
    """Add ``sum over (i, j) of second partial * e1[i] * e2[j]`` to the lanes of second order."""
    cdef int i, j, a, b, r = result
    cdef double *d
    cdef double *y
    for i in range(active):
        for j in range(i + 1):
            if kernel.kind[r] != ZERO:
                d = slot[kernel.result[r]]
                for a in range(k1):
                    for b in range(k2):
                        y = out + (k1 + k2 + a * k2 + b) * stride
                        product_term(n, d, &t[i], a, &t[j], k1 + b, y)
                        if i != j:
                            product_term(n, d, &t[j], a, &t[i], k1 + b, y)
            r += 1


cdef void product_term(Py_ssize_t n, double *d, Lanes *left, int a, Lanes *right, int b, double *y) noexcept nogil:
    """``y += d * left[a] * right[b]``, in which nothing times infinity is nothing."""
    cdef double *x = left.at + a * left.lane
    cdef double *z = right.at + b * right.lane
    if left.element and right.element:
        term_product(n, y, d, x, z)
    elif left.element or right.element:
        if (z if left.element else x)[0] != 0:
            term_product_times(n, y, d, x if left.element else z, (z if left.element else x)[0])
    elif x[0] != 0 and z[0] != 0:
        term_product_number(n, y, d, x[0] * z[0])


cdef class Loops:
    """The loop over doubles of a universal function, for single values."""


cdef Loops loops_of(object ufunc, int nin):
    cdef Loops loops = Loops.__new__(Loops)
    cdef int index
    loops.ufunc = ufunc
    index = find_loop(ufunc, [False] * nin)
    loops.found = index >= 0
    if loops.found:
        bind(&loops.step, ufunc, index)
        loops.found = loops.step.targets == 1 and loops.step.target_kind[0] == c"d"
    return loops


cdef double call_scalar(Loops loops, double *x) noexcept nogil:
    """Return the value of a function of doubles; only for loops that were found."""
    cdef char *at[MOST + 1]
    cdef Py_ssize_t stride[MOST + 1]
    cdef Py_ssize_t one = 1
    cdef double v
    cdef int i
    for i in range(loops.step.sources):
        at[i] = <char *> &x[i]
        stride[i] = 8
    at[loops.step.sources] = <char *> &v
    stride[loops.step.sources] = 8
    loops.step.loop(at, &one, stride, loops.step.data)
    return v
