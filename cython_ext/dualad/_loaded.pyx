"""What a program consists of, as the machine reads it.

It is made from :class:`dualad.program.parts.Parts`, plain data that can be pickled, and is verified before it may run.
"""

cimport numpy as cnp
from libc.stdlib cimport calloc, free

import numpy as np

from dualad import errors

from dualad._machine cimport (
    OP_ADD, OP_WHERE, OP_NEGATIVE, OP_SQUARE, OP_MOVE, OP_NOT, OP_ISNAN, OP_ISFINITE, OP_ISINF, OP_POW_2, OP_CALL,
    OP_MULTIPLY_ADD, OP_SCALE_ADD, OP_SUM, OP_COPY, OP_GUARD, OP_GUARD_WHOLE, OP_GROUP, OP_REDUCE, OP_CALLBACK,
    OP_END,
)

cnp.import_array()

cdef extern from "numpy/ufuncobject.h":
    ctypedef struct PyUFuncObject:
        int nin
        int nout
        Inner *functions
        void **data
        int ntypes

cdef extern from "parts.h" nogil:
    enum:
        AXES
        DENSE
        UNIFORM
        OTHER

cdef frozenset TIED = frozenset((np._core.umath.clip, np.fmax, np.fmin, np.maximum, np.minimum))


cdef void *room_for(Py_ssize_t count, size_t size) except NULL:
    cdef void *found = calloc(max(count, 1), size)
    if found == NULL:
        raise MemoryError
    return found


cdef int fill_operand(Operand *o, object spec, Group *g) except -1:
    """Take ``(base, kind, offset, strides, slot)``; a slot below zero: its block is copied, -1 - slot."""
    cdef Py_ssize_t dense = 8, size
    cdef bint gapless, is_uniform = True
    base, kind, offset, strides, slot = spec
    o.base, o.kind, o.offset, o.slot = base, ord(kind), offset, slot if slot >= 0 else -1 - slot
    gapless = kind == "d" and slot >= 0
    for i in range(g.axes - 1, -1, -1):
        o.stride[i] = strides[i]
        size = g.shape[i]
        if size != 1:
            gapless = gapless and strides[i] == dense
            is_uniform = is_uniform and strides[i] == 0
        dense *= size
    o.shape_of_access = DENSE if gapless else UNIFORM if is_uniform and slot >= 0 else OTHER
    return 0


cdef inline bint is_unary(int op) noexcept nogil:
    return (op == OP_NEGATIVE or op == OP_SQUARE or op == OP_MOVE or op == OP_NOT or op == OP_ISNAN or op == OP_ISFINITE
            or op == OP_ISINF or op == OP_POW_2)


cdef object ZERO = np.zeros(())


cdef object like_of(tuple shape):
    """Return an array of a shape, of which only the shape is used: all its elements are one and the same."""
    cdef cnp.npy_intp[64] dims
    cdef cnp.npy_intp[64] steps
    cdef int axis, ndim = len(shape)
    if ndim > 64:
        raise OverflowError("too many axes")
    for axis in range(ndim):
        dims[axis], steps[axis] = shape[axis], 0
    cdef cnp.ndarray made = cnp.PyArray_New(
        cnp.ndarray, ndim, dims, cnp.NPY_DOUBLE, steps, cnp.PyArray_DATA(<cnp.ndarray> ZERO), 0, 0, None
    )
    cnp.set_array_base(made, ZERO)
    return made


cdef class Loaded:
    """The parts of a program in C, which nobody changes."""

    def __init__(self, parts, bint checked=False):
        """``checked``: the parts come from the room that makes them, and not from a pickle."""
        if not checked:
            from dualad.program.check import check

            check(parts)
        self.parts = parts
        # A copy: what has been verified is not changed any more.
        self.code_bytes = np.array(parts.code, dtype=np.int32)
        self.code = <int *> cnp.PyArray_DATA(<cnp.ndarray> self.code_bytes)
        self.length = len(self.code_bytes)
        self.constants = parts.constants if checked else np.array(parts.constants, dtype=np.float64)
        self.doubles, self.scratch = parts.doubles, parts.scratch
        self.light = parts.work < 4000
        self.live = [array for array, _ in parts.live]
        self.callbacks = list(parts.callbacks)
        try:
            self.fill_functions(parts.functions)
            self.verify(len(parts.groups), len(parts.wholes), len(parts.callbacks))
            self.fill_groups(parts.groups)
            self.fill_wholes(parts.wholes)
            self.fill_ends(parts)
        except (OverflowError, TypeError) as mistake:
            raise errors.CorruptProgram(errors.corrupt_program(f"{type(mistake).__name__}: {mistake}")) from mistake

    def fill_functions(self, functions):
        """Take the loops of the universal functions that are called."""
        cdef PyUFuncObject *raw
        self.nfunctions = len(functions)
        self.functions = <Function *> room_for(self.nfunctions, sizeof(Function))
        for i, (ufunc, loop) in enumerate(functions):
            raw = <PyUFuncObject *> (<void *> ufunc)
            self.functions[i].loop = raw.functions[<int> loop]
            self.functions[i].data = raw.data[<int> loop] if raw.data != NULL else NULL
            self.functions[i].sources = raw.nin
            self.functions[i].plain = ufunc.signature is None
            self.functions[i].tied = ufunc in TIED

    cdef int verify(self, Py_ssize_t groups, Py_ssize_t wholes, Py_ssize_t callbacks) except -1:
        """Make sure that all instructions name numbers of the workspace, and that the last one is the end."""
        cdef const int *p = self.code
        cdef const int *end = p + self.length
        cdef Py_ssize_t width, left, k
        cdef Py_ssize_t n = self.doubles
        cdef int op
        cdef bint holds
        while p < end:
            op, left = p[0], end - p
            width = 2
            if OP_ADD <= op <= OP_POW_2:
                width = 3 if is_unary(op) else 5 if op == OP_WHERE else 4
            elif op == OP_CALL:
                width = 3
                if left >= 3 and 0 <= p[2] < self.nfunctions:
                    width = 3 + self.functions[p[2]].sources
            elif OP_MULTIPLY_ADD <= op <= OP_SCALE_ADD:
                width = 5
            elif op == OP_SUM:
                width = 4
                if left >= 4 and 0 <= p[3] < left:
                    width = 4 + p[3]
            elif op == OP_COPY or op == OP_GUARD or op == OP_GUARD_WHOLE:
                width = 4
            elif op == OP_END:
                width = 1
            holds = width <= left
            if holds:
                if op == OP_CALL:
                    holds = 0 <= p[1] < n and 0 <= p[2] < self.nfunctions and self.functions[p[2]].plain
                    for k in range(3, width):
                        holds = holds and 0 <= p[k] < n
                elif op == OP_SUM:
                    holds = 0 <= p[1] < n and 0 <= p[2] < n and 0 <= p[3] < left
                    for k in range(4, width):
                        holds = holds and 0 <= p[k] < n
                elif op == OP_COPY:
                    holds = 0 <= p[3] and 0 <= p[1] <= n - p[3] and 0 <= p[2] <= n - p[3]
                elif op == OP_GUARD:
                    holds = 0 <= p[1] and 0 <= p[2] < n
                elif op == OP_GUARD_WHOLE:
                    holds = 0 <= p[1] and 0 <= p[2] < n and 0 <= p[3] < n
                elif op == OP_GROUP:
                    holds = 0 <= p[1] < groups
                elif op == OP_REDUCE:
                    holds = 0 <= p[1] < wholes
                elif op == OP_CALLBACK:
                    holds = 0 <= p[1] < callbacks
                elif op == OP_END:
                    holds = left == 1
                elif OP_ADD <= op <= OP_SCALE_ADD:
                    for k in range(1, width):
                        holds = holds and 0 <= p[k] < n
                else:
                    holds = False
            if not holds:
                raise errors.CorruptProgram(errors.corrupt_program(f"the instruction at word {p - self.code}"))
            p += width
        if self.length == 0 or end[-1] != OP_END or op != OP_END:
            raise errors.CorruptProgram(errors.corrupt_program("the instructions do not end"))
        return 0

    def fill_groups(self, groups):
        """Take ``(shape, slots, block, loads, stores, steps, sinks)`` of each group."""
        cdef Group *g
        self.ngroups = len(groups)
        self.groups = <Group *> room_for(self.ngroups, sizeof(Group))
        for i, (shape, slots, block, loads, stores, steps, sinks) in enumerate(groups):
            g = &self.groups[i]
            g.axes, g.slots, g.block = len(shape), slots, block
            g.size = 1
            for k, n in enumerate(shape):
                g.shape[k] = n
                g.size *= n
            g.loads, g.stores, g.steps = len(loads), len(stores), len(steps)
            g.load = <Operand *> room_for(g.loads, sizeof(Operand))
            g.store = <Operand *> room_for(g.stores, sizeof(Operand))
            g.step = <BlockStep *> room_for(g.steps, sizeof(BlockStep))
            for k, spec in enumerate(loads):
                fill_operand(&g.load[k], spec, g)
            for k, spec in enumerate(stores):
                fill_operand(&g.store[k], spec, g)
            g.sinks, g.totals = len(sinks), 0
            g.sink = <Sink *> room_for(g.sinks, sizeof(Sink))
            for k, (slot, base, offset, length, inner) in enumerate(sinks):
                g.sink[k].slot, g.sink[k].base, g.sink[k].offset = slot, base, offset
                g.sink[k].length, g.sink[k].inner = length, inner
                g.totals += length == 0
            single = {g.load[k].slot for k in range(g.loads) if g.load[k].shape_of_access == UNIFORM}
            for k, (op, target, function, sources) in enumerate(steps):
                g.step[k].op, g.step[k].target, g.step[k].function = op, target, function
                g.step[k].sources = len(sources)
                for j, source in enumerate(sources):
                    g.step[k].source[j] = source
                    g.step[k].stride[j] = 0 if source in single else 8

    def fill_wholes(self, wholes):
        """Take ``(way, function, first, sizes, shape, dimensions, steps, places)`` of each whole operation."""
        cdef Whole *w
        self.nwholes = len(wholes)
        self.wholes = <Whole *> room_for(self.nwholes, sizeof(Whole))
        for i, (way, function, first, sizes, shape, dimensions, steps, places) in enumerate(wholes):
            w = &self.wholes[i]
            w.way, w.function, w.operands = way, function, len(places)
            w.copies = first is None
            w.first = 0.0 if first is None else first
            w.outer, w.length, w.inner, w.whole = sizes
            w.axes, w.dimensions, w.steps = len(shape), len(dimensions), len(steps)
            for k, n in enumerate(shape):
                w.shape[k] = n
            for k, n in enumerate(dimensions):
                w.dimension[k] = n
            for k, n in enumerate(steps):
                w.step[k] = n
            for k, (base, offset, strides) in enumerate(places):
                w.place[k].base, w.place[k].offset = base, offset
                for j, stride in enumerate(strides):
                    w.place[k].stride[j] = stride

    def fill_ends(self, parts):
        """Take where inputs, live arrays and outputs are handed over."""
        ends = list(parts.inputs) + [end for _, end in parts.live]
        self.nbases = parts.bases
        self.ninputs, self.nlive = len(parts.inputs), len(parts.live)
        self.input_kind = <int *> room_for(len(ends), sizeof(int))
        self.input_at = <Py_ssize_t *> room_for(len(ends), sizeof(Py_ssize_t))
        self.input_bytes = <Py_ssize_t *> room_for(len(ends), sizeof(Py_ssize_t))
        for i, (kind, at, nbytes) in enumerate(ends):
            self.input_kind[i], self.input_at[i], self.input_bytes[i] = kind, at, nbytes
        self.outputs = tuple(parts.outputs)
        self.noutputs = len(self.outputs)
        self.output_kind = <int *> room_for(self.noutputs, sizeof(int))
        self.output_at = <Py_ssize_t *> room_for(self.noutputs, sizeof(Py_ssize_t))
        self.output_bytes = <Py_ssize_t *> room_for(self.noutputs, sizeof(Py_ssize_t))
        for i, output in enumerate(self.outputs):
            self.output_kind[i], self.output_at[i] = output.kind, output.at
            self.output_bytes[i] = 8
            for n in output.shape:
                self.output_bytes[i] *= <Py_ssize_t> n
        # Arrays of the shapes of outputs that are in C order, of which only the shapes are used.
        self.likes = [
            like_of(output.shape) if output.kind == SHOWN or (output.kind == COPIED and output.spec is None) else None
            for output in self.outputs
        ]

    def __dealloc__(self):
        free(self.functions)
        for i in range(self.ngroups if self.groups is not NULL else 0):
            free(self.groups[i].load)
            free(self.groups[i].store)
            free(self.groups[i].step)
            free(self.groups[i].sink)
        free(self.groups)
        free(self.wholes)
        free(self.input_kind)
        free(self.input_at)
        free(self.input_bytes)
        free(self.output_kind)
        free(self.output_at)
        free(self.output_bytes)
