"""The door to the compiled side of this room."""

from dualad._adjoint import Backward, Elements
from dualad._tangent import Forward
from dualad._terms import Partial, constant_of, plus, times

__all__ = ["Backward", "Elements", "Forward", "Partial", "constant_of", "plus", "times"]
