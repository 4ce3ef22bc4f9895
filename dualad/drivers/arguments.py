"""The arguments and results of a differentiated function: which are varied, how they are seeded, what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.duck.operands import any_duck, lift
from dualad.forward.kernels import Dual, Forward, HyperDual, rebuild

__all__ = ["Varied", "chunks", "collect", "lanes_of", "seeded"]

_LANE_BYTES = 1 << 20  # lanes of the argument that stay within the second-level cache
_MOST_LANES = 64


def as_argument(x: Any, name: str) -> Any:
    """Return an argument as a float array (0-d for a number), or as it is when it carries an outer derivative."""
    if isinstance(x, DuckArray):
        return x
    if isinstance(x, np.ndarray) and x.dtype == object or isinstance(x, (list, tuple)):
        lifted = lift(np.array(x, dtype=object)) if any_duck(x) else np.asarray(x)
        if isinstance(lifted, DuckArray):
            return lifted
        x = lifted
    return errors.real_array(x, name)


class Varied:
    """The arguments in which a function is differentiated, taken out of a call."""

    def __init__(self, name: str, argnums: int | Sequence[int], args: tuple[Any, ...]) -> None:
        self.single = isinstance(argnums, int)
        numbers: Sequence[int] = (argnums,) if isinstance(argnums, int) else tuple(argnums)
        for number in numbers:
            if not -len(args) <= number < len(args):
                raise TypeError(
                    f"{name}: argnums={argnums!r} asks for positional argument {number}, and the function was called with "
                    f"{len(args)} positional arguments. Pass the arguments to differentiate in by position."
                )
        self.numbers = [number % len(args) for number in numbers]
        self.args = args
        self.arrays = [as_argument(args[number], name) for number in self.numbers]

    @property
    def sizes(self) -> list[int]:
        """Number of elements of each argument."""
        return [array.size for array in self.arrays]

    def call(self, f: Callable[..., Any], arrays: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call ``f`` with other arrays in the varied places."""
        args = list(self.args)
        for number, array in zip(self.numbers, arrays, strict=True):
            args[number] = array
        return f(*args, **kwargs)

    def split(self, columns: Any) -> Any:
        """Cut ``T + (n,)`` into one array of shape ``T + S`` for each argument."""
        ends = np.cumsum(self.sizes).tolist()
        lead = columns.shape[:-1]
        parts = tuple(
            np.reshape(columns[..., end - array.size : end], lead + array.shape)
            for end, array in zip(ends, self.arrays, strict=True)
        )
        return parts[0] if self.single else parts


def chunks(n: int, chunk: int | None, most: int = _MOST_LANES) -> list[tuple[int, int]]:
    """Return the ranges in which ``n`` columns are carried, of nearly equal width."""
    if chunk is None:
        chunk = max(8, min(most, _LANE_BYTES // (8 * max(n, 1))))
    elif isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1:
        raise errors.WrongShape(f"chunk must be a positive whole number of columns to carry at once, not {chunk!r}")
    pieces = -(-n // int(chunk))
    edges = [n * i // pieces for i in range(pieces + 1)] if pieces else []
    return list(zip(edges[:-1], edges[1:], strict=True))


def identity_lanes(arrays: Sequence[Any], start: int, stop: int) -> list[Any]:
    """Return rows ``start:stop`` of the identity over all elements, as lanes of each array."""
    lanes = []
    offset = 0
    for array in arrays:
        part = np.zeros((stop - start, array.size), array.dtype)
        low, high = max(start, offset), min(stop, offset + array.size)
        if low < high:
            part[np.arange(low - start, high - start), np.arange(low - offset, high - offset)] = 1.0
        lanes.append(part.reshape((stop - start, *array.shape)))
        offset += array.size
    return lanes


def seeded(array: Any, level: int, lanes: Any, k1: int, k2: int = 0) -> Forward:
    """Return a copy of an argument that carries the given lanes."""
    kind = HyperDual if k2 else Dual
    if isinstance(array, DuckArray):
        # The lanes too may come to depend on the outer derivative: they are made an array of it.
        return rebuild(kind, level, k1, k2, np.copy(array), array._constant(lanes))
    value = np.float64(array) if array.ndim == 0 and array.dtype == np.float64 else np.array(array)
    return rebuild(kind, level, k1, k2, value, lanes)


def collect(y: Any) -> Any:
    """Return what a function returned as one array, or raise the sentence for a ragged return."""
    if isinstance(y, DuckArray):
        return y
    if isinstance(y, (list, tuple)):
        if not any_duck(y):
            y = _as_plain(y)
        else:
            try:
                shape = np.broadcast_shapes(*(np.shape(collect(part)) for part in y))
                uniform = all(np.shape(collect(part)) == shape for part in y)
            except ValueError:
                uniform = False
            if not uniform:
                raise errors.RaggedReturn(errors.ragged(f"a {type(y).__name__} of parts of different shapes"))
            return np.stack([collect(part) for part in y])
    array = _as_plain(y)
    if array.dtype == object:
        if not any_duck(array):
            raise errors.RaggedReturn(errors.ragged(f"an object of type {type(y).__name__}"))
        return lift(array)
    return array


def _as_plain(y: Any) -> Any:
    try:
        array = np.asarray(y)
    except ValueError:
        raise errors.RaggedReturn(errors.ragged(f"a {type(y).__name__} of parts of different shapes")) from None
    if array.dtype.kind in "iub":
        return array.astype(float)
    if array.dtype != object:
        errors.check_real(array.dtype, "the differentiated function")
    return array


def lanes_of(y: Any, level: int, lanes: int) -> tuple[Any, Any]:
    """Return the value and the lanes of a collected result; zeros where it does not depend on the argument."""
    if isinstance(y, Forward) and y.level == level:
        return y._primal(), y._parts()
    return y, np.zeros((lanes, *np.shape(y)))
