"""Newton's method with exact Hessians, with Hessians by differences, and against methods without Hessians.

    python examples/newton/newton.py

Part 1 is the method itself: at each step solve H p = -g, and go that way. It is run on f(x, y) = exp(x + 3y) +
exp(x - 3y) + exp(-x), whose minimum is known in closed form. With exact derivatives the number of correct digits
doubles in each step. With a Hessian by differences the last steps are slower, and with a gradient by differences the
iteration ends at a point that is right to half the digits, where that gradient is zero.

Part 2 hands Hessians, or their products with vectors, to SciPy's own Newton methods, which know what to do where the
Hessian is not positive definite, and sets them beside BFGS: logistic regression with 100 weights, and the Rosenbrock
function.

The exit status is 1 unless the exact iteration reaches 15 digits, and all solves of part 2 their minimum.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import scipy.optimize
from scipy.optimize import approx_fprime

from dualad import optimize

# --- part 1: the method -----------------------------------------------------------------------------------------------


def f(x):
    return np.exp(x[0] + 3 * x[1]) + np.exp(x[0] - 3 * x[1]) + np.exp(-x[0])


MINIMUM = np.array([-np.log(2) / 2, 0.0])


def newton(x, grad, hess, steps=10):
    """Yield the points of the undamped iteration."""
    for _ in range(steps):
        yield x
        x = x + np.linalg.solve(hess(x), -grad(x))


EPS = np.finfo(float).eps


def differences(x):
    return approx_fprime(x, f, EPS**0.5)


def second_differences(x):
    """All second differences of f; their error is least at the fourth root of the precision."""
    step = EPS**0.25
    e = step * np.eye(len(x))
    return np.array([[(f(x + a + b) - f(x + a) - f(x + b) + f(x)) / step**2 for a in e] for b in e])


def digits(x):
    return min(16.0, -np.log10(np.linalg.norm(x - MINIMUM) + 1e-17))


def part_1():
    exact = optimize.derivatives(f)
    start = np.array([-0.8, 0.4])
    runs = {
        "exact gradient, exact Hessian": newton(start, exact.grad, exact.hess),
        "exact gradient, second differences": newton(start, exact.grad, second_differences),
        "first and second differences": newton(start, differences, second_differences),
    }
    print("Correct digits after each step of Newton's method")
    best = {}
    for name, path in runs.items():
        found = [digits(x) for x in path]
        best[name] = max(found)
        print(f"  {name:<36}" + "".join(f"{d:6.1f}" for d in found))
    return best


# --- part 2: SciPy's methods ------------------------------------------------------------------------------------------

RNG = np.random.default_rng(1)
FEATURES = RNG.normal(size=(1000, 100)) @ np.diag(np.geomspace(1, 0.03, 100))
LABELS = (FEATURES @ RNG.normal(size=100) + 0.5 * RNG.normal(size=1000) > 0).astype(float)


def logistic(w):
    """Negative log likelihood with a little ridge."""
    z = FEATURES @ w
    return np.sum(np.logaddexp(0, z) - LABELS * z) + 0.01 * np.sum(w**2)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


PROBLEMS = {
    "logistic regression, 100 weights": (logistic, np.zeros(100)),
    "Rosenbrock, n = 10": (rosenbrock, np.zeros(10)),
}
METHODS = ("trust-exact", "trust-krylov", "trust-ncg", "Newton-CG", "trust-constr", "BFGS")


def part_2():
    solved = True
    for name, (objective, start) in PROBLEMS.items():
        print(f"\n{name:<36}{'steps':>8}{'f':>8}{'grad':>8}{'Hess':>8}{'|grad f|':>12}{'ms':>8}")
        reference = None
        slope = optimize.derivatives(objective).grad
        for method in METHODS:
            began = time.perf_counter()
            found = optimize.minimize(objective, start, method=method, options={"maxiter": 2000})
            took = 1e3 * (time.perf_counter() - began)
            line(method, found, slope(found.x), took)
            reference = found.fun if reference is None else reference
            solved &= abs(found.fun - reference) <= 1e-6 * max(1, abs(reference))
        began = time.perf_counter()
        found = scipy.optimize.minimize(objective, start, method="BFGS")
        line("BFGS by differences (SciPy alone)", found, slope(found.x), 1e3 * (time.perf_counter() - began))
    print(
        "\nsteps, evaluations of f, gradients, and Hessians or products with them, as SciPy counts them;\n"
        "|grad f| is the exact gradient where the method stopped"
    )
    return solved


def line(name, found, slope, took):
    hessians = found.get("nhev", 0) or ""
    print(
        f"  {name:<34}{found.nit:8d}{found.nfev:8d}{found.get('njev', 0):8d}{hessians:>8}"
        f"{np.linalg.norm(slope):12.1e}{took:8.0f}"
    )


def main() -> int:
    best = part_1()
    solved = part_2()
    if best["exact gradient, exact Hessian"] < 15:
        print("FAILED: fewer than 15 digits.", file=sys.stderr)
        return 1
    if not solved:
        print("FAILED: not all methods found the minimum.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
