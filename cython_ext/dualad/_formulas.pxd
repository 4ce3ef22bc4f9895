"""Formulas of partials written on a tape as scalar nodes."""

from dualad._tape cimport Tape

cdef enum:
    NUMBER = -1            # a constant
    NOTHING = -2           # zero, for which nothing is written
    OTHER = -3             # no scalar node and no number: kept as a Python object

cdef enum:
    MOST = 128             # parts of a formula; one of more is left to Python

cdef struct Value:
    int node               # a node of the tape, or one of the above
    double number          # of a constant

cdef struct Part:
    int kind
    int code               # the operator, or which symbol, or which comparison
    int args[3]
    unsigned int symbols   # those in it: bit i for argument i, the bit behind them for the value
    double number

cdef class Formula:
    cdef Part *parts
    cdef int n             # 0: the partial is zero; -1: Python must write it
    cdef int exponent      # the argument that may be settled when it is a number, or -1

cdef class Lines:
    cdef Tape tape
    cdef Formula formula
    cdef Value bound[3]
    cdef unsigned int varying
    cdef char known[MOST]
    cdef Value found[MOST]
    cdef bint partial(self, int node, int i, Value *out) except -1
    cdef int value(self, int k, Value *out) except -1
    cdef int choose(self, Part *part, Value *out) except -1

cdef Formula formula_at(int code, int i, int way)
cdef int product(Tape tape, Value partial, Value g, Value *out) except -1
cdef int total(Tape tape, Value left, Value right, Value *out) except -1
cdef Value value_of(Tape tape, object x)
cdef object object_of(Tape tape, Value x)
cdef char *dependent(Tape tape, inputs, Py_ssize_t end) except NULL
cdef int keep_needed(Tape tape, outputs, char *varied, Py_ssize_t end) except -1
