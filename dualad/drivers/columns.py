"""Jacobians and Hessians column by column, on dual and hyper-dual numbers or over a recording, and how much work a
recording does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import Varied, chunks, collect, identity_lanes, lanes_of, seeded
from dualad.drivers.choose import SIDE, Work
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.hyper import block
from dualad.drivers.recording import Recording
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Tangents

__all__ = [
    "collected", "dual_columns", "hessian_blocks", "hessian_columns", "jacobian_columns", "real_dtype", "tangents",
    "work_of",
]  # fmt: skip

Function = Callable[..., Any]


# --- without a recording: the function runs once for each chunk -------------------------------------------------------


def dual_columns(f: Function, varied: Varied, kwargs: Mapping[str, Any], chunk: int | None) -> Any:
    """Return all columns of the Jacobian, carried by dual numbers, the column last: shape T + (n,)."""
    parts = []
    for start, stop in chunks(varied.size, chunk) or [(0, 0)]:
        level = fresh_level()
        lanes = identity_lanes(varied.arrays, start, stop)
        arrays = [seeded(x, level, part, stop - start) for x, part in zip(varied.arrays, lanes, strict=True)]
        parts.append(lanes_of(collect(varied.call(f, arrays, kwargs)), level, stop - start)[1])
    columns = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return columns.T if columns.ndim <= 2 else columns.transpose(*range(1, columns.ndim), 0)


def hessian_blocks(f: Function, varied: Varied, kwargs: Mapping[str, Any], chunk: int | None) -> Any:
    """Return the Hessian in the one varied argument, shape T + S + S, by blocks of hyper-dual numbers."""
    ranges = chunks(varied.size, chunk, SIDE) or [(0, 0)]
    seeds = [identity_lanes(varied.arrays, *at)[0] for at in ranges]
    rows: list[list[Any]] = [[None] * len(ranges) for _ in ranges]
    for i, e1 in enumerate(seeds):
        for j, e2 in enumerate(seeds[: i + 1]):
            rows[i][j] = block(f, varied, kwargs, e1, e2)
            rows[j][i] = np.swapaxes(rows[i][j], 0, 1)
    whole = rows[0][0] if len(ranges) == 1 else np.concatenate([np.concatenate(row, axis=1) for row in rows])
    inner = varied.arrays[0].shape
    moved = np.moveaxis(whole, (0, 1), (-2, -1))
    return np.reshape(moved, moved.shape[:-2] + inner + inner)


# --- over a recording: the function has run ---------------------------------------------------------------------------


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


def real_dtype(y: Any) -> Any:
    """Return the dtype of derivatives of a result; whole numbers and truth values have derivatives too, of zero."""
    return y.dtype if y.dtype.kind == "f" else np.dtype(float)


def tangents(recording: Recording, y: Any, directions: Sequence[Any]) -> Any:
    """Return the derivatives of a recorded result along k directions, shape (k,) + T.

    ``directions`` has an array of shape (k,) + S for each input.
    """
    node = y._operand()  # before the sweep is laid out: to ask for it may write a node
    k = len(directions[0])
    sweep = Tangents(recording.tape, k)
    for leaf, direction in zip(recording.inputs, directions, strict=True):
        sweep.seed(leaf, direction)
    sweep.sweep([node])
    found = sweep.of(node)
    return np.zeros((k, *np.shape(y)), real_dtype(y)) if found is None else found


def jacobian_columns(recording: Recording, y: Any, chunk: int | None) -> Any:
    """Return all columns of the Jacobian of a recorded result, the column last: shape T + (n,)."""
    ranges = chunks(sum(array.size for array in recording.arrays), chunk)
    parts = [tangents(recording, y, identity_lanes(recording.arrays, *at)) for at in ranges]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return np.ascontiguousarray(np.moveaxis(whole, 0, -1))


def hessian_columns(recording: Recording, y: Any, chunk: int | None) -> Any:
    """Return the Hessian of a recorded result in the one input, shape T + S + S, one output after the other."""
    (x,) = recording.arrays
    shape = np.shape(y)
    if not recording.mine(y) or not x.size or not np.size(y):
        return np.zeros(shape + x.shape * 2, real_dtype(y))
    recording.tape.inputs = recording.inputs
    ranges, rows, node = chunks(x.size, chunk), [], y._operand()
    for unit in np.eye(int(np.size(y))):
        second = SecondOrder(recording.tape, {node: np.reshape(unit, shape)[()]})
        columns = [second.columns(identity_lanes([x], *at))[0] for at in ranges]
        rows.append(np.concatenate(columns))
    return np.reshape(np.stack(rows), shape + x.shape * 2).astype(real_dtype(y), copy=False)


def work_of(tape: Tape) -> Work:
    """Return what the recorded evaluation did."""
    records = tape.records
    elements = sum([math.prod(record.shape) for record in records if record.shape])
    return Work(len(records), len(tape) - len(records), elements)
