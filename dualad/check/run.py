"""One run of check_grad: which tests are made, and what is looked for when one of them fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from dualad.check import first, second
from dualad.check.claims import Claim, CurveClaim, Pushed, ours, ours_second
from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction, directions
from dualad.check.entries import selection, worst_entries
from dualad.check.faults import find_faults
from dualad.check.kinks import find_kinks
from dualad.check.progress import Progress
from dualad.check.report import FAILED, PASSED, SKIPPED, UNDECIDED, Curve, Outcome, Report
from dualad.check.scales import combined, torn
from dualad.check.site import Site
from dualad.check.subject import Subject, bare
from dualad.check.watched import Watched, watch
from dualad.drivers.arguments import collect
from dualad.errors import DifferentiationError
from dualad.numeric.attempt import attempt
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
        self.site: Site | None = None
        # Where f cannot be recorded, the claims will say what is wrong.
        self.watched, _ = attempt(watch, subject.f, subject.x, subject.args)
        if self.watched is not None:
            subject.coarsen(self.watched.eps)
            self.report.kinks = attempt(find_kinks, self.watched, near, self.rng)[0] or []

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
        if not self.theirs and self.watched is not None and self.subject.repeats:
            self.report.tests.append(first.same_value({"reverse": bare(collect(self.watched.result))}, self.subject))
        self.site = site = Site(self.subject, self.chosen, self.weights, self.rng, self.progress.step)
        self.bends = bool(np.any(site.seen.kinked))
        for claim in given or self.mine:
            self._one_first(claim, site)
        if not self.theirs:
            self._both_first(site)

    def _one_first(self, claim: Claim, site: Site) -> None:
        said, error = attempt(site.said, claim)
        if error is not None:
            self._refused(claim, error)
            return
        tests = site.tests(claim, said, self.mine[0] if self.theirs else None)
        if not claim.pulled and not self.report.curves:
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
        if refused and isinstance(claim, Pushed):
            raise error
        self.report.tests.append(
            Outcome(f"{claim.name}: can be evaluated", SKIPPED if refused else FAILED, remark=words[:200])
        )
        if not refused:
            self.wrong.append(claim)

    def _both_first(self, site: Site) -> None:
        forward, reverse = self.mine
        along, error = attempt(site.said, forward)
        back, other = attempt(site.said, reverse)
        if error is None and other is None:  # else the report says already that one of them cannot be evaluated
            test = first.duality(forward, reverse, self.subject, self.chosen, along, self.weights, back, self.rng)
            self.report.tests.append(test)

    # --- second derivatives

    def second(self, given: Sequence[CurveClaim]) -> None:
        """Check second derivatives: those that were given, or our own."""
        if not self.chosen or not self.subject.m:
            return
        subject, weights = self.subject, self.weights[0]
        if self.bends or any(test.verdict == UNDECIDED for test in self.report.tests):
            remark = "f is not smooth at x" if self.bends else "first derivatives are undecided"
            self.report.tests.append(Outcome("second derivatives", SKIPPED, remark=remark))
            return
        chosen = self._directions(min(len(self.chosen), _CURVED))
        seen = self._of_gradient(chosen)
        along = differences(subject.points, chosen, self.rng, self.progress.step, eps=subject.eps)
        curves = combined(along.sweeps, [weights])
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
        return self.mine[1].call(x, self.weights[0])

    def _of_gradient(self, chosen: Sequence[Direction]) -> Differences | None:
        """Return differences of our gradient; None where there is none of f."""
        if attempt(self._gradient, self.subject.x)[1] is not None:
            return None
        return second.of_gradient(self._gradient, self.subject, chosen, self.rng, self.progress.step)

    def _rounding(self, claim: CurveClaim, block: Any, chosen: Sequence[Direction]) -> Callable[[], Any]:
        """Return what finds out by how much a block changes when x and the directions change in their last bits."""
        rows = np.stack([direction.v for direction in chosen])
        eps = max(self.subject.eps, claim.eps)

        def changed() -> Any:
            worst = np.zeros_like(block)
            for _ in range(2):
                moved = rows * (1.0 + 2.0 * eps * self.rng.choice([-1.0, 1.0], rows.shape))
                again, error = attempt(claim.block, self.subject.near(self.rng), moved)
                if error is None:  # else x lies at the end of the domain
                    worst = np.maximum(worst, np.nan_to_num(np.abs(again - block)))
            return np.minimum(worst, 1e-3 * np.max(np.abs(block), where=np.isfinite(block), initial=0.0))

        return changed

    def _one_second(
        self, claim: CurveClaim, chosen: Sequence[Direction], seen: Differences | None, curves: list[Sweep]
    ) -> Any:
        rows = np.stack([direction.v for direction in chosen])
        block, error = attempt(claim.block, self.subject.x, rows)
        if error is not None:
            self._refused(claim, error)
            return None
        rounding = self._rounding(claim, block, chosen)
        if seen is None:
            outcome, bad = second.second_differences(claim, block, curves)
        else:
            again = functools.partial(second.of_gradient, self._gradient, self.subject, chosen, self.rng, top=0.14)
            outcome, bad = second.project_second(claim, block, chosen, seen, again, rounding)
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
        contradicted = report.failed and not (report.kinks or self.bends)
        if contradicted or (well and not skipped) or not self.subject.finite:
            return
        beside, error = attempt(self._moved)
        if error is None:
            _, error = attempt(beside._all, given, curved, order)
        if error is not None or beside.report.failed or not beside.report.passed:
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
        """Return a run at a point nearby where f is finite: x may lie at the end of its domain."""
        subject = self.subject
        size = 1e-3 * np.maximum(np.abs(subject.x), 0.1) * self.rng.uniform(0.5, 1.0, subject.shape)
        for signs in (self.rng.choice([-1.0, 1.0], subject.shape), 1.0, -1.0):
            moved = Subject(subject.f, subject.x + (size * signs).astype(subject.x.dtype), subject.args)
            if moved.finite:
                break
        return Run(moved, self.rng, len(self.chosen), self.near, False, self.theirs)

    # --- what is wrong, and where

    def explain(self) -> None:
        """Where a test failed, name the worst entries and the operators at fault."""
        watched, report = self.watched, self.report
        if not report.failed:
            return
        if watched is not None and not self.theirs:
            report.faults = find_faults(watched, self.rng, step=self.progress.step)
            if not report.faults:
                report.faults = find_faults(watched, self.rng, second=True, step=self.progress.step)
            if not report.faults and self._torn():
                words = "each operator is right by itself; f cancels, and its differences are rounding"
                report.tests = [
                    replace(test, verdict=UNDECIDED, remark=words) if test.verdict == FAILED else test
                    for test in report.tests
                ]
                return
        # What follows from a wrong first derivative is not listed as well.
        wrong = [claim for claim in self.wrong if isinstance(claim, Claim)] or self.wrong
        for claim in wrong if self.theirs else wrong[:1]:
            self._entries(claim)

    def _torn(self) -> bool:
        """Say whether only differences speak against a derivative, and contradict themselves as well."""
        failed = [test for test in self.report.tests if test.verdict == FAILED]
        by_differences = all(test.independent and not test.name.endswith("complex step") for test in failed)
        return by_differences and self.site is not None and any(map(torn, self.site.seen.sweeps))

    def _entries(self, claim: Claim | CurveClaim) -> None:
        subject = self.subject
        suspects = np.zeros(subject.m, dtype=bool), np.zeros(subject.n, dtype=bool)
        if self.site is not None:
            suspects = self.site.suspects(claim)
        whole = all(np.all(places) or not np.any(places) for places in suspects)
        rows, columns = (selection(places, self.rng) for places in suspects)
        if isinstance(claim, Claim):
            points, shapes = subject.points, (subject.out, subject.shape)
            claimed, error = attempt(claim.entries, subject.x, rows, columns)
        else:
            claimed, error = attempt(claim.block, subject.x, np.eye(subject.n)[columns])
            rows, shapes = np.arange(len(columns)), (subject.shape, subject.shape)
            if error is None:
                points, error = attempt(Points, lambda x: self._gradient(x)[columns], subject.points.x, (), False, True)
        if error is not None:
            return  # it cannot be evaluated, as the report says already
        entries, likeness = worst_entries(claim.name, claimed, points, rows, columns, shapes, subject.eps, whole)
        self.report.worst += entries
        if likeness:
            self.report.looks_like.append(f"{claim.name}: {likeness}")
