"""The V of finite differences: their error over the step, truncation on the right and rounding on the left."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from dualad.check.report import Report

__all__ = ["draw"]

_INK: Final = "#222222"
_FAINT: Final = "#9a9a9a"
_CENTRAL: Final = "#d9730d"
_FORWARD: Final = "#0b6e99"
_EPS: Final = float(np.finfo(float).eps)


def draw(report: Report, path: Any = None, axes: Any = None) -> Any:
    """Draw the first curve of a report; save it where a path is given. Needs matplotlib (the extra "plot")."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError('the picture needs matplotlib; install it, or dualad with the extra "plot"') from None
    if not report.curves:
        raise ValueError("this report has no differences to draw")
    if axes is None:
        # Where pyplot is in use, it shows the picture.
        figure = sys.modules["matplotlib.pyplot"].figure if "matplotlib.pyplot" in sys.modules else Figure
        axes = figure(figsize=(6.0, 4.2), layout="constrained").add_subplot()
    curve = report.curves[0]
    swept = curve.sweep
    claimed = np.ravel(curve.claimed)
    # The result with the largest slope: relative errors of small slopes say little.
    at = int(np.argmax(np.where(np.isfinite(claimed), np.abs(claimed), -1.0)))
    size = max(abs(float(claimed[at])), np.finfo(float).tiny)
    h = swept.steps
    bare = [
        (swept.forward[:, at], "forward differences", _FORWARD),
        (swept.central[:, at], "central differences", _CENTRAL),
    ]
    for values, label, color in bare:
        error = np.abs(values - claimed[at]) / size
        axes.loglog(h, np.maximum(error, _EPS / 4), "o-", ms=3.5, lw=1.0, color=color, label=label)
    least = _EPS / 4  # what a picture in logarithms shows of an error that is 0
    noise = float(swept.noise[at]) / size
    axes.loglog(h, noise / h, "--", lw=0.8, color=_FAINT)
    axes.annotate("rounding ~ 1/h", (h[-1], noise / h[-1]), color=_FAINT, fontsize=8, va="bottom")
    truncation = float(np.abs(swept.central[0, at] - swept.first.value[at])) / size
    if np.isfinite(truncation) and truncation > least:
        shown = h[truncation * (h / h[0]) ** 2 > least]
        axes.loglog(shown, truncation * (shown / h[0]) ** 2, ":", lw=0.8, color=_FAINT)
        lowest = (shown[-1], truncation * (shown[-1] / h[0]) ** 2)
        axes.annotate("truncation ~ h\u00b2", lowest, color=_FAINT, fontsize=8, ha="right", va="bottom")
    estimate = max(float(swept.first.error[at]) / size, least)
    if np.isfinite(estimate):
        axes.axhline(estimate, lw=0.8, color=_INK)
        words = {"color": _INK, "fontsize": 8, "va": "bottom"}
        axes.annotate("extrapolated: estimated error", (h[-1], estimate), **words)
    axes.set_xlabel("step h")
    axes.set_ylabel(f"relative difference from {curve.name}")
    axes.set_title(f"{report.name}: differences along one direction")
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if path is not None:
        axes.figure.savefig(path, dpi=150)
    return axes
