"""``least_squares`` and ``curve_fit`` with exact Jacobians."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from scipy.sparse import csr_array

from dualad import optimize

sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy

METHODS = ["trf", "dogbox", "lm"]
T = np.linspace(0, 4, 25)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.01 * np.cos(50 * T)


def model(t, a, b, c):
    return a * np.exp(-b * t) + c


def residual(p, t=T, y=Y, *, scale=1.0):
    return scale * (model(t, *p) - y)


def rows(p):
    e = np.exp(-p[1] * T)
    return np.stack([e, -p[0] * T * e, np.ones_like(T)], axis=1)


BEST = scipy.optimize.least_squares(residual, [1, 1, 1], jac=rows, xtol=1e-15, ftol=1e-15, gtol=1e-15).x


@pytest.mark.parametrize("method", METHODS)
def test_no_differences_and_one_run_for_each_x(method):
    body = Body(residual)
    with estimates_in_scipy() as estimates:
        found = optimize.least_squares(body, [1, 1, 1], method=method, args=(T,), kwargs={"y": Y, "scale": 2.0})
    assert not estimates
    assert body.runs == body.distinct <= found.nfev
    assert type(found) is scipy.optimize.OptimizeResult
    np.testing.assert_allclose(found.x, BEST, rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_same_path_as_scipy_with_the_same_jacobian(method):
    found = optimize.least_squares(residual, [1, 1, 1], method=method)
    expected = scipy.optimize.least_squares(residual, [1, 1, 1], method=method, jac=rows)
    assert set(found) == set(expected)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-9)
    np.testing.assert_allclose(found.jac, expected.jac, rtol=1e-7, atol=1e-9)
    assert found.nfev == expected.nfev


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_losses_bounds_and_scales(loss):
    with estimates_in_scipy() as estimates:
        found = optimize.least_squares(
            residual, [1, 1, 0.3], bounds=([0, 0, 0], [5, 5, 0.45]), loss=loss, f_scale=0.1, x_scale="jac"
        )
    assert not estimates and found.success
    assert found.x[2] == pytest.approx(0.45, abs=1e-3)


def test_own_jacobian_and_differences():
    jac, body = Body(rows), Body(residual)
    optimize.least_squares(body, [1, 1, 1], jac=jac)
    assert jac.runs > 0 and body.kinds == {"ndarray"}
    for scheme in ("2-point", "3-point"):
        with estimates_in_scipy() as estimates:
            optimize.least_squares(body, [1, 1, 1], scheme)
        assert estimates["approx_derivative"] > 0
    assert body.kinds == {"ndarray"}


def test_one_residual():
    assert optimize.least_squares(lambda x: x[0] ** 2 - 2, 1.0).x == pytest.approx(np.sqrt(2))
    assert optimize.least_squares(lambda x: [x[0] - 1, x[1] + 2], [0, 0]).x == pytest.approx([1, -2])


@pytest.mark.parametrize("kind", [np.asarray, csr_array, np.ndarray.tolist])
@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_a_stated_pattern(method, kind):
    n = 40
    pattern = np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)

    def broyden(x):
        # Broyden's tridiagonal function.
        f = (3 - 2 * x) * x + 1
        f[1:] -= x[:-1]
        f[:-1] -= 2 * x[1:]
        return f

    body = Body(broyden)
    with estimates_in_scipy() as estimates:
        found = optimize.least_squares(body, -np.ones(n), jac_sparsity=kind(pattern), method=method)
    assert not estimates and body.runs == body.distinct
    assert found.cost < 1e-15
    dense = optimize.least_squares(broyden, found.x).jac
    assert found.jac.nnz == np.count_nonzero(pattern)
    np.testing.assert_allclose(found.jac.toarray(), dense, rtol=1e-14)
    with pytest.raises(ValueError, match="pattern has shape"):
        optimize.least_squares(broyden, -np.ones(n), jac_sparsity=np.ones((n, n + 1)))


# --- curve_fit --------------------------------------------------------------------------------------------------------


def exact(**options):
    def jac(t, *p):
        return rows(p)

    return scipy.optimize.curve_fit(model, T, Y, jac=jac, **options)


SIGMAS = {
    "none": None,
    "numbers": 0.1 + 0.01 * T,
    "matrix": np.diag(0.1 + 0.01 * T) + 0.001,
}


@pytest.mark.parametrize("absolute_sigma", [False, True])
@pytest.mark.parametrize("sigma", list(SIGMAS))
@pytest.mark.parametrize("method", [None, *METHODS])
def test_curve_fit(method, sigma, absolute_sigma):
    body = Body(model)
    options = {"sigma": SIGMAS[sigma], "absolute_sigma": absolute_sigma, "method": method}
    with estimates_in_scipy() as estimates:
        popt, pcov = optimize.curve_fit(functools.wraps(model)(lambda *args: body(*args)), T, Y, **options)
    assert not estimates
    expected, covariance = exact(**options)
    np.testing.assert_allclose(popt, expected, rtol=1e-7)
    np.testing.assert_allclose(pcov, covariance, rtol=1e-6)


@pytest.mark.parametrize("method", [None, "trf"])
def test_one_sigma_for_all(method):
    found = optimize.curve_fit(model, T, Y, sigma=0.1, absolute_sigma=True, method=method)
    for got, expected in zip(found, exact(sigma=np.full(T.size, 0.1), absolute_sigma=True, method=method)):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_model_runs_once_for_each_set_of_parameters():
    seen = []

    def counted(t, a, b, c):
        seen.append(tuple(float(p._primal()) for p in (a, b, c)))
        return model(t, a, b, c)

    optimize.curve_fit(counted, T, Y)
    assert len(seen) == len(set(seen)) > 3


def test_bounds_start_and_full_output():
    popt, _, info, message, flag = optimize.curve_fit(
        model, T, Y, p0=[2, 1, 0.3], bounds=(0, [3, 2, 0.45]), full_output=True
    )
    assert popt[2] == pytest.approx(0.45, abs=1e-6)
    assert flag in (1, 2, 3, 4) and isinstance(message, str) and info["nfev"] > 0


def test_lists_bad_numbers_and_missing_ones():
    assert len(optimize.curve_fit(model, T.tolist(), Y.tolist())[0]) == 3
    holes = Y.copy()
    holes[3] = np.nan
    with pytest.raises(ValueError):
        optimize.curve_fit(model, T, holes)
    popt, _ = optimize.curve_fit(model, T, holes, nan_policy="omit")
    expected, _ = optimize.curve_fit(model, np.delete(T, 3), np.delete(Y, 3))
    np.testing.assert_allclose(popt, expected, rtol=1e-8)


def test_models_of_every_kind():
    class Line:
        def __call__(self, t, a, b):
            return a * t + b

        def method(self, t, a, b):
            return a * t + b

    for f in (Line(), Line().method, functools.partial(lambda k, t, a, b: k * a * t + b, 1.0)):
        popt, _ = optimize.curve_fit(f, T, 2 * T + 1)
        np.testing.assert_allclose(popt, [2, 1], atol=1e-10)
    popt, pcov = optimize.curve_fit(lambda t, a: a, T, Y)  # one number for all data
    np.testing.assert_allclose(popt, Y.mean())
    np.testing.assert_allclose(pcov, Y.var(ddof=1) / Y.size)
    popt, _ = optimize.curve_fit(lambda x, a, b: a * x[0] + b * x[1], np.stack([T, T**2]), T - 2 * T**2)
    np.testing.assert_allclose(popt, [1, -2])


def test_own_jacobian_of_curve_fit():
    body = Body(model, argument=1)
    optimize.curve_fit(functools.wraps(model)(lambda *args: body(*args)), T, Y, jac=lambda t, *p: rows(p))
    assert not any("Recorded" in kind for kind in body.kinds)
    with estimates_in_scipy() as estimates:
        optimize.curve_fit(model, T, Y, jac="3-point", method="trf")
    assert estimates["approx_derivative"] > 0


def test_a_pattern_is_refused_by_lm_in_the_words_of_scipy():
    with pytest.raises(ValueError, match="'lm' does not support `jac_sparsity`"):
        optimize.least_squares(residual, [1, 1, 1], method="lm", jac_sparsity=np.ones((25, 3)))


def test_data_that_are_no_arrays():
    popt, _ = optimize.curve_fit(lambda t, a, b: a * t + b, range(5), [1, 3, 5, 7, 9])
    np.testing.assert_allclose(popt, [2, 1], atol=1e-10)
    popt, _ = optimize.curve_fit(lambda data, a, b: a * data["t"] + b, {"t": T}, 2 * T + 1)
    np.testing.assert_allclose(popt, [2, 1], atol=1e-10)
    popt, _ = optimize.curve_fit(lambda data, a: a, {"t": T}, Y)
    np.testing.assert_allclose(popt, Y.mean())


def test_robust_fits_of_every_kind_agree_with_scipy():
    for options in (
        {"tr_solver": "lsmr"}, {"tr_solver": "lsmr", "tr_options": {"regularize": False}}, {"x_scale": [1, 2, 3]},
        {"loss": lambda z: np.array([np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2])}, {"max_nfev": 3},
    ):  # fmt: skip
        found = optimize.least_squares(residual, [1, 1, 1], **options)
        expected = scipy.optimize.least_squares(residual, [1, 1, 1], jac=rows, **options)
        # The Jacobians differ by a few roundings, which the steps enlarge.
        np.testing.assert_allclose(found.x, expected.x, rtol=1e-8)
        assert found.nfev == expected.nfev


@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_callbacks_of_least_squares(method):
    if "callback" not in scipy.optimize.least_squares.__doc__:
        pytest.skip("this version of SciPy has no callback here")
    seen = []
    found = optimize.least_squares(
        residual, [1, 1, 1], method=method, callback=lambda intermediate_result: seen.append(intermediate_result.x)
    )
    assert len(seen) > 2 and found.success
