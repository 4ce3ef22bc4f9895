"""Rows of sequences: convolution, polynomials, interpolation, covariances, bincount."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.contraction import arraylike, conj, real_like
from dualad.ops.lanes import each_lane, reshape, scatter_add
from dualad.ops.table import Products, bilinear, composed, unwritten


def _double(x: Any) -> Any:
    """Return x in double precision, in which NumPy computes these functions whatever they are given."""
    x = arraylike(x)
    return x if x.dtype == np.float64 or x.dtype.kind == "c" else x * np.float64(1)


# --- convolution ------------------------------------------------------------------------------------------------------


def _window(n: int, m: int, mode: str | int, turned: bool) -> tuple[int, int]:
    """Return where a mode of convolve begins in the full result, and how long it is.

    ``correlate`` lets the shorter operand slide and turns the result around where that is the first one; "same" is then
    centred on the other side.
    """
    long, short = max(n, m), min(n, m)
    letter = mode[:1].lower() if isinstance(mode, str) else "vsf"[mode]
    if letter == "v":
        return short - 1, long - short + 1
    if letter == "s":
        return (short // 2 if turned and n < m else (short - 1) // 2), long
    return 0, long + short - 1


def _sliding(a: Any, v: Any, mode: str | int, correlates: bool) -> Products:
    shapes = [np.shape(a), np.shape(v)]
    n, m = (np.size(a), np.size(v))
    start, length = _window(n, m, mode, correlates)
    function: Any = np.correlate if correlates else np.convolve

    def flat(x: Any, i: int) -> Any:
        return reshape(arraylike(x), len(shapes[i]), (n, m)[i : i + 1])

    def apply(a: Any, v: Any) -> Any:
        a, v = flat(a, 0), flat(v, 1)
        if a.ndim > 1:
            return each_lane(lambda one: function(one, v, mode), [1], a)
        return each_lane(lambda one: function(a, one, mode), [1], v)

    def transpose(i: int, g: Any, a: Any, v: Any) -> Any:
        # With y[k] = sum_j a[j] w[k - j] in full, the cotangent of a is the correlation of g with w; so it is for w.
        g, a, v = arraylike(g), flat(a, 0), flat(v, 1)
        full = np.pad(g, [(0, 0)] * (g.ndim - 1) + [(start, n + m - 1 - start - length)])
        other = (conj(v)[::-1] if correlates else v) if i == 0 else a
        answer = each_lane(lambda one: np.correlate(one, other, "valid"), [1], full)
        if i and correlates:
            answer = conj(answer)[..., ::-1]
        return real_like(reshape(answer, 1, shapes[i]), v if i else a)

    return Products(apply, transpose)


@bilinear("numpy.convolve", "a v")
def _convolve(a: Any, v: Any, mode: str | int = "full") -> Products:
    return _sliding(a, v, mode, correlates=False)


@bilinear("numpy.correlate", "a v")
def _correlate(a: Any, v: Any, mode: str | int = "valid") -> Products:
    return _sliding(a, v, mode, correlates=True)


# --- polynomials ------------------------------------------------------------------------------------------------------


@composed("numpy.polyval", "p x")
def _polyval(p: Any, x: Any) -> Any:
    value = np.zeros_like(arraylike(x))
    for coefficient in p:
        value = value * x + coefficient
    return value


@composed("numpy.polyadd", "a1 a2")
def _polyadd(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    return _led_by_zeros(a1, len(a2)) + _led_by_zeros(a2, len(a1))


@composed("numpy.polysub", "a1 a2")
def _polysub(a1: Any, a2: Any) -> Any:
    a1, a2 = np.atleast_1d(a1), np.atleast_1d(a2)
    return _led_by_zeros(a1, len(a2)) - _led_by_zeros(a2, len(a1))


def _led_by_zeros(p: Any, length: int) -> Any:
    return p if len(p) >= length else np.concatenate((np.zeros(length - len(p), p.dtype), p))


@composed("numpy.polymul", "a1 a2", note="NumPy drops leading zeros first, which is refused where they may vary.")
def _polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2))


def _without_leading_zeros(p: Any) -> Any:
    p = np.atleast_1d(p)
    kept = np.flatnonzero(p != 0)
    if kept.size and kept[0] == 0:
        return p
    if not isinstance(p, np.ndarray):
        reason = "a leading coefficient is zero: NumPy drops it, and the result has no derivative in it"
        raise errors.NotWritten(errors.unwritten("numpy.polymul", reason, "use np.convolve, which keeps it"))
    return p[kept[0] :] if kept.size else p[-1:]


@composed("numpy.polyder", "p")
def _polyder(p: Any, m: int = 1) -> Any:
    p = arraylike(p)
    for _ in range(int(m)):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@composed("numpy.polyint", "p")
def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    p = arraylike(p)
    constants = np.zeros(int(m)) if k is None else np.broadcast_to(k, (int(m),)) if np.size(k) == 1 else k
    for i in range(int(m)):
        p = np.concatenate((p / np.arange(len(p), 0, -1), np.reshape(constants[i], (1,))))
    return p


@composed("numpy.poly", "seq_of_zeros")
def _poly(seq_of_zeros: Any) -> Any:
    roots = np.atleast_1d(seq_of_zeros)
    if roots.ndim == 2:
        roots = np.linalg.eigvals(roots)
    if len(roots) == 0:
        return 1.0
    p = one = np.ones(1, roots.dtype)
    for i in range(len(roots)):
        p = np.convolve(p, np.concatenate((one, -roots[i : i + 1])))
    return p


@composed("numpy.polyfit", "x y")
def _polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    x, y = arraylike(x) + 0.0, arraylike(y) + 0.0
    rcond = len(x) * np.finfo(x.dtype).eps if rcond is None else rcond
    columns, target = np.vander(x, int(deg) + 1), y
    if w is not None:
        w = arraylike(w)
        columns = columns * w[:, None]
        target = y * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt(np.sum(columns * columns, axis=0))
    columns = columns / scale
    c, residuals, rank, s = np.linalg.lstsq(columns, target, rcond)
    c = (c.T / scale).T
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(np.dot(columns.T, columns)) / np.outer(scale, scale)
    factor: Any = 1 if isinstance(cov, str) and cov == "unscaled" else residuals / (len(x) - int(deg) - 1)
    return c, (base if y.ndim == 1 else base[:, :, None]) * factor


unwritten(
    "numpy.roots",
    "the roots of a polynomial may be complex, and their number depends on leading zeros",
    "np.linalg.eigvals of the companion matrix, where all roots are real",
)
unwritten("numpy.polydiv", "the length of the remainder depends on how small its coefficients are")


@composed("numpy.vander", "x")
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = _double(x)
    many = len(x) if N is None else N
    if many == 0:
        return x[:, None][:, :0]
    powers = [np.ones_like(x)]
    while len(powers) < many:
        powers.append(powers[-1] * x)
    return np.stack(powers if increasing else powers[::-1], axis=-1)


# --- interpolation ----------------------------------------------------------------------------------------------------


@composed(
    "numpy.interp",
    "x xp fp left right period",
    note="At a knot the slope is that of the interval to its right, at the last knot that of the last interval.",
)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = _double(x), _double(xp), _double(fp)
    if period is not None:
        period, left, right = np.abs(period), None, None
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate((xp[-1:] - period, xp, xp[:1] + period))
        fp = np.concatenate((fp[-1:], fp, fp[:1]))
    last = len(xp) - 1
    low = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, max(last - 1, 0))
    high = np.minimum(low + 1, last)
    width = xp[high] - xp[low]
    # Two knots in one place bound no interval; dividing by 1 keeps the branch that is not taken free of NaN.
    slope = (fp[high] - fp[low]) / np.where(width == 0, 1.0, width)
    # The end of an interval that gives the value of a knot exactly.
    near = np.where(x == xp[last], high, low)
    inside = slope * (x - xp[near]) + fp[near]
    if not np.all(np.isfinite(slope)):
        # As NumPy does: a knot is met exactly, what would be NaN is found from the other knot, equal knots stay.
        far = np.where(near == low, high, low)
        other = slope * (x - xp[far]) + fp[far]
        level = np.isnan(other) & (fp[low] == fp[high]) & ~np.isnan(x)
        inside = np.where(np.isnan(inside), np.where(level, fp[low], other), inside)
        inside = np.where(x == xp[near], fp[near], inside)
    below = np.where(x < xp[0], fp[0] if left is None else left, inside)
    return np.where(x > xp[-1], fp[-1] if right is None else right, below)


# --- covariances and counts -------------------------------------------------------------------------------------------


@composed("numpy.cov", "m y")
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
) -> Any:
    m = _double(m)
    rows = np.atleast_2d(m)
    if not rowvar and m.ndim != 1:
        rows = rows.T
    if rows.shape[0] == 0:
        return rows[:, :0]
    if y is not None:
        more = np.atleast_2d(_double(y))
        rows = np.concatenate((rows, more.T if not rowvar and more.shape[0] != 1 else more), axis=0)
    less = (0 if bias else 1) if ddof is None else ddof
    weights = fweights if aweights is None else aweights if fweights is None else arraylike(fweights) * aweights
    if weights is None:
        total: Any = rows.shape[1]
        centred = weighted = rows - np.mean(rows, axis=1)[:, None]
        freedom: Any = total - less
    else:
        weights = arraylike(weights)
        total = np.sum(weights)
        centred = rows - (np.sum(rows * weights, axis=1) / total)[:, None]
        weighted = centred * weights
        lost: Any = less if aweights is None else less * np.sum(weights * aweights) / total
        freedom = total - lost
    scale = 1 / freedom if freedom > 0 else np.inf
    return np.squeeze(np.dot(centred, conj(weighted.T)) * scale)


@composed("numpy.corrcoef", "x y")
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = np.cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviations = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviations[:, None] / deviations[None, :]
    # The clipping only removes rounding: on the diagonal and between variables that go together, where nothing varies.
    return c if c.dtype.kind == "c" else np.clip(c, -1, 1)


@composed("numpy.bincount", "x weights")
def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    x = arraylike(x)
    if weights is None or x.size == 0:  # Of nothing NumPy gives counts, whatever the weights.
        return np.bincount(x, minlength=minlength)
    length = max(minlength, int(np.max(x)) + 1)
    return scatter_add(_double(weights), (x,), (length,))
