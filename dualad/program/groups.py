"""Elementwise operations of one shape and stage, fused to one group that runs block by block."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["group"]

_BLOCK, _LEAST, _CACHE = 1024, 64, 3072  # doubles: largest and least block, and all temporaries of a block


def group(
    shape: tuple[int, ...],
    members: list[tuple[int, int, int, list[Any]]],
    loads: list[tuple[int, str, int, tuple[int, ...]]],
    stores: dict[int, tuple[int, str, int, tuple[int, ...]]],
) -> tuple[Any, int]:
    """Return a group as the machine takes it, and the doubles of scratch memory that it needs.

    ``members`` are ``(key, opcode, function, operands)`` in order; operands are keys of members or ``-1 - i`` for
    load i. ``stores`` maps the keys of members that are wanted outside to where they go.
    """
    axes, operands = _merged(shape, [*loads, *stores.values()])
    last = {key: number for number, (_, _, _, operands_of) in enumerate(members) for key in operands_of}
    slot_of: dict[int, int] = {-1 - i: i for i in range(len(loads))}
    slots = len(loads)
    idle: list[int] = []
    temporaries = 0
    steps = []
    for number, (key, op, function, operands_of) in enumerate(members):
        if key in stores or not idle:
            slot_of[key] = slots
            slots += 1
            temporaries += key not in stores
        else:
            slot_of[key] = idle.pop()
        steps.append((op, slot_of[key], function, tuple(slot_of[x] for x in operands_of)))
        for x in dict.fromkeys([*operands_of, key]):
            if last.get(x, number) == number and x >= 0 and x not in stores:
                idle.append(slot_of[x])
    size = int(np.prod(shape)) if shape else 1
    inside = max(temporaries + len(loads) + len(stores), 1)
    block = max(_LEAST, min(_BLOCK, _CACHE // inside // 8 * 8))
    taken = [(*operand, i) for i, operand in enumerate(operands[: len(loads)])]
    put = [(*operand, slot_of[key]) for operand, key in zip(operands[len(loads) :], stores, strict=True)]
    return (axes, slots, block, taken, put, steps), slots + slots * min(block, size)


def _merged(shape: tuple[int, ...], operands: list[Any]) -> tuple[tuple[int, ...], list[Any]]:
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
