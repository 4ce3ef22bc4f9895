"""How a row of ``scipy.special`` is written, and the pieces of formulas that several of its rooms share."""

from __future__ import annotations

from math import factorial
from typing import Any, Final

import scipy.special

from dualad.ops.elementwise import polynomial
from dualad.ops.table import Elementwise, Interval, Partial, Todo, op, unwritten

__all__ = [
    "ABOVE", "BOXCOX", "DEGREE", "MODERATE", "PROBABILITY", "SHAPE", "SLOPE", "gamma_density", "polynomial", "refused",
    "special",
]  # fmt: skip

SHAPE: Final = Todo("the derivative in a shape parameter has no closed form in functions that SciPy has")

ABOVE: Final = Interval(0.0, float("inf"), sample=(0.05, 50.0))
MODERATE: Final = Interval(0.0, float("inf"), sample=(0.3, 20.0))
PROBABILITY: Final = Interval(0.0, 1.0, sample=(0.01, 0.99))
DEGREE: Final = Interval(0.0, float("inf"), (True, False), integer=True, sample=(0.0, 6.0))

# (exp(t)*(t - 1) + 1)/t**2, the derivative of (exp(t) - 1)/t, about 0 by its power series.
SLOPE: Final = [(k + 1) / factorial(k + 2) for k in range(18)]
# The partial of (power - 1)/l in l, with l*log the logarithm of the power and v the value.
_RISE: Final = polynomial("({l}*{log})", *SLOPE)
BOXCOX: Final = f"where(absolute({{l}}*{{log}}) < 1, {{log}}**2*{_RISE}, ({{power}}*{{log}} - {{v}})/{{l}})"


def special(
    name: str, args: str, *partials: Partial | tuple[Partial, ...], path: str = "", **rest: Any
) -> Elementwise | None:
    """Add the row of ``scipy.special.<name>``, or of the function at ``path`` below it.

    A function that the installed SciPy does not have yet (or no longer) gets no row.
    """
    path = path or name
    place: Any = scipy.special
    for part in path.split("."):
        place = getattr(place, part, None)
    return None if place is None else op(name, args, *partials, numpy=f"scipy.special.{path}", **rest)


def refused(name: str, reason: str, instead: str = "") -> None:
    """Add a function of ``scipy.special`` that is known and has no rule."""
    if hasattr(scipy.special, name):
        unwritten(f"scipy.special.{name}", reason, f"use {instead}" if instead else "")


def gamma_density(shape: str, x: str) -> str:
    """Return the density ``x**(shape - 1)*exp(-x)/gamma(shape)`` as the text of a formula."""
    return f"exp(xlogy({shape} - 1, {x}) - {x} - gammaln({shape}))"
