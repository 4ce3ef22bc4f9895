"""The arguments of a call of a compiled function: what is an input of its programs, and what selects among them."""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import as_argument
from dualad.drivers.containers import flatten, is_array_like, is_container
from dualad.drivers.derived import Derived

__all__ = ["Call", "Leaf", "Unfit"]

_LARGEST = 1 << 16  # bytes of an array of whole numbers that selects a program by what it holds
_PLAIN = (int, bool, str, bytes, complex, type(None), type(Ellipsis), enum.Enum, np.generic, np.dtype, slice, range)


class Unfit(Exception):
    """A call that no program can serve; the function itself has to."""


@dataclasses.dataclass(slots=True)
class Leaf:
    """One number, array or other object among the arguments.

    ``kind`` is "f" for a Python float, "n" for a NumPy float, "0" for an array without axes, "a" for an array in C
    order, "t" for one whose transpose is, "s" for what is no input. ``value`` is what a program receives of an input.
    """

    kind: str
    key: Any
    value: Any
    given: Any
    varied: bool


class Call:
    """The arguments of one call, taken apart. ``key`` is the same for calls that the same programs may serve."""

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any], derived: Derived | None) -> None:
        given = list(args)
        varied = _converted(given, derived) if derived is not None else set()
        self.objects: list[Any] = []
        self.leaves: list[Leaf] = []
        self.parts: list[tuple[int, Any]] = []
        trees = []
        self.names = sorted(kwargs)
        for place, part in enumerate([*given, *(kwargs[name] for name in self.names)]):
            leaves, rebuild = flatten(part)
            self.parts.append((len(leaves), rebuild))
            trees.append(_tree(part))
            self.leaves += [self._leaf(leaf, place in varied) for leaf in leaves]
        self.count = len(given)
        self.varied_places = varied
        self.key: tuple[Any, ...] = (
            len(given),
            tuple(self.names),
            tuple(trees),
            tuple([leaf.key for leaf in self.leaves]),
        )

    @property
    def inputs(self) -> list[Any]:
        """What a program receives."""
        return [leaf.value for leaf in self.leaves if leaf.kind != "s"]

    def with_static_extras(self) -> None:
        """Make everything static in which the function is not differentiated, its values a part of the key."""
        for leaf in self.leaves:
            if leaf.kind != "s" and not leaf.varied:
                if np.size(leaf.given) * 8 > _LARGEST:
                    raise Unfit
                leaf.key = (leaf.key, np.asarray(leaf.given).tobytes())
                leaf.kind = "s"
        self.key = (*self.key[:3], tuple([leaf.key for leaf in self.leaves]), "static")

    def arguments(self, leaves: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with other leaves in their places."""
        new: Iterator[Any] = iter(leaves)
        parts = [rebuild(new) for _, rebuild in self.parts]
        return parts[: self.count], dict(zip(self.names, parts[self.count :], strict=True))

    def varied_leaves(self, place: int) -> tuple[list[int], Any]:
        """Return the numbers of the leaves of an argument, and what puts leaves in their structure."""
        start = sum(n for n, _ in self.parts[:place])
        n, rebuild = self.parts[place]
        return list(range(start, start + n)), rebuild

    def fast(self) -> tuple[bytes, tuple[Any, ...]] | None:
        """Return the kinds and wanted values by which native code knows such a call, None where it cannot."""
        if self.names or any(n != 1 for n, _ in self.parts) or len(self.leaves) != len(self.parts):
            return None
        wanted, kinds = [], ""
        for leaf in self.leaves:
            if leaf.kind == "s":
                if not isinstance(leaf.given, (*_PLAIN, types.FunctionType)):
                    return None
            elif leaf.kind == "a" and leaf.value.dtype != np.float64:
                return None
            elif leaf.kind not in "fna" or (leaf.varied and type(leaf.given) is not type(leaf.value)):
                return None
            wanted.append(leaf.value.shape if leaf.kind == "a" else leaf.given)
            kinds += leaf.kind
        return kinds.encode(), tuple(wanted)

    def _leaf(self, x: Any, varied: bool) -> Leaf:
        kind = type(x)
        if kind is float:
            return Leaf("f", "f", x, x, varied)
        if kind is np.float64:
            return Leaf("n", "n", x, x, varied)
        if kind is np.ndarray:
            return self._array(x, varied)
        if isinstance(x, _PLAIN):
            return Leaf("s", (kind, _bits(x)), x, x, varied)
        if not isinstance(x, (type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.ufunc)):
            module = getattr(kind, "__module__", "").partition(".")[0]
            if module in ("numpy", "scipy", "builtins") or isinstance(x, np.ndarray):
                raise Unfit  # a set, a sparse array, a generator of random numbers: its contents are not looked at
        self.objects.append(x)
        return Leaf("s", ("object", id(x)), x, x, varied)

    def _array(self, x: Any, varied: bool) -> Leaf:
        if x.dtype.kind != "f" or x.dtype.itemsize not in (4, 8) or not x.dtype.isnative:
            if x.dtype.kind not in "iub" or x.nbytes > _LARGEST:
                raise Unfit
            return Leaf("s", (x.shape, x.dtype.str, x.tobytes()), x, x, varied)
        if x.ndim == 0 and x.dtype == np.float64:
            return Leaf("0", "0", float(x), x, varied)
        if not x.flags.aligned:
            x = x.copy()
        for kind, value in (("a", x), ("t", x.T)):
            if value.flags.c_contiguous:
                return Leaf(kind, (kind, x.shape, x.dtype.char), value, x, varied)
        dense = np.copy(x, order="K")
        if dense.flags.c_contiguous:
            return Leaf("a", ("k", x.shape, x.dtype.char), dense, x, varied)
        raise Unfit


def _bits(x: Any) -> Any:
    """Return what stands for a static value in a key."""
    if isinstance(x, slice):
        return (x.start, x.stop, x.step)
    return (x.dtype.str, x.tobytes()) if isinstance(x, np.generic) else repr(x) if isinstance(x, complex) else x


def _tree(x: Any) -> Any:
    """Return the structure of an argument without its leaves."""
    if not is_container(x):
        return None
    if isinstance(x, Mapping):
        return type(x), tuple(x), tuple([_tree(part) for part in x.values()])
    if isinstance(x, (list, tuple)):
        return type(x), tuple([_tree(part) for part in x])
    names = [one.name for one in dataclasses.fields(x) if one.init]
    return type(x), tuple([_tree(getattr(x, name)) for name in names])


def _converted(args: list[Any], derived: Derived) -> set[int]:
    """Make the varied arguments the arrays that the driver makes of them, and return their places."""
    name = derived.name
    if name == "hvp":
        numbers: Sequence[int] = (0, 1)
    elif name == "derivative":
        numbers = (0,)
    else:
        argnums = derived.option(1, "argnums", 0)
        numbers = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    if any(not -len(args) <= number < len(args) for number in numbers):
        raise Unfit
    places = {number % len(args) for number in numbers}
    for place in places:
        x = args[place]
        if name in ("grad", "value_and_grad"):
            leaves, rebuild = flatten(np.asarray(x, dtype=float) if is_array_like(x) else x)
            args[place] = rebuild(iter([_number_or_array(leaf, name) for leaf in leaves]))
        else:
            args[place] = _number_or_array(x, name)
    return places


def _number_or_array(x: Any, name: str) -> Any:
    if type(x) in (float, np.float64):
        return x
    if type(x) is np.ndarray and x.dtype == np.float64:
        return x
    return as_argument(x, name)
