"""Operations on whole arrays as the machine takes them: reductions, products of matrices, elements at fixed places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad.duck.operands import Operand
from dualad.program.nodes import Value

__all__ = ["GENERALIZED", "REDUCE", "SCATTER", "TAKE", "Whole", "generalized", "moved", "reduced"]

REDUCE, GENERALIZED, TAKE, SCATTER = range(4)  # as in machine.h
_GENERALIZED = {
    name: function
    for name in ("matmul", "vecdot", "matvec", "vecmat")
    if (function := getattr(np, name, None)) is not None and "dd->d" in function.types
}
_AXES = 8

Layout = tuple[tuple[int, ...], tuple[int, ...]]  # shape, and strides in bytes


@dataclass(frozen=True)
class Whole:
    """What the machine does with arrays as a whole; ``strides`` are those of its loop, an entry for each place.

    ``sizes`` are outer, length, inner, whole: the array is taken as of shape (outer, length, inner), and ``whole`` is
    the length of what places are counted in.
    """

    way: int
    function: Any = None
    first: float | None = None
    sizes: tuple[int, int, int, int] = (0, 0, 0, 0)
    shape: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    strides: tuple[tuple[int, ...], ...] = ()
    places: Any = None


def reduced(args: Any, kwargs: Any, shape: tuple[int, ...], function: Any, first: float | None) -> Whole | None:
    """Return a reduction of an array without gaps over neighbouring axes; None for any other."""
    options = dict(kwargs or {})
    args = list(args)
    if len(args) > 2 or not isinstance(args[0], Operand) or 0 in shape:
        return None
    axis = args[1] if len(args) == 2 else options.pop("axis", None)
    options.pop("keepdims", None)
    if options or any(isinstance(part, Operand) for part in (axis if isinstance(axis, tuple) else (axis,))):
        return None
    ndim = len(shape)
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    found = sorted(a % ndim for a in axes)
    if not found or found != list(range(found[0], found[0] + len(found))):
        return None
    outer = math.prod(shape[: found[0]])
    length = math.prod(shape[found[0] : found[-1] + 1])
    inner = math.prod(shape[found[-1] + 1 :])
    if inner > 1 and len(found) > 1:
        return None
    return Whole(REDUCE, function, first, (outer, length, inner, 0))


def generalized(name: str, operands: list[Layout], result: Layout) -> Whole | None:
    """Return a product by NumPy's own loop for it; None where there is none."""
    if name == "dot" and all(1 <= len(shape) <= 2 for shape, _ in operands):
        name = "matmul"
    function = _GENERALIZED.get(name)
    if function is None or any(0 in shape for shape, _ in (*operands, result)):
        return None
    sources, target = function.signature.split("->")
    inner = [part.strip("()").split(",") if part != "()" else [] for part in (*sources.split("),("), target)]
    cores = [[axis for axis in part if axis] for part in inner]
    size: dict[str, int] = {}
    absent: set[str] = set()
    for core, (shape, _) in zip(cores[:-1], operands, strict=True):
        if len(shape) < len(core):
            absent.update(axis for axis in core if axis.endswith("?"))
            core = [axis for axis in core if not axis.endswith("?")]
        if len(shape) < len(core):
            return None
        size.update(zip(core, shape[len(shape) - len(core) :], strict=True))
    names = list(dict.fromkeys(axis for core in cores for axis in core))
    steps: list[int] = []
    loops: list[Layout] = []
    for core, (shape, strides) in zip(cores, (*operands, result), strict=True):
        present = [axis for axis in core if axis not in absent]
        lead = len(shape) - len(present)
        own = dict(zip(present, strides[lead:], strict=True))
        steps.extend(own.get(axis, 8) for axis in core)
        loops.append((shape[:lead], strides[:lead]))
    batch = loops[-1][0]
    if len(batch) > _AXES:
        return None
    spread = tuple(
        (0,) * (len(batch) - len(shape)) + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
        for shape, strides in loops
    )
    if not batch:
        batch, spread = (1,), tuple((0,) for _ in loops)
    return Whole(
        GENERALIZED, function, shape=batch, dimensions=tuple(size.get(axis, 1) for axis in names),
        steps=tuple(steps), strides=spread,
    )  # fmt: skip


def moved(way: int, index: Any, shape: tuple[int, ...]) -> Whole | None:
    """Return the reading, or the adding, of elements at places that arrays of whole numbers name on one axis or more.

    ``shape`` is that of the array that the index is applied to.
    """
    entries = index if isinstance(index, tuple) else (index,)
    lead = 0
    while lead < len(entries) and isinstance(entries[lead], slice) and entries[lead] == slice(None):
        lead += 1
    arrays = entries[lead:]
    while arrays and isinstance(arrays[-1], slice) and arrays[-1] == slice(None):
        arrays = arrays[:-1]
    if not arrays or lead + len(arrays) > len(shape) or 0 in shape:
        return None
    if not all(isinstance(x, np.ndarray) and x.dtype.kind in "iu" for x in arrays):
        return None
    across = shape[lead : lead + len(arrays)]
    try:
        places = np.ravel_multi_index(
            tuple(np.where(x < 0, x + n, x) for x, n in zip(np.broadcast_arrays(*arrays), across, strict=True)), across
        )
    except ValueError:
        return None
    outer, inner = math.prod(shape[:lead]), math.prod(shape[lead + len(arrays) :])
    sizes = (outer, places.size, inner, math.prod(across))
    return Whole(way, sizes=sizes, places=np.ascontiguousarray(places.ravel(), dtype=np.int64))


def places_of(whole: Whole, spots: list[tuple[int, int]]) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Return the places of a whole operation: base, byte offset, strides of the loop."""
    strides = whole.strides or ((),) * len(spots)
    return tuple((base, offset, own) for (base, offset), own in zip(spots, strides, strict=True))


def value_layout(value: Value) -> Layout:
    """Return how a value lies, for :func:`generalized`."""
    return value.shape, value.strides
