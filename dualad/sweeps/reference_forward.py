"""The forward sweep as one reads it in a textbook: the specification that the compiled sweep is held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dualad.duck.scale import scaled
from dualad.ops import formula
from dualad.ops.lanes import lane_shape
from dualad.reverse.kernels import Tape
from dualad.reverse.pull import partial_of, push, written
from dualad.sweeps.reference import COMPARISONS, GENERAL, LEAF, READ, WRITE

__all__ = ["Derivatives", "forward"]


class Derivatives:
    """The tangents of a tape's nodes while a sweep runs, None for zero; writing makes a new array, so that all are
    kept.
    """

    def __init__(self, tape: Tape, seeds: Mapping[int, Any]) -> None:
        self.tape = tape
        self.tangents: dict[int, Any] = dict(seeds)
        #: The sizes of the leading axes that the seeds have before the shapes of their nodes.
        self.lanes: tuple[int, ...] = ()
        for node, t in seeds.items():
            self.lanes = lane_shape(t, len(tape.shape_of(node)))

    def of(self, node: int) -> Any:
        """Return the tangent of a node, None where it does not vary with the seeds."""
        return self.tangents.get(node) if node >= 0 else None

    def copied(self, node: int) -> Any:
        """Return the tangent of an array as one of its own that may be written."""
        found = self.of(node)
        fresh = self.tape.zeros(node, self.lanes)
        if found is not None:
            fresh[...] = found
        return fresh


def forward(tape: Tape, seeds: Mapping[int, Any]) -> Derivatives:
    """Sweep tangents from the seeded nodes forward over the tape; seeds may have lanes before the
    shape of their node.
    """
    sweep = Derivatives(tape, seeds)
    tape.check_constants()
    for node in range(len(tape)):
        op, a, b, _, at, v = tape.fields(node)
        if node in seeds or op == LEAF or op <= COMPARISONS:
            continue
        t = None
        if op == GENERAL:
            t = _general(sweep, node, tape.record_of(node))
        elif op == READ:
            array = sweep.of(a)
            if array is not None:
                t = array[(..., *tape.index_of(a, at))]
        elif op == WRITE:
            if sweep.of(a) is not None or sweep.of(b) is not None:
                t = sweep.copied(a)
                t[(..., *tape.index_of(a, at))] = 0.0 if sweep.of(b) is None else sweep.of(b)
        else:
            t = _scalar(sweep, tape.row_of(node), (a, b), at, v)
        if t is not None:
            sweep.tangents[node] = t
    return sweep


def _scalar(sweep: Derivatives, row: Any, nodes: tuple[int, int], at: float, v: float) -> Any:
    operands = nodes[: len(row.args)]
    values = [at if operand < 0 else sweep.tape.fields(operand)[5] for operand in operands]
    bound = dict(zip(formula.symbols_of(row), (*values, v), strict=True))
    total = None
    for i, operand in enumerate(operands):
        t = sweep.of(operand)
        partial = None if t is None else partial_of(written(row, i)[0], bound)
        if partial is not None:
            total = scaled(partial, t) if total is None else total + scaled(partial, t)
    return total


def _general(sweep: Derivatives, node: int, record: Any) -> Any:
    if record.kind == "view":
        t = sweep.of(record.operands[0])
        for step in record.path if t is not None else ():
            t = step(t)
        return t
    if record.kind == "item":
        parts = sweep.of(record.operands[0])
        return None if parts is None else parts[record.index]
    if record.kind == "write":
        return _write(sweep, record)
    if record.kind in ("elementwise", "row"):
        return push(record, [sweep.of(operand) for operand in record.operands], record.primals, record.value)
    return None


def _write(sweep: Derivatives, record: Any) -> Any:
    before, put = (sweep.of(operand) for operand in record.operands)
    if before is None and put is None:
        return None
    whole = sweep.copied(record.operands[0])
    for lane in np.ndindex(*sweep.lanes):
        target = whole[(*lane, ...)]
        for step in record.path:
            target = step(target)
        target[record.index] = 0.0 if put is None else put[(*lane, ...)]
    return whole
