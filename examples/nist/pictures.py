"""The two pictures of the demo: the 27 fits, and the digits won by exact Jacobians."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np

matplotlib.use("Agg")

import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from fit import Pair

INK, FAINT, EXACT, DIFFERENCES = "#222222", "#9a9a9a", "#0b6e99", "#d9730d"
STYLE = {
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def fits(pairs: Sequence[Pair], path: Path) -> Path:
    """Data and fitted curve of each problem, as found with exact Jacobians from the second start."""
    found = [pair for pair in pairs if pair.start == 2]
    with plt.rc_context(STYLE):
        figure, grid = plt.subplots(4, 7, figsize=(14, 8), layout="constrained")
        for axes, pair in zip(grid.flat, found, strict=False):
            _fit(axes, pair)
        for axes in grid.flat[len(found) :]:
            axes.axis("off")
        grid.flat[-1].plot([], [], "o", ms=3, mfc="none", mec=FAINT, label="observed")
        grid.flat[-1].plot([], [], color=EXACT, label="fitted with exact Jacobians")
        grid.flat[-1].legend(loc="center", frameon=False)
        figure.suptitle("The 27 nonlinear regression problems of NIST; digits agreeing with the certified parameters")
        figure.savefig(path, dpi=130)
        plt.close(figure)
    return path


def _fit(axes, pair: Pair) -> None:
    problem, b = pair.problem, pair.exact.b
    axes.set_title(f"{problem.name}   {pair.exact.digits:.1f}")
    dots = {"ms": 2.5, "mfc": "none", "mew": 0.6, "zorder": 1}
    if problem.x.ndim == 1:
        fine = np.linspace(problem.x.min(), problem.x.max(), 600)
        axes.plot(problem.x, problem.y, "o", mec=FAINT, **dots)
        axes.plot(fine, problem.model(b, fine), color=EXACT, lw=1.1, zorder=2)
        return
    time, temperature = problem.x  # Nelson: a line for each of the temperatures
    fine = np.linspace(time.min(), time.max(), 100)
    axes.plot(time, problem.y, "o", mec=FAINT, **dots)
    for degrees in np.unique(temperature):
        line = problem.model(b, np.stack([fine, np.full_like(fine, degrees)]))
        axes.plot(fine, line, color=EXACT, lw=1.1, zorder=2)
        axes.annotate(f"{degrees:.0f}", (fine[-1], line[-1]), xytext=(2, 0), textcoords="offset points", fontsize=5)


def digits_won(pairs: Sequence[Pair], path: Path) -> Path:
    """For each run the digits with differences, the digits with exact Jacobians, and the way between them."""
    with plt.rc_context(STYLE):
        figure, both = plt.subplots(1, 2, figsize=(10, 6.5), sharex=True, sharey=True, layout="constrained")
        for start, axes in enumerate(both, 1):
            runs = [pair for pair in pairs if pair.start == start]
            exact = [pair.exact.digits for pair in runs]
            differences = [pair.two_point.digits for pair in runs]
            rows = np.arange(len(runs))
            axes.axvspan(0, 6, color="#f3f0ea", zorder=0, lw=0)
            axes.hlines(rows, differences, exact, color=FAINT, lw=1, zorder=1)
            axes.plot(differences, rows, "o", color=DIFFERENCES, ms=7, label="SciPy 2-point")
            axes.plot(exact, rows, "o", color=EXACT, ms=5, label="dualad.jacobian")
            axes.set_yticks(rows, [pair.problem.name for pair in runs], fontsize=7)
            axes.set_title(f"Start {start}")
            axes.set_xlim(0, 11.3)
            axes.set_xticks(range(0, 12))
            axes.set_xlabel("digits agreeing with the certified parameters (shaded: fewer than 6)")
            axes.tick_params(axis="y", length=0)
        both[0].invert_yaxis()
        figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
        figure.suptitle("NIST problems by least_squares: exact Jacobians and finite differences", x=0.02, ha="left")
        figure.savefig(path, dpi=130)
        plt.close(figure)
    return path
