"""Timing of alternatives against each other, in one run, on a machine that does other things too.

All alternatives of a comparison are timed in turn, in a new random order every round; what is reported is the median
over the rounds of the ratio to a reference of the same round, and the quartiles of that ratio. Load that comes and goes
then hits both sides of a ratio.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import repeat
from pathlib import Path
from typing import Any

Call = Callable[[], Any]

ROOT = Path(__file__).resolve().parent.parent
_SAMPLE = 1e-3  # seconds that one sample of a short call should take
PACKAGES = ("dualad", "numpy", "scipy", "jax", "casadi", "autograd", "num-dual", "torch", "numba")
_FEWEST = 9  # rounds, however long they take


@dataclass
class Row:
    """One alternative: its time, and the figure that it is judged by, with quartiles."""

    group: str
    name: str
    seconds: float
    value: float
    low: float
    high: float
    unit: str = "x"  # "x" for a ratio to the reference, "ms" for a difference
    limit: float | None = None
    at_most: float | None = None  # a limit of the time itself, in seconds

    @property
    def holds(self) -> bool | None:
        """Whether the figures are within their limits; None where there is no limit."""
        judged = [(self.value, self.limit), (self.seconds, self.at_most)]
        found = [figure <= limit for figure, limit in judged if limit is not None]
        return all(found) if found else None

    def limits(self) -> str:
        """Return the limits as text."""
        if self.seconds == float("inf"):
            return "to run"
        ratio = [] if self.limit is None else [f"{self.limit:.3g} {self.unit}"]
        return " and ".join(ratio + ([] if self.at_most is None else [duration(self.at_most)]))


def once(call: Call, loops: int) -> float:
    """Return the seconds that ``loops`` calls take."""
    again = repeat(None, loops)
    start = time.perf_counter()
    for _ in again:
        call()
    return time.perf_counter() - start


def loops_for(call: Call) -> int:
    """Return how many calls make one sample."""
    call()
    loops = 1
    while (took := once(call, loops)) < _SAMPLE / 2:
        loops = max(2 * loops, min(10 * loops, int(loops * _SAMPLE / max(took, 1e-9))))
    return loops


def paired(calls: Mapping[str, Call], seconds: float) -> dict[str, list[float]]:
    """Return the seconds of one call for each alternative and round; the rounds take about ``seconds`` in all."""
    loops = {name: loops_for(call) for name, call in calls.items()}
    order = list(calls)
    times: dict[str, list[float]] = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(times[order[0]]) < _FEWEST:
            random.shuffle(order)
            for name in order:
                times[name].append(once(calls[name], loops[name]) / loops[name])
    finally:
        if collecting:
            gc.enable()
    return times


def quartiles(numbers: Sequence[float]) -> tuple[float, float, float]:
    """Return the median and the lower and upper quartile."""
    low, middle, high = statistics.quantiles(numbers, n=4, method="inclusive")
    return middle, low, high


def installed(*names: str) -> dict[str, str]:
    """Return the versions of those distributions that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


class Report:
    """The tables of one benchmark file; printed as they are measured, and written as JSON at the end."""

    def __init__(self, name: str, about: str) -> None:
        parser = argparse.ArgumentParser(description=about)
        parser.add_argument("--seconds", type=float, default=0.6, help="time for each comparison (default %(default)s)")
        parser.add_argument("--only", metavar="WORD", default="", help="run only the tables whose title has this word")
        parser.add_argument("--strict", action="store_true", help="fail when a figure is not within its limit")
        results = ROOT / "build" / "bench" / f"{name}.json"
        parser.add_argument("--json", type=Path, metavar="FILE", default=results, help="default %(default)s")
        self.options = parser.parse_args()
        self.name = name
        self.tables: list[dict[str, Any]] = []
        self.rows: list[Row] = []

    def table(self, title: str, note: str = "") -> bool:
        """Begin a table, and say whether it is wanted."""
        self._print()
        wanted = self.options.only.lower() in title.lower()
        if wanted:
            self.tables.append({"title": title, "note": note, "rows": []})
        return wanted

    def compare(
        self,
        group: str,
        calls: Mapping[str, Call],
        *,
        limits: Mapping[str, float | Sequence[str]] | None = None,
        at_most: Mapping[str, float] | None = None,
        per: int = 1,
        difference: bool = False,
        least: float = 0.0,
    ) -> None:
        """Time alternatives, the first being the reference.

        A limit is a number, or names of alternatives none of which may be faster; ``at_most`` is a limit of the time
        of one operation, in seconds.
        ``per`` is the number of operations in one call, by which the times are divided; ``difference`` asks for
        milliseconds beyond the reference in place of the ratio to it; ``least`` is a time to spend, in seconds.
        """
        times = paired(calls, max(self.options.seconds, least))
        reference = times[next(iter(calls))]
        figures = {
            name: [1e3 * (a - b) if difference else a / b for a, b in zip(own, reference, strict=True)]
            for name, own in times.items()
        }
        for name, own in times.items():
            limit = (limits or {}).get(name)
            if isinstance(limit, Sequence):
                limit = min((statistics.median(figures[other]) for other in limit if other in figures), default=None)
            unit, most = "ms" if difference else "x", (at_most or {}).get(name)
            middle = statistics.median(own) / per
            self.rows.append(Row(group, name, middle, *quartiles(figures[name]), unit, limit, most))

    def missing(self, group: str, name: str, why: str) -> None:
        """Note that an alternative which has a limit could not be timed: it is not within it."""
        inf = float("inf")
        self.rows.append(Row(group, name, inf, inf, inf, inf, limit=0.0))
        self.remark(f"{group}, {name}: {why}")

    def remark(self, text: str) -> None:
        """Add a line under the table."""
        self.tables[-1]["note"] += f"\n{text}"

    def _print(self) -> None:
        """Print the rows of the table that was begun last."""
        if not self.rows:
            return
        table = self.tables[-1]
        table["rows"] = [asdict(row) | {"holds": row.holds, "limits": row.limits()} for row in self.rows]
        header = ("", "alternative", "one call", "figure", "quartiles", "limit", "holds")
        lines = []
        for before, row in zip([None, *self.rows[:-1]], self.rows, strict=True):
            first = before is None or before.group != row.group
            holds = {None: "", True: "yes", False: "NO"}[row.holds]
            figure = f"{row.value:.3g} {row.unit}"
            spread = f"{row.low:.3g} .. {row.high:.3g}"
            group, took = row.group if first else "", duration(row.seconds)
            lines.append((group, row.name, took, figure, spread, row.limits(), holds))
        print_table(table["title"], header, lines, table["note"])
        self.rows = []

    def close(self) -> int:
        """Print what is left, write the JSON file and return the exit status."""
        self._print()
        rows = [row for table in self.tables for row in table["rows"]]
        judged = [row for row in rows if row["holds"] is not None]
        failed = [row for row in judged if not row["holds"]]
        content = {
            "benchmark": self.name,
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            "processor": platform.machine(),
            "packages": installed(*PACKAGES),
            "tables": self.tables,
        }
        self.options.json.parent.mkdir(parents=True, exist_ok=True)
        self.options.json.write_text(json.dumps(content, indent=1) + "\n")
        if judged:
            print(f"{len(judged) - len(failed)} of {len(judged)} figures with a limit are within it")
        for row in failed:
            figure = f"{row['value']:.3g} {row['unit']}, {duration(row['seconds'])}, limit {row['limits']}"
            print(f"  not within it: {row['group']}, {row['name']}: {figure}")
        print(f"All figures are in {self.options.json}")
        return 1 if failed and self.options.strict else 0


def duration(seconds: float) -> str:
    """Return a time with a unit that suits it."""
    for unit, size in (("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3)):
        if seconds < 1000 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def print_table(title: str, header: Sequence[str], lines: Sequence[Sequence[str]], note: str) -> None:
    """Print a table, with rich where it is installed."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
        print(f"\n{title}")
        for line in [header, ["-" * width for width in widths], *lines]:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if note:
            print(note)
    else:
        table = Table(title=title, title_justify="left", caption=note or None, caption_justify="left")
        for i, name in enumerate(header):
            table.add_column(name, justify="left" if i in (0, 1, 6) else "right", no_wrap=True)
        for line in lines:
            table.add_row(*line, style="bold red" if line[-1] == "NO" else None)
        Console(width=None if sys.stdout.isatty() else 140).print(table)
    sys.stdout.flush()
