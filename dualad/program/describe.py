"""How each general node of a tape is computed by the machine, and how its value lies in memory."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import numpy as np

from dualad.duck.operands import Operand
from dualad.program.kernels import OPCODES, Graph
from dualad.program.nodes import (
    _REDUCTIONS,
    _VIEWS,
    GENERAL,
    KINDS,
    LEAF,
    POWERS,
    WRITE,
    Node,
    Nodes,
    Value,
    number_power,
    opcode_for,
)
from dualad.program.spelled import SPELLED, arranged, spelled
from dualad.program.steps import Call, Index, Path, Real, Write
from dualad.program.whole import PRODUCTS, SCATTER, TAKE, Whole, constant_layout, generalized, moved, reduced
from dualad.reverse.kernels import Record, Recorded

__all__ = ["Describing"]


def strides_of(shape: tuple[int, ...], order: tuple[int, ...] | None, itemsize: int) -> tuple[int, ...]:
    """Return the strides of an array without gaps whose axes lie in an order from the slowest to the fastest."""
    strides = [0] * len(shape)
    step = itemsize
    for axis in reversed(order if order is not None else range(len(shape))):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


class Describing(Nodes):
    """Nodes with their descriptions, made once each in the order of the tape."""

    def node(self, graph: Graph, number: int) -> Node:
        """Return the description of a general node that is alive."""
        found = self.found.get(number)
        if found is None:
            found = self.found[number] = self._describe(graph, number)
        return found

    def value(self, graph: Graph, number: int) -> Value | None:
        """Return how the value of a node lies, None for a number."""
        number = int(graph.same_array[number])
        if graph.tape.fields(number)[3] < 0:
            return None
        if graph.fixed_array[number]:
            return None
        if graph.tape.operator(number) == WRITE:  # an element was written
            number = int(graph.final_array[number])
            if number not in self.found:
                base = self.overwritten(graph, number)
                before = self._held(base, number) if graph.fixed_array[base] else self.value(graph, base)
                self.found[number] = Node("write", (), _own(before, number), name="write")
            return self.found[number].value
        return self.node(graph, number).value

    def overwritten(self, graph: Graph, number: int) -> int:
        """Return the version of an array whose elements are written anew, for the last version of a chain of writes."""
        return int(graph.same_array[graph.tape.fields(int(graph.head_array[number]))[1]])

    def constant(self, number: int) -> Any:
        """Return the value of a constant node."""
        if number in self.folded:
            return self.folded[number]
        op, _, _, slot, _, v = self.tape.fields(number)
        if op != GENERAL or slot < 0:
            return np.float64(v)
        record = self.tape.record_of(number)
        if record.value is None and record.kind == "view":
            return Path(list(record.path))(self.constant(record.operands[0]))
        return record.value

    # --- descriptions

    def _describe(self, graph: Graph, number: int) -> Node:
        record = self.tape.record_of(number)
        is_number = self.tape.fields(number)[3] < 0
        own = None if is_number else self._own_value(record, number)
        if number in self.inputs:
            return Node("input", (), own, name="input")
        match record.kind:
            case "view":
                return self._view(graph, number, record, list(record.path))
            case "elementwise":
                return self._elementwise(graph, record, own)
            case "write":
                return self._described_write(graph, number, record)
            case "discrete":
                return self._discrete(graph, record, own)
            case "item":
                parent = self.parent_of(number, record)
                if parent is not None:
                    return self._part(graph, record, parent)
                return Node(
                    "call", tuple(self._marked(graph, record.operands, [None])), own, function=operator.getitem,
                    args=(Operand(0), record.index), kwargs={}, record=record, name="item",
                )  # fmt: skip
            case "row":
                return self._row(graph, number, record, own)
        raise ValueError(f"a record of kind {record.kind!r}")

    def _part(self, graph: Graph, record: Record, parent: Record) -> Node:
        """Return one of several numbers that NumPy's own loop finds together."""
        operands = self._marked(graph, parent.operands, [None])
        layouts = [self._layout(graph, x) for x in operands]
        whole = None if None in layouts else generalized("linalg.slogdet", layouts, ((), ()))  # type: ignore[arg-type]
        if whole is not None:
            steps = ((replace(whole, part=record.index), tuple(operands)),)
            return Node("steps", tuple(operands), None, 0, steps, record=record, name="linalg.slogdet")
        function = Path([Call(parent), operator.itemgetter(record.index)])
        return Node("call", tuple(operands), None, function=function, record=record, name="linalg.slogdet")

    def _own_value(self, record: Record, number: int) -> Value:
        if record.shape is None:
            return Value((), "", number)
        kind = KINDS.get(record.dtype, "")
        if isinstance(record.value, Recorded):
            kind = ""
        itemsize = 1 if kind == "?" else 8
        strides = strides_of(record.shape, record.order, itemsize) if kind else ()
        return Value(tuple(record.shape), kind, number, 0, strides, record.dtype)

    def _operand(self, graph: Graph, k: int, primal: Any) -> Any:
        """Return an operand: a node number that varies, or the constant itself."""
        if k >= 0:
            k = int(graph.same_array[k])
            if not graph.fixed_array[k]:
                return k
            return self.constant(k)
        return primal

    def kind_of(self, graph: Graph, x: Any) -> str:
        """Return the kind of the numbers of an operand."""
        if type(x) is _NODE:
            value = self.value(graph, x.number)
            if value is not None:
                return value.kind
            return "?" if graph.tape.operator(x.number) <= -11 else "d"
        return KINDS.get(np.asarray(x).dtype, "")

    def _marked(self, graph: Graph, operands: tuple[int, ...], primals: Any) -> list[Any]:
        found = []
        for k, primal in zip(operands, primals, strict=True):
            x = self._operand(graph, k, primal)
            found.append(_NODE(x) if k >= 0 and isinstance(x, int) else x)
        return found

    def _elementwise(self, graph: Graph, record: Record, own: Value | None) -> Node:
        operands = self._marked(graph, record.operands, record.primals)
        function = record.function if record.function is not None else record.row.function
        given = tuple(operands)
        exponent = None
        if function in (operator.pow, number_power) or np.power in (function, getattr(function, "__self__", None)):
            function, operands, exponent = self._power(graph, function, operands, own)
        kinds = [self.kind_of(graph, x) for x in operands]
        op, loop = opcode_for(function, kinds, "d" if own is None else own.kind, exponent)
        backward = op == OPCODES["call"] and any(self._runs_backward(graph, x) for x in operands)
        if record.row.outputs > 1 or op < 0 or backward:
            function, operands = record.function if record.function is not None else record.row.function, list(given)
            return Node("call", tuple(operands), own, function=Real(function), record=record, name=record.row.name)
        if op == OPCODES["pow_2"]:
            operands = operands[:1]
        return Node("each", tuple(operands), own, op, loop, record=record, name=record.row.name)

    def _power(self, graph: Graph, function: Any, operands: Any, own: Value | None) -> tuple[Any, Any, Any]:
        """Return what NumPy computes a power by, its operands, and the exponent if that is a constant of its own.

        Powers of numbers by ``**`` are the C library's. NumPy's loop takes squares, roots and reciprocals where one
        exponent serves for all elements, which it sees by a stride of zero.
        """
        base, exponent = operands
        constant = None if isinstance(exponent, _NODE) or np.size(exponent) != 1 else float(np.ravel(exponent)[0])
        if function is number_power:
            return function, operands, constant
        values = [self.value(graph, x.number) if isinstance(x, _NODE) else None for x in operands]
        arrays = [value is not None or isinstance(x, np.ndarray) for value, x in zip(values, operands, strict=True)]
        if function is operator.pow and not any(arrays):
            return number_power, operands, constant
        if constant is not None:
            many = own is not None and int(np.prod(own.shape)) > 1
            if constant in POWERS and (many or np.ndim(exponent) == 0):
                return POWERS[constant], [base], None
            return np.power, operands, None
        like = values[1] if values[1] is not None else np.asarray(exponent) if arrays[1] else np.float64(0.0)
        shape, strides = like.shape, like.strides
        if own is None or shape != own.shape or int(np.prod(shape)) < 2 or 0 in strides:
            return None, operands, None
        return np.power, operands, None

    def _runs_backward(self, graph: Graph, x: Any) -> bool:
        """Say whether an operand has a negative stride, for which NumPy's loops take other ways than blocks do."""
        value = self.value(graph, x.number) if isinstance(x, _NODE) else None
        return value is not None and any(stride < 0 for stride in value.strides)

    def _discrete(self, graph: Graph, record: Record, own: Value | None) -> Node:
        function, *args = record.args
        marked = self._marked(graph, record.operands, [None] * len(record.operands))
        if not record.kwargs and all(isinstance(x, (Operand, bool, int, float, np.ndarray, np.generic)) for x in args):
            operands = [marked[x.place] if isinstance(x, Operand) else x for x in args]
            kinds = [self.kind_of(graph, x) for x in operands]
            op, loop = opcode_for(function, kinds, "d" if own is None else own.kind)
            if op >= 0:
                return Node("each", tuple(operands), own, op, loop, record=record, name=str(function))
        return Node(
            "call", tuple(marked), own, function=function, args=tuple(args), kwargs=dict(record.kwargs or {}),
            record=record, name=getattr(function, "__name__", str(function)),
        )  # fmt: skip

    def _view(self, graph: Graph, number: int, record: Record, path: list[Any]) -> Node:
        base = self._marked(graph, record.operands, [None])[0]
        like = None if not isinstance(base, _NODE) else self.value(graph, base.number)
        if like is not None and like.kind:
            found = self._alias(like, path)
            if found is not None and self.tape.fields(number)[3] < 0:
                return Node("pick", (base,), None, function=found, record=record, name="element")
            if found is not None:
                return Node("view", (base,), found, record=record, name="view")
        own = self._own_value(record, number)
        if own.kind and record.value is None and record.order is None:
            own.strides = strides_of(own.shape, None, own.itemsize)
        return Node("call", (base,), own, function=Path(path), record=record, name="view")

    def _alias(self, like: Value, path: list[Any]) -> Value | None:
        """Return how a view of a value lies, None where the path makes no view of its memory."""
        if 0 in like.shape:
            return _alias_of_nothing(like, path)
        span = (
            sum(abs(stride) * (n - 1) for n, stride in zip(like.shape, like.strides, strict=True)) if like.shape else 0
        )
        before = sum(-min(stride, 0) * (n - 1) for n, stride in zip(like.shape, like.strides, strict=True))
        memory = np.empty(span + 8, np.uint8)
        base: Any = np.ndarray(like.shape, like.kind, memory.data, before, like.strides)
        found = base
        for step in path:
            found = step(found)
        if not isinstance(found, np.ndarray) or found.dtype != base.dtype or not _inside(found, memory):
            return None
        offset = _address(found) - _address(base) if found.size else 0
        return Value(found.shape, like.kind, like.root, like.offset + offset, found.strides, like.dtype)

    def _described_write(self, graph: Graph, number: int, record: Record) -> Node:
        base, put = self._marked(graph, record.operands, [None, record.primals[1]])
        before = self.value(graph, base.number) if isinstance(base, _NODE) else None
        if before is None:
            before = self._held(int(graph.same_array[record.operands[0]]), number)
        own = _own(before, number)
        if own.kind and not own.strides and own.shape:
            own.strides = strides_of(own.shape, None, 8)
        target = self._alias(own, [*record.path, Index(record.index)]) if own.kind else None
        if target is not None and self.kind_of(graph, put) in ("d", "l", "?"):
            return Node("write", (base, put), own, 0, target, record=record, name="write")
        return Node(
            "call", (base, put), own, function=Write(list(record.path), record.index), record=record, name="write"
        )

    def _held(self, base: int, number: int) -> Value:
        """Return how a constant lies."""
        held = self.constant(base)
        return Value(held.shape, KINDS.get(held.dtype, ""), number, 0, held.strides, held.dtype)

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
            if name in _VIEWS:
                found = self._alias(like, [Call(record)])
                if found is not None:
                    return Node("view", (first,), found, record=record, name=name)
            if name in ("copy", "astype") and like.kind in "d?l" and own.kind == "d":
                return Node("each", (first,), own, OPCODES["move"], None, record=record, name=name)
        if first is not None and isinstance(first, _NODE) and like is None and own is not None and len(operands) == 1:
            if name in _VIEWS and own.kind == "d":
                return Node("each", (first,), own, OPCODES["move"], None, record=record, name=name)
        if own is None and len(operands) == 1 and isinstance(first, _NODE):
            found_number = self._as_number(record, first, like)
            if found_number is not None:
                return found_number
        if name == "sum" and own is not None and own.kind == "d" and like is not None and like.shape == own.shape:
            if like.kind == "d" and (record.kwargs or {}).get("axis") == () and len(operands) == 1:
                return Node("each", (first, 0.0), own, OPCODES["add"], record=record, name=name)
        if name in _REDUCTIONS and like is not None and like.kind == "d" and len(operands) == 1:
            whole = reduced(record, like, own, *_REDUCTIONS[name])
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
        if name in _VIEWS and like is None:
            return Node("each", (first,), None, OPCODES["move"], None, record=record, name=name)
        if name in _VIEWS and like is not None and like.kind:
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
        layouts = [self._layout(graph, x) for x in operands]
        whole: Whole | None = None
        if name in PRODUCTS:
            if name == "linalg.solve" and len(layouts) == 2 and layouts[1] is not None and len(layouts[1][0]) == 1:
                name = "linalg.solve1"
            operands = [operands[x.place] if isinstance(x, Operand) else x for x in record.args]
            layouts = [self._layout(graph, x) for x in operands]
            if len(operands) <= 2 and not record.kwargs and None not in layouts:
                result = ((), ()) if own is None else (own.shape, own.strides)
                whole = generalized(name, layouts, result)  # type: ignore[arg-type]
        elif name in ("getitem", "scatter_add") and len(operands) == 1 and own is not None and own.is_dense:
            value = self.value(graph, operands[0].number) if isinstance(operands[0], _NODE) else None
            if value is not None and value.is_dense and not record.kwargs:
                if name == "getitem":
                    whole = moved(TAKE, record.args[1], value.shape)
                elif tuple(record.args[2]) == own.shape:
                    whole = moved(SCATTER, record.args[1], own.shape)
                named = value.shape if name == "scatter_add" else own.shape
                if whole is not None and int(np.prod(named)) != int(np.prod(whole.sizes[:3])):
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

    # --- stages

    def stage(self, graph: Graph, number: int) -> int:
        """Return the stage of a general node: elementwise operations of one shape share a stage, others follow."""
        node = self.node(graph, number)
        fused = node.way == "each" and node.value is not None
        stage = 0
        for x in node.operands:
            if isinstance(x, _NODE):
                s = int(graph.stage_array[x.number])
                if fused and not self._can_fuse(graph, x.number, node):
                    s += 1
                stage = max(stage, s)
        return stage

    def _can_fuse(self, graph: Graph, number: int, user: Node) -> bool:
        if graph.tape.operator(number) != GENERAL:
            return bool(graph.tape.operator(number) == LEAF)
        node = self.node(graph, number)
        if node.way == "input":
            return True
        return node.way == "each" and node.value is not None and node.value.shape == user.value.shape  # type: ignore[union-attr]


def _alias_of_nothing(like: Value, path: list[Any]) -> Value | None:
    """Return how a view of an array without elements lies: nowhere, in some shape."""
    found: Any = np.empty(like.shape, like.kind)
    for step in path:
        found = step(found)
    if not isinstance(found, np.ndarray) or found.dtype != np.dtype(like.kind) or found.size:
        return None
    return Value(found.shape, like.kind, like.root, like.offset, (0,) * found.ndim, like.dtype)


class _NODE:
    """An operand that is a node."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


def _own(before: Value | None, number: int) -> Value:
    if before is None:
        raise ValueError("an element was written to a constant")
    if not before.kind:
        return Value(before.shape, "", number, 0, (), before.dtype)
    order = tuple(sorted(range(len(before.shape)), key=lambda axis: -before.strides[axis]))
    strides = strides_of(before.shape, order, before.itemsize)
    return Value(before.shape, before.kind, number, 0, strides, before.dtype)


def _address(x: Any) -> int:
    return int(x.__array_interface__["data"][0])


def _inside(x: Any, memory: Any) -> bool:
    return bool(x.size == 0 or np.may_share_memory(x, memory))
