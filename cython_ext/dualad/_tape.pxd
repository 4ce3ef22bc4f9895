"""The tape, and the recorded arrays that write it."""

cimport numpy as cnp

from dualad._columns cimport Columns
from dualad._duck cimport DuckArray
from dualad._record cimport Cell, Record

cdef class Tape(Columns):
    cdef readonly long long level
    cdef readonly list guards
    cdef public list inputs
    cdef public object outputs
    cdef readonly bint boxed
    cdef readonly bint lean
    cdef readonly set late
    cdef set overwritten
    cdef readonly set odd
    cdef dict sealed
    cdef readonly dict plans      # of linear rows that were called, by the call
    cdef Py_ssize_t searched
    cdef public object live
    cdef readonly list captured
    cdef dict places
    cdef int rely_on(self, int node, int i, object outcome) except -1
    cdef object general(self, Record record, object value, bint needed)
    cdef int mark_late(self, int node) except -1
    cdef int capture(self, cnp.ndarray x) except -2

cdef class Recorded(DuckArray):
    cdef Tape tape
    cdef int place
    cdef char kind                # c"f": floating point; else the kind of a discrete value
    cdef Cell cell
    cdef tuple path
    cdef tuple source
    cdef object held
    cdef long long version
    cdef long long copy
    cdef object primal(self)
    cdef int node(self) except -2
    cdef int put(self, Py_ssize_t place, int source, double v) except -1

cdef class RecordedScalar(Recorded):
    pass
