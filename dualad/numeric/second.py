"""Second derivatives by differences of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.numeric.by_scipy import differentiate
from dualad.numeric.extrapolation import Estimate
from dualad.numeric.ladder import ladder, sweep
from dualad.numeric.points import Points

__all__ = ["hessian"]

_METHODS: Final = ("richardson", "scipy")


def hessian(
    f: Callable[..., Any], x: Any, *, method: str = "richardson", args: Sequence[Any] = (), vectorized: bool = False
) -> Estimate:
    """Return the Hessian of ``f`` at ``x`` by differences, with an estimate of its error.

    Parameters
    ----------
    f : callable
        Function that returns one number.
    x : array_like
        The point, of shape S.
    method : {"richardson", "scipy"}
        Extrapolated second differences over a sweep of steps, or ``scipy.differentiate.hessian``.
    args : sequence
        Further arguments of ``f``.
    vectorized : bool
        Whether ``f`` takes many points at once, along a last axis that is added to the shape of x.

    Returns
    -------
    Estimate
        ``value`` and ``error`` of shape S + S, ``step``, and ``evaluations``.

    Raises
    ------
    ValueError
        The method is not known, or ``f`` returns several numbers.

    Notes
    -----
    Second differences along the axes and along the sums of two axes: about 17 n (n + 1) evaluations of f.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import numeric
    >>> numeric.hessian(lambda x: x[0] ** 2 * x[1], np.array([2.0, 3.0])).value.round(6) + 0.0
    array([[6., 4.],
           [4., 0.]])
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, _METHODS))}, not {method!r}")
    if method == "scipy":
        return differentiate("hessian", f, x, args, vectorized)
    points = Points(f, x, args, vectorized, forgiving=True)
    if points.m != 1:
        raise ValueError(f"hessian takes a function that returns one number; this one returned {points.m}")
    n = points.n
    value, error, step = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    size = np.abs(points.x.ravel())
    for i in range(n):
        for j in range(i + 1):
            v = np.zeros(n)
            v[i] += 1.0
            v[j] = 1.0
            swept = sweep(points, v, ladder(float(max(size[i], size[j]))))
            value[i, j], error[i, j] = swept.second.value[0], swept.second.error[0]
            step[i, j] = swept.steps[swept.second.level[0]]
    square = np.diag(value)
    for i in range(n):
        for j in range(i):
            # (e_i + e_j)'H(e_i + e_j) = H_ii + H_jj + 2 H_ij
            value[i, j] = value[j, i] = (value[i, j] - square[i] - square[j]) / 2.0
            error[i, j] = error[j, i] = (error[i, j] + error[i, i] + error[j, j]) / 2.0
            step[j, i] = step[i, j]
    shape = points.shape * 2
    return Estimate(value.reshape(shape)[()], error.reshape(shape)[()], step.reshape(shape)[()], points.count)
