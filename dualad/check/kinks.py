"""Kinks met on the way: ties, clip edges, absolute values at 0, branches near their boundary, ends of a domain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from dualad.check.engine import parts
from dualad.check.replay import Comparison, Site, sites
from dualad.check.report import Kink
from dualad.check.watched import Watched
from dualad.numeric.attempt import attempt
from dualad.numeric.ladder import ladder, sweep
from dualad.numeric.points import Points
from dualad.ops.table import Elementwise, Interval, Ruled

__all__ = ["find_kinks"]

_TIES: Final = {"maximum": (0, 1), "minimum": (0, 1), "fmax": (0, 1), "fmin": (0, 1)}
_QUOTIENTS: Final = ("remainder", "fmod", "divmod", "floor_divide")
_MOST: Final = 50  # so many nodes without a formula are tried by differences


def find_kinks(
    watched: Watched, near: float, rng: np.random.Generator, step: Callable[[], None] = lambda: None
) -> list[Kink]:
    """Return the kinks within reach: nodes of one line and one kind are told once, with their number."""
    relied = {node for node, _ in watched.tape.guards}
    found: dict[tuple[Any, ...], Kink] = {}
    tried = 0
    for site in sites(watched.tape):
        if isinstance(site, Comparison):
            kinks = _of_comparison(site, near, site.node in relied)
        elif isinstance(site.row, Elementwise):
            kinks = _of_elementwise(site, near)
        elif isinstance(site.row, Ruled) and tried < _MOST:
            tried += 1
            kinks = _of_array(site, near, rng)
        else:
            continue
        for kink in kinks:
            operator = watched.within.get(site.node, kink.operator)
            kink = replace(kink, operator=operator, node=site.node, place=watched.place(site.node))
            key = (kink.operator, kink.what, kink.place)
            found[key] = replace(found[key], count=found[key].count + 1) if key in found else kink
        step()
    return [
        kink if kink.count == 1 else replace(kink, what=f"{kink.what}, {kink.count} times") for kink in found.values()
    ]


def _close(x: Any, y: Any, near: float) -> Any:
    """Say where two numbers are equal or nearly so."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return np.abs(x - y) <= near * np.maximum(1.0, np.minimum(np.abs(x), np.abs(y)))


def _told(operator: str, close: Any, exact: Any, at: str, by: str) -> Iterator[Kink]:
    count, size = int(np.count_nonzero(close)), np.size(close)
    if count:
        words = at if np.any(exact & close) else by
        yield Kink(operator, words if size == 1 else f"{words} in {count} of {size} elements")


def _of_comparison(site: Comparison, near: float, relied: bool) -> Iterator[Kink]:
    try:
        close = _close(site.left, site.right, near)
        exact = np.equal(site.left, site.right)
    except (TypeError, ValueError):
        return
    what = "branch" if relied else "condition"
    yield from _told(f"{what} {site.sign}", close, exact, "at its boundary: both sides are equal", "near its boundary")


def _of_elementwise(site: Site, near: float) -> Iterator[Kink]:
    row, operands = site.row, site.operands
    if row.name in _TIES or row.name == "umath_clip":
        pairs = [(0, 1)] if row.name in _TIES else [(0, 1), (0, 2)]
        for i, j in pairs:
            x, y = operands[i], operands[j]
            at, by = ("tie", "nearly a tie") if row.name in _TIES else ("at a clip edge", "near a clip edge")
            yield from _told(row.name, _close(x, y, near), np.equal(x, y), at, by)
        return
    for i in site.active:
        x = np.asarray(operands[i], dtype=float)
        for kink in row.kinks:
            yield from _told(
                row.name, _close(x, kink, near), x == kink, f"at its kink {kink:g}", f"near its kink {kink:g}"
            )
        yield from _of_ends(row, row.domain[i], x, near)
    if row.name in _QUOTIENTS:
        x, y = (np.asarray(operand, dtype=float) for operand in operands)
        quotient = x / y
        whole = np.rint(quotient)
        yield from _told(row.name, _close(quotient, whole, near), quotient == whole, "at a jump", "near a jump")
    if row.name in ("hypot", "arctan2"):
        x, y = (np.asarray(operand, dtype=float) for operand in operands)
        yield from _told(row.name, (np.hypot(x, y) <= near), (x == 0) & (y == 0), "at the origin", "near the origin")


def _of_ends(row: Elementwise, domain: Interval, x: Any, near: float) -> Iterator[Kink]:
    for end, closed in zip((domain.low, domain.high), domain.closed, strict=True):
        if closed and np.isfinite(end):
            yield from _told(
                row.name, _close(x, end, near), x == end, f"at the end {end:g} of its domain", f"near the end {end:g}"
            )


def _of_array(site: Site, near: float, rng: np.random.Generator) -> Iterator[Kink]:
    """Try a node without a formula by differences: where it bends, the slopes to both sides differ."""
    for i in site.active:
        x = np.asarray(site.operands[i], dtype=float)

        def at(x: Any, i: int = i) -> Any:
            full = list(site.operands)
            full[i] = x
            return np.concatenate([np.ravel(part) for part in parts(site.call(full))])

        points, error = attempt(Points, at, x, (), False, True)
        if error is not None:
            return
        v = rng.choice([-1.0, 1.0], x.size) * rng.uniform(0.5, 1.0, x.size)
        count = int(np.count_nonzero(sweep(points, v, ladder(float(np.median(np.abs(x))) if x.size else 0.0)).kinked))
        if count:
            yield Kink(site.row.name, f"bends here: {count} of {points.m} results" if points.m > 1 else "bends here")
            return
