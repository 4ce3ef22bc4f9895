"""The 35 test problems of More, Garbow and Hillstrom (1981), ACM Trans. Math. Softw. 7, 17-41, in plain NumPy.

Each problem is the residual f of a sum of squares, the standard start and the published minima of f'f. The residuals
are written as people write them: with arrays, with loops, with branches and assignments. Nothing here knows of
derivatives. The formula of number 11 is misprinted in the paper; this is the corrected one, ``|y - x2|`` for ``|y m i
x2|``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """One problem with n unknowns."""

    number: int
    name: str
    f: Callable[[Any], Any]
    start: np.ndarray
    minima: tuple[float, ...]  # global and local ones

    def value(self, x: Any) -> Any:
        """The sum of squares."""
        f = self.f(x)
        return np.sum((np.stack(f) if isinstance(f, list) else f) ** 2)


def rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(x):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def powell_badly_scaled(x):
    return [1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001]


def brown_badly_scaled(x):
    return [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]


def beale(x):
    y = (1.5, 2.25, 2.625)
    return [y[i] - x[0] * (1 - x[1] ** (i + 1)) for i in range(3)]


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def helical_valley(x):
    if x[0] > 0:
        theta = np.arctan(x[1] / x[0]) / (2 * np.pi)
    else:
        theta = np.arctan(x[1] / x[0]) / (2 * np.pi) + 0.5
    return [10 * (x[2] - 10 * theta), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


BARD = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])


def bard(x):
    u = np.arange(1, 16)
    v = 16 - u
    w = np.minimum(u, v)
    return BARD - (x[0] + u / (v * x[1] + w * x[2]))


GAUSSIAN = np.array([
    0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989, 0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044,
    0.0009,
])  # fmt: skip


def gaussian(x):
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - GAUSSIAN


MEYER = np.array([
    34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872,
])  # fmt: skip


def meyer(x):
    t = 45 + 5 * np.arange(1, 17)
    return x[0] * np.exp(x[1] / (t + x[2])) - MEYER


def gulf(x):
    t = np.arange(1, 100) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


def box(x):
    t = 0.1 * np.arange(1, 11)
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def powell_singular(x):
    return [x[0] + 10 * x[1], np.sqrt(5) * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, np.sqrt(10) * (x[0] - x[3]) ** 2]


def wood(x):
    return [
        10 * (x[1] - x[0] ** 2), 1 - x[0], np.sqrt(90) * (x[3] - x[2] ** 2), 1 - x[2],
        np.sqrt(10) * (x[1] + x[3] - 2), (x[1] - x[3]) / np.sqrt(10),
    ]  # fmt: skip


KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = np.array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def kowalik_osborne(x):
    u = KOWALIK_U
    return KOWALIK_Y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


OSBORNE_1 = np.array([
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
    0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
    0.406,
])  # fmt: skip


def osborne_1(x):
    t = 10 * np.arange(33)
    return OSBORNE_1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    t = 0.1 * np.arange(1, 14)
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


OSBORNE_2 = np.array([
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616, 0.606,
    0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423,
    0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668,
    0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098,
    0.054,
])  # fmt: skip


def osborne_2(x):
    t = np.arange(65) / 10
    peaks = sum(x[k] * np.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3))
    return OSBORNE_2 - (x[0] * np.exp(-t * x[4]) + peaks)


def watson(x):
    n = len(x)
    t = np.arange(1, 30) / 29
    slope = sum(j * x[j] * t ** (j - 1) for j in range(1, n))
    value = sum(x[j] * t**j for j in range(n))
    f = np.zeros(31, like=x)
    f[:29] = slope - value**2 - 1
    f[29] = x[0]
    f[30] = x[1] - x[0] ** 2 - 1
    return f


def extended_rosenbrock(x):
    f = np.zeros_like(x)
    f[0::2] = 10 * (x[1::2] - x[0::2] ** 2)
    f[1::2] = 1 - x[0::2]
    return f


def extended_powell_singular(x):
    a, b, c, d = np.reshape(x, (-1, 4)).T
    return np.concatenate([a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2])


def penalty_1(x):
    return np.append(np.sqrt(1e-5) * (x - 1), np.sum(x**2) - 0.25)


def penalty_2(x):
    n = len(x)
    a = np.sqrt(1e-5)
    f = [x[0] - 0.2]
    for i in range(2, n + 1):
        f.append(a * (np.exp(x[i - 1] / 10) + np.exp(x[i - 2] / 10) - np.exp(i / 10) - np.exp((i - 1) / 10)))
    for i in range(n + 1, 2 * n):
        f.append(a * (np.exp(x[i - n] / 10) - np.exp(-0.1)))
    f.append(np.sum(np.arange(n, 0, -1) * x**2) - 1)
    return f


def variably_dimensioned(x):
    s = np.dot(np.arange(1, len(x) + 1), x - 1)
    return np.concatenate([x - 1, np.stack([s, s**2])])


def trigonometric(x):
    n = len(x)
    return n - np.sum(np.cos(x)) + np.arange(1, n + 1) * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    f = x + np.sum(x) - (len(x) + 1)
    f[-1] = np.prod(x) - 1
    return f


def _mesh(x):
    h = 1 / (len(x) + 1)
    return h, h * np.arange(1, len(x) + 1)


def discrete_boundary_value(x):
    h, t = _mesh(x)
    f = 2 * x + h**2 * (x + t + 1) ** 3 / 2
    f[1:] -= x[:-1]
    f[:-1] -= x[1:]
    return f


def discrete_integral_equation(x):
    h, t = _mesh(x)
    cubes = (x + t + 1) ** 3
    before = np.cumsum(t * cubes)
    after = np.sum((1 - t) * cubes) - np.cumsum((1 - t) * cubes)
    return x + h * ((1 - t) * before + t * after) / 2


def broyden_tridiagonal(x):
    padded = np.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def broyden_banded(x):
    n = len(x)
    f = x * (2 + 5 * x**2) + 1
    for i in range(n):
        for j in range(max(0, i - 5), min(n - 1, i + 1) + 1):
            if j != i:
                f[i] -= x[j] * (1 + x[j])
    return f


M = 20  # residuals of the linear functions


def linear_full_rank(x):
    f = np.full(M, -2 / M * np.sum(x) - 1, like=x)
    f[: len(x)] += x
    return f


def linear_rank_1(x):
    return np.arange(1, M + 1) * np.dot(np.arange(1, len(x) + 1), x) - 1


def linear_rank_1_with_zeros(x):
    s = np.dot(np.arange(2, len(x)), x[1:-1])
    i = np.arange(M)
    return np.where(i == M - 1, 0, i) * s - 1


def chebyquad(x):
    n = len(x)
    before, now = np.ones(n), 2 * x - 1
    f = []
    for i in range(1, n + 1):
        integral = 0 if i % 2 else -1 / (i**2 - 1)
        f.append(np.sum(now) / n - integral)
        before, now = now, 2 * (2 * x - 1) * now - before
    return f


def _t(n):
    return np.arange(1, n + 1) / (n + 1)


def _problem(number: int, f: Callable[[Any], Any], start: Any, *minima: float) -> Problem:
    return Problem(number, f"{f.__name__} n={len(start)}", f, np.asarray(start, dtype=float), minima)


PROBLEMS = [
    _problem(1, rosenbrock, [-1.2, 1], 0),
    _problem(2, freudenstein_roth, [0.5, -2], 0, 48.9842),
    _problem(3, powell_badly_scaled, [0, 1], 0),
    _problem(4, brown_badly_scaled, [1, 1], 0),
    _problem(5, beale, [1, 1], 0),
    _problem(6, jennrich_sampson, [0.3, 0.4], 124.362),
    _problem(7, helical_valley, [-1, 0, 0], 0),
    _problem(8, bard, [1, 1, 1], 8.21487e-3, 17.4286),
    _problem(9, gaussian, [0.4, 1, 0], 1.12793e-8),
    _problem(10, meyer, [0.02, 4000, 250], 87.9458),
    _problem(11, gulf, [5, 2.5, 0.15], 0),
    _problem(12, box, [0, 10, 20], 0),
    _problem(13, powell_singular, [3, -1, 0, 1], 0),
    _problem(14, wood, [-3, -1, -3, -1], 0),
    _problem(15, kowalik_osborne, [0.25, 0.39, 0.415, 0.39], 3.07505e-4, 1.02734e-3),
    _problem(16, brown_dennis, [25, 5, -5, -1], 85822.2),
    _problem(17, osborne_1, [0.5, 1.5, -1, 0.01, 0.02], 5.46489e-5),
    _problem(18, biggs, [1, 2, 1, 1, 1, 1], 5.65565e-3, 0),
    _problem(19, osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5], 4.01377e-2),
    _problem(20, watson, np.zeros(6), 2.28767e-3),
    _problem(20, watson, np.zeros(9), 1.39976e-6),
    _problem(20, watson, np.zeros(12), 4.72238e-10),
    _problem(21, extended_rosenbrock, [-1.2, 1] * 10, 0),
    _problem(22, extended_powell_singular, [3, -1, 0, 1] * 5, 0),
    _problem(23, penalty_1, [1, 2, 3, 4], 2.24997e-5),
    _problem(23, penalty_1, range(1, 11), 7.08765e-5),
    _problem(24, penalty_2, np.full(4, 0.5), 9.37629e-6),
    _problem(24, penalty_2, np.full(10, 0.5), 2.93660e-4),
    _problem(25, variably_dimensioned, 1 - np.arange(1, 11) / 10, 0),
    _problem(26, trigonometric, np.full(10, 0.1), 0, 2.79506e-5),
    _problem(27, brown_almost_linear, np.full(10, 0.5), 0, 1),
    _problem(28, discrete_boundary_value, _t(10) * (_t(10) - 1), 0),
    _problem(29, discrete_integral_equation, _t(10) * (_t(10) - 1), 0),
    _problem(30, broyden_tridiagonal, -np.ones(10), 0),
    _problem(31, broyden_banded, -np.ones(10), 0),
    _problem(32, linear_full_rank, np.ones(10), M - 10),
    _problem(33, linear_rank_1, np.ones(10), M * (M - 1) / (2 * (2 * M + 1))),
    _problem(34, linear_rank_1_with_zeros, np.ones(10), (M**2 + 3 * M - 6) / (2 * (2 * M - 3))),
    _problem(35, chebyquad, _t(8), 3.51687e-3),
    _problem(35, chebyquad, _t(9), 0),
    _problem(35, chebyquad, _t(10), 6.50395e-3, 4.77271e-3),  # the second, the lower one, was found later
]
