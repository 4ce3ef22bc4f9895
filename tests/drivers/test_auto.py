"""Jacobians and Hessians whose mode is chosen: the same numbers, one run of the function, and the plan."""

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.drivers.auto import explain, hessian_auto, jacobian_auto
from dualad.drivers.choose import DIRECT

SIZES = [1, 3, 30, 60, 200]


def vector(n, m):
    weights = np.cos(np.arange(n * m)).reshape(m, n)
    return lambda x, a=1.0: np.tanh(weights @ x) * a + np.sum(x**2)


def looped(n, m):
    def f(x, a=1.0):
        s = 0.0
        for i in range(n):
            s = 0.5 * s + x[i] * x[(i + 1) % n]
        return [a * s * x[j % n] + np.sin(x[(3 * j) % n]) for j in range(m)]

    return f


def scalar(x):
    return np.sum(np.sin(x) * x[::-1]) + np.prod(x[:2])


class Counted:
    def __init__(self, f):
        self.f, self.runs = f, 0

    def __call__(self, *args, **kwargs):
        self.runs += 1
        return self.f(*args, **kwargs)


@pytest.mark.parametrize("kind", [vector, looped])
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", SIZES)
def test_all_calls_give_the_same_jacobian(n, m, kind):
    f = Counted(kind(n, m))
    x = np.linspace(0.1, 1, n)
    expected = dualad.jacobian(f.f, mode="forward")(x, 2.0)
    plan = None
    for _ in range(4):
        f.runs = 0
        found, plan = jacobian_auto(f, 0, (x, 2.0), {}, None, plan)
        assert found.shape == (m, n) and f.runs == 1
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert plan.n == n and (plan.m == m or n <= 4)


def test_the_first_call_learns_what_the_next_ones_use():
    f, x = vector(60, 40), np.ones(60)
    _, first = jacobian_auto(f, 0, (x,), {})
    assert first.recorded and first.m == 40 and first.work.calls > 2
    _, later = jacobian_auto(f, 0, (x,), {}, None, first)
    assert "forward, dual numbers" in later.costs and "forward, dual numbers" not in first.costs
    small, direct = jacobian_auto(vector(DIRECT, 3), 0, (np.ones(DIRECT),), {})
    assert small.shape == (3, DIRECT) and not direct.recorded and direct.work is None
    _, learned = jacobian_auto(vector(DIRECT, 3), 0, (np.ones(DIRECT),), {}, None, direct)
    assert learned.work is not None


def test_a_plan_for_another_size_is_not_used():
    _, plan = jacobian_auto(lambda x: x**2, 0, (np.ones(50),), {})
    found, plan = jacobian_auto(lambda x: x**2, 0, (np.ones(3),), {}, None, plan)
    assert found.shape == (3, 3) and plan.n == 3


def test_several_arguments_keywords_and_shapes():
    def f(a, b, *, c):
        return np.outer(a, np.sum(b, axis=0)) * c

    args = (np.arange(1.0, 9), np.ones((6, 5)))
    expected = dualad.jacobian(f, (0, 1), mode="forward")(*args, c=2.0)
    for chunk in (None, 1, 7):
        found, plan = jacobian_auto(f, (0, 1), args, {"c": 2.0}, chunk)
        assert plan.recorded
        for one, other in zip(found, expected):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-13)
    found, _ = jacobian_auto(f, 1, args, {"c": 2.0})
    np.testing.assert_allclose(found, expected[1], rtol=1e-13)
    with pytest.raises(errors.WrongShape, match="chunk"):
        jacobian_auto(f, 0, (np.ones(100), np.ones((6, 5))), {"c": 2.0}, 0)


@pytest.mark.parametrize("n", [3, 60])
def test_results_that_do_not_vary_and_empty_ones(n):
    x = np.ones(n)
    for f, shape in (
        (lambda x: np.ones((2, 2)), (2, 2, n)),
        (lambda x: 3.0, (n,)),
        (lambda x: [], (0, n)),
        (lambda x: x[:0], (0, n)),
    ):
        found, _ = jacobian_auto(f, 0, (x,), {})
        assert found.shape == shape and not found.any()
    assert jacobian_auto(lambda x: np.ones(2), 0, (np.zeros(0),), {})[0].shape == (2, 0)


@pytest.mark.parametrize("n", [3, 60])
def test_nested_in_other_derivatives(n):
    x = np.linspace(0.1, 1, n)

    def norm(x):
        return np.sum(jacobian_auto(lambda y: np.sin(y) * y, 0, (x,), {})[0] ** 2)

    def by_forward(x):
        return np.sum(dualad.jacobian(lambda y: np.sin(y) * y, mode="forward")(x) ** 2)

    np.testing.assert_allclose(dualad.grad(norm)(x), dualad.grad(by_forward)(x), rtol=1e-12)
    captured = dualad.derivative(lambda t: np.sum(jacobian_auto(lambda y: y**2 * t, 0, (x,), {})[0]))(2.0)
    assert captured == pytest.approx(2 * x.sum())


@pytest.mark.parametrize("n", [1, 3, 12, 13, 40])
def test_hessians(n):
    x = np.linspace(0.1, 1, n)
    expected = dualad.hessian(scalar, mode="hyperdual")(x)
    plan = None
    for _ in range(3):
        found, plan = hessian_auto(scalar, 0, (x,), {}, None, plan)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)

    def both(x):
        return np.stack([scalar(x), np.sum(x**3)])

    found, _ = hessian_auto(both, 0, (x,), {})
    np.testing.assert_allclose(found, dualad.hessian(both, mode="hyperdual")(x), rtol=1e-11, atol=1e-12)


def test_a_heavy_function_of_few_variables_is_learned():
    big = np.linspace(0, 1, 20_000)
    f = Counted(lambda x: np.sum(np.exp(x[0] * big) * np.sin(x[1] * big) + np.sum(x**2) * big))
    x, plan = np.linspace(0.1, 1, 10), None
    for _ in range(3):
        f.runs = 0
        found, plan = hessian_auto(f, 0, (x,), {}, None, plan)
    assert plan.mode == "forward-over-reverse" and f.runs == 1
    np.testing.assert_allclose(found, dualad.hessian(f, mode="hyperdual")(x), rtol=1e-10, atol=1e-10)


def test_explain(capsys):
    plan = explain(vector(300, 2), np.ones(300))
    assert plan.mode == "reverse" and capsys.readouterr().out == f"{plan}\n"
    plan = explain(scalar, np.ones(5), order=2)
    assert plan.order == 2 and plan.mode == "hyperdual" and plan.work.elements > 0
    plan = explain(lambda a, b: a * np.sum(b), np.ones(2), np.ones(50), argnums=(0, 1))
    assert plan.n == 52 and plan.m == 2
