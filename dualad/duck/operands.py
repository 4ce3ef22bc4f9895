"""The operands of a call: which arguments of an array row may carry derivatives, in the order of its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray

__all__ = ["Operands", "any_duck", "innermost", "lift"]


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


class Operands:
    """A call of an array row on arrays of one level.

    ``found`` are the operands as the user gave them; ``args`` and ``kwargs`` the call with their primals in place, which
    ``of`` returns. A derivative in any other argument is refused: it is discrete.
    """

    def __init__(
        self,
        like: DuckArray,
        row: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        of: Callable[[Any], Any],
        lift: Callable[[Any], Any],
    ) -> None:
        self.level, self.row, self.of, self.lift = like.level, row, of, lift
        self.args, self.kwargs = list(args), dict(kwargs)
        self.found: list[Any] = []
        names = row.operands
        if row.variadic:
            self.args = [self._take(x) if any_duck(x) else x for x in self.args]
        elif names and names[0].startswith("*"):
            if self.args:
                self.args[0] = self._take_all(self.args[0])
            else:
                self.kwargs[names[0][1:]] = self._take_all(self.kwargs[names[0][1:]])
        else:
            for i, name in enumerate(names):
                if i < len(self.args):
                    self.args[i] = self._take(self.args[i])
                elif name in self.kwargs:
                    self.kwargs[name] = self._take(self.kwargs[name])
        self._refuse_others()

    def carries(self, x: Any) -> bool:
        """Say whether ``x`` is an array of this level."""
        return isinstance(x, DuckArray) and x.level == self.level

    def _take(self, x: Any) -> Any:
        if isinstance(x, (list, tuple)):
            x = self.lift(np.array(x, dtype=object)) if any_duck(x) else np.asarray(x)
        self.found.append(x)
        return self.of(x) if self.carries(x) else x

    def _take_all(self, sequence: Any) -> Any:
        kind = tuple if isinstance(sequence, tuple) else list
        return kind(self._take(x) for x in sequence)

    def _refuse_others(self) -> None:
        others = [(f"number {i + 1}", x) for i, x in enumerate(self.args)] + list(self.kwargs.items())
        for name, x in others:
            if any_duck(x, self.level):
                raise errors.DiscreteArgument(errors.discrete_argument(self.row.path, name))
