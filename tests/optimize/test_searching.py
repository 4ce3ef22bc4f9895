"""Global minimizers: the search on plain numbers, the local minimizers with exact derivatives."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from dualad import optimize

sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy

BOUNDS = [(-5.12, 5.12)] * 2
LOCAL = ["L-BFGS-B", "BFGS", "SLSQP", "trust-constr", "Newton-CG", "trust-exact"]


def rastrigin(x, height=10.0):
    return height * x.size + np.sum(x**2 - height * np.cos(2 * np.pi * x))


def recorded(body):
    return [kind for kind in body.kinds if kind != "ndarray"]


def call(name, f, **options):
    """Call a global minimizer with a fixed seed and few steps."""
    seed = {"rng": 1} if "rng" in str(scipy.optimize.dual_annealing.__doc__)[:4000] else {"seed": 1}
    own = {
        "basinhopping": lambda: (optimize.basinhopping, ([1.1, -0.9],), {"niter": 20, **seed}),
        "dual_annealing": lambda: (optimize.dual_annealing, (BOUNDS,), {"maxiter": 60, **seed}),
        "shgo": lambda: (optimize.shgo, (BOUNDS,), {}),
        "differential_evolution": lambda: (
            optimize.differential_evolution,
            (BOUNDS,),
            {"maxiter": 30, "tol": 1e-8, **seed},
        ),
    }
    function, args, arguments = own[name]()
    return function(f, *args, **{**arguments, **options})


@pytest.mark.parametrize("name", ["basinhopping", "dual_annealing", "shgo"])
@pytest.mark.parametrize("method", [None, *LOCAL])
def test_local_minimizers_receive_derivatives(name, method):
    body = Body(rastrigin)
    options = {} if method is None else {"minimizer_kwargs": {"method": method, "options": {"maxiter": 30}}}
    with estimates_in_scipy() as estimates:
        found = call(name, body, **options)
    assert not estimates
    assert type(found) is scipy.optimize.OptimizeResult
    assert recorded(body)
    if name != "basinhopping":
        assert "ndarray" in body.kinds
    assert found.fun < 3


@pytest.mark.parametrize("name", ["basinhopping", "dual_annealing", "shgo", "differential_evolution"])
def test_the_spy_sees_differences_where_scipy_makes_them(name, monkeypatch):
    monkeypatch.setattr(optimize, name, getattr(scipy.optimize, name))
    with estimates_in_scipy() as estimates:
        call(name, rastrigin)
    assert estimates["approx_derivative"] > 0


def test_each_local_search_runs_the_body_once_for_each_x():
    body = Body(rastrigin)
    optimize.basinhopping(body, [1.1, -0.9], niter=0)
    assert body.runs == body.distinct


def test_annealing_keeps_the_defaults_of_scipy():
    def slope(x):
        return 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)

    local = {"method": "L-BFGS-B", "jac": slope, "bounds": BOUNDS, "options": {"maxiter": 100}}
    expected = scipy.optimize.dual_annealing(rastrigin, BOUNDS, maxiter=60, seed=1, minimizer_kwargs=local)
    found = optimize.dual_annealing(rastrigin, BOUNDS, maxiter=60, seed=1)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-9)
    assert optimize.dual_annealing(rastrigin, BOUNDS, no_local_search=True, maxiter=5).njev == 0


@pytest.mark.parametrize("bounds", [BOUNDS, scipy.optimize.Bounds([-5.12] * 2, [5.12] * 2)])
def test_bounds_in_both_forms(bounds):
    assert optimize.dual_annealing(rastrigin, bounds, maxiter=20).x.shape == (2,)
    assert optimize.shgo(rastrigin, bounds).fun == pytest.approx(0, abs=1e-10)
    assert optimize.differential_evolution(rastrigin, bounds, maxiter=20).x.shape == (2,)


@pytest.mark.parametrize("name", ["dual_annealing", "shgo", "differential_evolution"])
def test_args(name):
    assert call(name, rastrigin, args=(2.0,)).fun < 1
    found = optimize.basinhopping(rastrigin, [1.1, -0.9], niter=5, minimizer_kwargs={"args": (2.0,)})
    assert found.fun < 3


@pytest.mark.parametrize("name", ["basinhopping", "dual_annealing", "shgo"])
def test_own_gradient_and_differences(name):
    body = Body(rastrigin)
    jac = Body(lambda x: 2 * x + 20 * np.pi * np.sin(2 * np.pi * x))
    call(name, body, minimizer_kwargs={"method": "BFGS", "jac": jac})
    assert jac.runs > 0 and not recorded(body)
    with estimates_in_scipy() as estimates:
        call(name, body, minimizer_kwargs={"method": "BFGS", "jac": "2-point"})
    assert estimates["approx_derivative"] > 0 and not recorded(body)
    both = Body(lambda x: (rastrigin(x), jac(x)))
    if name != "dual_annealing":  # SciPy's annealing takes no such function
        call(name, both, minimizer_kwargs={"method": "BFGS", "jac": True})
        assert not recorded(both)


@pytest.mark.parametrize("name", ["basinhopping", "dual_annealing", "shgo"])
def test_local_methods_without_derivatives(name):
    body = Body(rastrigin)
    call(name, body, minimizer_kwargs={"method": "Nelder-Mead", "options": {"maxiter": 30}})
    assert not recorded(body)


def test_shgo_with_constraints():
    body, limit = Body(rastrigin), Body(lambda x: x[0] + x[1] - 1)
    for constraint in ({"type": "ineq", "fun": limit}, scipy.optimize.NonlinearConstraint(limit, 0, np.inf)):
        with estimates_in_scipy() as estimates:
            found = optimize.shgo(body, BOUNDS, constraints=constraint)
        assert set(estimates) <= {"approx_derivative"} and found.success
        assert found.x.sum() >= 1 - 1e-9
        assert recorded(limit)


def test_shgo_tells_its_own_gradient_in_options():
    both = Body(lambda x: (rastrigin(x), 2 * x + 20 * np.pi * np.sin(2 * np.pi * x)))
    try:
        scipy.optimize.shgo(both, BOUNDS, options={"jac": True})
    except ValueError:
        pytest.skip("this version of SciPy does not get along with it")
    assert optimize.shgo(both, BOUNDS, options={"jac": True}).fun == pytest.approx(0, abs=1e-10)
    assert not recorded(both)


def has_callable_polish():
    called = []

    def polish(f, x0, **options):
        called.append(True)
        return scipy.optimize.minimize(f, x0, **options)

    scipy.optimize.differential_evolution(rastrigin, BOUNDS, maxiter=1, polish=polish)
    return bool(called)


POLISH = pytest.mark.skipif(not has_callable_polish(), reason="this version of SciPy takes no function for polish")


@POLISH
def test_the_polish_of_differential_evolution():
    body = Body(rastrigin)
    with estimates_in_scipy() as estimates:
        found = call("differential_evolution", body)
    assert not estimates and recorded(body)
    expected = scipy.optimize.differential_evolution(rastrigin, BOUNDS, maxiter=30, tol=1e-8, rng=1)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-6)
    body.forget()
    call("differential_evolution", body, polish=False)
    assert not recorded(body)


@POLISH
def test_the_polish_of_a_vectorized_function():
    body = Body(lambda x: np.sum(x**2, axis=0))
    with estimates_in_scipy() as estimates:
        found = optimize.differential_evolution(
            body, BOUNDS, vectorized=True, updating="deferred", maxiter=20, polish=True, rng=1
        )
    assert not estimates and found.fun < 1e-10


@POLISH
def test_the_polish_with_constraints():
    limit = scipy.optimize.NonlinearConstraint(lambda x: x[0] + x[1], 1, np.inf)
    with estimates_in_scipy() as estimates:
        found = optimize.differential_evolution(
            lambda x: np.sum(x**2), BOUNDS, constraints=limit, maxiter=20, rng=1, popsize=5
        )
    assert not estimates
    np.testing.assert_allclose(found.x, 0.5, atol=1e-3)


def test_whole_numbers_are_left_to_scipy():
    body = Body(lambda x: (round(float(x[0])) - 1) ** 2 + (x[1] - 0.3) ** 2)
    found = optimize.differential_evolution(body, [(0, 5), (0, 5)], integrality=[True, False], maxiter=30)
    np.testing.assert_allclose(found.x, [1, 0.3], atol=1e-4)


def test_the_seed_by_position_and_by_name():
    name = "rng" if has_callable_polish() else "seed"
    one = optimize.differential_evolution(rastrigin, BOUNDS, **{name: 3}, maxiter=3, polish=False)
    two = scipy.optimize.differential_evolution(rastrigin, BOUNDS, **{name: 3}, maxiter=3, polish=False)
    np.testing.assert_array_equal(one.population, two.population)
    old = optimize.differential_evolution(rastrigin, BOUNDS, seed=3, maxiter=3, polish=False)
    expected = scipy.optimize.differential_evolution(rastrigin, BOUNDS, seed=3, maxiter=3, polish=False)
    np.testing.assert_array_equal(old.population, expected.population)
