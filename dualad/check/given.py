"""Derivatives that the user wrote, by SciPy's conventions: jac, grad, hess, hessp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad.check.subject import Claim, CurveClaim, Subject

__all__ = ["WrongSize", "given_first", "given_second", "split"]


class WrongSize(ValueError):
    """A derivative has not the size that the function asks for; the message says which."""


def split(f: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return value and derivative of a function that returns both, as ``jac=True`` says."""
    return lambda x, *args: f(x, *args)[0], lambda x, *args: f(x, *args)[1]


def dense(matrix: Any, n: int) -> Any:
    """Return a matrix as an array: SciPy also takes sparse matrices and linear operators."""
    if hasattr(matrix, "toarray"):
        return matrix.toarray()
    if hasattr(matrix, "matmat") and not isinstance(matrix, np.ndarray):
        return matrix @ np.eye(n)
    return np.asarray(matrix, dtype=float)


def given_first(subject: Subject, name: str, jac: Callable[..., Any]) -> Claim:
    """Return the claim of a user's jac or grad."""
    m, n = subject.m, subject.n
    # A gradient has the shape of x, a Jacobian that of the result followed by that of x.
    wanted = {subject.out + subject.shape, (m, n), subject.shape if m == 1 else (m, n)}

    def matrix(x: Any) -> Any:
        found = dense(jac(np.array(x)[()], *subject.args), n)
        if found.shape not in wanted and not (
            found.size == m * n and _without_ones(found.shape) in map(_without_ones, wanted)
        ):
            raise WrongSize(f"{name} returned shape {found.shape}, not {subject.out + subject.shape}")
        return found.reshape(m, n)

    return Claim(name, matrix=matrix)


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def given_second(subject: Subject, name: str, function: Callable[..., Any]) -> CurveClaim:
    """Return the claim of a user's hess or hessp."""
    n = subject.n

    def whole(x: Any) -> Any:
        found = dense(function(np.array(x)[()], *subject.args), n)
        if found.size != n * n or found.shape not in (subject.shape * 2, (n, n)):
            raise WrongSize(f"{name} returned shape {found.shape}, not {subject.shape * 2}")
        return found.reshape(n, n)

    def product(x: Any, v: Any) -> Any:
        found = np.asarray(function(np.array(x)[()], subject.tangent(v), *subject.args), dtype=float)
        if found.size != n:
            raise WrongSize(f"{name} returned shape {found.shape}, not {subject.shape}")
        return np.ravel(found)

    if name == "hess":
        return CurveClaim(name, lambda x, d: d @ whole(x) @ np.transpose(d), whole)
    return CurveClaim(
        name,
        lambda x, d: np.stack([product(x, v) for v in d]) @ np.transpose(d),
        lambda x: np.stack([product(x, v) for v in np.eye(n)], axis=-1),
    )
