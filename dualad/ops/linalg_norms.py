"""Rows of norms of vectors and matrices, and the condition number.

A norm is the maximum of <s, x> over a set of s: its derivative is the s that attains it (the slope), and so one sum of
products serves as jvp and one product as vjp. At zero the slope is taken as zero, the least of those that attain it,
and where several attain it (ties in a maximum, repeated singular values) they share equally.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.ops.contraction import arraylike, conj, real_like
from dualad.ops.lanes import Axis, axes_from_end, unreduce
from dualad.ops.matrices import adjoint, factors
from dualad.ops.table import Rule, ruled

Slope = Callable[[Any, Any, tuple[int, ...]], Any]


def _shares(mask: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return equal weights for the true entries along ``axes``, in the precision of ``x``."""
    ones = mask * np.zeros((), x.dtype).real.dtype.type(1)
    return ones / np.sum(ones, axis=axes, keepdims=True)


def _signs(x: Any) -> Any:
    """Return x/|x|, and 0 for 0."""
    return np.sign(x)


def _over(x: Any, value: Any) -> Any:
    """Return x/value, and 0 where the value is 0."""
    zero = value == 0
    return np.where(zero, 0.0, x / np.where(zero, 1.0, value))


# --- slopes: functions of x, the value (with the reduced axes kept) and the reduced axes ------------------------------


def _slope_euclidean(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
    return _over(x, value)


def _slope_sum(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
    return _signs(x)


def _slope_extreme(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
    return _signs(x) * _shares(np.abs(x) == value, x, axes)


def _slope_count(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
    return np.zeros_like(x)


def _slope_power(order: float) -> Slope:
    def slope(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
        ratio = _over(np.abs(x), value)
        # Below order 1 each entry has an infinite slope at 0, on both sides: a minimum, where the slope is taken as 0.
        ratio = np.where(ratio == 0, 1.0, ratio) if order < 1 else ratio
        return np.where(value == 0, 0.0, _signs(x) * ratio ** (order - 1))

    return slope


def _vector_slope(order: Any) -> Slope:
    if order is None or order == 2:
        return _slope_euclidean
    if order in (np.inf, -np.inf):
        return _slope_extreme
    return {0: _slope_count, 1: _slope_sum}.get(order) or _slope_power(order)


def _slope_of_sums(summed: int, best: Callable[..., Any]) -> Slope:
    """Return the slope of the greatest or least sum of magnitudes along one of the two axes."""

    def slope(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
        sums = np.sum(np.abs(x), axis=axes[summed], keepdims=True)
        other = (axes[1 - summed],)
        return _signs(x) * _shares(sums == best(sums, axis=other, keepdims=True), x, other)

    return slope


def _slope_spectral(order: Any) -> Slope:
    def slope(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
        (u, s, vh), sound = factors(np.linalg.svd, np.moveaxis(x, axes, (-2, -1)), full_matrices=False)
        if order == "nuc":
            weights = (s != 0) * s.dtype.type(1)
        else:
            place = slice(0, 1) if order == 2 else slice(-1, None)
            winners = s == s[..., place]
            if np.all(np.sum(winners, axis=-1) == 1):
                # Only this pair of vectors is touched: the others may be repeated, and then have no derivative.
                u, s, vh, winners = u[..., place], s[..., place], vh[..., place, :], winners[..., place]
            weights = _shares(winners, s, (-1,)) * (s != 0)
        return np.moveaxis(np.matmul(u * weights[..., None, :], vh) * sound, (-2, -1), axes)

    return slope


def _matrix_slope(order: Any) -> Slope:
    if order in (None, "fro", "f"):
        return _slope_euclidean
    if order in (2, -2, "nuc"):
        return _slope_spectral(order)
    return _slope_of_sums(0 if abs(order) == 1 else 1, np.max if order > 0 else np.min)


# --- rows -------------------------------------------------------------------------------------------------------------


def _rule(axes: tuple[int, ...], keepdims: bool, slope: Slope) -> Rule:
    def at(value: Any, x: Any) -> Any:
        return slope(arraylike(x), unreduce(arraylike(value), axes, keepdims), axes)

    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        products = conj(arraylike(at(value, primals[0]))) * tangents[0]
        return real_like(np.sum(products, axis=axes, keepdims=keepdims), arraylike(value))

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        return (real_like(at(value, primals[0]) * unreduce(arraylike(g), axes, keepdims), arraylike(primals[0])),)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.norm", "x", note="At zero the derivative of every norm is taken as zero.")
def _norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Rule:
    axes = axes_from_end(axis, np.ndim(x))
    # Without axis and order NumPy takes all entries as one vector, whatever the shape.
    if (axis is None and ord is None) or len(axes) == 1:
        return _rule(axes, keepdims, _vector_slope(ord))
    return _rule(axes, keepdims, _matrix_slope(ord))


@ruled("numpy.linalg.vector_norm", "x", note="At zero the derivative of every norm is taken as zero.")
def _vector_norm(x: Any, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Rule:
    return _rule(axes_from_end(axis, np.ndim(x)), keepdims, _vector_slope(ord))


@ruled("numpy.linalg.matrix_norm", "x", note="At zero the derivative of every norm is taken as zero.")
def _matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Rule:
    return _rule((-2, -1), keepdims, _matrix_slope(ord))


def _slope_condition(order: Any) -> Slope:
    def ratio(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
        greatest, least = _slope_spectral(2)(x, value, axes), _slope_spectral(-2)(x, value, axes)
        s = np.linalg.svd(x, compute_uv=False)[..., None, None, :]
        if order == -2:
            return (least - value * greatest) / s[..., 0]
        return (greatest - value * least) / s[..., -1]

    def product(x: Any, value: Any, axes: tuple[int, ...]) -> Any:
        slope, inverse = _matrix_slope(order), np.linalg.inv(x)
        norms = [np.linalg.matrix_norm(y, ord=order, keepdims=True) for y in (x, inverse)]
        back = np.matmul(adjoint(inverse), np.matmul(slope(inverse, norms[1], axes), adjoint(inverse)))
        return slope(x, norms[0], axes) * norms[1] - norms[0] * back

    return ratio if order in (None, 2, -2) else product


@ruled("numpy.linalg.cond", "x")
def _cond(x: Any, p: Any = None) -> Rule:
    return _rule((-2, -1), False, _slope_condition(p))
