"""Operations on whole arrays as the machine takes them: reductions, products of matrices, elements at fixed places."""

from __future__ import annotations

import functools
import itertools
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dualad.duck.operands import Operand
from dualad.program.nodes import Value

__all__ = [
    "CAREFUL", "CUMULATE", "GENERALIZED", "PRODUCTS", "REDUCE", "SCATTER", "TAKE", "Whole", "constant_layout",
    "cores_of", "cumulated", "generalized", "moved", "places_of", "reduced", "spanned",
]  # fmt: skip

REDUCE, GENERALIZED, TAKE, SCATTER, CAREFUL, CUMULATE = range(6)  # as in parts.h
_GENERALIZED = {
    name: function
    for name in ("matmul", "vecdot", "matvec", "vecmat")
    if (function := getattr(np, name, None)) is not None and "dd->d" in function.types
}
_AXES = 8
_WIDE = 8  # times the memory of its elements that a constant with gaps may take
_LAPACK = getattr(np.linalg, "_umath_linalg", None)
# What NumPy calls for these; the careful ones raise an error where an operation was invalid.
for _name, _function, _kinds in (
    ("linalg.inv", "inv", "d->d"), ("linalg.det", "det", "d->d"), ("linalg.cholesky", "cholesky_lo", "d->d"),
    ("linalg.slogdet", "slogdet", "d->dd"), ("linalg.solve", "solve", "dd->d"), ("linalg.solve1", "solve1", "dd->d"),
):  # fmt: skip
    if _kinds in getattr(getattr(_LAPACK, _function, None), "types", ()):
        _GENERALIZED[_name] = getattr(_LAPACK, _function)
_CALM = ("linalg.det", "linalg.slogdet")
_SEVERAL = {"linalg.slogdet"}  # results, of which one is asked for
PRODUCTS = frozenset((*_GENERALIZED, "dot", "inner", "vdot")) - _SEVERAL  # and functions of matrices

Layout = tuple[tuple[int, ...], tuple[int, ...]]  # shape, and strides in bytes


class Whole(NamedTuple):
    """What the machine does with arrays as a whole; ``strides`` are those of its loop, an entry for each place.

    ``sizes`` are outer, length, inner, whole: the array is taken as of shape (outer, length, inner), and ``whole`` is
    the length of what places are counted in. ``places`` are lists of whole numbers that the machine reads, ``divisor``
    is what a sum is divided by, ``part`` says which of several results is meant.
    """

    way: int
    function: Any = None
    first: float | None = None
    sizes: tuple[int, int, int, int] = (0, 0, 0, 0)
    shape: tuple[int, ...] = ()
    dimensions: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    strides: tuple[tuple[int, ...], ...] = ()
    places: tuple[Any, ...] = ()
    divisor: float | None = None
    part: int | None = None


def reduced(record: Any, like: Value, own: Value | None, function: Any, first: float | None) -> Whole | None:
    """Return a reduction of an array without gaps over axes that lie side by side in memory; None for any other.

    NumPy goes through an array in the order of its memory, whichever order its axes have.
    """
    options, args = dict(record.kwargs or {}), list(record.args)
    if len(args) > 2 or not isinstance(args[0], Operand) or 0 in like.shape or not like.shape:
        return None
    axis = args[1] if len(args) == 2 else options.pop("axis", None)
    keepdims = options.pop("keepdims", False)
    if options.pop("where", True) is not True or options or isinstance(keepdims, Operand):
        return None
    ndim = len(like.shape)
    axes = tuple(range(ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if not axes or not all(isinstance(a, (int, np.integer)) for a in axes):
        return None
    gone = {a % ndim for a in axes}
    order = tuple(sorted(range(ndim), key=lambda a: -abs(like.strides[a])))
    kept = [a for a in range(ndim) if keepdims or a not in gone]
    if not like.along(order).is_dense:
        return None
    if own is not None and not own.along(tuple(kept.index(a) for a in order if a in kept)).is_dense:
        return None
    # Axes of one element are among the others or not, as one likes.
    long = [(like.shape[a], a in gone) for a in order if like.shape[a] != 1] or [(1, True)]
    found = [i for i, (_, inside) in enumerate(long) if inside]
    if not found:
        found, long = [0], [(1, True), *long]
    if found != list(range(found[0], found[0] + len(found))):
        return None
    outer, inner = prod(n for n, _ in long[: found[0]]), prod(n for n, _ in long[found[-1] + 1 :])
    length = prod(n for n, inside in long if inside)
    divisor = float(length) if record.row.name == "mean" else None
    return Whole(REDUCE, function, first, (outer, length, inner, 0), divisor=divisor)


def spanned(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, int]:
    """Return the byte offset of the element that comes first in memory, and the doubles from there to the last."""
    moves = [stride * (n - 1) for n, stride in zip(shape, strides, strict=True)]
    low = sum(min(move, 0) for move in moves)
    return low, (sum(max(move, 0) for move in moves) - low) // 8 + 1


def constant_layout(x: Any) -> Layout | None:
    """Return shape and strides of a constant array of numbers, None for one that cannot be kept as it lies."""
    if x.dtype.kind in "iub" and x.flags.c_contiguous:  # NumPy makes doubles of them first
        return x.shape, tuple(8 * prod(x.shape[axis + 1 :]) for axis in range(x.ndim))
    if x.dtype != float or any(stride % 8 for stride in x.strides):
        return None
    return None if spanned(x.shape, x.strides)[1] > _WIDE * max(x.size, 1) else (x.shape, x.strides)


def _is_for_dot(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Say whether np.dot takes an array as it lies, as np.matmul does; else it copies it first."""
    if len(shape) == 1:
        return shape[0] == 1 or strides[0] > 0
    long = [stride for n, stride in zip(shape, strides, strict=True) if n > 1]
    return long in ([], [8]) if len(long) < 2 else strides in ((8 * shape[1], 8), (8, 8 * shape[0]))


@functools.cache
def cores_of(function: Any) -> list[list[str]]:
    """Return the axes that a generalized universal function takes of each operand and gives each result."""
    parts = function.signature.replace(" ", "").replace("->", ",").replace("),(", ")|(").split("|")
    return [[axis for axis in part.strip("()").split(",") if axis] for part in parts]


@functools.lru_cache(maxsize=1024)
def generalized(name: str, operands: tuple[Layout, ...], result: Layout) -> Whole | None:
    """Return a product, or a function of matrices, by NumPy's own loop for it; None where there is none."""
    axes = {"dot": (1, 2), "inner": (1,), "vdot": (1,)}.get(name, ())
    if axes and all(len(shape) in axes and 0 not in shape and _is_for_dot(shape, own) for shape, own in operands):
        name = "matmul"
    function = _GENERALIZED.get(name)
    if function is None or any(0 in shape for shape, _ in (*operands, result)):
        return None
    cores = cores_of(function)
    if len(cores) > len(operands) + 1 and result[0]:
        return None  # there is room for numbers beside the one that is asked for
    results = [result] * (len(cores) - len(operands))
    size: dict[str, int] = {}
    absent: set[str] = set()
    for core, (shape, _) in zip(cores, operands, strict=False):
        if len(shape) < len(core):
            absent.update(axis for axis in core if axis.endswith("?"))
            core = [axis for axis in core if not axis.endswith("?")]
        if len(shape) < len(core):
            return None
        size.update(zip(core, shape[len(shape) - len(core) :], strict=True))
    names = list(dict.fromkeys(axis for core in cores for axis in core))
    steps: list[int] = []
    loops: list[Layout] = []
    for core, (shape, strides) in zip(cores, (*operands, *results), strict=True):
        present = [axis for axis in core if axis not in absent]
        lead = len(shape) - len(present)
        own = iter(strides[lead:])
        steps.extend(8 if axis in absent else next(own) for axis in core)
        loops.append((shape[:lead], strides[:lead]))
    lengths = [size.get(axis, 1) for core in cores for axis in core]
    if name.startswith("linalg.") and any(n > 1 and step == 0 for n, step in zip(lengths, steps, strict=True)):
        return None  # NumPy copies matrices, of which a program that is damaged is to show the whole
    batch = loops[-1][0]
    if len(batch) > _AXES:
        return None
    spread = tuple(
        (0,) * (len(batch) - len(shape)) + tuple(0 if n == 1 else s for n, s in zip(shape, strides, strict=True))
        for shape, strides in loops
    )
    if not batch:
        batch, spread = (1,), tuple((0,) for _ in loops)
    way = CAREFUL if name.startswith("linalg.") and name not in _CALM else GENERALIZED
    return Whole(
        way, function, shape=batch, dimensions=tuple(size.get(axis, 1) for axis in names),
        steps=tuple(steps), strides=spread,
    )  # fmt: skip


def moved(way: int, index: Any, shape: tuple[int, ...]) -> Whole | None:
    """Return the reading, or the adding, of elements at places that arrays of whole numbers name on one axis or more.

    ``shape`` is that of the array that the index is applied to.
    """
    entries = index if isinstance(index, tuple) else (index,)
    entries = tuple(np.asarray(x) if isinstance(x, list) else x for x in entries)
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
    outer, inner = int(np.prod(shape[:lead])), int(np.prod(shape[lead + len(arrays) :]))
    sizes = (outer, places.size, inner, int(np.prod(across)))
    return Whole(way, sizes=sizes, places=(np.ascontiguousarray(places.ravel(), dtype=np.int64),))


def cumulated(function: Any, axis: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Whole | None:
    """Return running sums or products along an axis; None where the axes before or after it are no single one."""
    if 0 in shape or not shape:
        return None
    place = axis % len(shape)
    outer, inner = _one_axis(shape[:place], strides[:place]), _one_axis(shape[place + 1 :], strides[place + 1 :])
    if outer is None or inner is None:
        return None
    sizes = prod(shape[:place]), shape[place], prod(shape[place + 1 :]), 0
    return Whole(CUMULATE, function, sizes=sizes, strides=((outer, strides[place], inner), ()))


def _one_axis(shape: tuple[int, ...], strides: tuple[int, ...]) -> int | None:
    """Return the stride of axes that are as good as a single one, None for others."""
    long = [(n, stride) for n, stride in zip(shape, strides, strict=True) if n > 1]
    if any(stride != after * n for (_, stride), (n, after) in itertools.pairwise(long)):
        return None
    return long[-1][1] if long else 0


def places_of(whole: Whole, spots: list[tuple[int, int]]) -> tuple[tuple[int, int, tuple[int, ...]], ...]:
    """Return the places of a whole operation: base, byte offset, strides of the loop."""
    strides = whole.strides or ((),) * len(spots)
    return tuple((base, offset, own) for (base, offset), own in zip(spots, strides, strict=True))
