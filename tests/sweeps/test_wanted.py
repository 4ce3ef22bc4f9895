"""A forward sweep that is asked for some nodes only gives the memory of the others back, and finds the same."""

import numpy as np
import pytest

import dualad
from dualad.sweeps.kernels import Tangents

X = np.linspace(0.3, 1.2, 6)


def chain(x):
    y = np.sin(x) * x
    z = np.exp(-y) + y[::-1]
    return np.outer(z, x) @ np.tanh(z + y.mean())


def written(x):
    y = np.zeros_like(x)
    view = y[1:4]
    before = y * 1.0
    y[0] = x[2] * x[3]
    view[:] = np.cos(x[:3])
    after = y + x
    view *= x[3:]
    y[5] = after[0] + before[1] + view[1]
    return y * after + view[0]


def looped(x):
    y, s = np.zeros(4, like=x), 0.0
    for i in range(4):
        s = s * 0.5 + x[i] * x[i + 1]
        y[i] = s
    return y


def reshaped(x):
    y = (x * x).reshape(2, 3)
    _, r = np.linalg.qr(y.T)
    return np.concatenate([r.ravel(), y.T.ravel()[:2], np.sort(x)[2:]])


def the_argument(x):
    return x


@pytest.mark.parametrize("f", [chain, written, looped, reshaped, the_argument])
@pytest.mark.parametrize("lanes", [1, 6])
def test_the_same_tangents_to_the_last_bit(f, lanes):
    tape = dualad.record(f, X)
    node, seeds = tape.outputs[0], np.random.default_rng(0).standard_normal((lanes, 6))
    found = []
    for wanted in (None, [node], [node, *tape.inputs]):
        sweep = Tangents(tape, lanes)
        sweep.seed(tape.inputs[0], seeds)
        sweep.sweep() if wanted is None else sweep.sweep(wanted)
        found.append(np.array(sweep.of(node)))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])
    exact = dualad.jacobian(f, mode="forward")(X)
    # Sums of a few dozen products in another order.
    np.testing.assert_allclose(found[0], seeds @ exact.T, rtol=1e-12, atol=1e-13)


def test_large_lanes():
    """Blocks of memory are used again within one sweep."""
    x = np.linspace(0.1, 1, 300)

    def f(x):
        y = x
        for _ in range(20):
            y = np.sin(y) * x + 0.5 * y
        return y * np.sum(y)

    tape = dualad.record(f, x)
    sweep = Tangents(tape, 300)
    sweep.seed(tape.inputs[0], np.eye(300))
    sweep.sweep(tape.outputs)
    # Sums of 300 products in another order.
    np.testing.assert_allclose(sweep.of(tape.outputs[0]).T, dualad.jacobian(f, mode="forward")(x), rtol=1e-11)


def test_what_was_not_asked_for_is_not_zero():
    tape = dualad.record(chain, X)
    sweep = Tangents(tape, 1)
    sweep.seed(tape.inputs[0], np.ones((1, 6)))
    sweep.sweep(tape.outputs)
    with pytest.raises(ValueError, match="was not among those that the sweep was asked for"):
        sweep.of(tape.inputs[0])
