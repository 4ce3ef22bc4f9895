"""How dual and hyper-dual arrays meet the array rows of the table.

``lanes`` of an array are its tangents with the lane as first axis: k of them for a dual array; k1, then k2, then k1*k2
of second order for a hyper-dual one. Linear rules act on all lanes alike; the others add the terms of second order.
"""

cimport numpy as cnp

import numpy as np

from dualad import errors
from dualad.duck.levels import fresh_level
from dualad.ops.table import Bilinear, Linear

from dualad._forward cimport Forward, make

cnp.import_array()

cdef object no_floating_point_errors = np.errstate

# The Python side, handed over once when dualad.forward is imported.
cdef object any_forward, lift, rebuild, with_second_order, dual


def hang(indexing, generic, kernels):
    """Take the Python modules with the rules that are needed here."""
    global any_forward, lift, rebuild, with_second_order, dual
    any_forward, lift, with_second_order = indexing.any_forward, indexing.lift, generic.with_second_order
    rebuild, dual = kernels.rebuild, kernels.Dual


# --- the operands of a call ------------------------------------------------------------------------------------------


cdef class Call:
    """A call with its operands found: which arguments may carry derivatives, in the order of the rule.

    ``args`` and ``kwargs`` are the call without this derivative; ``primals`` and ``tangents`` are those of the
    operands, a tangent None for an operand that does not vary.
    """

    cdef long long level
    cdef tuple args
    cdef dict kwargs
    cdef list primals
    cdef list tangents

    def __cinit__(self, Forward like, row, tuple args, dict kwargs):
        cdef tuple names = row.operands
        cdef int i, count = len(names)
        cdef list kept = []
        self.level = like.level
        self.kwargs = kwargs
        self.primals, self.tangents = [], []
        if not (<str> names[0]).startswith("*"):
            for i in range(len(args)):
                kept.append(self.take(args[i]) if i < count else self.constant(row, f"number {i + 1}", args[i]))
            if kwargs:
                self.kwargs = {name: self.take(x) if name in names else self.constant(row, name, x)
                               for name, x in self.in_order(names, kwargs)}
        elif row.variadic:
            kept = [self.take(x) for x in args]
            self.constants(row, kwargs)
        else:
            name = (<str> names[0])[1:]
            sequence = args[0] if args else kwargs[name]
            parts = [self.take(x) for x in sequence]
            parts = tuple(parts) if isinstance(sequence, tuple) else parts
            if args:
                kept = [parts]
                kept += [self.constant(row, f"number {i + 2}", x) for i, x in enumerate(args[1:])]
                self.constants(row, kwargs)
            else:
                self.kwargs = dict(kwargs)
                self.kwargs[name] = parts
        self.args = tuple(kept)

    cdef list in_order(self, tuple names, dict kwargs):
        """Return named arguments, the operands first and in the order of the rule."""
        return ([(name, kwargs[name]) for name in names if name in kwargs]
                + [(name, x) for name, x in kwargs.items() if name not in names])

    cdef object take(self, x):
        """Note an operand and return its primal; a plain number stays one, which takes the type of the others."""
        cdef object primal
        if isinstance(x, Forward) and (<Forward> x).level == self.level:
            primal = (<Forward> x).bare()
            self.tangents.append(x._parts())
        else:
            if isinstance(x, (list, tuple)) and any_forward(x):
                return self.take(lift(np.array(x, dtype=object)))
            primal = x if x is None or isinstance(x, (str, cnp.ndarray)) or hasattr(x, "shape") else np.asarray(x)
            self.tangents.append(None)
        self.primals.append(primal)
        return x if isinstance(x, (float, int)) else primal

    cdef object constant(self, row, str name, x):
        """Return an argument that is no operand, and so must not vary."""
        if varies(x, self.level):
            raise errors.DiscreteArgument(errors.discrete_argument(row.path, name))
        return x

    cdef int constants(self, row, dict kwargs) except -1:
        for name, x in kwargs.items():
            self.constant(row, name, x)
        return 0


cdef bint varies(x, long long level):
    if isinstance(x, (list, tuple)):
        for part in x:
            if varies(part, level):
                return True
        return False
    return isinstance(x, Forward) and (<Forward> x).level == level


# --- rules -----------------------------------------------------------------------------------------------------------


def array_row(Forward like, row, tuple args, dict kwargs):
    """Call the function of an array row on arrays of this level."""
    cdef Call call = Call(like, row, args, kwargs)
    if row.dispatches:
        value = row.function(*call.args, **call.kwargs)
    else:
        value = row.call(call.args, call.kwargs)
    with no_floating_point_errors(all="ignore"):
        plan = row.plan(*call.args, **call.kwargs)
        if isinstance(row, Linear):
            lanes = plan.apply(*(call.tangents if len(call.tangents) == 1 else filled(call, like.lanes)))
        elif isinstance(row, Bilinear):
            lanes = product_rule(like, plan, call)
        else:
            lanes = ruled_lanes(like, plan, value, call)
    if isinstance(value, np.ndarray) and value.dtype.kind == "c" and lanes is not None:
        errors.check_result(value.dtype, row.name)
    return result(like, value, lanes, call)


cdef list filled(Call call, Py_ssize_t lanes):
    """The tangents, zeros for an operand that does not vary."""
    return [np.zeros((lanes,) + np.shape(x)) if t is None else t for x, t in zip(call.primals, call.tangents)]


cdef object result(Forward like, object value, object lanes, Call call):
    if isinstance(value, (tuple, list)):
        parts = [result(like, v, part, call) for v, part in zip(value, lanes, strict=True)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if lanes is None:
        return value
    if type(value) is float:
        value = np.float64(value)
    if value.dtype.num != cnp.NPY_DOUBLE:
        errors.check_real(value.dtype, "this function")
    value, lanes = alike(value, lanes, call)
    return make(like, value, lanes)


cdef object owner(object x):
    """Return the array that owns the memory of ``x``."""
    while isinstance(x, Forward):
        x = (<Forward> x).bare()
    if isinstance(x, cnp.ndarray):
        return x if cnp.PyArray_BASE(<cnp.ndarray> x) == NULL else <object> cnp.PyArray_BASE(<cnp.ndarray> x)
    return x


cdef tuple alike(object value, object lanes, Call call):
    """Make lanes a view where the value is one, so that assignment reaches the same elements of both."""
    cdef bint of_value = False, of_lanes = False
    cdef int i
    own_value, own_lanes = owner(value), owner(lanes)
    for i in range(len(call.primals)):
        of_value = of_value or own_value is owner(call.primals[i])
        of_lanes = of_lanes or own_lanes is owner(call.tangents[i])
    if of_lanes and not of_value:
        return value, np.copy(lanes)
    if of_value and not of_lanes and isinstance(value, cnp.ndarray):
        # The lanes lie in another order than the value and had to be copied: what cannot be right must not be written.
        value = value[...]
        value.setflags(write=False)
    return value, lanes


cdef object product_rule(Forward like, object plan, Call call):
    cdef int i, j, a
    cdef list primals = call.primals, tangents = call.tangents, both
    total = None
    for i in range(len(tangents)):
        if tangents[i] is not None:
            both = primals.copy()
            both[i] = tangents[i]
            term = plan.apply(*both)
            total = term if total is None else total + term
    if not like.k2:
        return total
    cross = [None] * like.k1
    for i in range(len(tangents)):
        for j in range(len(tangents)):
            if i == j or tangents[i] is None or tangents[j] is None:
                continue
            for a in range(like.k1):
                both = primals.copy()
                both[i], both[j] = tangents[i][a], tangents[j][like.k1:like.k1 + like.k2]
                term = plan.apply(*both)
                cross[a] = term if cross[a] is None else cross[a] + term
    return total if cross[0] is None else with_second_order(total, np.stack(cross), like)


cdef object ruled_lanes(Forward like, object plan, object value, Call call):
    if not like.k2:
        return plan.jvp(value, call.primals, call.tangents)
    # A hyper-dual number is a dual number over dual numbers: the rule is differentiated in the second directions.
    cdef int k1 = like.k1, k2 = like.k2
    level = fresh_level()
    second = [None if lanes is None else lanes[k1:k1 + k2] for lanes in call.tangents]
    value_e2 = plan.jvp(value, call.primals, second)

    def inner(x, lanes):
        return x if lanes is None else rebuild(dual, level, k2, 0, x, lanes)

    def first(lanes):
        if lanes is None:
            return None
        e12 = np.reshape(lanes[k1 + k2:], (k1, k2) + lanes.shape[1:])
        return inner(lanes[:k1], np.moveaxis(e12, 0, 1))

    dual_primals = [inner(x, lanes) for x, lanes in zip(call.primals, second)]
    answer = plan.jvp(side_by_side(inner, value, value_e2), dual_primals, [first(lanes) for lanes in call.tangents])

    def together(e1, e2):
        if e1 is None:
            return None
        if isinstance(e1, Forward) and e1.level == level:
            e12 = np.moveaxis(e1._parts(), 0, 1)
            e1 = e1._primal()
        else:
            e12 = np.zeros((k1, k2) + e1.shape[1:])
        return np.concatenate([e1, e2, np.reshape(e12, (k1 * k2,) + e1.shape[1:])])

    return side_by_side(together, answer, value_e2)


cdef object side_by_side(object join, object one, object other):
    """Join two results, part by part where there are several."""
    if isinstance(one, (tuple, list)):
        return tuple([join(a, b) for a, b in zip(one, other, strict=True)])
    return join(one, other)
