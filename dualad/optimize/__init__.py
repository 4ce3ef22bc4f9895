"""SciPy's optimizers with exact derivatives: the same names, the same signatures, the same results.

Each method receives exactly the derivatives that it can use; one that uses none is passed through. What the caller
gives (``jac=``, ``hess=``, ``hessp=``, a string such as ``"2-point"``) is left alone.
SciPy's classes that go with them (``Bounds``, ``LinearConstraint`` and others) are here under their names.
"""

from scipy.optimize import BFGS, SR1, Bounds, LinearConstraint, OptimizeResult, RootResults

from dualad.drivers.shared import derivatives
from dualad.optimize.constraints import NonlinearConstraint
from dualad.optimize.fitting import curve_fit, least_squares
from dualad.optimize.minimizing import minimize, minimize_scalar
from dualad.optimize.roots import fsolve, newton, root, root_scalar
from dualad.optimize.searching import basinhopping, differential_evolution, dual_annealing, shgo

__all__ = [
    "BFGS", "SR1", "Bounds", "LinearConstraint", "NonlinearConstraint", "OptimizeResult", "RootResults", "basinhopping",
    "curve_fit", "derivatives", "differential_evolution", "dual_annealing", "fsolve", "least_squares", "minimize",
    "minimize_scalar", "newton", "root", "root_scalar", "shgo",
]  # fmt: skip
