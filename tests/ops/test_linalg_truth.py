"""The rules of linear algebra against truths that know nothing of them.

Most functions are computed again by mpmath with 60 digits, on both sides of the point; the central difference with a
step of 1e-20 is then right to double precision. Complex rules are held against the equations that define the factors.
Kinks, singular and repeated values are checked one by one: what is finite must be right, and the rest must not look
right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import dualad
from dualad.errors import NotWritten
from dualad.ops.table import TABLE, Bilinear, Rule, Ruled

RTOL = 1e-10


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


# --- asking the table -------------------------------------------------------------------------------------------------


def rule_of(name: str, *args: Any, **kwargs: Any) -> tuple[Any, Rule]:
    """Return the value of a call and its rules."""
    row = TABLE.named(name)
    assert isinstance(row, Ruled)
    return row.function(*args, **kwargs), row.plan(*args, **kwargs)


def jvp(name: str, primals: Sequence[Any], tangents: Sequence[Any], **kwargs: Any) -> Any:
    value, rule = rule_of(name, *primals, **kwargs)
    return rule.jvp(value, primals, tangents)


def vjp(name: str, primals: Sequence[Any], g: Any, **kwargs: Any) -> Any:
    value, rule = rule_of(name, *primals, **kwargs)
    return rule.vjp(value, primals, g)


# --- asking mpmath ----------------------------------------------------------------------------------------------------


def matrix(x: Any) -> Any:
    return mp.matrix(np.asarray(x, dtype=float).tolist())


def numbers(x: Any) -> Any:
    """Turn numbers, vectors and matrices of mpmath into arrays; columns become vectors."""
    if isinstance(x, (list, tuple)):
        return tuple(numbers(part) for part in x)
    if isinstance(x, mp.matrix):
        return np.array([[float(mp.re(x[i, j])) for j in range(x.cols)] for i in range(x.rows)])
    return float(mp.re(x))


def rate(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Return the derivative of a function of matrices of mpmath along the tangents."""
    with mp.workdps(60):
        step = mp.mpf(10) ** -20
        sides = []
        for sign in (1, -1):
            moved = [matrix(x) + sign * step * matrix(t) for x, t in zip(primals, tangents, strict=True)]
            answer = function(*moved)
            sides.append(answer if isinstance(answer, (list, tuple)) else (answer,))
        rates = tuple(numbers((p - m) / (2 * step)) for p, m in zip(*sides, strict=True))
    return rates if len(rates) > 1 else rates[0]


def column(x: Any) -> Any:
    return np.asarray(x)[:, None]


def close(found: Any, wanted: Any) -> None:
    np.testing.assert_allclose(found, wanted, rtol=RTOL, atol=RTOL * max(1.0, float(np.max(np.abs(wanted)))))


def symmetric(x: Any) -> Any:
    return np.tril(x) + np.tril(x, -1).T


def mp_symmetric(a: Any) -> Any:
    """Read the lower triangle, as LAPACK does."""
    return mp.matrix([[a[max(i, j), min(i, j)] for j in range(a.cols)] for i in range(a.rows)])


def mp_pinv(a: Any) -> Any:
    if a.rows >= a.cols:
        return (a.T * a) ** -1 * a.T
    return a.T * (a * a.T) ** -1


def mp_values(a: Any) -> list[Any]:
    """Return the singular values, greatest first."""
    gram = a.T * a if a.rows >= a.cols else a * a.T
    return [mp.sqrt(w) for w in sorted(mp.eigsy(gram, eigvals_only=True), reverse=True)]


def column_of(values: Sequence[Any]) -> Any:
    return mp.matrix([[v] for v in values])


# --- solve, inv, determinants -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 4])
def test_solve(rng: np.random.Generator, n: int) -> None:
    a, b, da, db = (rng.standard_normal(s) for s in ((n, n), (n, 2), (n, n), (n, 2)))
    close(jvp("linalg.solve", (a, b), (da, db)), rate(lambda a, b: a**-1 * b, (a, b), (da, db)))
    close(jvp("linalg.solve", (a, b[:, 0]), (da, None)), rate(lambda a: a**-1 * matrix(b[:, :1]), (a,), (da,))[:, 0])


@pytest.mark.parametrize("n", [1, 2, 4])
def test_inv_det_slogdet(rng: np.random.Generator, n: int) -> None:
    a, da = rng.standard_normal((n, n)), rng.standard_normal((n, n))
    close(jvp("linalg.inv", (a,), (da,)), rate(lambda a: a**-1, (a,), (da,)))
    close(jvp("linalg.det", (a,), (da,)), rate(mp.det, (a,), (da,)))
    sign, rate_of_log = jvp("linalg.slogdet", (a,), (da,))
    assert sign is None
    close(rate_of_log, rate(lambda a: mp.log(abs(mp.det(a))), (a,), (da,)))


@pytest.mark.parametrize(("n", "rank"), [(1, 0), (2, 1), (3, 2), (3, 1), (4, 3), (4, 2)])
def test_det_of_singular_matrices(rng: np.random.Generator, n: int, rank: int) -> None:
    # Whole numbers, so that the determinant is exactly zero in floating point as well.
    a = rng.integers(-2, 3, (n, n)).astype(float)
    a[rank:] = a[:1] if rank else 0.0
    assert np.linalg.det(a) == 0
    da = rng.standard_normal((n, n))
    close(jvp("linalg.det", (a,), (da,)), rate(mp.det, (a,), (da,)))
    close(np.sum(vjp("linalg.det", (a,), 1.0)[0] * da), rate(mp.det, (a,), (da,)))
    if rank <= n - 2:
        assert np.all(vjp("linalg.det", (a,), 1.0)[0] == 0)


def test_det_where_some_of_a_batch_are_singular(rng: np.random.Generator) -> None:
    a = np.stack([rng.standard_normal((3, 3)), np.ones((3, 3)) + np.diag([0.0, 0.0, 2.0])])
    da = rng.standard_normal((2, 3, 3))
    close(jvp("linalg.det", (a,), (da,)), [rate(mp.det, (a[i],), (da[i],)) for i in range(2)])


def test_slogdet_of_a_singular_matrix_is_an_error() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        jvp("linalg.slogdet", (np.ones((2, 2)),), (np.eye(2),))


# --- factorizations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(rng: np.random.Generator, upper: bool) -> None:
    x = rng.standard_normal((4, 4))
    a, da = x @ x.T + np.eye(4), rng.standard_normal((4, 4))
    if upper:
        close(
            jvp("linalg.cholesky", (a,), (da,), upper=True),
            rate(lambda a: mp.cholesky(mp_symmetric(a)).T, (a.T,), (da.T,)),
        )
    else:
        close(jvp("linalg.cholesky", (a,), (da,)), rate(lambda a: mp.cholesky(mp_symmetric(a)), (a,), (da,)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 3), (3, 5)])
def test_qr(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    a, da = rng.standard_normal(shape), rng.standard_normal(shape)
    k = min(shape)
    r = np.linalg.qr(a)[1]

    def truth(a: Any) -> Any:
        # Gram and Schmidt, with the signs that LAPACK chose for the diagonal of R.
        columns: list[Any] = []
        for j in range(k):
            v = a[:, j]
            for u in columns:
                v = v - u * (u.T * a[:, j])[0]
            columns.append(v * (np.sign(r[j, j]) / mp.norm(v)))
        q = mp.matrix(shape[0], k)
        for j, u in enumerate(columns):
            q[:, j] = u
        return q, q.T * a

    q_dot, r_dot = jvp("linalg.qr", (a,), (da,))
    wanted = rate(truth, (a,), (da,))
    close(q_dot, wanted[0])
    close(r_dot, np.triu(wanted[1]))
    close(jvp("linalg.qr", (a,), (da,), mode="r"), np.triu(wanted[1]))
    if shape[0] <= shape[1]:
        close(jvp("linalg.qr", (a,), (da,), mode="complete")[0], wanted[0])


def test_qr_refuses_what_is_not_determined() -> None:
    for mode in ("complete", "raw"):
        with pytest.raises(NotWritten, match="mode='reduced'"):
            TABLE.named("linalg.qr").plan(np.ones((4, 2)), mode=mode)  # type: ignore[attr-defined]


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_eigh(rng: np.random.Generator, uplo: str) -> None:
    a, da = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    read, read_dot = (a, da) if uplo == "L" else (a.T, da.T)
    w, v = np.linalg.eigh(a, uplo)

    def truth(a: Any) -> Any:
        w, v = mp.eigsy(mp_symmetric(a))
        order = sorted(range(4), key=lambda i: w[i])
        vectors = mp.matrix(4, 4)
        for k, i in enumerate(order):
            largest = int(np.argmax(np.abs(np_v[:, k])))
            vectors[:, k] = v[:, i] * (mp.sign(v[largest, i]) * int(np.sign(np_v[largest, k])))
        return column_of([w[i] for i in order]), vectors

    np_v = v
    w_dot, v_dot = jvp("linalg.eigh", (a,), (da,), UPLO=uplo)
    wanted = rate(truth, (read,), (read_dot,))
    close(column(w_dot), wanted[0])
    close(v_dot, wanted[1])
    close(column(jvp("linalg.eigvalsh", (a,), (da,), UPLO=uplo)), wanted[0])
    # The defining equation, symmetrized as LAPACK reads it.
    s, s_dot = symmetric(read), symmetric(read_dot)
    close(s @ v_dot + s_dot @ v, v_dot * w + v * w_dot)


@pytest.mark.skipif(np.linalg.eigvals(np.eye(1)).dtype.kind == "c", reason="NumPy returns complex eigenvalues")
def test_eig(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 4))
    a, da = x @ np.diag([-2.0, -0.5, 1.0, 3.0]) @ np.linalg.inv(x), rng.standard_normal((4, 4))
    w, v = np.linalg.eig(a)

    def truth(a: Any) -> Any:
        values, vectors = mp.eig(a)
        order = [min(range(4), key=lambda i: abs(values[i] - float(w[k]))) for k in range(4)]
        answer = mp.matrix(4, 4)
        for k, i in enumerate(order):
            u = vectors[:, i] / mp.norm(vectors[:, i])
            largest = int(np.argmax(np.abs(v[:, k])))
            answer[:, k] = u * (float(np.sign(v[largest, k])) * abs(u[largest]) / u[largest])
        return column_of([values[i] for i in order]), answer

    w_dot, v_dot = jvp("linalg.eig", (a,), (da,))
    wanted = rate(truth, (a,), (da,))
    close(column(w_dot), wanted[0])
    close(v_dot, wanted[1])
    close(column(jvp("linalg.eigvals", (a,), (da,))), wanted[0])
    close(a @ v_dot + da @ v, v_dot * w + v * w_dot)


def test_complex_eigenvalues_are_refused() -> None:
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    for name in ("linalg.eig", "linalg.eigvals"):
        with pytest.raises(NotWritten, match="complex eigenvalues"):
            jvp(name, (turn,), (np.eye(2),))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 3), (3, 5)])
def test_svd(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    a, da = rng.standard_normal(shape), rng.standard_normal(shape)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    k = min(shape)

    def truth(a: Any) -> Any:
        # The right vectors are those of A'A, the left ones follow; the signs are LAPACK's.
        w, v = mp.eigsy(a.T * a)
        order = sorted(range(a.cols), key=lambda i: -w[i])[:k]
        values, left, right = [], mp.matrix(shape[0], k), mp.matrix(k, shape[1])
        for j, i in enumerate(order):
            largest = int(np.argmax(np.abs(vh[j])))
            one = v[:, i] * (mp.sign(v[largest, i]) * int(np.sign(vh[j, largest])))
            values.append(mp.sqrt(w[i]))
            left[:, j], right[j, :] = a * one / values[-1], one.T
        return left, column_of(values), right

    u_dot, s_dot, vh_dot = jvp("linalg.svd", (a,), (da,), full_matrices=False)
    wanted = rate(truth, (a,), (da,))
    close(u_dot, wanted[0])
    close(column(s_dot), wanted[1])
    close(vh_dot, wanted[2])
    close(column(jvp("linalg.svd", (a,), (da,), compute_uv=False)), wanted[1])
    close(column(jvp("linalg.svdvals", (a,), (da,))), wanted[1])
    close(u_dot * s @ vh + u * s_dot @ vh + u * s @ vh_dot, da)


def test_svd_of_a_hermitian_matrix_reads_its_lower_triangle(rng: np.random.Generator) -> None:
    a, da = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    u, s, vh = np.linalg.svd(a, hermitian=True)
    u_dot, s_dot, vh_dot = jvp("linalg.svd", (a,), (da,), hermitian=True)
    close(u_dot * s @ vh + u * s_dot @ vh + u * s @ vh_dot, symmetric(da))
    close(u_dot.T @ u + u.T @ u_dot, np.zeros((4, 4)))
    close(s_dot, jvp("linalg.svd", (a,), (da,), hermitian=True, compute_uv=False))


def test_svd_refuses_a_basis_that_is_not_determined() -> None:
    with pytest.raises(NotWritten, match="full_matrices=False"):
        TABLE.named("linalg.svd").plan(np.ones((4, 2)))  # type: ignore[attr-defined]


# --- least squares ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 3), (3, 5)])
def test_pinv_and_lstsq(rng: np.random.Generator, shape: tuple[int, int]) -> None:
    a, da = rng.standard_normal(shape), rng.standard_normal(shape)
    b, db = rng.standard_normal((shape[0], 2)), rng.standard_normal((shape[0], 2))
    close(jvp("linalg.pinv", (a,), (da,)), rate(mp_pinv, (a,), (da,)))
    x_dot, r_dot, rank_dot, s_dot = jvp("linalg.lstsq", (a, b), (da, db))
    close(x_dot, rate(lambda a, b: mp_pinv(a) * b, (a, b), (da, db)))
    close(column(s_dot), rate(lambda a: column_of(mp_values(a)), (a,), (da,)))
    assert rank_dot is None
    if shape[0] > shape[1]:

        def squares(a: Any, b: Any) -> Any:
            rest = b - a * mp_pinv(a) * b
            return column_of([(rest[:, j].T * rest[:, j])[0] for j in range(2)])

        close(column(r_dot), rate(squares, (a, b), (da, db)))
    else:
        assert r_dot.shape == (0,)


def test_low_rank(rng: np.random.Generator) -> None:
    left, right = rng.standard_normal((5, 2)), rng.standard_normal((2, 4))
    left_dot, right_dot = rng.standard_normal((5, 2)), rng.standard_normal((2, 4))
    a, da = left @ right, left_dot @ right + left @ right_dot  # a direction that keeps the rank
    b, db = rng.standard_normal(5), rng.standard_normal(5)
    wanted = rate(lambda u, v: mp_pinv(v) * mp_pinv(u), (left, right), (left_dot, right_dot))
    close(jvp("linalg.pinv", (a,), (da,)), wanted)
    x_dot = jvp("linalg.lstsq", (a, b), (da, db))[0]
    close(x_dot, wanted @ b + np.linalg.pinv(a) @ db)


def test_pinv_of_a_hermitian_matrix_reads_its_lower_triangle(rng: np.random.Generator) -> None:
    a, da = rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    close(jvp("linalg.pinv", (a,), (da,), hermitian=True), rate(lambda a: mp_symmetric(a) ** -1, (a,), (da,)))


def test_a_cutoff_that_drops_more_than_rounding_is_refused() -> None:
    a = np.diag([1.0, 1e-3])
    for call in (lambda: rule_of("linalg.pinv", a, 0.1), lambda: rule_of("linalg.lstsq", a, np.ones(2), 0.1)):
        with pytest.raises(NotWritten, match="smaller rcond"):
            call()
    rule_of("linalg.pinv", np.diag([1.0, 0.0]), 0.1)


# --- norms ------------------------------------------------------------------------------------------------------------

MP_NORMS: dict[Any, Callable[[Any], Any]] = {
    "fro": lambda a: mp.sqrt(sum(x * x for x in a)),
    "nuc": lambda a: sum(mp_values(a)),
    2: lambda a: mp_values(a)[0],
    -2: lambda a: mp_values(a)[-1],
    1: lambda a: max(sum(abs(x) for x in a[:, j]) for j in range(a.cols)),
    -1: lambda a: min(sum(abs(x) for x in a[:, j]) for j in range(a.cols)),
    np.inf: lambda a: max(sum(abs(x) for x in a[i, :]) for i in range(a.rows)),
    -np.inf: lambda a: min(sum(abs(x) for x in a[i, :]) for i in range(a.rows)),
}


@pytest.mark.parametrize("order", list(MP_NORMS))
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (2, 4)])
def test_matrix_norms(rng: np.random.Generator, order: Any, shape: tuple[int, int]) -> None:
    a, da = rng.standard_normal(shape), rng.standard_normal(shape)
    wanted = rate(MP_NORMS[order], (a,), (da,))
    close(jvp("linalg.norm", (a,), (da,), ord=order), wanted)
    close(jvp("linalg.matrix_norm", (a,), (da,), ord=order), wanted)


@pytest.mark.parametrize("order", [2, 1, 3, 2.5, 0.5, -1, -2, np.inf, -np.inf, 0])
def test_vector_norms(rng: np.random.Generator, order: float) -> None:
    a, da = rng.standard_normal(4), rng.standard_normal(4)

    def truth(a: Any) -> Any:
        sizes = [abs(x) for x in a]
        if abs(order) == np.inf:
            return max(sizes) if order > 0 else min(sizes)
        return mp.mpf(4) if order == 0 else sum(x**order for x in sizes) ** (1 / mp.mpf(order))

    wanted = rate(truth, (column(a),), (column(da),))
    close(jvp("linalg.norm", (a,), (da,), ord=order), wanted)
    close(jvp("linalg.vector_norm", (a.reshape(2, 2),), (da.reshape(2, 2),), ord=order), wanted)


@pytest.mark.parametrize("order", [None, 1, 2, 3, 0.5, -1, np.inf, -np.inf, 0])
def test_norm_of_a_zero_vector_has_zero_derivative(order: Any) -> None:
    with np.errstate(all="ignore"):
        (slope,) = vjp("linalg.norm", (np.zeros(3),), 1.0, ord=order)
    np.testing.assert_array_equal(slope, np.zeros(3))


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norm_of_a_zero_matrix_has_zero_derivative(order: Any) -> None:
    (slope,) = vjp("linalg.norm", (np.zeros((3, 2)),), 1.0, ord=order)
    np.testing.assert_array_equal(slope, np.zeros((3, 2)))


def test_ties_share_equally() -> None:
    np.testing.assert_array_equal(vjp("linalg.norm", (np.array([2.0, -2.0, 1.0]),), 1.0, ord=np.inf)[0], [0.5, -0.5, 0])
    np.testing.assert_allclose(vjp("linalg.norm", (np.eye(3),), 1.0, ord=2)[0], np.eye(3) / 3)
    np.testing.assert_allclose(vjp("linalg.norm", (np.eye(2),), 1.0, ord=1)[0], np.eye(2) / 2)


# --- repeated values --------------------------------------------------------------------------------------------------


def test_repeated_eigenvalues_spoil_their_own_vectors_only(rng: np.random.Generator) -> None:
    a, da = np.diag([1.0, 1.0, 3.0]), symmetric(rng.standard_normal((3, 3)))
    w_dot, v_dot = jvp("linalg.eigh", (a,), (da,))
    assert np.all(np.isfinite(w_dot))
    np.testing.assert_allclose(w_dot[:2].sum(), np.trace(da[:2, :2]), rtol=1e-12)
    assert np.all(np.isnan(v_dot[:, :2]).any(axis=0))
    close(v_dot[:, 2], [da[0, 2] / 2, da[1, 2] / 2, 0.0])
    # A loss that uses the simple vector alone, or nothing of the vectors, is not touched.
    simple = np.zeros((3, 3))
    simple[:, 2] = rng.standard_normal(3)
    assert np.all(np.isfinite(vjp("linalg.eigh", (a,), (np.ones(3), simple))[0]))
    assert np.all(np.isfinite(vjp("linalg.eigh", (a,), (np.ones(3), None))[0]))
    assert np.any(np.isnan(vjp("linalg.eigh", (a,), (None, rng.standard_normal((3, 3))))[0]))
    # No tangent, no NaN.
    np.testing.assert_array_equal(jvp("linalg.eigh", (a,), (np.zeros((3, 3)),))[1], np.zeros((3, 3)))
    np.testing.assert_array_equal(jvp("linalg.eigh", (a,), (np.diag([1.0, 2.0, 3.0]),))[1], np.zeros((3, 3)))


def test_repeated_singular_values_spoil_their_own_vectors_only(rng: np.random.Generator) -> None:
    a, da = np.diag([3.0, 1.0, 1.0]), rng.standard_normal((3, 3))
    u_dot, s_dot, vh_dot = jvp("linalg.svd", (a,), (da,))
    np.testing.assert_allclose(s_dot[1:].sum(), np.trace(da[1:, 1:]), rtol=1e-12)
    assert np.all(np.isnan(u_dot[:, 1:]).any(axis=0)) and np.all(np.isnan(vh_dot[1:]).any(axis=1))
    assert np.all(np.isfinite(u_dot[:, 0])) and np.all(np.isfinite(vh_dot[0]))
    skew = np.zeros((3, 3))
    skew[1, 2], skew[2, 1] = 1.0, -1.0
    assert np.any(np.isnan(jvp("linalg.svd", (a,), (skew,))[0]))
    for part in jvp("linalg.svd", (a,), (np.zeros((3, 3)),)):
        np.testing.assert_array_equal(part, np.zeros_like(part))
    first = np.zeros((3, 3))
    first[:, 0] = rng.standard_normal(3)
    assert np.all(np.isfinite(vjp("linalg.svd", (a,), (first, np.ones(3), first.T))[0]))


def test_a_singular_value_of_zero_is_a_minimum() -> None:
    a = np.diag([2.0, 0.0])
    np.testing.assert_array_equal(jvp("linalg.svdvals", (a,), (np.eye(2),)), [1.0, 0.0])
    np.testing.assert_array_equal(vjp("linalg.svd", (a,), (None, np.ones(2), None))[0], np.diag([1.0, 0.0]))


# --- complex rules, held against the equations that define the factors ------------------------------------------------


def complex_normal(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def test_complex_factors(rng: np.random.Generator) -> None:
    x, da = complex_normal(rng, 2, 3, 3), complex_normal(rng, 2, 3, 3)
    a = x @ adjoint(x) + np.eye(3)
    e = np.tril(da, -1) + adjoint(np.tril(da, -1)) + np.real(da) * np.eye(3)

    low = np.linalg.cholesky(a)
    low_dot = jvp("linalg.cholesky", (a,), (da,))
    close(low_dot @ adjoint(low) + low @ adjoint(low_dot), e)

    w, v = np.linalg.eigh(a)
    w_dot, v_dot = jvp("linalg.eigh", (a,), (da,))
    close(a @ v_dot + e @ v, v_dot * w[:, None] + v * w_dot[:, None])
    close(adjoint(v) @ v_dot + adjoint(v_dot) @ v, np.zeros((2, 3, 3)))

    for b in (complex_normal(rng, 2, 4, 3), complex_normal(rng, 2, 3, 4)):
        db = complex_normal(rng, *b.shape)
        q, r = np.linalg.qr(b)
        q_dot, r_dot = jvp("linalg.qr", (b,), (db,))
        close(q_dot @ r + q @ r_dot, db)
        close(adjoint(q) @ q_dot + adjoint(q_dot) @ q, np.zeros((2, 3, 3)))
        close(np.imag(np.diagonal(r_dot, axis1=-2, axis2=-1)), np.zeros((2, 3)))
        u, s, vh = np.linalg.svd(b, full_matrices=False)
        u_dot, s_dot, vh_dot = jvp("linalg.svd", (b,), (db,), full_matrices=False)
        close((u_dot * s[:, None]) @ vh + (u * s_dot[:, None]) @ vh + (u * s[:, None]) @ vh_dot, db)


def test_complex_determinants_and_inverses(rng: np.random.Generator) -> None:
    a, da = complex_normal(rng, 3, 3), complex_normal(rng, 3, 3)
    close(a @ jvp("linalg.inv", (a,), (da,)) + da @ np.linalg.inv(a), np.zeros((3, 3)))
    sign, log = np.linalg.slogdet(a)
    sign_dot, log_dot = jvp("linalg.slogdet", (a,), (da,))
    close((sign_dot + sign * log_dot) * np.exp(log), jvp("linalg.det", (a,), (da,)))
    b, db = complex_normal(rng, 3), complex_normal(rng, 3)
    x = np.linalg.solve(a, b)
    close(a @ jvp("linalg.solve", (a, b), (da, db)) + da @ x, db)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(
    "f",
    [lambda a: np.linalg.norm(a, 2), lambda a: np.linalg.norm(a, "nuc"), np.linalg.svdvals, np.linalg.eigvalsh]
    + [lambda a: np.linalg.svd(a, compute_uv=False)],
)
def test_matrices_that_are_not_finite_have_no_derivative(f: Callable[..., Any], mode: str) -> None:
    """LAPACK finds numbers of such matrices, and may fail or never end when it is asked for vectors."""
    a = np.array([[np.inf, 0.5, 0.0], [0.5, 1e30, 1.0], [0.0, 1.0, -np.inf]])
    for bad in (a, a.astype(np.float32), np.full((3, 3), np.inf), np.diag([1.0, np.nan, 2.0])):
        try:
            with np.errstate(all="ignore"):
                f(bad)
        except np.linalg.LinAlgError:
            continue
        with np.errstate(all="ignore"):
            found = dualad.jacobian(f, mode=mode)(bad)
        assert found.dtype == bad.dtype
        assert np.isnan(found).any()


# --- products of complex arrays: conjugates in their places -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("vdot", ((3,), (3,))), ("vecdot", ((2, 3), (3,))), ("vecmat", ((3,), (3, 2))), ("matmul", ((2, 3), (3, 2)))]
    + [("correlate", ((5,), (3,))), ("convolve", ((5,), (3,))), ("cross", ((2, 3), (3,))), ("kron", ((2,), (3,)))],
)
@pytest.mark.parametrize("real", [None, 0, 1])
def test_transposes_of_complex_products(
    rng: np.random.Generator, name: str, shapes: tuple[tuple[int, ...], ...], real: int | None
) -> None:
    row = TABLE.named(name)
    assert isinstance(row, Bilinear)
    operands = [complex_normal(rng, *shape) for shape in shapes]
    if real is not None:
        operands[real] = operands[real].real
    rules = row.plan(*operands)
    g = complex_normal(rng, *np.shape(row.function(*operands)))
    for i, x in enumerate(operands):
        dot = complex_normal(rng, *x.shape) if x.dtype.kind == "c" else rng.standard_normal(x.shape)
        tangent = rules.apply(*(dot if j == i else y for j, y in enumerate(operands)))
        cotangent = rules.transpose(i, g, *operands)
        assert cotangent.dtype == x.dtype
        np.testing.assert_allclose(np.vdot(g, tangent).real, np.vdot(cotangent, dot).real, rtol=1e-12)
