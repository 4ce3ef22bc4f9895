"""The reverse sweep as one reads it in a textbook: the specification that the compiled sweep is held against.

It needs nothing but arithmetic on cotangents, so it also serves where they are no plain numbers: on the values of an
outer derivative (nested derivatives), and on recorded arrays of the tape itself (transforms).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dualad.ops import formula
from dualad.ops.formula import Const
from dualad.ops.lanes import sum_to
from dualad.reverse.kernels import Tape
from dualad.sweeps.pull import pull, scaled

__all__ = ["Adjoints", "reverse"]

READ, WRITE, GENERAL, LEAF = -2, -3, -4, -1


class Adjoints:
    """The cotangents of a tape's nodes while a sweep runs: scalars by node, arrays by slot."""

    def __init__(self, tape: Tape, symbolic: bool) -> None:
        self.tape, self.symbolic = tape, symbolic
        self.scalars: dict[int, Any] = {}
        self.arrays: dict[int, Any] = {}
        self.items: dict[int, list[Any]] = {}
        self.owned: set[int] = set()

    def add(self, node: int, g: Any) -> None:
        """Add a contribution to the cotangent of a node."""
        op, _, _, slot, _, _ = self.tape.fields(node)
        if slot < 0:
            self.scalars[node] = g if node not in self.scalars else self.scalars[node] + g
            return
        record = self.tape.record_of(node) if op == GENERAL else None
        if record is not None and record.kind == "view":
            target = self.buffer(record.operands[0])
            for step in record.path:
                target = step(target)
            target[...] = target + g
        elif slot not in self.arrays:
            self.arrays[slot] = g
        elif slot in self.owned:
            self.arrays[slot][...] = self.arrays[slot] + g
        else:
            self.arrays[slot] = self.arrays[slot] + g

    def buffer(self, node: int) -> Any:
        """Return the cotangent of an array, made an array of its own that may be written."""
        slot = self.tape.fields(node)[3]
        if slot not in self.owned:
            like = self.like(node)
            found = self.arrays.get(slot)
            self.arrays[slot] = np.zeros_like(like) if found is None else np.zeros_like(like) + found
            self.owned.add(slot)
        return self.arrays[slot]

    def like(self, node: int) -> Any:
        """Return something with the shape, dtype and kind of a node's value."""
        record = self.root(node)
        if self.symbolic:
            return self.tape.constant(np.zeros(record.shape, record.dtype))
        if record.value is not None and not isinstance(record.value, np.ndarray):
            return record.value
        return np.zeros(record.shape, record.dtype)

    def root(self, node: int) -> Any:
        """Return the record of the first version of an array."""
        op, before, *_ = self.tape.fields(node)
        while op == WRITE or self.tape.record_of(node).kind == "write":
            node = before if op == WRITE else self.tape.record_of(node).operands[0]
            op, before, *_ = self.tape.fields(node)
        return self.tape.record_of(node)

    def of(self, node: int) -> Any:
        """Return the cotangent of a node, None where nothing depends on it."""
        slot = self.tape.fields(node)[3]
        return self.scalars.get(node) if slot < 0 else self.arrays.get(slot)


def reverse(tape: Tape, seeds: Mapping[int, Any], symbolic: bool = False) -> Adjoints:
    """Sweep cotangents from the seeded nodes back over the tape.

    With ``symbolic`` operands are recorded arrays of the tape itself, so that every step is written on it as nodes.
    """
    adjoints = Adjoints(tape, symbolic)
    for node, g in seeds.items():
        adjoints.add(node, g)
    for node in range(len(tape) - 1, -1, -1):
        op, a, b, slot, at, v = tape.fields(node)
        if op == LEAF or op <= -16:
            continue
        if op == GENERAL:
            _general(adjoints, node, tape.record_of(node))
        elif op == READ:
            g = adjoints.scalars.pop(node, None)
            if g is not None:
                flat = np.reshape(adjoints.buffer(a), -1)
                flat[int(at)] = flat[int(at)] + g
        elif op == WRITE:
            if slot in adjoints.arrays:
                flat = np.reshape(adjoints.buffer(node), -1)
                g = flat[int(at)]
                flat[int(at)] = 0.0
                if b >= 0:
                    adjoints.add(b, g)
        else:
            g = adjoints.scalars.pop(node, None)
            if g is not None:
                _scalar(adjoints, tape, node, op, a, b, at, v, g)
    return adjoints


def _scalar(adjoints: Adjoints, tape: Tape, node: int, op: int, a: int, b: int, at: float, v: float, g: Any) -> None:
    row = tape.row_of(node)
    operands = (a, b)[: len(row.args)]

    def value(n: int) -> Any:
        return at if n < 0 else tape.handle(n) if adjoints.symbolic else tape.fields(n)[5]

    result = tape.handle(node) if adjoints.symbolic else v
    bound = dict(zip(formula.symbols_of(row), (*map(value, operands), result), strict=True))
    for expr, operand in zip(formula.partials(row), operands, strict=True):
        if operand >= 0 and expr[0] != formula.ZERO:
            with np.errstate(all="ignore"):
                partial = expr[0].value if isinstance(expr[0], Const) else formula.evaluate(expr[0], bound)
            adjoints.add(operand, scaled(partial, g))


def _general(adjoints: Adjoints, node: int, record: Any) -> None:
    tape = adjoints.tape
    slot = tape.fields(node)[3]
    if record.kind in ("view", "constant", "discrete"):
        return
    if record.kind == "write":
        if slot not in adjoints.arrays:
            return
        target = adjoints.buffer(node)
        for step in record.path:
            target = step(target)
        g = np.copy(target[record.index])
        target[record.index] = 0.0
        if record.operands[1] >= 0:
            adjoints.add(record.operands[1], _summed(g, record.primals[1]))
        return
    g = adjoints.items.pop(node, None) if node in adjoints.items else _taken(adjoints, node, slot)
    if g is None:
        return
    if record.kind == "item":
        parent = record.operands[0]
        parts = adjoints.items.setdefault(parent, [None] * len(tape.record_of(parent).value))
        parts[record.index] = g
        return
    primals, value = list(record.primals), record.value
    if adjoints.symbolic:
        primals = [
            tape.handle(n, x) if n >= 0 and x is not None and not hasattr(x, "__slots__") else x
            for n, x in zip(record.operands, primals, strict=True)
        ]
        value = _symbolic_value(tape, node, value)
    for i, answer in pull(record, g, primals, value):
        adjoints.add(record.operands[i], answer)


def _taken(adjoints: Adjoints, node: int, slot: int) -> Any:
    """Take the cotangent of a node out: nothing before the node can add to it."""
    if slot < 0:
        return adjoints.scalars.pop(node, None)
    adjoints.owned.discard(slot)
    return adjoints.arrays.pop(slot, None)


def _symbolic_value(tape: Tape, node: int, value: Any) -> Any:
    if isinstance(value, tuple):
        items = tape.record_of(node).items
        return tuple(tape.handle(items[i], part) if i in items else part for i, part in enumerate(value))
    return tape.handle(node, value)


def _summed(g: Any, shape: tuple[int, ...]) -> Any:
    return sum_to(g, np.ndim(g), shape)
