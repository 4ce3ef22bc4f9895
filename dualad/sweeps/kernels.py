"""The door to the compiled side of this room."""

from dualad._sweep import Cotangents
from dualad._sweep_forward import Tangents

__all__ = ["Cotangents", "Tangents"]
