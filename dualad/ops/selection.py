"""Choosing elements and assigning to them: indexing, take, choose, select, and the functions that write in place.

Indices, masks and conditions are plain; what is chosen carries the derivative. The functions that write in place are
defined by ``a[...] = ...`` on the array that they are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.ops.lanes import (
    axis_from_end,
    coords,
    flat,
    gather,
    lead,
    reshape,
    scatter_add,
    shape_of,
)
from dualad.ops.table import Map, composed, linear, unwritten

__all__: list[str] = []


# --- indexing ------------------------------------------------------------------------------------------------------


@linear("operator.getitem", "x", name="getitem", note="a view where the index has slices, integers, None and ... only")
def _getitem(x: Any, index: Any) -> Map:
    shape = shape_of(x)
    return Map(lambda t: gather(t, index, len(shape)), lambda g: scatter_add(g, index, shape))


@linear("dualad.ops.lanes.scatter_add", "g", name="scatter_add", note="the transpose of x[index]")
def _scatter_add(g: Any, index: Any, shape: Sequence[int]) -> Map:
    return Map(lambda t: scatter_add(t, index, shape), lambda h: gather(h, index, len(shape)))


@linear("numpy.take", "a")
def _take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Map:
    shape = shape_of(a)
    inner = shape if axis is not None else (math.prod(shape),)
    place = axis_from_end(axis, len(shape)) if axis is not None else -1
    size = inner[place]
    indices = np.asarray(indices)
    if mode != "raise" and size:
        indices = np.mod(indices, size) if mode == "wrap" else np.clip(indices, 0, size - 1)

    def apply(t: Any) -> Any:
        return np.take(t if axis is not None else flat(t, len(shape)), indices, axis=place)

    def transpose(g: Any) -> Any:
        lanes = lead(g, len(inner) - 1 + indices.ndim)
        # All indices on one axis, so that the index has one fancy entry whatever their shape.
        before = len(inner) + place
        sizes = shape_of(g)[lanes:]
        g = reshape(g, len(sizes), (*sizes[:before], indices.size, *sizes[before + indices.ndim :]))
        g = scatter_add(g, (*(slice(None),) * before, indices.ravel(), *(slice(None),) * (-place - 1)), inner)
        return reshape(g, len(inner), shape) if axis is None else g

    return Map(apply, transpose)


@linear("numpy.take_along_axis", "arr")
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Map:
    shape = shape_of(arr)
    inner = shape if axis is not None else (math.prod(shape),)
    index = coords(inner, axis_from_end(axis, len(shape)) if axis is not None else -1, indices)

    def apply(t: Any) -> Any:
        return gather(t if axis is not None else flat(t, len(shape)), index, len(inner))

    def transpose(g: Any) -> Any:
        found = scatter_add(g, index, inner)
        return found if axis is not None else reshape(found, 1, shape)

    return Map(apply, transpose)


# --- choosing by conditions ----------------------------------------------------------------------------------------


@composed("numpy.compress", "condition a")
def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return np.take(a, np.flatnonzero(condition), axis=axis)


@composed("numpy.extract", "condition arr")
def _extract(condition: Any, arr: Any) -> Any:
    return np.take(np.ravel(arr), np.flatnonzero(condition))


@composed("numpy.choose", "a choices")
def _choose(a: Any, choices: Any, *, mode: str = "raise") -> Any:
    parts = [choices[i] for i in range(len(choices))]
    which = np.asarray(a)
    if mode == "raise" and np.any((which < 0) | (which >= len(parts))):
        raise ValueError("invalid entry in choice array")
    which = np.mod(which, len(parts)) if mode == "wrap" else np.clip(which, 0, len(parts) - 1)
    shape = np.broadcast_shapes(which.shape, *(np.shape(part) for part in parts))
    stacked = np.stack([np.broadcast_to(part, shape) for part in parts])
    return np.take_along_axis(stacked, np.broadcast_to(which, shape)[np.newaxis], axis=0)[0]


@composed("numpy.select", "condlist choicelist default")
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    # A plain Python number takes the dtype of the others, even where it meets no other than plain numbers.
    dtype = np.result_type(*choicelist, default)
    choices = [dtype.type(choice) if type(choice) in (int, float) else choice for choice in (*choicelist, default)]
    result = choices[-1]
    for condition, choice in zip(condlist[::-1], choices[-2::-1], strict=True):
        result = np.where(condition, choice, result)
    return result


@composed("numpy.piecewise", "x")
def _piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    if np.isscalar(condlist) or (np.ndim(condlist[0]) == 0 and np.ndim(x) != 0):
        condlist = [condlist]
    conditions = list(np.asarray(condlist, dtype=bool))
    if len(conditions) == len(funclist) - 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    if np.ndim(x) == 0:
        whole = np.piecewise(np.reshape(x, (1,)), [np.reshape(c, (1,)) for c in conditions], funclist, *args, **kw)
        return np.reshape(whole, ())
    result = np.zeros_like(x)
    for condition, piece in zip(conditions, funclist, strict=True):
        if not isinstance(piece, Callable):  # type: ignore[arg-type]
            result[condition] = piece
        elif np.any(condition):
            result[condition] = piece(x[condition], *args, **kw)
    return result


@composed("numpy.trim_zeros", "filt")
def _trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    ndim = np.ndim(filt)
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    chosen = range(ndim) if axis is None else [one % ndim for one in (axis if isinstance(axis, Sequence) else (axis,))]
    if not chosen:
        return filt
    parts = [slice(None)] * ndim
    for place, where in enumerate(np.nonzero(filt)):
        if place in chosen:
            start, stop = (where.min(), where.max() + 1) if where.size else (0, 0)
            parts[place] = slice(
                start if "f" in trim or not where.size else None, stop if "b" in trim or not where.size else None
            )
    return filt[tuple(parts)]


# --- writing in place ----------------------------------------------------------------------------------------------


def _cycled(values: Any, count: int) -> Any:
    """Return values one after the other, from the start again when they end."""
    values = np.ravel(values)
    return values if np.size(values) == count else np.take(values, np.arange(count) % max(np.size(values), 1))


@composed("numpy.put", "a ind v")
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.ravel(np.asarray(ind))
    if np.size(v) == 0:
        return
    size = np.size(a)
    if mode != "raise":
        places = np.mod(places, size) if mode == "wrap" else np.clip(places, 0, size - 1)
    elif np.any((places < -size) | (places >= size)):
        raise IndexError(f"an index is out of bounds for an array with size {size}")
    a[np.unravel_index(places % size if size else places, np.shape(a))] = _cycled(v, places.size)


@composed("numpy.place", "arr mask vals")
def _place(arr: Any, mask: Any, vals: Any) -> None:
    chosen = np.reshape(np.asarray(mask, dtype=bool), np.shape(arr))
    count = int(np.count_nonzero(chosen))
    if count and np.size(vals) == 0:
        raise ValueError("Cannot insert from an empty array!")
    if count:
        arr[chosen] = _cycled(vals, count)


@composed("numpy.putmask", "a mask values")
def _putmask(a: Any, mask: Any, values: Any) -> None:
    chosen = np.reshape(np.asarray(mask, dtype=bool), np.shape(a))
    if np.size(values):
        a[chosen] = np.take(np.ravel(values), np.flatnonzero(chosen) % np.size(values))


@composed("numpy.put_along_axis", "arr indices values")
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    if axis is None:
        # Some versions of NumPy write into a copy here and change nothing; which, a trial on plain numbers tells.
        trial = np.zeros(1)
        np.put_along_axis(trial, np.zeros(1, dtype=int), 1.0, None)
        if trial[0]:
            arr[np.unravel_index(indices, np.shape(arr))] = values
    else:
        arr[coords(np.shape(arr), axis_from_end(axis, np.ndim(arr)), indices)] = values


@composed("numpy.copyto", "dst src")
def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if hasattr(src, "dtype") and not np.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule {casting!r}")
    if where is True:
        dst[...] = src
    else:
        chosen = np.broadcast_to(where, np.shape(dst))
        dst[chosen] = np.broadcast_to(src, np.shape(dst))[chosen]


@composed("numpy.fill_diagonal", "a val")
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    shape = shape_of(a)
    if len(shape) < 2:
        raise ValueError("array must be at least 2-d")
    if len(shape) == 2:
        step = shape[1] + 1
        end = math.prod(shape) if wrap else min(shape[1] * shape[1], math.prod(shape))
    else:
        if len(set(shape)) > 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + int(np.cumprod(shape[:-1]).sum()), math.prod(shape)
    places = np.arange(0, end, step)
    a[np.unravel_index(places, shape)] = _cycled(val, places.size)


for _name in ("unique", "unique_all", "unique_counts", "unique_inverse", "unique_values"):
    unwritten(
        f"numpy.{_name}",
        "the number of its results changes with the values, so that it has no derivative at ties",
        "use np.sort, or take the indices from np.unique(values, return_index=True) on plain values",
    )
