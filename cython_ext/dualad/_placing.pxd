"""Which memory the arrays of a program lie in, and what is computed together."""

from dualad._lower cimport Graph
from dualad._nodes cimport Node, Nodes
from dualad._values cimport Value

cdef struct Spot:
    Py_ssize_t last               # use of a value, -1 for none
    Py_ssize_t last_in            # use of the memory of a root by later versions, -1 for none
    Py_ssize_t born               # when it is computed; UNBORN
    Py_ssize_t room               # bytes of its memory
    Py_ssize_t offset             # of its memory, in bytes
    int base                      # that this counts from, -1 where it has no memory
    int root                      # the version in whose memory it lies, -1 for none
    int writers                   # of new versions of it
    int reader                    # the last of its readers, and one more
    bint needed                   # an elementwise node that is used outside its group
    bint done                     # a sum or a write that a group takes
    bint kept                     # a version in the memory of the one before

cdef class Placing(Nodes):
    cdef readonly Graph graph
    cdef readonly int stages
    cdef readonly Py_ssize_t top
    cdef readonly object home, stable
    cdef readonly dict external, objects
    cdef readonly set numbers, joined
    cdef Spot *spots              # of all nodes
    cdef Py_ssize_t count
    cdef list fused, direct       # nodes in the order of their stages
    cdef Py_ssize_t fused_at, direct_at
    cdef list reader, reader_before, reader_value
    cdef list next_of(self, list nodes, Py_ssize_t *at, int stage)
    cdef dict sinks, joins, totals, reads, chain
    cdef set scalars_touch
    cdef Py_ssize_t[::1] starts
    cdef int uses(self, Py_ssize_t k, int number, int op) except -1
    cdef Py_ssize_t join(self, int number, Node node) except -1
    cdef bint sums(self, int number, Node node, int stage) except -1
    cdef bint is_fused(self, int number) except -1
    cdef int write_uses(self, Py_ssize_t k, int number, Node node) except -1
    cdef bint is_direct(self, Node node, int stage) except -1
    cdef bint in_group(self, int number, int user) except -1
    cdef int note_birth(self, int number, Py_ssize_t k) except -1
    cdef int use(self, int number, Py_ssize_t k, bint outside, int user=*) except -1
    cdef int place_all(self, int[::1] general) except -1
    cdef int move_out(self, int number, int root) except -1
    cdef Py_ssize_t last_of(self, int root) noexcept
    cdef bint is_temporary(self, int number) except -1
    cdef int overwrites(self, int number, Py_ssize_t k) except -2
    cdef tuple place(self, Value value)
