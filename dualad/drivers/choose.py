"""The dispatcher: which mode carries a derivative, from its sizes and the weight of the function, and why.

All costs are predicted from a table of measured times, :data:`COSTS`; ``benchmarks/bench_crossover.py`` measures them
again and prints them in the form of this file.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["COSTS", "DIRECT", "FEW", "SIDE", "Costs", "Plan", "Rate", "Work", "asked", "choose", "most_lanes"]


class Work(NamedTuple):
    """What one evaluation of a function does: calls of array functions, operations on scalars, elements of arrays."""

    calls: int
    scalars: int
    elements: int


class Rate(NamedTuple):
    """Nanoseconds to start, for a call, a scalar and an element, and what each direction adds to the last two."""

    start: float
    call: float
    scalar: float
    element: float
    lane_scalar: float = 0.0
    lane_element: float = 0.0

    def cost(self, work: Work, lanes: int, passes: int = 1) -> float:
        """Return the nanoseconds for a number of directions, carried in several passes."""
        base = self.start + self.call * work.calls + self.scalar * work.scalars + self.element * work.elements
        return passes * base + lanes * (self.lane_scalar * work.scalars + self.lane_element * work.elements)


class Costs(NamedTuple):
    """Measured rates.

    Of f itself, of f on dual and on hyper-dual numbers, of its recording, of sweeps over the tape, and of the gradient
    written on the tape.
    """

    plain: Rate = Rate(0, 680, 34, 1.2)
    dual: Rate = Rate(0, 3400, 56, 2.8, 1.9, 0.47)
    record: Rate = Rate(1600, 5200, 52, 2.9)
    forward: Rate = Rate(60, 1800, 6.0, 1.2, 1.0, 0.4)
    reverse: Rate = Rate(2400, 1200, 5.1, 1.0, 0.71, 0.48)
    hyper: Rate = Rate(360, 4200, 64, 3.7, 2.4, 0.52)
    extend: Rate = Rate(0, 50000, 150, 10.0)


COSTS = Costs()
DIRECT = 32  # up to so many inputs a function that is not known is not recorded to find out whether rows are fewer
FEW = 4  # up to so many inputs nothing that a recording could tell makes a difference
SIDE = 12  # up to so many inputs hyper-dual numbers carry the Hessian of a function that is not known
_MOST_ELEMENTS = 1 << 22  # of a hyper-dual array, 32 MB, beyond those of SIDE directions a side


@dataclass(frozen=True)
class Plan:
    """What the dispatcher chose, and why.

    Attributes
    ----------
    mode : str
        "forward" or "reverse" (Jacobian), "hyperdual" or "forward-over-reverse" (Hessian).
    recorded : bool
        f is recorded and its tape is swept; else f is evaluated on dual numbers.
    chunk : int
        Columns or rows that are carried at once.
    n, m : int
        Numbers of inputs and outputs; ``m`` is None where it is not known yet.
    order : {1, 2}
        Jacobian or Hessian.
    reason : str
        Why, in a sentence.
    costs : dict
        Predicted costs of all alternatives, in evaluations of f; empty where the mode was asked for.
    work : Work, optional
        What f does, where it has been recorded.
    recordable : bool
        False where a recording of f was found to be of no use.
    compiled : bool
        Replays of a compiled program carry it.
    compiling : str
        When a solve compiles f, and why, in a sentence.
    """

    mode: str
    recorded: bool
    chunk: int
    n: int
    m: int | None
    order: int
    reason: str
    costs: dict[str, float] = field(default_factory=dict)
    work: Work | None = None
    recordable: bool = True
    compiled: bool = False
    compiling: str = ""

    def __str__(self) -> str:
        outputs = "a number of outputs that is not known yet" if self.m is None else _counted(self.m, "output")
        derivative = "Jacobian" if self.order == 1 else "Hessian"
        lines = [
            f"{derivative} of {_counted(self.n, 'input')} and {outputs}: {self.mode}, {self.chunk} at a time"
            + (", over a recording" if self.recorded else ", without a recording"),
            self.reason,
        ]
        if self.costs:
            lines.append("predicted cost, in evaluations of f:")
        lines += [f"  {name:<24} {cost:8.1f}" for name, cost in sorted(self.costs.items(), key=lambda item: item[1])]
        if self.compiling:
            lines.append(self.compiling)
        return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def most_lanes(size: int, scalars: int = 0) -> int:
    """Return how many lanes to carry at once, so that those of an array of ``size`` and of all scalars stay in the
    cache.
    """
    return max(16, min(128, (1 << 17) // max(size, 1), (1 << 19) // max(scalars, 1)))


def _chunk(lanes: int, most: int) -> tuple[int, int]:
    """Return a number of passes that are as wide as they may be, and their nearly equal width."""
    passes = max(1, math.ceil(lanes / most))
    return passes, max(1, math.ceil(lanes / passes))


def choose(
    n: int,
    m: int | None = None,
    order: int = 1,
    work: Work | None = None,
    *,
    recorded: bool = False,
    costs: Costs | None = None,
) -> Plan:
    """Choose how a derivative is carried.

    Parameters
    ----------
    n, m : int
        Numbers of inputs and outputs; ``m`` is None before f has run.
    order : {1, 2}
        Jacobian or Hessian.
    work : Work, optional
        What one evaluation does, as read off a tape.
    recorded : bool
        f has been recorded at this point, and what is chosen from are the sweeps over the tape (and, where they are
        many, for the Hessian of several outputs, hyper-dual numbers, for which f runs again).
    costs : Costs, optional
        Other rates than the measured ones.

    Returns
    -------
    Plan

    Examples
    --------
    >>> from dualad.drivers.choose import choose
    >>> choose(1000, 1).mode, choose(3, 1000).mode
    ('reverse', 'forward')
    """
    return _chosen(n, m, order, work, recorded, costs)


@functools.lru_cache(maxsize=256)
def _chosen(n: int, m: int | None, order: int, work: Work | None, recorded: bool, costs: Costs | None) -> Plan:
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (Jacobian) or 2 (Hessian), not {order!r}")
    return (_first if order == 1 else _second)(n, m, work, recorded, costs or COSTS)


def _guessed(n: int, m: int | None) -> Work:
    """Return what a function of such sizes would do, written in array code."""
    return Work(10, 0, 10 * max(n, m or 1))


def _first(n: int, m: int | None, known: Work | None, recorded: bool, c: Costs) -> Plan:
    work = known or _guessed(n, m)
    unit = c.plain.cost(work, 0)
    most = most_lanes(max(n, m or 1), work.scalars)
    passes, chunk = _chunk(n, most)
    sunk = 0.0 if recorded else c.record.cost(work, 0)
    dual, columns, rows = "forward, dual numbers", "forward, recorded", "reverse, recorded"
    table = {columns: (sunk + c.forward.cost(work, n, passes)) / unit}
    if not recorded and passes == 1:
        table[dual] = c.dual.cost(work, n) / unit  # in more than one pass f would run more than once
    if m is None or (known is None and n <= DIRECT and not recorded):
        direct = n <= DIRECT
        reason = (
            f"{_counted(n, 'column')} can be carried by dual numbers in one evaluation, without a recording"
            if direct
            else "the number of outputs is not known before f has run: it is recorded once, then swept the cheaper way"
        )
        return Plan("forward", not direct, max(n, 1) if direct else chunk, n, m, 1, reason, table, known)
    row_passes, row_chunk = _chunk(m, most)
    table[rows] = (sunk + c.reverse.cost(work, m, row_passes)) / unit
    ranked = sorted(table, key=table.__getitem__)
    name = ranked[0]
    said = {
        dual: f"{_counted(n, 'column')} on dual numbers",
        columns: f"{_counted(n, 'column')} forward over a recording",
        rows: f"{_counted(m, 'row')} backward over a recording",
    }
    reason = "; ".join(f"{said[one]}: {table[one]:.1f} evaluations of f" for one in ranked[:2])
    if name == rows:
        return Plan("reverse", True, row_chunk, n, m, 1, reason, table, known)
    return Plan("forward", name == columns, chunk, n, m, 1, reason, table, known)


def _second(n: int, m: int | None, known: Work | None, recorded: bool, c: Costs) -> Plan:
    work = known or _guessed(n, m)
    unit = c.plain.cost(work, 0)
    passes, chunk = _chunk(n, most_lanes(n, 2 * work.scalars))
    # The gradient of each output makes the tape longer by about twice its first length, and the columns of that output
    # run over all that there is by then.
    outputs = 1 if m is None else m
    columns = outputs * (outputs + 2) * c.forward.cost(work, n, passes)
    sunk = 0.0 if recorded else c.record.cost(work, 0)
    table = {"forward-over-reverse": (sunk + outputs * c.extend.cost(work, 0) + columns) / unit}
    over = f"{_counted(n, 'column')} forward over a recorded gradient: {table['forward-over-reverse']:.0f}"
    if recorded and outputs == 1:
        return Plan("forward-over-reverse", True, chunk, n, m, 2, f"{over} evaluations of f", table, known)
    # All pairs of directions at once: f runs once, and one half of them is carried twice, which costs no more than to
    # run f again for each block of them.
    lanes = n * (n + 2)
    large = lanes * work.elements // max(work.calls, 1) > _MOST_ELEMENTS
    if n > SIDE and (large or known is None):
        why = "the arrays of all pairs of directions would be large" if large else "f is not known yet, and is recorded"
        return Plan("forward-over-reverse", True, chunk, n, m, 2, f"{why}; {over} evaluations of f", table, known)
    table["hyperdual"] = c.hyper.cost(work, lanes) / unit
    pairs = f"hyper-dual numbers: {table['hyperdual']:.0f}"
    if table["hyperdual"] <= table["forward-over-reverse"]:
        return Plan("hyperdual", False, max(n, 1), n, m, 2, f"{pairs} evaluations of f; {over}", table, known)
    return Plan("forward-over-reverse", True, chunk, n, m, 2, f"{over} evaluations of f; {pairs}", table, known)


@functools.lru_cache(maxsize=256)
def asked(mode: str, n: int, m: int | None, order: int, chunk: int) -> Plan:
    """Return the plan of a mode that the caller named."""
    recorded = mode in ("reverse", "forward-over-reverse")
    return Plan(mode, recorded, chunk, n, m, order, f"mode={mode!r} was asked for")
