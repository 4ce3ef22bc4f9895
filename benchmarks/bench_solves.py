"""Whole solves: SciPy's own call against the same call through dualad, to the end, in one run.

    python benchmarks/bench_solves.py

The reference is SciPy with what it does where no derivative is given: differences, or the secant method. dualad is run
as it is, compiling where that pays, and with ``compile=False``. Below each table stand the evaluations of the function
by SciPy and by dualad without compiling.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize
from harness import Report

from dualad import integrate, optimize

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples" / "nist"))
sys.path.insert(0, str(ROOT / "tests" / "integrate"))

from stiff_problems import PROBLEMS  # noqa: E402

from problems import load  # noqa: E402

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(500, 20))
LABELS = (FEATURES @ RNG.normal(size=20) + RNG.normal(size=500) > 0).astype(float)


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def loop(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def logistic(w: Any) -> Any:
    z = FEATURES @ w
    return np.sum(np.logaddexp(0, z) - LABELS * z) + 0.5 * np.sum(w**2)


def tridiagonal(x: Any) -> Any:
    padded = np.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def start(n: int) -> Any:
    return np.resize([-1.2, 1.0], n)


Solve = Callable[[Any, Callable[..., Any]], Any]


def solves() -> dict[str, dict[str, tuple[Any, Any, Callable[..., Any], Solve]]]:
    """Return for each table: name -> (SciPy's module, ours, the function, the call)."""
    tables: dict[str, Any] = {"minimize": {}, "least squares and roots": {}, "differential equations": {}}

    def add(table: str, name: str, f: Any, call: Solve) -> None:
        modules = (scipy.integrate, integrate) if table == "differential equations" else (scipy.optimize, optimize)
        tables[table][name] = (*modules, f, call)

    for method, f, n in (
        ("BFGS", rosenbrock, 2), ("BFGS", rosenbrock, 20), ("BFGS", loop, 20), ("BFGS", logistic, 20),
        ("CG", rosenbrock, 20), ("L-BFGS-B", rosenbrock, 20), ("L-BFGS-B", rosenbrock, 200), ("L-BFGS-B", logistic, 20),
        ("SLSQP", rosenbrock, 20), ("TNC", logistic, 20), ("trust-constr", logistic, 20),
    ):  # fmt: skip
        x0 = np.zeros(n) if f is logistic else start(n)
        add("minimize", f"{method}, {f.__name__} n={n}", f, lambda m, f, x0=x0, k=method: m.minimize(f, x0, method=k))
    fits = "least squares and roots"
    for problem in (load("Gauss1"), load("Thurber")):
        b0 = problem.starts[1]
        add(fits, f"least_squares, {problem.name}", problem.residual, lambda m, f, b=b0: m.least_squares(f, b))
        model = functools.partial(lambda p, x, *b: p.model(b, x), problem)
        add(fits, f"curve_fit, {problem.name}", model, lambda m, f, p=problem, b=b0: m.curve_fit(f, p.x, p.y, p0=b))
    for n in (10, 100):
        x0 = -np.ones(n)
        add(fits, f"least_squares, tridiagonal n={n}", tridiagonal, lambda m, f, x0=x0: m.least_squares(f, x0))
        add(fits, f"root, tridiagonal n={n}", tridiagonal, lambda m, f, x0=x0: m.root(f, x0))
    add(fits, "newton", lambda x: x**3 - np.cos(x), lambda m, f: m.newton(f, 0.5))
    for problem in PROBLEMS:
        for method in ("Radau", "BDF", "LSODA"):
            options = {"method": method, "rtol": 1e-6, "atol": problem.atol * 100}
            add(
                "differential equations",
                f"{problem.name}, {method}",
                problem.f,
                lambda m, f, p=problem, options=options: m.solve_ivp(f, (0, p.end), p.start, **options),
            )
    mesh = np.linspace(0, 1, 11)
    add(
        "differential equations",
        "solve_bvp, Bratu",
        lambda x, y: np.stack([y[1], -np.exp(y[0])]),
        lambda m, f: m.solve_bvp(f, lambda a, b: np.stack([a[0], b[0]]), mesh, np.zeros((2, 11)), tol=1e-6),
    )
    return tables


class Uncompiled:
    """The functions of one of our modules with ``compile=False``."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(self.module, name), compile=False)


def evaluations(module: Any, f: Callable[..., Any], call: Solve) -> int:
    """Return how often the Python body of ``f`` runs in one solve."""
    runs = 0

    def counted(*args: Any) -> Any:
        nonlocal runs
        runs += 1
        return f(*args)

    call(module, counted)
    return runs


def main() -> int:
    report = Report("solves", __doc__.splitlines()[0])
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        for table, cases in solves().items():
            if not report.table(f"Solves: {table}", "evaluations of the function, SciPy's and ours:"):
                continue
            counts = []
            for name, (theirs, ours, f, call) in cases.items():
                both = {
                    "SciPy": functools.partial(call, theirs, f),
                    "dualad": functools.partial(call, ours, f),
                    "not compiled": functools.partial(call, Uncompiled(ours), f),
                }
                report.compare(name, both)
                counts.append(f"{name} {evaluations(theirs, f, call)}, {evaluations(Uncompiled(ours), f, call)}")
            report.remark("; ".join(counts))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
