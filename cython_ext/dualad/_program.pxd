"""A compiled tape: what it is made of, and one run of it."""

from cpython.ref cimport PyObject

ctypedef void (*Inner)(char **, Py_ssize_t *, Py_ssize_t *, void *) noexcept nogil

cdef extern from "parts.h" nogil:
    ctypedef struct Function:
        Inner loop
        void *data
        int sources
        int plain
        int tied
    ctypedef struct Operand:
        int base
        int kind
        Py_ssize_t offset
        Py_ssize_t stride[8]
        int shape_of_access
        int slot
    ctypedef struct BlockStep:
        int op
        int target
        int function
        int sources
        int source[8]
        Py_ssize_t stride[8]
    ctypedef struct Sink:
        int slot
        int base
        Py_ssize_t offset
        Py_ssize_t length
        Py_ssize_t inner
    ctypedef struct Group:
        int axes
        Py_ssize_t shape[8]
        Py_ssize_t size
        int slots
        int loads
        int stores
        int steps
        int sinks
        int totals
        Py_ssize_t block
        Operand *load
        Operand *store
        BlockStep *step
        Sink *sink
    ctypedef struct Place:
        int base
        Py_ssize_t offset
        Py_ssize_t stride[8]
    ctypedef struct Whole:
        int way
        int function
        int operands
        int copies
        double first
        Py_ssize_t outer
        Py_ssize_t length
        Py_ssize_t inner
        Py_ssize_t whole
        int axes
        Py_ssize_t shape[8]
        Py_ssize_t dimension[6]
        Py_ssize_t step[12]
        int dimensions
        int steps
        Place place[4]

cdef class Workspace:
    cdef object memory
    cdef double *v
    cdef double *scratch
    cdef char **base
    cdef list objects
    cdef list held                # arrays whose memory the bases show during a run
    cdef dict views

cdef class Program:
    cdef readonly object parts
    cdef readonly int failed
    cdef object code_bytes
    cdef object constants
    cdef int *code
    cdef Py_ssize_t length
    cdef Function *functions
    cdef Group *groups
    cdef Whole *wholes
    cdef int nfunctions, ngroups, nwholes, nbases
    cdef Py_ssize_t doubles, scratch
    cdef bint light               # too little work to give the GIL away
    cdef int ninputs
    cdef int *input_kind
    cdef Py_ssize_t *input_at
    cdef Py_ssize_t *input_bytes
    cdef int nlive
    cdef list live
    cdef tuple outputs
    cdef list likes
    cdef int noutputs
    cdef int *output_kind
    cdef Py_ssize_t *output_at
    cdef Py_ssize_t *output_bytes
    cdef list callbacks
    cdef Workspace spare          # the workspace of the last run, and those of runs at the same time
    cdef list pool
    cdef int verify(self, Py_ssize_t groups, Py_ssize_t wholes, Py_ssize_t callbacks) except -1
    cdef Workspace workspace(self)
    cdef const int *go(self, const int *p, Workspace w, int *state) noexcept nogil
    cdef int execute(self, Workspace w) except -2
    cdef int call_back(self, Workspace w, int number) except -2
    cdef int take_live(self, Workspace w) except -1
    cdef int take_one(self, Workspace w, Py_ssize_t i, object given) except -1
    cdef void row_by_row(self, Workspace w, Py_ssize_t n, char **data, Py_ssize_t *width,
                         unsigned char *failed) noexcept nogil
    cdef int points(self, Workspace w, Py_ssize_t n, char **data, Py_ssize_t *width, unsigned char *failed) except -1
    cdef int give_back(self, Workspace w) except -1
    cdef int take(self, Workspace w, PyObject **arrays, PyObject **outs) except -1
    cdef object fresh(self, Py_ssize_t i)
    cdef object result(self, Workspace w, Py_ssize_t i, object out)
    cdef bint run_at(self, PyObject **arrays, PyObject **outs, PyObject **results) except -1
