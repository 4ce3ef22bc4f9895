"""The door to the compiled side of this room."""

from dualad._blocks import kept_bytes, release
from dualad._elementwise import hang as hang_elementwise
from dualad._elementwise import refuse_unless_written
from dualad._forward import Dual, Forward, HyperDual, gather_scalars, hang, make, rebuild
from dualad._rows import array_row
from dualad._rows import hang as hang_rows
from dualad._table import warn_if_stale

__all__ = [
    "Dual", "Forward", "HyperDual", "array_row", "gather_scalars", "hang", "hang_elementwise", "hang_rows",
    "kept_bytes", "make", "rebuild", "refuse_unless_written", "release", "warn_if_stale",
]  # fmt: skip
