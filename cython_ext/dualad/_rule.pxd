"""Elementwise rows, numbered."""

from dualad._kernel cimport Loops

cdef class Rule:
    cdef readonly object row
    cdef readonly int code
    cdef readonly int arguments
    cdef readonly int outputs
    cdef readonly Loops loops
    cdef unsigned long long allowed        # bit m: derivatives in the arguments of mask m are known to be written
    cdef unsigned int needs[16]
    cdef readonly unsigned int needed      # bit i: argument i stands in a partial; bit 31: the value does
    cdef dict kernels
    cdef object kernel(self, unsigned int active, unsigned int whole)
    cdef unsigned int need(self, unsigned int active) except? 0

cdef list RULES
cdef Rule rule_of(object row)
