"""The nodes of a tape, in columns."""

from dualad._record cimport Record

cdef enum:
    # Operators of nodes; a number of 0 or more is the place of an elementwise row in ELEMENTWISE.
    LEAF = -1              # an input or a constant
    READ = -2              # element `at` of array node a
    WRITE = -3             # array node a with element `at` set to scalar node b: a new version of the same array
    GENERAL = -4           # records[at]
    COMPARE = -16          # COMPARE + k: comparison k of Python's rich comparisons

cdef inline bint compared(int kind, double x, double y) noexcept:
    """Compare in Python's order: less, less or equal, equal, not equal, greater, greater or equal."""
    if kind == 0:
        return x < y
    if kind == 1:
        return x <= y
    if kind == 2:
        return x == y
    if kind == 3:
        return x != y
    if kind == 4:
        return x > y
    return x >= y

cdef class Columns:
    cdef int *op
    cdef int *a
    cdef int *b
    cdef int *slot
    cdef double *at
    cdef double *v
    cdef readonly Py_ssize_t n
    cdef Py_ssize_t room
    cdef readonly int slots
    cdef readonly list records
    cdef dict roots               # the first record of each slot that was asked for
    cdef dict known
    cdef int *shelf               # nodes of scalar operations by what they do, while nodes are shared
    cdef Py_ssize_t shelf_room
    cdef Py_ssize_t shelved
    cdef public object watch
    cdef int grow(self) except -1
    cdef int append(self, int op, int a, int b, int slot, double at, double v) except -1
    cdef int keep(self, Record record) except -1
    cdef int number(self, int op, int a, int b, double at, double v) except -1
    cdef Py_ssize_t place_of(self, int op, int a, int b, double at) noexcept
    cdef int enlarge_shelf(self) except -1
    cdef int choice(self, int condition, int yes, int no, double x, double y) except -1
    cdef int new_slot(self)
    cdef Record root(self, int node)
