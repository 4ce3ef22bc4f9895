"""Memory for large arrays of lanes, kept for the next one."""

cimport numpy as cnp

cdef cnp.ndarray empty(int ndim, cnp.npy_intp *dims)
cdef bint unshared(cnp.ndarray x)
