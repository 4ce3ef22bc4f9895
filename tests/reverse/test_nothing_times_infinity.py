"""A zero cotangent or tangent stays zero beside an infinite partial: the list of cases that give NaN elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualad
from dualad import Dual, HyperDual
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.sweeps.reference import reverse
from dualad.transforms import adjoint, tangent

ZEROS, SAME = np.zeros(3), np.full(3, 2.0)

# function, point, gradient by convention, whether the second derivatives are finite and what they are
CASES: dict[str, tuple[Callable[[Any], Any], Any, Any, Any]] = {
    "sqrt not taken": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), ZEROS, 0.0, 0.0),
    "log not taken": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), ZEROS, 0.0, 0.0),
    "sin x / x": (lambda x: np.sum(np.where(x != 0, np.sin(x) / x, 1.0)), ZEROS, 0.0, 0.0),
    "1/x not taken": (lambda x: np.sum(np.where(x > 0, x / x, x * x)), ZEROS, 0.0, 2.0),
    "norm": (lambda x: np.linalg.norm(x), ZEROS, 0.0, None),
    "norm squared": (lambda x: np.linalg.norm(x) ** 2, ZEROS, 0.0, None),
    "hypot": (lambda x: np.sum(np.hypot(x, x)), ZEROS, 0.0, None),
    "std of a constant": (lambda x: np.std(x), SAME, 0.0, None),
    "prod with a zero": (lambda x: np.prod(x), np.array([0.0, 2.0, 3.0]), np.array([6.0, 0.0, 0.0]), None),
    "prod with two zeros": (lambda x: np.prod(x), np.array([0.0, 0.0, 3.0]), 0.0, None),
    "sinc": (lambda x: np.sum(np.sinc(x)), ZEROS, 0.0, -(np.pi**2) / 3.0),
    "sqrt times zero": (lambda x: np.sum(np.sqrt(x) * 0.0), ZEROS, 0.0, 0.0),
    "power of zero": (lambda x: np.sum(x**2 + x**0), ZEROS, 0.0, 2.0),
    "absolute": (lambda x: np.sum(np.abs(x)), ZEROS, 0.0, 0.0),
    "maximum of ties": (lambda x: np.sum(np.maximum(x, 0.0)), ZEROS, 0.5, 0.0),
    "numbers": (lambda x: np.where(x[0] > 0, np.sqrt(x[0]), 0.0) + x[1] * 2.0, ZEROS, np.array([0.0, 2.0, 0.0]), 0.0),
    "xlogy": (lambda x: np.sum(np.where(x > 0, x * np.log(x), 0.0)), ZEROS, 0.0, 0.0),
}


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", CASES)
def test_first_derivatives(name: str) -> None:
    f, x, gradient, _ = CASES[name]
    wanted = np.broadcast_to(gradient, x.shape)
    moved = f(Dual(x.copy(), np.eye(3)))
    np.testing.assert_allclose(moved.tangents, wanted, atol=1e-15)
    tape = Tape(fresh_level())
    y = f(tape.input(x.copy()))
    node = y._operand()
    back, forward = Cotangents(tape, 1, True), Tangents(tape, 3)
    back.seed(node, np.float64(1.0))
    back.sweep()
    forward.seed(tape.inputs[0], np.eye(3))
    forward.sweep()
    # None stands for an array that nothing has come to.
    for found in (back.of(tape.inputs[0]), reverse(tape, {node: 1.0}).of(tape.inputs[0]), forward.of(node)):
        np.testing.assert_allclose(np.zeros(3) if found is None else found, wanted, atol=1e-15)
    for k in range(3):
        (t,) = tangent.extend(tape, {tape.inputs[0]: np.eye(3)[k]}, y)
        np.testing.assert_allclose(t._primal(), wanted[k], atol=1e-15)
    (g,) = adjoint.extend(tape, y)
    np.testing.assert_allclose(g._primal(), wanted, atol=1e-15)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[3] is not None])
def test_second_derivatives(name: str) -> None:
    f, x, _, diagonal = CASES[name]
    wanted = np.diag(np.broadcast_to(diagonal, 3))
    hyper = f(HyperDual(x.copy(), np.eye(3), np.eye(3), np.zeros((3, 3, 3))))
    np.testing.assert_allclose(hyper.e12, wanted, atol=1e-12)
    tape = Tape(fresh_level())
    (g,) = adjoint.extend(tape, f(tape.input(x.copy())))
    forward = Tangents(tape, 3)
    forward.seed(tape.inputs[0], np.eye(3))
    forward.sweep()
    found = forward.of(g._operand())
    np.testing.assert_allclose(np.zeros((3, 3)) if found is None else found, wanted, atol=1e-12)
    back = Cotangents(tape, 3, False)
    back.seed(g._operand(), np.eye(3))
    back.sweep()
    found = back.of(tape.inputs[0])
    np.testing.assert_allclose(np.zeros((3, 3)) if found is None else found, wanted, atol=1e-12)


def test_derivatives_give_no_warnings_of_their_own():
    """What NumPy has to say of the values, it says of the function; warnings are errors in these tests."""
    infinite, zeros = np.array([np.inf, np.inf, 2.0]), np.array([0.0, 1.0, 0.0])
    functions = [
        (lambda x: np.prod(x), infinite),
        (lambda x: np.sum(np.cumprod(x)), infinite),
        (lambda x: np.linalg.norm(x), infinite),
        (lambda x: np.sum(np.sqrt(x)) * np.max(x), zeros),
        (lambda x: np.sum(np.cbrt(x)) / np.median(x + 1.0), zeros),
        (lambda x: np.quantile(x, 0.3), np.array([-1e308, 1e308, 1e308])),
    ]
    for f, x in functions:
        for mode in ("forward", "reverse"):
            dualad.jacobian(f, mode=mode)(x)
        for driver in (dualad.grad, dualad.hessian):
            compiled = dualad.compile(driver(f))
            for point in (x, x * 1.0, np.ones(3), x):
                driver(f)(point)
                compiled(point)
