"""The calls of a compiled function that need no Python: which program fits, and whether what it relies on holds."""

cimport cython
cimport numpy as cnp
from cpython.ref cimport PyObject
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memset

import types

import numpy as np

from dualad._duck cimport DuckArray
from dualad._program cimport Program

cnp.import_array()

cdef extern from *:
    """
    static void calls_set_vectorcall(PyObject *type, Py_ssize_t offset) {
        PyTypeObject *kind = (PyTypeObject *) type;
        kind->tp_vectorcall_offset = offset;
        kind->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
        kind->tp_call = PyVectorcall_Call;
        PyType_Modified(kind);
    }
    """
    void set_vectorcall "calls_set_vectorcall" (object kind, Py_ssize_t offset)

cdef extern from "Python.h":
    ctypedef PyObject *(*vectorcallfunc)(PyObject *, PyObject **, size_t, PyObject *)
    Py_ssize_t PyVectorcall_NARGS(size_t flags)
    PyObject *PyObject_Vectorcall(object f, PyObject **args, size_t flags, PyObject *names) except NULL
    PyObject *Py_TYPE(PyObject *x)
    tuple PyTuple_New(Py_ssize_t n)
    void PyTuple_SET_ITEM(object t, Py_ssize_t i, object x)
    void Py_INCREF(object x)
    void Py_XDECREF(PyObject *x)
    PyObject **PySequence_Fast_ITEMS(object sequence)
    PyObject *PyDict_GetItemWithError(object d, object key) except? NULL
    PyObject *PyCell_GET(object cell)
    Py_ssize_t PyDict_GET_SIZE(object d)
    int PyContextVar_Get(object var, PyObject *default, PyObject **value) except -1


# --- what becomes of floating-point errors ----------------------------------------------------------------------------

cdef object ERROR_STATE = getattr(np._core.umath, "_extobj_contextvar", None)  # where NumPy keeps it
cdef object silent = None  # the last state that was found to stop nothing; none ever changes, another takes its place


cdef bint loud() except -1:
    """Say whether a floating-point error is to do more here than to warn, which a replay would not see to."""
    global silent
    cdef PyObject *found = NULL
    if ERROR_STATE is not None:
        PyContextVar_Get(ERROR_STATE, NULL, &found)
        if found == <PyObject *> silent:
            Py_XDECREF(found)
            return False
    try:
        for how in np.geterr().values():
            if how != "ignore" and how != "warn":
                return True
        if found != NULL:
            silent = <object> found
        return False
    finally:
        Py_XDECREF(found)


def is_loud():
    """Say whether a floating-point error is to do more here than to warn."""
    return loud()


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

NOTHING = object()  # stands for an empty closure cell or a missing attribute
cdef object nothing = NOTHING
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
        cdef cnp.ndarray one, other
        if self.kind == NAMED:
            found = PyDict_GetItemWithError(self.holder, self.name)
            return found != NULL and (found == <PyObject *> self.expected or same(<object> found, self.expected))
        if self.kind == CELL:
            found = PyCell_GET(self.holder)
            if found == NULL:
                return self.expected is nothing
            return found == <PyObject *> self.expected or same(<object> found, self.expected)
        if self.kind == ATTRIBUTE:
            value = getattr(self.holder, self.name, nothing)
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
    return nothing if found == NULL else <object> found


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
    # How an output becomes a part of the result: two bits of a whole number, the number of the output above them.
    AS_IT_IS = 0
    AS_FLOAT = 1   # a float of Python's
    AS_NUMBER = 2  # a NumPy number in place of an array without axes

FORMS = {"as it is": AS_IT_IS, "float": AS_FLOAT, "number": AS_NUMBER}


cdef object formed(object form, PyObject **outputs):
    """Return a result: ``form`` has its structure, of tuples and lists, with whole numbers in the places of outputs."""
    cdef Py_ssize_t i, code
    cdef tuple parts
    if type(form) is int:
        code = form
        found = <object> outputs[code >> 2]
        if code & 3 == AS_IT_IS:
            return found
        return float(found) if code & 3 == AS_FLOAT else found[()]
    if type(form) is tuple:
        parts = PyTuple_New(len(<tuple> form))
        for i in range(len(<tuple> form)):
            part = formed((<tuple> form)[i], outputs)
            Py_INCREF(part)
            PyTuple_SET_ITEM(parts, i, part)
        return parts
    return [formed(part, outputs) for part in <list> form]


cdef enum:
    FEW = 32  # results that are kept on the stack


@cython.final
cdef class Variant:
    """One recorded path: its program, what it relies on, and how its outputs become the result.

    ``form`` is the structure of the result, as :func:`formed` takes it, where that can say it, else the function that
    makes the result of the outputs. ``shapes`` are the shape and the type of each output, ``captured`` the arrays that
    the program reads besides its inputs. ``trusted`` says that nothing more is to be made sure of before a replay.
    """

    cdef readonly Program program
    cdef readonly Sights sights
    cdef readonly object form
    cdef readonly tuple shapes
    cdef readonly tuple captured
    cdef public bint trusted
    cdef public object recorded    # what the next recording is compared with
    cdef public long long replays

    def __init__(self, Program program, Sights sights, form, shapes, captured, trusted, recorded):
        self.program, self.sights, self.trusted, self.recorded = program, sights, trusted, recorded
        self.form, self.shapes, self.captured = form, tuple(shapes), tuple(captured)

    def made(self, list outputs):
        """Return the result that the outputs of the program make."""
        return self.form(outputs) if callable(self.form) else formed(self.form, PySequence_Fast_ITEMS(outputs))

    @property
    def in_order(self):
        """Whether the leaves of the result are the outputs, one after the other."""
        cdef list codes = []
        codes_of(self.form, codes)
        return codes == list(range(len(self.shapes)))

    cdef object replay(self, PyObject **inputs, object out):
        """Run the program and return its result; MISS where a guard failed or ``out`` cannot be written to."""
        cdef Py_ssize_t i, n = self.program.noutputs
        cdef PyObject *few[2 * FEW]
        cdef PyObject **results = few
        cdef PyObject **places
        cdef bint all_given = out is not None
        if n > FEW:
            results = <PyObject **> malloc(2 * n * sizeof(PyObject *))
            if results == NULL:
                raise MemoryError
        memset(results, 0, 2 * n * sizeof(PyObject *))
        places = NULL if out is None else results + n
        try:
            if out is not None and not self.place(out, inputs, places):
                return MISS
            if not self.program.run_at(inputs, places, results):
                return MISS
            self.replays += 1
            for i in range(n if all_given else 0):
                all_given = all_given and results[i] == places[i]
            if all_given:
                return out
            if type(self.form) is int or type(self.form) is tuple or type(self.form) is list:
                return formed(self.form, results)
            return self.form([<object> results[i] for i in range(n)])
        finally:
            for i in range(2 * n):
                Py_XDECREF(results[i])
            if n > FEW:
                free(results)

    cdef bint place(self, object out, PyObject **inputs, PyObject **places) except -1:
        """Find where the outputs are to be written; False where they cannot be written there directly.

        ``places`` are references: what stands in a list may be gone before the run is over.
        """
        cdef tuple wanted
        cdef Py_ssize_t i, count = 0, n = len(self.shapes)
        if not laid_out(self.form, out, places, &count, n) or count != n:
            return False
        for i in range(n):
            wanted = <tuple> self.shapes[i]
            if places[i] == <PyObject *> None:
                if len(<tuple> wanted[0]):
                    return False
            elif not takes(<object> places[i], <tuple> wanted[0], wanted[1]):
                return False
            # A program may write a result before it has read all that it reads.
            elif shares(<cnp.ndarray> places[i], inputs, self.program.ninputs) or shares(
                    <cnp.ndarray> places[i], PySequence_Fast_ITEMS(self.captured), len(self.captured)):
                return False
        return True


cdef int codes_of(object form, list codes) except -1:
    """Append the numbers of the outputs in the order of the leaves; -1 where a function makes the result."""
    if type(form) is int:
        codes.append(form >> 2)
    elif type(form) is tuple or type(form) is list:
        for part in form:
            codes_of(part, codes)
    else:
        codes.append(-1)
    return 0


cdef bint laid_out(object form, object out, PyObject **places, Py_ssize_t *count, Py_ssize_t n) except -1:
    """Put the parts of ``out`` in the order of the outputs; say whether it has the form of the result."""
    cdef Py_ssize_t i
    if type(form) is int:
        if count[0] == n or <Py_ssize_t> form != count[0] << 2:
            return False  # in another order, or not as it is
        Py_INCREF(out)
        places[count[0]] = <PyObject *> out
        count[0] += 1
        return True
    if type(form) is tuple and type(out) is tuple and len(<tuple> out) == len(<tuple> form):
        for i in range(len(<tuple> form)):
            if not laid_out((<tuple> form)[i], (<tuple> out)[i], places, count, n):
                return False
        return True
    if type(form) is list and type(out) is list and len(<list> out) == len(<list> form):
        for i in range(len(<list> form)):
            if not laid_out((<list> form)[i], (<list> out)[i], places, count, n):
                return False
        return True
    return False


cdef bint takes(object x, tuple shape, object dtype) except -1:
    cdef Py_ssize_t k
    if type(x) is not cnp.ndarray or not cnp.PyArray_ISCARRAY(<cnp.ndarray> x):
        return False
    if cnp.PyArray_NDIM(<cnp.ndarray> x) != len(shape) or (<cnp.ndarray> x).descr is not dtype:
        return False
    for k in range(len(shape)):
        if cnp.PyArray_DIM(<cnp.ndarray> x, k) != <Py_ssize_t> shape[k]:
            return False
    return True


cdef bint shares(cnp.ndarray x, PyObject **others, Py_ssize_t count) except -1:
    """Say whether an array shares memory with one of others."""
    cdef char *low = <char *> cnp.PyArray_DATA(x)
    cdef char *high = low + cnp.PyArray_NBYTES(x)
    cdef char *at
    cdef Py_ssize_t i
    for i in range(count):
        if not cnp.PyArray_Check(<object> others[i]):
            continue
        if not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> others[i]):
            if np.may_share_memory(x, <object> others[i]):
                return True
            continue
        at = <char *> cnp.PyArray_DATA(<cnp.ndarray> others[i])
        if at < high and low < at + cnp.PyArray_NBYTES(<cnp.ndarray> others[i]):
            return True
    return False


cdef object MISS = object()
cdef object DOUBLE = np.dtype(float)


@cython.final
cdef class Entry:
    """All calls of one kind: what is passed where, and the programs for it, the most recent one first.

    ``kinds`` says of each positional argument what it is: "f" a float, "n" a NumPy float, "a" an array of doubles in C
    order, whose shape stands in ``wanted``, "s" a static value, which stands there itself. It is None where a call has
    to be looked at by Python.
    """

    cdef readonly object key
    cdef public tuple variants
    cdef public object state       # what the Python side keeps
    cdef public bint plain         # it is not worth while: call the function itself
    cdef bytes kinds
    cdef bint chosen               # only some of the arguments are inputs
    cdef tuple wanted

    def __init__(self, key, kinds, wanted, state):
        self.key, self.state, self.variants = key, state, ()
        self.kinds = kinds
        self.chosen = kinds is not None and b"s" in kinds
        self.wanted = wanted

    @property
    def native(self):
        """How native code knows such a call: the kinds, and what is wanted."""
        return self.kinds, self.wanted

    @property
    def all_inputs(self):
        """Whether all arguments are inputs of the programs."""
        return self.kinds is not None and not self.chosen

    cdef bint fits(self, PyObject **args, Py_ssize_t count) except -1:
        cdef Py_ssize_t i, k, n
        cdef const char *kinds
        cdef cnp.ndarray x
        cdef tuple shape
        if self.kinds is None or count != len(self.kinds):
            return False
        kinds = self.kinds
        for i in range(count):
            if kinds[i] == c"a":
                if <PyObject *> Py_TYPE(args[i]) != <PyObject *> np_ndarray:
                    return False
                x = <cnp.ndarray> args[i]
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
                if <PyObject *> Py_TYPE(args[i]) != <PyObject *> float:
                    return False
            elif kinds[i] == c"n":
                if <PyObject *> Py_TYPE(args[i]) != <PyObject *> np_float64:
                    return False
            elif not same(<object> args[i], self.wanted[i]):
                return False
        return True

    cdef object replay(self, PyObject **args, Py_ssize_t count, object out):
        """Run the first program that holds here and return its result; MISS where Python has to see to it."""
        cdef tuple variants = self.variants
        cdef Variant one
        cdef Sights last = None
        cdef bint held = False
        cdef Py_ssize_t i
        cdef PyObject *varying[FEW]
        if self.chosen:
            if count > FEW:
                return MISS
            args = self.inputs(args, count, varying)
        for i in range(len(variants)):
            one = <Variant> variants[i]
            if one.sights is not last:
                last = one.sights
                held = last.hold()
            if not held:
                continue
            if not one.trusted:
                return MISS
            found = one.replay(args, out)
            if found is not MISS:
                if i:
                    # A new tuple by one assignment: other threads see this one or that one.
                    self.variants = (one, *variants[:i], *variants[i + 1:])
                return found
        return MISS

    cdef PyObject **inputs(self, PyObject **args, Py_ssize_t count, PyObject **found) noexcept:
        """Return the arguments that are inputs of the programs."""
        cdef const char *kinds = self.kinds
        cdef Py_ssize_t i, n = 0
        for i in range(count):
            if kinds[i] != c"s":
                found[n] = args[i]
                n += 1
        return found


@cython.final
cdef class Compiled:
    """A function that is recorded once and then replayed; made by :func:`dualad.compile`.

    Call it like the function. ``stats`` says what was recorded and how often it was replayed, ``print`` shows the
    programs, ``batch`` evaluates it at many points.
    """

    cdef vectorcallfunc vectorcall
    cdef dict __dict__
    cdef object __weakref__
    cdef readonly object function   #: what was compiled
    cdef readonly object side       #: the Python side: recordings, keys, statistics
    cdef public Entry recent
    cdef public bint plain          # never replayed again
    cdef bint own_out               # ``out`` is an argument of the function's

    def __cinit__(self):
        self.vectorcall = <vectorcallfunc> called

    def __init__(self, function, side, bint own_out):
        self.function, self.side, self.own_out = function, side, own_out

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
        """Return the results for all rows of the arguments, stacked.

        Parameters
        ----------
        *arguments : array_like
            The arguments of the function, each with a row for each call; containers of such arrays.
        workers : int or callable, optional
            Number of threads, -1 for as many as there are processors, or a function like ``map``, for instance that of
            an executor, which receives the compiled function and its arguments pickled.
        out : ndarray or container, optional
            Arrays in the structure of the result, into which the results are written.

        Returns
        -------
        ndarray or container
            The structure of the result of one call, each part with a row for each call.
        """
        return self.side.batch(arguments, workers, out)


cdef PyObject *called(Compiled self, PyObject **args, size_t flags, PyObject *names) except NULL:
    """The call: without a step of Python's where one of the programs serves."""
    cdef Py_ssize_t count = PyVectorcall_NARGS(flags)
    cdef Py_ssize_t i, named = 0 if names == NULL else len(<tuple> names)
    cdef Entry entry = self.recent
    cdef object out = None
    if named == 1 and not self.own_out and (<tuple> names)[0] == "out":
        out = <object> args[count]
        named = 0
    cdef bint itself = self.plain or loud()
    if itself and out is None:
        return PyObject_Vectorcall(self.function, args, flags, names)
    if named == 0 and not itself:
        if out is None and entry is not None and entry.plain and entry.fits(args, count):
            return PyObject_Vectorcall(self.function, args, flags, NULL)
        if entry is not None and entry.fits(args, count):
            found = entry.replay(args, count, out)
            if found is not MISS:
                Py_INCREF(found)
                return <PyObject *> found
    positional = tuple([<object> args[i] for i in range(count)])
    keywords = {(<tuple> names)[i]: <object> args[count + i] for i in range(named)}
    found = self.side.call(positional, keywords, out, itself)
    Py_INCREF(found)
    return <PyObject *> found


cdef object np_ndarray = np.ndarray
cdef object np_float64 = np.float64


def make_vectorcall():
    """Let Python call a compiled function without making a tuple and a dict of the arguments."""
    cdef Compiled one = Compiled.__new__(Compiled)
    set_vectorcall(Compiled, <char *> &one.vectorcall - <char *> <PyObject *> one)


make_vectorcall()


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
    elif type(part) is cnp.ndarray:
        return cnp.PyArray_TYPE(<cnp.ndarray> part) == cnp.NPY_OBJECT and any_duck(part.ravel().tolist())
    return False
