"""How the value of a general node lies in memory."""

cimport cython
cimport numpy as cnp

import numpy as np

cnp.import_array()

KINDS = {np.dtype(float): "d", np.dtype(bool): "?", np.dtype(np.int64): "l"}


cdef Py_ssize_t product(tuple shape):
    """Return the number of elements."""
    cdef Py_ssize_t size = 1
    for n in shape:
        size *= <Py_ssize_t> n
    return size


cpdef tuple strides_of(tuple shape, tuple order, Py_ssize_t itemsize):
    """Return the strides of an array without gaps whose axes lie in an order from the slowest to the fastest."""
    cdef int axis, k, n = len(shape)
    cdef Py_ssize_t step = itemsize
    cdef list strides = [0] * n
    for k in range(n - 1, -1, -1):
        axis = k if order is None else <int> order[k]
        strides[axis] = step
        step *= <Py_ssize_t> shape[axis]
    return tuple(strides)


@cython.no_gc     # nothing that it refers to leads back: the garbage collector need not look at thousands of them
cdef class Value:
    """How the numbers of an array node lie: in the memory of ``root``, from a byte offset, with strides in bytes.

    ``kind`` is "d", "?" or "l", or "" for what is kept as a Python object.
    """

    def __init__(self, tuple shape, str kind, int root, Py_ssize_t offset=0, tuple strides=(), dtype=None):
        self.shape, self.kind, self.root, self.offset = shape, kind, root, offset
        self.strides, self.dtype = strides, dtype
        self.size = product(shape)

    cdef Py_ssize_t width(self):
        return 1 if self.kind == "?" else 8

    @property
    def itemsize(self):
        """Bytes of an element."""
        return self.width()

    @property
    def nbytes(self):
        """Bytes of all elements."""
        return self.size * self.width()

    cdef bint dense(self):
        cdef Py_ssize_t step = 8, n
        cdef int k
        if self.kind != "d" or len(self.strides) != len(self.shape):
            return False
        for k in range(len(self.shape) - 1, -1, -1):
            n = self.shape[k]
            if n != 1 and <Py_ssize_t> self.strides[k] != step:
                return False
            step *= n
        return True

    def along(self, tuple order):
        """Return the value with its axes in another order."""
        shape, strides = tuple([self.shape[axis] for axis in order]), tuple([self.strides[axis] for axis in order])
        return lying(shape, self.kind, self.root, self.offset, strides, self.dtype)

    @property
    def is_dense(self):
        """Whether elements lie in C order without gaps."""
        return self.dense()

    cdef Value seen_by(self, list path):
        """Return how a view of a value lies, None where the path makes no view of its memory."""
        cdef cnp.npy_intp dims[64]
        cdef cnp.npy_intp steps[64]
        cdef cnp.npy_intp room
        cdef Py_ssize_t n, span = 0, before = 0
        cdef int k, ndim = len(self.shape)
        cdef char *start
        cdef char *at
        cdef cnp.ndarray memory, base, view
        if len(self.strides) != ndim or ndim > 64:
            raise ValueError("an array without strides")
        if not self.size:
            return alias_of_nothing(self, path)
        for k in range(ndim):
            n, dims[k], steps[k] = self.shape[k], self.shape[k], self.strides[k]
            span += abs(steps[k]) * (n - 1)
            before -= min(steps[k], 0) * (n - 1)
        room = span + 8
        memory = cnp.PyArray_EMPTY(1, &room, cnp.NPY_UINT8, 0)
        start = <char *> cnp.PyArray_DATA(memory) + before
        base = cnp.PyArray_New(cnp.ndarray, ndim, dims, type_of(self.kind), steps, start, 0, cnp.NPY_ARRAY_WRITEABLE,
                               None)
        cnp.set_array_base(base, memory)
        found = base
        for step in path:
            found = step(found)
        if not isinstance(found, np.ndarray):
            return None
        view = <cnp.ndarray> found
        at = <char *> cnp.PyArray_DATA(view)
        if cnp.PyArray_TYPE(view) != cnp.PyArray_TYPE(base):
            return None
        if cnp.PyArray_SIZE(view) and not start - before <= at < start - before + room:
            return None
        if not cnp.PyArray_SIZE(view):
            at = start
        return lying(
            tuple([dim for dim in view.shape[:view.ndim]]), self.kind, self.root, self.offset + (at - start),
            tuple([stride for stride in view.strides[:view.ndim]]), self.dtype,
        )


cdef Value lying(tuple shape, str kind, int root, Py_ssize_t offset, tuple strides, object dtype):
    cdef Value made = Value.__new__(Value)
    made.shape, made.kind, made.root, made.offset = shape, kind, root, offset
    made.strides, made.dtype = strides, dtype
    made.size = product(shape)
    return made


cpdef Value own_of(Value before, int number):
    """Return how a new version of an array lies."""
    if before is None:
        raise ValueError("an element was written to a constant")
    if not before.kind:
        return lying(before.shape, "", number, 0, (), before.dtype)
    falling = [-<Py_ssize_t> stride for stride in before.strides]
    order = tuple(sorted(range(len(falling)), key=falling.__getitem__)) if len(falling) > 1 else None
    return lying(before.shape, before.kind, number, 0, strides_of(before.shape, order, before.width()), before.dtype)


cdef int type_of(str kind) noexcept:
    return cnp.NPY_DOUBLE if kind == "d" else cnp.NPY_BOOL if kind == "?" else cnp.NPY_INT64


cdef Value alias_of_nothing(Value like, list path):
    """Return how a view of an array without elements lies: nowhere, in some shape."""
    found = np.empty(like.shape, like.kind)
    for step in path:
        found = step(found)
    if not isinstance(found, np.ndarray) or found.dtype != np.dtype(like.kind) or found.size:
        return None
    return lying(found.shape, like.kind, like.root, like.offset, (0,) * found.ndim, like.dtype)
