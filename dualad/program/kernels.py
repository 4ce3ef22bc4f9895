"""The door to the compiled side of this room."""

from dualad._alike import Rewriting, columns, crowded, survey
from dualad._groups import Grouping
from dualad._lower import Graph
from dualad._nodes import _NODE, VIEWS, Node, Nodes, number_power, words_of
from dualad._program import Program
from dualad._scalars import OPCODES, Scalars
from dualad._values import KINDS, Value, own_of, strides_of

__all__ = [
    "_NODE", "KINDS", "OPCODES", "VIEWS", "Graph", "Grouping", "Node", "Nodes", "Program", "Rewriting", "Scalars",
    "Value", "columns", "crowded", "number_power", "own_of", "strides_of", "survey", "words_of",
]  # fmt: skip
