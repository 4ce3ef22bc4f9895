"""The problems of More, Garbow and Hillstrom, solved with exact Hessians and with exact Jacobians.

One set of options serves all of them. The published minima are given to six digits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dualad import optimize

sys.path.insert(0, str(Path(__file__).parent))

from more_garbow_hillstrom import PROBLEMS, Problem
from scipy_spies import Body, estimates_in_scipy

ALL = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: f"{problem.number}-{problem.name}")


def is_minimum(value: float, problem: Problem) -> bool:
    return any(np.isclose(value, minimum, rtol=1e-5, atol=0 if minimum else 1e-12) for minimum in problem.minima)


def test_all_of_them_are_here():
    assert {problem.number for problem in PROBLEMS} == set(range(1, 36))


@ALL
def test_exact_hessian(problem):
    body = Body(problem.value)
    # Far from a minimum exponentials overflow, and the solver shortens its step.
    with np.errstate(all="ignore"), estimates_in_scipy() as estimates:
        options = {"gtol": 1e-9, "max_trust_radius": 1e6, "maxiter": 1000}
        found = optimize.minimize(body, problem.start, method="trust-exact", options=options)
    assert not estimates and body.runs == body.distinct
    assert is_minimum(found.fun, problem)


@ALL
def test_exact_jacobian(problem):
    body = Body(problem.f)
    with np.errstate(all="ignore"), estimates_in_scipy() as estimates:
        found = optimize.least_squares(
            body, problem.start, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15, compile=False
        )
    assert not estimates and body.runs == body.distinct
    assert is_minimum(2 * found.cost, problem)
