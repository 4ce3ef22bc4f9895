"""Views of arrays: the steps that make them, and where their elements lie."""

cimport numpy as cnp

cdef class Pick:
    cdef readonly object index
    cdef readonly int axes
    cdef tuple entries

cdef bint is_basic(object index) except -1
cdef bint is_nested(cnp.ndarray base) except -1
cdef Py_ssize_t place_of(cnp.ndarray base, double *at) noexcept
cdef double *element(cnp.ndarray held, object index) except? NULL
