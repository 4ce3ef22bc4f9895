"""Rows of products: matmul, dot, vdot, inner, outer, tensordot, einsum, kron, cross.

All but the smallest are written down as labels for their axes; ``contraction`` turns labels into rules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from dualad.ops.contraction import Labels, Shape, arraylike, conj, products, real_like, viewed
from dualad.ops.table import Products, bilinear

# --- matmul and its kin -----------------------------------------------------------------------------------------------


def _matrix_product(sa: Shape, sb: Shape) -> Products:
    """Return the rules of ``a @ b`` for vectors and single matrices, by matmul alone: the common case is fast."""

    def apply(a: Any, b: Any) -> Any:
        a, b = arraylike(a), arraylike(b)
        if b.ndim > len(sb) == 1:  # Lanes of a vector would be taken for the columns of a matrix.
            return np.matmul(b, a if len(sa) == 1 else a.T)
        return np.matmul(a, b)

    def transpose(i: int, g: Any, a: Any, b: Any) -> Any:
        a, b, g = arraylike(a), arraylike(b), arraylike(g)
        match i, len(sa), len(sb):
            case 0, 1, 1:
                answer = g[..., None] * conj(b)
            case 0, 2, 1:
                answer = g[..., None] * conj(b)
            case 0, _, _:
                answer = np.matmul(g, conj(b).T)
            case _, 1, 1:
                answer = g[..., None] * conj(a)
            case _, 1, 2:
                answer = conj(a)[:, None] * g[..., None, :]
            case _, 2, 1:
                answer = np.matmul(g, conj(a))
            case _:
                answer = np.matmul(conj(a).T, g)
        return real_like(answer, b if i else a)

    return Products(apply, transpose)


def _generalized(
    a: Any, b: Any, cores: tuple[str, str, str], axes: Sequence[Any] | None = None, conjugated: int = -1
) -> Products:
    """Return the rules of a generalized ufunc of two operands: letters name core axes, all others are broadcast.

    ``axes`` says where the core axes lie, as the keyword of the ufunc does; they are the last ones by default.
    """
    shapes = [np.shape(a), np.shape(b)]
    rank = max(len(shape) - len(core) for shape, core in zip(shapes, cores, strict=False))
    labels: list[Labels] = []
    for i, core in enumerate(cores):
        total = (len(shapes[i]) if i < 2 else rank + len(core)) if core or i < 2 else rank
        where = axes[i] if axes is not None and i < len(axes) else range(-len(core), 0)
        places = [place % total for place in ((where,) if isinstance(where, int) else where)]
        names: dict[int, Any] = dict(zip(places, core, strict=True))
        others = [axis for axis in range(total) if axis not in names]
        names.update((axis, len(others) - k) for k, axis in enumerate(others))
        labels.append(tuple(names[axis] for axis in range(total)))
    return products(shapes, labels[:2], labels[2], conjugated)


@bilinear("numpy.matmul", "x1 x2")
def _matmul(x1: Any, x2: Any, axes: Any = None, **_: Any) -> Products:
    sa, sb = np.shape(x1), np.shape(x2)
    if axes is None and len(sa) <= 2 and len(sb) <= 2:
        return _matrix_product(sa, sb)
    left, right = "mk" if len(sa) > 1 else "k", "kn" if len(sb) > 1 else "k"
    return _generalized(x1, x2, (left, right, left[:-1] + right[1:]), axes)


@bilinear("numpy.linalg.matmul", "x1 x2")
def _linalg_matmul(x1: Any, x2: Any) -> Products:
    plan: Products = _matmul(x1, x2)
    return plan


@bilinear("numpy.vecdot", "x1 x2")
def _vecdot(x1: Any, x2: Any, axis: int = -1, axes: Any = None, keepdims: bool = False, **_: Any) -> Products:
    if axes is None:
        axes = [axis, axis, axis]
    inner = _generalized(x1, x2, ("k", "k", ""), axes[:2], conjugated=0)
    if not keepdims:
        return inner
    first, second = (np.delete(np.shape(x), place) for x, place in zip((x1, x2), axes, strict=False))
    result = np.broadcast_shapes(tuple(first), tuple(second))
    kept = list(result)
    where = axes[2] if len(axes) > 2 else -1
    kept.insert(where % (len(result) + 1), 1)
    shapes = [np.shape(x1), np.shape(x2)]
    return viewed(inner, [*shapes, tuple(kept)], [*shapes, result])


@bilinear("numpy.linalg.vecdot", "x1 x2")
def _linalg_vecdot(x1: Any, x2: Any, axis: int = -1) -> Products:
    plan: Products = _vecdot(x1, x2, axis)
    return plan


@bilinear("numpy.matvec", "x1 x2")
def _matvec(x1: Any, x2: Any, axes: Any = None, **_: Any) -> Products:
    return _generalized(x1, x2, ("mk", "k", "m"), axes)


@bilinear("numpy.vecmat", "x1 x2")
def _vecmat(x1: Any, x2: Any, axes: Any = None, **_: Any) -> Products:
    return _generalized(x1, x2, ("k", "kn", "n"), axes, conjugated=0)


# --- products with sums over fixed axes -------------------------------------------------------------------------------


def _numbered(shapes: Sequence[Shape]) -> list[list[Any]]:
    """Return a label of its own for each axis of each operand."""
    return [[(i, axis) for axis in range(len(shape))] for i, shape in enumerate(shapes)]


def _over(shapes: Sequence[Shape], first: Sequence[int], second: Sequence[int]) -> Products:
    """Return the rules of the product of two arrays summed over pairs of axes; the other axes follow each other."""
    a, b = _numbered(shapes)
    for i, j in zip(first, second, strict=True):
        b[j] = a[i]
    return products(shapes, [tuple(a), tuple(b)], tuple(name for name in (*a, *b) if (name in a) != (name in b)))


@bilinear("numpy.dot", "a b")
def _dot(a: Any, b: Any) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    if 0 in map(len, shapes):
        return _over(shapes, (), ())
    if max(map(len, shapes)) <= 2:
        return _matrix_product(*shapes)
    return _over(shapes, (len(shapes[0]) - 1,), (max(len(shapes[1]) - 2, 0),))


@bilinear("numpy.inner", "a b")
def _inner(a: Any, b: Any) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    if 0 in map(len, shapes):
        return _over(shapes, (), ())
    return _over(shapes, (len(shapes[0]) - 1,), (len(shapes[1]) - 1,))


@bilinear("numpy.vdot", "a b")
def _vdot(a: Any, b: Any) -> Products:
    shapes = [np.shape(a), np.shape(b), ()]
    flat = [(math.prod(shape),) for shape in shapes[:2]]
    return viewed(products(flat, [("k",), ("k",)], (), conjugated=0), shapes, [*flat, ()])


@bilinear("numpy.outer", "a b")
def _outer(a: Any, b: Any) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    flat = [(math.prod(shape),) for shape in shapes]
    result = flat[0] + flat[1]
    return viewed(products(flat, [("i",), ("j",)], ("i", "j")), [*shapes, result], [*flat, result])


@bilinear("numpy.linalg.outer", "x1 x2")
def _linalg_outer(x1: Any, x2: Any) -> Products:
    plan: Products = _outer(x1, x2)
    return plan


@bilinear("numpy.tensordot", "a b")
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    if isinstance(axes, (int, np.integer)):
        first, second = tuple(range(-int(axes), 0)), tuple(range(int(axes)))
    else:
        first, second = ((side,) if isinstance(side, (int, np.integer)) else tuple(side) for side in axes)
    return _over(shapes, first, second)


@bilinear("numpy.linalg.tensordot", "x1 x2")
def _linalg_tensordot(x1: Any, x2: Any, *, axes: Any = 2) -> Products:
    plan: Products = _tensordot(x1, x2, axes)
    return plan


@bilinear("numpy.kron", "a b")
def _kron(a: Any, b: Any) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    rank = max(map(len, shapes))
    full = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    labels = _numbered(full)
    pairs = tuple(name for pair in zip(*labels, strict=True) for name in pair)
    lengths = tuple(n for pair in zip(*full, strict=True) for n in pair)
    result = tuple(m * n for m, n in zip(*full, strict=True))
    inner = products(full, [tuple(names) for names in labels], pairs)
    return viewed(inner, [*shapes, result], [*full, lengths])


@bilinear("numpy.linalg.multi_dot", "*arrays")
def _multi_dot(arrays: Sequence[Any]) -> Products:
    if len(arrays) == 2:  # NumPy calls dot, whatever the number of axes.
        plan: Products = _dot(*arrays)
        return plan
    shapes = [np.shape(array) for array in arrays]
    labels: list[Labels] = [(i, i + 1) for i in range(len(shapes))]
    if len(shapes[0]) == 1:
        labels[0] = (1,)
    if len(shapes[-1]) == 1:
        labels[-1] = (len(shapes) - 1,)
    ends = tuple(name for name in (0, len(shapes)) if any(name in names for names in labels))
    return products(shapes, labels, ends)


# --- einsum -----------------------------------------------------------------------------------------------------------


@bilinear("numpy.einsum", "*operands")
def _einsum(*operands: Any, **_: Any) -> Products:
    """Read both spellings; the rules take the arrays alone or all that was given, subscripts and lists included."""
    places, named, output = _read_subscripts(operands)
    shapes = [np.shape(operands[place]) for place in places]
    pairs = list(zip(shapes, named, strict=True))
    dots = [len(shape) - len(names) + 1 if Ellipsis in names else 0 for shape, names in pairs]
    labels = [_without_dots(names, count) for names, count in zip(named, dots, strict=True)]
    inner = products(shapes, labels, _without_dots(output, max(dots, default=0)))

    def arrays(given: tuple[Any, ...]) -> tuple[Any, ...]:
        return given if len(given) == len(places) else tuple(given[place] for place in places)

    def apply(*given: Any) -> Any:
        return inner.apply(*arrays(given))

    def transpose(i: int, g: Any, *given: Any) -> Any:
        return inner.transpose(i if len(given) == len(places) else places.index(i), g, *arrays(given))

    return Products(apply, transpose)


def _read_subscripts(operands: tuple[Any, ...]) -> tuple[list[int], list[Labels], Labels]:
    """Return where the arrays stand among the arguments, the labels of each, and those of the result."""
    if isinstance(operands[0], str):
        named, output = _read_text(operands[0])
        return list(range(1, len(operands))), named, output
    places = list(range(0, len(operands) - 1, 2))
    lists = [_numbers(operands[place + 1]) for place in places]
    return places, lists, _numbers(operands[-1]) if len(operands) % 2 else _implied(lists)


def _numbers(labels: Sequence[Any]) -> Labels:
    # Plain numbers: those of NumPy compare with other labels element by element.
    return tuple(name if name is Ellipsis else int(name) for name in labels)


@lru_cache(maxsize=256)
def _read_text(text: str) -> tuple[list[Labels], Labels]:
    inputs, arrow, right = text.replace(" ", "").replace("...", ".").partition("->")
    named: list[Labels] = [tuple(Ellipsis if c == "." else c for c in part) for part in inputs.split(",")]
    return named, tuple(Ellipsis if c == "." else c for c in right) if arrow else _implied(named)


def _implied(named: Sequence[Labels]) -> Labels:
    """Return the labels of a result that is not spelled out: those that occur once, sorted, after the dots."""
    flat: list[Any] = [name for names in named for name in names if name is not Ellipsis]
    dots: Labels = (Ellipsis,) if any(Ellipsis in names for names in named) else ()
    return dots + tuple(sorted(name for name in flat if flat.count(name) == 1))


def _without_dots(names: Labels, count: int) -> Labels:
    """Put in labels for the axes of an ellipsis, counted from the last, since they are broadcast."""
    if Ellipsis not in names:
        return names
    at = names.index(Ellipsis)
    return (*names[:at], *(("dots", k) for k in range(count, 0, -1)), *names[at + 1 :])


# --- cross ------------------------------------------------------------------------------------------------------------


def _crossed(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Return the components of the cross product of two triples, in which None is a component that is zero."""

    def minor(i: int, j: int) -> Any:
        plus = None if a[i] is None or b[j] is None else a[i] * b[j]
        minus = None if a[j] is None or b[i] is None else a[j] * b[i]
        if plus is None:
            return None if minus is None else -minus
        return plus if minus is None else plus - minus

    return [minor(1, 2), minor(2, 0), minor(0, 1)]


@bilinear("numpy.cross", "a b")
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Products:
    shapes = [np.shape(a), np.shape(b)]
    axes = [axisa, axisb] if axis is None else [axis, axis]
    axes = [place % len(shape) - len(shape) for place, shape in zip(axes, shapes, strict=True)]
    rest = [shape[:place] + shape[place:][1:] for place, shape in zip(axes, shapes, strict=True)]
    batch = np.broadcast_shapes(*rest)
    sizes = [shape[place] for place, shape in zip(axes, shapes, strict=True)]
    planar = sizes == [2, 2]
    out = 0 if planar else (axisc if axis is None else axis) % (len(batch) + 1) - len(batch) - 1

    def split(x: Any, i: int) -> list[Any]:
        x = np.moveaxis(arraylike(x), axes[i], -1)
        lanes = x.shape[: x.ndim - len(shapes[i])]
        x = x.reshape(lanes + (1,) * (len(batch) - len(rest[i])) + x.shape[len(lanes) :])
        return [x[..., k] if k < sizes[i] else None for k in range(3)]

    def apply(a: Any, b: Any) -> Any:
        answer = _crossed(split(a, 0), split(b, 1))
        return answer[2] if planar else np.moveaxis(np.stack(answer, axis=-1), -1, out)

    def transpose(i: int, g: Any, a: Any, b: Any) -> Any:
        # <g, a x b> is a triple product: turning it around moves either operand to the free place.
        g = arraylike(g)
        if planar:
            turned, lanes = [None, None, g], g.shape[: g.ndim - len(batch)]
        else:
            last = np.moveaxis(g, out, -1)
            turned, lanes = [last[..., k] for k in range(3)], g.shape[: g.ndim - len(batch) - 1]
        other = [None if part is None else conj(part) for part in (split(a, 0) if i else split(b, 1))]
        answer = np.stack((_crossed(turned, other) if i else _crossed(other, turned))[: sizes[i]], axis=-1)
        full = (1,) * (len(batch) - len(rest[i])) + rest[i]
        stretched = tuple(len(lanes) + k for k, n in enumerate(full) if n != batch[k])
        answer = np.sum(answer, axis=stretched).reshape(lanes + rest[i] + (sizes[i],))
        return real_like(np.moveaxis(answer, -1, axes[i]), arraylike(b if i else a))

    return Products(apply, transpose)


@bilinear("numpy.linalg.cross", "x1 x2")
def _linalg_cross(x1: Any, x2: Any, *, axis: int = -1) -> Products:
    plan: Products = _cross(x1, x2, axis=axis)
    return plan
