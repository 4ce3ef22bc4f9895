"""The operations of a group, made fewer, and as the machine takes them."""

cdef class Member:
    cdef int key
    cdef int op
    cdef int function
    cdef list operands

cdef Member member(int key, int op, int function, list operands)

cdef class Group:
    cdef tuple shape
    cdef list members
    cdef list loads
    cdef list stores
    cdef list sinks
    cdef tuple negative_of(self, int x, dict uniform)

cdef Group group_of(tuple shape)
cdef int paired(Group made) except -1
cdef int signed(Group made, object negated, int exact) except -1
cdef tuple written(Group made)
