"""The plain data that a program is made of: it can be pickled, listed, and verified before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dualad.program.listing import listing

__all__ = ["COPIED", "FIXED", "NUMBER", "OBJECT", "SHOWN", "Callback", "Output", "Parts"]

NUMBER, COPIED, SHOWN, OBJECT, FIXED = range(5)  # how a value is handed over; see _program.pyx


@dataclass(frozen=True)
class Output:
    """Where a result is found: ``at`` is a place (a double, an object), a byte offset or a base, by ``kind``."""

    kind: int
    at: int
    shape: tuple[int, ...] = ()
    spec: Any = None
    value: Any = None

    def copy(self, view: Any, out: Any) -> Any:
        """Return the result copied from the workspace."""
        if out is None:
            return np.array(view, order="K")
        out[...] = view
        return out


@dataclass(frozen=True)
class Callback:
    """A call of a Python function: operands are ``(NUMBER, place)``, ``(OBJECT, place)`` or ``(COPIED, spec)``."""

    function: Callable[..., Any]
    args: Any
    kwargs: Any
    operands: tuple[Any, ...]
    target: tuple[Any, ...]
    name: str

    def call(self, operands: Sequence[Any], put_back: Callable[..., Any]) -> Any:
        """Return the result at the operands, without NumPy's warnings: no other instruction gives any."""
        with np.errstate(all="ignore"):
            if self.args is None:
                return self.function(*operands)
            return self.function(*put_back(self.args, operands), **put_back(self.kwargs, operands))


@dataclass(frozen=True)
class Parts:
    """A program as plain data. Places count doubles in the workspace, offsets bytes from a base."""

    code: Any
    functions: list[Any]
    groups: list[Any]
    wholes: list[Any]
    callbacks: list[Callback]
    constants: Any
    image: list[Any]
    doubles: int
    scratch: int
    objects: int
    bases: int
    inputs: list[tuple[int, int, int]]
    live: list[tuple[Any, tuple[int, int, int]]]
    outputs: list[Output]
    work: float
    stats: dict[str, Any] = field(default_factory=dict)

    def listing(self) -> str:
        """Return the program as a page of text."""
        return listing(self)
