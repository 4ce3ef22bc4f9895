"""Whether a tape is well formed, and whether its values come out again when it is run: for tests of transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.duck.operands import put_back
from dualad.ops.lanes import shape_of
from dualad.reverse.kernels import Tape
from dualad.transforms.operands import COMPARE, GENERAL, LEAF, READ, WRITE

__all__ = ["Malformed", "replay", "verify"]

_COMPARISONS = (np.less, np.less_equal, np.equal, np.not_equal, np.greater, np.greater_equal)


class Malformed(AssertionError):
    """A tape breaks a rule that all tapes keep."""


def verify(tape: Tape) -> None:
    """Check that operands come before their users, that versions are chains, and that shapes, dtypes and values agree.

    Values are computed again and compared with those that the tape holds (a lean tape does not hold what that takes):
    bit for bit, but for what functions of whole arrays round in another way where arrays lie in memory in another way.
    """
    latest: dict[int, int] = {}
    for node in range(len(tape)):
        _check_operands(tape, node)
        _check_versions(tape, node, latest)
    if not tape.lean:
        replay(tape, _compare)


def _operands(tape: Tape, node: int) -> list[int]:
    op, a, b, _, _, _ = tape.fields(node)
    return [n for n in (tape.record_of(node).operands if op == GENERAL else (a, b)) if n >= 0]


def _check_operands(tape: Tape, node: int) -> None:
    op, a, _, slot, at, _ = tape.fields(node)
    for operand in _operands(tape, node):
        if operand >= node:
            raise Malformed(f"node {node} uses node {operand}, which comes after it")
    if op in (READ, WRITE):
        shape = tape.shape_of(a)
        if shape is None or tape.fields(a)[3] < 0:
            raise Malformed(f"node {node} reads or writes an element of node {a}, which is no array")
        if not 0 <= at < np.prod(shape):
            raise Malformed(f"node {node} reads or writes element {int(at)} of an array of shape {shape}")
    is_array = op == WRITE or (op == GENERAL and tape.shape_of(node) is not None and tape.fields(node)[3] >= 0)
    if (slot >= 0) != (is_array or (op == GENERAL and tape.shape_of(node) is None)):
        raise Malformed(f"node {node} is {'an array' if is_array else 'a number'} and has slot {slot}")


def _check_versions(tape: Tape, node: int, latest: dict[int, int]) -> None:
    op, a, _, slot, _, _ = tape.fields(node)
    record = tape.record_of(node) if op == GENERAL else None
    writes = op == WRITE or (record is not None and record.kind == "write")
    before = a if op == WRITE else record.operands[0] if writes and record is not None else -1
    for operand in _operands(tape, node):
        array = tape.fields(operand)[3]
        base = operand
        if tape.fields(operand)[0] == GENERAL and tape.record_of(operand).kind == "view":
            base = tape.record_of(operand).operands[0]
            array = tape.fields(base)[3]
        if array >= 0 and latest.get(array) != base and base not in tape.late:
            raise Malformed(f"node {node} uses version {base} of an array whose present version is {latest.get(array)}")
    if writes and (tape.fields(before)[3] != slot or latest.get(slot) != before):
        raise Malformed(f"node {node} writes version {before} of an array whose present version is {latest.get(slot)}")
    if not writes and slot in latest:
        raise Malformed(f"node {node} has slot {slot}, which belongs to node {latest[slot]}")
    if slot >= 0:
        latest[slot] = node


def replay(tape: Tape, check: Callable[[Tape, int, Any], Any]) -> dict[int, Any]:
    """Compute the value of every node again from those before it; an array is copied when it is written.

    ``check`` is called with each, and returns the value that those after it shall use.
    """
    values: dict[int, Any] = {}
    for node in range(len(tape)):
        values[node] = check(tape, node, _value(tape, node, values))
    return values


def _value(tape: Tape, node: int, values: dict[int, Any]) -> Any:
    op, a, b, _, at, v = tape.fields(node)
    if op == GENERAL:
        return _general(tape.record_of(node), values)
    if op == LEAF:
        return np.float64(v)
    if op == READ:
        return values[a][tape.index_of(a, at)]
    if op == WRITE:
        written = _copy(values[a])
        written[tape.index_of(a, at)] = values[b] if b >= 0 else v
        return written
    if op <= COMPARE + 5:
        return _COMPARISONS[op - COMPARE](values[a], values[b] if b >= 0 else at)
    row = tape.row_of(node)
    with np.errstate(all="ignore"):
        return row.function(*(values[n] if n >= 0 else at for n in (a, b)[: len(row.args)]))


def _copy(x: Any) -> Any:
    """Copy an array with its memory layout, on which the order of a sum depends."""
    return np.copy(x, order="K")


def _general(record: Any, values: dict[int, Any]) -> Any:
    operands: list[Any] = [values[n] if n >= 0 else None for n in record.operands]
    match record.kind:
        case "constant":
            return record.value
        case "view":
            value = operands[0]
            for step in record.path:
                value = step(value)
            return value
        case "item":
            return operands[0][record.index]
        case "write":
            value = _copy(operands[0])
            target = value
            for step in record.path:
                target = step(target)
            put = record.primals[1] if record.operands[1] < 0 else operands[1]
            target[record.index] = np.copy(put)
            return value
        case "elementwise":
            function = record.function if record.function is not None else record.row.function
            with np.errstate(all="ignore"):
                found = function(
                    *(x if n >= 0 else p for n, x, p in zip(record.operands, operands, record.primals, strict=True))
                )
            # SciPy answers in complex numbers here and there, whose imaginary part is zero.
            return found.real if not isinstance(found, tuple) and np.iscomplexobj(found) else found
        case "row":
            return record.row.function(*put_back(record.args, operands), **put_back(record.kwargs, operands))
    function, *args = record.args
    return function(*put_back(args, operands), **put_back(record.kwargs or {}, operands))


def _compare(tape: Tape, node: int, found: Any) -> Any:
    op, _, _, slot, _, v = tape.fields(node)
    shape = tape.shape_of(node)
    dtype = np.asarray(found).dtype if shape is not None else None
    if shape is not None and (shape_of(found) != shape or dtype != tape.dtype_of(node)):
        raise Malformed(f"node {node} is {shape} {tape.dtype_of(node)} and came out as {shape_of(found)} {dtype}")
    held = v if slot < 0 else tape.record_of(node).value if op == GENERAL else None
    if held is None or isinstance(held, (tuple, list, DuckArray)):
        return found
    # Python's x ** y on numbers rounds in another way than np.power.
    exact = op == GENERAL and tape.record_of(node).kind != "row"
    largest = float(np.max(np.abs(held), initial=0.0, where=np.isfinite(held)))
    scale = 0.0 if exact else 1e-9 * max(1.0, largest)
    if not np.allclose(held, found, rtol=0.0, atol=scale, equal_nan=True):
        raise Malformed(f"node {node} holds {held} and came out as {found}")
    return np.asarray(held, dtype)[()] if slot < 0 else held
