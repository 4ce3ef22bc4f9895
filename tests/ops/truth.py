"""Samples of a row's domain, and true partial derivatives there, to far more digits than a double has."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import mpmath as mp
import numpy as np
from mpmath import mpf
from oracle import FUNCTIONS, INTEGRANDS

from dualad.ops.table import Elementwise, Interval

__all__ = ["Truth", "sample"]

WIDE = 1e3


def _ends(interval: Interval) -> tuple[float, float]:
    low, high = interval.sample or (interval.low, interval.high)
    return max(low, -1e300), min(high, 1e300)


def _draw(interval: Interval, count: int, rng: np.random.Generator) -> Any:
    """Draw from all of an interval: evenly, close to each end, and close to zero."""
    low, high = _ends(interval)
    if interval.integer:
        return rng.integers(int(low), int(high) + 1, count)
    even = rng.uniform(low, high, count)
    tiny = 10.0 ** rng.uniform(-12.0, 0.0, count)
    if low >= 0.0 and (high > 1e299 or high > WIDE * low > 0.0):
        even = np.exp(rng.uniform(np.log(max(low, 1e-300)), np.log(high), count))
    elif high > WIDE:
        even = np.sign(even) * 10.0 ** rng.uniform(-3.0, np.log10(high), count)
        even = np.clip(even, low, high)
    nearly_low = low + (min(high, low + 1.0) - low) * tiny
    nearly_high = high - (high - max(low, high - 1.0)) * tiny
    ends = np.where(rng.uniform(size=count) < 0.5, nearly_low, nearly_high)
    small = np.sign(even) * min(1.0, high) * tiny if low < 0.0 < high else ends
    pick = rng.uniform(size=count)
    return np.where(pick < 0.6, even, np.where(pick < 0.8, ends, small))


def sample(row: Elementwise, count: int) -> list[Any]:
    """Return one array an argument, drawn from the domain with a seed that only depends on the row's name."""
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    columns = [_draw(interval, 3 * count, rng) for interval in row.domain]
    keep = np.ones(3 * count, dtype=bool)
    for column, interval in zip(columns, row.domain, strict=True):
        if not interval.integer:
            keep &= (column != interval.low) & (column != interval.high)
        for kink in row.kinks:
            keep &= np.abs(column - kink) > 1e-6
    for first, second in combinations(range(len(columns)), 2):
        keep &= row.domain[first].integer | row.domain[second].integer | (columns[first] != columns[second])
    places = np.flatnonzero(keep)[:count]
    return [column[places] for column in columns]


class Truth:
    """True partials of a row at one point, by central differences, the precision raised until they are sharp."""

    STEP = 18
    SURE = 22

    def __init__(self, row: Elementwise, point: tuple[Any, ...]) -> None:
        self.row = row
        self.integral = row.name in INTEGRANDS
        self.function: Callable[..., Any] = INTEGRANDS[row.name] if self.integral else FUNCTIONS[row.name]
        self.point = tuple(
            int(x) if interval.integer else mpf(float(x)) for x, interval in zip(point, row.domain, strict=True)
        )
        self.known: dict[Any, Any] = {}
        self.near: list[Truth] | None = None

    def neighbours(self) -> list[Truth]:
        """Return the truth at the points that differ by one unit in the last place of one argument."""
        if self.near is None:
            self.near = []
            for i, (x, interval) in enumerate(zip(self.point, self.row.domain, strict=True)):
                if not interval.integer:
                    truth = Truth(self.row, self.point)
                    truth.point = (*self.point[:i], x * (1 + mpf(2) ** -52), *self.point[i + 1 :])
                    self.near.append(truth)
        return self.near

    def value(self) -> tuple[Any, ...]:
        """Return the value of each output."""
        with mp.workdps(40):
            return self._at({})

    def partial(self, output: int, *wanted: int, attempts: int = 4) -> Any:
        """Return the partial of an output in the arguments ``wanted`` (one, two, or one twice)."""
        if self.integral:
            wanted = wanted[1:]
        if not wanted:
            return self._at({})[output]
        reach = int(sum(abs(mp.log10(x)) for x in map(abs, self.point) if x and x > 1)) + 2
        for attempt in range(attempts):
            digits = reach + 70 * 2**attempt
            with mp.workdps(digits):
                found, size = self._difference(output, wanted)
                if abs(found) > size * mpf(10) ** (self.SURE + reach - digits):
                    return found / self._steps(wanted)
        return mpf(0)

    def _difference(self, output: int, wanted: tuple[int, ...]) -> tuple[Any, Any]:
        total, size = mpf(0), mpf(0)
        if len(wanted) == 2 and wanted[0] == wanted[1]:
            terms = [((wanted[0], s),) for s in (-1, 1)]
            signs = [1, 1]
            middle = self._at({})[output]
            total -= 2 * middle
            size = abs(middle)
        else:
            shifts = list(product((-1, 1), repeat=len(wanted)))
            terms = [tuple(zip(wanted, shift, strict=True)) for shift in shifts]
            signs = [int(np.prod(shift)) for shift in shifts]
        for term, sign in zip(terms, signs, strict=True):
            moved = self._at(dict(term))[output]
            total += sign * moved
            size = max(size, abs(moved))
        return total, size

    def _steps(self, wanted: tuple[int, ...]) -> Any:
        if len(wanted) == 2 and wanted[0] == wanted[1]:
            return self._step(wanted[0]) ** 2
        return mp.fprod(2 * self._step(i) for i in wanted)

    def _step(self, i: int) -> Any:
        interval, x = self.row.domain[i], self.point[i]
        room = mpf(1)
        for end in (interval.low, interval.high, *self.row.kinks):
            if abs(end) < 1e300:
                room = min(room, abs(x - mpf(end)))
        return room * mpf(10) ** -self.STEP

    def _at(self, shift: dict[int, int]) -> tuple[Any, ...]:
        key = (mp.mp.dps, tuple(sorted(shift.items())))
        if key not in self.known:
            moved = [x + shift[i] * self._step(i) if shift.get(i) else x for i, x in enumerate(self.point)]
            value = self.function(*moved)
            self.known[key] = value if isinstance(value, tuple) else (value,)
        return self.known[key]
