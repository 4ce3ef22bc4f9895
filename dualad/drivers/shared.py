"""The derivatives of one function at one point, sharing one recording: what a solver asks for in several calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad.drivers.arguments import collect
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import choose
from dualad.drivers.recording import Recording, one_number
from dualad.sweeps.second import hessian_columns
from dualad.sweeps.kernels import Tangents

__all__ = ["Derivatives", "derivatives"]


class Derivatives:
    """The callables that solvers take, ``fun``, ``grad``, ``jac``, ``hess`` and ``hessp``, which share their work.

    Made by :func:`derivatives`. The function's Python body runs once at each x, whatever is asked for at that x.
    """

    def __init__(self, f: Callable[..., Any], argnum: int = 0) -> None:
        self._f, self._argnum = f, argnum
        self._last: tuple[Any, tuple[Any, ...], dict[str, Any], _Point] | None = None

    def _at(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Point:
        x, rest = args[self._argnum], args[: self._argnum] + args[self._argnum + 1 :]
        last = self._last
        if last is not None and _same(x, last[0]) and _alike(rest, last[1]) and _alike_named(kwargs, last[2]):
            return last[3]
        point = _Point(Recording(self._f, [self._argnum], args, kwargs, "derivatives"))
        # One assignment, so that another thread sees all of it or nothing.
        self._last = (np.array(x), rest, kwargs, point)
        return point

    def fun(self, *args: Any, **kwargs: Any) -> Any:
        """Return the value of f."""
        return self._at(args, kwargs).value

    def grad(self, *args: Any, **kwargs: Any) -> Any:
        """Return the gradient, of the shape of x; f must return one number."""
        return self._at(args, kwargs).gradient()

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and the gradient."""
        point = self._at(args, kwargs)
        return point.value, point.gradient()

    def jac(self, *args: Any, **kwargs: Any) -> Any:
        """Return the Jacobian, of shape T + S."""
        return self._at(args, kwargs).jacobian()

    def hess(self, *args: Any, **kwargs: Any) -> Any:
        """Return the Hessian, of shape S + S; f must return one number."""
        return self._at(args, kwargs).hessian()

    def hessp(self, x: Any, p: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the Hessian times p."""
        return self._at((x, *args), kwargs).hessian_product(p)

    def weighted_hess(self, x: Any, v: Any, *args: Any) -> Any:
        """Return the Hessian of ``v @ f(x)``, as constraints take it."""
        return self._at((x, *args), {}).weighted_hessian(np.asarray(v, dtype=float))


class _Point:
    """What is known of f at one x."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.y = collect(recording.result)
        self.depends = recording.mine(self.y)
        value = self.y._primal() if self.depends else self.y
        self.value = value[()] if isinstance(value, np.ndarray) else value
        self.shape = recording.arrays[0].shape
        self.n = recording.arrays[0].size
        self._gradient: Any = None
        self._jacobian: Any = None

    def _scalar_node(self) -> int:
        return one_number(self.y, "grad")._operand()  # type: ignore[no-any-return]

    def gradient(self) -> Any:
        if self._gradient is None:
            if not self.depends:
                one_number(self.y, "grad")
                self._gradient = np.zeros(self.shape)
            else:
                self._gradient = self.recording.pull({self._scalar_node(): np.float64(1.0)})[0]
        return self._gradient.copy()

    def jacobian(self) -> Any:
        if self._jacobian is None:
            m = int(np.size(self.value))
            if not self.depends or not m or not self.n:
                self._jacobian = np.zeros(np.shape(self.value) + self.shape)
            else:
                plan = choose(max(self.n, 5), m, nodes=len(self.recording.tape))
                columns = self._by_columns() if plan.mode == "forward" else jacobian_rows(self.recording, self.y, None)[0]
                self._jacobian = columns
        return self._jacobian.copy()

    def _by_columns(self) -> Any:
        tape = self.recording.tape
        sweep = Tangents(tape, self.n)
        sweep.seed(self.recording.inputs[0], np.reshape(np.eye(self.n), (self.n, *self.shape)))
        sweep.sweep()
        columns = np.moveaxis(sweep.of(self.y._operand()), 0, -1)
        return np.reshape(columns, np.shape(self.value) + self.shape)

    def hessian(self) -> Any:
        if not self.depends:
            return np.zeros(self.shape * 2)
        return self._columns(np.eye(self.n), None).reshape(self.shape * 2)

    def weighted_hessian(self, v: Any) -> Any:
        if not self.depends:
            return np.zeros(self.shape * 2)
        return self._columns(np.eye(self.n), np.reshape(v, np.shape(self.value))).reshape(self.shape * 2)

    def hessian_product(self, p: Any) -> Any:
        if not self.depends:
            return np.zeros(self.shape)
        return self._columns(np.reshape(np.asarray(p, dtype=float), (1, self.n)), None).reshape(self.shape)

    def _columns(self, directions: Any, weights: Any) -> Any:
        node = self.y._operand() if weights is not None else self._scalar_node()
        lanes = np.reshape(directions, (len(directions), *self.shape))
        return hessian_columns(self.recording.tape, node, self.recording.inputs[0], lanes, weights)


def _same(x: Any, other: Any) -> bool:
    x = np.asarray(x)
    return bool(x.shape == other.shape and x.dtype == other.dtype and x.tobytes() == other.tobytes())


def _alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _alike_named(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


def derivatives(f: Callable[..., Any]) -> Derivatives:
    """Return the callables that a solver takes, which share one recording of ``f`` at each x.

    Parameters
    ----------
    f : callable
        Function of an array x and further arguments.

    Returns
    -------
    Derivatives
        With ``.fun``, ``.grad``, ``.jac``, ``.hess``, ``.hessp`` and ``.value_and_grad``, each called like ``f`` (``hessp``
        with the direction after x).

    Notes
    -----
    One recording at each new x; ``fun`` alone costs about two evaluations of ``f`` for that reason. Arrays passed in
    ``args`` are taken to be unchanged between calls with equal x.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> d = dualad.derivatives(lambda x: x[0] ** 2 * x[1])
    >>> x = np.array([2.0, 3.0])
    >>> float(d.fun(x)), d.grad(x), d.hess(x)
    (12.0, array([12.,  4.]), array([[6., 4.],
           [4., 0.]]))
    """
    return Derivatives(f)
