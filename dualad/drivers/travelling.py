"""Programs that go along when a compiled function is pickled: what they rely on is compared where they arrive."""

from __future__ import annotations

import hashlib
import pickle
import types
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dualad.drivers.kernels import KINDS, Entry, Sight, Sights, Variant
from dualad.drivers.sources import look

if TYPE_CHECKING:
    from dualad.drivers.variants import Side

__all__ = ["packed", "unpacked"]


class _Packed(NamedTuple):
    key: Any
    kinds: bytes | None
    wanted: tuple[Any, ...]
    program: Any
    form: Any
    shapes: tuple[Any, ...]
    compared: bool  # arrays are compared by what they hold
    marks: Any


def packed(side: Side) -> list[_Packed]:
    """Return what can be pickled of the programs: those of calls and results that plain data describe.

    A program that reads an array of the function's own stays here, as the array is another one elsewhere.
    """
    found = []
    for entry in list(side.entries.values()):
        for variant in entry.variants:
            if entry.state.objects or variant.captured or callable(variant.form) or not variant.trusted:
                continue
            sights = variant.sights.all
            compared = any(sight.kind == KINDS["content"] and sight.holder.dtype == np.float64 for sight in sights)
            kinds, wanted = entry.native
            one = _Packed(
                entry.key, kinds, wanted, variant.program, variant.form, variant.shapes, compared, _marks(sights)
            )
            try:
                pickle.dumps(one)
            except (pickle.PicklingError, TypeError, AttributeError):
                continue  # a function without a name stands in it: it is recorded again where it is needed
            found.append(one)
    return found


def unpacked(side: Side, programs: Sequence[_Packed]) -> None:
    """Take the programs over that rely on what the function sees here."""
    if not programs:
        return
    seen = look([side.function if side.derived is None else side.derived.f])
    here = {compared: seen.relied_on((), compared) for compared in (False, True)}
    marks = {compared: _marks(sights.all) for compared, sights in here.items()}
    for one in programs:
        # What is compared at least is compared here as well.
        compared = one.compared or marks[False] != one.marks
        if marks[compared] != one.marks:
            continue
        entry = side.entries.get(one.key)
        if entry is None:
            entry = side.entries.setdefault(one.key, Entry(one.key, one.kinds, one.wanted, side.state()))
        sights: Sights = here[compared]
        variant = Variant(one.program, sights, one.form, one.shapes, (), True, None)
        entry.variants = (*entry.variants, variant)
        if one.key[-1] == "static":
            side.static.add((*one.key[:3], tuple([part[0] if _is_static(part) else part for part in one.key[3]])))


def _is_static(part: Any) -> bool:
    return isinstance(part, tuple) and len(part) == 2 and isinstance(part[1], bytes)


def _marks(sights: Iterable[Sight]) -> list[Any]:
    return [(sight.kind, sight.label, _mark(sight)) for sight in sights]


def _mark(sight: Sight) -> Any:
    if sight.kind == KINDS["placed"]:
        return sight.expected[1:3], str(sight.expected[3])
    return _told(sight.expected)


def _told(x: Any) -> Any:
    """Return what tells a value from another, or a function from one with other code, in any process."""
    if isinstance(x, np.ndarray):
        return "array", x.shape, x.dtype.str, hashlib.sha256(x.tobytes()).hexdigest()
    if isinstance(x, tuple):
        return tuple(map(_told, x))
    if isinstance(x, types.FunctionType):
        return "function", x.__qualname__, _code(x.__code__)
    if isinstance(x, (types.ModuleType, type)):
        return "name", x.__name__
    if isinstance(x, (int, float, complex, str, bytes, type(None), np.generic)):
        return type(x).__name__, repr(x)
    return "object", type(x).__name__


def _code(code: types.CodeType) -> Any:
    constants = [_code(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_freevars
