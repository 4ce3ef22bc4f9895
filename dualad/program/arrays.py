"""The arrays of a program: which memory each lies in, and the instructions that compute them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from dualad.program.describe import _NODE
from dualad.program.groups import Group, Member, group
from dualad.program.kernels import OPCODES, Scalars
from dualad.program.nodes import FOREVER, WRITE, Node, Value
from dualad.program.pairs import paired, signed
from dualad.program.parts import COPIED, FIXED, NUMBER, OBJECT, Callback
from dualad.program.placing import Placing
from dualad.program.spelled import Loop, then
from dualad.program.steps import Outcome
from dualad.program.whole import Whole, constant_layout, places_of, spanned
from dualad.reverse.kernels import Tape

__all__ = ["Arrays"]

_WAVES = {np.sin: OPCODES["sine"], np.cos: OPCODES["cosine"]}
_ON_NUMBERS = frozenset(
    OPCODES[name] for name in OPCODES if ", " not in name and name not in ("sine", "cosine")
)  # what does the same to a number as to the elements of an array
_FEW = 16  # numbers that are copied one by one
_EXACT = 2.0**52  # whole numbers below are doubles
_RUN = 16  # numbers in a row that are copied as an array


class Arrays(Placing):
    """Writes the instructions of general nodes when the schedule comes to them."""

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        super().__init__(tape, inputs)
        self.groups: list[Any] = []
        self.wholes: list[Any] = []
        self.callbacks: list[Callback] = []
        self.functions: list[Any] = []
        self.bytes: list[Any] = []
        self.constant_at: dict[Any, tuple[int, str, tuple[int, ...], tuple[int, ...]]] = {}
        self.uniform: dict[int, float] = {}  # the constants that are one number
        self.constant_size = 1  # one that nobody reads, so that there are some
        self.scratch = 0
        self.work = 0.0
        self.exact = FOREVER  # nodes from the first on whose values are NumPy's to the bit

    # --- instructions

    def begin(self, scalars: Scalars, stage: int) -> None:
        """Write the groups of a stage."""
        direct, sinks = self.direct.get(stage, []), self.sinks.get(stage, [])
        for number in direct:
            self.prepare_write(scalars, number)
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for number in self.members[stage]:
            by_shape.setdefault(self.node(self.graph, number).value.shape, []).append(number)  # type: ignore[union-attr]
        into: dict[int, list[int]] = {}
        for number in (*direct, *sinks):
            into.setdefault(self.node(self.graph, number).operands[-1].number, []).append(number)
        for number, user in self.joins.get(stage, ()):
            into.setdefault(number, []).append(user)
        for shape, numbers in by_shape.items():
            self._group(scalars, shape, numbers, into)

    def _group(self, scalars: Scalars, shape: tuple[int, ...], numbers: list[int], into: dict[int, list[int]]) -> None:
        made = Group(shape)
        load_of: dict[Any, int] = {}
        inside = set(numbers)
        for number in numbers:
            node = self.node(self.graph, number)
            operands = []
            for x in node.operands:
                if isinstance(x, _NODE) and x.number in inside:
                    operands.append(x.number)
                    continue
                spec = self.operand(scalars, x, shape)
                if spec not in load_of:
                    load_of[spec] = len(made.loads)
                    made.loads.append(spec)
                operands.append(-1 - load_of[spec])
            op, function = node.op, 0
            if op == OPCODES["call"]:
                op = _WAVES.get(node.function[0], op) if number >= self.exact else op
                function = scalars.function(*node.function) if op == node.op else 0
            made.members.append(Member(number, op, function, operands))
        for number in numbers:
            if number in self.needed:
                made.stores.append((number, self._spec(self.value(self.graph, number), shape), False))
            for user in into.get(number, ()):
                self._deliver(scalars, made, number, user)
        self._emit_group(scalars, made)

    def _negated(self, made: Group, x: int) -> int | None:
        """Return an operand that is the negative of a constant one, None where the operand is no constant number."""
        if x >= 0:
            return None
        base, kind, offset, strides = made.loads[-1 - x]
        value = self.uniform.get(offset) if base == 1 else None
        if value is None or any(strides):
            return None
        spec = 1, kind, self.constant_place(-value)[0], strides
        if spec in made.loads:
            return -1 - made.loads.index(spec)
        made.loads.append(spec)
        return -len(made.loads)

    def _deliver(self, scalars: Scalars, made: Group, number: int, user: int) -> None:
        """Let a group put a result in a slice of an array, or sum it."""
        node = self.node(self.graph, user)
        if node.way == "join":
            base, offset = self.spot(node.value)  # type: ignore[arg-type]
            for x, place in node.function:
                if isinstance(x, _NODE) and x.number == number:
                    made.stores.append((number, (base, "d", offset + place.offset, place.strides), False))
            return
        if node.way == "write":
            part: Value = node.function
            base, offset = self.spot(node.value)  # type: ignore[arg-type]
            copied = any(spec[0] == base for spec in made.loads)
            made.stores.append((number, (base, "d", offset + part.offset, part.strides), copied))
            return
        base, offset = (0, 8 * scalars.give(user)) if node.value is None else self.spot(node.value)
        outer, length, inner, _ = node.function.sizes
        made.sinks.append((number, base, offset, 0 if outer == inner == 1 else length, inner))

    def _as_numbers(self, scalars: Scalars, made: Group) -> bool:
        """Write a group of one element as operations on numbers, if that can be done; say whether it was."""
        spots = [(base, offset) for base, _, offset, _ in made.loads]
        where = [(spec[0], spec[2]) for _, spec, _ in made.stores] + [
            (base, offset) for _, base, offset, *_ in made.sinks
        ]
        kinds = {spec[1] for spec in made.loads} | {spec[1] for _, spec, _ in made.stores}
        if int(np.prod(made.shape)) != 1 or not kinds <= {"d"} or any(base != 0 for base, _ in where):
            return False
        if any(base > 1 or (base == 1 and offset not in self.uniform) for base, offset in spots):
            return False
        if not all(member.op in _ON_NUMBERS for member in made.members):
            return False
        at = {
            -1 - i: offset // 8 if base == 0 else int(scalars.constant(self.uniform[offset]))
            for i, (base, offset) in enumerate(spots)
        }
        for member in made.members:
            place = int(scalars.new_place())
            sources = [at[x] for x in member.operands]
            if member.op == OPCODES["square"]:
                scalars.code.emit(OPCODES["multiply"], place, sources[0], sources[0])
            elif member.op == OPCODES["call"]:
                scalars.code.emit(member.op, place, member.function, *sources)
            else:
                scalars.code.emit(member.op, place, *sources)
            at[member.key] = place
        for key, spec, _ in made.stores:
            scalars.code.emit(OPCODES["move"], spec[2] // 8, at[key])
        for key, _, offset, *_ in made.sinks:
            scalars.code.emit(OPCODES["add"], offset // 8, at[key], int(scalars.constant(0.0)))
        return True

    def _emit_group(self, scalars: Scalars, made: Group) -> None:
        if self._as_numbers(scalars, made):
            self.work += 3 * len(made.members)
            return
        if len(made.members) > 1:
            signed(made, lambda x: self._negated(made, x))
            paired(made)
        written, scratch = group(made)
        self.scratch = max(self.scratch, scratch)
        self.work += (int(np.prod(made.shape)) + 20) * len(made.members)
        scalars.code.emit(OPCODES["group"], len(self.groups))
        self.groups.append(written)

    def _spec(self, value: Any, shape: tuple[int, ...]) -> tuple[int, str, int, tuple[int, ...]]:
        base, offset = self.spot(value)
        return base, value.kind, offset, _spread(value.shape, value.strides, shape)

    def operand(self, scalars: Scalars, x: Any, shape: tuple[int, ...]) -> tuple[int, str, int, tuple[int, ...]]:
        """Return how a group reads an operand: base, kind, byte offset, strides."""
        if isinstance(x, Value):
            return self._spec(x, shape)
        if isinstance(x, _NODE):
            value = self.value(self.graph, x.number)
            if value is None:
                return 0, "d", self.number_at(scalars, x.number), (0,) * len(shape)
            return self._spec(value, shape)
        offset, kind, own, strides = self.constant_place(x)
        return 1, kind, offset, _spread(own, strides, shape)

    def number_at(self, scalars: Scalars, number: int) -> int:
        """Return the byte offset of a number."""
        return 8 * int(scalars.at(number))

    def constant_place(self, x: Any) -> tuple[int, str, tuple[int, ...], tuple[int, ...]]:
        """Return where a constant array lies among the constants."""
        held = np.asarray(x)
        array = np.ascontiguousarray(held, dtype=float).reshape(held.shape)
        if (
            array.size
            and np.all(array == (first := array.reshape(-1)[0]))
            and not np.any(np.signbit(array) != np.signbit(first))
        ):
            array = np.broadcast_to(first, array.shape)
        key = (array.shape, array.strides, array.reshape(-1)[:1].tobytes() if 0 in array.strides else array.tobytes())
        if key not in self.constant_at:
            stored = array.reshape(-1)[:1] if array.ndim and not any(array.strides) else array.reshape(-1)
            self.constant_at[key] = (8 * self.constant_size, "d", array.shape, array.strides)
            if stored.size == 1:
                self.uniform[8 * self.constant_size] = float(stored[0])
            self.bytes.append(np.array(stored, dtype=float))
            self.constant_size += stored.size
        return self.constant_at[key]

    def write(self, scalars: Scalars, number: int, k: int) -> None:
        """Write the instructions of a general node."""
        node = self.node(self.graph, number)
        way = node.way
        if way == "reduce" and node.function.divisor is not None:
            if number not in self.done:
                self._whole(scalars, number, node)
            self._loop(scalars, number, then(np.true_divide, node.value, _NODE(number), node.function.divisor))
            return
        if way in ("input", "view") or number in self.done:
            return
        if way == "each":
            if node.value is None:
                self._number(scalars, number, node)
            return
        if way == "pack":
            self._pack(scalars, node)
            return
        if way == "write":
            self._write(scalars, number, node)
            return
        if way in ("reduce", "whole"):
            self._whole(scalars, number, node)
            return
        if way == "steps":
            self._steps(scalars, number, node)
            return
        if way == "pick":
            self._pick(scalars, number, node.function)
            return
        if way == "join":
            for x, part in node.function:
                if isinstance(x, _NODE) and (number, x.number) in self.joined:
                    continue
                base, offset = self.spot(node.value)  # type: ignore[arg-type]
                target = base, "d", offset + part.offset, part.strides
                self._copy(scalars, self.operand(scalars, x, part.shape), target, part.shape)
            return
        self._call(scalars, number, node)

    def _pack(self, scalars: Scalars, node: Node) -> None:
        """Put numbers in an array: one by one, or where many lie one behind the other already, as an array."""
        base, offset = self.spot(node.value)  # type: ignore[arg-type]
        places = np.array([self._place_of(scalars, x) for x in node.operands])
        ends = [0, *(np.flatnonzero(np.diff(places) != 1) + 1).tolist(), len(places)]
        for start, stop in itertools.pairwise(ends):
            if stop - start >= _RUN:
                target = (base, "d", offset + 8 * start, (8,))
                self._copy(scalars, (0, "d", 8 * int(places[start]), (8,)), target, (stop - start,))
                continue
            for i in range(start, stop):
                scalars.code.emit(OPCODES["move"], offset // 8 + i, places[i])

    def _number(self, scalars: Scalars, number: int, node: Node) -> None:
        sources = [self._place_of(scalars, x) for x in node.operands]
        words = [node.op, scalars.give(number)]
        if node.op == OPCODES["call"]:
            words.append(scalars.function(*node.function))
        elif node.op == OPCODES["square"]:
            words = [OPCODES["multiply"], words[1]]
            sources = sources * 2
        scalars.code.emit(*words, *sources)

    def _place_of(self, scalars: Scalars, x: Any) -> int:
        """Return the place of a number, also of one that is an array without axes."""
        if not isinstance(x, _NODE):
            return int(scalars.constant(float(x)))
        value = self.value(self.graph, x.number)
        if value is None:
            return int(scalars.at(x.number))
        base, offset = self.spot(value)
        if base == 0 and value.kind == "d":
            return offset // 8
        place = int(scalars.new_place())
        self._copy(scalars, self._spec(value, ()), (0, "d", 8 * place, ()), ())
        return place

    def _copy(self, scalars: Scalars, source: Any, target: Any, shape: tuple[int, ...]) -> None:
        """Write the copy of an array; one of few elements is written as copies of numbers."""
        if int(np.prod(shape)) <= _FEW and source[1] == target[1] == "d" and target[0] == 0:
            to = _places(target, shape)
            if source[0] == 0:
                places = _places(source, shape)
                if not set(places).intersection(to):
                    for place, at in zip(to, places, strict=True):
                        scalars.code.emit(OPCODES["move"], place, at)
                    return
            elif source[0] == 1 and not any(source[3]) and source[2] in self.uniform:
                at = int(scalars.constant(self.uniform[source[2]]))
                for place in to:
                    scalars.code.emit(OPCODES["move"], place, at)
                return
        self._emit_group(scalars, Group(shape, [Member(0, OPCODES["move"], 0, [-1])], [source], [(0, target, False)]))

    def prepare_write(self, scalars: Scalars, number: int) -> None:
        """Copy the old version where a write cannot take place in its memory."""
        if number in self.kept_in_place:
            return
        graph = self.graph
        own: Value = self.value(graph, number)  # type: ignore[assignment]
        part = self.found[number].function
        if isinstance(part, Value) and np.prod(part.shape) == np.prod(own.shape):
            return  # nothing of the old version stays
        before = self.overwritten(graph, number) if graph.tape.operator(number) == WRITE else -1
        if before < 0:
            node = self.node(graph, number)
            source = node.operands[0]
        else:
            source = self.constant(before) if graph.fixed_array[before] else _NODE(before)
        kept = self.operand(scalars, source, own.shape)
        if isinstance(part, Value) and part.is_dense and own.is_dense and not any(kept[3]):
            # Of a constant, only what stays is written.
            base, offset = self.spot(own)
            start, stop = part.offset // 8, part.offset // 8 + int(np.prod(part.shape))
            for a, b in ((0, start), (stop, int(np.prod(own.shape)))):
                if a < b:
                    self._copy(scalars, (*kept[:3], (0,)), (base, "d", offset + 8 * a, (8,)), (b - a,))
            return
        self._copy(scalars, kept, self._spec(own, own.shape), own.shape)

    def _write(self, scalars: Scalars, number: int, node: Node) -> None:
        self.prepare_write(scalars, number)
        part: Value = node.function
        base, offset = self.spot(node.value)  # type: ignore[arg-type]
        target = (base, part.kind, offset + part.offset, part.strides)
        put = node.operands[1]
        self._copy(scalars, self.operand(scalars, put, part.shape), target, part.shape)

    def _pick(self, scalars: Scalars, number: int, part: Value) -> None:
        """Take one element of an array as a number."""
        base, offset = self.spot(part)
        place = scalars.give(number)
        if base == 0 and part.kind == "d":
            scalars.code.emit(OPCODES["move"], place, offset // 8)
        else:
            self._copy(scalars, (base, part.kind, offset, ()), (0, "d", 8 * place, ()), ())

    def _steps(self, scalars: Scalars, number: int, node: Node) -> None:
        if node.value is None:
            scalars.give(number)
        for step in node.function:
            if isinstance(step, Loop):
                self._loop(scalars, number, step)
            else:
                made, sources = step
                spots = [self.spot(x) if isinstance(x, Value) else self._array_at(x) for x in sources]
                results = [self._spot_of(scalars, number, node.value)]
                if made.part is not None:  # the others go where nobody looks
                    spare = [(0, 8 * int(scalars.new_place())) for _ in range(made.function.nout)]
                    results = [*spare[: made.part], *results, *spare[made.part + 1 :]]
                self._emit_whole(scalars, made, [*spots, *results])
        self.work += 20

    def _spot_of(self, scalars: Scalars, number: int, value: Value | None) -> tuple[int, int]:
        """Return where the result of a node goes that has a place already."""
        return (0, self.number_at(scalars, number)) if value is None else self.spot(value)

    def _loop(self, scalars: Scalars, number: int, loop: Loop) -> None:
        """Write a loop; of one operation on numbers it is an instruction."""
        if loop.stores == ((0, None),) and len(loop.steps) == 1:
            op, function, sources = loop.steps[0]
            words = [op, scalars.at(number)] + ([scalars.function(*function)] if function else [])
            scalars.code.emit(*words, *(self._place_of(scalars, loop.reads[-1 - x]) for x in sources))
            return
        made = Group(loop.shape, loads=[self.operand(scalars, x, loop.shape) for x in loop.reads])
        for key, (op, function, sources) in enumerate(loop.steps):
            made.members.append(Member(key, op, scalars.function(*function) if function else 0, list(sources)))
        if [op for op, _, _ in loop.steps] == [OPCODES["move"]] and not loop.sums and loop.stores[0][1] is not None:
            self._copy(scalars, made.loads[0], self._spec(loop.stores[0][1], loop.shape), loop.shape)
            return
        for key, target in loop.stores:
            base, offset = self._spot_of(scalars, number, target)
            strides = () if target is None else target.strides
            copied = any(load[0] == base for load in made.loads)
            made.stores.append((key, (base, "d", offset, strides), copied))
        for key, target, length, inner in loop.sums:
            made.sinks.append((key, *self._spot_of(scalars, number, target), length, inner))
        self._emit_group(scalars, made)

    def _whole(self, scalars: Scalars, number: int, node: Node) -> None:
        spots = [self._array_at(x) for x in node.operands]
        spots.append((0, 8 * scalars.give(number)) if node.value is None else self.spot(node.value))
        self._emit_whole(scalars, node.function, spots)
        values = [self.value(self.graph, x.number) if isinstance(x, _NODE) else np.asarray(x) for x in node.operands]
        self.work += 20 + sum(int(np.prod(value.shape)) for value in values if value is not None)

    def _emit_whole(self, scalars: Scalars, made: Whole, spots: list[tuple[int, int]]) -> None:
        """Write an operation on arrays that lie at some spots, its results the last of them."""
        lists = [(1, self._stored(("places", x.tobytes()), x.view(np.float64))) for x in made.places]
        spots = [*spots[:-1], *lists, spots[-1]]
        function = 0
        if made.function is not None:
            kinds = "d" * made.function.nin + "->" + "d" * made.function.nout
            function = scalars.function(made.function, made.function.types.index(kinds))
        scalars.code.emit(OPCODES["reduce"], len(self.wholes))
        self.wholes.append(
            (
                made.way,
                function,
                made.first,
                made.sizes,
                made.shape,
                made.dimensions,
                made.steps,
                places_of(made, spots),
            )
        )

    def _array_at(self, x: Any) -> tuple[int, int]:
        """Return base and byte offset of an array; a constant lies as it did when it was recorded."""
        if isinstance(x, _NODE):
            return self.spot(self.value(self.graph, x.number))  # type: ignore[arg-type]
        shape, strides = constant_layout(x)  # type: ignore[misc]
        low, span = spanned(shape, strides)
        memory = np.zeros(span)
        np.ndarray(shape, float, memory, -low, strides)[...] = x
        return 1, self._stored(("lying", shape, strides, memory.tobytes()), memory) - low

    def _stored(self, key: Any, numbers: Any) -> int:
        """Return the byte offset of numbers among the constants."""
        if key not in self.constant_at:
            self.constant_at[key] = (8 * self.constant_size, "d", (), ())
            self.bytes.append(numbers)
            self.constant_size += len(numbers)
        return self.constant_at[key][0]

    def _call(self, scalars: Scalars, number: int, node: Node) -> None:
        operands = tuple(self._handed(scalars, x) for x in node.operands)
        if node.value is None:
            target: tuple[Any, ...] = (NUMBER, scalars.give(number))
        elif not node.value.kind:
            target = (OBJECT, self.objects[number], *self._kept(node.value))
        else:
            target = (COPIED, self.view_spec(node.value))
        scalars.code.emit(OPCODES["callback"], len(self.callbacks))
        self.callbacks.append(Callback(node.function, node.args, node.kwargs, operands, target, node.name))
        self.work += 1e4

    @staticmethod
    def _compared(value: Value | None, outcome: Any) -> Any:
        """Return an outcome with which an array can be compared as numbers, None for another."""
        wanted = np.asarray(outcome)
        if value is None or not value.kind or not wanted.size or wanted.shape != value.shape:
            return None
        if wanted.dtype.kind not in "biuf" or not np.all(np.abs(wanted.astype(float)) < _EXACT):
            return None
        return wanted

    @staticmethod
    def _kept(value: Value) -> tuple[Any, Any]:
        """Return the shape and type that a value kept as an object must have; None for several results."""
        return (value.shape, value.dtype) if value.dtype is not None else ((), None)

    def _handed(self, scalars: Scalars, x: Any) -> tuple[int, Any]:
        if not isinstance(x, _NODE):
            return FIXED, x
        value = self.value(self.graph, x.number)
        if value is None:
            return NUMBER, scalars.at(x.number)
        if not value.kind:
            return OBJECT, self.objects[value.root]
        return COPIED, self.view_spec(value)

    def view_spec(self, value: Value) -> tuple[Any, ...]:
        """Return what a Python function is shown of the memory."""
        base, offset = self.spot(value)
        return base, value.kind, offset, value.strides, value.shape

    def guard(self, scalars: Scalars, number: int, guard: int, outcome: Any) -> None:
        """Write the instruction that stops the machine where a node has another outcome than it had."""
        value = self.value(self.graph, number)
        if isinstance(outcome, (bool, np.bool_)) and (value is None or (value.shape == () and value.kind == "d")):
            scalars.code.emit(OPCODES["guard"], guard, self._place_of(scalars, _NODE(number)), int(outcome))
        elif isinstance(outcome, int) and value is None:
            scalars.code.emit(OPCODES["guard_whole"], guard, scalars.at(number), scalars.constant(float(outcome)))
        elif (spec := self._compared(value, outcome)) is not None:
            place = int(scalars.new_place())
            shape = value.shape  # type: ignore[union-attr]
            made = Group(shape, [Member(0, OPCODES["not_equal"], 0, [-1, -2])])
            made.loads = [self._spec(value, shape), self.operand(scalars, spec, shape)]
            made.sinks = [(0, 0, 8 * place, 0, 1)]
            self._emit_group(scalars, made)
            scalars.code.emit(OPCODES["guard"], guard, place, 0)
        else:
            operands = (self._handed(scalars, _NODE(number)),)
            scalars.code.emit(OPCODES["callback"], len(self.callbacks))
            check = Outcome(outcome)
            self.callbacks.append(Callback(check, None, None, operands, (-1, guard), "guard"))
            self.work += 1e4


def _places(spec: Any, shape: tuple[int, ...]) -> list[int]:
    """Return the places of the elements of an array in the workspace."""
    _, _, offset, strides = spec
    return [
        (offset + sum(i * stride for i, stride in zip(index, strides, strict=True))) // 8
        for index in np.ndindex(*shape)
    ]


def _spread(own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides with which an array is read in a shape that it is broadcast to."""
    lead = len(shape) - len(own)
    return (0,) * lead + tuple(
        0 if n == 1 and whole != 1 else stride for n, stride, whole in zip(own, strides, shape[lead:], strict=True)
    )
