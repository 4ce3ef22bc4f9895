"""Second derivatives as functions: hessian and hvp."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import Varied, as_argument, chunks, collect, identity_lanes, lanes_of, seeded
from dualad.duck.levels import fresh_level

__all__ = ["hessian", "hvp"]

Function = Callable[..., Any]
_MOST_COLUMNS = 12  # k columns a side carry k*k lanes


def hessian(f: Function, argnums: int = 0, mode: str = "hyperdual", *, chunk: int | None = None) -> Function:
    """Return the function that evaluates the Hessian of ``f``.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code; a result of shape T is taken as that many functions.
    argnums : int
        Positional argument in which to differentiate twice.
    mode : {"hyperdual"}
        Hyper-dual numbers: exact second derivatives in one evaluation, with no step size and no tape.
    chunk : int, optional
        Width of the square blocks in which the Hessian is carried.

    Returns
    -------
    callable
        Takes what ``f`` takes. For an argument of shape S it returns an ndarray of shape T + S + S.

    Notes
    -----
    Costs b (b + 1) / 2 evaluations of ``f`` on hyper-dual arrays for b = ceil(n / chunk) blocks a side: the blocks below
    the diagonal are the transposes of those above (Fike and Alonso, AIAA 2011-886).

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    if mode != "hyperdual":
        raise ValueError(f"mode must be 'hyperdual', not {mode!r}")
    if not isinstance(argnums, int):
        raise TypeError("hessian differentiates in one argument: argnums must be an int")

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        varied = Varied("hessian", argnums, args)
        ranges = chunks(varied.size, chunk, _MOST_COLUMNS) or [(0, 0)]
        seeds = [identity_lanes(varied.arrays, *at)[0] for at in ranges]
        rows: list[list[Any]] = [[None] * len(ranges) for _ in ranges]
        for i, e1 in enumerate(seeds):
            for j, e2 in enumerate(seeds[: i + 1]):
                rows[i][j] = _block(f, varied, kwargs, e1, e2)
                rows[j][i] = np.swapaxes(rows[i][j], 0, 1)
        whole = rows[0][0] if len(ranges) == 1 else np.concatenate([np.concatenate(row, axis=1) for row in rows])
        inner = varied.arrays[0].shape
        moved = np.moveaxis(whole, (0, 1), (-2, -1))
        return np.reshape(moved, moved.shape[:-2] + inner + inner)

    return of


def _block(f: Function, varied: Varied, kwargs: dict[str, Any], e1: Any, e2: Any) -> Any:
    """Return second derivatives between two sets of directions, shape (k1, k2) + T."""
    x = varied.arrays[0]
    k1, k2 = len(e1), len(e2)
    level = fresh_level()
    zeros = np.zeros((k1 * k2, *x.shape), x.dtype)
    argument = seeded(x, level, np.concatenate([e1, e2, zeros]), k1, k2)
    lanes = lanes_of(collect(varied.call(f, [argument], kwargs)), level, k1 + k2 + k1 * k2)[1]
    return np.reshape(lanes[k1 + k2 :], (k1, k2, *lanes.shape[1:]))


def second_derivative(f: Function, x: Any) -> Any:
    """Return the second derivative of a function of one number."""
    varied = Varied("derivative", 0, (x,))
    return _block(f, varied, {}, np.ones(1), np.ones(1))[0, 0]


def hvp(f: Function) -> Function:
    """Return the function ``(x, p, *args) -> H(x) p``, as ``scipy.optimize.minimize`` takes it for ``hessp``.

    Parameters
    ----------
    f : callable
        Function of an array x (its first argument) that returns one number.

    Returns
    -------
    callable
        Takes x and p of shape S and the further arguments of ``f``; returns an ndarray of shape S.

    Raises
    ------
    WrongShape
        ``p`` has not as many elements as ``x``.

    Notes
    -----
    Hyper-dual numbers: ceil(n / chunk) evaluations of ``f``.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.hvp(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    array([6., 4.])
    """

    @functools.wraps(f)
    def of(x: Any, p: Any, *args: Any, **kwargs: Any) -> Any:
        varied = Varied("hvp", 0, (x, *args))
        array = varied.arrays[0]
        direction = as_argument(p, "hvp")
        if direction.shape != array.shape:
            raise errors.WrongShape(errors.wrong_tangent(0, array.shape, direction.shape))
        parts = []
        for at in chunks(array.size, None):
            e1 = identity_lanes(varied.arrays, *at)[0]
            block = _block(f, varied, kwargs, e1, np.expand_dims(direction, 0))
            if block[0, 0].size != 1:
                raise errors.NotScalar(errors.not_scalar("hvp", block.shape[2:]))
            parts.append(np.reshape(block, (-1,)))
        return np.reshape(np.concatenate(parts), array.shape) if parts else np.zeros(array.shape)

    return of
