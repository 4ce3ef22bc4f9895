"""Views of arrays: the steps that make them, and where their elements lie."""

cimport cython
cimport numpy as cnp
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE

from dualad.ops.table import TABLE

cnp.import_array()

cdef object ALL = slice(None)
cdef object getitem = None


@cython.no_gc     # nothing that it refers to leads back
cdef class Pick:
    """Indexing by integers, slices, None and Ellipsis: one step from a base to its view.

    It is called with numbers, tangents and cotangents alike, which may have lanes before the ``axes`` that it knows.
    """

    def __init__(self, index, int axes):
        self.index, self.axes = index, axes
        self.entries = index if isinstance(index, tuple) else (index,)
        if len(self.entries) == axes and all([type(entry) is int for entry in self.entries]):
            # One element: with an Ellipsis it is an array of no axes, which can be written.
            self.entries += (Ellipsis,)

    def __call__(self, t):
        cdef int lanes = t.ndim - self.axes
        return t[self.entries] if lanes == 0 else t[(ALL,) * lanes + self.entries]

    @property
    def row(self):
        """The row of the table that says the same."""
        global getitem
        if getitem is None:
            getitem = TABLE.named("getitem")
        return getitem

    @property
    def args(self):
        """The arguments of that row, None for the base."""
        return (None, self.index)

    @property
    def kwargs(self):
        """No options."""
        return {}

    cdef object key(self):
        """Return what two steps have in common that do the same: plain numbers, or what is printed of others."""
        if self.word is not None:
            return self.word
        if not is_basic(self.index):
            return self.axes, repr(self.index)
        words = [(entry.start, entry.stop, entry.step) if type(entry) is slice else entry for entry in self.entries]
        self.word = self.axes, tuple(words)
        return self.word

    def __eq__(self, other):
        return isinstance(other, Pick) and self.key() == (<Pick> other).key()

    def __hash__(self):
        return hash(self.key())


cpdef bint is_basic(object index) except -1:
    """Say whether an index is made of Python's integers, slices of them, None and Ellipsis only."""
    cdef Py_ssize_t i
    if type(index) is tuple:
        for i in range(PyTuple_GET_SIZE(index)):
            if not is_basic_entry(<object> PyTuple_GET_ITEM(index, i)):
                return False
        return True
    return is_basic_entry(index)


cdef bint is_basic_entry(object entry) except -1:
    if type(entry) is int or entry is None or entry is Ellipsis:
        return True
    if type(entry) is slice:
        return is_end(entry.start) and is_end(entry.stop) and is_end(entry.step)
    return False


cdef bint is_end(object end) except -1:
    return end is None or type(end) is int


cdef int next_axis(cnp.ndarray base, unsigned long long done) noexcept:
    """Return the axis of the smallest stride among those that are not done, -1 where none of
    several elements is left.
    """
    cdef int k, found = -1
    cdef Py_ssize_t stride, least = 0
    for k in range(cnp.PyArray_NDIM(base)):
        stride = abs(cnp.PyArray_STRIDE(base, k))
        if cnp.PyArray_DIM(base, k) > 1 and not done >> k & 1 and (found < 0 or stride < least):
            found, least = k, stride
    return found


cdef bint is_dense(cnp.ndarray base) except -1:
    """Say whether the elements of an array fill its memory without gaps, in whatever order of the axes."""
    cdef Py_ssize_t step = cnp.PyArray_ITEMSIZE(base)
    cdef unsigned long long done = 0
    cdef int k
    if cnp.PyArray_CHKFLAGS(base, cnp.NPY_ARRAY_C_CONTIGUOUS):
        return True
    k = next_axis(base, done)
    while k >= 0:
        if cnp.PyArray_STRIDE(base, k) != step:
            return False
        step *= cnp.PyArray_DIM(base, k)
        done |= 1ULL << k
        k = next_axis(base, done)
    return True


cdef object layout(cnp.ndarray base):
    """Return the axes of an array from the slowest to the fastest in memory, None where that is C order."""
    cdef unsigned long long done = 0
    cdef int k
    cdef list order = []
    if cnp.PyArray_CHKFLAGS(base, cnp.NPY_ARRAY_C_CONTIGUOUS):
        return None
    for k in range(cnp.PyArray_NDIM(base)):
        if cnp.PyArray_DIM(base, k) < 2:
            order.append(k)
            done |= 1ULL << k
    k = next_axis(base, done)
    found = []
    while k >= 0:
        found.append(k)
        done |= 1ULL << k
        k = next_axis(base, done)
    found = order + found[::-1]
    return None if found[len(order):] == sorted(found[len(order):]) else tuple(found)


cdef double *element(cnp.ndarray held, object index) except? NULL:
    """Return the address of one element, NULL for an index that is no full set of Python's integers."""
    cdef int ndim = cnp.PyArray_NDIM(held)
    cdef char *at = <char *> cnp.PyArray_DATA(held)
    cdef Py_ssize_t i, n
    cdef int k
    if type(index) is int:
        if ndim != 1:
            return NULL
        index = (index,)
    elif type(index) is not tuple or PyTuple_GET_SIZE(index) != ndim or ndim == 0:
        return NULL
    for k in range(ndim):
        entry = <object> PyTuple_GET_ITEM(index, k)
        if type(entry) is not int:
            return NULL
        i = entry
        n = cnp.PyArray_DIM(held, k)
        if i < 0:
            i += n
        if not 0 <= i < n:
            raise IndexError(f"index {entry} is out of bounds for axis {k} with size {n}")
        at += i * cnp.PyArray_STRIDE(held, k)
    return <double *> at
