"""Rules of your own: for a new elementwise function by formulas, for any function by jvp or vjp in NumPy."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.duck.operands import any_duck, innermost
from dualad.ops.lanes import lane_shape
from dualad.ops.table import REAL, Interval, Rule, Ruled, op

__all__ = ["custom_jvp", "custom_vjp", "define"]

Function = Callable[..., Any]


def define(
    function: Function,
    *partials: Any,
    args: str | None = None,
    name: str | None = None,
    domain: Interval | tuple[Interval, ...] = REAL,
    kinks: tuple[float, ...] = (),
) -> Function:
    """Add an elementwise function to the operator table, by one formula a partial derivative.

    Parameters
    ----------
    function : callable
        A universal function, or a function of arrays that acts on each element by itself.
    *partials : str
        One formula for each argument, in the arguments and in ``v``, the value: ``"1 - v*v"`` for tanh. A formula may
        call any elementwise row by its name.
    args : str, optional
        Names of the arguments, separated by spaces; taken from the signature when it is not given.
    name : str, optional
        Name of the row; the function's own when it is not given.
    domain, kinks
        Where the function is defined, and where its derivative jumps.

    Returns
    -------
    callable
        The function to call from now on: a universal function dispatches by itself and is returned as it is.

    Raises
    ------
    ValueError
        The name is taken, or the number of formulas is not that of the arguments.

    Notes
    -----
    The same object that the library's own rows are: forward, reverse and second derivatives follow from the formulas.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> cube = dualad.define(lambda x: x * x * x, "3*x*x", name="cube_of_the_docs", args="x")
    >>> float(dualad.grad(cube)(2.0)), float(dualad.derivative(cube, order=2)(2.0))
    (12.0, 12.0)
    """
    label = name or function.__name__
    if args is None:
        if isinstance(function, np.ufunc):
            args = " ".join(f"x{i}" for i in range(function.nin)) if function.nin > 1 else "x"
        else:
            args = " ".join(inspect.signature(function).parameters)
    called = function if isinstance(function, np.ufunc) else _elementwise(function)
    row = op(
        label, args, *partials, numpy=f"{function.__module__}.{label}", domain=domain, kinks=kinks, function=called
    )
    if not isinstance(function, np.ufunc):
        called.row, called.dispatches = row, True  # type: ignore[attr-defined]
    return called


def _elementwise(function: Function) -> Function:
    @functools.wraps(function)
    def called(*args: Any) -> Any:
        if not any_duck(args):
            value = function(*args)
            return value if isinstance(value, (np.ndarray, np.generic, tuple)) else np.float64(value)
        return innermost(args)._elementwise(called.row, called, args)  # type: ignore[attr-defined]

    return called


class _Custom:
    """A function with a rule of its own, called like the function."""

    def __init__(self, function: Function) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any_duck(args) and not any_duck(kwargs):
            return _as_arrays(self._function(*args, **kwargs))
        bound = inspect.signature(self._function).bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise errors.DiscreteArgument(errors.keyword_only(self._function.__name__, sorted(bound.kwargs)))
        given = list(bound.args)
        varied = [i for i, x in enumerate(given) if any_duck(x)]

        def merged(operands: Sequence[Any]) -> list[Any]:
            full = list(given)
            for i, x in zip(varied, operands, strict=True):
                full[i] = x
            return full

        def again(*operands: Any) -> Any:
            return self(*merged(operands))

        again.dispatches = True  # type: ignore[attr-defined]
        row = Ruled(
            name=self._function.__name__,
            path=f"{self._function.__module__}.{self._function.__name__}",
            operands=("*args",),
            plan=lambda *operands: Rule(self._forward(merged, varied), self._backward(merged, varied)),
            given=again,
        )
        return innermost(args, kwargs)._array_row(row, tuple(given[i] for i in varied), {})

    def _forward(self, merged: Any, varied: list[int]) -> Function:
        raise NotImplementedError

    def _backward(self, merged: Any, varied: list[int]) -> Function:
        raise NotImplementedError


class custom_jvp(_Custom):
    """Give a function a forward rule of its own.

    For code that cannot be recorded (a compiled library, a lookup, a solver), or whose derivative is known better.

    Parameters
    ----------
    function : callable
        Function of arrays; it is only ever called with plain NumPy arrays.

    Notes
    -----
    ``@f.defjvp`` takes ``rule(primals, tangents) -> (y, y_dot)`` with one tangent for each positional argument (zeros
    where it is constant). Reverse mode uses the same rule: it costs one call of it for each element of the arguments.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> @dualad.custom_jvp
    ... def f(x):
    ...     return x**2
    >>> @f.defjvp
    ... def rule(primals, tangents):
    ...     return f(*primals), 2 * primals[0] * tangents[0]
    >>> float(dualad.derivative(f)(3.0))
    6.0
    """

    def defjvp(self, rule: Function) -> Function:
        """Set the rule; it may be used as a decorator."""
        self._rule = rule
        return rule

    def _tangent(self, merged: Any, varied: list[int], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        full = merged(primals)
        dots = [
            np.zeros_like(np.asarray(x, dtype=float)) if not isinstance(x, DuckArray) else np.zeros_like(x)
            for x in full
        ]
        for i, t in zip(varied, tangents, strict=True):
            dots[i] = t
        return self._rule(tuple(full), tuple(dots))[1]

    def _forward(self, merged: Any, varied: list[int]) -> Function:
        def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            known = [i for i, t in enumerate(tangents) if t is not None]

            def one(*given: Any) -> Any:
                dots = [np.zeros_like(x) for x in primals]
                for i, t in zip(known, given, strict=True):
                    dots[i] = t
                return self._tangent(merged, varied, primals, dots)

            return _over_lanes(one, [np.ndim(primals[i]) for i in known], [tangents[i] for i in known])

        return jvp

    def _backward(self, merged: Any, varied: list[int]) -> Function:
        def vjp(value: Any, primals: Sequence[Any], g: Any) -> tuple[Any, ...]:
            answers = []
            for i, x in enumerate(primals):
                columns = []
                for unit in np.eye(np.size(x)):
                    dots = [np.zeros_like(p) for p in primals]
                    dots[i] = np.reshape(unit, np.shape(x))
                    columns.append(self._tangent(merged, varied, primals, dots))
                answers.append(_contracted(g, value, columns, np.shape(x)))
            return tuple(answers)

        return vjp


class custom_vjp(_Custom):
    """Give a function a reverse rule of its own.

    Parameters
    ----------
    function : callable
        Function of arrays; it is only ever called with plain NumPy arrays.

    Notes
    -----
    ``f.defvjp(fwd, bwd)`` takes ``fwd(*args) -> (y, kept)`` and ``bwd(kept, y_bar) -> (x_bar, ...)`` with one cotangent
    (or None) for each positional argument. Forward mode uses the same rule: it costs one call of ``bwd`` for each
    element of the result.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> @dualad.custom_vjp
    ... def f(x):
    ...     return np.sum(x**2)
    >>> f.defvjp(lambda x: (f(x), x), lambda x, y_bar: (2 * x * y_bar,))
    >>> dualad.grad(f)(np.array([1.0, 2.0]))
    array([2., 4.])
    """

    def defvjp(self, fwd: Function, bwd: Function) -> None:
        """Set the rule."""
        self._fwd, self._bwd = fwd, bwd

    def _cotangents(self, merged: Any, varied: list[int], primals: Sequence[Any], g: Any) -> list[Any]:
        _, kept = self._fwd(*merged(primals))
        answer = self._bwd(kept, g)
        answers = answer if isinstance(answer, (tuple, list)) else (answer,)
        picked = [answers[i] for i in varied]
        return [np.zeros_like(x) if a is None else a for a, x in zip(picked, primals, strict=True)]

    def _backward(self, merged: Any, varied: list[int]) -> Function:
        def vjp(value: Any, primals: Sequence[Any], g: Any) -> Any:
            several = isinstance(g, tuple)
            parts = list(g) if several else [g]
            values = value if several else (value,)
            known = [i for i, part in enumerate(parts) if part is not None]

            def one(*given: Any) -> Any:
                full = [np.zeros_like(v) for v in values]
                for i, part in zip(known, given, strict=True):
                    full[i] = part
                return tuple(self._cotangents(merged, varied, primals, tuple(full) if several else full[0]))

            return _over_lanes(one, [np.ndim(values[i]) for i in known], [parts[i] for i in known])

        return vjp

    def _forward(self, merged: Any, varied: list[int]) -> Function:
        def jvp(value: Any, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            values = value if isinstance(value, tuple) else (value,)
            answers = []
            for o, v in enumerate(values):
                rows = []
                for unit in np.eye(np.size(v)):
                    g = tuple(
                        np.reshape(unit, np.shape(v)) if i == o else np.zeros_like(w) for i, w in enumerate(values)
                    )
                    rows.append(self._cotangents(merged, varied, primals, g if isinstance(value, tuple) else g[0]))
                answers.append(_moved(rows, tangents, primals, np.shape(v)))
            return tuple(answers) if isinstance(value, tuple) else answers[0]

        return jvp


def _as_arrays(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(map(_as_arrays, value))
    return value if isinstance(value, (np.ndarray, np.generic, DuckArray)) else np.float64(value)


def _over_lanes(one: Function, ndims: Sequence[int], parts: Sequence[Any]) -> Any:
    """Call a rule that knows nothing of lanes once a lane."""
    lanes = lane_shape(parts[0], ndims[0])
    if not lanes:
        return one(*parts)
    flat = [np.reshape(p, (-1, *np.shape(p)[len(lanes) :])) for p in parts]
    answers = [one(*(p[i] for p in flat)) for i in range(len(flat[0]))]

    def stacked(column: Sequence[Any]) -> Any:
        whole = np.stack(column)
        return np.reshape(whole, lanes + np.shape(whole)[1:])

    return tuple(map(stacked, zip(*answers, strict=True))) if isinstance(answers[0], tuple) else stacked(answers)


def _contracted(g: Any, value: Any, columns: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Return the cotangent of an argument from the columns of the Jacobian."""
    parts = g if isinstance(g, tuple) else (g,)
    values = value if isinstance(value, tuple) else (value,)
    total: Any = 0.0
    for o, (part, v) in enumerate(zip(parts, values, strict=True)):
        if part is None:
            continue
        matrix = np.stack([np.reshape(c[o] if isinstance(c, tuple) else c, (-1,)) for c in columns], axis=-1)
        lanes = lane_shape(part, np.ndim(v))
        total = total + np.reshape(np.reshape(part, (*lanes, -1)) @ matrix, lanes + shape)
    return total


def _moved(
    rows: Sequence[Sequence[Any]], tangents: Sequence[Any], primals: Sequence[Any], shape: tuple[int, ...]
) -> Any:
    """Return the tangent of a result from the rows of the Jacobian."""
    total: Any = 0.0
    for i, (t, x) in enumerate(zip(tangents, primals, strict=True)):
        if t is not None:
            matrix = np.stack([np.reshape(row[i], (-1,)) for row in rows])
            lanes = lane_shape(t, np.ndim(x))
            total = total + np.reshape(np.reshape(t, (*lanes, -1)) @ np.transpose(matrix), lanes + shape)
    return total
