"""Derivatives by differences and by the complex step, with an estimate of their error: for comparison and for checks.

Nothing here knows of dual numbers or tapes: it is the independent witness that :func:`dualad.check_grad` calls.
"""

from dualad.numeric.extrapolation import Estimate
from dualad.numeric.first import derivative, gradient, jacobian
from dualad.numeric.second import hessian

__all__ = ["Estimate", "derivative", "gradient", "hessian", "jacobian"]
