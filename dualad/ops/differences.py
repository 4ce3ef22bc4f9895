"""Differences between neighbours and what is made of them: diff, gradient, trapezoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.ops.lanes import array_like, axis_from_end, shape_of
from dualad.ops.table import composed

__all__: list[str] = []


def _along(axis: int, ndim: int, part: Any) -> tuple[Any, ...]:
    """Return the index that takes a part along one axis."""
    place = axis_from_end(axis, ndim) + ndim
    return (slice(None),) * place + (part,)


@composed("numpy.diff", "a prepend append")
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    if n == 0:
        return a
    if n < 0:
        raise ValueError("order must be non-negative but got " + repr(n))
    a = array_like(a)
    if np.ndim(a) == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    place = axis_from_end(axis, np.ndim(a))
    one = list(shape_of(a))
    one[place] = 1
    ends = [
        None if end is np._NoValue else end if np.ndim(end) else np.broadcast_to(end, one) for end in (prepend, append)
    ]
    parts = [part for part in (ends[0], a, ends[1]) if part is not None]
    if len(parts) > 1:
        a = np.concatenate(parts, axis)
    for _ in range(n):
        a = a[_along(axis, np.ndim(a), slice(1, None))] - a[_along(axis, np.ndim(a), slice(None, -1))]
    return a


@composed("numpy.ediff1d", "ary to_end to_begin")
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = np.ravel(ary)
    inner = ary[1:] - ary[:-1]
    parts = [inner if i == 1 else np.ravel(end) for i, end in enumerate((to_begin, inner, to_end)) if end is not None]
    if len(parts) == 1:
        return inner
    joined = np.concatenate(parts)
    return joined if joined.dtype == ary.dtype else joined.astype(ary.dtype)


@composed("numpy.trapezoid", "y x dx")
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = array_like(y)
    ndim = np.ndim(y)
    if x is not None and np.ndim(x) == 1:
        dx = np.diff(x)
        sizes = [1] * ndim
        sizes[axis] = np.size(dx)
        dx = np.reshape(dx, sizes)
    elif x is not None:
        dx = np.diff(x, axis=axis)
    pairs = y[_along(axis, ndim, slice(1, None))] + y[_along(axis, ndim, slice(None, -1))]
    return np.sum(dx * pairs / 2.0, axis=axis)


# --- gradient ------------------------------------------------------------------------------------------------------


@composed("numpy.gradient", "f *varargs")
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = array_like(f)
    if f.dtype.kind != "f":
        f = f.astype(np.float64)
    ndim = np.ndim(f)
    axes = range(-ndim, 0) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    places = [axis_from_end(one, ndim) for one in axes]
    if not varargs:
        spacings: list[Any] = [1.0] * len(places)
    elif len(varargs) == 1 and np.ndim(varargs[0]) == 0:
        spacings = list(varargs) * len(places)
    elif len(varargs) == len(places):
        spacings = [_spacing(x, shape_of(f)[place]) for x, place in zip(varargs, places, strict=True)]
    else:
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    slopes = [_slope(f, h, place, edge_order) for h, place in zip(spacings, places, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _spacing(x: Any, size: int) -> Any:
    """Return the differences of coordinates; one number where they are constants of even spacing."""
    x = array_like(x)
    if np.ndim(x) == 0:
        return x
    if np.ndim(x) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if np.size(x) != size:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    steps = np.diff(x if x.dtype.kind == "f" else x.astype(np.float64))
    return steps[0] if isinstance(x, np.ndarray) and (steps == steps[0]).all() else steps


def _slope(f: Any, h: Any, place: int, edge_order: int) -> Any:
    """Return the derivative along one axis, by the operations of NumPy in their order."""
    n, ndim = shape_of(f)[place], np.ndim(f)
    if n < edge_order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient")

    def at(start: int | None, stop: int | None) -> Any:
        return f[_along(place, ndim, slice(start, stop))]

    def steps(start: int | None, stop: int | None) -> Any:
        return np.reshape(h[start:stop], [-1 if i - ndim == place else 1 for i in range(ndim)]) if np.ndim(h) else h

    even = not np.ndim(h) or bool((h == h[0]).all())
    inner = _parabola((at(None, -2), at(1, -1), at(2, None)), steps(None, -1), steps(1, None), 1, even)
    if edge_order == 1:
        left = (at(1, 2) - at(0, 1)) / steps(0, 1)
        right = (at(-1, None) - at(-2, -1)) / steps(-1, None)
    else:
        left = _parabola((at(0, 1), at(1, 2), at(2, 3)), steps(0, 1), steps(1, 2), 0, even)
        right = _parabola((at(-3, -2), at(-2, -1), at(-1, None)), steps(-2, -1), steps(-1, None), 2, even)
    slope = np.concatenate((left, inner, right), axis=place)
    return slope if slope.dtype == f.dtype else slope.astype(f.dtype)


def _parabola(points: tuple[Any, Any, Any], d1: Any, d2: Any, which: int, even: bool) -> Any:
    """Return the slope, at one of three points, of the parabola through them; d1 and d2 are the distances between.

    NumPy has another formula where the distances are equal. If they carry derivatives, a term is added that is zero in
    value: the difference of the two formulas, which is a multiple of d2 - d1.
    """
    before, here, after = points
    if not even:
        a, b, c = (
            (-(2.0 * d1 + d2) / (d1 * (d1 + d2)), (d1 + d2) / (d1 * d2), -d1 / (d2 * (d1 + d2))),
            (-(d2) / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))),
            (d2 / (d1 * (d1 + d2)), -(d2 + d1) / (d1 * d2), (2.0 * d2 + d1) / (d2 * (d1 + d2))),
        )[which]
        return a * before + b * here + c * after
    if which == 1:
        slope = (after - before) / (2.0 * d1)
    else:
        a, b, c = (-1.5 / d1, 2.0 / d1, -0.5 / d1) if which == 0 else (0.5 / d1, -2.0 / d1, 1.5 / d1)
        slope = a * before + b * here + c * after
    if not np.ndim(d1):
        return slope
    a, b, c = (
        (d2, -2 * (d1 + d2), 2 * d1 + d2),
        (-d2, 2 * (d1 + d2), -(2 * d1 + d2)),
        (d2, 2 * (d1 + d2), -(2 * d1 + 3 * d2)),
    )[which]
    return slope + (d2 - d1) * ((a * before + b * here + c * after) / (2 * d1 * d2 * (d1 + d2)))
