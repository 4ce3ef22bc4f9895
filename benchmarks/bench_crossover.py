"""Forward against reverse: where they cross, whether the dispatcher finds the cheaper one, and the constants it
predicts by.

    python benchmarks/bench_crossover.py                     # the tables
    python benchmarks/bench_crossover.py --only constants    # measures dualad.drivers.choose.COSTS again

The Jacobians are those of functions of n inputs and m outputs, one kind in array code, one in a loop over scalars. A
cell shows the time of the mode that was chosen over that of the better of mode="forward" and mode="reverse".
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Report, Row, once, print_table
from scipy.optimize import nnls

from dualad import hessian, jacobian
from dualad.drivers.arguments import Varied, collect
from dualad.drivers.auto import jacobian_auto
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import Costs, Rate, Work
from dualad.drivers.columns import jacobian_columns, tangents, work_of
from dualad.drivers.compressed import directional
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.hyper import block
from dualad.drivers.recording import Recording

SIZES = (1, 3, 10, 30, 100, 300, 1000)
CLOSE, WORST, SHARE = 1.3, 2.5, 0.9  # what is demanded of the ratios, and of how many cells

NOTE = (
    "time over that of the better of forward and reverse: of a third call, of a first call; and what the first and the "
    "third took: d dual numbers, c columns over a recording, r rows over a recording"
)

Call = Callable[[], Any]


class Auto:
    """``jacobian(f, mode="auto")``: what one call finds out the next one knows."""

    def __init__(self, f: Callable[[Any], Any]) -> None:
        self.f, self.plan = f, None

    def __call__(self, x: Any) -> Any:
        found, self.plan = jacobian_auto(self.f, 0, (x,), {}, None, self.plan)
        return found


def letters(plan: Any) -> str:
    return "r" if plan.mode == "reverse" else "c" if plan.recorded else "d"


def arrays(n: int, m: int) -> Callable[[Any], Any]:
    weights = np.random.default_rng(n * 1000 + m).normal(size=(m, n)) / np.sqrt(n)

    def f(x: Any) -> Any:
        hidden = np.tanh(x) * x + np.exp(-(x**2))
        return np.sin(weights @ hidden) + np.sqrt(1 + (weights @ x) ** 2)

    return f


def loop(n: int, m: int) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        s = 0.0
        for i in range(n):
            s = s * 0.5 + x[i] * x[(i + 1) % n]
        y = np.zeros(m, like=x)
        for j in range(m):
            y[j] = s * x[j % n] + np.sin(x[(3 * j) % n])
        return y

    return f


def least(calls: dict[str, Call], seconds: float) -> dict[str, float]:
    """Return the shortest time of each call, the calls taking turns."""
    loops = {}
    for name, call in calls.items():
        call()
        loops[name] = max(1, min(200, int(2e-4 / max(once(call, 1), 1e-9))))
    best = dict.fromkeys(calls, np.inf)
    end = time.perf_counter() + seconds
    rounds = 0
    order = list(calls)
    while rounds < 5 or time.perf_counter() < end:
        random.shuffle(order)  # what ran before leaves caches warm or cold
        for name in order:
            best[name] = min(best[name], once(calls[name], loops[name]) / loops[name])
        rounds += 1
    return best


def crossover(report: Report, family: Callable[[int, int], Callable[[Any], Any]]) -> None:
    """Measure the table of one family."""
    ratios, firsts, lines = [], [], []
    for n in SIZES:
        line = [str(n)]
        for m in SIZES:
            f, x = family(n, m), np.linspace(0.1, 1, n)
            auto = Auto(f)
            np.testing.assert_allclose(auto(x), jacobian(f, mode="forward")(x), rtol=1e-9, atol=1e-12)
            first = auto.plan
            for _ in range(2):
                auto(x)
            best = least(
                {
                    "auto": lambda auto=auto, x=x: auto(x),
                    "first": lambda f=f, x=x: Auto(f)(x),
                    "forward": lambda f=f, x=x: jacobian(f, mode="forward")(x),
                    "reverse": lambda f=f, x=x: jacobian(f, mode="reverse")(x),
                },
                report.options.seconds / 3,
            )
            least_time = min(best["forward"], best["reverse"])
            ratios.append(best["auto"] / least_time)
            firsts.append(best["first"] / least_time)
            line.append(f"{ratios[-1]:.2f} {firsts[-1]:.2f} {letters(first)}{letters(auto.plan)}")
            print(".", end="", file=sys.stderr, flush=True)
        lines.append(line)
    print(file=sys.stderr)
    title = report.tables[-1]["title"]
    print_table(f"{title}: chosen over best", ("n \\ m", *map(str, SIZES), "")[:8], lines, NOTE)
    for name, found in (("", ratios), ("first call, ", firsts)):
        beyond = sum(ratio > CLOSE for ratio in found) / len(found)
        limits = (1 - SHARE, WORST) if not name else (None, None)
        report.rows.append(Row(title, f"{name}share of cells beyond {CLOSE}", 0, beyond, 0, 0, "x", limits[0]))
        quarters = np.percentile(found, [25, 75])
        report.rows.append(Row(title, f"{name}worst cell", 0, max(found), *quarters, "x", limits[1]))


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
    """Measure all rates by a fit of non-negative constants to the relative times of a set of functions."""
    cases = [(family(4, m), np.linspace(0.1, 1, 4)) for family in (arrays, loop) for m in (1, 8)]
    cases += [chain(c, s) for c in (8, 40) for s in (3, 300, 3000, 30000)] + [scalars(s) for s in (4, 8, 40, 400, 4000)]
    cases += [(family(30, m), np.linspace(0.1, 1, 30)) for family in (arrays, loop) for m in (1, 30)]
    rows: dict[str, list[tuple[list[float], float]]] = {name: [] for name in Costs.__annotations__}
    for f, x in cases:
        recording = Recording(f, [0], (x,), {}, "constants")
        work = work_of(recording.tape)
        y = collect(recording.result)
        m = int(np.size(y))
        varied = Varied("constants", 0, (x,))

        def add(name: str, lanes: int, call: Call, passes: int = 1, work: Work = work) -> None:
            base = [passes, passes * work.calls, passes * work.scalars, passes * work.elements]
            took = least({"": call}, seconds / 40)[""] * 1e9
            rows[name].append(([*base, lanes * work.scalars, lanes * work.elements], took))

        add("plain", 0, lambda f=f, x=x: f(x))
        add("record", 0, lambda f=f, x=x: Recording(f, [0], (x,), {}, "constants"))
        for k in (1, 8, 64):
            if k * x.size > 1 << 19:
                continue
            n = x.size
            some = np.zeros((k, n))
            some[np.arange(k), np.arange(k) % n] = 1.0
            add("dual", k, lambda f=f, x=x, some=some: directional(f, x, some))
            add("forward", k, lambda r=recording, y=y, some=some: tangents(r, y, [some]))
            if m == 1:
                add("reverse", k, lambda r=recording, y=y, k=k: r.pull_rows(y._operand(), np.ones((k, *np.shape(y)))))
            if k <= 8:
                add("hyper", k * (k + 2), lambda f=f, v=varied, some=some: block(f, v, {}, some, some))
        # Whole drivers, on sizes where they do nothing else: what it takes to start.
        add("reverse", m, lambda r=recording, y=y, m=m: jacobian_rows(r, y, m))
        if x.size <= 30:
            add("dual", x.size, lambda f=f, x=x: jacobian(f, mode="forward")(x))
            add("forward", x.size, lambda r=recording, y=y: jacobian_columns(r, y, 30))
        if x.size <= 8:
            add("hyper", x.size * (x.size + 2), lambda f=f, x=x: hessian(f, mode="hyperdual")(x))
        if m == 1:
            add("extend", 0, lambda f=f, x=x: extended(f, x))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rates = {}
    for name, found in rows.items():
        a = np.array([weights for weights, _ in found], dtype=float)
        took = np.array([t for _, t in found])
        if name in ("plain", "record", "extend"):
            a[:, 4:] = 0
        rates[name] = Rate(*(float(f"{value:.2g}") for value in nnls(a / took[:, None], np.ones(len(took)))[0]))
    return Costs(**rates)


def extended(f: Callable[[Any], Any], x: Any) -> Any:
    recording = Recording(f, [0], (x,), {}, "constants")
    recording.tape.inputs = recording.inputs
    return SecondOrder(recording.tape, np.reshape(collect(recording.result), ()))


def main() -> int:
    report = Report("crossover", __doc__.splitlines()[0])
    if report.table("Jacobians in array code"):
        crossover(report, arrays)
    if report.table("Jacobians of loops over scalars"):
        crossover(report, loop)
    if report.table("Constants"):
        print(str(constants(report.options.seconds)).replace("), ", "),\n      "))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
