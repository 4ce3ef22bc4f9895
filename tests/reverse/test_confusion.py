"""Derivatives inside derivatives: no level takes another's tangents for its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualad import derivative, grad, hessian, jacobian, jvp, vjp

D = [grad, derivative, jacobian, lambda f: jacobian(f, mode="reverse"), lambda f: lambda x: jvp(f, (x,), (1.0,))[1]]
D_NAMES = ["grad", "derivative", "jacobian", "reverse jacobian", "jvp"]


@pytest.mark.parametrize("outer", D, ids=D_NAMES)
@pytest.mark.parametrize("inner", D, ids=D_NAMES)
def test_of_numbers(outer: Any, inner: Any) -> None:
    # Siskind and Pearlmutter 2005: 1, not 2.
    assert float(outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0)) == 1.0
    # d/dx (x d/dy (x y**2)) = 4 x y at y = 3
    assert float(outer(lambda x: x * inner(lambda y: x * y * y)(3.0))(2.0)) == 24.0
    # The inner derivative is taken at a place that varies with the outer variable.
    assert float(outer(lambda x: inner(lambda y: y**3)(x * x))(2.0)) == pytest.approx(12.0 * 2.0**3)
    assert float(outer(lambda x: inner(lambda y: np.sin(x * y))(x))(0.5)) == pytest.approx(
        np.cos(0.25) * 1.0 - 2.0 * 0.25 * np.sin(0.25)
    )


def test_closures_over_arrays() -> None:
    x = np.array([0.3, -0.7, 1.1])

    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            z = y * x
            z[0] += x[1] * y[2]
            total = 0.0
            for i in range(3):
                total = total + z[i] * y[i] * x[i]
            return total + np.sum(np.exp(y * x[0]))

        return np.sum(grad(g)(x * 2.0) * x)

    def by_steps(x: Any) -> Any:
        wanted = np.zeros(3)
        for k in range(3):
            wanted[k] = np.imag(f_of_complex(x + 1e-30j * np.eye(3)[k])) / 1e-30
        return wanted

    def f_of_complex(x: Any) -> Any:
        y = 2.0 * x
        g = 2.0 * y * x * x
        g = g + np.array([x[1] * y[2] * x[0], 0.0, x[1] * y[0] * x[0]]) + x[0] * np.exp(y * x[0])
        return np.sum(g * x)

    np.testing.assert_allclose(grad(f)(x), by_steps(x), rtol=1e-13)
    np.testing.assert_allclose(jacobian(f)(x), by_steps(x), rtol=1e-13)


def test_inner_derivative_in_the_outer_variable_only() -> None:
    """The inner function does not depend on its own argument but on the outer one."""
    assert float(grad(lambda x: grad(lambda y: x * x)(3.0) + x)(2.0)) == 1.0
    np.testing.assert_array_equal(
        grad(lambda x: np.sum(grad(lambda y: np.sum(x * x))(x)) + x[0])(np.ones(2)), [1.0, 0.0]
    )


def test_outer_values_written_into_inner_arrays() -> None:
    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            z = np.zeros_like(y)
            z[0] = y[0] * x
            z[1:] = y[1:] * x * x
            z *= y
            return np.sum(z)

        return np.sum(grad(g)(np.arange(1.0, 4.0)))

    # g = x y0**2 + x**2 (y1**2 + y2**2); the sum of its gradient is 2 x y0 + 2 x**2 (y1 + y2)
    assert float(grad(f)(3.0)) == pytest.approx(2.0 + 4.0 * 3.0 * 5.0)


def test_pullback_of_a_pullback() -> None:
    x = np.array([0.5, 1.5])
    _, pull = vjp(lambda x: vjp(lambda y: np.sin(y) * y[0], x)[1](np.ones(2))[0], x)
    found = pull(np.array([1.0, 0.0]))[0]
    hess = hessian(lambda y: np.sum(np.sin(y) * y[0]))(x)
    np.testing.assert_allclose(found, hess[0], rtol=1e-14)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_repeated_grad(order: int) -> None:
    f: Any = lambda x: np.exp(x) * np.sin(x)
    for _ in range(order):
        f = grad(f)
    wanted = np.imag((1 + 1j) ** order * np.exp((1 + 1j) * 0.7))
    assert float(f(0.7)) == pytest.approx(wanted, rel=1e-12)


def test_nested_through_views_in_column_order() -> None:
    """The cotangent of an inner array is laid out like the array, so that its views are views."""
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3) + 1.0)

    def f(x: Any) -> Any:
        def g(y: Any) -> Any:
            z = y * y
            flat = np.ravel(z, order="K")
            flat[1] = flat[0] * x[0, 1]
            return np.sum(z * x)

        return np.sum(grad(g)(x))

    step = 1e-6
    found = grad(f)(x)
    for place in np.ndindex(2, 3):
        moved = np.zeros_like(x)
        moved[place] = step
        assert found[place] == pytest.approx((f(x + moved) - f(x - moved)) / (2 * step), rel=1e-6)
