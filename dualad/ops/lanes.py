"""Helpers for rules on whole arrays: leading lanes, axes counted from the end, gather and scatter.

A rule meets tangents and cotangents with any number of leading axes ("lanes") before the shape that it knows. Two
habits make a rule blind to them: it counts axes from the end, and it builds shapes as ``t.shape[:lanes] + shape``.
What is here does both, in plain NumPy that runs on anything reached by NumPy's protocols.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = [
    "Axis", "array_like", "axes_from_end", "axis_from_end", "coords", "count", "dispatched", "each_lane", "fancy_first",
    "filled", "flat", "gather", "grow", "index_ndim", "is_view", "lane_shape", "lead", "of_dtype", "permute",
    "put_back", "reshape", "scatter_add", "shape_of", "sum_to", "swap_to_end", "unreduce",
]  # fmt: skip

Axis = int | Sequence[int] | None


# --- counting ------------------------------------------------------------------------------------------------------


def lead(t: Any, ndim: int) -> int:
    """Return how many lane axes ``t`` has before its last ``ndim`` axes."""
    return int(np.ndim(t)) - ndim


def lane_shape(t: Any, ndim: int) -> tuple[int, ...]:
    """Return the sizes of the lane axes of ``t``."""
    return shape_of(t)[: np.ndim(t) - ndim]


def shape_of(x: Any) -> tuple[int, ...]:
    """Return the shape of anything, as a plain tuple."""
    found: tuple[int, ...] | None = getattr(x, "shape", None)
    return np.shape(x) if found is None else found


def array_like(x: Any) -> Any:
    """Return x itself where it is an array of any kind, and an ndarray for a number or a list."""
    return x if hasattr(x, "shape") else np.asarray(x)


def of_dtype(x: Any, dtype: Any) -> Any:
    """Return x in a floating-point dtype: itself where it has that already."""
    return x if x.dtype == dtype else x.astype(dtype)


def axis_from_end(axis: int, ndim: int) -> int:
    """Return ``axis`` counted from the end (-1 the last); an axis that does not exist is NumPy's own error."""
    place = axis.__index__()
    if not -ndim <= place < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return place - ndim if place >= 0 else place


def axes_from_end(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return a tuple of axes counted from the end; None means all of them."""
    if axis is None:
        return tuple(range(-ndim, 0))
    if isinstance(axis, Sequence):
        return tuple(axis_from_end(one, ndim) for one in axis)
    return (axis_from_end(axis, ndim),)


def count(shape: Sequence[int], axes: Sequence[int]) -> int:
    """Return how many elements the given axes of a shape hold together."""
    return math.prod(shape[axis] for axis in axes)


# --- shapes --------------------------------------------------------------------------------------------------------


def reshape(t: Any, ndim: int, shape: Sequence[int]) -> Any:
    """Give the last ``ndim`` axes of ``t`` another shape (in C order), lanes kept; a view where that is possible."""
    return np.reshape(t, lane_shape(t, ndim) + tuple(shape))


def flat(t: Any, ndim: int) -> Any:
    """Make one axis of the last ``ndim`` axes, lanes kept."""
    shape = shape_of(t)
    return np.reshape(t, shape[: len(shape) - ndim] + (math.prod(shape[len(shape) - ndim :]),))


def grow(t: Any, ndim: int, to: int) -> Any:
    """Put axes of size 1 between the lanes of ``t`` and its last ``ndim`` axes, so that these become ``to`` axes.

    The result broadcasts, lanes against lanes, with an array of ``to`` axes.
    """
    return t if to <= ndim else reshape(t, ndim, (1,) * (to - ndim) + shape_of(t)[np.ndim(t) - ndim :])


def permute(t: Any, axes: Sequence[int]) -> Any:
    """Transpose the last ``len(axes)`` axes by a permutation counted from 0, lanes kept."""
    lanes = lead(t, len(axes))
    return np.transpose(t, (*range(lanes), *(lanes + axis for axis in axes)))


def swap_to_end(x: Any, axes: Sequence[int]) -> Any:
    """Move ``axes`` (counted from the end) to the end of ``x`` in their order, and make one axis of them."""
    return flat(np.moveaxis(x, tuple(axes), tuple(range(-len(axes), 0))), len(axes))


def put_back(y: Any, axes: Sequence[int], shape: Sequence[int]) -> Any:
    """Undo :func:`swap_to_end` for an array whose last axes had ``shape``."""
    opened = reshape(y, 1, [shape[axis] for axis in axes])
    return np.moveaxis(opened, tuple(range(-len(axes), 0)), tuple(axes))


def unreduce(g: Any, axes: Sequence[int], keepdims: bool = False) -> Any:
    """Give back to ``g`` the reduced axes (from the end), with size 1, where a reduction did not keep them."""
    return g if keepdims or not axes else np.expand_dims(g, tuple(axes))


def sum_to(g: Any, ndim: int, shape: Sequence[int]) -> Any:
    """Sum what broadcasting an array of ``shape`` to the last ``ndim`` axes of ``g`` has repeated: its transpose."""
    own = shape_of(g)
    lanes = len(own) - ndim
    target = tuple(shape)
    wide = (1,) * (ndim - len(target)) + target
    axes = tuple(lanes + i for i, (n, m) in enumerate(zip(own[lanes:], wide, strict=True)) if m == 1 and n != 1)
    if axes:
        g = np.sum(g, axis=axes, keepdims=True)
    return np.reshape(g, own[:lanes] + target) if len(target) != ndim else g


# --- making --------------------------------------------------------------------------------------------------------


def filled(parts: Sequence[Any], shapes: Sequence[tuple[int, ...]], dtypes: Sequence[Any]) -> list[Any]:
    """Put zeros where a tangent or cotangent is None, and give all of them the same lanes."""
    known = [(part, len(shape)) for part, shape in zip(parts, shapes, strict=True) if part is not None]
    lanes = max((lane_shape(part, ndim) for part, ndim in known), key=len, default=())
    made: list[Any] = []
    for part, shape, dtype in zip(parts, shapes, dtypes, strict=True):
        if part is None:
            part = np.zeros(lanes + shape, dtype=dtype)
        elif lead(part, len(shape)) < len(lanes):
            part = np.broadcast_to(part, lanes + shape)
        made.append(part)
    return made


def each_lane(function: Callable[..., Any], ndims: Sequence[int], *parts: Any) -> Any:
    """Call ``function`` once a lane and stack what it returns: for functions that know nothing of lanes.

    ``ndims[i]`` is the number of axes of ``parts[i]`` without its lanes; all parts have the same lanes.
    """
    lanes = lane_shape(parts[0], ndims[0])
    if not lanes:
        return function(*parts)
    own = [shape_of(part)[len(lanes) :] for part in parts]
    if math.prod(lanes) == 0:
        # The shape and dtype of a result are still needed; they come from one call on zeros.
        one = function(*(np.zeros_like(part, shape=shape) for part, shape in zip(parts, own, strict=True)))
        return np.zeros_like(one, shape=lanes + shape_of(one))
    rows = [np.reshape(part, (math.prod(lanes), *shape)) for part, shape in zip(parts, own, strict=True)]
    results = np.stack([function(*(row[i] for row in rows)) for i in range(math.prod(lanes))])
    return np.reshape(results, lanes + shape_of(results)[1:])


# --- functions of our own that dispatch ----------------------------------------------------------------------------


def dispatched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of ours be reached by ``__array_function__`` of its positional arguments, as NumPy's own are.

    It can then have a row of the table like any public function.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if hasattr(type(x), "__array_function__") and not isinstance(x, np.ndarray):
                return x.__array_function__(call, (type(x),), args, kwargs)
        return function(*args, **kwargs)

    return call


# --- indexing ------------------------------------------------------------------------------------------------------


def _entries(index: Any) -> tuple[Any, ...]:
    """Return the entries of an index, lists made arrays."""
    entries = index if isinstance(index, tuple) else (index,)
    return tuple(np.asarray(entry) if isinstance(entry, (list, tuple)) else entry for entry in entries)


def _is_advanced(entry: Any) -> bool:
    """Say whether an entry of an index is a "fancy" one: an array that is no single integer, or a boolean."""
    if entry is None or entry is Ellipsis or isinstance(entry, (slice, int)):
        return isinstance(entry, bool)
    return np.ndim(entry) > 0 or getattr(entry, "dtype", None) == np.bool_


def is_view(index: Any) -> bool:
    """Say whether indexing gives a view: only slices, integers, None and Ellipsis."""
    # An array of no axes is an integer for NumPy, but it gives a copy.
    return not any(_is_advanced(entry) or isinstance(entry, np.ndarray) for entry in _entries(index))


def fancy_first(entries: tuple[Any, ...]) -> bool:
    """Say whether NumPy puts the axes of the fancy entries before all others: they are not next to each other."""
    if not any(_is_advanced(entry) for entry in entries):
        return False
    # Beside a fancy entry integers count as fancy too; slices, None and Ellipsis (even of no axes) lie between.
    fancy = [i for i, e in enumerate(entries) if not (e is None or e is Ellipsis or isinstance(e, slice))]
    return fancy[-1] - fancy[0] >= len(fancy)


def _fancy_ndim(entries: tuple[Any, ...]) -> int:
    """Return the number of axes that the fancy entries of an index give together."""
    arrays = [e for e in entries if _is_advanced(e)]
    return max(1 if getattr(e, "dtype", None) == np.bool_ or isinstance(e, bool) else np.ndim(e) for e in arrays)


def index_ndim(index: Any, ndim: int) -> int:
    """Return the number of axes of ``x[index]`` for an ``x`` of ``ndim`` axes."""
    entries = _entries(index)
    fancy = any(_is_advanced(entry) for entry in entries)
    used = kept = 0
    for entry in entries:
        if entry is None:
            kept += 1
        elif isinstance(entry, slice):
            used, kept = used + 1, kept + 1
        elif isinstance(entry, (bool, np.bool_)) or getattr(entry, "dtype", None) == np.bool_:
            used += np.ndim(entry)
        elif entry is not Ellipsis:
            used += 1
    return ndim - used + kept + (_fancy_ndim(entries) if fancy else 0)


def gather(t: Any, index: Any, ndim: int) -> Any:
    """Return ``t[index]`` in each lane, where the index is meant for the last ``ndim`` axes.

    An index of slices, integers, None and Ellipsis gives a view, of no axes where it picks one element.
    """
    entries = _entries(index)
    lanes = lead(t, ndim)
    if not any(entry is Ellipsis for entry in entries) and not any(_is_advanced(entry) for entry in entries):
        entries = (*entries, Ellipsis)
    found = t[(slice(None),) * lanes + entries]
    if lanes and fancy_first(entries):
        fancy = _fancy_ndim(entries)
        found = np.moveaxis(found, range(fancy, fancy + lanes), range(lanes))
    return found


@dispatched
def scatter_add(g: Any, index: Any, shape: Sequence[int]) -> Any:
    """Return zeros of ``shape`` with ``g`` added at ``index``, in each lane: the transpose of ``x[index]``.

    An element that the index names twice receives both.
    """
    entries = _entries(index)
    shape = tuple(shape)
    inner = index_ndim(entries, len(shape))
    lanes = lane_shape(g, inner)
    result: Any = np.zeros(lanes + shape, dtype=g.dtype)
    fancy = [entry for entry in entries if _is_advanced(entry)]
    if is_view(entries):
        gather(result, entries, len(shape))[...] = g
        return result
    labels = np.arange(math.prod(shape)).reshape(shape)[entries].ravel()
    rows = result.reshape((math.prod(lanes), math.prod(shape)))
    parts = np.reshape(g, (math.prod(lanes), labels.size))
    if all(getattr(entry, "dtype", None) == np.bool_ for entry in fancy):
        rows[:, labels] = parts  # a mask names nothing twice
    else:
        for row, part in zip(rows, parts, strict=True):
            np.add.at(row, labels, part)
    return result


def coords(shape: Sequence[int], axis: int, indices: Any) -> tuple[Any, ...]:
    """Return an index that picks ``indices`` along one axis (from the end) and every place of the others.

    ``indices`` is an integer array with as many axes as ``shape``, as ``np.take_along_axis`` takes it.
    """
    ndim = len(shape)
    grid: list[Any] = []
    for place in range(ndim):
        if place == ndim + axis:
            grid.append(indices)
        else:
            grid.append(np.arange(shape[place]).reshape((1,) * place + (-1,) + (1,) * (ndim - place - 1)))
    return tuple(grid)
