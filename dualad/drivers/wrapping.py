"""One way to improve a SciPy function: bind the call by SciPy's own signature, fill in derivatives, call SciPy."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dualad import errors

__all__ = ["Arguments", "improved"]

Arguments = dict[str, Any]


def improved(target: Callable[..., Any]) -> Callable[[Callable[[Arguments], None]], Callable[..., Any]]:
    """Decorate a function that fills in derivatives to become SciPy's function ``target`` with derivatives.

    The decorated function receives the arguments of a call by name, those that travel in ``**options`` among them, and
    changes the dict. What it leaves alone reaches SciPy as the caller gave it, by position or by name: to SciPy this
    may make a difference (``seed`` by position and ``rng`` by name are not the same).
    """
    signature = inspect.signature(target)
    names = list(signature.parameters)
    rest = [name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD]

    def improve(fill: Callable[[Arguments], None]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                given = dict(signature.bind(*args, **kwargs).arguments)
            except TypeError:
                return target(*args, **kwargs)  # SciPy's own words for a wrong call
            for name in rest:
                given.update(given.pop(name, {}))
            fill(given)
            try:
                return target(*[given.pop(name) for name in names[: len(args)]], **given)
            except (TypeError, ValueError) as error:
                # In the words of NumPy and SciPy, who do not know what the objects are.
                if errors.is_refused_object(error):
                    raise errors.DerivativeLost(errors.made_of_objects(str(error))) from error
                raise

        call.__name__ = call.__qualname__ = fill.__name__
        call.__module__ = fill.__module__
        call.__doc__ = fill.__doc__
        call.__signature__ = signature  # type: ignore[attr-defined]
        return call

    return improve
