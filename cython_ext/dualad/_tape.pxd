"""The tape: a Wengert list in columns, and the recorded arrays that write it."""

cimport numpy as cnp

from dualad._duck cimport DuckArray
from dualad._kernel cimport Kernel, Loops

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

cdef class Rule:
    cdef readonly object row
    cdef readonly int code
    cdef readonly int arguments
    cdef readonly int outputs
    cdef readonly Loops loops
    cdef unsigned long long allowed        # bit m: derivatives in the arguments of mask m are known to be written
    cdef unsigned int needs[16]
    cdef readonly unsigned int needed      # bit i: argument i stands in a partial; bit 31: the value does
    cdef dict kernels
    cdef object kernel(self, unsigned int active, unsigned int whole)
    cdef unsigned int need(self, unsigned int active) except? 0

cdef enum:
    WORDS = 64             # of a spelling; one that would be longer has more

cdef struct Spelling:
    int n
    long long[64] words

cdef inline void spell(Spelling *spelling, int kind, long long word) noexcept:
    """Put a word behind the others, and what kind of word it is."""
    if spelling.n + 2 > WORDS:
        spelling.n = WORDS + 1
        return
    spelling.words[spelling.n], spelling.words[spelling.n + 1] = kind, word
    spelling.n += 2

cdef inline bytes spelled(Spelling *spelling):
    """Return the words as bytes."""
    return (<char *> spelling.words)[:spelling.n * sizeof(long long)]

cdef list RULES
cdef Rule rule_of(object row)

cdef class Cell:
    cdef object buffer
    cdef long long node
    cdef long long version
    cdef long long copy
    cdef bint pinned
    cdef double *data             # of doubles without gaps; else NULL

cdef class Shape:
    cdef readonly tuple shape
    cdef readonly object dtype

cdef class Record:
    cdef readonly object kind
    cdef readonly object row
    cdef readonly object function
    cdef readonly tuple operands
    cdef readonly tuple primals
    cdef readonly object value
    cdef readonly object plan
    cdef readonly object args
    cdef readonly object kwargs
    cdef readonly tuple path
    cdef readonly object index
    cdef readonly dict items
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef readonly tuple order
    cdef Rule rule
    cdef readonly unsigned int active
    cdef unsigned int whole

cdef class Tape:
    cdef int *op
    cdef int *a
    cdef int *b
    cdef int *slot
    cdef double *at
    cdef double *v
    cdef readonly Py_ssize_t n
    cdef Py_ssize_t room
    cdef readonly int slots
    cdef readonly long long level
    cdef readonly list records
    cdef readonly list guards
    cdef public list inputs
    cdef public object outputs
    cdef readonly bint boxed
    cdef readonly bint lean
    cdef readonly set late
    cdef set overwritten
    cdef readonly set odd
    cdef dict sealed
    cdef readonly dict plans      # of linear rows that were called, by the call
    cdef dict roots               # the first record of each slot that was asked for
    cdef Py_ssize_t searched
    cdef dict known
    cdef int *shelf               # nodes of scalar operations by what they do, while nodes are shared
    cdef Py_ssize_t shelf_room
    cdef Py_ssize_t shelved
    cdef public object watch
    cdef public object live
    cdef readonly list captured
    cdef dict places
    cdef int grow(self) except -1
    cdef int append(self, int op, int a, int b, int slot, double at, double v) except -1
    cdef int keep(self, Record record) except -1
    cdef int number(self, int op, int a, int b, double at, double v) except -1
    cdef Py_ssize_t place_of(self, int op, int a, int b, double at) noexcept
    cdef int enlarge_shelf(self) except -1
    cdef int choice(self, int condition, int yes, int no, double x, double y) except -1
    cdef int new_slot(self)
    cdef int rely_on(self, int node, int i, object outcome) except -1
    cdef object general(self, Record record, object value, bint needed)
    cdef int mark_late(self, int node) except -1
    cdef int capture(self, cnp.ndarray x) except -2
    cdef Record root(self, int node)

cdef class Recorded(DuckArray):
    cdef Tape tape
    cdef int place
    cdef char kind                # c"f": floating point; else the kind of a discrete value
    cdef Cell cell
    cdef tuple path
    cdef tuple source
    cdef object held
    cdef long long version
    cdef long long copy
    cdef object primal(self)
    cdef int node(self) except -2
    cdef int put(self, Py_ssize_t place, int source, double v) except -1

cdef class RecordedScalar(Recorded):
    pass
