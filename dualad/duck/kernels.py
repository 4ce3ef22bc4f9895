"""The door to the compiled side of this room."""

from dualad._duck import DuckArray, hang

__all__ = ["DuckArray", "hang"]
