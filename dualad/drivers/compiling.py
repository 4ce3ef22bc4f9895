"""Compiled functions: recorded once, replayed by a machine, and recorded again wherever a replay would not be right."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any

from dualad.drivers.derived import follow
from dualad.drivers.kernels import Compiled
from dualad.drivers.travelling import unpacked
from dualad.drivers.variants import Side

__all__ = ["compile", "restored"]

Function = Callable[..., Any]


def compile(f: Function, check: str = "second") -> Compiled:
    """Return a function that does what ``f`` does, recorded once and then replayed.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code, or what a driver made of one: ``grad(f)``, ``value_and_grad(f)``, ``jacobian(f)``,
        ``hessian(f)``, ``hvp(f)`` and the like, also nested.
    check : {"second", "always", "never"}
        When a recording is made again and compared, so that a function whose constants change by themselves (random
        numbers, a counter) is found out: before the first replay of each recording, before every replay, or never.

    Returns
    -------
    Compiled
        Called like ``f``; what it returns has the structure, types and shapes of what ``f`` returns. With ``out=``,
        arrays in the structure of the result, results are written there. ``.batch(X)`` evaluates it at all rows of X,
        ``.stats`` says what was recorded and how often it was replayed, ``print`` shows the programs.

    Warns
    -----
    ImpureFunction
        The function gives other results at equal arguments; it is then called as it is.

    Notes
    -----
    Floats and arrays of floats are inputs of the program. All other arguments select a program by their values, as
    shapes and types do, and as every outcome does on which the recording relied: where one differs, the function is
    recorded anew. What it only does besides computing (it prints) is done when it is recorded.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> f = dualad.compile(dualad.value_and_grad(lambda x: np.sum(np.exp(x))))
    >>> for x in (0.0, 1.0, 2.0):
    ...     y, g = f(np.array([x, -x]))
    >>> float(y) == np.sum(np.exp([2.0, -2.0])), f.stats["replays"]
    (True, 2)
    """
    if check not in ("second", "always", "never"):
        raise ValueError(f"check must be 'second', 'always' or 'never', not {check!r}")
    if not callable(f):
        raise TypeError(f"compile takes a function, not {f!r}")
    if isinstance(f, Compiled):
        f = f.function
    side = Side(f, check)
    made = Compiled(f, side, _takes_out(f))
    side.compiled = made
    functools.update_wrapper(made, f, updated=())
    return made


def _takes_out(f: Function) -> bool:
    """Say whether ``out`` is an argument of the function's own."""
    plain = inspect.unwrap(f)
    if type(plain) is types.FunctionType:
        code = plain.__code__
        return "out" in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    try:
        return "out" in inspect.signature(f).parameters
    except (TypeError, ValueError):  # a function that is written in C and does not tell
        return False


def restored(made: Any, check: str, programs: Sequence[Any]) -> Compiled:
    """Return the compiled function that was pickled, with those of its programs that are right here."""
    compiled = compile(follow(made), check)
    unpacked(compiled.side, programs)
    return compiled
