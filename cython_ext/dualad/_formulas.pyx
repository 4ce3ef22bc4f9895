"""Formulas of partials written on a tape as scalar nodes, with what is constant folded away.

This is ``dualad._terms`` for scalars: a value is a node or a number, and formulas are lists of parts, made once
(``dualad.transforms.parts``).
"""

from libc.math cimport isfinite
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

import numpy as np

from dualad.duck.kernels import scale
from dualad.ops.table import TABLE
from dualad.transforms.parts import CHOICE, COMPARISON, CONSTANT, OPERATION, SYMBOL, exponent_of, parts_of

from dualad._columns cimport COMPARE, GENERAL, LEAF, READ, WRITE, compared
from dualad._duck cimport ADD, DIVIDE, MULTIPLY, NEGATIVE, POWER, ROWS, SUBTRACT
from dualad._kernel cimport call_scalar
from dualad._record cimport Record
from dualad._rule cimport RULES, Rule, rule_of
from dualad._tape cimport Recorded, RecordedScalar, Tape

# Kinds of parts, as C knows them.
cdef int IS_CONSTANT = CONSTANT, IS_SYMBOL = SYMBOL, IS_OPERATION = OPERATION, IS_COMPARISON = COMPARISON
cdef int IS_CHOICE = CHOICE

cdef int add_code = rule_of(ROWS[<int> ADD]).code
cdef int subtract_code = rule_of(ROWS[<int> SUBTRACT]).code
cdef int multiply_code = rule_of(ROWS[<int> MULTIPLY]).code
cdef int divide_code = rule_of(ROWS[<int> DIVIDE]).code
cdef int negative_code = rule_of(ROWS[<int> NEGATIVE]).code
cdef int power_code = rule_of(ROWS[<int> POWER]).code
cdef int float_power_code = rule_of(TABLE.named("float_power")).code
cdef int scale_code = rule_of(TABLE.functions[scale]).code


cdef class Formula:
    """One partial as a list of parts, the last of which is the partial."""

    def __cinit__(self, row, int i, object settled):
        cdef Part *part
        self.exponent = exponent_of(row)
        found = parts_of(row, i, settled)
        if found is not None:
            found = resolved(found)
        if found is None or len(found) > MOST:
            self.n = -1
            return
        self.n = len(found)
        self.parts = <Part *> malloc(max(self.n, 1) * sizeof(Part))
        if self.parts == NULL:
            raise MemoryError
        for k, (kind, code, args, number, symbols) in enumerate(found):
            part = &self.parts[<int> k]
            part.kind, part.code, part.number, part.symbols = kind, code, number, symbols
            for j, arg in enumerate(args):
                part.args[<int> j] = arg

    def __dealloc__(self):
        free(self.parts)


cdef list resolved(list parts):
    """Return parts with the rows of their operations numbered; None where a row has no loop over doubles."""
    cdef Rule rule
    cdef list made = []
    for kind, row, args, number, symbols in parts:
        if kind == IS_OPERATION:
            rule = rule_of(row)
            if rule.loops is None or rule.arguments > 2 or rule.outputs > 1:
                return None
            row = rule.code
        made.append((kind, row, args, number, symbols))
    return made


cdef enum:
    WAYS = 9               # a formula as it is, and with an exponent from -3 to 4 settled
    WIDTH = 8              # arguments of a row, at most

cdef list formulas = []


cdef Formula formula_at(int code, int i, int way):
    cdef Py_ssize_t place = (code * WIDTH + i) * WAYS + way
    if place >= len(formulas):
        formulas.extend([None] * (place + 1 - len(formulas)))
    if formulas[place] is None:
        formulas[place] = Formula((<Rule> RULES[code]).row, i, float(way - 4) if way else None)
    return <Formula> formulas[place]


# --- writing ----------------------------------------------------------------------------------------------------------


cdef inline Value constant(double number) noexcept:
    cdef Value out
    out.node, out.number = NUMBER, number
    return out


cdef inline double numeric(Tape tape, Value x) noexcept:
    return tape.v[x.node] if x.node >= 0 else x.number


cdef inline bint same(Value x, Value y) noexcept:
    return x.node == y.node and (x.node >= 0 or x.number == y.number)


cdef double computed(int code, double x, double y) noexcept:
    cdef double two[2]
    if code == multiply_code:
        return x * y
    if code == add_code:
        return x + y
    if code == subtract_code:
        return x - y
    if code == negative_code:
        return -x
    if code == scale_code:
        return x * y if x != 0 and y != 0 else 0.0
    two[0], two[1] = x, y
    return call_scalar((<Rule> RULES[code]).loops, two)


cdef int write(Tape tape, int code, Value x, Value y, Value *out) except -1:
    """Write an operation; that of a number alone is worked out."""
    cdef double v = computed(code, numeric(tape, x), numeric(tape, y))
    if x.node < 0 and y.node < 0:
        out[0] = constant(v)
        return 0
    out.node = tape.number(code, x.node if x.node >= 0 else -1, y.node if y.node >= 0 else -1,
                           x.number if x.node < 0 else y.number if y.node == NUMBER else 0.0, v)
    return 0


cdef int operation(Tape tape, int code, Value x, Value y, Value *out) except -1:
    """Write an operation of a formula, without those that a factor of 1 or a term of 0 makes idle."""
    cdef bint left = x.node == NUMBER, right = y.node == NUMBER
    if left != right:
        if code == multiply_code and (left and x.number == 1 or right and y.number == 1):
            out[0] = y if left else x
            return 0
        if code == add_code and (left and x.number == 0 or right and y.number == 0):
            out[0] = y if left else x
            return 0
        if right and (code == divide_code or code == power_code or code == float_power_code) and y.number == 1:
            out[0] = x
            return 0
        if right and (code == power_code or code == float_power_code) and y.number == 0:
            out[0] = constant(1.0)
            return 0
        if right and code == subtract_code and y.number == 0:
            out[0] = x
            return 0
    return write(tape, code, x, y, out)


cdef int comparison(Tape tape, int kind, Value x, Value y, Value *out) except -1:
    """Write a comparison, in Python's order: less, less or equal, equal, not equal, greater, greater or equal."""
    cdef double p = numeric(tape, x), q = numeric(tape, y)
    cdef bint v
    if x.node < 0 and y.node >= 0:
        # The first operand of a comparison is a node.
        return comparison(tape, kind if kind == 2 or kind == 3 else kind ^ 4, y, x, out)
    v = compared(kind, p, q)
    if x.node < 0:
        out[0] = constant(v)
    else:
        out.node = tape.number(COMPARE + kind, x.node, y.node if y.node >= 0 else -1,
                               0.0 if y.node >= 0 else y.number, v)
    return 0


cdef int multiple(Tape tape, Value x, double factor, Value *out) except -1:
    if factor == 0:
        out[0] = constant(0.0)
    elif factor == 1:
        out[0] = x
    elif factor == -1:
        return write(tape, negative_code, x, empty, out)
    else:
        return write(tape, multiply_code, constant(factor), x, out)
    return 0


cdef int product(Tape tape, Value partial, Value g, Value *out) except -1:
    """Write ``partial * g``, in which nothing times infinity is nothing."""
    cdef double d
    if partial.node < 0 and g.node < 0:
        d = partial.number
        out[0] = constant(d * g.number if isfinite(d) or d != 0 and g.number != 0 else 0.0)
        return 0
    if g.node < 0:
        return multiple(tape, partial, g.number, out)
    if partial.node < 0:
        return multiple(tape, g, partial.number, out)
    return write(tape, scale_code, partial, g, out)


cdef int total(Tape tape, Value left, Value right, Value *out) except -1:
    """Write ``left + right``."""
    if left.node == NUMBER and left.number == 0:
        out[0] = right
    elif right.node == NUMBER and right.number == 0:
        out[0] = left
    else:
        return write(tape, add_code, left, right, out)
    return 0


# --- partials ---------------------------------------------------------------------------------------------------------


cdef Value empty
empty.node = NOTHING
empty.number = 0.0


cdef class Lines:
    """Writes partials on a tape: the formula at hand and the values of its parts so far."""

    def __cinit__(self, Tape tape):
        self.tape = tape

    cdef bint partial(self, int node, int i, Value *out) except -1:
        """Write the partial of a scalar operation in its operand ``i``; False where Python must."""
        cdef Tape tape = self.tape
        cdef int code = tape.op[node], a = tape.a[node], b = tape.b[node]
        cdef int arguments = (<Rule> RULES[code]).arguments
        cdef Formula formula = formula_at(code, i, 0)
        cdef Value x, y, v
        cdef double settled = tape.at[node]
        x.node, x.number = (a if a >= 0 else NUMBER), settled
        y.node, y.number = (b if b >= 0 else NUMBER), settled
        v.node, v.number = node, 0.0
        if formula.exponent >= 0 and (y if formula.exponent else x).node < 0:
            if -3 <= settled <= 4 and settled == <int> settled:
                formula = formula_at(code, i, <int> settled + 4)
        if formula.n < 0:
            return False
        if formula.n == 0:
            out[0] = empty
            return True
        self.formula = formula
        self.bound[0] = x
        self.bound[1] = y if arguments > 1 else v
        self.bound[2] = v
        self.varying = (a >= 0) | (1u << arguments)
        if arguments > 1 and b >= 0:
            self.varying |= 2
        memset(self.known, 0, formula.n)
        self.value(formula.n - 1, out)
        return True

    cdef int value(self, int k, Value *out) except -1:
        """Return the value of a part, written once."""
        cdef Part *part = &self.formula.parts[k]
        cdef Value x = empty, y = empty
        if part.kind == IS_CONSTANT:
            out[0] = constant(part.number)
            return 0
        if part.kind == IS_SYMBOL:
            out[0] = self.bound[part.code]
            return 0
        if not self.known[k]:
            if part.kind == IS_CHOICE:
                self.choose(part, &self.found[k])
            else:
                self.value(part.args[0], &x)
                if part.args[1] >= 0:
                    self.value(part.args[1], &y)
                if part.kind == IS_COMPARISON:
                    comparison(self.tape, part.code, x, y, &self.found[k])
                else:
                    operation(self.tape, part.code, x, y, &self.found[k])
            self.known[k] = 1
        out[0] = self.found[k]
        return 0

    cdef int choose(self, Part *part, Value *out) except -1:
        cdef Value condition = empty, yes = empty, no = empty
        if not self.formula.parts[part.args[0]].symbols & self.varying:
            self.value(part.args[0], &condition)
            return self.value(part.args[1 if condition.number != 0 else 2], out)
        self.value(part.args[1], &yes)
        self.value(part.args[2], &no)
        if same(yes, no):
            out[0] = yes
            return 0
        self.value(part.args[0], &condition)
        if condition.node < 0:
            out[0] = yes if condition.number != 0 else no
            return 0
        out.node = self.tape.choice(condition.node, yes.node if yes.node >= 0 else -1, no.node if no.node >= 0 else -1,
                                    numeric(self.tape, yes), numeric(self.tape, no))
        return 0


# --- to Python and back -----------------------------------------------------------------------------------------------


cdef Value value_of(Tape tape, object x):
    """Return a scalar as a value; ``OTHER`` where it is more than a node or a number."""
    cdef Value out = empty
    cdef Recorded one
    if x is None:
        return out
    out.node = OTHER
    if type(x) is Recorded:
        # An array without axes is read as a number.
        one = <Recorded> x
        if one.tape is tape and one.kind == c"f" and one.shape == () and one.cell.data != NULL:
            x = one[()]
    if type(x) is RecordedScalar:
        one = <Recorded> x
        if one.tape is tape and one.held is None and one.cell is None and one.kind == c"f":
            out.node = one.place
    elif isinstance(x, (float, int)):
        out = constant(x)
    elif isinstance(x, (np.ndarray, np.generic)) and x.shape == () and x.dtype == np.float64:
        out = constant(x)
    return out


cdef object object_of(Tape tape, Value x):
    """Return a recorded number or NumPy's float; None for nothing."""
    return None if x.node == NOTHING else tape.handle(x.node) if x.node >= 0 else np.float64(x.number)


# --- what varies ------------------------------------------------------------------------------------------------------


cdef char *dependent(Tape tape, inputs, Py_ssize_t end) except NULL:
    """Return, for each node before ``end``, whether it depends on the inputs; the caller frees it."""
    cdef char *varied = <char *> calloc(max(end, 1), 1)
    cdef Record record
    cdef int node, op, operand
    if varied == NULL:
        raise MemoryError
    for node in inputs:
        if node < end:
            varied[node] = 1
    for node in range(<int> end):
        op = tape.op[node]
        if op == GENERAL:
            record = <Record> tape.records[<Py_ssize_t> tape.at[node]]
            if record.kind != "discrete":
                for operand in record.operands:
                    if operand >= 0 and varied[operand]:
                        varied[node] = 1
                        break
        elif op > LEAF or op == READ or op == WRITE:
            if tape.a[node] >= 0 and varied[tape.a[node]] or tape.b[node] >= 0 and varied[tape.b[node]]:
                varied[node] = 1
    return varied


cdef int keep_needed(Tape tape, outputs, char *varied, Py_ssize_t end) except -1:
    """Leave the marks of those nodes only that the outputs are made of."""
    cdef char *needed = <char *> calloc(max(end, 1), 1)
    cdef int node, op, operand
    if needed == NULL:
        raise MemoryError
    for node in outputs:
        needed[node] = 1
    for node in range(<int> end - 1, -1, -1):
        varied[node] = varied[node] and needed[node]
        if not needed[node]:
            continue
        op = tape.op[node]
        if op == GENERAL:
            for operand in (<Record> tape.records[<Py_ssize_t> tape.at[node]]).operands:
                if operand >= 0:
                    needed[operand] = 1
        elif op != LEAF:
            if tape.a[node] >= 0:
                needed[tape.a[node]] = 1
            if tape.b[node] >= 0:
                needed[tape.b[node]] = 1
    free(needed)
    return 0
