"""Sums of products of arrays, with one label for each axis: what matmul, tensordot, einsum, kron, ... have in common.

A product is written as einsum writes it: a tuple of labels for each operand and one for the result; labels that the
result lacks are summed over. An axis of length 1 stretches to the length that its label has elsewhere, as in NumPy.

Both the tangents and the cotangents of such a product are products of the same kind, and matmul, transpose and reshape
do all the work: it is done by BLAS and can be differentiated again.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from dualad.ops.table import Products

__all__ = ["Labels", "Shape", "arraylike", "conj", "contract", "contract_all", "products", "real_like", "viewed"]

Labels = tuple[Hashable, ...]
Shape = tuple[int, ...]


def arraylike(x: Any) -> Any:
    """Return x itself where it is some kind of array, and an ndarray for a list or a number."""
    return x if hasattr(x, "shape") else np.asarray(x)


def conj(x: Any) -> Any:
    """Return the complex conjugate, which for real numbers is x itself."""
    return np.conjugate(x) if x.dtype.kind == "c" else x


def real_like(x: Any, model: Any) -> Any:
    """Return x, or its real part where ``model`` is real: the cotangent of a real operand is real."""
    return np.real(x) if x.dtype.kind == "c" and model.dtype.kind != "c" else x


# --- the product of two arrays ----------------------------------------------------------------------------------------


class _View(NamedTuple):
    """How an operand is brought into form: axes to drop, axes to sum over, order of the others, shape."""

    dropped: tuple[int, ...]
    summed: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, ...]

    def of(self, x: Any) -> Any:
        """Return the operand in form."""
        if self.dropped:
            x = np.squeeze(x, self.dropped)
        if self.summed:
            x = np.sum(x, axis=self.summed)
        if self.order:
            x = np.transpose(x, self.order)
        return x if x.shape == self.shape else x.reshape(self.shape)


class _Recipe(NamedTuple):
    """How two operands are multiplied: by matmul of their forms or elementwise, and what is done with the product."""

    a: _View
    b: _View
    sums: bool
    shape: tuple[int, ...]
    order: tuple[int, ...]


def _order(labels: Labels, wanted: Labels) -> tuple[int, ...]:
    """Return the permutation of axes that gives another order of labels; empty where it is the same."""
    return () if labels == wanted else tuple(labels.index(name) for name in wanted)


@lru_cache(maxsize=1024)
def _recipe(a_shape: Shape, a_labels: Labels, b_shape: Shape, b_labels: Labels, out: Labels) -> _Recipe:
    lengths = _lengths((a_shape, b_shape), (a_labels, b_labels))

    def kept(shape: Shape, labels: Labels, others: Labels) -> tuple[tuple[int, ...], tuple[int, ...], Labels]:
        """Return the axes to drop (the other operand has their length), those to sum over, and what is left."""
        dropped = tuple(i for i, name in enumerate(labels) if shape[i] == 1 and lengths[name] != 1)
        labels = tuple(name for i, name in enumerate(labels) if i not in dropped)
        summed = tuple(i for i, name in enumerate(labels) if name not in others and name not in out)
        return dropped, summed, tuple(name for i, name in enumerate(labels) if i not in summed)

    a_dropped, a_summed, a_kept = kept(a_shape, a_labels, b_labels)
    b_dropped, b_summed, b_kept = kept(b_shape, b_labels, a_kept)
    if any(name not in b_kept and name not in out for name in a_kept):
        # An axis of b that was dropped was all that held this label of a back.
        a_dropped, a_summed, a_kept = kept(a_shape, a_labels, b_kept)

    batch = tuple(name for name in out if name in a_kept and name in b_kept)
    left = tuple(name for name in out if name in a_kept and name not in b_kept)
    right = tuple(name for name in out if name in b_kept and name not in a_kept)
    inner = tuple(name for name in a_kept if name in b_kept and name not in out)
    many, rows, columns, sums = (tuple(lengths[name] for name in names) for names in (batch, left, right, inner))
    if inner:
        a_form = (*many, math.prod(rows), math.prod(sums))
        b_form = (*many, math.prod(sums), math.prod(columns))
    else:
        a_form = many + rows + (1,) * len(columns)
        b_form = many + (1,) * len(rows) + columns
    return _Recipe(
        _View(a_dropped, a_summed, _order(a_kept, batch + left + inner), a_form),
        _View(b_dropped, b_summed, _order(b_kept, batch + inner + right), b_form),
        bool(inner),
        many + rows + columns,
        _order(batch + left + right, out),
    )


def contract(a: Any, a_labels: Labels, b: Any, b_labels: Labels, out: Labels) -> Any:
    """Multiply two arrays and sum over the labels that ``out`` lacks; no label occurs twice in one array."""
    recipe = _recipe(a.shape, a_labels, b.shape, b_labels, out)
    a, b = recipe.a.of(a), recipe.b.of(b)
    product = np.matmul(a, b) if recipe.sums else a * b
    if product.shape != recipe.shape:
        product = product.reshape(recipe.shape)
    return np.transpose(product, recipe.order) if recipe.order else product


# --- products of any number of arrays ---------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _pairs(shapes: tuple[Shape, ...], labels: tuple[Labels, ...], out: Labels) -> list[tuple[int, int, Labels]]:
    """Return which two arrays are multiplied in turn, and the labels of their product, which goes to the end.

    The pair whose product saves most room goes first. That depends on sizes alone: a recording holds for other values.
    """
    lengths = _lengths(shapes, labels)
    todo, steps = list(labels), []

    def kept(i: int, j: int) -> Labels:
        needed = {*out, *(name for k, names in enumerate(todo) if k not in (i, j) for name in names)}
        return tuple(dict.fromkeys(name for name in todo[i] + todo[j] if name in needed))

    def room(names: Labels) -> int:
        return math.prod(lengths[name] for name in names)

    def growth(pair: tuple[int, int]) -> int:
        return room(kept(*pair)) - sum(room(todo[k]) for k in pair)

    while len(todo) > 2:
        i, j = min(combinations(range(len(todo)), 2), key=growth)
        steps.append((i, j, kept(i, j)))
        todo = [names for k, names in enumerate(todo) if k not in (i, j)] + [kept(i, j)]
    return steps


def contract_all(arrays: Sequence[Any], labels: Sequence[Labels], out: Labels) -> Any:
    """Multiply any number of arrays and sum over the labels that ``out`` lacks."""
    todo = list(zip(arrays, labels, strict=True))
    if len(todo) == 1:
        gone = tuple(i for i, name in enumerate(labels[0]) if name not in out)
        single = np.sum(arrays[0], axis=gone) if gone else arrays[0]
        order = _order(tuple(name for name in labels[0] if name in out), out)
        return np.transpose(single, order) if order else single
    if len(todo) > 2:
        for i, j, names in _pairs(tuple(x.shape for x in arrays), tuple(labels), out):
            product = contract(*todo[i], *todo[j], names)
            todo = [entry for k, entry in enumerate(todo) if k not in (i, j)] + [(product, names)]
    return contract(*todo[0], *todo[1], out)


def products(shapes: Sequence[Shape], labels: Sequence[Labels], out: Labels, conjugated: int = -1) -> Products:
    """Return the rules of a product of operands with these shapes and labels; labels may repeat in an operand.

    ``conjugated`` is the number of the operand whose complex conjugate is taken (the first of vdot), if there is one.
    """
    return _products(tuple(shapes), tuple(labels), out, conjugated)


@lru_cache(maxsize=1024)
def _products(shapes: tuple[Shape, ...], labels: tuple[Labels, ...], out: Labels, conjugated: int) -> Products:
    # The rules hold no values, so that the same ones serve every call with these shapes.
    lengths = _lengths(shapes, labels)

    plain = [len(set(names)) == len(names) for names in labels]

    def prepared(i: int, x: Any) -> tuple[Any, Labels]:
        names = _lanes(x.ndim - len(shapes[i])) + labels[i]
        return (x, names) if plain[i] else _diagonals(x, names)

    def apply(*operands: Any) -> Any:
        given = [arraylike(x) for x in operands]
        lanes = max(x.ndim - len(shape) for x, shape in zip(given, shapes, strict=True))
        arrays, names = zip(*(prepared(i, x) for i, x in enumerate(given)), strict=True)
        if conjugated >= 0:
            arrays = tuple(conj(x) if i == conjugated else x for i, x in enumerate(arrays))
        return contract_all(arrays, names, _lanes(lanes) + out)

    def transpose(i: int, g: Any, *operands: Any) -> Any:
        g = arraylike(g)
        lanes = _lanes(g.ndim - len(out))
        arrays, names = [g], [lanes + out]
        for j, x in enumerate(operands):
            if j != i:
                array, its = prepared(j, arraylike(x))
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


def viewed(inner: Products, outside: Sequence[Shape], inside: Sequence[Shape]) -> Products:
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


def _lengths(shapes: Sequence[Shape], labels: Sequence[Labels]) -> dict[Hashable, int]:
    """Return the length of each label, where an axis of length 1 says nothing about it."""
    lengths: dict[Hashable, int] = {}
    for shape, names in zip(shapes, labels, strict=True):
        for name, length in zip(names, shape, strict=True):
            lengths[name] = length if lengths.get(name, 1) == 1 else lengths[name]
    return lengths


@lru_cache
def _lanes(count: int) -> Labels:
    return tuple(("lane", i) for i in range(count))


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
