"""A program as a page of text: what it consists of, and its steps in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from dualad.program.kernels import OPCODES

__all__ = ["listing"]

_NAMES = list(OPCODES)
_SHORT = {"negative", "square", "pow_2", "move", "not", "isnan", "isfinite", "isinf"}
_LONG = {"where", "multiply_add", "multiply_subtract", "subtract_multiply", "scale_add"}
_WHOLE = ("reduce", "product", "take", "scatter", "matrices", "cumulate")  # by way
_PRODUCTS = (1, 4)
_MOST = 200  # steps that are listed


def listing(parts: Any) -> str:
    """Return what a program consists of, then its steps, alike ones counted."""
    head = [f"{name}: {value}" for name, value in parts.stats.items()]
    steps = []
    for number, step in enumerate(_steps(parts)):
        if number == _MOST:
            steps.append("...")
            break
        steps.append(step)
    return "\n".join([*head, *steps])


def _steps(parts: Any) -> Iterator[str]:
    words = parts.code.tolist()
    at = 0
    scalars: Counter[str] = Counter()
    while at < len(words):
        name = _NAMES[words[at]]
        if name not in ("group", "reduce", "callback", "end", "guard", "guard_whole"):
            scalars[parts.functions[words[at + 2]][0].__name__ if name == "call" else name] += 1
            at += _width(parts, words, at, name)
            continue
        if scalars:
            yield f"on numbers: {', '.join(f'{count} {one}' for one, count in scalars.most_common())}"
            scalars.clear()
        if name == "group":
            yield _group(parts, parts.groups[words[at + 1]])
        elif name == "reduce":
            yield _whole(parts, parts.wholes[words[at + 1]])
        elif name == "callback":
            yield f"call of {parts.callbacks[words[at + 1]].name}"
        elif name != "end":
            yield f"guard {words[at + 1]}"
        at += 4 if name.startswith("guard") else 1 if name == "end" else 2


def _width(parts: Any, words: list[int], at: int, name: str) -> int:
    if name == "call":
        return 3 + int(parts.functions[words[at + 2]][0].nin)
    if name == "sum":
        return 4 + words[at + 3]
    return 3 if name in _SHORT else 5 if name in _LONG else 4


def _group(parts: Any, made: Any) -> str:
    shape, _, block, loads, stores, steps, sinks = made
    done = []
    for op, target, function, sources in steps:
        name = parts.functions[function][0].__name__ if _NAMES[op] == "call" else _NAMES[op]
        done.append(f"{target}={name.replace(', ', '+')}({','.join(map(str, sources))})")
    sums = "".join(
        f", sum of {slot}" if not length else f", sums of {slot} by {length}" for slot, _, _, length, _ in sinks
    )
    size = "x".join(map(str, shape))
    return f"group of {size}, blocks of {block}, {len(loads)} read, {len(stores)} written{sums}: {' '.join(done)}"


def _whole(parts: Any, made: Any) -> str:
    way, function, _, sizes, shape, dimensions, *_ = made
    name = "" if way in (2, 3) else parts.functions[function][0].__name__
    size = "x".join(map(str, sizes[:3] if way not in _PRODUCTS else (*shape, *dimensions)))
    return f"{_WHOLE[way]} {name} {size}".replace("  ", " ")
