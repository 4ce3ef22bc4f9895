"""The passes over the nodes of a tape that are to become a program."""

from dualad._tape cimport Tape

# The numbers of some rows on a tape; known as soon as there is a graph.
cdef int CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER, CODE_SCALE

cdef struct Key:
    int op
    int a
    int b
    double at

cdef struct Slot:
    int node       # and one more: 0 where there is none
    unsigned int tag

cdef class Graph:
    cdef readonly Tape tape
    cdef readonly int n
    cdef readonly object same_array, fixed_array, value_array, alive_array, stage_array, final_array, head_array
    cdef int[::1] same
    cdef unsigned char[::1] fixed
    cdef double[::1] value
    cdef unsigned char[::1] alive
    cdef int[::1] stage
    cdef int[::1] final
    cdef int[::1] head
    cdef object general
    cdef Key *keys                # of nodes that are the first with their operation
    cdef Slot *slots
    cdef Py_ssize_t mask
    cdef int find_same(self, set variable) except -1
    cdef int walk(self, set variable) except -1
    cdef int simple(self, int op, int a, int b, double at, int node) except -2
    cdef int first(self, int op, int a, int b, double at, int node) noexcept
    cdef double fixed_number(self, int node, double at) noexcept
    cdef void need(self, int node) noexcept
    cdef tuple operands(self, int node)
    cdef int verify_use(self, int node, int k, bint staged) except -1
