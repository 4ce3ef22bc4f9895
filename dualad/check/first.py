"""The tests of first derivatives: by differences, Taylor remainders, the complex step, and against each other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.check.claims import Claim
from dualad.check.differences import Differences, decided
from dualad.check.directions import Direction
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Outcome, counted, largest
from dualad.check.scales import borne_out
from dualad.check.subject import Subject
from dualad.check.taylor import slopes
from dualad.numeric.attempt import attempt

__all__ = ["complex_step", "duality", "project", "remainders", "same_slopes", "same_value"]

_ROUNDING: Final = 1e4  # units in the last place by which two exact derivatives may differ
_WORST_ROUNDING: Final = 1e-3
_TINY_STEP: Final = 1e-30
COARSE: Final = "the differences are too coarse here"
NOT_FINITE: Final = "x or f(x) is not finite"
_WHOLE: Final = 8  # a sweep of fewer steps shows no slope
_ROUNDED: Final = 1e-13  # relative difference of values that comes of another order of sums


def rounding_of(
    claim: Claim, subject: Subject, chosen: Sequence[Direction], weights: Any, said: Any, rng: np.random.Generator
) -> Any:
    """Return by how much a claim changes when x and v change in their last bits: no derivative is better than that."""
    eps = max(subject.eps, claim.eps)
    worst = np.zeros_like(said)
    for _ in range(3):
        moved = [one.v * (1.0 + 2.0 * eps * rng.choice([-1.0, 1.0], one.v.shape)) for one in chosen]
        again, error = attempt(claim.along, subject.near(rng), np.stack(moved), weights)
        if error is None:  # else x lies at the end of the domain
            worst = np.maximum(worst, np.nan_to_num(np.abs(again - said)))
    # More than that is no rounding: a kink lies within reach.
    size = np.max(np.abs(said), axis=1, keepdims=True, where=np.isfinite(said), initial=0.0)
    steepness = np.abs(weights) @ subject.steepness if claim.pulled else subject.steepness
    return np.minimum(worst, _WORST_ROUNDING * size + steepness)


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
    view = mixed(seen, weights) if claim.pulled else seen
    off, allowed = view.wrong(said)
    if np.any(off > allowed):
        second = mixed(again(), weights) if claim.pulled else again()
        others, bounds = second.wrong(said)
        off = np.where((others <= bounds) & (bounds <= 100.0 * allowed), 0.0, off)
        # The function may be so badly conditioned that no derivative of it has all its digits.
        allowed = allowed + 10.0 * rounding_of(claim, subject, chosen, weights, said, rng)
    error, bound = largest(off, allowed)
    name = f"{claim.name}: differences along {counted(len(chosen), 'direction')}"
    wrong = off > allowed
    elsewhere = borne_out(subject.points, chosen, said, wrong, weights if claim.pulled else None)
    wrong &= ~elsewhere
    if np.any(wrong):
        remark = f"{counted(np.count_nonzero(wrong), 'slope')} of {off.size} wrong"
        return Outcome(name, FAILED, error, bound, remark), wrong
    if np.any(elsewhere):
        return Outcome(name, UNDECIDED, error, bound, "f has other slopes at smaller steps than at larger ones"), wrong
    known = decided(view)
    if off.size and not np.any(known):
        return Outcome(name, UNDECIDED, error, bound, COARSE if subject.finite else NOT_FINITE), wrong
    remarks = [f"{np.count_nonzero(~known)} of {off.size} slopes undecided"] if not np.all(known) else []
    remarks += ["at a kink: between the one-sided slopes"] if np.any(view.kinked) else []
    remarks += ["returned in single precision"] if claim.eps > subject.eps else []
    return Outcome(name, PASSED, error, bound, "; ".join(remarks)), wrong


def mixed(seen: Differences, weights: Any) -> Differences:
    """Return the differences of weighted sums of the results."""
    plus, minus = np.maximum(weights, 0.0).T, np.minimum(weights, 0.0).T

    def summed(x: Any, w: Any) -> Any:
        # A result that differences say nothing about spoils its sums, unless its weight is 0.
        return np.sum(np.where(w == 0, 0.0, x[:, :, np.newaxis] * w), axis=1)

    return Differences(
        seen.points,
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
    # It is seen in a few directions only: to pass it alone is not enough.
    return Outcome(name, FAILED if wrong else PASSED, remark=f"slope {worst:.2f}", independent=wrong)


def same_value(values: dict[str, Any], subject: Subject) -> Outcome:
    """The value that comes with a derivative is that of f, bit for bit."""
    wrong = [
        name for name, value in values.items() if not np.array_equal(np.ravel(value), subject.value, equal_nan=True)
    ]
    if wrong:
        error = max(float(np.max(np.abs(np.ravel(values[name]) - subject.value), initial=0.0)) for name in wrong)
        where = " and ".join(wrong)
        if error <= _ROUNDED * float(np.max(np.abs(subject.value), initial=0.0)):
            # np.array([x[0], x[1]]) is an array of objects, in which NumPy adds one element after the other.
            remark = f"rounded otherwise in {where}, as by arrays of objects"
            return Outcome("value of f, bit for bit", SKIPPED, error, 0.0, remark)
        return Outcome("value of f, bit for bit", FAILED, error, 0.0, f"differs in {where}")
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
    allowed = np.broadcast_to(_ROUNDING * max(subject.eps, claim.eps) * size, off.shape)
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
        with warnings.catch_warnings():
            # Where an imaginary part is dropped nothing can be seen; there is no need to warn of it.
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y, refusal = attempt(
                lambda v: np.asarray(subject.alone(x + 1j * _TINY_STEP * v.reshape(subject.shape))), direction.v
            )
        if refusal is not None:
            return Outcome(name, SKIPPED, remark=f"f does not take complex numbers ({type(refusal).__name__})")
        if y.dtype.kind != "c" or y.size != subject.m:
            return Outcome(name, SKIPPED, remark="f returns real numbers for complex ones")
        found[i] = np.ravel(y).imag / _TINY_STEP
    off = np.abs(found - said)
    scale = np.max(np.abs(np.where(np.isfinite(found), found, 0.0)), axis=0, initial=0.0)
    allowed = _ROUNDING * max(subject.eps, claim.eps) * np.broadcast_to(scale, off.shape) + np.finfo(float).tiny
    known = np.isfinite(off)
    off_most, bound = largest(np.where(known, off, 0.0), allowed)
    if not np.any(known & (off > allowed)):
        if not np.all(known):
            return Outcome(name, SKIPPED, remark="it is not finite, or the claim is not")
        return Outcome(name, PASSED, off_most, bound)
    # The claim is to blame only where differences side with the complex step.
    theirs, bounds = seen.wrong(found)
    mine, _ = seen.wrong(said)
    guilty = known & (off > allowed) & (theirs <= bounds) & (mine > bounds)
    if np.any(guilty):
        return Outcome(
            name, FAILED, off_most, bound, f"{counted(np.count_nonzero(guilty), 'slope')} of {off.size} wrong"
        )
    return Outcome(name, SKIPPED, remark="f is not analytic (abs, conj, maximum or a branch), or rounding is larger")
