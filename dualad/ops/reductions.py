"""Sums, means, moments and extremes along axes, with ``keepdims``, ``where`` and ``initial``.

In these rows a mask (``where``), an axis and ``initial`` are plain. ``initial`` is a constant beside the elements: it
adds nothing to the tangent of a sum and is one more competitor of a maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.ops.lanes import Axis, array_like, axes_from_end, axis_from_end, count, lane_shape, shape_of, unreduce
from dualad.ops.table import Map, Rule, composed, linear, ruled

__all__ = ["beside", "extreme", "items_of", "masked", "safe_sqrt"]


# --- sums and means ------------------------------------------------------------------------------------------------


def masked(g: Any, where: Any) -> Any:
    """Return ``g`` with zeros where the mask is false; the mask stands before the last axes."""
    return g if where is True else np.where(where, g, 0)


def items_of(shape: tuple[int, ...], axes: tuple[int, ...], where: Any, dtype: Any) -> Any:
    """Return how many elements go into each result, shaped to stand beside a cotangent with its axes put back."""
    if where is True:
        return count(shape, axes)
    # In the dtype of the data, because an array of integers would make float64 of float32.
    return np.sum(np.broadcast_to(where, shape), axis=axes, keepdims=True).astype(dtype)


@linear("numpy.sum", "a")
def _sum(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True) -> Map:
    shape = shape_of(a)
    axes = axes_from_end(axis, len(shape))

    def apply(t: Any) -> Any:
        return np.sum(t, axis=axes, keepdims=keepdims, where=where)

    def transpose(g: Any) -> Any:
        g = unreduce(g, axes, keepdims)
        return np.broadcast_to(masked(g, where), lane_shape(g, len(shape)) + shape)

    return Map(apply, transpose)


@linear("numpy.mean", "a")
def _mean(a: Any, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Map:
    shape = shape_of(a)
    axes = axes_from_end(axis, len(shape))
    # The mean of nothing is NaN, and moves with nothing.
    items = items_of(shape, axes, where, a.dtype)
    items = max(items, 1) if where is True else np.maximum(items, 1)

    def apply(t: Any) -> Any:
        total = np.sum(t, axis=axes, keepdims=True, where=where) / items
        return total if keepdims else np.squeeze(total, axis=axes)

    def transpose(g: Any) -> Any:
        g = unreduce(g, axes, keepdims) / items
        return np.broadcast_to(masked(g, where), lane_shape(g, len(shape)) + shape)

    return Map(apply, transpose)


@composed("numpy.average", "a", note="the weights may carry derivatives as well")
def _average(a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    a = array_like(a)
    shape = shape_of(a)
    if weights is None:
        average = np.mean(a, axis=axis, keepdims=keepdims)
        total: Any = np.result_type(average).type(a.size / max(np.size(average), 1))
    else:
        weights = beside(array_like(weights), shape, axis)
        dtype = np.result_type(a.dtype, weights.dtype)
        if weights.dtype != dtype:
            weights = weights.astype(dtype)
        total = np.sum(weights, axis=axis, keepdims=keepdims)
        if np.any(total == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        average = np.sum(a * weights, axis=axis, keepdims=keepdims) / total
    if not returned:
        return average
    if np.shape(total) != np.shape(average):
        total = np.copy(np.broadcast_to(total, np.shape(average)))
    return average, total


def beside(weights: Any, shape: tuple[int, ...], axis: Axis) -> Any:
    """Give weights the shape in which they multiply the data: weights may belong to the reduced axes only."""
    if np.shape(weights) == shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    given = axis if isinstance(axis, Sequence) else (axis,)
    places = [axis_from_end(one, len(shape)) + len(shape) for one in given]
    if np.shape(weights) != tuple(shape[place] for place in places):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    order = sorted(range(len(places)), key=places.__getitem__)
    return np.reshape(np.transpose(weights, order), [n if i in places else 1 for i, n in enumerate(shape)])


# --- moments -------------------------------------------------------------------------------------------------------


def safe_sqrt(x: Any) -> Any:
    """Return ``np.sqrt(x)`` with the derivative 0 where x is 0: there x has a minimum, as a variance has."""
    still = x == 0
    return np.sqrt(np.where(still, 1.0, x)) * (x != 0)


@composed("numpy.var", "a")
def _var(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    freedom = ddof if correction is None else correction
    rest = a - (np.mean(a, axis=axis, keepdims=True, where=where) if mean is None else mean)
    squares = rest * rest
    if freedom == 0:
        return np.mean(squares, axis=axis, keepdims=keepdims, where=where)
    total = np.sum(squares, axis=axis, keepdims=keepdims, where=where)
    shape = shape_of(a)
    items = items_of(shape, axes_from_end(axis, len(shape)), where, a.dtype)
    if where is True:
        return total / max(float(items - freedom), 0.0)
    return total / np.reshape(np.maximum(items - freedom, 0), np.shape(total))


@composed("numpy.std", "a")
def _std(a: Any, axis: Axis = None, **options: Any) -> Any:
    return safe_sqrt(np.var(a, axis=axis, **options))


# --- extremes ------------------------------------------------------------------------------------------------------


def extreme(a: Any, axis: Axis = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Rule:
    """Return the rule of a maximum or minimum: all elements that attain it have an equal share of it.

    Where the result is NaN, the elements that are NaN share it.
    """
    shape = shape_of(a)
    axes = axes_from_end(axis, len(shape))

    def shares(value: Any, x: Any) -> tuple[Any, Any]:
        value = unreduce(value, axes, keepdims)
        attain = ((x == value) | (np.isnan(x) & np.isnan(value))) & where
        one, none = x.dtype.type(1), x.dtype.type(0)
        winners = np.sum(np.where(attain, one, none), axis=axes, keepdims=True)
        if initial is not None:
            winners = winners + np.where(value == initial, one, none)
        return attain, np.maximum(winners, one)

    def jvp(value: Any, primals: Any, tangents: Any) -> Any:
        attain, winners = shares(value, primals[0])
        # Chosen, not multiplied: an infinite tangent of an element that does not attain the extreme stays out.
        total = np.sum(np.where(attain, tangents[0], 0), axis=axes, keepdims=True) / winners
        return total if keepdims else np.squeeze(total, axis=axes)

    def vjp(value: Any, primals: Any, g: Any) -> Any:
        attain, winners = shares(value, primals[0])
        return (np.where(attain, unreduce(g, axes, keepdims) / winners, 0),)

    return Rule(jvp, vjp)


for _name in ("max", "amax", "min", "amin"):
    ruled(f"numpy.{_name}", "a", note="elements that attain it together share its derivative equally")(extreme)


@composed("numpy.ptp", "a")
def _ptp(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)
