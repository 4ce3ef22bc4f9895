"""The door to the compiled side of this room."""

from dualad._elementwise import hang as hang_elementwise
from dualad._elementwise import refuse_unless_written
from dualad._forward import Dual, Forward, HyperDual, gather_scalars, hang, make, rebuild

__all__ = [
    "Dual", "Forward", "HyperDual", "gather_scalars", "hang", "hang_elementwise", "make", "rebuild",
    "refuse_unless_written",
]  # fmt: skip
