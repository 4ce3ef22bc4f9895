"""Rows of factorizations: cholesky, qr, eigh, eig, svd and their values alone.

Sources: M. B. Giles (2008) for eigenvalues and singular values; J. Townsend, "Differentiating the singular value
decomposition" (2016); M. Seeger, A. Hetzel, Z. Dai, N. D. Lawrence, "Auto-differentiating linear algebra" (2017);
I. Murray, "Differentiation of the Cholesky decomposition" (2016); S. F. Walter, L. Lehmann, "Algorithmic
differentiation of linear algebra functions with application in optimum experimental design" (2010), for qr.

Functions that read one triangle of their argument have derivatives in that triangle alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from dualad.ops.contraction import arraylike, conj
from dualad.ops.matrices import (
    adjoint,
    as_read,
    as_read_transpose,
    diagonal_of,
    factors,
    on_diagonal,
    over_gaps,
    over_values,
    refuse,
    solve_columns,
    unequal,
)
from dualad.ops.table import Rule, ruled

Values = Sequence[Any]


# --- cholesky ---------------------------------------------------------------------------------------------------------


def _half_lower(x: Any) -> Any:
    """Return the lower triangle with half of the (real) diagonal."""
    return np.tril(x, -1) + np.where(np.eye(x.shape[-1], dtype=bool), 0.5 * np.real(x), 0.0)


def _right_solved(x: Any, a: Any) -> Any:
    """Return ``x a^-1`` for an ``x`` with lanes."""
    return adjoint(solve_columns(adjoint(a), adjoint(x), x.ndim - a.ndim))


@ruled("numpy.linalg.cholesky", "a", note="NumPy reads one triangle; the derivative in the other one is zero.")
def _cholesky(a: Any, *, upper: bool = False) -> Rule:
    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        low = adjoint(value) if upper else value
        e = as_read(tangents[0], upper)
        inner = _right_solved(solve_columns(low, e, e.ndim - low.ndim), adjoint(low))
        answer = np.matmul(low, _half_lower(inner))
        return adjoint(answer) if upper else answer

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        low, g = (adjoint(value), adjoint(g)) if upper else (value, arraylike(g))
        inner = _half_lower(np.matmul(adjoint(low), g))
        outer = _right_solved(solve_columns(adjoint(low), inner, g.ndim - low.ndim), low)
        return (as_read_transpose(outer, upper),)

    return Rule(jvp, vjp)


# --- qr ---------------------------------------------------------------------------------------------------------------


@ruled("numpy.linalg.qr", "a", note="The leading square block of R must be invertible.")
def _qr(a: Any, mode: str = "reduced") -> Rule:
    rows, columns = np.shape(a)[-2:]
    if mode not in ("reduced", "complete", "r"):
        raise refuse("numpy.linalg.qr", f"the mode {mode!r} gives LAPACK's inner form", "use mode='reduced'")
    if mode == "complete" and rows > columns:
        raise refuse("numpy.linalg.qr", "the columns that complete Q are not determined by a", "use mode='reduced'")
    wide = columns > rows  # Then Q and the first block of R come from the first square block of the matrix alone.

    def skew(m: Any) -> Any:
        low = np.tril(m, -1)
        answer = low - adjoint(low)
        return answer + on_diagonal(1j * np.imag(diagonal_of(m))) if m.dtype.kind == "c" else answer

    def factors(value: Any, a: Any) -> tuple[Any, Any]:
        return (np.linalg.qr(a)[0], value) if mode == "r" else (value[0], value[1])

    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        (q, r), e = factors(value, arraylike(primals[0])), tangents[0]
        s = _right_solved(e[..., :rows] if wide else e, r[..., :rows] if wide else r)
        m = np.matmul(adjoint(q), s)
        turn = skew(m)
        q_dot = np.matmul(q, turn)
        if not wide:
            q_dot = q_dot + s - np.matmul(q, m)
        # R = Q* A for every column; with Q* Q_dot = turn this gives one formula for square, tall and wide.
        r_dot = np.matmul(adjoint(q), e) - np.matmul(turn, r)
        r_dot = np.triu(r_dot)
        return r_dot if mode == "r" else (q_dot, r_dot)

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        q, r = factors(value, arraylike(primals[0]))
        g_q, g_r = (None, g) if mode == "r" else g
        star = adjoint(q)
        g_r = None if g_r is None else np.triu(g_r)
        # <g_q, Q turn> + <g_r, Q* e - turn R>, and turn = skew(Q* s) with s = e R^-1.
        pull: Any = 0.0
        if g_q is not None:
            pull = np.matmul(star, g_q)
        if g_r is not None:
            pull = pull - np.matmul(g_r, adjoint(r))
        low = np.tril(pull - adjoint(pull), -1)
        if pull.dtype.kind == "c":
            low = low + on_diagonal(1j * np.imag(diagonal_of(pull)))
        s_bar = np.matmul(q, low)
        if g_q is not None and not wide:
            s_bar = s_bar + g_q - np.matmul(q, np.matmul(star, g_q))
        square = r[..., :rows] if wide else r
        a_bar = _right_solved(s_bar, adjoint(square))
        if wide:
            a_bar = np.concatenate((a_bar, np.zeros_like(a_bar, shape=(*a_bar.shape[:-1], columns - rows))), axis=-1)
        return (a_bar if g_r is None else a_bar + np.matmul(q, g_r),)

    return Rule(jvp, vjp)


# --- eigenvalues ------------------------------------------------------------------------------------------------------

_REPEATED = (
    "At a repeated value the vectors have no derivative: theirs becomes NaN where it is used. The values themselves "
    "are followed along LAPACK's vectors, so that sums over the repeated ones are right."
)


def _eigenvalue_gaps(w: Any) -> Any:
    return w[..., None, :] - w[..., :, None]


@ruled("numpy.linalg.eigh", "a", note=_REPEATED)
def _eigh(a: Any, UPLO: str = "L") -> Rule:
    upper = UPLO.upper() == "U"

    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        w, v = value
        m = np.matmul(adjoint(v), np.matmul(as_read(tangents[0], upper), v))
        return np.real(diagonal_of(m)), np.matmul(v, over_gaps(m, _eigenvalue_gaps(w), unequal(m)))

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        w, v = value
        g_w, g_v = g
        inner: Any = 0.0
        if g_w is not None:
            inner = on_diagonal(arraylike(g_w))
        if g_v is not None:
            m = np.matmul(adjoint(v), g_v)
            inner = inner + over_gaps(m, _eigenvalue_gaps(w), np.any(g_v != 0, axis=-2, keepdims=True))
        return (as_read_transpose(np.matmul(v, np.matmul(inner, adjoint(v))), upper),)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.eigvalsh", "a", note=_REPEATED)
def _eigvalsh(a: Any, UPLO: str = "L") -> Rule:
    upper = UPLO.upper() == "U"
    half: Literal["L", "U"] = "U" if upper else "L"

    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        (_, v), sound = factors(np.linalg.eigh, primals[0], half)
        return np.real(np.sum(conj(v) * np.matmul(as_read(tangents[0], upper), v), axis=-2)) * sound[..., 0]

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        (_, v), sound = factors(np.linalg.eigh, primals[0], half)
        return (as_read_transpose(np.matmul(v * arraylike(g)[..., None, :], adjoint(v)) * sound, upper),)

    return Rule(jvp, vjp)


def _check_real(name: str, w: Any, a: Any) -> None:
    if w.dtype.kind == "c" and arraylike(a).dtype.kind != "c":
        raise refuse(
            name,
            "this matrix has complex eigenvalues (since NumPy 2.5 those of any matrix come as complex numbers), and "
            "complex arrays carry no derivatives yet",
            "use np.linalg.eigh or np.linalg.eigvalsh where the matrix is symmetric",
        )


@ruled("numpy.linalg.eig", "a", note="Only where all eigenvalues are real. " + _REPEATED)
def _eig(a: Any) -> Rule:
    def along(v: Any, x: Any) -> Any:
        # LAPACK scales each vector to length 1, so that no change along itself is left.
        return x - v * np.real(np.sum(conj(v) * x, axis=-2, keepdims=True))

    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        w, v = value
        _check_real("numpy.linalg.eig", w, primals[0])
        moved = np.matmul(tangents[0], v)
        m = solve_columns(v, moved, moved.ndim - v.ndim)
        return diagonal_of(m), along(v, np.matmul(v, over_gaps(m, _eigenvalue_gaps(w), unequal(m))))

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        w, v = value
        _check_real("numpy.linalg.eig", w, primals[0])
        g_w, g_v = g
        inner: Any = 0.0
        if g_w is not None:
            inner = on_diagonal(arraylike(g_w))
        if g_v is not None:
            m = np.matmul(adjoint(v), along(v, g_v))
            inner = inner + over_gaps(m, conj(_eigenvalue_gaps(w)), np.any(g_v != 0, axis=-2, keepdims=True))
        right = np.matmul(inner, adjoint(v))
        return (solve_columns(adjoint(v), right, right.ndim - v.ndim),)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.eigvals", "a", note="Only where all eigenvalues are real. " + _REPEATED)
def _eigvals(a: Any) -> Rule:
    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        _check_real("numpy.linalg.eigvals", value, primals[0])
        v = np.linalg.eig(primals[0])[1]
        moved = np.matmul(tangents[0], v)
        return diagonal_of(solve_columns(v, moved, moved.ndim - v.ndim))

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        _check_real("numpy.linalg.eigvals", value, primals[0])
        v = np.linalg.eig(primals[0])[1]
        right = arraylike(g)[..., :, None] * adjoint(v)
        return (solve_columns(adjoint(v), right, right.ndim - v.ndim),)

    return Rule(jvp, vjp)


# --- singular values --------------------------------------------------------------------------------------------------


@ruled("numpy.linalg.svd", "a", note=_REPEATED + " A singular value of exactly zero has derivative 0, as abs has at 0.")
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Rule:
    rows, columns = np.shape(a)[-2:]
    if not compute_uv:
        return _singular_values(hermitian)
    if full_matrices and rows != columns:
        raise refuse(
            "numpy.linalg.svd",
            "the vectors that complete the basis of a matrix that is not square are not determined by it",
            "pass full_matrices=False",
        )

    def squares(s: Any) -> Any:
        return (s[..., None, :] - s[..., :, None]) * (s[..., None, :] + s[..., :, None])

    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        u, s, vh = value
        e = as_read(tangents[0], upper=False) if hermitian else tangents[0]
        right, left = np.matmul(e, adjoint(vh)), np.matmul(adjoint(e), u)
        m = np.matmul(adjoint(u), right)
        outside_u = right - np.matmul(u, m) if rows > columns else np.zeros_like(right)
        outside_v = left - np.matmul(adjoint(vh), adjoint(m)) if columns > rows else np.zeros_like(left)
        asked = unequal(m) | unequal(adjoint(m))
        asked = asked | np.any(outside_u != 0, axis=-2, keepdims=True) | np.any(outside_v != 0, axis=-2, keepdims=True)
        wide, high, gaps = m * s[..., None, :], m * s[..., :, None], squares(s)
        u_dot = np.matmul(u, over_gaps(wide + adjoint(wide), gaps, asked)) + over_values(outside_u, s)
        v_dot = np.matmul(adjoint(vh), over_gaps(high + adjoint(high), gaps, asked)) + over_values(outside_v, s)
        if m.dtype.kind == "c":
            # The phase of a pair of vectors is free; their relative phase is not, and goes into U.
            u_dot = u_dot + np.matmul(u, on_diagonal(1j * np.imag(diagonal_of(m)) / s))
        return u_dot, np.where(s == 0, 0.0, np.real(diagonal_of(m))), adjoint(v_dot)

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        u, s, vh = value
        g_u, g_s, g_vh = g
        v, gaps, row, column = adjoint(vh), squares(s), s[..., None, :], s[..., :, None]
        g_v = None if g_vh is None else adjoint(g_vh)
        used = [np.any(x != 0, axis=-2, keepdims=True) for x in (g_u, g_v) if x is not None]
        asked = used[0] | used[-1] if used else None
        inner: Any = 0.0
        if g_s is not None:
            inner = on_diagonal(np.where(s == 0, 0.0, g_s))
        rest: Any = 0.0
        if g_u is not None:
            k = np.matmul(adjoint(u), g_u)
            part = over_gaps(k, gaps, asked)
            inner = inner + (part + adjoint(part)) * row
            if k.dtype.kind == "c":
                inner = inner + on_diagonal(1j * np.imag(diagonal_of(k)) / s)
            if rows > columns:
                rest = rest + np.matmul(over_values(g_u - np.matmul(u, k), s), vh)
        if g_v is not None:
            k = np.matmul(vh, g_v)
            part = over_gaps(k, gaps, asked)
            inner = inner + column * (part + adjoint(part))
            if columns > rows:
                rest = rest + np.matmul(u, adjoint(over_values(g_v - np.matmul(v, k), s)))
        a_bar = np.matmul(u, np.matmul(inner, vh)) + rest
        return (as_read_transpose(a_bar, upper=False) if hermitian else a_bar,)

    return Rule(jvp, vjp)


def _singular_values(hermitian: bool) -> Rule:
    def jvp(value: Any, primals: Values, tangents: Values) -> Any:
        (u, s, vh), sound = factors(np.linalg.svd, primals[0], full_matrices=False, hermitian=hermitian)
        e = as_read(tangents[0], upper=False) if hermitian else tangents[0]
        return np.where(s == 0, 0.0, np.real(np.sum(conj(u) * np.matmul(e, adjoint(vh)), axis=-2))) * sound[..., 0]

    def vjp(value: Any, primals: Values, g: Any) -> Any:
        (u, s, vh), sound = factors(np.linalg.svd, primals[0], full_matrices=False, hermitian=hermitian)
        a_bar = np.matmul(u * np.where(s == 0, 0.0, g)[..., None, :], vh) * sound
        return (as_read_transpose(a_bar, upper=False) if hermitian else a_bar,)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.svdvals", "x", note="A singular value of exactly zero has derivative 0, as abs has at 0.")
def _svdvals(x: Any) -> Rule:
    return _singular_values(hermitian=False)
