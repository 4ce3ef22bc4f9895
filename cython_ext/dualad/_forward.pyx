# cython: c_api_binop_methods=True
"""Dual and hyper-dual arrays: a value with many tangents ("lanes"), how they are kept, made and indexed.

A scalar keeps its doubles inside itself; an array keeps its value (shape S) and its lanes (shape (lanes,) + S), which
are NumPy arrays, or arrays of an outer derivative when derivatives are nested. What operators mean is in
``_elementwise``.
"""

cimport cython
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT
from cpython.ref cimport PyObject
from libc.string cimport memcpy

import numbers

import numpy as np

from dualad import errors

from dualad._blocks cimport unshared
from dualad._duck cimport DuckArray, compare, no_sequence

cnp.import_array()

cdef extern from *:
    """
    static PyTypeObject *forward_scalar_kind[2];
    static newfunc forward_array_new[2];

    /* A number gives the scalar kind, so that Dual(3.0, ...) is no sequence for NumPy, as 3.0 is none. */
    static PyObject *forward_new(int kind, PyTypeObject *asked, PyTypeObject *array, PyObject *args, PyObject *named) {
        PyObject *value = NULL;
        if (PyTuple_GET_SIZE(args) > 0)
            value = PyTuple_GET_ITEM(args, 0);
        else if (named != NULL)
            value = PyDict_GetItemString(named, "value");
        if (asked == array && value != NULL
                && (PyFloat_Check(value) || PyLong_Check(value) || PyArray_IsScalar(value, Generic)))
            return forward_scalar_kind[kind]->tp_new(forward_scalar_kind[kind], args, named);
        return forward_array_new[kind](asked, args, named);
    }
    static PyTypeObject *forward_array_kind[2];
    static PyObject *forward_new_dual(PyTypeObject *asked, PyObject *args, PyObject *named) {
        return forward_new(0, asked, forward_array_kind[0], args, named);
    }
    static PyObject *forward_new_hyper(PyTypeObject *asked, PyObject *args, PyObject *named) {
        return forward_new(1, asked, forward_array_kind[1], args, named);
    }
    static void forward_numbers_are_scalars(int kind, PyTypeObject *array, PyTypeObject *scalar) {
        forward_array_kind[kind] = array;
        forward_scalar_kind[kind] = scalar;
        forward_array_new[kind] = array->tp_new;
        array->tp_new = kind ? forward_new_hyper : forward_new_dual;
    }
    """
    void forward_numbers_are_scalars(int kind, type array, type scalar)


# The Python side, handed over once when dualad.forward is imported: it needs the classes below.
cdef object array_row, get_item, set_item, lift

cdef type float64 = np.float64
cdef type generic_scalar = np.generic
cdef object true = np.True_, false = np.False_
cdef cnp.ndarray number_template = np.zeros(())


def hang(rule_of_rows, getter, setter, lifter):
    """Take the rules of array operators and of indices."""
    global array_row, get_item, set_item, lift
    array_row, get_item, set_item, lift = rule_of_rows, getter, setter, lifter


cdef object number(double v):
    """Return a NumPy scalar."""
    return cnp.PyArray_ToScalar(&v, number_template)


cdef bint carries(object x, long long level):
    return isinstance(x, DuckArray) and (<DuckArray> x).level >= level


cdef bint alone(PyObject *array):
    """Say whether an ndarray has its memory for itself: it is no view, and is known here only."""
    return array.ob_refcnt == 1 and isinstance(<object> array, cnp.ndarray) and unshared(<cnp.ndarray> array)


# --- the class -------------------------------------------------------------------------------------------------------


@cython.no_gc
cdef class Forward(DuckArray):
    """Base of the dual and hyper-dual arrays: storage, indexing and elementwise rules."""

    def __dealloc__(self):
        if self.t != NULL and self.t != self.room:
            PyMem_Free(self.t)

    cdef object operate(self, int op, object left, object right):
        return rules.operate(self, op, left, right)

    cdef object elementwise(self, object row, object function, tuple inputs):
        return rules.elementwise(self, row, function, inputs)

    cdef object bare(self):
        return number(self.v) if self.inside else self.held

    cdef int check_same(self, Forward other) except -1:
        if self.lanes != other.lanes or self.k2 != other.k2:
            raise errors.WrongShape(errors.lanes_differ(self.lanes, other.lanes))
        return 0

    def _primal(self):
        return self.bare()

    def _parts(self):
        """All lanes, first axis the lane."""
        cdef cnp.ndarray out
        if not self.inside:
            return self.parts
        out = np.empty(self.lanes)
        memcpy(cnp.PyArray_DATA(out), self.t, self.lanes * sizeof(double))
        return out

    @property
    def value(self):
        """The value, shape S: the array itself, not a copy."""
        return self.bare()

    @property
    def _is_scalar(self):
        return isinstance(self, (DualScalar, HyperDualScalar))

    @property
    def dtype(self):
        """Floating-point type of the value, which the tangents share."""
        return number_template.dtype if self.inside else self.held.dtype

    @property
    def shape(self):
        """Shape of the value."""
        return () if self.inside else self.held.shape

    @shape.setter
    def shape(self, shape):
        if self.inside:
            np.reshape(0.0, shape)
            return
        held, parts = self.held[...], self.parts[...]
        held.shape = shape
        parts.shape = (self.lanes,) + held.shape
        self.held, self.parts = held, parts

    @property
    def size(self):
        """Number of elements of the value."""
        return 1 if self.inside else self.held.size

    @property
    def T(self):
        """The transposed array."""
        cdef int ndim = self.ndim
        if ndim < 2:
            return self
        return make_array(self, self.held.T, self.parts.transpose((0,) + tuple(range(ndim, 0, -1))))

    def __richcmp__(self, other, int op):
        cdef double a = self.v, b
        if self.inside and isinstance(other, Forward) and (<Forward> other).inside:
            b = (<Forward> other).v
        elif self.inside and isinstance(other, float):
            b = other
        else:
            return compare(self, other, op)
        if op == Py_LT:
            return true if a < b else false
        if op == Py_LE:
            return true if a <= b else false
        if op == Py_GT:
            return true if a > b else false
        if op == Py_GE:
            return true if a >= b else false
        return true if (a == b) == (op == Py_EQ) else false

    def _with_value(self, value):
        return make(self, value, self._parts())

    def _constant(self, value):
        """Return a value as an array of this level with zero tangents."""
        return make(self, value, np.zeros_like(value, shape=(self.lanes,) + np.shape(value)))

    def _astype(self, dtype):
        return make(self, self.bare().astype(dtype), self._parts().astype(dtype))

    def _lift(self, objects):
        return lift(objects)

    def _array_row(self, row, args, kwargs):
        return array_row(self, row, args, kwargs)

    def _make_room(self, value, parts):
        """See to it that ``value`` and ``parts``, which may carry outer derivatives, can be assigned to elements.

        The array may have been made before an outer derivative met it. It is then made anew, which nobody may notice:
        False where others share its memory.
        """
        if isinstance(value, DuckArray) and not carries(self.held, value.level):
            if not alone(<PyObject *> self.held):
                return False
            self.held = value._constant(self.held)
        if isinstance(parts, DuckArray) and not carries(self.parts, parts.level):
            if not alone(<PyObject *> self.parts):
                return False
            self.parts = parts._constant(self.parts)
        return True

    def setflags(self, write=None):
        """Allow or forbid writing."""
        self.held.setflags(write=write)
        self.parts.setflags(write=write)

    def __getitem__(self, index):
        cdef Py_ssize_t at
        cdef int j
        cdef char *value
        cdef char *lane
        cdef Forward out
        if not self.inside and element(self, index, &value, &lane):
            out = new_scalar(self)
            out.v = (<double *> value)[0]
            at = cnp.PyArray_STRIDES(<cnp.ndarray> self.parts)[0]
            for j in range(self.lanes):
                out.t[j] = (<double *> (lane + j * at))[0]
            return out
        return get_item(self, index)

    def __setitem__(self, index, value):
        cdef Py_ssize_t at
        cdef int j
        cdef char *spot
        cdef char *lane
        cdef Forward other = None
        if isinstance(value, Forward) and (<Forward> value).inside and (<Forward> value).level == self.level:
            other = <Forward> value
            self.check_same(other)
        if (not self.inside and (other is not None or isinstance(value, float))
                and element(self, index, &spot, &lane) and cnp.PyArray_ISWRITEABLE(<cnp.ndarray> self.held)):
            (<double *> spot)[0] = other.v if other is not None else <double> value
            at = cnp.PyArray_STRIDES(<cnp.ndarray> self.parts)[0]
            for j in range(self.lanes):
                (<double *> (lane + j * at))[0] = other.t[j] if other is not None else 0.0
        else:
            set_item(self, index, value)

    def __reduce__(self):
        return rebuild, (type(self), self.level, self.k1, self.k2, self.bare(), self._parts())


cdef bint element(Forward x, object index, char **value, char **lane) except -1:
    """Find one element of an array of doubles by an int or a tuple of ints; False where another way must be taken."""
    cdef cnp.ndarray held, parts
    cdef int axis, ndim
    cdef Py_ssize_t i, n
    cdef bint single = type(index) is int
    if not (single or type(index) is tuple) or type(x.held) is not cnp.ndarray or type(x.parts) is not cnp.ndarray:
        return False
    held, parts = <cnp.ndarray> x.held, <cnp.ndarray> x.parts
    ndim = cnp.PyArray_NDIM(held)
    if ndim != (1 if single else len(<tuple> index)) or cnp.PyArray_TYPE(held) != cnp.NPY_DOUBLE:
        return False
    value[0], lane[0] = cnp.PyArray_BYTES(held), cnp.PyArray_BYTES(parts)
    for axis in range(ndim):
        one = index if single else (<tuple> index)[axis]
        if type(one) is not int:
            return False
        n = cnp.PyArray_DIM(held, axis)
        i = one
        if i < 0:
            i += n
        if not 0 <= i < n:
            return False  # NumPy finds the words for it
        value[0] += i * cnp.PyArray_STRIDE(held, axis)
        lane[0] += i * cnp.PyArray_STRIDE(parts, axis + 1)
    return True


# --- making ----------------------------------------------------------------------------------------------------------


cdef Forward new_scalar(Forward like):
    """Return a scalar of the same kind, level and lanes, not filled."""
    cdef Forward out
    if like.k2:
        out = HyperDualScalar.__new__(HyperDualScalar)
    else:
        out = DualScalar.__new__(DualScalar)
    out.inside = True
    out.level, out.lanes, out.k1, out.k2 = like.level, like.lanes, like.k1, like.k2
    if like.lanes <= INLINE:
        out.t = out.room
    else:
        out.t = <double *> PyMem_Malloc(like.lanes * sizeof(double))
        if out.t == NULL:
            raise MemoryError
    return out


cdef Forward make_array(Forward like, object value, object parts):
    """Return an array of the same kind, level and number of lanes."""
    cdef Forward out
    if like.k2:
        out = HyperDual.__new__(HyperDual)
    else:
        out = Dual.__new__(Dual)
    out.level, out.lanes, out.k1, out.k2 = like.level, like.lanes, like.k1, like.k2
    out.held, out.parts = value, parts
    return out


cpdef make(Forward like, object value, object parts):
    """Return an array, or for a scalar value a scalar, of the same kind, level and number of lanes."""
    cdef Forward out
    cdef cnp.ndarray flat
    if type(value) is float64 and type(parts) is cnp.ndarray:
        out = new_scalar(like)
        out.v = value
        flat = np.ascontiguousarray(parts, dtype=np.float64)
        memcpy(out.t, cnp.PyArray_DATA(flat), like.lanes * sizeof(double))
        return out
    if not isinstance(value, (cnp.ndarray, DuckArray, generic_scalar)):
        value = np.asarray(value)
    if isinstance(value, cnp.ndarray) and isinstance(parts, cnp.ndarray):
        if cnp.PyArray_TYPE(<cnp.ndarray> parts) != cnp.PyArray_TYPE(<cnp.ndarray> value):
            parts = parts.astype(value.dtype)
        elif cnp.PyArray_ISWRITEABLE(<cnp.ndarray> value) and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray> parts):
            parts = parts.copy()
    elif parts.dtype != value.dtype:
        parts = parts.astype(value.dtype)
    if isinstance(value, cnp.ndarray) or not (isinstance(value, generic_scalar) or value._is_scalar):
        return make_array(like, value, parts)
    # Single precision, or a number with an outer derivative; its lanes must not be those of the array it came from.
    parts = parts.copy()
    if like.k2:
        out = HyperDualScalar.__new__(HyperDualScalar)
    else:
        out = DualScalar.__new__(DualScalar)
    out.level, out.lanes, out.k1, out.k2 = like.level, like.lanes, like.k1, like.k2
    out.held, out.parts = value, parts
    return out


def gather_scalars(list flat):
    """Return scalars of one derivative, and plain numbers among them, as one array of one axis; None for others."""
    cdef Forward like = None, one
    cdef Py_ssize_t i, n = len(flat)
    cdef int j
    cdef double *value
    cdef double *lane
    for x in flat:
        if isinstance(x, Forward):
            one = <Forward> x
            if not one.inside or like is not None and one.level != like.level:
                return None
            like = one
        elif not isinstance(x, (float, int)):
            return None
    if like is None:
        return None
    held, parts = np.empty(n), np.zeros((like.lanes, n))
    value, lane = <double *> cnp.PyArray_DATA(<cnp.ndarray> held), <double *> cnp.PyArray_DATA(<cnp.ndarray> parts)
    for i in range(n):
        x = flat[i]
        if isinstance(x, Forward):
            one = <Forward> x
            like.check_same(one)
            value[i] = one.v
            for j in range(like.lanes):
                lane[j * n + i] = one.t[j]
        else:
            value[i] = x
    return make_array(like, held, parts)


def rebuild(type kind, long long level, int k1, int k2, value, parts):
    """Return a Forward array from its pieces (pickling, seeding)."""
    cdef Forward like = HyperDual.__new__(HyperDual) if k2 else Dual.__new__(Dual)
    like.level, like.k1, like.k2 = level, k1, k2
    like.lanes = k1 + k2 + k1 * k2
    return make(like, value, parts)


cdef int construct(Forward self, object value, object parts, int k1, int k2) except -1:
    """Fill an array that a user makes."""
    cdef Forward made
    self.k1, self.k2, self.lanes = k1, k2, k1 + k2 + k1 * k2
    self.held, self.parts = value, parts.astype(value.dtype)
    if self._is_scalar:
        made = make(self, value[()], self.parts)
        if made.inside:
            self.inside, self.v, self.t = True, made.v, self.room
            if self.lanes > INLINE:
                self.t, made.t = made.t, made.room
            else:
                memcpy(self.t, made.t, self.lanes * sizeof(double))
            self.held = self.parts = None
        else:
            self.held = made.held
    return 0


# --- the classes that users meet -------------------------------------------------------------------------------------


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
        value = np.array(errors.real_array(value, "Dual"))
        tangents = errors.real_array(tangents, "Dual")
        if tangents.ndim != value.ndim + 1 or tangents.shape[1:] != value.shape:
            raise errors.WrongShape(errors.wrong_lanes("tangents", "(k,) + S", value.shape, tangents.shape))
        construct(self, value, tangents, len(tangents), 0)

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
        value = np.array(errors.real_array(value, "HyperDual"))
        first, again, both = (errors.real_array(e, "HyperDual") for e in (e1, e2, e12))
        inner = value.shape
        for name, part, lead in (("e1", first, 1), ("e2", again, 1), ("e12", both, 2)):
            wanted = "(k1, k2) + S" if lead == 2 else f"(k{name[1]},) + S"
            if part.ndim != len(inner) + lead or part.shape[lead:] != inner:
                raise errors.WrongShape(errors.wrong_lanes(name, wanted, inner, part.shape))
        if both.shape[:2] != (len(first), len(again)):
            raise errors.WrongShape(errors.wrong_lanes("e12", f"({len(first)}, {len(again)}) + S", inner, both.shape))
        flat = both.reshape((len(first) * len(again),) + inner)
        construct(self, value, np.concatenate([first, again, flat]), len(first), len(again))

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


numbers.Real.register(DualScalar)
numbers.Real.register(HyperDualScalar)
no_sequence(DualScalar)
no_sequence(HyperDualScalar)
forward_numbers_are_scalars(0, Dual, DualScalar)
forward_numbers_are_scalars(1, HyperDual, HyperDualScalar)


def show(x):
    """Return the text of a value or of lanes as it stands inside a repr."""
    if isinstance(x, DuckArray):
        return repr(x)
    return np.array2string(x, separator=", ") if isinstance(x, cnp.ndarray) else str(x)
