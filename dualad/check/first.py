"""The tests of first derivatives: by differences, Taylor remainders, the complex step, and against each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from dualad.check.differences import Differences, decided
from dualad.check.directions import Direction
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Outcome, counted, largest
from dualad.check.subject import Claim, Subject
from dualad.check.taylor import slopes

__all__ = ["complex_step", "duality", "project", "projected", "remainders", "same_slopes", "same_value"]

_ROUNDING: Final = 1e4  # units in the last place by which two exact derivatives may differ
_WORST_ROUNDING: Final = 1e-3
_TINY_STEP: Final = 1e-30
_WHOLE: Final = 8  # a sweep of fewer steps shows no slope


def projected(claim: Claim, subject: Subject, x: Any, chosen: Sequence[Direction], weights: Any) -> Any:
    """Return what a claim says along each direction, shape (k, m); where it is pulled back, of weighted results."""
    v = np.stack([direction.v for direction in chosen])
    if claim.matrix is not None:
        return v @ claim.matrix(x).T
    if claim.along is not None:
        return np.reshape([claim.along(x, row) for row in v], (len(v), subject.m))
    assert claim.back is not None
    return v @ np.reshape([claim.back(x, u) for u in weights], (len(weights), subject.n)).T


def rounding_of(
    claim: Claim, subject: Subject, chosen: Sequence[Direction], weights: Any, said: Any, rng: np.random.Generator
) -> Any:
    """Return by how much a claim changes when x and v change in their last bits: no derivative is better than that."""
    worst = np.zeros_like(said)
    for _ in range(3):
        moved = [
            replace(one, v=one.v * (1.0 + 2.0 * subject.eps * rng.choice([-1.0, 1.0], one.v.shape))) for one in chosen
        ]
        try:
            again = projected(claim, subject, subject.near(rng), moved, weights)
        except Exception:
            continue  # x lies at the end of the domain
        worst = np.maximum(worst, np.nan_to_num(np.abs(again - said)))
    # More than that is no rounding: a kink lies within reach.
    size = np.max(np.abs(said), axis=1, keepdims=True, where=np.isfinite(said), initial=0.0)
    return np.minimum(worst, _WORST_ROUNDING * size)


def project(
    claim: Claim,
    said: Any,
    subject: Subject,
    chosen: Sequence[Direction],
    seen: Differences,
    again: Callable[[], Differences],
    weights: Any,
    rng: np.random.Generator,
) -> tuple[Outcome, Any]:
    """The projection test: v'(df) against differences along v, for directions that cover the space and all results.

    What looks wrong is looked at ``again``, with other steps, before it counts. The slopes that are wrong are returned
    as well.
    """
    view = seen if claim.back is None else mixed(seen, weights)
    off, allowed = view.wrong(said)
    if np.any(off > allowed):
        second = again() if claim.back is None else mixed(again(), weights)
        others, bounds = second.wrong(said)
        off = np.where((others <= bounds) & (bounds <= 100.0 * allowed), 0.0, off)
        # The function may be so badly conditioned that no derivative of it has all its digits.
        allowed = allowed + 10.0 * rounding_of(claim, subject, chosen, weights, said, rng)
    error, bound = largest(off, allowed)
    name = f"{claim.name}: differences along {counted(len(chosen), 'direction')}"
    wrong = off > allowed
    if np.any(wrong):
        remark = f"{counted(np.count_nonzero(wrong), 'slope')} of {off.size} wrong"
        return Outcome(name, FAILED, error, bound, remark), wrong
    known = decided(view)
    if off.size and not np.any(known):
        return Outcome(name, UNDECIDED, error, bound, "the differences are too coarse here"), wrong
    remarks = [f"{np.count_nonzero(~known)} of {off.size} slopes undecided"] if not np.all(known) else []
    remarks += ["at a kink: between the one-sided slopes"] if np.any(view.kinked) else []
    return Outcome(name, PASSED, error, bound, "; ".join(remarks)), wrong


def mixed(seen: Differences, weights: Any) -> Differences:
    """Return the differences of weighted sums of the results."""
    plus, minus = np.maximum(weights, 0.0).T, np.minimum(weights, 0.0).T

    def summed(x: Any, w: Any) -> Any:
        # A result that differences say nothing about spoils its sums, unless its weight is 0.
        return np.sum(np.where(w == 0, 0.0, x[:, :, np.newaxis] * w), axis=1)

    return Differences(
        seen.sweeps,
        summed(seen.value, weights.T),
        summed(seen.error, np.abs(weights.T)),
        summed(seen.low, plus) + summed(seen.high, minus),
        summed(seen.high, plus) + summed(seen.low, minus),
        summed(seen.kinked.astype(float), np.abs(weights.T)) > 0,
        seen.eps,
    )


def remainders(claim: Claim, said: Any, seen: Differences, bad: Any) -> Outcome:
    """Taylor remainders: f(x + h v) - f(x) - h v'(df) must fall with the square of h.

    A slope that falls short counts where differences contradict the claim as well (``bad``); else f bends near x.
    """
    name = f"{claim.name}: Taylor remainder of slope 2"
    worst, known, wrong = np.inf, 0, False
    for i, one in enumerate(seen.sweeps):
        if len(one.steps) < _WHOLE:
            continue
        found = slopes(one, said[i], 0.0, seen.eps)
        smooth = np.isfinite(found) & ~seen.kinked[i]
        known += int(np.count_nonzero(smooth))
        worst = min(worst, float(np.min(found, where=smooth, initial=np.inf)))
        wrong = wrong or bool(np.any(smooth & (found < 1.5) & bad[i]))
    if not known:
        return Outcome(name, SKIPPED, remark="f is linear here to rounding, or has a kink")
    if worst < 1.5 and not wrong:
        return Outcome(name, SKIPPED, remark="f bends near x")
    return Outcome(name, FAILED if wrong else PASSED, remark=f"slope {worst:.2f}")


def same_value(values: dict[str, Any], subject: Subject) -> Outcome:
    """The value that comes with a derivative is that of f, bit for bit."""
    wrong = [
        name for name, value in values.items() if not np.array_equal(np.ravel(value), subject.value, equal_nan=True)
    ]
    if wrong:
        error = max(float(np.max(np.abs(np.ravel(values[name]) - subject.value), initial=0.0)) for name in wrong)
        return Outcome("value of f, bit for bit", FAILED, error, 0.0, f"differs in {' and '.join(wrong)}")
    return Outcome("value of f, bit for bit", PASSED, 0.0, 0.0, independent=False)


def duality(
    forward: Claim,
    reverse: Claim,
    subject: Subject,
    chosen: Sequence[Direction],
    along: Any,
    weights: Any,
    back: Any,
    rng: Any,
) -> Outcome:
    """<u, J v> = <J'u, v>: forward against reverse, without any step."""
    pushed, pulled = along @ weights.T, back
    size = np.abs(along) @ np.abs(weights).T + np.abs(pulled)
    allowed = _ROUNDING * subject.eps * size
    off = np.abs(pushed - pulled)
    comparable = np.isfinite(pushed) & np.isfinite(pulled)
    off = np.where(comparable, off, np.where(np.isfinite(pushed) == np.isfinite(pulled), 0.0, np.inf))
    if np.any(off > allowed):
        loose = rounding_of(forward, subject, chosen, weights, along, rng) @ np.abs(weights).T
        loose = loose + rounding_of(reverse, subject, chosen, weights, back, rng)
        allowed = allowed + 10.0 * loose
    error, bound = largest(off, allowed)
    verdict = FAILED if np.any(off > allowed) else PASSED
    return Outcome("forward = reverse: <u, J v> = <J'u, v>", verdict, error, bound, independent=False)


def same_slopes(
    claim: Claim,
    said: Any,
    ours: Claim,
    own: Any,
    subject: Subject,
    chosen: Sequence[Direction],
    weights: Any,
    seen: Differences,
    rng: np.random.Generator,
) -> Outcome:
    """A user's derivative against that of this package, to rounding."""
    off = np.where(seen.kinked | ~np.isfinite(own), 0.0, np.abs(said - own))
    size = np.max(np.abs(own), axis=0, where=np.isfinite(own), initial=0.0)
    allowed = np.broadcast_to(_ROUNDING * subject.eps * size, off.shape)
    if np.any(~(off <= allowed)):
        loose = rounding_of(claim, subject, chosen, weights, said, rng) + rounding_of(
            ours, subject, chosen, weights, own, rng
        )
        allowed = allowed + 10.0 * loose
    error, bound = largest(off, allowed)
    verdict = PASSED if np.all(off <= allowed) else FAILED
    return Outcome(f"{claim.name} = dualad, {ours.name}", verdict, error, bound, independent=False)


def complex_step(claim: Claim, said: Any, subject: Subject, chosen: Sequence[Direction], seen: Differences) -> Outcome:
    """The complex step, where f computes with complex numbers and is analytic: exact to rounding."""
    name = f"{claim.name}: complex step"
    found = np.empty_like(said)
    x = subject.points.x
    for i, direction in enumerate(chosen):
        try:
            y = np.asarray(subject.alone(x + 1j * _TINY_STEP * direction.v.reshape(subject.shape)))
        except Exception as refusal:
            return Outcome(name, SKIPPED, remark=f"f does not take complex numbers ({type(refusal).__name__})")
        if y.dtype.kind != "c" or y.size != subject.m:
            return Outcome(name, SKIPPED, remark="f returns real numbers for complex ones")
        found[i] = np.ravel(y).imag / _TINY_STEP
    off = np.abs(found - said)
    scale = np.max(np.abs(np.where(np.isfinite(found), found, 0.0)), axis=0, initial=0.0)
    allowed = _ROUNDING * subject.eps * np.broadcast_to(scale, off.shape) + np.finfo(float).tiny
    known = np.isfinite(off)
    off_most, bound = largest(np.where(known, off, 0.0), allowed)
    if not np.any(known & (off > allowed)):
        return Outcome(name, PASSED if np.any(known) else SKIPPED, off_most, bound)
    # The claim is to blame only where differences side with the complex step.
    theirs, bounds = seen.wrong(found)
    mine, _ = seen.wrong(said)
    guilty = known & (off > allowed) & (theirs <= bounds) & (mine > bounds)
    if np.any(guilty):
        return Outcome(
            name, FAILED, off_most, bound, f"{counted(np.count_nonzero(guilty), 'slope')} of {off.size} wrong"
        )
    return Outcome(name, SKIPPED, remark="f is not analytic (abs, conj, maximum or a branch), or rounding is larger")
