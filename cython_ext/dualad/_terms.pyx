"""Partials, and partials times tangents or cotangents, written on a tape as operations on arrays.

What ``dualad._formulas`` does for scalars: formulas are lists of parts, and what is constant leaves no node. A formula
that has no such list is left to Python (``dualad.transforms.folding``).
"""

cimport cython
cimport numpy as cnp
from libc.math cimport isfinite

import numpy as np

from dualad.duck import kernels as duck
from dualad.duck.scale import scaled
from dualad.ops.formula import symbols_of
from dualad.ops.lanes import grow, sum_to
from dualad.ops.table import TABLE
from dualad.reverse.pull import written
from dualad.transforms import parts as kinds
from dualad.transforms.folding import folded

from dualad._duck cimport ADD, DIVIDE, MULTIPLY, POWER, ROWS, SUBTRACT, DuckArray
from dualad._formulas cimport formula_at
from dualad._record cimport Shape
from dualad._rule cimport RULES, Rule, rule_of
from dualad._tape cimport Recorded, RecordedScalar

cnp.import_array()

cdef int IS_CONSTANT = kinds.CONSTANT, IS_SYMBOL = kinds.SYMBOL
cdef int IS_COMPARISON = kinds.COMPARISON, IS_CHOICE = kinds.CHOICE
cdef object scale = duck.scale
cdef tuple COMPARED = (np.less, np.less_equal, np.equal, np.not_equal, np.greater, np.greater_equal)

cdef int add_code = rule_of(ROWS[<int> ADD]).code
cdef int subtract_code = rule_of(ROWS[<int> SUBTRACT]).code
cdef int multiply_code = rule_of(ROWS[<int> MULTIPLY]).code
cdef int divide_code = rule_of(ROWS[<int> DIVIDE]).code
cdef int power_code = rule_of(ROWS[<int> POWER]).code
cdef int float_power_code = rule_of(TABLE.named("float_power")).code
cdef Rule scale_rule = rule_of(TABLE.functions[scale])
cdef object FLOAT = np.float64, number_type = np.number, errstate = np.errstate


# --- numbers and shapes -----------------------------------------------------------------------------------------------


cdef tuple shape_of(object x):
    """Return the shape of anything."""
    if type(x) is float or type(x) is FLOAT or type(x) is int or type(x) is RecordedScalar:
        return ()
    if type(x) is Shape:
        return (<Shape> x).shape
    found = getattr(x, "shape", None)
    return np.shape(x) if found is None else found


cdef inline bint is_doubles(object x) noexcept:
    """Say whether all numbers of an array are doubles one behind the other."""
    return type(x) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE and \
        cnp.PyArray_ISCARRAY_RO(<cnp.ndarray> x)


cdef bint is_spread(object x) noexcept:
    """Say whether an array holds doubles, wherever they lie."""
    return (type(x) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE
            and cnp.PyArray_ISALIGNED(<cnp.ndarray> x) and cnp.PyArray_ISNOTSWAPPED(<cnp.ndarray> x)
            and cnp.PyArray_SIZE(<cnp.ndarray> x) > 0)


cpdef object constant_of(object x):
    """Return the number that a constant is everywhere, None where there is no such number."""
    cdef double *data
    cdef double first
    cdef Py_ssize_t k, n
    if isinstance(x, DuckArray):
        return None
    if isinstance(x, (int, float)):
        return float(x)
    if is_doubles(x):
        n, data = cnp.PyArray_SIZE(<cnp.ndarray> x), <double *> cnp.PyArray_DATA(<cnp.ndarray> x)
        if n == 0 or data[n - 1] != data[0]:
            return None if n != 1 else data[0]
        first = data[0]
        for k in range(n):
            if data[k] != first:
                return None
        return first
    if is_spread(x) and any((<object> x).strides):
        return constant_of_spread(<cnp.ndarray> x)
    if x.size == 0:
        return None
    one = x.item(0)
    # Of most constants all elements are one number in memory.
    return float(one) if not any(x.strides) or np.all(x == one) else None


cdef object constant_of_spread(cnp.ndarray x):
    """Return the number that all elements are, None where they differ, without a look at all of them then."""
    cdef cnp.flatiter it = cnp.PyArray_IterNew(x)
    cdef double first = (<double *> cnp.PyArray_ITER_DATA(it))[0]
    while cnp.PyArray_ITER_NOTDONE(it):
        if (<double *> cnp.PyArray_ITER_DATA(it))[0] != first:
            return None
        cnp.PyArray_ITER_NEXT(it)
    return first


cdef bint is_harmless(object x) except -1:
    """Say whether a constant is neither zero nor infinite anywhere."""
    cdef double *data
    cdef Py_ssize_t k
    cdef cnp.flatiter it
    if is_spread(x) and cnp.PyArray_ISONESEGMENT(<cnp.ndarray> x):
        data = <double *> cnp.PyArray_DATA(<cnp.ndarray> x)
        for k in range(cnp.PyArray_SIZE(<cnp.ndarray> x)):
            if data[k] == 0 or not isfinite(data[k]):
                return False
        return True
    if is_spread(x):
        it = cnp.PyArray_IterNew(x)
        while cnp.PyArray_ITER_NOTDONE(it):
            data = <double *> cnp.PyArray_ITER_DATA(it)
            if data[0] == 0 or not isfinite(data[0]):
                return False
            cnp.PyArray_ITER_NEXT(it)
        return True
    return bool(np.all(np.isfinite(x) & (x != 0)))


cdef tuple together(tuple one, tuple other):
    """Return the shape of two arrays that are broadcast against each other."""
    if one == other or not other:
        return one
    return other if not one else np.broadcast_shapes(one, other)


cdef bint is_plain(object x) noexcept:
    """Say whether an operand is an array of NumPy's or a number that is as good as a double."""
    return type(x) is cnp.ndarray or type(x) is float or type(x) is int or type(x) is FLOAT


cdef object operation(Tape tape, Rule rule, tuple args):
    """Write an elementwise operation, without the detour through NumPy's protocol where that leads here again."""
    cdef Recorded acting = None
    if rule.row.dispatches and not (rule.code == power_code and type(args[0]) is cnp.ndarray):
        for x in args:
            if type(x) is Recorded or type(x) is RecordedScalar:
                if (<Recorded> x).tape is not tape:
                    return rule.row.call(args)
                acting = <Recorded> x
            elif not is_plain(x):
                return rule.row.call(args)
        if acting is not None:
            return acting.elementwise(rule.row, rule.row.function, args)
    return rule.row.call(args)


# --- products and sums ------------------------------------------------------------------------------------------------


cpdef object times(object partial, object g):
    """Return ``partial * g``; constants are multiplied now, and the factors 0, 1 and -1 leave no node."""
    cdef bint plain = not isinstance(partial, DuckArray)
    cdef bint plain_g = not isinstance(g, DuckArray)
    cdef object left = constant_of(partial) if plain else None
    cdef object right = constant_of(g) if plain_g else None
    if plain and plain_g:
        if left is None or right is None or not shape_of(g) or getattr(partial, "dtype", g.dtype) != g.dtype:
            return scaled(partial, g)
        return everywhere(np.asarray(scaled(left, right), g.dtype), together(shape_of(partial), shape_of(g)))
    if right is not None:
        made = multiple(partial, right)
        shape = together(shape_of(made), shape_of(g))
        return made if shape_of(made) == shape else np.broadcast_to(made, shape)
    if left is not None:
        shape = shape_of(partial)
        return multiple(g, left) if not shape or shape == shape_of(g) else partial * g
    # A constant that is neither zero nor infinite anywhere needs no care.
    if plain and is_harmless(partial) or plain_g and is_harmless(g):
        return partial * g
    if type(partial) is Recorded:
        return operation((<Recorded> partial).tape, scale_rule, (partial, g))
    return scale(partial, g)


cdef object everywhere(object number, tuple shape):
    """Return an array that is a number everywhere, which it holds once: ``np.broadcast_to`` in a tenth of the time."""
    made = np.ndarray(shape, number.dtype, number, 0, (0,) * len(shape))
    made.flags.writeable = False
    return made


cdef object multiple(object x, double factor):
    if factor == 0:
        shape = shape_of(x)
        return np.zeros(shape, x.dtype) if shape else 0.0
    if x.dtype.kind != "f":
        return factor * x  # a condition is no number yet: two of them would be added by "or"
    return x if factor == 1 else -x if factor == -1 else factor * x


cpdef object plus(object left, object right):
    """Return ``left + right``, without a node where one is zero."""
    if isinstance(left, DuckArray) and isinstance(right, DuckArray):
        return left + right
    if constant_of(left) == 0.0 and shape_of(left) == shape_of(right):
        return right
    if constant_of(right) == 0.0 and shape_of(left) == shape_of(right):
        return left
    return left + right


# --- partials ---------------------------------------------------------------------------------------------------------


cdef bint is_number(object x, int number) except -1:
    """Say whether a part is a plain number, and this one."""
    if type(x) is int or type(x) is float or type(x) is FLOAT:
        return x == number
    return isinstance(x, (int, float, number_type)) and type(x) is not bool and bool(x == number)


cdef object written_with(Tape tape, Rule rule, tuple args):
    """Write an operation of a formula, without those that a factor of 1 or a term of 0 makes idle."""
    cdef int code = rule.code
    if len(args) == 2:
        left, right = args
        if code == multiply_code and (is_number(left, 1) or is_number(right, 1)):
            return right if is_number(left, 1) else left
        if code == add_code and (is_number(left, 0) or is_number(right, 0)):
            return right if is_number(left, 0) else left
        if code == power_code or code == float_power_code or code == divide_code:
            if is_number(right, 1) and isinstance(left, DuckArray):
                return left
            if code != divide_code and is_number(right, 0):
                return np.ones(shape_of(left))[()]
        if code == subtract_code and is_number(right, 0):
            return left
    return operation(tape, rule, args)


cdef bint is_same(object one, object other) except -1:
    """Say whether two values are one node; shared nodes make the same operation one node."""
    if isinstance(one, Recorded) and isinstance(other, Recorded):
        return (<Recorded> one).tape is (<Recorded> other).tape and (<Recorded> one).node() == (<Recorded> other).node()
    return one is other


@cython.final
cdef class Partial:
    """Writes the partials of one elementwise operation of one result; the operands are asked for when they are needed.

    An array that a rule reads after it was overwritten is copied, so one that is not read must not be asked for.
    """

    def __cinit__(self, Tape tape, int node, Record record):
        self.tape, self.node, self.record = tape, node, record
        self.bound = None

    cpdef object of(self, int i):
        """Write the partial in operand ``i``; None where it is zero or has no meaning."""
        cdef Record record = self.record
        cdef int k, count = len(record.operands)
        self.formula = formula_at(record.rule.code, i, 0)
        if self.formula.exponent >= 0 and record.operands[self.formula.exponent] < 0:
            exponent = record.primals[self.formula.exponent]
            if (type(exponent) is int or type(exponent) is float) and -3 <= exponent <= 4 and exponent == int(exponent):
                self.formula = formula_at(record.rule.code, i, <int> exponent + 4)
        if self.formula.n == 0:
            return None
        if self.bound is None:
            self.bound = [None] * (count + 1)
        if self.formula.n < 0:
            symbols = [self.symbol(k) for k in range(count + 1)]
            return folded(written(record.row, i)[0], dict(zip(symbols_of(record.row), symbols, strict=True)))
        if self.formula.n == 1:
            if self.formula.parts[0].kind == IS_CONSTANT:
                return self.formula.parts[0].number
            return self.symbol(self.formula.parts[0].code)
        self.varying = 0
        for k in range(count):
            primal = record.primals[k]
            if record.operands[k] >= 0 and type(primal) is not Shape or isinstance(primal, DuckArray):
                self.varying |= 1u << k
        self.varying |= 1u << count
        self.found = [None] * self.formula.n
        with errstate(all="ignore"):
            return self.value(self.formula.n - 1)

    cdef object symbol(self, int k):
        """Return what stands for an operand, or for the result."""
        cdef Record record = self.record
        if self.bound[k] is None:
            if k == len(record.operands):
                if self.tape.slot[self.node] < 0:
                    self.bound[k] = self.tape.handle(self.node)
                elif record.value is not None:
                    self.bound[k] = self.tape.handle(self.node, record.value)
            elif record.operands[k] < 0 or type(record.primals[k]) is Shape:
                self.bound[k] = record.primals[k]
            else:
                self.bound[k] = self.tape.handle(record.operands[k], record.primals[k])
        return self.bound[k]

    cdef object value(self, int k):
        """Return the value of a part, written once."""
        cdef int kind = self.formula.parts[k].kind
        cdef int *args = self.formula.parts[k].args
        cdef double number
        if kind == IS_CONSTANT:
            number = self.formula.parts[k].number
            # A whole number leaves the type of an array as it is, and so does any other.
            return int(number) if number.is_integer() else number
        if kind == IS_SYMBOL:
            return self.symbol(self.formula.parts[k].code)
        if self.found[k] is None:
            if kind == IS_CHOICE:
                self.found[k] = self.choose(args[0], args[1], args[2])
            else:
                parts = (self.value(args[0]),) if args[1] < 0 else (self.value(args[0]), self.value(args[1]))
                if kind == IS_COMPARISON:
                    self.found[k] = COMPARED[self.formula.parts[k].code](*parts)
                else:
                    self.found[k] = written_with(self.tape, <Rule> RULES[self.formula.parts[k].code], parts)
        return self.found[k]

    cdef object choose(self, int condition, int yes, int no):
        if not self.formula.parts[condition].symbols & self.varying:
            outcome = self.value(condition)
            if np.ndim(outcome) == 0:
                return self.value(yes if outcome else no)
        branches = self.value(yes), self.value(no)
        if is_same(branches[0], branches[1]) and shape_of(branches[0]) == self.record.shape:
            return branches[0]
        if type(branches[0]) in (int, float) and type(branches[1]) in (int, float):
            # Two whole numbers would make an array of whole numbers.
            dtype = self.record.dtype if self.record.dtype is not None else np.dtype(float)
            branches = dtype.type(branches[0]), dtype.type(branches[1])
        return np.where(self.value(condition), *branches)


cdef object back_to(object term, Py_ssize_t ndim, tuple shape):
    """Sum what broadcasting an operand has repeated."""
    cdef tuple own = shape_of(term)
    return term if len(shape) == ndim and own[len(own) - ndim:] == shape else sum_to(term, ndim, shape)


cdef object grown(object t, Py_ssize_t ndim, Py_ssize_t to):
    """Put axes of size 1 before those of an operand, behind the lanes."""
    return t if to <= ndim else grow(t, ndim, to)


cdef object spread(object t, tuple shape):
    """Broadcast a tangent to the shape of a result, lanes kept."""
    cdef tuple own = shape_of(t)
    cdef tuple wide = own[:len(own) - len(shape)] + shape if len(own) > len(shape) else shape
    return t if own == wide else np.broadcast_to(t, wide)
