"""The three ways to a derivative side by side: by differences, in symbols, and exactly by automatic differentiation.

    python examples/three_ways/three_ways.py [--plot FILE]

Three tables: what the gradient of the product x1 x2 ... xn costs each way; how long the symbolic derivative of an
iteration grows; how accurate each way is. ``--plot`` saves the picture of the error of differences over their step.
Needs SymPy (the extra "sympy"), which also gives the truth, to 40 digits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy

import dualad
from dualad import numeric
from dualad.check import check_grad

DIGITS = 40


# --- the product of n numbers (Speelpenning 1980) --------------------------------------------------------------------


def product(x):
    y = x[0]
    for i in range(1, len(x)):
        y = y * x[i]
    return y


@dataclass(frozen=True)
class Cost:
    """What the gradient of the product of n numbers costs, and its largest relative error."""

    n: int
    evaluations: dict[str, int]  # of f, by each method of differences
    alone: int  # multiplications when the symbolic partials are formed one by one
    reverse: int  # multiplications of the recording and the sweep
    errors: dict[str, float]


def multiplications(expression: sympy.Expr) -> int:
    """Multiplications that it takes to evaluate an expression as it is written."""
    return sum(len(part.args) - 1 for part in sympy.preorder_traversal(expression) if part.is_Mul)


def cost_of_product(n: int) -> Cost:
    x = np.linspace(0.7, 1.6, n)
    tape = dualad.record(product, x)
    symbols, expression = tape.to_sympy()
    partials = [expression.diff(symbol) for symbol in symbols]
    at = {symbol: sympy.Rational(float(value)) for symbol, value in zip(symbols, x, strict=True)}
    truth = np.array([float(partial.subs(at).evalf(DIGITS)) for partial in partials])

    found = {name: numeric.gradient(product, x, method=name) for name in ("forward", "central", "richardson")}
    gradients = {name: estimate.value for name, estimate in found.items()}
    numbers = dict(zip(symbols, x, strict=True))
    gradients["symbolic"] = np.array([partial.subs(numbers) for partial in partials], dtype=float)
    gradients["dualad"] = dualad.grad(product)(x)

    recorded = sum(tape.fields(node)[0] >= 0 and tape.row_of(node).name == "multiply" for node in range(len(tape)))
    return Cost(
        n,
        {name: estimate.evaluations for name, estimate in found.items()},
        sum(map(multiplications, partials)),
        # Going backward, each multiplication passes its cotangent to both factors.
        3 * recorded,
        {name: float(np.max(np.abs(g - truth) / np.abs(truth))) for name, g in gradients.items()},
    )


# --- an iteration: x -> 3.7 x (1 - x), k times -----------------------------------------------------------------------


def iterated(k: int) -> Callable:
    def f(x):
        for _ in range(k):
            x = 3.7 * x * (1 - x)
        return x

    return f


def swell(k: int) -> tuple[int, int]:
    """Operations in the symbolic derivative of the iteration, and nodes of its tape."""
    tape = dualad.record(iterated(k), 0.3)
    symbol, expression = tape.to_sympy()
    return int(sympy.count_ops(expression.diff(symbol))), len(tape)


# --- accuracy --------------------------------------------------------------------------------------------------------


def hard(x):
    """Squire and Trapp's function, on which derivatives are compared (SIAM Review 40 (1998) 110-112)."""
    return np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3)


def accuracy(point: float = 1.5) -> dict[str, tuple[float, float, int]]:
    """For each way the relative error, the error that it estimates for itself, and the evaluations of f."""
    symbol, expression = dualad.record(hard, point).to_sympy()
    derivative = expression.diff(symbol)
    truth = derivative.evalf(DIGITS, subs={symbol: sympy.Rational(point)})

    def relative(value: float) -> float:
        return float(abs((sympy.Float(float(value), DIGITS) - truth) / truth))

    rows = {}
    for method in ("forward", "central", "richardson", "complex"):
        found = numeric.jacobian(hard, point, method=method)
        rows[f"differences, {method}"] = (relative(found.value), float(found.error / abs(truth)), found.evaluations)
    rows["symbolic"] = (relative(sympy.lambdify(symbol, derivative, "numpy")(point)), 0.0, 0)
    rows["dualad, forward"] = (relative(dualad.derivative(hard)(point)), 0.0, 1)
    rows["dualad, reverse"] = (relative(dualad.grad(hard)(point)), 0.0, 1)
    return rows


# --- tables ----------------------------------------------------------------------------------------------------------


def table(heading: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [
        list(heading),
        *([f"{cell:.2g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="save the picture of the error of differences over their step")
    options = parser.parse_args(argv)

    costs = [cost_of_product(n) for n in (3, 5, 10, 20, 40)]
    print("The gradient of the product of n numbers")
    print(" evaluations of f: by differences, and by dualad's reverse mode")
    print(
        table(
            ("n", "forward", "central", "Richardson", "dualad"),
            [(c.n, *(c.evaluations[m] for m in ("forward", "central", "richardson")), 1) for c in costs],
        )
    )
    print(
        " multiplications: n(n - 2) when each symbolic partial is formed alone, 3(n - 1) by reverse mode with the value"
    )
    print(table(("n", "symbolic", "n(n - 2)", "dualad"), [(c.n, c.alone, c.n * (c.n - 2), c.reverse) for c in costs]))
    print(" largest relative error")
    ways = ("forward", "central", "richardson", "symbolic", "dualad")
    print(table(("n", *ways), [(c.n, *(c.errors[way] for way in ways)) for c in costs]))

    print("\nThe derivative of x -> 3.7 x (1 - x), k times: operations in symbols, nodes on the tape")
    print(table(("k", "symbolic", "tape"), [(k, *swell(k)) for k in range(1, 9)]))

    print("\nThe derivative of exp(x)/sqrt(sin(x)^3 + cos(x)^3) at 1.5")
    rows = [(name.ljust(23), *row) for name, row in accuracy().items()]
    print(table(("".ljust(23), "relative error", "estimated", "evaluations of f"), rows))

    if options.plot:
        check_grad(hard, 1.5).plot(options.plot)
        print(f"\nsaved {options.plot}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
