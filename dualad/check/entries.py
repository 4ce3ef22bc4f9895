"""Which entries of a wrong derivative are wrong, and what the error looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from dualad.check.differences import allowance
from dualad.check.report import Entry
from dualad.numeric.ladder import ladder, sweep
from dualad.numeric.points import Points

__all__ = ["likeness", "selection", "worst_entries"]

_MOST: Final = 60  # so many rows and columns are looked at
_SHOWN: Final = 8
_CLOSE: Final = 4  # digits from which on it is no mistake in the formula


def selection(suspect: Any, rng: np.random.Generator) -> Any:
    """Return the suspect places, or all where there is none; of too many a random part."""
    places = np.flatnonzero(suspect) if np.any(suspect) else np.arange(len(suspect))
    return places if len(places) <= _MOST else np.sort(rng.choice(places, _MOST, replace=False))


def worst_entries(
    name: str,
    claimed: Any,
    points: Points,
    rows: Any,
    columns: Any,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    eps: float,
    whole: bool = True,
) -> tuple[list[Entry], str]:
    """Return the worst of the claimed entries by differences along the axes, and what the error looks like.

    ``whole`` says whether all rows and columns are suspect, or those alone that are given.
    """
    wanted, error = np.empty(claimed.shape), np.empty(claimed.shape)
    x = points.x.ravel()
    for column, j in enumerate(columns):
        found = sweep(points, np.eye(1, points.n, j)[0], ladder(abs(float(x[j])))).first
        wanted[:, column], error[:, column] = found.value[rows], found.error[rows]
    off = np.abs(claimed - wanted)
    allowed = allowance(error, claimed, wanted, eps)
    bad = (off > allowed) | (~np.isfinite(claimed) & np.isfinite(wanted))
    ratio = np.where(bad, np.where(np.isfinite(off), off, np.inf), -1.0)
    out, inner = shapes
    entries = []
    for flat in np.argsort(-ratio, axis=None, kind="stable")[:_SHOWN]:
        i, j = divmod(int(flat), ratio.shape[1])
        if not bad[i, j]:
            break
        place = (*_place(rows[i], out), *_place(columns[j], inner))
        entries.append(Entry(name, place, float(claimed[i, j]), float(wanted[i, j]), float(error[i, j])))
    if whole:
        return entries, likeness(claimed, wanted, allowed, rows, columns, points.m)
    return entries, f"the right derivative but for {_places(bad, rows, columns, points.m)}" if np.any(bad) else ""


def _place(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    # A single number has no place of its own.
    return tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()


def likeness(claimed: Any, wanted: Any, allowed: Any, rows: Any, columns: Any, m: int) -> str:
    """Say in words how a wrong derivative differs from the right one: a sign, a factor, transposed, a few entries."""

    def same(other: Any) -> bool:
        return bool(np.all(np.abs(claimed - other) <= 10.0 * allowed + 1e-6 * np.abs(other)))

    known = np.isfinite(claimed) & np.isfinite(wanted)
    bad = np.abs(claimed - wanted) > allowed
    if not np.all(known) or not np.any(bad):
        return ""
    tests: list[tuple[str, Callable[[], bool]]] = [
        ("the right derivative with the other sign", lambda: same(-wanted)),
        (
            "the transpose of the right derivative",
            lambda: wanted.shape[0] == wanted.shape[1] and same(wanted.T) and not same(wanted),
        ),
    ]
    for words, test in tests:
        if test():
            return words
    digits = -np.log10(np.max(np.abs(claimed - wanted)) / max(np.max(np.abs(wanted)), np.finfo(float).tiny))
    if np.all(bad) and digits >= _CLOSE:
        return f"right to {int(digits)} digits; f itself may have no more (a solver, a table)"
    size = float(np.sum(wanted * wanted))
    factor = float(np.sum(claimed * wanted)) / size if size else 0.0
    if size and same(factor * wanted):
        return f"the right derivative times {factor:.12g}"
    if not np.all(bad):
        right = bad.size - np.count_nonzero(bad)
        return f"right in {right} of {bad.size} entries; wrong in {_places(bad, rows, columns, m)}"
    return ""


def _places(bad: Any, rows: Any, columns: Any, m: int) -> str:
    rows, columns = rows[bad.any(axis=1)], columns[bad.any(axis=0)]
    if np.count_nonzero(bad) == 1:
        return f"entry {columns[0]}" if m == 1 else f"entry ({rows[0]}, {columns[0]})"
    if bad.shape[0] > 1 and len(rows) == 1:
        return f"row {rows[0]} only"
    return f"column {columns[0]} only" if len(columns) == 1 else f"{np.count_nonzero(bad)} entries"
