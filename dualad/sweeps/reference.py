"""The reverse sweep as one reads it in a textbook: the specification that the compiled sweep is held against.

It needs nothing but arithmetic on cotangents, so it also serves where these are no plain numbers: on the values of an
outer derivative, when derivatives are nested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.duck.scale import scaled
from dualad.ops import formula
from dualad.ops.lanes import sum_to
from dualad.reverse.kernels import Tape
from dualad.reverse.pull import partial_of, pull, written

__all__ = ["COMPARISONS", "GENERAL", "LEAF", "READ", "WRITE", "Adjoints", "reverse"]

LEAF, READ, WRITE, GENERAL, COMPARISONS = -1, -2, -3, -4, -11


class Adjoints:
    """The cotangents of a tape's nodes while a sweep runs: scalars by node, arrays by slot.

    ``final`` keeps what each node had when the sweep came to it.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.scalars: dict[int, Any] = {}
        self.arrays: dict[int, Any] = {}
        self.items: dict[int, list[Any]] = {}
        self.owned: set[int] = set()
        self.final: dict[int, Any] = {}

    def key(self, node: int) -> int:
        """Return where the cotangent of an array is summed: its slot, or a place of its own for a late version."""
        return -1 - node if node in self.tape.late else self.tape.fields(node)[3]

    def add(self, node: int, g: Any) -> None:
        """Add a contribution to the cotangent of a node."""
        op, _, _, slot, _, _ = self.tape.fields(node)
        if slot < 0:
            self.scalars[node] = g if node not in self.scalars else self.scalars[node] + g
            return
        record = self.tape.record_of(node) if op == GENERAL else None
        if record is not None and record.kind == "view":
            base = record.operands[0]
            target = self.buffer(base, self.key(base), g)
            for step in record.path:
                target = step(target)
            target[...] = target + g
        else:
            self.add_whole(self.key(node), g)

    def add_whole(self, key: int, g: Any) -> None:
        """Add to all of an array's cotangent."""
        self.arrays[key] = g if key not in self.arrays else self.arrays[key] + g
        self.owned.discard(key)

    def buffer(self, node: int, key: int, g: Any = None) -> Any:
        """Return the cotangent kept at ``key``, made an array of its own that may be written with numbers such as
        ``g``.
        """
        found = self.arrays.get(key)
        level = max(g.level if isinstance(g, DuckArray) else 0, found.level if isinstance(found, DuckArray) else 0)
        if key not in self.owned or level > (found.level if isinstance(found, DuckArray) else 0):
            like = max((x for x in (g, found) if isinstance(x, DuckArray)), key=lambda x: x.level, default=None)
            fresh = self.tape.zeros(node, (), like)
            if found is not None:
                fresh[...] = found
            self.arrays[key] = fresh
            self.owned.add(key)
        return self.arrays[key]

    def of(self, node: int) -> Any:
        """Return the cotangent of a node, None where nothing depends on it."""
        if node in self.final:
            return self.final[node]
        slot = self.tape.fields(node)[3]
        return self.scalars.get(node) if slot < 0 else self.arrays.get(slot)


def reverse(tape: Tape, seeds: Mapping[int, Any]) -> Adjoints:
    """Sweep cotangents from the seeded nodes back over the tape."""
    adjoints = Adjoints(tape)
    for node, g in seeds.items():
        adjoints.add(node, g)
    tape.check_constants()
    for node in range(len(tape) - 1, -1, -1):
        op, a, b, slot, at, v = tape.fields(node)
        if node in tape.late and -1 - node in adjoints.arrays:
            adjoints.add_whole(slot, adjoints.arrays.pop(-1 - node))
        if op == GENERAL:
            _general(adjoints, node, tape.record_of(node))
            continue
        if op == WRITE:
            if slot in adjoints.arrays:
                buffer = adjoints.buffer(node, slot)
                place = tape.index_of(node, at)
                g = buffer[place]
                buffer[place] = 0.0
                if b >= 0:
                    adjoints.add(b, g)
            continue
        g = adjoints.scalars.get(node)
        if g is None:
            continue
        adjoints.final[node] = g
        if op == READ:
            buffer = adjoints.buffer(a, adjoints.key(a), g)
            place = tape.index_of(a, at)
            buffer[place] = buffer[place] + g
        elif op >= 0:
            _scalar(adjoints, node, tape.row_of(node), (a, b), at, v, g)
    return adjoints


def _scalar(adjoints: Adjoints, node: int, row: Any, nodes: tuple[int, int], at: float, v: float, g: Any) -> None:
    operands = nodes[: len(row.args)]
    values = [at if operand < 0 else adjoints.tape.fields(operand)[5] for operand in operands]
    bound = dict(zip(formula.symbols_of(row), (*values, v), strict=True))
    for i, operand in enumerate(operands):
        partial = partial_of(written(row, i)[0], bound) if operand >= 0 else None
        if partial is not None:
            adjoints.add(operand, scaled(partial, g))


def _general(adjoints: Adjoints, node: int, record: Any) -> None:
    tape = adjoints.tape
    slot = tape.fields(node)[3]
    if record.kind == "write":
        if slot in adjoints.arrays:
            _write(adjoints, node, record)
        return
    if node in adjoints.items:
        g: Any = adjoints.items.pop(node)
    else:
        g = adjoints.scalars.get(node) if slot < 0 else adjoints.arrays.get(slot)
    if g is None:
        return
    adjoints.final[node] = g
    if slot >= 0:
        # Nothing that was written before this node can add to it.
        adjoints.arrays.pop(slot, None)
        adjoints.owned.discard(slot)
    if record.kind == "view":
        # What reads elements of the view itself, as transforms do, has added to a cotangent of the view.
        adjoints.add(node, g)
    elif record.kind == "item":
        parent = record.operands[0]
        parts = adjoints.items.setdefault(parent, [None] * len(tape.record_of(parent).value))
        parts[record.index] = g
    elif record.kind in ("elementwise", "row"):
        for i, answer in pull(record, g, record.primals, record.value):
            adjoints.add(record.operands[i], answer)


def _write(adjoints: Adjoints, node: int, record: Any) -> None:
    target = adjoints.buffer(node, adjoints.tape.fields(node)[3])
    for step in record.path:
        target = step(target)
    g = np.copy(target[record.index])
    target[record.index] = 0.0
    if record.plan is not None:
        g = np.where(record.plan, g, 0.0)
    if record.operands[1] >= 0:
        adjoints.add(record.operands[1], sum_to(g, np.ndim(g), record.primals[1]))
