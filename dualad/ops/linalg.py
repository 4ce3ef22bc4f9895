"""Rows of linear algebra: solve, inverse, determinants, powers, least squares, and what is made of them.

Sources: M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation"
(2008), for solve, inv and det; G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
squares problems whose variables separate" (1973), for pinv and lstsq.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.ops.contraction import arraylike, conj, real_like
from dualad.ops.lanes import grow, scatter_add, sum_to
from dualad.ops.matrices import adjoint, as_read, as_read_transpose, refuse, solve_columns
from dualad.ops.table import Map, Rule, composed, linear, ruled

# --- entries of matrices ----------------------------------------------------------------------------------------------


@linear("numpy.linalg.matrix_transpose", "x")
def _matrix_transpose(x: Any) -> Map:
    def swap(t: Any) -> Any:
        return np.swapaxes(t, -1, -2)

    return Map(swap, swap)


def _places(shape: tuple[int, ...], offset: int) -> tuple[Any, ...]:
    """Return the index of a diagonal of the last two axes."""
    row, column = max(-offset, 0), max(offset, 0)
    along = np.arange(max(min(shape[-2] - row, shape[-1] - column), 0))
    return (Ellipsis, along + row, along + column)


@linear("numpy.linalg.diagonal", "x")
def _diagonal(x: Any, *, offset: int = 0) -> Map:
    shape = np.shape(x)

    def apply(t: Any) -> Any:
        return np.diagonal(t, offset, -2, -1)

    def transpose(g: Any) -> Any:
        return scatter_add(g, _places(shape, offset), shape)

    return Map(apply, transpose)


@linear("numpy.linalg.trace", "x")
def _trace(x: Any, *, offset: int = 0) -> Map:
    shape = np.shape(x)

    def apply(t: Any) -> Any:
        return np.trace(t, offset, -2, -1)

    def transpose(g: Any) -> Any:
        g = arraylike(g)
        index = _places(shape, offset)
        return scatter_add(np.broadcast_to(g[..., None], (*g.shape, len(index[1]))), index, shape)

    return Map(apply, transpose)


# --- solving ----------------------------------------------------------------------------------------------------------


@ruled("numpy.linalg.solve", "a b")
def _solve(a: Any, b: Any) -> Rule:
    vector = np.ndim(b) == 1
    ndim_b = max(np.ndim(b), 2)
    rank = max(np.ndim(a), ndim_b)

    def matrix(x: Any) -> Any:
        x = arraylike(x)
        return x[..., None] if vector else x

    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        a = arraylike(primals[0])
        a_dot, b_dot = tangents
        rhs: Any = None if b_dot is None else grow(matrix(b_dot), ndim_b, rank)
        if a_dot is not None:
            moved = np.matmul(grow(a_dot, a.ndim, rank), matrix(value))
            rhs = -moved if rhs is None else rhs - moved
        answer = solve_columns(a, rhs, rhs.ndim - rank)
        return answer[..., 0] if vector else answer

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        a, b = arraylike(primals[0]), arraylike(primals[1])
        g = matrix(g)
        b_bar = solve_columns(adjoint(a), g, g.ndim - rank)
        a_bar = -sum_to(np.matmul(b_bar, adjoint(matrix(value))), rank, a.shape)
        b_bar = sum_to(b_bar, rank, matrix(b).shape)
        return real_like(a_bar, a), real_like(b_bar[..., 0] if vector else b_bar, b)

    return Rule(jvp, vjp)


@composed("numpy.linalg.tensorsolve", "a b")
def _tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Any:
    a, b = arraylike(a), arraylike(b)
    order = list(range(a.ndim))
    for axis in axes or ():
        order.remove(axis)
        order.insert(a.ndim, axis)
    a = np.transpose(a, order)
    shape = a.shape[b.ndim :]
    size = math.prod(shape)
    return np.linalg.solve(a.reshape((size, size)), b.reshape((size,))).reshape(shape)


@ruled("numpy.linalg.inv", "a")
def _inv(a: Any) -> Rule:
    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return -np.matmul(value, np.matmul(tangents[0], value))

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        return (-np.matmul(adjoint(value), np.matmul(g, adjoint(value))),)

    return Rule(jvp, vjp)


@composed("numpy.linalg.tensorinv", "a")
def _tensorinv(a: Any, ind: int = 2) -> Any:
    a = arraylike(a)
    size = math.prod(a.shape[ind:])
    return np.linalg.inv(a.reshape((size, size))).reshape(a.shape[ind:] + a.shape[:ind])


@composed("numpy.linalg.matrix_power", "a")
def _matrix_power(a: Any, n: int) -> Any:
    a = arraylike(a)
    if n == 0:
        return np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype)
    power, result, left = (np.linalg.inv(a) if n < 0 else a), None, abs(n)
    if left == 3:  # NumPy's own order, which the loop would turn around.
        return np.matmul(np.matmul(power, power), power)
    while True:
        left, bit = divmod(left, 2)
        if bit:
            result = power if result is None else np.matmul(result, power)
        if left == 0:
            return result
        power = np.matmul(power, power)


# --- determinants -----------------------------------------------------------------------------------------------------


def _cofactors(a: Any, value: Any) -> Any:
    """Return the derivative of the determinant in each entry; it is finite for singular matrices too."""
    try:
        return arraylike(value)[..., None, None] * np.swapaxes(np.linalg.inv(a), -1, -2)
    except np.linalg.LinAlgError:
        pass  # Some matrix is singular: determinants of minors serve all of them.
    n = a.shape[-1]
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], dtype=np.intp).reshape((n, n - 1))
    rows = []
    for i in range(n):
        minors = np.moveaxis(a[..., others[i], :][..., others], -2, -3)
        rows.append(np.linalg.det(minors) * (-1.0) ** (i + np.arange(n)).astype(a.dtype))
    return np.stack(rows, axis=-2)


@ruled("numpy.linalg.det", "a")
def _det(a: Any) -> Rule:
    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return np.sum(_cofactors(arraylike(primals[0]), value) * tangents[0], axis=(-2, -1))

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        return (conj(_cofactors(arraylike(primals[0]), value)) * arraylike(g)[..., None, None],)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.slogdet", "a", note="The sign of a real matrix is discrete; a singular matrix is an error.")
def _slogdet(a: Any) -> Rule:
    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        rate = np.sum(np.swapaxes(np.linalg.inv(primals[0]), -1, -2) * tangents[0], axis=(-2, -1))
        if arraylike(rate).dtype.kind != "c":
            return None, rate
        return value[0] * 1j * np.imag(rate), np.real(rate)

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        g_sign, g_log = g
        a = arraylike(primals[0])
        weight = None if g_log is None else arraylike(g_log)
        if g_sign is not None and a.dtype.kind == "c":
            turn = arraylike(1j * np.real(conj(arraylike(g_sign)) * value[0] * 1j))
            weight = turn if weight is None else weight + turn
        if weight is None:
            weight = np.zeros_like(arraylike(value[1]))
        return (conj(np.swapaxes(np.linalg.inv(a), -1, -2)) * weight[..., None, None],)

    return Rule(jvp, vjp)


# --- least squares ----------------------------------------------------------------------------------------------------


def _eps(x: Any) -> float:
    return float(np.finfo(x.dtype if x.dtype.kind in "fc" else np.float64).eps)


def _check_cutoff(name: str, a: Any, rcond: Any) -> None:
    """Refuse a cutoff that drops singular values which are more than rounding; the rules hold for a fixed rank."""
    noise = 1e3 * max(a.shape[-2:]) * _eps(a)
    if a.size == 0 or not np.any(np.asarray(rcond) > noise):
        return
    s = np.linalg.svd(a, compute_uv=False)
    top = s[..., :1]
    if np.any((s <= np.asarray(rcond)[..., None] * top) & (s > noise * top)):
        raise refuse(name, "its cutoff drops singular values that are more than rounding", "use a smaller rcond")


@ruled("numpy.linalg.pinv", "a", note="The rank is held: singular values that are zero stay zero.")
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = 0.0) -> Rule:
    a = arraylike(a)
    cutoff = rcond if rcond is not None else rtol
    _check_cutoff("numpy.linalg.pinv", a, cutoff if isinstance(cutoff, (int, float, np.ndarray)) else 0.0)

    def seen(x: Any) -> Any:
        return as_read(x, upper=False) if hermitian else arraylike(x)

    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        p, a, e = value, seen(primals[0]), seen(tangents[0])
        star, flat = adjoint(p), adjoint(e)
        left = np.matmul(np.matmul(p, star), flat - np.matmul(np.matmul(flat, a), p))
        right = np.matmul(flat - np.matmul(p, np.matmul(a, flat)), np.matmul(star, p))
        return left + right - np.matmul(p, np.matmul(e, p))

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        p, a = value, seen(primals[0])
        star, flat = adjoint(p), adjoint(g)
        left = np.matmul(flat - np.matmul(a, np.matmul(p, flat)), np.matmul(p, star))
        right = np.matmul(np.matmul(star, p), flat - np.matmul(np.matmul(flat, p), a))
        a_bar = left + right - np.matmul(star, np.matmul(g, star))
        return (as_read_transpose(a_bar, upper=False) if hermitian else a_bar,)

    return Rule(jvp, vjp)


@ruled("numpy.linalg.lstsq", "a b", note="The rank is held and discrete; the residuals are empty where NumPy's are.")
def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Rule:
    a = arraylike(a)
    vector = np.ndim(b) == 1
    cutoff = _eps(a) * max(a.shape) if rcond is None else _eps(a) if rcond < 0 else rcond
    _check_cutoff("numpy.linalg.lstsq", a, cutoff)

    def matrix(x: Any) -> Any:
        x = arraylike(x)
        return x[..., None] if vector else x

    def parts(value: Any, primals: Sequence[Any]) -> tuple[Any, Any, Any, Any, Any]:
        a, x = arraylike(primals[0]), matrix(value[0])
        p = np.linalg.pinv(a, cutoff)
        return a, x, p, adjoint(p), matrix(primals[1]) - np.matmul(a, x)

    def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        a, x, p, star, r = parts(value, primals)
        a_dot, b_dot = tangents
        moved: Any = None if b_dot is None else matrix(b_dot)
        if a_dot is not None:
            change = np.matmul(a_dot, x)
            moved = -change if moved is None else moved - change
        x_dot = np.matmul(p, moved)
        s_dot = np.zeros_like(value[3], shape=x_dot.shape[: x_dot.ndim - 2] + value[3].shape)
        if a_dot is not None:
            flat = adjoint(a_dot)
            turned = np.matmul(flat, np.matmul(star, x))
            x_dot = x_dot + np.matmul(np.matmul(p, star), np.matmul(flat, r))
            x_dot = x_dot + turned - np.matmul(p, np.matmul(a, turned))
            u, _, vh = np.linalg.svd(a, full_matrices=False)
            s_dot = np.real(np.sum(conj(u) * np.matmul(a_dot, adjoint(vh)), axis=-2))
        r_dot = 2 * np.real(np.sum(conj(r) * moved, axis=-2))
        if np.size(value[1]) == 0:
            r_dot = r_dot[..., :0]
        return (x_dot[..., 0] if vector else x_dot), r_dot, None, s_dot

    def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
        a, x, p, star, r = parts(value, primals)
        g_x, g_r, _, g_s = g
        lanes = next(
            (np.shape(x)[: np.ndim(x) - np.ndim(v)] for x, v in zip(g, value, strict=True) if x is not None), ()
        )
        a_bar: Any = np.zeros_like(a, shape=lanes + a.shape)
        b_bar: Any = np.zeros_like(r, shape=lanes + r.shape)
        if g_x is not None:
            g_x = matrix(g_x)
            flat = adjoint(g_x)
            lifted = np.matmul(star, g_x)
            b_bar = b_bar + lifted
            a_bar = a_bar - np.matmul(lifted, adjoint(x)) + np.matmul(r, np.matmul(np.matmul(flat, p), star))
            a_bar = a_bar + np.matmul(np.matmul(star, x), flat - np.matmul(np.matmul(flat, p), a))
        if g_r is not None and np.size(value[1]) > 0:
            pulled = 2 * r * arraylike(g_r)[..., None, :]
            b_bar = b_bar + pulled
            a_bar = a_bar - np.matmul(pulled, adjoint(x))
        if g_s is not None:
            u, _, vh = np.linalg.svd(a, full_matrices=False)
            a_bar = a_bar + np.matmul(u * arraylike(g_s)[..., None, :], vh)
        return real_like(a_bar, a), real_like(b_bar[..., 0] if vector else b_bar, arraylike(primals[1]))

    return Rule(jvp, vjp)
