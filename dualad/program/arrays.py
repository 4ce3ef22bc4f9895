"""The arrays of a program: which memory each lies in, and the instructions that compute them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from dualad.program.describe import Describing
from dualad.program.kernels import _NODE, OPCODES, Scalars, strides_of
from dualad.program.nodes import WRITE, Node, Value
from dualad.program.parts import COPIED, FIXED, NUMBER, OBJECT, Callback
from dualad.program.spelled import Loop, then
from dualad.program.steps import Outcome
from dualad.program.whole import Whole, constant_layout, places_of, spanned
from dualad.reverse.kernels import Tape

__all__ = ["Arrays"]

_EXACT = 2.0**52  # whole numbers below are doubles
_RUN = 16  # numbers in a row that are copied as an array


class Arrays(Describing):
    """Writes the instructions of general nodes when the schedule comes to them."""

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        super().__init__(tape, inputs)
        self.wholes: list[Any] = []
        self.callbacks: list[Callback] = []

    # --- instructions

    def write(self, scalars: Scalars, number: int, k: int) -> None:
        """Write the instructions of a general node."""
        node = self.node(self.graph, number)
        way = node.way
        if way == "reduce" and node.function.divisor is not None:
            if not self.is_done(number):
                self._whole(scalars, number, node)
            self._loop(scalars, number, then(np.true_divide, node.value, _NODE(number), node.function.divisor))
            return
        if way in ("input", "view") or self.is_done(number):
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
                self.copy(scalars, self.operand(scalars, x, part.shape), target, part.shape)
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
                self.copy(scalars, (0, "d", 8 * int(places[start]), (8,)), target, (stop - start,))
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
        self.copy(scalars, self.spec_of(value, ()), (0, "d", 8 * place, ()), ())
        return place

    def prepare_write(self, scalars: Scalars, number: int) -> None:
        """Copy the old version where a write cannot take place in its memory."""
        if self.is_kept(number):
            return
        graph = self.graph
        own: Value = self.value(graph, number)  # type: ignore[assignment]
        part = self.part_of(number)
        if isinstance(part, Value) and part.size == own.size:
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
            start, stop = part.offset // 8, part.offset // 8 + part.size
            for a, b in ((0, start), (stop, own.size)):
                if a < b:
                    self.copy(scalars, (*kept[:3], (0,)), (base, "d", offset + 8 * a, (8,)), (b - a,))
            return
        self.copy(scalars, kept, self.spec_of(own, own.shape), own.shape)

    def _write(self, scalars: Scalars, number: int, node: Node) -> None:
        self.prepare_write(scalars, number)
        part: Value = node.function
        base, offset = self.spot(node.value)  # type: ignore[arg-type]
        target = (base, part.kind, offset + part.offset, part.strides)
        put = node.operands[1]
        self.copy(scalars, self.operand(scalars, put, part.shape), target, part.shape)

    def _pick(self, scalars: Scalars, number: int, part: Value) -> None:
        """Take one element of an array as a number."""
        base, offset = self.spot(part)
        place = scalars.give(number)
        if base == 0 and part.kind == "d":
            scalars.code.emit(OPCODES["move"], place, offset // 8)
        else:
            self.copy(scalars, (base, part.kind, offset, ()), (0, "d", 8 * place, ()), ())

    def _steps(self, scalars: Scalars, number: int, node: Node) -> None:
        if node.value is None:
            scalars.give(number)
        for step in node.function:
            if isinstance(step, Loop):
                self._loop(scalars, number, step)
            else:
                made, sources = step
                spots = [self.spot(x) if isinstance(x, Value) else self._array_at(scalars, x) for x in sources]
                results = [self._spot_of(scalars, number, node.value)]
                if made.part is not None:  # the others go where nobody looks
                    spare = [(0, 8 * int(scalars.new_place())) for _ in range(made.function.nout)]
                    results = [*spare[: made.part], *results, *spare[made.part + 1 :]]
                self._emit_whole(scalars, made, [*spots, *results])
        self.work += 20

    def _spot_of(self, scalars: Scalars, number: int, value: Value | None) -> tuple[int, int]:
        """Return where the result of a node goes that has a place already."""
        return (0, 8 * int(scalars.at(number))) if value is None else self.spot(value)

    def _loop(self, scalars: Scalars, number: int, loop: Loop) -> None:
        """Write a loop; of one operation on numbers it is an instruction."""
        if loop.stores == ((0, None),) and len(loop.steps) == 1:
            op, function, sources = loop.steps[0]
            words = [op, scalars.at(number)] + ([scalars.function(*function)] if function else [])
            scalars.code.emit(*words, *(self._place_of(scalars, loop.reads[-1 - x]) for x in sources))
            return
        loads = [self.operand(scalars, x, loop.shape) for x in loop.reads]
        steps = [(op, scalars.function(*function) if function else 0, sources) for op, function, sources in loop.steps]
        if [op for op, _, _ in steps] == [OPCODES["move"]] and not loop.sums and loop.stores[0][1] is not None:
            self.copy(scalars, loads[0], self.spec_of(loop.stores[0][1], loop.shape), loop.shape)
            return
        stores = []
        for key, target in loop.stores:
            base, offset = self._spot_of(scalars, number, target)
            strides = () if target is None else target.strides
            stores.append((key, (base, "d", offset, strides), any(load[0] == base for load in loads)))
        sinks = [(key, *self._spot_of(scalars, number, target), *rest) for key, target, *rest in loop.sums]
        self.loop(scalars, loop.shape, steps, loads, stores, sinks)

    def _whole(self, scalars: Scalars, number: int, node: Node) -> None:
        spots = [self._array_at(scalars, x) for x in node.operands]
        spots.append((0, 8 * scalars.give(number)) if node.value is None else self.spot(node.value))
        self._emit_whole(scalars, node.function, spots)
        values = [self.value(self.graph, x.number) if isinstance(x, _NODE) else np.asarray(x) for x in node.operands]
        self.work += 20 + sum([value.size for value in values if value is not None])

    def _emit_whole(self, scalars: Scalars, made: Whole, spots: list[tuple[int, int]]) -> None:
        """Write an operation on arrays that lie at some spots, its results the last of them."""
        lists = [(1, self.offset_of(("places", x.tobytes()), x.view(np.float64))) for x in made.places]
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

    def _array_at(self, scalars: Scalars, x: Any) -> tuple[int, int]:
        """Return base and byte offset of an array; a constant lies as it did when it was recorded."""
        if isinstance(x, _NODE):
            return self.spot(self.value(self.graph, x.number))  # type: ignore[arg-type]
        shape, strides = constant_layout(x)  # type: ignore[misc]
        if strides == strides_of(shape, None, 8):
            base, _, offset, own = self.operand(scalars, x, shape)  # as groups read it
            if own == strides:
                return base, offset
        low, span = spanned(shape, strides)
        memory = np.zeros(span)
        np.ndarray(shape, float, memory, -low, strides)[...] = x
        return 1, self.offset_of(("lying", shape, strides, memory.tobytes()), memory) - low

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
        elif (wanted := self._compared(value, outcome)) is not None:
            place = int(scalars.new_place())
            shape = value.shape  # type: ignore[union-attr]
            loads = [self.spec_of(value, shape), self.operand(scalars, wanted, shape)]  # type: ignore[arg-type]
            self.loop(scalars, shape, [(OPCODES["not_equal"], 0, (-1, -2))], loads, [], [(0, 0, 8 * place, 0, 1)])
            scalars.code.emit(OPCODES["guard"], guard, place, 0)
        else:
            operands = (self._handed(scalars, _NODE(number)),)
            scalars.code.emit(OPCODES["callback"], len(self.callbacks))
            check = Outcome(outcome)
            self.callbacks.append(Callback(check, None, None, operands, (-1, guard), "guard"))
            self.work += 1e4
