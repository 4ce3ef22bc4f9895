"""Boundary value problems: exact Jacobians of the equations at all mesh points at once, and of the conditions."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.drivers.arguments import collect, lanes_of, seeded
from dualad.drivers.first import jacobian
from dualad.duck.levels import fresh_level
from dualad.drivers.wrapping import Arguments, improved

__all__ = ["solve_bvp"]


@improved("scipy.integrate.solve_bvp", "``fun_jac`` and ``bc_jac``.")
def solve_bvp(given: Arguments) -> None:
    """The columns of ``fun`` at different mesh points do not meet, so n (and k) tangents serve the whole mesh."""
    has_parameters = given.get("p") is not None
    if given.get("fun_jac") is None:
        given["fun_jac"] = _mesh_jacobian(given["fun"], has_parameters)
    if given.get("bc_jac") is None:
        given["bc_jac"] = jacobian(given["bc"], argnums=(0, 1, 2) if has_parameters else (0, 1))


def _mesh_jacobian(fun: Any, has_parameters: bool) -> Any:
    def fun_jac(x: Any, y: Any, *p: Any) -> Any:
        n = len(y)
        k = len(p[0]) if has_parameters else 0
        level = fresh_level()
        lanes = n + k
        y_lanes = np.zeros((lanes, *y.shape))
        y_lanes[np.arange(n), np.arange(n)] = 1.0
        arguments = [seeded(np.asarray(y, dtype=float), level, y_lanes, lanes)]
        if has_parameters:
            p_lanes = np.zeros((lanes, k))
            p_lanes[n + np.arange(k), np.arange(k)] = 1.0
            arguments.append(seeded(np.asarray(p[0], dtype=float), level, p_lanes, lanes))
        found = lanes_of(collect(fun(x, *arguments)), level, lanes)[1]
        found = np.array(np.moveaxis(np.broadcast_to(found, (lanes, n, *y.shape[1:])), 0, 1))  # SciPy writes into it
        return (found[:, :n], found[:, n:]) if has_parameters else found

    return fun_jac
