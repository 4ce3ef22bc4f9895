"""The places of numbers among the doubles of the workspace, and the instructions that compute them."""

from libc.stdint cimport uint64_t
from libc.stdlib cimport free, realloc

import numpy as np

from dualad.ops.code import find_loop

from dualad._columns cimport COMPARE, GENERAL, LEAF, READ, WRITE
from dualad._lower cimport (
    CODE_ADD, CODE_SUBTRACT, CODE_MULTIPLY, CODE_DIVIDE, CODE_NEGATIVE, CODE_POWER, CODE_SCALE, Graph,
)
from dualad._machine cimport (
    OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_NEGATIVE, OP_LESS, OP_SCALE, OP_SQUARE, OP_POWER, OP_MOVE,
    OP_CALL, OP_MULTIPLY_ADD, OP_MULTIPLY_SUBTRACT, OP_SUBTRACT_MULTIPLY, OP_SCALE_ADD, OP_SUM, OP_COPY,
)
from dualad._rule cimport RULES, Rule
from dualad._tape cimport Tape

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

cdef enum:
    FOREVER = 2147483647
    GONE = -3

cdef int COMPARISON[6]
COMPARISON[:] = [0, 1, 4, 5, 2, 3]   # Python's order: <, <=, ==, !=, >, >=


cdef class Code:
    """A growing list of the machine's instructions."""

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


cdef class Scalars:
    """Gives scalar nodes their places among the doubles of the workspace, and writes the instructions.

    A place is given back after the last use of its number. Products that are used once, by a sum, become one
    instruction with it; so do sums of sums.
    """

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
