"""Sums of products of arrays, with one label for each axis: what matmul, tensordot, einsum, kron, ... have in common.

A product is written as einsum writes it: a tuple of labels for each operand and one for the result; labels that the
result lacks are summed over. An axis of length 1 stretches to the length that its label has elsewhere, as in NumPy.

Both the tangents and the cotangents of such a product are products of the same kind, and matmul, transpose and reshape
do all the work: it is done by BLAS and can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from dualad.ops.table import Products

__all__ = ["Labels", "arraylike", "conj", "contract", "contract_all", "products", "real_like", "viewed"]

Labels = tuple[Hashable, ...]


def arraylike(x: Any) -> Any:
    """Return x itself where it is some kind of array, and an ndarray for a list or a number."""
    return x if hasattr(x, "shape") else np.asarray(x)


def conj(x: Any) -> Any:
    """Return the complex conjugate, which for real numbers is x itself."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def real_like(x: Any, model: Any) -> Any:
    """Return x, or its real part where ``model`` is real: the cotangent of a real operand is real."""
    return np.real(x) if x.dtype.kind == "c" and model.dtype.kind != "c" else x


def contract(a: Any, a_labels: Labels, b: Any, b_labels: Labels, out: Labels) -> Any:
    """Multiply two arrays and sum over the labels that ``out`` lacks; no label occurs twice in one array."""
    a, a_labels = _without_stretched(a, a_labels, b, b_labels)
    b, b_labels = _without_stretched(b, b_labels, a, a_labels)
    a, a_labels = _summed(a, a_labels, b_labels + out)
    b, b_labels = _summed(b, b_labels, a_labels + out)

    batch = tuple(name for name in out if name in a_labels and name in b_labels)
    left = tuple(name for name in out if name in a_labels and name not in b_labels)
    right = tuple(name for name in out if name in b_labels and name not in a_labels)
    inner = tuple(name for name in a_labels if name in b_labels and name not in out)
    a = _arranged(a, a_labels, batch + left + inner)
    b = _arranged(b, b_labels, batch + inner + right)
    many, rows, columns = a.shape[: len(batch)], a.shape[len(batch) :][: len(left)], b.shape[b.ndim - len(right) :]
    if inner:
        summed = b.shape[len(batch) :][: len(inner)]
        a = _reshaped(a, (*many, math.prod(rows), math.prod(summed)))
        b = _reshaped(b, (*many, math.prod(summed), math.prod(columns)))
        product = _reshaped(np.matmul(a, b), many + rows + columns)
    else:
        product = _reshaped(a, many + rows + (1,) * len(columns)) * _reshaped(b, many + (1,) * len(rows) + columns)
    return _arranged(product, batch + left + right, out)


def contract_all(arrays: Sequence[Any], labels: Sequence[Labels], out: Labels) -> Any:
    """Multiply any number of arrays; the pair whose product saves most room goes first."""
    todo = list(zip(arrays, labels, strict=True))
    lengths = _lengths([array.shape for array in arrays], labels)

    def kept(i: int, j: int) -> Labels:
        others = [*out, *(name for k, (_, names) in enumerate(todo) if k not in (i, j) for name in names)]
        return tuple(dict.fromkeys(name for name in todo[i][1] + todo[j][1] if name in others))

    def growth(pair: tuple[int, int]) -> int:
        room = math.prod(lengths[name] for name in kept(*pair))
        return int(room - todo[pair[0]][0].size - todo[pair[1]][0].size)

    while len(todo) > 2:
        # Which pair is best depends on sizes alone, so that a recording of this loop holds for other values.
        i, j = min(combinations(range(len(todo)), 2), key=growth)
        names = kept(i, j)
        product = contract(*todo[i], *todo[j], names)
        todo = [entry for k, entry in enumerate(todo) if k not in (i, j)] + [(product, names)]
    if len(todo) == 2:
        return contract(*todo[0], *todo[1], out)
    array, names = _summed(*todo[0], out)
    return _arranged(array, names, out)


def products(
    shapes: Sequence[tuple[int, ...]], labels: Sequence[Labels], out: Labels, conjugated: int = -1
) -> Products:
    """Return the rules of a product of operands with these shapes and labels; labels may repeat in an operand.

    ``conjugated`` is the number of the operand whose complex conjugate is taken (the first of vdot), if there is one.
    """
    lengths = _lengths(shapes, labels)

    def prepared(i: int, x: Any) -> tuple[Any, Labels]:
        x = arraylike(x)
        return _diagonals(x, _lanes(x.ndim - len(shapes[i])) + labels[i])

    def apply(*operands: Any) -> Any:
        arrays, names = zip(*(prepared(i, x) for i, x in enumerate(operands)), strict=True)
        if conjugated >= 0:
            arrays = tuple(conj(x) if i == conjugated else x for i, x in enumerate(arrays))
        lanes = max((_lanes(x.ndim - len(s)) for x, s in zip(map(arraylike, operands), shapes, strict=True)), key=len)
        return contract_all(arrays, names, lanes + out)

    def transpose(i: int, g: Any, *operands: Any) -> Any:
        g = arraylike(g)
        lanes = _lanes(g.ndim - len(out))
        arrays, names = [g], [lanes + out]
        for j, x in enumerate(operands):
            if j != i:
                array, its = prepared(j, x)
                arrays.append(array if j == conjugated else conj(array))
                names.append(its)
        own = tuple(dict.fromkeys(labels[i]))
        length = dict(zip(labels[i], shapes[i], strict=True))
        found = {name for its in names for name in its}
        # Axes that were stretched are summed over; axes that the result never saw share its cotangent.
        known = tuple(name for name in own if name in found and length[name] == lengths[name])
        answer = contract_all(arrays, names, lanes + known)
        if known != own:
            answer = answer.reshape(g.shape[: len(lanes)] + tuple(length[n] if n in known else 1 for n in own))
            answer = np.broadcast_to(answer, g.shape[: len(lanes)] + tuple(length[n] for n in own))
        answer = conj(answer) if i == conjugated else answer
        return real_like(_on_diagonals(answer, labels[i]), arraylike(operands[i]))

    return Products(apply, transpose)


def viewed(inner: Products, outside: Sequence[tuple[int, ...]], inside: Sequence[tuple[int, ...]]) -> Products:
    """Return the rules of a product whose operands are reshaped before it and whose result is reshaped after it.

    Both sequences hold the shapes of the operands and, last, that of the result.
    """

    def turned(x: Any, shape: tuple[int, ...], into: tuple[int, ...]) -> Any:
        x = arraylike(x)
        return x.reshape(x.shape[: x.ndim - len(shape)] + into)

    def entered(operands: Sequence[Any]) -> list[Any]:
        return [turned(x, outside[i], inside[i]) for i, x in enumerate(operands)]

    def apply(*operands: Any) -> Any:
        return turned(inner.apply(*entered(operands)), inside[-1], outside[-1])

    def transpose(i: int, g: Any, *operands: Any) -> Any:
        answer = inner.transpose(i, turned(g, outside[-1], inside[-1]), *entered(operands))
        return turned(answer, inside[i], outside[i])

    return Products(apply, transpose)


# --- axes and their labels --------------------------------------------------------------------------------------------


def _lengths(shapes: Sequence[tuple[int, ...]], labels: Sequence[Labels]) -> dict[Hashable, int]:
    """Return the length of each label, where an axis of length 1 says nothing about it."""
    lengths: dict[Hashable, int] = {}
    for shape, names in zip(shapes, labels, strict=True):
        for name, length in zip(names, shape, strict=True):
            lengths[name] = length if lengths.get(name, 1) == 1 else lengths[name]
    return lengths


def _lanes(count: int) -> Labels:
    return tuple(("lane", i) for i in range(count))


def _reshaped(x: Any, shape: tuple[int, ...]) -> Any:
    return x if x.shape == shape else x.reshape(shape)


def _arranged(x: Any, labels: Labels, order: Labels) -> Any:
    return x if labels == order else np.transpose(x, [labels.index(name) for name in order])


def _without_stretched(x: Any, labels: Labels, other: Any, other_labels: Labels) -> tuple[Any, Labels]:
    gone = tuple(
        axis
        for axis, name in enumerate(labels)
        if x.shape[axis] == 1 and name in other_labels and other.shape[other_labels.index(name)] != 1
    )
    if not gone:
        return x, labels
    return np.squeeze(x, gone), tuple(name for axis, name in enumerate(labels) if axis not in gone)


def _summed(x: Any, labels: Labels, kept: Labels) -> tuple[Any, Labels]:
    gone = tuple(axis for axis, name in enumerate(labels) if name not in kept)
    if not gone:
        return x, labels
    return np.sum(x, axis=gone), tuple(name for name in labels if name in kept)


def _diagonals(x: Any, labels: Labels) -> tuple[Any, Labels]:
    for name in labels:
        while labels.count(name) > 1:
            first = labels.index(name)
            second = labels.index(name, first + 1)
            x = np.diagonal(x, axis1=first, axis2=second)
            labels = (*labels[:first], *labels[first + 1 : second], *labels[second + 1 :], name)
    return x, labels


def _on_diagonals(x: Any, labels: Labels) -> Any:
    """Undo :func:`_diagonals`: x has one axis for each label, in the order of their first use; zeros elsewhere."""
    names = tuple(dict.fromkeys(labels))
    if names == labels:
        return x
    lanes = x.ndim - len(names)
    length = dict(zip(names, x.shape[lanes:], strict=True))
    x = x.reshape(x.shape[:lanes] + tuple(length[n] if labels.index(n) == p else 1 for p, n in enumerate(labels)))
    for place, name in enumerate(labels):
        first = labels.index(name)
        if first < place:
            index = np.arange(length[name])
            rows, columns = (index.reshape((-1,) + (1,) * (len(labels) - p - 1)) for p in (first, place))
            x = np.where(rows == columns, x, 0.0)
    return x
