"""How the value of a general node lies in memory."""

cdef class Value:
    cdef readonly tuple shape
    cdef readonly str kind
    cdef readonly int root
    cdef readonly Py_ssize_t offset
    cdef public tuple strides
    cdef readonly object dtype
    cdef readonly Py_ssize_t size
    cdef Py_ssize_t width(self)
    cdef bint dense(self)
    cdef Value seen_by(self, list path)

cdef Value lying(tuple shape, str kind, int root, Py_ssize_t offset, tuple strides, object dtype)
cpdef Value own_of(Value before, int number)
cdef Py_ssize_t product(tuple shape)
cpdef tuple strides_of(tuple shape, tuple order, Py_ssize_t itemsize)
