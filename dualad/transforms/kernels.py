"""The door to the compiled side of this room."""

from dualad._scale import scale

__all__ = ["scale"]
