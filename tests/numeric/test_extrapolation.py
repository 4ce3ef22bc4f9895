"""Richardson extrapolation: the limit, the estimate, and what contradicts it."""

from __future__ import annotations

import numpy as np
import pytest

from dualad.numeric.extrapolation import extrapolate
from dualad.numeric.ladder import RATIO, Sweep, ladder, sweep, sweep_elements
from dualad.numeric.points import Points

STEPS = 0.25 * RATIO ** -np.arange(12.0)


def test_of_a_polynomial_in_the_step() -> None:
    """Each column takes out one power: here two columns are enough."""
    values = (1.0 + STEPS**2 + 3 * STEPS**4)[:, np.newaxis]
    found = extrapolate(STEPS, values, 1e-16)
    assert found.value == pytest.approx([1.0], abs=1e-13)
    assert found.error[0] < 1e-11


def test_noise_is_part_of_the_estimate() -> None:
    values = np.ones((12, 1))
    assert extrapolate(STEPS, values, 1e-3).error[0] >= 1e-3 / STEPS[0]
    assert extrapolate(STEPS, values, 0.0).error[0] == 0


def test_levels_that_are_not_finite_are_left_out() -> None:
    values = (1.0 + STEPS**2)[:, np.newaxis]
    values[:4] = np.nan
    assert extrapolate(STEPS, values, 1e-16).value == pytest.approx([1.0])
    nothing = extrapolate(STEPS, np.full((12, 1), np.nan), 1e-16)
    assert np.isnan(nothing.value[0])
    assert np.isinf(nothing.error[0])


def test_smaller_steps_are_believed() -> None:
    """Two large steps agree on 0 by chance; the limit of the rest is 1."""
    values = np.where(STEPS > 0.03, 0.0, 1.0 + STEPS**2)[:, np.newaxis]
    assert extrapolate(STEPS, values, 1e-16).value == pytest.approx([1.0])


def test_disagreement_in_late_digits_is_an_error_of_f() -> None:
    """The slopes of a function computed by pieces of approximations differ from its course at large."""
    values = np.where(STEPS > 1e-4, 1.0, 1.0 + 1e-8)[:, np.newaxis]
    assert extrapolate(STEPS, values, 1e-16).error[0] >= 0.9e-8


def test_the_ladder_fits_the_size() -> None:
    for size in (0.0, 1e-9, 1.0, 1e6, np.nan):
        steps = ladder(size)
        assert steps[0] >= 0.25
        assert steps[-1] <= 1e-9 * max(1.0, np.nan_to_num(size))
        assert steps[:-1] / steps[1:] == pytest.approx(RATIO)
    assert ladder(1e-9)[-1] <= 1e-12


def swept(f, x: float) -> Sweep:  # type: ignore[no-untyped-def]
    return sweep(Points(f, np.array([x])), np.array([1.0]), ladder(abs(x)))


def test_kinks_are_seen() -> None:
    assert swept(np.abs, 0.0).kinked[0]
    assert swept(lambda x: np.maximum(x, 0.3), 0.3).kinked[0]
    left, right = swept(lambda x: np.maximum(x, 0.3), 0.3).sides
    assert (left.value[0], right.value[0]) == pytest.approx((0.0, 1.0), abs=1e-6)
    for smooth in (np.sin, np.exp, np.square, lambda x: x**3, lambda x: 1e6 * x**2):
        assert not swept(smooth, 0.3).kinked[0]
    assert not swept(np.abs, 1e-3).kinked[0]


def test_jumps_and_poles_are_seen() -> None:
    assert swept(np.floor, 1.0).jumps[0]
    assert swept(lambda x: np.tan(x), float(np.pi / 2)).jumps[0]
    for smooth in (np.sin, np.abs, np.log, lambda x: 0 * x, lambda x: x * 1e-8 + 1.0):
        assert not swept(smooth, 0.3).jumps[0]


def test_second_differences() -> None:
    assert swept(np.sin, 0.7).second.value == pytest.approx([-np.sin(0.7)], rel=1e-7)
    assert swept(lambda x: x**2, 0.7).second.value == pytest.approx([2.0])


def test_elements_are_swept_at_once() -> None:
    calls = 0

    def counted(x):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        return np.exp(x)

    x = np.array([[1e-3, 0.5], [-2.0, 30.0]])
    found = sweep_elements(counted, x)
    np.testing.assert_allclose(found.first.value, np.exp(x), rtol=1e-10)
    assert calls == 2 * len(found.steps) + 1
