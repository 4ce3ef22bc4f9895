"""Partials of nodes: of scalar operations one by one, of elementwise array operations block by block."""

cimport cython
cimport numpy as cnp
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

import numpy as np

from dualad.reverse.pull import partial_of, written
from dualad.ops import formula

from dualad._duck cimport DIVIDE, MULTIPLY, NEGATIVE, POWER, ROWS
from dualad._kernel cimport BLOCK, Kernel
from dualad._record cimport Shape
from dualad._rule cimport RULES, Rule, rule_of
from dualad._tape cimport Tape

cnp.import_array()

cdef extern from "backward.h" nogil:
    void pass_set(Py_ssize_t n, double *y, double *d, double *g) noexcept
    void pass_add(Py_ssize_t n, double *y, double *d, double *g) noexcept
    void pass_more(Py_ssize_t n, double *y, double *z, double *d, double *g) noexcept
    void pass_same(Py_ssize_t n, double *y, double *g) noexcept
    void pass_minus(Py_ssize_t n, double *y, double *g) noexcept
    void pass_negative(Py_ssize_t n, double *y, double *g) noexcept
    double sum_scaled(Py_ssize_t n, double *d, double *g) noexcept
    double sum_same(Py_ssize_t n, double *d, double *g) noexcept

cdef enum:
    ZERO = 0
    ONE = 1
    MINUS_ONE = 2
    SLOT = 3

for i, row in enumerate(ROWS):
    CODE[<int> i] = rule_of(row).code


@cython.cdivision(True)
cdef int slopes(Tape tape, int node, double *slope) except -1:
    """Fill the partials of a scalar node."""
    cdef int op = tape.op[node], a = tape.a[node], b = tape.b[node]
    cdef double x = tape.v[a] if a >= 0 else tape.at[node]
    cdef double y = tape.v[b] if b >= 0 else tape.at[node]
    cdef double v = tape.v[node]
    cdef Rule rule
    cdef unsigned int active = (a >= 0) | ((b >= 0) << 1)
    cdef Kernel kernel
    cdef double *held[64]
    cdef double work[64]
    cdef int i, used = 0, fixed
    if op == CODE[<int> MULTIPLY]:
        slope[0], slope[1] = y, x
        return 0
    if op == CODE[<int> DIVIDE]:
        slope[0] = 1 / y
        slope[1] = -v / y
        return 0
    if op == CODE[<int> NEGATIVE]:
        slope[0] = -1.0
        return 0
    if op == CODE[<int> POWER] and b < 0 and y == 2:
        slope[0] = 2 * x
        return 0
    rule = <Rule> RULES[op]
    if rule.arguments == 1:
        active = 1
    found = rule.kernel(active, 0)
    if found is None:
        return slopes_by_numpy(rule, active, x, y, v, slope)
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


cdef int slopes_by_numpy(Rule rule, unsigned int active, double x, double y, double v, double *slope) except -1:
    bound = dict(zip(formula.symbols_of(rule.row), (*[x, y][:rule.arguments], np.float64(v))))
    for i in range(rule.arguments):
        if active >> i & 1:
            found = partial_of(written(rule.row, i)[0], bound)
            slope[i] = 0.0 if found is None else found
    return 0


cdef bint has_shape(object primal, tuple shape) except -1:
    """Say whether an operand has a shape."""
    cdef int k
    if type(primal) is Shape:
        return (<Shape> primal).shape == shape
    if type(primal) is np.ndarray:
        if cnp.PyArray_NDIM(<cnp.ndarray> primal) != len(shape):
            return False
        for k in range(cnp.PyArray_NDIM(<cnp.ndarray> primal)):
            if cnp.PyArray_DIM(<cnp.ndarray> primal, k) != <Py_ssize_t> shape[k]:
                return False
        return True
    return np.shape(primal) == shape


cdef bint is_double(object primal) except -1:
    """Say whether an operand holds doubles."""
    if type(primal) is np.ndarray:
        return cnp.PyArray_TYPE(<cnp.ndarray> primal) == cnp.NPY_DOUBLE
    if type(primal) is Shape:
        return (<cnp.dtype> (<Shape> primal).dtype).type_num == cnp.NPY_DOUBLE
    return isinstance(primal, float)


cdef double *numbers(object source, tuple shape, char *fixed, list keep) except NULL:
    """Return the doubles of an operand broadcast to ``shape``; ``fixed`` says that one double stands for all."""
    cdef cnp.ndarray found
    if not isinstance(source, np.ndarray):
        source = np.asarray(source)
    found = <cnp.ndarray> source
    fixed[0] = cnp.PyArray_SIZE(found) == 1
    if fixed[0]:
        found = np.ascontiguousarray(found, dtype=np.float64)
    elif not has_shape(source, shape):
        found = np.empty(shape)
        found[...] = source
    elif not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
        found = np.array(source, dtype=np.float64, order="C")
    keep.append(found)
    return <double *> cnp.PyArray_DATA(found)


@cython.cdivision(True)
cdef int backward(Kernel kernel, Py_ssize_t n, int active, double **x, char *fixed, double *v, Py_ssize_t lanes,
                  double *g, bint uniform, Target *target) except -1 nogil:
    """Pass cotangents ``g`` (one number a lane where they are ``uniform``) to the active operands of an elementwise
    row.
    """
    cdef double *slot[64]
    cdef double *work
    cdef double *gl
    cdef double *scratch
    cdef bint taken = False
    cdef int s, a
    cdef Py_ssize_t at = 0, count, i, l
    cdef Py_ssize_t room = min(n, <Py_ssize_t> BLOCK)
    cdef int first = kernel.arguments + kernel.values
    work = <double *> malloc(max((kernel.slots + 1) * room, <Py_ssize_t> 1) * sizeof(double))
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
    scratch = &work[kernel.slots * room]
    # The cotangent may give its memory to an operand: it is read from a copy of the block then.
    for a in range(active):
        taken = taken or target[a].mode != SKIP and target[a].out == g
    while at < n:
        count = min(room, n - at)
        for s in range(kernel.arguments):
            if not fixed[s]:
                slot[s] = x[s] + at
        slot[kernel.arguments] = v + at
        kernel.run(count, slot)
        for l in range(lanes):
            gl = g + l * n + at
            if uniform and (lanes > 1 or at == 0):
                for i in range(room):
                    scratch[i] = g[l]
            elif taken:
                memcpy(scratch, gl, count * sizeof(double))
            if uniform or taken:
                gl = scratch
            for a in range(active):
                pass_on(count, kernel.kind[a], slot[kernel.result[a]], gl, &target[a], l, l * n + at)
        at += count
    free(work)
    return 0


cdef void pass_on(Py_ssize_t n, int kind, double *d, double *g, Target *target, Py_ssize_t lane,
                  Py_ssize_t at) noexcept nogil:
    """Pass a block of cotangents to one operand."""
    cdef double *y = target.out + at
    cdef double *z = target.before + at
    if target.mode == SKIP:
        return
    if target.mode == SUM:
        if kind == SLOT:
            target.out[lane] += sum_scaled(n, d, g)
        elif kind == ONE:
            target.out[lane] += sum_same(n, d, g)
        elif kind == MINUS_ONE:
            target.out[lane] -= sum_same(n, d, g)
    elif target.mode == FRESH:
        if kind == SLOT:
            pass_set(n, y, d, g)
        elif kind == MINUS_ONE:
            pass_negative(n, y, g)
        elif kind == ONE:
            memcpy(y, g, n * sizeof(double))
        else:
            memset(y, 0, n * sizeof(double))
    else:
        if kind == SLOT and y != z:
            pass_more(n, y, z, d, g)
            return
        if y != z:
            memcpy(y, z, n * sizeof(double))
        if kind == SLOT:
            pass_add(n, y, d, g)
        elif kind == ONE:
            pass_same(n, y, g)
        elif kind == MINUS_ONE:
            pass_minus(n, y, g)
