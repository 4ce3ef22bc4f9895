"""The operations of a group made fewer: signs carried along, and two operations done as one; and their final form.

All of it is exact: -(a*b) is (-a)*b, x + (-y) is x - y, to the last bit and for zeros, infinities and NaN alike; only
the zeros of derivatives may get another sign, by -(a + b) for (-a) + (-b), and where a product is taken as zero.
"""

import math

cimport cython

from dualad._lower import OPCODES
from dualad._machine cimport OP_ADD, OP_DIVIDE, OP_MULTIPLY, OP_NEGATIVE, OP_SCALE, OP_SQUARE, OP_SUBTRACT

cdef enum:
    BLOCK = 1024      # doubles: largest and least block, and all temporaries of a block
    LEAST = 128
    CACHE = 3072

cdef dict FIRST = {OP_ADD: "add", OP_SUBTRACT: "subtract", OP_MULTIPLY: "multiply", OP_SCALE: "scale"}
# By the first operation, the second, and whether the second's right operand is the result of the first.
cdef dict PAIRS = {
    (one, two, right): OPCODES[f"{FIRST[one]}, {'from' if right and two == OP_SUBTRACT else FIRST[two]}"]
    for one in FIRST for two in FIRST for right in (0, 1)
}


@cython.no_gc
cdef class Member:
    """An operation of a group: operands are keys of members, or ``-1 - i`` for load i."""


cdef Member member(int key, int op, int function, list operands):
    cdef Member made = Member.__new__(Member)
    made.key, made.op, made.function, made.operands = key, op, function, operands
    return made


cdef class Group:
    """The operations of a group, in order; what they read; where results go; and the sums taken on the way.

    ``loads`` are ``(base, kind, byte offset, strides in bytes)``. ``stores`` are ``(key, where, copied)``: a result is
    computed where it will lie, or copied there at a block's end. ``sinks`` are ``(key, base, byte offset, length,
    inner)`` with length 0 for the sum of all elements.
    """

    cdef tuple negative_of(self, int x, dict uniform):
        """Return a load and its number if it is one number, which stands in ``uniform`` by its offset; else None."""
        if x >= 0:
            return None
        base, kind, offset, strides = self.loads[-1 - x]
        value = uniform.get(offset) if base == 1 else None
        return None if value is None or any(strides) else (kind, strides, value)


cdef Group group_of(tuple shape):
    cdef Group made = Group.__new__(Group)
    made.shape, made.members, made.loads, made.stores, made.sinks = shape, [], [], [], []
    return made


cdef set wanted_of(Group made):
    """Return the keys of results that leave the group."""
    return {entry[0] for entry in made.stores + made.sinks}


cdef class Signs:
    """Members rewritten so that a negated result is negated only where its user cannot do that for nothing."""

    cdef list made
    cdef object negated
    cdef set wanted
    cdef dict held             # of a key: what holds it
    cdef set minus             # keys that are held with the other sign
    cdef dict own              # of a key that is to be negated: the key that holds it after all
    cdef int next
    cdef int exact             # keys from it on are derivatives, where the sign of a zero does not matter

    def __init__(self, list members, negated, set wanted, int exact):
        cdef Member one
        self.made, self.negated, self.wanted, self.exact = [], negated, wanted, exact
        self.held, self.minus, self.own = {}, set(), {}
        self.next = 1
        for one in members:
            self.next = max(self.next, one.key + 1)
        for one in members:
            self.take(one)

    cdef int plain(self, int key) except? -1:
        """Return a key that holds a value itself."""
        cdef int held = self.held.get(key, key)
        if key not in self.minus:
            return held
        if key not in self.own:
            self.own[key] = self.next
            self.made.append(member(self.next, OP_NEGATIVE, 0, [held]))
            self.next += 1
        return self.own[key]

    cdef int take(self, Member one) except -1:
        cdef int key = one.key, op = one.op
        cdef list keys = [self.held.get(x, x) for x in one.operands]
        cdef list signs = [x in self.minus for x in one.operands]
        cdef bint minus
        if op == OP_NEGATIVE and key not in self.wanted:
            self.hold(key, keys[0], not signs[0])
            return 0
        if (op == OP_MULTIPLY or op == OP_DIVIDE or (op == OP_SCALE and key >= self.exact)) and True in signs:
            minus = signs[0] != signs[1]
            if minus:
                for i in (0, 1):
                    other = self.negated(keys[i])
                    if other is not None:
                        keys[i], minus = other, False
                        break
            if not minus or key not in self.wanted:
                self.made.append(member(key, op, one.function, keys))
                self.hold(key, key, minus)
                return 0
        elif op == OP_SQUARE:
            self.made.append(member(key, op, one.function, keys))
            return 0
        elif op == OP_ADD and signs[0] != signs[1]:
            self.made.append(member(key, OP_SUBTRACT, 0, keys if signs[1] else keys[::-1]))
            return 0
        elif op == OP_ADD and signs[0]:
            if key >= self.exact and key not in self.wanted:
                self.made.append(member(key, op, one.function, keys))
                self.hold(key, key, True)
            else:
                self.made.append(member(key, OP_SUBTRACT, 0, [self.plain(one.operands[0]), keys[1]]))
            return 0
        elif op == OP_SUBTRACT and signs[1]:
            self.made.append(member(key, OP_SUBTRACT if signs[0] else OP_ADD, 0, keys[::-1] if signs[0] else keys))
            return 0
        self.made.append(member(key, op, one.function, [self.plain(x) for x in one.operands]))
        return 0

    cdef int hold(self, int key, int held, bint minus) except -1:
        self.held[key] = held
        if minus:
            self.minus.add(key)
        return 0


cdef int signed(Group made, object negated, int exact) except -1:
    """Carry signs along; ``negated`` returns the operand that is a constant operand's negative, None for others.

    Keys from ``exact`` on are derivatives.
    """
    cdef Member one
    cdef bint found = False
    for one in made.members:
        found = found or one.op == OP_NEGATIVE
    if not found:
        return 0
    wanted = wanted_of(made)
    made.members = Signs(made.members, negated, wanted, exact).made
    for one in reversed(made.members):
        if one.key in wanted:
            wanted.update(one.operands)
    made.members = [one for one in made.members if one.key in wanted]
    return 0


cdef int paired(Group made) except -1:
    """Do an operation together with the only one that uses its result."""
    cdef dict uses = dict.fromkeys(wanted_of(made), 2)
    cdef dict at = {}
    cdef set gone = set()
    cdef Member one, first
    cdef int i
    for one in made.members:
        for x in one.operands:
            uses[x] = uses.get(x, 0) + 1
    for one in made.members:
        if one.op not in FIRST:
            continue
        for i in range(1, -1, -1):
            first = at.get(one.operands[i])
            if first is not None and uses[first.key] == 1:
                one.op = PAIRS[first.op, one.op, i]
                one.operands = [*first.operands, one.operands[1 - i]]
                gone.add(first.key)
                break
        else:
            at[one.key] = one
    if gone:
        made.members = [one for one in made.members if one.key not in gone]
    return 0


cdef int turned(Group made) except -1:
    """Take the axes in the order of the memory that results lie in; sums of rows need them as they are."""
    cdef list order
    if len(made.shape) < 2 or not made.stores or made.sinks:
        return 0
    order = sorted(range(len(made.shape)), key=[-abs(stride) for stride in made.stores[0][1][3]].__getitem__)
    if order == list(range(len(order))):
        return 0
    made.shape = tuple([made.shape[axis] for axis in order])
    made.loads = [(*load[:3], tuple([load[3][axis] for axis in order])) for load in made.loads]
    made.stores = [
        (key, (*where[:3], tuple([where[3][axis] for axis in order])), copied) for key, where, copied in made.stores
    ]
    return 0


cdef tuple written(Group made):
    """Return a group as the machine takes it, and the doubles of scratch memory that it needs."""
    cdef Member one
    cdef Py_ssize_t size = 1, inside, block, unit
    cdef int number = 0, slots = len(made.loads), temporaries = 0, i
    cdef dict last = {}, slot_of = {}
    cdef list idle = [], steps = [], taken = [], put = [], sinks = []
    cdef set placed = set(), direct = set(), kept = wanted_of(made)
    turned(made)
    axes, operands = merged(made.shape, made.loads + [store[1] for store in made.stores])
    for key, _, copied in made.stores:
        if not copied:
            placed.add(key)
    for one in made.members:
        for x in one.operands:
            last[x] = number
        number += 1
    for i in range(slots):
        slot_of[-1 - i] = i
    number = 0
    for one in made.members:
        key = one.key
        if idle and key not in placed:
            slot_of[key] = idle.pop()
        else:
            slot_of[key] = slots
            slots += 1
            temporaries += key not in placed
        steps.append((one.op, slot_of[key], one.function, tuple([slot_of[x] for x in one.operands])))
        for x in dict.fromkeys([*one.operands, key]):
            if x >= 0 and x not in kept and last.get(x, number) == number:
                idle.append(slot_of[x])
        number += 1
    for n in made.shape:
        size *= <Py_ssize_t> n
    inside = max(<Py_ssize_t> temporaries + len(made.loads) + len(made.stores), 1)
    block = max(LEAST, min(BLOCK, CACHE // inside // 8 * 8))
    rows = {length for _, _, _, length, inner in made.sinks if length and inner == 1}
    if rows:
        unit = math.lcm(*rows)
        block = max(1, block // unit) * unit
    for i in range(len(made.loads)):
        taken.append((*operands[i], i))
    for operand, (key, _, copied) in zip(operands[len(made.loads):], made.stores):
        copied = copied or key in direct
        put.append((*operand, -1 - slot_of[key] if copied else slot_of[key]))
        if not copied:
            direct.add(key)
    for key, *rest in sorted(made.sinks, key=is_by_rows):
        sinks.append((slot_of[key], *rest))
    return (axes, slots, block, tuple(taken), tuple(put), tuple(steps), tuple(sinks)), slots + slots * min(block, size)


def is_by_rows(sink):
    """Say whether a sum is one of rows: those of all elements come first."""
    return sink[3] > 0


cdef tuple merged(tuple shape, list operands):
    """Merge axes that lie one behind the other in every operand, and leave out those of length 1."""
    cdef list axes = [], strides = [[] for _ in operands]
    cdef Py_ssize_t n, last
    cdef int axis, i
    cdef bint behind
    cdef list s
    for axis in range(len(shape)):
        n = shape[axis]
        if n == 1:
            continue
        last = len(axes) - 1
        behind = last >= 0
        for i in range(len(operands)):
            if not behind:
                break
            s = <list> strides[i]
            behind = <Py_ssize_t> s[last] == <Py_ssize_t> (<tuple> (<tuple> operands[i])[3])[axis] * n
        if behind:
            axes[last] *= n
        else:
            axes.append(n)
        for i in range(len(operands)):
            s = <list> strides[i]
            stride = (<tuple> (<tuple> operands[i])[3])[axis]
            if behind:
                s[last] = stride
            else:
                s.append(stride)
    if not axes:
        axes.append(1)
        for s in strides:
            s.append(0)
    return tuple(axes), [(o[0], o[1], o[2], tuple(s)) for o, s in zip(operands, strides)]
