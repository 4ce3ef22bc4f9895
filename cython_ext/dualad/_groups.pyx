"""Elementwise operations of one shape and stage, fused to one group that runs block by block."""

cimport numpy as cnp
from libc.string cimport memcmp

import numpy as np

from dualad._scalars import OPCODES
from dualad._machine cimport OP_CALL, OP_GROUP, OP_MOVE, OP_MULTIPLY, OP_SQUARE, OP_SUM
from dualad._nodes cimport _NODE, Node
from dualad._pairs cimport Group, Member, group_of, paired, signed, written
from dualad._placing cimport Placing
from dualad._values cimport Value

cnp.import_array()

cdef dict WAVES = {np.sin: OPCODES["sine"], np.cos: OPCODES["cosine"]}
cdef object FLOAT = np.float64

cdef enum:
    FOREVER = 2147483647
    SOME = 16
    FEW = 16               # elements of a group that are computed one by one
    COPIED = 64            # and those that are copied so


cdef class Grouping(Placing):
    """Writes the groups of each stage, and the constants that they read."""

    def __init__(self, tape, set inputs):
        super().__init__(tape, inputs)
        self.groups = []
        self.functions = []
        self.bytes = []                    # of the constants: arrays of doubles
        self.constant_at = {}
        self.number_at = {}
        self.array_at = {}
        self.alike_at = {}
        self.uniform = {}
        self.listed = {}                    # of constants that are few numbers: the numbers, by their offset
        self.key_of = np.full(len(tape), -1, np.int32)
        self.temporaries = []              # places for what is not needed after its group
        self.constant_size = 1             # one that nobody reads, so that there are some
        self.exact = FOREVER               # nodes from the first on whose values are NumPy's to the bit

    def begin(self, scalars, int stage):
        """Write the groups of a stage."""
        cdef list direct = self.next_of(self.direct, &self.direct_at, stage), sinks = self.sinks.get(stage, [])
        cdef dict by_shape = {}, into = {}
        cdef Node node
        cdef int number
        for number in direct:
            self.prepare_write(scalars, number)
        for number in self.next_of(self.fused, &self.fused_at, stage):
            by_shape.setdefault(self.node_of(self.graph, number).value.shape, []).append(number)
        for number in direct + sinks:
            node = self.node_of(self.graph, number)
            into.setdefault((<_NODE> node.operands[len(node.operands) - 1]).number, []).append(number)
        for number, user in self.joins.get(stage, ()):
            into.setdefault(number, []).append(user)
        for shape, numbers in by_shape.items():
            self.fuse(scalars, shape, numbers, into)

    cdef int fuse(self, object scalars, tuple shape, list numbers, dict into) except -1:
        """Write the group of some elementwise nodes."""
        cdef Group made = group_of(shape)
        cdef dict load_of = {}, load_at = {}
        cdef int[::1] key_of = self.key_of
        cdef tuple spec
        cdef Node node
        cdef int key, number, other, op, function
        for key, number in enumerate(numbers):
            key_of[number] = key
        for key, number in enumerate(numbers):
            node = self.node_of(self.graph, number)
            op, function = node.op, 0
            if op == OP_CALL:
                if number >= self.exact:
                    op = WAVES.get(node.function[0], op)
                if op == OP_CALL:
                    function = scalars.function(node.function[0], node.function[1])
            made.member(key, op, function, number >= self.exact)
            for x in node.operands:
                at = None
                if type(x) is _NODE:
                    other = (<_NODE> x).number
                    if key_of[other] >= 0:
                        made.operand(key_of[other])
                        continue
                    at = load_at.get(other)
                if at is None:
                    spec = self.read(scalars, x, shape)
                    at = load_of.get(spec)
                    if at is None:
                        at = load_of[spec] = -1 - len(made.loads)
                        made.loads.append(spec)
                    if type(x) is _NODE:
                        load_at[other] = at
                made.operand(at)
        for key, number in enumerate(numbers):
            key_of[number] = -1
            if self.spots[number].needed:
                made.stores.append((key, self.spec(self.value_of(self.graph, number), shape), False))
            for user in into.get(number, ()):
                self.deliver(scalars, made, key, number, user)
        return self.emit(scalars, made)

    cdef int deliver(self, object scalars, Group made, int key, int number, int user) except -1:
        """Let a group put a result in a slice of an array, or sum it."""
        cdef Node node = self.node_of(self.graph, user)
        cdef Value part
        base, offset = (0, 8 * scalars.give(user)) if node.value is None else self.place(node.value)
        if node.way == "join":
            for x, part in node.function:
                if type(x) is _NODE and (<_NODE> x).number == number:
                    made.stores.append((key, (base, "d", offset + part.offset, part.strides), False))
        elif node.way == "write":
            part = node.function
            copied = base in [load[0] for load in made.loads]
            made.stores.append((key, (base, "d", offset + part.offset, part.strides), copied))
        else:
            outer, length, inner, _ = node.function.sizes
            made.sinks.append((key, base, offset, 0 if outer == inner == 1 else length, inner))
        return 0

    cdef int emit(self, object scalars, Group made) except -1:
        cdef Py_ssize_t size = 1, scratch
        if made.n > 1:
            signed(made, Negated(self, made))
        if self.as_numbers(scalars, made):
            return 0
        if made.n > 1:
            paired(made)
        found, scratch = written(made)
        self.scratch = max(self.scratch, scratch)
        for n in made.shape:
            size *= <Py_ssize_t> n
        self.work += (size + 20) * made.n
        scalars.code.emit(OP_GROUP, len(self.groups))
        self.groups.append(found)
        return 0

    cdef bint as_numbers(self, object scalars, Group made) except -1:
        """Write a group of few elements as operations on numbers, if that can be done; say whether it was.

        That takes a nanosecond or two for each, where a group takes a hundred and each of its steps twenty; and a
        program of numbers alone runs several rows at a time.
        """
        cdef Member *one
        cdef Py_ssize_t size = 1, i
        cdef int k, x
        cdef dict at = {}, to = {}
        cdef set read = set(), put = set()
        for n in made.shape:
            size *= <Py_ssize_t> n
        if not 0 < size <= FEW or not self.are_numbers(made, size):
            return False
        for i, load in enumerate(made.loads):
            at[-1 - i] = self.elements_of(scalars, load, made.shape)
            read.update(at[-1 - i])
        # A result is computed where it will lie, if nothing is read there and nothing else put there.
        for key, spec, _ in made.stores:
            found = places(spec, made.shape)
            if key not in to and not read.intersection(found) and not put.intersection(found):
                to[key] = found
            put.update(found)
        idle = iter(self.temporaries)
        for k in range(made.n):
            one = &made.members[k]
            found = to.get(one.key)
            if found is None:
                found = [next(idle, -1) for _ in range(size)]
                if found[size - 1] < 0:
                    found = [place if place >= 0 else self.temporary(scalars) for place in found]
            operands = [at[one.operands[x]] for x in range(one.count)]
            for i in range(size):
                sources = [operand[i] for operand in operands]
                if one.op == OP_SQUARE:
                    scalars.code.emit(OP_MULTIPLY, found[i], sources[0], sources[0])
                elif one.op == OP_CALL:
                    scalars.code.emit(OP_CALL, found[i], one.function, *sources)
                else:
                    scalars.code.emit(one.op, found[i], *sources)
            at[one.key] = found
        for key, spec, _ in made.stores:
            for place, source in zip(places(spec, made.shape), at[key]):
                if place != source:
                    scalars.code.emit(OP_MOVE, place, source)
        for key, _, offset, length, inner in made.sinks:
            length = length or size
            for i in range(size // length):
                first = i // inner * length * inner + i % inner
                terms = at[key][first:first + length * inner:inner]
                scalars.code.emit(OP_SUM, offset // 8 + i, scalars.constant(0.0), length, *terms)
        self.work += 3 * size * made.n
        return True

    cdef bint are_numbers(self, Group made, Py_ssize_t size) except -1:
        """Say whether all that a group reads and writes are numbers of the workspace or constants."""
        cdef Member *one
        cdef int k
        for k in range(made.n):
            one = &made.members[k]
            # Functions of more than one element are faster side by side.
            if one.op > OP_CALL or (one.op == OP_CALL and size > 1):
                return False
        for base, kind, offset, _ in made.loads:
            if kind != "d" or base > 1 or (base == 1 and offset not in self.uniform and offset not in self.listed):
                return False
        for _, spec, _ in made.stores:
            if spec[0] != 0 or spec[1] != "d":
                return False
        for _, base, _, length, inner in made.sinks:
            # NumPy sums neighbours from the left as long as they are less than eight.
            if base != 0 or ((length or size) > 7 and inner == 1):
                return False
        return True

    cdef list elements_of(self, object scalars, tuple load, tuple shape):
        """Return the places of the elements that a group reads."""
        cdef list found = places(load, shape)
        if load[0] == 0:
            return found
        if load[2] in self.uniform:
            return [scalars.constant(self.uniform[load[2]])] * len(found)
        numbers = self.listed[load[2]]
        return [scalars.constant(numbers[place - load[2] // 8]) for place in found]

    cdef int temporary(self, object scalars) except -1:
        """Return one more place for what is not needed after its group."""
        self.temporaries.append(scalars.new_place())
        return self.temporaries[len(self.temporaries) - 1]

    def loop(self, scalars, tuple shape, steps, list loads, list stores, list sinks):
        """Write a group of its own: ``steps`` are ``(opcode, function, sources)``, the rest is that of a group."""
        cdef Group made = group_of(shape)
        for key, (op, function, sources) in enumerate(steps):
            made.member(key, op, function, False)
            for source in sources:
                made.operand(source)
        made.loads, made.stores, made.sinks = loads, stores, sinks
        self.emit(scalars, made)

    cdef bint copy_few(self, object scalars, tuple source, tuple target, tuple shape) except -1:
        """Write the copy of few elements as copies of numbers, if that can be done; say whether it was."""
        cdef Py_ssize_t size = 1
        for n in shape:
            size *= <Py_ssize_t> n
        if size > COPIED or source[1] != "d" or target[1] != "d" or target[0] != 0:
            return False
        to = places(target, shape)
        if source[0] == 0:
            found = places(source, shape)
            if set(found).intersection(to):
                return False
        elif source[0] == 1 and not any(source[3]) and source[2] in self.uniform:
            found = [scalars.constant(self.uniform[source[2]])] * size
        else:
            return False
        for place, at in zip(to, found):
            scalars.code.emit(OP_MOVE, place, at)
        return True

    def copy(self, scalars, tuple source, tuple target, tuple shape):
        """Write the copy of an array."""
        cdef Group made
        if self.copy_few(scalars, source, target, shape):
            return
        made = group_of(shape)
        made.member(0, OP_MOVE, 0, False)
        made.operand(-1)
        made.loads.append(source)
        made.stores.append((0, target, False))
        self.emit(scalars, made)

    # --- where operands lie

    cdef tuple spec(self, Value value, tuple shape):
        base, offset = self.place(value)
        return base, value.kind, offset, spread(value.shape, value.strides, shape)

    def spec_of(self, Value value, tuple shape):
        """Return how a value is read in a shape: base, kind, byte offset, strides."""
        return self.spec(value, shape)

    cdef tuple read(self, object scalars, object x, tuple shape):
        cdef Value value
        if type(x) is Value:
            return self.spec(<Value> x, shape)
        if type(x) is _NODE:
            value = self.value_of(self.graph, (<_NODE> x).number)
            if value is None:
                return 0, "d", 8 * <Py_ssize_t> scalars.at((<_NODE> x).number), (0,) * len(shape)
            return self.spec(value, shape)
        if isinstance(x, float) or isinstance(x, int):
            offset, kind, own, strides = self.constant_number(x)
            return 1, kind, offset, (0,) * len(shape)
        offset, kind, own, strides = self.constant_array(x)
        return 1, kind, offset, spread(own, strides, shape)

    def operand(self, scalars, x, tuple shape):
        """Return how a group reads an operand: base, kind, byte offset, strides."""
        return self.read(scalars, x, shape)

    cdef tuple constant_number(self, double x):
        """Return where a number lies among the constants: byte offset, kind, shape, strides."""
        cdef long long bits = (<long long *> &x)[0]
        found = self.number_at.get(bits)
        if found is None:
            self.uniform[8 * self.constant_size] = x
            found = self.number_at[bits] = self.stored(("number", bits), (), (), np.array((x,)))
        return <tuple> found

    cdef tuple constant_array(self, object x):
        """Return where a constant array lies among the constants: byte offset, kind, shape, strides."""
        cdef cnp.ndarray array
        cdef double *at
        cdef Py_ssize_t size
        cdef tuple strides, known
        found = self.array_at.get(id(x))
        if found is not None:
            return <tuple> (<tuple> found)[1]
        if not np.ndim(x):
            return self.constant_number(x)
        held = np.asarray(x)
        shape = held.shape
        found = self.constant_view(held)
        if found is not None:
            self.array_at[id(x)] = x, found
            return <tuple> found
        array = np.ascontiguousarray(held, dtype=float)
        at, size = <double *> cnp.PyArray_DATA(array), cnp.PyArray_SIZE(array)
        strides = (<object> array).strides
        if size and is_uniform(at, size):
            size, strides = 1, (0,) * len(shape)
        numbers = (<object> array).reshape(-1)[:size]
        # Large arrays are told apart by some of their numbers first, and then compared.
        key = (shape, strides, numbers.tobytes() if size <= SOME else numbers[::size // SOME].tobytes())
        alike = self.alike_at.setdefault(key, [])
        for other, known in alike:
            if memcmp(cnp.PyArray_DATA(<cnp.ndarray> other), at, size * sizeof(double)) == 0:
                break
        else:
            if size == 1:
                self.uniform[8 * self.constant_size] = at[0]
            known = (8 * self.constant_size, "d", shape, strides)
            if 1 < size <= FEW:
                self.listed[8 * self.constant_size] = numbers
            self.bytes.append(numbers)
            self.constant_size += size
            alike.append((numbers, known))
        self.array_at[id(x)] = x, known          # which stays alive, so that no other takes its name
        return known

    cdef tuple constant_view(self, object x):
        """Return where an array lies that shows much of another constant, which then lies there once; else None."""
        cdef cnp.ndarray array = <cnp.ndarray> x, base
        if cnp.PyArray_IS_C_CONTIGUOUS(array) or type(x.base) is not np.ndarray or x.dtype != FLOAT:
            return None
        base = <cnp.ndarray> x.base
        if not cnp.PyArray_IS_C_CONTIGUOUS(base) or base.dtype != FLOAT or not cnp.PyArray_ISALIGNED(array):
            return None
        if not FEW < cnp.PyArray_SIZE(base) <= 2 * cnp.PyArray_SIZE(array) or x.flat[0] == x.flat[x.size - 1]:
            return None  # or it may be one number, which is written shorter
        offset, kind, _, strides = self.constant_array(base)
        if strides != (<object> base).strides:
            return None
        move = <char *> cnp.PyArray_DATA(array) - <char *> cnp.PyArray_DATA(base)
        return offset + move, kind, x.shape, x.strides

    cdef tuple stored(self, object key, tuple shape, tuple strides, object numbers):
        found = self.constant_at.get(key)
        if found is None:
            found = self.constant_at[key] = (8 * self.constant_size, "d", shape, strides)
            self.bytes.append(numbers)
            self.constant_size += len(numbers)
        return <tuple> found

    def offset_of(self, key, numbers):
        """Return the byte offset of numbers among the constants; ``key`` tells them from others."""
        return self.stored(key, (), (), numbers)[0]


cdef class Negated:
    """Finds the operand of a group that is the negative of a constant one."""

    cdef Grouping arrays
    cdef Group made

    def __init__(self, Grouping arrays, Group made):
        self.arrays, self.made = arrays, made

    def __call__(self, int x):
        """Return the operand, None where ``x`` is no constant number."""
        cdef list loads = self.made.loads
        found = self.made.negative_of(x, self.arrays.uniform)
        if found is None:
            return None
        kind, strides, value = found
        spec = 1, kind, self.arrays.constant_number(-value)[0], strides
        if spec not in loads:
            loads.append(spec)
        return -1 - loads.index(spec)


cdef bint is_uniform(const double *at, Py_ssize_t n) noexcept nogil:
    """Say whether numbers are one number, signs of zeros included; NaN is like no other."""
    cdef long long first = (<const long long *> at)[0]
    cdef Py_ssize_t i
    if at[0] != at[0]:
        return False
    for i in range(1, n):
        if (<const long long *> at)[i] != first:
            return False
    return True


cdef list places(tuple spec, tuple shape):
    """Return the places of the elements of an array in the workspace."""
    cdef list found = [spec[2] // 8]
    for n, stride in zip(shape, spec[3]):
        found = [at + i * stride // 8 for at in found for i in range(n)]
    return found


cdef tuple spread(tuple own, tuple strides, tuple shape):
    """Return the strides with which an array is read in a shape that it is broadcast to."""
    cdef int lead = len(shape) - len(own), axis
    cdef bint changed = lead > 0
    cdef list made
    if len(strides) != len(own) or lead < 0:
        raise ValueError("an array is read in a shape that it cannot be broadcast to")
    for axis in range(len(own)):
        changed = changed or (own[axis] == 1 and shape[axis] != 1)
    if not changed:
        return strides
    made = [0] * lead
    for axis in range(len(own)):
        made.append(0 if own[axis] == 1 and shape[lead + axis] != 1 else strides[axis])
    return tuple(made)
