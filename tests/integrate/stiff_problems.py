"""Stiff problems of the literature in plain NumPy, with published solutions at the end.

Robertson, Van der Pol and HIRES with their solutions are from Mazzia and Magherini, Test Set for Initial Value Problem
Solvers, release 2.4 (2008); the Brusselator is from Hairer and Wanner, Solving Ordinary Differential Equations II
(1996), section IV.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Stiff:
    """y' = f(t, y) from ``start`` at 0 to ``end``."""

    name: str
    f: Callable[[Any, Any], Any]
    start: np.ndarray
    end: float
    solution: np.ndarray | None
    atol: float


def robertson(t, y):
    slow, fast, product = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return [product - slow, slow - product - fast, fast]


def van_der_pol(t, y, mu=1000.0):
    return np.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def hires(t, y):
    f = np.zeros_like(y)
    f[0] = -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007
    f[1] = 1.71 * y[0] - 8.75 * y[1]
    f[2] = -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4]
    f[3] = 8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3]
    f[4] = -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6]
    f[5] = -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6]
    f[6] = 280 * y[5] * y[7] - 1.81 * y[6]
    f[7] = -f[6]
    return f


GRID = 40


def brusselator(t, y):
    """u and v in turn at the points of the grid, so that the Jacobian has two diagonals on each side."""
    u, v = y[0::2], y[1::2]
    c = (GRID + 1) ** 2 / 50
    wide_u, wide_v = np.pad(u, 1, constant_values=1.0), np.pad(v, 1, constant_values=3.0)
    f = np.zeros_like(y)
    f[0::2] = 1 + u**2 * v - 4 * u + c * (wide_u[:-2] - 2 * u + wide_u[2:])
    f[1::2] = 3 * u - u**2 * v + c * (wide_v[:-2] - 2 * v + wide_v[2:])
    return f


def _brusselator_start():
    x = np.arange(1, GRID + 1) / (GRID + 1)
    return np.stack([1 + np.sin(2 * np.pi * x), np.full(GRID, 3.0)], axis=1).reshape(-1)


PROBLEMS = [
    Stiff(
        "Robertson", robertson, np.array([1.0, 0, 0]), 1e11,
        np.array([0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050]), 1e-18,
    ),
    Stiff(
        "Van der Pol", van_der_pol, np.array([2.0, 0]), 2000,
        np.array([1.706167732170483, -0.8928097010247975e-3]), 1e-11,
    ),
    Stiff(
        "HIRES", hires, np.array([1.0, 0, 0, 0, 0, 0, 0, 0.0057]), 321.8122,
        np.array([
            0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
            0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2,
        ]), 1e-12,
    ),
    Stiff("Brusselator", brusselator, _brusselator_start(), 10, None, 1e-10),
]  # fmt: skip
