"""The 27 certified regression problems of NIST from both starts, by ``least_squares`` and ``curve_fit``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from dualad import optimize

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "nist"))

problems = pytest.importorskip("problems", reason="the examples are not here")

# As in examples/nist/fit.py.
SOLVER = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 10_000, "x_scale": "jac"}
# Residuals of 1e-13 beside data of 2.5 leave double precision three digits of the deviations.
DEVIATIONS = {"Lanczos1": 2.5}


def digits(found, certified):
    with np.errstate(divide="ignore"):
        return float(np.clip(-np.log10(np.abs(found - certified) / np.abs(certified)), 0, 11).min())


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", list(problems.MODELS))
def test_certified(name, start):
    problem = problems.load(name)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        found = optimize.least_squares(problem.residual, problem.starts[start], **SOLVER)
        popt, pcov = optimize.curve_fit(
            lambda x, *b: problem.model(b, x), problem.x, problem.y, problem.starts[start], method="trf", **SOLVER
        )
    assert digits(found.x, problem.certified) >= 6
    assert digits(popt, problem.certified) >= 6
    assert digits(np.sqrt(np.diag(pcov)), problem.certified_std) >= DEVIATIONS.get(name, 6)
