"""Arrays put together from parts and taken apart: concatenate and stack with their families, split, append, insert.

And functions of the user's that are applied slice by slice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.lanes import array_like, axis_from_end, filled, flat, reshape, shape_of
from dualad.ops.table import Map, composed, linear

__all__: list[str] = []


def _dtype_of(x: Any) -> Any:
    return getattr(x, "dtype", np.float64)


def _part(g: Any, axis: int, part: Any) -> Any:
    """Return a part of g along an axis counted from the end."""
    return g[(..., part) + (slice(None),) * (-axis - 1)]


# --- joining -------------------------------------------------------------------------------------------------------


@linear("numpy.concatenate", "*arrays")
def _concatenate(arrays: Sequence[Any], axis: int | None = 0, *, casting: str = "same_kind") -> Map:
    shapes = [shape_of(x) for x in arrays]
    dtypes = [_dtype_of(x) for x in arrays]
    place = -1 if axis is None else axis_from_end(axis, len(shapes[0]))

    def apply(*tangents: Any) -> Any:
        parts = filled(tangents, shapes, dtypes)
        if axis is None:
            parts = [flat(t, len(shape)) for t, shape in zip(parts, shapes, strict=True)]
        return np.concatenate(parts, axis=place)

    def transpose(g: Any) -> tuple[Any, ...]:
        sizes = [int(np.prod(shape)) if axis is None else shape[place] for shape in shapes]
        ends = np.cumsum(sizes)
        parts = [_part(g, place, slice(end - n, end)) for n, end in zip(sizes, ends.tolist(), strict=True)]
        return tuple(
            reshape(part, 1, shape) if axis is None else part for part, shape in zip(parts, shapes, strict=True)
        )

    return Map(apply, transpose)


@linear("numpy.stack", "*arrays")
def _stack(arrays: Sequence[Any], axis: int = 0, *, casting: str = "same_kind") -> Map:
    shapes = [shape_of(x) for x in arrays]
    dtypes = [_dtype_of(x) for x in arrays]
    place = axis_from_end(axis, len(shapes[0]) + 1)

    def apply(*tangents: Any) -> Any:
        return np.stack(filled(tangents, shapes, dtypes), axis=place)

    return Map(apply, lambda g: tuple(_part(g, place, i) for i in range(len(shapes))))


def _atleast(atleast: Any, arrays: Any) -> list[Any]:
    return [atleast(x) for x in arrays]


@composed("numpy.vstack", "*tup")
def _vstack(tup: Any, *, casting: Any = "same_kind") -> Any:
    return np.concatenate(_atleast(np.atleast_2d, tup), 0, casting=casting)


@composed("numpy.hstack", "*tup")
def _hstack(tup: Any, *, casting: Any = "same_kind") -> Any:
    parts = _atleast(np.atleast_1d, tup)
    return np.concatenate(parts, 0 if np.ndim(parts[0]) == 1 else 1, casting=casting)


@composed("numpy.dstack", "*tup")
def _dstack(tup: Any) -> Any:
    return np.concatenate(_atleast(np.atleast_3d, tup), 2)


@composed("numpy.column_stack", "*tup")
def _column_stack(tup: Any) -> Any:
    return np.concatenate([x if np.ndim(x) > 1 else np.reshape(x, (np.size(x), 1)) for x in tup], 1)


@composed("numpy.block", "*arrays")
def _block(arrays: Any) -> Any:
    def depth(part: Any) -> int:
        return 1 + max(map(depth, part)) if isinstance(part, list) else 0

    def leaf_ndim(part: Any) -> int:
        return max(map(leaf_ndim, part)) if isinstance(part, list) else np.ndim(part)

    deep = depth(arrays)
    ndim = max(deep, leaf_ndim(arrays))

    def join(part: Any, level: int) -> Any:
        if level:
            return np.concatenate([join(inner, level - 1) for inner in part], axis=-level)
        shape = shape_of(part)
        return np.reshape(part, (1,) * (ndim - len(shape)) + shape)

    return join(arrays, deep) if deep else np.copy(arrays)


# --- splitting -----------------------------------------------------------------------------------------------------


@composed("numpy.array_split", "ary")
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    place = axis_from_end(axis, np.ndim(ary))
    size = shape_of(ary)[place]
    if np.ndim(indices_or_sections):
        points = [0, *indices_or_sections, size]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extras = divmod(size, sections)
        points = [i * each + min(i, extras) for i in range(sections + 1)]
    return [_part(ary, place, slice(start, end)) for start, end in pairwise(points)]


@composed("numpy.split", "ary")
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if not np.ndim(indices_or_sections) and np.shape(ary)[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return np.array_split(ary, indices_or_sections, axis)


@composed("numpy.hsplit", "ary")
def _hsplit(ary: Any, indices_or_sections: Any) -> Any:
    if np.ndim(ary) == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return np.split(ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0)


@composed("numpy.vsplit", "ary")
def _vsplit(ary: Any, indices_or_sections: Any) -> Any:
    if np.ndim(ary) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return np.split(ary, indices_or_sections, 0)


@composed("numpy.dsplit", "ary")
def _dsplit(ary: Any, indices_or_sections: Any) -> Any:
    if np.ndim(ary) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return np.split(ary, indices_or_sections, 2)


@composed("numpy.unstack", "x")
def _unstack(x: Any, *, axis: int = 0) -> tuple[Any, ...]:
    if np.ndim(x) == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(np.moveaxis(x, axis, 0))


# --- putting in and leaving out ------------------------------------------------------------------------------------


def _opened(arr: Any, axis: int | None) -> tuple[Any, int]:
    """Return what ``np.insert`` and ``np.delete`` work on: the array, flattened if no axis is given, and the axis."""
    if axis is None:
        return (arr if np.ndim(arr) == 1 else np.ravel(arr)), -1
    return arr, axis_from_end(axis, np.ndim(arr))


@composed("numpy.append", "arr values")
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return np.concatenate((np.ravel(arr), np.ravel(values)))
    return np.concatenate((arr, values), axis=axis)


@composed("numpy.delete", "arr")
def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    arr, place = _opened(array_like(arr), axis)
    return np.take(arr, np.delete(np.arange(shape_of(arr)[place]), obj), axis=place)


@composed("numpy.insert", "arr obj values")
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    arr, place = _opened(array_like(arr), axis)
    values = array_like(values)
    if arr.dtype.kind != "f":
        raise errors.DerivativeLost(errors.lost_dtype("numpy.insert", arr.dtype))
    shape = shape_of(arr)
    size, ndim = shape[place], len(shape)
    where = np.arange(size)[obj] if isinstance(obj, slice) else np.asarray(obj)
    where = np.flatnonzero(where) if where.dtype == bool else where
    values = np.reshape(values, (1,) * (ndim - np.ndim(values)) + np.shape(values))
    if where.ndim == 0:
        values = np.moveaxis(values, 0, place)
    count = np.shape(values)[place] if where.size == 1 else where.size
    values = np.broadcast_to(values, (*shape[: ndim + place], count, *shape[ndim + place + 1 :]))
    if values.dtype != arr.dtype:
        values = values.astype(arr.dtype)
    # NumPy's own function on the numbers of the places says which element goes where.
    order = np.insert(np.arange(size), obj, np.arange(size, size + count))
    return np.take(np.concatenate((arr, values), axis=place), order, axis=place)


@composed("numpy.resize", "a")
def _resize(a: Any, new_shape: Any) -> Any:
    a = np.ravel(a)
    if np.size(a) == 0:
        return np.zeros_like(a, shape=new_shape)
    return np.take(a, np.resize(np.arange(np.size(a)), new_shape))


# --- a function of the user's at every slice -----------------------------------------------------------------------


@composed("numpy.apply_along_axis", "func1d axis arr")
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    ndim = np.ndim(arr)
    place = ndim + axis_from_end(axis, ndim)
    slices = np.moveaxis(arr, place, -1)
    outer = shape_of(slices)[:-1]
    if 0 in outer:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    found = [_row_of(func1d(slices[index], *args, **kwargs), arr) for index in np.ndindex(outer)]
    inner = np.ndim(found[0])
    whole = np.reshape(np.stack(found), outer + shape_of(found[0]))
    axes = range(ndim - 1 + inner)
    return np.transpose(whole, (*axes[:place], *axes[ndim - 1 :], *axes[place : ndim - 1]))


def _row_of(y: Any, like: Any) -> Any:
    """Return what a function returned as one array."""
    return np.asarray(y, like=like) if isinstance(y, (list, tuple)) else y


@composed("numpy.apply_over_axes", "func a axes")
def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    ndim = np.ndim(a)
    for axis in np.reshape(axes, (-1,)).tolist():
        place = ndim + axis_from_end(axis, ndim)
        found = func(a, place)
        a = np.expand_dims(found, place) if np.ndim(found) < ndim else found
        if np.ndim(a) != ndim:
            raise ValueError("function is not returning an array of the correct shape")
    return a
