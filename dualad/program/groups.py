"""Elementwise operations of one shape and stage, fused to one group that runs block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Group", "Member", "group"]

_BLOCK, _LEAST, _CACHE = 1024, 128, 3072  # doubles: largest and least block, and all temporaries of a block

Spec = tuple[int, str, int, tuple[int, ...]]  # base, kind, byte offset, strides in bytes


@dataclass(slots=True)
class Member:
    """An operation of a group: operands are keys of members, or ``-1 - i`` for load i."""

    key: int
    op: int
    function: int
    operands: list[int]


@dataclass(slots=True)
class Group:
    """The operations of a group, in order; what they read; where results go; and the sums taken on the way.

    ``stores`` are ``(key, where, copied)``: a result is computed where it will lie, or copied there at a block's end.
    ``sinks`` are ``(key, base, byte offset, length, inner)`` with length 0 for the sum of all elements.
    """

    shape: tuple[int, ...]
    members: list[Member] = field(default_factory=list)
    loads: list[Spec] = field(default_factory=list)
    stores: list[tuple[int, Spec, bool]] = field(default_factory=list)
    sinks: list[tuple[int, int, int, int, int]] = field(default_factory=list)


def group(made: Group) -> tuple[Any, int]:
    """Return a group as the machine takes it, and the doubles of scratch memory that it needs."""
    shape, loads = made.shape, made.loads
    axes, operands = _merged(shape, [*loads, *(where for _, where, _ in made.stores)])
    placed = {key for key, _, copied in made.stores if not copied}
    kept = {key for key, _, _ in made.stores} | {key for key, *_ in made.sinks}
    last = {key: number for number, member in enumerate(made.members) for key in member.operands}
    slot_of: dict[int, int] = {-1 - i: i for i in range(len(loads))}
    slots = len(loads)
    idle: list[int] = []
    temporaries = 0
    steps = []
    for number, member in enumerate(made.members):
        key = member.key
        if key in placed or not idle:
            slot_of[key] = slots
            slots += 1
            temporaries += key not in placed
        else:
            slot_of[key] = idle.pop()
        steps.append((member.op, slot_of[key], member.function, tuple(slot_of[x] for x in member.operands)))
        for x in dict.fromkeys([*member.operands, key]):
            if last.get(x, number) == number and x >= 0 and x not in kept:
                idle.append(slot_of[x])
    size = int(np.prod(shape)) if shape else 1
    inside = max(temporaries + len(loads) + len(made.stores), 1)
    block = max(_LEAST, min(_BLOCK, _CACHE // inside // 8 * 8))
    rows = {length for _, _, _, length, inner in made.sinks if length and inner == 1}
    if rows:
        unit = int(np.lcm.reduce(sorted(rows)))
        block = max(1, block // unit) * unit
    taken = [(*operand, i) for i, operand in enumerate(operands[: len(loads)])]
    put = []
    direct: set[int] = set()
    for operand, (key, _, copied) in zip(operands[len(loads) :], made.stores, strict=True):
        is_copy = copied or key in direct
        put.append((*operand, -1 - slot_of[key] if is_copy else slot_of[key]))
        if not is_copy:
            direct.add(key)
    sinks = [(slot_of[key], *rest) for key, *rest in sorted(made.sinks, key=lambda sink: sink[3] > 0)]
    return (axes, slots, block, taken, put, steps, sinks), slots + slots * min(block, size)


def _merged(shape: tuple[int, ...], operands: Sequence[Any]) -> tuple[tuple[int, ...], list[Any]]:
    """Merge axes that lie one behind the other in every operand, and leave out those of length 1."""
    kept = [axis for axis, n in enumerate(shape) if n != 1]
    axes: list[int] = []
    strides: list[list[int]] = [[] for _ in operands]
    for axis in kept:
        n = shape[axis]
        if axes and all(s[-1] == o[3][axis] * n for s, o in zip(strides, operands, strict=True)):
            axes[-1] *= n
            for s, o in zip(strides, operands, strict=True):
                s[-1] = o[3][axis]
            continue
        axes.append(n)
        for s, o in zip(strides, operands, strict=True):
            s.append(o[3][axis])
    if not axes:
        axes = [1]
        for s in strides:
            s.append(0)
    return tuple(axes), [(*o[:3], tuple(s)) for o, s in zip(operands, strides, strict=True)]
