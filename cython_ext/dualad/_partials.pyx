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
from dualad._tape cimport RULES, Rule, Shape, Tape, rule_of

cnp.import_array()

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
    cdef double *d
    cdef double *y
    cdef double *z
    cdef double *gl
    cdef double total
    cdef int s, a, kind
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
    gl = &work[kernel.slots * room]
    while at < n:
        count = min(room, n - at)
        for s in range(kernel.arguments):
            if not fixed[s]:
                slot[s] = x[s] + at
        slot[kernel.arguments] = v + at
        kernel.run(count, slot)
        for l in range(lanes):
            if not uniform:
                gl = g + l * n + at
            elif lanes > 1 or at == 0:
                for i in range(room):
                    gl[i] = g[l]
            for a in range(active):
                if target[a].mode == SKIP:
                    continue
                kind = kernel.kind[a]
                d = slot[kernel.result[a]]
                if target[a].mode == SUM:
                    total = 0
                    if kind == SLOT:
                        for i in range(count):
                            total += d[i] * gl[i] if gl[i] != 0 and d[i] != 0 else 0
                    elif kind != ZERO:
                        for i in range(count):
                            total += gl[i]
                        if kind == MINUS_ONE:
                            total = -total
                    target[a].out[l] += total
                    continue
                y = target[a].out + l * n + at
                if target[a].mode == FRESH:
                    if kind == SLOT:
                        for i in range(count):
                            y[i] = d[i] * gl[i] if gl[i] != 0 and d[i] != 0 else 0
                    elif kind == MINUS_ONE:
                        for i in range(count):
                            y[i] = -gl[i]
                    elif kind == ZERO:
                        memset(y, 0, count * sizeof(double))
                    elif y != gl:
                        memcpy(y, gl, count * sizeof(double))
                    continue
                z = target[a].before + l * n + at
                if kind == SLOT:
                    for i in range(count):
                        y[i] = z[i] + (d[i] * gl[i] if gl[i] != 0 and d[i] != 0 else 0)
                elif kind == ONE:
                    for i in range(count):
                        y[i] = z[i] + gl[i]
                elif kind == MINUS_ONE:
                    for i in range(count):
                        y[i] = z[i] - gl[i]
                elif y != z:
                    memcpy(y, z, count * sizeof(double))
        at += count
    free(work)
    return 0
