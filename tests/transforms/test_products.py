"""Tangents with lanes that are kept as products until something asks for them, and what must not be kept so."""

import re

import numpy as np
import pytest

import dualad


def shared(x):
    """Return an array whose tangent is that of another, which is written afterwards."""
    y = np.zeros_like(x)
    y[...] = x * x
    z = y + 1.0
    y[2] = x[0] * x[5]
    return z * y


def views(x):
    y = np.copy(x)
    y[1:] = y[1:] * x[:-1]
    part = y[2:5]
    w = part * part
    part *= 3.0
    return np.concatenate([w * part, y])


def stencil(x):
    """Return an array with more terms than are kept apart."""
    u = np.sin(x)
    return u[2:-2] * u[:-4] - u[1:-3] * u[3:-1] + u[4:] * x[:2] * x[2] + u[2:-2] / (2.0 + x[2:-2])


def spread(x):
    rows = np.exp(x[:3])[:, None] * np.cos(x) + x[4]
    return rows * x[0] + np.sum(rows, axis=1, keepdims=True) * rows / (1.0 + x**2)


def through_products(x):
    a = np.arange(30.0).reshape(5, 6) / 10.0 - 1.0
    y = np.tanh(a @ (x * x)) * 2.0
    return a.T @ (y * y[::-1]) + x


def kinks(x):
    return np.where(x > 0.0, np.maximum(x, 0.3) ** 2, np.abs(x) * x) + np.logaddexp(x, 0.0)


def zero_times_infinite(x):
    y = np.sqrt(x - x[0])  # the slope of the first element is infinite where its tangent is zero
    return y[1:] * x[1:]


POINT = np.array([0.5, 0.9, -0.4, 1.2, 0.7, -1.1])


@pytest.mark.parametrize("f", [shared, views, stencil, spread, through_products, kinks])
def test_jacobians_and_hessians(f):
    def total(x):
        return np.sum(f(x) ** 2)

    for driver, g in ((dualad.jacobian, f), (dualad.hessian, total)):
        compiled = dualad.compile(driver(g))
        for point in (POINT, POINT * 0.9, POINT[::-1].copy(), POINT):
            right = driver(g)(point)
            # The same sums of the same products in another order.
            np.testing.assert_allclose(compiled(point), right, rtol=1e-12, atol=1e-12 * np.abs(right).max())
        assert compiled.stats["replays"] >= 1


def test_a_lane_of_zeros_stays_zero():
    x = np.array([1.0, 2.0, 3.0, 5.0, 7.0])
    compiled = dualad.compile(dualad.jacobian(zero_times_infinite))
    for _ in range(3):
        found = compiled(x)
        right = dualad.jacobian(zero_times_infinite)(x)
        np.testing.assert_allclose(found, right, rtol=1e-14)
    assert found[0, 2] == 0.0


def test_few_nodes_have_lanes():
    """The second derivatives of a long elementwise chain are one product with lanes at its end."""

    def f(x):
        y = a @ x
        for _ in range(10):
            y = np.sin(y) * y
        return np.sum(y)

    a = np.random.default_rng(0).normal(size=(40, 8))
    compiled = dualad.compile(dualad.hessian(f))
    compiled(np.ones(8))
    assert len(re.findall("group of (?:8x40|40x8)", str(compiled))) == 1
