"""The door to the compiled side of this room."""

from dualad._forward import Dual, Forward, HyperDual, hang, make, rebuild, refuse_unless_written

__all__ = ["Dual", "Forward", "HyperDual", "hang", "make", "rebuild", "refuse_unless_written"]
