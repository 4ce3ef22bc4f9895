"""Derivatives of derivatives: they must not be confused with each other."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

import dualad
from dualad import Dual
from dualad.errors import DerivativeLost

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from forward_checks import close

D = dualad.derivative


def test_siskind_and_pearlmutter():
    """Perturbation confusion in a functional implementation of forward-mode AD (2005): 2 where 1 is right."""
    assert D(lambda x: x * D(lambda y: x + y)(1.0))(1.0) == 1.0
    assert D(lambda x: x * D(lambda y: x * y)(2.0))(3.0) == 6.0
    assert D(lambda x: x * D(lambda y: x + y * x)(1.0))(5.0) == 10.0
    assert D(lambda x: D(lambda y: x)(1.0) + x)(1.0) == 1.0


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_direction_that_varies_with_an_outer_derivative(mode):
    def f(x):
        return np.sin(x) * x[0]

    def by_hand(x, x_dot):
        return np.cos(x) * x_dot * x[0] + np.sin(x) * x_dot[0]

    x = np.array([0.5, 1.5])
    directions = [lambda x: x, lambda x: x * 2.0, lambda x: x[::-1] ** 2, lambda x: [x[1], 1.0], lambda x: np.ones(2)]
    for direction, primal in itertools.product(directions, [lambda x: x, lambda x: x**2, lambda x: np.ones(2)]):
        found = dualad.jacobian(lambda x, p=primal, d=direction: dualad.jvp(f, (p(x),), (d(x),))[1], mode=mode)(x)
        wanted = dualad.jacobian(lambda x, p=primal, d=direction: by_hand(p(x), d(x)), mode=mode)(x)
        close(found, wanted, 1e-14)
    close(dualad.grad(lambda x: np.sum(dualad.jvp(f, (x,), (x,))[0]))(x), dualad.grad(lambda x: np.sum(f(x)))(x), 1e-15)
    # A derivative between the two, of what is differentiated or of the direction: d/ds of cos(xs)x and of cos(x)xs.
    found = dualad.jacobian(lambda x: D(lambda s: np.sum(dualad.jvp(np.sin, (x * s,), (x,))[1]))(1.0), mode=mode)(x)
    close(found, -(x**2) * np.cos(x) - 2 * x * np.sin(x), 1e-14)
    found = dualad.jacobian(lambda x: D(lambda s: np.sum(dualad.jvp(np.sin, (x,), (x * s,))[1]))(1.0), mode=mode)(x)
    close(found, np.cos(x) - x * np.sin(x), 1e-14)


def test_manzyuk_and_others():
    """Perturbation confusion in forward automatic differentiation of higher-order functions (2019)."""

    # Section 3: the shift s u f x = f (x + u); d/du of it at 0 is the derivative of f.
    def shift(u):
        return lambda f: lambda x: f(x + u)

    def curried(f):
        """The derivative of a function that returns a function."""
        return lambda g: lambda x: D(lambda u: shift(u)(g)(x))(0.0)

    d_hat = curried(shift)
    close(d_hat(np.exp)(1.0), np.exp(1.0))
    # Applied twice it is the second derivative; the amazing bug gives 0.
    close(d_hat(d_hat(np.exp))(1.0), np.exp(1.0))
    close(d_hat(d_hat(lambda x: x**5))(2.0), 160.0)


def test_shadowed_variables():
    def f(x):
        def g(x):
            return D(lambda x: x * x * x)(x) + x

        return D(g)(x) * x

    # g = 3x**2 + x, f = (6x + 1) x
    close(D(f)(2.0), 12 * 2.0 + 1)


@pytest.mark.parametrize("order", range(1, 7))
def test_every_order(order):
    x = sympy.symbols("x")
    cases = [
        (lambda t: t**7 - 3 * t**2 + t, x**7 - 3 * x**2 + x, 1.3),
        (lambda t: np.sin(t) * np.exp(-t / 2), sympy.sin(x) * sympy.exp(-x / 2), 0.7),
        (lambda t: np.log(1 + t * t) / np.sqrt(t), sympy.log(1 + x * x) / sympy.sqrt(x), 1.7),
        (lambda t: np.tanh(t) ** 3, sympy.tanh(x) ** 3, 0.4),
        (lambda t: np.sum(np.array([t, t**2, 2.0]) ** 3), x**3 + x**6 + 8, 1.1),
        (lambda t: np.arctan2(t, 1 + t**2), sympy.atan(x / (1 + x**2)), 0.9),
    ]
    for f, formula, at in cases[: 6 if order < 5 else 3]:
        close(D(f, order)(at), float(sympy.diff(formula, x, order).subs(x, sympy.Float(at, 30))), 1e-11)
    close(D(lambda t: t**order, order)(2.0), float(sympy.factorial(order)))
    assert D(lambda t: t**2 if order == 1 else t * 0 + 1, order)(3.0) == (6.0 if order == 1 else 0.0)


def test_order_by_composition_is_the_same():
    def f(t):
        return np.exp(np.sin(t)) / (1 + t * t)

    twice, thrice = D(D(f)), D(D(D(f)))
    close(twice(0.6), D(f, 2)(0.6), 1e-14)
    close(thrice(0.6), D(f, 3)(0.6), 1e-14)
    close(D(D(f, 2), 2)(0.6), D(f, 4)(0.6), 1e-13)
    close(D(D(f, 3), 2)(0.6), D(f, 5)(0.6), 1e-12)


def objective(x):
    y = np.concatenate([x[:2] * x[1:], np.sin(x[2:])])
    m = np.outer(y, x) + 2 * np.eye(3)
    return np.sum(np.linalg.solve(m, y) * np.exp(-y)) + np.max(x) * np.prod(y) + np.linalg.norm(m @ x) * x[0] ** x[1]


def test_all_ways_to_a_hessian():
    x = np.array([0.7, 1.2, 0.4])
    hessian = dualad.hessian(objective)(x)
    assert np.max(np.abs(hessian - hessian.T)) < 1e-12
    for way in (
        dualad.jacobian(dualad.grad(objective)), dualad.jacobian(dualad.jacobian(objective)),
        dualad.hessian(objective, mode="hyperdual", chunk=1),
        dualad.hessian(objective, mode="hyperdual", chunk=2),
        lambda x: np.array([dualad.hvp(objective)(x, p) for p in np.eye(3)]),
        lambda x: np.array([dualad.jvp(dualad.grad(objective), (x,), (p,))[1] for p in np.eye(3)]),
        lambda x: dualad.jacobian(lambda y: np.array([dualad.jvp(objective, (y,), (p,))[1] for p in np.eye(3)]))(x),
    ):  # fmt: skip
        close(way(x), hessian, 1e-11)


def test_third_derivatives():
    """A hessian inside a jacobian, a jacobian inside a hessian."""
    x = np.array([0.7, 1.2, 0.4])

    def f(x):
        return np.exp(x[0]) * x[1] ** 3 * np.sin(x[2]) + x[0] * x[1] * x[2]

    symbols = sympy.symbols("a b c")
    a, b, c = symbols
    formula = sympy.exp(a) * b**3 * sympy.sin(c) + a * b * c
    wanted = np.array(
        [
            float(sympy.diff(formula, *triple).subs(dict(zip(symbols, x))))
            for triple in itertools.product(symbols, repeat=3)
        ]
    ).reshape(3, 3, 3)
    close(dualad.jacobian(dualad.hessian(f))(x), wanted, 1e-13)
    close(dualad.hessian(dualad.grad(f))(x), wanted, 1e-13)
    close(dualad.hessian(dualad.jacobian(f))(x), wanted, 1e-13)
    close(dualad.jacobian(dualad.jacobian(dualad.jacobian(f)))(x), wanted, 1e-13)
    close(dualad.hessian(dualad.hessian(f))(x), dualad.jacobian(dualad.jacobian(dualad.hessian(f)))(x), 1e-12)


def test_an_inner_problem_solved_by_newton():
    """An inner derivative inside a loop inside an outer derivative: the root's derivative by the implicit function."""

    def root(a):
        def g(y):
            return y**3 + a * y - 2.0

        y = 1.0 + 0 * a
        for _ in range(8):
            y = y - g(y) / D(g)(y)
        return y

    a = 1.5
    y = root(a)
    slope = -y / (3 * y * y + a)
    close(D(root)(a), slope, 1e-13)
    second = -(slope * (3 * y * y + a) - y * (6 * y * slope + 1)) / (3 * y * y + a) ** 2
    close(D(root, 2)(a), second, 1e-12)


def test_gradient_descent_on_the_rate():
    """The derivative of the end of a descent in its rate and its start."""
    target = np.array([1.0, -2.0])

    def loss(w):
        return np.sum((w - target) ** 2 * np.array([1.0, 3.0]))

    def end(p):
        w = p[1:]
        for _ in range(4):
            w = w - p[0] * dualad.grad(loss)(w)
        return loss(w)

    # w - target shrinks by (1 - 2 r c) a step
    p = np.array([0.05, 0.3, 0.4])
    c = np.array([1.0, 3.0])
    factor = 1 - 2 * p[0] * c
    rest = p[1:] - target
    wanted = [np.sum(c * rest**2 * 8 * factor**7 * (-2 * c)), *(2 * c * rest * factor**8)]
    close(dualad.grad(end)(p), wanted, 1e-13)


def test_in_inner_functions_zero_is_not_nothing():
    """A tangent whose value is zero may still vary with the outer argument."""
    close(D(lambda x: D(lambda y: np.sin(x * y))(0.7))(0.0), 1.0)
    close(D(lambda x: D(lambda y: np.sqrt(1 + x * y))(0.7))(0.0), 0.5)
    close(dualad.jacobian(lambda x: dualad.grad(lambda y: np.sum(np.tanh(x * y)))(np.ones(3)))(np.zeros(3)), np.eye(3))
    close(D(lambda x: D(lambda y: x * y * y)(0.0))(0.0), 0.0)
    close(dualad.hessian(lambda x: np.hypot(1.0, x[0]) * x[1])(np.zeros(2)), np.zeros((2, 2)))
    close(dualad.hessian(lambda x: np.sin(x[0] * x[1]))(np.zeros(2)), [[0, 1], [1, 0]])


def test_constants_of_the_inner_function():
    """An inner function that does not depend on its argument, and one that does not depend on the outer."""
    assert D(lambda x: D(lambda y: x * 3)(1.0) + 2 * x)(1.0) == 2.0
    assert D(lambda x: D(lambda y: y * 3)(1.0) * x)(1.0) == 3.0
    assert np.array_equal(
        dualad.jacobian(lambda x: dualad.grad(lambda y: y[0] ** 2)(np.ones(2)) * x)(np.ones(2)), [[2, 0], [0, 0]]
    )
    assert D(lambda x: D(lambda y: 5.0)(1.0))(1.0) == 0.0


def test_a_derivative_that_has_ended_does_not_leak():
    kept = []

    def inner(y):
        kept.append(y)
        return y * y

    def f(x):
        D(inner)(2.0)
        return x * kept[-1]

    with pytest.raises(DerivativeLost, match="another derivative that has ended"):
        D(f)(3.0)


def test_explicit_duals_are_the_outermost():
    """Level 0: a Dual that a user made is constant for the drivers."""
    a = Dual(3.0, [1.0])
    slope = D(lambda x: a * x * x)(2.0)
    assert isinstance(slope, Dual)
    close(slope.value, 12.0)
    close(slope.tangents, [4.0])
    g = dualad.grad(lambda x: np.sum(a * x * x))(np.array([1.0, 2.0]))
    close(g.value, [6.0, 12.0])
    close(g.tangents, [[2.0, 4.0]])


def test_indices_and_assignment_in_nested_derivatives():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0]
        for i in range(1, len(x)):
            y[i] = y[i - 1] * x[i]
        y[::2] += x[1]
        y[[0, 1]] = y[[1, 0]]
        return np.sum(y**2) + y.max() + x[x > 1].sum() ** 2 + y.reshape(2, 2)[1, 0] * np.diff(x)[0]

    x = np.array([0.8, 1.4, 0.6, 1.9])
    close(dualad.hessian(f)(x), dualad.jacobian(dualad.grad(f))(x), 1e-13)
    h = 1e-5
    numeric = [(dualad.grad(f)(x + h * e) - dualad.grad(f)(x - h * e)) / (2 * h) for e in np.eye(4)]
    close(dualad.hessian(f)(x), numeric, 1e-8)


def test_single_precision_in_nested_derivatives():
    x = np.array([0.7, 1.2, 0.4], np.float32)

    def f(x):
        return np.sum(np.exp(x) * x[::-1] ** 2) * x[0]

    wanted = dualad.hessian(f)(x.astype(float))
    for way in (dualad.hessian(f), dualad.jacobian(dualad.grad(f))):
        assert way(x).dtype == np.float32
        close(way(x), wanted, 1e-5)


def test_writes_into_arrays_without_axes():
    """They are arrays at every depth, and no numbers."""

    def f(x):
        y, z = np.zeros((), like=x), x[1:2].reshape(()).copy()
        y[...] = x[0] * 2
        y[()] = y**2 + z
        z[...] = z * y
        return y * z

    x = np.array([0.7, 1.3])
    wanted = dualad.hessian(f)(x)
    for outer, inner in ((dualad.jacobian, dualad.grad), (dualad.jacobian, dualad.jacobian)):
        for mode in ("forward", "reverse"):
            close(outer(inner(f), mode=mode)(x), wanted, 1e-13)
    close(dualad.hessian(f, mode="forward-over-reverse")(x), wanted, 1e-13)
