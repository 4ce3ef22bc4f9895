"""Three-address code: formulas put in the form that a machine runs, each common part computed once.

A :class:`Code` numbers its slots: the arguments of the row, then its values, then constants, then temporaries. The same
code serves one element and a block of elements; :mod:`dualad.ops.spell` spells it as C.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np

from dualad.ops.formula import COMPARISONS, Call, Const, Expr, Symbol, partials, second, symbols_of
from dualad.ops.settle import exponent, settle
from dualad.ops.table import TABLE, Elementwise

__all__ = ["Code", "Instruction", "Opcode", "first_code", "lower", "second_code"]


class Opcode(IntEnum):
    """What an instruction does; ``CALL`` runs a loop of a NumPy universal function."""

    ADD = 0
    SUBTRACT = 1
    MULTIPLY = 2
    DIVIDE = 3
    NEGATIVE = 4
    LESS = 5
    LESS_EQUAL = 6
    GREATER = 7
    GREATER_EQUAL = 8
    EQUAL = 9
    NOT_EQUAL = 10
    WHERE = 11
    CALL = 12


@dataclass(frozen=True, slots=True)
class Instruction:
    """``targets = opcode(sources)`` on slots; ``function`` is the universal function that ``CALL`` runs."""

    opcode: Opcode
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    function: Callable[..., Any] | None = None
    loop: int = -1


@dataclass(frozen=True, slots=True)
class Code:
    """Instructions with the slots they use; ``results`` are the slots of the formulas that were lowered."""

    arguments: int
    values: int
    constants: tuple[float, ...]
    slots: int
    instructions: tuple[Instruction, ...]
    results: tuple[int, ...]

    def constant(self, slot: int) -> float | None:
        """Return the number in a slot, or None where the slot holds no constant."""
        place = slot - self.arguments - self.values
        return self.constants[place] if 0 <= place < len(self.constants) else None


def find_loop(ufunc: np.ufunc, whole: Sequence[bool]) -> int:
    """Return the index of the loop over doubles that NumPy would choose, or -1 where there is none.

    ``whole[i]`` says that argument i has an integer dtype, for which SciPy keeps loops of their own.
    """
    for index, types in enumerate(ufunc.types):
        inputs, outputs = types.split("->")
        fits = all(kind == "d" or (kind == "l" and whole[i]) for i, kind in enumerate(inputs))
        if fits and len(inputs) == len(whole) and set(outputs) <= set("dil"):
            return index
    return -1


class _Lowering:
    def __init__(self, row: Elementwise, whole: Sequence[bool]) -> None:
        self.row = row
        self.symbols = symbols_of(row)
        self.slot_of: dict[Any, int] = {}
        self.whole = {name: whole[i] if i < len(whole) else False for i, name in enumerate(self.symbols)}
        self.constants: list[float] = []
        self.steps: list[tuple[Opcode, list[Any], list[Any], Any, int]] = []

    def is_whole(self, e: Expr) -> bool:
        match e:
            case Const(value):
                return value.is_integer()
            case Symbol(name):
                return self.whole[name]
            case Call("add" | "subtract" | "multiply" | "negative", args):
                return all(self.is_whole(part) for part in args)
        return False

    def key(self, e: Expr) -> Any:
        """Return the name of the slot that holds ``e``, having written the steps that fill it."""
        match e:
            case Const(value):
                if ("constant", str(value)) not in self.slot_of:
                    self.slot_of["constant", str(value)] = len(self.constants)
                    self.constants.append(value)
                return "constant", str(value)
            case Symbol(name):
                return "symbol", name
        base = ("call", e.name, e.args)
        if base not in self.slot_of:
            self.slot_of[base] = -1
            sources = [self.key(part) for part in e.args]
            if e.name in COMPARISONS or e.name.upper() in Opcode.__members__:
                self.steps.append((Opcode[e.name.upper()], sources, [(base, 0)], None, -1))
            else:
                self.steps.append((Opcode.CALL, sources, *self.loop_of(e, base)))
        return base, e.output

    def loop_of(self, e: Call, base: Any) -> tuple[list[Any], Any, int]:
        inner = TABLE.named(e.name)
        function = inner.function
        if not isinstance(inner, Elementwise) or not isinstance(function, np.ufunc):
            raise _NoLoop(e.name)
        loop = find_loop(function, [self.is_whole(part) for part in e.args])
        if loop < 0:
            raise _NoLoop(e.name)
        return [(base, output) for output in range(inner.outputs)], function, loop


class _NoLoop(Exception):  # a message inside this room
    """A formula calls a function that has no loop over doubles."""


def lower(row: Elementwise, formulas: Sequence[Expr], whole: Sequence[bool] = ()) -> Code | None:
    """Put formulas of a row in three-address code; None where one calls a function without a loop over doubles."""
    work = _Lowering(row, whole)
    try:
        results = [work.key(e) for e in formulas]
    except _NoLoop:
        return None
    fixed = len(work.symbols)
    place: dict[Any, int] = {("symbol", name): i for i, name in enumerate(work.symbols)}
    place |= {("constant", str(c)): fixed + i for i, c in enumerate(work.constants)}
    last = {source: number for number, step in enumerate(work.steps) for source in step[1]}
    last |= dict.fromkeys(results, len(work.steps))
    first_free = fixed + len(work.constants)
    free: list[int] = []
    slots = first_free
    instructions = []
    for number, (opcode, sources, targets, function, loop) in enumerate(work.steps):
        taken = tuple(place[source] for source in sources)
        filled = []
        for target in targets:
            if not free:
                free.append(slots)
                slots += 1
            place[target] = free.pop()
            filled.append(place[target])
        # A slot is given back only after the targets are placed: a loop may write before it has read all.
        for name in dict.fromkeys(sources + targets):
            if last.get(name, number) <= number and place[name] >= first_free:
                free.append(place[name])
        instructions.append(Instruction(opcode, taken, tuple(filled), function, loop))
    return Code(
        arguments=len(row.args),
        values=row.outputs,
        constants=tuple(work.constants),
        slots=slots,
        instructions=tuple(instructions),
        results=tuple(place[name] for name in results),
    )


def _lowered(row: Elementwise, formulas: Sequence[Any], whole: tuple[bool, ...], settled: float | None) -> Code | None:
    if settled is not None:
        name = row.args[exponent(row)]
        formulas = [settle(e, name, settled) for e in formulas]
    return lower(row, formulas, whole)


@cache
def first_code(
    row: Elementwise, active: tuple[int, ...], whole: tuple[bool, ...] = (), settled: float | None = None
) -> Code | None:
    """Lower the first partials in the ``active`` arguments, ordered by output, then by argument.

    ``settled`` is a number that stands for the exponent of the row.
    """
    rules = partials(row)
    return _lowered(row, [rules[i][o] for o in range(row.outputs) for i in active], whole, settled)


@cache
def second_code(
    row: Elementwise, active: tuple[int, ...], whole: tuple[bool, ...] = (), settled: float | None = None
) -> Code | None:
    """Lower the first partials and then, for each output, the second partials ``(i, j)`` with ``j <= i``."""
    rules: Any = partials(row)
    twice: Any = second(row)
    formulas = [rules[i][o] for o in range(row.outputs) for i in active]
    formulas += [twice[i, j, o] for o in range(row.outputs) for i in active for j in active if j <= i]
    return _lowered(row, formulas, whole, settled)
