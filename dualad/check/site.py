"""One point: the differences there, and the tests that claims are put to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.check import first
from dualad.check.claims import Claim, CurveClaim
from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction
from dualad.check.report import Outcome
from dualad.check.subject import Subject
from dualad.numeric.attempt import attempt

__all__ = ["Site"]


class Site:
    """Differences at one point, and the tests that claims are put to there."""

    def __init__(
        self,
        subject: Subject,
        chosen: Sequence[Direction],
        weights: Any,
        rng: np.random.Generator,
        step: Callable[[], None],
    ) -> None:
        self.subject, self.chosen, self.weights, self.rng = subject, chosen, weights, rng
        self._looked_again: Differences | None = None
        #: For each claim by name which slopes are wrong: of all results, or of weighted sums of them.
        self.bad: dict[str, Any] = {}
        self.seen = differences(subject.points, chosen, rng, step, eps=subject.eps)

    def said(self, claim: Claim) -> Any:
        """Return what a claim says along the directions."""
        return claim.along(self.subject.x, np.stack([direction.v for direction in self.chosen]), self.weights)

    def again(self) -> Differences:
        """Look a second time, with other steps."""
        if self._looked_again is None:
            self._looked_again = differences(self.subject.points, self.chosen, self.rng, top=0.14, eps=self.subject.eps)
        return self._looked_again

    def suspects(self, claim: Claim | CurveClaim) -> tuple[Any, Any]:
        """Say which rows and columns of a Jacobian may hold what is wrong along the directions."""
        bad = self.bad.get(claim.name)
        rows, columns = np.zeros(self.subject.m, dtype=bool), np.zeros(self.subject.n, dtype=bool)
        if bad is not None and np.any(bad):
            moved = np.stack([direction.v != 0 for direction in self.chosen])
            columns = np.any(moved[np.any(bad, axis=1)], axis=0)
            rows = rows if bad.shape[1] != self.subject.m else np.any(bad, axis=0)
        return rows, columns

    def tests(self, claim: Claim, said: Any, ours: Claim | None) -> list[Outcome]:
        """Put a claim to all tests; a user's is also held against ours, where there is one."""
        subject, chosen, seen, rng = self.subject, self.chosen, self.seen, self.rng
        outcome, bad = first.project(claim, said, subject, chosen, seen, self.again, self.weights, rng)
        self.bad[claim.name] = bad
        found = [outcome]
        if not claim.pulled:
            found.append(first.remainders(claim, said, seen, bad))
            found.append(first.complex_step(claim, said, subject, chosen, seen))
        if ours is not None and subject.steady:
            own, error = attempt(self.said, ours)
            if error is None:  # else f is not within our reach
                # Differences do not see the last digits.
                found.append(first.same_slopes(claim, said, ours, own, subject, chosen, self.weights, seen, rng))
        return found
