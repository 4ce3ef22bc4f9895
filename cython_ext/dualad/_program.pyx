"""The machine: a program, which nobody changes, and workspaces, of which each run takes one.

What a program consists of is loaded and verified in ``_loaded``.
"""

cimport numpy as cnp
from cpython.ref cimport PyObject
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

import numpy as np

from dualad import errors
from dualad.duck.operands import put_back

from dualad._loaded cimport COPIED, FIXED, NUMBER, OBJECT, SHOWN, Function, Group, Whole, room_for
from dualad._machine cimport OP_CALLBACK, OP_END, OP_GROUP, OP_REDUCE
from dualad._views cimport is_dense as without_gaps

cnp.import_array()

cdef extern from "machine.h" nogil:
    enum:
        POINTS
    const int *run_points(const int *p, double *v, const Function *functions, unsigned char *failed) noexcept
    const int *run_scalars(const int *p, double *v, const Function *functions) noexcept
    void run_group(const Group *g, char **base, double *scratch, const Function *functions) noexcept
    int run_whole(const Whole *w, char **base, const Function *functions) noexcept

cdef extern from "numpy/arrayobject.h":
    object PyArray_Scalar(void *data, object dtype, object base)

cdef extern from "Python.h":
    void Py_INCREF(object x)
    void Py_XDECREF(PyObject *x)
    PyObject **PySequence_Fast_ITEMS(object sequence)

cdef object DOUBLE = np.dtype(float)


cdef inline void spread(double *v, char *at, Py_ssize_t width) noexcept nogil:
    """Put one number of each point side by side."""
    cdef int l
    for l in range(POINTS):
        v[l] = (<double *> (at + l * width))[0]


cdef inline void collect(char *at, double *v, Py_ssize_t width) noexcept nogil:
    """Put one number of each point in its row."""
    cdef int l
    for l in range(POINTS):
        (<double *> (at + l * width))[0] = v[l]


cdef class Workspace:
    """The numbers of one run."""

    def __dealloc__(self):
        free(self.base)


cdef bint is_solid(object given, Py_ssize_t nbytes) except -1:
    """Say whether something is an array without gaps, of so many bytes."""
    return (cnp.PyArray_Check(given) and cnp.PyArray_NBYTES(<cnp.ndarray> given) == nbytes
            and cnp.PyArray_ISALIGNED(<cnp.ndarray> given) and without_gaps(<cnp.ndarray> given))


cdef bint takes_doubles(object given, Py_ssize_t nbytes) noexcept:
    """Say whether so many bytes of doubles can be written to something, in C order."""
    return (cnp.PyArray_Check(given) and cnp.PyArray_ISCARRAY(<cnp.ndarray> given)
            and cnp.PyArray_TYPE(<cnp.ndarray> given) == cnp.NPY_DOUBLE
            and cnp.PyArray_NBYTES(<cnp.ndarray> given) == nbytes)


cdef object detached(object found):
    """Return a result that shows no memory of the workspace, which other numbers may take before it is used."""
    if type(found) is np.ndarray:
        return found if cnp.PyArray_CHKFLAGS(<cnp.ndarray> found, cnp.NPY_ARRAY_OWNDATA) else np.array(found, order="K")
    if type(found) is tuple or type(found) is list:
        return [detached(part) for part in found]
    return tuple([detached(part) for part in found]) if isinstance(found, tuple) else found


cdef class Program(Loaded):
    """A tape compiled for replay; see :func:`dualad.program.build.build`."""

    def __cinit__(self):
        self.pool = []

    def __reduce__(self):
        return Program, (self.parts,)

    @property
    def stats(self):
        """What the program consists of."""
        return dict(self.parts.stats)

    def __repr__(self):
        return f"<Program: {self.parts.stats}>"

    def __str__(self):
        return self.parts.listing()

    cdef Workspace workspace(self):
        """Take a workspace that is there, or make one."""
        cdef Workspace w = self.spare
        cdef Py_ssize_t skip
        if w is not None:
            self.spare = None
            return w
        if self.pool:
            return <Workspace> self.pool.pop()
        w = Workspace.__new__(Workspace)
        w.memory = np.zeros(self.doubles + self.scratch + 8)
        skip = (-<Py_ssize_t> cnp.PyArray_DATA(<cnp.ndarray> w.memory)) % 64
        w.v = <double *> (<char *> cnp.PyArray_DATA(<cnp.ndarray> w.memory) + skip)
        w.scratch = w.v + self.doubles
        w.base = <char **> room_for(self.nbases, sizeof(char *))
        w.base[0] = <char *> w.v
        w.base[1] = <char *> cnp.PyArray_DATA(<cnp.ndarray> self.constants)
        w.objects = [None] * self.parts.objects
        w.held = [None] * self.nbases
        w.held[0] = w.memory[skip // 8 : skip // 8 + self.doubles]
        w.held[1] = self.constants
        w.views = {}
        for at, numbers in self.parts.image:
            w.held[0][at : at + len(numbers)] = numbers
        return w

    cdef int give_back(self, Workspace w) except -1:
        """Leave a workspace for the next run, without what it held of this one."""
        cdef Py_ssize_t i
        for i in range(2, self.nbases):
            w.held[i] = None
        if self.spare is None:
            self.spare = w
        else:
            self.pool.append(w)
        return 0

    def run(self, arrays, out=None):
        """Return the results at new inputs, None where a guard failed."""
        cdef list given = list(arrays)
        cdef list outs = None if out is None else list(out)
        cdef PyObject **results
        cdef Py_ssize_t i
        if len(given) != self.ninputs or (outs is not None and len(outs) != self.noutputs):
            raise errors.WrongShape(errors.not_so_many(self.ninputs, self.noutputs))
        results = <PyObject **> room_for(self.noutputs, sizeof(PyObject *))
        try:
            if not self.run_at(PySequence_Fast_ITEMS(given), NULL if outs is None else PySequence_Fast_ITEMS(outs),
                               results):
                return None
            return [<object> results[i] for i in range(self.noutputs)]
        finally:
            for i in range(self.noutputs):
                Py_XDECREF(results[i])
            free(results)

    cdef bint run_at(self, PyObject **arrays, PyObject **outs, PyObject **results) except -1:
        """Run at inputs as :meth:`run` does; False where a guard failed.

        ``results`` come as NULL and leave as references that the caller has to give back, also after an error.
        """
        cdef Workspace w = self.workspace()
        cdef int state
        cdef Py_ssize_t i
        try:
            self.take(w, arrays, outs)
            state = self.execute(w)
            if state >= 0:
                self.failed = state
                return False
            for i in range(self.noutputs):
                found = self.result(w, i, None if outs == NULL else <object> outs[i])
                Py_INCREF(found)
                results[i] = <PyObject *> found
            return True
        finally:
            self.give_back(w)

    cdef int take(self, Workspace w, PyObject **arrays, PyObject **outs) except -1:
        """Put the inputs in their places, and let outputs be written where they will stay."""
        cdef Py_ssize_t i
        cdef cnp.ndarray array
        for i in range(self.ninputs):
            self.take_one(w, i, <object> arrays[i])
        self.take_live(w)
        for i in range(self.noutputs):
            if self.output_kind[i] == SHOWN:
                given = self.fresh(i) if outs == NULL else <object> outs[i]
                if not takes_doubles(given, self.output_bytes[i]):
                    raise errors.WrongShape(errors.not_as_recorded(i, self.output_bytes[i]))
                array = <cnp.ndarray> given
                w.base[self.output_at[i]] = <char *> cnp.PyArray_DATA(array)
                w.held[self.output_at[i]] = array
        return 0

    cdef int take_live(self, Workspace w) except -1:
        """Put the live arrays in their places."""
        cdef Py_ssize_t i
        for i in range(self.nlive):
            self.take_one(w, self.ninputs + i, self.live[i])
        return 0

    cdef int take_one(self, Workspace w, Py_ssize_t i, object given) except -1:
        """Put an input, or a live array, in its place."""
        cdef cnp.ndarray array
        if self.input_kind[i] == NUMBER:
            w.v[self.input_at[i]] = given
            return 0
        if self.input_kind[i] == OBJECT:
            w.objects[self.input_at[i]] = given
            return 0
        if self.input_kind[i] == COPIED and self.input_bytes[i] == 0:
            return 0  # nobody reads it
        if not is_solid(given, self.input_bytes[i]):
            raise errors.WrongShape(errors.not_as_recorded(i, self.input_bytes[i]))
        array = <cnp.ndarray> given
        if self.input_kind[i] == COPIED:
            memcpy(w.base[0] + self.input_at[i], cnp.PyArray_DATA(array), self.input_bytes[i])
        else:
            w.base[self.input_at[i]] = <char *> cnp.PyArray_DATA(array)
            w.held[self.input_at[i]] = array
        return 0

    cdef object fresh(self, Py_ssize_t i):
        """Return new memory for output number ``i``."""
        cdef cnp.ndarray like = <cnp.ndarray> self.likes[i]
        return cnp.PyArray_EMPTY(cnp.PyArray_NDIM(like), cnp.PyArray_DIMS(like), cnp.NPY_DOUBLE, 0)

    cdef object result(self, Workspace w, Py_ssize_t i, out):
        """Return output number ``i``."""
        cdef int kind = self.output_kind[i]
        cdef cnp.ndarray array
        if kind == SHOWN:
            return w.held[self.output_at[i]]
        if kind == NUMBER:
            if out is not None and takes_doubles(out, sizeof(double)):
                (<double *> cnp.PyArray_DATA(<cnp.ndarray> out))[0] = w.v[self.output_at[i]]
                return out
            found = PyArray_Scalar(&w.v[self.output_at[i]], DOUBLE, None)
        elif kind == COPIED and self.likes[i] is not None:
            found = self.fresh(i) if out is None else out
            if not takes_doubles(found, self.output_bytes[i]):
                raise errors.WrongShape(errors.not_as_recorded(i, self.output_bytes[i]))
            array = <cnp.ndarray> found
            memcpy(cnp.PyArray_DATA(array), w.base[0] + self.output_at[i], self.output_bytes[i])
            return array
        elif kind == COPIED:
            return self.outputs[i].copy(self.view(w, self.outputs[i].spec), out)
        else:
            found = w.objects[self.output_at[i]] if kind == OBJECT else self.outputs[i].value
        if out is None:
            # What is the program's own, or an input, is not handed out itself.
            return np.array(found, order="K") if type(found) is np.ndarray else found
        out[...] = found
        return out

    def view(self, Workspace w, spec):
        """Return the array that a specification ``(base, kind, offset, strides, shape)`` describes."""
        found = w.views.get(spec)
        if found is not None:
            return found
        base, kind, offset, strides, shape = spec
        if 0 in shape:
            return np.empty(shape, kind)
        memory = w.held[base]
        memory = memory if memory.flags.c_contiguous else np.ravel(memory, order="K")
        found = np.ndarray(shape, kind, memory, offset, strides)
        if base < 2:
            w.views[spec] = found
        return found

    @property
    def runs_rows(self):
        """Whether :meth:`rows` can run: nothing in Python is called or handed out."""
        if self.callbacks:
            return False
        return all([
            self.output_kind[i] in (NUMBER, SHOWN) or (self.output_kind[i] == COPIED and self.likes[i] is not None)
            for i in range(self.noutputs)
        ])

    def rows(self, arrays, outs):
        """Run at all rows of stacked inputs, and write stacked outputs; return an array that is 1 where a guard failed.

        All are arrays of doubles in C order; the GIL is free meanwhile.
        """
        if len(arrays) != self.ninputs or len(outs) != self.noutputs:
            raise errors.WrongShape(errors.not_so_many(self.ninputs, self.noutputs))
        cdef Workspace w = self.workspace()
        cdef Py_ssize_t n = len(arrays[0]) if self.ninputs else len(outs[0])
        cdef object failed = np.zeros(n, np.uint8)
        cdef unsigned char *flags = <unsigned char *> cnp.PyArray_DATA(<cnp.ndarray> failed)
        cdef char **data = <char **> room_for(2 * (self.ninputs + self.noutputs), sizeof(char *))
        cdef Py_ssize_t *width = <Py_ssize_t *> (data + self.ninputs + self.noutputs)
        cdef Py_ssize_t i, nbytes
        cdef cnp.ndarray array
        try:
            self.take_live(w)
            for i in range(self.ninputs + self.noutputs):
                given = arrays[i] if i < self.ninputs else outs[i - self.ninputs]
                nbytes = self.input_bytes[i] if i < self.ninputs else self.output_bytes[i - self.ninputs]
                if not self.runs_rows or (i < self.ninputs and self.input_kind[i] == OBJECT) or not (
                    nbytes == 0 and i < self.ninputs or is_solid(given, n * nbytes)
                ):
                    raise errors.WrongShape(errors.not_as_recorded(i, n * nbytes))
                array = <cnp.ndarray> given
                data[i] = <char *> cnp.PyArray_DATA(array)
                width[i] = cnp.PyArray_NBYTES(array) // max(n, 1)
            if self.ngroups == 0 and self.nwholes == 0 and self.nbases == 2 and n >= POINTS:
                self.points(w, n, data, width, flags)
            else:
                with nogil:
                    self.row_by_row(w, n, data, width, flags)
            return failed
        finally:
            free(data)
            self.give_back(w)

    cdef void row_by_row(self, Workspace w, Py_ssize_t n, char **data, Py_ssize_t *width,
                         unsigned char *failed) noexcept nogil:
        cdef Py_ssize_t row, i
        cdef char *at
        cdef int state
        for row in range(n):
            for i in range(self.ninputs):
                at = data[i] + row * width[i]
                if self.input_kind[i] == NUMBER:
                    w.v[self.input_at[i]] = (<double *> at)[0]
                elif self.input_kind[i] == COPIED:
                    memcpy(w.base[0] + self.input_at[i], at, self.input_bytes[i])
                else:
                    w.base[self.input_at[i]] = at
            for i in range(self.noutputs):
                if self.output_kind[i] == SHOWN:
                    w.base[self.output_at[i]] = data[self.ninputs + i] + row * width[self.ninputs + i]
            self.go(self.code, w, &state)
            if state >= 0:
                failed[row] = 1
                continue
            for i in range(self.noutputs):
                at = data[self.ninputs + i] + row * width[self.ninputs + i]
                if self.output_kind[i] == NUMBER:
                    (<double *> at)[0] = w.v[self.output_at[i]]
                elif self.output_kind[i] == COPIED:
                    memcpy(at, w.base[0] + self.output_at[i], width[self.ninputs + i])

    cdef int points(self, Workspace w, Py_ssize_t n, char **data, Py_ssize_t *width, unsigned char *failed) except -1:
        """Run a program of numbers alone at several points at a time; the last points overlap those before."""
        cdef Py_ssize_t first = 0, i, j, k
        cdef unsigned char flags[POINTS]
        cdef cnp.ndarray memory = np.repeat(w.held[0], POINTS)
        cdef double *v = <double *> cnp.PyArray_DATA(memory)
        with nogil:
            while first < n:
                if first + POINTS > n:
                    first = n - POINTS
                for i in range(self.ninputs):
                    k = self.input_at[i] if self.input_kind[i] == NUMBER else self.input_at[i] // 8
                    for j in range((8 if self.input_kind[i] == NUMBER else self.input_bytes[i]) // 8):
                        spread(v + POINTS * (k + j), data[i] + first * width[i] + 8 * j, width[i])
                memset(flags, 0, POINTS)
                run_points(self.code, v, self.functions, flags)
                memcpy(failed + first, flags, POINTS)
                for i in range(self.noutputs):
                    k = self.output_at[i] if self.output_kind[i] == NUMBER else self.output_at[i] // 8
                    for j in range(width[self.ninputs + i] // 8):
                        collect(data[self.ninputs + i] + first * width[self.ninputs + i] + 8 * j, v + POINTS * (k + j),
                                width[self.ninputs + i])
                first += POINTS
        return 0

    cdef int execute(self, Workspace w) except -2:
        """Run; return the number of the guard that failed, -1 where all held."""
        cdef const int *p = self.code
        cdef int state
        while True:
            if self.light:
                p = self.go(p, w, &state)
            else:
                with nogil:
                    p = self.go(p, w, &state)
            if p == NULL:
                return state
            state = self.call_back(w, p[1])
            if state >= 0:
                return state
            p += 2

    cdef const int *go(self, const int *p, Workspace w, int *state) noexcept nogil:
        """Run up to a call-back, and return where it stands; NULL at the end or where a guard failed."""
        cdef double *v = w.v
        cdef char **base = w.base
        cdef double *scratch = w.scratch
        cdef int op
        while True:
            p = run_scalars(p, v, self.functions)
            op = p[0]
            if op == OP_GROUP:
                run_group(&self.groups[p[1]], base, scratch, self.functions)
                p += 2
            elif op == OP_REDUCE:
                if run_whole(&self.wholes[p[1]], base, self.functions):
                    state[0] = <int> self.length  # it will be recorded again, and meets the error if it is one
                    return NULL
                p += 2
            elif op == OP_CALLBACK:
                return p
            else:
                state[0] = -1 if op == OP_END else p[1]
                return NULL

    cdef int call_back(self, Workspace w, int number) except -2:
        """Call a Python function on views of the workspace; return the guard that failed, or -1.

        What is not as it was recorded, an error or another shape, counts as the failure of a guard: the function will
        be recorded again, and will raise the error if it is one.
        """
        callback = self.callbacks[number]
        operands = []
        for spec in callback.operands:
            kind = spec[0]
            if kind == NUMBER:
                operands.append(np.float64(w.v[<Py_ssize_t> spec[1]]))
            elif kind == OBJECT:
                operands.append(w.objects[<Py_ssize_t> spec[1]])
            elif kind == FIXED:
                operands.append(spec[1])
            else:
                operands.append(self.view(w, spec[1]))
        kind = callback.target[0]
        try:
            found = callback.call(operands, put_back)
            if kind == NUMBER:
                w.v[<Py_ssize_t> callback.target[1]] = found
                return -1
        except Exception:  # whatever it is, the recording will meet it again
            return self.length
        if kind == -1:
            return -1 if found else callback.target[1]
        if kind == OBJECT:
            shape, dtype = callback.target[2:]
            if dtype is not None and (np.shape(found) != shape or np.asarray(found).dtype != dtype):
                return self.length
            w.objects[<Py_ssize_t> callback.target[1]] = detached(found)
        else:
            target = self.view(w, callback.target[1])
            if np.shape(found) != target.shape or np.asarray(found).dtype != target.dtype:
                return self.length
            target[...] = found
        return -1
