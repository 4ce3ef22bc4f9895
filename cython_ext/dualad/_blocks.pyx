"""Memory for large arrays of lanes, kept for the next one.

Lanes are larger than values, and the C library gives memory of that size back to the system as soon as an array dies:
the next operation would take it again page by page, which costs more than the arithmetic on it. A few blocks are kept
here instead, the one used last first, because it is still in the cache. Blocks are taken and given back under the GIL.
"""

cimport numpy as cnp
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.ref cimport PyObject
from libc.stdint cimport uintptr_t
from libc.string cimport memmove

cnp.import_array()

cdef enum:
    SMALLEST = 1 << 16   # bytes; smaller memory is kept by the C library itself
    LIMIT = 1 << 26      # bytes that are kept in all
    MOST_KEPT = 16       # blocks that are kept
    LINE = 64            # bytes: blocks begin where a cache line does


cdef class Block:
    """Owner of the memory of one array, which it gives back when the last view of the array has gone."""

    cdef void *memory
    cdef size_t size

    def __dealloc__(self):
        if self.memory != NULL:
            keep(self.memory, self.size)


cdef struct Kept:
    void *memory
    size_t size

cdef Kept kept[MOST_KEPT]  # the oldest first
cdef int count = 0
cdef size_t total = 0


cdef Kept take_out(int place) noexcept:
    """Remove one of the blocks that are kept."""
    global count, total
    cdef Kept found = kept[place]
    count -= 1
    total -= found.size
    memmove(&kept[place], &kept[place + 1], (count - place) * sizeof(Kept))
    return found


cdef void keep(void *memory, size_t size) noexcept:
    """Keep a block, and let the oldest ones go for it."""
    global count, total
    while count == MOST_KEPT or count and total + size > LIMIT:
        PyMem_RawFree(take_out(0).memory)
    kept[count].memory, kept[count].size = memory, size
    count += 1
    total += size


cdef Block block(size_t size):
    """Return a block of at least ``size`` bytes, and of less than twice as many."""
    cdef Block out = Block.__new__(Block)
    cdef Kept found
    cdef int i
    for i in range(count - 1, -1, -1):
        if size <= kept[i].size < 2 * size:
            found = take_out(i)
            out.memory, out.size = found.memory, found.size
            return out
    out.memory = PyMem_RawMalloc(size)
    if out.memory == NULL:
        raise MemoryError
    out.size = size
    return out


cdef cnp.ndarray empty(int ndim, cnp.npy_intp *dims):
    """Return a new array of doubles, not filled."""
    cdef double size = sizeof(double)
    cdef cnp.ndarray out, held
    cdef Block owner
    cdef uintptr_t start
    cdef int i
    for i in range(ndim):
        size *= dims[i]
    if not SMALLEST <= size <= LIMIT - LINE:
        return cnp.PyArray_EMPTY(ndim, dims, cnp.NPY_DOUBLE, 0)
    owner = block(<size_t> size + LINE)
    start = (<uintptr_t> owner.memory + LINE - 1) & ~<uintptr_t> (LINE - 1)
    # NumPy looks for the array that owns the memory of a view: it finds this one, for the array and for all its views.
    held = cnp.PyArray_SimpleNewFromData(ndim, dims, cnp.NPY_DOUBLE, <void *> start)
    cnp.set_array_base(held, owner)
    out = cnp.PyArray_SimpleNewFromData(ndim, dims, cnp.NPY_DOUBLE, <void *> start)
    cnp.set_array_base(out, held)
    return out


cdef bint unshared(cnp.ndarray x):
    """Say whether no other array sees the memory of ``x``: it has its own, or a block that is known to no view."""
    cdef PyObject *held = cnp.PyArray_BASE(x)
    cdef PyObject *owner
    if held == NULL:
        return True
    if held.ob_refcnt != 1 or not isinstance(<object> held, cnp.ndarray):
        return False
    owner = cnp.PyArray_BASE(<cnp.ndarray> held)
    return owner != NULL and isinstance(<object> owner, Block)


def kept_bytes():
    """Return how many bytes are kept for later arrays."""
    return total


def release():
    """Return all memory that is kept to the system."""
    while count:
        PyMem_RawFree(take_out(count - 1).memory)
