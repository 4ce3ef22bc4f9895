"""What the general nodes of a tape are to a program: how their values lie in memory, and how they are computed.

The common ones are described here: elementwise operations and views. The others are described by rules in Python, see
dualad/program/describe.py.
"""

cimport cython
cimport numpy as cnp

import operator

import numpy as np

from dualad.duck.operands import Operand, put_back
from dualad.program.steps import Call, Index, Path, Real, Write
from dualad.reverse.rules import Step

from dualad._columns cimport COMPARE, GENERAL, LEAF, WRITE
from dualad._lower cimport Graph
from dualad._machine cimport OP_CALL, OP_POW_2
from dualad._record cimport WORDS, Record, Spelling, spell, spelled
from dualad._tape cimport Recorded, Tape
from dualad._values import KINDS
from dualad._values cimport Value, lying, own_of, strides_of
from dualad._views cimport Pick, is_basic

cnp.import_array()

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(void *x)

cdef enum:
    SMALL = 1 << 30

cdef enum:
    NEVER = -2     # no stage

cdef object DOUBLE = np.dtype(float)
VIEWS = {
    "reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "ravel", "broadcast_to",
    "getitem", "diagonal", "flip", "fliplr", "flipud", "rot90", "atleast_1d", "atleast_2d", "atleast_3d",
    "matrix_transpose", "permute_dims", "sliding_window_view",
}
cdef set COPIES = {"copy", "astype", "broadcast_to", "reshape", "positive"}
cdef dict kinds_of = KINDS
cdef set views = VIEWS
cdef object FLOAT = np.float64
cdef object POWER = np.power, BY_OPERATOR = operator.pow


def number_power(x, y):
    """Raise numbers to a power as Python does: by the C library, whose last bit may differ from np.power's."""
    return np.array([float(one) ** y for one in x])


cdef object raised = number_power


cdef class _NODE:
    """An operand that is a node."""

    def __init__(self, int number):
        self.number = number


cdef inline _NODE mark(int number):
    cdef _NODE made = _NODE.__new__(_NODE)
    made.number = number
    return made


@cython.no_gc
cdef class Node:
    """A general node: ``way`` is "input", "view", "each", "write", "reduce", "whole", "join", "pick", "pack",
    "steps" or "call".

    ``operands`` are nodes, or constants as arrays and numbers. ``op`` is an opcode of the machine with ``function`` its
    loop; of a call, ``function`` is the Python function, with ``args`` and ``kwargs`` where it is no plain call.
    ``fused``: it is an elementwise operation on arrays, and computed by a group.
    """

    def __init__(self, str way, tuple operands, Value value, int op=-1, function=None, args=None, kwargs=None,
                 record=None, str name=""):
        self.way, self.operands, self.value, self.op = way, operands, value, op
        self.function, self.args, self.kwargs, self.record, self.name = function, args, kwargs, record, name
        self.fused = value is not None and way == "each"


cdef class Nodes:
    """The general nodes of one tape, described when a pass comes to them; operands are named by their numbers."""

    def __init__(self, Tape tape, set inputs):
        self.tape, self.inputs = tape, inputs
        self.found = [None] * len(tape.records)       # the description of each record
        self.versions = {}                 # and of arrays whose elements were written
        PyObject_GC_UnTrack(<void *> self.found)      # its entries lead nowhere
        self.equal, self.equal_calls, self.picks, self.aliases = {}, {}, {}, {}
        self.folded = {}                   # constants that were computed for the program

    # --- what the passes ask

    def same(self, Graph graph, int node):
        """Return the first node that equals this one, None where it is a constant."""
        cdef Record like, record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[node]]
        cdef bint varies = False
        cdef int k = -1
        cdef list numbers = []
        for k in record.operands:
            if k >= 0:
                k = graph.same[k]
                varies = varies or not graph.fixed[k]
            numbers.append(k if k >= 0 else -1)
        cdef tuple operands = tuple(numbers)
        if not varies and record.kind != "write":
            if (record.value is not None or record.kind == "constant" or record.kind == "view"
                    or self.fold(node, record, operands)):
                return None
        if record.kind == "row" and record.row.name in COPIES and numbers and numbers[0] >= 0:
            # Nobody writes to the memory of a value that is needed still: a copy is the value itself.
            k = numbers[0]
            if self.tape.op[k] == GENERAL and self.tape.slot[k] >= 0 and record.shape is not None:
                like = <Record> self.tape.records[<Py_ssize_t> self.tape.at[k]]
                # How a view or a version of an array lies does not stand in its record.
                if (like.kind != "view" and like.kind != "write" and (like.row is None or like.row.name not in views)
                        and record.shape == like.shape and record.dtype == like.dtype and record.order == like.order):
                    return k
        key = self.key_of_view(record, k) if record.kind == "view" else key_of(record, operands)
        if key is None:
            return node
        return (self.equal if type(key) is bytes else self.equal_calls).setdefault(key, node)

    cdef object key_of_view(self, Record record, int base):
        """Return what two views have in common when one can stand for the other, None where that is not known."""
        cdef Spelling spelling
        spelling.n = 0
        spell(&spelling, 9, base)
        for step in record.path:
            if type(step) is Pick:
                # A number for each index, and addresses of other steps, which live as long as the tape.
                spell(&spelling, 10, self.picks.setdefault((<Pick> step).key(), len(self.picks)))
            elif type(step).__eq__ is object.__eq__:
                spell(&spelling, 11, <long long> <size_t> <void *> step)
            else:
                return None
        return spelled(&spelling) if spelling.n <= WORDS else None

    def forget(self):
        """Give back what only the search for equal nodes needs."""
        self.equal, self.equal_calls, self.picks = {}, {}, {}

    cdef bint fold(self, int node, Record record, tuple operands) except -1:
        """Compute a constant whose number was not kept; say whether that could be done."""
        if (record.kind != "elementwise" and record.kind != "row") or not operands:
            return False
        if getattr(record.row, "outputs", 1) > 1:
            return False
        held = [self.constant(k) if k >= 0 else record.primals[i] for i, k in enumerate(operands)]
        function = record.function if record.function is not None else record.row.function
        with np.errstate(all="ignore"):
            if record.kind == "row":
                found = function(*put_back(record.args, held), **put_back(record.kwargs or {}, held))
            else:
                found = function(*held)
        if np.shape(found) != (record.shape or ()) or np.asarray(found).dtype not in kinds_of:
            return False
        self.folded[node] = found
        return True

    cpdef object constant(self, int number):
        """Return the value of a constant node."""
        cdef Record record
        if number in self.folded:
            return self.folded[number]
        if self.tape.op[number] != GENERAL or self.tape.slot[number] < 0:
            return FLOAT(self.tape.v[number])
        record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[number]]
        found = record.value
        if found is None and record.kind == "view":
            found = self.constant(record.operands[0])
            for step in record.path:
                found = step(found)
        return found

    def node(self, Graph graph, int number):
        """Return the description of a general node that is alive."""
        return self.node_of(graph, number)

    cdef Node node_of(self, Graph graph, int number):
        cdef Py_ssize_t at = <Py_ssize_t> self.tape.at[number]
        found = self.found[at]
        if found is None:
            found = self.found[at] = self.describe(graph, number)
        return <Node> found

    cdef Node described(self, int number):
        """Return the description of an array, None where there is none yet."""
        if self.tape.op[number] == WRITE:
            return self.versions.get(number)
        return self.found[<Py_ssize_t> self.tape.at[number]] if self.tape.op[number] == GENERAL else None

    def value(self, Graph graph, int number):
        """Return how the value of a node lies, None for a number."""
        return self.value_of(graph, number)

    cdef Value value_of(self, Graph graph, int number):
        number = graph.same[number]
        if self.tape.slot[number] < 0 or graph.fixed[number]:
            return None
        if self.tape.op[number] == WRITE:     # an element was written
            return self.written(graph, graph.final[number])
        return self.node_of(graph, number).value

    cdef Value written(self, Graph graph, int number):
        """Return how the last version of a chain of writes lies."""
        cdef Value before = None
        cdef list versions = []
        cdef int base = number
        # From version to version, and not by calls: there may be many thousands.
        while self.tape.op[base] == WRITE and not graph.fixed[base]:
            base = graph.final[base]
            if base in self.versions:
                before = (<Node> self.versions[base]).value
                break
            versions.append(base)
            base = self.version_before(graph, base)
        if versions and before is None:
            before = self.held(base, number) if graph.fixed[base] else self.value_of(graph, base)
        for base in reversed(versions):
            before = own_of(before, base)
            self.versions[base] = Node("write", (), before, name="write")
        return before

    cdef int version_before(self, Graph graph, int number) noexcept:
        """Return the version of an array whose elements are written anew, for the last version of a chain of writes."""
        return graph.same[self.tape.a[graph.head[number]]]

    # --- descriptions

    cdef Node describe(self, Graph graph, int number):
        cdef Record record = <Record> self.tape.records[<Py_ssize_t> self.tape.at[number]]
        cdef Value own = None if self.tape.slot[number] < 0 else self.own_value(record, number)
        if number in self.inputs:
            return Node("input", (), own, name="input")
        if record.kind == "elementwise":
            return self.elementwise(graph, record, own)
        if record.kind == "view":
            return self.view(graph, number, record)
        if record.kind == "write":
            return self.write_of(graph, number, record)
        return <Node?> self._described(graph, number, record, own)

    cdef Value own_value(self, Record record, int number):
        """Return how the result of a record lies."""
        cdef str kind
        if record.shape is None:
            return lying((), "", number, 0, (), None)
        kind = "d" if record.dtype is DOUBLE else kinds_of.get(record.dtype, "")
        if record.value is not None and isinstance(record.value, Recorded):
            kind = ""
        strides = strides_of(record.shape, record.order, 1 if kind == "?" else 8) if kind else ()
        return lying(record.shape, kind, number, 0, strides, record.dtype)

    cdef object operand_of(self, Graph graph, int k, object primal):
        """Return an operand: a node that varies, or the constant itself."""
        if k < 0:
            return primal
        k = graph.same[k]
        return self.constant(k) if graph.fixed[k] else mark(k)

    cdef list marked(self, Graph graph, tuple operands, tuple primals):
        """Return the operands: nodes that vary, or the constants themselves."""
        cdef Py_ssize_t i
        if len(operands) != len(primals):
            raise ValueError("operands and their values are not of one number")
        return [self.operand_of(graph, operands[i], primals[i]) for i in range(len(operands))]

    cdef str numbers_of(self, Graph graph, object x):
        """Return the kind of the numbers of an operand."""
        cdef Value value
        if type(x) is _NODE:
            value = self.value_of(graph, (<_NODE> x).number)
            if value is not None:
                return value.kind
            return "?" if self.tape.op[(<_NODE> x).number] <= COMPARE + 5 else "d"
        if type(x) is float or type(x) is FLOAT:
            return "d"
        return kinds_of.get(np.asarray(x).dtype, "")

    cdef Node elementwise(self, Graph graph, Record record, Value own):
        cdef list operands = self.marked(graph, record.operands, record.primals)
        cdef tuple given = tuple(operands)
        cdef object row = record.row, function = record.function if record.function is not None else row.function
        cdef object exponent = None
        cdef bint known = own is None or own.kind != "", backward = False
        cdef str kinds = "", kind
        cdef int op = -1
        cdef Value value
        cdef Node made
        loop = None
        if (function is BY_OPERATOR or function is POWER or function is raised
                or (type(function) is not UFUNC and getattr(function, "__self__", None) is POWER)):
            function, operands, exponent = self._power(graph, function, operands, own)
        for x in operands:
            kind = self.numbers_of(graph, x)
            known = known and kind != ""
            kinds += kind
        if known:
            found = None
            if type(function) is UFUNC or type(function) is BUILTIN:
                found = opcodes.get((function, kinds, "d" if own is None else own.kind))
            if found is None:
                found = self.opcode(function, kinds, "d" if own is None else own.kind, exponent)
            op, loop = found
        if op == OP_CALL:
            for x in operands:
                value = self.value_of(graph, (<_NODE> x).number) if type(x) is _NODE else None
                if value is not None:
                    # A negative stride, for which NumPy's loops take other ways than blocks do.
                    for stride in value.strides:
                        backward = backward or stride < 0
        if op < 0 or backward or row.outputs > 1:
            function = record.function if record.function is not None else row.function
            return Node("call", given, own, function=Real(function), record=record, name=row.name)
        if op == OP_POW_2:
            operands = operands[:1]
        made = Node.__new__(Node)
        made.way, made.operands, made.value, made.op, made.function = "each", tuple(operands), own, op, loop
        made.record, made.name, made.fused = record, row.name, own is not None
        return made

    def opcode(self, function, str kinds, str result, exponent=None):
        """Return opcode and loop for operands of some kinds; found once for functions that live as long as NumPy."""
        if type(function) is not UFUNC and type(function) is not BUILTIN:
            return self._opcode_for(function, list(kinds), result, exponent)
        key = (function, kinds, result)
        found = opcodes.get(key)
        if found is None:
            found = opcodes[key] = self._opcode_for(function, list(kinds), result)
        return found

    cdef Node view(self, Graph graph, int number, Record record):
        cdef list path = list(record.path)
        cdef object base = self.operand_of(graph, record.operands[0], None)
        cdef Value own, found, like = self.value_of(graph, (<_NODE> base).number) if type(base) is _NODE else None
        if like is not None and like.kind:
            found = self.alias(like, path)
            if found is not None and self.tape.slot[number] < 0:
                return Node("pick", (base,), None, function=found, record=record, name="element")
            if found is not None:
                return Node("view", (base,), found, record=record, name="view")
        own = self.own_value(record, number)
        if own.kind and record.value is None and record.order is None:
            own.strides = strides_of(own.shape, None, own.width())
        return Node("call", (base,), own, function=Path(path), record=record, name="view")

    cdef Node write_of(self, Graph graph, int number, Record record):
        """Return how a part of an array is written."""
        cdef object base = self.operand_of(graph, record.operands[0], None)
        cdef object put = self.operand_of(graph, record.operands[1], record.primals[1])
        cdef Value own, target, before = self.value_of(graph, (<_NODE> base).number) if type(base) is _NODE else None
        if before is None:
            before = self.held(graph.same[record.operands[0]], number)
        own = own_of(before, number)
        if own.kind and not own.strides and own.shape:
            own.strides = strides_of(own.shape, None, 8)
        target = self.alias(own, [*record.path, Index(record.index)]) if own.kind else None
        if target is not None and self.numbers_of(graph, put):
            return Node("write", (base, put), own, 0, target, record=record, name="write")
        return Node(
            "call", (base, put), own, function=Write(list(record.path), record.index), record=record, name="write"
        )

    cdef Value held(self, int base, int number):
        """Return how a constant lies."""
        found = self.constant(base)
        return lying(found.shape, kinds_of.get(found.dtype, ""), number, 0, found.strides, found.dtype)

    def elements(self):
        """Return how many elements all arrays have together."""
        cdef Py_ssize_t count = 0
        for found in [*self.found, *self.versions.values()]:
            if found is not None and (<Node> found).value is not None:
                count += (<Node> found).value.size
        return count

    # --- what the rules in Python ask

    def part_of(self, int number):
        """Return how the elements lie that a node writes, None where they are written one by one."""
        return self.described(number).function

    def overwritten(self, Graph graph, int number):
        """Return the version of an array whose elements are written anew, for the last version of a chain of writes."""
        return self.version_before(graph, number)

    def _own_value(self, Record record, int number):
        return self.own_value(record, number)

    def _marked(self, Graph graph, tuple operands, tuple primals):
        return self.marked(graph, operands, primals)

    def kind_of(self, Graph graph, x):
        """Return the kind of the numbers of an operand."""
        return self.numbers_of(graph, x)

    def _alias(self, Value like, list path):
        return self.alias(like, path)

    cdef Value alias(self, Value like, list path):
        """Return how a view of a value lies, None where the path makes no view; found once for all that lie alike."""
        cdef Value seen
        cdef list words = [like.shape, like.strides, like.kind]
        for step in path:
            index = step.index if type(step) is Pick or type(step) is Index else None
            if index is not None and is_basic(index):
                words.append((type(step), (<Pick> (step if type(step) is Pick else Pick(index, 0))).key()))
            elif type(step) is Step:
                words.append(step)
            elif type(step) is Call:
                word = words_of((step.args, step.kwargs or None))
                if word is None:
                    return like.seen_by(path)
                words.append((step.function, word))
            else:
                return like.seen_by(path)
        key = tuple(words)
        if key not in self.aliases:
            seen = like.seen_by(path)
            self.aliases[key] = None if seen is None else (seen.shape, seen.strides, seen.offset - like.offset)
        found = self.aliases[key]
        if found is None:
            return None
        return lying(found[0], like.kind, like.root, like.offset + <Py_ssize_t> found[2], found[1], like.dtype)

    def _held(self, int base, int number):
        return self.held(base, number)

    # --- stages

    def stage(self, Graph graph, int number):
        """Return the stage of a general node: elementwise operations of one shape share a stage, others follow."""
        cdef Node node = self.node_of(graph, number)
        cdef int s, stage = 0
        for x in node.operands:
            if type(x) is _NODE:
                s = graph.stage[(<_NODE> x).number]
                if node.fused and not self.can_fuse(graph, (<_NODE> x).number, node):
                    s += 1
                stage = max(stage, s)
        return stage

    cdef bint can_fuse(self, Graph graph, int number, Node user) except -1:
        cdef Node node
        if self.tape.op[number] != GENERAL:
            return self.tape.op[number] == LEAF
        node = self.node_of(graph, number)
        return node.way == "input" or (node.fused and node.value.shape == user.value.shape)

    def postpone(self, Graph graph, wanted):
        """Move elementwise operations to the one later stage of all their users, if these are of their shape.

        They join the group of that stage then, and their results need not be written to memory and read again.
        """
        cdef Tape tape = self.tape
        cdef int[::1] when = np.full(graph.n, -1, np.int32)      # the stage of the users, NEVER where they differ
        cdef set written = set()                                 # arrays whose memory is written to again
        cdef Node node
        cdef Value value
        cdef int number, k, op
        for number in wanted:
            when[graph.same[number]] = NEVER
        for number in range(graph.n - 1, -1, -1):
            if not graph.alive[number]:
                continue
            op = tape.op[number]
            if op != GENERAL:
                for k in (tape.a[number], tape.b[number]):
                    if k >= 0 and op != LEAF:
                        when[graph.same[k]] = NEVER
                value = self.value_of(graph, graph.same[tape.a[number]]) if op == WRITE else None
                if value is not None:
                    written.add(value.root)
                continue
            node = self.node_of(graph, number)
            if node.fused and when[number] > graph.stage[number] and self.may_wait(graph, number, node, written):
                graph.stage[number] = when[number]
            for x in node.operands:
                if type(x) is not _NODE:
                    continue
                k = (<_NODE> x).number
                value = self.value_of(graph, k)
                if not node.fused or value is None or value.shape != node.value.shape:
                    when[k] = NEVER
                else:
                    when[k] = graph.stage[number] if when[k] == -1 or when[k] == graph.stage[number] else NEVER
                if node.way == "write" and value is not None:
                    written.add(value.root)                      # and what is put there, which does no harm

    cdef bint may_wait(self, Graph graph, int number, Node node, set written) except -1:
        """Say whether nothing is kept longer than the result would be, but for one array of its size."""
        cdef Value value
        cdef int k, large = 0
        for x in node.operands:
            if type(x) is not _NODE:
                continue
            k = (<_NODE> x).number
            value = self.value_of(graph, k)
            if value is None:
                continue
            if value.root in written:
                return False
            if graph.stage[k] == graph.stage[number] and self.tape.op[k] == GENERAL and self.node_of(graph, k).fused:
                return False  # it would have to be written in place of the result
            large += value.size == node.value.size
        return large <= 1


cdef object UFUNC = np.ufunc, BUILTIN = type(operator.add)
cdef dict opcodes = {}                 # by function, kinds of the operands, and kind of the result


# --- what equal nodes have in common


cdef bint spell_elementwise(Spelling *spelling, Record record, tuple operands) except -1:
    """Spell in bytes what two elementwise operations have in common; say whether that could be done.

    What lives as long as the tape is told by its address.
    """
    cdef Py_ssize_t i, k, size
    cdef double number
    cdef cnp.ndarray array
    spelling.n = 0
    spell(spelling, 1, <long long> <size_t> <void *> record.row)
    spell(spelling, 2, <long long> <size_t> <void *> record.function)
    for i in range(len(operands)):
        spell(spelling, 3, <int> operands[i])
        if <int> operands[i] >= 0:
            continue
        x = record.primals[i]
        own = type(x)
        spell(spelling, 4, <long long> <size_t> <void *> own)
        if type(x) is float or type(x) is FLOAT:
            number = x
            spell(spelling, 5, (<long long *> &number)[0])     # tells -0.0 from 0.0
        elif type(x) is int and -SMALL < x < SMALL:
            spell(spelling, 5, x)
        elif type(x) is cnp.ndarray:
            array = <cnp.ndarray> x
            size = cnp.PyArray_SIZE(array)
            if size > 16:
                spell(spelling, 6, <long long> <size_t> <void *> x)
                continue
            if cnp.PyArray_TYPE(array) != cnp.NPY_DOUBLE or not cnp.PyArray_ISCARRAY_RO(array):
                return False
            for k in range(cnp.PyArray_NDIM(array)):
                spell(spelling, 7, cnp.PyArray_DIM(array, k))
            for k in range(size):
                spell(spelling, 8, (<long long *> cnp.PyArray_DATA(array))[k])
        else:
            return False
    return spelling.n <= WORDS


cdef object key_of(Record record, tuple operands):
    """Return what two nodes have in common when one can stand for the other, None where that is not known."""
    cdef Py_ssize_t i
    cdef Spelling spelling
    if record.kind == "elementwise":
        constants = []
        if len(record.primals) != len(operands):
            return None
        if spell_elementwise(&spelling, record, operands):
            return spelled(&spelling)
        for i in range(len(operands)):
            if operands[i] < 0:
                word = constant_key(record.primals[i])
                if word is None:
                    return None
                constants.append(word)
        # What lives as long as the tape is told by its address: plain numbers are no garbage collector's business.
        return id(record.row), id(record.function), operands, tuple(constants)
    if record.kind == "row" or record.kind == "discrete":
        args, kwargs = words_of(record.args), words_of(record.kwargs or None)
        if args is None or kwargs is None:
            return None
        return record.kind, record.row.name if record.row is not None else None, operands, args, kwargs
    return None


cdef object constant_key(object x):
    cdef double number
    if type(x) is float or type(x) is FLOAT:
        number = x
        return type(x), (<long long *> &number)[0]     # tells -0.0 from 0.0
    if isinstance(x, (bool, int, float)):
        return type(x), repr(x)
    if isinstance(x, np.generic):
        return type(x), x.tobytes()
    if isinstance(x, np.ndarray):
        return ("array", x.shape, x.dtype, x.tobytes()) if x.size <= 16 else ("id", id(x))
    return None


cpdef object words_of(object part):
    """Return a hashable spelling of plain arguments, None where there is none."""
    cdef type own = type(part)
    if own is tuple or own is list:
        inner = []
        for one in part:
            word = words_of(one)
            if word is None:
                return None
            inner.append(word)
        return id(own), tuple(inner)
    if own is Operand:
        return "operand", part.place
    if part is None or own is int or own is bool or own is str or own is type:
        return id(own), part
    if own is float or isinstance(part, (bool, int, float, np.generic, np.ndarray)):
        return constant_key(part)
    if isinstance(part, (str, np.dtype, type)):
        return own, repr(part)
    if own is slice:
        return words_of(("slice", part.start, part.stop, part.step))
    if own is dict:
        return words_of([item for pair in sorted(part.items()) for item in pair])
    if isinstance(part, (list, tuple)):
        word = words_of(tuple(part))
        return None if word is None else (own, word)
    if callable(part):
        try:
            return "function", hash(part), part
        except TypeError:
            return None
    return None
