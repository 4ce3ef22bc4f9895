"""Seeing what was recorded: a tape as text, the trace tables of the textbook, the computational graph."""

from dualad.draw.graph import draw
from dualad.draw.layout import TraceTable
from dualad.draw.picture import Graph
from dualad.draw.symbolic import Symbolic, to_sympy
from dualad.draw.table import trace_table
from dualad.draw.text import format_tape
from dualad.reverse import kernels

__all__ = ["Graph", "Symbolic", "TraceTable", "draw", "format_tape", "to_sympy", "trace_table"]

kernels.print_with(format_tape)
kernels.spell_with(to_sympy)
