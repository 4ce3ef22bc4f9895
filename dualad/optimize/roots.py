"""Root finders with exact Jacobians and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from dualad.drivers.first import jvp
from dualad.drivers.shared import Derivatives
from dualad.drivers.wrapping import Arguments, Solve, improved

__all__ = ["fsolve", "newton", "root", "root_scalar"]


@improved(scipy_optimize.root)
def root(given: Arguments, solve: Solve) -> None:
    """Find a root of a vector function, as ``scipy.optimize.root``, with the exact Jacobian.

    Parameters
    ----------
    fun, x0, args, method, jac, tol, callback, options
        As in SciPy. Where ``jac`` is not given, the methods ``hybr`` and ``lm`` receive the exact Jacobian. The others
        take no Jacobian from outside: they are called as they are.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> found = optimize.root(lambda x: [x[0] + x[1] - 3, x[0] ** 2 + x[1] ** 2 - 9], [1.0, 5.0])
    >>> found.x.round(6) + 0.0
    array([0., 3.])
    """
    if given.get("jac") in (None, False) and str(given.get("method", "hybr")).lower() in ("hybr", "lm"):
        shared = solve.derivatives(given["fun"])
        across = bool((given.get("options") or {}).get("col_deriv"))
        given["fun"], given["jac"] = shared.fun, _matrix(shared, across)


@improved(scipy_optimize.fsolve)
def fsolve(given: Arguments, solve: Solve) -> None:
    """Find a root of a vector function, as ``scipy.optimize.fsolve``, with the exact Jacobian.

    Parameters
    ----------
    func, x0, args, fprime, full_output, col_deriv, xtol, maxfev, band, epsfcn, factor, diag
        As in SciPy. Where ``fprime`` is not given, it is the exact Jacobian, by columns where ``col_deriv`` asks for
        it.

    Returns
    -------
    x : ndarray
        And with ``full_output`` what SciPy adds.

    Examples
    --------
    >>> from dualad import optimize
    >>> optimize.fsolve(lambda x: x**2 - 2, 1.0).round(6)
    array([1.414214])
    """
    if given.get("fprime") is None:
        shared = solve.derivatives(given["func"])
        given["func"], given["fprime"] = shared.fun, _matrix(shared, bool(given.get("col_deriv", 0)))


def _matrix(shared: Derivatives, across: bool) -> Callable[..., Any]:
    """Return the Jacobian as a matrix, its transpose where MINPACK is to take it by columns."""

    def jac(x: Any, *args: Any) -> Any:
        found = np.reshape(shared.jac(x, *args), (-1, np.size(x)))
        return found.T if across else found

    return jac


@improved(scipy_optimize.root_scalar)
def root_scalar(given: Arguments, solve: Solve) -> None:
    """Find a root of a function of one number, as ``scipy.optimize.root_scalar``, with exact derivatives.

    Parameters
    ----------
    f, args, method, bracket, fprime, fprime2, x0, x1, xtol, rtol, maxiter, options
        As in SciPy. Newton's method, which SciPy takes where neither a bracket nor a second point is given, receives
        the exact derivative, and Halley's method the second derivative too.

    Returns
    -------
    scipy.optimize.RootResults

    Examples
    --------
    >>> from dualad import optimize
    >>> found = optimize.root_scalar(lambda x: x**3 - 2, x0=1.0, method="halley")
    >>> round(float(found.root), 12), found.method
    (1.259921049895, 'halley')
    """
    method = str(given.get("method") or "").lower()
    if not method and given.get("bracket") is None and given.get("x1") is None and not given.get("fprime"):
        method = "newton"
    if method not in ("newton", "halley") or _not_real(given.get("x0")):
        return
    shared = solve.derivatives(given["f"])
    slope, curvature = given.get("fprime"), given.get("fprime2")
    if not slope:
        given["f"], given["fprime"] = shared.fun, shared.grad
    if method == "halley" and not curvature and slope is not True:
        given["fprime2"] = lambda x, *args: np.reshape(shared.hess(x, *args), np.shape(x))[()]


@improved(scipy_optimize.newton)
def newton(given: Arguments, solve: Solve) -> None:
    """Find a root by Newton's or Halley's method, as ``scipy.optimize.newton``, with the exact derivative.

    Parameters
    ----------
    func, x0, fprime, args, tol, maxiter, fprime2, x1, rtol, full_output, disp
        As in SciPy. Where neither ``fprime`` nor a second point ``x1`` is given, SciPy would take the secant method;
        here it is Newton's with the exact derivative. For an array ``x0`` the function is elementwise, and so is its
        derivative.

    Returns
    -------
    root : float or ndarray
        And with ``full_output`` what SciPy adds.

    Notes
    -----
    For complex ``x0`` SciPy is called as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> optimize.newton(lambda x: x**2 - np.array([2.0, 3.0]), np.array([1.0, 1.0])).round(6)
    array([1.414214, 1.732051])
    """
    if given.get("fprime") is not None or given.get("x1") is not None or _not_real(given.get("x0")):
        return
    func = given["func"]
    shared = solve.derivatives(func) if np.ndim(given["x0"]) == 0 else _Elementwise(func)
    given["func"], given["fprime"] = shared.fun, shared.grad


def _not_real(x0: Any) -> bool:
    return x0 is None or np.iscomplexobj(x0)


class _Elementwise:
    """Value and derivative of an elementwise function: one tangent serves all elements."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._f = f
        self._last: tuple[bytes, tuple[Any, Any]] | None = None

    def _at(self, x: Any, args: tuple[Any, ...]) -> tuple[Any, Any]:
        key = np.asarray(x).tobytes()
        last = self._last
        if last is None or last[0] != key:
            last = (key, jvp(lambda x: self._f(x, *args), (x,), (np.ones(np.shape(x)),)))
            self._last = last
        return last[1]

    def fun(self, x: Any, *args: Any) -> Any:
        return self._at(x, args)[0]

    def grad(self, x: Any, *args: Any) -> Any:
        return self._at(x, args)[1]
