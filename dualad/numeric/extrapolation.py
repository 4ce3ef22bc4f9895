"""Richardson extrapolation of differences, element by element, with an estimate of the error that is left.

The tableau and its error estimate are those of Ridders, *Advances in Engineering Software* 4 (1982) 75-76, to which the
rounding error of the differences is added: an element takes the entry with the smallest sum of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["Estimate", "Extrapolated", "extrapolate"]

_MOST_COLUMNS: Final = 6
_LATE_DIGITS: Final = 1e-5


@dataclass(frozen=True)
class Estimate:
    """A derivative by differences.

    ``error`` estimates the error of each element of ``value``; ``step`` is the step that was used for it;
    ``evaluations`` counts the points at which f was evaluated.
    """

    value: Any
    error: Any
    step: Any
    evaluations: int


@dataclass(frozen=True)
class Extrapolated:
    """The limit of differences for step 0, its estimated error, and the row of the tableau that it came from."""

    value: Any
    error: Any
    level: Any


def extrapolate(steps: Any, values: Any, noise: Any, order: int = 2) -> Extrapolated:
    """Extrapolate differences to step 0.

    ``values[k]`` is the difference with ``steps[k]``, which fall by a constant ratio; its error has the powers
    ``order``, ``2 order``, ... of the step. ``noise`` bounds the error of the values of f that a difference is made of.
    Levels that are not finite are left out.
    """
    steps = np.asarray(steps, dtype=float)
    values = np.asarray(values, dtype=float)
    steps = steps.reshape(steps.shape + (1,) * (values.ndim - steps.ndim))
    candidates, errors = _tableau(steps, values, np.broadcast_to(noise, values.shape), order)
    errors = _held_against_each_other(candidates, errors)
    level = np.argmin(errors, axis=0)
    pick = level[np.newaxis]
    value = np.take_along_axis(candidates, pick, axis=0)[0]
    error = np.take_along_axis(errors, pick, axis=0)[0]
    return Extrapolated(np.where(np.isfinite(error), value, np.nan), error, level)


def _tableau(steps: Any, values: Any, noise: Any, order: int) -> tuple[Any, Any]:
    """Return for each level the best entry of its row of the tableau, and its estimated error."""
    candidates, errors = np.copy(values), np.full(values.shape, np.inf)
    before: list[Any] = []
    with np.errstate(all="ignore"):
        for k in range(len(values)):
            row = [values[k]]
            rounding = noise[k] / steps[k]
            for j in range(1, min(k, _MOST_COLUMNS) + 1):
                factor = (steps[k - 1] / steps[k]) ** (order * j)
                row.append(row[j - 1] + (row[j - 1] - before[j - 1]) / (factor - 1.0))
                left = np.maximum(np.abs(row[j] - row[j - 1]), np.abs(row[j] - before[j - 1]))
                # Each column multiplies the rounding error of the smallest step by (factor + 1)/(factor - 1) at most.
                error = left + 2.0 * rounding
                better = error < errors[k]
                candidates[k] = np.where(better, row[j], candidates[k])
                errors[k] = np.where(better, error, errors[k])
            before = row
    return candidates, np.where(np.isnan(errors), np.inf, errors)


def _held_against_each_other(candidates: Any, errors: Any) -> Any:
    """Raise the estimate of a level where the other levels contradict it.

    Two large steps may agree by chance: a multiple of the period of f is such a step. So smaller steps are believed.
    But where large and small steps disagree in late digits only, f itself is to blame: a function computed by pieces of
    approximations has slopes of its own at small steps, and neither is believed beyond the difference.
    """
    raised = np.copy(errors)
    with np.errstate(all="ignore"):
        for k in range(len(errors)):
            against = np.abs(candidates - candidates[k]) - errors
            against = np.where(np.isfinite(errors) & np.isfinite(against), against, 0.0)
            late = _LATE_DIGITS * np.abs(candidates[k])
            larger = np.where(against[:k] <= late, against[:k], 0.0)
            raised[k] = np.maximum(raised[k], np.max(larger, axis=0, initial=0.0))
            raised[k] = np.maximum(raised[k], np.max(against[k + 1 :], axis=0, initial=0.0))
    return raised
