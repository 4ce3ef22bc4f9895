"""The tests of second derivatives: by differences of gradients, Taylor remainders, symmetry, and each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.check.claims import CurveClaim
from dualad.check.differences import Differences, allowance, decided, differences
from dualad.check.directions import Direction
from dualad.check.first import COARSE
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Outcome, counted, largest
from dualad.check.scales import borne_out
from dualad.check.subject import Subject
from dualad.check.taylor import slopes
from dualad.numeric.ladder import Sweep
from dualad.numeric.points import Points

__all__ = ["agree", "cubic_remainders", "of_gradient", "project_second", "second_differences", "symmetric"]

_ROUNDING: Final = 1e5  # units in the last place by which two exact derivatives may differ
_WHOLE: Final = 8  # a sweep of fewer steps shows no slope

Step = Callable[[], None]


def of_gradient(
    gradient: Callable[[Any], Any],
    subject: Subject,
    chosen: Sequence[Direction],
    rng: np.random.Generator,
    step: Step = lambda: None,
    top: float = 0.25,
) -> Differences:
    """Return differences of the gradient along the directions, each multiplied by all of them: D H D'."""
    rows = np.stack([direction.v for direction in chosen])
    points = Points(lambda x: rows @ np.ravel(gradient(x)), subject.points.x, forgiving=True)
    points.eps = subject.eps
    return differences(points, chosen, rng, step, top, subject.eps)


def project_second(
    claim: CurveClaim,
    block: Any,
    chosen: Sequence[Direction],
    seen: Differences,
    again: Callable[[], Differences],
    rounding: Callable[[], Any],
) -> tuple[Outcome, Any]:
    """Hold second derivatives along directions against differences of gradients; return which directions are wrong."""
    off, allowed = seen.wrong(block.T)
    if np.any(off > allowed):
        others, bounds = again().wrong(block.T)
        off = np.where((others <= bounds) & (bounds <= 100.0 * allowed), 0.0, off)
        allowed = allowed + 10.0 * rounding().T
    error, bound = largest(off, allowed)
    name = f"{claim.name}: differences of gradients along {counted(len(block), 'direction')}"
    wrong = off > allowed
    elsewhere = borne_out(seen.points, chosen, block.T, wrong)
    wrong &= ~elsewhere
    if np.any(wrong):
        remark = f"{counted(np.count_nonzero(wrong), 'curvature')} of {off.size} wrong"
        return Outcome(name, FAILED, error, bound, remark), np.any(wrong, axis=0)
    if np.any(elsewhere) or not np.any(decided(seen)):
        return Outcome(name, UNDECIDED, error, bound, COARSE), np.any(wrong, axis=0)
    return Outcome(name, PASSED, error, bound), np.any(wrong, axis=0)


def second_differences(claim: CurveClaim, block: Any, curves: Sequence[Sweep]) -> tuple[Outcome, Any]:
    """Hold v'Hv against second differences of f, where there is no gradient to take differences of."""
    wanted, error = (np.array([float(getattr(one.second, name)[0]) for one in curves]) for name in ("value", "error"))
    said = np.diag(block)
    off, allowed = np.abs(said - wanted), allowance(error, said, wanted)
    wrong = (off > allowed) | ~np.isfinite(said) & np.isfinite(wanted)
    worst, bound = largest(off, allowed)
    name = f"{claim.name}: second differences along {counted(len(block), 'direction')}"
    if np.any(wrong):
        remark = f"{counted(np.count_nonzero(wrong), 'curvature')} of {off.size} wrong"
        return Outcome(name, FAILED, worst, bound, remark), wrong
    return Outcome(name, PASSED if np.any(np.isfinite(error)) else UNDECIDED, worst, bound), wrong


def cubic_remainders(claim: CurveClaim, block: Any, curves: Sequence[Sweep], bad: Any, eps: float) -> Outcome:
    """Taylor remainders: f(x + h v) - f(x) - h v'(df) - h^2/2 v'Hv must fall with the cube of h.

    A slope that falls short counts where differences contradict the claim as well (``bad``); else f bends near x.
    """
    name = f"{claim.name}: Taylor remainder of slope 3"
    worst, wrong = np.inf, False
    for i, one in enumerate(curves):
        if len(one.steps) < _WHOLE or np.any(one.kinked):
            continue
        found = float(slopes(one, one.first.value, block[i, i], eps)[0])
        if np.isfinite(found):
            worst = min(worst, found)
            wrong = wrong or (found < 2.5 and bool(bad[i]))
    if not np.isfinite(worst):
        return Outcome(name, SKIPPED, remark="f is quadratic here to rounding, or has a kink")
    if worst < 2.5 and not wrong:
        return Outcome(name, SKIPPED, remark="f bends near x")
    return Outcome(name, FAILED if wrong else PASSED, remark=f"slope {worst:.2f}", independent=wrong)


def symmetric(claim: CurveClaim, block: Any, subject: Subject, rounding: Callable[[], Any]) -> Outcome:
    """Symmetry: u'Hv = v'Hu."""
    return _equal(f"{claim.name}: symmetry", block, block.T, subject, rounding)


def agree(
    one: CurveClaim, block: Any, other: CurveClaim, others: Any, subject: Subject, rounding: Callable[[], Any]
) -> Outcome:
    """Two ways to the same second derivatives."""
    return _equal(f"{one.name} = {other.name}", block, others, subject, rounding)


def _equal(name: str, one: Any, other: Any, subject: Subject, rounding: Callable[[], Any]) -> Outcome:
    off = np.abs(one - other)
    same = np.isfinite(one) == np.isfinite(other)
    off = np.where(np.isfinite(one) & np.isfinite(other), off, np.where(same, 0.0, np.inf))
    scale = np.max(np.abs(np.where(np.isfinite(one), one, 0.0)), initial=0.0)
    allowed = np.full(off.shape, _ROUNDING * subject.eps * scale)
    if np.any(off > allowed):
        allowed = allowed + 10.0 * rounding()
    error, bound = largest(off, allowed)
    return Outcome(name, FAILED if np.any(off > allowed) else PASSED, error, bound, independent=False)
