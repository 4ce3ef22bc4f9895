"""The operator table as the build read it: the opcode of each row, and whether the build is as new as the table."""

import warnings

from dualad import errors
from dualad.ops.digest import digest
from dualad.ops.table import TABLE, Elementwise

cdef dict built = {table_names[i].decode(): (i, table_digests[i]) for i in range(ROW_COUNT)}


cdef int opcode_of(object row) except -2:
    """Return the opcode of a row, or -1 where it is not the row that was compiled.

    That is a row added or changed since: by a user, by an edit of the table, or by another version of SciPy. It is run
    by its formulas, so it is only slower.
    """
    cdef tuple found = built.get(row.name)
    return found[0] if found is not None and found[1] == digest(row) else -1


def opcode(row):
    """Return the opcode of a row, or -1 where it is not the row that was compiled."""
    return opcode_of(row)


def first(int code, args, double v):
    """Return the first partials that C computes of a row, by argument; None for a row that needs a function."""
    cdef double x[4]
    cdef double d[4]
    for i, number in enumerate(args):
        x[i] = number
    bits = table_partials(code, x, v, d)
    return None if bits < 0 else {i: d[i] for i in range(4) if bits >> i & 1}


def second(int code, args, double v):
    """Return the second partials that C computes of a row, by pair of arguments; None for one that needs a function."""
    cdef double x[4]
    cdef double d[10]
    for i, number in enumerate(args):
        x[i] = number
    bits = table_second(code, x, v, d)
    return None if bits < 0 else {(i, j): d[i * (i + 1) // 2 + j] for i in range(4) for j in range(i + 1)
                                  if bits >> (i * (i + 1) // 2 + j) & 1}


def changed():
    """Return the names of the rows read so far that differ from those that were compiled."""
    return [row.name for row in TABLE.loaded() if isinstance(row, Elementwise) and row.name in built
            and opcode_of(row) < 0]


def warn_if_stale():
    """Warn of rows that differ from those that were compiled, among all rows read so far."""
    names = changed()
    if names:
        warnings.warn(errors.stale_build(names), RuntimeWarning, stacklevel=2)


TABLE.named("add")  # with it, all elementwise rows of NumPy have been read
warn_if_stale()
