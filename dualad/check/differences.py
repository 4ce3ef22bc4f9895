"""Differences of f along directions that cover the space, with what they can decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dualad.check.directions import Direction
from dualad.numeric.ladder import Sweep, ladder, sweep
from dualad.numeric.points import Points

__all__ = ["SAFETY", "Differences", "allowance", "decided", "differences"]

SAFETY: Final = 10.0  # an error counts when it is so many times the estimate of the error of differences
_EPS: Final = float(np.finfo(float).eps)
_ENOUGH: Final = 1e-3  # an estimate of the error that is a larger part of the derivative decides nothing
_WHOLE: Final = 3  # so many directions are swept over all steps, for the picture and the Taylor remainders


@dataclass(frozen=True)
class Differences:
    """Derivatives along k directions of m results, shapes (k, m): ``value``, estimated ``error``, and what kinks allow.

    ``low`` and ``high`` are the one-sided slopes where f bends at x, and equal to ``value`` elsewhere: any number
    between them is the slope of a subgradient. ``eps`` is the rounding of the type in which f computes.
    """

    points: Points
    sweeps: Sequence[Sweep]
    value: Any
    error: Any
    low: Any
    high: Any
    kinked: Any
    eps: float = _EPS

    def wrong(self, claimed: Any) -> tuple[Any, Any]:
        """Return how far claims are off, and how much of it is allowed; inf where the differences say nothing."""
        off = np.maximum(np.maximum(self.low - claimed, claimed - self.high), 0.0)
        # A slope that is claimed to be nan or infinite is wrong where f is known to have one.
        off = np.where(np.isfinite(claimed), np.where(np.isnan(off), 0.0, off), np.where(decided(self), np.inf, 0.0))
        return off, allowance(self.error, claimed, self.value, self.eps)


def allowance(error: Any, claimed: Any, wanted: Any, eps: float = _EPS) -> Any:
    """Return the error that is allowed: several times the estimate of the differences' own, and rounding."""
    size = np.maximum(np.abs(np.nan_to_num(claimed, posinf=0.0, neginf=0.0)), np.abs(np.nan_to_num(wanted)))
    return SAFETY * error + 32.0 * eps * size


def differences(
    points: Points,
    chosen: Sequence[Direction],
    rng: np.random.Generator,
    step: Callable[[], None] = lambda: None,
    top: float = 0.25,
    eps: float = _EPS,
) -> Differences:
    """Sweep all directions. The steps that served the first of a group are enough for the rest of it."""
    sweeps: list[Sweep] = []
    windows: dict[int, tuple[int, int, Any]] = {}
    for number, direction in enumerate(chosen):
        # Steps that are random in their last digits do not fall on a period of f.
        steps = ladder(direction.size, top * rng.uniform(0.7, 1.0))
        window = windows.get(direction.group)
        if window is not None and number >= _WHOLE:
            found = sweep(points, direction.v, steps[window[0] : window[1]], window[2])
            if not _as_good(found, sweeps[-1]):
                found = sweep(points, direction.v, steps)
        else:
            found = sweep(points, direction.v, steps)
            level = found.first.level
            if level.size:
                noise = found.noise if window is None else np.maximum(window[2], found.noise)
                windows[direction.group] = max(int(level.min()) - 3, 0), int(level.max()) + 5, noise
        sweeps.append(found)
        step()
    return _collect(sweeps, len(chosen), points, eps)


def _as_good(found: Sweep, before: Sweep) -> bool:
    """Say whether a sweep over a part of the steps estimates its error about as small as the one before it did."""
    return bool(np.all(found.first.error <= 100.0 * before.first.error))


def _collect(sweeps: Sequence[Sweep], k: int, points: Points, eps: float) -> Differences:
    shape = (k, points.m)
    value, error = (np.reshape([getattr(s.first, name) for s in sweeps], shape) for name in ("value", "error"))
    kinked = np.reshape([s.kinked for s in sweeps], shape)
    low, high, wide = value.copy(), value.copy(), error.copy()
    for i, one in enumerate(sweeps):
        if np.any(kinked[i]):
            left, right = one.sides
            low[i] = np.where(kinked[i], np.fmin(left.value, right.value), low[i])
            high[i] = np.where(kinked[i], np.fmax(left.value, right.value), high[i])
            wide[i] = np.where(kinked[i], left.error + right.error, wide[i])
    return Differences(points, sweeps, value, wide, low, high, kinked, eps)


def decided(view: Differences) -> Any:
    """Say which slopes the differences know well enough to hold anything against them."""
    scale = np.nanmax(np.abs(np.where(np.isfinite(view.value), view.value, np.nan)), axis=0, initial=0.0)
    return view.error <= np.maximum(_ENOUGH * scale, 1e-9 * np.max(scale, initial=0.0)) + 1e-12
