"""Whether two recordings of a function are the same computation, and where they part."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import scipy

from dualad.drivers.kernels import is_same
from dualad.reverse.kernels import Shape, Tape

__all__ = ["Recorded", "parting", "same", "writer"]

_LIBRARIES: Final = tuple(
    f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], *(Path(m.__file__ or "").parent for m in (np, scipy)))
)
_ELEMENT, _GENERAL, _COMPARE = 0, -4, -16


class Recorded(NamedTuple):
    """A tape as far as the function wrote it: its nodes, guards, and the nodes whose values are not its constants."""

    tape: Tape
    nodes: int
    guards: int
    fixed: frozenset[int]
    constants: tuple[Any, ...]


def parting(one: Recorded, two: Recorded) -> int | None:
    """Return the first node at which two recordings differ, None where they are the same.

    It is -1 where the nodes are the same and the function has decided otherwise, or returned other constants.
    """
    # What was found alike once: the steps of views, which many records share, and which live as long as their tapes.
    known: set[tuple[int, int]] = set()

    def alike(node: int) -> bool:
        return _operation(one.tape, node) == _operation(two.tape, node) and _same_records(one, two, node, known)

    # The first has been extended since, so it is the other that is asked.
    node = two.tape.differs(one.tape, one.nodes, two.fixed, one.fixed, alike)
    if node >= 0:
        return node
    guards = [recording.tape.guards[: recording.guards] for recording in (one, two)]
    return None if same(*guards) and same(one.constants, two.constants) else -1


def _operation(tape: Tape, node: int) -> Any:
    """Return the operation of a node, the same for the two ways in which a scalar operation may stand on a tape."""
    op, a, b, _, at, v = tape.fields(node)
    if op >= _ELEMENT:
        row = tape.row_of(node)
        operands = (a, b)[: len(row.args)]
        return "elementwise", row.name, operands, tuple(repr(float(at)) for n in operands if n < 0)
    if op != _GENERAL:
        return op, a, b, at, repr(v)
    record = tape.record_of(node)
    if record.kind == "elementwise" and record.shape == ():
        constants = [x for n, x in zip(record.operands, record.primals, strict=True) if n < 0]
        return "elementwise", record.row.name, record.operands, tuple(repr(float(x)) for x in constants)
    return record.kind, record.operands, record.shape, record.dtype


def _same_paths(left: Any, right: Any, known: set[tuple[int, int]]) -> bool:
    if len(left) != len(right):
        return False
    for x, y in zip(left, right, strict=True):
        if (id(x), id(y)) not in known:
            if not same(x, y):
                return False
            known.add((id(x), id(y)))
    return True


def _same_records(one: Recorded, two: Recorded, node: int, known: set[tuple[int, int]]) -> bool:
    if one.tape.operator(node) != _GENERAL or two.tape.operator(node) != _GENERAL:
        return True
    left, right = one.tape.record_of(node), two.tape.record_of(node)
    if left.kind == "constant":
        return (node in one.fixed and node in two.fixed) or same(left.value, right.value)
    pairs = zip(left.operands, left.primals, right.primals, strict=False)
    constants = [(x, y) for n, x, y in pairs if n < 0]
    if not all(same(x, y) for x, y in constants) or not _same_paths(left.path or (), right.path or (), known):
        return False
    if left.kind == "view":
        return True
    parts = ("row", "function", "args", "kwargs", "index", "plan" if left.kind == "write" else "kind")
    return all(same(getattr(left, p), getattr(right, p)) for p in parts)


def same(x: Any, y: Any) -> bool:
    """Say whether two parts of recordings are equal, arrays by what they hold."""
    if x is y:
        return True
    if isinstance(x, (float, np.generic)) and isinstance(y, (float, np.generic)):
        return is_same(x, y) or (type(x) is not type(y) and is_same(np.float64(x), np.float64(y)))
    if type(x) is not type(y):
        return False
    if isinstance(x, np.ndarray):
        if x.shape != y.shape or x.dtype != y.dtype:
            return False
        if x.dtype == float and x.flags.c_contiguous and y.flags.c_contiguous:
            return bool(np.array_equal(x.view(np.int64), y.view(np.int64)))  # no copies
        return bool(x.tobytes() == y.tobytes())
    if isinstance(x, (list, tuple)):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, dict):
        return x.keys() == y.keys() and all(same(x[name], y[name]) for name in x)
    if isinstance(x, Shape):
        return bool(x.shape == y.shape and x.dtype == y.dtype)
    if isinstance(x, types.FunctionType):
        cells = [[cell.cell_contents for cell in f.__closure__ or ()] for f in (x, y)]
        return x.__code__ is y.__code__ and same(x.__defaults__, y.__defaults__) and same(*cells)
    if hasattr(x, "args") and hasattr(x, "row"):
        return same((x.row, x.args, x.kwargs), (y.row, y.args, y.kwargs))
    if isinstance(x, (types.MethodType, types.BuiltinMethodType)):
        return bool(x == y)
    try:
        return bool(x == y)
    except (TypeError, ValueError):
        return False


def writer(record: Callable[[Callable[[int], None]], Any], node: int) -> str | None:
    """Record once more and return the line of the user's source that writes a node, as text.

    ``record`` is given what is to be called at each node.
    """
    found: list[str] = []

    def note(written: int) -> None:
        if written >= node and not found:
            frame: types.FrameType | None = sys._getframe(1)
            while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
                frame = frame.f_back
            if frame is not None:
                found.append(f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})")

    record(note)
    return found[0] if found else None
