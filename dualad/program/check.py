"""What must hold before a program may run: every number in it lies within the memory, and names what is there.

A program comes from a tape or from a pickle, and the machine believes what it is told: so all of it is looked at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.program.kernels import OPCODES
from dualad.program.parts import COPIED, FIXED, NUMBER, OBJECT, SHOWN, Callback, Output, Parts
from dualad.program.whole import CAREFUL, CUMULATE, GENERALIZED, REDUCE, SCATTER, TAKE, cores_of

__all__ = ["check"]

_AXES, _SINKS, _SOURCES = 8, 8, 8  # as in parts.h
_UNHALVED = 128  # terms that NumPy adds up without halving them
_LARGEST = 2**48  # bytes
_LEAST = 128  # elements of a block of which a sum is taken
_ITEM = {"d": 8, "l": 8, "?": 1}
_UNARY = ("negative", "square", "move", "not", "isnan", "isfinite", "isinf", "pow_2", "sine", "cosine")
_BINARY = (
    "add", "subtract", "multiply", "divide", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal",
    "scale", "power", "and", "or", "xor",
)  # fmt: skip
_ARITY = {
    **{OPCODES[name]: 1 for name in _UNARY if name in OPCODES},
    **{OPCODES[name]: 2 for name in _BINARY},
    OPCODES["where"]: 3,
    **{number: 3 for name, number in OPCODES.items() if ", " in name},  # two at once
}
_MISTAKES = (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError)


class _Wrong(Exception):
    """Something does not hold; the message says what."""


def check(parts: Parts) -> list[int]:
    """Return the size in bytes of every base of a program, or raise an error if anything in it does not hold.

    The instructions themselves are checked by the machine.
    """
    try:
        checking = _Checking(parts)
        checking.all()
    except _Wrong as wrong:
        raise errors.CorruptProgram(errors.corrupt_program(str(wrong))) from None
    except _MISTAKES as mistake:
        raise errors.CorruptProgram(errors.corrupt_program(f"{type(mistake).__name__}: {mistake}")) from mistake
    return checking.sizes


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise _Wrong(what)


def _whole(x: Any, low: int, high: int, what: str) -> int:
    """Return a whole number that lies between two, the upper one excluded."""
    if type(x) is not int and not isinstance(x, np.integer):
        raise _Wrong(f"{what} is {x!r}, no whole number")
    if not low <= x < high:
        raise _Wrong(f"{what} is {x}, outside of {low} to {high - 1}")
    return int(x)


def _reach(shape: Sequence[int], strides: Sequence[int]) -> tuple[int, int]:
    """Return the least and the greatest byte offset of an element."""
    moves = [stride * (n - 1) for n, stride in zip(shape, strides, strict=True)]
    return sum(min(move, 0) for move in moves), sum(max(move, 0) for move in moves)


def _shape(shape: Any, what: str) -> tuple[int, ...]:
    _must(type(shape) is tuple, f"{what} has the shape {shape!r}")
    return tuple(_whole(n, 0, _LARGEST, f"a length of {what}") for n in shape)


class _Checking:
    """A program on its way through the checks."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.doubles = _whole(parts.doubles, 0, _LARGEST // 8, "the size of the workspace")
        self.scratch = _whole(parts.scratch, 0, _LARGEST // 8, "the size of the scratch memory")
        ends = len(parts.inputs) + len(parts.live)
        self.objects = _whole(parts.objects, 0, ends + len(parts.callbacks) + 1, "the number of objects")
        self.bases = _whole(parts.bases, 2, ends + len(parts.outputs) + 3, "the number of bases")
        constants, code = parts.constants, parts.code
        _must(type(constants) is np.ndarray and constants.dtype == float and constants.ndim == 1, "the constants")
        _must(type(code) is np.ndarray and code.dtype == np.int32 and code.ndim == 1, "the instructions")
        self.sizes = [8 * self.doubles, constants.nbytes, *[-1] * (self.bases - 2)]
        self.read_only = {1}

    def all(self) -> None:
        """Check everything but the instructions."""
        parts = self.parts
        float(parts.work)
        _must(isinstance(parts.stats, dict), "the statistics")
        for end in parts.inputs:
            self.end(end, "an input")
        for array, end in parts.live:
            _must(isinstance(array, np.ndarray), "a live array is none")
            self.end(end, "a live array")
        for output in parts.outputs:
            self.shown(output)
        _must(-1 not in self.sizes, "nothing is said of some base")
        for output in parts.outputs:
            self.output(output)
        for number, function in enumerate(parts.functions):
            self.function(number, *function)
        for number, group in enumerate(parts.groups):
            self.group(f"group {number}", *group)
        for number, whole in enumerate(parts.wholes):
            self.whole(f"operation {number}", *whole)
        for number, callback in enumerate(parts.callbacks):
            self.callback(f"call {number}", callback)
        for at, numbers in parts.image:
            _whole(at, 0, self.doubles, "the place of a constant")
            _must(isinstance(numbers, np.ndarray) and numbers.dtype == float and numbers.ndim == 1, "constant numbers")
            _must(at + len(numbers) <= self.doubles, "constant numbers lie outside of the workspace")

    # --- memory

    def within(self, what: str, base: Any, offset: Any, shape: Any, strides: Any, item: int, written: bool) -> None:
        """Check that all elements of an array lie in the memory of its base."""
        size = self.sizes[_whole(base, 0, self.bases, f"the base of {what}")]
        _must(not written or base not in self.read_only, f"{what} would be written to memory that is not the program's")
        shape = _shape(shape, what)
        _must(len(strides) == len(shape), f"{what} has {len(strides)} strides and {len(shape)} axes")
        strides = tuple(_whole(s, -_LARGEST, _LARGEST, f"a stride of {what}") for s in strides)
        _whole(offset, 0, _LARGEST, f"the offset of {what}")
        if 0 in shape:
            return
        low, high = _reach(shape, strides)
        _must(0 <= offset + low and offset + high + item <= size, f"{what} lies outside of its memory")
        steps = [s for n, s in zip(shape, strides, strict=True) if n > 1]
        _must(item == 1 or all(s % item == 0 for s in (offset, *steps)), f"{what} is not aligned")

    def run_of(self, what: str, base: Any, offset: Any, count: int, written: bool) -> None:
        """Check doubles that lie one behind the other."""
        self.within(what, base, offset, (count,), (8,), 8, written)

    def spec(self, what: str, spec: Any, written: bool = False) -> tuple[int, ...]:
        """Check ``(base, kind, offset, strides, shape)``, and return the shape."""
        base, kind, offset, strides, shape = spec
        self.within(what, base, offset, shape, strides, _ITEM[kind], written)
        return tuple(shape)

    # --- what is handed over

    def end(self, end: Any, what: str) -> None:
        """Check where an input or a live array goes."""
        kind, at, nbytes = end
        if kind == NUMBER:
            _whole(at, 0, self.doubles, f"the place of {what}")
        elif kind == OBJECT:
            _whole(at, 0, self.objects, f"the place of {what}")
        elif kind == COPIED:
            _whole(nbytes, 0, _LARGEST, f"the size of {what}")
            _must(_whole(at, 0, _LARGEST, f"the offset of {what}") + nbytes <= 8 * self.doubles, f"{what} has no room")
            _must(at % 8 == 0, f"{what} is not aligned")
        elif kind == SHOWN:
            self._base(at, _whole(nbytes, 0, _LARGEST, f"the size of {what}"), what)
            self.read_only.add(int(at))
        else:
            raise _Wrong(f"{what} is handed over in way {kind!r}")

    def _base(self, base: Any, size: int, what: str) -> None:
        _whole(base, 2, self.bases, f"the base of {what}")
        _must(self.sizes[base] < 0, f"{what} shares a base")
        self.sizes[base] = size

    def shown(self, output: Any) -> None:
        """Take the base that an output is."""
        _must(isinstance(output, Output), "an output is none")
        if output.kind == SHOWN:
            size = 8
            for n in _shape(output.shape, "an output"):
                size *= n
            self._base(output.at, _whole(size, 0, _LARGEST, "the size of an output"), "an output")

    def output(self, output: Output) -> None:
        """Check where an output is found."""
        if output.kind == NUMBER:
            _whole(output.at, 0, self.doubles, "the place of an output")
        elif output.kind == OBJECT:
            _whole(output.at, 0, self.objects, "the place of an output")
        elif output.kind == COPIED and output.spec is None:
            shape = _shape(output.shape, "an output")
            _must(len(shape) <= 64, "an output has too many axes")
            self.run_of("an output", 0, output.at, int(np.prod(shape, dtype=object)), False)
        elif output.kind == COPIED:
            _must(self.spec("an output", output.spec) == tuple(output.shape), "an output has two shapes")
        else:
            _must(output.kind in (SHOWN, FIXED), f"an output is handed over in way {output.kind!r}")

    # --- what is computed

    def function(self, number: int, ufunc: Any, loop: Any) -> None:
        """Check a loop of a universal function: doubles to one double, or to several if it is generalized."""
        _must(isinstance(ufunc, np.ufunc), f"function {number} is no universal function")
        kinds = ufunc.types[_whole(loop, 0, len(ufunc.types), f"the loop of function {number}")]
        holds = kinds == "d" * ufunc.nin + "->" + "d" * ufunc.nout and ufunc.nin <= _SOURCES
        _must(holds and (ufunc.nout == 1 or ufunc.signature is not None), f"function {number} takes {kinds}")

    def loop_of(self, function: Any, what: str, generalized: bool = False) -> Any:
        """Return the universal function of a number."""
        ufunc = self.parts.functions[_whole(function, 0, len(self.parts.functions), f"the function of {what}")][0]
        _must((ufunc.signature is not None) == generalized, f"{what} has a function of another kind")
        return ufunc

    def group(
        self, what: str, shape: Any, slots: Any, block: Any, loads: Any, stores: Any, steps: Any, sinks: Any
    ) -> None:
        """Check a group of elementwise operations."""
        shape = _shape(shape, what)
        _must(1 <= len(shape) <= _AXES, f"{what} has {len(shape)} axes")
        size = int(np.prod(shape, dtype=object))
        _whole(size, 0, _LARGEST, f"the size of {what}")
        _whole(slots, 1, _LARGEST, f"the slots of {what}")
        _whole(block, 1, _LARGEST, f"the block of {what}")
        _must(slots + slots * min(block, size) <= self.scratch, f"{what} has too little scratch memory")
        for base, kind, offset, strides, slot in loads:
            _whole(slot, 0, len(loads), f"a slot of {what}")
            self.within(f"an operand of {what}", base, offset, shape, strides, _ITEM[kind], False)
        for base, kind, offset, strides, slot in stores:
            _whole(slot if slot >= 0 else -1 - slot, len(loads) if slot >= 0 else 0, slots, f"a slot of {what}")
            self.within(f"a result of {what}", base, offset, shape, strides, _ITEM[kind], True)
        for op, target, function, sources in steps:
            _whole(target, len(loads), slots, f"the target of {what}")
            _whole(function, 0, 2**31, f"the function of {what}")
            for source in sources:
                _whole(source, 0, slots, f"an operand of {what}")
            if op == OPCODES["call"]:
                wanted = self.loop_of(function, what).nin
            else:
                _must(op in _ARITY, f"{what} has the instruction {op!r}")
                wanted = _ARITY[op]
            _must(len(sources) == wanted, f"{what} has {len(sources)} operands of instruction {op}")
        self.sums(what, size, slots, block, sinks)

    def sums(self, what: str, size: int, slots: int, block: int, sinks: Any) -> None:
        """Check the sums of a group."""
        totals = [length == 0 for _, _, _, length, _ in sinks]
        _must(totals == sorted(totals, reverse=True) and sum(totals) <= _SINKS, f"{what} has sums out of order")
        # NumPy does not halve what is shorter, and what has fewer than 16 elements has no half.
        _must(not any(totals) or size <= block or block >= _UNHALVED, f"{what} has too small a block")
        # Fewer elements are not halved any more.
        _must(not any(totals) or block >= _LEAST or size <= block, f"{what} has too small blocks for its sums")
        for slot, base, offset, length, inner in sinks:
            _whole(slot, 0, slots, f"a slot of {what}")
            if length == 0:
                self.run_of(f"a sum of {what}", base, offset, 1, True)
                continue
            _whole(length, 1, _LARGEST, f"a sum of {what}")
            _whole(inner, 1, _LARGEST, f"a sum of {what}")
            _must(size % (length * inner) == 0, f"a sum of {what} is over no whole rows")
            rows = inner > 1 or (block % length == 0 and not (any(totals) and size > block)) or size <= block
            _must(rows, f"a block of {what} holds no whole rows")
            self.run_of(f"a sum of {what}", base, offset, size // length, True)

    def whole(
        self, what: str, way: Any, function: Any, first: Any, sizes: Any, shape: Any, dimensions: Any, steps: Any,
        places: Any,
    ) -> None:  # fmt: skip
        """Check an operation on whole arrays."""
        if first is not None:
            float(first)
        outer, length, inner, whole = (_whole(n, 0, _LARGEST, f"a size of {what}") for n in sizes)
        shape = _shape(shape, what)
        _must(len(shape) <= _AXES and len(dimensions) <= 6 and len(steps) <= 12, f"{what} has too many axes")
        if way in (GENERALIZED, CAREFUL):
            self.generalized(what, way, function, shape, dimensions, steps, places)
            return
        spots = [(base, offset) for base, offset, strides in places if len(strides) <= _AXES]
        wanted = (2,) if way in (REDUCE, CUMULATE) else (3,) if way == TAKE else (3, 4)
        _must(len(spots) == len(places) and len(places) in wanted, f"{what} has {len(places)} places")
        _must(outer > 0 and inner > 0 and (whole > 0 or way in (REDUCE, CUMULATE)), f"{what} is over nothing")
        if way == CUMULATE:
            _must(self.loop_of(function, what).nin == 2 and length >= 1, f"{what} adds up nothing")
            self.within(f"the operand of {what}", *spots[0], (outer, length, inner), places[0][2], 8, False)
            self.run_of(f"the result of {what}", *spots[1], outer * length * inner, True)
            return
        if way == REDUCE:
            _must(self.loop_of(function, what).nin == 2 and length >= 1, f"{what} reduces nothing")
            self.run_of(f"the operand of {what}", *spots[0], outer * length * inner, False)
            self.run_of(f"the result of {what}", *spots[1], outer * inner, True)
            return
        _must(way in (TAKE, SCATTER), f"{what} is of way {way!r}")
        across, named = outer * whole * inner, outer * length * inner
        self.run_of(f"the result of {what}", *spots[-1], named if way == TAKE else across, True)
        self.listed(what, spots[1], length, -1 if way == TAKE else 0, whole)
        if len(spots) == 4:
            _must(outer == inner == 1, f"{what} names places twice")
            found = self.listed(what, spots[2], length, 0, _LARGEST)
            named = int(found.max()) + 1 if len(found) else 0
        self.run_of(f"the operand of {what}", *spots[0], across if way == TAKE else named, False)

    def listed(self, what: str, spot: Any, length: int, low: int, high: int) -> Any:
        """Check the whole numbers of a list among the constants, and return them."""
        base, offset = spot
        _must(base == 1, f"the places of {what} are no constants")
        self.run_of(f"the places of {what}", base, offset, length, False)
        numbers = self.parts.constants[offset // 8 : offset // 8 + length].view(np.int64)
        _must(bool(np.all((numbers >= low) & (numbers < high))), f"{what} names places that are not there")
        return numbers

    def generalized(
        self, what: str, way: Any, function: Any, shape: Any, dimensions: Any, steps: Any, places: Any
    ) -> None:
        """Check a call of a generalized universal function."""
        ufunc = self.loop_of(function, what, True)
        cores = cores_of(ufunc)
        names = list(dict.fromkeys(name for core in cores for name in core))
        _must(len(names) == len(dimensions) and len(cores) == len(places) <= 4, f"{what} is no call of its function")
        _must(sum(map(len, cores)) == len(steps) and len(shape) >= 1, f"{what} is no call of its function")
        lengths = dict(zip(names, _shape(tuple(dimensions), what), strict=True))
        rest: Iterable[int] = steps
        for k, (core, (base, offset, strides)) in enumerate(zip(cores, places, strict=True)):
            own, rest = tuple(rest)[: len(core)], tuple(rest)[len(core) :]
            _must(len(strides) == len(shape), f"{what} has {len(strides)} strides and {len(shape)} axes")
            axes = (*shape, *(lengths[name] for name in core))
            _must(
                way == GENERALIZED or all(s != 0 or lengths[name] < 2 for s, name in zip(own, core, strict=True)),
                f"{what} has a matrix that repeats itself",
            )
            self.within(f"an array of {what}", base, offset, axes, (*strides, *own), 8, k >= ufunc.nin)

    def callback(self, what: str, callback: Any) -> None:
        """Check a call of a Python function."""
        _must(isinstance(callback, Callback) and callable(callback.function), f"{what} is none")
        _must(type(callback.operands) is tuple, f"{what} has no operands")
        for kind, given in callback.operands:
            if kind == NUMBER:
                _whole(given, 0, self.doubles, f"an operand of {what}")
            elif kind == OBJECT:
                _whole(given, 0, self.objects, f"an operand of {what}")
            elif kind == COPIED:
                hash(given)
                self.spec(f"an operand of {what}", given)
            else:
                _must(kind == FIXED, f"an operand of {what} is handed over in way {kind!r}")
        kind, at = callback.target[:2]
        if kind == NUMBER:
            _whole(at, 0, self.doubles, f"the result of {what}")
        elif kind == OBJECT:
            _must(len(callback.target) == 4, f"the result of {what}")
            _whole(at, 0, self.objects, f"the result of {what}")
        elif kind == COPIED:
            hash(at)
            self.spec(f"the result of {what}", at, True)
        else:
            _must(kind == -1, f"the result of {what} is handed over in way {kind!r}")
            _whole(at, 0, 2**31, f"the guard of {what}")
