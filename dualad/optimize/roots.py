"""Root finders with exact Jacobians and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.drivers.first import jvp
from dualad.drivers.shared import Derivatives
from dualad.drivers.wrapping import Arguments, improved

__all__ = ["fsolve", "newton", "root", "root_scalar"]


@improved("scipy.optimize.root", "the Jacobian, for the methods hybr and lm.")
def root(given: Arguments) -> None:
    """The other methods build their own approximation and are passed through."""
    if given.get("jac") is None and given.get("method", "hybr") in ("hybr", "lm"):
        shared = Derivatives(given["fun"])
        given["fun"], given["jac"] = shared.fun, lambda *args: np.atleast_2d(shared.jac(*args))


@improved("scipy.optimize.fsolve", "the Jacobian.")
def fsolve(given: Arguments) -> None:
    """``fprime`` is filled in, by rows; with ``col_deriv`` by columns, as SciPy takes it."""
    if given.get("fprime") is None:
        shared = Derivatives(given["func"])
        across = bool(given.get("col_deriv", 0))

        def fprime(*args: Any) -> Any:
            found = np.atleast_2d(shared.jac(*args))
            return found.T if across else found

        given["func"], given["fprime"] = shared.fun, fprime


@improved("scipy.optimize.root_scalar", "the derivative for newton, and the second derivative for halley.")
def root_scalar(given: Arguments) -> None:
    """Without a bracket, a second point or a method, Newton's method is taken."""
    method = given.get("method")
    if method is None and given.get("bracket") is None and given.get("x1") is None and given.get("x0") is not None:
        method = given["method"] = "halley" if given.get("fprime2") is not None else "newton"
    if method not in ("newton", "halley") or given.get("fprime") is not None:
        return
    shared = Derivatives(given["f"])
    given["f"], given["fprime"] = shared.fun, shared.grad
    if method == "halley" and given.get("fprime2") is None:
        given["fprime2"] = shared.hess


@improved("scipy.optimize.newton", "the derivative; without it SciPy would take the secant method.")
def newton(given: Arguments) -> None:
    """For an array ``x0`` the function is elementwise, and so is its derivative."""
    if given.get("fprime") is not None or given.get("x1") is not None:
        return
    func = given["func"]
    if np.ndim(given["x0"]) == 0:
        shared = Derivatives(func)
        given["func"], given["fprime"] = shared.fun, shared.grad
    else:
        given["fprime"] = lambda x, *args: jvp(lambda x: func(x, *args), (x,), (np.ones_like(x),))[1]
