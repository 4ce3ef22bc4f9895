"""Right-hand sides are compiled when it pays, and noticed where a replay would be wrong."""

from __future__ import annotations

import os

import numpy as np
import pytest
import scipy.integrate

from dualad import errors, integrate
from dualad.drivers.direct import Direct

MATRIX = np.random.default_rng(5).normal(size=(12, 12)) - 6 * np.eye(12)


def smooth(t, y):
    a = np.tanh(MATRIX @ y)
    return a - y + np.exp(-a * a) * np.sin(y) + np.cos(t) * np.sqrt(1 + y**2) - np.arctan(a + y)


def robertson(t, y):
    slow, fast, product = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return [product - slow, slow - product - fast, fast]


@pytest.fixture
def directs(monkeypatch):
    made = []
    original = Direct.__init__
    monkeypatch.setattr(Direct, "__init__", lambda self, *args: (made.append(self), original(self, *args))[1])
    return made


@pytest.mark.parametrize("method", ["RK45", "Radau", "BDF", "LSODA"])
@pytest.mark.parametrize("f", [smooth, robertson])
@pytest.mark.parametrize("compile", [None, True])
def test_solve_ivp(method, f, compile, directs):
    start = np.eye(12)[0] if f is smooth else [1.0, 0.0, 0.0]
    end = 10 if f is smooth else 1.0
    options = {"method": method, "rtol": 1e-7, "atol": 1e-9}
    found = integrate.solve_ivp(f, (0, end), start, compile=compile, **options)
    right = integrate.solve_ivp(f, (0, end), start, compile=False, **options)
    # Values are bit-equal, Jacobians may differ in the last digits, and steps follow errors of the size of rtol.
    np.testing.assert_allclose(found.y[:, -1], right.y[:, -1], rtol=1e-5, atol=1e-8)
    if method == "RK45":
        np.testing.assert_array_equal(found.y, right.y)
    if f is smooth and found.nfev > 1500:
        assert directs[0]._forms["value"].compiled.stats["replays"] > 100


@pytest.mark.parametrize("compile", [None, True, False])
def test_odeint_and_solve_bvp(compile):
    t = np.linspace(0, 3, 30)
    right = scipy.integrate.odeint(smooth, np.ones(12), t, tfirst=True, rtol=1e-9, atol=1e-11)
    found = integrate.odeint(smooth, np.ones(12), t, tfirst=True, rtol=1e-9, atol=1e-11, compile=compile)
    np.testing.assert_allclose(found, right, rtol=1e-6, atol=1e-8)
    turned = integrate.odeint(lambda y, t: smooth(t, y), np.ones(12), t, rtol=1e-9, atol=1e-11, compile=compile)
    np.testing.assert_allclose(turned, right, rtol=1e-6, atol=1e-8)
    x = np.linspace(0, 1, 5)
    found = integrate.solve_bvp(
        lambda x, y: np.stack([y[1], -np.exp(y[0])]), lambda a, b: [a[0], b[0]], x, np.zeros((2, 5)), tol=1e-8,
        compile=compile,
    )  # fmt: skip
    assert found.sol(0.5)[0] == pytest.approx(0.140539, abs=1e-6)


def test_arguments_and_arrays_that_the_solver_overwrites():
    for compile in (None, True, False):
        found = integrate.solve_ivp(
            lambda t, y, a: [y[1], a * (1 - y[0] ** 2) * y[1] - y[0]], (0, 40), [2, 0], "LSODA", args=(10.0,),
            compile=compile, rtol=1e-8, atol=1e-10,
        )  # fmt: skip
        right = scipy.integrate.solve_ivp(
            lambda t, y, a: [y[1], a * (1 - y[0] ** 2) * y[1] - y[0]], (0, 40), [2, 0], "Radau", args=(10.0,),
            rtol=1e-9, atol=1e-11,
        )  # fmt: skip
        np.testing.assert_allclose(found.y[:, -1], right.y[:, -1], rtol=1e-4)


def test_counters_count():
    calls = 0

    def counted(t, y):
        nonlocal calls
        calls += 1
        return smooth(t, y)

    found = integrate.solve_ivp(counted, (0, 30), np.ones(12), rtol=1e-9, atol=1e-9)
    assert calls == found.nfev > 400


def test_functions_that_cannot_be_recorded_run_as_they_are():
    def plain(t, y):
        f = np.zeros(2)
        f[0], f[1] = y[1], -float(y[0])
        return f

    found = integrate.solve_ivp(plain, (0, 60), [1.0, 0.0], rtol=1e-8, atol=1e-8)
    expected = scipy.integrate.solve_ivp(plain, (0, 60), [1.0, 0.0], rtol=1e-8, atol=1e-8)
    np.testing.assert_array_equal(found.y, expected.y)


def test_what_changes_unseen_is_found_at_the_end(monkeypatch):
    monkeypatch.setenv("RATE", "1.0")

    def hidden(t, y):
        return -float(os.environ["RATE"]) * y

    def event(t, y):
        if t > 1:
            os.environ["RATE"] = "2.0"
        return 1.0

    with pytest.warns(errors.ImpureFunction, match="solution of solve_ivp"):
        integrate.solve_ivp(hidden, (0, 3), np.ones(2), events=event, compile=True, rtol=1e-6)
