"""Initial value problems: exact Jacobians for the implicit methods."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.drivers.first import jacobian
from dualad.drivers.wrapping import Arguments, improved

__all__ = ["odeint", "solve_ivp"]

_IMPLICIT = frozenset(("Radau", "BDF", "LSODA"))


@improved("scipy.integrate.solve_ivp", "``jac`` for Radau, BDF and LSODA.")
def solve_ivp(given: Arguments) -> None:
    """The explicit methods use no Jacobian and are passed through.

    The right-hand side is evaluated on plain floats, far more often than the Jacobian is asked for.
    """
    method = given.get("method", "RK45")
    name = method if isinstance(method, str) else getattr(method, "__name__", "")
    options = given.get("options", {})
    if name not in _IMPLICIT or options.get("jac") is not None:
        return
    fun = given["fun"]
    exact = jacobian(lambda y, t, *args: fun(t, y, *args))
    given["options"] = {**options, "jac": lambda t, y, *args: np.atleast_2d(exact(y, t, *args))}


@improved("scipy.integrate.odeint", "``Dfun``.")
def odeint(given: Arguments) -> None:
    """``Dfun`` is filled in, by rows or (``col_deriv``) by columns."""
    if given.get("Dfun") is not None:
        return
    func = given["func"]
    first = bool(given.get("tfirst", False))
    exact = jacobian(func, argnums=1 if first else 0)
    across = bool(given.get("col_deriv", 0))

    def slope(*args: Any) -> Any:
        found = np.atleast_2d(exact(*args))
        return found.T if across else found

    given["Dfun"] = slope
