"""The methods of universal functions: reduce, accumulate, outer, at and reduceat.

The value is what NumPy's own method gives; the derivative follows from the same function applied step by step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray

__all__ = ["METHODS"]

Function = Callable[..., Any]

_REDUCTIONS: dict[np.ufunc, Function] = {
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
}  # fmt: skip
_SCANS: dict[np.ufunc, Function] = {np.add: np.cumsum, np.multiply: np.cumprod}


def reduce(ufunc: np.ufunc, x: Any, axis: Any = 0, *, keepdims: bool = False, **options: Any) -> Any:
    """``ufunc.reduce``: a row of the table where there is one, else one element after the other."""
    if ufunc in _REDUCTIONS:
        return _REDUCTIONS[ufunc](x, axis=axis, keepdims=keepdims, **options)
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()
    axes = sorted(a % x.ndim for a in axes)
    initial, where = options.get("initial", np._NoValue), options.get("where", True)
    rest = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    count = int(np.prod([x.shape[a] for a in axes], dtype=int))
    folded = np.reshape(np.moveaxis(x, axes, range(len(axes))), (count, *rest))
    mask = np.reshape(np.moveaxis(np.broadcast_to(where, x.shape), axes, range(len(axes))), (count, *rest))
    first = ufunc.identity if initial is np._NoValue and ufunc.identity is not None else initial
    if first is np._NoValue:
        result, start = folded[0], 1
    else:
        result, start = np.full_like(x, first, shape=rest), 0
    for i in range(start, count):
        step = ufunc(result, folded[i])
        result = step if mask[i].all() else np.where(mask[i], step, result)
    return np.expand_dims(result, axes) if keepdims else result


def accumulate(ufunc: np.ufunc, x: Any, axis: int = 0) -> Any:
    """``ufunc.accumulate``."""
    if ufunc in _SCANS:
        return _SCANS[ufunc](x, axis=axis)
    moved = np.moveaxis(x, axis, 0)
    result = np.zeros_like(moved)
    for i in range(len(moved)):
        result[i] = moved[i] if i == 0 else ufunc(result[i - 1], moved[i])
    return np.moveaxis(result, 0, axis)


def outer(ufunc: np.ufunc, a: Any, b: Any, **options: Any) -> Any:
    """``ufunc.outer``: every element of one with every element of the other."""
    return ufunc(np.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b, **options)


def reduceat(ufunc: np.ufunc, x: Any, indices: Any, axis: int = 0) -> Any:
    """``ufunc.reduceat``: the reductions of consecutive slices."""
    moved = np.moveaxis(x, axis, 0)
    starts = np.asarray(indices).tolist()
    ends = [*starts[1:], len(moved)]
    parts = [_segment(ufunc, moved[i:j]) if i + 1 < j else moved[i] for i, j in zip(starts, ends, strict=True)]
    return np.moveaxis(np.stack(parts), 0, axis)


def _segment(ufunc: np.ufunc, x: Any) -> Any:
    """Reduce the first axis. Here NumPy adds to the first element the sum of the others, by halves along the axis."""
    if ufunc is not np.add:
        return reduce(ufunc, x)
    return x[0] + np.sum(np.copy(np.moveaxis(x[1:], 0, -1), order="C"), axis=-1, initial=-0.0)


def at(ufunc: np.ufunc, x: Any, index: Any, *others: Any) -> None:
    """``ufunc.at``: in place, each occurrence of an index by itself."""
    if not isinstance(x, DuckArray):
        raise errors.DerivativeLost(errors.lost_out(f"{ufunc.__name__}.at"))
    places = np.arange(x.size).reshape(x.shape)[index]
    spread = [np.reshape(np.broadcast_to(other, places.shape), (-1,)) for other in others]
    for i, place in enumerate(np.reshape(places, (-1,)).tolist()):
        where = tuple(int(k) for k in np.unravel_index(place, x.shape))
        x[where] = ufunc(x[where], *(other[i] for other in spread))


METHODS: dict[str, Function] = {
    "reduce": reduce, "accumulate": accumulate, "outer": outer, "reduceat": reduceat, "at": at,
}  # fmt: skip
