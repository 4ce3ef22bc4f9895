"""A tape as text: a page of calculus, one line a node."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from dualad.draw.spoken import number_text, said, type_text, value_text
from dualad.draw.statements import statement_of
from dualad.reverse.kernels import Tape

__all__ = ["format_tape"]

_MOST: Final = 400
_WIDEST: Final = 40


def format_tape(tape: Tape, most: int | None = _MOST) -> str:
    """Return a tape as text, one line a node.

    Parameters
    ----------
    tape : Tape
        What :func:`dualad.record` returns.
    most : int, optional
        Lines to show; of a longer tape the middle is left out. None shows all.

    Returns
    -------
    str
        Lines such as ``%3 = tanh %1    () = 0.761594``: the node, its operator and operands, the shape and type of its
        result (``()`` alone is a double) and, of a number, its value. ``guard`` lines say which outcomes the recording
        relied on, ``output`` lines which nodes the function returned.
    """
    n = len(tape)
    last = 0 if most is None or n <= most else most // 4
    head = range(n if most is None else min(n, most - last))
    tail = range(n - last, n)
    lines = {node: _halves(tape, node) for node in (*head, *tail)}
    width = min(_WIDEST, max((len(left) for left, _ in lines.values()), default=0))
    guards = _guards(tape)

    def shown(nodes: range) -> Iterator[str]:
        for node in nodes:
            left, right = lines[node]
            yield f"{left:<{width}}    {right}"
            yield from (f"guard %{node} is {outcome}" for outcome in guards.get(node, ()))

    page = [_heading(tape), *shown(head)]
    if skipped := n - len(head) - len(tail):
        page.append(f"... {skipped} nodes are left out; dualad.draw.format_tape(tape, most=None) shows all")
    page += shown(tail)
    page += [f"output %{node}" for node in tape.outputs or ()]
    return "\n".join(page)


def _heading(tape: Tape) -> str:
    counts = [(len(tape), "node"), (len(tape.inputs or ()), "input"), (len(tape.outputs or ()), "output")]
    guards = sum(map(len, _guards(tape).values()))
    counts += [(guards, "guard")] if guards else []
    return "tape: " + ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts)


def _halves(tape: Tape, node: int) -> tuple[str, str]:
    statement = statement_of(tape, node)
    right = type_text(statement)
    if statement.value is not None:
        right += f" = {number_text(statement.value)}"
    return f"%{node} = {said(statement, _name)}", right


def _name(node: int) -> str:
    return f"%{node}"


def _guards(tape: Tape) -> dict[int, list[str]]:
    """Return the outcomes that the recording relied on by node, each once."""
    found: dict[int, dict[str, None]] = {}
    for node, outcome in tape.guards:
        found.setdefault(node, {})[_outcome(outcome)] = None
    return {node: list(outcomes) for node, outcomes in found.items()}


def _outcome(outcome: Any) -> str:
    return value_text(outcome if not isinstance(outcome, np.generic) else outcome.item())
