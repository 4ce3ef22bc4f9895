"""The worked example of Newton's method shows what it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "newton"))

newton = pytest.importorskip("newton", reason="the examples are not here")


def test_digits(capsys):
    best = newton.part_1()
    assert best["exact gradient, exact Hessian"] >= 15
    assert best["first and second differences"] < 10


@pytest.mark.slow
def test_all_of_it(capsys):
    assert newton.main() == 0
    assert "trust-exact" in capsys.readouterr().out
