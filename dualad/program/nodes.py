"""What the machine computes elementwise operations by, and the names that all passes share."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from dualad.duck.scale import SCALE
from dualad.ops.code import find_loop
from dualad.program.kernels import KINDS, OPCODES, VIEWS, Node, Nodes, Value, number_power

__all__ = [
    "FOREVER", "GENERAL", "KINDS", "LEAF", "POWERS", "READ", "VIEWS", "WRITE", "Node", "Nodes", "Value", "number_power",
    "opcode_for",
]  # fmt: skip

LEAF, READ, WRITE, GENERAL = -1, -2, -3, -4  # operators of nodes; see _columns.pxd
FOREVER = 2**31 - 1  # a position of the schedule after all others

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
_REDUCTIONS = {
    "sum": (np.add, 0.0), "mean": (np.add, 0.0), "prod": (np.multiply, 1.0),
    "max": (np.maximum, None), "min": (np.minimum, None),
}  # fmt: skip


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
