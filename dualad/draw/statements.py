"""What each node of a tape says, read off its columns and records: an operator, its arguments, what came of it.

This is the only file of the room that knows how a tape is stored; text, tables and pictures are made from statements.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.reverse.kernels import Tape

__all__ = ["GENERAL", "LEAF", "READ", "WRITE", "Ref", "Statement", "operands_of", "statement_of", "written_slots"]

LEAF: Final = -1
READ: Final = -2
WRITE: Final = -3
GENERAL: Final = -4
COMPARE: Final = -16
_COMPARISONS: Final = ("less", "less_equal", "equal", "not_equal", "greater", "greater_equal")
_OF_OPERATOR: Final[Mapping[Any, str]] = {
    operator.lt: "less", operator.le: "less_equal", operator.eq: "equal", operator.ne: "not_equal",
    operator.gt: "greater", operator.ge: "greater_equal",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for a node among the arguments of a statement."""

    node: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What one node says.

    ``kind`` is "input", "constant", "operator", "read" (of an element), "view", "write", "item" (one of several results)
    or "discrete" (a result that carries no derivative). ``args`` and ``kwargs`` are the call with :class:`Ref` where a
    node stands; of a read, a view and an item the second argument is the index or the steps, of a write the place and
    what was put there. ``value`` is the number of a node that is one, None for an array. ``shape`` is None where there
    are several results.
    """

    node: int
    kind: str
    name: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] | None = ()
    dtype: Any = np.dtype(float)
    value: Any = None
    row: Any = None
    results: int = 1


def statement_of(tape: Tape, node: int) -> Statement:
    """Return what a node says."""
    op, a, b, _, at, v = tape.fields(node)
    if op == GENERAL:
        return _general(tape, node, tape.record_of(node))
    if op == LEAF:
        kind = "input" if node in (tape.inputs or ()) else "constant"
        return Statement(node, kind, value=v)
    if op == READ:
        return Statement(node, "read", "getitem", (Ref(a), _place(tape, a, at)), value=v)
    if op == WRITE:
        shape, dtype = _array_type(tape, a)
        return Statement(
            node, "write", "setitem", (Ref(a), (_place(tape, a, at),), Ref(b) if b >= 0 else v), shape=shape, dtype=dtype
        )
    if op <= COMPARE:
        args = (Ref(a), Ref(b) if b >= 0 else at)
        return Statement(node, "discrete", _COMPARISONS[op - COMPARE], args, dtype=np.dtype(bool), value=bool(v))
    row = tape.row_of(node)
    args = tuple(Ref(part) if part >= 0 else at for part in (a, b)[: len(row.args)])
    return Statement(node, "operator", row.name, args, value=v, row=row)


def operands_of(statement: Statement) -> tuple[int, ...]:
    """Return the nodes that stand in a statement, in order."""
    return tuple(_refs([statement.args, statement.kwargs]))


def written_slots(tape: Tape) -> set[int]:
    """Return the cotangent slots of arrays that are written to: of these no more than the last numbers are kept."""
    found = set()
    for node in range(len(tape)):
        op, _, _, slot, _, _ = tape.fields(node)
        if op == WRITE or (op == GENERAL and tape.record_of(node).kind == "write"):
            found.add(slot)
    return found


def _refs(part: Any) -> Iterator[int]:
    if isinstance(part, Ref):
        yield part.node
    elif isinstance(part, (list, tuple)):
        for inner in part:
            yield from _refs(inner)
    elif isinstance(part, Mapping):
        yield from _refs(list(part.values()))


# --- arrays --------------------------------------------------------------------------------------------------------------


def _array_type(tape: Tape, node: int) -> tuple[tuple[int, ...], Any]:
    """Return shape and dtype of an array; an element-wise write keeps those of the version before it."""
    op, before, *_ = tape.fields(node)
    while op == WRITE:
        node = before
        op, before, *_ = tape.fields(node)
    record = tape.record_of(node)
    return record.shape, record.dtype


def _place(tape: Tape, array: int, at: float) -> Any:
    """Return the index of the element that lies ``at`` numbers behind the first one."""
    shape, _ = _array_type(tape, array)
    place = tuple(int(i) for i in np.unravel_index(int(at), shape))
    return place[0] if len(place) == 1 else place


# --- records -------------------------------------------------------------------------------------------------------------


def _general(tape: Tape, node: int, record: Any) -> Statement:
    facts: dict[str, Any] = {"shape": record.shape, "dtype": record.dtype, "value": _number(record.value)}
    if isinstance(record.value, (tuple, list)):
        facts = {"shape": None, "dtype": None, "results": len(record.value)}
    args: tuple[Any, ...]
    match record.kind:
        case "constant":
            is_input = node in (tape.inputs or ())
            return Statement(node, "input" if is_input else "constant", args=() if is_input else (record.value,), **facts)
        case "elementwise":
            args = tuple(
                Ref(part) if part >= 0 else primal for part, primal in zip(record.operands, record.primals, strict=True)
            )
            return Statement(node, "operator", record.row.name, args, row=record.row, **facts)
        case "row":
            args, kwargs = _restored(record)
            return Statement(node, "operator", record.row.name, args, kwargs, row=record.row, **facts)
        case "view":
            return Statement(node, "view", "view", (Ref(record.operands[0]), tuple(record.path)), **facts)
        case "item":
            return Statement(node, "item", "getitem", (Ref(record.operands[0]), record.index), **facts)
        case "write":
            before, put = record.operands
            value = Ref(put) if put >= 0 else _constant_put(record)
            return Statement(node, "write", "setitem", (Ref(before), (*record.path, record.index), value), **facts)
    function, *rest = record.args
    name = _OF_OPERATOR.get(function) or getattr(function, "__name__", str(function))
    return Statement(node, "discrete", name, _matched(tape, rest, record.operands), record.kwargs or {}, **facts)


def _number(value: Any) -> Any:
    """Return the number that a record holds, under any outer derivatives; None for an array, which may be overwritten."""
    while isinstance(value, DuckArray):
        value = value._primal()
    return value.item() if isinstance(value, np.generic) else None


def _constant_put(record: Any) -> Any:
    """Return what stands for a constant that was assigned: a tape keeps its shape only."""
    shape = tuple(record.primals[1]) if isinstance(record.primals[1], tuple) else ()
    return Shaped(shape)


@dataclass(frozen=True, slots=True)
class Shaped:
    """Stands for a constant of which only the shape is kept."""

    shape: tuple[int, ...]


# --- arguments: nodes put back into the places where the call had them ------------------------------------------------------


def _restored(record: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the call of an array row with :class:`Ref` in place of the operands that are nodes.

    Operands are counted as :class:`dualad.duck.operands.Operands` counted them when the call was recorded.
    """
    row, args, kwargs = record.row, list(record.args or ()), dict(record.kwargs or {})
    left = iter(record.operands)

    def put(old: Any) -> Any:
        node = next(left, -1)
        return Ref(node) if node >= 0 else old

    if row.variadic:
        arrays = [isinstance(part, (np.ndarray, np.generic, DuckArray)) for part in args]
        if sum(arrays) != len(record.operands):
            return tuple(Ref(node) for node in record.operands if node >= 0), kwargs
        args = [put(part) if is_array else part for part, is_array in zip(args, arrays, strict=True)]
    elif row.operands and row.operands[0].startswith("*"):
        name = row.operands[0][1:]
        if args:
            args[0] = tuple(put(part) for part in args[0])
        else:
            kwargs[name] = tuple(put(part) for part in kwargs[name])
    else:
        for i, name in enumerate(row.operands):
            if i < len(args):
                args[i] = put(args[i])
            elif name in kwargs:
                kwargs[name] = put(kwargs[name])
    return tuple(args), kwargs


def _matched(tape: Tape, args: Sequence[Any], operands: Sequence[int]) -> tuple[Any, ...]:
    """Return the arguments of a discrete function with its operands, kept apart from them, put back in order."""
    left = list(operands)

    def fits(part: Any, node: int) -> bool:
        op, _, _, slot, _, v = tape.fields(node)
        if slot < 0:
            return isinstance(part, np.generic) and bool(part == v)
        held = tape.record_of(node).value if op == GENERAL else None
        return isinstance(part, (np.ndarray, DuckArray)) and (held is None or held is part or np.shape(held) == part.shape)

    def put(part: Any) -> Any:
        if isinstance(part, (list, tuple)):
            return type(part)(put(inner) for inner in part)
        if left and fits(part, left[0]):
            return Ref(left.pop(0))
        return part

    found = tuple(put(part) for part in args)
    return tuple(Ref(node) for node in operands) if left else found
