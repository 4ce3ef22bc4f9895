"""Repeated, windowed, evenly spaced, padded, triangular and diagonal arrangements of elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dualad import errors
from dualad.ops.lanes import (
    Axis,
    axes_from_end,
    axis_from_end,
    dispatched,
    flat,
    gather,
    grow,
    lane_shape,
    lead,
    reshape,
    scatter_add,
    shape_of,
    sum_to,
)
from dualad.ops.table import Map, composed, linear, unwritten

__all__ = ["affine_pad"]


# --- repeating -----------------------------------------------------------------------------------------------------


@linear("numpy.tile", "A")
def _tile(A: Any, reps: Any) -> Map:
    shape = shape_of(A)
    given = tuple(reps) if np.ndim(reps) else (int(reps),)
    times = (1,) * (len(shape) - len(given)) + given
    wide = (1,) * (len(times) - len(shape)) + shape
    split = tuple(n for pair in zip(times, wide, strict=True) for n in pair)

    def apply(t: Any) -> Any:
        return np.tile(grow(t, len(shape), len(wide)), (1,) * lead(t, len(shape)) + times)

    def transpose(g: Any) -> Any:
        parts = reshape(g, len(wide), split)
        return reshape(np.sum(parts, axis=tuple(range(-len(split), 0, 2))), len(wide), shape)

    return Map(apply, transpose)


@linear("numpy.repeat", "a")
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Map:
    shape = shape_of(a)
    flatten = axis is None
    place = -1 if axis is None else axis_from_end(axis, len(shape))
    inner = (int(np.prod(shape)),) if flatten else shape

    def apply(t: Any) -> Any:
        return np.repeat(flat(t, len(shape)) if flatten else t, repeats, axis=place)

    def transpose(g: Any) -> Any:
        if np.size(repeats) == 1:
            times = int(np.reshape(repeats, ()))
            cut = len(inner) + place + 1
            g = np.sum(reshape(g, len(inner), (*inner[:cut], times, *inner[cut:])), axis=place)
        else:
            sources = np.repeat(np.arange(inner[place]), repeats)
            g = scatter_add(g, (..., sources, *(slice(None),) * (-place - 1)), inner)
        return reshape(g, 1, shape) if flatten else g

    return Map(apply, transpose)


@linear("numpy.lib.stride_tricks.sliding_window_view", "x", name="sliding_window_view")
def _sliding_window_view(
    x: Any, window_shape: Any, axis: Axis = None, *, subok: bool = False, writeable: bool = False
) -> Map:
    shape = shape_of(x)
    axes = axes_from_end(axis, len(shape))
    places = sliding_window_view(np.arange(math.prod(shape)).reshape(shape), window_shape, axes)

    def transpose(g: Any) -> Any:
        return reshape(scatter_add(g, places, (math.prod(shape),)), 1, shape)

    return Map(lambda t: sliding_window_view(t, window_shape, axes), transpose)


# --- even spacing --------------------------------------------------------------------------------------------------


@linear("numpy.linspace", "start stop")
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    *,
    axis: int = 0,
    device: Any = None,
) -> Map:
    ends = shape_of(start), shape_of(stop)
    shape = np.broadcast_shapes(*ends)
    place = axis_from_end(axis, len(shape) + 1)
    gaps = num - 1 if endpoint else num

    def apply(first: Any, last: Any) -> Any:
        first, last = grow(first, len(ends[0]), len(shape)), grow(last, len(ends[1]), len(shape))
        points = np.linspace(first, last, num, endpoint, axis=place)
        return (points, (last - first) / gaps if gaps > 0 else np.zeros_like(last - first)) if retstep else points

    def transpose(g: Any, g_step: Any = None) -> Any:
        lanes = lane_shape(g, len(shape) + 1) if g is not None else lane_shape(g_step, len(shape))
        parts: list[Any] = [0.0, 0.0]
        if g is not None:
            way = np.linspace(0.0, 1.0, num, endpoint).astype(g.dtype).reshape((num,) + (1,) * (-place - 1))
            parts = [np.sum(g * (1 - way), axis=place), np.sum(g * way, axis=place)]
        if g_step is not None and gaps > 0:
            parts = [parts[0] - g_step / gaps, parts[1] + g_step / gaps]
        wide = [np.broadcast_to(part, lanes + shape) for part in parts]
        return sum_to(wide[0], len(shape), ends[0]), sum_to(wide[1], len(shape), ends[1])

    return Map(apply, transpose)


@composed("numpy.logspace", "start stop num endpoint base")
def _logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, *, axis: int = 0) -> Any:
    ndim = max(np.ndim(start), np.ndim(stop), np.ndim(base))
    start, stop = _of_ndim(start, ndim), _of_ndim(stop, ndim)
    powers = np.linspace(start, stop, num, endpoint, axis=axis)
    return np.power(np.expand_dims(_of_ndim(base, ndim), axis) if np.ndim(base) else base, powers)


def _of_ndim(x: Any, ndim: int) -> Any:
    """Return x with axes of size 1 in front."""
    return x if np.ndim(x) == ndim else np.reshape(x, (1,) * (ndim - np.ndim(x)) + shape_of(x))


unwritten(
    "numpy.geomspace",
    "its signs and its scale are taken out by functions of the ends that jump",
    "write np.exp(np.linspace(np.log(start), np.log(stop), num))",
)


# --- triangles and diagonals ---------------------------------------------------------------------------------------


def _triangle(m: Any, k: int, upper: bool) -> Map:
    shape = shape_of(m)
    rows, columns = shape[-2] if len(shape) > 1 else shape[-1], shape[-1]
    mask = np.tri(rows, columns, k=k - 1 if upper else k, dtype=bool)
    mask = ~mask if upper else mask

    def apply(t: Any) -> Any:
        return np.where(mask, grow(t, len(shape), max(len(shape), 2)), 0)

    def transpose(g: Any) -> Any:
        g = np.where(mask, g, 0)
        return np.sum(g, axis=-2) if len(shape) == 1 else g

    return Map(apply, transpose)


@linear("numpy.tril", "m")
def _tril(m: Any, k: int = 0) -> Map:
    return _triangle(m, k, upper=False)


@linear("numpy.triu", "m")
def _triu(m: Any, k: int = 0) -> Map:
    return _triangle(m, k, upper=True)


def _diagonal_index(rows: int, columns: int, offset: int) -> tuple[Any, Any]:
    """Return row and column numbers of a diagonal."""
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return np.arange(n) + max(-offset, 0), np.arange(n) + max(offset, 0)


def _on_diagonal(g: Any, shape: tuple[int, ...], offset: int, axis1: int, axis2: int) -> Any:
    """Put the last axis of ``g`` on a diagonal of zeros: the transpose of ``np.diagonal``."""
    rest = [n for i, n in enumerate(shape) if i - len(shape) not in (axis1, axis2)]
    rows, columns = _diagonal_index(shape[axis1], shape[axis2], offset)
    placed = scatter_add(g, (..., rows, columns), (*rest, shape[axis1], shape[axis2]))
    return np.moveaxis(placed, (-2, -1), (axis1, axis2))


@linear("numpy.diagonal", "a")
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Map:
    shape = shape_of(a)
    first, second = axis_from_end(axis1, len(shape)), axis_from_end(axis2, len(shape))
    return Map(lambda t: np.diagonal(t, offset, first, second), lambda g: _on_diagonal(g, shape, offset, first, second))


@linear("numpy.trace", "a")
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Map:
    shape = shape_of(a)
    first, second = axis_from_end(axis1, len(shape)), axis_from_end(axis2, len(shape))
    length = _diagonal_index(shape[first], shape[second], offset)[0].size

    def transpose(g: Any) -> Any:
        along = np.broadcast_to(np.expand_dims(g, -1), (*shape_of(g), length))
        return _on_diagonal(along, shape, offset, first, second)

    return Map(lambda t: np.trace(t, offset, first, second), transpose)


@linear("numpy.diag", "v")
def _diag(v: Any, k: int = 0) -> Map:
    shape = shape_of(v)
    if len(shape) == 2:
        return _diagonal(v, k)  # type: ignore[no-any-return]
    side = shape[0] + abs(k)
    return Map(lambda t: _on_diagonal(t, (side, side), k, -2, -1), lambda g: np.diagonal(g, k, -2, -1))


@composed("numpy.diagflat", "v")
def _diagflat(v: Any, k: int = 0) -> Any:
    return np.diag(np.ravel(v), k)


# --- padding -------------------------------------------------------------------------------------------------------

_BY_INDEX = ("edge", "reflect", "symmetric", "wrap")
_BY_ORDER: dict[Any, Any] = {"maximum": np.max, "minimum": np.min, "median": np.median}


def _pairs(widths: Any, ndim: int) -> list[tuple[Any, Any]]:
    """Return (before, after) for each axis from what ``np.pad`` accepts."""
    if isinstance(widths, dict):
        listed: list[Any] = [(0, 0)] * ndim
        for axis, width in widths.items():
            listed[axis] = width if np.ndim(width) else (width, width)
        widths = listed
    return [(before, after) for before, after in np.broadcast_to(np.asarray(widths), (ndim, 2)).tolist()]


@composed("numpy.pad", "array")
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if callable(mode):
        raise errors.NotWritten(
            errors.unwritten("numpy.pad with a function", "the function writes into plain arrays", "use np.concatenate")
        )
    varying = [name for name in ("constant_values", "end_values") if not _is_plain(options.get(name, 0))]
    if varying == ["constant_values"] and mode == "constant":
        return _pad_by_numbers(array, _pairs(pad_width, np.ndim(array)), options["constant_values"])
    if varying:
        said = f"{varying[0]} of mode {mode!r} are plain numbers"
        raise errors.NotWritten(errors.unwritten("numpy.pad", said, "use np.linspace and np.concatenate"))
    if mode not in _BY_ORDER:
        return affine_pad(array, pad_width, mode, **options)
    lengths = _pairs(options.get("stat_length"), np.ndim(array))
    for axis, (widths, wanted) in enumerate(zip(_pairs(pad_width, np.ndim(array)), lengths, strict=True)):
        size = shape_of(array)[axis]
        parts = []
        for width, length, side in zip(widths, wanted, (0, 1), strict=True):
            length = size if length is None else min(length, size)
            part = slice(size - length, size) if side else slice(0, length)
            found = _BY_ORDER[mode](array[(slice(None),) * axis + (part,)], axis=axis, keepdims=True)
            parts.append(np.repeat(found, width, axis=axis))
        array = np.concatenate((parts[0], array, parts[1]), axis=axis)
    return array


def _is_plain(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return all(map(_is_plain, values))
    return isinstance(values, (int, float, complex, np.generic)) or type(values) is np.ndarray


def _pad_by_numbers(array: Any, pairs: list[tuple[int, int]], values: Any) -> Any:
    """Pad with numbers that may carry derivatives; NumPy lets the last axis have the corners."""
    values = np.broadcast_to(np.array(values, like=array), (len(pairs), 2)).astype(array.dtype)
    for axis, widths in enumerate(pairs):
        shape = shape_of(array)
        parts = [
            np.broadcast_to(values[axis, side], (*shape[:axis], width, *shape[axis + 1 :]))
            for side, width in enumerate(widths)
        ]
        array = np.concatenate((parts[0], array, parts[1]), axis=axis)
    return array


@dispatched
def affine_pad(array: Any, pad_width: Any, mode: str, **options: Any) -> Any:
    """Call ``np.pad`` in a mode whose result is linear in the array, but for a constant."""
    return np.pad(array, pad_width, mode, **options)  # type: ignore[call-overload]


@linear("dualad.ops.patterns.affine_pad", "array", name="affine_pad", note="np.pad but for maximum, minimum and median")
def _affine_pad(array: Any, pad_width: Any, mode: str, **options: Any) -> Map:
    shape = shape_of(array)
    pairs = _pairs(pad_width, len(shape))
    if mode in ("constant", "empty"):
        inside = tuple(slice(before, before + n) for (before, _), n in zip(pairs, shape, strict=True))

        def apply(t: Any) -> Any:
            return np.pad(t, [(0, 0)] * lead(t, len(shape)) + pairs, "constant") if pairs else np.copy(t)

        return Map(apply, lambda g: g[(..., *inside)])
    if mode in _BY_INDEX and options.get("reflect_type", "even") == "even":
        index = np.ix_(*(np.pad(np.arange(n), pair, mode) for n, pair in zip(shape, pairs, strict=True)))  # type: ignore[call-overload]
        return Map(lambda t: gather(t, index, len(shape)), lambda g: scatter_add(g, index, shape))
    return _pad_by_matrix(shape, pairs, mode, options)


def _pad_by_matrix(shape: tuple[int, ...], pairs: list[tuple[int, int]], mode: str, options: dict[str, Any]) -> Map:
    """Return padding as one small matrix for each axis, which NumPy's own padding of the unit matrix gives."""
    kept = {"reflect_type": options["reflect_type"]} if mode in _BY_INDEX else {}
    lengths = _pairs(options.get("stat_length"), len(shape))
    matrices = []
    for place, (pair, length) in enumerate(zip(pairs, lengths, strict=True)):
        if any(pair):
            if mode == "mean":
                kept = {"stat_length": None if length[0] is None else (length, length)}
            matrix = np.pad(np.eye(shape[place]), (pair, (0, 0)), mode, **kept)  # type: ignore[call-overload]
            matrices.append((place - len(shape), matrix))

    def multiply(t: Any, turned: bool) -> Any:
        for axis, matrix in matrices:
            factor = (matrix if turned else matrix.T).astype(t.dtype)
            t = np.moveaxis(np.matmul(np.moveaxis(t, axis, -1), factor), -1, axis)
        return t

    return Map(lambda t: multiply(t, False), lambda g: multiply(g, True))
