"""Constraints with exact Jacobians and Hessians."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from dualad import errors
from dualad.drivers.compressed import Compressed
from dualad.drivers.shared import Derivatives
from dualad.drivers.wrapping import Solve

__all__ = ["NonlinearConstraint", "with_derivatives"]

_DIFFERENCES = ("2-point", "3-point", "cs")


class _ExactHessian(scipy_optimize.BFGS):  # type: ignore[misc]
    """The Hessian of ``v @ fun(x)``; to a method without use for it, the default that is quietly left out."""

    def __init__(self, shared: Derivatives) -> None:
        super().__init__()
        self._shared = shared

    def __call__(self, x: Any, v: Any) -> Any:
        return self._shared.weighted_hess(x, v)


class NonlinearConstraint(scipy_optimize.NonlinearConstraint):  # type: ignore[misc]
    """SciPy's constraint with the exact Jacobian of ``fun`` and the exact Hessian of ``v @ fun(x)``.

    Parameters
    ----------
    fun : callable
        Function of x, shape (n,), returning shape (m,).
    lb, ub : array_like
        Bounds on ``fun(x)``.
    jac, hess
        As in SciPy, to use instead of the exact ones. Beside ``jac`` as a string, that is by differences, SciPy takes
        no exact Hessian.
    keep_feasible, finite_diff_rel_step
        As in SciPy.
    finite_diff_jac_sparsity
        As in SciPy. The exact Jacobian is compressed by it, and sparse.
    compile : bool, optional
        Whether ``fun`` is compiled: not at all, or at once; by default when it pays.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> circle = optimize.NonlinearConstraint(lambda x: x[0] ** 2 + x[1] ** 2, 0, 1)
    >>> optimize.minimize(np.sum, [0.5, 0.0], constraints=circle).x.round(6)
    array([-0.707107, -0.707107])
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        lb: Any,
        ub: Any,
        jac: Any = None,
        hess: Any = None,
        keep_feasible: Any = False,
        finite_diff_rel_step: Any = None,
        finite_diff_jac_sparsity: Any = None,
        *,
        compile: bool | None = None,
    ) -> None:
        pattern = finite_diff_jac_sparsity
        self.shared: Derivatives | None = None
        if jac is None:
            self.shared = shared = Derivatives(fun, compile)
            fun, jac = _vector(shared), _matrix(shared)
            if pattern is not None:
                jac = functools.partial(shared.compressed_jac, Compressed(pattern))
                pattern = None
            hess = _ExactHessian(shared) if hess is None else hess
        hess = scipy_optimize.BFGS() if hess is None else hess
        super().__init__(fun, lb, ub, jac, hess, keep_feasible, finite_diff_rel_step, pattern)


def _vector(shared: Derivatives) -> Callable[..., Any]:
    return lambda x, *args: np.atleast_1d(shared.fun(x, *args))


def _matrix(shared: Derivatives) -> Callable[..., Any]:
    def jac(x: Any, *args: Any) -> Any:
        found = shared.jac(x, *args)
        if np.ndim(found) > 2:
            raise errors.WrongShape(errors.not_a_vector("a constraint", found.shape[: -np.ndim(x)]))
        return np.reshape(found, (-1, np.size(x)))

    return jac


def with_derivatives(constraints: Any, method: str, solve: Solve) -> Any:
    """Return constraints in any form that SciPy takes, with the derivatives that the method uses
    where none were given.
    """
    if isinstance(constraints, (list, tuple)):
        return [with_derivatives(one, method, solve) for one in constraints]
    if isinstance(constraints, dict):
        return _dictionary(constraints, method, solve)
    if isinstance(constraints, scipy_optimize.NonlinearConstraint):
        return _object(constraints, method, solve)
    return constraints


def _object(constraint: Any, method: str, solve: Solve) -> Any:
    # SciPy's own default stands for "nothing given"; in our class None does.
    if not isinstance(constraint, NonlinearConstraint) and constraint.jac == "2-point":
        given = None if isinstance(constraint.hess, scipy_optimize.BFGS) else constraint.hess
        kept = {"keep_feasible": constraint.keep_feasible}
        if constraint.finite_diff_jac_sparsity is not None:
            kept["finite_diff_jac_sparsity"] = constraint.finite_diff_jac_sparsity
        kept["compile"] = solve.compile
        constraint = NonlinearConstraint(constraint.fun, constraint.lb, constraint.ub, hess=given, **kept)
    if getattr(constraint, "shared", None) is not None:
        solve.functions.append(constraint.shared)
    if method != "trust-constr" and isinstance(constraint.hess, _ExactHessian):
        constraint = copy.copy(constraint)
        constraint.hess = scipy_optimize.BFGS()  # SciPy would evaluate the other one once
    return constraint


def _dictionary(constraint: dict[str, Any], method: str, solve: Solve) -> dict[str, Any] | NonlinearConstraint:
    if constraint.get("jac") or "fun" not in constraint:
        return constraint
    if method == "trust-constr" and constraint.get("type") in ("eq", "ineq"):
        # SciPy would turn it into this form itself, without the Hessian.
        fun, args = constraint["fun"], constraint.get("args", ())
        upper = 0.0 if constraint["type"] == "eq" else np.inf
        made = NonlinearConstraint(lambda x: fun(x, *args), 0.0, upper, compile=solve.compile)
        adapted: NonlinearConstraint = _object(made, method, solve)
        return adapted
    shared = solve.derivatives(constraint["fun"])
    return {**constraint, "fun": shared.fun, "jac": _matrix(shared)}
