"""``solve_ivp`` and ``odeint`` with exact Jacobians."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.integrate
from scipy import sparse

from dualad import integrate

sys.path.insert(0, str(Path(__file__).parents[1] / "optimize"))  # the tests are no package
sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy
from stiff_problems import PROBLEMS, Stiff, brusselator, hires, robertson, van_der_pol

METHODS = ["Radau", "BDF", "LSODA"]
BRUSSELATOR = PROBLEMS[-1]


@pytest.fixture
def jacobians_given_to_lsoda(monkeypatch):
    """LSODA estimates Jacobians in compiled code: here stands what it is given instead."""
    given = []
    from scipy.integrate._ivp import lsoda

    original = lsoda.ode
    monkeypatch.setattr(lsoda, "ode", lambda f, jac=None: (given.append(jac), original(f, jac))[1])
    return given


def solve(module, problem: Stiff, method: str, f=None, **options):
    arguments = {"method": method, "rtol": 1e-8, "atol": problem.atol, **options}
    return module.solve_ivp(f or problem.f, (0, problem.end), problem.start, **arguments)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
@pytest.mark.parametrize("method", METHODS)
def test_stiff_problems(method, problem, jacobians_given_to_lsoda):
    body = Body(problem.f, argument=1)
    with estimates_in_scipy() as estimates:
        found = solve(integrate, problem, method, body, compile=False)
    assert found.success and not estimates
    expected = solve(scipy.integrate, problem, method).y[:, -1] if problem.solution is None else problem.solution
    np.testing.assert_allclose(found.y[:, -1], expected, rtol=2e-4 if problem.name == "Van der Pol" else 1e-5)
    if method == "LSODA":
        assert callable(*jacobians_given_to_lsoda[:1])
    # SciPy's own count, and one run for each Jacobian.
    assert body.runs <= found.nfev + found.njev + 2


@pytest.mark.parametrize("method", METHODS)
def test_same_path_as_scipy_with_the_same_jacobian(method):
    def jac(t, y):
        return [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
            [0, 6e7 * y[1], 0],
        ]

    options = {"method": method, "rtol": 1e-6, "atol": 1e-10}
    found = integrate.solve_ivp(robertson, (0, 1e4), [1, 0, 0], **options)
    expected = scipy.integrate.solve_ivp(robertson, (0, 1e4), [1, 0, 0], jac=jac, **options)
    assert (found.nfev, found.njev, found.nlu) == (expected.nfev, expected.njev, expected.nlu)
    np.testing.assert_allclose(found.y, expected.y, rtol=1e-12)


@pytest.mark.parametrize("method", ["RK45", "RK23", "DOP853", scipy.integrate.RK45])
def test_explicit_methods_are_passed_through(method):
    body = Body(lambda t, y: -y, argument=1)
    found = integrate.solve_ivp(body, (0, 1), [1.0], method)
    np.testing.assert_array_equal(found.y, scipy.integrate.solve_ivp(lambda t, y: -y, (0, 1), [1.0], method).y)
    assert body.kinds == {"ndarray"}


@pytest.mark.parametrize("method", [*METHODS, scipy.integrate.BDF, scipy.integrate.Radau])
def test_args_events_dense_output_and_times(method):
    def falling(t, y, mu):
        return y[0] - 1.9

    falling.terminal = True
    with estimates_in_scipy() as estimates:
        found = integrate.solve_ivp(
            van_der_pol, (0, 2000), [2, 0], method, t_eval=[0, 10], args=(1000.0,), events=falling, dense_output=True
        )
    assert not estimates
    assert found.status == 1 and found.sol(found.t_events[0])[0, 0] == pytest.approx(1.9, abs=1e-6)
    assert found.t.tolist() == [0, 10]


@pytest.mark.parametrize("method", METHODS)
def test_a_vectorized_right_hand_side(method):
    def columns(t, y):
        assert y.ndim == 2
        return np.stack([y[1], 100 * (1 - y[0] ** 2) * y[1] - y[0]])

    with estimates_in_scipy() as estimates:
        found = integrate.solve_ivp(columns, (0, 200), [2, 0], method, vectorized=True)
    assert found.success and not estimates


@pytest.mark.parametrize("given", ["function", "matrix"])
@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_own_jacobian(method, given):
    matrix = np.array([[-1.0, 0], [1, -1000]])
    body = Body(lambda t, y: matrix @ y, argument=1)
    jac = {"function": lambda t, y: matrix, "matrix": matrix}[given]
    assert integrate.solve_ivp(body, (0, 1), [1, 1], method, jac=jac, compile=False).success
    assert body.kinds == {"ndarray"}


def test_complex_states_are_left_to_scipy():
    found = integrate.solve_ivp(lambda t, y: 1j * y, (0, 1), [1 + 0j], "BDF", rtol=1e-8, atol=1e-10)
    assert found.y[0, -1] == pytest.approx(np.exp(1j), rel=1e-5)


def test_one_state_and_numbers():
    for f in (lambda t, y: -50 * (y - np.cos(t)), lambda t, y: [-50 * (y[0] - np.cos(t))]):
        found = integrate.solve_ivp(f, (0, 1), [0], "BDF", rtol=1e-8, atol=1e-10)
        exact = (2500 * np.cos(1) + 50 * np.sin(1)) / 2501
        assert found.y[0, -1] == pytest.approx(exact, rel=1e-6)


# --- patterns and bands -----------------------------------------------------------------------------------------------

N = BRUSSELATOR.start.size
PATTERN = sparse.diags_array([np.ones(N - abs(k)) for k in range(-2, 3)], offsets=range(-2, 3))


@pytest.mark.parametrize("kind", [sparse.csc_array, lambda p: p.toarray(), lambda p: p.toarray().tolist()])
@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_a_stated_pattern(method, kind):
    body = Body(brusselator, argument=1)
    with estimates_in_scipy() as estimates:
        found = solve(integrate, BRUSSELATOR, method, body, jac_sparsity=kind(PATTERN), compile=False)
    assert not estimates
    assert body.runs == found.nfev + found.njev
    dense = solve(integrate, BRUSSELATOR, method)
    np.testing.assert_allclose(found.y[:, -1], dense.y[:, -1], rtol=1e-9)


@pytest.mark.parametrize("bands", [{"lband": 2, "uband": 2}, {"lband": 3, "uband": 4}])
def test_bands(bands, jacobians_given_to_lsoda):
    found = solve(integrate, BRUSSELATOR, "LSODA", **bands)
    dense = solve(integrate, BRUSSELATOR, "LSODA")
    packed, full = (jac(0.0, BRUSSELATOR.start) for jac in jacobians_given_to_lsoda)
    upper = bands["uband"]
    assert packed.shape[1] == N
    for i in range(N):
        for j in range(max(0, i - 2), min(N, i + 3)):
            assert packed[upper + i - j, j] == full[i, j]
    np.testing.assert_allclose(found.y[:, -1], dense.y[:, -1], rtol=1e-5)


def test_one_band_given():
    def chain(t, y):
        f = -10.0 * np.arange(1, 6) * y
        f[1:] += y[:-1]
        return f

    start = np.ones(5)
    expected = integrate.solve_ivp(chain, (0, 1), start, "Radau", rtol=1e-8, atol=1e-10).y[:, -1]
    found = integrate.solve_ivp(chain, (0, 1), start, "LSODA", lband=1, rtol=1e-8, atol=1e-10).y[:, -1]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


# --- odeint -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def given_to_odepack(monkeypatch):
    seen = []
    from scipy.integrate import _odepack_py as python_side

    compiled = python_side._odepack

    class Watch:
        @staticmethod
        def odeint(*args):
            seen.append(args[4])
            return compiled.odeint(*args)

    monkeypatch.setattr(python_side, "_odepack", Watch)
    return seen


@pytest.mark.parametrize("tfirst", [False, True])
@pytest.mark.parametrize("options", [{}, {"col_deriv": 1}])
def test_odeint(options, tfirst, given_to_odepack):
    f = hires if tfirst else lambda y, t: hires(t, y)
    start, t = PROBLEMS[2].start, np.array([0, 100, 321.8122])
    y, info = integrate.odeint(
        f, start, t, tfirst=tfirst, rtol=1e-9, atol=1e-13, full_output=True, mxstep=5000, **options
    )
    np.testing.assert_allclose(y[-1], PROBLEMS[2].solution, rtol=1e-5)
    assert callable(given_to_odepack[0]) and info["nje"][-1] > 0
    expected = scipy.integrate.odeint(f, start, t, tfirst=tfirst, rtol=1e-9, atol=1e-13, full_output=True, mxstep=5000)[
        1
    ]
    assert info["nfe"][-1] < expected["nfe"][-1]


@pytest.mark.parametrize("options", [{"ml": 2, "mu": 2}, {"ml": 2, "mu": 2, "col_deriv": True}, {"mu": 2, "ml": 3}])
def test_odeint_with_bands(options):
    both = {"tfirst": True, "rtol": 1e-8, "atol": 1e-10, "mxstep": 5000}
    y = integrate.odeint(brusselator, BRUSSELATOR.start, [0, 10], **both, **options)
    expected = integrate.odeint(brusselator, BRUSSELATOR.start, [0, 10], **both)
    np.testing.assert_allclose(y[-1], expected[-1], rtol=1e-5)


def test_odeint_with_args_and_with_an_own_jacobian():
    y = integrate.odeint(lambda y, t, k: -k * y, [1.0], [0, 1], (3.0,))
    assert y[-1, 0] == pytest.approx(np.exp(-3), rel=1e-5)
    body = Body(lambda y, t: -y)
    integrate.odeint(body, [1.0], [0, 1], Dfun=lambda y, t: [[-1.0]])
    assert body.kinds == {"ndarray"}


def test_each_method_takes_the_structure_that_it_knows():
    # SciPy warns of the other one and goes on without it; so does the exact Jacobian.
    for method, options in (
        ("Radau", {"lband": 2, "uband": 2}),
        ("BDF", {"lband": 2, "uband": 2}),
        ("LSODA", {"jac_sparsity": np.ones((3, 3))}),
        (scipy.integrate.LSODA, {"jac_sparsity": np.ones((3, 3))}),
    ):
        with pytest.warns(UserWarning, match="have no effect"):
            found = integrate.solve_ivp(robertson, (0, 10), [1, 0, 0], method, rtol=1e-8, atol=1e-10, **options)
        expected = integrate.solve_ivp(robertson, (0, 10), [1, 0, 0], method, rtol=1e-8, atol=1e-10)
        np.testing.assert_array_equal(found.y, expected.y)


def test_what_the_right_hand_side_returns():
    expected = integrate.solve_ivp(robertson, (0, 10), [1, 0, 0], "BDF").y
    for make in (list, tuple, np.array, np.stack, np.hstack):
        found = integrate.solve_ivp(lambda t, y, make=make: make(list(robertson(t, y))), (0, 10), [1, 0, 0], "BDF")
        np.testing.assert_array_equal(found.y, expected)


def test_options_of_the_steps():
    for method in METHODS:
        options = {"method": method, "first_step": 1e-6, "max_step": 0.5, "rtol": 1e-8, "atol": [1e-12, 1e-12, 1e-10]}
        found = integrate.solve_ivp(robertson, (0, 10), [1, 0, 0], **options)
        assert found.t[1] == pytest.approx(1e-6) and np.diff(found.t).max() < 0.51
