"""Solves compile their functions when it pays, are the same solves, and notice where a replay would be wrong."""

from __future__ import annotations

import os

import numpy as np
import pytest
import scipy.optimize

import dualad
from dualad import errors, optimize
from dualad.drivers.paying import Purse, price, told
from dualad.drivers.point import Point
from dualad.drivers.replays import Replayed
from dualad.drivers.shared import Derivatives, derivatives

START = np.resize([-1.2, 1.0], 10)
W = np.array([0.5, -2.0, 1.0])
T = np.linspace(0, 4, 30)
METHODS = [
    "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "trust-ncg", "trust-exact", "trust-krylov",
]  # fmt: skip


def rosenbrock(x, a=100.0):
    return np.sum(a * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def bowl(x):
    return np.sum((x - 1) ** 2 * (2 + np.cos(x)))


def residual(b):
    return b[0] * np.exp(-b[1] * T) + b[2] - (2.5 * np.exp(-1.3 * T) + 0.5 + 0.01 * np.cos(50 * T))


def vector(x, a=2.0):
    return np.stack([a * np.exp(x[0]) * x[1], np.sum(x**3), x[2] * x[0]])


# --- derivatives ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["fun", "grad", "value_and_grad", "hess", "hessp"])
def test_replays_of_a_number(what):
    d, plain = derivatives(rosenbrock, compile=True), derivatives(rosenbrock, compile=False)
    rng = np.random.default_rng(1)
    for _ in range(4):
        x = rng.normal(size=4)
        more = (np.ones(4),) if what == "hessp" else ()
        found, right = getattr(d, what)(x, *more), getattr(plain, what)(x, *more)
        if what == "value_and_grad":
            assert found[0] == right[0]
            found, right = found[1], right[1]
        if what == "fun":
            assert found == right
        # Sums in another order: terms of size 1e3 or more, rounded at 1e-16 each.
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-11)
    assert d.plan.compiled and "compile=True" in d.plan.compiling and d.holds(x)
    assert not plain.plan.compiled and "compile=False" in plain.plan.compiling


def test_replays_of_several_numbers():
    d, plain = derivatives(vector, compile=True), derivatives(vector, compile=False)
    rng = np.random.default_rng(2)
    for _ in range(4):
        x = rng.normal(size=3)
        np.testing.assert_array_equal(d.fun(x, 3.0), plain.fun(x, 3.0))
        np.testing.assert_allclose(d.jac(x, 3.0), plain.jac(x, 3.0), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(d.weighted_hess(x, W), plain.weighted_hess(x, W), rtol=1e-12, atol=1e-12)
    assert isinstance(d._points[0][1], Replayed) and d.holds()
    with pytest.raises(errors.NotScalar, match="one number"):
        d.grad(x)


@pytest.mark.parametrize("make", [lambda x: [np.sum(x**2)], lambda x: np.sum(x**2, keepdims=True), np.sum])
def test_values_have_the_shape_that_they_had(make):
    d, plain = derivatives(make, compile=True), derivatives(make, compile=False)
    for k in range(3):
        x = np.arange(3.0) + k
        for name in ("fun", "grad"):
            found, right = getattr(d, name)(x), getattr(plain, name)(x)
            assert type(found) is type(right) and np.shape(found) == np.shape(right) and np.all(found == right)


def test_results_are_the_callers_own():
    d = derivatives(rosenbrock, compile=True)
    for k in range(4):
        x = START + k
        d.value_and_grad(x)
        g = d.grad(x)
        kept = g.copy()
        g[:] = 0
        np.testing.assert_array_equal(d.grad(x), kept)
        x[:] = 7.0  # as solvers do, with the array that they passed
        assert d.fun(START + k) == rosenbrock(START + k)


def test_a_compiled_jacobian_of_a_stated_pattern_is_left_to_dual_numbers():
    from dualad.drivers.compressed import Compressed

    d = derivatives(vector, compile=True)
    for k in range(3):
        found = d.compressed_jac(Compressed(np.ones((3, 3))), np.ones(3) + k)
        np.testing.assert_allclose(found.toarray(), dualad.jacobian(vector)(np.ones(3) + k), rtol=1e-13)
    assert not d.plan.compiled


# --- when it pays -----------------------------------------------------------------------------------------------------


def test_it_is_compiled_when_replays_would_have_paid_for_it():
    d = derivatives(rosenbrock)
    kinds = []
    for k in range(300):
        d.value_and_grad(START + k / 100)
        kinds.append(d.plan.compiled)
    first = kinds.index(True)
    assert all(kinds[first:]) and "have saved" in d.plan.compiling
    # What the plan says in advance, for a function that is called like this.
    after, reason = told(10, 1, 1, Point(rosenbrock, (START,), {}).work)
    assert after == pytest.approx(first + 1, rel=0.1) and str(after) in reason
    assert d._forms.made["gradient"].compiled.stats["recordings"] == 1


def test_few_calls_are_not_compiled(monkeypatch):
    def never(*args):
        raise AssertionError("compiled")

    monkeypatch.setattr("dualad.drivers.replays.compiled", never)
    optimize.least_squares(residual, [1.0, 1.0, 0.0])
    optimize.minimize(rosenbrock, START[:2], options={"maxiter": 5})
    optimize.newton(lambda x: x**3 - np.cos(x), 0.5)


def test_a_purse():
    purse = Purse(False)
    purse.price = 10.0
    purse.save(9.0)
    assert not purse.open
    purse.save(1.0)
    assert purse.open and not purse.empty
    purse.spend(20.0)
    assert not purse.empty
    purse.spend(1.0)
    assert purse.empty
    assert Purse(True).open


def test_a_function_that_never_settles_is_dropped():
    def branching(x):
        total = np.sum(x**2)
        for i in range(20):
            total = total + (x[0] * i if np.sin(1e6 * x[i % 10] + i) > 0 else x[1])
        return total

    d, plain = derivatives(branching), derivatives(branching, compile=False)
    rng = np.random.default_rng(3)
    for _ in range(300):
        x = rng.normal(size=10)
        np.testing.assert_allclose(d.value_and_grad(x)[1], plain.value_and_grad(x)[1], rtol=1e-12, atol=1e-10)
        if d._forms.off:
            break
    assert d._forms.off and "again and again" in d.plan.compiling
    assert d._forms.made["gradient"].compiled.stats["recordings"] < 5


def test_explain_says_when_a_solve_compiles(capsys):
    plan = dualad.explain(rosenbrock, START)
    assert "a solve compiles it after" in plan.compiling
    assert plan.compiling in capsys.readouterr().out
    heavy = dualad.explain(lambda x: np.linalg.norm(np.ones((300, 300)) @ x), np.ones(300))
    assert "compil" in heavy.compiling
    assert price("value", 3, 3, heavy.work).replay > 0


# --- solves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_minimize_compiled_and_not(method):
    # Steps until the iteration has converged: beyond it the last digits decide how far it goes.
    found = optimize.minimize(bowl, START, method=method, compile=True)
    right = optimize.minimize(bowl, START, method=method, compile=False)
    assert found.success == right.success
    np.testing.assert_allclose(found.x, right.x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("compile", [None, True, False])
def test_all_others(compile):
    x = optimize.least_squares(residual, [1.0, 1.0, 0.0], compile=compile).x
    np.testing.assert_allclose(x, optimize.least_squares(residual, [1.0, 1.0, 0.0], compile=False).x, rtol=1e-7)
    model = lambda t, a, b, c: a * np.exp(-b * t) + c
    popt, pcov = optimize.curve_fit(model, T, model(T, 2.5, 1.3, 0.5), p0=[1, 1, 0], compile=compile)
    np.testing.assert_allclose(popt, [2.5, 1.3, 0.5], rtol=1e-6)
    assert pcov.shape == (3, 3)
    system = lambda x: [x[0] + x[1] - 3, x[0] ** 2 + x[1] ** 2 - 9]
    np.testing.assert_allclose(optimize.root(system, [1.0, 5.0], compile=compile).x, [0, 3], atol=1e-7)
    np.testing.assert_allclose(optimize.fsolve(system, [1.0, 5.0], compile=compile), [0, 3], atol=1e-7)
    assert optimize.newton(lambda x: x**3 - 2, 1.0, compile=compile) == pytest.approx(2 ** (1 / 3), rel=1e-9)
    found = optimize.root_scalar(lambda x: x**3 - 2, x0=1.0, method="halley", compile=compile)
    assert found.root == pytest.approx(2 ** (1 / 3), rel=1e-9)
    assert optimize.minimize_scalar(lambda x: (x - 2) ** 2, compile=compile).x == pytest.approx(2)


@pytest.mark.parametrize("compile", [None, True, False])
def test_constraints(compile):
    disc = {"type": "ineq", "fun": lambda x: 1 - x[0] ** 2 - x[1] ** 2}
    ring = optimize.NonlinearConstraint(lambda x: x[0] ** 2 + x[1] ** 2, 0, 1, compile=compile)
    for constraint in (disc, ring):
        for method in ("SLSQP", "trust-constr"):
            found = optimize.minimize(
                lambda x: x[0] + 2 * x[1], [0.3, 0.4], method=method, constraints=constraint, compile=compile
            )
            np.testing.assert_allclose(found.x, [-(0.2**0.5), -2 * 0.2**0.5], atol=1e-5)


@pytest.mark.parametrize("compile", [None, True, False])
def test_searches(compile):
    f = lambda x: 10 * len(x) + np.sum(x**2 - 10 * np.cos(2 * np.pi * x))
    bounds = [(-5.12, 5.12)] * 2
    assert optimize.basinhopping(f, [1.2, -0.9], niter=30, seed=1, compile=compile).fun < 1.1
    assert optimize.dual_annealing(f, bounds, maxiter=300, seed=1, compile=compile).fun < 1e-6
    assert optimize.shgo(f, bounds, compile=compile).fun < 1e-6
    assert optimize.differential_evolution(f, bounds, seed=1, compile=compile).fun < 1e-6


def test_local_searches_share_what_was_compiled(monkeypatch):
    made = []
    original = Derivatives.__init__
    monkeypatch.setattr(Derivatives, "__init__", lambda self, *args: (made.append(self), original(self, *args))[1])
    optimize.basinhopping(rosenbrock, START[:4], niter=20, seed=1)
    assert len(made) == 1 and made[0].plan.compiled


def test_compile_is_the_last_keyword_for_wrong_calls_too():
    with pytest.raises(TypeError, match="minimize"):
        optimize.minimize(compile=True)


# --- honesty ----------------------------------------------------------------------------------------------------------


def test_a_parameter_that_a_callback_changes_is_seen():
    penalty, used = 1.0, set()

    def penalized(x):
        return np.sum((x - 2) ** 2) + penalty * np.sum(np.maximum(x - 1, 0) ** 2)

    def harder(xk):
        nonlocal penalty
        penalty = min(penalty * 1.5, 1e3)
        used.add(penalty)

    found = optimize.minimize(penalized, np.zeros(3), method="BFGS", callback=harder, compile=True)
    assert len(used) > 1
    d = derivatives(penalized, compile=True)
    for k in range(6):
        penalty = 10.0 ** (k // 2)
        x = np.array([1.5, 0.5, 3.0]) + k
        assert d.fun(x) == penalized(x)
        np.testing.assert_allclose(d.grad(x), 2 * (x - 2) + 2 * penalty * np.maximum(x - 1, 0), rtol=1e-14)
    assert np.all(np.isfinite(found.x))


def test_counters_count_and_are_not_replayed():
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return rosenbrock(x)

    found = optimize.minimize(counted, START, method="L-BFGS-B")
    # No warning, because nobody asked for it to be compiled, and no attempt, which would be a call too.
    assert found.nfev == calls > told(10, 1, 1, Point(rosenbrock, (START,), {}).work)[0]
    with pytest.warns(errors.ImpureFunction, match="changes"):
        optimize.minimize(counted, START, method="L-BFGS-B", compile=True)


def test_what_changes_unseen_is_found_at_the_solution(monkeypatch):
    monkeypatch.setenv("TARGET", "1.0")

    def hidden(x):
        return np.sum((x - float(os.environ["TARGET"])) ** 2 * (2 + np.cos(x)))

    steps = 0

    def move(xk):
        nonlocal steps
        steps += 1
        if steps == 3:  # replays have begun
            os.environ["TARGET"] = "1.5"

    with pytest.warns(errors.ImpureFunction, match=r"at the solution of minimize.*compile=False"):
        found = optimize.minimize(hidden, np.zeros(4), method="BFGS", callback=move, compile=True)
    np.testing.assert_allclose(found.x, 1.5, rtol=1e-5)
    d = derivatives(hidden, compile=True)
    for k in range(4):
        d.value_and_grad(np.ones(4) * k)
    assert d.holds(np.ones(4))
    os.environ["TARGET"] = "3.0"
    assert not d.holds(np.ones(4)) and not d.plan.compiled
    assert d.fun(np.ones(4)) == hidden(np.ones(4))


def test_random_numbers_are_not_replayed():
    rng = np.random.default_rng(4)
    d = derivatives(lambda x: np.sum(x**2) + rng.normal())
    values = {float(d.fun(START * 0 + k)) - 10 * k**2 for k in range(300)}
    assert len(values) > 200


def test_what_cannot_be_recorded_falls_back():
    def odd(x):
        return np.sum(x**2) * (2.0 if x.tolist()[0] > 0 else 1.0)

    d = derivatives(odd, compile=True)
    for k in range(4):
        x = START * (-1) ** k
        assert d.fun(x) == odd(x)


def test_arguments_pass_through():
    for compile in (None, True, False):
        found = optimize.minimize(rosenbrock, START[:4], args=(10.0,), method="BFGS", compile=compile)
        np.testing.assert_allclose(found.x, 1, atol=1e-4)
    d = derivatives(rosenbrock, compile=True)
    for k in range(5):
        a = np.full(9, 1.0 + k)
        assert d.fun(START, a) == rosenbrock(START, a)
        assert d.fun(START, a=2.0 + k) == rosenbrock(START, a=2.0 + k)


def test_the_way_is_the_same_whenever_it_is_run():
    one, two = (optimize.minimize(rosenbrock, START, method="CG") for _ in range(2))
    assert one.nfev == two.nfev and np.array_equal(one.x, two.x)
    plain = scipy.optimize.minimize(rosenbrock, START, method="CG", jac=derivatives(rosenbrock, compile=False).grad)
    np.testing.assert_allclose(one.x, plain.x, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_an_array_of_one_number_is_a_number(method):
    found = optimize.minimize(lambda x: np.array([bowl(x)]), np.zeros(3), method=method, compile=True)
    np.testing.assert_allclose(found.x, 1, atol=1e-3)
