"""Where a derivative contradicts the differences: whether f at other scales than theirs bears it out.

Differences see f at steps of about 1e-1 to 1e-10 of x. A function that is a staircase at small steps (it rounds, or
reads a table), or that swings within smaller ones, has another slope there, and nothing can be said for or against
either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from dualad.check.differences import SAFETY
from dualad.check.directions import Direction
from dualad.numeric.extrapolation import extrapolate
from dualad.numeric.ladder import RATIO, Sweep, ladder, sweep
from dualad.numeric.points import Points

__all__ = ["borne_out", "combined", "torn"]

_FLAT: Final = 3  # so many of the smallest steps must not change f at all
_WIDE: Final = 6  # and so many larger ones must
_COARSEST: Final = 64.0  # units in the last place of x: the smallest step that is a step
_NOISY: Final = 100.0  # f swings at small steps where it changes by so many times its rounding
_LIKE: Final = 0.1  # a slope is like the claim when it takes away so much of the contradiction


def combined(sweeps: Sequence[Sweep], weights: Any) -> list[Sweep]:
    """Return the sweeps of weighted sums of the results from those of all results."""
    columns = np.transpose(weights)
    return [
        Sweep(
            one.steps, one.middle @ columns, one.plus @ columns, one.minus @ columns, one.noise @ np.abs(columns),
            one.eps,
        )
        for one in sweeps
    ]  # fmt: skip


def borne_out(points: Points, chosen: Sequence[Direction], said: Any, wrong: Any, weights: Any = None) -> Any:
    """Say which of the claims that contradict the differences are the slopes of f at another scale.

    ``said`` and ``wrong`` have shape (k, m), or, with ``weights`` of the results, as many columns as there are rows of
    weights.
    """
    found = np.zeros(np.shape(wrong), dtype=bool)
    for i in np.flatnonzero(np.any(wrong, axis=1)).tolist():
        whole = sweep(points, chosen[i].v, ladder(chosen[i].size))
        fine = sweep(points, chosen[i].v, _finer(whole.steps[-1], points, chosen[i].v), whole.noise)
        if weights is not None:
            whole, fine = combined([whole, fine], weights)
        for j in np.flatnonzero(wrong[i]).tolist():
            found[i, j] = _above_stairs(whole, said[i, j], j) or _within_swings(whole, fine, said[i, j], j)
    return found


def torn(one: Sweep) -> bool:
    """Say whether small and large steps each know the slope well and contradict each other: f is rounding somewhere."""
    for cut in range(_FLAT, len(one.steps) - _FLAT):
        large, small = (
            extrapolate(one.steps[part], one.central[part], np.broadcast_to(one.noise, one.central[part].shape))
            for part in (slice(cut), slice(cut, None))
        )
        apart = np.abs(large.value - small.value) > SAFETY * (large.error + small.error)
        if np.any(apart & np.isfinite(large.error) & np.isfinite(small.error)):
            return True
    return False


def _finer(least: float, points: Points, v: Any) -> Any:
    """Return steps below those of the ladder, down to a few units in the last place of x."""
    moved = np.abs(v) > 0
    size = float(np.max(np.abs(points.x.ravel()[moved]) / np.abs(v[moved]), initial=0.0))
    lowest = _COARSEST * np.finfo(float).eps * size
    count = int(np.floor(np.log(least / lowest) / np.log(RATIO))) if 0.0 < lowest < least else 0
    return least * RATIO ** -np.arange(1.0, count + 1.0)


def _above_stairs(whole: Sweep, said: float, j: int) -> bool:
    moved = whole.plus[:, j] - whole.minus[:, j]
    changes = np.flatnonzero(moved != 0)
    wide = int(changes[-1]) + 1 if len(changes) else 0
    if wide < _WIDE or len(moved) - wide < _FLAT:
        return False
    noise = np.abs(moved[wide - 1])
    above = extrapolate(whole.steps[:wide], whole.central[:wide, j : j + 1], np.full((wide, 1), noise))
    return bool(abs(said - above.value[0]) <= SAFETY * above.error[0] < np.inf)


def _within_swings(whole: Sweep, fine: Sweep, said: float, j: int) -> bool:
    rounding = whole.eps * np.max(np.abs(whole.plus[:, j]), where=np.isfinite(whole.plus[:, j]), initial=0.0)
    if not len(fine.steps) or whole.noise[j] <= _NOISY * rounding:
        return False
    contradiction = _LIKE * np.abs(said - whole.first.value[j])
    seen = contradiction > 2.0 * rounding / fine.steps
    return int(np.count_nonzero(seen & (np.abs(fine.central[:, j] - said) <= contradiction))) > 1
