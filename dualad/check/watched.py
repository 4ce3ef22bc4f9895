"""A recording that knows which line of the user's source wrote each node."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from dualad.check.places import Place, is_library
from dualad.drivers.arguments import as_argument
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.ops.table import TABLE, Composed
from dualad.reverse.kernels import Tape

__all__ = ["ComposedCall", "Watched", "watch"]


@dataclass
class ComposedCall:
    """A call of a composed row: its plan ran on recorded arrays, and left other rows on the tape."""

    row: Composed
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass
class Watched:
    """A tape with the place of each node and the composed row that wrote it, where there is one."""

    tape: Tape
    result: Any = None
    places: list[Place | None] = field(default_factory=list)
    within: dict[int, str] = field(default_factory=dict)
    calls: list[ComposedCall] = field(default_factory=list)

    @property
    def eps(self) -> float:
        """The rounding of the least precise type on the tape."""
        kinds = {np.dtype(record.dtype) for record in self.tape.records if record.dtype is not None}
        return max((float(np.finfo(kind).eps) for kind in kinds if kind.kind == "f"), default=0.0)

    def place(self, node: int) -> Place | None:
        """Return the line that wrote a node."""
        return self.places[node] if node < len(self.places) else None


def watch(f: Callable[..., Any], x: Any, args: Sequence[Any] = ()) -> Watched:
    """Record a function of one array, noting where each node is written."""
    watched = Watched(Tape(fresh_level()))
    plans = {
        row.plan.__code__: row for row in TABLE.rows() if isinstance(row, Composed) and hasattr(row.plan, "__code__")
    }
    seen: dict[int, FrameType] = {}  # the frames are kept, so that their numbers are not given to others

    def note(node: int) -> None:
        place, inside = _found(sys._getframe(1), plans)
        watched.places += [None] * (node - len(watched.places)) + [place]
        if inside is not None:
            row, frame = inside
            watched.within[node] = row.name
            if id(frame) not in seen:
                seen[id(frame)] = frame
                watched.calls.append(_call(row, frame))

    array = as_argument(x, "check_grad")
    watched.tape.watch = note
    given = watched.tape.input(np.float64(array) if array.ndim == 0 and array.dtype == np.float64 else np.array(array))
    watched.result = _run(f, given, args)
    watched.tape.watch = None
    return watched


def _run(f: Callable[..., Any], x: Any, args: Sequence[Any]) -> Any:
    """Call the user's function; the frames above this one are not theirs."""
    return f(x, *args)


def _found(
    frame: FrameType | None, plans: dict[CodeType, Composed]
) -> tuple[Place | None, tuple[Composed, FrameType] | None]:
    """Return the first frame of the user's own code, and the outermost composed row between it and the node."""
    inside = None
    while frame is not None and frame.f_code is not _run.__code__:
        code = frame.f_code
        if code in plans:
            inside = plans[code], frame
        elif not is_library(code.co_filename):
            return Place(code.co_filename, frame.f_lineno, code.co_name), inside
        frame = frame.f_back
    return None, inside


def _call(row: Composed, frame: FrameType) -> ComposedCall:
    """Return the arguments with which a plan was called, from its frame, as plain arrays."""
    code, known = frame.f_code, frame.f_locals
    names = code.co_varnames
    positional = names[: code.co_argcount]
    keywords = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    rest = list(names[code.co_argcount + code.co_kwonlyargcount :])
    args = [_bare(known[name]) for name in positional]
    if code.co_flags & 0x04:
        args += map(_bare, known[rest.pop(0)])
    kwargs = {name: _bare(known[name]) for name in keywords}
    if code.co_flags & 0x08:
        kwargs |= {name: _bare(value) for name, value in known[rest.pop(0)].items()}
    return ComposedCall(row, tuple(args), kwargs)


def _bare(x: Any) -> Any:
    while isinstance(x, DuckArray):
        x = x._primal()
    if isinstance(x, (list, tuple)):
        return type(x)(map(_bare, x))
    return np.copy(x) if isinstance(x, np.ndarray) else x
