"""What programs cost to make and to run: the rates by which a solve decides when to compile.

    python benchmarks/bench_paying.py    # measures dualad.drivers.paying.PROGRAMS again

A program is made by the first two calls of a compiled function, of which the second makes sure of it. The times of all
forms of a set of functions are fitted by non-negative rates, in relative times.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded
os.environ.setdefault("MKL_NUM_THREADS", "1")

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from bench_crossover import chain, chains, fitted, loops, products, recurrences, scalars
from harness import Report, paired

import dualad
from dualad.drivers.columns import work_of
from dualad.drivers.paying import Programs

Function = Callable[..., Any]


def first(f: Function) -> Function:
    """Return a function of one number, the first that ``f`` returns."""
    return lambda x: f(x)[0]


NUMBERS = [chain(calls, size) for calls in (8, 40) for size in (3, 30, 300, 3000)]
NUMBERS += [scalars(steps) for steps in (8, 40, 400, 4000)]
NUMBERS += [(first(loops(n, 1)), np.linspace(0.1, 1, n)) for n in (3, 10, 30)]
ARRAYS = [
    (family(n, m), np.linspace(0.1, 1, n))
    for family in (products, chains, loops, recurrences)
    for n, m in ((3, 100), (30, 30), (100, 3))
]


def forms() -> Iterator[tuple[int, int, Function, tuple[Any, ...], Function]]:
    """Yield the order of a derivative, its lanes, what is compiled, its arguments, and the function itself."""
    for f, x in NUMBERS:
        yield 0, 0, f, (x,), f
        yield 1, 1, dualad.value_and_grad(f), (x,), f
        yield 2, 1, dualad.hvp(f), (x, np.ones_like(x)), f
        if x.size <= 300:
            yield 2, x.size, dualad.hessian(f), (x,), f
    for f, x in ARRAYS:
        yield 0, 0, f, (x,), f
        yield 1, min(x.size, np.size(f(x))), dualad.jacobian(f), (x,), f


def made(f: Function, args: tuple[Any, ...]) -> Any:
    """Return a compiled function whose program has been made sure of."""
    fast = dualad.compile(f)
    fast(*args)
    fast(*args)
    return fast


def rates(seconds: float) -> Programs:
    """Measure the rates anew."""
    found: dict[str, list[list[tuple[list[float], float]]]] = {"made": [[], [], []], "run": [[], [], []]}
    for order, lanes, driver, args, f in forms():
        work = work_of(dualad.record(f, args[0]))
        weights = [1, *work, lanes * work.scalars, lanes * work.elements]
        fast = made(driver, args)
        times = paired({"made": lambda d=driver, a=args: made(d, a), "run": lambda c=fast, a=args: c(*a)}, seconds / 10)
        for name, took in times.items():
            found[name][order].append((weights, min(took) * 1e9))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return Programs(
        **{
            name: tuple(fitted(f"{name}, order {order}", one) for order, one in enumerate(rows))
            for name, rows in found.items()
        }
    )


def main() -> int:
    report = Report("paying", __doc__.splitlines()[0])
    print(str(rates(report.options.seconds)).replace("Rate(", "\n    Rate("))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
