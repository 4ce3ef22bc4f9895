"""Minimizers with exact gradients, Hessians and Hessian-vector products."""

from __future__ import annotations

import numpy as np
from scipy import optimize as scipy_optimize

from dualad.drivers.wrapping import Arguments, Solve, improved
from dualad.optimize.constraints import with_derivatives
from dualad.optimize.stopping import with_barrier

__all__ = ["GRADIENT", "constrained", "method_of", "minimize", "minimize_scalar"]

_PRODUCT = frozenset(("newton-cg", "trust-ncg", "trust-krylov", "trust-constr"))
_HESSIAN = _PRODUCT | {"dogleg", "trust-exact"}
GRADIENT = _HESSIAN | {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
_CONSTRAINED = frozenset(("slsqp", "trust-constr"))
_WHOLE = 32  # up to so many unknowns a Hessian is cheaper than the products that an inner iteration asks for


def method_of(given: Arguments) -> str:
    """Return the method that SciPy will take, in small letters; "" for a minimizer of the caller's own."""
    method = given.get("method")
    if method is None:
        return "slsqp" if constrained(given) else "bfgs" if given.get("bounds") is None else "l-bfgs-b"
    return method.lower() if isinstance(method, str) else ""


def constrained(given: Arguments) -> bool:
    """Say whether there are constraints, in whatever form."""
    constraints = given.get("constraints")
    return len(constraints) > 0 if isinstance(constraints, (list, tuple, dict)) else constraints is not None


def _fill(given: Arguments, solve: Solve) -> None:
    """Fill in what the method uses and the caller has not given."""
    method = method_of(given)
    if method in _CONSTRAINED and constrained(given):
        given["constraints"] = with_derivatives(given["constraints"], method, solve)
    jac = given.get("jac")
    curved = method in _HESSIAN and given.get("hess") is None and given.get("hessp") is None
    if method not in GRADIENT or isinstance(jac, str) or (jac and not curved):
        return
    fun = given["fun"]
    if jac is True:
        shared = solve.derivatives(lambda x, *args: fun(x, *args)[0])  # it returns its own gradient too
    else:
        shared = solve.derivatives(fun)
        given["fun"], given["jac"] = shared.fun, jac or shared.grad
    if method == "trust-constr":
        given["callback"] = with_barrier(given.get("callback"))
    if curved:
        products = method in _PRODUCT and np.size(given["x0"]) > _WHOLE
        given["hessp" if products else "hess"] = shared.hessp if products else shared.hess


@improved(scipy_optimize.minimize)
def minimize(given: Arguments, solve: Solve) -> None:
    """Minimize a function of several variables, as ``scipy.optimize.minimize``, with exact derivatives.

    Parameters
    ----------
    fun, x0, args, method, jac, hess, hessp, bounds, constraints, tol, callback, options
        As in SciPy. Of the derivatives that are not given, each method receives those that it uses: the gradient; the
        Hessian, or its products with vectors where there are many variables and the method can do with them; the
        Jacobians of the constraints, and for ``trust-constr`` their Hessians. ``jac="2-point"`` asks SciPy for
        differences.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    The value, the gradient and the Hessian at one x share one recording of ``fun``. The methods without derivatives
    (Nelder-Mead, Powell, COBYLA, COBYQA) and minimizers of one's own are called as SciPy calls them.

    With exact Hessians SciPy's ``trust-constr`` would stop while its barrier for the inequalities is still high, at
    four digits. Here the barrier parameter counts into ``optimality``, so that ``gtol`` is met when it is as small as
    that.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> def rosenbrock(x):
    ...     return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> found = optimize.minimize(rosenbrock, [-1.2, 1.0, 0.8], method="trust-exact")
    >>> found.x.round(6), bool(found.success)
    (array([1., 1., 1.]), True)
    """
    _fill(given, solve)


@improved(scipy_optimize.minimize_scalar)
def minimize_scalar(given: Arguments, solve: Solve) -> None:
    """Minimize a function of one number: ``scipy.optimize.minimize_scalar`` as it is, for none of its methods uses a
    derivative.

    Parameters
    ----------
    fun, bracket, bounds, args, method, tol, options
        As in SciPy.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    To use derivatives write ``dualad.optimize.minimize(f, [x0])``.

    Examples
    --------
    >>> from dualad import optimize
    >>> round(float(optimize.minimize_scalar(lambda x: (x - 2) ** 2).x), 6)
    2.0
    """
