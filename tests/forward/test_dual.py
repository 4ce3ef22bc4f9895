"""Dual and HyperDual as values: how they are made, which dtypes they keep, what may meet."""

import numbers
import sys
from pathlib import Path

import numpy as np
import pytest

import dualad
from dualad import Dual, HyperDual
from dualad.errors import UnsupportedType, WrongShape

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from forward_checks import close, complex_step, random_dual, same

TYPES = ["float64", "float32"]


@pytest.mark.parametrize("value", [3.0, 3, True, np.float64(3), np.float32(3), np.int8(3)])
def test_a_number_makes_a_scalar(value):
    for x in (Dual(value, [1.0, 2.0]), Dual(value=value, tangents=np.array([1.0, 2.0]))):
        assert x.shape == () and x.dtype == (np.float32 if isinstance(value, np.float32) else np.float64)
        assert isinstance(x, Dual) and x._is_scalar and isinstance(x, numbers.Real) and np.isscalar(x)
        same(x.tangents, np.array([1.0, 2.0], x.dtype))
        assert np.array([x, x]).shape == (2,)
    y = HyperDual(value, [1.0], [2.0, 3.0], [[4.0, 5.0]])
    assert isinstance(y, HyperDual) and y._is_scalar and y.e12.tolist() == [[4.0, 5.0]]


@pytest.mark.parametrize("k", [0, 1, 5, 6, 7, 40])
def test_any_number_of_lanes(k):
    rng = np.random.default_rng(0)
    x, y = Dual(1.5, rng.standard_normal(k)), Dual(2.5, rng.standard_normal(k))
    close((x * y).tangents, 1.5 * y.tangents + 2.5 * x.tangents)
    close((np.exp(x) / y).tangents, np.exp(1.5) * (x.tangents / 2.5 - y.tangents / 6.25))
    a = Dual(rng.standard_normal(3), rng.standard_normal((k, 3)))
    close((a * x).tangents, a.tangents * 1.5 + a.value * x.tangents[:, None])
    same(a[1].tangents, a.tangents[:, 1].copy())
    a[0] = x
    same(a.tangents[:, 0].copy(), x.tangents)


def test_arrays_are_copied():
    value, tangents = np.zeros(3), np.zeros((1, 3))
    x = Dual(value, tangents)
    x[...] = Dual(np.ones(3), np.ones((1, 3)))
    assert not value.any() and not tangents.any()
    assert x.value is x.value and x.tangents is x.tangents


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            (3.0, 1.0),
            r"tangents must have shape \(k,\) \+ S with S = \(\), the shape of the value; it has shape \(\)\.",
        ),
        ((3.0, [[1.0]]), r"it has shape \(1, 1\)"),
        (([1.0, 2.0], [1.0, 2.0]), r"S = \(2,\), the shape of the value; it has shape \(2,\)"),
        (([1.0, 2.0], [[1.0], [2.0]]), r"it has shape \(2, 1\)"),
    ],
)
def test_wrong_tangents(arguments, sentence):
    with pytest.raises(WrongShape, match=sentence):
        Dual(*arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([1.0], [[1.0]], [[1.0]], [[1.0]]), r"e12 must have shape \(k1, k2\) \+ S"),
        (([1.0], [1.0], [[1.0]], [[[1.0]]]), r"e1 must have shape \(k1,\) \+ S with S = \(1,\)"),
        (([1.0], [[1.0]], [1.0], [[[1.0]]]), r"e2 must have shape \(k2,\) \+ S"),
        ((1.0, [1.0, 2.0], [1.0], [[1.0]]), r"e12 must have shape \(2, 1\) \+ S with S = \(\)"),
    ],
)
def test_wrong_parts_of_a_hyper_dual_number(arguments, sentence):
    with pytest.raises(WrongShape, match=sentence):
        HyperDual(*arguments)


@pytest.mark.parametrize("value", [1j, "text", np.array(["a"]), np.float16(1), np.longdouble(1), None, object()])
def test_values_that_are_not_real(value):
    with pytest.raises(UnsupportedType, match="real numbers of float64 or float32"):
        Dual(value, [1.0])
    with pytest.raises(UnsupportedType, match="real numbers of float64 or float32"):
        Dual(1.0, [value])


@pytest.mark.parametrize("dtype", TYPES)
def test_dtypes_are_kept(dtype):
    """What NumPy makes of the dtypes, for the tangents too."""
    rng = np.random.default_rng(0)
    x = random_dual(rng, (2, 3), dtype=np.dtype(dtype).type)
    s = x[0, 0]
    for f in (
        lambda x: x * 2, lambda x: x * 2.0, lambda x: 1 / x, lambda x: np.exp(x), lambda x: np.sum(x),
        lambda x: x[0, 1] * 2.0,
        lambda x: np.float64(2) * x, lambda x: x * np.float64(2), lambda x: x + np.ones(3),
        lambda x: x @ np.ones(3), lambda x: x**2,
        lambda x: x * np.array(2.0), lambda x: np.float32(2) * x, lambda x: x[0, 0] * x[0, 1] + 1,
        lambda x: np.sin(x[0, 0]), np.mean,
        lambda x: x * np.arange(3), lambda x: np.concatenate([x, np.ones((2, 3))]),
        lambda x: np.where(x > 1, x, 0.0), np.linalg.norm,
        lambda x: np.full_like(x, 1.0), lambda x: np.maximum(x, 0), lambda x: np.arctan2(x, 1.0),
        lambda x: x.mean(axis=0), np.std,
        lambda x: np.modf(x)[0], lambda x: np.stack([x[0], x[1]]), lambda x: np.linalg.inv(x[:, :2]),
        lambda x: np.cumsum(x), np.prod,
        lambda x: abs(x[0, 0]), lambda x: -x[0, 0], lambda x: x[0, 0] ** 2, lambda x: 2.0 ** x[0, 0],
        lambda x: np.sqrt(x[0, 0]),
    ):  # fmt: skip
        result = f(x)
        same(result, f(x.value))
        assert result.tangents.dtype == result.dtype
    assert (s * s).dtype == dtype and (s * 2.0)._is_scalar


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3), (2, 1, 3)])
def test_shapes(shape, dtype):
    rng = np.random.default_rng(0)
    x = Dual(rng.uniform(0.5, 1.5, shape).astype(dtype), rng.standard_normal((2, *shape)))
    y = np.exp(x) * x + np.sqrt(x) / 2
    plain = np.exp(x.value) * x.value + np.sqrt(x.value) / 2
    same(y, plain)
    slope = np.exp(x.value) * (1 + x.value) + 0.25 / np.sqrt(x.value)
    close(y.tangents, slope * x.tangents, 1e-13 if dtype == "float64" else 1e-6)
    same(np.sum(y), np.sum(plain))
    hyper = HyperDual(x.value, x.tangents[:1], x.tangents[1:], np.zeros((1, 1, *shape)))
    assert (np.exp(hyper) * hyper).e12.shape == (1, 1, *shape)


def test_inputs_that_lie_otherwise_in_memory():
    rng = np.random.default_rng(0)
    big, lanes = rng.uniform(0.5, 1.5, (6, 8)), rng.standard_normal((2, 8, 6))
    other = rng.uniform(0.5, 1.5, (8, 6))
    for value, tangents in (
        (big.T, lanes), (big.T[::2], lanes[:, ::2]), (big.T[:, ::-1], lanes[:, :, ::-1]),
        (np.asfortranarray(big.T), lanes),
        (np.broadcast_to(big[0], (6, 8)).T, lanes), (big.T, np.asfortranarray(lanes)),
    ):  # fmt: skip
        x = Dual(value, tangents)
        c = other[: len(value)]
        for f, slope in (
            (lambda x, c=c: x * c, c), (lambda x, c=c: np.sin(x), np.cos(value)),
            (lambda x, c=c: np.hypot(x, c), value / np.hypot(value, c)),
            (lambda x, c=c: x / c.T.T, 1 / c), (lambda x, c=c: np.exp(x.T).T, np.exp(value)),
            (lambda x, c=c: c[:, :1] * x, c[:, :1]),
        ):  # fmt: skip
            same(f(x), f(value))
            close(f(x).tangents, slope * tangents, 1e-14)


def test_values_that_do_not_meet():
    two, three = Dual(1.0, [1.0, 2.0]), Dual(1.0, [1.0, 2.0, 3.0])
    for f in (
        lambda: two * three, lambda: np.hypot(two, three), lambda: Dual([1.0], [[1.0], [2.0]]) * three,
        lambda: np.add(Dual([1.0], [[1.0], [2.0]]), Dual([1.0], [[1.0]])),
        lambda: np.concatenate([np.array([two, three])]) + two,
    ):  # fmt: skip
        with pytest.raises(WrongShape, match=r"carry . and . directions"):
            f()
    hyper = HyperDual(1.0, [1.0], [1.0], [[0.0]])
    for f in (lambda: hyper * Dual(1.0, [1.0, 1.0, 0.0]), lambda: Dual([1.0], [[1.0]]) + hyper):
        with pytest.raises(WrongShape, match="of different kinds"):
            f()


def test_big_arrays_go_block_by_block():
    """Lengths about the size of a block, and long enough that the GIL is given back."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 511, 512, 513, 1024, 1025, 9001):
        x, y = random_dual(rng, n, k=3), random_dual(rng, n, k=3)
        z = np.arctan2(x, y) * np.exp(-x) + x**y
        same(z, np.arctan2(x.value, y.value) * np.exp(-x.value) + x.value**y.value)

        a, b = x.value, y.value
        r = a * a + b * b
        dx = (b / r - np.arctan2(a, b)) * np.exp(-a) + b * a ** (b - 1)
        dy = -a / r * np.exp(-a) + a**b * np.log(a)
        close(z.tangents, dx * x.tangents + dy * y.tangents, 1e-13)


def test_a_zero_tangent_meets_no_infinite_slope():
    for kind in (np.float64, np.float32):
        x = Dual(np.array([0.0, 4.0], kind), np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
        with np.errstate(all="ignore"):
            assert np.sqrt(x).tangents.tolist() == [[0.0, 0.0], [0.0, 0.25], [np.inf, 0.0]]
            assert np.sqrt(x[0]).tangents.tolist() == [0.0, 0.0, np.inf]
            assert (np.sqrt(x) * 0.0).tangents.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert np.sum(np.abs(dualad.grad(lambda x: np.sqrt(x[0] * 0.0 + 0.0 * x[1]) + x[1])(np.ones(2)) - [0, 1])) == 0


def f_all(x):
    """A little of everything."""
    y = np.sin(x) * np.outer(x, x[::-1]) @ np.exp(-x * x)
    z = np.concatenate([y[1:], x[:1] ** 3]) / (1.0 + np.sum(x * x))
    z[0] += x[1] * y[0]
    return np.cumsum(z)[::-1] + np.tanh(z.reshape(-1, 1)).ravel()


def test_against_the_complex_step():
    x = np.array([0.3, -0.7, 1.1, 0.4])

    def plain(x):
        y = np.sin(x) * np.outer(x, x[::-1]) @ np.exp(-x * x)
        z = np.concatenate([y[1:], x[:1] ** 3]) / (1.0 + np.sum(x * x))
        z[0] += x[1] * y[0]
        return np.cumsum(z)[::-1] + np.tanh(z.reshape(-1, 1)).ravel()

    close(dualad.jacobian(f_all)(x), complex_step(plain, x), 1e-14)
