"""The compiled sweeps by themselves: lanes, seeds, zeros; tests/reverse holds them against everything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.sweeps.reference import reverse
from dualad.sweeps.reference_forward import forward


def rosenbrock(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def mixed(x: Any) -> Any:
    y = np.exp(x) * x[0]
    y[1] = y[0] * y[2]
    return y[:3] @ np.outer(x[:3], y)


def recorded(f: Any, x: Any) -> tuple[Tape, int]:
    tape = Tape(1, True)
    return tape, f(tape.input(x.copy()))._operand()


POINT = np.linspace(0.5, 1.5, 6)


@pytest.mark.parametrize("f", [rosenbrock, mixed])
@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_lanes_are_independent(f: Any, lanes: int) -> None:
    tape, node = recorded(f, POINT)
    rng = np.random.default_rng(0)
    seeds = rng.standard_normal((lanes, *tape.shape_of(node)))
    together = Cotangents(tape, lanes, False)
    together.seed(node, seeds)
    together.sweep()
    for lane in range(lanes):
        alone = Cotangents(tape, 1, True)
        alone.seed(node, seeds[lane])
        alone.sweep()
        np.testing.assert_allclose(together.of(0)[lane], alone.of(0), rtol=1e-14)
        np.testing.assert_allclose(reverse(tape, {node: seeds[lane]}).of(0), alone.of(0), rtol=1e-13)
    tangents = rng.standard_normal((lanes, 6))
    ahead = Tangents(tape, lanes)
    ahead.seed(0, tangents)
    ahead.sweep()
    np.testing.assert_allclose(ahead.of(node), forward(tape, {0: tangents}).of(node), rtol=1e-13)
    products = np.sum(ahead.of(node) * seeds, axis=tuple(range(1, seeds.ndim)))
    np.testing.assert_allclose(products, np.sum(together.of(0) * tangents, axis=1), rtol=1e-12)


def test_seeds_of_one_node_add_up() -> None:
    tape, node = recorded(rosenbrock, POINT)
    once, twice = Cotangents(tape, 1, True), Cotangents(tape, 1, True)
    once.seed(node, np.float64(3.0))
    twice.seed(node, np.float64(1.0))
    twice.seed(node, np.float64(2.0))
    once.sweep()
    twice.sweep()
    np.testing.assert_array_equal(once.of(0), twice.of(0))


def test_a_seed_is_not_written() -> None:
    tape, node = recorded(lambda x: x + 1.0, POINT)
    seed = np.ones(6)
    sweep = Cotangents(tape, 1, True)
    sweep.seed(node, seed)
    sweep.sweep()
    found = sweep.of(0)
    found += 1.0
    np.testing.assert_array_equal(seed, np.ones(6))


def test_what_nothing_comes_to_is_none() -> None:
    tape = Tape(1)
    x, z = tape.input(POINT.copy()), tape.input(np.ones(3))
    node = np.sum(x)._operand()
    sweep = Cotangents(tape, 1, True)
    sweep.seed(node, np.float64(1.0))
    sweep.sweep()
    assert sweep.of(z._operand()) is None
    ahead = Tangents(tape, 2)
    ahead.seed(z._operand(), np.ones((2, 3)))
    ahead.sweep()
    np.testing.assert_array_equal(ahead.of(node), [0.0, 0.0])


def test_a_sweep_may_be_repeated() -> None:
    tape, node = recorded(mixed, POINT)
    found = []
    for _ in range(3):
        sweep = Cotangents(tape, 1, True)
        sweep.seed(node, np.ones(6))
        sweep.sweep()
        found.append(sweep.of(0))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_long_tape() -> None:
    tape = Tape(1, True)
    x = tape.input(np.float64(1.0))
    y = x
    for _ in range(300_000):
        y = y * 1.0000001 + 0.0
    sweep = Cotangents(tape, 1, True)
    sweep.seed(y._operand(), np.float64(1.0))
    sweep.sweep()
    assert float(sweep.of(0)) == pytest.approx(1.0000001**300_000, rel=1e-9)


def test_intermediate_adjoints_of_the_reference() -> None:
    """The readable sweep keeps what each node had, for tables and pictures."""
    tape = Tape(1)
    x = tape.input(np.float64(2.0))
    inner = np.log(x)
    y = inner * inner
    adjoints = reverse(tape, {y._operand(): 1.0})
    assert float(adjoints.of(inner._operand())) == pytest.approx(2.0 * np.log(2.0))
    assert float(adjoints.of(0)) == pytest.approx(np.log(2.0))
