"""Global minimizers: the search runs on plain numbers, the local minimizers receive exact derivatives."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import optimize as scipy_optimize

from dualad.drivers.shared import Derivatives
from dualad.drivers.wrapping import Arguments, Solve, improved
from dualad.optimize.minimizing import GRADIENT, constrained, method_of, minimize

__all__ = ["basinhopping", "differential_evolution", "dual_annealing", "shgo"]


class _Minimizer(str):
    """The name of a method, and a minimizer of that name with derivatives.

    SciPy calls a method that can be called, and ``shgo`` reads its name before it does. All local searches share the
    derivatives of one function, and so what was compiled for them.
    """

    compile: bool | None = None
    shared: Derivatives | None = None

    def __call__(self, fun: Any, x0: Any, **given: Any) -> Any:
        named = ("args", "jac", "hess", "hessp", "bounds", "constraints", "callback", "tol")
        arguments = {name: given.pop(name) for name in named if name in given}
        if self.compile is not False and str(self).lower() in GRADIENT and not arguments.get("jac"):
            if self.shared is None or self.shared.function is not fun:
                self.shared = Derivatives(fun, self.compile)
            fun = self.shared.fun
        return minimize(fun, x0, method=str(self), options=given, compile=self.compile, **arguments)


def _local(given: Arguments, solve: Solve, **defaults: Any) -> None:
    """Put the minimizer with derivatives in the place of the one that SciPy would take."""
    options = {**defaults, **(given.get("minimizer_kwargs") or {})}
    method, jac = method_of(options), options.get("jac")
    # A string asks for differences; with True the function returns its own gradient.
    if method and not isinstance(jac, str) and jac is not True:
        minimizer = _Minimizer(method)
        minimizer.compile = solve.compile
        given["minimizer_kwargs"] = {**options, "method": minimizer}


@improved(scipy_optimize.basinhopping)
def basinhopping(given: Arguments, solve: Solve) -> None:
    """Find a global minimum, as ``scipy.optimize.basinhopping``, with derivatives for the local minimizer.

    Parameters
    ----------
    func, x0, niter, T, stepsize, minimizer_kwargs, take_step, accept_test, callback, interval, disp, niter_success
        As in SciPy, with its further arguments. The method that ``minimizer_kwargs`` names receives the derivatives as
        in :func:`dualad.optimize.minimize`.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> wavy = lambda x: np.cos(14.5 * x[0] - 0.3) + (x[0] + 0.2) * x[0]
    >>> found = optimize.basinhopping(wavy, [1.0], niter=50, seed=1)
    >>> found.x.round(4)
    array([-0.1951])
    """
    _local(given, solve)


@improved(scipy_optimize.dual_annealing)
def dual_annealing(given: Arguments, solve: Solve) -> None:
    """Find a global minimum, as ``scipy.optimize.dual_annealing``, with derivatives for the local searches.

    Parameters
    ----------
    func, bounds, args, minimizer_kwargs, no_local_search
        As in SciPy. The annealing evaluates ``func`` on plain numbers; the local searches are those of
        :func:`dualad.optimize.minimize`.
    maxiter, initial_temp, restart_temp_ratio, visit, accept, maxfun
        As in SciPy, with its further arguments.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> def rastrigin(x):
    ...     return 10 * x.size + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))
    >>> found = optimize.dual_annealing(rastrigin, [(-5.12, 5.12)] * 2, maxiter=100, seed=1)
    >>> round(float(found.fun), 6)
    0.0
    """
    if given.get("minimizer_kwargs"):
        return _local(given, solve)
    # What SciPy takes where nothing is given, and only there.
    bounds = given["bounds"]
    pairs = list(zip(bounds.lb, bounds.ub)) if hasattr(bounds, "lb") else list(map(tuple, bounds))
    _local(given, solve, method="L-BFGS-B", options={"maxiter": min(max(6 * len(pairs), 100), 1000)}, bounds=pairs)


@improved(scipy_optimize.shgo)
def shgo(given: Arguments, solve: Solve) -> None:
    """Find a global minimum, as ``scipy.optimize.shgo``, with derivatives for the local minimizer.

    Parameters
    ----------
    func, bounds, args, constraints, n, iters, callback, minimizer_kwargs, options, sampling_method, workers
        As in SciPy. The samples are evaluated on plain numbers; the local minimizer, SLSQP unless ``minimizer_kwargs``
        names another, receives the gradient and the Jacobians of the constraints.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Examples
    --------
    >>> from dualad import optimize
    >>> found = optimize.shgo(lambda x: (x[0] ** 2 - 1) ** 2 + (x[1] - 0.5) ** 2, [(-2, 3), (-2, 2)])
    >>> found.x.round(5)
    array([1. , 0.5])
    """
    if (given.get("options") or {}).get("jac") is not True:
        # SciPy's, where nothing is given.
        tolerance = {} if given.get("minimizer_kwargs") else {"options": {"ftol": 1e-12}}
        _local(given, solve, method="SLSQP", **tolerance)


@improved(scipy_optimize.differential_evolution)
def differential_evolution(given: Arguments, solve: Solve) -> None:
    """Find a global minimum, as ``scipy.optimize.differential_evolution``, with derivatives for the final polish.

    Parameters
    ----------
    func, bounds, args, strategy, maxiter, popsize, tol, mutation, recombination, seed, callback, disp, polish, init
        As in SciPy, with its further arguments. The population is evaluated on plain numbers; where ``polish`` is left
        to SciPy, its minimizer receives the gradient, and with constraints the Hessian too.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Notes
    -----
    With ``integrality``, and in versions of SciPy that take no function for ``polish``, the polish is SciPy's own.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> found = optimize.differential_evolution(lambda x: np.sum((x - 0.3) ** 4), [(-2, 2)] * 2, seed=1)
    >>> bool(np.all(abs(found.x - 0.3) < 1e-2))
    True
    """
    if given.get("polish", True) is not True or given.get("integrality") is not None:
        return
    func, args = given["func"], given.get("args", ())
    args = args if isinstance(args, tuple) else (args,)

    def one(x: Any) -> Any:
        # A vectorized function takes the members of the population as columns.
        return np.reshape(func(np.reshape(x, (-1, 1)), *args), ()) if given.get("vectorized") else func(x, *args)

    @functools.wraps(minimize)
    def polish(_: Any, x0: Any, **options: Any) -> Any:
        method = "trust-constr" if constrained(options) else "L-BFGS-B"
        return minimize(one, x0, method=method, compile=solve.compile, **options)

    given["polish"] = polish
