"""Dual and hyper-dual arrays: a value with many tangents."""

from dualad._duck cimport DuckArray

cdef enum:
    INLINE = 6         # lanes that a scalar keeps inside itself

cdef class Forward(DuckArray):
    # Lanes are the tangents: k1 of them, or for a hyper-dual number k1, then k2, then k1*k2 of second order.
    cdef readonly Py_ssize_t lanes
    cdef readonly int k1
    cdef readonly int k2
    cdef bint scalar
    cdef double v
    cdef double *t
    cdef double inside[INLINE]
    cdef object held
    cdef object parts_
    cdef object slow_primal(self)

cdef class Dual(Forward):
    pass

cdef class DualScalar(Dual):
    pass

cdef class HyperDual(Forward):
    pass

cdef class HyperDualScalar(HyperDual):
    pass
