"""One way to improve a SciPy function: bind the call by SciPy's own signature, fill in derivatives, call SciPy."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.direct import Direct
from dualad.drivers.shared import Derivatives

__all__ = ["Arguments", "Solve", "improved"]

Arguments = dict[str, Any]


class Solve:
    """One call of a solver: its functions, and whether they may be compiled (None: where it pays)."""

    def __init__(self, compile: bool | None) -> None:
        self.compile = compile
        self.functions: list[Derivatives | Direct] = []

    def derivatives(self, f: Callable[..., Any]) -> Derivatives:
        """Return the derivatives of a function; those that it belongs to, where it is their ``fun``."""
        owner = getattr(f, "__self__", None)
        if not isinstance(owner, Derivatives) or f != owner.fun or self.compile is False:
            owner = Derivatives(f, self.compile)
        self.functions.append(owner)
        return owner

    def direct(self, f: Callable[..., Any], place: int) -> Direct:
        """Return a function that is called as it is, until compiling it pays; its state is argument ``place``."""
        self.functions.append(Direct(f, place, self.compile))
        return self.functions[-1]  # type: ignore[return-value]

    def holds(self, found: Any) -> bool:
        """Say whether replays come to what the functions do, at the solution that was found."""
        x = getattr(found, "x", getattr(found, "root", found[0] if isinstance(found, tuple) else found))
        x = x if isinstance(x, (np.ndarray, float)) else None
        # Each of them is asked, so that all are found that differ.
        return all([one.holds(x) for one in self.functions])


def improved(target: Callable[..., Any]) -> Callable[[Callable[[Arguments, Solve], None]], Callable[..., Any]]:
    """Decorate a function that fills in derivatives to become SciPy's function ``target`` with derivatives.

    The decorated function receives the arguments of a call by name, those that travel in ``**options`` among them, and
    changes the dict; it makes derivatives by the :class:`Solve` that it receives as well. What it leaves alone reaches
    SciPy as the caller gave it, by position or by name: to SciPy this may make a difference (``seed`` by position and
    ``rng`` by name are not the same). One keyword is added to SciPy's, ``compile``.
    """
    signature = inspect.signature(target)
    names = list(signature.parameters)
    rest = [name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD]
    further = inspect.Parameter("compile", inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = list(signature.parameters.values())
    last = len(parameters) - len(rest)

    def improve(fill: Callable[[Arguments, Solve], None]) -> Callable[..., Any]:
        def solved(solve: Solve, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            try:
                given = dict(signature.bind(*args, **kwargs).arguments)
            except TypeError:
                return target(*args, **kwargs)  # SciPy's own words for a wrong call
            for name in rest:
                given.update(given.pop(name, {}))
            fill(given, solve)
            try:
                return target(*[given.pop(name) for name in names[: len(args)]], **given)
            except errors.REWORDED as error:
                errors.reword(error)
                raise

        def call(*args: Any, compile: bool | None = None, **kwargs: Any) -> Any:
            solve = Solve(compile)
            found = solved(solve, args, kwargs)
            if solve.holds(found):
                return found
            warnings.warn(errors.not_as_replayed(fill.__name__), errors.ImpureFunction, stacklevel=2)
            return solved(Solve(False), args, kwargs)

        call.__name__ = call.__qualname__ = fill.__name__
        call.__module__ = fill.__module__
        call.__doc__ = fill.__doc__
        new = [*parameters[:last], further, *parameters[last:]]
        call.__signature__ = signature.replace(parameters=new)  # type: ignore[attr-defined]
        return call

    return improve
