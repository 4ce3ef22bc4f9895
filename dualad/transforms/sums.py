"""The adjoint of one array while it is summed: contributions to the whole, to views of it, and to single elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.duck.kernels import DuckArray
from dualad.reverse.kernels import Pick, Tape
from dualad.reverse.rules import Step
from dualad.transforms.kernels import Elements, plus
from dualad.transforms.operands import behind_lanes, own_copy

__all__ = ["Sum"]

Path = Sequence[Callable[[Any], Any]]


class Sum(Elements):
    """Contributions that are written on the tape when they must be, so that few nodes come of them.

    The adjoint is ``whole``, without the elements in ``dead`` (which a write has overwritten), the ``parts``, and the
    single elements. Where ``whole`` is an array of this sum's own, views of it are added in place, and ``touched`` says
    where it is more than zero. What goes to one and the same view is summed before, so that it is added once.
    """

    def __init__(self, tape: Tape, node: int, lanes: tuple[int, ...]) -> None:
        self.shape = tape.shape_of(node)
        self.views: dict[Any, tuple[Any, Any]] = {}  # of the whole as it is, by the steps that lead there

    @property
    def is_zero(self) -> bool:
        """Whether nothing has been added."""
        return self.whole is None and not self.count and not self.parts

    def add(self, g: Any) -> None:
        """Add to the whole."""
        self._bury()
        self.whole = g if self.whole is None else plus(self.whole, g)
        self.touched = None

    def take_at(self, place: int) -> Any:
        """Take one element out and leave zero; None where nothing was added to it."""
        self.add_parts()
        g = self.take_object(place)
        if self.whole is None or place in self.dead:
            return g
        self.dead.add(place)
        index = self.tape.index_of(self.node, place)
        if self.touched is not None and not self.touched[index]:
            return g
        # With lanes it would be a view, and the whole may be written on.
        here: Any = np.copy(self.whole[(..., *index)]) if self.lanes else self.whole[index]
        if not self.lanes and not isinstance(here, DuckArray):
            here = float(here)
        return here if g is None else plus(here, g)

    def add_through(self, path: Path, g: Any) -> None:
        """Add to a view."""
        for step in path:
            if type(step) is not Pick:
                self._add_part(path, g)
                return
        steps = tuple(path)
        before = self.parts.get(steps)
        self.parts[steps] = g if before is None else plus(before, g)

    def add_parts(self) -> None:
        """Add what was kept for the views."""
        while self.parts:
            self._add_part(*self.parts.popitem())

    def _add_part(self, path: Path, g: Any) -> None:
        # A last step that is an index is that of the assignment.
        index: Any = ...
        if path and not self.lanes and isinstance(last := path[-1], Pick):
            path, index = path[:-1], last.index
        target, touched = self._views(path)
        target[index] = target[index] + g if touched[index].any() else g
        touched[index] = True

    def take_through(self, path: Path, index: Any) -> Any:
        """Take the elements at an index of a view out and leave zero; None where nothing was added to them."""
        self._settle()
        target, touched = self._views(path)
        if not touched[index].any():
            return None
        place = behind_lanes(index, len(self.lanes))
        g = np.copy(target[place])
        target[place] = 0.0
        touched[index] = False
        return g

    def value(self) -> Any:
        """Return the adjoint, None for zero."""
        self._settle()
        return self.whole

    def _views(self, path: Path) -> tuple[Any, Any]:
        self._bury()
        if self.touched is None:
            # An array of truth values that lies in memory as the array does.
            self.touched = np.asarray(self.tape.zeros(self.node) != (0.0 if self.whole is None else 1.0))
            self.whole = own_copy(self.tape, self.node, self.whole, self.lanes)
            self.views = {}
        for step in path:
            if type(step) is not Pick and type(step) is not Step:
                return self._view(path)
        key = tuple(path)
        found = self.views.get(key)
        if found is None:
            found = self.views[key] = self._view(path)
        return found

    def _view(self, path: Path) -> tuple[Any, Any]:
        target, touched = self.whole, self.touched
        for step in path:
            target, touched = step(target), step(touched)
        return target, touched

    def _bury(self) -> None:
        """Make the dead elements of the whole zero."""
        if not self.dead:
            return
        alive = np.ones(self.shape, bool)
        for place in self.dead:
            alive[self.tape.index_of(self.node, place)] = False
        self.dead.clear()
        self.whole = np.where(alive, self.whole, 0.0) if np.any(alive) else None
        self.touched = None

    def _settle(self) -> None:
        """Add the views and the single elements to the whole."""
        self.add_parts()
        self._bury()
        if self.count:
            self.add(self.gathered())
