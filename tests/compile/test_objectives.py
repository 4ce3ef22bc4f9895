"""The functions of the benchmarks, small: their derivatives against the complex step, and compiled."""

import sys
from pathlib import Path

import numpy as np
import pytest

import dualad

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

adbench = pytest.importorskip("adbench", reason="the benchmarks are not here")
objectives = pytest.importorskip("objectives", reason="the benchmarks are not here")

NUMBERS = {
    "banana": (objectives.banana, np.array([-1.2, 1.0])),
    "rosenbrock": (objectives.rosenbrock, np.linspace(0.5, 1.5, 10)),
    "rosenbrock loop": (objectives.rosenbrock_loop, np.linspace(0.5, 1.5, 10)),
    "chain": (objectives.chain, np.linspace(0.5, 1.5, 10)),
    "lorenz": (objectives.lorenz, np.array(objectives.LORENZ)),
    "mixture": adbench.mixture(d=3, k=4, n=20),
    "mixture by components": adbench.mixture(d=3, k=4, n=20, loop=True),
    "lstm": adbench.lstm(length=12, width=5),
    "bundle": adbench.bundle(cameras=3, points=10, observations=40),
}
VECTORS = {
    "rat42": objectives.rat42(20),
    "narrow": objectives.network(30, 5),
    "wide": objectives.network(5, 30),
    "observation": (adbench.observations(3, 10, 40)[0], adbench.observations(3, 10, 40)[1][7]),
    "hand": adbench.hand(points=5, vertices=12),
}


def stepped(f, x, seed=0):
    """Return a direction, and the derivative of f in it by the complex step."""
    v = np.random.default_rng(seed).normal(size=x.shape)
    return v, np.imag(f(x + 1e-30j * v)) / 1e-30


@pytest.mark.parametrize("name", NUMBERS)
def test_gradient(name):
    f, x = NUMBERS[name]
    value, gradient = dualad.value_and_grad(f)(x)
    v, right = stepped(f, x)
    assert value == f(x)
    # The complex step has no truncation; 1e-11 covers the rounding of sums of 1000 terms that partly cancel.
    np.testing.assert_allclose(gradient @ v, right, rtol=1e-11, atol=1e-11 * np.abs(gradient).max())


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", VECTORS)
def test_jacobian(name, mode):
    f, x = VECTORS[name]
    jacobian = dualad.jacobian(f, mode=mode)(x)
    v, right = stepped(f, x)
    np.testing.assert_allclose(jacobian @ v, right, rtol=1e-11, atol=1e-11 * np.abs(jacobian).max())


def test_the_two_mixtures_are_one_function():
    (arrays, x), (components, _) = NUMBERS["mixture"], NUMBERS["mixture by components"]
    np.testing.assert_allclose(arrays(x), components(x), rtol=1e-14)  # the sums are taken in another order


@pytest.mark.parametrize("name", [*NUMBERS, *VECTORS])
def test_compiled(name):
    f, x = (NUMBERS | VECTORS)[name]
    driver = dualad.value_and_grad(f) if name in NUMBERS else dualad.jacobian(f)
    fast = dualad.compile(driver)
    for scale in (1.0, 1.01, 0.99, 1.02):  # the first records, the second compares, the others are replays
        found, right = fast(scale * x), driver(scale * x)
        if name in NUMBERS:
            assert found[0] == right[0]
            found, right = found[1], right[1]
        # Derivatives may be added up in another order.
        np.testing.assert_allclose(found, right, rtol=1e-11, atol=1e-12 * np.abs(right).max())


def test_partials_of_sines_are_not_numpys_loops():
    """Partial derivatives, whose last bit nobody compares, are several cosines at once; values are NumPy's own."""
    f, x = NUMBERS["chain"]
    fast = dualad.compile(dualad.value_and_grad(f))
    fast(x)
    assert "cosine" in str(fast) and "=sin(" in str(fast) and "=cos(" not in str(fast)
