"""Functions of plain NumPy that a solver would call ten thousand times. See ``adbench`` for longer ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import default_rng

Problem = tuple[Callable[[Any], Any], Any]


def banana(x: Any) -> Any:
    """Return Rosenbrock's function of two variables."""
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


def rosenbrock(x: Any) -> Any:
    """Return the Rosenbrock function of any number of variables, in arrays."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loop(x: Any) -> Any:
    """Return the same, by a loop over numbers."""
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def chain(x: Any) -> Any:
    """Return the sum of a chain of 30 elementwise operations."""
    for _ in range(10):
        x = np.sin(x)
        x = x * 1.1
        x = x + 0.1
    return np.sum(x)


def lorenz_rates(x: Any, y: Any, z: Any, s: Any, r: Any, b: Any) -> Any:
    """Return the rates of change of Lorenz's system."""
    return s * (y - x), x * (r - z) - y, x * y - b * z


def lorenz_step(x: Any, y: Any, z: Any, s: Any, r: Any, b: Any, h: float = 0.002) -> Any:
    """Return the state of Lorenz's system after one step of the classical method of Runge and Kutta."""
    k1, l1, m1 = lorenz_rates(x, y, z, s, r, b)
    k2, l2, m2 = lorenz_rates(x + 0.5 * h * k1, y + 0.5 * h * l1, z + 0.5 * h * m1, s, r, b)
    k3, l3, m3 = lorenz_rates(x + 0.5 * h * k2, y + 0.5 * h * l2, z + 0.5 * h * m2, s, r, b)
    k4, l4, m4 = lorenz_rates(x + h * k3, y + h * l3, z + h * m3, s, r, b)
    x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    y = y + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    z = z + h / 6 * (m1 + 2 * m2 + 2 * m3 + m4)
    return x, y, z


def lorenz(p: Any) -> Any:
    """Return a function of the state after 1000 steps, of the first state and the three parameters of the system."""
    x, y, z, s, r, b = p
    for _ in range(1000):
        x, y, z = lorenz_step(x, y, z, s, r, b)
    return x * y + z * z


LORENZ = [1.0, 1.5, 20.0, 10.0, 28.0, 8.0 / 3.0]


def logistic(n: int = 10_000, d: int = 100) -> Problem:
    """Return the loss of logistic regression with a penalty, n rows of d features."""
    rng = default_rng(0)
    features = rng.normal(size=(n, d))
    labels = (features @ rng.normal(size=d) + rng.normal(size=n) > 0).astype(float)

    def f(w: Any) -> Any:
        z = features @ w
        return np.sum(np.logaddexp(0, z) - labels * z) + 0.5 * np.sum(w**2)

    return f, rng.normal(size=d) * 0.1


def rat42(n: int = 10_000) -> Problem:
    """Return a logistic curve with three parameters at n points (Rat42 of the NIST reference data sets)."""
    t = np.linspace(9.0, 79.0, n)

    def f(b: Any) -> Any:
        return b[0] / (1 + np.exp(b[1] - b[2] * t))

    return f, np.array([72.5, 2.62, 0.0674])


def network(n: int, m: int) -> Problem:
    """Return a function of n inputs and m outputs, every output a function of every input."""
    rng = default_rng(n * 1000 + m)
    weights = rng.normal(size=(m, n)) / n**0.5

    def f(x: Any) -> Any:
        inner = np.tanh(x) * x + np.exp(-(x**2))
        return np.sin(weights @ inner) + np.sqrt(1 + (weights @ x) ** 2)

    return f, rng.normal(size=n)
