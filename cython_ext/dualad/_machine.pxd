"""The opcodes of the machine, as parts.h numbers them."""

cdef extern from "parts.h" nogil:
    enum:
        OP_ADD
        OP_SUBTRACT
        OP_MULTIPLY
        OP_DIVIDE
        OP_NEGATIVE
        OP_LESS
        OP_NOT
        OP_WHERE
        OP_SCALE
        OP_SQUARE
        OP_POWER
        OP_MOVE
        OP_ISNAN
        OP_ISFINITE
        OP_ISINF
        OP_XOR
        OP_POW_2
        OP_CALL
        OP_MULTIPLY_ADD
        OP_MULTIPLY_SUBTRACT
        OP_SUBTRACT_MULTIPLY
        OP_SCALE_ADD
        OP_SUM
        OP_COPY
        OP_GUARD
        OP_GUARD_WHOLE
        OP_GROUP
        OP_REDUCE
        OP_CALLBACK
        OP_END
