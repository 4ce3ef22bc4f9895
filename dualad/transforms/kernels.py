"""The door to the compiled side of this room."""

from dualad._adjoint import Backward, Elements

__all__ = ["Backward", "Elements"]
