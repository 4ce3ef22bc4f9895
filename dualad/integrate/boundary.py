"""Boundary value problems: exact Jacobians of the equations at all mesh points at once, and of the conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import integrate as scipy_integrate

from dualad.drivers.arguments import collect, lanes_of, seeded
from dualad.drivers.first import jacobian
from dualad.drivers.wrapping import Arguments, Solve, improved
from dualad.duck.levels import fresh_level

__all__ = ["solve_bvp"]


@improved(scipy_integrate.solve_bvp)
def solve_bvp(given: Arguments, solve: Solve) -> None:
    """Solve a boundary value problem, as ``scipy.integrate.solve_bvp``, with exact Jacobians.

    Parameters
    ----------
    fun, bc, x, y, p, S, fun_jac, bc_jac, tol, max_nodes, verbose, bc_tol
        As in SciPy. Where ``fun_jac`` or ``bc_jac`` is not given it is exact.

    Returns
    -------
    Bunch object of SciPy

    Notes
    -----
    The values of ``fun`` at one mesh point depend on the state at that point alone, so n directions (and one for each
    parameter) serve the whole mesh, in one evaluation on dual numbers. Problems with complex ``y`` are solved by SciPy
    as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import integrate
    >>> x = np.linspace(0, 1, 5)
    >>> found = integrate.solve_bvp(
    ...     lambda x, y: np.stack([y[1], -np.exp(y[0])]), lambda ya, yb: [ya[0], yb[0]], x, np.zeros((2, 5)), tol=1e-8
    ... )
    >>> float(found.sol(0.5)[0].round(6))
    0.140539
    """
    if np.iscomplexobj(given["y"]):
        return
    has_parameters = given.get("p") is not None
    fun = given["fun"]
    given["fun"] = solve.direct(fun, 1).fun
    if given.get("fun_jac") is None:
        given["fun_jac"] = _on_mesh(fun, has_parameters)
    if given.get("bc_jac") is None:
        given["bc_jac"] = jacobian(given["bc"], argnums=(0, 1, 2) if has_parameters else (0, 1), mode="forward")


def _on_mesh(fun: Callable[..., Any], has_parameters: bool) -> Callable[..., Any]:
    def fun_jac(x: Any, y: Any, *p: Any) -> Any:
        n, k = len(y), len(p[0]) if has_parameters else 0
        lanes, level = n + k, fresh_level()
        y_lanes, p_lanes = np.zeros((lanes, *y.shape)), np.zeros((lanes, k))
        y_lanes[np.arange(n), np.arange(n)] = 1.0
        p_lanes[n + np.arange(k), np.arange(k)] = 1.0
        arguments = [seeded(np.asarray(y, dtype=float), level, y_lanes, lanes)]
        if has_parameters:
            arguments.append(seeded(np.asarray(p[0], dtype=float), level, p_lanes, lanes))
        found = lanes_of(collect(fun(x, *arguments)), level, lanes)[1]
        found = np.array(np.moveaxis(found, 0, 1))  # SciPy writes into it
        return (found[:, :n], found[:, n:]) if has_parameters else found

    return fun_jac
