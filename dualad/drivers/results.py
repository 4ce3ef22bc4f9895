"""How the outputs of a program become the result of a call: the same structure, types and shapes as without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.alike import same
from dualad.drivers.containers import flatten
from dualad.drivers.kernels import FORMS
from dualad.drivers.tracing import Trace
from dualad.duck.kernels import DuckArray

__all__ = ["Differs", "NotReplayable", "Result", "written"]

Convert = Callable[[Any], Any]


class NotReplayable(Exception):
    """A recording does not say what the function returned."""


class Differs(NotReplayable):
    """A recording has another value than the function."""


def written(result: Any, out: Any) -> Any:
    """Write a result into the arrays of ``out``, which has its structure, and None for what shall be made new."""
    parts, _ = flatten(result)
    targets, rebuild = flatten(out)
    if len(parts) != len(targets):
        raise errors.WrongShape(errors.wrong_out(len(parts), len(targets)))
    for part, target in zip(parts, targets, strict=True):
        if isinstance(target, np.ndarray):
            np.copyto(target, part)
    return rebuild(iter([part if target is None else target for part, target in zip(parts, targets, strict=True)]))


class Result:
    """The result of a recorded call.

    ``real`` is what the function itself returned at the same call, in a tuple; None where the driver's own rules say
    it. ``nodes`` are the outputs of the program, ``form`` says how the result is made of their values, or makes it.
    """

    def __init__(self, trace: Trace, real: tuple[Any] | None) -> None:
        self.exact = trace.kind == "plain"
        self.nodes: list[int] = []
        self.shapes: list[tuple[Any, Any]] = []
        self.real: list[Any] = []
        self.parts: list[tuple[int, Any]] = []  # (number of an output, conversion), or (-1, what makes a constant)
        rebuild = trace.rebuild
        wanted = None
        if real is not None:
            wanted, rebuild = flatten(real[0])
            if len(wanted) != len(trace.made):
                raise NotReplayable("the result of the recording has another structure")
        for i, leaf in enumerate(trace.made):
            model = wanted[i] if wanted is not None else None
            if isinstance(leaf, DuckArray):
                if not trace.mine(leaf):
                    raise NotReplayable("the function returned an array of another derivative")
                self._output(trace, leaf, model, wanted is not None)
            else:
                self._constant(leaf, model, wanted is not None)
        self.rebuild = rebuild
        form = self._form()
        self.form: Any = self._finish if form is None else form

    def _output(self, trace: Trace, leaf: Any, model: Any, given: bool) -> None:
        tape, value = trace.tape, leaf._primal()
        node = leaf._operand()
        shape, dtype = np.shape(value), np.asarray(value).dtype
        convert: Convert | str | None = None
        if given:
            if np.shape(model) != shape or isinstance(model, (list, tuple, dict, str)):
                raise NotReplayable("the result of the recording has another shape")
            if self.exact and not same(np.asarray(value), np.asarray(model, dtype)):
                raise Differs("the recording differs from the function in the last digits")
            convert = _like(model, dtype, tape.fields(node)[3] >= 0)
        elif shape == () and trace.whole:
            convert = np.asarray
        elif shape == () and tape.fields(node)[3] >= 0:
            convert = "number"
        self.parts.append((len(self.nodes), convert))
        self.nodes.append(node)
        self.shapes.append((shape, dtype))
        self.real.append(np.array(value) if self.exact else None)

    def _constant(self, leaf: Any, model: Any, given: bool) -> None:
        if given and leaf is model:
            self.parts.append((-1, lambda: model))  # one that is there to stay, as without a recording
        elif isinstance(leaf, np.ndarray):
            if given and (type(model) is not np.ndarray or (self.exact and not same(leaf, model))):
                raise Differs("a constant of the result differs")
            held = leaf.copy(order="K")
            self.parts.append((-1, lambda: held.copy(order="K")))
        else:
            if given and (type(leaf) is not type(model) or (self.exact and not same(leaf, model))):
                raise Differs("a constant of the result differs")
            self.parts.append((-1, lambda: leaf))

    def _form(self) -> Any:
        """Return the structure of the result as native code takes it, None where that cannot say it."""
        codes: list[Any] = []
        for number, convert in self.parts:
            name = "as it is" if convert is None else convert
            if number < 0 or name not in FORMS:
                return None
            codes.append(_Code(4 * number + FORMS[name]))
        try:
            made = self.rebuild(iter(codes))
        except (TypeError, ValueError, AttributeError):  # a dataclass that looks at what it is made of
            return None
        return _plain_form(made)

    def _finish(self, outputs: Sequence[Any]) -> Any:
        leaves = []
        for number, convert in self.parts:
            if number < 0:
                leaves.append(convert())
            else:
                x = outputs[number]
                leaves.append(x if convert is None else _BY_NAME.get(convert, convert)(x))
        return self.rebuild(iter(leaves))

    def fits(self, outputs: Sequence[Any]) -> bool:
        """Say whether a first run gives what was recorded: bit for bit where the function itself is replayed."""
        for found, (shape, _), real in zip(outputs, self.shapes, self.real, strict=True):
            if np.shape(found) != shape:
                return False
            if self.exact and not same(np.asarray(found, real.dtype), real):
                return False
        return True


class _Code(int):
    """Stands for an output in the structure of a result; no leaf of a result is one."""


def _plain_form(made: Any) -> Any:
    """Return a structure of tuples and lists of codes, None for any other."""
    if type(made) is _Code:
        return int(made)
    if type(made) not in (tuple, list):
        return None
    parts = [_plain_form(part) for part in made]
    return None if any(part is None for part in parts) else type(made)(parts)


def _like(model: Any, dtype: Any, is_array: bool) -> Convert | str | None:
    """Return what makes the output of a program an object of the type of ``model``."""
    kind = type(model)
    if kind is np.ndarray:
        if model.dtype != dtype:
            raise NotReplayable("the result of the recording has another type")
        if model.ndim == 0:
            return np.asarray
        if model.ndim > 1 and model.flags.f_contiguous and not model.flags.c_contiguous:
            return np.asfortranarray
        return None
    if kind is np.float64 and dtype == np.float64:
        return "number" if is_array else None
    if kind is float:
        return "float"
    if kind in (int, bool) or isinstance(model, np.generic):
        return lambda x: kind(np.asarray(x)[()])
    raise NotReplayable(f"the function returned an object of type {kind.__name__}")


_BY_NAME: dict[Any, Convert] = {"float": float, "number": lambda x: x[()]}
