"""What each node of a tape says, read off its columns and records: an operator, its arguments, what came of it.

This is the only file of the room that knows how a tape is stored; text, tables and pictures are made from statements.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.duck.operands import put_back
from dualad.reverse.kernels import Tape

__all__ = ["GENERAL", "LEAF", "READ", "WRITE", "Ref", "Statement", "operands_of", "statement_of"]

LEAF: Final = -1
READ: Final = -2
WRITE: Final = -3
GENERAL: Final = -4
COMPARE: Final = -16  # the first of six
_DOUBLE: Final = np.dtype(float)
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

    ``kind`` is "input", "constant", "operator", "read" (of an element), "view", "write", "item" (one of several
    results) or "discrete" (a result that carries no derivative). ``args`` and ``kwargs`` are the call with
    :class:`Ref` where a node stands; of a read, a view and an item the second argument is the index or the steps, of a
    write the place and what was put there. ``value`` is the number of a node that is one, None for an array. ``shape``
    is None where there are several results.
    """

    node: int
    kind: str
    name: str = ""
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] | None = ()
    dtype: Any = _DOUBLE
    value: Any = None
    row: Any = None
    results: int = 1


def statement_of(tape: Tape, node: int) -> Statement:
    """Return what a node says."""
    op, a, b, _, at, v = tape.fields(node)
    args: tuple[Any, ...]
    if op == GENERAL:
        return _general(tape, node, tape.record_of(node))
    if op == LEAF:
        kind = "input" if node in (tape.inputs or ()) else "constant"
        return Statement(node, kind, value=v)
    if op == READ:
        return Statement(node, "read", "getitem", (Ref(a), _place(tape, a, at)), value=v)
    if op == WRITE:
        shape, dtype = _array_type(tape, a)
        args = (Ref(a), (_place(tape, a, at),), Ref(b) if b >= 0 else v)
        return Statement(node, "write", "setitem", args, shape=shape, dtype=dtype)
    if op < GENERAL:
        args = (Ref(a), Ref(b) if b >= 0 else at)
        return Statement(node, "discrete", _COMPARISONS[op - COMPARE], args, dtype=np.dtype(bool), value=bool(v))
    row = tape.row_of(node)
    args = tuple(Ref(part) if part >= 0 else at for part in (a, b)[: len(row.args)])
    return Statement(node, "operator", row.name, args, value=v, row=row)


def operands_of(statement: Statement) -> tuple[int, ...]:
    """Return the nodes that stand in a statement, in order."""
    return tuple(_refs([statement.args, statement.kwargs]))


def _refs(part: Any) -> Iterator[int]:
    if isinstance(part, Ref):
        yield part.node
    elif isinstance(part, (list, tuple)):
        for inner in part:
            yield from _refs(inner)
    elif isinstance(part, Mapping):
        yield from _refs(list(part.values()))


# --- arrays ----------------------------------------------------------------------------------------------------------


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


# --- records ---------------------------------------------------------------------------------------------------------


def _general(tape: Tape, node: int, record: Any) -> Statement:
    facts: dict[str, Any] = {"shape": record.shape, "dtype": record.dtype, "value": _number(record.value)}
    if isinstance(record.value, (tuple, list)):
        facts = {"shape": None, "dtype": None, "results": len(record.value)}
    args: tuple[Any, ...]
    match record.kind:
        case "constant":
            if node in (tape.inputs or ()):
                return Statement(node, "input", **facts)
            return Statement(node, "constant", args=(record.value,), **facts)
        case "elementwise":
            args = tuple(
                Ref(part) if part >= 0 else primal for part, primal in zip(record.operands, record.primals, strict=True)
            )
            return Statement(node, "operator", record.row.name, args, row=record.row, **facts)
        case "row":
            args = _call(record, record.args)
            return Statement(node, "operator", record.row.name, args, _named(record), row=record.row, **facts)
        case "view":
            return Statement(node, "view", "view", (Ref(record.operands[0]), tuple(record.path)), **facts)
        case "item":
            return Statement(node, "item", "getitem", (Ref(record.operands[0]), record.index), **facts)
        case "write":
            before, put = record.operands
            value = Ref(put) if put >= 0 else record.primals[1]
            return Statement(node, "write", "setitem", (Ref(before), (*record.path, record.index), value), **facts)
    function, *rest = record.args
    name = _OF_OPERATOR.get(function) or str(getattr(function, "__name__", function))
    return Statement(node, "discrete", name, _call(record, rest), _named(record), **facts)


def _number(value: Any) -> Any:
    """Return the number that a record holds, under any outer derivatives; None for an array."""
    while isinstance(value, DuckArray):
        value = value._primal()
    return value.item() if isinstance(value, np.generic) else None


# --- calls: nodes put back into the places where the call had them ---------------------------------------------------


def _call(record: Any, args: Sequence[Any]) -> tuple[Any, ...]:
    """Return the arguments of a kept call with :class:`Ref` in place of the operands that are nodes."""
    refs = [Ref(node) if node >= 0 else None for node in record.operands]
    return tuple(put_back(list(args), refs))


def _named(record: Any) -> dict[str, Any]:
    """Return the keyword arguments that differ from their defaults: NumPy's own methods pass them all."""
    given = dict(zip(record.kwargs or {}, _call(record, list((record.kwargs or {}).values())), strict=True))
    if record.row is None:
        return given
    defaults = {name: parameter.default for name, parameter in inspect.signature(record.row.plan).parameters.items()}
    return {name: value for name, value in given.items() if value is not defaults.get(name, inspect.Parameter.empty)}
