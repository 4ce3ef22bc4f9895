"""A compiled function at all rows of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.containers import flatten
from dualad.drivers.kernels import Compiled

__all__ = ["batch"]


def batch(compiled: Compiled, arguments: tuple[Any, ...], workers: Any, out: Any) -> Any:
    """Return the results for all rows of the arguments, stacked; written into ``out`` where it is given."""
    rows = [flatten(argument) for argument in arguments]
    lengths = {np.shape(leaf)[:1] for leaves, _ in rows for leaf in leaves}
    if len(lengths) != 1 or () in lengths:
        raise errors.WrongShape(errors.not_stacked(sorted(lengths)))
    ((n,),) = lengths
    if n == 0:
        raise errors.WrongShape(errors.not_stacked([(0,)]))
    results = list(_mapped(workers)(_Row(compiled), _calls(rows, n)))
    leaves, rebuild = flatten(results[0])
    stacks = zip(*(flatten(result)[0] for result in results), strict=True)
    if out is None:
        return rebuild(iter([np.stack(stack) for stack in stacks]))
    targets = [out] if len(leaves) == 1 and isinstance(out, np.ndarray) else flatten(out)[0]
    for stack, target in zip(stacks, targets, strict=True):
        np.stack(stack, out=target)
    return out


class _Row:
    """One call, as a mapping of workers in other processes takes it."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled

    def __call__(self, args: tuple[Any, ...]) -> Any:
        return self.compiled(*args)


def _calls(rows: list[Any], n: int) -> Iterator[tuple[Any, ...]]:
    if all(len(leaves) == 1 and leaves[0] is rebuild(iter(leaves)) for leaves, rebuild in rows):
        yield from zip(*[np.ascontiguousarray(leaves[0]) for leaves, _ in rows], strict=True)
        return
    held = [([np.ascontiguousarray(leaf) for leaf in leaves], rebuild) for leaves, rebuild in rows]
    for i in range(n):
        yield tuple([rebuild(iter([leaf[i] for leaf in leaves])) for leaves, rebuild in held])


def _mapped(workers: Any) -> Callable[..., Any]:
    if workers is None or workers == 1:
        return map
    if callable(workers):
        return workers  # type: ignore[no-any-return]
    if isinstance(workers, bool) or not isinstance(workers, (int, np.integer)) or workers < -1 or workers == 0:
        raise ValueError(f"workers must be a number of threads, -1 for all, or a function like map, not {workers!r}")

    def mapped(f: Callable[..., Any], rows: Any) -> Any:
        with ThreadPoolExecutor(None if workers == -1 else int(workers)) as pool:
            return list(pool.map(f, rows))

    return mapped
