"""Whatever path a function takes, a compiled one takes the same: no answer comes from a stale branch."""

import numpy as np
import pytest

import dualad


def newton(x):
    """The square root of x by Newton's iteration to a tolerance."""
    y = 0.5 * x + 0.5
    while abs(y * y - x) > 1e-12 * x:
        y = 0.5 * (y + x / y)
    return y


def bisection(x):
    """The root of t**3 + t - x."""
    low, high = -3.0, 3.0
    a, b = x * 0.0 + low, x * 0.0 + high
    for _ in range(12):
        middle = 0.5 * (a + b)
        if middle**3 + middle - x > 0:
            b = middle
        else:
            a = middle
    for _ in range(3):  # polished, so that there is a derivative to speak of
        middle = middle - (middle**3 + middle - x) / (3 * middle**2 + 1)
    return middle


def adaptive(x):
    """y' = -x y (1 + t) from 0 to 1 by a step of two orders that watches their difference."""
    t, y, h = 0.0, x * 0.0 + 1.0, 0.5
    while t < 1.0:
        h = min(h, 1.0 - t)
        k1 = -x * y * (1 + t)
        k2 = -x * (y + h * k1) * (1 + t + h)
        error = abs(0.5 * h * (k2 - k1))
        if error <= 1e-2:
            t, y = t + h, y + 0.5 * h * (k1 + k2)
            h = 1.6 * h
        else:
            h = 0.5 * h
    return y


def network(x):
    """Sort four numbers by comparisons and exchanges."""
    y = [x[i] for i in range(4)]
    for i, j in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):
        if y[i] > y[j]:
            y[i], y[j] = y[j], y[i]
    return y[0] * 1.0 + y[1] ** 2 + y[2] ** 3 + y[3] ** 4


def early(x):
    for i in range(len(x)):
        if x[i] > 1.0:
            return x[i] ** 2 * (i + 1)
        if x[i] < -1.0:
            return np.sin(x[i]) * np.sum(x)
    return np.prod(x)


def recursive(x, depth=0):
    if depth == 6 or x < 0.5:
        return x * x + depth
    return 0.5 * recursive(x * 0.6, depth + 1) + np.sin(x)


def counted(x):
    """A loop whose length is a number of the argument's."""
    total = x * 0.0
    for i in range(int(abs(x) * 4) % 7):
        total = total + (i + 1) * x ** (i + 1)
    return total + round(float_free(x)) * x


def float_free(x):
    return x * 2


def masked(x):
    picked = x[x > 0.3]
    return np.sum(picked**2) + np.argmax(x) * x[np.argmin(x)] + np.count_nonzero(x < -0.3) * np.max(x)


def ordered(x):
    y = np.sort(x)
    return np.sum(x[np.argsort(x)[::2]] ** 2) + y[0] * y[-1] + np.median(x)


NUMBERS = [newton, bisection, adaptive, recursive, counted]
ARRAYS = [network, early, masked, ordered]
# The least share of calls that are replayed; a path that is met for the first time cannot be.
SHARES = {counted: 0.0, adaptive: 0.1, bisection: 0.0}


def run(f, calls):
    rng = np.random.default_rng(NUMBERS.index(f) if f in NUMBERS else 100 + ARRAYS.index(f))
    plain, first = f, dualad.value_and_grad(f)
    compiled, compiled_first = dualad.compile(f), dualad.compile(first)
    for _ in range(calls):
        x = np.float64(rng.uniform(0.1, 3.0)) if f in NUMBERS else rng.normal(size=4)
        value, found = plain(x), compiled(x)
        assert type(found) is type(value)
        assert found == value
        (y, g), (wanted_y, wanted_g) = compiled_first(x), first(x)
        assert y == wanted_y
        assert type(g) is type(wanted_g)
        np.testing.assert_allclose(g, wanted_g, rtol=1e-12, atol=1e-14)  # the same partials, added in another order
    return compiled.stats, compiled_first.stats


@pytest.mark.parametrize("f", NUMBERS + ARRAYS, ids=lambda f: f.__name__)
def test_every_path_is_right(f):
    for stats in run(f, 400):
        share = stats["replays"] / 400
        assert share >= SHARES.get(f, 0.5), stats


@pytest.mark.slow
@pytest.mark.parametrize("f", NUMBERS + ARRAYS, ids=lambda f: f.__name__)
def test_every_path_is_right_ten_thousand_times(f):
    for what, stats in zip(("value", "value and gradient"), run(f, 10_000), strict=True):
        share = stats["replays"] / 10_000
        print(f"{f.__name__}, {what}: {share:.1%} replayed, {stats['recordings']} recordings {stats['not replayed']}")
        assert share >= SHARES.get(f, 0.5), stats
