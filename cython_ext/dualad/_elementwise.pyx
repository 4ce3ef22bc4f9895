"""Elementwise rules on dual and hyper-dual arrays: the value is NumPy's, the tangents come from the row's kernels."""

cimport numpy as cnp
from libc.float cimport DBL_MIN
from libc.math cimport NAN, fabs, isfinite, pow as c_pow
from libc.string cimport memcpy

import numpy as np

from dualad import errors
from dualad.ops import code as codes, formula, settle
from dualad.ops.table import TABLE, NoTangent, Todo

from dualad._blocks cimport empty
from dualad._duck cimport (ADD, DIVIDE, FUNCTIONS, MULTIPLY, NEGATIVE, POWER, ROWS, SUBTRACT, DuckArray)
from dualad._forward cimport Forward, make, make_array, new_scalar, number, rules
from dualad._kernel cimport MOST, Kernel, Lanes, Loops, call_scalar, loops_of
from dualad._table cimport opcode_of, table_partials, table_second

cnp.import_array()

# The Python side, handed over once when dualad.forward is imported.
cdef object lift, generic


def hang(rule_by_functions, lifter):
    """Take the rule that NumPy's functions evaluate."""
    global lift, generic
    generic, lift = rule_by_functions, lifter


# --- the rules of a row, prepared for numbers ------------------------------------------------------------------------

cdef enum:
    COUNT = 8
    LARGE = 8192  # elements of a value for which memory is kept

cdef double[COUNT] settled_numbers = settle.NUMBERS


cdef class Prepared:
    """An elementwise row with its kernels, made when first needed: one for each set of active arguments."""

    cdef object row
    cdef int arguments
    cdef int outputs
    cdef int opcode            # where C knows the partials by itself; else -1
    cdef bint whole            # some argument is an integer, for which other loops serve
    cdef int exponent          # the argument for which plain numbers are put into the formulas, or -1
    cdef Loops loops           # the loop over doubles for a single value, where there is one
    cdef dict kernels
    cdef list usual            # the kernels for up to 3 arguments, none of them whole, by number, active and order

    cdef int settled(self, unsigned int active, double given) noexcept:
        """Return which of the numbers an exponent is, counted from 1; 0 where it is another one, or varies."""
        cdef int i
        if not active >> self.exponent & 1:
            for i in range(COUNT):
                if given == settled_numbers[i]:
                    return i + 1
        return 0

    cdef Kernel kernel(self, unsigned int active, unsigned int whole, bint twice, int settled):
        """Return the kernel, or None where a formula must be evaluated by NumPy's functions."""
        cdef long key = (<long> active << 20) | (<long> settled << 16) | (<long> whole << 4) | twice
        cdef bint is_usual = whole == 0 and active < 8
        if is_usual:
            found = self.usual[16 * settled + 2 * active + twice]
            if found is not None:
                return <Kernel> found
        if key in self.kernels:
            return self.kernels[key]
        chosen = tuple([i for i in range(self.arguments) if active >> i & 1])
        refuse_unless_written(self.row, chosen, twice)
        lower = codes.second_code if twice else codes.first_code
        whole_ones = tuple([bool(whole >> i & 1) for i in range(self.arguments)])
        code = lower(self.row, chosen, whole_ones, settled_numbers[settled - 1] if settled else None)
        made = None if code is None or code.slots > 64 else Kernel(code)
        self.kernels[key] = made
        if is_usual:
            self.usual[16 * settled + 2 * active + twice] = made
        return made


def refuse_unless_written(row, active, bint twice):
    """Raise the sentence for a partial that has no meaning or is not written."""
    known = formula.partials(row)
    marks = [(i, known[i][o]) for i in active for o in range(row.outputs)]
    if twice:
        derived = formula.second(row)
        marks += [(i, derived[i, j, o]) for i in active for j in active if j <= i for o in range(row.outputs)]
    for i, mark in marks:
        if isinstance(mark, Todo):
            raise errors.NotWritten(errors.not_written(row.name, row.args[i], mark.reason))
        if mark is NoTangent:
            raise errors.DiscreteArgument(errors.discrete_argument(row.name, row.args[i]))


cdef dict prepared_rows = {}


cdef Prepared prepare(object row):
    cdef Prepared made
    found = prepared_rows.get(row)
    if found is not None:
        return <Prepared> found
    made = Prepared.__new__(Prepared)
    made.row = row
    made.arguments = len(row.args)
    made.outputs = row.outputs
    made.opcode = opcode_of(row)
    made.whole = any([interval.integer for interval in row.domain])
    made.kernels = {}
    made.exponent = settle.exponent(row)
    made.usual = [None] * (16 * (COUNT + 1 if made.exponent >= 0 else 1))
    made.loops = None
    if isinstance(row.function, np.ufunc) and row.outputs == 1 and not made.whole:
        loops = loops_of(row.function, made.arguments)
        made.loops = loops if loops.found else None
    prepared_rows[row] = made
    return made


cdef type float64 = np.float64
cdef list by_operator = [prepare(row) for row in ROWS]


# --- scalars ---------------------------------------------------------------------------------------------------------


cdef inline bint scalar_operand(Forward self, object given, double *x, unsigned int *active, int i, Lanes *t,
                                int *used) except -1:
    """Read an operand of a scalar operation; False where it is no scalar that is known here."""
    cdef Forward other
    if type(given) is type(self):
        other = <Forward> given
        if not other.inside or other.level != self.level:
            return False
        self.check_same(other)
        x[0] = other.v
        active[0] |= 1 << i
        t[used[0]].at, t[used[0]].lane, t[used[0]].element = other.t, 1, 0
        used[0] += 1
        return True
    if isinstance(given, float) or type(given) is int:
        x[0] = given
        return True
    return False


cdef inline bint may_warn(double v, double *x, int count) noexcept:
    """Say whether NumPy may have something to say about a value: it is not finite, or lost digits near zero."""
    cdef int i
    if isfinite(v) and fabs(v) >= DBL_MIN:
        return False
    if v == 0:
        for i in range(count):
            if x[i] == 0:
                return False
    return True


# x**2 and its kin have rules that cost less than that of x**y.
cdef dict POWERS = {
    exponent: prepare(TABLE.named(name))
    for exponent, name in ((2, "square"), (0.5, "sqrt"), (-1, "reciprocal"), (1, "positive"))
}


cdef object operate(Forward self, int op, object left, object right):
    cdef double x[2]
    cdef double v
    cdef unsigned int active = 0
    cdef Lanes t[2]
    cdef int used = 0
    cdef Prepared rule = <Prepared> by_operator[op]
    if op == POWER and (isinstance(right, float) or type(right) is int):
        rule = POWERS.get(right, rule)
    if (self.inside and op <= NEGATIVE and scalar_operand(self, left, &x[0], &active, 0, t, &used)):
        if op == NEGATIVE:
            return scalar_result(self, rule, active, x, -x[0], t)
        if scalar_operand(self, right, &x[1], &active, 1, t, &used):
            if op == MULTIPLY:
                v = x[0] * x[1]
            elif op == ADD:
                v = x[0] + x[1]
            elif op == SUBTRACT:
                v = x[0] - x[1]
            elif op == DIVIDE and x[1] != 0:
                v = x[0] / x[1]
            elif op == POWER:
                v = c_pow(x[0], x[1])
            else:
                v = NAN
            # NumPy warns of an overflow or an invalid operation: let it do so where the result says there was one.
            if not may_warn(v, x, 2) or ((op == ADD or op == SUBTRACT) and isfinite(v)):
                return scalar_result(self, rule, active, x, v, t)
    return array_result(self, rule, op, FUNCTIONS[op], (left,) if op >= NEGATIVE else (left, right))


cdef object elementwise(Forward self, object row, object function, tuple inputs):
    cdef Prepared rule = prepare(row)
    cdef double x[MOST]
    cdef Lanes t[MOST]
    cdef unsigned int active = 0
    cdef int i = 0, used = 0
    cdef double v
    if self.inside and rule.loops is not None and function is rule.loops.ufunc and len(inputs) == rule.arguments:
        for given in inputs:
            if not scalar_operand(self, given, &x[i], &active, i, t, &used):
                break
            i += 1
        if i == rule.arguments:
            v = call_scalar(rule.loops, x)
            if not may_warn(v, x, i):
                return scalar_result(self, rule, active, x, v, t)
    return array_result(self, rule, -1, function, inputs)


cdef bint by_switch(Prepared rule, unsigned int active, double *x, double v, int k1, int k2, Py_ssize_t lanes,
                    Lanes *t, double *out) noexcept nogil:
    """Write the lanes of a scalar where C knows the partials by itself; say whether it does.

    It does what the kernel does, to the last bit: nothing times infinity is nothing.
    """
    cdef double[4] d = [0, 0, 0, 0]
    cdef double[10] dd
    cdef double s, total
    cdef int bits = table_partials(rule.opcode, x, v, d)
    cdef int pairs = table_second(rule.opcode, x, v, dd) if k2 else 0
    cdef int i, j, r, here, there
    cdef Py_ssize_t lane
    if bits < 0 or pairs < 0 or active & ~bits:
        return False
    for lane in range(lanes):
        total = 0
        here = 0
        for i in range(rule.arguments):
            if active >> i & 1:
                s = t[here].at[lane]
                here += 1
                if s != 0 and d[i] != 0:
                    total += d[i] * s
        out[lane] = total
    if pairs:
        here = 0
        for i in range(rule.arguments):
            there = 0
            for j in range(i + 1):
                r = i * (i + 1) // 2 + j
                if active >> i & 1 and active >> j & 1 and pairs >> r & 1:
                    cross(dd[r], k1, k2, t[here].at, t[there].at, out + k1 + k2)
                    if i != j:
                        cross(dd[r], k1, k2, t[there].at, t[here].at, out + k1 + k2)
                there += active >> j & 1
            here += active >> i & 1
    return True


cdef inline void cross(double d, int k1, int k2, double *left, double *right, double *out) noexcept nogil:
    cdef int a, b
    if d == 0:
        return
    for a in range(k1):
        if left[a] != 0:
            for b in range(k2):
                if right[k1 + b] != 0:
                    out[a * k2 + b] += d * (left[a] * right[k1 + b])


cdef object scalar_result(Forward like, Prepared rule, unsigned int active, double *x, double v, Lanes *t):
    """Return the scalar with value ``v`` and the tangents that the row's partials give."""
    cdef Forward out = new_scalar(like)
    cdef Kernel kernel
    cdef double *at[MOST]
    cdef double *value = &out.v
    cdef char fixed[MOST]
    cdef int i, count = 0
    out.v = v
    if by_switch(rule, active, x, v, like.k1, like.k2, like.lanes, t, out.t):
        return out
    kernel = rule.kernel(active, 0, like.k2 > 0, rule.settled(active, x[rule.exponent]) if rule.exponent >= 0 else 0)
    if kernel is None:
        return spelled_out(like, rule, active, x, v, t)
    for i in range(rule.arguments):
        at[i] = &x[i]
        fixed[i] = 0
        count += active >> i & 1
    kernel.forward(1, count, at, fixed, &value, like.k1, like.k2, like.lanes, t, &out.t)
    return out


cdef object spelled_out(Forward like, Prepared rule, unsigned int active, double *x, double v, Lanes *t):
    """Evaluate a rule on scalars by NumPy's functions, for a formula without C loops."""
    cdef Forward given
    cdef int i, used = 0
    inputs = []
    for i in range(rule.arguments):
        if active >> i & 1:
            given = new_scalar(like)
            given.v = x[i]
            memcpy(given.t, t[used].at, like.lanes * sizeof(double))
            inputs.append(given)
            used += 1
        else:
            inputs.append(x[i])
    return generic(like, rule.row, inputs, number(v))


cdef int without_axes(tuple inputs, list primals) except -1:
    """Put an array without axes for a number beside an array: the same to NumPy, and sooner understood."""
    cdef int i
    cdef cnp.ndarray small
    for i in range(2):
        if (isinstance(inputs[i], Forward) and (<Forward> inputs[i]).inside and isinstance(primals[1 - i], cnp.ndarray)
                and cnp.PyArray_NDIM(<cnp.ndarray> primals[1 - i])):
            small = <cnp.ndarray> cnp.PyArray_SimpleNew(0, NULL, cnp.NPY_DOUBLE)
            (<double *> cnp.PyArray_DATA(small))[0] = (<Forward> inputs[i]).v
            primals[i] = small
    return 0


# --- arrays ----------------------------------------------------------------------------------------------------------


cdef object array_result(Forward self, Prepared rule, int op, object function, tuple inputs):
    """Return ``function(*inputs)`` with its tangents; at least one input is of this level."""
    cdef unsigned int active = 0, whole = 0
    cdef bint nested = False
    cdef int settled = 0, i = 0
    cdef Kernel kernel
    cdef cnp.ndarray room = None
    cdef list primals = [], given = []
    for x in inputs:
        primal = x
        if isinstance(x, DuckArray):
            if (<DuckArray> x).level == self.level:
                self.check_same(<Forward?> x)
                active |= 1 << i
                primal = (<Forward> x).bare()
                # The tangents alone may vary with an outer derivative: the direction of a jvp.
                nested = nested or isinstance(primal, DuckArray) or isinstance((<Forward> x).parts, DuckArray)
            else:
                nested = True
        else:
            if isinstance(x, (list, tuple)) or isinstance(x, cnp.ndarray) and type(x) is not cnp.ndarray:
                x = primal = np.asarray(x)
            if isinstance(x, cnp.ndarray) and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_OBJECT:
                return function(*[lift(np.asarray(y) if isinstance(y, (list, tuple)) else y) for y in inputs])
            if rule.whole and np.result_type(x).kind in "iub":
                whole |= 1 << i
        primals.append(primal)
        given.append(x)
        i += 1
    if rule.exponent >= 0:
        power = given[rule.exponent]
        settled = rule.settled(active, power) if isinstance(power, float) or type(power) is int else 0
    kernel = rule.kernel(active, whole, self.k2 > 0, settled)  # refused before NumPy sees the values
    if 0 <= op <= <int> DIVIDE and not nested:
        without_axes(inputs, primals)
    # Only a function with a loop from doubles to a double is sure to write into an array of doubles.
    if not nested and rule.loops is not None and (function is rule.loops.ufunc if op < 0 else op <= <int> DIVIDE):
        room = value_room(primals)
    if room is not None:
        value = rule.loops.ufunc(*primals, out=room)
    elif op == MULTIPLY:
        value = primals[0] * primals[1]
    elif op == ADD:
        value = primals[0] + primals[1]
    elif op == SUBTRACT:
        value = primals[0] - primals[1]
    elif op == DIVIDE:
        value = primals[0] / primals[1]
    elif nested and function is rule.row.function:
        value = rule.row.call(primals)
    else:
        value = function(*primals)
    if nested:
        return generic(self, rule.row, given[:rule.arguments], value)
    return numbers(self, rule, kernel, active, given, primals, value)


cdef cnp.ndarray value_room(list primals):
    """Return an array for a large value, or None where NumPy must say of which shape and type the value is.

    Blocks that are kept serve here too. With room given, a function still runs the loop that it would run without.
    """
    cdef cnp.ndarray like = None, one
    for x in primals:
        if type(x) is cnp.ndarray:
            one = <cnp.ndarray> x
            if cnp.PyArray_TYPE(one) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(one):
                return None
            if cnp.PyArray_NDIM(one) == 0:
                continue
            if like is not None and not cnp.PyArray_SAMESHAPE(one, like):
                return None
            like = one
        elif type(x) is not float and type(x) is not int and type(x) is not np.float64:
            return None
    if like is None or cnp.PyArray_SIZE(like) < LARGE:
        return None
    return empty(cnp.PyArray_NDIM(like), cnp.PyArray_DIMS(like))


cdef object checked(object value, list primals, str name):
    """Return a value that is real, or refuse it; some functions answer in complex numbers all the same (lambertw)."""
    if isinstance(value, tuple):
        return tuple([checked(y, primals, name) if y.dtype.kind == "c" else y for y in value])
    if type(value) is complex:
        value = np.complex128(value)
    if value.dtype.kind == "c" and not np.any(value.imag) and not any([np.iscomplexobj(x) for x in primals]):
        value = value.real.copy()
    errors.check_real(value.dtype, name)
    return value


cdef double *doubles(object source, object like, double *single, char *fixed, list keep) except NULL:
    """Return the doubles of an operand broadcast to the shape of ``like``; ``fixed`` says that one stands for all."""
    cdef cnp.ndarray found
    fixed[0] = not isinstance(source, cnp.ndarray) or cnp.PyArray_SIZE(<cnp.ndarray> source) == 1
    if fixed[0]:
        if not isinstance(source, cnp.ndarray):
            single[0] = source
        elif (cnp.PyArray_TYPE(<cnp.ndarray> source) == cnp.NPY_DOUBLE
                and cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray> source)):
            single[0] = (<double *> cnp.PyArray_DATA(<cnp.ndarray> source))[0]
        else:
            single[0] = source.item()
        return single
    found = <cnp.ndarray> source
    if not cnp.PyArray_SAMESHAPE(found, <cnp.ndarray> like):
        found = np.empty(like.shape)
        found[...] = source
    elif not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
        found = np.array(source, dtype=np.float64, order="C")
    if found is not source:
        keep.append(found)
    return <double *> cnp.PyArray_DATA(found)


cdef int point_at_lanes(Forward given, object like, Lanes *t, list keep) except -1:
    """Point ``t`` at the tangents of an operand, broadcast to the shape of ``like`` where they must be."""
    cdef cnp.ndarray found
    if given.inside:
        t.at, t.lane, t.element = given.t, 1, 0
        return 0
    found = <cnp.ndarray?> given.parts
    t.element = isinstance(given.held, cnp.ndarray) and cnp.PyArray_SIZE(<cnp.ndarray> given.held) != 1
    if t.element and not cnp.PyArray_SAMESHAPE(<cnp.ndarray> given.held, <cnp.ndarray> like):
        inner = given.shape
        found = np.empty((given.lanes,) + like.shape)
        found[...] = given.parts.reshape((given.lanes,) + (1,) * (like.ndim - len(inner)) + inner)
    elif not (cnp.PyArray_TYPE(found) == cnp.NPY_DOUBLE and cnp.PyArray_ISCARRAY_RO(found)):
        found = np.array(found, dtype=np.float64, order="C")
    if found is not given.parts:
        keep.append(found)
    t.at = <double *> cnp.PyArray_DATA(found)
    t.lane = cnp.PyArray_SIZE(found) // given.lanes if given.lanes else 0
    return 0


cdef object numbers(Forward self, Prepared rule, Kernel kernel, unsigned int active, list given, list primals,
                    object value):
    """Return the value with the tangents that the kernel of the row gives."""
    cdef double *x[MOST]
    cdef double *v[MOST]
    cdef double *out[MOST]
    cdef double single[2 * MOST]
    cdef Lanes t[MOST]
    cdef char fixed[MOST]
    cdef char ignored
    cdef int i, o, ndim = 0, used = 0
    cdef Py_ssize_t n = 1
    cdef cnp.npy_intp dims[65]  # NumPy has at most 64 axes
    cdef list keep = [], parts = []
    if kernel is None:
        return generic(self, rule.row, given, value)
    first = value[0] if rule.outputs > 1 else value
    if type(first) is not float64 and not (isinstance(first, cnp.ndarray)
                                           and cnp.PyArray_TYPE(<cnp.ndarray> first) == cnp.NPY_DOUBLE):
        value = checked(value, primals, rule.row.name)
        first = value[0] if rule.outputs > 1 else value
    if isinstance(first, cnp.ndarray):
        ndim = cnp.PyArray_NDIM(<cnp.ndarray> first)
        if ndim > 1 and cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray> first) \
                and not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> first):
            return turned(numbers(self, rule, kernel, active, turned(given, ndim), turned(primals, ndim),
                                  turned(value, ndim)), ndim)
        n = cnp.PyArray_SIZE(<cnp.ndarray> first)
        for i in range(ndim):
            dims[i + 1] = cnp.PyArray_DIM(<cnp.ndarray> first, i)
    dims[0] = self.lanes
    for i in range(rule.arguments):
        fixed[i] = 1
        x[i] = NULL
        if kernel.used[i]:
            x[i] = doubles(primals[i], first, &single[i], &fixed[i], keep)
        if active >> i & 1:
            point_at_lanes(<Forward> given[i], first, &t[used], keep)
            used += 1
    for o in range(rule.outputs):
        part = empty(ndim + 1, dims)
        parts.append(part)
        out[o] = <double *> cnp.PyArray_DATA(<cnp.ndarray> part)
        v[o] = NULL
        if kernel.used[rule.arguments + o]:
            v[o] = doubles(value[o] if rule.outputs > 1 else value, first, &single[MOST + o], &ignored, keep)
    if n * self.lanes > 8192:
        with nogil:
            kernel.forward(n, used, x, fixed, v, self.k1, self.k2, self.lanes, t, out)
    elif n:
        kernel.forward(n, used, x, fixed, v, self.k1, self.k2, self.lanes, t, out)
    if rule.outputs == 1:
        return make(self, value, parts[0])
    # A whole number among the results (the exponent of frexp) does not vary.
    return tuple([make(self, y, part) if y.dtype.kind == "f" else y for y, part in zip(value, parts)])


cdef object turned(object x, int ndim):
    """Return arrays with their axes in reverse, as arrays of ``ndim`` axes: column-major order becomes row-major."""
    if isinstance(x, list):
        return [turned(one, ndim) for one in x]
    if isinstance(x, tuple):
        return tuple([turned(one, ndim) for one in x])
    if isinstance(x, Forward):
        if (<Forward> x).inside or x.size == 1:
            return x
        lanes = (<Forward> x).parts
        missing = ndim - len(x.shape)
        lanes = lanes.reshape(lanes.shape[:1] + (1,) * missing + lanes.shape[1:])
        axes = (0,) + tuple(range(ndim, 0, -1))
        return make_array(<Forward> x, turned((<Forward> x).held, ndim), lanes.transpose(axes))
    if isinstance(x, cnp.ndarray) and x.ndim:
        return x.reshape((1,) * (ndim - x.ndim) + x.shape).T
    return x


rules.operate = operate
rules.elementwise = elementwise
