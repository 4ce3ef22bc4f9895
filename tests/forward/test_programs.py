"""Small random programs: dual numbers against the complex step, hyper-dual numbers against nested dual numbers."""

import sys
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import dualad

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from forward_checks import complex_step, same

N = 4
UNARY = [
    np.sin, np.cos, np.tanh, np.exp, np.arctan, np.sinh, np.arcsinh, np.square, np.negative,
    lambda x: 1.0 / (2.0 + np.cos(x)),
    lambda x: np.sqrt(x * x + 1.0), lambda x: np.log(x * x + 1.5), lambda x: x**3,
    lambda x: (x * x + 0.5) ** 1.7, lambda x: np.expm1(0.3 * x),
    lambda x: np.log1p(x * x), lambda x: 1.3 ** np.sin(x), lambda x: np.reciprocal(x * x + 2.0),
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, lambda a, b: a / (b * b + 1.0), lambda a, b: (a * a + 1.0) ** (0.3 * b),
    lambda a, b: a * np.sin(b),
    lambda a, b: np.where(np.real(a) > np.real(b), a, b), lambda a, b: np.where(np.real(a) > 0.1, a * b, np.cos(b)),
]  # fmt: skip
# Functions that keep a vector of N elements, by the names of what they use.
ARRAY = [
    np.cumsum, lambda x: x[::-1], lambda x: np.roll(x, 1), lambda x: x - np.mean(x),
    lambda x: np.outer(x, np.sin(x)) @ np.ones(N),
    lambda x: np.concatenate([x[2:], x[:2] * 2.0]), lambda x: np.sum(x * x) * x,
    lambda x: np.stack([x, np.cos(x)]).sum(axis=0),
    lambda x: x.reshape(2, 2).T.ravel(), lambda x: np.cumprod(np.cos(x)),
    lambda x: np.einsum("i,i,j->j", x, x, np.tanh(x)),
    lambda x: x[[3, 1, 1, 0]], lambda x: np.convolve(x, [0.5, 0.25, -0.5], "same"), lambda x: np.tile(x[:2], 2),
    lambda x: np.repeat(x[1:3], 2),
    lambda x: np.linalg.solve(3.0 * np.eye(N) + 0.1 * np.outer(np.tanh(x), np.sin(x)), x),
    lambda x: np.diff(x, append=1.0), lambda x: x[0] * x,
    lambda x: np.linalg.inv(np.diag(x * x + 1.0) + 0.1) @ x, lambda x: np.prod(1.0 + 0.1 * np.sin(x)) + x,
    lambda x: np.trapezoid(x) * np.cos(x),
    lambda x: np.kron(x[:2], np.sin(x[2:])),
    lambda x: np.var(x) * x if not np.iscomplexobj(x) else np.mean((x - np.mean(x)) ** 2) * x,
    lambda x: np.array([x[0], x[1] * x[2], np.sin(x[3]), x[1]]) + x, lambda x: filled(x), lambda x: written(x),
    lambda x: by_view(x),
]  # fmt: skip


def filled(x):
    y = np.zeros_like(x)
    for i in range(N):
        y[i] = x[i - 1] * 0.5 + x[i] * x[i]
    return y


def written(x):
    y = x * 1.0
    y[1:3] *= 2.0
    y[y.real > 0.5] -= 0.25
    y[[0, 3]] = y[[3, 0]] + x[1]
    return y


def by_view(x):
    y = x.reshape(2, 2) * 1.0
    row, column = y[0], y[:, 1]
    row += column
    column[...] = np.sin(row)
    return y.ravel()


@st.composite
def programs(draw):
    """A list of steps; each takes one or two of the values that are there and adds one."""
    steps = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        kind = draw(st.sampled_from([UNARY, BINARY, ARRAY, ARRAY]))
        steps.append(
            (
                kind is BINARY,
                draw(st.sampled_from(range(len(kind)))),
                kind,
                draw(st.integers(0, number - 1)),
                draw(st.integers(0, number - 1)),
            )
        )
    return steps


def run(steps, x):
    values = [x]
    for binary, which, kind, i, j in steps:
        values.append(kind[which](values[i], values[j]) if binary else kind[which](values[i]))
    return values[-1]


POINTS = st.lists(st.floats(-1.5, 1.5).map(lambda v: round(v, 3)), min_size=N, max_size=N, unique=True).map(np.array)
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def tame(f, x):
    """Leave out programs that overflow or stand at a kink."""
    with np.errstate(all="ignore"):
        y, moved = f(x), f(x + 1e-9)
    assume(np.all(np.isfinite(y)) and np.max(np.abs(y)) < 1e6 and np.max(np.abs(y - moved)) < 1e-3)


@SETTINGS
@given(programs(), POINTS)
def test_dual_against_the_complex_step(steps, x):
    def f(x):
        return run(steps, x)

    tame(f, x)
    found, wanted = dualad.jacobian(f)(x), complex_step(f, x)
    scale = 1 + np.max(np.abs(wanted))
    assert np.max(np.abs(found - wanted)) <= 1e-11 * scale
    value, _ = dualad.jvp(f, (x,), (x,))
    same(np.asarray(value), np.asarray(f(x)))
    same(dualad.jacobian(f, mode="forward", chunk=1)(x), found) if not uses_products(steps) else None


def uses_products(steps):
    """BLAS may order the sums of products by the number of lanes."""
    return any(kind is ARRAY for _, _, kind, _, _ in steps)


@SETTINGS
@given(programs(), POINTS)
def test_hyper_dual_against_nested_dual(steps, x):
    def f(x):
        return run(steps, x)

    tame(f, x)
    found, wanted = dualad.hessian(f)(x), dualad.jacobian(dualad.jacobian(f))(x)
    scale = 1 + np.max(np.abs(wanted))
    assert np.max(np.abs(found - wanted)) <= 1e-10 * scale


@settings(SETTINGS, max_examples=40)
@given(programs(), POINTS)
def test_scalars_against_arrays(steps, x):
    """Elementwise programs: one number at a time, and higher orders by nesting."""
    steps = [(binary, which, kind, i, j) for binary, which, kind, i, j in steps if kind is not ARRAY]
    assume(steps)
    steps = [(binary, which, kind, min(i, n), min(j, n)) for n, (binary, which, kind, i, j) in enumerate(steps)]

    def f(x):
        return run(steps, x)

    tame(f, x)
    whole, twice = np.diag(dualad.jacobian(f)(x)), np.einsum("iii->i", dualad.hessian(f)(x))
    for i in range(N):
        assert np.allclose(dualad.derivative(f)(x[i]), whole[i], rtol=1e-13, atol=1e-13)
        assert np.allclose(dualad.derivative(f, 2)(x[i]), twice[i], rtol=1e-12, atol=1e-12)
    third = dualad.derivative(f, 3)(x[0])
    assert np.allclose(dualad.derivative(dualad.derivative(dualad.derivative(f)))(x[0]), third, rtol=1e-9, atol=1e-9)
