"""Constraints with exact Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad.drivers.shared import Derivatives

__all__ = ["NonlinearConstraint", "with_derivatives"]

_DIFFERENCES = ("2-point", "3-point", "cs")


def NonlinearConstraint(  # noqa: N802 - SciPy's name
    fun: Callable[..., Any], lb: Any, ub: Any, jac: Any = None, hess: Any = None, **options: Any
) -> Any:
    """``scipy.optimize.NonlinearConstraint`` with the exact Jacobian of ``fun`` and the exact Hessian of ``v @ fun(x)``.

    Parameters
    ----------
    fun : callable
        Function of x, shape (n,), returning shape (m,).
    lb, ub : array_like
        Bounds on ``fun(x)``.
    jac, hess
        As in SciPy, to use instead of the exact ones.
    **options
        SciPy's further arguments.

    Returns
    -------
    scipy.optimize.NonlinearConstraint
    """
    from scipy.optimize import NonlinearConstraint as Constraint

    shared = Derivatives(fun)
    return Constraint(
        _vector(shared.fun),
        lb,
        ub,
        jac=_matrix(shared.jac) if jac is None else jac,
        hess=shared.weighted_hess if hess is None else hess,
        **options,
    )


def _vector(fun: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: np.atleast_1d(fun(*args))


def _matrix(jac: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: np.atleast_2d(jac(*args))


def with_derivatives(constraints: Any) -> Any:
    """Return constraints in any form that SciPy takes, with derivatives where none were given."""
    if isinstance(constraints, dict):
        return _dictionary(constraints)
    if isinstance(constraints, (list, tuple)):
        return type(constraints)(map(with_derivatives, constraints))
    return _object(constraints)


def _dictionary(constraint: dict[str, Any]) -> dict[str, Any]:
    if callable(constraint.get("jac")) or constraint.get("jac") in _DIFFERENCES:
        return constraint
    shared = Derivatives(constraint["fun"])
    return {**constraint, "fun": shared.fun, "jac": shared.jac}


def _object(constraint: Any) -> Any:
    from scipy.optimize import BFGS
    from scipy.optimize import NonlinearConstraint as Constraint

    # SciPy's own defaults, "2-point" and a quasi-Newton update, stand for "nothing given".
    if not isinstance(constraint, Constraint) or constraint.jac != "2-point":
        return constraint
    default = constraint.hess is None or isinstance(constraint.hess, BFGS)
    options = {"keep_feasible": constraint.keep_feasible}
    hess = None if default else constraint.hess
    return NonlinearConstraint(constraint.fun, constraint.lb, constraint.ub, hess=hess, **options)
