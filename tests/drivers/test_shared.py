"""``derivatives``: callables for solvers that share one recording at each x."""

import pickle
import threading

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.drivers.compressed import Compressed
from dualad.drivers.shared import Derivatives, derivatives

X = np.array([0.3, -0.7, 1.1])


def scalar(x, a=2.0, *, b=1.0):
    return a * np.sum(np.sin(x) * x[::-1]) + b * x[0] ** 3


def vector(x, a=2.0):
    return np.stack([a * np.exp(x[0]) * x[1], np.sum(x**3)])


def counted(f):
    def body(*args, **kwargs):
        body.runs += 1
        return f(*args, **kwargs)

    body.runs = 0
    return body


def test_values_and_derivatives_are_those_of_the_drivers():
    d = derivatives(scalar)
    assert d.fun(X, 3.0, b=2.0) == scalar(X, 3.0, b=2.0)
    np.testing.assert_allclose(d.grad(X, 3.0, b=2.0), dualad.jacobian(scalar)(X, 3.0, b=2.0), rtol=1e-14)
    value, slope = d.value_and_grad(X)
    assert value == scalar(X) and np.array_equal(slope, d.grad(X))
    hess = dualad.hessian(scalar, mode="hyperdual")(X)
    np.testing.assert_allclose(d.hess(X), hess, rtol=1e-13, atol=1e-14)
    p = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(d.hessp(X, p), hess @ p, rtol=1e-13)
    v = derivatives(vector)
    np.testing.assert_array_equal(v.fun(X), vector(X))
    np.testing.assert_allclose(v.jac(X), dualad.jacobian(vector)(X), rtol=1e-14)
    w = np.array([0.5, -2.0])
    np.testing.assert_allclose(
        v.weighted_hess(X, w), dualad.hessian(lambda x: w @ vector(x), mode="hyperdual")(X), rtol=1e-13, atol=1e-14
    )


def test_one_run_for_each_x():
    f = counted(scalar)
    d = derivatives(f)
    p = np.ones(3)
    for x in (X, X + 1):
        d.grad(x), d.fun(x), d.hess(x), d.hessp(x, p), d.jac(x), d.hessp(x, -p)
    assert f.runs == 2
    d.hess(X)  # the point before is remembered too
    assert f.runs == 2


@pytest.mark.parametrize("n", [3, 20, 60])
@pytest.mark.parametrize("wanted", [("fun", "grad"), ("fun", "grad", "hess"), ("grad", "fun"), ("hess", "fun", "jac")])
def test_one_run_for_each_x_whatever_carries_the_derivatives(n, wanted):
    f = counted(scalar)
    d = derivatives(f)
    for k in range(6):
        x = np.linspace(0.1, 1, n) + k
        for name in wanted:
            found = getattr(d, name)(x)
            np.testing.assert_allclose(found, getattr(derivatives(scalar), name)(x), rtol=1e-10, atol=1e-10)
    assert f.runs == 6


def test_value_and_gradient_are_remembered_longer_than_the_recording():
    f = counted(scalar)
    d = derivatives(f)
    points = [X + k for k in range(10)]
    expected = [(d.fun(x), d.grad(x)) for x in points]
    for x, (value, slope) in zip(points, expected):
        assert d.fun(x) == value and np.array_equal(d.grad(x), slope)
    assert f.runs == 10
    np.testing.assert_allclose(d.hess(points[0]), derivatives(scalar).hess(X), rtol=1e-13)
    assert f.runs == 11


def test_other_arguments_are_another_point():
    f = counted(scalar)
    d = derivatives(f)
    one, two = d.fun(X, 1.0), d.fun(X, 2.0)
    assert one != two and d.fun(X, b=5.0) != d.fun(X, b=6.0)
    assert f.runs == 4


def test_x_is_compared_by_its_bits():
    f = counted(lambda x: 1 / x[0])
    d = derivatives(f)
    with np.errstate(divide="ignore"):
        assert d.fun(np.array([0.0])) == np.inf and d.fun(np.array([-0.0])) == -np.inf
    x = np.array([2.0])
    d.fun(x)
    x[0] = 4.0  # in place
    assert d.fun(x) == 0.25
    assert f.runs == 4


def test_results_may_be_written_to():
    d = derivatives(scalar)
    slope = d.grad(X)
    kept = slope.copy()
    slope[:] = 0
    np.testing.assert_array_equal(d.grad(X), kept)
    v = derivatives(vector)
    for method in (v.fun, v.jac):
        first = method(X)
        kept = first.copy()
        first[:] = 0
        np.testing.assert_array_equal(method(X), kept)


def carriers(d):
    return [type(point).__name__ for _, point in d._points]


def test_recorded_points_and_points_on_dual_numbers_agree():
    p, w = np.array([1.0, -2.0, 0.5]), np.array([0.5, -2.0])
    d, v = derivatives(scalar), derivatives(vector)
    d.hess(X), v.weighted_hess(X, w)
    for shared, calls in (
        (d, ("fun", "grad", "jac", "hess", ("hessp", p))),
        (v, ("fun", "jac", ("weighted_hess", w), ("compressed_jac", Compressed(np.ones((2, 3)))))),
    ):
        for call in calls:
            name, *more = (call,) if isinstance(call, str) else call
            args = (*more, X + 1) if name == "compressed_jac" else (X + 1, *more)
            found, expected = getattr(shared, name)(*args), getattr(derivatives(shared._f), name)(*args)
            if name == "compressed_jac":
                found, expected = found.toarray(), expected.toarray()
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
        assert carriers(shared)[0] == "DualPoint"
    for name in ("grad", "hess"):
        with pytest.raises(errors.NotScalar, match="one number"):
            getattr(v, name)(X + 1)


@pytest.mark.parametrize("shape", [(), (1,), (2, 2)])
def test_shapes(shape):
    x = np.full(shape, 0.5)
    d = derivatives(lambda x: np.sum(x**3))
    assert np.shape(d.grad(x)) == shape
    assert d.hess(x).shape == shape * 2
    assert np.shape(d.hessp(x, np.ones(shape))) == shape
    np.testing.assert_allclose(d.hess(x).reshape(x.size, x.size), 3 * np.eye(x.size))
    v = derivatives(lambda x: np.stack([x, 2 * x]))
    for k in range(3):
        assert v.jac(x + k).shape == (2, *shape, *shape)
        assert np.shape(d.grad(x + k)) == shape and d.hess(x + k).shape == shape * 2


def test_what_does_not_vary_has_zero_derivatives():
    d = derivatives(lambda x: 3.0)
    assert d.fun(X) == 3 and not d.grad(X).any() and d.hess(X).shape == (3, 3) and not d.hess(X).any()
    assert not d.hessp(X, X).any()
    v = derivatives(lambda x: np.ones(2))
    assert not v.jac(X).any() and v.weighted_hess(X, np.ones(2)).shape == (3, 3)
    empty = derivatives(lambda x: np.sum(x))
    assert empty.grad(np.zeros(0)).shape == (0,) and empty.hess(np.zeros(0)).shape == (0, 0)


def test_a_function_of_several_numbers_is_refused():
    d = derivatives(vector)
    for call in (d.grad, d.hess, lambda x: d.hessp(x, X)):
        with pytest.raises(errors.NotScalar, match="one number"):
            call(X)


def test_an_error_in_f_is_not_remembered():
    f = counted(lambda x: 1 / 0 if body.fail else np.sum(x))
    body = f
    f.fail = True
    d = derivatives(f)
    with pytest.raises(ZeroDivisionError):
        d.fun(X)
    f.fail = False
    assert d.fun(X) == X.sum()


def test_threads_do_not_mix_points():
    d = derivatives(scalar)
    expected = {k: derivatives(scalar).hess(X + k) for k in range(8)}
    wrong = []

    def work(k):
        for _ in range(40):
            if not np.array_equal(d.hess(X + k), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_it_travels_without_its_recordings():
    d = derivatives(scalar)
    d.hess(X)
    again = pickle.loads(pickle.dumps(Derivatives(np.sum)))
    assert again.fun(X) == X.sum()
    assert len(pickle.dumps(Derivatives(np.sum))) < 500
    assert d.__reduce__()[1] == (scalar, None)


def test_a_wide_jacobian_and_a_tall_one_are_swept_both_ways():
    a = np.arange(200.0).reshape(2, 100) / 100
    wide, tall = derivatives(lambda x: np.tanh(a @ x)), derivatives(lambda x: np.tanh(a.T @ x))
    for d, n in ((wide, 100), (tall, 2)):
        x = np.linspace(-1, 1, n)
        np.testing.assert_allclose(d.jac(x), dualad.jacobian(d._f)(x), rtol=1e-12, atol=1e-14)
    assert wide._points[0][1].plan().mode == "reverse" and tall._points[0][1].plan().mode == "forward"
