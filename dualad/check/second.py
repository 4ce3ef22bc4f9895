"""The tests of second derivatives: against differences of gradients, each other and themselves, and Taylor remainders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Test, largest
from dualad.check.subject import CurveClaim, Subject
from dualad.check.taylor import slopes
from dualad.numeric.ladder import Sweep
from dualad.numeric.points import Points

__all__ = ["agree", "curves_of", "cubic_remainders", "of_gradient", "project_second", "symmetric"]

_ROUNDING: Final = 1e4

Step = Callable[[], None]


def of_gradient(
    gradient: Callable[[Any], Any], subject: Subject, chosen: Sequence[Direction], rng: np.random.Generator, step: Step
) -> Differences:
    """Return differences of the gradient along the directions, each multiplied by all of them: D H D'."""
    rows = np.stack([direction.v for direction in chosen])
    kind = subject.x.dtype
    points = Points(lambda x: rows @ np.ravel(gradient(x.astype(kind))), subject.points.x, forgiving=True)
    return differences(points, chosen, rng, step)


def curves_of(seen: Differences, weights: Any) -> list[Sweep]:
    """Return the sweeps of the weighted sum of the results from the sweeps of all results."""
    return [
        Sweep(one.steps, one.middle @ weights, one.plus @ weights, one.minus @ weights, one.noise @ np.abs(weights))
        for one in seen.sweeps
    ]


def project_second(claim: CurveClaim, block: Any, seen: Differences, rounding: Callable[[], Any]) -> Test:
    """Second derivatives along directions against differences of gradients."""
    off, allowed = seen.wrong(block.T)
    if np.any(off > allowed):
        allowed = allowed + 10.0 * rounding().T
    error, bound = largest(off, allowed)
    name = f"{claim.name}: along {len(block)} directions, differences of gradients"
    if np.any(off > allowed):
        return Test(name, FAILED, error, bound, f"{np.count_nonzero(off > allowed)} of {off.size} curvatures are wrong")
    if not np.any(np.isfinite(seen.error)):
        return Test(name, UNDECIDED, error, bound, "the differences are too coarse here")
    return Test(name, PASSED, error, bound)


def cubic_remainders(claim: CurveClaim, block: Any, curves: Sequence[Sweep], slope: Any) -> Test:
    """Taylor remainders: f(x + h v) - f(x) - h v'(df) - h^2/2 v'Hv must fall with the cube of h.

    A slope that falls short counts where second differences contradict the claim as well.
    """
    name = f"{claim.name}: Taylor remainder of slope 3"
    worst, verdict, known = np.inf, PASSED, 0
    for i, one in enumerate(curves):
        if len(one.steps) < 8 or np.any(one.kinked):
            continue
        flat = Sweep(one.steps, *(np.reshape(part, (-1, 1)[-np.ndim(part) - 1 :]) for part in (one.middle, one.plus, one.minus)))
        found = float(slopes(flat, 3, slope[i], block[i, i])[0])
        if np.isfinite(found):
            known += 1
            worst = min(worst, found)
            off = abs(float(one.second.value) - block[i, i])
            if found < 2.5 and off > 10.0 * float(one.second.error) + 1e-12 * abs(block[i, i]):
                verdict = FAILED
    if not known:
        return Test(name, SKIPPED, remark="f is quadratic here to rounding, or has a kink")
    return Test(name, verdict, remark=f"slope {worst:.2f}")


def symmetric(claim: CurveClaim, block: Any, subject: Subject, rounding: Callable[[], Any]) -> Test:
    """u'Hv = v'Hu."""
    return _equal(f"{claim.name}: symmetry", block, block.T, subject, rounding)


def agree(
    one: CurveClaim, block: Any, other: CurveClaim, others: Any, subject: Subject, rounding: Callable[[], Any]
) -> Test:
    """Two ways to the same second derivatives."""
    return _equal(f"{one.name} = {other.name}", block, others, subject, rounding)


def _equal(name: str, one: Any, other: Any, subject: Subject, rounding: Callable[[], Any]) -> Test:
    with np.errstate(all="ignore"):
        off = np.abs(one - other)
    same = np.isfinite(one) == np.isfinite(other)
    off = np.where(np.isfinite(one) & np.isfinite(other), off, np.where(same, 0.0, np.inf))
    scale = np.max(np.abs(np.where(np.isfinite(one), one, 0.0)), initial=0.0)
    allowed = np.full(off.shape, _ROUNDING * np.finfo(subject.x.dtype).eps * scale)
    if np.any(off > allowed):
        allowed = allowed + 10.0 * rounding()
    error, bound = largest(off, allowed)
    return Test(name, FAILED if np.any(off > allowed) else PASSED, error, bound)
