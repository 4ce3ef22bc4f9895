"""The arguments and results of a differentiated function: which are varied, how they are seeded, what comes back."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.duck.operands import any_duck, lift
from dualad.forward.kernels import Dual, Forward, HyperDual, gather_scalars, rebuild

__all__ = ["Varied", "as_argument", "chunks", "collect", "identity_lanes", "lanes_of", "seeded", "width"]

_LANE_BYTES = 1 << 20  # lanes of the argument that stay within the second-level cache
_MOST_LANES = 64
# Numbers that are made one array without a look at each of them.
_NUMBERS = frozenset((type(Dual(0.0, [0.0])), type(HyperDual(0.0, [0.0], [0.0], [[0.0]])), float, np.float64))


# --- arguments -------------------------------------------------------------------------------------------------------


def as_argument(x: Any, name: str) -> Any:
    """Return an argument as a float array (0-d for a number), or as it is when it carries an outer derivative."""
    if isinstance(x, DuckArray):
        return x
    if isinstance(x, (list, tuple)) or (isinstance(x, np.ndarray) and x.dtype == object):
        if any_duck(x):
            return lift(np.array(x, dtype=object))
        try:
            x = np.asarray(x)
        except ValueError:
            raise errors.WrongShape(errors.ragged_argument(name)) from None
    return errors.real_array(x, name)


class Varied:
    """The arguments in which a function is differentiated, taken out of a call."""

    def __init__(self, name: str, argnums: int | Sequence[int], args: tuple[Any, ...]) -> None:
        self.single = not isinstance(argnums, (tuple, list))
        numbers = [operator.index(number) for number in (argnums if isinstance(argnums, (tuple, list)) else (argnums,))]
        for number in numbers:
            if not -len(args) <= number < len(args):
                raise TypeError(
                    f"{name}: argnums={argnums!r} asks for positional argument {number}, and the function was called "
                    f"with {len(args)} positional arguments. Pass the arguments to differentiate in by position."
                )
        self.numbers = [number % len(args) for number in numbers]
        if len(set(self.numbers)) < len(numbers):
            raise ValueError(f"{name}: argnums={argnums!r} names an argument twice")
        self.args = args
        self.arrays = [as_argument(args[number], name) for number in self.numbers]
        self.size = sum([array.size for array in self.arrays])

    def call(self, f: Callable[..., Any], arrays: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call ``f`` with other arrays in the varied places."""
        try:
            return f(*self.called_with(arrays), **kwargs)
        except errors.REWORDED as error:
            errors.reword(error)
            raise

    def called_with(self, arrays: Sequence[Any]) -> list[Any]:
        """Return the arguments of the call with other arrays in the varied places."""
        args = list(self.args)
        for number, array in zip(self.numbers, arrays, strict=True):
            args[number] = array
        return args

    def split(self, columns: Any) -> Any:
        """Cut ``T + (n,)`` into one array of shape ``T + S`` for each argument."""
        lead = columns.shape[:-1]
        if self.single:
            inner = self.arrays[0].shape
            return columns if len(inner) == 1 else np.reshape(columns, lead + inner)
        parts, end = [], 0
        for array in self.arrays:
            start, end = end, end + array.size
            parts.append(np.reshape(columns[..., start:end], lead + array.shape))
        return tuple(parts)


def chunks(n: int, chunk: int | None, most: int = _MOST_LANES) -> list[tuple[int, int]]:
    """Return the ranges in which ``n`` columns are carried, of nearly equal width."""
    if chunk is None:
        if n <= 8:
            return [(0, n)] if n else []
        chunk = max(8, min(most, _LANE_BYTES // (8 * n)))
    elif isinstance(chunk, bool) or not isinstance(chunk, (int, np.integer)) or chunk < 1:
        raise errors.WrongShape(errors.wrong_chunk(chunk))
    pieces = -(-n // int(chunk))
    return [(n * i // pieces, n * (i + 1) // pieces) for i in range(pieces)]


def width(n: int, chunk: int | None, most: int = _MOST_LANES) -> int:
    """Return how many of ``n`` columns are carried at once."""
    return max([stop - start for start, stop in chunks(n, chunk, most)], default=1)


def identity_lanes(arrays: Sequence[Any], start: int, stop: int) -> list[Any]:
    """Return rows ``start:stop`` of the identity over all elements, as lanes of each array."""
    lanes = []
    offset = 0
    for array in arrays:
        size = array.size
        part = np.zeros((stop - start, size), array.dtype)
        low, high = max(start, offset), min(stop, offset + size)
        if low < high:
            # Down the diagonal: one row and one column further is size + 1 elements further.
            first = (low - start) * size + low - offset
            part.reshape(-1)[first : first + (high - low - 1) * (size + 1) + 1 : size + 1] = 1.0
        lanes.append(part if len(array.shape) == 1 else part.reshape((stop - start, *array.shape)))
        offset += size
    return lanes


def seeded(array: Any, level: int, lanes: Any, k1: int, k2: int = 0) -> Forward:
    """Return a copy of an argument that carries the given lanes."""
    kind = HyperDual if k2 else Dual
    if isinstance(array, DuckArray):
        if not isinstance(lanes, DuckArray) or lanes.level < array.level:
            # The lanes too may come to depend on the outer derivative: they are made an array of it.
            lanes = array._constant(lanes)
        return rebuild(kind, level, k1, k2, array.copy(), lanes)
    return rebuild(kind, level, k1, k2, np.array(array) if array.ndim else array[()], lanes)


# --- results ---------------------------------------------------------------------------------------------------------


def collect(y: Any) -> Any:
    """Return what a function returned as one array, or raise the sentence for a ragged return."""
    if isinstance(y, DuckArray):
        return y
    errors.check_kind(y)
    flat = y.tolist() if isinstance(y, np.ndarray) and y.dtype == object and y.ndim == 1 else y
    if isinstance(flat, (list, tuple)) and _NUMBERS.issuperset(map(type, flat)):
        gathered = gather_scalars(list(flat))
        if gathered is not None:
            return gathered
    if isinstance(y, (list, tuple)) and any_duck(y):
        parts = [collect(part) for part in y]
        if len({np.shape(part) for part in parts}) > 1:
            raise errors.RaggedReturn(errors.ragged(f"a {type(y).__name__} of parts of different shapes"))
        return lift(np.array(parts, dtype=object)) if np.shape(parts[0]) == () else np.stack(parts)
    try:
        array = np.asarray(y)
    except ValueError:
        raise errors.RaggedReturn(errors.ragged(f"a {type(y).__name__} of parts of different shapes")) from None
    if array.dtype == object:
        if array.ndim == 0 and isinstance(array.item(), DuckArray):
            return array.item()
        if array.ndim and any_duck(array):
            return collect(array.tolist())
        raise errors.RaggedReturn(errors.ragged(f"an object of type {type(y).__name__}"))
    return errors.real_array(array, "the differentiated function", "returns")


def lanes_of(y: Any, level: int, lanes: int) -> tuple[Any, Any]:
    """Return the value and the lanes of a collected result; zeros where it does not depend on the argument."""
    if isinstance(y, Forward) and y.level == level:
        return y._primal(), y._parts()
    if isinstance(y, DuckArray) and y.level > level:
        raise errors.DerivativeLost(errors.leaked())
    return y, np.zeros((lanes, *np.shape(y)), y.dtype)
