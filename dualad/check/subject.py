"""What is checked: a function at a point, as a map of vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument, collect
from dualad.duck.kernels import DuckArray
from dualad.numeric.attempt import attempt
from dualad.numeric.points import Points

__all__ = ["Subject", "bare"]

_STEADY: Final = 1e3  # units in the last place by which two calls may differ: sums on several threads do


class Subject:
    """f at x: ``points`` evaluates it as a map of n to m numbers."""

    def __init__(self, f: Callable[..., Any], x: Any, args: Sequence[Any]) -> None:
        if not callable(f):
            raise TypeError(errors.no_function("check_grad", "f", f))
        self.f, self.args = f, tuple(args)
        self.x = as_argument(x, "check_grad")
        points, error = attempt(Points, _collected(f), self.x, self.args, False, True)
        if error is not None:
            if not isinstance(error, errors.DifferentiationError):
                error.add_note(errors.raised_at_point("check_grad"))
            raise error
        self.points: Points = points
        #: The rounding of the types of x and of f(x).
        self.eps = max(float(np.finfo(self.x.dtype).eps), self.points.eps)
        self.n, self.m = self.points.n, self.points.m
        self.shape, self.out = self.points.shape, self.points.out
        #: f(x) as a vector, for an x of the type that was given: differences are taken in double precision.
        self.value = self.points.middle
        if self.x.dtype != np.float64:
            self.value = np.ravel(np.asarray(collect(f(np.array(self.x)[()], *self.args)), dtype=float))
        again = self.points.at(self.points.x.reshape(1, -1))[0]
        #: Whether f returns the same numbers when it is called again, bit for bit, and but for rounding.
        self.repeats = bool(np.array_equal(again, self.points.middle, equal_nan=True))
        size = np.max(np.abs(again), where=np.isfinite(again), initial=0.0)
        self.steady = self.repeats or bool(
            np.allclose(again, self.points.middle, rtol=0.0, atol=_STEADY * self.eps * size, equal_nan=True)
        )
        self.name = getattr(f, "__name__", None) or type(f).__name__

    def coarsen(self, eps: float) -> None:
        """Take note that f computes in a type of this rounding."""
        self.eps, self.points.eps = max(self.eps, eps), max(self.points.eps, eps)

    @property
    def finite(self) -> bool:
        """Whether x and f(x) are finite: elsewhere there is nothing to take differences of."""
        return bool(np.all(np.isfinite(self.x)) and np.all(np.isfinite(self.value)))

    @property
    def steepness(self) -> Any:
        """What rounding of f(x) over the size of x makes of the slope of each result: it cancels in steep terms."""
        size = float(np.max(np.abs(self.x), where=np.isfinite(self.x), initial=0.0)) or 1.0
        return _STEADY * self.eps * np.abs(np.nan_to_num(self.value, posinf=0.0, neginf=0.0)) / size

    def alone(self, x: Any) -> Any:
        """Call f with x as its only argument."""
        return self.f(x, *self.args)

    def weighted(self, weights: Any) -> Callable[[Any], Any]:
        """Return the function that second derivatives are taken of: f, or a weighted sum of its results."""
        if self.m == 1:
            return lambda x: np.reshape(collect(self.alone(x)), ())
        return lambda x: np.sum(np.reshape(weights, self.out) * collect(self.alone(x)))

    def tangent(self, v: Any) -> Any:
        """Return a direction in the shape and type of x."""
        return np.asarray(v).reshape(self.shape).astype(self.x.dtype)

    def cotangent(self, u: Any) -> Any:
        """Return weights of the results in the shape of f(x)."""
        return np.asarray(u).reshape(self.out)

    def near(self, rng: np.random.Generator) -> Any:
        """Return x with every coordinate changed in its last bits: what that changes is rounding."""
        return (self.x * (1.0 + 2.0 * self.eps * rng.choice([-1.0, 1.0], self.shape))).astype(self.x.dtype)


def _collected(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *args: collect(f(x, *args)) if np.asarray(x).dtype.kind != "c" else np.asarray(f(x, *args))


def bare(y: Any) -> Any:
    """Return the plain numbers of a result."""
    while isinstance(y, DuckArray):
        y = y._primal()
    return np.asarray(y)
