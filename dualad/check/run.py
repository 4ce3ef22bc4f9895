"""One run of check_grad: which tests are made, and what is looked for when one of them fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from dualad.check import first, second
from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction, directions
from dualad.check.entries import matrix_of, selection, worst_entries
from dualad.check.faults import find_faults
from dualad.check.kinks import find_kinks
from dualad.check.progress import Progress
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Curve, Outcome, Report
from dualad.check.site import Site
from dualad.check.subject import Claim, CurveClaim, Subject, bare, ours, ours_second
from dualad.check.watched import Watched, watch
from dualad.drivers.arguments import collect
from dualad.errors import DifferentiationError
from dualad.numeric.ladder import Sweep
from dualad.numeric.points import Points

__all__ = ["Run"]

_MOST_DIRECTIONS: Final = 24
_CURVED: Final = 5  # directions of the tests of second derivatives
_WEIGHTS: Final = 4  # weighted sums of the results for reverse mode


class Run:
    """What is known so far, and what the report says of it."""

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        count: int | None,
        near: float,
        progress: bool | None,
        theirs: bool,
    ) -> None:
        self.subject, self.rng, self.near, self.theirs = subject, rng, near, theirs
        self.report = Report(subject.name, subject.shape, subject.out)
        wanted = min(subject.n, _MOST_DIRECTIONS) if count is None else count
        self.chosen = self._directions(wanted) if subject.n else []
        self.progress = Progress(2 * len(self.chosen) + 2 * _CURVED, progress)
        weights = self.rng.standard_normal((min(subject.m, _WEIGHTS), subject.m))
        self.weights = np.ones((1, 1)) if subject.m == 1 else weights
        self.mine = ours(subject)
        self.wrong: list[Claim | CurveClaim] = []
        self.bends = False  # whether the slopes to both sides differ along some direction
        self.watched: Watched | None = None
        if not subject.repeats:
            remark = "f returns other numbers when it is called again: does it draw random numbers?"
            self.report.tests.append(Outcome("f repeats itself", FAILED, remark=remark))
        try:
            self.watched = watch(subject.f, subject.x, subject.args)
            self.report.kinks = find_kinks(self.watched, near, self.rng)
        except Exception:
            self.watched = None  # the claims will say what is wrong

    def _directions(self, count: int) -> list[Direction]:
        """Return directions in numbers of the type of x, so that claims and differences have the same ones."""
        found = directions(self.subject.points.x.ravel(), count, self.rng)
        return [replace(one, v=one.v.astype(self.subject.x.dtype).astype(float)) for one in found]

    # --- first derivatives

    def first(self, given: Sequence[Claim]) -> None:
        """Check first derivatives: those that were given, or our own."""
        if not self.chosen or not self.subject.m:
            self.report.tests.append(Outcome("first derivatives", PASSED, remark="there is nothing to differentiate"))
            return
        if self.theirs and not given:
            return
        if not self.theirs and self.watched is not None:
            self.report.tests.append(first.same_value({"reverse": bare(collect(self.watched.result))}, self.subject))
        site = Site(self.subject, self.chosen, self.weights, self.rng, self.progress.step)
        self.bends = bool(np.any(site.seen.kinked))
        for claim in given or self.mine:
            self._one_first(claim, site)
        if not self.theirs:
            self._both_first(site)

    def _one_first(self, claim: Claim, site: Site) -> None:
        try:
            said = site.said(claim)
        except Exception as error:
            self._refused(claim, error)
            return
        tests = site.tests(claim, said, self.mine[0] if self.theirs else None)
        if claim.back is None and not self.report.curves:
            swept = zip(site.seen.sweeps[:3], said, strict=False)
            self.report.curves = [Curve(one, row, claim.name) for one, row in swept]
        self._judge(claim, tests)

    def _judge(self, claim: Claim | CurveClaim, tests: Sequence[Outcome]) -> None:
        self.report.tests += tests
        if any(test.verdict == FAILED for test in tests):
            self.wrong.append(claim)

    def _refused(self, claim: Claim | CurveClaim, error: Exception) -> None:
        """A claim that cannot be evaluated: a user's is wrong, ours may be refused by name."""
        words = f"{type(error).__name__}: {error}"
        refused = isinstance(error, DifferentiationError) and not self.theirs
        if refused and isinstance(claim, Claim) and claim.along is not None:
            raise error
        self.report.tests.append(
            Outcome(f"{claim.name}: can be evaluated", SKIPPED if refused else FAILED, remark=words[:200])
        )
        if not refused:
            self.wrong.append(claim)

    def _both_first(self, site: Site) -> None:
        forward, reverse = self.mine
        try:
            along, back = site.said(forward), site.said(reverse)
            test = first.duality(forward, reverse, self.subject, self.chosen, along, self.weights, back, self.rng)
        except Exception:
            return  # one of them cannot be evaluated, as the report says already
        self.report.tests.append(test)

    # --- second derivatives

    def second(self, given: Sequence[CurveClaim]) -> None:
        """Check second derivatives: those that were given, or our own."""
        if not self.chosen or not self.subject.m:
            return
        subject, weights = self.subject, self.weights[0]
        if self.bends or any(test.verdict == UNDECIDED for test in self.report.tests):
            self.report.tests.append(Outcome("second derivatives", SKIPPED, remark="f is not smooth at x"))
            return
        chosen = self._directions(min(len(self.chosen), _CURVED))
        seen = self._of_gradient(chosen)
        along = differences(subject.points, chosen, self.rng, self.progress.step, eps=subject.eps)
        curves = second.curves_of(along, weights)
        blocks: list[tuple[CurveClaim, Any]] = []
        for claim in given or ours_second(subject, weights):
            block = self._one_second(claim, chosen, seen, curves)
            if block is not None:
                blocks.append((claim, block))
        if not given and len(blocks) == 2:
            (one, block), (other, others) = blocks
            rounding = self._rounding(one, block, chosen)
            self.report.tests.append(second.agree(one, block, other, others, subject, rounding))

    def _gradient(self, x: Any) -> Any:
        reverse = self.mine[1]
        assert reverse.back is not None
        return reverse.back(x, self.weights[0])

    def _of_gradient(self, chosen: Sequence[Direction]) -> Differences | None:
        """Return differences of our gradient; None where there is none of f."""
        try:
            self._gradient(self.subject.x)
        except Exception:
            return None
        return second.of_gradient(self._gradient, self.subject, chosen, self.rng, self.progress.step)

    def _rounding(self, claim: CurveClaim, block: Any, chosen: Sequence[Direction]) -> Callable[[], Any]:
        rows = np.stack([direction.v for direction in chosen])

        def changed() -> Any:
            try:
                moved = [np.abs(claim.block(self.subject.near(self.rng), rows) - block) for _ in range(2)]
            except Exception:
                return np.zeros_like(block)  # x lies at the end of the domain
            size = np.max(np.abs(block), where=np.isfinite(block), initial=0.0)
            return np.minimum(np.nan_to_num(np.maximum(*moved)), 1e-3 * size)

        return changed

    def _one_second(
        self, claim: CurveClaim, chosen: Sequence[Direction], seen: Differences | None, curves: list[Sweep]
    ) -> Any:
        rows = np.stack([direction.v for direction in chosen])
        try:
            block = claim.block(self.subject.x, rows)
        except Exception as error:
            self._refused(claim, error)
            return None
        rounding = self._rounding(claim, block, chosen)
        if seen is None:
            outcome, bad = second.second_differences(claim, block, curves)
        else:
            again = functools.partial(second.of_gradient, self._gradient, self.subject, chosen, self.rng, top=0.14)
            outcome, bad = second.project_second(claim, block, seen, again, rounding)
        tests = [
            outcome,
            second.cubic_remainders(claim, block, curves, bad, self.subject.eps),
            second.symmetric(claim, block, self.subject, rounding),
        ]
        self._judge(claim, tests)
        return block

    # --- kinks

    def tests(self, given: Sequence[Claim], curved: Sequence[CurveClaim], order: int) -> None:
        """Make all tests at x, and beside x where they do not come out well and f bends at x.

        What a derivative is on a kink is a matter of convention: there a claim may contradict the differences, and is
        wrong if it does so beside the kink as well.
        """
        self._all(given, curved, order)
        report = self.report
        well = all(test.verdict in (PASSED, SKIPPED) for test in report.tests)
        skipped = self.bends and (curved or order == 2)  # second derivatives are not looked for on a kink
        if not (report.kinks or self.bends) or (well and not skipped):
            return
        try:
            beside = self._moved()
            beside._all(given, curved, order)
        except Exception:
            return
        if beside.report.failed or not beside.report.passed:
            return
        words = "x lies on a kink, where the derivative is a matter of convention"
        kept = [
            test if test.verdict != FAILED else replace(test, verdict=UNDECIDED, remark=words) for test in report.tests
        ]
        report.tests = kept + [replace(test, name=f"beside: {test.name}") for test in beside.report.tests]

    def _all(self, given: Sequence[Claim], curved: Sequence[CurveClaim], order: int) -> None:
        self.first(given)
        if curved or (not self.theirs and order == 2):
            self.second(curved)

    def _moved(self) -> Run:
        """Return a run at a point nearby."""
        subject = self.subject
        size = np.where(np.isfinite(subject.x), np.maximum(np.abs(subject.x), 0.1), 0.0)
        move = self.rng.choice([-1.0, 1.0], subject.shape) * self.rng.uniform(0.5, 1.0, subject.shape)
        x = subject.x + (1e-3 * size * move).astype(subject.x.dtype)
        moved = Subject(subject.f, x, subject.args)
        return Run(moved, self.rng, len(self.chosen), self.near, False, self.theirs)

    # --- what is wrong, and where

    def explain(self) -> None:
        """Where a test failed, name the worst entries and the operators at fault."""
        watched, report = self.watched, self.report
        if not report.failed:
            return
        # What follows from a wrong first derivative is not listed as well.
        wrong = [claim for claim in self.wrong if isinstance(claim, Claim)] or self.wrong
        for claim in wrong if self.theirs else wrong[:1]:
            self._entries(claim)
        if watched is not None and not self.theirs:
            report.faults = find_faults(watched, self.rng, step=self.progress.step)
            if not report.faults:
                report.faults = find_faults(watched, self.rng, second=True, step=self.progress.step)

    def _entries(self, claim: Claim | CurveClaim) -> None:
        subject = self.subject
        rows, columns = selection(subject.m, self.rng), selection(subject.n, self.rng)
        try:
            if isinstance(claim, Claim):
                claimed = matrix_of(claim, subject, rows, columns)
                points, shapes = subject.points, (subject.out, subject.shape)
            else:
                claimed = claim.block(subject.x, np.eye(subject.n)[columns])
                points = Points(lambda x: self._gradient(x)[columns], subject.points.x, forgiving=True)
                rows, shapes = np.arange(len(columns)), (subject.shape, subject.shape)
        except Exception:
            return  # it cannot be evaluated, as the report says already
        entries, likeness = worst_entries(claim.name, claimed, points, rows, columns, shapes, subject.eps)
        self.report.worst += entries
        if likeness:
            self.report.looks_like.append(f"{claim.name}: {likeness}")
