"""Partials, and partials times tangents or cotangents, written on a tape as operations on arrays."""

from dualad._formulas cimport Formula
from dualad._record cimport Record
from dualad._tape cimport Tape

cdef class Partial:
    cdef Tape tape
    cdef Record record
    cdef int node
    cdef Formula formula
    cdef unsigned int varying
    cdef list bound
    cdef list found
    cpdef object of(self, int i)
    cdef object symbol(self, int k)
    cdef object value(self, int k)
    cdef object choose(self, int condition, int yes, int no)

cdef tuple shape_of(object x)
cpdef object constant_of(object x)
cpdef object times(object partial, object g)
cpdef object plus(object left, object right)
cdef object back_to(object term, Py_ssize_t ndim, tuple shape)
cdef object grown(object t, Py_ssize_t ndim, Py_ssize_t to)
cdef object spread(object t, tuple shape)
