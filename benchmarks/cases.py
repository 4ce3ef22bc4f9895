"""The functions that are differentiated: written for any library that follows NumPy's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Three-parameter models of the NIST Statistical Reference Datasets, each near the certified parameters.
MODELS: dict[str, tuple[Callable[[Any, Any, Any], Any], tuple[float, float], list[float]]] = {
    "Rat42, a logistic curve": (lambda np, b, t: b[0] / (1 + np.exp(b[1] - b[2] * t)), (9, 79), [72.5, 2.62, 0.0674]),
    "Eckerle4, a peak": (
        lambda np, b, t: (b[0] / b[1]) * np.exp(-0.5 * ((t - b[2]) / b[1]) ** 2), (400, 500), [1.55, 4.09, 451.5],
    ),
    "MGH10, an exponential": (lambda np, b, t: b[0] * np.exp(b[1] / (t + b[2])), (50, 125), [0.00561, 6181.3, 345.2]),
    "Bennett5, a power": (lambda np, b, t: b[0] * (b[1] + t) ** (-1 / b[2]), (7.4, 54), [-2523.5, 46.7, 0.932]),
}  # fmt: skip

# Osborne's first problem (five parameters, two decays), here at 50 points. Osborne, Some aspects of nonlinear least
# squares calculations, in: Numerical Methods for Nonlinear Optimization, Academic Press 1972.
TIMES = np.linspace(0.0, 320.0, 50)
START = np.array([0.5, 1.5, -1.0, 0.01, 0.02])
SOLUTION = [0.3754, 1.9358, -1.4647, 0.01287, 0.02212]


def decays(np: Any, b: Any, t: Any) -> Any:
    """Return a constant and two decays."""
    return b[0] + b[1] * np.exp(-b[3] * t) + b[2] * np.exp(-b[4] * t)


DATA = decays(np, SOLUTION, TIMES)


def residual(b: Any) -> Any:
    """Return Osborne's residuals, 50 of 5 parameters, in plain NumPy."""
    return b[0] + b[1] * np.exp(-b[3] * TIMES) + b[2] * np.exp(-b[4] * TIMES) - DATA


def rosenbrock(x: Any) -> Any:
    """Return the Rosenbrock function of any number of variables, in plain NumPy."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
