"""Forward against reverse: where they cross, whether the dispatcher finds the cheaper one, and the constants it
predicts by.

    python benchmarks/bench_crossover.py                     # the tables
    python benchmarks/bench_crossover.py --only constants    # measures dualad.drivers.choose.COSTS again

The Jacobians are those of functions of n inputs and m outputs, of four kinds. A cell shows the time of a call of
``jacobian(f)`` over that of the better of ``mode="forward"`` and ``mode="reverse"``, the median of the ratios of rounds
in which all of them take turns: of a call after two others, which have learned what f does, and of a first call. A cell
beyond its limit is measured again, four times as long, and what counts is this second figure.
NumPy's BLAS has one thread here, so that no figure depends on whether it found the other cores idle.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded
os.environ.setdefault("MKL_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Report, Row, paired, print_table, quartiles
from scipy.optimize import nnls

from dualad import jacobian
from dualad.drivers.arguments import Varied, collect
from dualad.drivers.choose import Costs, Rate
from dualad.drivers.columns import tangents, work_of
from dualad.drivers.compressed import directional
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.hyper import block
from dualad.drivers.recording import Recording

SIZES = (1, 3, 10, 30, 100, 300, 1000)
CLOSE, WORST, SHARE = 1.3, 2.5, 0.9  # what is demanded of the ratios, and of how many cells

NOTE = (
    "time over that of the better of forward and reverse: of a later call, of a first call; and what the first and the "
    "later call did: d dual numbers, c columns over a recording, r rows over a recording"
)

Call = Callable[[], Any]


def letter(plan: Any) -> str:
    return "r" if plan.mode == "reverse" else "c" if plan.recorded else "d"


# --- the kinds of functions -------------------------------------------------------------------------------------------


def products(n: int, m: int) -> Callable[[Any], Any]:
    """Matrix products and elementwise functions."""
    weights = np.random.default_rng(n * 1000 + m).normal(size=(m, n)) / np.sqrt(n)

    def f(x: Any) -> Any:
        hidden = np.tanh(x) * x + np.exp(-(x**2))
        return np.sin(weights @ hidden) + np.sqrt(1 + (weights @ x) ** 2)

    return f


def chains(n: int, m: int) -> Callable[[Any], Any]:
    """A chain of elementwise operations on the inputs, and one on the outputs."""
    places, weights = np.arange(m) % n, np.linspace(0.5, 1, m)

    def f(x: Any) -> Any:
        y = x
        for _ in range(5):
            y = np.sin(y) * 0.9 + 0.1 * y * x
        z = y[places] * np.mean(y)
        for _ in range(5):
            z = np.exp(-z * z) * weights + z
        return z

    return f


def loops(n: int, m: int) -> Callable[[Any], Any]:
    """Loops over the elements of the inputs and of the outputs."""

    def f(x: Any) -> Any:
        s = 0.0
        for i in range(n):
            s = s * 0.5 + x[i] * x[(i + 1) % n]
        y = np.zeros(m, like=x)
        for j in range(m):
            y[j] = s * x[j % n] + np.sin(x[(3 * j) % n])
        return y

    return f


def recurrences(n: int, m: int) -> Callable[[Any], Any]:
    """Hundreds of operations on numbers, whatever n and m are."""

    def f(x: Any) -> Any:
        a, b = x[0], x[n - 1]
        for i in range(200):
            a, b = a * 0.99 + b * x[i % n] * 0.01, b - 0.01 * a
        y = np.zeros(m, like=x)
        for j in range(m):
            y[j] = a * x[j % n] + b
        return y

    return f


# --- the tables -------------------------------------------------------------------------------------------------------


def crossover(report: Report, family: Callable[[int, int], Callable[[Any], Any]]) -> None:
    """Measure the table of one family."""
    laters, firsts, lines = [], [], []
    for n in SIZES:
        line = [str(n)]
        for m in SIZES:
            later, first, said = cell(family(n, m), np.linspace(0.1, 1, n), report.options.seconds)
            if max(later, first) > CLOSE:
                later, first, said = cell(family(n, m), np.linspace(0.1, 1, n), 4 * report.options.seconds)
            laters.append(later)
            firsts.append(first)
            line.append(f"{later:.2f} {first:.2f} {said}")
            print(".", end="", file=sys.stderr, flush=True)
        lines.append(line)
    print(file=sys.stderr)
    title = report.tables[-1]["title"]
    report.tables[-1]["cells"] = lines
    print_table(f"{title}: chosen over best", ("n \\ m", *map(str, SIZES)), lines, NOTE)
    for name, found in (("later call", laters), ("first call", firsts)):
        beyond = sum(ratio > CLOSE for ratio in found) / len(found)
        low, high = np.percentile(found, [25, 75])
        report.rows.append(Row(title, f"{name}: share of cells beyond {CLOSE}", 0, beyond, 0, 0, "", 1 - SHARE))
        report.rows.append(Row(title, f"{name}: worst cell", 0, max(found), low, high, "x", WORST))


def cell(f: Callable[[Any], Any], x: Any, seconds: float) -> tuple[float, float, str]:
    """Return the ratios of a later and of a first call, and what they did."""
    auto, first = jacobian(f), jacobian(f)
    forward, reverse = jacobian(f, mode="forward"), jacobian(f, mode="reverse")
    np.testing.assert_allclose(auto(x), forward(x), rtol=1e-9, atol=1e-12)
    said = letter(auto.plan)
    for _ in range(2):
        auto(x)

    def anew() -> Any:
        first.plan = None
        return first(x)

    calls: dict[str, Call] = {
        "later": lambda: auto(x), "first": anew, "forward": lambda: forward(x), "reverse": lambda: reverse(x),
    }  # fmt: skip
    times = paired(calls, seconds)
    best = min(times["forward"], times["reverse"], key=lambda one: quartiles(one)[0])
    ratios = [quartiles([a / b for a, b in zip(times[name], best, strict=True)])[0] for name in ("later", "first")]
    return ratios[0], ratios[1], said + letter(auto.plan)


# --- the constants ----------------------------------------------------------------------------------------------------


def chain(calls: int, size: int) -> tuple[Callable[[Any], Any], Any]:
    weights = np.linspace(0, 1, size)

    def f(x: Any) -> Any:
        y = x
        for _ in range(calls // 8):
            y = np.sin(y) * x + 0.5 * y
            y = np.where(y > 0, y, -y) * np.sum(y) + np.dot(y[::-1], weights)
        return np.sum(y)

    return f, np.linspace(0.1, 1, size) / size


def scalars(steps: int) -> tuple[Callable[[Any], Any], Any]:
    def f(x: Any) -> Any:
        a, b = x[0], x[1]
        for _ in range(steps // 4):
            a, b = a * 0.99 + b * 0.01, b - 0.01 * a
        return a * b

    return f, np.array([0.3, 0.7])


def constants(seconds: float) -> Costs:
    """Measure all rates by a fit of non-negative constants to the relative times of a set of functions.

    What is timed takes turns with the plain function, and counts by the median ratio to it, times the shortest time
    that the plain function took.
    """
    cases = [chain(c, s) for c in (8, 40) for s in (3, 300, 3000, 30000)] + [scalars(s) for s in (40, 400, 4000)]
    rows: dict[str, list[tuple[list[float], float]]] = {name: [] for name in Costs.__annotations__}
    for f, x in cases:
        recording = Recording(f, [0], (x,), {}, "constants")
        work = work_of(recording.tape)
        y = collect(recording.result)
        varied = Varied("constants", 0, (x,))
        n = x.size

        timed: list[tuple[str, int, Call]] = []

        def add(name: str, lanes: int, call: Call, timed: list[tuple[str, int, Call]] = timed) -> None:
            timed.append((name, lanes, call))

        add("plain", 0, lambda f=f, x=x: f(x))
        add("record", 0, lambda f=f, x=x: Recording(f, [0], (x,), {}, "constants"))
        for k in (1, 8, 64):
            if k * n > 1 << 19:
                continue
            some = np.zeros((k, n))
            some[np.arange(k), np.arange(k) % n] = 1.0
            add("dual", k, lambda f=f, x=x, some=some: directional(f, x, some))
            add("forward", k, lambda r=recording, y=y, some=some: tangents(r, y, [some]))
            add("reverse", k, lambda r=recording, y=y, k=k: r.pull_rows(y._operand(), np.ones(k)))
        for k in (1, 6, 24):
            if k * k * n > 1 << 19:
                continue
            some = np.zeros((k, n))
            some[np.arange(k), np.arange(k) % n] = 1.0
            add("hyper", k * (k + 2), lambda f=f, v=varied, some=some: block(f, v, {}, some, some))
        if work.scalars <= 400:
            add("extend", 0, lambda f=f, x=x: extended(f, x))
        times = [paired({"plain": timed[0][2], name: call}, seconds / 10) for name, _, call in timed]
        unit = min(min(found["plain"]) for found in times) * 1e9
        for (name, lanes, _), found in zip(timed, times, strict=True):
            ratio = quartiles([a / b for a, b in zip(found[name], found["plain"], strict=True)])[0]
            rows[name].append(([1, *work, lanes * work.scalars, lanes * work.elements], ratio * unit))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return Costs(**{name: fitted(name, found) for name, found in rows.items()})


def fitted(name: str, found: list[tuple[list[float], float]]) -> Rate:
    """Return the non-negative rates that come nearest to relative times."""
    a = np.array([weights for weights, _ in found], dtype=float)
    took = np.array([t for _, t in found])
    fit, off = nnls(a / took[:, None], np.ones(len(took)))
    print(f"{name}: {len(took)} times, typically off by {off / np.sqrt(len(took)):.0%}", file=sys.stderr)
    return Rate(*(float(f"{value:.2g}") for value in fit))


def extended(f: Callable[[Any], Any], x: Any) -> Any:
    recording = Recording(f, [0], (x,), {}, "constants")
    recording.tape.inputs = recording.inputs
    return SecondOrder(recording.tape, collect(recording.result))


FAMILIES = {
    "Jacobians of matrix products": products,
    "Jacobians of elementwise chains": chains,
    "Jacobians of loops over elements": loops,
    "Jacobians of scalar recurrences": recurrences,
}


def main() -> int:
    report = Report("crossover", "Forward against reverse, and the dispatcher.")
    for title, family in FAMILIES.items():
        if report.table(title):
            crossover(report, family)
    if report.table("Constants"):
        print(str(constants(report.options.seconds)).replace("), ", "),\n      "))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
