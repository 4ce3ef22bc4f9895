"""What a check found: tests, worst entries, faulty operators, kinks; printed as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dualad.check.places import Place
from dualad.numeric.ladder import Sweep

__all__ = [
    "FAILED", "PASSED", "SKIPPED", "UNDECIDED", "Curve", "Entry", "Fault", "Kink", "Report", "Outcome", "counted",
    "largest",
]  # fmt: skip

PASSED, FAILED, UNDECIDED, SKIPPED = "passed", "failed", "undecided", "skipped"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test: what was held against what, the verdict, the largest error, and how much of it was
    allowed.

    ``verdict`` is "passed", "failed", "undecided" (the differences are too coarse to say) or "skipped" (it does not
    apply: ``remark`` says why). ``independent`` tests hold a derivative against f itself, the others against another
    derivative.
    """

    name: str
    verdict: str
    error: float | None = None
    allowed: float | None = None
    remark: str = ""
    independent: bool = True


@dataclass(frozen=True)
class Entry:
    """One wrong entry of a derivative: where it stands, what was claimed, and what it should be."""

    name: str
    place: tuple[int, ...]
    claimed: float
    wanted: float
    error: float


@dataclass(frozen=True)
class Fault:
    """An operator whose rule is wrong: the check of one of its nodes by itself.

    ``rule`` is "forward", "reverse", "second order" or "value"; ``argument`` the number of the operand.
    """

    operator: str
    rule: str
    argument: int
    found: float
    wanted: float
    remark: str = ""
    node: int = -1
    place: Place | None = None
    count: int = 1


@dataclass(frozen=True)
class Kink:
    """A place where f bends, met on the way or within reach: a tie, a clip edge, a branch near its boundary."""

    operator: str
    what: str
    place: Place | None = None
    node: int = -1
    count: int = 1


@dataclass(frozen=True)
class Curve:
    """The differences along one direction and what the derivative says there, for the picture."""

    sweep: Sweep
    claimed: Any
    name: str


@dataclass
class Report:
    """The result of :func:`dualad.check_grad`.

    ``passed`` says whether no test failed and f itself bore the derivative out; the report is true as ``passed`` is.
    ``tests``, ``worst``, ``faults`` and ``kinks`` are lists of what is printed; ``looks_like`` says in words what the
    error resembles. ``evaluations`` counts the calls of f.
    """

    name: str
    shape: tuple[int, ...]
    outputs: tuple[int, ...]
    tests: list[Outcome] = field(default_factory=list)
    worst: list[Entry] = field(default_factory=list)
    looks_like: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    evaluations: int = 0

    @property
    def passed(self) -> bool:
        """Whether no test failed, and differences or the complex step bore the derivative out."""
        return not self.failed and any(test.verdict == PASSED and test.independent for test in self.tests)

    @property
    def failed(self) -> bool:
        """Whether a test failed; a check can neither fail nor pass, where f jumps at x."""
        return any(test.verdict == FAILED for test in self.tests)

    def __bool__(self) -> bool:
        return self.passed

    def plot(self, path: Any = None, axes: Any = None) -> Any:
        """Draw the error of differences over the step: truncation on the right, rounding on the left.

        Parameters
        ----------
        path : path, optional
            Where to save the picture.
        axes : matplotlib Axes, optional
            Where to draw; a new figure when it is not given.

        Returns
        -------
        matplotlib Axes
        """
        from dualad.check.picture import draw

        return draw(self, path, axes)

    def __str__(self) -> str:
        said = "FAILED" if self.failed else "passed" if self.passed else "UNDECIDED"
        counts = f"x of shape {self.shape}, result of shape {self.outputs}, {self.evaluations} evaluations"
        lines = [f"check of {self.name}: {said} ({counts})"]
        lines += _table([("test", "verdict", "error", "allowed", "")] + [_row(test) for test in self.tests])
        for title, rows in (
            ("wrong entries", self._entries()),
            ("it looks like", [(line,) for line in self.looks_like]),
            ("operators at fault", self._faults()),
            ("kinks on the way", self._kinks()),
        ):
            if rows:
                lines += [f"{title}:", *_table(rows)]
        return "\n".join(lines)

    def _entries(self) -> list[tuple[str, ...]]:
        return [
            (
                f"{entry.name}[{', '.join(map(str, entry.place))}]",
                f"is {entry.claimed:.10g}",
                f"should be {entry.wanted:.10g} +- {entry.error:.0e}",
            )
            for entry in self.worst
        ]

    def _faults(self) -> list[tuple[str, ...]]:
        return [
            (
                fault.operator,
                f"{fault.rule} rule" + (f", argument {fault.argument + 1}" if fault.argument >= 0 else ""),
                fault.remark or f"gives {fault.found:.10g}, should be {fault.wanted:.10g}",
                _at(fault.place),
            )
            for fault in self.faults
        ]

    def _kinks(self) -> list[tuple[str, ...]]:
        return [(kink.operator, kink.what, _at(kink.place)) for kink in self.kinks]


def _at(place: Place | None) -> str:
    return "" if place is None else str(place)


def _row(test: Outcome) -> tuple[str, ...]:
    numbers = ("" if x is None else f"{x:.2g}" for x in (test.error, test.allowed))
    return (test.name, test.verdict, *numbers, test.remark)


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(max(map(len, rows)))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in rows
    ]


def counted(count: Any, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def largest(error: Any, allowed: Any) -> tuple[float, float]:
    """Return the error that exceeds (or comes closest to) what is allowed of it, with that."""
    error, allowed = np.ravel(error), np.ravel(allowed)
    known = np.isfinite(allowed)
    if not np.any(known):
        return 0.0, np.inf
    with np.errstate(all="ignore"):
        ratio = np.where(known, error / np.maximum(allowed, np.finfo(float).tiny), -1.0)
    at = int(np.argmax(np.where(np.isnan(ratio), np.inf, ratio)))
    return float(error[at]), float(allowed[at])
