"""The passes over the nodes of a tape that are to become a program: a few linear walks over its columns.

What they find stands in columns of its own, one entry a node; the tape stays as it is.
"""

cimport numpy as cnp
from libc.math cimport NAN, copysign
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc

import numpy as np

from dualad.ops.code import find_loop
from dualad.ops.table import TABLE

from dualad._machine cimport (
    OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_LESS, OP_SCALE, OP_SQUARE, OP_POWER, OP_MOVE,
    OP_CALL, OP_MULTIPLY_ADD, OP_MULTIPLY_SUBTRACT, OP_SUBTRACT_MULTIPLY, OP_SCALE_ADD, OP_SUM, OP_COPY,
)
from dualad._tape cimport COMPARE, GENERAL, LEAF, READ, RULES, WRITE, Record, Rule, Tape, rule_of

cnp.import_array()

NAMES = (
    "add subtract multiply divide negative less less_equal greater greater_equal equal not_equal where "
    "scale square power move and or not isnan isfinite isinf xor pow_2 call multiply_add "
    "multiply_subtract subtract_multiply scale_add sum copy guard guard_whole group reduce callback end "
    "COUNT sine cosine "
)
OPCODES = {name: i for i, name in enumerate(NAMES.split())}
for _one in ("add", "subtract", "multiply", "scale"):
    for _two in ("add", "subtract", "from", "multiply", "scale"):
        OPCODES[f"{_one}, {_two}"] = len(OPCODES)

cdef int CODE_ADD = -1, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER, CODE_SCALE


cdef int find_codes() except -1:
    global CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER, CODE_SCALE
    from dualad.duck.scale import SCALE

    CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER = [
        rule_of(TABLE.named(name)).code for name in ("add", "subtract", "multiply", "divide", "negative", "power")
    ]
    CODE_SCALE = rule_of(SCALE).code
    return 0


cdef enum:
    NEAR = 8     # places that are looked at before those far away


cdef inline uint64_t mixed(Key *key) noexcept nogil:
    cdef uint64_t h = <uint64_t> <unsigned int> key.a * 0x9E3779B97F4A7C15ULL
    h ^= (<uint64_t> <unsigned int> key.b + 0x7F4A7C15ULL) * 0xC2B2AE3D27D4EB4FULL
    h ^= (<uint64_t *> &key.at)[0] * 0x165667B19E3779F9ULL
    h ^= <uint64_t> <unsigned int> key.op << 17
    h ^= h >> 29
    h *= 0xBF58476D1CE4E5B9ULL
    return h ^ h >> 32


cdef class Graph:
    """The nodes of a tape as a program sees them.

    ``same[node]`` is the node that stands for it (an equal one, or itself); ``fixed[node]`` says that it is a constant,
    of value ``value[node]`` if it is a number; ``alive[node]`` that something wanted depends on it; ``stage[node]`` in
    which stage of the program it is computed. Elements that are written one after the other, without a look at the
    whole in between, are one write: ``final[node]`` is its last version, and ``head[final]`` its first.
    """

    def __init__(self, Tape tape, variable, general):
        """``variable`` are the nodes of inputs and live arrays; ``general`` describes nodes that are no scalar ones."""
        if CODE_ADD < 0:
            find_codes()
        self.tape, self.n, self.general = tape, tape.n, general
        self.same_array = np.arange(self.n, dtype=np.int32)
        self.fixed_array = np.zeros(self.n, np.uint8)
        self.value_array = np.zeros(self.n)
        self.alive_array = np.zeros(self.n, np.uint8)
        self.stage_array = np.zeros(self.n, np.int32)
        self.same, self.fixed, self.value = self.same_array, self.fixed_array, self.value_array
        self.alive, self.stage = self.alive_array, self.stage_array
        self.find_same(set(variable))
        self.general = None  # which may lead back here

    cdef int find_same(self, set variable) except -1:
        """Find constants, exact identities and equal nodes."""
        cdef Py_ssize_t room = 64
        while room < self.n + self.n // 3:
            room *= 2
        self.mask = room - 1
        self.keys = <Key *> malloc(self.n * sizeof(Key) + 1)
        self.slots = <Slot *> calloc(room, sizeof(Slot))
        if self.keys == NULL or self.slots == NULL:
            free(self.keys)
            free(self.slots)
            raise MemoryError
        try:
            self.walk(variable)
        finally:
            free(self.keys)
            free(self.slots)
        return 0

    cdef int walk(self, set variable) except -1:
        cdef int node, op, a, b
        cdef double at
        cdef Tape tape = self.tape
        for node in range(self.n):
            op = tape.op[node]
            if op == GENERAL:
                if node not in variable:
                    found = self.general.same(self, node)
                    if found is None:
                        self.fixed[node] = 1
                        self.value[node] = tape.v[node]
                    else:
                        self.same[node] = found
                continue
            if op == LEAF:
                if node not in variable:
                    self.fixed[node] = 1
                    self.value[node] = tape.v[node]
                continue
            a, b, at = tape.a[node], tape.b[node], tape.at[node]
            if op == WRITE:
                continue
            if op == READ:
                a = self.same[a]
                if self.fixed[a]:
                    self.fixed[node] = 1
                    self.value[node] = tape.v[node]
                else:
                    self.same[node] = self.first(op, a, -1, at, node)
                continue
            if (a < 0 or self.fixed[a]) and (b < 0 or self.fixed[b]):
                self.fixed[node] = 1
                self.value[node] = tape.v[node]
                continue
            # A constant operand is written as one, whether it stood on the tape or not.
            if a >= 0:
                a = self.same[a]
                if self.fixed[a]:
                    at = self.value[a]
                    a = -1
            if b >= 0:
                b = self.same[b]
                if self.fixed[b]:
                    at = self.value[b]
                    b = -1
            self.same[node] = self.simple(op, a, b, at, node)
        return 0

    cdef int simple(self, int op, int a, int b, double at, int node) except -2:
        """Return the node that equals an operation to the bit: an operand, an earlier operation, or itself."""
        if op == CODE_MULTIPLY or op == CODE_SCALE:
            if (a < 0 or b < 0) and at == 1:
                return b if a < 0 else a
            if a >= 0 and b >= 0 and a > b:
                a, b = b, a
        elif op == CODE_DIVIDE:
            if b < 0 and at == 1:
                return a
        elif op == CODE_POWER:
            if b < 0 and at == 1:
                return a
        elif op == CODE_SUBTRACT:
            if b < 0 and a >= 0 and at == 0 and copysign(1.0, at) > 0:
                return a
        elif op == CODE_ADD:
            if (a < 0 or b < 0) and at == 0 and copysign(1.0, at) < 0:
                return b if a < 0 else a
            if a >= 0 and b >= 0 and a > b:
                a, b = b, a
        elif op == CODE_NEGATIVE:
            if self.tape.op[a] == CODE_NEGATIVE:
                return self.same[self.tape.a[a]] if not self.fixed[self.tape.a[a]] else self.first(op, a, -1, at, node)
        if a >= 0 and b >= 0:
            at = 0.0
        return self.first(op, a, b, at, node)

    cdef int first(self, int op, int a, int b, double at, int node) noexcept:
        """Return the first node with an operation.

        Operations are looked for where their last operand tells: those of one time lie close together then, and stay in
        the cache. Where many have that operand, they are looked for wherever a mix of all that they are made of tells.
        """
        cdef Key key
        cdef Key *other
        cdef Slot *slot
        cdef uint64_t h
        cdef int tried = 0
        cdef Py_ssize_t place = 2 * <Py_ssize_t> max(a, b) + (<Py_ssize_t> at if op == READ else op)
        key.op, key.a, key.b, key.at = op, a, b, at
        h = mixed(&key)
        slot = &self.slots[place & self.mask]
        while slot.node:
            if slot.tag == <unsigned int> h:
                other = &self.keys[slot.node - 1]
                if (other.op == op and other.a == a and other.b == b
                        and (<uint64_t *> &other.at)[0] == (<uint64_t *> &at)[0]):
                    return slot.node - 1
            tried += 1
            place = place + 1 if tried != NEAR else <Py_ssize_t> (h >> 20)
            slot = &self.slots[place & self.mask]
        self.keys[node] = key
        slot.node, slot.tag = node + 1, <unsigned int> h
        return node

    def keep(self, wanted):
        """Mark what the wanted nodes depend on as alive; return how many nodes that are."""
        cdef int node, op, k
        cdef Py_ssize_t count = 0
        cdef Tape tape = self.tape
        for k in wanted:
            node = self.same[k]
            if not self.fixed[node]:
                self.alive[node] = 1
        for node in range(self.n - 1, -1, -1):
            if not self.alive[node]:
                continue
            count += 1
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    self.need(k)
            elif op != LEAF:
                self.need(tape.a[node])
                self.need(tape.b[node])
        return count

    cdef double fixed_number(self, int node, double at) noexcept:
        """Return a constant operand, NaN where it varies."""
        if node < 0:
            return at
        node = self.same[node]
        return self.value[node] if self.fixed[node] else NAN

    cdef void need(self, int node) noexcept:
        if node >= 0:
            node = self.same[node]
            if not self.fixed[node]:
                self.alive[node] = 1

    def verify(self, bint staged=False):
        """Raise where what the passes found contradicts itself: what every pass has to leave as it should be."""
        cdef int node, k, op
        cdef Tape tape = self.tape
        for node in range(self.n):
            if not 0 <= self.same[node] <= node or self.same[self.same[node]] != self.same[node]:
                raise RuntimeError(f"node {node} is replaced by node {self.same[node]}")
            if not self.alive[node]:
                continue
            if self.same[node] != node or self.fixed[node]:
                raise RuntimeError(f"node {node} is alive, and another node or a constant stands for it")
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    self.verify_use(node, k, staged)
            elif op != LEAF:
                self.verify_use(node, tape.a[node], staged)
                self.verify_use(node, tape.b[node], staged)

    cdef int verify_use(self, int node, int k, bint staged) except -1:
        if k < 0:
            return 0
        k = self.same[k]
        if k >= node or not (self.alive[k] or self.fixed[k]):
            raise RuntimeError(f"node {node} needs node {k}, which is not computed before it")
        if staged and not self.fixed[k] and self.stage[k] > self.stage[node]:
            raise RuntimeError(f"node {node} needs node {k} of a later stage")
        return 0

    cdef tuple operands(self, int node):
        """Return the operands of a general node, those below zero being constants.

        Those of one of several results that is computed by itself are those of the whole.
        """
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        parent = self.parent_of(node) if record.kind == "item" else None
        return record.operands if parent is None else (<Record> parent).operands

    def parent_of(self, int node):
        """Return the record that has several results, for one of them that is computed by itself; else None."""
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        cdef Record parent
        if record.kind != "item" or self.tape.slot[node] >= 0:
            return None
        parent = <Record> self.tape.records[<Py_ssize_t> self.tape.at[record.operands[0]]]
        if parent.kind != "row" or parent.row.name != "linalg.slogdet" or parent.operands[0] < 0:
            return None
        if self.tape.op[parent.operands[0]] != GENERAL:
            return None
        record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[parent.operands[0]]]
        return parent if record.dtype == np.dtype(float) else None

    def count_scalars(self):
        """Return how many scalar operations are alive."""
        cdef int node
        cdef Py_ssize_t count = 0
        for node in range(self.n):
            count += self.alive[node] and self.tape.op[node] >= 0
        return count

    def operators(self):
        """Return the operator of every node, and its first operand, -1 where it has none."""
        cdef int node
        ops, lefts = np.zeros(self.n, np.int32), np.full(self.n, -1, np.int32)
        cdef int[::1] op = ops, left = lefts
        for node in range(self.n):
            op[node] = self.tape.op[node]
            if op[node] != GENERAL and op[node] != LEAF and self.tape.a[node] >= 0:
                left[node] = self.same[self.tape.a[node]]
        return ops, lefts

    def find_chains(self, wanted):
        """Find the versions of arrays that are seen by single reads before the next write only."""
        cdef int node, op, k, a
        cdef Tape tape = self.tape
        cdef int[::1] last = np.full(self.n, -1, np.int32)
        cdef unsigned char[::1] seen = np.zeros(self.n, np.uint8)
        self.final_array = np.arange(self.n, dtype=np.int32)
        self.head_array = np.arange(self.n, dtype=np.int32)
        self.final, self.head = self.final_array, self.head_array
        for k in wanted:
            seen[self.same[k]] = 1
        for node in range(self.n):
            if not self.alive[node]:
                continue
            op = tape.op[node]
            if op == GENERAL:
                for k in self.operands(node):
                    if k >= 0:
                        seen[self.same[k]] = 1
            elif op == READ or op == WRITE:
                last[self.same[tape.a[node]]] = node
        for node in range(self.n - 1, -1, -1):
            if tape.op[node] == WRITE and self.alive[node]:
                a = self.same[tape.a[node]]
                if tape.op[a] == WRITE and not seen[a] and last[a] == node and not self.fixed[a]:
                    self.final[a] = self.final[node]
                    self.head[self.final[node]] = a

    def set_stages(self, arrays):
        """Find the stage of every node that is alive; ``arrays`` does so for general ones."""
        cdef int node, op, s, a, b
        cdef Tape tape = self.tape
        for node in range(self.n):
            if not self.alive[node]:
                continue
            op = tape.op[node]
            if op == GENERAL:
                self.stage[node] = arrays.stage(self, node)
                continue
            s = 0
            if op != LEAF:
                a, b = tape.a[node], tape.b[node]
                if a >= 0:
                    s = self.stage[self.same[a]]
                if b >= 0 and self.stage[self.same[b]] > s:
                    s = self.stage[self.same[b]]
            self.stage[node] = s


    def schedule(self):
        """Return the nodes that are computed, stage by stage, and the arrays of which elements are read there."""
        cdef int node
        cdef int top = 0
        cdef Py_ssize_t count = 0, before = 0
        cdef set read = set()
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                count += 1
                top = max(top, self.stage[node])
                if self.tape.op[node] == READ:
                    read.add(self.same[self.tape.a[node]])
        found = np.empty(count, np.int32)
        cdef int[::1] order = found
        cdef Py_ssize_t[::1] place = np.zeros(top + 2, np.intp)      # where the next node of a stage goes
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                place[self.stage[node] + 1] += 1
        for node in range(top + 1):
            before += place[node]
            place[node] = before
        for node in range(self.n):
            if self.alive[node] and self.same[node] == node:
                order[place[self.stage[node]]] = node
                place[self.stage[node]] += 1
        return found, read


cdef class Code:
    """A growing list of the machine's instructions."""

    cdef int *words
    cdef Py_ssize_t n
    cdef Py_ssize_t room
    cdef Py_ssize_t moved          # where the last move ended

    def __dealloc__(self):
        free(self.words)

    cdef int put(self, int word) except -1:
        cdef int *grown
        if self.n == self.room:
            self.room = max(1024, 2 * self.room)
            grown = <int *> realloc(self.words, self.room * sizeof(int))
            if grown == NULL:
                raise MemoryError
            self.words = grown
        self.words[self.n] = word
        self.n += 1
        return 0

    cdef int put4(self, int op, int target, int a, int b) except -1:
        self.put(op)
        self.put(target)
        self.put(a)
        return self.put(b)

    cdef int move(self, int target, int source) except -1:
        """Write the move of a number; moves of neighbours to neighbours, one after the other, are one instruction."""
        cdef int *last = self.words + self.n
        if self.moved == self.n and self.n >= 4 and last[-4] == OP_COPY:
            if last[-3] + last[-1] == target and last[-2] + last[-1] == source and abs(target - source) > last[-1]:
                last[-1] += 1
                return 0
            if last[-3] - 1 == target and last[-2] - 1 == source and abs(target - source) > last[-1]:
                last[-3], last[-2], last[-1] = target, source, last[-1] + 1
                return 0
        self.put4(OP_COPY, target, source, 1)
        self.moved = self.n
        return 0

    def emit(self, *words):
        """Write words."""
        for word in words:
            self.put(word)

    def array(self):
        """Return all words."""
        return np.array(<int[:self.n]> self.words, dtype=np.int32) if self.n else np.zeros(0, np.int32)


cdef struct Recent:
    long long bits
    int place          # and one more


cdef class Scalars:
    """Gives scalar nodes their places among the doubles of the workspace, and writes the instructions.

    A place is given back after the last use of its number. Products that are used once, by a sum, become one
    instruction with it; so do sums of sums.
    """

    cdef readonly Graph graph
    cdef readonly Code code
    cdef readonly object functions          # [(ufunc, loop)]
    cdef dict function_of
    cdef dict constants
    cdef int[::1] place
    cdef int[::1] last
    cdef int[::1] inlined                   # of a sum: the product that it takes in; of a product: -2
    cdef int[::1] chained                   # of a sum: the sum that it goes on with; TAKEN of that
    cdef Code idle                          # places that were given back
    cdef Recent[64] recent                  # of constants that were asked for lately
    cdef readonly int top
    cdef readonly dict image
    cdef dict calls                         # by the number of a row: that of its loop

    def __init__(self, Graph graph, int first, functions):
        self.graph, self.code, self.functions = graph, Code(), functions
        self.function_of, self.constants, self.image, self.calls = {}, {}, {}, {}
        self.idle = Code()
        self.place = np.full(graph.n, -1, np.int32)
        self.last = np.full(graph.n, -1, np.int32)
        self.inlined = np.full(graph.n, -1, np.int32)
        self.chained = np.full(graph.n, -1, np.int32)
        self.top = first

    def function(self, ufunc, int loop):
        """Return the number of a loop among the functions of the program."""
        key = (ufunc, loop)
        if key not in self.function_of:
            self.function_of[key] = len(self.functions)
            self.functions.append(key)
        return self.function_of[key]

    cpdef int new_place(self) except -1:
        if self.idle.n:
            self.idle.n -= 1
            return self.idle.words[self.idle.n]
        self.top += 1
        return self.top - 1

    cpdef int constant(self, double x) except -1:
        """Return the place of a constant."""
        cdef long long bits = (<long long *> &x)[0]
        cdef Recent *recent = &self.recent[(<uint64_t> bits * 0x9E3779B97F4A7C15ULL) >> 58]
        if recent.place > 0 and recent.bits == bits:
            return recent.place - 1
        found = self.constants.get(bits)
        if found is None:
            # Constants keep their places: those that are given back may not be taken for them.
            found = self.constants[bits] = self.top
            self.image[self.top] = x
            self.top += 1
        recent.bits, recent.place = bits, <int> found + 1
        return found

    cpdef int at(self, int node) except -1:
        """Return the place of a number."""
        node = self.graph.same[node]
        if self.graph.fixed[node]:
            return self.constant(self.graph.value[node])
        if self.place[node] < 0:
            raise RuntimeError(f"node {node} is used before it is computed")
        return self.place[node]

    def give(self, int node):
        """Give a number its place."""
        self.place[node] = self.new_place()
        return self.place[node]

    def put_at(self, int node, int place):
        """Let a number lie at a place that is not given back."""
        self.place[node] = place
        self.last[node] = FOREVER

    def keep_until(self, int node, int position):
        """Note that a number is used at a position of the schedule."""
        node = self.graph.same[node]
        if position > self.last[node]:
            self.last[node] = position

    def find_uses(self, int[::1] order):
        """Find the last use of each number by scalar nodes, and which are computed together with their only user.

        A sum takes in a product; a sum of sums of single use adds all terms from the left in one instruction.
        """
        cdef Tape tape = self.graph.tape
        cdef int[::1] same = self.graph.same
        cdef int[::1] uses = np.zeros(self.graph.n, np.int32)
        cdef unsigned char[::1] taken = np.zeros(self.graph.n, np.uint8)
        cdef int[::1] place = np.zeros(self.graph.n, np.int32)     # where in the schedule a node is computed
        cdef int i, k, node, op, a, b, one
        for k in range(order.shape[0]):
            node = order[k]
            op = tape.op[node]
            place[node] = k
            if op == GENERAL or op == LEAF:
                continue
            a, b = tape.a[node], tape.b[node]
            if a >= 0:
                uses[same[a]] += 1
            if b >= 0:
                uses[same[b]] += 1
        for k in range(order.shape[0]):
            node = order[k]
            op = tape.op[node]
            if op != CODE_ADD and op != CODE_SUBTRACT:
                continue
            a, b = tape.a[node], tape.b[node]
            a = same[a] if a >= 0 else -1
            b = same[b] if b >= 0 else -1
            for i in range(2):
                one = a if i else b
                if self.may_join(one, node, uses) and (
                    tape.op[one] == CODE_MULTIPLY or (tape.op[one] == CODE_SCALE and op == CODE_ADD)
                ):
                    self.inlined[node], self.inlined[one] = one, -2
                    taken[one] = 1
                    break
            if self.inlined[node] >= 0 or op == CODE_SUBTRACT:
                continue
            for i in range(2):
                one = b if i else a
                if self.may_join(one, node, uses) and tape.op[one] == CODE_ADD and self.inlined[one] < 0:
                    self.chained[node] = one
                    taken[one] = 1
                    break
        for k in range(order.shape[0] - 1, -1, -1):
            node = order[k]
            op = tape.op[node]
            if op == GENERAL or op == LEAF or op == READ:
                continue
            if self.inlined[node] >= 0:
                place[self.inlined[node]] = place[node]
            elif self.chained[node] >= 0:
                place[self.chained[node]] = place[node]
            a, b = tape.a[node], tape.b[node]
            if op != WRITE:
                self.use(a, place[node])
            self.use(b, place[node])
        for k in range(order.shape[0]):
            node = order[k]
            if taken[node] and self.inlined[node] != -2:
                self.inlined[node] = -3    # computed with its user

    cdef bint may_join(self, int one, int node, int[::1] uses) noexcept:
        """Say whether a number may be computed together with its user."""
        return (one >= 0 and uses[one] == 1 and self.last[one] < 0 and not self.graph.fixed[one]
                and self.graph.stage[one] == self.graph.stage[node])

    cdef void use(self, int node, int k) noexcept:
        if node >= 0:
            node = self.graph.same[node]
            if self.last[node] < k:
                self.last[node] = k

    cdef int release(self, int node, int k) except -1:
        """Give the place of a number back where this was its last use."""
        if node >= 0:
            node = self.graph.same[node]
            if self.last[node] == k and self.place[node] >= 0 and not self.graph.fixed[node]:
                self.idle.put(self.place[node])
                self.last[node] = GONE
        return 0

    cdef int source(self, int node, double at) except -1:
        return self.constant(at) if node < 0 else self.at(node)

    cdef int write(self, int node, int k) except -1:
        cdef Tape tape = self.graph.tape
        cdef int op = tape.op[node], a = tape.a[node], b = tape.b[node], product = self.inlined[node]
        cdef int x, y, z, target, other
        cdef double at = tape.at[node]
        cdef Rule rule
        if product == -2 or product == -3:
            return 0
        if self.chained[node] >= 0:
            return self.write_sum(node, k)
        if product >= 0:
            other = a if b >= 0 and self.graph.same[b] == product else b
            x = self.source(tape.a[product], tape.at[product])
            y = self.source(tape.b[product], tape.at[product])
            z = self.source(other, at)
            if tape.op[product] == CODE_SCALE:
                op = OP_SCALE_ADD
            elif op == CODE_ADD:
                op = OP_MULTIPLY_ADD
            else:
                op = OP_SUBTRACT_MULTIPLY if b >= 0 and self.graph.same[b] == product else OP_MULTIPLY_SUBTRACT
            self.release(tape.a[product], k)
            self.release(tape.b[product], k)
            self.release(other, k)
            target = self.place[node] = self.new_place()
            self.code.put4(op, target, x, y)
            return self.code.put(z)
        if op < 0:       # a comparison
            x, y = self.source(a, at), self.source(b, at)
            self.release(a, k)
            self.release(b, k)
            target = self.place[node] = self.new_place()
            return self.code.put4(OP_LESS + COMPARISON[op - COMPARE], target, x, y)
        rule = <Rule> RULES[op]
        x = self.source(a, at)
        y = self.source(b, at) if rule.arguments == 2 else -1
        self.release(a, k)
        self.release(b, k)
        target = self.place[node] = self.new_place()
        if op == CODE_POWER:
            if self.graph.fixed_number(b, at) == 2:
                self.code.put(OP_SQUARE)
                self.code.put(target)
                return self.code.put(x)
            return self.code.put4(OP_POWER, target, x, y)
        if op == CODE_ADD:
            return self.code.put4(OP_ADD, target, x, y)
        if op == CODE_SUBTRACT:
            return self.code.put4(OP_SUBTRACT, target, x, y)
        if op == CODE_MULTIPLY:
            return self.code.put4(OP_MULTIPLY, target, x, y)
        if op == CODE_DIVIDE:
            return self.code.put4(OP_DIVIDE, target, x, y)
        if op == CODE_SCALE:
            return self.code.put4(OP_SCALE, target, x, y)
        if op == CODE_NEGATIVE:
            self.code.put(OP_NEGATIVE)
            self.code.put(target)
            return self.code.put(x)
        function = self.calls.get(op)
        if function is None:
            ufunc = rule.row.function
            function = self.calls[op] = self.function(ufunc, find_loop(ufunc, [False] * rule.arguments))
        self.code.put4(OP_CALL, target, function, x)
        if rule.arguments == 2:
            self.code.put(y)
        return 0

    cdef int write_sum(self, int node, int k) except -1:
        """Write a sum of many terms as one instruction."""
        cdef Tape tape = self.graph.tape
        cdef list terms = []
        cdef int one = node, chained, a, b, target
        while True:
            chained, a, b = self.chained[one], tape.a[one], tape.b[one]
            if chained < 0:
                terms.append((b, tape.at[one]))
                terms.append((a, tape.at[one]))
                break
            if a >= 0 and self.graph.same[a] == chained:
                terms.append((b, tape.at[one]))
            else:
                terms.append((a, tape.at[one]))
            one = chained
        places = [self.source(term, at) for term, at in reversed(terms)]
        for term, _ in terms:
            self.release(term, k)
        target = self.place[node] = self.new_place()
        self.code.put4(OP_SUM, target, places[0], len(places) - 1)
        for place in places[1:]:
            self.code.put(place)
        return 0

    cdef int element(self, long long[::1] home, int array, double at) except -1:
        """Return the place of an element of an array."""
        if home[array] < 0:
            raise RuntimeError(f"the array of node {array} does not lie among the doubles of the workspace")
        return <int> (home[array] + <long long> at)

    def write_all(self, int[::1] order, arrays, dict guards):
        """Write all instructions; ``arrays`` writes those of general nodes, and the groups of each stage."""
        cdef Tape tape = self.graph.tape
        cdef int k, node, op, stage = -1, place
        cdef long long[::1] home
        cdef int[::1] final = self.graph.final
        cdef unsigned char[::1] stable = arrays.stable
        cdef unsigned char[::1] guarded = np.zeros(self.graph.n, np.uint8)
        home = arrays.home
        for node in guards:
            guarded[node] = 1
        for k in range(order.shape[0]):
            node = order[k]
            while stage < self.graph.stage[node]:
                stage += 1
                arrays.begin(self, stage)
            op = tape.op[node]
            if op == GENERAL:
                if not arrays.is_settled(node):
                    arrays.write(self, node, k)
            elif op == READ:
                place = self.element(home, final[self.graph.same[tape.a[node]]], tape.at[node])
                if stable[self.graph.same[tape.a[node]]]:
                    self.place[node] = place
                    self.last[node] = FOREVER
                else:
                    self.place[node] = self.new_place()
                    self.code.put(OP_MOVE)
                    self.code.put(self.place[node])
                    self.code.put(place)
            elif op == WRITE:
                if self.graph.head[final[node]] == node:
                    arrays.prepare_write(self, final[node])
                self.code.move(self.element(home, final[node], tape.at[node]), self.source(tape.b[node], tape.v[node]))
                self.release(tape.b[node], k)
            elif op != LEAF:
                self.write(node, k)
            if guarded[node]:
                for number, outcome in guards[node]:
                    arrays.guard(self, node, number, outcome)
            if self.last[node] == -1 and self.place[node] >= 0 and op != LEAF:
                self.idle.put(self.place[node])
                self.last[node] = GONE
        while stage < arrays.stages - 1:
            stage += 1
            arrays.begin(self, stage)


cdef enum:
    FOREVER = 2147483647
    GONE = -3

cdef int COMPARISON[6]
COMPARISON[:] = [0, 1, 4, 5, 2, 3]   # Python's order: <, <=, ==, !=, >, >=
