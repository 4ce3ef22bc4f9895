"""Which memory the arrays of a program lie in, and what is computed together."""

from dualad._lower cimport Graph
from dualad._nodes cimport Node, Nodes
from dualad._values cimport Value

cdef class Placing(Nodes):
    cdef readonly Graph graph
    cdef readonly int stages
    cdef readonly Py_ssize_t top
    cdef readonly object home, stable
    cdef readonly dict external, objects, at
    cdef readonly set numbers, joined, kept_in_place, done
    cdef list members
    cdef dict room, last_in, sinks, direct, joins, totals, readers, writers, last, born, reads, chain, root
    cdef set needed, scalars_touch
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
    cdef Py_ssize_t last_of(self, int root) except -2
    cdef bint is_temporary(self, int number) except -1
    cdef int overwrites(self, int number, Py_ssize_t k) except -2
    cdef tuple place(self, Value value)
