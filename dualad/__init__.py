"""Exact derivatives of plain NumPy and SciPy code."""

from dualad import duck as _duck_room  # noqa: F401 - hangs the protocols on the compiled classes
from dualad import reverse as _reverse_room  # noqa: F401
from dualad.draw import draw, trace_table
from dualad.drivers.backward import grad, value_and_grad, vjp
from dualad.drivers.custom import custom_jvp, custom_vjp, define
from dualad.drivers.first import derivative, jacobian, jvp
from dualad.drivers.recording import record
from dualad.drivers.second import hessian, hvp
from dualad.forward.kernels import Dual, HyperDual

__version__ = "0.1.0"

__all__ = [
    "Dual", "HyperDual", "__version__", "compile", "custom_jvp", "custom_vjp", "define", "derivative", "draw", "grad",
    "hessian", "hvp", "jacobian", "jvp", "record", "trace_table", "value_and_grad", "vjp",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Load what is seldom needed when it is first asked for."""
    if name == "check_grad":
        from dualad.check import check_grad

        return check_grad
    if name == "compile":
        from dualad.drivers.compiling import compile

        return compile
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
