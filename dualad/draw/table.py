"""``trace_table``: a function traced as the textbook does it, primals beside tangents or adjoints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad.draw.adjoints import AdjointTrace
from dualad.draw.equations import Equation, name_pair, primal_equation
from dualad.draw.layout import Row, TraceTable
from dualad.draw.page import Page, labels_of
from dualad.draw.symbols import labelled
from dualad.draw.tangents import TangentTrace
from dualad.drivers.containers import flatten
from dualad.drivers.recording import record

__all__ = ["trace_table"]

_MOST: Final = 300


def trace_table(
    f: Callable[..., Any], *args: Any, mode: str = "forward", seed: Any = None, digits: int = 5
) -> TraceTable:
    """Return the table in which textbooks trace automatic differentiation by hand.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code.
    *args
        Its arguments: numbers, arrays, or containers of them.
    mode : {"forward", "reverse"}
        Beside the values, the tangents (from the first line to the last) or the adjoints (from the last line to the
        first).
    seed : array_like, optional
        In forward mode the tangents of the arguments, a tuple where there are several; if not given, that of the first
        number is 1 and all others are 0. In reverse mode the adjoint of the result; if not given, 1.
    digits : int
        Digits of the numbers shown.

    Returns
    -------
    TraceTable
        Prints as text and shows as a table in a notebook; ``markdown()`` and ``latex()`` are for papers, ``value`` and
        ``derivative`` are the numbers at its end.

    Raises
    ------
    ValueError
        The function takes more steps than anybody would read, or the seed does not fit.

    Notes
    -----
    The inputs are v_{1-n} to v_0, as in tables 2 and 3 of Baydin, Pearlmutter, Radul and Siskind, "Automatic
    differentiation in machine learning: a survey", JMLR 18 (2018). Of a ``where`` inside a formula, only the branch
    that is taken at this point is written.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> print(dualad.trace_table(lambda x: np.sin(x) * x, 2.0))
    Forward primal trace ↓             │ Forward tangent trace ↓
    ───────────────────────────────────┼──────────────────────────────────────────────────────────────
    v₀ = x                    = 2      │ v̇₀ = ẋ                                             = 1
    ───────────────────────────────────┼──────────────────────────────────────────────────────────────
    v₁ = sin(v₀) = sin(2)     = 0.9093 │ v̇₁ = v̇₀ * cos(v₀) = 1 * cos(2)                     = -0.41615
    v₂ = v₁ * v₀ = 0.9093 * 2 = 1.8186 │ v̇₂ = v̇₁ * v₀ + v̇₀ * v₁ = -0.41615 * 2 + 1 * 0.9093 = 0.077004
    ───────────────────────────────────┼──────────────────────────────────────────────────────────────
    y  = v₂                   = 1.8186 │ ẏ  = v̇₂                                            = 0.077004
    """
    if mode not in ("forward", "reverse"):
        raise ValueError(f"mode must be 'forward' or 'reverse', not {mode!r}")
    tape = record(f, *args)
    if len(tape) > _MOST:
        raise ValueError(
            f"the function takes {len(tape)} steps, and a table of more than {_MOST} cannot be read. Trace it at "
            "smaller arguments, or print(dualad.record(f, x)) for the tape alone."
        )
    page = Page(tape, labels_of(f, args))
    known = {page.name(x.var): x.value for x in page.inputs}
    for statement in page.rows:
        if statement.shape is not None:
            known[page.name(statement.node)] = page.value(statement.node)
    build = _forward if mode == "forward" else _reverse
    return build(page, _outputs(page), known, seed, digits)


Output = tuple[int, str]


def _outputs(page: Page) -> list[Output]:
    """Return node and name of every output."""
    nodes = list(page.tape.outputs or ())
    return [(node, "y" if len(nodes) == 1 else f"y{i + 1}") for i, node in enumerate(nodes)]


def _primal_input(page: Page, place: int) -> Equation:
    x = page.inputs[place]
    return Equation(name_pair(page.name(x.var)), (labelled(x.label),), page.value(x.var))


def _primal_output(page: Page, output: Output) -> Equation:
    node, label = output
    var = page.var(node)
    return Equation(labelled(label), (name_pair(page.name(var)),), page.value(var))


def _single(parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else list(parts)


# --- forward ---------------------------------------------------------------------------------------------------------


def _forward(page: Page, outputs: list[Output], known: dict[str, Any], seed: Any, digits: int) -> TraceTable:
    trace = TangentTrace(page, _direction(page, seed), known, digits)
    inputs: list[Row] = [
        (_primal_input(page, place), trace.input_equation(x.var, x.label)) for place, x in enumerate(page.inputs)
    ]
    body: list[Row] = [(primal_equation(page, s, known, digits), trace.equation(s)) for s in page.rows]
    ends: list[Row] = []
    for node, label in outputs:
        var = page.var(node)
        right = Equation(labelled(label, "dot"), (name_pair(page.name(var, "dot")),), trace.of(var))
        ends.append((_primal_output(page, (node, label)), right))
    value, tangent = (_single([pick(page.var(node)) for node, _ in outputs]) for pick in (page.value, trace.of))
    return TraceTable(
        ("Forward primal trace ↓", "Forward tangent trace ↓"), [inputs, body, ends], value, tangent, digits
    )


def _direction(page: Page, seed: Any) -> dict[int, Any]:
    """Return the tangents of the input nodes."""
    nodes = list(page.tape.inputs or ())
    shapes = [page.statements[node].shape or () for node in nodes]
    if seed is None:
        parts = [np.zeros(shape) for shape in shapes]
        if parts and parts[0].size:
            parts[0].flat[0] = 1.0
    else:
        leaves = [seed] if len(nodes) == 1 else flatten(seed)[0]
        if [np.shape(leaf) for leaf in leaves] != shapes:
            raise ValueError(
                f"the seed must have the shapes of the arguments, {', '.join(map(str, shapes))}; it has "
                f"{', '.join(str(np.shape(leaf)) for leaf in leaves)}. Give one tangent for each argument, as a tuple."
            )
        parts = [np.asarray(leaf, dtype=float) for leaf in leaves]
    return {node: part[()] for node, part in zip(nodes, parts, strict=True)}


# --- reverse ---------------------------------------------------------------------------------------------------------


def _reverse(page: Page, outputs: list[Output], known: dict[str, Any], seed: Any, digits: int) -> TraceTable:
    trace = AdjointTrace(page, known, digits)
    ends: list[Row] = []
    for (node, label), g in zip(outputs, _cotangents(page, outputs, seed), strict=True):
        ends.append((_primal_output(page, (node, label)), trace.seed(page.var(node), g, label)))
    blocks: list[list[Row]] = []
    for statement in reversed(page.rows):
        # The adjoint half is computed upward: the last line of a block is the first to be read.
        lines: list[Equation | None] = [*reversed(trace.equations(statement))] or [None]
        primal = primal_equation(page, statement, known, digits)
        blocks.append([(primal if i == 0 else None, line) for i, line in enumerate(lines)])
    inputs: list[Row] = []
    for place, x in enumerate(page.inputs):
        shape = page.statements[x.var].shape or () if isinstance(x.var, int) else ()
        inputs.append((_primal_input(page, place), trace.input_equation(x.var, x.label, shape)))
    value = _single([page.value(page.var(node)) for node, _ in outputs])
    body = [line for block in reversed(blocks) for line in block]
    titles = ("Forward primal trace ↓", "Reverse adjoint trace ↑")
    return TraceTable(titles, [inputs, body, ends], value, _gradient(page, trace), digits)


def _cotangents(page: Page, outputs: list[Output], seed: Any) -> list[Any]:
    shapes = [page.statements[node].shape or () for node, _ in outputs]
    if seed is None:
        if any(shapes):
            raise ValueError(
                f"the function returned an array of shape {next(filter(None, shapes))}: say which adjoint to sweep "
                "back, as in trace_table(f, x, mode='reverse', seed=[1.0, 0.0]) for the first row of a Jacobian."
            )
        return [np.float64(1.0) for _ in shapes]
    leaves = [seed] if len(outputs) == 1 else flatten(seed)[0]
    if [np.shape(leaf) for leaf in leaves] != shapes:
        raise ValueError(f"the seed must have the shape of the result, {', '.join(map(str, shapes))}.")
    return [np.asarray(leaf, dtype=float)[()] for leaf in leaves]


def _gradient(page: Page, trace: AdjointTrace) -> Any:
    """Return the adjoint of every argument in its own shape."""
    parts = []
    for node in page.tape.inputs or ():
        shape = page.statements[node].shape or ()
        if node in page.split:
            found = [trace.values.get((node, k), 0.0) for k in range(int(np.prod(shape)))]
            parts.append(np.array(found, dtype=float).reshape(shape))
        else:
            g = trace.values.get(node)
            parts.append(np.zeros(shape)[()] if g is None else g)
    return _single(parts)
