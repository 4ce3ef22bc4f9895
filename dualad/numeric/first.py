"""First derivatives by differences: derivative, gradient, jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad import errors
from dualad.numeric.by_scipy import differentiate, one_sided
from dualad.numeric.extrapolation import Estimate
from dualad.numeric.ladder import ladder, sweep, sweep_elements
from dualad.numeric.points import Points, as_tuple

__all__ = ["METHODS", "derivative", "gradient", "jacobian"]

METHODS: Final = ("richardson", "central", "forward", "complex", "scipy")
_STEPPED: Final = ("central", "forward", "complex")  # the methods that take a step
_EPS: Final = float(np.finfo(float).eps)
_TINY_STEP: Final = 1e-30

Function = Callable[..., Any]


def jacobian(
    f: Function,
    x: Any,
    *,
    method: str = "richardson",
    step: float | None = None,
    args: Sequence[Any] = (),
    vectorized: bool = False,
) -> Estimate:
    """Return the Jacobian of ``f`` at ``x`` by differences, with an estimate of its error.

    Parameters
    ----------
    f : callable
        Function of an array and of ``args``; it returns a number or an array.
    x : array_like
        The point, of shape S.
    method : {"richardson", "central", "forward", "complex", "scipy"}
        Richardson extrapolation over a sweep of steps; two-sided or one-sided differences with one step; the complex
        step (exact to rounding, for f that is analytic and accepts complex numbers); ``scipy.differentiate.jacobian``.
    step : float, optional
        Step of the methods "central" and "forward", relative to ``max(1, abs(x_j))``, and of "complex"; the cube root
        and the square root of the spacing of doubles, and 1e-30, when it is not given.
    args : tuple
        Further arguments of ``f``; as in SciPy one that is no tuple is one argument.
    vectorized : bool
        Whether ``f`` takes many points at once, along a last axis that is added to the shape of x.

    Returns
    -------
    Estimate
        ``value`` and ``error`` of shape T + S, ``step``, and ``evaluations``.

    Raises
    ------
    ValueError
        The method is not known or takes no such step, or ``f`` does not return complex numbers for complex arguments.

    Notes
    -----
    Evaluations of f for n inputs: forward 2 n + 3, central 4 n + 1 (half of them for the estimate of the error),
    complex n + 1, Richardson about 33 n.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import numeric
    >>> found = numeric.jacobian(lambda x: np.array([x[0] * x[1], x[1] ** 2]), np.array([2.0, 3.0]))
    >>> found.value.round(9) + 0.0
    array([[3., 2.],
           [0., 6.]])
    >>> bool(np.all(found.error < 1e-10))
    True
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, not {method!r}")
    if step is not None and not (method in _STEPPED and 0.0 < step < np.inf):
        raise ValueError(errors.wrong_step(step, method, _STEPPED))
    if method == "scipy" and np.size(x):
        return differentiate("jacobian", f, x, args, vectorized)
    points = Points(f, x, args, vectorized, forgiving=method == "richardson")
    value = np.empty((points.m, points.n))
    error, used = np.empty_like(value), np.empty_like(value)
    columns = {"richardson": _richardson, "complex": _complex}.get(method, _one_step)
    if method == "forward" and points.n and not vectorized:
        value, error, used = one_sided(points, _relative(step, 0.5))
    else:
        for j in range(points.n):
            value[:, j], error[:, j], used[:, j] = columns(points, j, method, step)
    shape = points.out + points.shape
    return Estimate(value.reshape(shape)[()], error.reshape(shape)[()], used.reshape(shape)[()], points.count)


def gradient(f: Function, x: Any, **options: Any) -> Estimate:
    """Return the gradient of ``f`` at ``x`` by differences.

    Parameters
    ----------
    f : callable
        Function that returns one number.
    x : array_like
        The point, of shape S.
    **options
        Those of :func:`jacobian`.

    Returns
    -------
    Estimate
        ``value`` and ``error`` of shape S.

    Raises
    ------
    ValueError
        ``f`` returns several numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import numeric
    >>> numeric.gradient(lambda x: np.sum(x**2), np.array([1.0, 2.0]), method="complex").value
    array([2., 4.])
    """
    found = jacobian(f, x, **options)
    shape = np.shape(x)
    if np.size(found.value) != np.size(x):
        raise ValueError(
            "gradient takes a function that returns one number; this one returned several. Perhaps you meant "
            "numeric.jacobian(f, x)?"
        )
    return Estimate(
        np.reshape(found.value, shape), np.reshape(found.error, shape), np.reshape(found.step, shape), found.evaluations
    )


def derivative(f: Function, x: Any, **options: Any) -> Estimate:
    """Return the derivative of a function of one number by differences, at one or many points.

    Parameters
    ----------
    f : callable
        Function of a number that acts on each element of an array by itself.
    x : array_like
        The points, of shape S.
    **options
        Those of :func:`jacobian`, without ``vectorized``: f is always given all points at once by the methods
        "richardson" and "scipy", and one after the other by the rest.

    Returns
    -------
    Estimate
        ``value`` and ``error`` of shape S.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import numeric
    >>> numeric.derivative(np.sin, [0.0, np.pi]).value.round(12)
    array([ 1., -1.])
    """
    x = np.asarray(x, dtype=float)
    method, args = options.get("method", "richardson"), as_tuple(options.get("args", ()))
    if method == "scipy":
        return differentiate("derivative", f, x, args, True)
    if method == "richardson":

        def at(x: Any) -> Any:
            y = np.asarray(f(x, *args))
            if y.shape != x.shape:
                raise errors.WrongShape(errors.not_by_element(x.shape, y.shape))
            return y

        swept = sweep_elements(at, x)
        used = np.take_along_axis(swept.steps, swept.first.level[np.newaxis], axis=0)[0]
        return Estimate(swept.first.value[()], swept.first.error[()], used[()], x.size * (2 * len(swept.steps) + 1))
    parts = [jacobian(f, point, **options) for point in x.ravel()]

    def stacked(name: str) -> Any:
        return np.reshape([getattr(part, name) for part in parts], x.shape)[()]

    return Estimate(stacked("value"), stacked("error"), stacked("step"), sum(part.evaluations for part in parts))


# --- one column of the Jacobian
# ------------------------------------------------------------------------------------------


def _unit(points: Points, j: int) -> Any:
    v = np.zeros(points.n)
    v[j] = 1.0
    return v


def _relative(step: float | None, power: float) -> float:
    return _EPS**power if step is None else float(step)


def _richardson(points: Points, j: int, method: str, step: float | None) -> tuple[Any, Any, Any]:
    swept = sweep(points, _unit(points, j), ladder(abs(float(points.x.ravel()[j]))))
    return swept.first.value, swept.first.error, swept.steps[swept.first.level]


def _one_step(points: Points, j: int, method: str, step: float | None) -> tuple[Any, Any, Any]:
    """Difference with one step; with twice the step it says how far the limit may be."""
    x = points.x.ravel()
    h = _relative(step, 1 / 3 if method == "central" else 0.5) * max(1.0, abs(float(x[j])))
    v = _unit(points, j)
    if method == "central":
        up, down, up2, down2 = points.at(x + np.array([h, -h, 2 * h, -2 * h])[:, np.newaxis] * v)
        near, far = (up - down) / (2 * h), (up2 - down2) / (4 * h)
        left = np.abs(far - near) / 3
    else:
        up, up2 = points.at(x + np.array([h, 2 * h])[:, np.newaxis] * v)
        near, far = (up - points.middle) / h, (up2 - points.middle) / (2 * h)
        left = np.abs(far - near)
    return near, left + 2 * _EPS * np.abs(points.middle) / h, h


def _complex(points: Points, j: int, method: str, step: float | None) -> tuple[Any, Any, Any]:
    h = _TINY_STEP if step is None else step
    moved = points.at((points.x.ravel() + 1j * h * _unit(points, j))[np.newaxis])[0]
    if not np.iscomplexobj(moved) or (points.m and points.returned_real):
        raise ValueError(
            "the complex step needs a function that computes with complex numbers; this one returned real numbers "
            'for a complex argument. Take method="richardson".'
        )
    value = moved.imag / h
    return value, 4 * _EPS * np.abs(value), h
