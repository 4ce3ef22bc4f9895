"""The derivatives of one function at one point, sharing one recording: what a solver asks for in several calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from dualad.drivers.choose import Plan, choose
from dualad.drivers.compressed import Compressed
from dualad.drivers.point import DualPoint, Known, Point
from dualad.drivers.replays import Forms, Replayed

__all__ = ["Derivatives", "derivatives"]

_RECORDED = 2  # points with their recordings: where a step fails, solvers go back to the point that it started from
_KNOWN = 32  # points with value and gradient alone, for solvers that end with a look at the best point that they met
_ORDER = {"value": 0, "gradient": 1, "jacobian": 1, "compressed": 1, "hessian": 2, "product": 2, "weighted": 2}
_SMALL = 1 << 14  # bytes of an x for which this is done


class Derivatives:
    """The callables that solvers take, ``fun``, ``grad``, ``jac``, ``hess`` and ``hessp``, which share their work.

    Made by :func:`derivatives`. The function's Python body runs once at each x, whatever is asked for at that x: it is
    recorded, or, where this is cheaper for what was asked for before, evaluated on dual or hyper-dual numbers. Only a
    derivative of higher order than any that was asked for before may need another run. Where there are so many x that
    it pays, the function is compiled and its body runs no more.
    """

    def __init__(self, f: Callable[..., Any], compile: bool | None = None) -> None:
        self._f, self._compile = f, compile
        self._forms = None if compile is False else Forms(f, bool(compile))
        self._points: tuple[tuple[Any, Known], ...] = ()
        self._wanted = 0  # the highest order of derivative that was asked for
        self._order = 0  # the next points are evaluated on dual numbers (1), on hyper-dual numbers (2), or recorded

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself."""
        return self._f

    def __reduce__(self) -> Any:
        # Workers in other processes receive the function; recordings stay here.
        return Derivatives, (self._f, self._compile)

    def _at(self, x: Any, args: tuple[Any, ...], kwargs: dict[str, Any], what: str) -> Any:
        """Return what is known at x, a point that knows ``what``, one of the names in ``_ORDER``."""
        array = np.asarray(x)
        key = (array.shape, array.dtype, array.tobytes(), args, kwargs)
        point = self._found(key, what)
        fresh = point is None
        if point is None:
            point = self._made(key, what, (x, *args), kwargs)
        wanted, forms = _ORDER[what], self._forms
        if forms is not None and isinstance(point, (Point, DualPoint)):
            if isinstance(point, Point):
                forms.learn(point)
            forms.note(what, fresh, self._order)
        if wanted > self._wanted and isinstance(point, Point):
            # What is asked for once is asked for again, and now it is known what f does.
            self._wanted, self._order = wanted, point.order(wanted)
        return point

    def _found(self, key: tuple[Any, ...], what: str) -> Known | None:
        for known, point in self._points:
            same = (
                known[2] == key[2]
                and known[:2] == key[:2]
                and _alike(known[3], key[3])
                and _alike_named(known[4], key[4])
            )
            if same and point.knows(what):
                return point
        return None

    def _made(self, key: tuple[Any, ...], what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Known:
        point = self._evaluated(what, args, kwargs)
        recent, older = self._points[: _RECORDED - 1], self._points[_RECORDED - 1 : _KNOWN - 1]
        light: tuple[tuple[Any, Known], ...] = ()
        if older and len(key[2]) <= _SMALL:
            (known, old), *rest = older
            light = ((known, old.light()), *rest)  # which are light already
        # One assignment, so that another thread sees all of it or nothing.
        self._points = ((key, point), *recent, *light)
        return point

    def _evaluated(self, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Known:
        """Run f at a new x and return what carries its derivatives there: the one place that chooses the carrier."""
        if self._forms is None:
            return self._carried(what, args, kwargs)
        if self._forms.serve(what, args[0]):
            return Replayed(self._forms, what, args, kwargs)
        return self._forms.evaluated(lambda: self._carried(what, args, kwargs), (*args[1:], *kwargs.values()))

    def _carried(self, what: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Known:
        if self._order == 2 or (self._order == 1 and _ORDER[what] < 2):
            return DualPoint(self._order, self._f, args, kwargs)
        return Point(self._f, args, kwargs)

    def fun(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the value of f."""
        return self._at(x, args, kwargs, "value").value()

    def grad(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the gradient, of the shape of x; f must return one number."""
        return self._at(x, args, kwargs, "gradient").gradient()

    def value_and_grad(self, x: Any, /, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and the gradient."""
        point = self._at(x, args, kwargs, "gradient")
        return point.value(), point.gradient()

    def jac(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the Jacobian, of shape T + S for x of shape S and f(x) of shape T."""
        return self._at(x, args, kwargs, "jacobian").jacobian()

    def compressed_jac(self, pattern: Compressed, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the Jacobian as a sparse array of the given pattern."""
        return self._at(x, args, kwargs, "compressed").compressed_jacobian(pattern)

    def hess(self, x: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the Hessian, of shape S + S; f must return one number."""
        return self._at(x, args, kwargs, "hessian").hessian()

    def hessp(self, x: Any, p: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the Hessian times p, of the shape of x; f must return one number."""
        return self._at(x, args, kwargs, "product").hessian_product(p)

    def weighted_hess(self, x: Any, v: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return the Hessian of ``v @ f(x)``, as constraints take it."""
        return self._at(x, args, kwargs, "weighted").weighted_hessian(v)

    @property
    def plan(self) -> Plan:
        """What was chosen for the derivatives that were asked for, and whether, when and why they are compiled."""
        forms = self._forms
        n, m, work = forms.sizes if forms is not None and forms.sizes is not None else (0, None, None)
        said = "compile=False was asked for" if forms is None else forms.told()
        chosen = choose(n, m, max(self._wanted, 1), work)
        return replace(chosen, compiled=forms is not None and forms.on, compiling=said)

    def holds(self, x: Any = None) -> bool:
        """Say whether replays come to what the function does, at x or where it was called last.

        True where nothing was replayed. Where they differ, nothing is replayed any more.
        """
        if self._forms is None or self._forms.holds(x):
            return True
        self._points = ()
        return False


def _alike(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _alike_named(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name] is other[name] for name in one)


def derivatives(f: Callable[..., Any], *, compile: bool | None = None) -> Derivatives:
    """Return the callables that a solver takes, which share one recording of ``f`` at each x.

    Parameters
    ----------
    f : callable
        Function of an array x and further arguments.
    compile : bool, optional
        Whether ``f`` is compiled: not at all, or as soon as it has been recorded once. By default when the calls have
        become so many that it pays, which ``.plan`` tells.

    Returns
    -------
    Derivatives
        With ``.fun``, ``.grad``, ``.value_and_grad``, ``.jac`` and ``.hess``, each called like ``f``, with ``.hessp``,
        which takes the direction after x, and with ``.weighted_hess`` for constraints, which takes the weights of the
        results after x. ``.plan`` says what was chosen, ``.holds(x)`` whether replays come to what the function does.

    Notes
    -----
    ``f`` is recorded once at each new x, at the cost of about two evaluations; what else is asked for at that x is
    swept over the recording. Further arguments are compared by identity: an array that is changed in place between two
    calls at the same x is not seen to have changed.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import optimize
    >>> d = optimize.derivatives(lambda x: x[0] ** 2 * x[1])
    >>> x = np.array([2.0, 3.0])
    >>> float(d.fun(x)), d.grad(x), d.hess(x)
    (12.0, array([12.,  4.]), array([[6., 4.],
           [4., 0.]]))
    """
    return Derivatives(f, compile)
