"""What nodes keep that are no scalar operations, and the numbers of arrays."""

cimport numpy as cnp
from libc.string cimport memcmp

from dualad._rule cimport Rule

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

cdef enum:
    SMALL = 1 << 16        # bytes of a constant that are copied without a second thought

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

cdef Cell new_cell(object buffer, int node, bint pinned)
cdef int unpin(Cell cell) except -1
cdef object make_record(object kind, object row, tuple operands, tuple primals, object value)
cdef int settle(Record record) except -1
cdef Shape outline(object x)
cdef object shared_key(Record record)
cdef bint are_plainly_alike(Record x, Record y) except -1
cdef object copied_as_it_lies(object x)
cdef object sample_of(cnp.ndarray x)

cdef inline bint same_bits(double x, double y):
    return memcmp(&x, &y, sizeof(double)) == 0
