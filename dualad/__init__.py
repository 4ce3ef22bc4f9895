"""Exact derivatives of plain NumPy and SciPy code."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from dualad import duck as _duck_room  # noqa: F401 - hangs the protocols on the compiled classes
from dualad import reverse as _reverse_room  # noqa: F401
from dualad.draw import draw, trace_table
from dualad.drivers.auto import explain
from dualad.drivers.backward import grad, value_and_grad, vjp
from dualad.drivers.custom import custom_jvp, custom_vjp, define
from dualad.drivers.first import derivative, jacobian, jvp
from dualad.drivers.recording import record
from dualad.drivers.second import hessian, hvp
from dualad.forward.kernels import Dual, HyperDual

if TYPE_CHECKING:
    from dualad import integrate, numeric, optimize, testing
    from dualad.check import check_grad
    from dualad.drivers.compiling import compile

__version__ = "0.1.0"

__all__ = [
    "Dual", "HyperDual", "__version__", "check_grad", "compile", "custom_jvp", "custom_vjp", "define", "derivative",
    "draw", "explain", "grad", "hessian", "hvp", "integrate", "jacobian", "jvp", "numeric", "optimize", "record",
    "testing", "trace_table", "value_and_grad", "vjp",
]  # fmt: skip


# What is seldom needed is loaded when it is first asked for.
_LATER = {"check_grad": "dualad.check", "compile": "dualad.drivers.compiling"}
_MODULES = ("integrate", "numeric", "optimize", "testing")


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    if name in _MODULES:
        return _import_module(f"dualad.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
