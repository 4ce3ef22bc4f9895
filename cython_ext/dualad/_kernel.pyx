"""The machine that runs the formulas of one row over blocks of doubles.

Universal functions are run by their own C loops, so that a partial computed here is the one NumPy would compute; no
floating-point flag is looked at, because an infinite partial is no fault of the user's.
"""

cimport cython
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

# The inner loops over one lane of tangents, in C for the sake of the processors of today. Each says whether it met a
# NaN, which asks for a second look. Sums keep their order and no multiplication is fused with an addition, so that
# every processor gives the same bits.
cdef extern from * nogil:
    """
    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__gnu_linux__)
    #define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
    #else
    #define FOR_EACH_PROCESSOR
    #endif

    /* y = d*x */
    FOR_EACH_PROCESSOR
    static int lane_multiply(ptrdiff_t n, double *__restrict y, const double *__restrict d,
                             const double *__restrict x) {
        long long odd = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            double product = d[i] * x[i];
            y[i] = product;
            odd |= product != product;
        }
        return odd != 0;
    }

    /* y += d*x */
    FOR_EACH_PROCESSOR
    static int lane_multiply_add(ptrdiff_t n, double *__restrict y, const double *__restrict d,
                                 const double *__restrict x) {
        long long odd = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            double sum = y[i] + d[i] * x[i];
            y[i] = sum;
            odd |= sum != sum;
        }
        return odd != 0;
    }

    /* y = d*s */
    FOR_EACH_PROCESSOR
    static int lane_scale(ptrdiff_t n, double *__restrict y, const double *__restrict d, double s) {
        long long odd = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            double product = d[i] * s;
            y[i] = product;
            odd |= product != product;
        }
        return odd != 0;
    }

    /* y += d*s */
    FOR_EACH_PROCESSOR
    static int lane_scale_add(ptrdiff_t n, double *__restrict y, const double *__restrict d, double s) {
        long long odd = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            double sum = y[i] + d[i] * s;
            y[i] = sum;
            odd |= sum != sum;
        }
        return odd != 0;
    }
    """
    int lane_multiply(Py_ssize_t n, double *y, const double *d, const double *x)
    int lane_multiply_add(Py_ssize_t n, double *y, const double *d, const double *x)
    int lane_scale(Py_ssize_t n, double *y, const double *d, double s)
    int lane_scale_add(Py_ssize_t n, double *y, const double *d, double s)

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

    @cython.cdivision(True)
    cdef void run(self, Py_ssize_t n, double **slot) noexcept nogil:
        """Run the code on ``n <= BLOCK`` elements of every slot."""
        cdef Step *step
        cdef double *a
        cdef double *b
        cdef double *c
        cdef double *d
        cdef int s, op
        cdef Py_ssize_t i
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
                for i in range(n):
                    d[i] = a[i] + b[i]
            elif op == SUBTRACT:
                for i in range(n):
                    d[i] = a[i] - b[i]
            elif op == MULTIPLY:
                for i in range(n):
                    d[i] = a[i] * b[i]
            elif op == DIVIDE:
                for i in range(n):
                    d[i] = a[i] / b[i]
            elif op == NEGATIVE:
                for i in range(n):
                    d[i] = -a[i]
            elif op == LESS:
                for i in range(n):
                    d[i] = a[i] < b[i]
            elif op == LESS_EQUAL:
                for i in range(n):
                    d[i] = a[i] <= b[i]
            elif op == GREATER:
                for i in range(n):
                    d[i] = a[i] > b[i]
            elif op == GREATER_EQUAL:
                for i in range(n):
                    d[i] = a[i] >= b[i]
            elif op == EQUAL:
                for i in range(n):
                    d[i] = a[i] == b[i]
            elif op == NOT_EQUAL:
                for i in range(n):
                    d[i] = a[i] != b[i]
            elif op == WHERE:
                c = slot[step.source[2]]
                for i in range(n):
                    d[i] = b[i] if a[i] != 0 else c[i]

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
    cdef Py_ssize_t i
    cdef double *d
    cdef double *x
    cdef double s
    cdef int odd = 0
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
                odd |= lane_scale(n, y, d, s) if fresh else lane_scale_add(n, y, d, s)
            else:
                if kind == MINUS_ONE:
                    s = -s
                if fresh:
                    for i in range(n):
                        y[i] = s
                else:
                    for i in range(n):
                        y[i] += s
        elif kind == SLOT:
            odd |= lane_multiply(n, y, d, x) if fresh else lane_multiply_add(n, y, d, x)
        elif kind == ONE:
            if fresh:
                memcpy(y, x, n * sizeof(double))
            else:
                for i in range(n):
                    y[i] += x[i]
        else:
            if fresh:
                for i in range(n):
                    y[i] = -x[i]
            else:
                for i in range(n):
                    y[i] -= x[i]
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
    cdef Py_ssize_t i
    cdef double *x = left.at + a * left.lane
    cdef double *z = right.at + b * right.lane
    cdef double s
    if left.element == 0 and right.element == 0:
        s = x[0] * z[0]
        if x[0] != 0 and z[0] != 0:
            for i in range(n):
                if d[i] != 0:
                    y[i] += d[i] * s
        return
    for i in range(n):
        if d[i] != 0 and x[i * left.element] != 0 and z[i * right.element] != 0:
            y[i] += d[i] * (x[i * left.element] * z[i * right.element])


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
