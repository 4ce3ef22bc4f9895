"""Random orthonormal directions that cover the space, and groups of coordinates of about the same size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["Direction", "directions"]

_SPREAD: Final = 1e3  # coordinates that differ by more are not moved by the same step


@dataclass(frozen=True)
class Direction:
    """A unit vector, and the size of the coordinates that it moves."""

    v: Any
    size: float
    group: int


def directions(x: Any, count: int, rng: np.random.Generator) -> list[Direction]:
    """Return orthonormal directions at a point, together touching every coordinate.

    With as many as there are coordinates they are a random rotation of the axes. With fewer each moves a random part of
    the coordinates. Coordinates of very different size are moved by directions of their own, because no step fits both;
    so there may be a few more than ``count``.
    """
    found: list[Direction] = []
    sizes = np.where(np.isfinite(x), np.abs(x), 1.0)
    groups = _groups(sizes)
    for number, members in enumerate(groups):
        share = max(1, round(count * len(members) / x.size))
        size = float(np.median(sizes[members]))
        for v in _rotation(len(members), rng) if share >= len(members) else _blocks(len(members), share, rng):
            whole = np.zeros(x.size)
            whole[members] = v
            found.append(Direction(whole, size, number))
    return found


def _groups(size: Any) -> list[Any]:
    """Return the coordinates in groups of like size; a coordinate that is 0 counts as 1."""
    size = np.where(size > 0, size, 1.0)
    groups: list[list[int]] = []
    least = 0.0
    for i in np.argsort(size, kind="stable"):
        if not groups or size[i] > _SPREAD * least:
            groups.append([])
            least = size[i]
        groups[-1].append(int(i))
    return [np.array(sorted(group)) for group in groups]


def _rotation(n: int, rng: np.random.Generator) -> Any:
    """Return a random orthogonal matrix, uniformly distributed (Stewart, SIAM J. Numer. Anal. 17 (1980) 403-409)."""
    q, r = np.linalg.qr(rng.standard_normal((n, n)))
    return (q * np.where(np.diag(r) < 0, -1.0, 1.0)).T


def _blocks(n: int, count: int, rng: np.random.Generator) -> Any:
    """Return unit vectors that divide the coordinates among them; none of their entries is small."""
    vectors = np.zeros((count, n))
    for vector, part in zip(vectors, np.array_split(rng.permutation(n), count), strict=True):
        entries = rng.uniform(0.5, 1.5, len(part)) * rng.choice([-1.0, 1.0], len(part))
        vector[part] = entries / np.linalg.norm(entries)
    return vectors
