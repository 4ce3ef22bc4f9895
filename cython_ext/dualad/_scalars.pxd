"""The places and the instructions of numbers."""

from dualad._lower cimport Graph

cdef class Code:
    cdef int *words
    cdef Py_ssize_t n
    cdef Py_ssize_t room
    cdef Py_ssize_t moved          # where the last move ended
    cdef int put(self, int word) except -1
    cdef int put4(self, int op, int target, int a, int b) except -1
    cdef int move(self, int target, int source) except -1

cdef struct Recent:
    long long bits
    int place          # and one more

cdef class Scalars:
    cdef readonly Graph graph
    cdef readonly Code code
    cdef readonly object functions          # [(ufunc, loop)]
    cdef dict function_of
    cdef dict constants
    cdef int[::1] place
    cdef int[::1] last
    cdef int[::1] inlined                   # of a sum: the product that it takes in; of a product: -2
    cdef int[::1] chained                   # of a sum: the sum that it goes on with; TAKEN of that
    cdef Code idle                          # places that were given back
    cdef Recent[64] recent                  # of constants that were asked for lately
    cdef readonly int top
    cdef readonly dict image
    cdef dict calls                         # by the number of a row: that of its loop
    cpdef int new_place(self) except -1
    cpdef int constant(self, double x) except -1
    cpdef int at(self, int node) except -1
    cdef bint may_join(self, int one, int node, int[::1] uses) noexcept
    cdef void use(self, int node, int k) noexcept
    cdef int release(self, int node, int k) except -1
    cdef int source(self, int node, double at) except -1
    cdef int write(self, int node, int k) except -1
    cdef int write_sum(self, int node, int k) except -1
    cdef int element(self, long long[::1] home, int array, double at) except -1
