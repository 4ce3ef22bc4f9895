"""Order statistics: sort, partition, median, quantile and percentile, with their variants that leave out NaN.

Each of them picks elements (or goes between two of them) in the order of the values, and so do its tangents. Where the
function looks is found by calling NumPy's own function on the numbers 0, 1, 2, ... of the places in that order.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.lanes import (
    Axis,
    array_like,
    axes_from_end,
    axis_from_end,
    coords,
    flat,
    gather,
    lane_shape,
    of_dtype,
    put_back,
    reshape,
    scatter_add,
    shape_of,
    swap_to_end,
)
from dualad.ops.reductions import beside
from dualad.ops.table import Rule, ruled

__all__: list[str] = []


# --- sort and partition --------------------------------------------------------------------------------------------


def _rearranged(shape: tuple[int, ...], axis: int | None, source: Callable[[Any, Any, int], Any]) -> Rule:
    """Return the rule of a function that puts the elements along an axis in another order.

    ``source(x, value, axis)`` says from which place along the axis each element of the result came.
    """
    inner = shape if axis is not None else (math.prod(shape),)
    place = axis_from_end(axis, len(shape)) if axis is not None else -1

    def index(value: Any, x: Any) -> Any:
        return coords(inner, place, source(x if axis is not None else np.ravel(x), value, place))

    def jvp(value: Any, primals: Any, tangents: Any) -> Any:
        t = tangents[0] if axis is not None else flat(tangents[0], len(shape))
        return gather(t, index(value, primals[0]), len(inner))

    def vjp(value: Any, primals: Any, g: Any) -> Any:
        found = scatter_add(g, index(value, primals[0]), inner)
        return (found if axis is not None else reshape(found, 1, shape),)

    return Rule(jvp, vjp)


@ruled("numpy.sort", "a", note="elements that tie keep their order")
def _sort(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Rule:
    return _rearranged(shape_of(a), axis, lambda x, value, place: np.argsort(x, axis=place, kind="stable"))


@ruled("numpy.partition", "a")
def _partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None) -> Rule:
    def source(x: Any, value: Any, place: int) -> Any:
        # The order that NumPy's partition left is only known from its values: the element of each rank went to the
        # place where the value of that rank stands.
        rank = np.argsort(np.argsort(value, axis=place, kind="stable"), axis=place)
        return np.take_along_axis(np.argsort(x, axis=place, kind="stable"), rank, axis=place)

    return _rearranged(shape_of(a), axis, source)


# --- medians and quantiles -----------------------------------------------------------------------------------------

# (a, b) of the estimators that go between two elements: they look at the place q (n + 1 - a - b) + a - 1 (Hyndman and
# Fan, 1996, The American Statistician 50(4)). The others pick elements, so that they do not vary with q.
_PLOTTING = {
    "linear": (1.0, 1.0), "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3), "normal_unbiased": (3 / 8, 3 / 8),
}  # fmt: skip


class _Quantile:
    """The rule of a quantile over some axes, which are brought to the end and made one of n elements.

    K quantiles (one, for a plain q) take the place of that axis: "columns" have the shape (lanes, rest, K).
    """

    def __init__(
        self,
        function: Callable[..., Any],
        a: Any,
        q: Any,
        axis: Axis,
        keepdims: bool,
        *,
        skip_nan: bool = False,
        method: str = "linear",
        weights: Any = None,
        unit: float = 1.0,
    ) -> None:
        self.shape = shape = shape_of(a)
        self.function, self.skip_nan, self.method, self.unit, self.has_q = (
            function,
            skip_nan,
            method,
            unit,
            q is not None,
        )
        self.axes = axes_from_end(axis, len(shape))
        self.rest = tuple(n for i, n in enumerate(shape) if i - len(shape) not in self.axes)
        self.size = math.prod(shape[i] for i in self.axes)
        self.q_shape = shape_of(q) if self.has_q else ()
        kept = tuple(1 if i - len(shape) in self.axes else n for i, n in enumerate(shape))
        self.result = self.q_shape + (kept if keepdims else self.rest)
        self.weights = None
        if skip_nan and len(self.q_shape) > 1:
            raise errors.NotWritten(
                errors.unwritten(
                    f"numpy.{function.__name__} with several axes of q",
                    "NumPy returns their axes in an order of its own",
                    "give q as a flat array and reshape the result",
                )
            )
        if weights is not None:
            self.weights = swap_to_end(np.broadcast_to(beside(array_like(weights), shape, axis), shape), self.axes)
        self.rule = Rule(self.jvp, self.vjp)

    # --- where it looks ---

    def _level(self, x: Any, order: Any, q: Any) -> Any:
        """Return where the quantiles lie among the places 0, 1, ..., n - 1, as columns (of 1 where all rests agree)."""
        labels: Any = np.arange(self.size, dtype=x.dtype)
        if self.skip_nan:
            missing = np.take_along_axis(np.isnan(x), order, axis=-1)  # NaN comes last in the order
            labels = np.where(missing, x.dtype.type(np.nan), labels)
        options: dict[str, Any] = {"method": self.method} if self.has_q else {}
        if self.weights is not None:
            options["weights"] = np.take_along_axis(self.weights, order, axis=-1)
            labels = np.broadcast_to(labels, shape_of(x))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the value has said it already: a slice of NaN only
            level = self.function(labels, *((q,) if self.has_q else ()), axis=-1, **options)
        rest = shape_of(level)[len(self.q_shape) :] or (1,) * len(self.rest)
        return np.moveaxis(np.reshape(level, (math.prod(self.q_shape), *rest)), 0, -1)

    def _places(self, x: Any, q: Any) -> tuple[Any, Any, Any]:
        """Return, as columns, the place before and the share of the way to the next; and the order of the values."""
        order = np.argsort(x, axis=-1, kind="stable")
        level = self._level(x, order, q)
        level = np.where(np.isnan(level), level.dtype.type(0), level)
        # The floor as a plain number: how many of 1, 2, ..., n - 1 are not above the level.
        low = np.searchsorted(np.arange(1, self.size), level, side="right")
        return order, low, level - low.astype(level.dtype)

    def _take(self, t: Any, order: Any, low: Any) -> Any:
        index = coords((*self.rest, self.size), -1, np.take_along_axis(order, low, axis=-1))
        return gather(t, index, len(self.rest) + 1)

    def _rate(self, x: Any, q: Any, order: Any, low: Any) -> Any:
        """Return the derivative in q, as columns: how far the next element is, times how fast the place moves."""
        if self.method not in _PLOTTING:
            return np.zeros_like(x, shape=(*self.rest, math.prod(self.q_shape)))
        a, b = _PLOTTING[self.method]
        n: Any = np.sum(~np.isnan(x), axis=-1, keepdims=True).astype(x.dtype) if self.skip_nan else self.size
        place = np.reshape(q, (-1,)) / self.unit * (n + 1 - a - b) + a - 1
        inside = (place >= 0) & (place < n - 1)
        gap = self._take(x, order, np.minimum(low + 1, self.size - 1)) - self._take(x, order, low)
        return np.where(inside, gap, 0) * ((n + 1 - a - b) / self.unit)

    # --- the rule ---

    def _columns(self, g: Any) -> Any:
        ndim = len(self.rest) + 1
        return np.moveaxis(reshape(g, len(self.result), (math.prod(self.q_shape), *self.rest)), -ndim, -1)

    def jvp(self, value: Any, primals: Any, tangents: Any) -> Any:
        x = swap_to_end(primals[0], self.axes)
        if not self.size:
            return np.zeros_like(x, shape=lane_shape(tangents[0], len(self.shape)) + self.result)
        q = primals[1] if self.has_q else None
        order, low, part = self._places(x, q)
        total: Any = 0.0
        if tangents[0] is not None:
            t = swap_to_end(tangents[0], self.axes)
            high = np.where(part == 0, low, np.minimum(low + 1, self.size - 1))
            total = (1 - part) * self._take(t, order, low) + part * self._take(t, order, high)
        if self.has_q and tangents[1] is not None:
            q_dot = reshape(tangents[1], len(self.q_shape), (1,) * len(self.rest) + (math.prod(self.q_shape),))
            total = total + self._rate(x, q, order, low) * q_dot
        ndim = len(self.rest) + 1
        return of_dtype(reshape(np.moveaxis(total, -1, -ndim), ndim, self.result), value.dtype)

    def vjp(self, value: Any, primals: Any, g: Any) -> Any:
        x = swap_to_end(primals[0], self.axes)
        lanes = lane_shape(g, len(self.result))
        if not self.size:
            return tuple(np.zeros_like(g, shape=lanes + np.shape(primal)) for primal in primals)
        q = primals[1] if self.has_q else None
        order, low, part = self._places(x, q)
        g = self._columns(g)
        high = np.where(part == 0, low, np.minimum(low + 1, self.size - 1))
        places = np.take_along_axis(order, np.concatenate((low, high), axis=-1), axis=-1)
        inner = (*self.rest, self.size)
        shares = np.concatenate((g * (1 - part), g * part), axis=-1)
        x_bar = put_back(scatter_add(shares, coords(inner, -1, places), inner), self.axes, self.shape)
        x_bar = of_dtype(x_bar, x.dtype)
        if not self.has_q:
            return (x_bar,)
        q_bar = np.sum(g * self._rate(x, q, order, low), axis=tuple(range(-1 - len(self.rest), -1)))
        return x_bar, of_dtype(np.reshape(q_bar, lanes + self.q_shape), np.result_type(q))


@ruled("numpy.median", "a")
def _median(a: Any, axis: Axis = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Rule:
    return _Quantile(np.median, a, None, axis, keepdims).rule


@ruled("numpy.nanmedian", "a")
def _nanmedian(a: Any, axis: Axis = None, *, overwrite_input: bool = False, keepdims: bool = False) -> Rule:
    return _Quantile(np.nanmedian, a, None, axis, keepdims, skip_nan=True).rule


def _quantile_row(name: str) -> None:
    function: Callable[..., Any] = getattr(np, name)
    unit = 100.0 if name.endswith("percentile") else 1.0

    @ruled(f"numpy.{name}", "a q", note="where q looks at an element, its derivative in q is the one to the right")
    def plan(
        a: Any,
        q: Any,
        axis: Axis = None,
        *,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        weights: Any = None,
    ) -> Rule:
        skip_nan = name.startswith("nan")
        return _Quantile(
            function, a, q, axis, keepdims, skip_nan=skip_nan, method=method, weights=weights, unit=unit
        ).rule


for _name in ("quantile", "percentile", "nanquantile", "nanpercentile"):
    _quantile_row(_name)
