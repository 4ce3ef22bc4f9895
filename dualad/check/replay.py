"""The nodes of a tape as calls: which function was called on which numbers, in the order of the recording.

Arrays that are written to are kept as they were at each node: they are written again here, in the same order.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.duck.operands import Operand, put_back
from dualad.reverse.kernels import Tape

__all__ = ["Comparison", "Site", "sites"]

LEAF, READ, WRITE, GENERAL, COMPARE = -1, -2, -3, -4, -16
_RICH: Final = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)
SIGNS: Final[Mapping[Any, str]] = dict(zip(_RICH, ("<", "<=", "==", "!=", ">", ">="), strict=True)) | {
    np.less: "<", np.less_equal: "<=", np.equal: "==", np.not_equal: "!=", np.greater: ">", np.greater_equal: ">=",
}  # fmt: skip


@dataclass(frozen=True)
class Site:
    """One call: ``call(operands)`` is what the node computed; ``active`` are the operands that are nodes of numbers.

    ``options`` tells calls of one row with different options apart.
    """

    node: int
    row: Any
    call: Callable[[Sequence[Any]], Any]
    operands: tuple[Any, ...]
    active: tuple[int, ...]
    scalar: bool = False
    options: str = ""


@dataclass(frozen=True)
class Comparison:
    """One comparison of recorded numbers."""

    node: int
    sign: str
    left: Any
    right: Any


class _Values:
    """What each node is worth while the tape is gone through; arrays are as they are at that node."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.arrays: dict[int, Any] = {}
        self.own: set[int] = set()

    def of(self, node: int) -> Any:
        op, _, _, slot, _, v = self.tape.fields(node)
        return np.float64(v) if slot < 0 and op > COMPARE else bool(v) if slot < 0 else self.arrays[slot]

    def keep(self, node: int, value: Any) -> None:
        self.arrays[self.tape.fields(node)[3]] = value

    def writable(self, slot: int) -> Any:
        if slot not in self.own:
            self.arrays[slot] = np.copy(self.arrays[slot], order="K")
            self.own.add(slot)
        return self.arrays[slot]


def sites(tape: Tape) -> Iterator[Site | Comparison]:
    """Go through the calls and comparisons of a tape; the operands hold until the next one is asked for."""
    values = _Values(tape)
    for node in range(len(tape)):
        op, a, b, slot, at, v = tape.fields(node)
        if op == GENERAL:
            yield from _general(tape, node, tape.record_of(node), values)
        elif op == WRITE:
            target = values.writable(slot)
            # Elements are counted in C order whatever the memory order is.
            target[np.unravel_index(int(at), target.shape)] = v
        elif op >= 0:
            row = tape.row_of(node)
            numbers = [n if n >= 0 else -1 for n in (a, b)[: len(row.args)]]
            operands = tuple(values.of(n) if n >= 0 else at for n in numbers)
            active = tuple(i for i, n in enumerate(numbers) if n >= 0)
            yield Site(node, row, _calling(row.function), operands, active, scalar=True)
        elif op < GENERAL:
            sign = SIGNS[_RICH[op - COMPARE]]
            yield Comparison(node, sign, values.of(a), values.of(b) if b >= 0 else at)


def _calling(function: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda operands: function(*operands)


def _general(tape: Tape, node: int, record: Any, values: _Values) -> Iterator[Site | Comparison]:
    if record.kind == "view":
        value = values.of(record.operands[0])
        for step in record.path:
            if isinstance(getattr(step, "args", (None,))[0], Operand):
                yield Site(node, step.row, _restored(step.row.function, step.args, step.kwargs), (value,), (0,))
            value = step(value)
        values.keep(node, value)
        return
    if record.kind == "write":
        target = values.writable(tape.fields(node)[3])
        for step in record.path:
            target = step(target)
        put = record.operands[1]
        target[record.index] = values.of(put) if put >= 0 else record.primals[1]
        return
    value = record.value
    if record.kind in ("elementwise", "row"):
        operands = tuple(values.of(n) if n >= 0 else x for n, x in zip(record.operands, record.primals, strict=True))
        active = tuple(i for i, n in enumerate(record.operands) if n >= 0 and np.asarray(operands[i]).dtype.kind == "f")
        if record.kind == "row":
            call = _restored(record.row.function, record.args, record.kwargs)
        else:
            call = _calling(record.function or record.row.function)
        if active and not any(isinstance(x, DuckArray) for x in operands):
            yield Site(node, record.row, call, operands, active, options=f"{record.args} {record.kwargs}"[:200])
        if value is None:
            value = call(operands)  # what shows the numbers of another array has none of its own
    elif record.kind == "discrete":
        function, *rest = record.args
        known = [values.of(n) for n in record.operands]
        if function in SIGNS:
            left, right = (put_back(part, known) for part in rest)
            yield Comparison(node, SIGNS[function], left, right)
        if value is None:
            value = _restored(function, rest, record.kwargs)(known)
    elif record.kind == "item":
        value = tape.record_of(record.operands[0]).value[record.index]
    if isinstance(value, (np.ndarray, np.generic, tuple, list)) and tape.fields(node)[3] >= 0:
        values.keep(node, value)


def _restored(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any] | None) -> Callable[[Sequence[Any]], Any]:
    def call(operands: Sequence[Any]) -> Any:
        given = [put_back(part, operands) for part in args]
        return function(*given, **{name: put_back(part, operands) for name, part in (kwargs or {}).items()})

    return call
