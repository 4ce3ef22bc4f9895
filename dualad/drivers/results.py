"""How the outputs of a program become the result of a call: the same structure, types and shapes as without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.drivers.alike import same
from dualad.drivers.containers import flatten
from dualad.drivers.tracing import Trace
from dualad.duck.kernels import DuckArray

__all__ = ["NotReplayable", "Result"]

Convert = Callable[[Any], Any]


class NotReplayable(Exception):
    """A recording does not say what the function returned."""


class Result:
    """The result of a recorded call.

    ``real`` is what the function itself returned at the same call, in a tuple; None where the driver's own rules say
    it. ``nodes`` are the outputs of the program, ``finish`` makes the result of their values ("one" and "several" where
    it is the one value, or a tuple of them).
    """

    def __init__(self, trace: Trace, real: tuple[Any] | None) -> None:
        self.exact = trace.kind == "plain"
        tape = trace.tape
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
                self._output(tape, leaf, model, wanted is not None)
            else:
                self._constant(leaf, model, wanted is not None)
        self.rebuild = rebuild
        self.finish: Any = self._form() or self._finish

    def _output(self, tape: Any, leaf: Any, model: Any, given: bool) -> None:
        value = leaf._primal()
        node = leaf._operand()
        shape, dtype = np.shape(value), np.asarray(value).dtype
        convert: Convert | None = None
        if given:
            if np.shape(model) != shape or isinstance(model, (list, tuple, dict, str)):
                raise NotReplayable("the result of the recording has another shape")
            if self.exact and not same(np.asarray(value), np.asarray(model, dtype)):
                raise NotReplayable("the recording differs from the function in the last digits")
            convert = _like(model, dtype)
        elif shape == () and tape.fields(node)[3] >= 0:
            convert = _bare
        self.parts.append((len(self.nodes), convert))
        self.nodes.append(node)
        self.shapes.append((shape, dtype))
        self.real.append(np.array(value))

    def _constant(self, leaf: Any, model: Any, given: bool) -> None:
        if given and leaf is model:
            self.parts.append((-1, lambda: model))  # one that is there to stay, as without a recording
        elif isinstance(leaf, np.ndarray):
            if given and (type(model) is not np.ndarray or (self.exact and not same(leaf, model))):
                raise NotReplayable("a constant of the result differs")
            held = leaf.copy(order="K")
            self.parts.append((-1, lambda: held.copy(order="K")))
        else:
            if given and (type(leaf) is not type(model) or (self.exact and not same(leaf, model))):
                raise NotReplayable("a constant of the result differs")
            self.parts.append((-1, lambda: leaf))

    def _form(self) -> str | None:
        if any(number < 0 or convert is not None for number, convert in self.parts):
            return None
        marks = [object() for _ in self.parts]
        try:
            made = self.rebuild(iter(marks))
        except (TypeError, ValueError, AttributeError):  # a dataclass that looks at what it is made of
            return None
        if len(marks) == 1 and made is marks[0]:
            return "one"
        if type(made) is tuple and len(made) == len(marks) and all(map(_is, made, marks)):
            return "several"
        return None

    def _finish(self, outputs: Sequence[Any]) -> Any:
        leaves = []
        for number, convert in self.parts:
            if number < 0:
                leaves.append(convert())
            else:
                leaves.append(outputs[number] if convert is None else convert(outputs[number]))
        return self.rebuild(iter(leaves))

    def fits(self, outputs: Sequence[Any]) -> bool:
        """Say whether a first run gives what was recorded: bit for bit where the function itself is replayed."""
        for found, real in zip(outputs, self.real, strict=True):
            if np.shape(found) != real.shape:
                return False
            if self.exact and not same(np.asarray(found, real.dtype), real):
                return False
        return True


def _is(x: Any, y: Any) -> bool:
    return x is y


def _bare(x: Any) -> Any:
    return np.asarray(x)[()]


def _like(model: Any, dtype: Any) -> Convert | None:
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
        return _bare
    if kind in (float, int, bool) or isinstance(model, np.generic):
        return lambda x: kind(np.asarray(x)[()])
    raise NotReplayable(f"the function returned an object of type {kind.__name__}")
