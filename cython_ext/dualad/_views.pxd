"""Views of arrays: the steps that make them, and where their elements lie."""

cimport numpy as cnp

cdef class Pick:
    cdef readonly object index
    cdef readonly int axes
    cdef tuple entries, word
    cdef object key(self)

cpdef bint is_basic(object index) except -1
cdef bint is_dense(cnp.ndarray base) except -1
cdef object layout(cnp.ndarray base)
cdef double *element(cnp.ndarray held, object index) except? NULL
