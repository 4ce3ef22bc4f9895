"""Least squares with exact Jacobians."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from dualad.drivers.compressed import Compressed
from dualad.drivers.wrapping import Arguments, Solve, improved

__all__ = ["curve_fit", "least_squares"]


@improved(scipy_optimize.least_squares)
def least_squares(given: Arguments, solve: Solve) -> None:
    """Solve a nonlinear least-squares problem, as ``scipy.optimize.least_squares``, with the exact Jacobian.

    Parameters
    ----------
    fun, x0, jac, bounds, method, ftol, xtol, gtol, x_scale, loss, f_scale, max_nfev, args, kwargs
        As in SciPy, with its further arguments. Where ``jac`` is not given it is exact; ``jac="2-point"`` asks SciPy
        for differences.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    The residuals and the Jacobian at one x share one recording of ``fun``. With ``jac_sparsity`` the Jacobian is
    compressed by it, and sparse.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> t = np.array([1, 2, 3, 5, 7, 10])
    >>> y = np.array([109, 149, 149, 191, 213, 224])
    >>> optimize.least_squares(lambda b: b[0] * (1 - np.exp(-b[1] * t)) - y, [100, 0.75]).x.round(4)
    array([213.8092,   0.5472])
    """
    pattern = given.get("jac_sparsity")
    # SciPy says in its own words that MINPACK takes no pattern.
    if given.get("jac") is None and not (pattern is not None and given.get("method") == "lm"):
        shared = solve.derivatives(given["fun"])

        def jac(x: Any, *args: Any, **kwargs: Any) -> Any:
            return np.atleast_2d(shared.jac(x, *args, **kwargs))

        if pattern is not None:
            jac = functools.partial(shared.compressed_jac, Compressed(pattern))
        given["fun"], given["jac"] = shared.fun, jac


@improved(scipy_optimize.curve_fit)
def curve_fit(given: Arguments, solve: Solve) -> None:
    """Fit a model to data, as ``scipy.optimize.curve_fit``, with the exact Jacobian in the parameters.

    Parameters
    ----------
    f, xdata, ydata, p0, sigma, absolute_sigma, check_finite, bounds, method, jac
        As in SciPy, with its further arguments. Where ``jac`` is not given, the fit and the covariance of the
        parameters are made with the exact Jacobian.

    Returns
    -------
    popt : ndarray
        The parameters.
    pcov : ndarray
        Their estimated covariance. With ``full_output`` SciPy's further results follow.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> x = np.linspace(0, 4, 9)
    >>> popt, pcov = optimize.curve_fit(lambda x, a, b: a * np.exp(-b * x), x, 2.5 * np.exp(-1.3 * x))
    >>> popt.round(6)
    array([2.5, 1.3])
    """
    if given.get("jac") is not None:
        return
    f, data = given["f"], np.size(given["ydata"])
    if isinstance(given["xdata"], range):
        given["xdata"] = np.asarray(given["xdata"], dtype=float)  # as SciPy does with lists and tuples
    shared = solve.derivatives(lambda parameters, x: f(x, *parameters))

    @functools.wraps(f)  # SciPy counts the parameters in the signature
    def model(x: Any, *parameters: Any) -> Any:
        return shared.fun(np.array(parameters, dtype=float), x)

    def jac(x: Any, *parameters: Any) -> Any:
        found = shared.jac(np.array(parameters, dtype=float), x)
        if found.ndim == 1:
            # A model without x is one number, which SciPy spreads over the data.
            return np.repeat(found[np.newaxis], np.shape(x)[-1] if np.ndim(x) else data, axis=0)
        return found

    given["f"], given["jac"] = model, jac
    sigma = given.get("sigma")
    if sigma is not None and np.ndim(sigma) == 0:
        given["sigma"] = np.full(np.shape(given["ydata"]), sigma)  # beside a Jacobian SciPy takes no single number
