"""The door to the compiled side of this room."""

from dualad._lower import OPCODES, Graph, Scalars
from dualad._program import Program

__all__ = ["OPCODES", "Graph", "Program", "Scalars"]
