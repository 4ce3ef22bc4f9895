"""The reverse sweep written as new nodes: seed 1, sum what all uses contribute, pass ``adjoint * partial`` on.

The result is a tape like any other: it can be extended again, which gives Hessians and derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.ops import formula
from dualad.ops.lanes import is_view, shape_of, sum_to
from dualad.ops.table import TABLE
from dualad.reverse.kernels import Recorded, Tape
from dualad.reverse.pull import pull, written
from dualad.transforms.folding import folded
from dualad.transforms.operands import GENERAL, LEAF, READ, WRITE, rule_parts, scalar_parts, varied
from dualad.transforms.sums import Sum
from dualad.transforms.times import constant_of, plus, times

__all__ = ["extend"]


def extend(tape: Tape, outputs: Any = None, inputs: Sequence[int] | None = None) -> list[Any]:
    """Write the adjoints of the inputs on the tape, and return them as recorded arrays.

    ``outputs`` is a recorded number or its node (those of the tape where it is None), several of them, whose adjoints
    are 1 each, or a mapping from nodes to adjoints, for outputs that are arrays.
    """
    inputs = list(tape.inputs if inputs is None else inputs)
    seeds = _seeds(tape, tape.outputs if outputs is None else outputs)
    walk = _Walk(tape, inputs)
    tape.check_constants()
    tape.share(True)
    try:
        for node, g in seeds.items():
            walk.add(node, g)
        for node in range(len(walk.varied) - 1, -1, -1):
            if walk.varied[node]:
                walk.come_to(node)
        return [walk.result(node) for node in inputs]
    finally:
        tape.share(False)


def _seeds(tape: Tape, outputs: Any) -> dict[int, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    seeds = {}
    for output in listed:
        node = output._operand() if isinstance(output, Recorded) else int(output)
        shape = (
            ()
            if tape.fields(node)[3] < 0
            else shape_of(output)
            if isinstance(output, Recorded)
            else tape.shape_of(node)
        )
        if int(np.prod(shape)) != 1:
            raise errors.NotScalar(errors.not_scalar("extend", shape))
        seeds[node] = np.ones(shape) if shape else 1.0
    return seeds


class _Walk:
    """The adjoints of a tape's nodes while the sweep is written: scalars by node, arrays by slot."""

    def __init__(self, tape: Tape, inputs: Sequence[int]) -> None:
        self.tape = tape
        self.varied = varied(tape, inputs, len(tape))
        self.inputs = set(inputs)
        self.scalars: dict[int, Any] = {}
        self.sums: dict[int, Sum] = {}
        self.items: dict[int, list[Any]] = {}
        self.done: dict[int, Any] = {}

    def sum_of(self, node: int) -> Sum:
        """Return the sum that is the adjoint of an array: of its slot, or of its own for a late version."""
        key = -1 - node if node in self.tape.late else self.tape.fields(node)[3]
        return self.sum_at(node, key)

    def sum_at(self, node: int, key: int) -> Sum:
        """Return the sum at a key, new where there is none."""
        if key not in self.sums:
            self.sums[key] = Sum(self.tape, node)
        return self.sums[key]

    def add(self, node: int, g: Any) -> None:
        """Add a contribution to the adjoint of a node."""
        if not self.varied[node] or constant_of(g) == 0.0:
            return
        op, _, _, slot, _, _ = self.tape.fields(node)
        record = self.tape.record_of(node) if op == GENERAL else None
        if slot < 0:
            self.scalars[node] = plus(self.scalars[node], g) if node in self.scalars else g
        elif record is not None and record.kind == "view":
            self.sum_of(record.operands[0]).add_through(record.path, g)
        else:
            self.sum_of(node).add(g)

    def result(self, node: int) -> Any:
        """Return the adjoint of an input as a recorded array."""
        g = self.done.get(node)
        if self.tape.fields(node)[3] < 0:
            g = 0.0 if g is None else g
            return g if isinstance(g, DuckArray) else self.tape.constant(np.float64(g))
        if isinstance(g, DuckArray):
            return g
        whole = np.zeros(self.tape.shape_of(node), self.tape.dtype_of(node))
        return self.tape.constant(whole if g is None else whole + g)

    def come_to(self, node: int) -> None:
        """Pass the adjoint of a node on to its operands."""
        tape = self.tape
        op, a, b, slot, at, _ = tape.fields(node)
        late = self.sums.pop(-1 - node, None)
        if late is not None and not late.is_zero:
            self.sum_at(node, slot).add(late.value())
        if op == GENERAL:
            self._general(node, slot, tape.record_of(node))
        elif op == WRITE:
            g = self.sums[slot].take_at(int(at)) if slot in self.sums else None
            if g is not None and b >= 0:
                self.add(b, g)
        else:
            g = self.scalars.pop(node, None)
            if g is None:
                return
            if op == READ:
                if self.varied[a]:
                    self.sum_of(a).add_at(int(at), g)
            elif op == LEAF:
                self.done[node] = g
            else:
                self._scalar(node, g)

    def _scalar(self, node: int, g: Any) -> None:
        row = self.tape.row_of(node)
        operands, values, result = scalar_parts(self.tape, node)
        bound = dict(zip(formula.symbols_of(row), (*values, result), strict=True))
        for i, operand in enumerate(operands):
            if operand >= 0 and self.varied[operand]:
                partial = folded(written(row, i)[0], bound)
                if partial is not None:
                    self.add(operand, times(partial, g))

    def _general(self, node: int, slot: int, record: Any) -> None:
        if record.kind == "write":
            g = self.sums[slot].take_through(record.path, record.index) if slot in self.sums else None
            if g is not None and record.plan is not None:
                g = np.where(record.plan, g, 0.0)
            if g is not None and record.operands[1] >= 0:
                self.add(record.operands[1], sum_to(g, np.ndim(g), record.primals[1]))
            return
        if node in self.items:
            g = self.items.pop(node)
        elif slot < 0:
            g = self.scalars.pop(node, None)
        else:
            found = self.sums.pop(slot, None)
            g = None if found is None else found.value()
        if g is None:
            return
        match record.kind:
            case "constant":
                self.done[node] = g
            case "item":
                parent = record.operands[0]
                parts = self.items.setdefault(parent, [None] * len(self.tape.record_of(parent).value))
                parts[record.index] = g
            case "view":
                self.add(node, g)
            case "elementwise" | "row":
                self._rule(node, record, g)

    def _rule(self, node: int, record: Any, g: Any) -> None:
        a = record.operands[0]
        if record.row is TABLE.named("getitem") and self.tape.fields(a)[3] >= 0 and is_view(record.args[1]):
            # One element of an array of another type than double: added where it lies.
            index = record.args[1] if isinstance(record.args[1], tuple) else (record.args[1],)
            self.sum_of(a).add_through([lambda t: t[(*index, Ellipsis)]], g)
            return
        handles, value, plan = rule_parts(self.tape, node)
        for i, answer in pull(record, g, handles, value, plan, times, folded):
            self.add(record.operands[i], answer)
