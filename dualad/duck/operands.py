"""The operands of a call: which arguments of an array row may carry derivatives, in the order of its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray

__all__ = ["Operand", "Operands", "any_duck", "innermost", "lift", "put_back"]


def any_duck(x: Any, level: int | None = None) -> bool:
    """Say whether an argument holds an array that carries derivatives (of one level, if a level is given)."""
    if isinstance(x, DuckArray):
        return level is None or x.level == level
    if isinstance(x, np.ndarray):
        return x.dtype == object and any_duck(x.ravel().tolist(), level)
    if isinstance(x, dict):
        return any_duck(list(x.values()), level)
    return isinstance(x, (list, tuple)) and any(any_duck(part, level) for part in x)


def _ducks(part: Any) -> Iterator[DuckArray]:
    if isinstance(part, DuckArray):
        yield part
    elif isinstance(part, np.ndarray) and part.dtype == object:
        yield from _ducks(part.ravel().tolist())
    elif isinstance(part, dict):
        yield from _ducks(list(part.values()))
    elif isinstance(part, (list, tuple)):
        for each in part:
            yield from _ducks(each)


def innermost(*parts: Any) -> Any:
    """Return the array of the innermost derivative among arguments: its engine acts first."""
    return max(_ducks(parts), key=lambda duck: duck.level)


def lift(objects: Any) -> Any:
    """Return an object array whose elements carry derivatives as one array of the innermost of them."""
    inside = [x for x in objects.ravel().tolist() if isinstance(x, DuckArray)]
    return max(inside, key=lambda x: x.level)._lift(objects) if inside else objects.astype(float)


@dataclass(frozen=True, slots=True)
class Operand:
    """Stands for an operand in a call that is kept: number ``place`` of the record's operands."""

    place: int


def put_back(part: Any, operands: Sequence[Any]) -> Any:
    """Return an argument of a kept call with the operands in their places."""
    if isinstance(part, Operand):
        return operands[part.place]
    if isinstance(part, (list, tuple)):
        return type(part)([put_back(inner, operands) for inner in part])
    if isinstance(part, dict):
        return {name: put_back(inner, operands) for name, inner in part.items()}
    return part


class Operands:
    """A call of an array row on arrays of one level.

    ``found`` are the operands as the user gave them, or as ``seen`` makes them; ``args`` and ``kwargs`` the call with
    their primals in place, which ``of`` returns; ``kept_args`` and ``kept_kwargs`` the call as it is kept, with an
    :class:`Operand` for each array of this level. A derivative in any other argument is refused: it is discrete.
    """

    def __init__(
        self,
        like: DuckArray,
        row: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        of: Callable[[Any], Any],
        lift: Callable[[Any], Any],
        seen: Callable[[Any], Any] | None = None,
    ) -> None:
        self.level, self.row, self.of, self.lift, self.seen = like.level, row, of, lift, seen
        self.args, self.kwargs = list(args), dict(kwargs)
        self.kept_args, self.kept_kwargs = list(args), dict(kwargs)
        self.found: list[Any] = []
        names = row.operands
        self.all = row.variadic and names[:1] != () and names[0].startswith("*")
        if self.all:
            # The rule is given all that stands in the call, subscripts and lists of labels included.
            self._take_args(range(len(args)))
        elif names and names[0].startswith("*"):
            if self.args:
                self.args[0], self.kept_args[0] = self._take_all(self.args[0])
            else:
                name = names[0][1:]
                self.kwargs[name], self.kept_kwargs[name] = self._take_all(self.kwargs[name])
        else:
            self._take_args(range(min(len(names), len(args))))
            for name in names[len(args) :]:
                if name in self.kwargs:
                    self.kwargs[name], self.kept_kwargs[name] = self._take(self.kwargs[name])
        self._refuse_others()

    def _take_args(self, places: Sequence[int]) -> None:
        for i in places:
            self.args[i], self.kept_args[i] = self._take(self.args[i])

    def carries(self, x: Any) -> bool:
        """Say whether ``x`` is an array of this level."""
        return isinstance(x, DuckArray) and x.level == self.level

    def _take(self, x: Any) -> tuple[Any, Any]:
        if isinstance(x, (list, tuple)):
            x = self.lift(np.array(x, dtype=object)) if any_duck(x) else x if self.all else np.asarray(x)
        if self.seen is not None:
            x = self.seen(x)
        self.found.append(x)
        return (self.of(x), Operand(len(self.found) - 1)) if self.carries(x) else (x, x)

    def _take_all(self, sequence: Any) -> tuple[Any, Any]:
        kind = tuple if isinstance(sequence, tuple) else list
        pairs = [self._take(x) for x in sequence]
        return kind(pair[0] for pair in pairs), kind(pair[1] for pair in pairs)

    def _refuse_others(self) -> None:
        others = [(f"number {i + 1}", x) for i, x in enumerate(self.args)] + list(self.kwargs.items())
        for name, x in others:
            if any_duck(x, self.level):
                raise errors.DiscreteArgument(errors.discrete_argument(self.row.path, name))
