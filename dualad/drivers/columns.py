"""What is read off a recording besides its rows: the columns of Jacobian and Hessian, and how much work it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import chunks, collect, identity_lanes
from dualad.drivers.choose import Work
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.recording import Recording
from dualad.duck.kernels import DuckArray
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Tangents

__all__ = ["collected", "hessian_columns", "jacobian_columns", "tangents", "work_of"]


def collected(recording: Recording) -> Any:
    """Return the result of a recording as one array; a list of numbers is written into an array element by element."""
    y = recording.result
    if not isinstance(y, (list, tuple)) or not all(map(_is_number, y)):
        return collect(y)
    mine = next((part for part in y if recording.mine(part)), None)
    if mine is None or any(isinstance(part, DuckArray) and not recording.mine(part) for part in y):
        return collect(y)
    whole = np.zeros(len(y), like=mine)
    for i, part in enumerate(y):
        whole[i] = part
    return whole


def _is_number(part: Any) -> bool:
    if isinstance(part, DuckArray):
        return part.shape == () and part.dtype == np.float64
    return isinstance(part, (float, int, np.number)) and not isinstance(part, np.complexfloating)


def tangents(recording: Recording, y: Any, directions: Sequence[Any]) -> Any:
    """Return the derivatives of a recorded result along k directions, shape (k,) + T.

    ``directions`` has an array of shape (k,) + S for each input.
    """
    node = y._operand()  # before the sweep is laid out: to ask for it may write a node
    k = len(directions[0])
    sweep = Tangents(recording.tape, k)
    for leaf, direction in zip(recording.inputs, directions, strict=True):
        sweep.seed(leaf, direction)
    sweep.sweep()
    found = sweep.of(node)
    return np.zeros((k, *np.shape(y)), y.dtype) if found is None else found


def jacobian_columns(recording: Recording, y: Any, chunk: int) -> Any:
    """Return all columns of the Jacobian of a recorded result, the column last: shape T + (n,)."""
    ranges = chunks(sum(array.size for array in recording.arrays), chunk)
    parts = [tangents(recording, y, identity_lanes(recording.arrays, *at)) for at in ranges]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return np.ascontiguousarray(np.moveaxis(whole, 0, -1))


def hessian_columns(recording: Recording, y: Any, chunk: int) -> Any:
    """Return the Hessian of a recorded result in the one input, shape T + S + S, one output after the other."""
    recording.tape.inputs = recording.inputs
    (x,) = recording.arrays
    shape, node = np.shape(y), y._operand()
    ranges, rows = chunks(x.size, chunk), []
    for unit in np.eye(int(np.size(y))):
        second = SecondOrder(recording.tape, {node: np.reshape(unit, shape)[()]})
        columns = [second.columns(identity_lanes([x], *at))[0] for at in ranges]
        rows.append(np.concatenate(columns))
    return np.reshape(np.stack(rows), shape + x.shape * 2).astype(y.dtype, copy=False)


def work_of(tape: Tape) -> Work:
    """Return what the recorded evaluation did."""
    records = tape.records
    elements = sum([math.prod(record.shape) for record in records if record.shape])
    return Work(len(records), len(tape) - len(records), elements)
