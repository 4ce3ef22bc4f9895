"""The duck array: operators, protocols and indexing, once for every engine."""

cdef enum Operator:
    ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, FLOOR_DIVIDE, REMAINDER, NEGATIVE, POSITIVE, ABSOLUTE, OPERATORS

cdef object ROWS
cdef object FUNCTIONS

cdef class DuckArray:
    cdef readonly long long level
    cdef object operate(self, int op, object left, object right)
    cdef object elementwise(self, object row, object function, tuple inputs)

cdef void no_sequence(type kind)
cdef void as_sequence(type kind)
