"""Rows that the machine does in several steps, as NumPy itself does: norms, cross products, copies of all kinds.

What a function only copies from its operand to its result, NumPy is asked once, by calling it with numbers that say
where they come from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from dualad.ops.lanes import index_ndim, is_view, lane_shape
from dualad.program.kernels import OPCODES
from dualad.program.nodes import Value, opcode_for
from dualad.program.whole import SCATTER, TAKE, Whole, cumulated, generalized

__all__ = ["SPELLED", "Loop", "arranged", "spelled", "then"]

_MANY = 256  # elements that are copied slice by slice, if few slices do
_FEW = 16  # slices
_LABEL = float(2**40)  # of the first element: no number that a function puts in by itself


@dataclass(frozen=True)
class Loop:
    """Elementwise operations of one shape: ``steps`` are ``(opcode, function, sources)``.

    Sources are numbers of steps, or ``-1 - i`` for what is read in place i, which is a :class:`Value`, a node that is a
    number, or a constant. ``stores`` are ``(step, target)``, ``sums`` are ``(step, target, length, inner)`` as those of
    a group; the target None is the number that the node is.
    """

    shape: tuple[int, ...]
    reads: tuple[Any, ...]
    steps: tuple[tuple[int, Any, tuple[int, ...]], ...]
    stores: tuple[tuple[int, Value | None], ...] = ()
    sums: tuple[tuple[int, Value | None, int, int], ...] = ()


def _copy(source: Any, target: Value) -> Loop:
    """Return the copy of a value or a constant to a part of an array."""
    return Loop(target.shape, (source,), ((OPCODES["move"], None, (-1,)),), ((0, target),))


def then(ufunc: Any, x: Value | None, number: Any, *more: Any) -> Loop:
    """Return an operation on a result in its place: an array, or the number that a node is."""
    op, loop = opcode_for(ufunc, ["d"] * (1 + len(more)), "d")
    shape = () if x is None else x.shape
    sources = tuple(-1 - i for i in range(1 + len(more)))
    return Loop(shape, (number if x is None else x, *more), ((op, loop, sources),), ((0, x),))


# --- what is only copied ----------------------------------------------------------------------------------------------

_COPYING = frozenset((
    "getitem", "take", "take_along_axis", "roll", "repeat", "tile", "triu", "tril", "diag", "diagflat", "diagonal",
    "linalg.diagonal", "rot90", "flip", "fliplr", "flipud", "reshape", "ravel", "transpose", "swapaxes", "moveaxis",
    "expand_dims", "squeeze", "broadcast_to", "resize", "copy", "sliding_window_view", "matrix_transpose",
    "linalg.matrix_transpose", "permute_dims", "fft.fftshift", "fft.ifftshift",
))  # fmt: skip
_PADDING = ("constant", "edge", "reflect", "symmetric", "wrap")


def _is_copying(name: str, args: Sequence[Any], kwargs: Any) -> bool:
    if name == "affine_pad":
        mode = kwargs.get("mode", args[2] if len(args) > 2 else "constant")
        return mode in _PADDING and kwargs.get("reflect_type", "even") == "even"
    if name == "scatter_add":
        entries = args[1] if isinstance(args[1], tuple) else (args[1],)
        masks = [entry for entry in entries if isinstance(entry, (np.ndarray, list))]
        return is_view(entries) or all(np.asarray(mask).dtype == np.bool_ for mask in masks)
    return name in _COPYING


def arranged(call: Callable[[Any], Any], name: str, args: Any, kwargs: Any, like: Value, own: Value) -> Any:
    """Return the steps of a function that copies elements of its operand and puts zeros beside them, or None."""
    if 0 in like.shape or 0 in own.shape or like.kind != "d" or own.kind != "d":
        return None
    if name == "scatter_add" and not _is_copying(name, args, kwargs):
        return _scattered(args, like, own)
    if not _is_copying(name, args, kwargs):
        return None
    count = prod(like.shape)
    by_memory = any([isinstance(x, str) and x in "KA" for x in (*args, *kwargs.values())])
    found = np.asarray(call(_labelled(like, by_memory)))
    if found.shape != own.shape or found.dtype != float:
        return None
    labels = np.where(found == 0, -1, found - _LABEL)
    if np.any((labels < -1) | (labels >= count) | ((found == 0) & np.signbit(found))):
        return None  # it puts in another number
    if own.is_dense and np.array_equal(labels.ravel(), np.arange(count)):
        steps = [8 * prod(like.shape[axis + 1 :]) for axis in range(len(like.shape))]
        return (_copy(like, Value(like.shape, "d", own.root, own.offset, tuple(steps), own.dtype)),)
    spots, low = _spots(like)
    places = np.where(labels < 0, -1, spots[labels.astype(np.int64)])
    slices = list(_slices(places)) if places.size >= _MANY else None
    if slices is not None and len(slices) <= _FEW and all(part is not None for part in slices):
        return tuple(_slice(like, low, own, *part) for part in slices)
    source = _from(like, low)
    in_memory = places.transpose(sorted(range(len(own.shape)), key=lambda axis: -own.strides[axis])).ravel()
    sizes = (1, places.size, 1, int(spots.max()) + 1)
    return ((Whole(TAKE, sizes=sizes, places=(np.ascontiguousarray(in_memory, np.int64),)), (source,)),)


def _labelled(value: Value, by_memory: bool) -> Any:
    """Return an array of the numbers of its elements, in the same order of memory where that is asked for."""
    labels = np.arange(prod(value.shape)).reshape(value.shape) + _LABEL
    if not by_memory:
        return labels
    spots, low = _spots(value)
    laid: Any = np.ndarray(value.shape, float, np.zeros(int(spots.max()) + 1), low, value.strides)
    laid[...] = labels
    return laid


def _spots(value: Value) -> tuple[Any, int]:
    """Return where each element lies, in doubles from the first in memory, and the byte offset of that one."""
    spots = np.zeros(value.shape, np.int64)
    for axis, (n, stride) in enumerate(zip(value.shape, value.strides, strict=True)):
        spots += (np.arange(n) * (stride // 8)).reshape((-1,) + (1,) * (len(value.shape) - axis - 1))
    low = int(spots.min())
    return spots.ravel() - low, 8 * low


def _from(value: Value, low: int) -> Value:
    """Return a value as it lies from its first double in memory on."""
    return Value(value.shape, "d", value.root, value.offset + low, value.strides, value.dtype)


def _slices(places: Any) -> Iterator[Any]:
    """Yield the slices of an array in which places go on evenly: where they begin and end, place and steps.

    None is yielded where they do not, and the last thing then.
    """
    cuts = [_even(np.moveaxis(places, axis, 0)) for axis in range(places.ndim)]
    if prod(len(ends) - 1 for ends in cuts) > _FEW:
        yield None
        return
    for part in itertools.product(*(tuple(itertools.pairwise(ends)) for ends in cuts)):
        inside = places[tuple(slice(*ends) for ends in part)]
        if 0 in inside.shape:
            continue
        first = int(inside.flat[0])
        steps = [
            int(inside[(0,) * axis + (1,) + (0,) * (inside.ndim - axis - 1)]) - first if n > 1 else 0
            for axis, n in enumerate(inside.shape)
        ]
        wanted = first + sum(
            (np.arange(n) * step).reshape((-1,) + (1,) * (inside.ndim - axis - 1))
            for axis, (n, step) in enumerate(zip(inside.shape, steps, strict=True))
        )
        if not np.array_equal(inside, wanted) or (first < 0 and any(steps)):
            yield None
            return
        yield part, first, steps


def _even(places: Any) -> list[int]:
    """Return where to cut the first axis so that places go on evenly between the cuts."""
    n = len(places)
    steps = np.diff(places, axis=0).reshape(max(n - 1, 0), -1)
    turns = np.flatnonzero(np.any(steps[1:] != steps[:-1], axis=1)).tolist()
    if len(turns) > 2 * _FEW:
        return list(range(n + 1))
    ends = [0]
    while ends[-1] < n:
        start = ends[-1]
        later = [turn for turn in turns if turn >= start]
        if not later:
            ends.append(n)
        else:  # what does not go on as it begins is a part of its own
            ends.append(start + 1 if later[0] == start else later[0] + 2)
    return ends


def _slice(like: Value, low: int, own: Value, part: Any, first: int, steps: list[int]) -> Loop:
    shape = tuple(stop - start for start, stop in part)
    offset = sum(start * stride for (start, _), stride in zip(part, own.strides, strict=True))
    target = Value(shape, "d", own.root, own.offset + offset, own.strides, own.dtype)
    if first < 0:
        return _copy(0.0, target)
    strides = tuple(8 * step for step in steps)
    return _copy(Value(shape, "d", like.root, like.offset + low + 8 * first, strides, like.dtype), target)


def _scattered(args: Any, like: Value, own: Value) -> Any:
    """Return the adding of elements at places, one by one as NumPy does."""
    entries = args[1] if isinstance(args[1], tuple) else (args[1],)
    shape = tuple(args[2])
    lanes = lane_shape(np.empty(like.shape), index_ndim(entries, len(shape)))
    if lanes + shape != own.shape:
        return None
    labels = np.arange(prod(shape)).reshape(shape)[entries].ravel()
    if lane_count := prod(lanes):
        labels = (np.arange(lane_count)[:, None] * prod(shape) + labels).ravel()
    targets, _ = _spots(own)
    sources, low = _spots(like)
    if labels.size != sources.size:
        return None
    places = [np.ascontiguousarray(targets[labels], np.int64), np.ascontiguousarray(sources, np.int64)]
    sizes = (1, labels.size, 1, int(targets.max()) + 1)
    return ((Whole(SCATTER, sizes=sizes, places=tuple(places)), (_from(like, low),)),)


# --- what is computed -------------------------------------------------------------------------------------------------


def spelled(name: str, args: Any, kwargs: Any, operands: Sequence[Any], own: Value | None, number: Any) -> Any:
    """Return the steps of a row, None where there are none.

    ``operands`` are the arguments that are not plain: values, constants, or nodes that are numbers; ``number`` is the
    node itself.
    """
    return _ROWS[name](own, number, operands, *args[len(operands) :], **kwargs)


def _is_plain(x: Any) -> bool:
    """Say whether an operand is an array of doubles whose axes lie in C order, though with gaps maybe."""
    if not isinstance(x, Value) or x.kind != "d" or not x.shape or 0 in x.shape:
        return False
    strides = [stride for n, stride in zip(x.shape, x.strides, strict=True) if n > 1]
    return all(stride > 0 for stride in strides) and strides == sorted(strides, reverse=True)


def _summed(x: Value, steps: Any, own: Value | None, axes: tuple[int, ...]) -> Loop | None:
    """Return the sum over neighbouring axes of what is computed from each element."""
    if list(axes) != list(range(axes[0], axes[-1] + 1)):
        return None
    length, inner = prod(x.shape[axes[0] : axes[-1] + 1]), prod(x.shape[axes[-1] + 1 :])
    total = length == prod(x.shape)
    if (own is not None and not own.is_dense) or (inner > 1 and len(axes) > 1):
        return None
    if not total and inner == 1 and length > 2048:
        return None  # a block would hold whole rows
    return Loop(x.shape, (x,), steps, sums=((len(steps) - 1, own, 0 if total else length, inner),))


def _norm(own: Any, number: Any, operands: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    (x,) = operands
    if not _is_plain(x) or (own is not None and own.kind != "d"):
        return None
    square = ((OPCODES["multiply"], None, (-1, -1)),)
    root = then(np.sqrt, own, number)
    ndim = len(x.shape)
    if axis is None and (ord is None or (ord in ("f", "fro") and ndim == 2) or (ord == 2 and ndim == 1)):
        if not x.is_dense:
            return None
        count = prod(x.shape)
        flat = Value((count,), "d", x.root, x.offset, (8,), x.dtype)
        made = generalized("matmul", (((count,), (8,)),) * 2, ((), ()))
        return None if made is None else ((made, (flat, flat)), root)
    if axis is None and ndim != 1:
        return None
    axes = (0,) if axis is None else tuple(a % ndim for a in axis) if isinstance(axis, tuple) else (axis % ndim,)
    if len(axes) == 1 and ord in (None, 2):
        summed = _summed(x, square, own, axes)
        return None if summed is None else (summed, root)
    if len(axes) == 1 and ord == 1:
        op, loop = opcode_for(np.absolute, ["d"], "d")
        summed = _summed(x, ((op, loop, (-1,)),), own, axes)
        return None if summed is None else (summed,)
    return None


def _seen(x: Any, view: Callable[[Any], Any]) -> Any:
    """Return a view of a value or of a constant; None for a number."""
    if isinstance(x, Value):
        return view(x) if x.kind == "d" else None
    return view(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fiu" else None


def _component(axis: int, i: int) -> Callable[[Any], Any]:
    """Return what takes one place of an axis, of a constant or a value alike."""

    def view(x: Any) -> Any:
        if not isinstance(x, Value):
            return np.take(x, i, axis=axis)
        place = axis % len(x.shape)
        rest = [k for k in range(len(x.shape)) if k != place]
        shape, strides = tuple(x.shape[k] for k in rest), tuple(x.strides[k] for k in rest)
        return Value(shape, "d", x.root, x.offset + i * x.strides[place], strides, x.dtype)

    return view


def _cross(
    own: Any, number: Any, operands: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = operands
    if (
        own is None
        or own.kind != "d"
        or not own.shape
        or 0 in own.shape
        or any(np.ndim(x) == 0 for x in _arrays(operands))
    ):
        return None
    if any(x.shape[k] != 3 for x, k in ((a, axisa), (b, axisb))) or own.shape[axisc] != 3:
        return None
    parts = [_seen(a, _component(axisa, i)) for i in range(3)] + [_seen(b, _component(axisb, i)) for i in range(3)]
    if any(part is None for part in parts):
        return None
    steps: list[Any] = []
    stores = []
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        steps.append((OPCODES["multiply"], None, (-1 - j, -4 - k)))
        steps.append((OPCODES["multiply"], None, (-1 - k, -4 - j)))
        steps.append((OPCODES["subtract"], None, (len(steps) - 2, len(steps) - 1)))
        stores.append((len(steps) - 1, _component(axisc, i)(own)))
    shape = stores[0][1].shape
    return (Loop(shape, tuple(parts), tuple(steps), tuple(stores)),)


def _arrays(operands: Any) -> list[Any]:
    return [np.empty(x.shape) if isinstance(x, Value) else x for x in operands]


def _outer(own: Any, number: Any, operands: Any) -> Any:
    a, b = operands
    if own is None or own.kind != "d" or 0 in own.shape or any(np.ndim(x) != 1 for x in _arrays(operands)):
        return None

    def column(x: Any) -> Any:
        if not isinstance(x, Value):
            return x[:, None]
        return Value((*x.shape, 1), "d", x.root, x.offset, (*x.strides, 8), x.dtype)

    parts = _seen(a, column), _seen(b, lambda x: x)
    if any(part is None for part in parts):
        return None
    return (Loop(own.shape, parts, ((OPCODES["multiply"], None, (-1, -2)),), ((0, own),)),)


def _trace(own: Any, number: Any, operands: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    (x,) = operands
    if own is not None or not isinstance(x, Value) or x.kind != "d" or len(x.shape) != 2:
        return None
    if axis1 % 2 > axis2 % 2:
        offset = -offset
    row, column = max(-offset, 0), max(offset, 0)
    n = min(x.shape[0] - row, x.shape[1] - column)
    if n <= 0 or sum(x.strides) <= 0:
        return None
    start = x.offset + row * x.strides[0] + column * x.strides[1]
    diagonal = Value((n,), "d", x.root, start, (sum(x.strides),), x.dtype)
    return (_summed(diagonal, ((OPCODES["move"], None, (-1,)),), None, (0,)),)


def _running(function: Any) -> Callable[..., Any]:
    def write(own: Any, number: Any, operands: Any, axis: int | None = None) -> Any:
        (x,) = operands
        if own is None or not own.is_dense or not isinstance(x, Value) or x.kind != "d":
            return None
        if axis is None and not x.is_dense and len(x.shape) != 1:
            return None
        shape, strides = (x.shape, x.strides) if axis is not None else ((prod(x.shape),), x.strides[-1:] or (8,))
        made = cumulated(function, axis or 0, shape, strides)
        return None if made is None else ((made, (x,)),)

    return write


_ROWS: dict[str, Callable[..., Any]] = {
    "linalg.norm": _norm, "cross": _cross, "linalg.cross": lambda own, number, operands, *, axis=-1: _cross(
        own, number, operands, axis=axis
    ), "outer": _outer, "trace": _trace, "cumsum": _running(np.add), "cumprod": _running(np.multiply),
}  # fmt: skip

SPELLED = frozenset(_ROWS)
