"""vjp, grad, value_and_grad and record: values, shapes, structures, nesting."""

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import rosen_der, rosen_hess

import dualad
from dualad import errors


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


X = np.linspace(0.5, 1.5, 7)
# SciPy's closed forms add in another order: a few ulp of terms of size 1e3.
ROUNDING = {"rtol": 1e-13, "atol": 1e-12}


@pytest.mark.parametrize("f", [rosenbrock, rosenbrock_loop])
def test_gradient_and_hessian_of_rosenbrock(f):
    y, g = dualad.value_and_grad(f)(X)
    assert y == f(X)
    np.testing.assert_allclose(g, rosen_der(X), **ROUNDING)
    np.testing.assert_allclose(dualad.hessian(f, mode="forward-over-reverse")(X), rosen_hess(X), **ROUNDING)
    np.testing.assert_allclose(dualad.jacobian(dualad.grad(f))(X), rosen_hess(X), **ROUNDING)
    np.testing.assert_allclose(dualad.jacobian(dualad.grad(f), mode="reverse")(X), rosen_hess(X), **ROUNDING)
    np.testing.assert_allclose(dualad.hvp(f)(X, X), rosen_hess(X) @ X, **ROUNDING)
    np.testing.assert_allclose(dualad.jvp(dualad.grad(f), (X,), (X,))[1], rosen_hess(X) @ X, **ROUNDING)


def test_fourth_derivative_by_repeated_grad():
    # d^4/dx^4 of x^3 sin x = (x^3 - 36 x) sin x + (24 - 12 x^2) cos x, to the 1e-12 of the requirement
    g = dualad.grad
    fourth = g(g(g(g(lambda x: x**3 * np.sin(x)))))
    for x in (0.3, 1.3, -2.0):
        exact = (x**3 - 36 * x) * np.sin(x) + (24 - 12 * x**2) * np.cos(x)
        np.testing.assert_allclose(fourth(x), exact, rtol=1e-12)


@pytest.mark.parametrize("outer", [dualad.grad, dualad.derivative])
@pytest.mark.parametrize("inner", [dualad.grad, dualad.derivative])
def test_perturbation_confusion(outer, inner):
    # Siskind and Pearlmutter 2005: D (x -> x * D (y -> x + y) 1) 1 = 1, which is 2 where levels are confused.
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0
    # Manzyuk, Pearlmutter, Radul, Rush and Siskind 2019: a function that is returned through a derivative.
    shift = inner(lambda y: x_plus(y)(3.0))
    assert shift(2.0) == pytest.approx(np.cos(5.0), rel=1e-15)
    # grad of a gradient taken at a point that depends on x
    assert outer(lambda x: inner(lambda y: y**3)(x * x))(2.0) == pytest.approx(96.0, rel=1e-15)


def x_plus(y):
    return lambda x: np.sin(x + y)


@dataclasses.dataclass
class Parameters:
    weights: np.ndarray
    bias: float


class Pair(NamedTuple):
    a: np.ndarray
    b: float


def test_containers_keep_their_structure():
    f = lambda p: np.sum(p["w"] ** 2) * p["b"][0] + p["b"][1]
    g = dualad.grad(f)({"w": np.arange(3.0), "b": (2.0, [3.0])[:1] + (3.0,)})
    assert list(g) == ["w", "b"]
    np.testing.assert_array_equal(g["w"], [0.0, 4.0, 8.0])
    assert g["b"] == (5.0, 1.0)

    g = dualad.grad(lambda p: np.sum(p.weights) * p.bias)(Parameters(np.array([1.0, 2.0]), 3.0))
    assert isinstance(g, Parameters)
    np.testing.assert_array_equal(g.weights, [3.0, 3.0])
    assert g.bias == 3.0

    g = dualad.grad(lambda p: np.sum(p.a) * p.b)(Pair(np.array([1.0, 2.0]), 3.0))
    assert isinstance(g, Pair)
    assert g.b == 3.0
    assert dualad.grad(lambda p: p[0] * p[1][0])([2.0, [5.0]]) == [5.0, [2.0]]
    # A list of plain numbers is array_like, as it is to SciPy; a list of arrays is a container.
    np.testing.assert_array_equal(dualad.grad(lambda x: np.sum(x**2))([1.0, 2.0]), [2.0, 4.0])
    assert isinstance(dualad.grad(lambda p: np.sum(p[0] * p[1]))([np.ones(2), np.ones(2)]), list)
    a, b = dualad.grad(lambda x, y: x * y**2, argnums=(0, 1))(2.0, 3.0)
    assert (a, b) == (9.0, 12.0)


def test_vjp_of_several_results():
    y, pullback = dualad.vjp(lambda a, b: {"u": a * b, "v": [a, np.sum(b)]}, 2.0, np.arange(3.0))
    np.testing.assert_array_equal(y["u"], [0.0, 2.0, 4.0])
    assert y["v"] == [2.0, 3.0]
    a_bar, b_bar = pullback({"u": np.ones(3), "v": [1.0, 2.0]})
    assert a_bar == 4.0
    np.testing.assert_array_equal(b_bar, [4.0, 4.0, 4.0])
    # The pullback may be called again, and is linear.
    np.testing.assert_array_equal(pullback({"u": np.zeros(3), "v": [0.0, 1.0]})[1], [1.0, 1.0, 1.0])


def test_reverse_jacobian_is_the_forward_one():
    f = lambda x, y: np.outer(np.sin(x), y) * x[0]
    x, y = np.array([0.3, 1.2]), np.array([2.0, 3.0, 4.0])
    for chunk in (None, 1, 4):
        by_rows = dualad.jacobian(f, argnums=(0, 1), mode="reverse", chunk=chunk)(x, y)
        by_columns = dualad.jacobian(f, argnums=(0, 1))(x, y)
        for one, other in zip(by_rows, by_columns, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-15)


def test_constant_and_unused_arguments_have_zero_gradients():
    assert dualad.grad(lambda x: 3.0)(2.0) == 0.0
    np.testing.assert_array_equal(dualad.grad(lambda x, y: y * 2)(np.ones(2), 1.0), [0.0, 0.0])
    assert dualad.jacobian(lambda x: np.ones(3), mode="reverse")(np.ones(2)).shape == (3, 2)
    np.testing.assert_array_equal(
        dualad.hessian(lambda x: x[0] * 2.0, mode="forward-over-reverse")(np.ones(2)), np.zeros((2, 2))
    )


def test_the_argument_of_the_caller_is_not_touched():
    def f(x):
        x[0] = 5.0
        x *= 2
        return np.sum(x**2)

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(dualad.grad(f)(x), [0.0, 16.0])
    np.testing.assert_array_equal(x, [1.0, 2.0])


def test_float32_stays_float32():
    g = dualad.grad(lambda x: np.sum(np.sin(x) * x))(np.array([1.0, 2.0], dtype=np.float32))
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, np.cos([1.0, 2.0]) * [1.0, 2.0] + np.sin([1.0, 2.0]), rtol=1e-6)  # float32


def test_errors_say_what_to_do():
    with pytest.raises(errors.NotScalar, match=r"Perhaps you meant dualad\.jacobian"):
        dualad.grad(lambda x: x * 2)(np.ones(2))
    with pytest.raises(TypeError, match="argnums=1 asks for positional argument 1"):
        dualad.grad(lambda x: x, argnums=1)(1.0)
    _, pullback = dualad.vjp(lambda x: x * 2, np.ones(2))
    with pytest.raises(errors.WrongShape, match="cotangent 0 has shape"):
        pullback(np.ones(3))
    with pytest.raises(errors.WrongShape, match="give one for each"):
        dualad.vjp(lambda x: (x, x), 1.0)[1]((1.0,))
    with pytest.raises(errors.DerivativeLost, match=r"np\.sin"):
        dualad.grad(lambda x: __import__("math").sin(x))(1.0)
    with pytest.raises(errors.DerivativeLost, match=r"np\.zeros\(n, like=x\)"):
        dualad.grad(lambda x: np.zeros(2).__setitem__(0, x) or x)(1.0)


def test_recorded_guards():
    def f(x):
        total = 0.0
        while total < 3:
            total = total + x
        return total if x > 0 else -total

    tape = dualad.record(f, 1.0)
    # 0.0 < 3 is a matter of plain numbers; 1 < 3, 2 < 3, 3 < 3 and x > 0 were relied on.
    assert [outcome for _, outcome in tape.guards] == [True, True, False, True]
    assert all(0 <= node < len(tape) for node, _ in tape.guards)
