"""Forward mode beside other libraries, those that are installed: JAX, CasADi, num-dual, autograd, and SciPy.

None of them is needed by the project. To compare with them: pip install jax casadi num-dual autograd
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
from cases import DATA, MODELS, START, TIMES, decays
from harness import Report, installed
from scipy.optimize._numdiff import approx_derivative

import dualad

Model = Callable[[Any, Any, Any], Any]
Call = Callable[[], Any]


def with_dualad(model: Model, b: Any, t: Any, y: Any) -> Call:
    jacobian = dualad.jacobian(lambda b: model(np, b, t) - y)
    return lambda: jacobian(b)


def with_scipy(model: Model, b: Any, t: Any, y: Any) -> Call:
    at = model(np, b, t) - y
    return lambda: approx_derivative(lambda b: model(np, b, t) - y, b, method="2-point", f0=at)


def with_jax(model: Model, b: Any, t: Any, y: Any) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    jacobian = jax.jit(jax.jacfwd(lambda b: model(jax.numpy, b, t) - y))
    return lambda: np.asarray(jacobian(b))


def with_jax_uncompiled(model: Model, b: Any, t: Any, y: Any) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    jacobian = jax.jacfwd(lambda b: model(jax.numpy, b, t) - y)
    return lambda: np.asarray(jacobian(b))


def with_casadi(model: Model, b: Any, t: Any, y: Any) -> Call:
    import casadi

    x = casadi.SX.sym("b", len(b))
    function = casadi.Function("jacobian", [x], [casadi.jacobian(model(casadi, x, casadi.DM(t)) - y, x)])
    return lambda: function(b).full()


def with_num_dual(model: Model, b: Any, t: Any, y: Any) -> Call:
    import num_dual

    return lambda: np.array(num_dual.jacobian(lambda b: list(model(np, b, t) - y), b)[1])


def with_autograd(model: Model, b: Any, t: Any, y: Any) -> Call:
    import autograd

    jacobian = autograd.jacobian(lambda b: model(autograd.numpy, b, t) - y)
    return lambda: jacobian(b)


PEERS = {
    "SciPy 2-point": ("scipy", with_scipy),
    "dualad": ("numpy", with_dualad),
    "CasADi": ("casadi", with_casadi),
    "JAX, compiled": ("jax", with_jax),
    "JAX, not compiled": ("jax", with_jax_uncompiled),
    "num-dual": ("num-dual", with_num_dual),
    "autograd": ("autograd", with_autograd),
}


def compare(report: Report, group: str, model: Model, b: Any, t: Any, y: Any, leave: tuple[str, ...] = ()) -> None:
    """Time the Jacobian of one model by all libraries that are there, after comparing their answers."""
    calls: dict[str, Call] = {}
    right = approx_derivative(lambda b: model(np, b, t) - y, b, method="3-point")
    for name, (package, build) in PEERS.items():
        if installed(package) and name not in leave:
            calls[name] = build(model, b, t, y)
            np.testing.assert_allclose(calls[name](), right, rtol=1e-6, atol=1e-6 * np.abs(right).max(), err_msg=name)
    report.compare(group, calls, least=1.5)


def main() -> int:
    report = Report("peers", __doc__)
    missing = [package for package, _ in PEERS.values() if not installed(package)]
    if missing:
        print(f"not installed, hence left out: {', '.join(sorted(set(missing)))}")
    title = "Jacobians of NumPy models by several libraries, against SciPy's 2-point"
    note = "Compiling and building are not timed. Where there are many points, what is 10 times slower is left out."
    if report.table(title, note):
        compare(report, "50 residuals, 5 parameters", decays, START, TIMES, DATA)
        slow = ("num-dual", "autograd", "JAX, not compiled")
        for name, (model, ends, parameters) in MODELS.items():
            t, b = np.linspace(*ends, 10_000), np.array(parameters)
            compare(report, f"10 000 points, {name.split(',')[0]}", model, b, t, 0.0, slow)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
