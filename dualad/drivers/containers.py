"""Containers of arrays as arguments and results: nested tuples, lists, dicts, named tuples and dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["flatten", "is_container"]

Rebuild = Callable[[Iterator[Any]], Any]


def is_container(x: Any) -> bool:
    """Say whether ``x`` holds leaves instead of being one."""
    return isinstance(x, (tuple, list, Mapping)) or (dataclasses.is_dataclass(x) and not isinstance(x, type))


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """Return the leaves of a container in order, and the function that puts other leaves in their places."""
    if not is_container(tree):
        return [tree], next
    if isinstance(tree, Mapping):
        keys = list(tree)
        leaves, fill = _flatten_all([tree[key] for key in keys])
        return leaves, lambda new: type(tree)(zip(keys, fill(new), strict=True))  # type: ignore[call-arg]
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        names = [field.name for field in dataclasses.fields(tree) if field.init]
        leaves, fill = _flatten_all([getattr(tree, name) for name in names])
        return leaves, lambda new: dataclasses.replace(tree, **dict(zip(names, fill(new), strict=True)))
    leaves, fill = _flatten_all(list(tree))
    if hasattr(tree, "_fields"):
        return leaves, lambda new: type(tree)(*fill(new))
    return leaves, lambda new: type(tree)(fill(new))


def _flatten_all(parts: list[Any]) -> tuple[list[Any], Callable[[Iterator[Any]], list[Any]]]:
    leaves: list[Any] = []
    rebuilds: list[Rebuild] = []
    for part in parts:
        found, rebuild = flatten(part)
        leaves += found
        rebuilds.append(rebuild)
    return leaves, lambda new: [rebuild(new) for rebuild in rebuilds]
