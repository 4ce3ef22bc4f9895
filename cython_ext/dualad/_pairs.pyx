"""The operations of a group made fewer: signs carried along, and two operations done as one; and their final form.

All of it is exact: -(a*b) is (-a)*b, x + (-y) is x - y, to the last bit and for zeros, infinities and NaN alike; only
the zeros of derivatives may get another sign, by -(a + b) for (-a) + (-b), and where a product is taken as zero.
"""

import math

from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc

from dualad._scalars import OPCODES
from dualad._machine cimport OP_ADD, OP_DIVIDE, OP_MULTIPLY, OP_NEGATIVE, OP_SCALE, OP_SQUARE, OP_SUBTRACT

cdef enum:
    BLOCK = 1024      # doubles: largest and least block, and all temporaries of a block
    LEAST = 128
    CACHE = 3072

# By the first operation, the second, and whether the second's right operand is the result of the first.
cdef int[4][4][2] PAIRS
cdef int first_place, second_place, right_place
cdef list NAMES = ["add", "subtract", "multiply", "scale"]
for first_place in range(4):
    for second_place in range(4):
        for right_place in range(2):
            PAIRS[first_place][second_place][right_place] = OPCODES[
                f"{NAMES[first_place]}, {'from' if right_place and second_place == 1 else NAMES[second_place]}"
            ]


cdef inline int place_in_pairs(int op) noexcept:
    """Return the place of an operation among those that are done in pairs, -1 for others."""
    return 0 if op == OP_ADD else 1 if op == OP_SUBTRACT else 2 if op == OP_MULTIPLY else 3 if op == OP_SCALE else -1


cdef class Column:
    """A number for each key of a group."""

    cdef int *at

    def __cinit__(self, int n, int first):
        cdef int k
        self.at = <int *> PyMem_Malloc(max(n, 1) * sizeof(int))
        if self.at == NULL:
            raise MemoryError
        for k in range(n):
            self.at[k] = first

    def __dealloc__(self):
        PyMem_Free(self.at)


cdef class Group:
    """The operations of a group, in order; what they read; where results go; and the sums taken on the way.

    The operands of a member are keys of others, or ``-1 - i`` for load i.
    ``loads`` are ``(base, kind, byte offset, strides in bytes)``. ``stores`` are ``(key, where, copied)``: a result is
    computed where it will lie, or copied there at a block's end. ``sinks`` are ``(key, base, byte offset, length,
    inner)`` with length 0 for the sum of all elements.
    """

    def __dealloc__(self):
        PyMem_Free(self.members)

    cdef Member *member(self, int key, int op, int function, bint late) except NULL:
        """Put an operation behind the others; its operands follow."""
        cdef Member *made
        if self.n == self.room:
            made = <Member *> PyMem_Realloc(self.members, max(4, 2 * self.room) * sizeof(Member))
            if made == NULL:
                raise MemoryError
            self.members, self.room = made, max(4, 2 * self.room)
        made = &self.members[self.n]
        made.key, made.op, made.function, made.count, made.late = key, op, function, 0, late
        self.keys = max(self.keys, key + 1)
        self.n += 1
        return made

    cdef int operand(self, int x) except -1:
        """Give the last operation one more operand."""
        cdef Member *last = &self.members[self.n - 1]
        if last.count == MOST:
            raise ValueError("an operation of too many operands")
        last.operands[last.count] = x
        last.count += 1
        return 0

    cdef tuple negative_of(self, int x, dict uniform):
        """Return a load and its number if it is one number, which stands in ``uniform`` by its offset; else None."""
        if x >= 0:
            return None
        base, kind, offset, strides = self.loads[-1 - x]
        value = uniform.get(offset) if base == 1 else None
        return None if value is None or any(strides) else (kind, strides, value)


cdef Group group_of(tuple shape):
    cdef Group made = Group.__new__(Group)
    made.shape, made.loads, made.stores, made.sinks = shape, [], [], []
    return made


cdef Column wanted_of(Group made, int keys):
    """Return a column that says which results leave the group."""
    cdef Column wanted = Column(keys, 0)
    for entry in made.stores:
        wanted.at[<int> entry[0]] = 1
    for entry in made.sinks:
        wanted.at[<int> entry[0]] = 1
    return wanted


cdef class Signs:
    """Members rewritten so that a negated result is negated only where its user cannot do that for nothing."""

    cdef Group made            # the new members
    cdef object negated
    cdef int *wanted
    cdef int *held             # of a key: what holds it
    cdef int *minus            # whether it is held with the other sign
    cdef int *own              # of a key that is to be negated: the key that holds it after all
    cdef tuple columns
    cdef int next

    def __cinit__(self, Group given, object negated, Column wanted):
        cdef int k, keys = 2 * given.keys
        cdef Column held = Column(keys, 0), minus = Column(keys, 0), own = Column(keys, -1)
        self.columns = wanted, held, minus, own
        self.wanted, self.held, self.minus, self.own = wanted.at, held.at, minus.at, own.at
        for k in range(keys):
            self.held[k] = k
        self.made, self.negated, self.next = group_of(given.shape), negated, given.keys
        for k in range(given.n):
            self.take(&given.members[k])

    cdef int put(self, Member *like, int op, int a, int b) except -1:
        """Write an operation of one or two operands in place of another."""
        self.made.member(like.key, op, like.function, like.late)
        self.made.operand(a)
        if like.count > 1:
            self.made.operand(b)
        return 0

    cdef int plain(self, int key) except? -1:
        """Return a key that holds a value itself."""
        if key < 0 or not self.minus[key]:
            return self.held[key] if key >= 0 else key
        if self.own[key] < 0:
            self.own[key] = self.next
            self.made.member(self.next, OP_NEGATIVE, 0, False)
            self.made.operand(self.held[key])
            self.next += 1
        return self.own[key]

    cdef int take(self, Member *one) except -1:
        cdef int key = one.key, op = one.op, i, x
        cdef int keys[2]
        cdef bint signs[2]
        cdef bint minus
        signs[0] = signs[1] = False
        keys[0] = keys[1] = 0
        for i in range(min(one.count, 2)):
            x = one.operands[i]
            keys[i], signs[i] = (self.held[x], self.minus[x]) if x >= 0 else (x, False)
        if op == OP_NEGATIVE and not self.wanted[key]:
            self.hold(key, keys[0], not signs[0])
            return 0
        if (op == OP_MULTIPLY or op == OP_DIVIDE or (op == OP_SCALE and one.late)) and (signs[0] or signs[1]):
            minus = signs[0] != signs[1]
            if minus:
                for i in (0, 1):
                    other = self.negated(keys[i])
                    if other is not None:
                        keys[i], minus = other, False
                        break
            if not minus or not self.wanted[key]:
                self.put(one, op, keys[0], keys[1])
                self.hold(key, key, minus)
                return 0
        elif op == OP_SQUARE:
            return self.put(one, op, keys[0], keys[1])
        elif op == OP_ADD and signs[0] != signs[1]:
            return self.put(one, OP_SUBTRACT, keys[0 if signs[1] else 1], keys[1 if signs[1] else 0])
        elif op == OP_ADD and signs[0]:
            if one.late and not self.wanted[key]:
                self.put(one, op, keys[0], keys[1])
                self.hold(key, key, True)
                return 0
            x = self.plain(one.operands[0])
            return self.put(one, OP_SUBTRACT, x, keys[1])
        elif op == OP_SUBTRACT and signs[1]:
            if signs[0]:
                return self.put(one, OP_SUBTRACT, keys[1], keys[0])
            return self.put(one, OP_ADD, keys[0], keys[1])
        # The operands first: those that have to be negated are operations of their own.
        cdef int held[MOST]
        for i in range(one.count):
            held[i] = self.plain(one.operands[i])
        self.made.member(key, op, one.function, one.late)
        for i in range(one.count):
            self.made.operand(held[i])
        return 0

    cdef int hold(self, int key, int held, bint minus) except -1:
        self.held[key] = held
        self.minus[key] = minus
        return 0


cdef int signed(Group made, object negated) except -1:
    """Carry signs along; ``negated`` returns the operand that is a constant operand's negative, None for others."""
    cdef int k, i, x
    cdef bint found = False
    cdef Column wanted
    cdef Signs signs
    cdef Member *one
    for k in range(made.n):
        found = found or made.members[k].op == OP_NEGATIVE
    if not found:
        return 0
    wanted = wanted_of(made, 2 * made.keys)
    signs = Signs(made, negated, wanted)
    swap(made, signs.made)
    for k in range(made.n - 1, -1, -1):
        one = &made.members[k]
        if wanted.at[one.key]:
            for i in range(one.count):
                x = one.operands[i]
                if x >= 0:
                    wanted.at[x] = 1
    for k in range(made.n):
        made.members[k].op = made.members[k].op if wanted.at[made.members[k].key] else GONE
    return swept(made)


cdef enum:
    GONE = -1          # in place of an operation that is none any more


cdef int swap(Group made, Group other) except -1:
    """Exchange the members of two groups."""
    made.members, other.members = other.members, made.members
    made.n, other.n = other.n, made.n
    made.room, other.room = other.room, made.room
    made.keys, other.keys = other.keys, made.keys
    return 0


cdef int swept(Group made) except -1:
    """Leave out what is gone."""
    cdef int k, n = 0
    for k in range(made.n):
        if made.members[k].op != GONE:
            made.members[n] = made.members[k]
            n += 1
    made.n = n
    return 0


cdef int paired(Group made) except -1:
    """Do an operation together with the only one that uses its result."""
    cdef Column wanted = wanted_of(made, made.keys)
    cdef Column places = Column(made.keys, -1)
    cdef int *uses = wanted.at
    cdef int *at = places.at
    cdef Member *one
    cdef Member *first
    cdef int i, k, x, other
    for k in range(made.keys):
        uses[k] *= 2
    for k in range(made.n):
        one = &made.members[k]
        for i in range(one.count):
            if one.operands[i] >= 0:
                uses[one.operands[i]] += 1
    for k in range(made.n):
        one = &made.members[k]
        if place_in_pairs(one.op) < 0:
            continue
        for i in range(1, -1, -1):
            x = one.operands[i]
            if x >= 0 and at[x] >= 0 and uses[x] == 1:
                first = &made.members[at[x]]
                other = one.operands[1 - i]
                one.op = PAIRS[place_in_pairs(first.op)][place_in_pairs(one.op)][i]
                one.operands[0], one.operands[1], one.operands[2] = first.operands[0], first.operands[1], other
                one.count = 3
                first.op = GONE
                at[x] = -1
                break
        else:
            at[one.key] = k
    return swept(made)


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


cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *x)


cdef tuple closed(tuple numbers):
    """Return a tuple of numbers and such tuples, which the garbage collector is told to leave alone."""
    PyObject_GC_UnTrack(<void *> numbers)
    return numbers


cdef tuple written(Group made):
    """Return a group as the machine takes it, and the doubles of scratch memory that it needs."""
    cdef Member *one
    cdef Py_ssize_t size = 1, inside, block, unit
    cdef int number, slots = len(made.loads), temporaries = 0, i, k, x, key, idling = 0, loads = slots
    cdef Column held = wanted_of(made, made.keys), lasts = Column(made.keys, -1), slot_of = Column(made.keys, -1)
    cdef Column stored = Column(made.keys, 0), stack = Column(made.n, 0)
    cdef int *kept = held.at
    cdef int *last = lasts.at
    cdef int *slot = slot_of.at
    cdef int *placed = stored.at
    cdef int *idle = stack.at
    cdef list steps = [], taken = [], put = [], sinks = []
    cdef set direct = set()
    cdef tuple sources
    turned(made)
    axes, operands = merged(made.shape, made.loads + [store[1] for store in made.stores])
    for key, _, copied in made.stores:
        if not copied:
            placed[key] = 1
    for number in range(made.n):
        one = &made.members[number]
        for i in range(one.count):
            if one.operands[i] >= 0:
                last[one.operands[i]] = number
    for number in range(made.n):
        one = &made.members[number]
        key = one.key
        if idling and not placed[key]:
            idling -= 1
            slot[key] = idle[idling]
        else:
            slot[key] = slots
            slots += 1
            temporaries += not placed[key]
        sources = tuple([
            slot[one.operands[i]] if one.operands[i] >= 0 else -1 - one.operands[i] for i in range(one.count)
        ])
        steps.append(closed((one.op, slot[key], one.function, closed(sources))))
        # What is used for the last time, each once, and what nobody uses.
        for i in range(one.count + 1):
            x = one.operands[i] if i < one.count else key
            if x < 0 or kept[x] or (last[x] != number and last[x] >= 0):
                continue
            for k in range(i):
                if one.operands[k] == x:
                    break
            else:
                idle[idling] = slot[x]
                idling += 1
    for n in made.shape:
        size *= <Py_ssize_t> n
    inside = max(<Py_ssize_t> temporaries + loads + len(made.stores), 1)
    block = max(LEAST, min(BLOCK, CACHE // inside // 8 * 8))
    rows = {length for _, _, _, length, inner in made.sinks if length and inner == 1}
    if rows:
        unit = math.lcm(*rows)
        block = max(1, block // unit) * unit
    for i in range(loads):
        base, kind, offset, strides = operands[i]
        taken.append(closed((base, kind, offset, strides, i)))
    for operand, (key, _, copied) in zip(operands[loads:], made.stores):
        copied = copied or key in direct
        base, kind, offset, strides = operand
        put.append(closed((base, kind, offset, strides, -1 - slot[key] if copied else slot[key])))
        if not copied:
            direct.add(key)
    for key, *rest in sorted(made.sinks, key=is_by_rows):
        sinks.append(closed((slot[key], *rest)))
    found = axes, slots, block, closed(tuple(taken)), closed(tuple(put)), closed(tuple(steps)), closed(tuple(sinks))
    return closed(found), slots + slots * min(block, size)


def is_by_rows(sink):
    """Say whether a sum is one of rows: those of all elements come first."""
    return sink[3] > 0


cdef tuple merged(tuple shape, list operands):
    """Merge axes that lie one behind the other in every operand, and leave out those of length 1."""
    cdef list axes = [], strides
    cdef Py_ssize_t n, last
    cdef int axis, i
    cdef bint behind
    cdef list s
    if len(shape) == 1 and shape[0] != 1:
        return shape, operands
    strides = [[] for _ in operands]
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
