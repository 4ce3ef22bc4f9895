"""One way to improve a SciPy function: bind the call by SciPy's own signature, fill in derivatives, call SciPy."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["improved"]

Arguments = dict[str, Any]


def improved(path: str, note: str) -> Callable[[Callable[[Arguments], None]], Callable[..., Any]]:
    """Decorate a function that fills in derivatives to become SciPy's function of the same name with derivatives.

    The function receives the arguments of the call by name and changes them; what the user gave is left alone. SciPy is
    imported, and its signature read, when the function is first called.
    """

    def improve(fill: Callable[[Arguments], None]) -> Callable[..., Any]:
        @functools.cache
        def target() -> tuple[Callable[..., Any], inspect.Signature]:
            module, _, name = path.rpartition(".")
            function = getattr(importlib.import_module(module), name)
            return function, inspect.signature(function)

        def call(*args: Any, **kwargs: Any) -> Any:
            function, signature = target()
            bound = signature.bind(*args, **kwargs)
            given = dict(bound.arguments)
            fill(given)
            for name, parameter in signature.parameters.items():
                # Options of SciPy that travel in **kwargs stay there.
                if parameter.kind is parameter.VAR_KEYWORD:
                    given.update(given.pop(name, {}))
            positional = [
                given.pop(name)
                for name, parameter in signature.parameters.items()
                if parameter.kind is parameter.POSITIONAL_ONLY and name in given
            ]
            return function(*positional, **given)

        call.__name__ = call.__qualname__ = path.rpartition(".")[2]
        call.__module__ = fill.__module__
        call.__doc__ = f"``{path}`` with exact derivatives: {note}\n\n    {inspect.getdoc(fill) or ''}"
        return call

    return improve
