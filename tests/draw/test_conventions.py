"""The conventions of docs/conventions-nan.md: the same finite numbers by dual numbers, by the tape, and nested."""

import numpy as np
import pytest
import scipy.special

import dualad

ZERO = np.zeros(3)

# A function, a point, its gradient there, and the diagonal of its Hessian where the convention fixes it.
CASES = {
    "where-sqrt": (lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), [0.0, 4.0], [0.0, 0.25], [0.0, -1 / 32]),
    "where-log": (lambda x: np.sum(np.where(x > 0, np.log(x), 0.0)), [0.0, 2.0], [0.0, 0.5], [0.0, -0.25]),
    "where-ratio": (
        lambda x: np.sum(np.where(x != 0, np.sin(x) / x, 1.0)),
        [0.0, np.pi],
        [0.0, -1 / np.pi],
        [0.0, 2 / np.pi**2],
    ),
    "norm": (np.linalg.norm, ZERO, ZERO, ZERO),
    "norm-squared": (lambda x: np.linalg.norm(x) ** 2, ZERO, ZERO, None),
    "hypot": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]),
    "std": (np.std, np.ones(3), ZERO, None),
    "prod-one-zero": (np.prod, [2.0, 0.0, 3.0], [0.0, 6.0, 0.0], ZERO),
    "prod-two-zeros": (np.prod, [2.0, 0.0, 0.0], ZERO, ZERO),
    "sinc": (lambda x: np.sum(np.sinc(x)), [0.0, 1.0], [0.0, -1.0], [-(np.pi**2) / 3, 2.0]),
    "abs": (lambda x: np.sum(np.abs(x)), [0.0, -2.0], [0.0, -1.0], [0.0, 0.0]),
    "fabs": (lambda x: np.sum(np.fabs(x)), [0.0, -2.0], [0.0, -1.0], [0.0, 0.0]),
    "sign": (lambda x: np.sum(np.sign(x)), [0.0, -2.0], [0.0, 0.0], [0.0, 0.0]),
    "maximum-tie": (lambda x: np.sum(np.maximum(x, 0.0)), [0.0, 2.0], [0.5, 1.0], [0.0, 0.0]),
    "minimum-tie": (lambda x: np.minimum(x[0], x[1]), [2.0, 2.0], [0.5, 0.5], [0.0, 0.0]),
    "fmax-tie": (lambda x: np.fmax(x[0], x[1]), [2.0, 2.0], [0.5, 0.5], [0.0, 0.0]),
    "fmin-tie": (lambda x: np.fmin(x[0], x[1]), [2.0, 2.0], [0.5, 0.5], [0.0, 0.0]),
    "min-tie": (np.min, [2.0, 2.0, 3.0], [0.5, 0.5, 0.0], ZERO),
    "greatest-entry-tie": (lambda x: np.linalg.norm(x, np.inf), [2.0, -2.0, 1.0], [0.5, -0.5, 0.0], ZERO),
    "clip-the-end": (lambda x: np.sum(np.clip(np.array([0.5, 1.0]), x[0], x[1])), [0.5, 1.0], [0.5, 0.5], [0.0, 0.0]),
    "jumps": (
        lambda x: np.sum(np.floor(x) + np.ceil(x) + np.round(x) + np.trunc(x)),
        [1.0, 0.5],
        [0.0, 0.0],
        [0.0, 0.0],
    ),
    "heaviside": (lambda x: np.sum(np.heaviside(x, 0.5)), [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]),
    "max-tie": (np.max, [2.0, 1.0, 2.0], [0.5, 0.0, 0.5], ZERO),
    "clip-ends": (lambda x: np.sum(np.clip(x, 0.0, 1.0)), [0.0, 0.5, 1.0], [0.5, 1.0, 0.5], ZERO),
    "power-zero": (lambda x: np.sum(x**0), [0.0, 2.0], [0.0, 0.0], [0.0, 0.0]),
    "zero-power": (lambda x: np.sum(0.0**x), [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]),
    "xlogy": (lambda x: np.sum(scipy.special.xlogy(x, 2.0)), [0.0, 1.0], [np.log(2.0)] * 2, [0.0, 0.0]),
}


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.fixture(autouse=True)
def quiet():
    """Dividing by zero in a branch that is not taken is reported by NumPy, with derivatives or without."""
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("name", CASES)
def test_dual_numbers(name):
    f, x, first, _ = CASES[name]
    close(dualad.jacobian(f, mode="forward")(np.array(x)), first)


@pytest.mark.parametrize("name", CASES)
def test_the_tape(name):
    f, x, first, _ = CASES[name]
    close(dualad.grad(f)(np.array(x)), first)


SECOND = [name for name, case in CASES.items() if case[3] is not None]


@pytest.mark.parametrize("name", SECOND)
def test_hyper_dual_numbers(name):
    f, x, _, second = CASES[name]
    close(np.diag(dualad.hessian(f, mode="hyperdual")(np.array(x))), second)


@pytest.mark.parametrize("name", SECOND)
def test_forward_over_reverse(name):
    f, x, _, second = CASES[name]
    close(np.diag(dualad.jacobian(dualad.grad(f), mode="forward")(np.array(x))), second)


@pytest.mark.parametrize("name", SECOND)
def test_reverse_over_reverse(name):
    f, x, _, second = CASES[name]
    ones = np.ones(len(x))
    rows = [dualad.grad(lambda z, i=i: dualad.grad(f)(z)[i])(np.array(x)) for i in range(len(ones))]
    close([row[i] for i, row in enumerate(rows)], second)


@pytest.mark.parametrize(
    ("f", "x", "wanted"),
    [
        (np.sqrt, 0.0, np.inf),
        (np.cbrt, 0.0, np.inf),
        (lambda x: x**0.5, 0.0, np.inf),
        (np.sqrt, -1.0, np.nan),
        (np.log, -2.0, -0.5),
    ],
)
def test_ends_of_a_domain(f, x, wanted):
    found = [dualad.jvp(f, (x,), (1.0,))[1], dualad.grad(f)(x)]
    assert np.array_equal(found, [wanted, wanted], equal_nan=True)


def test_infinite_slopes_that_are_used():
    def squared(x):
        return np.sqrt(x) ** 2

    def length(x):
        return np.sqrt(np.sum(x**2))

    assert dualad.jvp(squared, (0.0,), (1.0,))[1] == dualad.grad(squared)(0.0) == 0.0
    assert np.array_equal(dualad.jacobian(length, mode="forward")(ZERO), ZERO)


def test_there_is_no_angle_at_the_origin():
    def f(x):
        return np.arctan2(x[0], x[1])

    assert np.all(np.isnan(dualad.grad(f)(np.zeros(2))))
    assert np.all(np.isnan(dualad.jacobian(f, mode="forward")(np.zeros(2))))
