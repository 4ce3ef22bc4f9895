"""Count the evaluations of a function in whole solves, by SciPy alone and through dualad, for optimizing.md.

    python docs/count_evaluations.py            # print the tables
    python docs/count_evaluations.py --write    # and put them between the marks in docs/optimizing.md

What is counted are runs of the function's Python body. They depend on the version of SciPy, not on the machine.
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize

from dualad import integrate, optimize

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "optimizing.md"
sys.path.insert(0, str(ROOT / "tests" / "optimize"))
sys.path.insert(0, str(ROOT / "tests" / "integrate"))

from more_garbow_hillstrom import PROBLEMS as LEAST_SQUARES  # noqa: E402
from more_garbow_hillstrom import discrete_integral_equation, osborne_2  # noqa: E402
from stiff_problems import PROBLEMS as STIFF  # noqa: E402

MINIMIZERS = (
    "Nelder-Mead", "Powell", "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "COBYLA", "COBYQA", "SLSQP", "trust-constr",
    "dogleg", "trust-ncg", "trust-exact", "trust-krylov",
)  # fmt: skip
START = np.resize([-1.2, 1.0], 10)

Solve = Callable[[Any, Callable[..., Any]], Any]


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


class Body:
    """A function that counts the runs of its Python body."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.runs = f, 0

    def __call__(self, *args: Any) -> Any:
        self.runs += 1
        return self.f(*args)


def counted(module: Any, f: Callable[..., Any], solve: Solve) -> tuple[int, Any] | None:
    """Return the runs and the result, None where SciPy wants a derivative and has none."""
    body = Body(f)
    try:
        found = solve(module, body)
    except ValueError:
        return None
    return body.runs, found


def pair(modules: tuple[Any, Any], f: Callable[..., Any], solve: Solve) -> tuple[str, str, Any]:
    """Return both counts and our result."""
    theirs, ours = (counted(module, f, solve) for module in modules)
    assert ours is not None
    return ("needs one" if theirs is None else str(theirs[0])), str(ours[0]), ours[1]


class Uncompiled:
    """The functions of one of our modules with ``compile=False``: replays run no Python, and could not be counted."""

    def __init__(self, module: Any) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(self.module, name), compile=False)


OPTIMIZE, INTEGRATE = (scipy.optimize, Uncompiled(optimize)), (scipy.integrate, Uncompiled(integrate))


def minimizers() -> list[list[str]]:
    rows = [["Method", "SciPy", "dualad", "gradients", "Hessians"]]
    for method in MINIMIZERS:
        if method not in scipy.optimize.minimize.__doc__:
            continue
        theirs, ours, found = pair(OPTIMIZE, rosenbrock, lambda m, f, k=method: m.minimize(f, START, method=k))
        uses = theirs != ours
        rows.append([method, theirs, ours, *(str(found.get(name, "")) if uses else "" for name in ("njev", "nhev"))])
    return rows


def fits_and_roots() -> list[list[str]]:
    rows = [["Call", "SciPy", "dualad", "Jacobians"]]
    start = next(problem.start for problem in LEAST_SQUARES if problem.f is osborne_2)
    for method in ("trf", "dogbox", "lm"):
        call = pair(OPTIMIZE, osborne_2, lambda m, f, k=method: m.least_squares(f, start, method=k))
        rows.append([f"`least_squares`, {method}", *call[:2], str(call[2].njev or "")])
    t = np.linspace(0, 4, 50)
    y = 2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * np.cos(50 * t)
    call = pair(
        OPTIMIZE, lambda t, *p: p[0] * np.exp(-p[1] * t) + p[2], lambda m, f: m.curve_fit(f, t, y, p0=[1, 1, 0])
    )
    rows.append(["`curve_fit`", *call[:2], ""])
    x = np.arange(1, 11) / 11
    for method in ("hybr", "lm"):
        call = pair(
            OPTIMIZE, discrete_integral_equation, lambda m, f, k=method: m.root(f, x * (x - 1), method=k, tol=1e-12)
        )
        rows.append([f"`root`, {method}", *call[:2], str(call[2].njev)])
    call = pair(OPTIMIZE, lambda x: x**3 - np.cos(x), lambda m, f: m.newton(f, 0.5))
    rows.append(["`newton`", *call[:2], ""])
    call = pair(OPTIMIZE, lambda x: x**3 - np.cos(x), lambda m, f: m.root_scalar(f, x0=0.5, method="newton"))
    rows.append(["`root_scalar`, newton", *call[:2], ""])
    return rows


def solvers() -> list[list[str]]:
    rows = [["Problem", "Method", "SciPy", "dualad", "Jacobians"]]
    for problem in STIFF:
        for method in ("Radau", "BDF", "LSODA"):
            theirs, ours, found = pair(
                INTEGRATE,
                problem.f,
                lambda m, f, p=problem, k=method: m.solve_ivp(f, (0, p.end), p.start, method=k, rtol=1e-8, atol=p.atol),
            )
            rows.append([problem.name, method, theirs, ours, str(found.njev)])
    mesh = np.linspace(0, 1, 11)
    theirs, ours, _ = pair(
        INTEGRATE,
        lambda x, y: np.stack([y[1], -np.exp(y[0])]),
        lambda m, f: m.solve_bvp(f, lambda a, b: np.stack([a[0], b[0]]), mesh, np.zeros((2, 11)), tol=1e-6),
    )
    rows.append(["Bratu", "`solve_bvp`", theirs, ours, ""])
    return rows


def table(rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the tables into docs/optimizing.md")
    options = parser.parse_args()
    page = PAGE.read_text()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, count in (("minimize", minimizers), ("fits", fits_and_roots), ("solvers", solvers)):
            text = table(count())
            print(f"{text}\n")
            marks = f"<!-- counts: {name} -->", "<!-- end -->"
            page = re.sub(f"{marks[0]}.*?{marks[1]}", f"{marks[0]}\n{text}\n{marks[1]}", page, flags=re.S)
    if options.write:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
