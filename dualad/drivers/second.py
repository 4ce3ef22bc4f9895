"""Second derivatives as functions: hessian and hvp."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument
from dualad.drivers.auto import hessian_auto, hessian_by
from dualad.drivers.backward import grad
from dualad.drivers.derived import makes_derivatives
from dualad.drivers.first import jvp
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.recording import Recording, one_number
from dualad.duck.kernels import DuckArray

__all__ = ["hessian", "hvp"]

Function = Callable[..., Any]


@makes_derivatives
def hessian(f: Function, argnums: int = 0, mode: str = "auto", *, chunk: int | None = None) -> Function:
    """Return the function that evaluates the Hessian of ``f``.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code; a result of shape T is taken as that many functions.
    argnums : int
        Positional argument in which to differentiate twice.
    mode : {"auto", "hyperdual", "forward-over-reverse"}
        Auto chooses the cheaper way by the number of inputs and by what ``f`` does. Hyper-dual numbers: exact second
        derivatives in one evaluation, with no step size and no tape. Forward over reverse records ``f`` once, writes
        its gradient on the tape, and carries the columns forward over both.
    chunk : int, optional
        Width of the square blocks, or columns, that are carried at once.

    Returns
    -------
    callable
        Takes what ``f`` takes. For an argument of shape S it returns an ndarray of shape T + S + S. After a call its
        attribute ``plan`` says how it was carried, and why.

    See Also
    --------
    explain : what "auto" would choose

    Notes
    -----
    Hyper-dual: b (b + 1) / 2 evaluations of ``f`` on hyper-dual arrays for b = ceil(n / chunk) blocks a side; the
    blocks below the diagonal are the transposes of those above (Fike and Alonso, AIAA 2011-886). Forward over reverse:
    one recording and ceil(n / chunk) sweeps for each number that ``f`` returns (Griewank and Walther, *Evaluating
    Derivatives*, section 5.1).

    Auto evaluates ``f`` once: up to 12 inputs on hyper-dual numbers, beyond that, and until it knows from a first
    call what ``f`` does, over a recording. It runs ``f`` a second time where the recording turns out to be of no use:
    for the many numbers that some functions return, where ``f`` holds values of an outer derivative, and where it has
    changed an array that it had used.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> dualad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])
    """
    if mode not in ("auto", "hyperdual", "forward-over-reverse"):
        raise ValueError(f"mode must be 'auto', 'hyperdual' or 'forward-over-reverse', not {mode!r}")
    if not isinstance(argnums, int):
        raise TypeError("hessian differentiates in one argument: argnums must be an int")

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        if mode == "auto":
            found, made.plan = hessian_auto(f, argnums, args, kwargs, chunk, made.plan)
        else:
            found, made.plan = hessian_by(mode, f, argnums, args, kwargs, chunk)
        return found

    made: Any = of  # as in jacobian
    made.plan = None
    return of


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
            return np.zeros(array.shape, array.dtype)
        product = SecondOrder(recording.tape, y).columns([np.expand_dims(direction, 0)])[0][0]
        return product.astype(array.dtype, copy=False)

    return of
