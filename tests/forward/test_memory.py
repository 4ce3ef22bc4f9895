"""Memory of large lanes: kept for the next array, bounded, given back on demand, and never shared by two arrays."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import special

import dualad
from dualad.forward.kernels import kept_bytes, release

LARGE = 20_000  # elements: the value too is kept in a block


@pytest.fixture(autouse=True)
def nothing_kept():
    gc.collect()
    release()
    yield
    release()


def large(n=LARGE, lanes=3):
    return dualad.Dual(np.linspace(1.0, 2.0, n), np.ones((lanes, n)))


def test_memory_is_kept_and_used_again():
    x = large()
    y = np.exp(x)
    place = y.tangents.ctypes.data
    assert kept_bytes() == 0
    del y
    kept = kept_bytes()
    assert kept > 8 * 4 * LARGE
    assert np.sin(x).tangents.ctypes.data == place
    assert kept_bytes() == kept


def test_memory_of_small_arrays_is_left_to_the_system():
    np.exp(large(100))
    assert kept_bytes() == 0


def test_what_is_kept_is_bounded():
    for n in range(LARGE, 500_000, 10_000):
        np.exp(large(n))
    assert 0 < kept_bytes() <= 1 << 26
    release()
    assert kept_bytes() == 0


def test_a_view_keeps_the_memory_of_its_array():
    y = np.exp(large())
    view, values = y.tangents[1, ::7], y.value[::7]
    wanted = np.exp(np.linspace(1.0, 2.0, LARGE))[::7]
    del y
    others = [np.sin(large()) for _ in range(4)]
    np.testing.assert_array_equal(view, wanted)
    np.testing.assert_array_equal(values, wanted)
    assert len(others) == 4


def test_results_do_not_share_memory():
    x = large()
    y, z = np.exp(x), np.exp(x)
    assert not np.shares_memory(y.tangents, z.tangents)
    assert not np.shares_memory(y.value, z.value)
    y[5] = 0.0
    assert z.value[5] == np.exp(x.value[5])
    assert z.tangents[0, 5] == z.value[5]


def test_assignment_reaches_views_as_in_numpy():
    y = np.exp(large())
    tail = y.reshape(2, -1)[1]
    tail[0] = 7.0
    assert y.value[LARGE // 2] == 7.0
    assert not np.any(y.tangents[:, LARGE // 2])


def test_an_outer_derivative_meets_a_large_array():
    def inner(t):
        def f(x):
            y = np.exp(x * np.linspace(0.0, 1.0, LARGE))
            y[0] = t
            return y[0] * x + y[-1]

        return dualad.derivative(f)(0.5)

    assert dualad.derivative(inner)(2.0) == 1.0


@pytest.mark.parametrize(
    "f",
    [
        np.floor, np.sign, np.exp, special.erf, special.lambertw, np.absolute, lambda x: np.maximum(x, 1.5),
        lambda x: special.jv(2, x), lambda x: special.eval_legendre(3, x), lambda x: 2 - x, lambda x: x**3,
        lambda x: np.ldexp(x, 2), lambda x: np.frexp(x)[0], lambda x: x / np.ones(x.shape, np.float32),
        lambda x: np.heaviside(x - 1.5, 0.5), lambda x: np.reshape(x, (2, -1)).T * np.float64(3.0),
    ],
)  # fmt: skip
def test_values_of_large_arrays_are_numpys(f):
    x = large()
    wanted = f(x.value)
    found = f(x)
    assert found.dtype == wanted.real.dtype
    np.testing.assert_array_equal(found.value, wanted)


@pytest.mark.parametrize("n", [1000, LARGE])
def test_memory_in_use_stays_level(n):
    resource = pytest.importorskip("resource")
    t = np.linspace(0.0, 1.0, n)
    jacobian = dualad.jacobian(lambda b: b[0] * np.exp(-b[1] * t) + b[2] ** 2)

    def peak(calls):
        for _ in range(calls):
            jacobian(np.array([1.0, 2.0, 3.0]))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = peak(50)
    assert peak(500) - before < (8 << 10 if sys.platform != "darwin" else 8 << 20)


def test_threads_get_the_answers_of_one():
    t = np.linspace(0.0, 1.0, LARGE)

    def work(k):
        f = dualad.jacobian(lambda b: b[0] * np.exp(-b[1] * t[: LARGE - k]) + b[2] ** 2)
        return [f(np.array([1.0, 2.0, k])) for _ in range(10)]

    alone = [work(k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(work, range(8)))
    for one, other in zip(alone, together, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
