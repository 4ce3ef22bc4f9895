"""The calls of a compiled function that need no Python: which program fits, and whether what it relies on still holds."""

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject
from libc.string cimport memcmp

import types

import numpy as np

from dualad._duck cimport DuckArray

cnp.import_array()

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object d, object key) except? NULL
    PyObject *PyCell_GET(object cell)
    Py_ssize_t PyDict_GET_SIZE(object d)


# --- what a function sees ---------------------------------------------------------------------------------------------

cdef enum:
    NAMED = 0        # holder is a dict, name a key of it
    CELL = 1         # holder is a closure cell
    ATTRIBUTE = 2    # holder is an object, name an attribute of it
    ABSENT = 3       # holder is a dict without the key name
    LISTED = 4       # holder is a list, tuple or dict; expected are its entries
    PLACED = 5       # holder is an array; expected says where and how its numbers lie
    CONTENT = 6      # holder is an array; expected is a copy of its numbers

KINDS = {"named": NAMED, "cell": CELL, "attribute": ATTRIBUTE, "absent": ABSENT, "listed": LISTED, "placed": PLACED,
         "content": CONTENT}

cdef object NOTHING = object()   # stands for an empty closure cell or a missing attribute
cdef set BY_VALUE = {int, str, bool, bytes, complex, type(None), type(Ellipsis)}


cdef bint same(object found, object expected) except -1:
    """Say whether a value is the one that was seen: the same object, or an equal one of a type that has only values."""
    cdef double x, y
    cdef Py_ssize_t i
    if found is expected:
        return True
    if type(found) is not type(expected):
        return False
    if type(found) is float:
        x, y = found, expected
        return memcmp(&x, &y, sizeof(double)) == 0
    if type(found) in BY_VALUE:
        return found == expected
    if isinstance(found, np.generic):
        return found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
    if type(found) is tuple:
        if len(<tuple> found) != len(<tuple> expected):
            return False
        for i in range(len(<tuple> found)):
            if not same((<tuple> found)[i], (<tuple> expected)[i]):
                return False
        return True
    return False


def is_same(found, expected):
    """Say whether a value is the one that was seen."""
    return same(found, expected)


@cython.final
cdef class Sight:
    """One thing that a function sees, and what it was when it was recorded."""

    cdef readonly int kind
    cdef readonly object holder
    cdef readonly object name
    cdef readonly object expected
    cdef readonly str label
    cdef object meta

    def __init__(self, str kind, holder, name, expected, str label):
        self.kind, self.holder, self.name, self.expected, self.label = KINDS[kind], holder, name, expected, label
        if self.kind == PLACED:
            self.expected = placed(holder)

    cpdef bint holds(self) except -1:
        """Say whether it is still the same."""
        cdef PyObject *found
        cdef Py_ssize_t i
        cdef cnp.ndarray one, other
        if self.kind == NAMED:
            found = PyDict_GetItemWithError(self.holder, self.name)
            return found != NULL and (found == <PyObject *> self.expected or same(<object> found, self.expected))
        if self.kind == CELL:
            found = PyCell_GET(self.holder)
            if found == NULL:
                return self.expected is NOTHING
            return found == <PyObject *> self.expected or same(<object> found, self.expected)
        if self.kind == ATTRIBUTE:
            value = getattr(self.holder, self.name, NOTHING)
            return same(value, self.expected)
        if self.kind == ABSENT:
            return PyDict_GetItemWithError(self.holder, self.name) == NULL
        if self.kind == LISTED:
            entries = entries_of(self.holder)
            return same(entries, self.expected)
        if self.kind == PLACED:
            return self.expected == placed(self.holder)
        one, other = self.holder, self.expected
        if cnp.PyArray_IS_C_CONTIGUOUS(one) and cnp.PyArray_IS_C_CONTIGUOUS(other):
            return cnp.PyArray_NBYTES(one) == cnp.PyArray_NBYTES(other) and \
                memcmp(cnp.PyArray_DATA(one), cnp.PyArray_DATA(other), cnp.PyArray_NBYTES(one)) == 0
        return self.holder.tobytes() == self.expected.tobytes()


def entries_of(container):
    """Return what stands in a list, a tuple or a dict, as a tuple."""
    if type(container) is dict or isinstance(container, dict):
        return tuple([part for pair in container.items() for part in pair])
    return tuple(container)


cdef object placed(cnp.ndarray x):
    return <size_t> cnp.PyArray_DATA(x), (<object> x).shape, (<object> x).strides, (<object> x).dtype


def cell_contents(cell):
    """Return what a closure cell holds, :data:`NOTHING` where it is empty."""
    cdef PyObject *found = PyCell_GET(cell)
    return NOTHING if found == NULL else <object> found


@cython.final
cdef class Sights:
    """All that a function saw when it was recorded."""

    cdef readonly tuple all

    def __init__(self, sights):
        self.all = tuple(sights)

    cpdef bint hold(self) except -1:
        """Say whether all of it is still the same."""
        cdef Py_ssize_t i
        for i in range(len(self.all)):
            if not (<Sight> self.all[i]).holds():
                return False
        return True

    def changed(self):
        """Return the labels of what is not the same any more."""
        return [sight.label for sight in self.all if not sight.holds()]


# --- variants ---------------------------------------------------------------------------------------------------------

cdef enum:
    ONE = 0       # the result is the one output
    SEVERAL = 1   # a tuple of the outputs
    OTHER = 2     # made of the outputs by a Python function


@cython.final
cdef class Variant:
    """One recorded path: its program, what it relies on, and how its outputs become the result.

    ``trusted`` says that nothing more is to be made sure of before it is replayed.
    """

    cdef readonly object program
    cdef readonly Sights sights
    cdef readonly object finish
    cdef readonly tuple shapes     # (shape, dtype) of each output
    cdef public bint trusted
    cdef public object recorded    # what the next recording is compared with
    cdef public long long replays
    cdef object run
    cdef int form

    def __init__(self, program, Sights sights, finish, shapes, trusted, recorded):
        self.program, self.sights, self.trusted, self.recorded = program, sights, trusted, recorded
        self.finish, self.shapes = finish, tuple(shapes)
        self.form = ONE if finish == "one" else SEVERAL if finish == "several" else OTHER
        self.run = program.run

    cdef object result(self, object outputs):
        if self.form == ONE:
            return outputs[0]
        if self.form == SEVERAL:
            return tuple(outputs)
        return self.finish(outputs)

    def made(self, outputs):
        """Return the result that the outputs of the program make."""
        return self.result(outputs)


cdef object MISS = object()


@cython.final
cdef class Entry:
    """All calls of one kind: what is passed where, and the programs for it, the most recent one first.

    ``kinds`` says of each positional argument what it is: "f" a float, "n" a NumPy float, "a" an array of doubles in C
    order, "s" a static value, which stands in ``wanted``; for an array its shape does. None where a call has to be
    looked at by Python.
    """

    cdef readonly object key
    cdef public tuple variants
    cdef public object state       # what the Python side keeps
    cdef public bint plain         # it is not worth while: call the function itself
    cdef bytes kinds
    cdef tuple wanted
    cdef bint all_inputs

    def __init__(self, key, kinds, wanted, state):
        self.key, self.state, self.variants = key, state, ()
        self.kinds = kinds
        self.wanted = wanted
        self.all_inputs = kinds is not None and b"s" not in kinds

    cdef bint fits(self, tuple args) except -1:
        cdef Py_ssize_t i, k, n
        cdef const char *kinds
        cdef cnp.ndarray x
        cdef tuple shape
        if self.kinds is None or len(args) != len(self.kinds):
            return False
        kinds = self.kinds
        for i in range(len(args)):
            given = args[i]
            if kinds[i] == c"a":
                if type(given) is not np.ndarray:
                    return False
                x = <cnp.ndarray> given
                shape = <tuple> self.wanted[i]
                n = len(shape)
                if cnp.PyArray_TYPE(x) != cnp.NPY_DOUBLE or cnp.PyArray_NDIM(x) != n:
                    return False
                if not cnp.PyArray_ISCARRAY_RO(x):
                    return False
                for k in range(n):
                    if cnp.PyArray_DIM(x, k) != <Py_ssize_t> shape[k]:
                        return False
            elif kinds[i] == c"f":
                if type(given) is not float:
                    return False
            elif kinds[i] == c"n":
                if type(given) is not np.float64:
                    return False
            elif not same(given, self.wanted[i]):
                return False
        return True

    cdef object inputs(self, tuple args):
        cdef Py_ssize_t i
        if self.all_inputs:
            return args
        return [args[i] for i in range(len(args)) if self.kinds[i] != c"s"]

    cdef object replay(self, object inputs, object out, Variant skip):
        """Run the first program that holds here; MISS where there is none."""
        cdef tuple variants = self.variants
        cdef Variant one
        cdef Sights last = None
        cdef bint held = False
        cdef Py_ssize_t i
        for i in range(len(variants)):
            one = <Variant> variants[i]
            if one.sights is not last:
                last, held = one.sights, one.sights.hold()
            if not held or one is skip:
                continue
            if not one.trusted:
                return one
            found = one.run(inputs) if out is None else one.run(inputs, out)
            if found is not None:
                one.replays += 1
                if i:
                    # A new tuple by one assignment: other threads see this one or that one.
                    self.variants = (one, *variants[:i], *variants[i + 1:])
                return one.result(found)
        return MISS


@cython.final
cdef class Compiled:
    """A function that is recorded once and then replayed; made by :func:`dualad.compile`.

    Call it like the function. ``stats`` says what was recorded and how often it was replayed; ``print`` shows the
    programs.
    """

    cdef dict __dict__
    cdef object __weakref__
    cdef readonly object function   #: what was compiled
    cdef readonly object side       #: the Python side: recordings, keys, statistics
    cdef public Entry recent
    cdef public bint plain          # never replayed again
    cdef object slow

    def __init__(self, function, side):
        self.function, self.side, self.slow = function, side, side.call

    def __call__(self, *args, **kwargs):
        cdef Entry entry = self.recent
        if not kwargs:
            if self.plain:
                return self.function(*args)
            if entry is not None and entry.fits(args):
                if entry.plain:
                    return self.function(*args)
                found = entry.replay(entry.inputs(args), None, None)
                if found is not MISS and type(found) is not Variant:
                    return found
        return self.slow(args, kwargs)

    def __get__(self, instance, owner):
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self):
        return self.side.reduced()

    def __repr__(self):
        return f"<compiled {self.function!r}>"

    def __str__(self):
        return self.side.page()

    @property
    def stats(self):
        """What was recorded, what became of it, and how often it was replayed."""
        return self.side.stats()

    def batch(self, *arguments, workers=None, out=None):
        """Return the results for all rows of the arguments, stacked."""
        return self.side.batch(arguments, workers, out)


def replayed(Entry entry, inputs, out=None, Variant skip=None):
    """Return ``(True, result)``; ``(False, variant)`` where a variant is still to be made sure of; None for neither."""
    found = entry.replay(inputs, out, skip)
    if found is MISS:
        return None
    return (False, found) if type(found) is Variant else (True, found)


def holds_derivatives(args, kwargs):
    """Say whether an argument, or an element of a container, carries a derivative."""
    return any_duck(args) or (len(kwargs) > 0 and any_duck(kwargs))


cdef bint any_duck(object part) except -1:
    if isinstance(part, DuckArray):
        return True
    if isinstance(part, (list, tuple)):
        for one in part:
            if type(one) is not float and any_duck(one):
                return True
    elif isinstance(part, dict):
        for one in part.values():
            if any_duck(one):
                return True
    elif type(part) is np.ndarray:
        return cnp.PyArray_TYPE(<cnp.ndarray> part) == cnp.NPY_OBJECT and any_duck(part.ravel().tolist())
    return False
