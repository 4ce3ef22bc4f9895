"""The forward sweep written as new nodes: the tangent of every node from those of its operands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.ops import formula
from dualad.ops.lanes import grow, index_ndim, lane_shape
from dualad.reverse.kernels import Recorded, Tape
from dualad.reverse.pull import push, written
from dualad.transforms.factors import is_unit
from dualad.transforms.folding import folded
from dualad.transforms.kernels import Forward, plus, times
from dualad.transforms.operands import behind_lanes, own_copy, rule_parts, scalar_parts

__all__ = ["extend"]


def extend(tape: Tape, seeds: Mapping[int, Any], outputs: Any = None) -> list[Any]:
    """Write the tangents of the outputs on the tape, and return them as recorded arrays.

    ``seeds`` maps nodes (inputs, as a rule) to their tangents: recorded arrays of this tape or constants of the node's
    shape. All may have a leading axis, the lanes, which the tangents of the outputs then have as well; what cannot be
    written with lanes, or takes too many nodes, raises a ``NotImplementedError``. ``outputs`` are recorded arrays or
    nodes, those of the tape where it is None.
    """
    outputs = tape.outputs if outputs is None else outputs
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    nodes = [output._operand() if isinstance(output, Recorded) else int(output) for output in listed]
    walk = _Walk(tape, seeds, nodes, _lanes_of(tape, seeds))
    tape.check_constants()
    tape.share(True)
    try:
        walk.run()
        return [walk.result(node) for node in nodes]
    finally:
        tape.share(False)


def _lanes_of(tape: Tape, seeds: Mapping[int, Any]) -> tuple[int, ...]:
    found = {lane_shape(t, len(tape.shape_of(node))) for node, t in seeds.items()}
    if len(found) > 1:
        raise ValueError(errors.seeds_differ(found))
    return found.pop() if found else ()


class _Walk(Forward):
    """The tangents of a tape's nodes while the sweep is written; scalar operations are passed in C."""

    looked_at: tuple[Any, bool] = (None, False)  # a tangent, and whether it is that of the unit vectors

    def result(self, node: int) -> Any:
        """Return the tangent of an output as a recorded array."""
        t = self.of(node)
        if isinstance(t, DuckArray):
            return t
        shape = self.lanes + self.tape.shape_of(node)
        zeros = (
            np.zeros(shape, self.tape.dtype_of(node)) if shape or self.tape.fields(node)[3] >= 0 else np.float64(0.0)
        )
        return self.tape.constant(zeros if t is None else zeros + t)

    def own_copy(self, node: int, found: Any) -> Any:
        """Return the tangent of an array as an array of its own."""
        return own_copy(self.tape, node, found, self.lanes)

    # --- what scalar nodes cannot hold

    def read_by_python(self, array: int, at: int, whole: Any) -> Any:
        """Return the tangent of an element."""
        t = whole[(..., *self.tape.index_of(array, at))]
        # With lanes it is a view, and the array may be written on.
        return np.copy(t) if array in self.owned and np.ndim(t) else t

    def write_by_python(self, array: int, at: int, target: Any, put: Any) -> None:
        """Write the tangent of an element."""
        target[(..., *self.tape.index_of(array, at))] = 0.0 if put is None else put

    def scalar_by_python(self, node: int) -> Any:
        """Return the tangent of a scalar operation."""
        row = self.tape.row_of(node)
        operands, values, result = scalar_parts(self.tape, node)
        bound = dict(zip(formula.symbols_of(row), (*values, result), strict=True))
        total = None
        for i, operand in enumerate(operands):
            t = self.of(operand)
            partial = None if t is None else folded(written(row, i)[0], bound)
            if partial is not None:
                term = times(partial, t)
                total = term if total is None else plus(total, term)
        return total

    def general(self, node: int, record: Any) -> Any:
        match record.kind:
            case "view":
                t = self.of(record.operands[0])
                for step in record.path if t is not None else ():
                    t = step(t)
                # The view is taken now: later writes to its base belong to later versions.
                return t
            case "item":
                parts = self.of(record.operands[0])
                return None if parts is None else parts[record.index]
            case "write":
                put = self.of(record.operands[1])
                target = self.moved(record.operands[0], node)
                for step in record.path:
                    target = step(target)
                index, put = self._behind_lanes(record.index, np.ndim(target), put)
                target[index] = 0.0 if put is None else put
                return self.of(node)
            case "elementwise" if record.row.outputs == 1:
                t = self.elementwise(node, record)
                # What is shared with an operand has been written already, if anything of it is to be.
                return _apart(t, [self.of(k) for k in record.operands]) if isinstance(t, Recorded) else t
            case "elementwise" | "row":
                if self.lanes and (columns := self._columns(record)) is not None:
                    return columns
                handles, value, plan = rule_parts(self.tape, node)
                given = [self.of(operand) for operand in record.operands]
                return _apart(push(record, given, handles, value, plan, times, folded), given)
        return None

    def _columns(self, record: Any) -> Any:
        """Return the tangents of a matrix times a vector that varies element by element, lane by lane; None for others.

        They are the columns of the matrix, each times its factor.
        """
        if record.kind != "row" or record.row.name not in ("matmul", "dot"):
            return None
        for i in (0, 1):
            other, matrix = record.operands[1 - i], record.primals[1 - i]
            if self.varies(other) or np.ndim(matrix) != 2:
                continue
            found = self.product(record.operands[i])
            if found is None or not self._is_unit(found[1]):
                continue
            matrix = matrix if other < 0 else self.tape.handle(other, matrix)
            columns = matrix if i == 0 else np.transpose(matrix)
            factor = found[0]
            return times(factor if np.ndim(factor) == 0 else np.reshape(factor, (-1, 1)), columns)
        return None

    def _is_unit(self, t: Any) -> bool:
        if self.looked_at[0] is not t:
            self.looked_at = t, t.ndim == 2 and is_unit(t)
        return self.looked_at[1]

    def _behind_lanes(self, index: Any, ndim: int, put: Any) -> tuple[Any, Any]:
        """Return the index of a write and what is written as they are meant for a tangent with lanes."""
        lanes = len(self.lanes)
        if not lanes:
            return index, put
        to = index_ndim(index, ndim - lanes)
        if np.ndim(put) - lanes > to:
            raise NotImplementedError  # axes would come before the lanes
        return behind_lanes(index, lanes), None if put is None else grow(put, np.ndim(put) - lanes, to)


def _apart(t: Any, given: Sequence[Any]) -> Any:
    """Return a tangent that shares no numbers with those it came from, which may be written later."""
    if isinstance(t, (tuple, list)):
        return [_apart(part, given) for part in t]
    shared = (
        isinstance(t, Recorded)
        and t._cell is not None
        and any(isinstance(x, Recorded) and x._cell is t._cell for x in given)
    )
    return np.copy(t) if shared else t
