"""The operations of a group, made fewer, and as the machine takes them."""

cdef enum:
    MOST = 8           # operands of an operation, as in parts.h

cdef struct Member:
    int key
    int op
    int function
    int count
    int operands[MOST]
    bint late          # a derivative, in which the sign of a zero does not matter

cdef class Group:
    cdef tuple shape
    cdef Member *members
    cdef int n
    cdef int room
    cdef int keys      # all keys are below it
    cdef list loads
    cdef list stores
    cdef list sinks
    cdef Member *member(self, int key, int op, int function, bint late) except NULL
    cdef int operand(self, int x) except -1
    cdef tuple negative_of(self, int x, dict uniform)

cdef Group group_of(tuple shape)
cdef int paired(Group made) except -1
cdef int signed(Group made, object negated) except -1
cdef tuple written(Group made)
