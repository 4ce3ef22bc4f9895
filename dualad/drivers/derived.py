"""What the functions that drivers return are derivatives of, so that they can be compiled as such."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple, ParamSpec

from dualad import errors
from dualad.drivers.kernels import Compiled

__all__ = ["Derived", "derived_of", "follow", "makes_derivatives", "recipe"]

P = ParamSpec("P")
Function = Callable[..., Any]


class Derived(NamedTuple):
    """How a function was made: ``driver(f, *args, **kwargs)``; ``made`` is its identity."""

    driver: Callable[..., Any]
    f: Function
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    made: int

    @property
    def name(self) -> str:
        """Name of the driver."""
        return str(self.driver.__name__)

    def option(self, place: int, name: str, default: Any) -> Any:
        """Return an argument of the driver, given by position (f is number 0) or by name."""
        return self.args[place - 1] if len(self.args) >= place else self.kwargs.get(name, default)


def makes_derivatives(driver: Callable[P, Function]) -> Callable[P, Function]:
    """Decorate a driver: what it returns says what it is, and of a compiled function it returns a compiled one."""

    @functools.wraps(driver)
    def made(*given: P.args, **options: P.kwargs) -> Function:
        args, kwargs = _checked(driver.__name__, given, options)
        f: Any = args[0] if args else kwargs.get("f")
        if isinstance(f, Compiled):
            rest: Any = args[1:]
            return f.side.again(made(f.function, *rest, **{k: v for k, v in kwargs.items() if k != "f"}))  # type: ignore
        of = driver(*args, **kwargs)
        rest = args[1:]
        of._derived = Derived(made, f, rest, {k: v for k, v in kwargs.items() if k != "f"}, id(of))  # type: ignore
        return of

    return made


def _checked(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a driver with argnums as plain whole numbers, or say what is wrong with them."""
    for f in args[:1] or [kwargs[key] for key in ("f",) if key in kwargs]:
        if not callable(f):
            raise TypeError(errors.takes_function(name, f))
    if name in _WITH_ARGNUMS and len(args) > 1:
        args = (args[0], _numbers(name, args[1]), *args[2:])
    elif name in _WITH_ARGNUMS and "argnums" in kwargs:
        kwargs = {**kwargs, "argnums": _numbers(name, kwargs["argnums"])}
    return args, kwargs


_WITH_ARGNUMS = frozenset(("grad", "value_and_grad", "jacobian", "hessian"))


def _numbers(name: str, argnums: Any) -> Any:
    try:
        if isinstance(argnums, (tuple, list, range)):
            return tuple([operator.index(number) for number in argnums])
        return operator.index(argnums)
    except TypeError:
        raise TypeError(errors.wrong_argnums(name, argnums)) from None


def derived_of(function: Any) -> Derived | None:
    """Return how a driver made a function, None for any other; a wrapper that copied the mark is another function."""
    mark = getattr(function, "_derived", None)
    return mark if isinstance(mark, Derived) and mark.made == id(function) else None


class _Recipe(NamedTuple):
    driver: Callable[..., Any]
    f: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def recipe(function: Any) -> Any:
    """Return what can be pickled in place of a function that drivers made: how they did; any other function itself."""
    mark = derived_of(function)
    return function if mark is None else _Recipe(mark.driver, recipe(mark.f), mark.args, mark.kwargs)


def follow(made: Any) -> Any:
    """Return the function of a recipe."""
    return made.driver(follow(made.f), *made.args, **made.kwargs) if isinstance(made, _Recipe) else made
