"""Adjoints with lanes: the rows of a Jacobian in one sweep, kept as products along elementwise operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualad
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Tape
from dualad.transforms import adjoint
from dualad.transforms.verify import verify

MATRIX = np.arange(30.0).reshape(5, 6) / 10.0 - 1.0
POINT = np.array([0.5, 0.9, -0.4, 1.2, 0.7, -1.1])


def network(x: Any) -> Any:
    return np.sin(MATRIX @ (np.tanh(x) * x)) + np.sqrt(1.0 + (MATRIX @ x) ** 2)


def turned(x: Any) -> Any:
    return np.exp((x * x) @ MATRIX.T) * np.dot(x, MATRIX.T)


def both_vary(x: Any) -> Any:
    return np.outer(np.cos(x[:5]), x) @ (x * x)


def writes(x: Any) -> Any:
    y = np.zeros_like(x)
    y[...] = x * x
    z = y + 1.0
    y[2] = x[0] * x[5]
    y[::2] *= z[1::2]
    y[[0, 4]] = z[[1, 1]] * x[3]
    return (z * y)[1:]


def views(x: Any) -> Any:
    y = np.copy(x)
    y[1:] = y[1:] * x[:-1]
    part = y[2:5]
    w = part * part
    part *= 3.0
    return np.concatenate([w * part, y[:2]])


def numbers(x: Any) -> Any:
    return (np.sin(x[0]) * x[1] + x[2] ** 2) * x[1:] / (2.0 + x[3])


def spread(x: Any) -> Any:
    rows = np.exp(x[:2])[:, None] * np.cos(x) + x[4]
    return np.sum(rows * x[0] / (1.0 + x**2), axis=1)


def kinks(x: Any) -> Any:
    return (np.where(x > 0.0, np.maximum(x, 0.3) ** 2, np.abs(x) * x) + np.logaddexp(x, 0.0))[:5]


def zero_times_infinite(x: Any) -> Any:
    y = np.sqrt(x + 1.1)  # the slope of the last element is infinite where its adjoint is zero
    return y[np.array([0, 1, 3])] * x[:3]


FUNCTIONS = [network, turned, both_vary, writes, views, numbers, spread, kinks, zero_times_infinite]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_lanes_are_the_sweeps_one_by_one(f: Callable[[Any], Any]) -> None:
    tape = Tape(fresh_level())
    y = f(tape.input(POINT.copy()))
    m, node = y.size, y._operand()
    (together,) = adjoint.extend(tape, {node: np.eye(m)})
    # Without a lane for each element nothing is known of the seed.
    (weighted,) = adjoint.extend(tape, {node: np.arange(2.0 * m).reshape(2, m)})
    rows = [adjoint.extend(tape, {node: unit})[0]._primal() for unit in np.eye(m)]
    verify(tape)
    # The factors are multiplied in another order.
    np.testing.assert_allclose(together._primal(), rows, rtol=1e-14, atol=1e-14)
    wanted = np.arange(2.0 * m).reshape(2, m) @ np.array(rows)
    np.testing.assert_allclose(weighted._primal(), wanted, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("f", FUNCTIONS[:-1])
def test_compiled_jacobians_and_hessians_of_several_outputs(f: Callable[[Any], Any]) -> None:
    for driver in (dualad.jacobian, dualad.hessian):
        compiled = dualad.compile(driver(f))
        for x in (POINT, POINT, POINT * 1.01):
            # Sums of a few products of numbers near one.
            np.testing.assert_allclose(compiled(x), driver(f)(x), rtol=1e-12, atol=1e-12)
        assert compiled.stats["not replayed"] == []


def test_many_scalar_operations_are_swept_apart() -> None:
    def loop(x: Any) -> Any:
        total = [x[0], x[1]]
        for i in range(80):
            total[i % 2] = total[i % 2] * 1.1 + x[i % 6] ** 2
        return np.stack(total)

    tape = Tape(fresh_level())
    y = loop(tape.input(POINT.copy()))
    with pytest.raises(NotImplementedError):
        adjoint.extend(tape, {y._operand(): np.eye(2)})
    compiled = dualad.compile(dualad.jacobian(loop))
    for _ in range(3):
        np.testing.assert_allclose(compiled(POINT), dualad.jacobian(loop)(POINT), rtol=1e-13)
