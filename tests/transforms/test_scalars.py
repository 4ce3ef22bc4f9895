"""Scalar nodes, which the transforms pass in C: against the sweeps, and how many nodes come of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

import dualad
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.transforms import adjoint, tangent
from dualad.transforms.verify import verify


def recorded(f: Callable[..., Any], *arrays: Any) -> tuple[Tape, Any]:
    """Return the tape of a function and what it returned."""
    tape = Tape(fresh_level())
    return tape, f(*(tape.input(np.float64(x) if np.ndim(x) == 0 else np.array(x)) for x in arrays))


# --- random programs of scalars ---------------------------------------------------------------------------------------

UNARY = [
    np.sin, np.exp, np.tanh, np.negative, np.square, np.absolute, np.arctan, special.erf, np.sinc, np.cbrt,
    lambda s: np.sqrt(s * s + 1.0), lambda s: (s * s + 0.5) ** 1.5, lambda s: s**3, lambda s: (s + 4.0) ** -2,
    lambda s: 2.0 / (s * s + 1.0), lambda s: s / 3, lambda s: 1.3 - s, lambda s: s**0, lambda s: s**1,
    lambda s: np.log(s * s + 2.0), lambda s: 2.0**s, lambda s: special.gammaln(s * s + 1.0),
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, lambda s, t: s / (t * t + 1.0), lambda s, t: (s * s + 1.0) ** t,
    np.maximum, np.minimum, np.hypot, np.logaddexp, np.arctan2, lambda s, t: np.where(s > t, s * t, -s),
    lambda s, t: special.jv(1.5, s * s + 1.0) * t,
]  # fmt: skip


def program(seed: int, steps: int) -> Callable[[Any, Any], Any]:
    """Return a function of an array and a number that reads and writes elements."""

    def f(x: Any, s: Any) -> Any:
        rng = np.random.default_rng(seed)
        y = np.zeros(4, like=x)
        known = [s, x[0] * s, x[1] - 0.3]
        for _ in range(steps):
            a, b = (known[k] for k in rng.integers(0, len(known), 2))
            kind = rng.integers(0, 8)
            if kind < 3:
                known.append(UNARY[rng.integers(0, len(UNARY))](np.tanh(a)))
            elif kind < 6:
                known.append(BINARY[rng.integers(0, len(BINARY))](np.tanh(a), np.sin(b)))
            elif kind == 6:
                y[rng.integers(0, 4).item()] = a
                known.append(y[rng.integers(0, 4).item()] * b)
            else:
                known.append(x[rng.integers(0, 3).item()] + a)
        return sum(known) + y[0] * y[1] + (np.sum(y * y) if seed % 2 else 0.0)

    return f


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    x, s = rng.uniform(-1.0, 1.0, 3), rng.uniform(-1.0, 1.0)
    f = program(seed, 12)
    tape, y = recorded(f, x, s)
    sweep = Cotangents(tape, 1, True)
    sweep.seed(y._operand(), np.float64(1.0))
    sweep.sweep()
    wanted = [np.zeros(3) if (g := sweep.of(node)) is None else g for node in tape.inputs]
    gradient = adjoint.extend(tape, y)
    verify(tape)
    for g, w in zip(gradient, wanted, strict=True):
        # The sums are the same up to the order of their terms.
        np.testing.assert_allclose(g._primal(), w, rtol=1e-11, atol=1e-12)
    lanes = [np.eye(4)[:, :3], np.eye(4)[:, 3]]
    forward = Tangents(tape, 4)
    for node, t in zip(tape.inputs, lanes, strict=True):
        forward.seed(node, t)
    forward.sweep()
    nodes = [g._operand() for g in gradient]
    columns = [np.zeros((4, *g.shape)) if (t := forward.of(g._operand())) is None else t for g in gradient]
    for k in range(4):
        single = tangent.extend(tape, {node: t[k] for node, t in zip(tape.inputs, lanes, strict=True)}, nodes)
        for t, w in zip(single, columns, strict=True):
            np.testing.assert_allclose(t._primal(), w[k], rtol=1e-10, atol=1e-10)
    together = tangent.extend(tape, dict(zip(tape.inputs, lanes, strict=True)), nodes)
    verify(tape)
    for t, w in zip(together, columns, strict=True):
        assert t.shape == w.shape
        np.testing.assert_allclose(t._primal(), w, rtol=1e-10, atol=1e-10)


# --- single formulas --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [-3, -2, -1, 0, 1, 2, 3, 4, 5, 0.5, 2.5, -0.5])
@pytest.mark.parametrize("x", [-1.7, 0.0, 0.6])
def test_powers(exponent: float, x: float) -> None:
    if x == 0.0 and exponent < 1.0 and exponent != 0:
        pytest.skip("no finite derivative")
    if x < 0.0 and exponent % 1:
        pytest.skip("no real value")
    tape, y = recorded(lambda s: s**exponent, x)
    n = len(tape)
    (g,) = adjoint.extend(tape, y)
    assert float(g._primal()) == pytest.approx(exponent * x ** (exponent - 1) if exponent else 0.0, rel=1e-14)
    rows = [tape.row_of(node).name for node in range(n, len(tape)) if tape.operator(node) >= 0]
    assert "power" not in rows or exponent % 1 or exponent > 4
    (second,) = adjoint.extend(tape, g)
    wanted = exponent * (exponent - 1) * x ** (exponent - 2) if exponent not in (0, 1) and x else 0.0
    if x or exponent >= 2:
        wanted = 2.0 if exponent == 2 else wanted
        assert float(second._primal()) == pytest.approx(wanted, rel=1e-14)


def test_nothing_times_infinity_is_nothing() -> None:
    def f(x: Any) -> Any:
        return np.where(x > 1.0, np.sqrt(x), 2.0 * x) + 0.0 * np.sqrt(x)

    tape, y = recorded(f, 0.0)
    (g,) = adjoint.extend(tape, y)
    assert float(g._primal()) == 2.0
    (t,) = tangent.extend(tape, {tape.inputs[0]: 1.0}, y)
    assert float(t._primal()) == 2.0


def test_a_choice_is_one_node() -> None:
    tape, y = recorded(lambda x, z: np.maximum(x, z) * np.hypot(x, z), 0.4, 0.7)
    found = [g._primal() for g in adjoint.extend(tape, y)]
    h = np.hypot(0.4, 0.7)
    np.testing.assert_allclose(found, [0.7 * 0.4 / h, h + 0.7 * 0.7 / h], rtol=1e-15)
    verify(tape)


def test_a_constant_result() -> None:
    tape, y = recorded(lambda x: x[0] + 3.0 * x[2], np.arange(4.0))
    n = len(tape)
    (g,) = adjoint.extend(tape, y)
    np.testing.assert_array_equal(g._primal(), [1.0, 0.0, 3.0, 0.0])
    assert len(tape) == n + 1


# --- equal nodes ------------------------------------------------------------------------------------------------------


def test_many_constants_beside_one_operand() -> None:
    """Constants that differ are different nodes, wherever their operations are looked up."""
    weights = np.random.default_rng(5).normal(size=3000).tolist()

    def f(x: Any) -> Any:
        total = x * 0.0
        for w in weights + weights:
            total = total + np.sin(x * w)
        return total

    tape, y = recorded(f, 0.3)
    (g,) = adjoint.extend(tape, y)
    wanted = 2.0 * np.sum(np.array(weights) * np.cos(0.3 * np.array(weights)))
    assert float(g._primal()) == pytest.approx(wanted, rel=1e-12)
    verify(tape)


def test_signed_zeros_are_told_apart() -> None:
    tape = Tape(fresh_level())
    x = tape.input(np.float64(1.0))
    tape.share(True)
    nodes = {(x * 0.0)._operand(), (x * -0.0)._operand(), (x * 0.0)._operand()}
    tape.share(False)
    assert len(nodes) == 2


def test_numbers_of_numpy_are_constants_of_scalar_nodes() -> None:
    """``data[i] * x`` with plain data must not take an array node, which costs a hundred times as much."""
    data = np.linspace(0.5, 1.5, 3)

    def f(x: Any) -> Any:
        total = x * data[0]
        for d in data:
            total = total + (d - x / d) ** np.float64(2.0) * np.exp(d * x)
        return total if total > data[1] else -total

    tape, _ = recorded(f, 0.4)
    assert not any(tape.operator(node) == -4 for node in range(len(tape)))
    verify(tape)


# --- loops ------------------------------------------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def test_a_loop_over_elements() -> None:
    point = np.random.default_rng(3).uniform(0.5, 1.5, 200)
    tape, y = recorded(rosenbrock, point)
    n = len(tape)
    (g,) = adjoint.extend(tape, y)
    # Not more nodes than were recorded, and of the gradient one for each element.
    assert len(tape) <= 2 * n
    from scipy.optimize import rosen_der, rosen_hess_prod

    np.testing.assert_allclose(g._primal(), rosen_der(point), rtol=1e-13)
    direction = np.cos(np.arange(200.0))
    (h,) = tangent.extend(tape, {tape.inputs[0]: direction}, g)
    np.testing.assert_allclose(h._primal(), rosen_hess_prod(point, direction), rtol=1e-12, atol=1e-11)
    verify(tape)


def test_a_filled_array_that_is_used_as_a_whole() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(x.shape, like=x)
        y[0] = x[0]
        for i in range(1, len(x)):
            y[i] = np.sin(y[i - 1]) + x[i]
        return np.sum(y * y)

    point = np.random.default_rng(4).uniform(-1.0, 1.0, 50)
    tape, y = recorded(f, point)
    (g,) = adjoint.extend(tape, y)
    np.testing.assert_allclose(g._primal(), dualad.jacobian(f, mode="forward")(point), rtol=1e-12)
    verify(tape)


# --- lanes ------------------------------------------------------------------------------------------------------------


def test_dense_hessian_by_lanes() -> None:
    from scipy.optimize import rosen_hess

    def f(x: Any) -> Any:
        return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    point = np.random.default_rng(6).uniform(0.5, 1.5, 10)
    tape, y = recorded(f, point)
    (g,) = adjoint.extend(tape, y)
    (h,) = tangent.extend(tape, {tape.inputs[0]: np.eye(10)}, g)
    assert h.shape == (10, 10)
    np.testing.assert_allclose(h._primal(), rosen_hess(point), rtol=1e-13, atol=1e-13)
    verify(tape)


def test_writes_behind_lanes() -> None:
    def f(x: Any) -> Any:
        y = np.zeros((3, 4), like=x)
        y[1:, 0] = x[0] * x[1]
        y[0, [1, 3]] = x[:2] * x[2]
        y[y.shape[0] - 1] += x
        z = y.T
        z[1, ...] *= 2.0
        return np.sum(y**3) + y[2, 2] * x[3]

    point = np.array([0.5, -1.2, 0.8, 1.1])
    tape, y = recorded(f, point)
    (g,) = adjoint.extend(tape, y)
    (h,) = tangent.extend(tape, {tape.inputs[0]: np.eye(4)}, g)
    np.testing.assert_allclose(h._primal(), dualad.hessian(f)(point), rtol=1e-12, atol=1e-12)
    verify(tape)


def test_an_index_whose_axes_would_come_first_is_left_to_the_caller() -> None:
    def f(x: Any) -> Any:
        y = np.zeros((2, 3, 2), like=x)
        y[[0, 1], :, [1, 0]] = x
        return np.sum(y**2)

    tape, y = recorded(f, np.arange(3.0))
    with pytest.raises(NotImplementedError):
        tangent.extend(tape, {tape.inputs[0]: np.eye(3)}, y)


def test_seeds_must_have_the_same_lanes() -> None:
    tape, y = recorded(lambda x, z: np.sum(x) * z, np.arange(3.0), 2.0)
    with pytest.raises(ValueError, match="leading axes"):
        tangent.extend(tape, {tape.inputs[0]: np.eye(3), tape.inputs[1]: 1.0}, y)
