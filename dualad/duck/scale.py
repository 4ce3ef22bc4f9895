"""The product of a partial and a tangent or cotangent, as an operator of its own.

Nothing times infinity is nothing: a zero tangent stays zero beside an infinite partial, so that a branch of np.where
that is not taken adds nothing, whatever its slope. It is an operator, and not a choice by the numbers at hand, because
a factor that is zero here may still vary: the derivative of 0 * g in the 0 is g.
"""

from __future__ import annotations

import math
from typing import Any, Final

from dualad.duck import kernels
from dualad.ops.table import REAL, TABLE, Elementwise

__all__ = ["SCALE", "scaled"]

#: It is no function that users call: the table finds it by the function object and does not list it.
SCALE: Final = Elementwise(
    name="scale",
    path="dualad.duck.kernels.scale",
    args=("d", "g"),
    partials=(("g",), ("d",)),
    domain=(REAL, REAL),
    sympy="d*g",
    note="0 where d or g is 0",
    given=kernels.scale,
)
TABLE.functions[kernels.scale] = SCALE


def scaled(partial: Any, g: Any) -> Any:
    """Multiply a tangent or cotangent by a partial."""
    if isinstance(partial, (float, int)) and math.isfinite(partial):
        return g if partial == 1 else -g if partial == -1 else partial * g
    return kernels.scale(partial, g)
