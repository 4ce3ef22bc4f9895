"""The array functions of ``scipy.special``: logsumexp, softmax, log_softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.ops.lanes import Axis, axes_from_end, dispatched, grow, shape_of, sum_to
from dualad.ops.table import Rule, composed, ruled

__all__ = ["weighted"]


# --- logsumexp -----------------------------------------------------------------------------------------------------


class _LogSumExp:
    """``log |sum(b exp(a))|``.

    Its derivative is the sum of ``exp(a - v) (b a_dot + b_dot)``, with the sign of the sum.
    """

    def __init__(self, a: Any, b: Any, axis: Axis, keepdims: bool, return_sign: bool) -> None:
        self.a_shape = shape_of(a)
        self.b_shape = shape_of(b) if b is not None else ()
        shape = np.broadcast_shapes(self.a_shape, self.b_shape)
        self.shape = shape or (1,)
        self.axes = axes_from_end(axis, len(self.shape))
        kept = tuple(1 if i - len(self.shape) in self.axes else n for i, n in enumerate(self.shape))
        rest = tuple(n for i, n in enumerate(self.shape) if i - len(self.shape) not in self.axes)
        self.kept, self.result = kept, kept if keepdims else rest
        self.has_b, self.keepdims, self.return_sign = b is not None, keepdims, return_sign

    def _shares(self, value: Any, primals: Any) -> tuple[Any, Any]:
        """Return the sign of the sum times ``exp(a - v)``, and the weights b, in the common shape."""
        a = np.broadcast_to(primals[0], self.shape)
        b = np.broadcast_to(primals[1], self.shape) if self.has_b else None
        total = value[0] if self.return_sign else value
        v = np.reshape(total, self.kept)
        # Where v is infinite, the elements that are equal to it share it, as those that attain a maximum do.
        finite = np.isfinite(v)
        tied = (a == v) if b is None else (a == v) & (b != 0)
        count = np.maximum(np.sum(np.where(tied, 1.0, 0.0), axis=self.axes, keepdims=True), 1.0)
        ends = np.where(tied, 1.0 / count.astype(a.dtype), 0)
        shares = np.where(finite, np.exp(np.where(finite, a, 0) - np.where(finite, v, 0)), ends)
        if b is None:
            return shares, None
        # Without return_sign a negative sum is NaN and has no derivative to sign.
        return (shares * np.reshape(value[1], self.kept) if self.return_sign else shares), b

    def jvp(self, value: Any, primals: Any, tangents: Any) -> Any:
        shares, b = self._shares(value, primals)
        ndim = len(self.shape)
        a_dot = tangents[0]
        total: Any = None
        if a_dot is not None:
            total = grow(a_dot, len(self.a_shape), ndim) * (shares if b is None else shares * b)
        if self.has_b and tangents[1] is not None:
            term = grow(tangents[1], len(self.b_shape), ndim) * shares
            total = term if total is None else total + term
        lanes = shape_of(total)[: np.ndim(total) - ndim]
        moved = np.sum(np.broadcast_to(total, lanes + self.shape), axis=self.axes)
        moved = np.reshape(moved, lanes + self.result)
        return (moved, None) if self.return_sign else moved

    def vjp(self, value: Any, primals: Any, g: Any) -> Any:
        if self.return_sign:
            g = g[0]
        shares, b = self._shares(value, primals)
        lanes = shape_of(g)[: np.ndim(g) - len(self.result)]
        g = np.reshape(g, lanes + self.kept) * shares
        ndim = len(self.shape)
        a_bar = sum_to(g if b is None else g * b, ndim, self.a_shape)
        return a_bar, sum_to(g, ndim, self.b_shape) if self.has_b else None


@dispatched
def weighted(a: Any, b: Any, axis: Axis, keepdims: bool, return_sign: bool) -> Any:
    """Call SciPy's logsumexp with both differentiable arguments in front."""
    from scipy.special import logsumexp

    return logsumexp(a, axis=axis, b=b, keepdims=keepdims, return_sign=return_sign)


@ruled(
    "dualad.ops.softmax.weighted", "a b", name="weighted_logsumexp", note="logsumexp with the weights in second place"
)
def _weighted(a: Any, b: Any, axis: Axis, keepdims: bool, return_sign: bool) -> Rule:
    sums = _LogSumExp(a, b, axis, keepdims, return_sign)
    return Rule(sums.jvp, sums.vjp)


@composed("scipy.special.logsumexp", "a b", name="logsumexp")
def _logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    return weighted(a, b, axis, keepdims, return_sign)


# --- softmax -------------------------------------------------------------------------------------------------------


@ruled("scipy.special.softmax", "x", name="softmax")
def _softmax(x: Any, axis: Axis = None) -> Rule:
    axes = axes_from_end(axis, np.ndim(x))

    def turn(value: Any, t: Any) -> Any:
        # The Jacobian is symmetric, so that both rules are the same.
        return value * (t - np.sum(value * t, axis=axes, keepdims=True))

    return Rule(lambda value, primals, tangents: turn(value, tangents[0]), lambda value, primals, g: (turn(value, g),))


@ruled("scipy.special.log_softmax", "x", name="log_softmax")
def _log_softmax(x: Any, axis: Axis = None) -> Rule:
    axes = axes_from_end(axis, np.ndim(x))

    def jvp(value: Any, primals: Any, tangents: Any) -> Any:
        t = tangents[0]
        return t - np.sum(np.exp(value) * t, axis=axes, keepdims=True)

    def vjp(value: Any, primals: Any, g: Any) -> Any:
        return (g - np.exp(value) * np.sum(g, axis=axes, keepdims=True),)

    return Rule(jvp, vjp)
