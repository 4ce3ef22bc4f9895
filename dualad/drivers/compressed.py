"""Jacobians compressed by a pattern that the caller states: columns that share no row are carried together.

Curtis, Powell and Reid (1974), *On the estimation of sparse Jacobian matrices*, J. Inst. Maths. Applics. 13, 117-119.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from dualad.drivers.arguments import collect, lanes_of, seeded
from dualad.duck.levels import fresh_level

__all__ = ["Compressed", "directional"]


class Compressed:
    """A pattern of a Jacobian, shape (m, n), and the groups of columns that are carried as one direction.

    An entry outside the pattern is taken to be zero, as in SciPy: the caller answers for the pattern.
    """

    def __init__(self, pattern: Any) -> None:
        from scipy import sparse

        if not sparse.issparse(pattern):
            pattern = np.atleast_2d(pattern) != 0
        self._pattern = sparse.csc_array(pattern)
        self._pattern.sum_duplicates()
        self.shape = self._pattern.shape
        self.rows = self._pattern.indices
        self.columns = np.repeat(np.arange(self.shape[1]), np.diff(self._pattern.indptr))
        self.groups = self._grouped()

    def _grouped(self) -> Any:
        """Return the group of each column: the first one, in the order of the columns, that has
        none of its rows yet.
        """
        starts, rows = self._pattern.indptr.tolist(), self.rows
        taken: list[Any] = []
        groups = np.zeros(self.shape[1], dtype=int)
        for column, (start, stop) in enumerate(pairwise(starts)):
            mine = rows[start:stop]
            for group, used in enumerate(taken):  # noqa: B007 - read after the loop
                if not used[mine].any():
                    break
            else:
                group, used = len(taken), np.zeros(self.shape[0], dtype=bool)
                taken.append(used)
            used[mine] = True
            groups[column] = group
        return groups

    @property
    def seeds(self) -> Any:
        """The directions, one for each group, shape (p, n)."""
        directions = np.zeros((int(self.groups.max(initial=-1)) + 1, self.shape[1]))
        directions[self.groups, np.arange(self.shape[1])] = 1.0
        return directions

    def fitting(self, m: int, n: int) -> Any:
        """Return the directions for a Jacobian of this size."""
        if self.shape != (m, n):
            raise ValueError(f"the pattern has shape {self.shape} and the Jacobian {(m, n)}")
        return self.seeds

    def matrix(self, lanes: Any) -> Any:
        """Return the Jacobian as a CSC array, from the derivatives along the directions, shape (p, m)."""
        from scipy import sparse

        data = np.reshape(lanes, (len(lanes), -1))[self.groups[self.columns], self.rows]
        return sparse.csc_array((data, self.rows, self._pattern.indptr), shape=self.shape)


def directional(f: Callable[[Any], Any], x: Any, directions: Any) -> Any:
    """Return the derivatives of ``f`` at x along k directions, shape (k,) + T, by one evaluation on dual numbers."""
    level, lanes = fresh_level(), len(directions)
    array = np.asarray(x, dtype=float)
    # A copy: the function may write into its argument, tangents and all.
    argument = seeded(array, level, np.array(directions).reshape((lanes, *array.shape)), lanes)
    return lanes_of(collect(f(argument)), level, lanes)[1]
