"""How each general node of a tape is computed by the machine, and how its value lies in memory."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from dualad.duck.operands import Operand
from dualad.program.kernels import _NODE, OPCODES, Graph, Grouping, words_of
from dualad.program.nodes import _REDUCTIONS, POWERS, VIEWS, Node, Value, number_power, opcode_for
from dualad.program.spelled import SPELLED, arranged, spelled
from dualad.program.steps import Call, Index, Path
from dualad.program.whole import PRODUCTS, SCATTER, TAKE, Whole, constant_layout, generalized, moved, reduced
from dualad.reverse.kernels import Record, Tape

__all__ = ["Describing"]


class Describing(Grouping):
    """The rules for general nodes that are neither elementwise operations nor views."""

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        super().__init__(tape, inputs)
        self.reductions: dict[Any, Whole | None] = {}

    # --- descriptions

    _opcode_for = staticmethod(opcode_for)

    def _described(self, graph: Graph, number: int, record: Record, own: Value | None) -> Node:
        """Return how a node is computed that is no elementwise operation, view or write."""
        match record.kind:
            case "discrete":
                return self._discrete(graph, record, own)
            case "item":
                parent = graph.parent_of(number)
                if parent is not None:
                    return self._part(graph, record, parent)
                return Node(
                    "call", tuple(self._marked(graph, record.operands, (None,))), own, function=operator.getitem,
                    args=(Operand(0), record.index), kwargs={}, record=record, name="item",
                )  # fmt: skip
            case "row":
                return self._row(graph, number, record, own)
        raise ValueError(f"a record of kind {record.kind!r}")

    def _part(self, graph: Graph, record: Record, parent: Record) -> Node:
        """Return one of several numbers that NumPy's own loop finds together."""
        operands = self._marked(graph, parent.operands, (None,))
        layouts = [self._layout(graph, x) for x in operands]
        whole = None if None in layouts else generalized("linalg.slogdet", tuple(layouts), ((), ()))
        if whole is not None:
            steps = ((whole._replace(part=record.index), tuple(operands)),)
            return Node("steps", tuple(operands), None, 0, steps, record=record, name="linalg.slogdet")
        function = Path([Call(parent), operator.itemgetter(record.index)])
        return Node("call", tuple(operands), None, function=function, record=record, name="linalg.slogdet")

    def _power(self, graph: Graph, function: Any, operands: Any, own: Value | None) -> tuple[Any, Any, Any]:
        """Return what NumPy computes a power by, its operands, and the exponent if that is a constant of its own.

        Powers of numbers by ``**`` are the C library's. NumPy's loop takes squares, roots and reciprocals where one
        exponent serves for all elements, which it sees by a stride of zero.
        """
        base, exponent = operands
        constant: float | None = None
        if isinstance(exponent, (float, int)):
            constant = float(exponent)
        elif not isinstance(exponent, _NODE) and np.size(exponent) == 1:
            constant = float(np.ravel(exponent)[0])
        if function is number_power:
            return function, operands, constant
        values = [self.value(graph, x.number) if isinstance(x, _NODE) else None for x in operands]
        arrays = [value is not None or isinstance(x, np.ndarray) for value, x in zip(values, operands, strict=True)]
        if function is operator.pow and not any(arrays):
            return number_power, operands, constant
        if constant is not None:
            many = own is not None and own.size > 1
            if constant in POWERS and (many or np.ndim(exponent) == 0):
                return POWERS[constant], [base], None
            return np.power, operands, None
        like = values[1] if values[1] is not None else np.asarray(exponent) if arrays[1] else np.float64(0.0)
        shape, strides = like.shape, like.strides
        if own is None or shape != own.shape or own.size < 2 or 0 in strides:
            return None, operands, None
        return np.power, operands, None

    def _discrete(self, graph: Graph, record: Record, own: Value | None) -> Node:
        function, *args = record.args
        marked = self._marked(graph, record.operands, (None,) * len(record.operands))
        if not record.kwargs and all(isinstance(x, (Operand, bool, int, float, np.ndarray, np.generic)) for x in args):
            operands = [marked[x.place] if isinstance(x, Operand) else x for x in args]
            kinds = [self.kind_of(graph, x) for x in operands]
            op, loop = opcode_for(function, kinds, "d" if own is None else own.kind)
            if op >= 0:
                name = getattr(function, "__name__", str(function))
                return Node("each", tuple(operands), own, op, loop, record=record, name=name)
        return Node(
            "call", tuple(marked), own, function=function, args=tuple(args), kwargs=dict(record.kwargs or {}),
            record=record, name=getattr(function, "__name__", str(function)),
        )  # fmt: skip

    def _row(self, graph: Graph, number: int, record: Record, own: Value | None) -> Node:
        operands = self._marked(graph, record.operands, record.primals)
        name = record.row.name
        first = operands[0] if operands else None
        like = self.value(graph, first.number) if isinstance(first, _NODE) else None
        call = Node(
            "call", tuple(operands), own, function=record.row.function, args=tuple(record.args),
            kwargs=dict(record.kwargs or {}), record=record, name=name,
        )  # fmt: skip
        if like is not None and like.kind and own is not None and len(operands) == 1:
            if name in VIEWS:
                found = self._alias(like, [Call(record)])
                if found is not None:
                    return Node("view", (first,), found, record=record, name=name)
            if name in ("copy", "astype") and like.kind in "d?l" and own.kind == "d":
                return Node("each", (first,), own, OPCODES["move"], None, record=record, name=name)
        if first is not None and isinstance(first, _NODE) and like is None and own is not None and len(operands) == 1:
            if name in VIEWS and own.kind == "d":
                return Node("each", (first,), own, OPCODES["move"], None, record=record, name=name)
        if own is None and len(operands) == 1 and isinstance(first, _NODE):
            found_number = self._as_number(record, first, like)
            if found_number is not None:
                return found_number
        if name == "sum" and own is not None and own.kind == "d" and like is not None and like.shape == own.shape:
            if like.kind == "d" and (record.kwargs or {}).get("axis") == () and len(operands) == 1:
                return Node("each", (first, 0.0), own, OPCODES["add"], record=record, name=name)
        if name in _REDUCTIONS and like is not None and like.kind == "d" and len(operands) == 1:
            whole = self._reduced(record, like, own)
            if whole is not None:
                return Node("reduce", (first,), own, 0, whole, record=record, name=name)
        found_whole = self._as_whole(graph, record, operands, own)
        if found_whole is not None:
            return found_whole
        if name in ("concatenate", "stack") and own is not None and own.kind == "d":
            joined = self._joined(graph, record, operands, own)
            if joined is not None:
                return joined
        if name == "stack" and own is not None and own.is_dense and len(own.shape) == 1 and len(record.args) == 1:
            parts = [operands[x.place] if isinstance(x, Operand) else x for x in record.args[0]]
            if all(isinstance(x, _NODE) or np.ndim(x) == 0 for x in parts) and set(record.kwargs or {}) <= {"axis"}:
                return Node("pack", tuple(parts), own, record=record, name=name)
        steps = self._steps_of(graph, record, number, operands, own)
        if steps is not None:
            return Node("steps", tuple(operands), own, 0, steps, record=record, name=name)
        return call

    def _reduced(self, record: Record, like: Value, own: Value | None) -> Whole | None:
        """Return a reduction, found once for all that are alike."""
        lying = like.shape, like.strides, None if own is None else (own.shape, own.strides)
        key = record.row.name, words_of(record.args), words_of(record.kwargs or None), lying
        if None in key:
            return reduced(record, like, own, *_REDUCTIONS[record.row.name])
        if key not in self.reductions:
            self.reductions[key] = reduced(record, like, own, *_REDUCTIONS[record.row.name])
        return self.reductions[key]

    def _steps_of(self, graph: Graph, record: Record, number: int, operands: list[Any], own: Value | None) -> Any:
        """Return the steps of a row that the machine does in several, None for another row."""
        seen = [self.value(graph, x.number) or x if isinstance(x, _NODE) else x for x in operands]
        name, args, kwargs = record.row.name, record.args, dict(record.kwargs or {})
        if len(seen) == 1 and isinstance(seen[0], Value) and own is not None:
            steps = arranged(Call(record), name, args, kwargs, seen[0], own)
            if steps is not None:
                return steps
        count = len(getattr(record.row, "operands", ()))
        if name not in SPELLED or len(args) < count:
            return None
        given = [seen[x.place] if isinstance(x, Operand) else np.asarray(x) for x in args[:count]]
        return spelled(name, args, kwargs, given, own, _NODE(number))

    def _as_number(self, record: Record, first: Any, like: Value | None) -> Node | None:
        """Return what makes a number of a number, or of an array with one element."""
        name = record.row.name
        if name in VIEWS and like is None:
            return Node("each", (first,), None, OPCODES["move"], None, record=record, name=name)
        if name in VIEWS and like is not None and like.kind:
            found = self._alias(like, [Call(record)])
            if found is not None and found.shape == ():
                return Node("pick", (first,), None, function=found, record=record, name="element")
        if name in ("sum", "mean") and like is None and len(record.args) == 1:
            if (record.kwargs or {}).get("where", True) is True and "initial" not in (record.kwargs or {}):
                return Node("each", (first, 0.0), None, OPCODES["add"], record=record, name=name)
        return None

    def _layout(self, graph: Graph, x: Any) -> tuple[Any, Any] | None:
        """Return shape and strides of an operand of doubles, None for another."""
        if isinstance(x, _NODE):
            value = self.value(graph, x.number)
            return (value.shape, value.strides) if value is not None and value.kind == "d" else None
        return constant_layout(x) if isinstance(x, np.ndarray) else None

    def _as_whole(self, graph: Graph, record: Record, operands: list[Any], own: Value | None) -> Node | None:
        """Return a product of matrices, or elements at fixed places; None for another row."""
        name = record.row.name
        if own is not None and own.kind != "d":
            return None
        whole: Whole | None = None
        if name in PRODUCTS:
            operands = [operands[x.place] if isinstance(x, Operand) else x for x in record.args]
            layouts = [self._layout(graph, x) for x in operands]
            if name == "linalg.solve" and len(layouts) == 2 and layouts[1] is not None and len(layouts[1][0]) == 1:
                name = "linalg.solve1"
            if len(operands) <= 2 and not record.kwargs and None not in layouts:
                result = ((), ()) if own is None else (own.shape, own.strides)
                whole = generalized(name, tuple(layouts), result)
        elif name in ("getitem", "scatter_add") and len(operands) == 1 and own is not None and own.is_dense:
            value = self.value(graph, operands[0].number) if isinstance(operands[0], _NODE) else None
            if value is not None and value.is_dense and not record.kwargs:
                if name == "getitem":
                    whole = moved(TAKE, record.args[1], value.shape)
                elif tuple(record.args[2]) == own.shape:
                    whole = moved(SCATTER, record.args[1], own.shape)
                named = value.shape if name == "scatter_add" else own.shape
                if whole is not None and math.prod(named) != math.prod(whole.sizes[:3]):
                    whole = None
        if whole is None:
            return None
        return Node("whole", tuple(operands), own, 0, whole, record=record, name=name)

    def _joined(self, graph: Graph, record: Record, operands: list[Any], own: Value) -> Node | None:
        """Return arrays that are copied one behind the other."""
        kwargs = dict(record.kwargs or {})
        if len(record.args) > 2 or kwargs.pop("casting", "same_kind") != "same_kind" or set(kwargs) - {"axis"}:
            return None
        axis = record.args[1] if len(record.args) == 2 else kwargs.get("axis", 0)
        parts = []
        for x in record.args[0]:
            x = operands[x.place] if isinstance(x, Operand) else x
            if isinstance(x, _NODE) and self.value(graph, x.number) is None:
                return None
            layout = self._layout(graph, x)
            if layout is None or axis is None:
                return None
            parts.append((x, layout[0]))
        targets = []
        start = 0
        ndim = len(own.shape)
        for x, shape in parts:
            stop = start + (1 if record.row.name == "stack" else shape[axis % ndim])
            part: tuple[Any, ...] = (start, Ellipsis) if record.row.name == "stack" else (slice(start, stop),)
            found = self._alias(own, [Index((slice(None),) * (axis % ndim) + part)])
            if found is None:
                return None
            targets.append((x, found))
            start = stop
        return Node("join", tuple(operands), own, function=targets, record=record, name=record.row.name)
