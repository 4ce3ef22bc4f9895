"""What call-backs call: steps from a base to its view, assignments, and functions with what they were given."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.duck.operands import put_back
from dualad.reverse.kernels import Record

__all__ = ["Call", "Index", "Outcome", "Path", "Real", "Write"]


class Path:
    """The steps from a base to its view."""

    def __init__(self, path: list[Any]) -> None:
        self.path = path

    def __call__(self, x: Any) -> Any:
        """Return the view."""
        for step in self.path:
            x = step(x)
        return x


class Index:
    """The last step of a write."""

    def __init__(self, index: Any) -> None:
        self.index = index

    def __call__(self, x: Any) -> Any:
        """Return the elements, as an array."""
        found = x[self.index]
        return found if isinstance(found, np.ndarray) else x[(*_entries(self.index), Ellipsis)]


class Write:
    """An assignment that makes a new version of an array."""

    def __init__(self, path: list[Any], index: Any) -> None:
        self.path, self.index = path, index

    def __call__(self, x: Any, put: Any) -> Any:
        """Return the new version."""
        made = np.copy(x, order="K")
        target = made
        for step in self.path:
            target = step(target)
        target[self.index] = put
        return made


class Call:
    """The call of a row with one operand."""

    def __init__(self, record: Record) -> None:
        self.function, self.args, self.kwargs = record.row.function, record.args, record.kwargs or {}

    def __call__(self, x: Any) -> Any:
        """Return the result."""
        return self.function(*put_back(self.args, [x]), **put_back(self.kwargs, [x]))


class Real:
    """An elementwise function; SciPy answers in complex numbers here and there, whose imaginary part is zero."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, *args: Any) -> Any:
        """Return the real part."""
        found = self.function(*args)
        return found.real if not isinstance(found, tuple) and np.iscomplexobj(found) else found


class Outcome:
    """Whether a value has the outcome on which a recording relied."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def __call__(self, value: Any) -> bool:
        """Say whether the outcome is the same."""
        if isinstance(self.outcome, (bool, np.bool_)):
            return bool(value) == bool(self.outcome)
        if isinstance(self.outcome, int):
            return bool(np.trunc(value) == self.outcome)
        wanted = np.asarray(self.outcome)
        return bool(
            np.shape(value) == wanted.shape and np.array_equal(value, wanted, equal_nan=wanted.dtype.kind == "f")
        )


def _entries(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)
