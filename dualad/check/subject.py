"""What is checked: a function at a point as a map of vectors, and the derivatives that are claimed for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad.drivers.arguments import as_argument, collect, lanes_of, seeded
from dualad.drivers.backward import grad, vjp
from dualad.drivers.first import jvp
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.numeric.points import Points

__all__ = ["Claim", "CurveClaim", "Subject", "bare", "ours", "ours_second"]


class Subject:
    """f at x: ``points`` evaluates it as a map of n to m numbers."""

    def __init__(self, f: Callable[..., Any], x: Any, args: Sequence[Any]) -> None:
        self.f, self.args = f, tuple(args)
        self.x = as_argument(x, "check_grad")
        self.points = Points(_collected(f), self.x, self.args, forgiving=True)
        #: The rounding of the types of x and of f(x).
        self.eps = max(float(np.finfo(self.x.dtype).eps), self.points.eps)
        self.n, self.m = self.points.n, self.points.m
        self.shape, self.out = self.points.shape, self.points.out
        #: f(x) as a vector, for an x of the type that was given: differences are taken in double precision.
        self.value = self.points.middle
        if self.x.dtype != np.float64:
            self.value = np.ravel(np.asarray(collect(f(np.array(self.x)[()], *self.args)), dtype=float))
        again = self.points.at(self.points.x.reshape(1, -1))[0]
        #: Whether f returns the same numbers when it is called again.
        self.repeats = bool(np.array_equal(again, self.points.middle, equal_nan=True))
        self.name = getattr(f, "__name__", None) or type(f).__name__

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


@dataclass(frozen=True)
class Claim:
    """A first derivative that somebody claims. One of the three is given.

    ``along(x, v)`` is its product with a direction, ``back(x, u)`` with weights of the results, ``matrix(x)`` the
    whole.
    """

    name: str
    along: Callable[[Any, Any], Any] | None = None
    back: Callable[[Any, Any], Any] | None = None
    matrix: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class CurveClaim:
    """A second derivative that somebody claims: ``block(x, D)`` is D H D' for rows of directions D."""

    name: str
    block: Callable[[Any, Any], Any]
    matrix: Callable[[Any], Any] | None = None


def bare(y: Any) -> Any:
    """Return the plain numbers of a result."""
    while isinstance(y, DuckArray):
        y = y._primal()
    return np.asarray(y)


def _sized(derivative: Any, size: int) -> Any:
    found = np.ravel(derivative)
    if found.size != size:
        raise ValueError(f"{found.size} numbers came back where f has {size}")
    return found


def ours(subject: Subject) -> list[Claim]:
    """Return what this package claims: forward by dual numbers, reverse over the tape."""

    def along(x: Any, v: Any) -> Any:
        return _sized(jvp(subject.alone, (x,), (subject.tangent(v),))[1], subject.m)

    def back(x: Any, u: Any) -> Any:
        y, pullback = vjp(lambda x: collect(subject.alone(x)), x)
        kind = np.asarray(y).dtype
        return _sized(pullback(subject.cotangent(u).astype(kind)[()])[0], subject.n)

    return [Claim("forward", along=along), Claim("reverse", back=back)]


def ours_second(subject: Subject, weights: Any) -> list[CurveClaim]:
    """Return the second derivatives that this package claims: hyper-dual numbers, and forward over reverse."""
    f = subject.weighted(weights)

    def hyperdual(x: Any, directions: Any) -> Any:
        k, level = len(directions), fresh_level()
        lanes = np.reshape(directions, (k, *subject.shape)).astype(x.dtype)
        zeros = np.zeros((k * k, *subject.shape), x.dtype)
        y = f(seeded(x, level, np.concatenate([lanes, lanes, zeros]), k, k))
        return lanes_of(y, level, 2 * k + k * k)[1][2 * k :].reshape(k, k)

    def over(x: Any, directions: Any) -> Any:
        rows = [np.ravel(jvp(grad(f), (x,), (subject.tangent(v),))[1]) for v in directions]
        return np.reshape(rows, (len(directions), subject.n)) @ np.transpose(directions)

    return [CurveClaim("hyper-dual", hyperdual), CurveClaim("forward over reverse", over)]
