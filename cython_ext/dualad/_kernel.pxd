"""The formulas of one row as a small machine over blocks of doubles."""

cdef enum:
    BLOCK = 512        # doubles a block: a few blocks fit the first-level cache
    MOST = 8           # sources or targets of one instruction, and arguments of a row

ctypedef void (*Loop)(char **, Py_ssize_t *, Py_ssize_t *, void *) noexcept nogil

cdef struct Step:
    int opcode
    int sources
    int targets
    int source[MOST]
    int target[MOST]
    char source_kind[MOST]
    char target_kind[MOST]
    Loop loop
    void *data

cdef struct Lanes:
    # Tangents of one operand: lane j of element i is at[j*lane + i*element].
    double *at
    Py_ssize_t lane
    Py_ssize_t element

cdef class Kernel:
    cdef readonly object code
    cdef Step *steps
    cdef int nsteps
    cdef int arguments
    cdef int values
    cdef int slots
    cdef int nconstants
    cdef double *constants
    cdef int nresults
    cdef int *result
    cdef char *kind
    cdef unsigned char *used
    cdef void run(self, Py_ssize_t n, double **slot) noexcept nogil
    cdef int forward(self, Py_ssize_t n, int active, double **x, char *x_scalar, double **v, int k1, int k2,
                     Py_ssize_t lanes, Lanes *t, double **out) except -1 nogil

cdef class Loops:
    cdef readonly object ufunc
    cdef Step step
    cdef bint found

cdef Loops loops_of(object ufunc, int nin)
cdef double call_scalar(Loops loops, double *x) noexcept nogil
