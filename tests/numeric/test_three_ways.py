"""The example that sets the three ways side by side says what is true."""

from __future__ import annotations

import importlib.util
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sympy")


@pytest.fixture(scope="module")
def example() -> Any:
    path = Path(__file__).parents[2] / "examples" / "three_ways" / "three_ways.py"
    spec = importlib.util.spec_from_file_location("three_ways", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["three_ways"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["three_ways"]


@pytest.mark.parametrize("n", [3, 7, 12])
def test_product(example: Any, n: int) -> None:
    cost = example.cost_of_product(n)
    assert cost.alone == n * (n - 2)
    assert cost.reverse == 3 * (n - 1)
    assert cost.errors["dualad"] <= 1e-15
    assert cost.errors["symbolic"] <= 1e-15
    assert cost.errors["richardson"] < 1e-12 < cost.errors["central"] < 1e-9 < cost.errors["forward"] < 1e-6
    assert cost.evaluations["forward"] == 2 * n + 3


def test_swell(example: Any) -> None:
    symbolic, tape = zip(*(example.swell(k) for k in range(1, 7)), strict=True)
    assert [b - a for a, b in pairwise(tape)] == [3] * 5
    assert all(later > 2 * earlier for earlier, later in pairwise(symbolic[1:]))


def test_accuracy(example: Any) -> None:
    rows = example.accuracy()
    assert rows["dualad, forward"][0] < 1e-15
    assert rows["dualad, reverse"][0] < 1e-15
    assert rows["differences, complex"][0] < 1e-15
    for method in ("forward", "central", "richardson"):
        error, estimate, _ = rows[f"differences, {method}"]
        assert error <= 10 * estimate


def test_it_runs(example: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["--plot", str(tmp_path / "v.png")] if importlib.util.find_spec("matplotlib") else []
    assert example.main(arguments) == 0
    out = capsys.readouterr().out
    assert "n(n - 2)" in out
    assert "exp(x)/sqrt" in out
    assert max(map(len, out.splitlines())) <= 120
