"""The general nodes of a tape as a program sees them."""

from dualad._lower cimport Graph
from dualad._record cimport Record
from dualad._tape cimport Tape
from dualad._values cimport Value

cdef class _NODE:
    cdef readonly int number

cdef class Node:
    cdef readonly str way
    cdef readonly tuple operands
    cdef readonly Value value
    cdef readonly int op
    cdef readonly object function, args, kwargs, record
    cdef readonly str name
    cdef readonly bint fused

cdef class Nodes:
    cdef readonly Tape tape
    cdef readonly set inputs
    cdef readonly list found
    cdef readonly dict folded
    cdef dict equal, equal_calls, picks, versions, aliases
    cdef object key_of_view(self, Record record, int base)
    cdef Value alias(self, Value like, list path)
    cdef bint fold(self, int node, Record record, tuple operands) except -1
    cdef Value value_of(self, Graph graph, int number)
    cdef Value written(self, Graph graph, int number)
    cdef Node node_of(self, Graph graph, int number)
    cdef Node described(self, int number)
    cdef Node describe(self, Graph graph, int number)
    cdef Node elementwise(self, Graph graph, Record record, Value own)
    cdef Node view(self, Graph graph, int number, Record record)
    cdef bint can_fuse(self, Graph graph, int number, Node user) except -1
    cdef bint may_wait(self, Graph graph, int number, Node node, set written) except -1
    cdef object operand_of(self, Graph graph, int k, object primal)
    cdef int version_before(self, Graph graph, int number) noexcept
    cdef Value own_value(self, Record record, int number)
    cdef list marked(self, Graph graph, tuple operands, tuple primals)
    cdef str numbers_of(self, Graph graph, object x)
    cdef Node write_of(self, Graph graph, int number, Record record)
    cdef Value held(self, int base, int number)
    cpdef object constant(self, int number)
