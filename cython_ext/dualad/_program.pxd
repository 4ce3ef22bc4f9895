"""A compiled tape that runs."""

from cpython.ref cimport PyObject

from dualad._loaded cimport Loaded

cdef class Workspace:
    cdef object memory
    cdef double *v
    cdef double *scratch
    cdef char **base
    cdef list objects
    cdef list held                # arrays whose memory the bases show during a run
    cdef dict views

cdef class Program(Loaded):
    cdef readonly int failed
    cdef Workspace spare          # the workspace of the last run, and those of runs at the same time
    cdef list pool
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
