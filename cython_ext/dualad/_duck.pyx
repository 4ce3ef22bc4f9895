# cython: c_api_binop_methods=True
"""The duck array: operators, protocols and indexing, once for every engine.

A subclass says what an operator means (``operate``, ``elementwise``, ``_array_row``), where its plain value is
(``_primal``) and how it is indexed; everything that NumPy expects of an array follows here.
"""

import operator

import numpy as np

from cpython.object cimport Py_EQ, Py_GE, Py_GT, Py_LE, Py_LT, Py_NE, PyObject_RichCompare

from dualad.ops.table import TABLE, Elementwise

cdef extern from *:
    """
    static void duck_no_sequence(PyTypeObject *kind) { kind->tp_as_sequence->sq_item = NULL; }
    static void duck_as_sequence(PyTypeObject *kind, PyTypeObject *like) {
        kind->tp_as_sequence->sq_item = like->tp_as_sequence->sq_item;
    }
    """
    void duck_no_sequence(type kind)
    void duck_as_sequence(type kind, type like)


ROWS = [
    TABLE.named(name) for name in (
        "add", "subtract", "multiply", "divide", "power", "floor_divide", "remainder", "negative", "positive", "absolute",
    )
]  # fmt: skip
FUNCTIONS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod,
    operator.neg, operator.pos, operator.abs,
]  # fmt: skip
cdef tuple COMPARE = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)

# The Python side of the protocols, handed over once when dualad.duck is imported: it needs the class below.
cdef object is_operand, plain, lost, in_place, call_ufunc, call_function, find_method, method_names


def hang(protocol, methods):
    """Take the Python modules behind the protocols."""
    global is_operand, plain, lost, in_place, call_ufunc, call_function, find_method, method_names
    is_operand, plain, lost, in_place = protocol.is_operand, protocol.plain, protocol.lost, protocol.in_place
    call_ufunc, call_function = protocol.call_ufunc, protocol.call_function
    find_method, method_names = methods.find, methods.METHODS


cdef void no_sequence(type kind):
    # NumPy asks the sequence slot whether a value is a number or a list of numbers: a scalar must not have one.
    duck_no_sequence(kind)


cdef void as_sequence(type kind):
    duck_as_sequence(kind, DuckArray)


cdef object binary(int op, object left, object right):
    if isinstance(left, DuckArray):
        if isinstance(right, DuckArray) and (<DuckArray> right).level > (<DuckArray> left).level:
            return (<DuckArray> right).operate(op, left, right)
        return (<DuckArray> left).operate(op, left, right)
    return (<DuckArray> right).operate(op, left, right)


cdef class DuckArray:
    """Base of the arrays that carry derivatives; users meet its subclasses."""

    __array_priority__ = 1000.0
    __hash__ = None

    cdef object operate(self, int op, object left, object right):
        inputs = (left,) if op >= NEGATIVE else (left, right)
        for other in inputs:
            if not (isinstance(other, DuckArray) or is_operand(other)):
                return NotImplemented
        return self.elementwise(ROWS[op], FUNCTIONS[op], inputs)

    cdef object elementwise(self, object row, object function, tuple inputs):
        raise NotImplementedError

    def _elementwise(self, row, function, tuple inputs):
        return self.elementwise(row, function, inputs)

    # --- operators

    def __add__(left, right):
        return binary(ADD, left, right)

    def __sub__(left, right):
        return binary(SUBTRACT, left, right)

    def __mul__(left, right):
        return binary(MULTIPLY, left, right)

    def __truediv__(left, right):
        return binary(DIVIDE, left, right)

    def __floordiv__(left, right):
        return binary(FLOOR_DIVIDE, left, right)

    def __mod__(left, right):
        return binary(REMAINDER, left, right)

    def __divmod__(left, right):
        return np.divmod(left, right)

    def __pow__(left, right, modulo):
        if modulo is not None:
            return NotImplemented
        return binary(POWER, left, right)

    def __matmul__(left, right):
        return np.matmul(left, right)

    # Recorded conditions and whole numbers are combined by these; on anything that varies NumPy refuses them.

    def __and__(left, right):
        return np.bitwise_and(left, right)

    def __or__(left, right):
        return np.bitwise_or(left, right)

    def __xor__(left, right):
        return np.bitwise_xor(left, right)

    def __lshift__(left, right):
        return np.left_shift(left, right)

    def __rshift__(left, right):
        return np.right_shift(left, right)

    def __invert__(self):
        return np.invert(self)

    def __neg__(self):
        return self.operate(NEGATIVE, self, None)

    def __pos__(self):
        return self.operate(POSITIVE, self, None)

    def __abs__(self):
        return self.operate(ABSOLUTE, self, None)

    def __iadd__(self, other):
        return in_place(self, binary(ADD, self, other))

    def __isub__(self, other):
        return in_place(self, binary(SUBTRACT, self, other))

    def __imul__(self, other):
        return in_place(self, binary(MULTIPLY, self, other))

    def __itruediv__(self, other):
        return in_place(self, binary(DIVIDE, self, other))

    def __ifloordiv__(self, other):
        return in_place(self, binary(FLOOR_DIVIDE, self, other))

    def __imod__(self, other):
        return in_place(self, binary(REMAINDER, self, other))

    def __ipow__(self, other):
        return in_place(self, binary(POWER, self, other))

    def __imatmul__(self, other):
        return in_place(self, np.matmul(self, other))

    # --- what does not vary: comparisons and conversions to Python's discrete types

    def __richcmp__(self, other, int op):
        return COMPARE[op](plain(self), plain(other))

    def __bool__(self):
        return bool(self._primal())

    def __int__(self):
        return int(self._primal())

    def __floor__(self):
        return int(np.floor(plain(self)))

    def __ceil__(self):
        return int(np.ceil(plain(self)))

    def __trunc__(self):
        return int(np.trunc(plain(self)))

    def __round__(self, digits=None):
        return int(round(plain(self))) if digits is None else np.round(self, digits)

    def __float__(self):
        raise lost("float", self)

    def __complex__(self):
        raise lost("complex", self)

    # --- NumPy's two protocols

    def __array_ufunc__(self, ufunc, str method, *inputs, **kwargs):
        cdef DuckArray top = self
        if not kwargs and method == "__call__":
            row = TABLE.functions.get(ufunc)
            if type(row) is Elementwise:
                for other in inputs:
                    if isinstance(other, DuckArray):
                        if (<DuckArray> other).level > top.level:
                            top = <DuckArray> other
                    elif not isinstance(other, float) and not is_operand(other):
                        return NotImplemented
                return top.elementwise(row, ufunc, inputs)
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return call_function(self, function, args, kwargs)

    # --- attributes and methods of ndarray

    @property
    def shape(self):
        """Shape of the value."""
        return np.shape(self._primal())

    @property
    def ndim(self):
        """Number of axes of the value."""
        return len(self.shape)

    @property
    def size(self):
        """Number of elements of the value."""
        return self._primal().size

    @property
    def dtype(self):
        """Floating-point type of the value, which the tangents share."""
        return self._primal().dtype

    @property
    def itemsize(self):
        """Bytes of one element of the value."""
        return self.dtype.itemsize

    @property
    def T(self):  # noqa: N802
        """The transposed array."""
        return np.transpose(self)

    @property
    def mT(self):  # noqa: N802
        """The array with its last two axes swapped."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self):
        """The array itself: its values are real."""
        return self

    @property
    def imag(self):
        """Zeros: its values are real."""
        return np.zeros(self.shape, self.dtype)

    @property
    def flat(self):
        """An iterator over the elements."""
        return iter(np.ravel(self))

    def __getattr__(self, str name):
        return find_method(self, name)

    def __dir__(self):
        return sorted({*object.__dir__(self), *method_names})

    def __len__(self):
        shape = self.shape
        if not shape:
            raise TypeError("len() of unsized object: the array has no axes")
        return shape[0]

    def __iter__(self):
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item):
        return bool(np.any(self == item))

    def __getitem__(self, index):
        raise NotImplementedError

    def __copy__(self):
        return np.copy(self)

    def __deepcopy__(self, memo):
        return np.copy(self)
