"""Derivatives that somebody claims: this package, or the user."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dualad.check.subject import Subject
from dualad.drivers.arguments import collect, lanes_of, seeded
from dualad.drivers.backward import grad, vjp
from dualad.drivers.first import jvp
from dualad.duck.levels import fresh_level

__all__ = ["Claim", "CurveClaim", "Pulled", "Pushed", "Whole", "ours", "ours_second"]


@dataclass
class Claim(ABC):
    """A first derivative of a map of n to m numbers.

    ``eps`` is the rounding of the type in which it came last, where that is coarser than the type of x and f(x).
    """

    name: str
    m: int
    n: int
    call: Callable[..., Any]
    eps: float = 0.0
    #: Whether it is known for weighted sums of the results only.
    pulled: ClassVar[bool] = False

    @abstractmethod
    def along(self, x: Any, v: Any, weights: Any) -> Any:
        """Return what it says along each row of ``v``, shape (k, m); where it is pulled back, of weighted results."""

    @abstractmethod
    def entries(self, x: Any, rows: Any, columns: Any) -> Any:
        """Return some rows and columns of the Jacobian."""


class Whole(Claim):
    """``call(x)`` is the Jacobian."""

    def along(self, x: Any, v: Any, weights: Any) -> Any:
        """Return what it says along each row of ``v``."""
        return v @ self.call(x).T

    def entries(self, x: Any, rows: Any, columns: Any) -> Any:
        """Return some rows and columns of the Jacobian."""
        return self.call(x)[np.ix_(rows, columns)]


class Pushed(Claim):
    """``call(x, v)`` is the product of the Jacobian with a direction."""

    def along(self, x: Any, v: Any, weights: Any) -> Any:
        """Return what it says along each row of ``v``."""
        return np.reshape([self.call(x, row) for row in v], (len(v), self.m))

    def entries(self, x: Any, rows: Any, columns: Any) -> Any:
        """Return some rows and columns of the Jacobian."""
        return np.stack([self.call(x, np.eye(1, self.n, j)[0])[rows] for j in columns], axis=1)


class Pulled(Claim):
    """``call(x, u)`` is the product of the transposed Jacobian with weights of the results."""

    pulled = True

    def along(self, x: Any, v: Any, weights: Any) -> Any:
        """Return what it says along each row of ``v``, of weighted results."""
        return v @ np.reshape([self.call(x, u) for u in weights], (len(weights), self.n)).T

    def entries(self, x: Any, rows: Any, columns: Any) -> Any:
        """Return some rows and columns of the Jacobian."""
        return np.stack([self.call(x, np.eye(1, self.m, i)[0])[columns] for i in rows])


@dataclass
class CurveClaim:
    """A second derivative that somebody claims: ``block(x, D)`` is D H D' for rows of directions D."""

    name: str
    block: Callable[[Any, Any], Any]
    eps: float = 0.0


def _sized(derivative: Any, size: int) -> Any:
    found = np.ravel(derivative)
    if found.size != size:
        raise ValueError(f"{found.size} numbers came back where f has {size}")
    return found


def ours(subject: Subject) -> tuple[Pushed, Pulled]:
    """Return what this package claims: forward by dual numbers, reverse over the tape."""

    def along(x: Any, v: Any) -> Any:
        return _sized(jvp(subject.alone, (x,), (subject.tangent(v),))[1], subject.m)

    def back(x: Any, u: Any) -> Any:
        y, pullback = vjp(lambda x: collect(subject.alone(x)), x)
        kind = np.asarray(y).dtype
        return _sized(pullback(subject.cotangent(u).astype(kind)[()])[0], subject.n)

    m, n = subject.m, subject.n
    return Pushed("forward", m, n, along), Pulled("reverse", m, n, back)


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
