"""The duck array: operators, protocols and indexing, once for every engine."""

cdef enum Operator:
    ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, FLOOR_DIVIDE, REMAINDER, NEGATIVE, POSITIVE, ABSOLUTE

cdef list ROWS
cdef list FUNCTIONS

cdef class DuckArray:
    cdef readonly long long level
    cdef bint discrete             # a recorded condition or whole number
    cdef object operate(self, int op, object left, object right)
    cdef object elementwise(self, object row, object function, tuple inputs)

cdef bint is_operand(object x) except -1
cdef object compare(DuckArray x, object other, int op)
cdef void no_sequence(type kind)
