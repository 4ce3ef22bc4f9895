"""Containers of arrays as arguments and results: nested tuples, lists, dicts, named tuples and dataclasses."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["flatten", "is_array_like", "is_container"]

Rebuild = Callable[[Iterator[Any]], Any]


def is_container(x: Any) -> bool:
    """Say whether ``x`` holds leaves instead of being one."""
    return isinstance(x, (tuple, list, Mapping)) or (dataclasses.is_dataclass(x) and not isinstance(x, type))


def is_array_like(x: Any) -> bool:
    """Say whether ``x`` is a list of plain numbers, or of such lists of one length: an array, as SciPy takes it.

    A list that holds arrays, or lists of different lengths, is a container of leaves.
    """
    if not isinstance(x, list) or not x:
        return False
    if all(isinstance(part, (int, float, np.number)) for part in x):
        return True
    return all(is_array_like(part) for part in x) and len({np.shape(part) for part in x}) == 1


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the leaves of a container in order, and the function that puts other leaves in their places."""
    if not is_container(tree):
        return [tree], next
    if isinstance(tree, Mapping):
        keys = list(tree)
        leaves, fill = _flatten_all([tree[key] for key in keys])
        return leaves, lambda new: _mapping(tree, dict(zip(keys, fill(new), strict=True)))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree) if field.init]
        leaves, fill = _flatten_all([getattr(tree, name) for name in names])
        return leaves, lambda new: dataclasses.replace(tree, **dict(zip(names, fill(new), strict=True)))
    leaves, fill = _flatten_all(list(tree))
    if hasattr(tree, "_fields"):
        return leaves, lambda new: type(tree)(*fill(new))
    return leaves, lambda new: type(tree)(fill(new))


def _mapping(like: Mapping[Any, Any], entries: dict[Any, Any]) -> Any:
    """Return entries in a mapping like another; what else that one holds (``default_factory``) comes along."""
    if isinstance(like, dict) and type(like) is not dict:
        new = copy.copy(like)
        dict.update(new, entries)  # Counter.update would add
        return new
    return type(like)(entries)  # type: ignore[call-arg]


def _flatten_all(parts: list[Any]) -> tuple[list[Any], Callable[[Iterator[Any]], list[Any]]]:
    leaves: list[Any] = []
    rebuilds: list[Rebuild] = []
    for part in parts:
        found, rebuild = flatten(part)
        leaves += found
        rebuilds.append(rebuild)
    return leaves, lambda new: [rebuild(new) for rebuild in rebuilds]
