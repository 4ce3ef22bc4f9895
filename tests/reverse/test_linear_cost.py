"""Loops over elements cost O(n): counted in nodes and bytes, never timed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dualad.ops import lanes
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents
from dualad.transforms.adjoint import extend


def reads(x: Any) -> Any:
    total = 0.0
    for i in range(x.size):
        total = total + x[i] * x[i]
    return total


def rows(x: Any) -> Any:
    x = x.reshape(-1, 2)
    total = 0.0
    for i in range(len(x)):
        row = x[i]
        total = total + row[0] * x[i, 1]
    return total


def slices(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 2):
        total = total + np.sum(x[i : i + 2] * x[i + 1])
    return total


def picks(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + np.sum(x[np.array([i, i + 1])])
    return total


def fills(x: Any) -> Any:
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = y[i - 1] * 0.5 + x[i]
    return np.sum(y)


def fills_by_slices(x: Any) -> Any:
    y = np.zeros_like(x)
    for i in range(1, len(x) - 1):
        y[i : i + 1] = x[i : i + 1] * x[i - 1 : i] + 0.1 * y[i - 1 : i] * x[i - 1 : i]
    return np.sum(y)


def iterates(x: Any) -> Any:
    return sum((v * v for v in x), 0.0)


LOOPS = [reads, rows, slices, picks, fills, fills_by_slices, iterates]
LAYOUTS: dict[str, Callable[[int], Any]] = {
    "C": lambda n: np.linspace(0.5, 1.5, n),
    "F": lambda n: np.asfortranarray(np.linspace(0.5, 1.5, n).reshape(2, -1)),
    "f32": lambda n: np.linspace(0.5, 1.5, n).astype(np.float32),
}


def run(loop: Callable[[Any], Any], x: Any) -> tuple[int, int, Any]:
    """Return the number of nodes, the peak of bytes, and the gradient."""
    tracemalloc.start()
    tape = Tape(1, True)
    y = loop(tape.input(np.copy(x, order="K")))
    sweep = Cotangents(tape, 1, True)
    sweep.seed(y._operand(), np.float64(1.0))
    sweep.sweep()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return len(tape), peak, sweep.of(0)


@pytest.mark.parametrize("layout", ["C", "f32"])
@pytest.mark.parametrize("loop", LOOPS)
def test_nodes_and_bytes(loop: Callable[[Any], Any], layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> Any:
        raise AssertionError("a whole array was made for a part of it")

    monkeypatch.setattr(lanes, "scatter_add", forbidden)
    monkeypatch.setattr("dualad.ops.selection.scatter_add", forbidden)
    few, less, _ = run(loop, LAYOUTS[layout](200))
    many, more, _ = run(loop, LAYOUTS[layout](800))
    assert many <= 4.1 * few
    assert more <= 6.0 * less  # 16 if each step cost a whole array


def test_matrix_in_column_order() -> None:
    def loop(x: Any) -> Any:
        total = 0.0
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                total = total + x[i, j] * (i + 2.0 * j)
        return total

    x = LAYOUTS["F"](200)
    nodes, _, gradient = run(loop, x)
    np.testing.assert_array_equal(gradient, np.arange(2.0)[:, None] + 2.0 * np.arange(100.0))
    assert nodes <= 3 * 200 + 5  # a read, a product, a sum an element


@pytest.mark.parametrize("loop", [reads, rows, fills, iterates, slices])
def test_extended_tape(loop: Callable[[Any], Any]) -> None:
    sizes = []
    for n in (50, 200):
        tape = Tape(1)
        extend(tape, loop(tape.input(LAYOUTS["C"](n))))
        sizes.append(len(tape))
    assert sizes[1] <= 4.2 * sizes[0]


def test_bytes_of_a_scalar_node() -> None:
    tape = Tape(1)
    x = tape.input(np.float64(1.0))
    for _ in range(200_000):
        x = x * 1.0
    assert tape.nbytes / len(tape) <= 64


def test_a_view_that_is_used_costs_its_own_size() -> None:
    """A tape of n small uses of a large array holds no n large arrays."""
    n = 400
    tape = Tape(1, True)
    x = tape.input(np.ones(n))
    y = np.zeros_like(x)
    tracemalloc.start()
    for i in range(n - 1):
        y[i : i + 2] = x[i : i + 2] * y[i : i + 2]
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 3000 * n  # bytes; n copies of y would be 3200 n
