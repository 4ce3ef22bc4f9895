"""Adjoints with lanes as sums of products, whose first factors alone have lanes.

The Jacobian of an elementwise operation is diagonal: along a chain of them the partials are multiplied and added
without lanes, and what has lanes is multiplied once, where the chain ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.ops.lanes import shape_of
from dualad.transforms.kernels import plus, times

__all__ = ["Terms", "is_unit", "is_units", "merged", "passed", "rows_of_product", "whole"]

#: Pairs of an adjoint with lanes and the factor of all its lanes, None for 1.
Terms = list[tuple[Any, Any]]


def whole(terms: Terms) -> Any:
    """Return the sum of products."""
    total = None
    for g, factor in terms:
        term = g if factor is None else times(factor, g)
        total = term if total is None else plus(total, term)
    return total


def passed(terms: Terms, partial: Any) -> Terms:
    """Return the terms of an operand of an elementwise operation from those of its result."""
    return [(g, partial if factor is None else times(partial, factor)) for g, factor in terms]


def merged(terms: Terms, more: Terms) -> Terms:
    """Return all terms, those of one adjoint as one."""
    made = list(terms)
    for g, factor in more:
        for i, (other, before) in enumerate(made):
            if other is g:
                made[i] = (g, plus(1.0 if before is None else before, 1.0 if factor is None else factor))
                break
        else:
            made.append((g, factor))
    return made


def is_units(g: Any, shape: Sequence[int]) -> bool:
    """Say whether an adjoint has a lane for each element of an array, which is 1 there and 0 elsewhere."""
    n = int(np.prod(shape))
    return isinstance(g, np.ndarray) and g.shape == (n, *shape) and is_unit(g.reshape(n, n))


def is_unit(x: Any) -> bool:
    """Say whether a matrix is the unit matrix."""
    n, m = x.shape
    return bool(n == m and np.count_nonzero(x) == n and np.all(np.diagonal(x) == 1.0))


def rows_of_product(factor: Any, i: int, matrix: Any) -> Any:
    """Return the adjoint of operand ``i`` of matrix times vector, along the units: the matrix, its rows multiplied."""
    matrix = np.transpose(matrix) if i == 0 else matrix
    if factor is None:
        return np.copy(matrix)
    return times(factor[:, None] if shape_of(factor) else factor, matrix)
