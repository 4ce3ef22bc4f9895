"""The 27 nonlinear regression problems of the NIST Statistical Reference Datasets.

``data/*.dat`` are the files as NIST publishes them, see ``data/README.md``.  `load` reads one of them; `MODELS` holds
the formula that each file states, in plain NumPy.  Nothing here knows about derivatives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parent / "data"


def _misra1a(b, x):
    return b[0] * (1 - np.exp(-b[1] * x))


def _misra1b(b, x):
    return b[0] * (1 - (1 + b[1] * x / 2) ** (-2))


def _misra1c(b, x):
    return b[0] * (1 - (1 + 2 * b[1] * x) ** (-0.5))


def _misra1d(b, x):
    return b[0] * b[1] * x * (1 + b[1] * x) ** (-1)


def _chwirut(b, x):
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def _lanczos(b, x):
    return b[0] * np.exp(-b[1] * x) + b[2] * np.exp(-b[3] * x) + b[4] * np.exp(-b[5] * x)


def _gauss(b, x):
    return (
        b[0] * np.exp(-b[1] * x)
        + b[2] * np.exp(-((x - b[3]) ** 2) / b[4] ** 2)
        + b[5] * np.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    )


def _danwood(b, x):
    return b[0] * x ** b[1]


def _kirby2(b, x):
    return (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2)


def _cubic_over_cubic(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def _nelson(b, x):
    return b[0] - b[1] * x[0] * np.exp(-b[2] * x[1])


def _mgh09(b, x):
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def _mgh10(b, x):
    return b[0] * np.exp(b[1] / (x + b[2]))


def _mgh17(b, x):
    return b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4])


def _roszman1(b, x):
    return b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi


def _enso(b, x):
    turn = 2 * np.pi * x
    return (
        b[0]
        + b[1] * np.cos(turn / 12)
        + b[2] * np.sin(turn / 12)
        + b[4] * np.cos(turn / b[3])
        + b[5] * np.sin(turn / b[3])
        + b[7] * np.cos(turn / b[6])
        + b[8] * np.sin(turn / b[6])
    )


def _rat42(b, x):
    return b[0] / (1 + np.exp(b[1] - b[2] * x))


def _rat43(b, x):
    return b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3])


def _eckerle4(b, x):
    return (b[0] / b[1]) * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2)


def _bennett5(b, x):
    return b[0] * (b[1] + x) ** (-1 / b[2])


# In the order of NIST's own list, from the lower to the higher level of difficulty.
MODELS: dict[str, Callable[..., Any]] = {
    "Misra1a": _misra1a,
    "Chwirut2": _chwirut,
    "Chwirut1": _chwirut,
    "Lanczos3": _lanczos,
    "Gauss1": _gauss,
    "Gauss2": _gauss,
    "DanWood": _danwood,
    "Misra1b": _misra1b,
    "Kirby2": _kirby2,
    "Hahn1": _cubic_over_cubic,
    "Nelson": _nelson,
    "MGH17": _mgh17,
    "Lanczos1": _lanczos,
    "Lanczos2": _lanczos,
    "Gauss3": _gauss,
    "Misra1c": _misra1c,
    "Misra1d": _misra1d,
    "Roszman1": _roszman1,
    "ENSO": _enso,
    "MGH09": _mgh09,
    "Thurber": _cubic_over_cubic,
    "BoxBOD": _misra1a,
    "Rat42": _rat42,
    "MGH10": _mgh10,
    "Eckerle4": _eckerle4,
    "Rat43": _rat43,
    "Bennett5": _bennett5,
}


@dataclass(frozen=True)
class Problem:
    """One data set with its model, its two starting points and the certified answer."""

    name: str
    difficulty: str  # "Lower", "Average" or "Higher"
    model: Callable[..., Any]  # model(b, x) -> prediction, plain NumPy
    x: np.ndarray  # shape (n,); (2, n) for the two predictors of Nelson
    y: np.ndarray  # shape (n,), what the model predicts: log(y) of the file for Nelson
    starts: tuple[np.ndarray, np.ndarray]
    certified: np.ndarray  # parameters
    certified_std: np.ndarray  # their standard deviations
    certified_rss: float  # residual sum of squares

    def residual(self, b):
        """Model minus observation; plain NumPy, for any array-like b of p parameters."""
        return self.model(b, self.x) - self.y


_PARAMETER = re.compile(r"^\s*b(\d+)\s*=\s*(.+)$")
_RSS = re.compile(r"^Residual Sum of Squares:\s*(\S+)", re.MULTILINE)
_COUNT = re.compile(r"^Number of Observations:\s*(\d+)", re.MULTILINE)
_PARAMETER_COUNT = re.compile(r"^\s+(\d+) Parameters \(b1 ", re.MULTILINE)
_DIFFICULTY = re.compile(r"^\s+(\w+) Level of Difficulty", re.MULTILINE)


def load(name: str) -> Problem:
    """Read ``data/<name>.dat`` and pair it with its model."""
    text = (DATA / f"{name}.dat").read_text(encoding="ascii")
    # The word "Data:" opens two sections of a file; the numbers follow the last one.
    head, _, body = text.rpartition("\nData:")

    rows = []
    for line in head.splitlines():
        found = _PARAMETER.match(line)
        if found:
            number, values = int(found[1]), [float(word) for word in found[2].split()]
            if number != len(rows) + 1 or len(values) != 4:
                raise ValueError(f"{name}: cannot read the parameter line {line!r}")
            rows.append(values)
    start1, start2, certified, std = np.array(rows).T
    if certified.size != int(_found(_PARAMETER_COUNT, head, name)):
        raise ValueError(f"{name}: {certified.size} parameters read, the file announces another number")

    columns = np.array([[float(word) for word in line.split()] for line in body.splitlines()[1:] if line.strip()]).T
    y, x = columns[0], columns[1:]
    if y.size != int(_found(_COUNT, head, name)):
        raise ValueError(f"{name}: {y.size} observations read, the file announces another number")
    if name == "Nelson":  # the only model of log[y], and the only one with two predictors
        y = np.log(y)
    else:
        (x,) = x

    return Problem(
        name=name,
        difficulty=_found(_DIFFICULTY, head, name),
        model=MODELS[name],
        x=x,
        y=y,
        starts=(start1, start2),
        certified=certified,
        certified_std=std,
        certified_rss=float(_found(_RSS, head, name)),
    )


def load_all() -> Iterator[Problem]:
    """All 27 problems, in the order of `MODELS`."""
    return map(load, MODELS)


def _found(pattern: re.Pattern[str], text: str, name: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"{name}: no line matches {pattern.pattern!r}")
    return match[1]
