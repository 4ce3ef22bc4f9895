"""First derivatives as functions: jvp, derivative and jacobian."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument, collect, lanes_of, seeded
from dualad.drivers.auto import jacobian_auto, jacobian_by
from dualad.drivers.derived import makes_derivatives
from dualad.drivers.hyper import second_derivative
from dualad.duck.levels import fresh_level

__all__ = ["derivative", "jacobian", "jvp"]

Function = Callable[..., Any]


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Evaluate ``f`` and its derivative along a direction (a Jacobian-vector product).

    Parameters
    ----------
    f : callable
        Function of plain NumPy code, returning a number, an array or a list of numbers.
    primals : sequence of array_like
        The arguments of ``f``, of shapes ``S_i``.
    tangents : sequence of array_like
        The direction: one array for each primal, of the primal's shape.

    Returns
    -------
    y : ndarray or float
        ``f(*primals)``, bit for bit what NumPy returns.
    y_dot : ndarray or float
        Derivative of ``y`` along ``tangents``, of the shape of ``y``.

    Raises
    ------
    WrongShape
        A tangent has not the shape of its primal, or there are not as many of them.

    Notes
    -----
    Costs one evaluation of ``f`` on dual numbers, about 2 to 3 evaluations on floats (Griewank and Walther, *Evaluating
    Derivatives*, section 3.1).

    Examples
    --------
    >>> import dualad
    >>> y, y_dot = dualad.jvp(lambda x, y: x * y, (3.0, 4.0), (1.0, 0.0))
    >>> float(y), float(y_dot)
    (12.0, 4.0)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(errors.not_tuples())
    if len(primals) != len(tangents):
        raise errors.WrongShape(f"jvp was given {len(primals)} primals and {len(tangents)} tangents; give one for each")
    level = fresh_level()
    arguments = []
    for place, (primal, tangent) in enumerate(zip(primals, tangents, strict=True)):
        x, x_dot = as_argument(primal, "jvp"), as_argument(tangent, "jvp")
        if x.shape != x_dot.shape:
            raise errors.WrongShape(errors.wrong_tangent(place, x.shape, x_dot.shape))
        arguments.append(seeded(x, level, np.expand_dims(x_dot.copy(), 0), 1))
    try:
        result = f(*arguments)
    except errors.REWORDED as error:
        errors.reword(error)
        raise
    value, lanes = lanes_of(collect(result), level, 1)
    return value[()], lanes[0]


@makes_derivatives
def jacobian(
    f: Function, argnums: int | Sequence[int] = 0, mode: str = "auto", *, chunk: int | None = None
) -> Function:
    """Return the function that evaluates the Jacobian of ``f``.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code; may return a number, an array, or a list of numbers or of arrays of one shape.
    argnums : int or sequence of int
        Positional arguments in which to differentiate.
    mode : {"auto", "forward", "reverse"}
        Auto chooses the cheapest way by the numbers of inputs and outputs and by what ``f`` does, and evaluates ``f``
        once. Forward carries the columns of the Jacobian by dual numbers, several at once, and evaluates ``f`` for each
        chunk of them. Reverse records ``f`` once and carries the rows.
    chunk : int, optional
        Columns or rows to carry at once; chosen by size when it is not given.

    Returns
    -------
    callable
        Takes what ``f`` takes. For an argument of shape S and a result of shape T it returns an ndarray of shape T + S;
        a tuple of them when ``argnums`` is a sequence. After a call its attribute ``plan`` says how it was carried, and
        why.

    Raises
    ------
    UnsupportedType
        The argument is complex, text or an array of objects.
    RaggedReturn
        ``f`` returned parts that make no array.

    See Also
    --------
    explain : what "auto" would choose

    Notes
    -----
    Forward costs ceil(n / chunk) evaluations of ``f`` on dual arrays, n the number of elements of the argument: about
    n + 1 plain evaluations. Reverse costs one recording and about m sweeps, m the number of elements of the result.

    Auto does what an earlier call of the same returned function found to be cheapest, and the first two calls may go
    different ways to learn it. All ways are exact; their last digits may differ. Name a mode where every call shall
    round alike, or where ``f`` does so many operations that a recording (32 bytes a scalar operation, and the arrays
    that the rules need) does not fit into memory. ``f`` runs a second time only where a recording turns out to be of no
    use, because ``f`` has changed an array that it had used. Inside another derivative the columns are carried by dual
    numbers.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> jac = dualad.jacobian(lambda x: np.array([x[0] * x[1], x[1] ** 2]))
    >>> jac(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 6.]])
    >>> jac.plan.mode
    'forward'
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"mode must be 'auto', 'forward' or 'reverse', not {mode!r}")

    @functools.wraps(f)
    def of(*args: Any, **kwargs: Any) -> Any:
        if mode == "auto":
            found, made.plan = jacobian_auto(f, argnums, args, kwargs, chunk, made.plan)
        else:
            found, made.plan = jacobian_by(mode, f, argnums, args, kwargs, chunk)
        return found

    made: Any = of  # a function with an attribute; one assignment changes it, so that threads see whole plans
    made.plan = None
    return of


@makes_derivatives
def derivative(f: Function, order: int = 1) -> Function:
    """Return the function that evaluates a derivative of a function of one number.

    Parameters
    ----------
    f : callable
        Function of a number; its result may have any shape T.
    order : int
        Which derivative; 1 uses dual numbers, 2 hyper-dual numbers, higher orders nest them.

    Returns
    -------
    callable
        Takes what ``f`` takes, the number first; returns the derivative in it, of shape T.

    Raises
    ------
    WrongShape
        The argument is not a number.

    Notes
    -----
    Costs one evaluation of ``f`` on dual or hyper-dual numbers, nested ``order / 2`` deep.

    Examples
    --------
    >>> import dualad
    >>> [float(dualad.derivative(lambda x: x**4, order)(1.0)) for order in (1, 2, 3)]
    [4.0, 12.0, 24.0]
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ValueError(f"order must be a whole number of at least 1, not {order!r}")
    inner = f if order < 3 else derivative(f, order - 2)

    @functools.wraps(f)
    def of(x: Any, *args: Any, **kwargs: Any) -> Any:
        if np.shape(x) != ():
            raise errors.WrongShape(
                f"derivative takes a function of one number; the argument has shape {np.shape(x)}. Perhaps you meant "
                "dualad.jacobian(f) or dualad.grad(f)?"
            )

        def g(x: Any) -> Any:
            return inner(x, *args, **kwargs)

        return jvp(g, (x,), (1.0,))[1] if order == 1 else second_derivative(g, x)

    return of
