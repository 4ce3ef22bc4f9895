"""``scale(d, g)``: a tangent or cotangent ``g`` times a partial ``d``, where nothing times infinity is nothing."""

cimport numpy as cnp

cnp.import_array()
cnp.import_ufunc()


cdef extern from "loops.h" nogil:
    void scale_each(Py_ssize_t n, double *y, const double *a, const double *b)
    void scale_by(Py_ssize_t n, double *y, const double *a, double s)


cdef inline bint apart(char *one, char *other, cnp.npy_intp n) noexcept nogil:
    return one + 8 * n <= other or other + 8 * n <= one


cdef void doubles(char **args, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil:
    cdef cnp.npy_intp i
    cdef double d, g
    if steps[2] == 8 and (steps[0] == 8 or steps[0] == 0) and (steps[1] == 8 or steps[1] == 0):
        if apart(args[0], args[2], n[0]) and apart(args[1], args[2], n[0]):
            if steps[0] == 8 and steps[1] == 8:
                scale_each(n[0], <double *> args[2], <double *> args[0], <double *> args[1])
            elif steps[0] == 8:
                scale_by(n[0], <double *> args[2], <double *> args[0], (<double *> args[1])[0])
            elif steps[1] == 8:
                scale_by(n[0], <double *> args[2], <double *> args[1], (<double *> args[0])[0])
            else:
                for i in range(n[0]):
                    d, g = (<double *> args[0])[0], (<double *> args[1])[0]
                    (<double *> args[2])[i] = d * g if d != 0 and g != 0 else 0
            return
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
