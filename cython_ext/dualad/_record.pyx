"""What the nodes of a tape keep that are no scalar operations, and the numbers of recorded arrays."""

cimport cython
cimport numpy as cnp

import operator

import numpy as np

from dualad._duck cimport DuckArray
from dualad._views cimport Pick, is_dense

cnp.import_array()

cdef object DOUBLE = np.dtype(float)
cdef object FLOAT = np.float64


@cython.no_gc
cdef class Cell:
    """The numbers that an array and its views share, with the node of their present version."""

    @property
    def numbers(self):
        """The present numbers."""
        return self.buffer


cdef Cell new_cell(object buffer, int node, bint pinned):
    cdef Cell cell = Cell.__new__(Cell)
    cell.buffer, cell.node, cell.pinned = buffer, node, pinned
    cell.data = NULL
    if type(buffer) is np.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> buffer) == cnp.NPY_DOUBLE:
        if cnp.PyArray_ISALIGNED(<cnp.ndarray> buffer) and is_dense(<cnp.ndarray> buffer):
            cell.data = <double *> cnp.PyArray_DATA(<cnp.ndarray> buffer)
    return cell


cdef int unpin(Cell cell) except -1:
    """Copy the numbers before a write where a recorded operation still needs them."""
    if cell.pinned:
        cell.buffer = np.copy(cell.buffer, order="K") if isinstance(cell.buffer, np.ndarray) else np.copy(cell.buffer)
        cell.pinned = False
        cell.copy += 1
        if cell.data != NULL:
            cell.data = <double *> cnp.PyArray_DATA(<cnp.ndarray> cell.buffer)
    return 0


cdef class Record:
    """What a node keeps that is no scalar operation: its row, its operands and what its rule will need.

    ``kind`` is "elementwise", "row", "view", "write", "item", "discrete" or "constant". ``operands`` are node numbers,
    -1 for a constant; ``primals`` their values. ``args`` and ``kwargs`` are the call of an array row or of a discrete
    function, with an :class:`Operand` in the place of each operand that is a node. ``function`` is what an elementwise
    row was evaluated by, where that is not the row's own function (``x**2`` is squared, ``np.power(x, 2)`` is not).
    ``order`` are the axes from the slowest to the fastest in memory, None for C order: tangents and cotangents are laid
    out alike, so that what is a view of the array is a view of them.
    """

    def with_operands(self, tuple operands):
        """Return the record with other nodes as operands."""
        cdef Record made = <Record> make_record(self.kind, self.row, operands, self.primals, self.value)
        made.function, made.plan, made.args, made.kwargs = self.function, self.plan, self.args, self.kwargs
        made.path, made.index, made.items, made.order = self.path, self.index, self.items, self.order
        made.shape, made.dtype = self.shape, self.dtype
        made.rule, made.active, made.whole = self.rule, self.active, self.whole
        return made


cdef object make_record(object kind, object row, tuple operands, tuple primals, object value):
    cdef Record record = Record.__new__(Record)
    record.kind, record.row, record.operands, record.primals, record.value = kind, row, operands, primals, value
    record.path = ()
    if type(value) is not np.float64 and isinstance(value, (np.ndarray, np.generic, DuckArray)):
        record.shape, record.dtype = value.shape, value.dtype
    else:
        record.shape, record.dtype = (None, None) if isinstance(value, (tuple, list)) else ((), DOUBLE)
    return record


cdef extern from "Python.h":
    bint PyObject_GC_IsTracked(object x)
    void PyObject_GC_UnTrack(void *x)


cdef bint leads_on(object x):
    """Say whether the garbage collector may find something that it watches by way of an object.

    It watches no numbers, words, arrays and handles, and no tuples of them.
    """
    if not PyObject_GC_IsTracked(x):
        return False
    if type(x) is tuple:
        for one in <tuple> x:
            if leads_on(one):
                return True
        PyObject_GC_UnTrack(<void *> x)
        return False
    if type(x) is slice:
        return leads_on(x.start) or leads_on(x.stop) or leads_on(x.step)
    return True


cdef int settle(Record record) except -1:
    """Spare the garbage collector a record that is complete and can be part of no cycle.

    With hundreds of thousands of records it would spend more time on them than all else takes. A row that has a number
    lives as long as the library, and so does one whose plan it need not watch.
    """
    if record.row is not None and record.rule is None and record.plan is None or leads_on(record.plan):
        return 0
    if record.function is not None and getattr(record.function, "__self__", None) is not OPERATORS:
        return 0
    if leads_on(record.primals) or leads_on(record.value) or leads_on(record.args) or leads_on(record.kwargs):
        return 0
    if leads_on(record.path) or leads_on(record.index):
        return 0
    PyObject_GC_UnTrack(<void *> record)
    return 0


cdef object OPERATORS = operator.add.__self__      # the module of Python's operators


def unwatched(x):
    """Return an object that is given up to no cycle, with the garbage collector told not to watch it."""
    PyObject_GC_UnTrack(<void *> x)
    return x


@cython.no_gc
cdef class Shape:
    """Stands for an operand of which only shape and dtype matter."""

    def __init__(self, tuple shape, dtype):
        self.shape, self.dtype = shape, dtype


cdef Shape outline(object x):
    """Return what stands for an array of which only shape and dtype matter."""
    cdef Shape made = Shape.__new__(Shape)
    made.shape = x.shape
    made.dtype = (<cnp.ndarray> x).descr if type(x) is np.ndarray else x.dtype
    return made


cdef bint are_plainly_alike(Record x, Record y) except -1:
    """Say whether two records are seen at once to be the same operation: of most, all parts are the very same."""
    cdef Py_ssize_t i
    cdef double one, two
    if x.kind == "constant" or x.kind != y.kind or x.row is not y.row or x.function is not y.function:
        return False
    if x.dtype is not y.dtype or x.shape != y.shape or x.operands != y.operands:
        return False
    if x.args is not y.args or x.kwargs is not y.kwargs or x.index is not y.index:
        return False
    if x.kind == "write" and x.plan is not y.plan or len(x.primals) != len(y.primals):
        return False
    if x.path is not y.path and (x.path is None or y.path is None or len(x.path) != len(y.path)):
        return False
    for i in range(len(x.path) if x.path is not None else 0):
        if x.path[i] is not y.path[i] and (type(x.path[i]) is not Pick or x.path[i] != y.path[i]):
            return False
    for i in range(min(len(x.operands), len(x.primals))):
        if <int> x.operands[i] >= 0 or x.primals[i] is y.primals[i]:
            continue
        if type(x.primals[i]) is not float or type(y.primals[i]) is not float:
            return False
        one, two = x.primals[i], y.primals[i]
        if not same_bits(one, two):
            return False
    return True


cdef object shared_key(Record record):
    """Return what two elementwise operations have in common when one can stand for the other.

    It is spelled in bytes where that can be done, which a dict finds sooner than tuples, and the garbage collector
    leaves alone.
    """
    cdef Spelling spelling
    cdef double number
    cdef Py_ssize_t i
    spelling.n = 0
    spell(&spelling, 1, <long long> <size_t> <void *> record.row)
    spell(&spelling, 2, <long long> <size_t> <void *> record.function)
    for i in range(len(record.operands)):
        spell(&spelling, 3, <int> record.operands[i])
        if <int> record.operands[i] >= 0:
            continue
        primal = record.primals[i]
        if isinstance(primal, (np.ndarray, DuckArray)):
            spell(&spelling, 4, <long long> <size_t> <void *> primal)
        elif type(primal) is float or type(primal) is FLOAT:
            number = primal
            spell(&spelling, 5, (<long long *> &number)[0])
        elif type(primal) is int and -SMALL < primal < SMALL:
            spell(&spelling, 6, primal)
        else:
            spelling.n = WORDS + 1
    if spelling.n <= WORDS:
        return spelled(&spelling)
    constants = []
    for node, primal in zip(record.operands, record.primals):
        if node < 0:
            constants.append(id(primal) if isinstance(primal, (np.ndarray, DuckArray)) else (primal, str(primal)))
    return record.row, record.function, record.operands, tuple(constants)


cdef enum:
    WIDE = 8               # times the memory of its elements that an array with gaps may take


cdef object copied_as_it_lies(object x):
    """Return a copy with the same strides: the last bit of a product may depend on them.

    What lies far apart is copied without gaps.
    """
    forward = tuple([slice(None, None, -1) if stride < 0 else slice(None) for stride in x.strides])
    like = x[forward]
    span = sum([stride * (n - 1) for n, stride in zip(like.shape, like.strides)]) + x.itemsize
    if x.size == 0 or x.dtype.hasobject or span > WIDE * x.nbytes:
        return np.array(x, order="K")
    found = np.ndarray(like.shape, x.dtype, np.empty(span, np.uint8), 0, like.strides)
    found[...] = like
    return found[forward]


cdef object sample_of(cnp.ndarray x):
    """Return some hundred elements from all over an array."""
    step = [max(1, int(n // 512 ** (1 / x.ndim))) for n in (<object> x).shape]
    return (<object> x)[tuple([slice(None, None, k) for k in step])].tobytes()
