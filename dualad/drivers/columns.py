"""What is read off a recording besides its rows: the columns of Jacobian and Hessian, and how much work it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import chunks, identity_lanes
from dualad.drivers.choose import Work
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.recording import Recording
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Tangents

__all__ = ["hessian_columns", "jacobian_columns", "tangents", "work_of"]


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
    elements = sum(int(np.prod(record.shape)) for record in tape.records if record.shape is not None)
    return Work(len(tape.records), len(tape) - len(tape.records), elements)
