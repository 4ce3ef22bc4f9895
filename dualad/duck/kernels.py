"""The door to the compiled side of this room."""

from dualad._duck import DuckArray, hang, survey
from dualad._scale import scale

__all__ = ["DuckArray", "hang", "scale", "survey"]
