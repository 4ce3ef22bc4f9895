"""Least squares with exact Jacobians."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from dualad.drivers.shared import Derivatives
from dualad.drivers.wrapping import Arguments, improved

__all__ = ["curve_fit", "least_squares"]


@improved("scipy.optimize.least_squares", "the Jacobian of the residuals.")
def least_squares(given: Arguments) -> None:
    """Residuals and Jacobian at one x share one recording of ``fun``; ``jac="2-point"`` asks SciPy for differences."""
    if given.get("jac") is None:
        shared = Derivatives(given["fun"])
        given["fun"], given["jac"] = shared.fun, lambda *args, **kwargs: np.atleast_2d(shared.jac(*args, **kwargs))


@improved("scipy.optimize.curve_fit", "the Jacobian in the parameters, for the fit and for the covariance.")
def curve_fit(given: Arguments) -> None:
    """Model and Jacobian at one set of parameters share one recording of ``f``."""
    if given.get("jac") is not None:
        return
    f = given["f"]
    shared = Derivatives(lambda parameters, x: f(x, *parameters))

    @functools.wraps(f)  # SciPy counts the parameters in the signature
    def model(x: Any, *parameters: Any) -> Any:
        return shared.fun(np.array(parameters, dtype=float), x)

    def jac(x: Any, *parameters: Any) -> Any:
        return shared.jac(np.array(parameters, dtype=float), x)

    given["f"], given["jac"] = model, jac
