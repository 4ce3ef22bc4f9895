"""Elementwise operations of one shape and stage as one group that runs block by block."""

from dualad._nodes cimport Node
from dualad._pairs cimport Group
from dualad._placing cimport Placing
from dualad._values cimport Value

cdef class Grouping(Placing):
    cdef readonly list groups, functions, bytes
    cdef readonly dict constant_at
    cdef readonly Py_ssize_t constant_size, scratch
    cdef public double work
    cdef public int exact
    cdef dict number_at, array_at, alike_at
    cdef dict listed
    cdef list temporaries
    cdef dict uniform             # of constants that are one number: by their offset
    cdef int[::1] key_of          # of the nodes of the group that is written: their places in it, else -1
    cdef int fuse(self, object scalars, tuple shape, list numbers, dict into) except -1
    cdef int deliver(self, object scalars, Group made, int key, int number, int user) except -1
    cdef int emit(self, object scalars, Group made) except -1
    cdef bint as_numbers(self, object scalars, Group made) except -1
    cdef bint are_numbers(self, Group made, Py_ssize_t size) except -1
    cdef list elements_of(self, object scalars, tuple load, tuple shape)
    cdef int temporary(self, object scalars) except -1
    cdef bint copy_few(self, object scalars, tuple source, tuple target, tuple shape) except -1
    cdef tuple spec(self, Value value, tuple shape)
    cdef tuple read(self, object scalars, object x, tuple shape)
    cdef tuple constant_array(self, object x)
    cdef tuple constant_view(self, object x)
    cdef tuple constant_number(self, double x)
    cdef tuple stored(self, object key, tuple shape, tuple strides, object numbers)
