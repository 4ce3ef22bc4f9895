"""Second derivatives as functions: hessian and hvp."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import Varied, as_argument, chunks, collect, identity_lanes
from dualad.drivers.backward import grad
from dualad.drivers.derived import makes_derivatives
from dualad.drivers.first import jacobian, jvp
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.hyper import block
from dualad.drivers.recording import Recording, one_number
from dualad.duck.kernels import DuckArray

__all__ = ["hessian", "hvp"]

Function = Callable[..., Any]
_MOST_COLUMNS = 12  # k columns a side carry k*k lanes


@makes_derivatives
def hessian(f: Function, argnums: int = 0, mode: str = "hyperdual", *, chunk: int | None = None) -> Function:
    """Return the function that evaluates the Hessian of ``f``.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code; a result of shape T is taken as that many functions.
    argnums : int
        Positional argument in which to differentiate twice.
    mode : {"hyperdual", "forward-over-reverse"}
        Hyper-dual numbers: exact second derivatives in one evaluation, with no step size and no tape. Forward over
        reverse records ``f`` once, writes its gradient on the tape, and carries the columns forward over both.
    chunk : int, optional
        Width of the square blocks, or columns, that are carried at once.

    Returns
    -------
    callable
        Takes what ``f`` takes. For an argument of shape S it returns an ndarray of shape T + S + S.

    Notes
    -----
    Hyper-dual: b (b + 1) / 2 evaluations of ``f`` on hyper-dual arrays for b = ceil(n / chunk) blocks a side; the
    blocks below the diagonal are the transposes of those above (Fike and Alonso, AIAA 2011-886). Forward over reverse:
    one recording and ceil(n / chunk) sweeps for each number that ``f`` returns (Griewank and Walther, *Evaluating
    Derivatives*, section 5.1).

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    if mode not in ("hyperdual", "forward-over-reverse"):
        raise ValueError(f"mode must be 'hyperdual' or 'forward-over-reverse', not {mode!r}")
    if not isinstance(argnums, int):
        raise TypeError("hessian differentiates in one argument: argnums must be an int")

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        varied = Varied("hessian", argnums, args)
        if mode == "forward-over-reverse":
            return _over_reverse(f, varied, kwargs, chunk)
        ranges = chunks(varied.size, chunk, _MOST_COLUMNS) or [(0, 0)]
        seeds = [identity_lanes(varied.arrays, *at)[0] for at in ranges]
        rows: list[list[Any]] = [[None] * len(ranges) for _ in ranges]
        for i, e1 in enumerate(seeds):
            for j, e2 in enumerate(seeds[: i + 1]):
                rows[i][j] = block(f, varied, kwargs, e1, e2)
                rows[j][i] = np.swapaxes(rows[i][j], 0, 1)
        whole = rows[0][0] if len(ranges) == 1 else np.concatenate([np.concatenate(row, axis=1) for row in rows])
        inner = varied.arrays[0].shape
        moved = np.moveaxis(whole, (0, 1), (-2, -1))
        return np.reshape(moved, moved.shape[:-2] + inner + inner)

    return of


def _over_reverse(f: Function, varied: Varied, kwargs: dict[str, Any], chunk: int | None) -> Any:
    """Return the Hessian, shape T + S + S, columns carried forward over the recorded gradient."""
    x = varied.arrays[0]
    if isinstance(x, DuckArray):
        return jacobian(jacobian(lambda x: varied.call(f, [x], kwargs)), chunk=chunk)(x)
    recording = Recording(f, varied.numbers, varied.called_with([x]), kwargs, "hessian")
    recording.tape.inputs = recording.inputs
    y = collect(recording.result)
    n, shape = varied.size, np.shape(y)
    if not recording.mine(y) or not n or not np.size(y):
        return np.zeros(shape + x.shape * 2)
    rows = []
    for unit in np.eye(int(np.prod(shape))):
        second = SecondOrder(recording.tape, {y._operand(): np.reshape(unit, shape)[()]})
        columns = [second.columns(identity_lanes(varied.arrays, *at))[0] for at in chunks(n, chunk)]
        rows.append(np.concatenate(columns))
    return np.reshape(np.stack(rows), shape + x.shape * 2).astype(y.dtype, copy=False)


@makes_derivatives
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
    Forward over reverse: one recording, and one forward sweep over the function and its gradient, whatever n is.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.hvp(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]), np.array([1.0, 0.0]))
    array([6., 4.])
    """

    @functools.wraps(f)
    def of(x: Any, p: Any, *args: Any, **kwargs: Any) -> Any:
        array, direction = as_argument(x, "hvp"), as_argument(p, "hvp")
        if direction.shape != array.shape:
            raise errors.WrongShape(errors.wrong_tangent(0, array.shape, direction.shape))
        direction = direction.astype(array.dtype)
        if isinstance(array, DuckArray) or isinstance(direction, DuckArray):
            return jvp(lambda x: grad(f)(x, *args, **kwargs), (array,), (direction,))[1]
        recording = Recording(f, [0], [array, *args], kwargs, "hvp")
        recording.tape.inputs = recording.inputs
        y = one_number(recording.result, "hvp")
        if not recording.mine(y):
            return np.zeros(array.shape)
        product = SecondOrder(recording.tape, y).columns([np.expand_dims(direction, 0)])[0][0]
        return product.astype(array.dtype, copy=False)

    return of
