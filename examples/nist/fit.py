"""Fit the 27 certified problems of NIST from both starting points: exact Jacobians against finite differences.

    python examples/nist/fit.py [--out FOLDER]

Each of the 54 runs is `scipy.optimize.least_squares` with its default method and tight tolerances, once with
``jac=dualad.jacobian(residual)`` and once with SciPy's own ``jac="2-point"``; nothing else differs.  Digits are the
agreement with the certified values, -log10(|found - certified| / |certified|), the least over all parameters, between 0
and 11 (NIST certifies 11).  The exit status is 1 unless all 54 exact runs reach 6 digits with a median of at least 9.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

import dualad
from problems import Problem, load_all

OUT = Path(__file__).resolve().parents[2] / "build" / "demo"
CERTIFIED_DIGITS = 11
ENOUGH = 6  # digits of a run that counts as solved
MEDIAN = 9  # digits that the median of the exact runs must reach

# As tight as doubles allow, and as many steps as it takes: Bennett5 from its first start needs more than a thousand.
SOLVER = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 10_000, "x_scale": "jac"}


@dataclass(frozen=True)
class Run:
    """What one call of the solver found."""

    b: np.ndarray
    digits: float  # of the certified parameters
    std_digits: float  # of the certified standard deviations
    nfev: int  # evaluations of the residual that SciPy reports: those for differences are not among them
    njev: int  # Jacobians
    calls: int  # calls of the residual in truth, without those that the exact Jacobian makes
    seconds: float


@dataclass(frozen=True)
class Pair:
    """The two runs from one starting point of one problem."""

    problem: Problem
    start: int  # 1 or 2
    exact: Run
    two_point: Run


def digits(found: np.ndarray, certified: np.ndarray) -> float:
    """Decimal digits in which all entries of `found` agree with `certified`."""
    with np.errstate(divide="ignore"):  # log10(0) for perfect agreement
        each = -np.log10(np.abs(found - certified) / np.abs(certified))
    each = np.where(np.isnan(each), 0, each)
    return float(np.clip(each, 0, CERTIFIED_DIGITS).min())


def standard_deviations(jacobian: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """sqrt(diag(s^2 (J'J)^-1)), by QR of J with columns of unit length: forming J'J would cost half the digits."""
    n, p = jacobian.shape
    length = np.linalg.norm(jacobian, axis=0)
    r = np.linalg.qr(jacobian / length, mode="r")
    s = np.sqrt(residual @ residual / (n - p))
    return s * np.linalg.norm(np.linalg.inv(r), axis=1) / length


def fit(problem: Problem, start: int, jac) -> Run:
    calls = 0

    def residual(b):
        nonlocal calls
        calls += 1
        return problem.residual(b)

    began = time.perf_counter()
    # From the wilder starts a trial step may overflow; the solver then shortens the step, so NumPy need not warn.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        result = least_squares(residual, problem.starts[start - 1], jac=jac, **SOLVER)
        seconds = time.perf_counter() - began
        std = standard_deviations(result.jac, result.fun)
    return Run(
        b=result.x,
        digits=digits(result.x, problem.certified),
        std_digits=digits(std, problem.certified_std),
        nfev=result.nfev,
        njev=result.njev,
        calls=calls,
        seconds=seconds,
    )


def fit_both(problem: Problem, start: int) -> Pair:
    exact = fit(problem, start, jac=dualad.jacobian(problem.residual))
    two_point = fit(problem, start, jac="2-point")
    return Pair(problem, start, exact, two_point)


def fit_all(problems: Sequence[Problem]) -> list[Pair]:
    jobs = [(problem, start) for problem in problems for start in (1, 2)]
    return [fit_both(problem, start) for problem, start in with_progress(jobs)]


def with_progress(jobs: Sequence[tuple[Problem, int]]) -> Iterable[tuple[Problem, int]]:
    """The jobs, with a progress bar on stderr: rich's where it is installed, else a plain line."""
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        return _plain_progress(jobs)
    return track(jobs, description="Fitting 27 problems twice", console=Console(stderr=True))


def _plain_progress(jobs: Sequence[tuple[Problem, int]]) -> Iterator[tuple[Problem, int]]:
    for count, (problem, start) in enumerate(jobs, 1):
        print(f"\r[{count}/{len(jobs)}] {problem.name:<10}", end="", file=sys.stderr, flush=True)
        yield problem, start
    print(file=sys.stderr)


def table(pairs: Sequence[Pair]) -> str:
    """One line a run; `par` and `std` are digits of the parameters and of their standard deviations."""
    lines = [
        "                         exact Jacobian (dualad)     differences (SciPy 2-point)",
        "problem    level   start   par   std   nfev   njev     par   std   nfev   njev  calls",
    ]
    lines.append("-" * len(lines[-1]))
    for pair in pairs:
        e, d = pair.exact, pair.two_point
        lines.append(
            f"{pair.problem.name:<10} {pair.problem.difficulty:<7} {pair.start:>5}"
            f"  {e.digits:4.1f}  {e.std_digits:4.1f}  {e.nfev:5d}  {e.njev:5d}"
            f"    {d.digits:4.1f}  {d.std_digits:4.1f}  {d.nfev:5d}  {d.njev:5d}  {d.calls:5d}"
            + ("  *" if d.digits < ENOUGH else "")
            + ("  FEWER THAN 6 EXACT" if e.digits < ENOUGH else "")
        )
    lines += [
        "par, std: digits that agree with the certified parameters and standard deviations, of at most 11",
        "nfev, njev: evaluations of residual and Jacobian as SciPy counts them; calls: with those for the differences",
        f"* fewer than {ENOUGH} digits with 2-point",
        "Lanczos1: residuals of 1e-13 beside data of 2.5 leave double precision three digits of the deviations",
    ]
    return "\n".join(lines)


def summary(name: str, runs: Sequence[Run]) -> str:
    each = np.array([run.digits for run in runs])
    std = np.array([run.std_digits for run in runs])
    return (
        f"{name:<24} {np.count_nonzero(each >= ENOUGH)} of {each.size} runs reach {ENOUGH}+ digits, "
        f"median {np.median(each):.1f}, least {each.min():.1f}; standard deviations: median {np.median(std):.1f}; "
        f"{sum(run.seconds for run in runs):.2f} s"
    )


def verdict(pairs: Sequence[Pair]) -> str | None:
    """What the exact runs missed of the goal, or None."""
    each = np.array([pair.exact.digits for pair in pairs])
    if each.size != 54:
        return f"{each.size} runs were made, 54 are expected"
    if (reached := np.count_nonzero(each >= ENOUGH)) < each.size:
        return f"{reached} of {each.size} exact runs reach {ENOUGH} digits; all of them must"
    if (median := np.median(each)) < MEDIAN:
        return f"the median of the exact runs is {median:.2f} digits; at least {MEDIAN} are expected"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the pictures and the table (%(default)s)")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    pairs = fit_all(list(load_all()))
    report = "\n".join(
        [
            table(pairs),
            "",
            summary("exact (dualad.jacobian)", [pair.exact for pair in pairs]),
            summary("SciPy's 2-point", [pair.two_point for pair in pairs]),
        ]
    )
    print(report)
    written = [out / "nist.txt"]
    written[0].write_text(report + "\n", encoding="utf-8")

    try:
        import pictures
    except ModuleNotFoundError as missing:
        print(f"No pictures: {missing.name} is not installed (pip install 'dualad[plot]').")
    else:
        written += [pictures.fits(pairs, out / "nist_fits.png"), pictures.digits_won(pairs, out / "nist_digits.png")]
    print("Written:", *(str(path) for path in written))

    missed = verdict(pairs)
    if missed is not None:
        print(f"FAILED: {missed}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
