"""A node with what its rule needs: operands, primals, result, all from one place for scalars and arrays."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from dualad.draw.statements import GENERAL, READ, WRITE, Statement
from dualad.ops import formula
from dualad.ops.table import Elementwise
from dualad.reverse.kernels import Tape

__all__ = ["Node"]


class Node:
    """A node of a tape as its rule sees it.

    ``operands`` are node numbers, -1 for a constant; ``primals`` their values, as far as the rule needs them.
    """

    def __init__(self, tape: Tape, statement: Statement) -> None:
        self.tape, self.statement = tape, statement
        op, a, b, _, at, v = tape.fields(statement.node)
        self.record: Any
        self.path: tuple[Any, ...] = ()
        self.index: Any = None
        if op == GENERAL:
            self.record = tape.record_of(statement.node)
            self.operands = tuple(self.record.operands)
            self.primals = list(self.record.primals)
            self.path, self.index = tuple(self.record.path or ()), self.record.index
        elif op in (READ, WRITE):
            self.record = None
            self.operands = (a,) if op == READ else (a, b)
            self.primals = []
            self.index = statement.args[1] if op == READ else statement.args[1][0]
        else:
            # A scalar operation in the form of a record, so that one rule serves both.
            count = len(statement.args)
            self.operands = (a, b)[:count]
            self.primals = [np.float64(at if n < 0 else tape.fields(n)[5]) for n in self.operands]
            facts = {"row": statement.row, "operands": self.operands, "value": np.float64(v)}
            active = sum(1 << i for i, operand in enumerate(self.operands) if operand >= 0)
            self.record = SimpleNamespace(kind="elementwise", shape=(), plan=None, active=active, **facts)

    @property
    def elementwise(self) -> bool:
        """Whether the node is an elementwise operation."""
        return isinstance(self.statement.row, Elementwise)

    @property
    def values(self) -> tuple[Any, ...]:
        """The results, one or several."""
        value = self.record.value
        return tuple(value) if isinstance(value, (tuple, list)) else (value,)

    @cached_property
    def bound(self) -> dict[str, Any]:
        """The numbers of the symbols of an elementwise row."""
        return dict(zip(formula.symbols_of(self.statement.row), (*self.primals, *self.values), strict=True))
