"""The door to the compiled side of this room."""

from dualad._alike import Rewriting, columns, survey
from dualad._lower import OPCODES, Graph, Scalars
from dualad._program import Program

__all__ = ["OPCODES", "Graph", "Program", "Rewriting", "Scalars", "columns", "survey"]
