"""Taylor remainders: how fast what a derivative leaves unsaid falls with the step."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from dualad.numeric.ladder import Sweep

__all__ = ["slopes"]

_CLEAN: Final = 100.0  # a remainder counts when it is so many times the noise of f
_MOST: Final = 5
_LEAST: Final = 3
_RESULTS: Final = 500  # so many results are looked at, evenly chosen


def slopes(sweep: Sweep, first: Any, second: Any, eps: float) -> Any:
    """Return the slope of each result's remainder over the step, in logarithms; nan where it is all rounding.

    ``eps`` is the rounding of the derivatives that are taken off. The slope is the median of the slopes
    between all pairs of the smallest steps that stand clear of rounding (Theil 1950), which one outlier does not move.
    """
    h = sweep.h
    rest = np.abs((sweep.plus - sweep.middle) - h * first - 0.5 * h**2 * second)
    rounding = eps * (h * np.abs(first) + 0.5 * h**2 * np.abs(second))
    noise = np.maximum(sweep.noise, sweep.eps * np.abs(sweep.plus)) + rounding
    clean = np.isfinite(rest) & (rest > _CLEAN * noise)
    found = np.full(np.shape(sweep.middle), np.nan)
    logs = np.log(np.where(clean, rest, 1.0))
    steps = np.log(sweep.steps)
    for result in range(0, found.size, max(1, found.size // _RESULTS)):
        levels = np.flatnonzero(clean[:, result])[-_MOST:]
        if len(levels) >= _LEAST:
            x, y = steps[levels], logs[levels, result]
            i, j = np.triu_indices(len(levels), 1)
            found[result] = np.median((y[j] - y[i]) / (x[j] - x[i]))
    return found
