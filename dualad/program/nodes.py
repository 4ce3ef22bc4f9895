"""What the general nodes of a tape are to a program: how their values lie in memory, and how they are computed."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad.duck.operands import Operand, put_back
from dualad.duck.scale import SCALE
from dualad.ops.code import find_loop
from dualad.program.kernels import OPCODES, Graph
from dualad.reverse.kernels import Record, Tape

__all__ = ["FOREVER", "GENERAL", "KINDS", "LEAF", "POWERS", "READ", "WRITE", "Node", "Nodes", "Value", "number_power"]

LEAF, READ, WRITE, GENERAL = -1, -2, -3, -4  # operators of nodes; see _tape.pxd
FOREVER = 2**31 - 1  # a position of the schedule after all others
KINDS = {np.dtype(float): "d", np.dtype(bool): "?", np.dtype(np.int64): "l"}


def number_power(x: Any, y: float) -> Any:
    """Raise numbers to a power as Python does: by the C library, whose last bit may differ from np.power's."""
    return np.array([float(one) ** y for one in x])


_BY_UFUNC = {
    np.add: "add", np.subtract: "subtract", np.multiply: "multiply", np.divide: "divide", np.negative: "negative",
    np.less: "less", np.less_equal: "less_equal", np.greater: "greater", np.greater_equal: "greater_equal",
    np.equal: "equal", np.not_equal: "not_equal", np.square: "square", np.positive: "move",
    np.logical_and: "and", np.logical_or: "or", np.logical_xor: "xor", np.logical_not: "not", np.isnan: "isnan",
    np.isfinite: "isfinite", np.isinf: "isinf", SCALE.function: "scale", np.where: "where",
}  # fmt: skip
_ON_TRUTHS = {np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor", np.invert: "not"}
_BY_OPERATOR = {
    operator.add: np.add, operator.sub: np.subtract, operator.mul: np.multiply, operator.truediv: np.divide,
    operator.neg: np.negative, operator.pos: np.positive, operator.pow: np.power, operator.abs: np.absolute,
    operator.lt: np.less, operator.le: np.less_equal, operator.gt: np.greater, operator.ge: np.greater_equal,
    operator.eq: np.equal, operator.ne: np.not_equal, operator.and_: np.bitwise_and, operator.or_: np.bitwise_or,
    operator.xor: np.bitwise_xor, operator.invert: np.invert, operator.mod: np.remainder,
    operator.floordiv: np.floor_divide,
}  # fmt: skip
_ARITHMETIC = {"add", "subtract", "multiply", "divide", "negative", "square", "scale", "move"}
POWERS = {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}  # what NumPy takes for powers with one exponent
_VIEWS = {
    "reshape", "transpose", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "ravel", "broadcast_to",
    "getitem", "diagonal", "flip", "fliplr", "flipud", "rot90", "atleast_1d", "atleast_2d", "atleast_3d",
    "matrix_transpose", "permute_dims", "sliding_window_view",
}  # fmt: skip
_COPIES = {"copy", "astype", "broadcast_to", "reshape", "positive"}
_REDUCTIONS = {
    "sum": (np.add, 0.0), "mean": (np.add, 0.0), "prod": (np.multiply, 1.0),
    "max": (np.maximum, None), "min": (np.minimum, None),
}  # fmt: skip


@dataclass(slots=True)
class Value:
    """How the numbers of an array node lie: in the memory of ``root``, from a byte offset, with strides in bytes.

    ``kind`` is "d", "?" or "l", or "" for what is kept as a Python object.
    """

    shape: tuple[int, ...]
    kind: str
    root: int
    offset: int = 0
    strides: tuple[int, ...] = ()
    dtype: Any = None

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return 1 if self.kind == "?" else 8

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(np.prod(self.shape)) * self.itemsize

    def along(self, order: tuple[int, ...]) -> Value:
        """Return the value with its axes in another order."""
        shape, strides = tuple(self.shape[axis] for axis in order), tuple(self.strides[axis] for axis in order)
        return Value(shape, self.kind, self.root, self.offset, strides, self.dtype)

    @property
    def is_dense(self) -> bool:
        """Whether elements lie in C order without gaps."""
        if self.kind != "d":
            return False
        step = 8
        for n, stride in zip(self.shape[::-1], self.strides[::-1], strict=True):
            if n != 1 and stride != step:
                return False
            step *= n
        return True


@dataclass(slots=True)
class Node:
    """A general node: ``way`` is "input", "view", "each", "write", "reduce", "whole", "join", "pick", "pack", "steps"
    or "call".

    ``operands`` are nodes, or constants as arrays and numbers. ``op`` is an opcode of the machine with ``function`` its
    loop; of a call, ``function`` is the Python function, with ``args`` and ``kwargs`` where it is no plain call.
    """

    way: str
    operands: tuple[Any, ...]
    value: Value | None
    op: int = -1
    function: Any = None
    args: Any = None
    kwargs: Any = None
    record: Any = None
    name: str = ""


class Nodes:
    """The general nodes of one tape, described when a pass comes to them; operands are named by their numbers."""

    def __init__(self, tape: Tape, inputs: set[int]) -> None:
        self.tape = tape
        self.inputs = inputs
        self.found: dict[int, Node] = {}
        self.equal: dict[Any, int] = {}
        self.folded: dict[int, Any] = {}  # constants that were computed for the program

    # --- what the passes ask

    def same(self, graph: Graph, node: int) -> int | None:
        """Return the first node that equals this one, None where it is a constant."""
        record = self.tape.record_of(node)
        operands = tuple(int(graph.same_array[k]) if k >= 0 else -1 for k in record.operands)
        if all(k < 0 or graph.fixed_array[k] for k in operands) and record.kind != "write":
            if record.value is not None or record.kind in ("constant", "view") or self._fold(node, record, operands):
                return None
        if record.kind == "row" and record.row.name in _COPIES and operands[0] >= 0:
            # Nobody writes to the memory of a value that is needed still: a copy is the value itself.
            op, _, _, slot, _, _ = self.tape.fields(operands[0])
            like = self.tape.record_of(operands[0]) if op == GENERAL and slot >= 0 else None
            # How a view or a version of an array lies does not stand in its record.
            if like is None or like.kind in ("view", "write") or _name(like) in _VIEWS:
                like = None
            if like is not None and _laid_out(record) == _laid_out(like) and record.shape is not None:
                return operands[0]
        key = _key(record, operands)
        return node if key is None else self.equal.setdefault(key, node)

    def _fold(self, node: int, record: Record, operands: tuple[int, ...]) -> bool:
        """Compute a constant whose number was not kept; say whether that could be done."""
        if record.kind not in ("elementwise", "row") or getattr(record.row, "outputs", 1) > 1 or not operands:
            return False
        held = [self.constant(k) if k >= 0 else record.primals[i] for i, k in enumerate(operands)]
        function = record.function if record.function is not None else record.row.function
        with np.errstate(all="ignore"):
            if record.kind == "row":
                found = function(*put_back(record.args, held), **put_back(record.kwargs or {}, held))
            else:
                found = function(*held)
        if np.shape(found) != (record.shape or ()) or np.asarray(found).dtype not in KINDS:
            return False
        self.folded[node] = found
        return True

    def parent_of(self, node: int, record: Record) -> Record | None:
        """Return what has several results, for one of them that is computed by itself."""
        if record.kind != "item" or self.tape.fields(node)[3] >= 0:
            return None
        parent: Record = self.tape.record_of(record.operands[0])
        if parent.kind != "row" or parent.row.name != "linalg.slogdet" or parent.operands[0] < 0:
            return None
        like = self.tape.record_of(parent.operands[0]) if self.tape.fields(parent.operands[0])[0] == GENERAL else None
        return parent if like is not None and like.dtype == np.dtype(float) else None

    def constant(self, number: int) -> Any:
        """Return the value of a constant node."""
        raise NotImplementedError

    def operands(self, node: int) -> tuple[int, ...]:
        """Return the operands of a node that are nodes; those of the whole for one part of several results."""
        record = self.tape.record_of(node)
        parent = self.parent_of(node, record)
        found = record.operands if parent is None else parent.operands
        return tuple(k for k in found if k >= 0)


def _name(record: Record) -> str:
    return record.row.name if record.row is not None else ""


def _key(record: Record, operands: tuple[int, ...]) -> Any:
    """Return what two nodes have in common when one can stand for the other, None where that is not known."""
    if record.kind == "elementwise":
        constants = tuple(_constant_key(primal) for k, primal in zip(operands, record.primals, strict=True) if k < 0)
        return None if None in constants else ("each", record.row.name, record.function, operands, constants)
    if record.kind == "view":
        try:
            return "view", operands, tuple(record.path), hash(tuple(record.path))
        except TypeError:
            return None
    if record.kind in ("row", "discrete"):
        words = _words(record.args), _words(record.kwargs or {})
        if None in words:
            return None
        return record.kind, record.row.name if record.row is not None else None, operands, words
    return None


def _laid_out(record: Record) -> tuple[Any, ...]:
    return record.shape, record.dtype, record.order


def _constant_key(x: Any) -> Any:
    if isinstance(x, (bool, int, float, np.generic)):
        return type(x).__name__, repr(x)
    if isinstance(x, np.ndarray):
        return ("array", x.shape, x.dtype.str, x.tobytes()) if x.size <= 16 else ("id", id(x))
    return None


def _words(part: Any) -> Any:
    """Return a hashable spelling of plain arguments, None where there is none."""
    if isinstance(part, Operand):
        return "operand", part.place
    if part is None or isinstance(part, (bool, int, float, str, np.generic, np.dtype, type)):
        return type(part).__name__, repr(part)
    if isinstance(part, slice):
        return "slice", repr(part)
    if isinstance(part, np.ndarray):
        return _constant_key(part)
    if isinstance(part, dict):
        part = [item for pair in sorted(part.items()) for item in pair]
    if isinstance(part, (list, tuple)):
        inner = tuple(_words(x) for x in part)
        return None if None in inner else (type(part).__name__, inner)
    if isinstance(part, np.ufunc) or callable(part):
        try:
            return "function", hash(part), part
        except TypeError:
            return None
    return None


def resolve(function: Any, exponent: Any) -> tuple[str, Any]:
    """Return the opcode of an elementwise function and the universal function behind it; "" where there is none."""
    if function is number_power:
        return ("pow_2" if exponent == 2 else "power"), None
    ufunc = _BY_OPERATOR.get(function, function)
    inner = getattr(ufunc, "__self__", None)
    if isinstance(inner, np.ufunc):
        ufunc = inner
    try:
        found = _BY_UFUNC.get(ufunc) or _ON_TRUTHS.get(ufunc)
    except TypeError:
        return "", None
    if found is not None:
        return found, ufunc
    return ("call", ufunc) if isinstance(ufunc, np.ufunc) else ("", None)


def opcode_for(function: Any, kinds: list[str], result: str, exponent: Any = None) -> tuple[int, Any]:
    """Return the opcode and the loop ``(ufunc, index)`` for operands of some kinds, -1 where NumPy must be called."""
    if "" in kinds or result == "":
        return -1, None
    name, ufunc = resolve(function, exponent)
    if name in _ARITHMETIC and (result != "d" or (name == "negative" and kinds != ["d"])):
        return -1, None
    if ufunc in _ON_TRUTHS and set(kinds) != {"?"}:
        return -1, None
    if name == "where" and kinds[1] != kinds[2] and result != "d":
        return -1, None
    if name and name != "call":
        return OPCODES[name], None
    if name == "call" and result == "d" and ufunc.nout == 1 and ufunc.nin <= 8:
        taken = [types.split("->")[0] for types in ufunc.types]
        # NumPy takes the first loop that all operands can be cast to: that of doubles, if there is a double among them.
        alike = "?" not in kinds and all(len(set(types)) == 1 for types in taken)
        if set(kinds) == {"d"} or (alike and ("d" in kinds or not any("l" in types for types in taken))):
            loop = find_loop(ufunc, [False] * ufunc.nin)
            if loop >= 0 and ufunc.types[loop].split("->")[1] == "d":
                return OPCODES["call"], (ufunc, loop)
    return -1, None
