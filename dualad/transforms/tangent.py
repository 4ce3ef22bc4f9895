"""The forward sweep written as new nodes: the tangent of every node from those of its operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.ops import formula
from dualad.reverse.kernels import Recorded, Tape
from dualad.reverse.pull import push, written
from dualad.transforms.folding import folded
from dualad.transforms.operands import GENERAL, LEAF, READ, WRITE, own_copy, rule_parts, scalar_parts, varied
from dualad.transforms.times import plus, times

__all__ = ["extend"]


def extend(tape: Tape, seeds: Mapping[int, Any], outputs: Any = None) -> list[Any]:
    """Write the tangents of the outputs on the tape, and return them as recorded arrays.

    ``seeds`` maps nodes (inputs, as a rule) to their tangents: recorded arrays of this tape or constants of the node's
    shape. ``outputs`` are recorded arrays or nodes, those of the tape where it is None.
    """
    outputs = tape.outputs if outputs is None else outputs
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    nodes = [output._operand() if isinstance(output, Recorded) else int(output) for output in listed]
    walk = _Walk(tape, seeds)
    tape.check_constants()
    tape.share(True)
    try:
        for node in range(max(nodes, default=-1) + 1):
            if walk.varied[node] and node not in seeds:
                walk.come_to(node)
        return [walk.result(node) for node in nodes]
    finally:
        tape.share(False)


class _Walk:
    """The tangents of a tape's nodes while the sweep is written; None is zero.

    Versions of an array share their tangent, which is written as the array was. ``owned`` says of which tangents that
    may be done; one that a late use will need is copied first.
    """

    def __init__(self, tape: Tape, seeds: Mapping[int, Any]) -> None:
        self.tape = tape
        self.varied = varied(tape, list(seeds), len(tape))
        self.tangents: dict[int, Any] = dict(seeds)
        self.owned: set[int] = set()

    def result(self, node: int) -> Any:
        """Return the tangent of an output as a recorded array."""
        t = self.of(node)
        if isinstance(t, DuckArray):
            return t
        shape = self.tape.shape_of(node)
        zeros = (
            np.zeros(shape, self.tape.dtype_of(node)) if shape or self.tape.fields(node)[3] >= 0 else np.float64(0.0)
        )
        return self.tape.constant(zeros if t is None else zeros + t)

    def of(self, node: int) -> Any:
        """Return the tangent of a node, None where it does not vary."""
        return self.tangents.get(node) if node >= 0 else None

    def moved(self, before: int, node: int) -> Any:
        """Make the tangent of an array that of its next version, as an array of its own that may be written."""
        t = self.tangents.get(before)
        if before not in self.owned or before in self.tape.late:
            t = own_copy(self.tape, before, t)
        else:
            del self.tangents[before]
        self.owned.add(node)
        self.tangents[node] = t
        return t

    def come_to(self, node: int) -> None:
        """Write the tangent of a node."""
        op, a, b, _, at, _ = self.tape.fields(node)
        if op == GENERAL:
            t = self._general(node, self.tape.record_of(node))
        elif op == READ:
            whole = self.of(a)
            t = None if whole is None else whole[self.tape.index_of(a, at)]
        elif op == WRITE:
            put = self.of(b)
            self.moved(a, node)[self.tape.index_of(a, at)] = 0.0 if put is None else put
            return
        elif op > LEAF:
            t = self._scalar(node)
        else:
            return
        if t is not None:
            self.tangents[node] = t

    def _scalar(self, node: int) -> Any:
        row = self.tape.row_of(node)
        operands, values, result = scalar_parts(self.tape, node)
        bound = dict(zip(formula.symbols_of(row), (*values, result), strict=True))
        total = None
        for i, operand in enumerate(operands):
            t = self.of(operand)
            partial = None if t is None else folded(written(row, i)[0], bound)
            if partial is not None:
                term = times(partial, t)
                total = term if total is None else plus(total, term)
        return total

    def _general(self, node: int, record: Any) -> Any:
        match record.kind:
            case "view":
                t = self.of(record.operands[0])
                for step in record.path if t is not None else ():
                    t = step(t)
                # The view is taken now: later writes to its base belong to later versions.
                return t
            case "item":
                parts = self.tangents.get(record.operands[0])
                return None if parts is None else parts[record.index]
            case "write":
                put = self.of(record.operands[1])
                target = self.moved(record.operands[0], node)
                for step in record.path:
                    target = step(target)
                target[record.index] = 0.0 if put is None else put
                return self.tangents[node]
            case "elementwise" | "row":
                handles, value, plan = rule_parts(self.tape, node)
                given = [self.of(operand) for operand in record.operands]
                return _apart(push(record, given, handles, value, plan, times, folded), given)
        return None


def _apart(t: Any, given: Sequence[Any]) -> Any:
    """Return a tangent that shares no numbers with those it came from, which may be written later."""
    if isinstance(t, (tuple, list)):
        return [_apart(part, given) for part in t]
    shared = (
        isinstance(t, Recorded)
        and t._cell is not None
        and any(isinstance(x, Recorded) and x._cell is t._cell for x in given)
    )
    return np.copy(t) if shared else t
