"""A compiled tape as the machine reads it."""

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

cdef enum:
    # how an input or output is handed over
    NUMBER = 0      # one double at a place of the workspace
    COPIED = 1      # an array copied to or from the workspace
    SHOWN = 2       # an array whose memory is a base
    OBJECT = 3      # an output that is a Python object
    FIXED = 4       # an output that does not vary

cdef void *room_for(Py_ssize_t count, size_t size) except NULL

cdef class Loaded:
    cdef readonly object parts
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
    cdef int verify(self, Py_ssize_t groups, Py_ssize_t wholes, Py_ssize_t callbacks) except -1
