"""Derivatives by differences: right within their own estimates, by every method, SciPy's own included."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from dualad import errors, numeric

FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "log": (np.log, lambda x: 1 / x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "square": (np.square, lambda x: 2 * x),
    "reciprocal": (lambda x: 1 / (x - 1), lambda x: -1 / (x - 1) ** 2),
    "fast wave": (lambda x: np.sin(1e3 * x), lambda x: 1e3 * np.cos(1e3 * x)),
    "period of the steps": (lambda x: np.sin(32 * np.pi * x), lambda x: 32 * np.pi * np.cos(32 * np.pi * x)),
    "narrow": (
        lambda x: np.exp(-(((x - 0.3) / 1e-3) ** 2)), lambda x: -2e6 * (x - 0.3) * np.exp(-((1e3 * (x - 0.3)) ** 2))
    ),
    "erf": (special.erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
    "constant": (lambda x: 0 * x + 3.0, lambda x: 0 * x),
}  # fmt: skip
POINTS = np.array([1e-6, 1e-3, 0.3001, 1.0000001, 1.25, 3.0, 50.0])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_is_estimated(name: str) -> None:
    """The estimate is no promise; several times the estimate is what a check allows."""
    f, slope = FUNCTIONS[name]
    found = numeric.derivative(f, POINTS)
    truth = slope(POINTS)
    assert np.all(np.abs(found.value - truth) <= 10 * found.error + 1e-15 * np.abs(truth))


@pytest.mark.parametrize("name", ["sin", "exp", "log", "sqrt", "square", "erf"])
def test_the_error_is_small(name: str) -> None:
    f, slope = FUNCTIONS[name]
    found = numeric.derivative(f, POINTS[2:])
    assert np.all(np.abs(found.value - slope(POINTS[2:])) <= 1e-11 * np.abs(slope(POINTS[2:])) + 1e-13)


def both(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[1]), np.exp(x[0])])


X = np.array([0.7, 1.3])
JACOBIAN = np.array([[X[1], X[0]], [0.0, np.cos(X[1])], [np.exp(X[0]), 0.0]])


@pytest.mark.parametrize(
    ("method", "accuracy", "evaluations"),
    [
        ("forward", 1e-7, 7),
        ("central", 1e-9, 9),
        ("complex", 1e-15, 3),
        ("richardson", 1e-12, None),
        ("scipy", 1e-9, None),
    ],
)
def test_methods(method: str, accuracy: float, evaluations: int | None) -> None:
    calls = 0

    def counted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return both(x)

    found = numeric.jacobian(counted, X, method=method)
    np.testing.assert_allclose(found.value, JACOBIAN, rtol=0, atol=accuracy)
    assert np.all(np.abs(found.value - JACOBIAN) <= 10 * found.error + 1e-15)
    assert found.value.shape == np.shape(found.error) == np.shape(found.step) == (3, 2)
    assert found.evaluations == calls or method == "scipy"
    assert evaluations is None or calls == evaluations


@pytest.mark.parametrize("method", numeric.first.METHODS)
def test_vectorized(method: str) -> None:
    calls = 0

    def counted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return both(x)

    alone = numeric.jacobian(both, X, method=method)
    found = numeric.jacobian(counted, X, method=method, vectorized=True)
    np.testing.assert_allclose(found.value, alone.value, rtol=1e-6)
    assert calls < 30


def test_shapes() -> None:
    x = np.arange(6.0).reshape(2, 3) + 0.5
    found = numeric.jacobian(lambda x: np.sin(x) * x[0], x)
    assert found.value.shape == (2, 3, 2, 3)
    assert numeric.gradient(lambda x: np.sum(x**3), x).value == pytest.approx(3 * x**2)
    assert np.shape(numeric.jacobian(lambda x: x**2, 2.0).value) == ()
    assert numeric.jacobian(lambda x: np.zeros((0, 2)), x).value.shape == (0, 2, 2, 3)
    assert numeric.jacobian(np.sin, np.zeros(0)).value.shape == (0, 0)


def test_arguments_are_passed_on() -> None:
    assert numeric.gradient(lambda x, a, b: np.sum(a * x**b), X, args=(3.0, 2)).value == pytest.approx(6 * X)
    assert numeric.derivative(lambda x, a: a * x, X, args=(3.0,)).value == pytest.approx([3.0, 3.0])
    assert numeric.hessian(lambda x, a: a * x[0] * x[1], X, args=(3.0,)).value == pytest.approx(
        np.array([[0, 3], [3, 0]])
    )


# SciPy's estimate of the error is the change between two steps, which may be nothing by chance; the differences
# themselves are rounded by eps*|f|/h**2, 2e-16 * 5 * 256 for its steps from 1/2 to 1/16.
@pytest.mark.parametrize("method, rounding", [("richardson", 1e-14), ("scipy", 3e-13)])
def test_hessian(method: str, rounding: float) -> None:
    found = numeric.hessian(lambda x: x[0] ** 2 * np.exp(x[1]), X, method=method)
    e = np.exp(X[1])
    truth = np.array([[2 * e, 2 * X[0] * e], [2 * X[0] * e, X[0] ** 2 * e]])
    np.testing.assert_allclose(found.value, truth, rtol=1e-7)
    assert np.all(np.abs(found.value - truth) <= 10 * found.error + rounding)


def test_it_leaves_the_domain_and_comes_back() -> None:
    """Large steps leave the domain of the logarithm; where f raises, a step is left out as well."""

    def strict(x: Any) -> Any:
        if np.any(x <= 0):
            raise ValueError("not in the domain")
        return np.log(x)

    assert numeric.jacobian(strict, 1e-4).value == pytest.approx(1e4, rel=1e-10)
    assert numeric.jacobian(np.log, 1e-4).value == pytest.approx(1e4, rel=1e-10)


def test_a_jump_is_not_given_a_slope() -> None:
    found = numeric.derivative(np.floor, [1.0, 1.5])
    assert np.isinf(found.error[0])
    assert found.value[1] == 0


def test_a_function_that_drops_the_imaginary_part() -> None:
    with pytest.raises(ValueError, match="returned real numbers for a complex argument"):
        numeric.jacobian(np.abs, X, method="complex")


def test_unknown_method() -> None:
    with pytest.raises(ValueError, match="method must be one of 'richardson'"):
        numeric.jacobian(both, X, method="guess")
    with pytest.raises(ValueError, match="method must be one of 'richardson', 'scipy'"):
        numeric.hessian(both, X, method="forward")


def test_several_numbers() -> None:
    with pytest.raises(ValueError, match=r"numeric\.jacobian"):
        numeric.gradient(both, X)
    with pytest.raises(ValueError, match="returned 3"):
        numeric.hessian(both, X)


def test_memory_order_is_that_of_x() -> None:
    """A function may look at the memory order of its argument."""
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = numeric.jacobian(lambda x: x.ravel(order="K"), x)
    assert found.value.reshape(6, 6) == pytest.approx(np.eye(6)[[0, 3, 1, 4, 2, 5]])


def test_what_is_no_function_of_numbers() -> None:
    """None and text are not turned into nan."""
    with pytest.raises(TypeError, match="numeric: f must be a function, not 3"):
        numeric.jacobian(3, X)  # type: ignore[arg-type]
    for returned in (None, "text"):
        with pytest.raises(errors.UnsupportedType, match="the function returns real numbers"):
            numeric.jacobian(lambda x, y=returned: y, X)
    with pytest.raises(errors.UnsupportedType, match="numeric takes real numbers"):
        numeric.jacobian(np.sin, "text")
    with pytest.raises(errors.RaggedReturn, match="parts of different shapes"):
        numeric.jacobian(lambda x: [x, x[0]], X)
    with pytest.raises(errors.WrongShape, match="acts on each element by itself"):
        numeric.derivative(np.sum, X)


@pytest.mark.parametrize(("method", "step"), [("central", 0.0), ("forward", -1e-8), ("richardson", 1e-5)])
def test_wrong_steps(method: str, step: float) -> None:
    with pytest.raises(ValueError, match="step must be a positive number, for the methods central, forward, complex"):
        numeric.jacobian(both, X, method=method, step=step)


@pytest.mark.parametrize("method", numeric.first.METHODS)
def test_odd_arguments(method: str) -> None:
    """One further argument may stand by itself, x may be a list, and of no inputs there is nothing."""
    assert numeric.jacobian(lambda x, a: a * x, [1.0, 2.0], args=3.0, method=method).value == pytest.approx(
        np.diag([3.0, 3.0]), abs=1e-6
    )
    assert numeric.jacobian(np.sin, np.zeros(0), method=method).value.shape == (0, 0)


def test_it_is_loaded_when_it_is_asked_for() -> None:
    code = (
        "import dualad, sys; assert not {'dualad.numeric', 'dualad.check'} & set(sys.modules); dualad.numeric.jacobian"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
