"""``root``, ``fsolve``, ``root_scalar`` and ``newton`` with exact derivatives."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from scipy.special import jv

from dualad import optimize

sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy

START = np.array([0.7, 0.2])
OTHERS = ["broyden1", "broyden2", "anderson", "krylov", "df-sane", "diagbroyden"]


def circle_and_curve(x, radius=1.0):
    return [x[0] ** 2 + x[1] ** 2 - radius, x[1] - x[0] ** 3]


ROOT = [0.826031357654187, 0.563624162161259]


@pytest.mark.parametrize("col_deriv", [0, 1])
@pytest.mark.parametrize("method", ["hybr", "lm", "LM"])
def test_root(method, col_deriv):
    body = Body(circle_and_curve)
    with estimates_in_scipy() as estimates:
        found = optimize.root(body, START, args=(1.0,), method=method, tol=1e-12, options={"col_deriv": col_deriv})
    assert not estimates
    assert type(found) is scipy.optimize.OptimizeResult and found.success
    assert body.runs == body.distinct
    np.testing.assert_allclose(found.x, ROOT, atol=1e-12)


@pytest.mark.parametrize("method", OTHERS)
def test_methods_that_take_no_jacobian_are_passed_through(method):
    body = Body(lambda x: 0.9 * x - 0.1 * np.cos(x))
    found = optimize.root(body, START, method=method)
    expected = scipy.optimize.root(body.f, START, method=method)
    np.testing.assert_array_equal(found.x, expected.x)
    assert body.kinds == {"ndarray"}


def test_own_jacobian_of_root():
    jac = Body(lambda x: np.array([[2 * x[0], 2 * x[1]], [-3 * x[0] ** 2, 1]]))
    body = Body(circle_and_curve)
    assert optimize.root(body, START, jac=jac).success
    assert jac.runs > 0 and body.kinds == {"ndarray"}
    both = Body(lambda x: (np.array(circle_and_curve(x)), jac(x)))
    assert optimize.root(both, START, jac=True).success
    assert both.kinds == {"ndarray"}


def test_one_unknown():
    assert optimize.root(lambda x: x**2 - 2, 1.0).x == pytest.approx(np.sqrt(2))
    assert optimize.root(lambda x: x[0] ** 2 - 2, [1]).x == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("col_deriv", [0, 1])
def test_fsolve(col_deriv):
    body = Body(circle_and_curve)
    with estimates_in_scipy() as estimates:
        x, info, flag, _ = optimize.fsolve(body, START, (1.0,), full_output=True, col_deriv=col_deriv, xtol=1e-12)
    assert not estimates and flag == 1
    assert body.runs == body.distinct
    assert info["njev"] >= 1
    np.testing.assert_allclose(x, ROOT, atol=1e-12)


def test_own_jacobian_of_fsolve():
    body = Body(circle_and_curve)
    optimize.fsolve(body, START, fprime=lambda x: [[2 * x[0], 2 * x[1]], [-3 * x[0] ** 2, 1]])
    assert body.kinds == {"ndarray"}


# --- functions of one number ------------------------------------------------------------------------------------------


def cubic(x, c=2.0):
    return x**3 - c


@pytest.mark.parametrize("method", [None, "newton", "halley", "Newton"])
def test_root_scalar(method):
    body = Body(cubic)
    with estimates_in_scipy() as estimates:
        found = optimize.root_scalar(body, args=(2.0,), x0=1.5, method=method)
    assert not estimates
    assert type(found) is scipy.optimize.RootResults
    assert body.runs == body.distinct
    assert found.root == pytest.approx(2 ** (1 / 3), abs=1e-14)
    assert found.method == (method or "newton").lower()


def test_halley_takes_fewer_steps():
    steps = {m: optimize.root_scalar(lambda x: jv(0, x), x0=2.0, method=m).iterations for m in ("newton", "halley")}
    assert steps["halley"] < steps["newton"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"bracket": (0, 2)},
        {"bracket": (0, 2), "method": "bisect"},
        {"x0": 1.0, "x1": 1.5},
        {"x0": 1.0, "method": "secant"},
    ],
)
def test_methods_without_a_derivative_are_passed_through(arguments):
    body = Body(cubic)
    found = optimize.root_scalar(body, **arguments)
    expected = scipy.optimize.root_scalar(cubic, **arguments)
    assert (found.root, found.function_calls, found.method) == (expected.root, expected.function_calls, expected.method)
    assert not any("Recorded" in kind for kind in body.kinds)


def test_own_derivatives_of_root_scalar():
    body = Body(cubic)
    assert optimize.root_scalar(body, x0=1.5, fprime=lambda x: 3 * x**2).converged
    assert not any("Recorded" in kind for kind in body.kinds)
    assert optimize.root_scalar(lambda x: (cubic(x), 3 * x**2), x0=1.5, fprime=True).converged
    assert optimize.root_scalar(
        lambda x: (cubic(x), 3 * x**2, 6 * x), x0=1.5, fprime=True, fprime2=True, method="halley"
    ).converged
    # What is missing is filled in beside what is given.
    found = optimize.root_scalar(cubic, x0=1.5, fprime=lambda x: 3 * x**2, method="halley")
    assert found.converged and found.method == "halley"


def test_newton():
    body = Body(cubic)
    root, found = optimize.newton(body, 1.5, args=(2.0,), full_output=True)
    assert root == pytest.approx(2 ** (1 / 3), abs=1e-14)
    assert type(root) is type(scipy.optimize.newton(cubic, 1.5, fprime=lambda x: 3 * x**2))
    assert found.method == "newton" and body.runs == body.distinct


def test_newton_of_an_array():
    body = Body(lambda x, a: x**2 - a)
    a = np.array([2.0, 3.0, 5.0])
    x0 = np.ones(3)
    found = optimize.newton(body, x0, args=(a,), full_output=True)
    assert found.converged.all() and body.runs == body.distinct
    np.testing.assert_allclose(found.root, np.sqrt(a), rtol=1e-14)
    np.testing.assert_array_equal(x0, 1)
    np.testing.assert_allclose(optimize.newton(lambda x: x**2 - 2, np.array([1.0])), np.sqrt(2))


def test_newton_as_the_caller_has_it():
    body = Body(cubic)
    assert optimize.newton(body, 1.5, fprime=lambda x: 3 * x**2) == pytest.approx(2 ** (1 / 3))
    assert optimize.newton(body, 1.5, x1=1.4) == pytest.approx(2 ** (1 / 3))
    assert not any("Recorded" in kind for kind in body.kinds)
    z = optimize.newton(lambda z: z**2 + 1, 0.5 + 1j)
    assert z == pytest.approx(1j)


@pytest.mark.parametrize("method", ["newton", "halley"])
def test_root_scalar_from_a_list_of_one(method):
    one = {"fprime": lambda x: 3 * x**2, "fprime2": lambda x: 6 * x}
    expected = scipy.optimize.root_scalar(cubic, x0=[1.5], method=method, **one)
    found = optimize.root_scalar(cubic, x0=[1.5], method=method)
    assert np.shape(found.root) == np.shape(expected.root)
    np.testing.assert_allclose(found.root, expected.root, rtol=1e-14)
    assert found.iterations == expected.iterations


def test_newton_on_arrays_of_any_shape_converges_as_in_scipy():
    for x0 in ([1.0, 1.5], np.array([1, 2]), np.ones((2, 2)), np.array([1.5])):
        found = optimize.newton(cubic, x0, full_output=True)
        expected = scipy.optimize.newton(cubic, x0, fprime=lambda x: 3 * x**2, full_output=True)
        for got, wanted in zip(found, expected):
            np.testing.assert_array_equal(got, wanted)
