"""The dispatcher: which mode carries a derivative, from its sizes alone, with the reason as a sentence.

Costs are in evaluations of f. The constants below were measured by ``benchmarks/bench_crossover.py``, which measures them
again on another machine; see ``docs/internals/dispatcher.md``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

__all__ = ["COSTS", "Costs", "Plan", "choose", "most_lanes"]


@dataclass(frozen=True)
class Costs:
    """Measured costs, in evaluations of f on floats.

    ``dual`` and ``dual_lane``: one evaluation on dual numbers, and what each direction adds. ``record``: one recording.
    ``forward``, ``forward_lane``, ``reverse``, ``reverse_lane``: a sweep over the tape, and what each lane adds.
    ``hyper_lane``: what each of the k1 + k2 + k1 k2 parts of a hyper-dual number adds. ``extend``: the adjoint written on
    the tape, which makes the tape that many times as long.
    """

    dual: float = 1.5
    dual_lane: float = 0.55
    record: float = 2.0
    forward: float = 1.0
    forward_lane: float = 0.55
    reverse: float = 1.5
    reverse_lane: float = 0.8
    hyper_lane: float = 0.7
    extend: float = 3.0


COSTS = Costs()
DIRECT = 4  # up to so many inputs dual numbers are taken without a recording


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
        sizes = f"n = {self.n} inputs, m = {'not known' if self.m is None else self.m} outputs, order {self.order}"
        table = [f"  {name:<22} {cost:10.1f}" for name, cost in sorted(self.costs.items(), key=lambda item: item[1])]
        return "\n".join(
            [f"{self.mode}, {self.chunk} at a time ({sizes})", self.reason, "predicted cost in evaluations of f:", *table]
        )


def most_lanes(size: int) -> int:
    """Return how many lanes to carry at once: as many as keep the lanes of an array of ``size`` in the cache."""
    return max(16, min(256, (1 << 17) // max(size, 1)))


def _chunk(lanes: int, size: int) -> int:
    """Return the width of chunks that are as wide as they may be, and nearly equal."""
    pieces = max(1, math.ceil(lanes / most_lanes(size)))
    return max(1, math.ceil(lanes / pieces))


def choose(
    n: int, m: int | None = None, order: int = 1, nodes: int | None = None, costs: Costs = COSTS, *, recorded: bool = False
) -> Plan:
    """Choose how a derivative is carried.

    Parameters
    ----------
    n, m : int
        Numbers of inputs and outputs; ``m`` is None before f has run.
    order : {1, 2}
        Jacobian or Hessian.
    nodes : int, optional
        Length of the tape, where there is one; it is named in the reason.
    costs : Costs
        The cost model.

    Returns
    -------
    Plan
        ``mode`` is "forward", "reverse" (order 1), "hyperdual" or "forward-over-reverse" (order 2).

    Examples
    --------
    >>> from dualad.drivers.choose import choose
    >>> choose(1000, 1).mode, choose(3, 1000).mode
    ('reverse', 'forward')
    """
    if order not in (1, 2):
        raise ValueError(f"order must be 1 (Jacobian) or 2 (Hessian), not {order!r}")
    return _second(n, m, costs, recorded) if order == 2 else _first(n, m, nodes, costs, recorded)


def _first(n: int, m: int | None, nodes: int | None, c: Costs, recorded: bool) -> Plan:
    direct = c.dual + c.dual_lane * n
    table = {"forward (dual)": direct, "forward (tape)": c.record + c.forward + c.forward_lane * n}
    if m is not None:
        table["reverse (tape)"] = c.record + c.reverse + c.reverse_lane * m
    if n <= DIRECT and not recorded:
        reason = f"n = {n} columns are few enough to be carried by dual numbers in one evaluation, without a recording"
        return Plan("forward", _chunk(n, n), n, m, 1, reason, table)
    if m is None:
        reason = f"m is not known before f has run: f is recorded once, and the cheaper sweep of its {n} inputs is then taken"
        return Plan("record", _chunk(n, n), n, m, 1, reason, table)
    length = "" if nodes is None else f" over {nodes} nodes"
    forward, reverse = table["forward (tape)"], table["reverse (tape)"]
    if reverse < forward:
        reason = f"{m} rows backward{length} cost {reverse:.1f}, {n} columns forward {forward:.1f} evaluations of f"
        return Plan("reverse", _chunk(m, n), n, m, 1, reason, table)
    reason = f"{n} columns forward{length} cost {forward:.1f}, {m} rows backward {reverse:.1f} evaluations of f"
    return Plan("forward", _chunk(n, n), n, m, 1, reason, table)


def _second(n: int, m: int | None, c: Costs, recorded: bool) -> Plan:
    outputs = 1 if m is None else m
    side = min(n, 12)
    blocks = math.ceil(n / max(side, 1))
    hyper = blocks * (blocks + 1) / 2 * (c.dual + c.hyper_lane * (2 * side + side * side))
    over = outputs * (c.record + c.extend + c.extend * c.forward_lane * n)
    table = {"hyperdual": hyper, "forward-over-reverse": over}
    if hyper <= over and not recorded:
        reason = f"hyper-dual numbers carry all {n} x {n} second derivatives without a tape, at {hyper:.1f} evaluations of f"
        return Plan("hyperdual", side, n, m, 2, reason, table)
    reason = f"{n} columns forward over one recorded gradient cost {over:.1f}, hyper-dual numbers {hyper:.1f} evaluations of f"
    return Plan("forward-over-reverse", _chunk(n, n), n, m, 2, reason, table)
