"""Products of elements and running sums and products, right also where a factor is zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.ops.lanes import (
    Axis,
    axes_from_end,
    axis_from_end,
    flat,
    put_back,
    reshape,
    shape_of,
    swap_to_end,
    unreduce,
)
from dualad.ops.reductions import masked
from dualad.ops.table import Map, Rule, linear, ruled

__all__ = ["linear_scan", "others"]


def others(x: Any) -> Any:
    """Return, for each element along the last axis, the product of all others, without a division.

    Going down a tree of pairwise products: what is outside a pair, times the partner within the pair.
    """
    n = shape_of(x)[-1]
    if n <= 1:
        return np.ones_like(x)
    half = n // 2
    even, odd, last = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2], x[..., 2 * half :]
    outside = others(np.concatenate((even * odd, last), axis=-1) if n % 2 else even * odd)
    of_pairs = outside[..., :half]
    inner = np.stack((of_pairs * odd, of_pairs * even), axis=-1)
    inner = np.reshape(inner, (*shape_of(x)[:-1], 2 * half))
    return np.concatenate((inner, outside[..., half:]), axis=-1) if n % 2 else inner


def linear_scan(a: Any, b: Any) -> Any:
    """Solve ``s[i] = a[i] * s[i - 1] + b[i]`` along the last axis, from ``s[-1] = 0``, by doubling.

    ``b`` may have lanes. Each pass lets every place see twice as far back, so that log2(n) passes are enough.
    """
    n = shape_of(b)[-1]
    step = 1
    while step < n:
        b = np.concatenate((b[..., :step], b[..., step:] + a[..., step:] * b[..., :-step]), axis=-1)
        a = np.concatenate((a[..., :step], a[..., step:] * a[..., :-step]), axis=-1)
        step *= 2
    return b


@ruled("numpy.prod", "a")
def _prod(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True) -> Rule:
    shape = shape_of(a)
    axes = axes_from_end(axis, len(shape))

    def partials(x: Any) -> Any:
        if where is not True:
            x = np.where(where, x, x.dtype.type(1))
        rest = put_back(others(swap_to_end(x, axes)), axes, shape)
        return masked(rest if initial is None else rest * x.dtype.type(initial), where)

    def jvp(value: Any, primals: Any, tangents: Any) -> Any:
        return np.sum(partials(primals[0]) * tangents[0], axis=axes, keepdims=keepdims)

    def vjp(value: Any, primals: Any, g: Any) -> Any:
        return (unreduce(g, axes, keepdims) * partials(primals[0]),)

    return Rule(jvp, vjp)


# --- running sums --------------------------------------------------------------------------------------------------


def _along(shape: tuple[int, ...], axis: int | None) -> tuple[bool, int]:
    """Say whether an array is flattened first, and the axis (from the end) after that."""
    if axis is None or not shape:
        return True, -1
    return False, axis_from_end(axis, len(shape))


def _running_sum(shape: tuple[int, ...], axis: int | None, initial: bool) -> Map:
    flatten, place = _along(shape, axis)

    def apply(t: Any) -> Any:
        total = np.cumsum(flat(t, len(shape)) if flatten else t, axis=place)
        if initial:
            first = np.zeros_like(total, shape=_with(total, place, 1))
            total = np.concatenate((first, total), axis=place)
        return total

    def transpose(g: Any) -> Any:
        if initial:
            g = _cut(g, place, slice(1, None))
        total = np.flip(np.cumsum(np.flip(g, place), axis=place), place)
        return reshape(total, 1, shape) if flatten else total

    return Map(apply, transpose)


def _with(x: Any, place: int, n: int) -> tuple[int, ...]:
    """Return the shape of x with ``n`` in place of one size."""
    sizes = list(shape_of(x))
    sizes[place] = n
    return tuple(sizes)


def _cut(x: Any, place: int, part: slice) -> Any:
    """Return a part of x along one axis, counted from the end."""
    return x[(..., part) + (slice(None),) * (-place - 1)]


@linear("numpy.cumsum", "a")
def _cumsum(a: Any, axis: int | None = None) -> Map:
    return _running_sum(shape_of(a), axis, False)


@linear("numpy.cumulative_sum", "x")
def _cumulative_sum(x: Any, *, axis: int | None = None, include_initial: bool = False) -> Map:
    return _running_sum(shape_of(x), axis, include_initial)


# --- running products ----------------------------------------------------------------------------------------------


def _running_product(shape: tuple[int, ...], axis: int | None, initial: bool) -> Rule:
    flatten, place = _along(shape, axis)

    def last(t: Any) -> Any:
        """Bring the axis that is run along to the end."""
        return flat(t, len(shape)) if flatten else np.moveaxis(t, place, -1)

    def before(value: Any) -> Any:
        """Return the product of all elements before each."""
        value = np.moveaxis(value, place, -1)
        if initial:
            return value[..., :-1]
        return np.concatenate((np.ones_like(value[..., :1]), value[..., :-1]), axis=-1)

    def jvp(value: Any, primals: Any, tangents: Any) -> Any:
        # The product rule as a recurrence: y[i] = y[i-1] x[i].
        y_dot = linear_scan(last(primals[0]), before(value) * last(tangents[0]))
        if initial:
            y_dot = np.concatenate((np.zeros_like(y_dot, shape=_with(y_dot, -1, 1)), y_dot), axis=-1)
        return np.moveaxis(y_dot, -1, place)

    def vjp(value: Any, primals: Any, g: Any) -> Any:
        g = np.moveaxis(g, place, -1)
        if initial:
            g = g[..., 1:]
        x = last(primals[0])
        # The same recurrence from the end: what reaches y[i] is its own cotangent and x[i+1] times what reaches y[i+1].
        factors = np.concatenate((np.ones_like(x[..., :1]), np.flip(x[..., 1:], -1)), axis=-1)
        reach = np.flip(linear_scan(factors, np.flip(g, -1)), -1)
        x_bar = before(value) * reach
        return (reshape(x_bar, 1, shape) if flatten else np.moveaxis(x_bar, -1, place),)

    return Rule(jvp, vjp)


@ruled("numpy.cumprod", "a")
def _cumprod(a: Any, axis: int | None = None) -> Rule:
    return _running_product(shape_of(a), axis, False)


@ruled("numpy.cumulative_prod", "x")
def _cumulative_prod(x: Any, *, axis: int | None = None, include_initial: bool = False) -> Rule:
    return _running_product(shape_of(x), axis, include_initial)
