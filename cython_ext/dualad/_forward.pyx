# cython: c_api_binop_methods=True
"""Dual and hyper-dual arrays: a value with many tangents ("lanes"), carried through the operator table.

A scalar keeps its doubles inside itself; an array keeps its value (shape S) and its lanes (shape (lanes,) + S), which are
NumPy arrays, or arrays of an outer derivative when derivatives are nested.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport isfinite, pow as c_pow
from libc.string cimport memcpy

import numpy as np

from dualad import errors
from dualad.ops import code as codes, formula
from dualad.ops.table import NoTangent, Todo

from dualad._duck cimport (ABSOLUTE, ADD, DIVIDE, FUNCTIONS, MULTIPLY, NEGATIVE, OPERATORS, POWER, ROWS, SUBTRACT,
                           DuckArray, as_sequence, no_sequence)
from dualad._kernel cimport MOST, Kernel, Lanes, Loops, call_scalar, loops_of

cnp.import_array()

# The Python side, handed over once when dualad.forward is imported: it needs the classes below.
cdef object array_row, get_item, set_item, lift, generic


def hang(rules):
    """Take the Python module with the rules of array operators."""
    global array_row, get_item, set_item, lift, generic
    array_row, get_item, set_item = rules.array_row, rules.get_item, rules.set_item
    lift, generic = rules.lift, rules.generic


# --- the rules of a row, prepared for numbers ---------------------------------------------------------------------------


cdef class Prepared:
    """An elementwise row with its kernels, made when first needed: one for each set of active arguments."""

    cdef object row
    cdef int arguments
    cdef int outputs
    cdef bint whole            # some argument is an integer, for which other loops serve
    cdef Loops loops
    cdef dict kernels

    cdef object kernel(self, unsigned int active, unsigned int whole, bint twice):
        """Return the Kernel, or None where a formula must be evaluated by NumPy's functions."""
        cdef long key = (<long> active << 20) | (<long> whole << 4) | twice
        try:
            return self.kernels[key]
        except KeyError:
            pass
        chosen = tuple([i for i in range(self.arguments) if active >> i & 1])
        refuse_unless_written(self.row, chosen, twice)
        lower = codes.second_code if twice else codes.first_code
        code = lower(self.row, chosen, tuple([bool(whole >> i & 1) for i in range(self.arguments)]))
        made = None if code is None or code.slots > 64 else Kernel(code)
        self.kernels[key] = made
        return made


def refuse_unless_written(row, active, bint twice):
    """Raise the sentence for a partial that has no meaning or is not written."""
    rules = formula.partials(row)
    marks = [(i, rules[i][o]) for i in active for o in range(row.outputs)]
    if twice:
        derived = formula.second(row)
        marks += [(i, derived[i, j, o]) for i in active for j in active if j <= i for o in range(row.outputs)]
    for i, mark in marks:
        if isinstance(mark, Todo):
            raise errors.NotWritten(errors.not_written(row.name, row.args[i], mark.reason))
        if mark is NoTangent and all(rule is NoTangent for rule in rules[i]):
            raise errors.DiscreteArgument(errors.discrete_argument(row.name, row.args[i]))


cdef dict prepared_rows = {}


cdef Prepared prepare(object row):
    cdef Prepared made
    found = prepared_rows.get(row)
    if found is not None:
        return <Prepared> found
    made = Prepared.__new__(Prepared)
    made.row = row
    made.arguments = len(row.args)
    made.outputs = row.outputs
    made.whole = any([interval.integer for interval in row.domain])
    made.kernels = {}
    made.loops = None
    if isinstance(row.function, np.ufunc) and row.outputs == 1 and not made.whole:
        loops = loops_of(row.function, made.arguments)
        made.loops = loops if loops.found else None
    prepared_rows[row] = made
    return made


cdef list by_operator = [prepare(row) for row in ROWS]


# --- the class ----------------------------------------------------------------------------------------------------------


@cython.no_gc
cdef class Forward(DuckArray):
    """Base of the dual and hyper-dual arrays: storage, indexing and elementwise rules."""

    def __dealloc__(self):
        if self.t != NULL and self.t != self.inside:
            PyMem_Free(self.t)

    cdef object slow_primal(self):
        return np.float64(self.v) if self.scalar else self.held

    def _primal(self):
        return np.float64(self.v) if self.scalar else self.held

    def _parts(self):
        """All lanes, first axis the lane."""
        cdef cnp.ndarray out
        if not self.scalar:
            return self.parts_
        out = np.empty(self.lanes)
        memcpy(cnp.PyArray_DATA(out), self.t, self.lanes * sizeof(double))
        return out

    @property
    def value(self):
        """The value, shape S (a read-only copy is not made: it is the array itself)."""
        return np.float64(self.v) if self.scalar else self.held

    @property
    def _is_scalar(self):
        return self.scalar

    @property
    def dtype(self):
        """Floating-point type of the value, which the tangents share."""
        return np.dtype(float) if self.scalar else self.held.dtype

    @property
    def shape(self):
        """Shape of the value."""
        return () if self.scalar else self.held.shape

    @property
    def size(self):
        """Number of elements of the value."""
        return 1 if self.scalar else self.held.size

    def _like(self, value, parts):
        """Return an array of the same level and lanes with another value and other lanes."""
        return make(self, value, parts)

    def _constant(self, value):
        """Return a plain value as an array of this level with zero tangents."""
        return make_array(self, value, np.zeros_like(value, shape=(self.lanes,) + np.shape(value)))

    def _astype(self, dtype):
        return make(self, self._primal().astype(dtype), self._parts().astype(dtype))

    def _lift(self, objects):
        return lift(objects)

    def _array_row(self, row, args, kwargs):
        return array_row(self, row, args, kwargs)

    def __getitem__(self, index):
        cdef Py_ssize_t i, j, n
        cdef cnp.ndarray held, parts
        cdef Forward out
        if type(index) is int and not self.scalar and type(self.held) is np.ndarray:
            held = <cnp.ndarray> self.held
            if cnp.PyArray_NDIM(held) == 1 and cnp.PyArray_TYPE(held) == cnp.NPY_DOUBLE:
                n = cnp.PyArray_DIM(held, 0)
                i = index
                if i < 0:
                    i += n
                if not 0 <= i < n:
                    raise IndexError(f"index {index} is out of bounds for axis 0 with size {n}")
                parts = <cnp.ndarray> self.parts_
                out = new_scalar(self)
                out.v = (<double *> cnp.PyArray_GETPTR1(held, i))[0]
                for j in range(self.lanes):
                    out.t[j] = (<double *> cnp.PyArray_GETPTR2(parts, j, i))[0]
                return out
        return get_item(self, index)

    def __setitem__(self, index, value):
        cdef Py_ssize_t i, j, n
        cdef cnp.ndarray held, parts
        cdef Forward other
        if type(index) is int and isinstance(value, Forward) and type(self.held) is np.ndarray:
            held = <cnp.ndarray> self.held
            other = <Forward> value
            if (cnp.PyArray_NDIM(held) == 1 and cnp.PyArray_TYPE(held) == cnp.NPY_DOUBLE and other.scalar
                    and other.level == self.level and other.lanes == self.lanes and cnp.PyArray_ISWRITEABLE(held)):
                n = cnp.PyArray_DIM(held, 0)
                i = index
                if i < 0:
                    i += n
                if 0 <= i < n:
                    parts = <cnp.ndarray> self.parts_
                    (<double *> cnp.PyArray_GETPTR1(held, i))[0] = other.v
                    for j in range(self.lanes):
                        (<double *> cnp.PyArray_GETPTR2(parts, j, i))[0] = other.t[j]
                    return
        set_item(self, index, value)

    def __reduce__(self):
        return rebuild, (type(self), self.level, self.k1, self.k2, self._primal(), self._parts())

    def __repr__(self):
        return f"{type(self).__name__}({show(self.value)}, lanes={show(self._parts())})"

    # --- elementwise rules

    cdef object operate(self, int op, object left, object right):
        cdef double x[2]
        cdef double v
        cdef Forward a, b
        cdef unsigned int active = 0
        cdef Lanes t[2]
        cdef int used = 0
        if self.scalar and op <= NEGATIVE:
            if type(left) is type(self) and (<Forward> left).scalar and (<Forward> left).level == self.level:
                a = <Forward> left
                x[0] = a.v
                active = 1
                t[0].at, t[0].lane, t[0].element = a.t, 1, 0
                used = 1
                if a.lanes != self.lanes:
                    raise ValueError(errors.lanes_differ(self.lanes, a.lanes))
            elif type(left) is float or type(left) is int:
                x[0] = left
            else:
                return DuckArray.operate(self, op, left, right)
            if op == NEGATIVE:
                return scalar_result(self, by_operator[op], active, x, -x[0], t)
            if type(right) is type(self) and (<Forward> right).scalar and (<Forward> right).level == self.level:
                b = <Forward> right
                x[1] = b.v
                active |= 2
                t[used].at, t[used].lane, t[used].element = b.t, 1, 0
                if b.lanes != self.lanes:
                    raise ValueError(errors.lanes_differ(self.lanes, b.lanes))
            elif type(right) is float or type(right) is int:
                x[1] = right
            else:
                return DuckArray.operate(self, op, left, right)
            if op == MULTIPLY:
                v = x[0] * x[1]
            elif op == ADD:
                v = x[0] + x[1]
            elif op == SUBTRACT:
                v = x[0] - x[1]
            elif op == DIVIDE and x[1] != 0:
                v = x[0] / x[1]
            elif op == POWER:
                v = c_pow(x[0], x[1])
            else:
                return DuckArray.operate(self, op, left, right)
            # NumPy warns of an overflow or an invalid operation: let it do so where the result says there was one.
            if isfinite(v):
                return scalar_result(self, by_operator[op], active, x, v, t)
        return DuckArray.operate(self, op, left, right)

    cdef object elementwise(self, object row, object function, tuple inputs):
        cdef Prepared rule = prepare(row)
        cdef double x[MOST]
        cdef Lanes t[MOST]
        cdef unsigned int active = 0
        cdef int i = 0, used = 0
        cdef bint single = rule.loops is not None
        cdef Forward other
        cdef double v
        if single and function is rule.loops.ufunc:
            for given in inputs:
                if type(given) is type(self) and (<Forward> given).scalar and (<Forward> given).level == self.level:
                    other = <Forward> given
                    if other.lanes != self.lanes:
                        raise ValueError(errors.lanes_differ(self.lanes, other.lanes))
                    x[i] = other.v
                    active |= 1 << i
                    t[used].at, t[used].lane, t[used].element = other.t, 1, 0
                    used += 1
                elif type(given) is float or type(given) is int:
                    x[i] = given
                else:
                    single = False
                    break
                i += 1
            if single and i == rule.arguments:
                v = call_scalar(rule.loops, x)
                if isfinite(v):
                    return scalar_result(self, rule, active, x, v, t)
        return array_result(self, rule, function, inputs)


cdef inline Forward new_scalar(Forward like):
    """Return a scalar of the same kind, level and lanes, not filled."""
    cdef Forward out
    if like.k2:
        out = HyperDualScalar.__new__(HyperDualScalar)
    else:
        out = DualScalar.__new__(DualScalar)
    out.scalar = True
    out.level, out.lanes, out.k1, out.k2 = like.level, like.lanes, like.k1, like.k2
    if like.lanes <= INLINE:
        out.t = out.inside
    else:
        out.t = <double *> PyMem_Malloc(like.lanes * sizeof(double))
        if out.t == NULL:
            raise MemoryError
    return out


cdef object scalar_result(Forward like, Prepared rule, unsigned int active, double *x, double v, Lanes *t):
    """Return the scalar with value ``v`` and the tangents that the row's partials give."""
    cdef Forward out = new_scalar(like)
    cdef Kernel kernel
    cdef double *at[MOST]
    cdef double *value = &out.v
    cdef char fixed[MOST]
    cdef int i, count = 0
    found = rule.kernel(active, 0, like.k2 > 0)
    out.v = v
    if found is None:
        inputs = []
        for i in range(rule.arguments):
            inputs.append(x[i])
        return spelled_out(like, rule, active, inputs, v, t)
    kernel = <Kernel> found
    for i in range(rule.arguments):
        at[i] = &x[i]
        fixed[i] = 0
        count += active >> i & 1
    kernel.forward(1, count, at, fixed, &value, like.k1, like.k2, like.lanes, t, &out.t)
    return out


cdef object spelled_out(Forward like, Prepared rule, unsigned int active, list inputs, double v, Lanes *t):
    """Evaluate a rule on scalars by NumPy's functions, for a formula without C loops."""
    cdef Forward given
    cdef int i, used = 0
    for i in range(rule.arguments):
        if active >> i & 1:
            given = new_scalar(like)
            given.v = inputs[i]
            memcpy(given.t, t[used].at, like.lanes * sizeof(double))
            inputs[i] = given
            used += 1
    return generic(like, rule.row, inputs, np.float64(v))


def make(Forward like, value, parts):
    """Return an array, or a scalar for a NumPy scalar, of the same kind, level and number of lanes."""
    cdef Forward out
    cdef cnp.ndarray flat
    if type(value) is np.float64 and type(parts) is np.ndarray:
        out = new_scalar(like)
        out.v = value
        flat = np.ascontiguousarray(parts, dtype=np.float64)
        memcpy(out.t, cnp.PyArray_DATA(flat), like.lanes * sizeof(double))
        return out
    return make_array(like, value, parts)


cdef Forward make_array(Forward like, value, parts):
    cdef Forward out
    if like.k2:
        out = HyperDual.__new__(HyperDual)
    else:
        out = Dual.__new__(Dual)
    out.level, out.lanes, out.k1, out.k2 = like.level, like.lanes, like.k1, like.k2
    out.held = value if isinstance(value, (np.ndarray, DuckArray)) else np.asarray(value)
    out.parts_ = parts
    return out


def rebuild(type kind, level, k1, k2, value, parts):
    """Return a Forward array from its pieces (pickling, seeding)."""
    cdef Forward like = Dual.__new__(Dual)
    like.level, like.k1, like.k2 = level, k1, k2
    like.lanes = k1 + k2 + k1 * k2
    if issubclass(kind, (DualScalar, HyperDualScalar)):
        return make(like, np.float64(value), parts)
    return make_array(like, value, parts)


# --- elementwise rules on arrays ----------------------------------------------------------------------------------------


cdef double *contiguous(object source, tuple shape, char *fixed, list keep) except NULL:
    """Return the doubles of an operand broadcast to ``shape``; ``fixed`` says that one double stands for all."""
    cdef cnp.ndarray found
    if not isinstance(source, np.ndarray):
        source = np.asarray(source)
    found = <cnp.ndarray> source
    if cnp.PyArray_SIZE(found) == 1 or source.shape != shape:
        fixed[0] = cnp.PyArray_SIZE(found) == 1
        if fixed[0]:
            found = np.ascontiguousarray(found, dtype=np.float64)
        else:
            found = np.empty(shape)
            found[...] = source
    else:
        fixed[0] = 0
        if not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
            found = np.array(source, dtype=np.float64, order="C")
    keep.append(found)
    return <double *> cnp.PyArray_DATA(found)


cdef int lanes_of(Forward given, tuple shape, Lanes *t, list keep) except -1:
    """Point ``t`` at the tangents of an operand, broadcast to ``shape`` where they must be."""
    cdef cnp.ndarray found
    cdef Py_ssize_t n
    if given.scalar:
        t.at, t.lane, t.element = given.t, 1, 0
        return 0
    source = given.parts_
    inner = given.held.shape
    if given.held.size == 1 or inner == shape:
        found = source
        if not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
            found = np.array(source, dtype=np.float64, order="C")
    else:
        found = np.empty((given.lanes,) + shape)
        found[...] = source.reshape((given.lanes,) + (1,) * (len(shape) - len(inner)) + inner)
    keep.append(found)
    n = cnp.PyArray_SIZE(found) // given.lanes if given.lanes else 0
    t.at, t.lane = <double *> cnp.PyArray_DATA(found), n
    t.element = 0 if given.held.size == 1 else 1
    return 0


cdef object array_result(Forward self, Prepared rule, object function, tuple inputs):
    """Return ``function(*inputs)`` with its tangents; at least one input is of this level."""
    cdef unsigned int active = 0, whole = 0
    cdef bint nested = False
    cdef int i
    cdef Forward one
    primals = []
    given = list(inputs)
    for i, x in enumerate(given):
        if isinstance(x, DuckArray):
            if (<DuckArray> x).level == self.level:
                one = <Forward?> x
                if one.lanes != self.lanes or one.k2 != self.k2:
                    raise ValueError(errors.lanes_differ(self.lanes, one.lanes))
                active |= 1 << i
                x = one.slow_primal()
                nested = nested or isinstance(x, DuckArray)
            else:
                nested = True
        else:
            if isinstance(x, (list, tuple)):
                x = np.asarray(x)
            if isinstance(x, np.ndarray) and x.dtype == object:
                lifted = [lift(y) for y in inputs]
                return function(*lifted)
            if rule.whole and np.result_type(x).kind in "iub":
                whole |= 1 << i
            given[i] = x
        primals.append(x)
    value = function(*primals)
    if nested:
        return generic(self, rule.row, given, value)
    return numbers(self, rule, active, whole, given, primals, value)


cdef object numbers(Forward self, Prepared rule, unsigned int active, unsigned int whole, list given, list primals,
                    object value):
    cdef double *x[MOST]
    cdef double *v[MOST]
    cdef double *out[MOST]
    cdef Lanes t[MOST]
    cdef char fixed[MOST]
    cdef char ignored
    cdef int i, o, used = 0
    cdef Py_ssize_t n
    cdef Kernel kernel
    values = value if rule.outputs > 1 else (value,)
    shape = values[0].shape
    found = rule.kernel(active, whole, self.k2 > 0)
    if found is None:
        return generic(self, rule.row, given, value)
    kernel = <Kernel> found
    errors.check_real(values[0].dtype, rule.row.name)
    n = values[0].size
    keep = []
    parts = []
    for i in range(rule.arguments):
        fixed[i] = 1
        x[i] = NULL
        if kernel.used[i]:
            x[i] = contiguous(primals[i], shape, &fixed[i], keep)
        if active >> i & 1:
            lanes_of(<Forward> given[i], shape, &t[used], keep)
            used += 1
    for o in range(rule.outputs):
        parts.append(np.empty((self.lanes,) + shape))
        out[o] = <double *> cnp.PyArray_DATA(parts[o])
        v[o] = NULL
        if kernel.used[rule.arguments + o]:
            v[o] = contiguous(values[o], shape, &ignored, keep)
    if n * self.lanes > 8192:
        with nogil:
            kernel.forward(n, used, x, fixed, v, self.k1, self.k2, self.lanes, t, out)
    elif n:
        kernel.forward(n, used, x, fixed, v, self.k1, self.k2, self.lanes, t, out)
    results = []
    for o in range(rule.outputs):
        if values[o].dtype.kind != "f":
            results.append(values[o])
        else:
            part = parts[o]
            if values[o].dtype != part.dtype:
                part = part.astype(values[o].dtype)
            results.append(make(self, values[o], part))
    return tuple(results) if rule.outputs > 1 else results[0]


# --- the classes that users meet -----------------------------------------------------------------------------------------


@cython.no_gc
cdef class Dual(Forward):
    """A value with k tangents: forward mode, k directions at once.

    Parameters
    ----------
    value : float or ndarray of shape S
        The value; float32 keeps its type, integers become float64.
    tangents : ndarray of shape (k,) + S
        The derivatives of the value in k directions.

    Examples
    --------
    >>> from dualad import Dual
    >>> x = Dual(3.0, [1.0])
    >>> x * x + 1
    Dual(10.0, tangents=[6.])
    """

    def __init__(self, value, tangents):
        self.held = errors.real_array(value, "Dual")
        parts = errors.real_array(tangents, "Dual")
        if parts.shape[1:] != self.held.shape or parts.ndim != self.held.ndim + 1:
            raise ValueError(errors.wrong_lanes("tangents", "(k,) + S", self.held.shape, parts.shape))
        self.parts_ = parts.astype(self.held.dtype)
        self.lanes = self.k1 = len(parts)

    @property
    def tangents(self):
        """The tangents, shape (k,) + S."""
        return self._parts()

    def __repr__(self):
        return f"Dual({show(self.value)}, tangents={show(self.tangents)})"


@cython.no_gc
cdef class DualScalar(Dual):
    """A Dual of no axes, as NumPy's scalars are beside its arrays."""


@cython.no_gc
cdef class HyperDual(Forward):
    """A value with first derivatives in two sets of directions and the second derivatives between them.

    Parameters
    ----------
    value : float or ndarray of shape S
        The value.
    e1, e2 : ndarray of shape (k1,) + S and (k2,) + S
        The first derivatives in two sets of directions.
    e12 : ndarray of shape (k1, k2) + S
        The second derivatives between them.

    Notes
    -----
    Fike and Alonso, The development of hyper-dual numbers for exact second-derivative calculations, AIAA 2011-886.

    Examples
    --------
    >>> from dualad import HyperDual
    >>> x = HyperDual(3.0, [1.0], [1.0], [[0.0]])
    >>> (x * x * x).e12
    array([[18.]])
    """

    def __init__(self, value, e1, e2, e12):
        self.held = errors.real_array(value, "HyperDual")
        first, again, both = (errors.real_array(e, "HyperDual") for e in (e1, e2, e12))
        inner = self.held.shape
        self.k1, self.k2 = len(first), len(again)
        for name, part, lead in (("e1", first, (self.k1,)), ("e2", again, (self.k2,)), ("e12", both, (self.k1, self.k2))):
            if part.shape != lead + inner:
                raise ValueError(errors.wrong_lanes(name, f"{lead} + S", inner, part.shape))
        self.lanes = self.k1 + self.k2 + self.k1 * self.k2
        flat = both.reshape((self.k1 * self.k2,) + inner)
        self.parts_ = np.concatenate([first, again, flat]).astype(self.held.dtype)

    @property
    def e1(self):
        """First derivatives in the first set of directions, shape (k1,) + S."""
        return self._parts()[:self.k1]

    @property
    def e2(self):
        """First derivatives in the second set of directions, shape (k2,) + S."""
        return self._parts()[self.k1:self.k1 + self.k2]

    @property
    def e12(self):
        """Second derivatives between the two sets, shape (k1, k2) + S."""
        return self._parts()[self.k1 + self.k2:].reshape((self.k1, self.k2) + self.shape)

    def __repr__(self):
        return f"HyperDual({show(self.value)}, e1={show(self.e1)}, e2={show(self.e2)}, e12={show(self.e12)})"


@cython.no_gc
cdef class HyperDualScalar(HyperDual):
    """A HyperDual of no axes."""


no_sequence(DualScalar)
no_sequence(HyperDualScalar)


def show(x):
    """Return the text of an array as it stands inside a repr."""
    return repr(x) if isinstance(x, DuckArray) else np.array2string(np.asarray(x), separator=", ")
