"""Steps from large to small along one direction, and what f is worth at each: the data of every test by differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from dualad.numeric.extrapolation import Extrapolated, extrapolate
from dualad.numeric.points import Points

__all__ = ["RATIO", "Sweep", "ladder", "sweep", "sweep_elements"]

RATIO: Final = 4.0
_EPS: Final = float(np.finfo(float).eps)
_JUMP: Final = 1e-3  # noise that is a larger part of all that f changes along the direction is a jump
_TAIL: Final = 3  # so many of the smallest steps show the noise of f


def ladder(size: float, top: float = 0.25) -> Any:
    """Return steps for a point whose coordinates are about ``size``, from large to small.

    They begin at a quarter of the size (or of 1) and go down to where rounding is all that is left, so that no step has
    to be guessed: what is too large leaves the domain of f or is extrapolated badly, and what is too small is noise.
    """
    if not np.isfinite(size):
        size = 1.0
    high = top * max(size, 1.0)
    low = 1e-10 * max(size, 1.0)
    if 0.0 < size < 1.0:
        low = min(low, 1e-4 * size)
    count = int(np.ceil(np.log(high / low) / np.log(RATIO))) + 1
    return high * RATIO ** -np.arange(count, dtype=float)


@dataclass(frozen=True)
class Sweep:
    """f along one direction: ``middle`` at x, ``plus[k]`` and ``minus[k]`` at x + h v and x - h v for h = ``steps[k]``.

    ``eps`` is the rounding of the type of the values.
    """

    steps: Any
    middle: Any
    plus: Any
    minus: Any
    known_noise: Any = None
    eps: float = _EPS

    @property
    def h(self) -> Any:
        """The steps as a column."""
        return self.steps.reshape(self.steps.shape + (1,) * (np.ndim(self.plus) - np.ndim(self.steps)))

    @cached_property
    def bend(self) -> Any:
        """Second differences, not divided by the square of the step."""
        with np.errstate(all="ignore"):
            return (self.plus - self.middle) + (self.minus - self.middle)

    @cached_property
    def noise(self) -> Any:
        """The error of a value of f: what is left of the second differences when the step has become tiny."""
        least = self.eps * np.abs(self.middle) + np.finfo(float).tiny
        if self.known_noise is not None:
            return np.maximum(least, self.known_noise)
        # The curvature of f goes with the square of the step and is taken out. The rounding of x + h v and x - h v is
        # often symmetric: it shows in the slopes only.
        bend = np.abs(self.bend[-_TAIL:] - self.bend[-_TAIL - 1 : -1] / RATIO**2) / 2.0
        slope = np.abs(self.central[-_TAIL:] - self.central[-_TAIL - 1 : -1]) * self.h[-_TAIL:]
        tail = np.fmax(bend, slope)
        return np.maximum(least, np.max(np.where(np.isfinite(tail), tail, 0.0), axis=0, initial=0.0))

    @cached_property
    def jumps(self) -> Any:
        """Say for each output whether f jumps or has a pole within the smallest step of x: nothing can be said then."""
        with np.errstate(all="ignore"):
            values = np.stack([np.abs(self.plus), np.abs(self.minus)])
            moved = np.stack([np.abs(self.plus - self.middle), np.abs(self.minus - self.middle)])
            size, range_ = (np.max(np.where(np.isfinite(x), x, 0.0), axis=(0, 1), initial=0.0) for x in (values, moved))
        return (self.noise > _JUMP * range_) & (self.noise > 1e3 * (self.eps * size + np.finfo(float).tiny))

    @cached_property
    def _noises(self) -> Any:
        """The same for each step: far from x the values may be much larger."""
        far = self.eps * np.maximum(np.abs(self.plus), np.abs(self.minus))
        noises = np.maximum(self.noise, np.where(np.isfinite(far), far, 0.0))
        return np.where(self.jumps, np.inf, noises)

    @cached_property
    def forward(self) -> Any:
        """Forward differences for each step."""
        with np.errstate(all="ignore"):
            return (self.plus - self.middle) / self.h

    @cached_property
    def backward(self) -> Any:
        """Backward differences for each step."""
        with np.errstate(all="ignore"):
            return (self.middle - self.minus) / self.h

    @cached_property
    def central(self) -> Any:
        """Central differences for each step."""
        with np.errstate(all="ignore"):
            return (self.plus - self.minus) / (2.0 * self.h)

    @cached_property
    def first(self) -> Extrapolated:
        """The derivative along the direction."""
        return extrapolate(self.steps, self.central, self._noises)

    @cached_property
    def second(self) -> Extrapolated:
        """The second derivative along the direction."""
        with np.errstate(all="ignore"):
            curve = self.bend / self.h**2
        # The noise of a second difference is four times that of a value, over the square of the step.
        return extrapolate(self.steps, curve, 4.0 * self._noises / self.h)

    @cached_property
    def sides(self) -> tuple[Extrapolated, Extrapolated]:
        """The one-sided derivatives: from the left, and to the right."""
        return (
            extrapolate(self.steps, self.backward, 2.0 * self._noises, order=1),
            extrapolate(self.steps, self.forward, 2.0 * self._noises, order=1),
        )

    @cached_property
    def kinked(self) -> Any:
        """Say for each output whether the slope jumps at x: the one-sided derivatives exist and differ."""
        left, right = self.sides
        with np.errstate(all="ignore"):
            jump = np.abs(right.value - left.value)
            known = left.error + right.error
            level = np.maximum(np.abs(left.value), np.abs(right.value))
            return np.isfinite(known) & (jump > 30.0 * known) & (jump > 1e-6 * level)


def sweep(points: Points, v: Any, steps: Any, noise: Any = None) -> Sweep:
    """Evaluate f along the direction ``v`` at ``steps``, two points each."""
    x = points.x.ravel()
    moves = np.asarray(steps)[:, np.newaxis] * v
    values = points.at(np.concatenate([x + moves, x - moves]))
    return Sweep(np.asarray(steps), points.middle, values[: len(steps)], values[len(steps) :], noise, points.eps)


def sweep_elements(f: Callable[[Any], Any], x: Any, top: float = 0.25) -> Sweep:
    """Evaluate a function that acts on each element by itself at steps of each element's own, all elements at once."""
    x = np.asarray(x, dtype=float)
    size = np.where(np.isfinite(x), np.abs(x), 1.0)
    small = np.min(size, where=size > 0, initial=1.0)
    count = len(ladder(float(small)))
    steps = top * np.maximum(size, 1.0) * (RATIO ** -np.arange(count, dtype=float)).reshape(-1, *(1,) * x.ndim)
    value = np.asarray(f(x))
    eps = float(np.finfo(value.dtype if value.dtype.kind == "f" else float).eps)
    middle = value.astype(float)

    def at(moved: Any) -> Any:
        try:
            return np.broadcast_to(f(moved), middle.shape)
        except (ArithmeticError, ValueError):
            return np.full(middle.shape, np.nan)

    with np.errstate(all="ignore"):
        plus = np.stack([at(x + h) for h in steps])
        minus = np.stack([at(x - h) for h in steps])
    # The steps that were taken, after the rounding of x + h and x - h.
    steps = ((x + steps) - (x - steps)) / 2.0
    steps = steps.reshape(count, *(1,) * (middle.ndim - x.ndim), *x.shape)
    return Sweep(np.broadcast_to(steps, plus.shape), middle, plus, minus, None, eps)
