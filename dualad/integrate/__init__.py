"""SciPy's solvers of differential equations with exact Jacobians."""

from dualad.integrate.boundary import solve_bvp
from dualad.integrate.initial import odeint, solve_ivp

__all__ = ["odeint", "solve_bvp", "solve_ivp"]
