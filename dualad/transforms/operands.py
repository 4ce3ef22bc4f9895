"""What stands for a node and its operands when its rule is written on the tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.duck.operands import put_back
from dualad.ops.lanes import fancy_first
from dualad.ops.table import Linear
from dualad.reverse.kernels import Shape, Tape

__all__ = ["COMPARE", "GENERAL", "LEAF", "READ", "WRITE", "behind_lanes", "own_copy", "rule_parts", "scalar_parts"]

LEAF, READ, WRITE, GENERAL, COMPARE = -1, -2, -3, -4, -16


def scalar_parts(tape: Tape, node: int) -> tuple[list[int], list[Any], Any]:
    """Return the operands of a scalar operation, what stands for them (numbers for constants), and for its value."""
    _, a, b, _, at, _ = tape.fields(node)
    operands = [a, b][: len(tape.row_of(node).args)]
    return operands, [at if operand < 0 else tape.handle(operand) for operand in operands], tape.handle(node)


def rule_parts(tape: Tape, node: int) -> tuple[list[Any], Any, Any]:
    """Return what stands for the operands and the value of a node, and its plan made anew from them.

    The plan that was kept may hold numbers; one made from recorded arrays lets a derivative of the derivative through.
    """
    record = tape.record_of(node)
    handles = [
        x if operand < 0 or isinstance(x, Shape) else tape.handle(operand, x)
        for operand, x in zip(record.operands, record.primals, strict=True)
    ]
    plan = record.plan
    if record.kind == "row" and not isinstance(record.row, Linear):
        plan = record.row.plan(*put_back(record.args, handles), **put_back(record.kwargs, handles))
    return handles, _value(tape, node, record), plan


def _value(tape: Tape, node: int, record: Any) -> Any:
    if isinstance(record.value, (tuple, list)):
        return tuple(
            tape.handle(record.items[i], part) if i in record.items and not isinstance(part, Shape) else part
            for i, part in enumerate(record.value)
        )
    if tape.fields(node)[3] < 0:
        return tape.handle(node)
    return None if record.value is None else tape.handle(node, record.value)


def behind_lanes(index: Any, lanes: int) -> Any:
    """Return the index of a write as it is meant for a tangent or adjoint with lanes."""
    if not lanes:
        return index
    entries = index if isinstance(index, tuple) else (index,)
    if fancy_first(entries):
        raise NotImplementedError  # axes would come before the lanes
    return (slice(None),) * lanes + entries


def own_copy(tape: Tape, node: int, found: Any, lanes: tuple[int, ...] = ()) -> Any:
    """Return numbers (None: zeros) as a recorded array of its own, laid out in memory as an array of the tape is.

    What is a view of the array is then a view of it.
    """
    zeros = tape.zeros(node, lanes)
    if isinstance(found, DuckArray):
        if zeros.flags.c_contiguous:
            return np.copy(found, order="C")
        fresh = tape.constant(zeros)
        fresh[...] = found
        return fresh
    if found is not None:
        zeros[...] = found
    return tape.constant(zeros)
