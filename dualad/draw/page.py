"""A recorded function on a page: which variables it has, how they are numbered, and what each is worth.

Inputs are v_{1-n} to v_0 and what is computed from them is v_1, v_2, ..., as in Griewank and Walther, *Evaluating
Derivatives*, section 2.2. An input array of which only elements are read is shown as its elements.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from dualad.draw.statements import LEAF, READ, Ref, Statement, operands_of, statement_of
from dualad.drivers.containers import flatten, is_array_like
from dualad.duck.kernels import DuckArray
from dualad.reverse.kernels import Tape

__all__ = ["Input", "Page", "Var", "labels_of"]

_MOST_ELEMENTS: Final = 12
_MOST_NUMBERS: Final = 64

Var = int | tuple[int, int]
"""A variable of the page: a node, or ``(node, k)`` for element k of an input array."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the page: its variable, the name of the argument, its number."""

    var: Var
    label: str
    value: Any


class Page:
    """The variables of a tape."""

    def __init__(self, tape: Tape, labels: Sequence[str]) -> None:
        self.tape = tape
        self.statements = [statement_of(tape, node) for node in range(len(tape))]
        inputs = list(tape.inputs or ())
        self.split = {node for node in inputs if self._is_only_read(node)}
        self.inputs: list[Input] = []
        for node, label in zip(inputs, labels, strict=True):
            self.inputs += self._inputs_of(node, label)
        #: The statements that get a row of their own.
        self.rows = [s for s in self.statements if s.node not in inputs and not self._is_alias(s)]
        n = len(self.inputs)
        self.number: dict[Var, int] = {x.var: i + 1 - n for i, x in enumerate(self.inputs)}
        self.number |= {statement.node: i + 1 for i, statement in enumerate(self.rows)}
        self.values: dict[int, Any] = {}
        for statement in self.statements:
            self.values[statement.node] = self._value(statement)

    def var(self, node: int) -> Var:
        """Return the variable that a node is: reading an element of an input gives the element."""
        op, a, _, _, at, _ = self.tape.fields(node)
        return (a, int(at)) if op == READ and a in self.split else node

    def name(self, var: Var, mark: str = "v") -> str:
        """Return the name of a variable in expressions; ``mark`` is "v", "dot" or "bar"."""
        return f"{mark}_{self.number[var]}"

    def value(self, var: Var) -> Any:
        """Return what a variable is worth; None for several results, and for a large array once it is written to."""
        if isinstance(var, tuple):
            return _bare(self.tape.record_of(var[0]).value).ravel()[var[1]]
        return self.values[var]

    def _value(self, statement: Statement) -> Any:
        op, _, _, slot, _, v = self.tape.fields(statement.node)
        if statement.value is not None:
            return statement.value
        if statement.shape is None or op == LEAF or slot < 0:
            return None if statement.shape is None else v
        if statement.kind in ("view", "write"):
            return self._seen(statement)
        return _bare(self.tape.record_of(statement.node).value)

    def _seen(self, statement: Statement) -> Any:
        """Return the numbers of a view, or of an array after a write, from those of its base."""
        base, steps, *put = statement.args
        value = self.values[base.node]
        if value is None or value.size > _MOST_NUMBERS:
            return None
        if statement.kind == "view":
            return _at(value, steps)
        value = np.copy(value)
        new = self.values[put[0].node] if isinstance(put[0], Ref) else put[0]
        if new is None:
            return None
        _at(value, steps[:-1])[steps[-1]] = new
        return value

    # --- inputs

    def _is_only_read(self, node: int) -> bool:
        shape = self.statements[node].shape
        if not shape or np.prod(shape) > _MOST_ELEMENTS or node in (self.tape.outputs or ()):
            return False
        users = [s for s in self.statements if node in operands_of(s)]
        return bool(users) and all(s.kind == "read" for s in users)

    def _is_alias(self, statement: Statement) -> bool:
        return statement.kind == "read" and isinstance(statement.args[0], Ref) and statement.args[0].node in self.split

    def _inputs_of(self, node: int, label: str) -> list[Input]:
        if node not in self.split:
            return [Input(node, label, self.statements[node].value)]
        value = _bare(self.tape.record_of(node).value)
        places = [", ".join(map(str, place)) for place in np.ndindex(value.shape)]
        return [Input((node, k), f"{label}[{place}]", value.ravel()[k]) for k, place in enumerate(places)]


def _bare(value: Any) -> Any:
    """Return the numbers under any outer derivatives."""
    while isinstance(value, DuckArray):
        value = value._primal()
    return value


def _at(array: Any, steps: Sequence[Callable[[Any], Any]]) -> Any:
    for step in steps:
        array = step(array)
    return array


def labels_of(f: Callable[..., Any], args: Sequence[Any]) -> list[str]:
    """Return a name for every leaf of the arguments: those of the parameters of ``f``, numbered in containers."""
    try:
        names: Mapping[str, inspect.Parameter] = inspect.signature(f).parameters
    except (TypeError, ValueError):
        names = {}
    positional = [p.name for p in names.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    spare = next((p.name for p in names.values() if p.kind is p.VAR_POSITIONAL), "x")
    labels = []
    for i, arg in enumerate(args):
        single = len(args) == 1 and not positional
        name = positional[i] if i < len(positional) else spare if single else f"{spare}{i + 1 - len(positional)}"
        leaves, _ = flatten(arg)
        whole = is_array_like(arg) or (len(leaves) == 1 and leaves[0] is arg)  # a list of numbers is one array
        labels += [name] if whole else [f"{name}{k + 1}" for k in range(len(leaves))]
    return labels
