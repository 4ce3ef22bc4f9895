"""Partials of nodes: of scalar operations one by one, of elementwise array operations block by block."""

cimport numpy as cnp
from dualad._kernel cimport Kernel
from dualad._record cimport Record
from dualad._tape cimport Tape

cdef enum:
    FRESH = 0      # the answer is written
    MORE = 1       # the answer is `before` and the contribution
    SUM = 2        # the contributions of all elements are added to one number a lane
    SKIP = 3       # the operand has got its contribution already

cdef struct Target:
    double *out
    double *before
    char mode

cdef int CODE[16]

cdef int slopes(Tape tape, int node, double *slope) except -1
cdef double *numbers(object source, tuple shape, char *fixed, list keep) except NULL
cdef bint has_shape(object primal, tuple shape) except -1
cdef bint is_double(object primal) except -1
cdef int backward(Kernel kernel, Py_ssize_t n, int active, double **x, char *fixed, double *v, Py_ssize_t lanes,
                  double *g, bint uniform, Target *target) except -1 nogil
