"""The door to the compiled side of this room."""

from dualad._duck import DuckArray, hang, survey

__all__ = ["DuckArray", "hang", "survey"]
