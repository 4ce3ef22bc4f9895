"""``minimize``: which derivatives each method receives, at what cost, and that the rest of the call stays as it was."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from dualad import errors, optimize
from dualad.drivers.shared import Derivatives

sys.path.insert(0, str(Path(__file__).parent))

from scipy_spies import Body, estimates_in_scipy

WITHOUT = ["Nelder-Mead", "Powell", "COBYLA"]
GRADIENT = ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"]
HESSIAN = ["Newton-CG", "trust-constr", "dogleg", "trust-ncg", "trust-exact", "trust-krylov"]
PRODUCTS = ["Newton-CG", "trust-constr", "trust-ncg", "trust-krylov"]
START = np.array([-1.2, 1.0, 0.8])


def rosenbrock(x, a=100.0):
    return np.sum(a * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def bowl(x):
    return np.sum((x - 1) ** 2 * (2 + np.cos(x)))


def steps(method, n):
    return {"maxfun" if method == "TNC" else "maxiter": n}


def same(one, other):
    assert set(one) == set(other)
    for name in one:
        pair = [found.todense() if hasattr(found, "todense") else found for found in (one[name], other[name])]
        if name != "execution_time":
            np.testing.assert_equal(*pair, err_msg=name)


# --- the methods ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [rosenbrock, loop])
@pytest.mark.parametrize("method", GRADIENT + HESSIAN)
def test_no_differences_and_one_run_for_each_x(method, f):
    body = Body(f)
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(body, START, method=method, options=steps(method, 200), compile=False)
    assert type(found) is scipy.optimize.OptimizeResult
    assert not estimates
    assert body.runs == body.distinct
    assert body.runs <= found.nfev
    if method != "TNC":  # which needs more steps than these
        np.testing.assert_allclose(found.x, 1, atol=1e-3)


@pytest.mark.parametrize("method", [*GRADIENT, "trust-constr"])
def test_the_spy_sees_differences_where_scipy_makes_them(method):
    body = Body(rosenbrock)
    with estimates_in_scipy() as estimates:
        scipy.optimize.minimize(body, START, method=method, options=steps(method, 30))
    assert estimates["approx_derivative"] > 0


@pytest.mark.parametrize("method", WITHOUT)
def test_methods_without_derivatives_are_passed_through(method):
    body = Body(bowl)
    found = optimize.minimize(body, START, method=method, options={"maxiter": 60})
    same(found, scipy.optimize.minimize(bowl, START, method=method, options={"maxiter": 60}))
    assert body.kinds == {"ndarray"}


@pytest.mark.skipif("COBYQA" not in scipy.optimize.minimize.__doc__, reason="this version of SciPy has no COBYQA")
def test_cobyqa():
    expected = scipy.optimize.minimize(bowl, START, method="COBYQA", options={"maxiter": 20})
    same(optimize.minimize(bowl, START, method="COBYQA", options={"maxiter": 20}), expected)


@pytest.mark.parametrize("method", GRADIENT + HESSIAN)
def test_same_path_as_scipy_with_the_same_derivatives(method):
    # The last digits of a compiled gradient may differ, and the path with them.
    shared = Derivatives(rosenbrock, compile=False)
    jac, hess = shared.grad, shared.hess if method in HESSIAN else None
    options = steps(method, 25)
    expected = scipy.optimize.minimize(rosenbrock, START, method=method, jac=jac, hess=hess, options=options)
    same(optimize.minimize(rosenbrock, START, method=method, options=options, compile=False), expected)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, "BFGS"),
        ({"bounds": [(0, 2)] * 3}, "L-BFGS-B"),
        ({"constraints": {"type": "ineq", "fun": lambda x: 3 - x[0]}}, "SLSQP"),
        ({"constraints": [], "bounds": [(0, 2)] * 3}, "L-BFGS-B"),
    ],
)
def test_the_method_that_scipy_would_take(arguments, expected):
    start = np.full(3, 0.5)
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(rosenbrock, start, **arguments)
        explicit = optimize.minimize(rosenbrock, start, method=expected, **arguments)
    assert not estimates
    same(found, explicit)


@pytest.mark.parametrize("method", HESSIAN)
@pytest.mark.parametrize("n", [3, 40])
def test_products_for_many_variables_where_the_method_takes_them(method, n, monkeypatch):
    asked = []
    for name in ("hess", "hessp"):
        original = getattr(Derivatives, name)
        monkeypatch.setattr(
            Derivatives, name, lambda self, *a, name=name, f=original: (asked.append(name), f(self, *a))[1]
        )
    optimize.minimize(bowl, np.full(n, 0.7), method=method, options={"maxiter": 5})
    assert set(asked) == {"hessp" if n == 40 and method in PRODUCTS else "hess"}


def test_a_minimizer_of_the_callers_own_is_left_alone():
    seen = {}

    def own(fun, x0, **options):
        seen.update(options)
        return scipy.optimize.OptimizeResult(x=x0, fun=fun(x0))

    body = Body(rosenbrock)
    optimize.minimize(body, START, method=own)
    assert seen["jac"] is None and seen["hess"] is None
    assert body.kinds == {"ndarray"}


# --- what the caller gives --------------------------------------------------------------------------------------------


def test_own_gradient_is_used_and_f_stays_on_plain_numbers():
    body, jac = Body(rosenbrock), Body(scipy.optimize.rosen_der)
    optimize.minimize(body, START, method="BFGS", jac=jac)
    assert jac.runs > 0
    assert body.kinds == {"ndarray"}


def test_own_gradient_with_an_exact_hessian():
    jac = Body(scipy.optimize.rosen_der)
    body = Body(rosenbrock)
    found = optimize.minimize(body, START, method="trust-exact", jac=jac, compile=False)
    assert found.success and jac.kinds == {"ndarray"} and body.runs == body.distinct
    np.testing.assert_allclose(found.x, 1, atol=1e-6)


def test_jac_true():
    both = Body(lambda x: (rosenbrock(x), scipy.optimize.rosen_der(x)))
    found = optimize.minimize(both, START, method="BFGS", jac=True)
    assert found.success and both.kinds == {"ndarray"}


def test_jac_true_with_an_exact_hessian():
    found = optimize.minimize(
        lambda x: (rosenbrock(x), scipy.optimize.rosen_der(np.asarray(x)) if type(x) is np.ndarray else None),
        START, method="trust-exact", jac=True,
    )  # fmt: skip
    assert found.success
    np.testing.assert_allclose(found.hess, scipy.optimize.rosen_hess(found.x), rtol=1e-12)


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
def test_a_string_asks_for_differences(jac):
    body = Body(rosenbrock)
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(body, START, method="BFGS", jac=jac)
    assert estimates["approx_derivative"] > 0
    assert body.kinds == {"ndarray"}
    same(found, scipy.optimize.minimize(rosenbrock, START, method="BFGS", jac=jac))


def test_jac_false_is_not_given():
    with estimates_in_scipy() as estimates:
        optimize.minimize(rosenbrock, START, method="BFGS", jac=False)
    assert not estimates


def test_own_hessian_product_and_update():
    products = Body(lambda x, p: scipy.optimize.rosen_hess_prod(x, p))
    found = optimize.minimize(rosenbrock, START, method="trust-ncg", hessp=products)
    assert found.success and products.runs > 0
    hess = Body(scipy.optimize.rosen_hess)
    assert optimize.minimize(rosenbrock, START, method="dogleg", hess=hess).success or hess.runs
    assert hess.runs > 0
    found = optimize.minimize(rosenbrock, START, method="trust-constr", hess=scipy.optimize.BFGS())
    assert found.nhev == 0


def test_hessian_by_differences_of_the_exact_gradient():
    with estimates_in_scipy() as estimates:
        found = optimize.minimize(rosenbrock, START, method="Newton-CG", hess="2-point", options={"xtol": 1e-9})
    assert estimates["approx_derivative"] > 0
    np.testing.assert_allclose(found.x, 1, atol=1e-5)


# --- what is passed on ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [(50.0,), 50.0])
@pytest.mark.parametrize("method", ["BFGS", "trust-exact", "trust-constr", "Nelder-Mead"])
def test_args(method, args):
    found = optimize.minimize(rosenbrock, START, args, method)
    expected = scipy.optimize.minimize(lambda x: rosenbrock(x, 50.0), START, method="BFGS")
    assert found.fun < 1e-4 and abs(found.fun - expected.fun) < 1e-4


def test_bounds_callback_options_and_tol():
    path = []

    def callback(intermediate_result):
        path.append(intermediate_result.x.copy())

    bounds = scipy.optimize.Bounds([-2, -2, -2], [0.5, 2, 2])
    found = optimize.minimize(
        rosenbrock, START, method="L-BFGS-B", bounds=bounds, callback=callback, tol=1e-12, options={"maxiter": 50}
    )
    assert found.x[0] == 0.5 and len(path) == found.nit
    assert optimize.minimize(rosenbrock, START, options={"maxiter": 3}).nit == 3
    old_style = []
    optimize.minimize(rosenbrock, START, callback=lambda xk: old_style.append(xk), options={"maxiter": 3})
    assert len(old_style) == 3


def test_a_variable_fixed_by_its_bounds():
    found = optimize.minimize(rosenbrock, [0.3, 0.3, 0.3], bounds=[(0.3, 0.3), (-2, 2), (-2, 2)], method="L-BFGS-B")
    assert found.x[0] == 0.3 and found.success


def test_a_callback_may_stop():
    def callback(xk):
        raise StopIteration

    assert optimize.minimize(rosenbrock, START, callback=callback).nit == 1


def test_values_are_those_of_numpy_bit_for_bit():
    values = []
    optimize.minimize(
        rosenbrock, START, method="trust-exact", callback=lambda intermediate_result: values.append(intermediate_result)
    )
    for found in values:
        assert found.fun == rosenbrock(found.x)


def test_lists_and_whole_numbers():
    assert optimize.minimize(lambda x: [(x[0] - 3) ** 2 + (x[1] + 1) ** 2], [0, 0]).success
    assert optimize.minimize(lambda x: (x - 3) ** 2, 0).x == pytest.approx(3)


def test_a_function_that_does_not_vary():
    found = optimize.minimize(lambda x: 2.0, START, method="trust-exact")
    assert found.fun == 2 and not found.jac.any()


def test_wrong_calls_raise_what_scipy_raises():
    with pytest.raises(TypeError, match="minimize"):
        optimize.minimize(rosenbrock)
    with pytest.raises(ValueError, match="Unknown solver"):
        optimize.minimize(rosenbrock, START, method="no such")
    with pytest.raises(ValueError, match="one dimension"):
        optimize.minimize(rosenbrock, [START, START])


def test_what_cannot_be_differentiated_is_refused_in_words():
    import math

    with pytest.raises(errors.DerivativeLost, match=r"np\.sin"):
        optimize.minimize(lambda x: math.sin(x[0]), [1.0])
    with pytest.raises(ValueError, match="scalar"):  # SciPy's words
        optimize.minimize(lambda x: x * 2, START)


def test_signature_is_that_of_scipy():
    import inspect

    ours = dict(inspect.signature(optimize.minimize).parameters)
    del ours["compile"]
    assert ours == dict(inspect.signature(scipy.optimize.minimize).parameters)
    assert "Examples" in optimize.minimize.__doc__


def test_minimize_scalar_is_that_of_scipy():
    body = Body(lambda x: (x - 2) ** 2)
    same(optimize.minimize_scalar(body), scipy.optimize.minimize_scalar(lambda x: (x - 2) ** 2))
    assert "RecordedScalar" not in body.kinds
