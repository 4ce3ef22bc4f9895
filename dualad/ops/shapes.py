"""Other shapes and orders of the same elements: views where NumPy gives views, so that assignment goes through.

Where the value is a copy for reasons of memory layout alone (``np.reshape`` of a transposed array), the tangent may be
a view all the same: an engine whose arrays can be assigned to must then copy it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.lanes import (
    Axis,
    array_like,
    axes_from_end,
    flat,
    grow,
    lane_shape,
    of_dtype,
    permute,
    reshape,
    shape_of,
    sum_to,
)
from dualad.ops.table import Map, composed, linear

__all__: list[str] = []


# --- reshape and ravel ---------------------------------------------------------------------------------------------


def _memory_order(a: Any, order: str) -> tuple[int, ...]:
    """Return the permutation of axes after which reading in C order is reading in ``order``."""
    ndim = np.ndim(a)
    straight = tuple(range(ndim))
    if order == "C" or ndim < 2:
        return straight
    if order == "F":
        return straight[::-1]
    if not hasattr(a, "strides"):
        raise errors.NotWritten(
            errors.unwritten(f"order={order!r}", "it reads elements as they lie in memory", "write order='C' or 'F'")
        )
    if order == "A" or a.flags.forc:
        return straight[::-1] if a.flags.fnc else straight
    return tuple(sorted(straight, key=lambda axis: -abs(a.strides[axis])))


def _inverse(axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


@linear("numpy.reshape", "a")
def _reshape(a: Any, shape: Any, order: str = "C", *, copy: bool | None = None) -> Map:
    old = shape_of(a)
    new = [shape.__index__()] if hasattr(shape, "__index__") and np.ndim(shape) == 0 else [n.__index__() for n in shape]
    if -1 in new:
        known = -math.prod(new)
        new[new.index(-1)] = math.prod(old) // known if known else 0
    there = _memory_order(a, order)
    if there == tuple(range(len(old))):
        there = ()  # in C order no axes are turned

    def turn(t: Any, start: Sequence[int], end: Sequence[int]) -> Any:
        if not there:
            return reshape(t, len(start), end)
        t = reshape(permute(t, range(len(start))[::-1]), len(start), end[::-1])
        return permute(t, range(len(end))[::-1])

    def apply(t: Any) -> Any:
        return np.copy(turn(t, old, new)) if copy else turn(t, old, new)

    return Map(apply, lambda g: turn(g, new, old))


@linear("numpy.ravel", "a")
def _ravel(a: Any, order: str = "C") -> Map:
    shape = shape_of(a)
    axes = _memory_order(a, order)

    def transpose(g: Any) -> Any:
        return permute(reshape(g, 1, [shape[axis] for axis in axes]), _inverse(axes))

    return Map(lambda t: flat(permute(t, axes), len(axes)), transpose)


# --- permutations of axes ------------------------------------------------------------------------------------------


def _permutation(name: str, operand: str) -> None:
    function: Callable[..., Any] = getattr(np, name)

    @linear(f"numpy.{name}", operand)
    def plan(a: Any, *args: Any, **kwargs: Any) -> Map:
        # An array of shape (0, 1, 2, ...) says by its new shape where each axis went.
        axes = function(np.empty(tuple(range(np.ndim(a)))), *args, **kwargs).shape
        back = _inverse(axes)
        return Map(lambda t: permute(t, axes), lambda g: permute(g, back))


for _name, _operand in (
    ("transpose", "a"), ("matrix_transpose", "x"), ("moveaxis", "a"), ("rollaxis", "a"), ("swapaxes", "a"),
):  # fmt: skip
    _permutation(_name, _operand)


# --- axes of size 1 ------------------------------------------------------------------------------------------------


def _regrouped(old: Sequence[int], new: Sequence[int]) -> Map:
    return Map(lambda t: reshape(t, len(old), new), lambda g: reshape(g, len(new), old))


@linear("numpy.squeeze", "a")
def _squeeze(a: Any, axis: Axis = None) -> Map:
    shape = shape_of(a)
    gone = (
        axes_from_end(axis, len(shape)) if axis is not None else [i - len(shape) for i, n in enumerate(shape) if n == 1]
    )
    return _regrouped(shape, [n for i, n in enumerate(shape) if i - len(shape) not in gone])


@linear("numpy.expand_dims", "a")
def _expand_dims(a: Any, axis: Any) -> Map:
    shape = shape_of(a)
    return _regrouped(shape, np.expand_dims(np.broadcast_to(0.0, shape), axis).shape)


@composed("numpy.atleast_1d", "*args")
def _atleast_1d(*args: Any) -> Any:
    return _each(args, lambda x: x if np.ndim(x) else np.reshape(x, (1,)))


@composed("numpy.atleast_2d", "*args")
def _atleast_2d(*args: Any) -> Any:
    return _each(args, lambda x: x if np.ndim(x) > 1 else np.reshape(x, (1, np.size(x))))


@composed("numpy.atleast_3d", "*args")
def _atleast_3d(*args: Any) -> Any:
    def three(x: Any) -> Any:
        shape = shape_of(x)
        return x if len(shape) > 2 else np.reshape(x, (*shape, 1) if len(shape) == 2 else (1, np.size(x), 1))

    return _each(args, three)


def _each(args: Sequence[Any], change: Callable[[Any], Any]) -> Any:
    changed = tuple(change(array_like(x)) for x in args)
    return changed[0] if len(changed) == 1 else changed


# --- broadcasting --------------------------------------------------------------------------------------------------


@linear("numpy.broadcast_to", "array")
def _broadcast_to(array: Any, shape: Any, subok: bool = False) -> Map:
    old = shape_of(array)
    new = tuple(shape) if isinstance(shape, Sequence) else (shape,)

    def apply(t: Any) -> Any:
        return np.broadcast_to(grow(t, len(old), len(new)), lane_shape(t, len(old)) + new)

    return Map(apply, lambda g: sum_to(g, len(new), old))


@composed("numpy.broadcast_arrays", "*args")
def _broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    shape = np.broadcast_shapes(*(np.shape(x) for x in args))
    return tuple(array_like(x) if np.shape(x) == shape else np.broadcast_to(x, shape) for x in args)


@composed("numpy.meshgrid", "*args")
def _meshgrid(*args: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    places = list(range(len(args)))
    if indexing == "xy" and len(args) > 1:
        places[:2] = [1, 0]
    sizes = [[1] * place + [np.size(x)] + [1] * (len(args) - place - 1) for x, place in zip(args, places, strict=True)]
    grids = tuple(np.reshape(x, size) for x, size in zip(args, sizes, strict=True))
    if not sparse:
        grids = np.broadcast_arrays(*grids)
    return tuple(np.copy(grid) for grid in grids) if copy else grids


# --- turning and rolling -------------------------------------------------------------------------------------------


def _flipped(axes: tuple[int, ...]) -> Map:
    return Map(lambda t: np.flip(t, axes), lambda g: np.flip(g, axes))


@linear("numpy.flip", "m")
def _flip(m: Any, axis: Axis = None) -> Map:
    return _flipped(axes_from_end(axis, np.ndim(m)))


@linear("numpy.flipud", "m")
def _flipud(m: Any) -> Map:
    return _flipped((-np.ndim(m),))


@linear("numpy.fliplr", "m")
def _fliplr(m: Any) -> Map:
    return _flipped((1 - np.ndim(m),))


@linear("numpy.rot90", "m")
def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Map:
    first, second = axes_from_end(tuple(axes), np.ndim(m))
    plane = (first, second)
    return Map(lambda t: np.rot90(t, k, plane), lambda g: np.rot90(g, -k, plane))


@linear("numpy.roll", "a")
def _roll(a: Any, shift: Any, axis: Axis = None) -> Map:
    shape = shape_of(a)
    places = None if axis is None else axes_from_end(axis, len(shape))

    def roll(t: Any, shift: Any) -> Any:
        if places is not None:
            return np.roll(t, shift, places)
        return reshape(np.roll(flat(t, len(shape)), shift, -1), 1, shape)

    return Map(lambda t: roll(t, shift), lambda g: roll(g, np.negative(shift)))


# --- copies and constants ------------------------------------------------------------------------------------------


@linear("numpy.copy", "a")
def _copy(a: Any, order: str = "K", subok: bool = False) -> Map:
    return Map(np.copy, lambda g: g)


def _constant(name: str, operand: str) -> None:
    @linear(f"numpy.{name}", operand, note="the result does not vary, and can take in what does")
    def plan(a: Any, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Map:
        old = shape_of(a)
        new = old if shape is None else tuple(shape) if isinstance(shape, Sequence) else (shape,)

        def apply(t: Any) -> Any:
            return np.zeros_like(t, shape=lane_shape(t, len(old)) + new)

        return Map(apply, lambda g: np.zeros_like(g, shape=lane_shape(g, len(new)) + old))


for _name, _operand in (("zeros_like", "a"), ("ones_like", "a"), ("empty_like", "prototype")):
    _constant(_name, _operand)


@composed("numpy.astype", "x")
def _astype(x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    return x.astype(dtype, copy=copy)


@composed("numpy.full_like", "a")
def _full_like(a: Any, fill_value: Any, **options: Any) -> Any:
    # An array that can take in derivatives, whether or not the number that fills it carries one.
    blank = np.zeros_like(a, **options)
    return of_dtype(np.where(True, np.broadcast_to(fill_value, np.shape(blank)), blank), blank.dtype)
