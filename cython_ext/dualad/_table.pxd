"""The rows that C knows by themselves: their opcodes and partials, made from the operator table."""

cdef extern from "_table.h" nogil:
    enum:
        ROW_COUNT
    const char *const table_names[]
    const unsigned int table_digests[]
    int table_partials(int opcode, const double *x, double v, double *d) noexcept
    int table_second(int opcode, const double *x, double v, double *d) noexcept

cdef int opcode_of(object row) except -2
