"""The door to the compiled side of this room."""

from dualad._adjoint import Backward, Elements
from dualad._tangent import Forward

__all__ = ["Backward", "Elements", "Forward"]
