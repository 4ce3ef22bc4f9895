# cython: c_api_binop_methods=True
"""The duck array: operators, protocols and indexing, once for every engine.

A subclass says what an operator means (``operate``, ``elementwise``, ``_array_row``), where its plain value is
(``_primal``) and how it is indexed; everything that NumPy expects of an array follows here.
"""

cimport numpy as cnp

import operator

import numpy as np

from dualad import errors
from dualad.ops.table import TABLE, Bilinear, Elementwise, Linear, Ruled

cnp.import_array()

cdef extern from *:
    """
    static void duck_no_sequence(PyTypeObject *kind) {
        /* A table of its own, for it may be the one of the parent class. */
        PySequenceMethods *own = (PySequenceMethods *) PyMem_Malloc(sizeof(PySequenceMethods));
        *own = *kind->tp_as_sequence;
        own->sq_item = NULL;
        kind->tp_as_sequence = own;
    }

    static int duck_add_method(PyTypeObject *kind, PyObject *name, PyObject *method) {
        int failed = PyDict_SetItem(kind->tp_dict, name, method);
        PyType_Modified(kind);
        return failed;
    }
    """
    void duck_no_sequence(type kind)
    int duck_add_method(type kind, str name, object method) except -1


cdef list ROWS = [
    TABLE.named(name) for name in (
        "add", "subtract", "multiply", "divide", "power", "floor_divide", "remainder",
        "negative", "positive", "absolute",
    )
]
cdef list FUNCTIONS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod,
    operator.neg, operator.pos, operator.abs,
]
cdef tuple COMPARE = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)
cdef set PLAIN_RULES = {Linear, Bilinear, Ruled}
cdef object no_value = np._NoValue
cdef object power = np.power
cdef object shape_function = np.shape, size_function = np.size, ndim_function = np.ndim
cdef type generic_scalar = np.generic

# The Python side of the protocols, handed over once when dualad.duck is imported: it needs the class below.
cdef object protocol, find_method
cdef object making = frozenset()  # functions that make arrays like another


def hang(python_protocol, methods):
    """Take the Python modules behind the protocols, and make NumPy's functions methods of the arrays."""
    global protocol, find_method, making
    protocol, find_method, making = python_protocol, methods.find, python_protocol.LIKE
    for name, method in methods.METHODS.items():
        duck_add_method(DuckArray, name, method)


cdef void no_sequence(type kind):
    # NumPy asks the sequence slot whether a value is a number or a list of numbers: a scalar must not have one.
    duck_no_sequence(kind)


cdef bint is_operand(object x) except -1:
    """Say whether an operator accepts ``x`` beside an array that carries derivatives."""
    if type(x) is cnp.ndarray or isinstance(x, (float, int, DuckArray, list, tuple, complex)):
        return True
    if isinstance(x, cnp.ndarray):
        if type(x).__array_ufunc__ is not cnp.ndarray.__array_ufunc__:
            return False
        errors.check_kind(x)
        return True
    return cnp.PyArray_CheckScalar(x)


cdef object array_like(object x):
    """Return other sequences of numbers (a range, a deque) as an array, as NumPy does, and else NotImplemented."""
    if hasattr(type(x), "__array_ufunc__") or not (hasattr(type(x), "__getitem__") or hasattr(type(x), "__array__")):
        return NotImplemented
    made = np.asarray(x)
    return made if made.dtype.kind in "biuf" or made.dtype.kind == "O" and made.ndim else NotImplemented


cdef object binary(int op, object left, object right):
    """Let the array of the inner derivative act; what is no number is left to its own methods."""
    cdef DuckArray acting
    if isinstance(left, DuckArray):
        acting = <DuckArray> left
        if isinstance(right, DuckArray):
            if (<DuckArray> right).level > acting.level:
                acting = <DuckArray> right
        elif not is_operand(right):
            right = array_like(right)
    else:
        acting = <DuckArray> right
        if not is_operand(left):
            left = array_like(left)
    if left is NotImplemented or right is NotImplemented:
        return NotImplemented
    return acting.operate(op, left, right)


cdef object compare(DuckArray x, object other, int op):
    """Compare values, which gives what does not vary; an outer recording takes note of what comes out."""
    cdef object own = x._primal()
    other = protocol.primal(other, x.level)
    if isinstance(own, DuckArray) or isinstance(other, DuckArray):
        return protocol.settled(COMPARE[op](own, other))
    return COMPARE[op](own, protocol.stripped(other))


cdef object in_place(DuckArray target, object result):
    """Finish ``target += ...``: arrays are written through, scalars are replaced."""
    if result is NotImplemented or target._is_scalar:
        return result
    target[...] = result
    return target


# --- what carries derivatives among the arguments of a call ----------------------------------------------------------


cdef class Survey:
    """What was found among arguments: the array of the innermost derivative, and whether there are loose numbers.

    Loose numbers are those inside lists and arrays of objects, which have to be made one array first. ``varies`` is
    False where all that was found are conditions and whole numbers of a recording, on which any function may be called.
    """

    cdef readonly DuckArray top
    cdef readonly bint loose
    cdef readonly bint varies

    cdef int look(self, object part, bint inside) except -1:
        if isinstance(part, DuckArray):
            if self.top is None or (<DuckArray> part).level > self.top.level:
                self.top = <DuckArray> part
            self.loose = self.loose or inside
            self.varies = self.varies or not (<DuckArray> part).discrete
        elif type(part) in (float, int, bool, str, slice) or part is None:
            pass
        elif isinstance(part, cnp.ndarray):
            if type(part) is not cnp.ndarray:
                errors.check_kind(part)
            if cnp.PyArray_TYPE(<cnp.ndarray> part) == cnp.NPY_OBJECT:
                for one in part.ravel().tolist():
                    self.look(one, True)
        elif isinstance(part, (list, tuple)):
            for one in part:
                self.look(one, inside)
        elif isinstance(part, dict):
            for one in part.values():
                self.look(one, inside)
        return 0


cpdef Survey survey(object args, object kwargs=None):
    """Look through arguments, the lists and arrays of objects among them included."""
    cdef Survey found = Survey.__new__(Survey)
    found.look(args, False)
    if kwargs:
        found.look(kwargs, False)
    return found


cdef bint is_simple(dict kwargs):
    """Say whether a call has no argument that means the same for every function."""
    for name, x in kwargs.items():
        if name == "out" or name == "dtype" or x is no_value:
            return False
    return True


# --- the class -------------------------------------------------------------------------------------------------------


cdef class DuckArray:
    """Base of the arrays that carry derivatives; users meet its subclasses."""

    __array_priority__ = 1000.0
    __hash__ = None  # equal values with different derivatives must not find each other in a dict or a cache

    cdef object operate(self, int op, object left, object right):
        return self.elementwise(ROWS[op], FUNCTIONS[op], (left,) if op >= NEGATIVE else (left, right))

    cdef object elementwise(self, object row, object function, tuple inputs):
        raise NotImplementedError

    def _elementwise(self, row, function, tuple inputs):
        return self.elementwise(row, function, inputs)

    def _discrete(self, function, args, kwargs):
        """Call a function whose result does not vary: on the values, unless an engine keeps account of it."""
        return protocol.decided(self.level, function, args, kwargs)

    def _settled(self):
        """Return the value one level down as what follows relies on; a recording takes note of it."""
        return self._primal()

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
        if not (is_operand(left) and is_operand(right)):
            return NotImplemented
        return np.divmod(left, right)

    def __pow__(left, right, modulo):
        if modulo is not None:
            return NotImplemented
        return binary(POWER, left, right)

    def __matmul__(left, right):
        if not (is_operand(left) and is_operand(right)):
            return NotImplemented
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
        return compare(self, other, op)

    def __bool__(self):
        return bool(self._primal())

    def __int__(self):
        return int(self._primal())

    def __floor__(self):
        return int(np.floor(self._primal()))

    def __ceil__(self):
        return int(np.ceil(self._primal()))

    def __trunc__(self):
        return int(np.trunc(self._primal()))

    def __round__(self, digits=None):
        return round(self._primal()) if digits is None else np.round(self, digits)

    def __float__(self):
        raise protocol.lost("float")

    def __complex__(self):
        raise protocol.lost("complex")

    def __format__(self, str spec):
        return str(self) if not spec else format(protocol.settled(self), spec)

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
                    elif not is_operand(other):
                        return NotImplemented
                if ufunc is power and isinstance(inputs[0], (cnp.ndarray, generic_scalar)):
                    # It came from c**x most likely, whose value is not that of np.power(c, x) to the last bit.
                    return top.operate(POWER, inputs[0], inputs[1])
                return top.elementwise(row, ufunc, inputs)
        if method == "__call__":
            for other in inputs:
                if not is_operand(other):
                    return NotImplemented
        return protocol.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, tuple args, dict kwargs):
        cdef Survey found
        if len(args) == 1 and not kwargs and args[0] is self:
            if function is shape_function:
                return self.shape
            if function is size_function:
                return self.size
            if function is ndim_function:
                return self.ndim
        row = TABLE.functions.get(function)
        if type(row) in PLAIN_RULES and function not in making and is_simple(kwargs):
            found = survey(args, kwargs)
            if found.top is not None and found.varies and not found.loose and len(args) <= row.places:
                return found.top._array_row(row, args, kwargs)
        return protocol.call_function(self, function, args, kwargs)

    # --- attributes of ndarray (its methods are added by ``hang``)

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
    def nbytes(self):
        """Bytes of the value, without its derivatives."""
        return self.size * self.dtype.itemsize

    @property
    def strides(self):
        """Strides of the value."""
        return protocol.plain(self).strides

    @property
    def flags(self):
        """Memory layout of the value."""
        return protocol.plain(self).flags

    @property
    def device(self):
        """Where the value lies, as the array API names it."""
        return "cpu"

    @property
    def T(self):
        """The transposed array."""
        return np.transpose(self)

    @property
    def mT(self):
        """The array with its last two axes swapped."""
        return np.matrix_transpose(self)

    @property
    def real(self):
        """The array itself: its values are real."""
        return self

    @property
    def imag(self):
        """Zeros: its values are real."""
        return np.imag(protocol.plain(self))

    @property
    def flat(self):
        """The elements one after the other, to read, to index and to assign to."""
        return protocol.Flat(self)

    @flat.setter
    def flat(self, values):
        protocol.Flat(self)[:] = values

    def __getattr__(self, str name):
        if name.startswith("__"):  # NumPy asks each element of a list for several of them
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return find_method(self, name)

    def __len__(self):
        shape = self.shape
        if not shape:
            raise TypeError("len() of unsized object")
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
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()
