"""Exact derivatives of plain NumPy and SciPy code."""

from dualad import duck as _duck_room  # noqa: F401 - hangs the protocols on the compiled classes
from dualad.drivers.first import derivative, grad, jacobian, jvp, value_and_grad
from dualad.drivers.second import hessian, hvp
from dualad.forward.kernels import Dual, HyperDual

__version__ = "0.1.0"

__all__ = [
    "Dual", "HyperDual", "__version__", "derivative", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad",
]  # fmt: skip
