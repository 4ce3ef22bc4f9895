"""``scale(d, g)``: a tangent or cotangent ``g`` times a partial ``d``, where nothing times infinity is nothing."""

cimport numpy as cnp

cnp.import_array()
cnp.import_ufunc()


cdef void doubles(char **args, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil:
    cdef cnp.npy_intp i
    cdef double d, g
    for i in range(n[0]):
        d = (<double *> (args[0] + i * steps[0]))[0]
        g = (<double *> (args[1] + i * steps[1]))[0]
        (<double *> (args[2] + i * steps[2]))[0] = d * g if d != 0 and g != 0 else 0


cdef void floats(char **args, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil:
    cdef cnp.npy_intp i
    cdef float d, g
    for i in range(n[0]):
        d = (<float *> (args[0] + i * steps[0]))[0]
        g = (<float *> (args[1] + i * steps[1]))[0]
        (<float *> (args[2] + i * steps[2]))[0] = d * g if d != 0 and g != 0 else 0


cdef cnp.PyUFuncGenericFunction loops[2]
cdef char types[6]
loops[0], loops[1] = floats, doubles
types[0] = types[1] = types[2] = cnp.NPY_FLOAT
types[3] = types[4] = types[5] = cnp.NPY_DOUBLE

scale = cnp.PyUFunc_FromFuncAndData(
    loops, NULL, types, 2, 2, 1, 0, "scale",
    "A tangent g times a partial d, where nothing times infinity is nothing.", 0
)
