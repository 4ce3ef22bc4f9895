"""Forward mode: what a derivative costs, in units of the plain function."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from cases import MODELS, START, residual, rosenbrock
from harness import Report
from scipy.optimize._numdiff import approx_derivative

import dualad

OPERATIONS = ["a + b", "a - b", "a * b", "a / b", "-a", "a * 2.0", "a ** 2", "a * b + c"]
REPEATED = 100  # statements in the body of a function that is timed


def unrolled(statement: str) -> Callable[..., None]:
    """Return a function of a, b and c with the statement many times in its body, so that no loop is timed."""
    space: dict[str, Any] = {"exp": np.exp}
    exec("def run(a, b, c):\n" + f"    {statement}\n" * REPEATED, space)
    return space["run"]


def duals(lanes: int) -> Any:
    """Return three scalars that carry ``lanes`` tangents."""
    tangents = np.arange(1.0, 3 * lanes + 1).reshape(lanes, 3)
    return list(dualad.Dual(np.array([1.25, 0.75, 2.5]), tangents))


def scalars(report: Report) -> None:
    if not report.table("Scalar operations: Dual against a Python float, and a loop written in Python", "Limit: 20 x."):
        return
    plain, one, three = [1.25, 0.75, 2.5], duals(1), duals(3)
    for statement in OPERATIONS:
        run = unrolled(statement)
        calls = {
            "float": partial(run, *plain),
            "Dual, 1 tangent": partial(run, *one),
            "Dual, 3 tangents": partial(run, *three),
        }
        operations = REPEATED * (2 if "+ c" in statement else 1)
        report.compare(statement, calls, limits={"Dual, 1 tangent": 20, "Dual, 3 tangents": 20}, per=operations)
    run = unrolled("exp(a)")
    calls = {"NumPy on a float": partial(run, *plain), "Dual, 1 tangent": partial(run, *one)}
    report.compare("np.exp(a)", calls, per=REPEATED)

    def logistic_map(x: Any) -> Any:
        for _ in range(1000):
            x = 3.7 * x * (1.0 - x)
        return x

    calls = {"float": lambda: logistic_map(0.3), "jvp": lambda: dualad.jvp(logistic_map, (0.3,), (1.0,))}
    report.compare("loop of 3000 operations", calls, limits={"jvp": 20}, per=3000)


def models(report: Report) -> None:
    k, points = 3, 10_000
    title = "Jacobian of a model of 3 parameters at 10 000 points, against one evaluation of the model"
    if not report.table(title, f"Limit: 1.5 (k + 1) = {1.5 * (k + 1):g} evaluations."):
        return
    for name, (model, ends, parameters) in MODELS.items():
        t, b = np.linspace(*ends, points), np.array(parameters)
        f = partial(model, np, t=t)
        jacobian = dualad.jacobian(f)
        finite = approx_derivative(f, b, method="3-point")
        np.testing.assert_allclose(jacobian(b), finite, rtol=1e-6, atol=1e-6 * np.abs(finite).max())
        calls = {
            "model": partial(f, b),
            "jacobian": partial(jacobian, b),
            "SciPy 2-point": partial(approx_derivative, f, b, method="2-point"),
        }
        report.compare(name, calls, limits={"jacobian": 1.5 * (k + 1)})
    counts = ["/".join(fresh(FAULTS.format(name=name, points=points)).split()) for name in MODELS]
    report.remark(f"Page faults of one call in a fresh interpreter, model/jacobian: {', '.join(counts)}.")


# Memory that is returned to the system and taken again costs more than the arithmetic on it; whether that happens
# depends on what a process did before, so it is counted where nothing was done before.
FAULTS = """
import resource
from functools import partial
import numpy as np, dualad
from cases import MODELS
model, ends, parameters = MODELS[{name!r}]
f, b = partial(model, np, t=np.linspace(*ends, {points})), np.array(parameters)
for call in (f, dualad.jacobian(f)):
    call(b)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        call(b)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 100)
"""


def residuals(report: Report) -> None:
    title = "Jacobian of 50 residuals in 5 parameters (Osborne 1), against SciPy's 2-point"
    if not report.table(title, "Limit: the time of SciPy when it is given f at the point, as least_squares gives it."):
        return
    jacobian, at = dualad.jacobian(residual), residual(START)
    finite = approx_derivative(residual, START, method="3-point")
    np.testing.assert_allclose(jacobian(START), finite, rtol=1e-6, atol=1e-6)
    calls = {
        "SciPy 2-point, f known": partial(approx_derivative, residual, START, method="2-point", f0=at),
        "SciPy 2-point": partial(approx_derivative, residual, START, method="2-point"),
        "SciPy 3-point, f known": partial(approx_derivative, residual, START, method="3-point", f0=at),
        "the residual itself": partial(residual, START),
        "dualad.jacobian": partial(jacobian, START),
    }
    report.compare("one Jacobian", calls, limits={"dualad.jacobian": 1.0}, least=1.5)


def hessians(report: Report) -> None:
    if not report.table("Hessians by hyper-dual numbers, against one evaluation of the function", "No limit is set."):
        return

    def loss(b: Any) -> Any:
        return np.sum(residual(b) ** 2)

    for name, f, x in [
        ("sum of squares, 50 x 5", loss, START),
        ("Rosenbrock, n = 2", rosenbrock, np.array([-1.2, 1.0])),
        ("Rosenbrock, n = 10", rosenbrock, np.linspace(-1.0, 1.0, 10)),
        ("Rosenbrock, n = 50", rosenbrock, np.linspace(-1.0, 1.0, 50)),
    ]:
        hessian, gradient = dualad.hessian(f), dualad.grad(f)
        finite = approx_derivative(gradient, x, method="3-point")
        np.testing.assert_allclose(hessian(x), finite, rtol=1e-5, atol=1e-6 * np.abs(finite).max())
        calls = {
            "function": partial(f, x),
            "grad": partial(gradient, x),
            "hessian": partial(hessian, x),
            "2-point of grad": partial(approx_derivative, gradient, x, method="2-point"),
        }
        report.compare(name, calls)


FIRST = """
import numpy as np, dualad
t = np.linspace(0.0, 1.0, 50)
dualad.jacobian(lambda b: b[0] * np.exp(-b[1] * t))(np.array([1.0, 2.0]))
"""


def imports(report: Report) -> None:
    title = "Importing dualad, in milliseconds of a fresh interpreter beyond importing NumPy"
    if not report.table(title, "Limit: 60 ms. Whole processes, from start to end."):
        return
    loaded = fresh("import dualad, sys; print('scipy' in sys.modules)")
    report.remark(f"import dualad imports SciPy: {'no' if loaded.strip() == 'False' else 'YES'}.")
    alone = {"import numpy": partial(fresh, "import numpy")}
    calls = alone | {"import numpy, dualad": partial(fresh, "import numpy, dualad")}
    report.compare("import", calls, limits={"import numpy, dualad": 60}, difference=True, least=6)
    calls = alone | {
        "import and a first Jacobian": partial(fresh, FIRST),
        "import numpy, scipy.special": partial(fresh, "import numpy, scipy.special"),
    }
    report.compare("for comparison", calls, difference=True, least=4)


def fresh(code: str) -> str:
    """Run code in a new interpreter and return what it printed; bytecode is kept, as in any ordinary use."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    here = Path(__file__).parent
    return subprocess.run(command, cwd=here, env=environment, check=True, capture_output=True, text=True).stdout


def main() -> int:
    report = Report("forward", __doc__)
    for part in (scalars, models, residuals, hessians, imports):
        part(report)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
