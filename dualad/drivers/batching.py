"""A compiled function at all rows of its arguments."""

from __future__ import annotations

import contextvars
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.containers import flatten
from dualad.drivers.kernels import Compiled, is_loud

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
    if not callable(workers):
        found = _natively(compiled, rows, n, _threads(workers))
        if found is not None:
            leaves, rebuild = flatten(found)
            return _handed_over(leaves, rebuild, out)
    results = list(_mapped(workers)(_Row(compiled), _calls(rows, n)))
    leaves, rebuild = flatten(results[0])
    stacks = zip(*(flatten(result)[0] for result in results), strict=True)
    return _handed_over([np.stack(stack) for stack in stacks], rebuild, out)


def _handed_over(stacks: list[Any], rebuild: Any, out: Any) -> Any:
    """Return stacked results in their structure, or write them where they are wanted."""
    if out is None:
        return rebuild(iter(stacks))
    targets = [out] if len(stacks) == 1 and isinstance(out, np.ndarray) else flatten(out)[0]
    for stack, target in zip(stacks, targets, strict=True):
        target[...] = stack
    return out


_FIRST = 3  # rows that are called one by one: recorded, compared, replayed


def _natively(compiled: Compiled, rows: list[Any], n: int, threads: int) -> Any:
    """Return the stacked results of a program that goes from row to row by itself, None where there is none."""
    if n <= _FIRST or not _are_arrays(rows) or is_loud():
        return None
    arguments = [np.ascontiguousarray(leaves[0]) for leaves, _ in rows]
    if any(argument.dtype != float for argument in arguments):
        return None
    results = [compiled(*[argument[i] for argument in arguments]) for i in range(_FIRST)]
    entry = compiled.recent
    if entry is None or not entry.variants or not entry.all_inputs:
        return None
    variant = entry.variants[0]
    if not variant.trusted or callable(variant.form) or not variant.sights.hold():
        return None
    doubles = all(np.dtype(dtype) == np.dtype(float) for _, dtype in variant.shapes)
    if not getattr(variant.program, "runs_rows", False) or not doubles:
        return None
    stacks = [np.empty((n, *shape)) for shape, _ in variant.shapes]
    whole = _structured(variant.form, stacks)

    def put(i: int, result: Any) -> None:
        for stack, y in zip(flatten(whole)[0], flatten(result)[0], strict=True):
            stack[i] = y

    for i, result in enumerate(results):
        put(i, result)
    left = _replayed(variant, arguments, stacks, np.arange(_FIRST, n), threads)
    tried = {id(variant)}
    while len(left):
        # A row that takes another path is recorded, and those that are like it are replayed with it.
        put(int(left[0]), compiled(*[x[left[0]] for x in arguments]))
        left = left[1:]
        for other in entry.variants:
            if id(other) not in tried and other.trusted and getattr(other.program, "runs_rows", False):
                if other.shapes == variant.shapes and other.form == variant.form and other.sights.hold():
                    tried.add(id(other))
                    left = _replayed(other, arguments, stacks, left, threads)
    return whole


def _structured(form: Any, stacks: list[Any]) -> Any:
    """Return stacks in the structure of a result; what a call makes of one number does not make sense of many."""
    if type(form) is int:
        return stacks[form >> 2]  # the number of the output; the bits below say what a call makes of it
    return type(form)([_structured(part, stacks) for part in form])


def _replayed(variant: Any, arguments: list[Any], stacks: list[Any], rows: Any, threads: int) -> Any:
    """Run a program at some rows, and return those at which a guard failed."""
    inputs = [x[rows] for x in arguments]
    outs = [np.empty((len(rows), *stack.shape[1:])) for stack in stacks]
    failed = np.ones(len(rows), bool)

    def run(part: slice) -> None:
        failed[part] = variant.program.rows([x[part] for x in inputs], [out[part] for out in outs])

    ends = np.linspace(0, len(rows), max(1, min(threads, len(rows))) + 1).astype(int).tolist()
    parts = [slice(*pair) for pair in itertools.pairwise(ends)]
    if len(parts) == 1:
        run(parts[0])
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(run, parts))
    right = ~failed
    for stack, out in zip(stacks, outs, strict=True):
        stack[rows[right]] = out[right]
    variant.replays += int(np.sum(right))
    return rows[failed]


def _threads(workers: Any) -> int:
    _mapped(workers)
    return 1 if workers is None else (os.cpu_count() or 1) if workers == -1 else int(workers)


class _Row:
    """One call, as a mapping of workers in other processes takes it."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled

    def __call__(self, args: tuple[Any, ...]) -> Any:
        return self.compiled(*args)


def _are_arrays(rows: list[Any]) -> bool:
    """Say whether each argument is an array by itself, and no container."""
    return all(len(leaves) == 1 and leaves[0] is rebuild(iter(leaves)) for leaves, rebuild in rows)


def _calls(rows: list[Any], n: int) -> Iterator[tuple[Any, ...]]:
    if _are_arrays(rows):
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
        here = contextvars.copy_context()  # np.errstate holds for one thread; ours do as the caller's would
        with ThreadPoolExecutor(None if workers == -1 else int(workers)) as pool:
            return list(pool.map(lambda row: here.copy().run(f, row), rows))

    return mapped
