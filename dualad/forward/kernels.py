"""The door to the compiled side of this room."""

from dualad._elementwise import hang as hang_elementwise
from dualad._elementwise import refuse_unless_written
from dualad._forward import Dual, Forward, HyperDual, gather_scalars, hang, make, rebuild
from dualad._rows import array_row
from dualad._rows import hang as hang_rows

__all__ = [
    "Dual", "Forward", "HyperDual", "array_row", "gather_scalars", "hang", "hang_elementwise", "hang_rows", "make",
    "rebuild", "refuse_unless_written",
]  # fmt: skip
