"""The reverse sweep written as new nodes: seed 1, sum what all uses contribute, pass ``adjoint * partial`` on.

The result is a tape like any other: it can be extended again, which gives Hessians and derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.ops import formula
from dualad.ops.lanes import is_view, shape_of, sum_to
from dualad.ops.table import TABLE
from dualad.reverse.kernels import Recorded, Tape
from dualad.reverse.pull import pull, written
from dualad.transforms.factors import Terms, is_units, merged, passed, rows_of_product, whole
from dualad.transforms.folding import folded
from dualad.transforms.kernels import Backward, Partial, plus, times
from dualad.transforms.operands import GENERAL, rule_parts, scalar_parts
from dualad.transforms.sums import Sum

__all__ = ["extend"]

_GETITEM: Final = TABLE.named("getitem")


def extend(tape: Tape, outputs: Any = None, inputs: Sequence[int] | None = None) -> list[Any]:
    """Write the adjoints of the inputs on the tape, and return them as recorded arrays.

    ``outputs`` is a recorded number or its node (those of the tape where it is None), several of them, whose adjoints
    are 1 each, or a mapping from nodes to adjoints, for outputs that are arrays. These may have a leading axis, the
    lanes, which the adjoints of the inputs then have as well; what cannot be written with lanes, or not well, raises a
    ``NotImplementedError``.
    """
    inputs = list(tape.inputs if inputs is None else inputs)
    seeds = _seeds(tape, tape.outputs if outputs is None else outputs)
    walk = _Walk(tape, inputs, max([*seeds, *inputs], default=-1) + 1, _lanes_of(tape, seeds))
    tape.check_constants()
    tape.share(True)
    try:
        walk.seed(seeds)
        walk.run()
        return [walk.result(node) for node in inputs]
    finally:
        tape.share(False)


def _seeds(tape: Tape, outputs: Any) -> dict[int, Any]:
    if isinstance(outputs, Mapping):
        return dict(outputs)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    seeds = {}
    for output in listed:
        node = output._operand() if isinstance(output, Recorded) else int(output)
        shape = (
            ()
            if tape.fields(node)[3] < 0
            else shape_of(output)
            if isinstance(output, Recorded)
            else tape.shape_of(node)
        )
        if int(np.prod(shape)) != 1:
            raise errors.NotScalar(errors.not_scalar("extend", shape))
        seeds[node] = np.ones(shape) if shape else 1.0
    return seeds


def _lanes_of(tape: Tape, seeds: Mapping[int, Any]) -> tuple[int, ...]:
    found = {shape_of(g)[: max(0, np.ndim(g) - len(tape.shape_of(node)))] for node, g in seeds.items()}
    if len(found) > 1:
        raise ValueError(errors.seeds_differ(found))
    return found.pop() if found else ()


class _Walk(Backward):
    """The adjoints of a tape's nodes while the sweep is written; scalar operations are passed in C."""

    def __init__(self, tape: Tape, inputs: Sequence[int], end: int, lanes: tuple[int, ...]) -> None:
        self.inputs = set(inputs)
        self.items: dict[int, list[Any]] = {}
        self.factored: dict[int, Terms] = {}  # of arrays, with lanes
        self.units: Any = None  # the seed, where it has a lane for each element of the output
        self.done: dict[int, Any] = {}

    def new_sum(self, node: int) -> Sum:
        """Return an empty sum for the adjoint of an array."""
        return Sum(self.tape, node, self.lanes)

    def plus(self, left: Any, right: Any) -> Any:
        """Add two contributions."""
        return plus(left, right)

    def seed(self, seeds: Mapping[int, Any]) -> None:
        """Add the adjoints of the outputs."""
        for node, g in seeds.items():
            if self.lanes and len(seeds) == 1 and is_units(g, self.tape.shape_of(node)):
                self.units = g
            self.add(node, g)

    def add_other_element(self, total: Sum, place: int, g: Any) -> None:
        """Add to an element of an array what is no scalar node."""
        index = (..., *self.tape.index_of(total.node, place))
        total.add_through([lambda t: t[index]], g)

    def result(self, node: int) -> Any:
        """Return the adjoint of an input as a recorded array."""
        if self.tape.fields(node)[3] < 0:
            g = self.take(node)
            if isinstance(g, DuckArray):
                return g
            zeros = np.zeros(self.lanes) if self.lanes else np.float64(0.0)
            return self.tape.constant(zeros if g is None else zeros + g)
        g = self.done.get(node)
        if isinstance(g, DuckArray):
            return g
        whole = np.zeros(self.lanes + self.tape.shape_of(node), self.tape.dtype_of(node))
        return self.tape.constant(whole if g is None else whole + g)

    def come_to_late(self, node: int) -> None:
        """Add what late uses of a version have given to the adjoint that its array has here."""
        late = self.late_sum(node)
        if not late.is_zero:
            self.sum_at_slot(node).add(late.value())

    def scalar_by_python(self, node: int, i: int, g: Any) -> None:
        """Pass the adjoint of a scalar operation to its operand ``i`` by a formula that scalar nodes cannot hold."""
        row = self.tape.row_of(node)
        operands, values, result = scalar_parts(self.tape, node)
        bound = dict(zip(formula.symbols_of(row), (*values, result), strict=True))
        partial = folded(written(row, i)[0], bound)
        if partial is not None:
            self.add(operands[i], times(partial, g))

    def general(self, node: int, record: Any) -> None:
        """Pass the adjoint of a node on that is no scalar operation."""
        if record.kind == "write":
            self._write(node, record)
            return
        g: Any
        if node in self.items:
            g = self.items.pop(node)
        elif self.tape.fields(node)[3] < 0:
            g = self.take(node)
        else:
            g = self.take_array(node)
        if self.lanes and record.shape:
            terms = self.factored.pop(node, [])
            terms = terms if g is None else merged(terms, [(g, None)])
            if record.kind == "elementwise" and record.row.outputs == 1:
                self._factors(node, record, terms)
                return
            if self._is_product(record, terms):
                return
            g = whole(terms)
        if g is None:
            return
        match record.kind:
            case "constant":
                self.done[node] = g
            case "item":
                parent = record.operands[0]
                parts = self.items.setdefault(parent, [None] * len(self.tape.record_of(parent).value))
                parts[record.index] = g
            case "view":
                self.add(node, g)
            case "elementwise" if record.row.outputs == 1:
                self.elementwise(node, record, g)
            case "elementwise" | "row":
                self._rule(node, record, g)

    def _factors(self, node: int, record: Any, terms: Terms) -> None:
        """Pass the adjoint of an elementwise operation on as products."""
        partials = Partial(self.tape, node, record)
        for i, operand in enumerate(record.operands if terms else ()):
            if operand < 0 or not record.active >> i & 1 or not self.varies(operand):
                continue
            partial = partials.of(i)
            if partial is None:
                continue
            more, shape = passed(terms, partial), shape_of(record.primals[i])
            if shape == record.shape and self._keeps_factors(operand):
                self.factored[operand] = merged(self.factored.get(operand, []), more)
            else:
                self.add(operand, sum_to(whole(more), len(record.shape), shape))

    def _keeps_factors(self, node: int) -> bool:
        """Say whether the adjoint of an array is only that of the node itself, and no version of another."""
        if self.tape.operator(node) != GENERAL or node in self.tape.late:
            return False
        return self.tape.record_of(node).kind in ("elementwise", "row", "constant")

    def _is_product(self, record: Any, terms: Terms) -> bool:
        """Pass the adjoint of matrix times vector on where it is that of the units, and say whether it was."""
        if record.kind != "row" or record.row.name not in ("matmul", "dot") or len(terms) != 1:
            return False
        ((g, factor),) = terms
        varies = [n >= 0 and self.varies(n) for n in record.operands]
        i = varies.index(True)
        if g is not self.units or all(varies) or np.ndim(record.primals[1 - i]) != 2 or np.ndim(record.primals[i]) != 1:
            return False
        matrix, other = record.primals[1 - i], record.operands[1 - i]
        matrix = matrix if other < 0 else self.tape.handle(other, matrix)
        self.add(record.operands[i], rows_of_product(factor, i, matrix))
        return True

    def _write(self, node: int, record: Any) -> None:
        found = self.sum_of_slot(node)
        g = None if found is None else found.take_through(record.path, record.index)
        if g is not None and record.plan is not None:
            g = np.where(record.plan, g, 0.0)
        if g is not None and record.operands[1] >= 0:
            self.add(record.operands[1], sum_to(g, np.ndim(g) - len(self.lanes), record.primals[1]))

    def _rule(self, node: int, record: Any, g: Any) -> None:
        a = record.operands[0]
        if record.row is _GETITEM and self.tape.fields(a)[3] >= 0 and is_view(record.args[1]) and not self.lanes:
            # One element of an array of another type than double: added where it lies.
            index = record.args[1] if isinstance(record.args[1], tuple) else (record.args[1],)
            index = index if any(entry is Ellipsis for entry in index) else (*index, Ellipsis)
            self.sum_for(a).add_through([lambda t: t[index]], g)
            return
        handles, value, plan = rule_parts(self.tape, node)
        for i, answer in pull(record, g, handles, value, plan, times, folded, self.varies):
            self.add(record.operands[i], answer)
