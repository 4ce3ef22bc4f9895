"""What the rules of linear algebra share: conjugate transposes, triangles, solving with lanes, gaps of eigenvalues.

Matrices are the last two axes; lanes and batches come before them. A repeated eigenvalue or singular value is where the
vectors have no derivative: LAPACK's choice of them jumps. There the rules give NaN, and only there: not in the vectors
of other eigenvalues, and not where a zero tangent or cotangent shows that nothing was asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.contraction import arraylike, conj

__all__ = [
    "adjoint", "as_read", "as_read_transpose", "diagonal_of", "factors", "on_diagonal", "over_gaps", "over_values",
    "refuse", "solve_columns", "unequal",
]  # fmt: skip


def refuse(name: str, reason: str, instead: str = "") -> errors.NotWritten:
    """Return the error for a use of a function that has no rule."""
    return errors.NotWritten(errors.unwritten(name, reason, instead))


def adjoint(x: Any) -> Any:
    """Return the conjugate transpose."""
    return conj(np.swapaxes(x, -1, -2))


def diagonal_of(x: Any) -> Any:
    """Return the main diagonal of each matrix."""
    return np.diagonal(x, axis1=-2, axis2=-1)


def on_diagonal(d: Any) -> Any:
    """Return diagonal matrices."""
    return np.where(np.eye(d.shape[-1], dtype=bool), d[..., None, :], 0.0)


def solve_columns(a: Any, rhs: Any, lanes: int) -> Any:
    """Solve ``a x = rhs`` for a right-hand side with lanes, each matrix factorized once: lanes become columns."""
    if lanes == 0:
        return np.linalg.solve(a, rhs)
    first, last = tuple(range(lanes)), tuple(range(-lanes, 0))
    sizes, columns = rhs.shape[:lanes], rhs.shape[-1]
    wide = np.moveaxis(rhs, first, last).reshape(rhs.shape[lanes:-1] + (columns * math.prod(sizes),))
    x = np.linalg.solve(a, wide)
    return np.moveaxis(x.reshape(x.shape[:-1] + (columns,) + sizes), last, first)


def factors(factorize: Callable[..., Any], a: Any, *options: Any, **named: Any) -> tuple[Any, Any]:
    """Return the factors of matrices of which the function gave only numbers, and a factor for the derivative.

    It is 1, and NaN for a matrix with an entry that is not finite: from such a one LAPACK finds the numbers, but may
    fail or never end when it is asked for the vectors.
    """
    a = arraylike(a)
    finite = np.all(np.isfinite(a), axis=(-2, -1), keepdims=True)
    one = np.finfo(a.dtype).dtype.type(1)
    return factorize(np.where(finite, a, 0.0), *options, **named), np.where(finite, one, one * np.nan)


# --- functions that read one triangle of a Hermitian matrix -----------------------------------------------------------


def _strict(x: Any, upper: bool) -> Any:
    return np.triu(x, 1) if upper else np.tril(x, -1)


def as_read(a: Any, upper: bool) -> Any:
    """Return the Hermitian matrix that LAPACK sees when it reads one triangle: a linear map of ``a``."""
    strict = _strict(a, upper)
    return strict + adjoint(strict) + np.where(np.eye(a.shape[-1], dtype=bool), np.real(a), 0.0)


def as_read_transpose(g: Any, upper: bool) -> Any:
    """Return the transpose of :func:`as_read`: a cotangent in the triangle that was read."""
    return _strict(g + adjoint(g), upper) + np.where(np.eye(g.shape[-1], dtype=bool), np.real(g), 0.0)


# --- gaps -------------------------------------------------------------------------------------------------------------


def unequal(x: Any) -> Any:
    """Return, for each matrix, which columns have an entry other than zero beside the diagonal."""
    return np.any((x != 0) & ~np.eye(x.shape[-1], dtype=bool), axis=-2, keepdims=True)


def _steep(x: Any) -> Any:
    """Return zero for zero, with an infinite derivative: zero over zero was taken as zero, and the first may move."""
    return np.cbrt(x) if x.dtype.kind == "f" else np.zeros_like(x)


def over_gaps(x: Any, gaps: Any, asked: Any) -> Any:
    """Divide each entry by the gap of its pair of values; the diagonal becomes zero.

    ``asked`` (a row for each matrix) says in which columns a gap of zero gives NaN; x is zero in the others.
    """
    closed = gaps == 0
    answer = np.where(closed, 0.0, x / np.where(closed, 1.0, gaps))
    repeated = closed & ~np.eye(gaps.shape[-1], dtype=bool)
    return np.where(repeated, np.where(asked, np.nan, _steep(x)), answer) if np.any(repeated) else answer


def over_values(x: Any, s: Any) -> Any:
    """Divide columns by singular values; zero by zero is zero, anything else by zero is NaN."""
    row = s[..., None, :]
    zero = row == 0
    answer = x / np.where(zero, 1.0, row)
    return np.where(zero, np.where(x != 0, np.nan, _steep(x)), answer) if np.any(zero) else answer
