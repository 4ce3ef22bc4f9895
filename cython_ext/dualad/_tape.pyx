"""The tape, and the recorded arrays that write it.

A scalar's value stands in the node itself. An array keeps its numbers in a :class:`Cell` that its views share; writing
makes a new version of the cell, a node of its own, and copies the numbers first where a recorded operation needs them.
"""

cimport cython
cimport numpy as cnp
from libc.math cimport isfinite, pow as c_pow

import numpy as np

from dualad import errors
from dualad.duck.operands import Operand
from dualad.ops.table import TABLE

from dualad._columns cimport COMPARE, GENERAL, LEAF, READ, WRITE, Columns, compared
from dualad._duck cimport (ADD, DIVIDE, FLOOR_DIVIDE, MULTIPLY, NEGATIVE, POWER, REMAINDER, ROWS, SUBTRACT, DuckArray,
                           no_sequence)
from dualad._kernel cimport call_scalar
from dualad._record cimport (SMALL, Cell, Record, Shape, copied_as_it_lies, make_record, new_cell, outline, sample_of,
                             shared_key, unpin)
from dualad._rule cimport Rule, rule_of
from dualad._views cimport Pick, element, is_basic, is_dense, layout

cnp.import_array()

# The Python side, handed over once when dualad.reverse is imported: it needs the classes below.
cdef object array_row, get_item, set_item, lift, discrete, compare, astype_row


def hang(rules):
    """Take the Python module with the rules of array operators."""
    global array_row, get_item, set_item, lift, discrete, compare, astype_row
    array_row, get_item, set_item = rules.array_row, rules.get_item, rules.set_item
    lift, discrete, compare, astype_row = rules.lift, rules.discrete, rules.compare, rules.ASTYPE


cdef object page = None


def print_with(function):
    """Take the function that makes a page of a tape (``dualad.draw`` calls this once when it is imported)."""
    global page
    page = function


cdef object expressions = None


def spell_with(function):
    """Take the function that writes a tape in the symbols of SymPy (``dualad.draw`` calls this as well)."""
    global expressions
    expressions = function


cdef list by_operator = [rule_of(row) for row in ROWS]


cdef class Tape(Columns):
    """A list of nodes that recorded arrays write.

    A ``lean`` tape keeps only the values of arrays that the rules need; any other keeps all.

    A tape with ``live``, a dict from the identity of arrays to the arrays, is there to be replayed: where one of these
    arrays (or a view of it) is an operand, it is a constant node of its own, listed in ``captured``, so that a replay
    can read it anew. All other constants are kept by copies.

    ``odd`` are the slots of arrays that are not in C order. ``late`` are the versions of arrays that are read again
    after they were overwritten, which only a transform does: the sweeps keep numbers of their own for them.
    """

    def __cinit__(self, long long level=0, bint lean=False):
        self.level, self.lean = level, lean
        self.late, self.overwritten, self.odd = set(), set(), set()
        self.sealed, self.plans = {}, {}
        self.guards, self.inputs = [], []
        self.captured, self.places = [], {}
        self.outputs = None

    cdef int mark_late(self, int node) except -1:
        """Note that a version of an array is used, which may have been overwritten since."""
        cdef Record record
        cdef Py_ssize_t k
        for k in range(self.searched, self.n):
            if self.op[k] == WRITE:
                self.overwritten.add(self.a[k])
            elif self.op[k] == GENERAL:
                record = <Record> self.records[<Py_ssize_t> self.at[k]]
                if record.kind == "write":
                    self.overwritten.add(record.operands[0])
        self.searched = self.n
        if self.op[node] == GENERAL:
            record = <Record> self.records[<Py_ssize_t> self.at[node]]
            if record.kind == "view":
                node = record.operands[0]
        if node in self.overwritten:
            self.late.add(node)
        return 0

    def __str__(self):
        return repr(self) if page is None else page(self)

    def to_sympy(self, names=None):
        """Return what this tape computes as SymPy expressions: see ``dualad.draw.to_sympy``."""
        return expressions(self, names)

    # --- writing

    def input(self, array):
        """Write an input and return its recorded array."""
        out = self.constant(array)
        self.inputs.append((<Recorded> out).place)
        return out

    def constant(self, value):
        """Write a constant (or an input) and return its recorded array."""
        if type(value) is np.float64 or type(value) is float:
            return scalar(self, self.append(LEAF, -1, -1, -1, 0.0, value))
        if type(value) is np.ndarray and not is_dense(<cnp.ndarray> value):
            value = np.array(value, order="K")
        record = make_record("constant", None, (), (), value)
        return self.general(<Record> record, value, True)

    def record(self, kind, row, operands, primals, value, plan=None, args=None, kwargs=None, path=None, index=None,
               needed=True):
        """Write a node of any kind and return what the user gets: a recorded array, a scalar, or several.

        ``needed`` says that the rule of the node reads its value.
        """
        cdef Record made = <Record> make_record(kind, row, operands, tuple(primals), value)
        made.plan, made.args, made.kwargs, made.path, made.index = plan, args, kwargs, path, index
        return self.general(made, value, needed)

    cdef int rely_on(self, int node, int i, object outcome) except -1:
        """Note that what follows relies on a result that is no floating point number (an exponent, a rank)."""
        cdef Record item = <Record> make_record("item", None, (node,), (None,), outcome)
        item.index = i
        self.guards.append(((<Recorded> self.general(item, outcome, True)).place, np.copy(outcome)))
        return 0

    cdef object general(self, Record record, object value, bint needed):
        """Write ``records[at]`` and return its recorded result; several results follow as items of it."""
        cdef int node
        cdef double v = 0.0
        cdef bint kept = needed or not self.lean
        if isinstance(value, (tuple, list)):
            node = self.append(GENERAL, -1, -1, self.new_slot(), len(self.records), 0.0)
            self.keep(record)
            record.items = {}
            items = []
            for i, part in enumerate(value):
                if not isinstance(part, (np.ndarray, np.generic, DuckArray)) or record_is_discrete(part):
                    items.append(part)
                    if not self.lean and isinstance(part, (np.ndarray, np.generic, int)):
                        self.rely_on(node, i, np.array(part))
                    continue
                item = make_record("item", None, (node,), (None,), part)
                (<Record> item).index = i
                record.items[i] = self.n
                items.append(self.general(<Record> item, part, kept))
            if not kept:
                record.value = tuple([
                    Shape(part.shape, part.dtype) if isinstance(part, np.ndarray) else part for part in value
                ])
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        if type(value) is np.float64:
            v = value
            node = self.append(GENERAL, -1, -1, -1, len(self.records), v)
            self.keep(record)
            return scalar(self, node)
        node = self.append(GENERAL, -1, -1, self.new_slot(), len(self.records), 0.0)
        self.keep(record)
        if type(value) is np.ndarray:
            record.order = layout(<cnp.ndarray> value)
            if record.order is not None:
                self.odd.add(self.slot[node])
            if not kept:
                record.value = None
        elif isinstance(value, DuckArray):
            self.boxed = kept = True
            # A cotangent in another order than the value would be copied where a reshape shows the value itself.
            bare = value
            while isinstance(bare, DuckArray):
                bare = bare._primal()
            if type(bare) is np.ndarray:
                record.order = layout(<cnp.ndarray> bare)
                if record.order is not None:
                    self.odd.add(self.slot[node])
        elif not isinstance(value, np.ndarray):
            value = np.asarray(value)
        return array(self, node, value, kept)

    def view(self, like, step, value):
        """Return a recorded view: ``step`` makes it from its base, for numbers and cotangents alike."""
        cdef Recorded base = <Recorded> like
        cdef Recorded out
        out = new_array(self, is_boxed_number(value))
        out.cell, out.kind, out.discrete = base.cell, base.kind, base.discrete
        out.path = (base.path or ()) + (step,)
        out.held, out.copy, out.version = value, base.cell.copy, -1
        return out

    def shown(self, like, step, value, row, plan):
        """Return what shows the numbers of its base and cannot be written (``np.broadcast_to``).

        It is a row, written anew for each version of the base.
        """
        cdef Recorded out = <Recorded> self.view(like, step, value)
        out.source = (like, row, plan, step.args, step.kwargs)
        return out

    def handle(self, int node, value=None):
        """Return a recorded array that stands for a node (for transforms, which write rules as nodes)."""
        cdef RecordedScalar out
        if not 0 <= node < self.n:
            raise IndexError(f"the tape has {self.n} nodes and no node {node}")
        if self.slot[node] < 0:
            out = scalar(self, node)
            if self.op[node] <= COMPARE + 5:
                out.kind, out.discrete = c"b", True
            return out
        if value is None and self.op[node] == GENERAL:
            value = (<Record> self.records[<Py_ssize_t> self.at[node]]).value
        if isinstance(value, (np.ndarray, np.generic, DuckArray)):
            self.mark_late(node)
            return array(self, node, value if isinstance(value, DuckArray) else np.asarray(value), True)
        raise errors.DerivativeLost(f"the value of node {node} was not kept")

    cdef int capture(self, cnp.ndarray x) except -2:
        """Return the constant node of an array of ``live``, or of a view of one; -1 for any other array."""
        cdef Record record
        cdef object base = x
        cdef int node
        while isinstance(getattr(base, "base", None), np.ndarray):
            base = getattr(base, "base")
        if id(base) not in self.live or cnp.PyArray_TYPE(x) != cnp.NPY_DOUBLE or not is_dense(x):
            return -1
        # The object itself stands for its memory: it is kept, and so its place in memory is not given to another.
        key = (id(base), <size_t> cnp.PyArray_DATA(x), (<object> x).shape, (<object> x).strides)
        if key in self.places:
            return self.places[key]
        record = <Record> make_record("constant", None, (), (), x)
        record.order = layout(x)
        node = self.append(GENERAL, -1, -1, self.new_slot(), len(self.records), 0.0)
        self.keep(record)
        if record.order is not None:
            self.odd.add(self.slot[node])
        self.captured.append((node, x))
        self.places[key] = node
        return node

    def seen(self, x):
        """Return a constant operand as it is written: an array of ``live`` as a recorded constant."""
        cdef int node
        if self.live is not None and type(x) is np.ndarray:
            node = self.capture(<cnp.ndarray> x)
            if node >= 0:
                return array(self, node, x, True)
        return x

    def freeze(self, x):
        """Return a constant operand as a rule may keep it."""
        return frozen(self, <cnp.ndarray> x) if type(x) is np.ndarray else x

    def check_constants(self):
        """Raise an error where a large array that the function used has been changed since: rules would read it now."""
        for x, sample in self.sealed.values():
            if sample_of(x) != sample:
                raise errors.ChangedConstant(errors.changed_constant(x.shape))

    def raising(self, given):
        """Return ``(divisors, powers)``: nodes on which it depends whether Python's own numbers raise an error.

        Python's numbers divide by zero and overflow in a power by raising where NumPy's give inf or nan; ``given`` are
        the inputs that the function receives as Python's numbers.
        """
        cdef int node, op, k
        cdef bytearray python = bytearray(self.n)
        cdef list divisors = [], powers = []
        for node in given:
            python[node] = 1
        for node in range(<int> self.n):
            op = self.op[node]
            if op < 0 or (self.a[node] >= 0 and not python[self.a[node]]):
                continue
            if self.b[node] >= 0 and not python[self.b[node]]:
                continue
            for k in range(len(by_operator)):
                if op == (<Rule> by_operator[k]).code:
                    python[node] = 1
                    if k == POWER:
                        powers.append(node)
                    elif k in (DIVIDE, FLOOR_DIVIDE, REMAINDER) and self.b[node] >= 0:
                        divisors.append(self.b[node])
                    break
        return divisors, powers

cdef object FLOAT = np.float64


cdef inline bint is_number(object x) noexcept:
    """Say whether a plain number is one that a scalar node can hold."""
    return type(x) is float or type(x) is int or type(x) is FLOAT


cdef bint record_is_discrete(object part):
    return part.dtype.kind != "f"


cdef inline RecordedScalar scalar(Tape tape, int node):
    cdef RecordedScalar out = RecordedScalar.__new__(RecordedScalar)
    out.level, out.tape, out.place, out.kind = tape.level, tape, node, c"f"
    return out


cdef inline bint is_boxed_number(object value) except -1:
    """Say whether a value is a number, and no array without axes, into which one may write."""
    if isinstance(value, DuckArray):
        return value._is_scalar
    return not isinstance(value, np.ndarray) and value.shape == ()


cdef Recorded new_array(Tape tape, bint boxed_scalar):
    cdef Recorded out
    if boxed_scalar:
        out = RecordedScalar.__new__(RecordedScalar)
    else:
        out = Recorded.__new__(Recorded)
    out.level, out.tape = tape.level, tape
    return out


cdef Recorded array(Tape tape, int node, object value, bint pinned):
    """Return a recorded array of a node."""
    cdef Recorded out
    if type(value) is np.ndarray:
        out = Recorded.__new__(Recorded)
        out.level, out.tape = tape.level, tape
        out.kind = (<cnp.ndarray> value).descr.kind
    else:
        out = new_array(tape, isinstance(value, DuckArray) and is_boxed_number(value))
        out.kind = ord(value.dtype.kind)
    out.place, out.discrete = node, out.kind != c"f"
    out.cell = new_cell(value, node, pinned)
    out.held = value
    return out


# --- recorded arrays --------------------------------------------------------------------------------------------------


@cython.no_gc
cdef class Recorded(DuckArray):
    """An array whose operations are written on a tape. Users receive them; they do not make them."""

    cdef object primal(self):
        if self.cell is None:
            if self.held is not None:
                return self.held
            return np.bool_(self.tape.v[self.place] != 0) if self.kind == c"b" else np.float64(self.tape.v[self.place])
        if self.copy != self.cell.copy:
            value = self.cell.buffer
            for step in self.path or ():
                value = step(value)
            self.held = value
            self.copy = self.cell.copy
        return self.held

    cdef int node(self) except -2:
        """Return the node of the present version; a view is written anew after its base was."""
        cdef Record record
        if self.cell is None:
            return self.place
        if self.path is None:
            return self.cell.node
        if self.version != self.cell.version:
            # Its numbers are those of its base, which may be overwritten: they are not kept here.
            if self.source is None:
                record = <Record> make_record("view", None, (self.cell.node,), (None,), self.primal())
                record.path = self.path
            else:
                base, row, plan, args, kwargs = self.source
                shapes = (outline((<Recorded> base).primal()),)
                record = <Record> make_record("row", row, ((<Recorded> base).node(),), shapes, self.primal())
                record.plan, record.args, record.kwargs = plan, args, kwargs
                if type(record.value) is np.ndarray:
                    record.order = layout(<cnp.ndarray> record.value)
            if type(record.value) is np.ndarray:
                record.value = None
            self.place = self.tape.append(GENERAL, -1, -1, self.tape.new_slot(), len(self.tape.records), 0.0)
            self.tape.keep(record)
            if record.order is not None:
                self.tape.odd.add(self.tape.slot[self.place])
            self.version = self.cell.version
        return self.place

    def _primal(self):
        return self.primal()

    def _operand(self, bint needed=True):
        """Return the node, having made sure that a write keeps these numbers where a rule needs them."""
        if needed and self.cell is not None:
            self.cell.pinned = True
        return self.node()

    @property
    def _tape(self):
        return self.tape

    @property
    def _is_scalar(self):
        return type(self) is RecordedScalar

    @property
    def _is_shown(self):
        return self.source is not None

    @property
    def _cell(self):
        return self.cell

    @property
    def _is_discrete(self):
        return self.kind != c"f"

    @property
    def _path(self):
        return self.path or ()

    def _constant(self, value):
        return self.tape.constant(np.asarray(value) if not isinstance(value, (np.float64, DuckArray)) else value)

    def _with_value(self, value):
        """Return the array with NumPy's own value in place of one that differs from it by rounding, or lies otherwise
        in memory: sums follow the order of the memory.
        """
        cdef dict options = {}
        own = self.primal()
        if plain_bytes(own) == plain_bytes(value):
            if not lies_otherwise(own, value):
                return self
            options = {"order": "C" if value.flags.c_contiguous else "F"}
        like = Shape(self.shape, self.dtype)
        node = self._operand(False)
        return self.tape.record(
            "row", COPY, (node,), (like,), value, COPY.plan(value), (Operand(0),), options, needed=False
        )

    def _lift(self, objects):
        return lift(objects)

    def _array_row(self, row, args, kwargs):
        return array_row(self, row, args, kwargs)

    def _discrete(self, function, args, kwargs):
        return discrete(self, function, args, kwargs)

    def _astype(self, dtype):
        return lift_astype(self, dtype)

    def _saved(self):
        """Return the numbers as a rule may keep them: no later write changes them."""
        return saved(self)

    def _make_room(self, like):
        """Let the array hold numbers that carry the outer derivative of ``like``, which it was not made for."""
        cdef Cell cell = self.cell
        cdef Record record
        cdef int node
        lifted = like._constant(np.array(cell.buffer))
        record = <Record> make_record("row", COPY, (cell.node,), (Shape(lifted.shape, lifted.dtype),), lifted)
        record.plan, record.args, record.kwargs = COPY.plan(lifted), (lifted,), {}
        node = self.tape.append(GENERAL, -1, -1, self.tape.new_slot(), len(self.tape.records), 0.0)
        self.tape.keep(record)
        self.tape.boxed = True
        cell.buffer, cell.node, cell.data, cell.pinned = lifted, node, NULL, True
        cell.version += 1
        cell.copy += 1

    def _overwrite(self, index, value_node, primal, is_constant, last):
        """Write ``primal`` at ``index`` (through views to the base) as a new version.

        ``last`` is a mask where the index names elements more than once: only what was put last has come to stay.
        """
        cdef Record record
        cdef int node, before = self.cell.node
        held = write_target(self)
        held[index] = primal
        record = <Record> make_record(
            "write", None, (before, value_node), (None, np.copy(primal) if is_constant else np.shape(primal)), None
        )
        record.path, record.index, record.plan = self.path or (), index, last
        record.shape, record.dtype = self.cell.buffer.shape, self.cell.buffer.dtype
        node = self.tape.append(GENERAL, -1, -1, self.tape.slot[before], len(self.tape.records), 0.0)
        self.tape.keep(record)
        self.cell.node = node
        self.cell.version += 1

    def _adopt(self, node, value):
        """Take over the numbers of a node that has just been written: ``x[...] = value`` without a copy."""
        cdef Cell cell = self.cell
        cdef Cell fresh = new_cell(value, node, not self.tape.lean)
        cell.buffer, cell.node, cell.pinned, cell.data = fresh.buffer, fresh.node, fresh.pinned, fresh.data
        cell.version += 1
        cell.copy += 1

    def __getitem__(self, index):
        cdef cnp.ndarray held
        cdef double *at
        cdef Tape tape = self.tape
        cdef Recorded out
        if self.cell is not None and self.cell.data != NULL:
            held = <cnp.ndarray> self.primal()
            at = element(held, index)
            if at != NULL:
                return scalar(tape, tape.number(READ, self.cell.node, -1, at - self.cell.data, at[0]))
            if self.source is None and is_basic(index):
                value = held[index]
                if type(value) is np.ndarray:
                    out = Recorded.__new__(Recorded)
                    out.level, out.tape, out.cell = self.level, tape, self.cell
                    out.kind, out.discrete = self.kind, self.discrete
                    out.path = (self.path or ()) + (Pick(index, cnp.PyArray_NDIM(held)),)
                    out.held, out.copy, out.version = value, self.cell.copy, -1
                    return out
        return get_item(self, index)

    cdef int put(self, Py_ssize_t place, int source, double v) except -1:
        """Write the double at a place in memory: the value of a scalar node, or a constant (-1)."""
        cdef Cell cell = self.cell
        cdef Tape tape = self.tape
        if cell.pinned or self.path is not None or not cnp.PyArray_ISWRITEABLE(<cnp.ndarray> cell.buffer):
            write_target(self)
        cell.data[place] = v
        cell.node = tape.append(WRITE, cell.node, source, tape.slot[cell.node], place, v)
        cell.version += 1
        return 0

    def _read(self, index):
        """Read one element of an array of doubles; ``index`` is a full index."""
        cdef cnp.ndarray one
        cdef double *at
        one = self.primal()[index + (Ellipsis,)]
        at = <double *> cnp.PyArray_DATA(one)
        return scalar(self.tape, self.tape.number(READ, self.cell.node, -1, at - self.cell.data, at[0]))

    @property
    def _has_doubles(self):
        return self.cell is not None and self.cell.data != NULL

    def __setitem__(self, index, value):
        cdef double *at
        cdef double v
        cdef int source = -1
        cdef Cell cell = self.cell
        cdef Tape tape = self.tape
        if cell is not None and cell.data != NULL:
            if type(value) is RecordedScalar and (<Recorded> value).tape is tape and (<Recorded> value).held is None:
                source = (<Recorded> value).place
                v = tape.v[source]
            elif is_number(value):
                v = value
            else:
                set_item(self, index, value)
                return
            at = element(<cnp.ndarray> self.primal(), index)
            if at != NULL:
                self.put(at - cell.data, source, v)
                return
        set_item(self, index, value)

    def __richcmp__(self, other, int op):
        cdef Tape tape = self.tape
        cdef RecordedScalar out
        cdef double x, y
        cdef int b = -1
        cdef bint v
        if type(self) is RecordedScalar and self.held is None:
            x = tape.v[self.place]
            if type(other) is RecordedScalar and (<Recorded> other).tape is tape and (<Recorded> other).held is None:
                b = (<Recorded> other).place
                y = tape.v[b]
            elif is_number(other):
                y = other
            else:
                return compare(self, other, op)
            v = compared(op, x, y)
            out = scalar(tape, tape.number(COMPARE + op, self.place, b, 0.0 if b >= 0 else y, v))
            out.kind, out.discrete = c"b", True
            return out
        return compare(self, other, op)

    def __bool__(self):
        cdef bint outcome
        if self.cell is None and self.held is None:
            outcome = self.tape.v[self.place] != 0
        else:
            outcome = bool(self.primal())
        self.tape.guards.append((self.node(), outcome))
        return outcome

    def __int__(self):
        outcome = int(self.primal())
        self.tape.guards.append((self.node(), outcome))
        return outcome

    def __index__(self):
        if self.kind == c"f":
            raise TypeError(f"only integers can be used as an index; this recorded array has dtype {self.dtype}")
        outcome = self.primal().__index__()
        self.tape.guards.append((self.node(), outcome))
        return outcome

    def __getattr__(self, str name):
        # NumPy asks for this where an array of conditions or whole numbers is an index of a plain array.
        if name == "__array__" and self.kind != c"f":
            return self.plain
        return DuckArray.__getattr__(self, name)

    def __floor__(self):
        return int(np.floor(self))

    def __ceil__(self):
        return int(np.ceil(self))

    def __trunc__(self):
        return int(np.trunc(self))

    def __round__(self, digits=None):
        return int(np.round(self)) if digits is None else np.round(self, digits)

    def _settled(self):
        outcome = self.primal()
        if not isinstance(outcome, DuckArray):
            # A copy: the recording may write into the array, or count an index up, after this.
            self.tape.guards.append((self.node(), np.copy(outcome) if type(outcome) is np.ndarray else outcome))
        return outcome

    def plain(self, dtype=None, copy=None):
        """Return conditions or whole numbers as a plain array, on which what follows relies."""
        outcome = self.primal()
        # A copy: whoever receives the numbers may write into them.
        self.tape.guards.append((self.node(), np.copy(outcome) if type(outcome) is np.ndarray else outcome))
        return np.array(outcome, dtype=dtype, copy=copy)

    def __float__(self):
        if self.kind == c"f":
            return DuckArray.__float__(self)
        return float(int(self))

    @property
    def shape(self):
        """Shape of the value."""
        return () if self.cell is None and self.held is None else self.primal().shape

    @property
    def dtype(self):
        """Type of the value."""
        if self.kind == c"b":
            return np.dtype(bool)
        return np.dtype(float) if self.cell is None and self.held is None else self.primal().dtype

    @property
    def size(self):
        """Number of elements of the value."""
        return 1 if self.cell is None and self.held is None else self.primal().size

    @property
    def value(self):
        """The value that was computed, on which what follows relies."""
        return self._settled()

    def __repr__(self):
        # Who reads this may act on it: a replay that would print other numbers is none.
        return f"Recorded({self._settled()!r}, node={self.node()})"

    def __reduce__(self):
        raise TypeError("a recorded array belongs to a recording that is running and cannot be pickled")

    # --- elementwise rules

    cdef object operate(self, int op, object left, object right):
        cdef double x = 0, y = 0, v, constant
        cdef int a = -1, b = -1
        cdef Tape tape = self.tape
        if op <= NEGATIVE and type(self) is RecordedScalar and self.kind == c"f" and self.held is None:
            if type(left) is RecordedScalar:
                if (<Recorded> left).tape is not tape or (<Recorded> left).held is not None:
                    return DuckArray.operate(self, op, left, right)
                if (<Recorded> left).kind != c"f":
                    return DuckArray.operate(self, op, left, right)
                a = (<Recorded> left).place
                x = tape.v[a]
            elif is_number(left):
                x = left
            else:
                return DuckArray.operate(self, op, left, right)
            if op == NEGATIVE:
                return scalar(tape, tape.number((<Rule> by_operator[op]).code, a, -1, 0.0, -x))
            if type(right) is RecordedScalar:
                if (<Recorded> right).tape is not tape or (<Recorded> right).held is not None:
                    return DuckArray.operate(self, op, left, right)
                if (<Recorded> right).kind != c"f":
                    return DuckArray.operate(self, op, left, right)
                b = (<Recorded> right).place
                y = tape.v[b]
            elif is_number(right):
                y = right
            else:
                return DuckArray.operate(self, op, left, right)
            if op == MULTIPLY:
                v = x * y
            elif op == ADD:
                v = x + y
            elif op == SUBTRACT:
                v = x - y
            elif op == DIVIDE and y != 0:
                v = x / y
            elif op == POWER:
                v = c_pow(x, y)
            else:
                return DuckArray.operate(self, op, left, right)
            # NumPy warns of an overflow or an invalid operation: let it do so where the result says there was one.
            if isfinite(v):
                constant = x if a < 0 else y if b < 0 else 0.0
                return scalar(tape, tape.number((<Rule> by_operator[op]).code, a, b, constant, v))
        return DuckArray.operate(self, op, left, right)

    cdef object elementwise(self, object row, object function, tuple inputs):
        cdef Rule rule = rule_of(row)
        cdef double x[2]
        cdef int node[2]
        cdef int i = 0
        cdef Tape tape = self.tape
        cdef double v
        # np.power of numbers is not to the bit what ** of numbers is, which a power on the tape stands for.
        if rule.loops is not None and function is rule.loops.ufunc and rule.arguments <= 2 and (
            tape.lean or rule.code != (<Rule> by_operator[POWER]).code
        ):
            node[0] = node[1] = -1
            for given in inputs:
                if type(given) is RecordedScalar:
                    if (<Recorded> given).tape is not tape or (<Recorded> given).held is not None:
                        break
                    node[i] = (<Recorded> given).place
                    x[i] = tape.v[node[i]]
                    if (<Recorded> given).kind != c"f":
                        break
                elif is_number(given):
                    x[i] = given
                else:
                    break
                i += 1
            if i == rule.arguments:
                v = call_scalar(rule.loops, x)
                if isfinite(v):
                    return scalar(tape, tape.number(rule.code, node[0], node[1], constant_of(rule, node, x), v))
        return record_elementwise(self, rule, function, inputs)


COPY = TABLE.named("copy")


def plain_bytes(value):
    while isinstance(value, DuckArray):
        value = value._primal()
    return np.asarray(value).tobytes()


cdef bint lies_otherwise(x, value) except -1:
    """Say whether a value without gaps has another order of memory than ``x``."""
    if type(x) is not np.ndarray or type(value) is not np.ndarray or value.ndim < 2:
        return False
    if cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> value):
        return not cnp.PyArray_IS_C_CONTIGUOUS(<cnp.ndarray> x)
    return cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray> value) and not cnp.PyArray_IS_F_CONTIGUOUS(<cnp.ndarray> x)


cdef object write_target(Recorded self):
    """Return the present numbers of an array, made safe to write."""
    cdef bint moved = self.cell.pinned
    if type(self.cell.buffer) is np.ndarray and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray> self.primal()):
        raise ValueError("assignment destination is read-only")
    unpin(self.cell)
    if moved and self.path is None:
        self.held, self.copy = self.cell.buffer, self.cell.copy
    return self.primal()


cdef inline double constant_of(Rule rule, int *node, double *x):
    """Return the operand of a scalar operation that is no node; 0 where all are."""
    if node[0] < 0:
        return x[0]
    return x[1] if rule.arguments > 1 and node[1] < 0 else 0.0


cdef object saved(Recorded one):
    """Return the numbers of an array as a rule may keep them: no later write changes them."""
    cdef object value = one.primal()
    if one.cell is None:
        return value
    if one.path is not None and type(value) is np.ndarray and not one.cell.pinned and one.cell.version:
        # A small part of an array that is being filled: a copy of the part is cheaper than one of the whole.
        if cnp.PyArray_SIZE(<cnp.ndarray> value) * 8 <= cnp.PyArray_SIZE(<cnp.ndarray> one.cell.buffer):
            return np.copy(value, order="K")
    one.cell.pinned = True
    return value


cdef object record_elementwise(Recorded self, Rule rule, object function, tuple inputs):
    """Write ``function(*inputs)`` as a node; at least one input is of this tape."""
    cdef Tape tape = self.tape
    cdef Record record
    cdef unsigned int active = 0, whole = 0, mine = 0
    cdef int i = 0
    cdef list primals = []
    cdef unsigned int need
    cdef bint needed
    for x in inputs:
        if isinstance(x, Recorded) and (<Recorded> x).level == self.level:
            mine |= 1 << i
            if (<Recorded> x).kind == c"f":
                active |= 1 << i
            x = (<Recorded> x).primal()
        elif type(x) is int:
            whole |= 1 << i
        elif type(x) is np.ndarray:
            if cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_OBJECT:
                return function(*[lift(y) for y in inputs])
            if cnp.PyArray_TYPE(<cnp.ndarray> x) < cnp.NPY_FLOAT:
                whole |= 1 << i
        elif type(x) is not float and not isinstance(x, DuckArray):
            if isinstance(x, (list, tuple)):
                x = np.asarray(x)
                if x.dtype == object:  # there may be recorded numbers among its elements
                    return function(*[lift(np.asarray(y)) if isinstance(y, (list, tuple)) else lift(y) for y in inputs])
            if np.result_type(x).kind in "iub":
                whole |= 1 << i
        primals.append(x)
        i += 1
    if active == 0:
        return discrete(self, function, inputs, {})
    if tape.known is None and rule.allowed >> active & 1 == 0:
        # A transform may write what cannot be differentiated again; the sweep that would have to refuses it.
        rule.refuse([i for i in range(rule.arguments) if active >> i & 1])
        rule.allowed |= 1ULL << active
    if rule.loops is None and function is rule.row.function:
        value = rule.row.call(tuple(primals))
    else:
        value = function(*primals)
    if not is_doubles(value):
        value = checked_value(rule, value, primals)
    need = rule.need(active)
    needed = need >> 31 & 1
    record = <Record> make_record("elementwise", rule.row, None, (), value)
    record.operands = keep_operands(tape, rule.arguments, need, mine, inputs, primals)
    record.primals = tuple(primals)
    record.rule, record.active, record.whole = rule, active, whole
    if function is not rule.row.function:
        record.function = function
    if tape.known is not None and rule.outputs == 1:
        key = shared_key(record)
        found = tape.known.get(key)
        if found is not None:
            return tape.handle(found)
        tape.known[key] = tape.n
        needed = True
    return tape.general(record, value, needed)


cdef inline bint is_doubles(object value):
    if type(value) is np.ndarray:
        return cnp.PyArray_TYPE(<cnp.ndarray> value) == cnp.NPY_DOUBLE
    return type(value) is np.float64


cdef object checked_value(Rule rule, object value, list primals):
    """Return a value that is no array of doubles, having made sure that a derivative of it has a meaning."""
    if type(value) is complex or isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "c":
        value = real_part(value, primals, rule.row.name)
    for part in (value if rule.outputs > 1 else (value,)):
        if part.dtype.kind == "c" or not isinstance(part, DuckArray) and part.dtype.kind == "f":
            errors.check_real(part.dtype, rule.row.name)
    return value


cdef tuple keep_operands(Tape tape, int arguments, unsigned int need, unsigned int mine, tuple inputs, list primals):
    """Return the nodes of the operands; in ``primals`` is left what the rule needs, safe from later writes."""
    cdef int i
    cdef Recorded one
    cdef list numbers = []
    for i in range(arguments):
        primal = primals[i]
        if not mine >> i & 1:
            numbers.append(-1)
            if type(primal) is np.ndarray:
                if tape.live is not None:
                    numbers[i] = tape.capture(<cnp.ndarray> primal)
                    if numbers[i] >= 0:
                        continue
                primals[i] = frozen(tape, <cnp.ndarray> primal) if not tape.lean or need >> i & 1 else outline(primal)
            continue
        one = <Recorded> inputs[i]
        numbers.append(one.node())
        if one.cell is not None:
            # Where the rule needs the shape and the type only, the numbers may be overwritten or given back.
            primals[i] = saved(one) if need >> i & 1 else outline(primal)
    return tuple(numbers)


cdef object frozen(Tape tape, cnp.ndarray x):
    """Return a constant array as a rule may keep it: a copy if it is small, else itself, with a mark by which a change
    shows.
    """
    if not cnp.PyArray_ISWRITEABLE(x) and cnp.PyArray_BASE(x) == NULL:
        return x
    if cnp.PyArray_NBYTES(x) <= SMALL or tape.live is not None:
        return cnp.PyArray_NewCopy(x, cnp.NPY_KEEPORDER) if tape.lean or is_dense(x) else copied_as_it_lies(x)
    if id(x) not in tape.sealed:
        tape.sealed[id(x)] = (x, sample_of(x))
    return x


cdef object real_part(object value, list primals, str name):
    """Return the values of a function that answers in complex numbers where its arguments are real (lambertw)."""
    value = np.asarray(value)[()]
    if np.any(value.imag) or any([np.iscomplexobj(x) for x in primals]):
        errors.check_real(value.dtype, name)
    return value.real.copy()


def lift_astype(Recorded self, dtype):
    return array_row(self, astype_row, (self, dtype), {})


@cython.no_gc
cdef class RecordedScalar(Recorded):
    """A recorded number."""


no_sequence(RecordedScalar)
