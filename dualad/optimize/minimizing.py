"""Minimizers with exact gradients, Hessians and Hessian-vector products."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.drivers.shared import Derivatives
from dualad.optimize.constraints import with_derivatives
from dualad.drivers.wrapping import Arguments, improved

__all__ = [
    "GRADIENT", "HESSIAN", "PRODUCT", "basinhopping", "differential_evolution", "dual_annealing", "minimize",
    "minimize_scalar", "shgo",
]  # fmt: skip

PRODUCT = frozenset(("newton-cg", "trust-ncg", "trust-krylov", "trust-constr"))
HESSIAN = PRODUCT | {"dogleg", "trust-exact"}
GRADIENT = HESSIAN | {"cg", "bfgs", "l-bfgs-b", "tnc", "slsqp"}
WHOLE = 32  # up to so many unknowns a Hessian is cheaper than the products that an inner iteration asks for


def _method(given: Arguments) -> str:
    """Return the method that SciPy will take."""
    method = given.get("method")
    if method is None:
        constrained = given.get("constraints") not in (None, (), [])
        return "slsqp" if constrained else "bfgs" if given.get("bounds") is None else "l-bfgs-b"
    return method.lower() if isinstance(method, str) else ""


def _fill(given: Arguments) -> None:
    method = _method(given)
    if given.get("constraints") not in (None, (), []):
        given["constraints"] = with_derivatives(given["constraints"])
    own = given.get("jac") is None
    if method not in GRADIENT or not own:
        return
    shared = Derivatives(given["fun"])
    given["fun"], given["jac"] = shared.fun, shared.grad
    if method in HESSIAN and given.get("hess") is None and given.get("hessp") is None:
        if method in PRODUCT and np.size(given["x0"]) > WHOLE:
            given["hessp"] = shared.hessp
        else:
            given["hess"] = shared.hess


@improved("scipy.optimize.minimize", "the gradient, and the Hessian or Hessian-vector products where the method uses them.")
def minimize(given: Arguments) -> None:
    """The value, gradient and Hessian at one x share one recording of ``fun``."""
    _fill(given)


@improved("scipy.optimize.minimize_scalar", "none of its methods uses a derivative, so the call is passed through.")
def minimize_scalar(given: Arguments) -> None:
    """To use a derivative write ``dualad.optimize.minimize(f, [x0])``."""


def _local(given: Arguments, function: str, x0: Any, default: str) -> None:
    """Give the local minimizer of a global method its derivatives."""
    options = dict(given.get("minimizer_kwargs") or {})
    method = options.get("method", default)
    if options.get("jac") is None and isinstance(method, str):
        local: Arguments = {"fun": given[function], "x0": x0, "method": method}
        local.update({name: options[name] for name in ("hess", "hessp", "constraints") if name in options})
        _fill(local)
        given[function] = local["fun"]
        options |= {name: local[name] for name in ("method", "jac", "hess", "hessp", "constraints") if name in local}
    given["minimizer_kwargs"] = options


@improved("scipy.optimize.basinhopping", "its local minimizer receives the gradient.")
def basinhopping(given: Arguments) -> None:
    """The method of the local minimizer is SciPy's default, BFGS, unless ``minimizer_kwargs`` says otherwise."""
    _local(given, "func", given["x0"], "BFGS")


@improved("scipy.optimize.dual_annealing", "its local minimizer receives the gradient.")
def dual_annealing(given: Arguments) -> None:
    """The method of the local minimizer is SciPy's default, L-BFGS-B, unless ``minimizer_kwargs`` says otherwise."""
    _local(given, "func", np.zeros(len(_pairs(given["bounds"]))), "L-BFGS-B")


@improved("scipy.optimize.shgo", "its local minimizer receives the gradient, the constraints their Jacobians.")
def shgo(given: Arguments) -> None:
    """The method of the local minimizer is SciPy's default, SLSQP, unless ``minimizer_kwargs`` says otherwise."""
    if given.get("constraints") is not None:
        given["constraints"] = with_derivatives(given["constraints"])
    _local(given, "func", np.zeros(len(_pairs(given["bounds"]))), "SLSQP")


@improved("scipy.optimize.differential_evolution", "the final polish receives the gradient.")
def differential_evolution(given: Arguments) -> None:
    """The population is evaluated on plain floats; only ``polish`` uses derivatives."""
    if given.get("polish", True) is True:
        fun, args = given["func"], given.get("args", ())

        def polish(_: Any, x0: Any, **options: Any) -> Any:
            constrained = options.get("constraints") not in (None, (), [])
            options.setdefault("method", "trust-constr" if constrained else "L-BFGS-B")
            return minimize(fun, x0, args=args, **options)

        given["polish"] = polish


def _pairs(bounds: Any) -> Any:
    return bounds.lb if hasattr(bounds, "lb") else bounds
