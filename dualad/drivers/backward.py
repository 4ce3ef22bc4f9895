"""Reverse mode as functions: vjp, grad, value_and_grad, and the rows of a Jacobian."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument, chunks, collect
from dualad.drivers.containers import flatten, is_container
from dualad.drivers.derived import makes_derivatives
from dualad.drivers.recording import Recording, one_number

__all__ = ["grad", "jacobian_rows", "value_and_grad", "vjp"]

Function = Callable[..., Any]


def vjp(f: Function, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate ``f`` and return the function that pulls cotangents back (vector-Jacobian products).

    Parameters
    ----------
    f : callable
        Function of plain NumPy code; it may return a number, an array, or a container of them.
    *primals
        Its arguments: numbers, arrays, or nested tuples, lists, dicts and dataclasses of them.

    Returns
    -------
    y : ndarray, float or container
        ``f(*primals)``, bit for bit what NumPy returns.
    pullback : callable
        Takes the cotangent of ``y`` (of its shape or structure) and returns a tuple with the cotangent of each primal,
        of the primal's shape or structure. It may be called any number of times.

    Raises
    ------
    WrongShape
        The cotangent has not the shape of ``y``.

    Notes
    -----
    One evaluation of ``f`` to record, and one sweep for each call of ``pullback``, 2 to 4 evaluations' worth whatever
    the number of inputs (Griewank and Walther, *Evaluating Derivatives*, section 3.2).

    Examples
    --------
    >>> import numpy as np, dualad
    >>> y, pullback = dualad.vjp(lambda x: x * x[0], np.array([2.0, 3.0]))
    >>> y
    array([4., 6.])
    >>> pullback(np.array([0.0, 1.0]))
    (array([3., 2.]),)
    """
    recording = Recording(f, range(len(primals)), primals, {}, "vjp")
    result = recording.result
    whole = _is_array_list(result)
    leaves, rebuild = ([collect(result)], next) if whole else flatten(result)
    leaves = [collect(leaf) for leaf in leaves]

    def pullback(y_bar: Any) -> tuple[Any, ...]:
        given = [y_bar] if whole else flatten(y_bar)[0]
        if len(given) != len(leaves):
            raise errors.WrongShape(
                f"the function returned {len(leaves)} arrays and the pullback was given {len(given)} cotangents; give "
                "one for each, in the structure of the result"
            )
        seeds: dict[int, Any] = {}
        for place, (y, g) in enumerate(zip(leaves, given, strict=True)):
            g = as_argument(g, "pullback")
            if g.shape != np.shape(y):
                raise errors.WrongShape(errors.wrong_cotangent(place, np.shape(y), g.shape))
            if recording.mine(y):
                node = y._operand()
                seeds[node] = seeds[node] + g if node in seeds else g
        return tuple(recording.like_arguments(recording.pull(seeds)))

    return rebuild(iter([_value(recording, y) for y in leaves])), pullback


def _is_array_list(result: Any) -> bool:
    return not is_container(result)


def _value(recording: Recording, y: Any) -> Any:
    value = y._primal() if recording.mine(y) else y
    return value[()] if isinstance(value, np.ndarray) else value


@makes_derivatives
def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return the function that evaluates ``f`` and its gradient together.

    Parameters
    ----------
    f : callable
        Function that returns one number.
    argnums : int or sequence of int
        Positional arguments in which to differentiate: numbers, arrays, or containers of them.

    Returns
    -------
    callable
        Takes what ``f`` takes; returns ``(y, g)`` with ``g`` of the shape or structure of the argument (a tuple for
        several). It fits ``scipy.optimize.minimize(..., jac=True)``.

    Raises
    ------
    NotScalar
        ``f`` returned an array of several numbers.

    Notes
    -----
    Reverse mode: one evaluation of ``f`` and one sweep, whatever the number of inputs.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> y, g = dualad.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> float(y), g
    (5.0, array([2., 4.]))
    """

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        single, numbers = places("grad", argnums, args)
        recording = Recording(f, numbers, args, kwargs, "grad")
        y = one_number(recording.result, "grad")
        seeds = {y._operand(): y.dtype.type(1.0)} if recording.mine(y) else {}
        found = recording.like_arguments(recording.pull(seeds))
        return _value(recording, y), found[0] if single else tuple(found)

    return of


@makes_derivatives
def grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return the function that evaluates the gradient of ``f``.

    Parameters
    ----------
    f : callable
        Function that returns one number.
    argnums : int or sequence of int
        Positional arguments in which to differentiate: numbers, arrays, or containers of them.

    Returns
    -------
    callable
        Takes what ``f`` takes; returns the gradient, of the shape or structure of the argument (a tuple for several).
        It can be differentiated again.

    Raises
    ------
    NotScalar
        ``f`` returned an array of several numbers.

    Notes
    -----
    Reverse mode: one evaluation of ``f`` and one sweep, whatever the number of inputs.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.grad(lambda x: x[0] * x[1])(np.array([2.0, 3.0]))
    array([3., 2.])
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return of


def places(name: str, argnums: int | Sequence[int], args: Sequence[Any]) -> tuple[bool, list[int]]:
    """Return whether one argument was asked for, and the places of the varied arguments."""
    single = isinstance(argnums, int)
    numbers: Sequence[int] = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not -len(args) <= number < len(args):
            raise TypeError(errors.no_argument(name, argnums, number, len(args)))
    found = [number % len(args) for number in numbers]
    if len(set(found)) < len(found):
        raise ValueError(f"{name}: argnums={argnums!r} names an argument twice")
    return single, found


def jacobian_rows(recording: Recording, y: Any, chunk: int | None) -> list[Any]:
    """Return the Jacobian of a recorded result in each input, shapes T + S, carried row by row."""
    shape = np.shape(y)
    m = int(np.prod(shape))
    parts: list[list[Any]] = []
    for start, stop in chunks(m, chunk):
        rows = np.zeros((stop - start, m), y.dtype)
        rows[np.arange(stop - start), np.arange(start, stop)] = 1.0
        if recording.tape.boxed:
            pulled = [recording.pull({y._operand(): row.reshape(shape)}) for row in rows]
            parts.append([np.stack(column) for column in zip(*pulled, strict=True)])
        else:
            parts.append(recording.pull_rows(y._operand(), rows.reshape((stop - start, *shape))))
    whole = [column[0] if len(parts) == 1 else np.concatenate(column) for column in zip(*parts, strict=True)]
    return [np.reshape(column, shape + x.shape) for column, x in zip(whole, recording.arrays, strict=True)]
