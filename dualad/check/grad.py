"""check_grad: everything that can be said for or against a derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.check import first, second
from dualad.check.differences import Differences, differences
from dualad.check.directions import Direction, directions
from dualad.check.entries import matrix_of, selection, worst_entries
from dualad.check.faults import find_faults
from dualad.check.given import given_first, given_second, split
from dualad.check.kinks import find_kinks
from dualad.check.progress import Progress
from dualad.check.report import FAILED, SKIPPED, Curve, Report, Test
from dualad.check.subject import Claim, CurveClaim, Subject, bare, ours, ours_second
from dualad.check.watched import Watched, watch
from dualad.errors import DifferentiationError
from dualad.numeric.points import Points

__all__ = ["check_grad"]

_MOST_DIRECTIONS: Final = 24
_CURVED: Final = 5  # directions of the tests of second derivatives
_WEIGHTS: Final = 4  # weighted sums of the results for reverse mode


def check_grad(
    f: Callable[..., Any],
    x: Any,
    jac: Any = None,
    *,
    grad: Callable[..., Any] | None = None,
    hess: Callable[..., Any] | None = None,
    hessp: Callable[..., Any] | None = None,
    args: Sequence[Any] = (),
    order: int | None = None,
    directions: int | None = None,
    near: float = 1e-6,
    seed: int = 0,
    progress: bool | None = None,
) -> Report:
    """Check the derivatives of ``f`` at ``x``: this package's own, or those that the user wrote.

    Parameters
    ----------
    f : callable
        Function of an array x and of ``args``; it returns a number or an array.
    x : array_like
        The point.
    jac, grad : callable, optional
        The user's Jacobian or gradient, called as ``jac(x, *args)``; as in SciPy ``jac=True`` says that f returns its
        value and its derivative. Without any of these and the next two, the derivatives of this package are checked.
    hess, hessp : callable, optional
        The user's Hessian ``hess(x, *args)`` and Hessian-vector product ``hessp(x, p, *args)`` of an f that returns one
        number.
    args : sequence
        Further arguments of ``f`` and of its derivatives.
    order : {1, 2}, optional
        1 leaves second derivatives out. The default is 2, and 1 where only first derivatives were given.
    directions : int, optional
        How many directions to try; all of a random orthonormal basis, but no more than 24, when it is not given.
    near : float
        Kinks so near to x, relative to its size, are listed.
    seed : int
        Seed of the random directions.
    progress : bool, optional
        Show a bar (needs rich); when it is not given, only on a terminal and only where the check takes long.

    Returns
    -------
    Report
        Prints as a table; ``passed`` says whether no test failed, and so does the truth of the report. ``tests``, ``worst``
        (entries), ``faults`` (operators), ``kinks`` and ``plot()``.

    Raises
    ------
    DifferentiationError
        This package has no derivative of ``f`` to check.

    Notes
    -----
    No step is guessed and no tolerance is fixed. Along each direction f is evaluated at steps that fall from a quarter of
    the size of x to rounding, central differences are extrapolated (Ridders 1982), and the derivative is held against the
    estimated error of the extrapolation. About 35 evaluations of f for each of the first directions, 20 for the others.

    Where f bends at x, any number between the one-sided slopes passes.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.check import check_grad
    >>> def f(x):
    ...     return np.sum(np.sin(x) * x[0])
    >>> check_grad(f, np.array([1.0, 2.0, 3.0])).passed
    True
    >>> report = check_grad(f, np.array([1.0, 2.0, 3.0]), grad=lambda x: x[0] * np.cos(x))
    >>> report.passed, [entry.place for entry in report.worst], report.looks_like
    (False, [(0,)], ['grad: right in 2 of 3 entries; wrong in column 0 only'])
    """
    if jac is True:
        f, jac = split(f)
    theirs = any(given is not None for given in (jac, grad, hess, hessp))
    if order is None:
        order = 2 if not theirs or hess is not None or hessp is not None else 1
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (first derivatives) or 2 (second as well), not {order!r}")
    subject = Subject(f, x, args)
    check = _Check(subject, seed, directions, near, progress, theirs)
    given = [(name, function) for name, function in (("jac", jac), ("grad", grad)) if function is not None]
    with check.progress:
        check.first([given_first(subject, name, function) for name, function in given])
        if order == 2 and (not theirs or hess is not None or hessp is not None):
            curved = [(name, function) for name, function in (("hess", hess), ("hessp", hessp)) if function is not None]
            check.second([given_second(subject, name, function) for name, function in curved])
        check.explain()
    report = check.report
    report.evaluations = subject.points.count
    return report


class _Check:
    """One run of check_grad: what is known so far, and what the report says of it."""

    def __init__(
        self, subject: Subject, seed: int, count: int | None, near: float, progress: bool | None, theirs: bool
    ) -> None:
        self.subject, self.near, self.theirs = subject, near, theirs
        self.rng = np.random.default_rng(seed)
        self.report = Report(subject.name, subject.shape, subject.out)
        x = subject.points.x.ravel()
        wanted = min(subject.n, _MOST_DIRECTIONS) if count is None else count
        self.chosen = directions(x, wanted, self.rng) if subject.n else []
        self.progress = Progress(2 * len(self.chosen) + 2 * _CURVED, progress)
        weights = self.rng.standard_normal((min(subject.m, _WEIGHTS), subject.m))
        self.weights = np.ones((1, 1)) if subject.m == 1 else weights
        self.mine = ours(subject)
        self.wrong: list[Claim | CurveClaim] = []
        self.seen: Differences | None = None
        self.watched: Watched | None = None

    # --- first derivatives

    def first(self, given: Sequence[Claim]) -> None:
        if not self.chosen or not self.subject.m:
            self.report.tests.append(Test("first derivatives", first.PASSED, remark="there is nothing to differentiate"))
            return
        with np.errstate(all="ignore"):
            self.seen = differences(self.subject.points, self.chosen, self.rng, self.progress.step)
        claims = given if self.theirs else self.mine
        if not self.theirs:
            self._values()
        for claim in claims:
            self._one_first(claim)
        if not self.theirs:
            self._both_first()

    def _said(self, claim: Claim) -> Any:
        with np.errstate(all="ignore"):
            return first.projected(claim, self.subject, self.subject.x, self.chosen, self.weights)

    def _one_first(self, claim: Claim) -> None:
        assert self.seen is not None
        try:
            said = self._said(claim)
        except Exception as error:
            self._refused(claim, error)
            return
        with np.errstate(all="ignore"):
            tests = [first.project(claim, self.subject, self.chosen, self.seen, self.weights, self.rng)]
            if claim.back is None or self.subject.m == 1:
                tests.append(first.remainders(claim, said, self.seen))
                tests.append(first.complex_step(claim, said, self.subject, self.chosen, self.seen))
                if not self.report.curves:
                    self.report.curves = [
                        Curve(one, row, claim.name) for one, row in zip(self.seen.sweeps[:3], said, strict=False)
                    ]
        self.report.tests += tests
        if any(test.verdict == FAILED for test in tests):
            self.wrong.append(claim)

    def _refused(self, claim: Claim | CurveClaim, error: Exception) -> None:
        """A claim that cannot be evaluated: of a user it is wrong, of ours it may be refused by name."""
        words = f"{type(error).__name__}: {error}"
        refused = isinstance(error, DifferentiationError) and not self.theirs
        if refused and isinstance(claim, Claim) and claim.name == "forward":
            raise error
        self.report.tests.append(Test(f"{claim.name}: can be evaluated", SKIPPED if refused else FAILED, remark=words[:200]))
        if not refused:
            self.wrong.append(claim)

    def _values(self) -> None:
        """Note the values that come with our derivatives."""
        values: dict[str, Any] = {}
        try:
            self.watched = watch(self.subject.f, self.subject.x, self.subject.args)
            values["reverse"] = bare(_collect(self.watched.result))
        except DifferentiationError:
            raise
        except Exception:
            return  # the claims will say what is wrong
        self.report.tests.append(first.same_value(values, self.subject))

    def _both_first(self) -> None:
        forward, reverse = self.mine
        try:
            along, back = self._said(forward), self._said(reverse)
        except Exception:
            return
        self.report.tests.append(
            first.duality(forward, reverse, self.subject, self.chosen, along, self.weights, back, self.rng)
        )

    # --- second derivatives

    def second(self, given: Sequence[CurveClaim]) -> None:
        if not self.chosen or not self.subject.m:
            return
        subject = self.subject
        weights = self.weights[0]
        chosen = directions(subject.points.x.ravel(), min(subject.n, _CURVED), self.rng)
        gradient = self._gradient(weights)
        with np.errstate(all="ignore"):
            seen = second.of_gradient(gradient, subject, chosen, self.rng, self.progress.step)
            along = differences(subject.points, chosen[:_CURVED], self.rng, self.progress.step)
        curves = second.curves_of(along, weights)
        slope = np.array([one.first.value for one in curves])
        blocks: list[tuple[CurveClaim, Any]] = []
        for claim in given or ours_second(subject, weights):
            block = self._one_second(claim, chosen, seen, curves, slope)
            if block is not None:
                blocks.append((claim, block))
        if not given and len(blocks) == 2:
            (one, block), (other, others) = blocks
            rounding = self._rounding(one, block, chosen)
            self.report.tests.append(second.agree(one, block, other, others, subject, rounding))

    def _gradient(self, weights: Any) -> Callable[[Any], Any]:
        forward, reverse = self.mine
        assert reverse.back is not None
        return lambda x: reverse.back(x, weights)  # type: ignore[misc]

    def _rounding(self, claim: CurveClaim, block: Any, chosen: Sequence[Direction]) -> Callable[[], Any]:
        rows = np.stack([direction.v for direction in chosen])

        def changed() -> Any:
            with np.errstate(all="ignore"):
                moved = [np.abs(claim.block(self.subject.near(self.rng), rows) - block) for _ in range(2)]
            return np.nan_to_num(np.maximum(*moved))

        return changed

    def _one_second(self, claim: CurveClaim, chosen: Any, seen: Differences, curves: Any, slope: Any) -> Any:
        rows = np.stack([direction.v for direction in chosen])
        try:
            with np.errstate(all="ignore"):
                block = claim.block(self.subject.x, rows)
        except Exception as error:
            self._refused(claim, error)
            return None
        rounding = self._rounding(claim, block, chosen)
        with np.errstate(all="ignore"):
            tests = [
                second.project_second(claim, block, seen, rounding),
                second.cubic_remainders(claim, block, curves, slope),
                second.symmetric(claim, block, self.subject, rounding),
            ]
        self.report.tests += tests
        if any(test.verdict == FAILED for test in tests):
            self.wrong.append(claim)
        return block

    # --- what is wrong, and where

    def explain(self) -> None:
        """List kinks; where a test failed, the worst entries and the operators at fault."""
        if self.watched is None:
            try:
                self.watched = watch(self.subject.f, self.subject.x, self.subject.args)
            except Exception:
                self.watched = None
        if self.watched is not None:
            self.report.kinks = find_kinks(self.watched, self.near, self.rng)
        failed = any(test.verdict == FAILED for test in self.report.tests)
        if not failed:
            return
        for claim in self.wrong:
            if isinstance(claim, Claim):
                self._entries_first(claim)
            else:
                self._entries_second(claim)
        if self.watched is not None and not self.theirs:
            self.report.faults = find_faults(self.watched, self.rng, step=self.progress.step)
            if not self.report.faults:
                self.report.faults = find_faults(self.watched, self.rng, second=True, step=self.progress.step)

    def _entries_first(self, claim: Claim) -> None:
        subject = self.subject
        rows, columns = selection(subject.m, self.rng), selection(subject.n, self.rng)
        try:
            claimed = matrix_of(claim, subject, rows, columns)
        except Exception:
            return
        self._worst(claim.name, claimed, subject.points, rows, columns, (subject.out, subject.shape))

    def _entries_second(self, claim: CurveClaim) -> None:
        subject = self.subject
        columns = selection(subject.n, self.rng)
        unit = np.eye(subject.n)[columns]
        try:
            claimed = claim.block(subject.x, unit)
            gradient = self._gradient(self.weights[0])
            kind = subject.x.dtype
            points = Points(lambda x: gradient(x.astype(kind))[columns], subject.points.x, forgiving=True)
        except Exception:
            return
        everything = np.arange(len(columns))
        self._worst(claim.name, claimed, points, everything, columns, (subject.shape, subject.shape))

    def _worst(self, name: str, claimed: Any, points: Points, rows: Any, columns: Any, shapes: Any) -> None:
        with np.errstate(all="ignore"):
            entries, likeness = worst_entries(name, claimed, points, rows, columns, shapes)
        self.report.worst += entries
        if likeness:
            self.report.looks_like.append(f"{name}: {likeness}")


def _collect(y: Any) -> Any:
    from dualad.drivers.arguments import collect

    return collect(y)
