"""Statements in words and signs: ``%1 * %2``, ``tanh %1``, ``sum(%2, axis=0)``, ``%2[1:4]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from dualad.draw.statements import Ref, Statement
from dualad.duck.kernels import DuckArray

__all__ = ["INFIX", "index_text", "number_text", "said", "step_text", "type_text", "value_text"]

INFIX: Final[Mapping[str, str]] = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@", "remainder": "%",
    "floor_divide": "//", "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==",
    "not_equal": "!=", "and_": "&", "or_": "|", "bitwise_and": "&", "bitwise_or": "|",
    "scale": "·",  # the product of a partial and an adjoint, in which a zero adjoint stays zero
}  # fmt: skip
_SMALL: Final = 4

Name = Callable[[int], str]


def said(statement: Statement, name: Name) -> str:
    """Return the right-hand side of a statement, its nodes called by ``name``."""
    args = statement.args
    match statement.kind:
        case "input":
            return "input"
        case "constant":
            return f"constant {value_text(args[0])}" if args else "constant"
        case "read" | "item":
            return f"{_part(args[0], name)}[{index_text(args[1])}]"
        case "view":
            return _stepped(_part(args[0], name), args[1])
        case "write":
            return f"{_part(args[0], name)} with {_places(args[1])} = {_part(args[2], name)}"
    return _call(statement, name)


def _call(statement: Statement, name: Name) -> str:
    head, args, kwargs = statement.name, statement.args, statement.kwargs
    if head == "getitem" and len(args) == 2:
        return f"{_part(args[0], name)}[{index_text(args[1])}]"
    if not kwargs and len(args) == 2 and head in INFIX:
        left = _part(args[0], name)
        if head == "power" and left.startswith("-"):
            left = f"({left})"
        return f"{left} {INFIX[head]} {_part(args[1], name)}"
    if not kwargs and len(args) == 1 and isinstance(args[0], Ref):
        return f"-{_part(args[0], name)}" if head == "negative" else f"{head} {_part(args[0], name)}"
    parts = [_part(part, name) for part in args] + [f"{key}={_part(part, name)}" for key, part in kwargs.items()]
    return f"{head}({', '.join(parts)})"


def _part(part: Any, name: Name) -> str:
    if isinstance(part, Ref):
        return name(part.node)
    if isinstance(part, (list, tuple)) and any(isinstance(inner, Ref) for inner in part):
        return f"[{', '.join(_part(inner, name) for inner in part)}]"
    return value_text(part)


# --- indices and views -----------------------------------------------------------------------------------------------


def index_text(index: Any) -> str:
    """Return what stands between the brackets of ``x[...]``."""
    if isinstance(index, tuple) and index:
        return ", ".join(map(index_text, index))
    match index:
        case None:
            return "None"
        case slice():
            ends = ("" if end is None else str(end) for end in (index.start, index.stop))
            return ":".join(ends) + ("" if index.step is None else f":{index.step}")
    return "..." if index is Ellipsis else value_text(index)


def step_text(step: Any) -> tuple[str, str]:
    """Return how one step of a view is called, and what it is given besides the array."""
    given = list(step.args)[1:]
    if step.row.name == "getitem":
        return "getitem", index_text(given[0])
    named = [f"{key}={value_text(value)}" for key, value in (step.kwargs or {}).items()]
    return step.row.name, ", ".join([value_text(part) for part in given] + named)


def _stepped(text: str, path: tuple[Any, ...]) -> str:
    for place, step in enumerate(path):
        head, given = step_text(step)
        if head == "getitem":
            text = f"{text}[{given}]"
        elif given or place:
            text = f"{head}({text}{', ' if given else ''}{given})"
        else:
            text = f"{head} {text}"
    return text


def _places(path: tuple[Any, ...]) -> str:
    """Return where a write goes: an index, with the steps of the view through which it was done before it."""
    *steps, index = path
    return _stepped("", tuple(steps)).strip() + f"[{index_text(index)}]"


# --- numbers, arrays and types ---------------------------------------------------------------------------------------


def number_text(value: Any, digits: int = 6) -> str:
    """Return a number in so many digits."""
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return str(value)
    text = f"{float(value):.{digits}g}"
    return "0" if text == "-0" else text


def value_text(value: Any, digits: int = 6) -> str:
    """Return a constant: numbers and small arrays in digits, large ones by shape and type."""
    while isinstance(value, DuckArray):
        value = value._primal()
    match value:
        case bool() | int() | float() | np.number() | np.bool_():
            return number_text(value, digits)
        case np.ndarray() if value.size > _SMALL or value.dtype == object:
            return f"array{value.shape}"
        case np.ndarray():
            numbers = [number_text(part, digits) for part in value.ravel().tolist()]
            return _nested(numbers, value.shape)
        case slice() | None:
            return index_text(value)
        case list() | tuple():
            inner = ", ".join(value_text(part, digits) for part in value)
            return f"[{inner}]" if isinstance(value, list) else f"({inner},)" if len(value) == 1 else f"({inner})"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"array{tuple(value.shape)}"
    return getattr(value, "__name__", None) or repr(value)


def _nested(numbers: list[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return numbers[0]
    size = len(numbers) // shape[0] if shape[0] else 0
    return "[" + ", ".join(_nested(numbers[i * size : (i + 1) * size], shape[1:]) for i in range(shape[0])) + "]"


def type_text(statement: Statement) -> str:
    """Return shape and type of a result: ``()`` for a double, ``(3,) float64`` for an array."""
    if statement.shape is None:
        return f"{statement.results} results"
    plain = statement.shape == () and statement.dtype == np.float64
    return f"{statement.shape}" if plain else f"{statement.shape} {statement.dtype}"
