"""Rules of one's own, in every mode, against the same function recorded."""

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.ops.table import TABLE

X = np.linspace(0.2, 1.0, 4)


@pytest.fixture
def swish():
    """A function x / (1 + exp(-x)) with a row of its own, taken out again afterwards."""
    yield dualad.define(lambda x: x / (1 + np.exp(-x)), "v/x + v*(1 - v/x)", name="swish", args="x")
    TABLE.remove("swish")


def test_define_serves_every_mode(swish):
    plain = lambda x: x / (1 + np.exp(-x))
    for take in (
        lambda f: dualad.jacobian(f)(X),
        lambda f: dualad.jacobian(f, mode="reverse")(X),
        lambda f: dualad.hessian(lambda x: np.sum(f(x)))(X),
        lambda f: dualad.hessian(lambda x: np.sum(f(x)), mode="forward-over-reverse")(X),
        lambda f: dualad.jacobian(dualad.grad(lambda x: np.sum(f(x))))(X),
    ):
        # two formulas for the same number: a few ulp
        np.testing.assert_allclose(take(swish), take(plain), rtol=1e-13, atol=1e-15)
    assert swish(1.0) == plain(1.0)


def test_define_counts_its_formulas():
    with pytest.raises(ValueError, match="2 arguments and 1 partials"):
        dualad.define(lambda x, y: x * y, "y", name="two")


@dualad.custom_vjp
def power_sum(x, n):
    assert type(x) is np.ndarray  # never called with anything else
    return np.sum(np.sin(x) ** n)


power_sum.defvjp(
    lambda x, n: (power_sum(x, n), (x, n)),
    lambda kept, g: (kept[1] * np.sin(kept[0]) ** (kept[1] - 1) * np.cos(kept[0]) * g, None),
)


@dualad.custom_jvp
def squares(x):
    assert type(x) is np.ndarray
    return np.cumsum(x**2)


squares.defjvp(lambda primals, tangents: (squares(*primals), np.cumsum(2 * primals[0] * tangents[0])))


def test_custom_vjp_in_every_mode():
    plain = lambda x, n: np.sum(np.sin(x) ** n)
    np.testing.assert_allclose(dualad.grad(power_sum)(X, 3), dualad.grad(plain)(X, 3), rtol=1e-14)
    np.testing.assert_allclose(dualad.jacobian(power_sum)(X, 3), dualad.grad(plain)(X, 3), rtol=1e-14)
    exact = dualad.hessian(plain)(X, 3)
    np.testing.assert_allclose(dualad.hessian(power_sum)(X, 3), exact, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(dualad.jacobian(dualad.grad(power_sum))(X, 3), exact, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        dualad.hessian(power_sum, mode="forward-over-reverse")(X, 3), exact, rtol=1e-13, atol=1e-15
    )


def test_custom_jvp_in_every_mode():
    plain = lambda x: np.cumsum(x**2)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(
            dualad.jacobian(squares, mode=mode)(X), dualad.jacobian(plain, mode=mode)(X), rtol=1e-15
        )
    twice = lambda f: dualad.jacobian(dualad.jacobian(f))(X)
    np.testing.assert_allclose(twice(squares), twice(plain), rtol=1e-15)


def test_a_function_that_returns_several_arrays():
    @dualad.custom_vjp
    def both(x):
        return np.sum(x), x * 2

    both.defvjp(lambda x: (both(x), x), lambda x, g: (g[0] * np.ones_like(x) + 2 * g[1],))
    f = lambda x: both(x)[0] * both(x)[1][0]
    np.testing.assert_array_equal(dualad.grad(f)(np.array([1.0, 2.0])), [8.0, 2.0])
    np.testing.assert_array_equal(dualad.jacobian(f)(np.array([1.0, 2.0])), [8.0, 2.0])


def test_keyword_only_arguments_are_refused():
    @dualad.custom_jvp
    def f(x, *, n):
        return x * n

    assert f(2.0, n=3) == 6.0
    with pytest.raises(errors.DiscreteArgument, match="keyword-only arguments \\(n\\)"):
        dualad.derivative(lambda x: f(x, n=3))(2.0)
