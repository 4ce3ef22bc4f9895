"""Reverse mode: what recording and sweeping cost, in units of the plain function."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np
from cases import rosenbrock
from harness import Report
from objectives import chain, rosenbrock_loop

import dualad
from dualad.sweeps.kernels import Cotangents

LOOPS = 20_000


def products(a: Any, b: Any, c: Any) -> Any:
    """Run a loop of products and sums."""
    total = a
    for _ in range(LOOPS):
        total = a * b + c
    return total


def recording(report: Report) -> None:
    if report.table("Recording a*b + c on scalars", "Limit: 5 times the same loop on Python floats."):
        calls = {"float": partial(products, 1.5, 0.5, 2.5), "recorded": partial(dualad.record, products, 1.5, 0.5, 2.5)}
        report.compare("a*b + c", calls, limits={"recorded": 5}, per=2 * LOOPS)


def sweeping(report: Report) -> None:
    if not report.table("The reverse sweep, a scalar node", "Limit: 10 ns a node (the absolute time is the figure)."):
        return

    def f(x: Any) -> Any:
        total = x[0]
        for _ in range(LOOPS):
            total = (total * x[1] - x[2]) / 7.0
        return total

    tape = dualad.record(f, np.array([0.5, 2.5, 3.5]))

    def sweep() -> None:
        cotangents = Cotangents(tape, 1, True)
        cotangents.seed(tape.outputs[0], np.float64(1.0))
        cotangents.sweep()

    report.compare(f"{len(tape)} nodes", {"plain f": partial(f, [0.5, 2.5, 3.5]), "sweep": sweep}, per=len(tape))


def gradients(report: Report) -> None:
    if not report.table("Value and gradient, from scratch", "Limits: loop 8, chain 3 times the plain function."):
        return
    x = np.linspace(0.5, 1.5, 10_000)
    plain = {"f": partial(rosenbrock_loop, x)}
    both = {"value_and_grad": partial(dualad.value_and_grad(rosenbrock_loop), x)}
    report.compare("Rosenbrock loop, n = 10 000", plain | both, limits={"value_and_grad": 8})
    for n in (1_000, 100_000, 1_000_000):
        x = np.linspace(0.5, 1.5, n)
        calls = {"f": partial(chain, x), "value_and_grad": partial(dualad.value_and_grad(chain), x)}
        report.compare(f"chain of 30, n = {n}", calls, limits={"value_and_grad": 3} if n == 1_000_000 else {})
    x = np.linspace(0.5, 1.5, 10)
    calls = {"f": partial(rosenbrock, x), "value_and_grad": partial(dualad.value_and_grad(rosenbrock), x)}
    report.compare("Rosenbrock in NumPy, n = 10 (limit 60 us)", calls)


def main() -> int:
    report = Report("reverse", __doc__)
    for part in (recording, sweeping, gradients):
        part(report)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
