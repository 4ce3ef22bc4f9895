"""hessian and hvp: shapes, blocks, arguments."""

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

import dualad
from dualad.errors import NotScalar, WrongShape

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, same

RNG = np.random.default_rng(0)
A = RNG.standard_normal((30, 30))


def f(x):
    """A function in which every pair of elements meets."""
    return np.sum(np.sin(A[: len(x), : len(x)] @ x)) + np.prod(1 + 0.1 * x)


def exact(x):
    a = A[: len(x), : len(x)]
    h = -a.T @ np.diag(np.sin(a @ x)) @ a
    rest = 0.1 / (1 + 0.1 * x)
    return h + np.prod(1 + 0.1 * x) * (np.outer(rest, rest) - np.diag(rest**2))


@pytest.mark.parametrize("n", [1, 2, 8, 9, 12, 13, 30])
@pytest.mark.parametrize("chunk", [None, 1, 4, 100])
def test_any_block_gives_the_same_hessian(n, chunk):
    x = RNG.standard_normal(n)
    h = dualad.hessian(f, chunk=chunk)(x)
    close(h, exact(x), 1e-12)
    if chunk is not None or n <= 8:
        assert np.max(np.abs(h - h.T)) <= 1e-13 * np.max(np.abs(h))


def test_blocks_are_identical_where_the_arithmetic_is():
    def g(x):
        y = np.exp(x) * x
        return y[0] * y[-1] + np.sum(np.sqrt(y * y + 1.0) * x[::-1])

    x = RNG.standard_normal(11)
    whole = dualad.hessian(g, mode="hyperdual", chunk=11)(x)
    for chunk in (1, 2, 3, 5, 8):
        same(dualad.hessian(g, mode="hyperdual", chunk=chunk)(x), whole)


def test_shapes():
    x = RNG.standard_normal((2, 3))
    h = dualad.hessian(lambda x: np.stack([np.sum(x**3), np.prod(x)]))(x)
    assert h.shape == (2, 2, 3, 2, 3)
    close(h[0].reshape(6, 6), np.diag(6 * x.ravel()))
    close(h[1][0, 0, 1, 2], np.prod(x) / x[0, 0] / x[1, 2])
    assert dualad.hessian(lambda x: x**3)(2.0) == 12.0
    assert dualad.hessian(np.sum)(np.zeros((0, 2))).shape == (0, 2, 0, 2)


def test_arguments():
    def g(a, x, *, b=1.0):
        return a**2 * np.sum(x**3) * b

    x = np.array([1.0, 2.0])
    close(dualad.hessian(g, 1)(3.0, x, b=2.0), np.diag(6 * x) * 18)
    close(dualad.hessian(g, argnums=0)(3.0, x), 2 * 9.0)
    close(dualad.hessian(g, argnums=-1)(3.0, x), np.diag(6 * x) * 9)
    with pytest.raises(TypeError, match="argnums must be an int"):
        dualad.hessian(g, argnums=(0, 1))


@pytest.mark.parametrize("n", [1, 5, 20, 100])
def test_hvp(n):
    rng = np.random.default_rng(n)
    x, p = rng.standard_normal(n), rng.standard_normal(n)
    if n <= 30:
        close(dualad.hvp(f)(x, p), exact(x) @ p, 1e-12)
    close(dualad.hvp(scipy.optimize.rosen)(x, p), scipy.optimize.rosen_hess(x) @ p, 1e-12) if n > 1 else None
    close(dualad.hvp(lambda x, a, b=1.0: a * b * np.sum(x**3))(x, p, 2.0, b=3.0), 36 * x * p)


def test_hvp_shapes_and_errors():
    x = RNG.standard_normal((2, 3))
    close(dualad.hvp(lambda x: np.sum(x**4))(x, np.ones((2, 3))), 12 * x**2)
    assert dualad.hvp(np.sum)(np.zeros(0), np.zeros(0)).shape == (0,)
    close(dualad.hvp(lambda x: x**3)(2.0, 1.0), 12.0)
    close(dualad.hvp(lambda x: np.sum(x**2))([1, 2], [3, 4]), [6.0, 8.0])
    with pytest.raises(WrongShape, match=r"tangent 0 has shape \(2,\) and its primal has shape \(3,\)"):
        dualad.hvp(f)(np.ones(3), np.ones(2))
    with pytest.raises(NotScalar, match=r"hvp needs a function that returns one number.* shape \(3,\)"):
        dualad.hvp(lambda x: x)(np.ones(3), np.ones(3))


def test_as_scipy_takes_them():
    x0 = np.array([-1.2, 1.0, 0.5])
    rosen = scipy.optimize.rosen
    for options in (
        dict(method="trust-ncg", jac=dualad.grad(rosen), hessp=dualad.hvp(rosen)),
        dict(method="Newton-CG", jac=dualad.grad(rosen), hess=dualad.hessian(rosen)),
        dict(method="trust-exact", jac=dualad.grad(rosen), hess=dualad.hessian(rosen)),
    ):
        result = scipy.optimize.minimize(rosen, x0, **options)
        assert result.success
        close(result.x, np.ones(3), 1e-4)
    result = scipy.optimize.minimize(dualad.value_and_grad(rosen), x0, jac=True, method="BFGS", options={"gtol": 1e-9})
    close(result.x, np.ones(3), 1e-8)
    root = scipy.optimize.root(
        lambda x: [x[0] ** 2 - x[1], x[1] ** 3 - 2],
        [1.0, 1.0],
        jac=dualad.jacobian(lambda x: [x[0] ** 2 - x[1], x[1] ** 3 - 2]),
    )
    close(root.x, [2 ** (1 / 6), 2 ** (1 / 3)], 1e-9)
    assert scipy.optimize.newton(
        np.cos, 1.0, fprime=dualad.derivative(np.cos), fprime2=dualad.derivative(np.cos, 2)
    ) == pytest.approx(np.pi / 2)


def test_single_precision():
    x = np.array([0.5, 1.5], np.float32)
    assert dualad.hessian(lambda x: np.sum(x**3))(x).dtype == np.float32
    assert dualad.hvp(lambda x: np.sum(x**3))(x, np.ones(2)).dtype == np.float32
    close(dualad.hessian(lambda x: np.sum(np.exp(x) * x))(x), np.diag(np.exp(x) * (x + 2)), 1e-6)


@pytest.mark.parametrize("factor", [-1.0, 1.0, 2.0, -3])
@pytest.mark.parametrize("f", [np.std, np.max, np.ptp, lambda x: np.linalg.norm(x, 1), lambda x: np.sum(np.abs(x) * x)])
def test_partials_that_are_conditions(f, factor):
    """What is one where a condition holds and zero elsewhere, times a number."""
    x = np.array([0.5, -1.5, 2.5, 2.25])

    def g(x):
        return factor * f(x)

    wanted = dualad.hessian(g, mode="hyperdual")(x)
    # The two ways round differently in sums of four terms.
    for found in (
        dualad.hessian(g, mode="forward-over-reverse")(x),
        dualad.jacobian(dualad.grad(g), mode="reverse")(x),
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(dualad.hvp(g)(x, x), wanted @ x, rtol=1e-13, atol=1e-14)
