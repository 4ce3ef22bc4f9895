"""Dual and hyper-dual arrays: a value with many tangents."""

from dualad._duck cimport DuckArray

cdef enum:
    INLINE = 6         # lanes that a scalar keeps inside itself

cdef class Forward(DuckArray):
    # Lanes are the tangents: k1 of them, or for a hyper-dual number k1, then k2, then k1*k2 of second order.
    cdef readonly Py_ssize_t lanes
    cdef readonly int k1
    cdef readonly int k2
    cdef bint inside           # the value and the lanes are the doubles here, not the arrays below
    cdef double v
    cdef double *t
    cdef double room[INLINE]
    cdef object held
    cdef object parts
    cdef object bare(self)
    cdef int check_same(self, Forward other) except -1

cdef class Dual(Forward):
    pass

cdef class DualScalar(Dual):
    pass

cdef class HyperDual(Forward):
    pass

cdef class HyperDualScalar(HyperDual):
    pass

cdef Forward new_scalar(Forward like)
cdef Forward make_array(Forward like, object value, object parts)
cpdef make(Forward like, object value, object parts)
cdef object number(double v)

# What the room of elementwise rules hands over: it needs the classes above.
cdef struct Rules:
    object (*operate)(Forward self, int op, object left, object right)
    object (*elementwise)(Forward self, object row, object function, tuple inputs)

cdef Rules rules
