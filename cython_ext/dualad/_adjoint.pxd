"""The walk back over a tape on which adjoints are written."""

from dualad._formulas cimport Lines, Value
from dualad._tape cimport Tape

cdef class Elements:
    cdef readonly Tape tape
    cdef readonly int node
    cdef readonly tuple lanes
    cdef public object whole
    cdef public object touched
    cdef public set dead
    cdef readonly dict parts           # what was added to views of it, by the steps that lead there
    cdef int *source               # 0: nothing; 1 + node; -1: the number at the same place
    cdef double *number
    cdef Py_ssize_t size
    cdef readonly Py_ssize_t count     # elements to which something was added
    cdef int room(self) except -1
    cdef int add_element(self, Py_ssize_t place, Value g) except -1
    cdef bint take_from_whole(self, Py_ssize_t place, Value *out) except -1
    cdef Value take_element(self, Py_ssize_t place) noexcept

cdef class Backward:
    cdef readonly Tape tape
    cdef readonly Py_ssize_t end
    cdef readonly tuple lanes      # the sizes of the leading axis of adjoints, if there is one
    cdef char *varied
    cdef Value *adjoint
    cdef Lines lines
    cdef list sums                 # of arrays, by slot: what was added to all of it, or an Elements
    cdef dict late                 # of late versions of arrays, by node
    cdef dict others               # adjoints of scalars that are no scalar nodes
    cdef Elements sum_of(self, int node)
    cdef int add_array(self, int node, object g) except -1
    cdef int add_any(self, int node, object g) except -1
    cdef object taken(self, int node)
    cdef int add_value(self, int node, Value g) except -1
    cdef int scalar(self, int node) except -1
    cdef int write(self, int node) except -1
