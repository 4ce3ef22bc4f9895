"""One point: the differences there, and the tests that claims are put to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.check import first
from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction
from dualad.check.report import Outcome
from dualad.check.subject import Claim, Subject

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
        self.seen = differences(subject.points, chosen, rng, step, eps=subject.eps)

    def said(self, claim: Claim) -> Any:
        """Return what a claim says along the directions."""
        return first.projected(claim, self.subject, self.subject.x, self.chosen, self.weights)

    def again(self) -> Differences:
        """Look a second time, with other steps."""
        if self._looked_again is None:
            self._looked_again = differences(self.subject.points, self.chosen, self.rng, top=0.14, eps=self.subject.eps)
        return self._looked_again

    def tests(self, claim: Claim, said: Any, ours: Claim | None) -> list[Outcome]:
        """Put a claim to all tests; a user's is also held against ours, where there is one."""
        subject, chosen, seen, rng = self.subject, self.chosen, self.seen, self.rng
        outcome, bad = first.project(claim, said, subject, chosen, seen, self.again, self.weights, rng)
        found = [outcome]
        if claim.back is None:
            found.append(first.remainders(claim, said, seen, bad))
            found.append(first.complex_step(claim, said, subject, chosen, seen))
        if ours is not None:
            try:
                own = self.said(ours)
            except Exception:
                return found  # f is not within our reach
            # Differences do not see the last digits.
            found.append(first.same_slopes(claim, said, ours, own, subject, chosen, self.weights, seen, rng))
        return found
