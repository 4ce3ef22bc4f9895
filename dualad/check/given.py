"""Derivatives that the user wrote, by SciPy's conventions: jac, grad, hess, hessp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.check.claims import CurveClaim, Whole
from dualad.check.subject import Subject

__all__ = ["given_first", "given_second", "split"]


def split(f: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return value and derivative of a function that returns both, as ``jac=True`` says."""

    def both(x: Any, *args: Any) -> Any:
        pair = f(x, *args)
        if not isinstance(pair, (tuple, list)) or len(pair) < 2:
            raise TypeError(errors.no_pair(pair))
        return pair

    def value(x: Any, *args: Any) -> Any:
        return both(x, *args)[0]

    value.__name__ = getattr(f, "__name__", type(f).__name__)
    return value, lambda x, *args: both(x, *args)[1]


def _dense(name: str, matrix: Any, n: int) -> Any:
    """Return a matrix as an array of floats: SciPy also takes sparse matrices and linear operators."""
    if hasattr(matrix, "toarray"):
        matrix = matrix.toarray()
    elif hasattr(matrix, "matmat") and not isinstance(matrix, np.ndarray):
        matrix = matrix @ np.eye(n)
    try:
        found = np.asarray(matrix)
        if found.dtype == object and None not in found:
            found = found.astype(float)
    except (TypeError, ValueError):
        raise TypeError(errors.no_numbers(name, matrix)) from None
    if found.dtype.kind not in "fiub":
        raise TypeError(errors.no_numbers(name, found if found.ndim and found.dtype.kind == "c" else matrix))
    return found if found.dtype.kind == "f" else found.astype(float)


def _eps(found: Any) -> float:
    return float(np.finfo(found.dtype).eps)


def given_first(subject: Subject, name: str, jac: Callable[..., Any]) -> Whole:
    """Return the claim of a user's jac or grad."""
    m, n = subject.m, subject.n
    # A gradient has the shape of x, a Jacobian that of the result followed by that of x.
    wanted = {subject.out + subject.shape, (m, n), subject.shape if m == 1 else (m, n)}

    def matrix(x: Any) -> Any:
        found = _dense(name, jac(np.array(x)[()], *subject.args), n)
        if found.shape not in wanted and not (
            found.size == m * n and _without_ones(found.shape) in map(_without_ones, wanted)
        ):
            raise errors.WrongShape(errors.wrong_derivative_shape(name, found.shape, subject.out + subject.shape))
        claim.eps = _eps(found)
        return found.reshape(m, n).astype(float)

    claim = Whole(name, m, n, matrix)
    return claim


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def given_second(subject: Subject, name: str, function: Callable[..., Any]) -> CurveClaim:
    """Return the claim of a user's hess or hessp."""
    n = subject.n

    def block(x: Any, d: Any) -> Any:
        found = _dense(name, function(np.array(x)[()], *subject.args), n)
        if found.size != n * n or found.shape not in (subject.shape * 2, (n, n)):
            raise errors.WrongShape(errors.wrong_derivative_shape(name, found.shape, subject.shape * 2))
        claim.eps = _eps(found)
        return d @ found.reshape(n, n).astype(float) @ np.transpose(d)

    def product(x: Any, v: Any) -> Any:
        found = _dense(name, function(np.array(x)[()], subject.tangent(v), *subject.args), n)
        if found.size != n:
            raise errors.WrongShape(errors.wrong_derivative_shape(name, found.shape, subject.shape))
        claim.eps = _eps(found)
        return np.ravel(found).astype(float)

    def products(x: Any, d: Any) -> Any:
        return np.stack([product(x, v) for v in d]) @ np.transpose(d)

    claim = CurveClaim(name, block if name == "hess" else products)
    return claim
