"""The 27 models of NIST, at both starting points: every derivative passes every test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad.testing import assert_grad

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "nist"))  # the examples are no package
from problems import load_all


@pytest.mark.parametrize("problem", list(load_all()), ids=lambda problem: problem.name)
def test_residual(problem: Any) -> None:
    for start in problem.starts:
        assert_grad(lambda b: problem.model(b, problem.x) - problem.y, np.asarray(start, dtype=float))
