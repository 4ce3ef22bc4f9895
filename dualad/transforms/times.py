"""Partial times tangent or cotangent, written on a tape as no more nodes than it takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray, scale
from dualad.duck.scale import scaled
from dualad.ops.lanes import shape_of

__all__ = ["constant_of", "plus", "times"]


def constant_of(x: Any) -> float | None:
    """Return the number that a constant is everywhere, None where there is no such number."""
    if isinstance(x, DuckArray):
        return None
    if isinstance(x, (int, float)):
        return float(x)
    if x.size == 0:
        return None
    first = x.item(0)
    # Of most constants all elements are one number in memory.
    return float(first) if not any(x.strides) or np.all(x == first) else None


def times(partial: Any, g: Any) -> Any:
    """Return ``partial * g``; constants are multiplied now, and the factors 0, 1 and -1 leave no node."""
    left, right = constant_of(partial), constant_of(g)
    if not isinstance(partial, DuckArray) and not isinstance(g, DuckArray):
        if left is None or right is None or not np.ndim(g) or getattr(partial, "dtype", g.dtype) != g.dtype:
            return scaled(partial, g)
        product = np.asarray(scaled(left, right), g.dtype)
        return np.broadcast_to(product, np.broadcast_shapes(shape_of(partial), g.shape))
    if right is not None:
        return _spread(_multiple(partial, right), g)
    if left is not None:
        return _multiple(g, left) if np.ndim(partial) == 0 or shape_of(partial) == shape_of(g) else partial * g
    for constant in (partial, g):
        # A constant that is neither zero nor infinite anywhere needs no care.
        if not isinstance(constant, DuckArray) and np.all(np.isfinite(constant) & (constant != 0)):
            return partial * g
    return scale(partial, g)


def _multiple(x: Any, factor: float) -> Any:
    if factor == 0.0:
        return np.zeros(shape_of(x), x.dtype) if np.ndim(x) else 0.0
    if x.dtype.kind != "f":
        return factor * x  # a condition is no number yet: two of them would be added by "or"
    return x if factor == 1.0 else -x if factor == -1.0 else factor * x


def _spread(x: Any, like: Any) -> Any:
    shape = np.broadcast_shapes(shape_of(x), shape_of(like))
    return x if shape_of(x) == shape else np.broadcast_to(x, shape)


def plus(left: Any, right: Any) -> Any:
    """Return ``left + right``, without a node where one is zero."""
    for one, other in ((left, right), (right, left)):
        if constant_of(one) == 0.0 and shape_of(one) == shape_of(other):
            return other
    return left + right
