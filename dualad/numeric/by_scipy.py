"""Differences by SciPy's own routines: ``scipy.optimize.approx_fprime``, and ``scipy.differentiate`` of SciPy 1.15."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.numeric.extrapolation import Estimate
from dualad.numeric.points import Points, as_tuple

__all__ = ["differentiate", "one_sided"]


def one_sided(points: Points, step: float) -> tuple[Any, Any, Any]:
    """Return the Jacobian by ``scipy.optimize.approx_fprime`` with its estimated error and the steps.

    Twice the step says how far the limit may be.
    """
    from scipy.optimize import approx_fprime

    x = points.x.ravel()
    steps = step * np.maximum(1.0, np.abs(x))

    def flat(x: Any) -> Any:
        return points.at(x[np.newaxis])[0]

    near, far = (np.reshape(approx_fprime(x, flat, h), (points.m, points.n)) for h in (steps, 2.0 * steps))
    noise = 2.0 * np.finfo(float).eps * np.abs(points.middle)[:, np.newaxis] / steps
    return near, np.abs(far - near) + noise, np.broadcast_to(steps, near.shape)


def differentiate(name: str, f: Callable[..., Any], x: Any, args: Sequence[Any], vectorized: bool) -> Estimate:
    """Call ``scipy.differentiate.<name>``; f is called for each of the points that SciPy asks for."""
    try:
        module = importlib.import_module("scipy.differentiate")
    except ImportError:
        raise ValueError('method="scipy" needs SciPy 1.15 or newer; take method="richardson"') from None
    x, args = np.asarray(x, dtype=float), as_tuple(args)
    count = 0

    def counted(points: Any, *rest: Any) -> Any:
        nonlocal count
        if vectorized:
            count += points.size if name == "derivative" else points[0].size
            return f(points, *args)
        flat = points.reshape(points.shape[0], -1)
        count += flat.shape[1]
        values = np.stack([np.asarray(f(column, *args)) for column in flat.T], axis=-1)
        return values.reshape(values.shape[:-1] + points.shape[1:])

    if name != "derivative" and x.ndim != 1:
        raise ValueError(f"scipy.differentiate.{name} takes a point of one axis, not of shape {x.shape}")
    found = getattr(module, name)(counted, x)
    value = found.ddf if name == "hessian" else found.df
    return Estimate(value[()], found.error[()], np.full(np.shape(value), np.nan)[()], count)
