"""The door to the compiled side of this room."""

from dualad._sweep import Cotangents

__all__ = ["Cotangents"]
