"""``solve_bvp`` with exact Jacobians."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate

from dualad import integrate

sys.path.insert(0, str(Path(__file__).parents[1] / "optimize"))

from scipy_spies import Body, estimates_in_scipy

MESH = np.linspace(0, 1, 7)


def bratu(x, y):
    return np.stack([y[1], -np.exp(y[0])])


def ends(ya, yb):
    return np.array([ya[0], yb[0]]) if isinstance(ya, np.ndarray) else [ya[0], yb[0]]


def test_bratu():
    # u'' + exp(u) = 0 with u = 0 at both ends: u = -2 log(cosh((x - 1/2) theta/2) / cosh(theta/4)).
    body, bc = Body(bratu, argument=1), Body(ends)
    with estimates_in_scipy() as estimates:
        found = integrate.solve_bvp(body, bc, MESH, np.zeros((2, 7)), tol=1e-9)
    assert found.success and not estimates
    theta = 1.5171645990507543
    exact = -2 * np.log(np.cosh((found.x - 0.5) * theta / 2) / np.cosh(theta / 4))
    np.testing.assert_allclose(found.y[0], exact, atol=1e-9)
    assert body.kinds == {"ndarray", "Dual"}


def test_the_spy_sees_estimates_where_scipy_makes_them():
    with estimates_in_scipy() as estimates:
        scipy.integrate.solve_bvp(bratu, ends, MESH, np.zeros((2, 7)))
    assert estimates["estimate_fun_jac"] and estimates["estimate_bc_jac"]


def test_same_as_scipy_with_the_same_jacobians():
    def fun_jac(x, y):
        jac = np.zeros((2, 2, x.size))
        jac[0, 1] = 1
        jac[1, 0] = -np.exp(y[0])
        return jac

    def bc_jac(ya, yb):
        return np.array([[1.0, 0], [0, 0]]), np.array([[0.0, 0], [1, 0]])

    found = integrate.solve_bvp(bratu, ends, MESH, np.zeros((2, 7)))
    expected = scipy.integrate.solve_bvp(bratu, ends, MESH, np.zeros((2, 7)), fun_jac=fun_jac, bc_jac=bc_jac)
    np.testing.assert_array_equal(found.y, expected.y)
    assert type(found) is type(expected) and found.niter == expected.niter


def test_an_unknown_parameter():
    # Sturm-Liouville: y'' + k^2 y = 0, y(0) = y(1) = 0, y'(0) = k; near the start k = 2 pi.
    def fun(x, y, p):
        return np.stack([y[1], -(p[0] ** 2) * y[0]])

    def bc(ya, yb, p):
        return [ya[0], yb[0], ya[1] - p[0]]

    y = np.zeros((2, MESH.size))
    y[0, 1], y[0, 3] = 1, -1
    with estimates_in_scipy() as estimates:
        found = integrate.solve_bvp(fun, bc, MESH, y, p=[6], tol=1e-8)
    assert found.success and not estimates
    assert found.p[0] == pytest.approx(2 * np.pi, abs=1e-6)


def test_a_singular_term():
    # Lane-Emden with n = 5: y'' + 2/x y' + y^5 = 0, y = (1 + x^2/3)^(-1/2).
    def fun(x, y):
        return np.stack([y[1], -(y[0] ** 5)])

    with estimates_in_scipy() as estimates:
        found = integrate.solve_bvp(
            fun, lambda ya, yb: [ya[1], yb[0] - np.sqrt(0.75)], MESH, np.array([np.ones(7), np.zeros(7)]),
            S=np.array([[0.0, 0], [0, -2]]), tol=1e-8,
        )  # fmt: skip
    assert found.success and not estimates
    np.testing.assert_allclose(found.y[0], (1 + found.x**2 / 3) ** -0.5, atol=1e-8)


def test_rows_that_do_not_vary_and_lists():
    # y1 does not occur, and one row is a constant.
    found = integrate.solve_bvp(
        lambda x, y: [y[1], 0 * y[0] + 2], lambda ya, yb: [ya[0], yb[0] - 1], MESH, np.zeros((2, 7))
    )
    np.testing.assert_allclose(found.sol(0.5)[0], 0.25, atol=1e-9)


def test_own_jacobians_and_complex_states():
    body = Body(bratu, argument=1)
    scheme = {
        "fun_jac": lambda x, y: np.array([[0 * x, 1 + 0 * x], [-np.exp(y[0]), 0 * x]]),
        "bc_jac": lambda ya, yb: (np.array([[1.0, 0], [0, 0]]), np.array([[0.0, 0], [1, 0]])),
    }
    assert integrate.solve_bvp(body, ends, MESH, np.zeros((2, 7)), **scheme).success
    assert body.kinds == {"ndarray"}
    body = Body(lambda x, y: np.vstack([y[1], -y[0]]), argument=1)
    integrate.solve_bvp(body, lambda ya, yb: np.array([ya[0] - 1j, yb[0]]), MESH, np.zeros((2, 7)) + 0j, tol=0.1)
    assert body.kinds == {"ndarray"}
