"""Constraints in every form that SciPy takes, with exact Jacobians and Hessians."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from scipy.sparse import csc_array

from dualad import errors, optimize
from dualad.drivers.wrapping import Solve
from dualad.optimize.constraints import with_derivatives

sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy

METHODS = ["SLSQP", "trust-constr"]
START = np.array([0.3, 0.4])
# The least value of x0 + 2 x1 on the unit disc.
CORNER = -np.array([1, 2]) / np.sqrt(5)


def linear(x):
    return x[0] + 2 * x[1]


def disc(x, radius=1.0):
    return radius - x[0] ** 2 - x[1] ** 2


def forms(body):
    return {
        "dict": {"type": "ineq", "fun": body},
        "dict with args": {"type": "ineq", "fun": body, "args": (1.0,)},
        "list": [{"type": "ineq", "fun": body}],
        "tuple": ({"type": "ineq", "fun": body},),
        "scipy": scipy.optimize.NonlinearConstraint(body, 0, np.inf),
        "ours": optimize.NonlinearConstraint(body, 0, np.inf),
        "mixed": [
            scipy.optimize.LinearConstraint([[1, 1]], -5, 5),
            optimize.NonlinearConstraint(body, 0, np.inf),
            {"type": "ineq", "fun": lambda x: 3 - x[0]},
        ],
    }


@pytest.mark.parametrize("form", list(forms(disc)))
@pytest.mark.parametrize("method", METHODS)
def test_forms(method, form):
    objective, body = Body(linear), Body(disc)
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(objective, START, method=method, constraints=forms(body)[form])
    assert not estimates
    assert body.runs == body.distinct and objective.runs == objective.distinct
    np.testing.assert_allclose(found.x, CORNER, atol=1e-5)


@pytest.mark.parametrize("form", ["dict", "scipy", "ours"])
def test_the_exact_hessian_reaches_trust_constr(form, monkeypatch):
    monkeypatch.setattr(scipy.optimize.BFGS, "update", lambda *args: pytest.fail("a quasi-Newton update"))
    found = optimize.minimize(linear, START, method="trust-constr", constraints=forms(disc)[form])
    np.testing.assert_allclose(found.x, CORNER, atol=1e-5)


@pytest.mark.parametrize("form", ["dict", "list", "scipy", "ours", "mixed"])
@pytest.mark.parametrize("method", ["COBYLA", "COBYQA"])
def test_methods_without_derivatives(method, form):
    if method not in scipy.optimize.minimize.__doc__:
        pytest.skip(f"this version of SciPy has no {method}")
    body = Body(disc)
    found = optimize.minimize(linear, START, method=method, constraints=forms(body)[form])
    np.testing.assert_allclose(found.x, CORNER, atol=1e-2)
    if form not in ("ours", "mixed"):
        assert body.kinds == {"ndarray"}


def test_equations_and_several_values():
    def both(x):
        return [x[0] * x[1] - 1, x[0] + x[1] - 2.5]

    for method in METHODS:
        for constraint in ({"type": "eq", "fun": both}, scipy.optimize.NonlinearConstraint(both, 0, 0)):
            found = optimize.minimize(lambda x: x[0], [0.4, 2.1], method=method, constraints=constraint)
            np.testing.assert_allclose(found.x, [0.5, 2], atol=1e-6)


def test_both_bounds_of_a_vector():
    ring = scipy.optimize.NonlinearConstraint(lambda x: np.stack([x[0] ** 2 + x[1] ** 2, x[0]]), [1, -np.inf], [4, 0.5])
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(linear, [-1.5, 0.2], method="trust-constr", constraints=ring)
    assert not estimates
    np.testing.assert_allclose(found.x, 2 * CORNER, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_own_jacobian_is_used(method):
    jac = Body(lambda x: np.array([-2 * x[0], -2 * x[1]]))
    body = Body(disc)
    for constraint in (
        {"type": "ineq", "fun": body, "jac": jac},
        scipy.optimize.NonlinearConstraint(body, 0, np.inf, jac=jac),
        optimize.NonlinearConstraint(body, 0, np.inf, jac=jac),
    ):
        jac.forget()
        found = optimize.minimize(linear, START, method=method, constraints=constraint)
        assert jac.runs > 0 and body.kinds == {"ndarray"}
        np.testing.assert_allclose(found.x, CORNER, atol=1e-5)


def test_own_hessian_is_used():
    hess = Body(lambda x, v: -2 * v[0] * np.eye(2))
    for kind in (scipy.optimize.NonlinearConstraint, optimize.NonlinearConstraint):
        hess.forget()
        optimize.minimize(linear, START, method="trust-constr", constraints=kind(disc, 0, np.inf, hess=hess))
        assert hess.runs > 0


def test_a_string_in_our_class_asks_for_differences():
    constraint = optimize.NonlinearConstraint(disc, 0, np.inf, jac="2-point")
    with estimates_in_scipy() as estimates:
        optimize.minimize(linear, START, method="trust-constr", constraints=constraint)
    assert estimates["approx_derivative"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_our_class_with_scipys_minimize(method):
    body = Body(disc)
    hess = (lambda x: np.zeros((2, 2))) if method == "trust-constr" else None
    constraint = optimize.NonlinearConstraint(body, 0, np.inf)
    with estimates_in_scipy() as estimates:
        found = scipy.optimize.minimize(
            linear,
            START,
            method=method,
            jac=lambda x: np.array([1.0, 2.0]),
            hess=hess,
            constraints=constraint,
            tol=1e-12,
        )
    assert not estimates and body.runs == body.distinct
    np.testing.assert_allclose(found.x, CORNER, atol=1e-5)


def test_a_sparse_jacobian():
    n = 30
    pattern = csc_array(np.eye(n - 1, n) + np.eye(n - 1, n, 1))

    def steps(x):
        return x[1:] - x[:-1] ** 2

    def far(x):
        return np.sum((x - 2) ** 2)

    constraint = scipy.optimize.NonlinearConstraint(steps, 0, 0, finite_diff_jac_sparsity=pattern)
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(far, np.full(n, 0.9), method="trust-constr", constraints=constraint)
    assert not estimates
    assert abs(found.constr[0]).max() < 1e-8
    assert hasattr(found.jac[0], "tocsc")


def test_keep_feasible_is_passed_on():
    constraint = scipy.optimize.NonlinearConstraint(disc, 0, np.inf, keep_feasible=[True])
    (kept,) = with_derivatives([constraint], "trust-constr", Solve(None))
    assert kept.keep_feasible == [True] and callable(kept.jac) and callable(kept.hess)


def test_the_callers_constraints_are_not_changed():
    constraint = {"type": "ineq", "fun": disc}
    new = scipy.optimize.NonlinearConstraint(disc, 0, np.inf)
    optimize.minimize(linear, START, constraints=[constraint, new])
    assert constraint == {"type": "ineq", "fun": disc}
    assert new.jac == "2-point" and new.fun is disc


@pytest.mark.parametrize("wrong", [{"fun": disc}, {"type": "no", "fun": disc}, {"type": "eq"}])
def test_wrong_constraints_raise_what_scipy_raises(wrong):
    for method in METHODS:
        with pytest.raises(Exception) as expected:
            scipy.optimize.minimize(linear, START, method=method, constraints=wrong)
        with pytest.raises(type(expected.value)) as found:
            optimize.minimize(linear, START, method=method, constraints=wrong)
        assert str(found.value) == str(expected.value)


# --- trust-constr and its barrier -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bounds", [None, [(-2, 2)] * 2])
def test_the_barrier_is_gone_at_the_end(bounds):
    found = optimize.minimize(linear, START, method="trust-constr", constraints=forms(disc)["ours"], bounds=bounds)
    assert found.success and found.barrier_parameter < 1e-8 and found.optimality < 1e-8
    np.testing.assert_allclose(found.fun, -np.sqrt(5), rtol=1e-7)


def test_callbacks_of_both_kinds_and_their_wish_to_stop():
    seen = []

    def by_name(intermediate_result):
        seen.append(intermediate_result.optimality)
        return len(seen) == 3

    def by_place(xk, state):
        seen.append(np.copy(xk))
        if len(seen) == 4:
            raise StopIteration

    for callback, steps in ((by_name, 3), (by_place, 4)):
        seen.clear()
        found = optimize.minimize(
            linear, START, method="trust-constr", constraints=forms(disc)["ours"], callback=callback
        )
        assert found.status == 3 and found.nit == len(seen) == steps
        expected = found.x if callback is by_place else None
        assert expected is None or np.array_equal(seen[-1], expected)


# --- Hock and Schittkowski (1981), Test Examples for Nonlinear Programming Codes --------------------------------------


def test_problem_71():
    def f(x):
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]

    constraints = [
        {"type": "ineq", "fun": lambda x: np.prod(x) - 25},
        {"type": "eq", "fun": lambda x: np.sum(x**2) - 40},
    ]
    for method in METHODS:
        found = optimize.minimize(f, [1, 5, 5, 1.0], method=method, bounds=[(1, 5)] * 4, constraints=constraints)
        np.testing.assert_allclose(found.fun, 17.0140173, rtol=1e-6)


def test_arguments_by_place_are_those_of_scipy():
    import inspect

    ours, theirs = (
        list(inspect.signature(kind).parameters)
        for kind in (optimize.NonlinearConstraint, scipy.optimize.NonlinearConstraint)
    )
    assert ours == [*theirs, "compile"]
    constraint = optimize.NonlinearConstraint(disc, 0, np.inf, "3-point", scipy.optimize.SR1(), [True], 1e-6, [[1, 1]])
    assert constraint.jac == "3-point" and isinstance(constraint.hess, scipy.optimize.SR1)
    assert constraint.keep_feasible == [True]
    assert constraint.finite_diff_rel_step == 1e-6 and constraint.finite_diff_jac_sparsity == [[1, 1]]


@pytest.mark.parametrize("method", METHODS)
def test_a_constraint_of_a_matrix_is_refused(method):
    wrong = {"type": "ineq", "fun": lambda x: np.reshape(np.stack([x, x]), (2, 2))}
    with pytest.raises(errors.WrongShape, match=r"shape \(2, 2\).*np.ravel"):
        optimize.minimize(linear, START, method=method, constraints=wrong)
