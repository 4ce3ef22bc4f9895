"""The dispatcher: which mode carries a derivative, from its sizes and the weight of the function, and why.

All costs are predicted from a table of measured times, :data:`COSTS`; ``benchmarks/bench_crossover.py`` measures them
again and prints them in the form of this file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["COSTS", "Costs", "Plan", "Rate", "Work", "choose", "most_lanes"]


@dataclass(frozen=True)
class Work:
    """What one evaluation of a function does: calls of array functions, operations on scalars, elements of arrays.

    The default stands for a function that is not known yet.
    """

    calls: int = 10
    scalars: int = 0
    elements: int = 1000


@dataclass(frozen=True)
class Rate:
    """Nanoseconds for a call, a scalar and an element, and what each direction that is carried adds to a scalar and an
    element.
    """

    call: float
    scalar: float
    element: float
    lane_scalar: float = 0.0
    lane_element: float = 0.0

    def cost(self, work: Work, lanes: int, passes: int = 1) -> float:
        """Return the nanoseconds for a number of directions, carried in several passes."""
        base = self.call * work.calls + self.scalar * work.scalars + self.element * work.elements
        return passes * base + lanes * (self.lane_scalar * work.scalars + self.lane_element * work.elements)


@dataclass(frozen=True)
class Costs:
    """Measured rates: of f itself, of f on dual and on hyper-dual numbers, of its recording, of sweeps over the tape,
    and of the gradient written on the tape."""

    plain: Rate = Rate(560, 40, 0.9)
    dual: Rate = Rate(5500, 110, 2.0, 3.5, 1.0)
    record: Rate = Rate(5000, 75, 1.2)
    forward: Rate = Rate(1900, 5, 1.0, 1.0, 1.0)
    reverse: Rate = Rate(1800, 7, 1.5, 0.9, 1.0)
    hyper: Rate = Rate(9000, 350, 4.0, 2.0, 1.2)
    extend: Rate = Rate(45000, 25000, 1.0)


COSTS = Costs()
# Up to so many inputs dual numbers are taken at once: whether rows were cheaper is known after a recording only.
DIRECT = 12
SIDE = 12  # hyper-dual numbers carry blocks of so many directions a side


@dataclass(frozen=True)
class Plan:
    """What the dispatcher chose, and why.

    ``costs`` are the predicted costs of all alternatives, in evaluations of f.
    """

    mode: str
    chunk: int
    n: int
    m: int | None
    order: int
    reason: str
    costs: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        outputs = "a number of outputs that is not known yet" if self.m is None else _counted(self.m, "output")
        derivative = "Jacobian" if self.order == 1 else "Hessian"
        lines = [
            f"{derivative} of {_counted(self.n, 'input')} and {outputs}: {self.mode}, {self.chunk} at a time",
            self.reason,
            "predicted cost, in evaluations of f:",
        ]
        lines += [f"  {name:<24} {cost:8.1f}" for name, cost in sorted(self.costs.items(), key=lambda item: item[1])]
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
    costs: Costs = COSTS,
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
        f has been recorded at this point: what needs no further evaluation is what is chosen from.
    costs : Costs
        The measured rates.

    Returns
    -------
    Plan
        ``mode`` is "forward" or "reverse" (order 1; "record" where m must be known first), "hyperdual" or
        "forward-over-reverse" (order 2).

    Examples
    --------
    >>> from dualad.drivers.choose import choose
    >>> choose(1000, 1).mode, choose(3, 1000).mode
    ('reverse', 'forward')
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (Jacobian) or 2 (Hessian), not {order!r}")
    known = Work(elements=10 * max(n, m or 1)) if work is None else work
    return (_second if order == 2 else _first)(n, m, known, recorded, costs)


def _first(n: int, m: int | None, work: Work, recorded: bool, c: Costs) -> Plan:
    unit = c.plain.cost(work, 0)
    most = most_lanes(max(n, m or 1), work.scalars)
    passes, chunk = _chunk(n, most)
    sunk = 0.0 if recorded else c.record.cost(work, 0)
    table = {"forward": (sunk + c.forward.cost(work, n, passes)) / unit}
    if not recorded:
        table["forward, dual numbers"] = c.dual.cost(work, n, passes) / unit
    if n <= DIRECT and not recorded:
        reason = f"{_counted(n, 'column')} can be carried by dual numbers in one evaluation, without a recording"
        return Plan("forward", chunk, n, m, 1, reason, table)
    if m is None:
        reason = (
            "the number of outputs is not known before f has run: it is recorded once, and then swept the cheaper way"
        )
        return Plan("record", chunk, n, m, 1, reason, table)
    row_passes, row_chunk = _chunk(m, most)
    table["reverse"] = (sunk + c.reverse.cost(work, m, row_passes)) / unit
    forward = f"{_counted(n, 'column')} forward cost {table['forward']:.1f} evaluations of f"
    reverse = f"{_counted(m, 'row')} backward cost {table['reverse']:.1f} evaluations of f"
    if table["reverse"] < table["forward"]:
        return Plan("reverse", row_chunk, n, m, 1, f"{reverse}, {forward}", table)
    return Plan("forward", chunk, n, m, 1, f"{forward}, {reverse}", table)


def _second(n: int, m: int | None, work: Work, recorded: bool, c: Costs) -> Plan:
    unit = c.plain.cost(work, 0)
    outputs = 1 if m is None else m
    blocks, side = _chunk(n, SIDE)
    pairs = blocks * (blocks + 1) // 2
    passes, chunk = _chunk(n, most_lanes(n, 2 * work.scalars))
    # The gradient makes the tape about twice as long again, and the columns run over all of it.
    columns = 3 * c.forward.cost(work, n, passes)
    sunk = 0.0 if recorded else c.record.cost(work, 0)
    table = {
        "hyperdual": c.hyper.cost(work, pairs * side * (side + 2), pairs) / unit,
        "forward-over-reverse": (sunk + outputs * (c.extend.cost(work, 0) + columns)) / unit,
    }
    blockwise = f"hyper-dual numbers cost {table['hyperdual']:.0f} evaluations of f"
    over = f"{_counted(n, 'column')} forward over a recorded gradient cost {table['forward-over-reverse']:.0f}"
    if table["hyperdual"] <= table["forward-over-reverse"]:
        return Plan("hyperdual", side, n, m, 2, f"{blockwise}, {over}", table)
    return Plan("forward-over-reverse", chunk, n, m, 2, f"{over}, {blockwise}", table)
