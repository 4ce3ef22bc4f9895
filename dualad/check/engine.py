"""One call differentiated by itself: its tangent by dual numbers, its cotangent over a tape of its own, its curvature.

No other operator takes part, so that what is wrong here is wrong in the rule of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import lanes_of, seeded
from dualad.drivers.backward import vjp
from dualad.duck.levels import fresh_level

__all__ = ["curvature", "parts", "pulled", "tangent"]

Call = Callable[[Sequence[Any]], Any]


def parts(y: Any) -> list[Any]:
    """Return the results of a call that vary, as a list."""
    listed = list(y) if isinstance(y, (tuple, list)) else [y]
    return [part for part in listed if getattr(part, "dtype", np.dtype(float)).kind == "f"]


def tangent(call: Call, operands: Sequence[Any], tangents: Mapping[int, Any]) -> list[Any]:
    """Return the tangent of each result for tangents of some operands."""
    level = fresh_level()
    given = list(operands)
    for i, t in tangents.items():
        x = np.asarray(operands[i])
        given[i] = seeded(x, level, np.asarray(t, dtype=x.dtype)[np.newaxis], 1)
    return [lanes_of(part, level, 1)[1][0] for part in parts(call(given))]


def curvature(call: Call, operands: Sequence[Any], i: int, t: Any) -> list[Any]:
    """Return the second derivative of each result along a tangent of one operand."""
    level = fresh_level()
    given = list(operands)
    x = np.asarray(operands[i])
    lane = np.asarray(t, dtype=x.dtype)[np.newaxis]
    given[i] = seeded(x, level, np.concatenate([lane, lane, np.zeros_like(lane)]), 1, 1)
    return [lanes_of(part, level, 3)[1][2] for part in parts(call(given))]


def pulled(
    call: Call, operands: Sequence[Any], active: Sequence[int], weigh: Callable[[Any], Any]
) -> tuple[Any, list[Any]]:
    """Return the cotangents that were given (``weigh(result)`` for each result) and those of the active operands."""

    def of_active(*given: Any) -> Any:
        full = list(operands)
        for i, x in zip(active, given, strict=True):
            full[i] = x
        return call(full)

    y, pullback = vjp(of_active, *(np.asarray(operands[i]) for i in active))
    several = isinstance(y, (tuple, list))
    cotangents = [weigh(part) for part in (y if several else (y,))]
    given = type(y)(*cotangents) if hasattr(y, "_fields") else type(y)(cotangents) if several else cotangents[0]
    return cotangents, list(pullback(given))
