"""Elementwise rows with their numbers on every tape, and what is known of their derivatives."""

import numpy as np

from dualad import errors
from dualad.ops import code as codes, formula
from dualad.ops.table import NoTangent, Todo

from dualad._kernel cimport Kernel, loops_of


cdef class Rule:
    """An elementwise row with its number on every tape and its kernels, made when first needed."""

    cdef object kernel(self, unsigned int active, unsigned int whole):
        """Return the Kernel of the first partials in the active arguments; None where NumPy must evaluate them."""
        cdef long key = (<long> whole << 16) | active
        try:
            return self.kernels[key]
        except KeyError:
            pass
        chosen = tuple([i for i in range(self.arguments) if active >> i & 1])
        self.refuse(chosen)
        code = codes.first_code(self.row, chosen, tuple([bool(whole >> i & 1) for i in range(self.arguments)]))
        made = None if code is None or code.slots > 64 else Kernel(code)
        self.kernels[key] = made
        return made

    cdef unsigned int need(self, unsigned int active) except? 0:
        """Return what the partials in the active arguments are made of, as ``needed`` says it of all."""
        if active > 15:
            return self.needed
        if self.needs[active] == UNKNOWN:
            self.needs[active] = found_needed(self.row, [i for i in range(self.arguments) if active >> i & 1])
        return self.needs[active]

    def refuse(self, active):
        """Raise the sentence for a partial that has no meaning or is not written."""
        rules = formula.partials(self.row)
        for i in active:
            for mark in rules[i]:
                if isinstance(mark, Todo):
                    raise errors.NotWritten(errors.not_written(self.row.name, self.row.args[i], mark.reason))
            if all([mark is NoTangent for mark in rules[i]]):
                raise errors.DiscreteArgument(errors.discrete_argument(self.row.name, self.row.args[i]))


cdef enum:
    UNKNOWN = 1 << 30


cdef unsigned int found_needed(object row, object active) except? 0:
    """Return what stands in the partials in some arguments: bit i for argument i, bit 31 for a value."""
    cdef unsigned int needed = 0
    names = set()
    for i in active:
        for partial in formula.partials(row)[i]:
            names |= formula.names_in(partial)
    for i, name in enumerate(row.args):
        if name in names:
            needed |= 1u << <int> i
    if names - set(row.args):
        needed |= 1u << 31
    return needed


RULES = []
cdef dict rules_by_row = {}


cdef Rule rule_of(object row):
    cdef Rule made
    found = rules_by_row.get(row)
    if found is not None:
        return <Rule> found
    made = Rule.__new__(Rule)
    made.row, made.arguments, made.outputs = row, len(row.args), row.outputs
    made.kernels = {}
    made.loops = None
    whole = any([interval.integer for interval in row.domain])
    if isinstance(row.function, np.ufunc) and row.outputs == 1 and not whole:
        loops = loops_of(row.function, made.arguments)
        made.loops = loops if loops.found else None
    for i in range(16):
        made.needs[i] = UNKNOWN
    made.needed = found_needed(row, range(len(row.args)))
    made.code = len(RULES)
    RULES.append(made)
    rules_by_row[row] = made
    return made
