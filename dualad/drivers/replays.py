"""Compiled forms of the functions of a solve: made when they pay, made sure of at the solution, dropped otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad.drivers.arguments import as_argument, collect
from dualad.drivers.backward import value_and_grad
from dualad.drivers.compiling import compile as compiled
from dualad.drivers.first import jacobian
from dualad.drivers.paying import CALLBACK, Price, Purse, carried, price
from dualad.drivers.point import Known, Point
from dualad.drivers.second import hessian, hvp
from dualad.drivers.sources import Watch

__all__ = ["Form", "Forms", "Replayed", "unsteady"]

Function = Callable[..., Any]

_STEP = 2.0**-30  # relative change of x that shows how sensitive a result is
_ROUNDING = 64 * np.finfo(float).eps


class Form:
    """One form of a function, its value or a derivative, compiled; calls are paid from a purse.

    ``truth`` evaluates it afresh. ``reason`` says why it is replayed no more, where it is ``off``.
    """

    def __init__(self, function: Function, truth: Function, price: Price, purse: Purse, saving: float) -> None:
        self.truth, self.price, self.purse, self.saving = truth, price, purse, saving
        self.compiled: Any = compiled(function)
        self.compiled.side.quiet = not purse.eager
        self.off, self.reason = False, ""
        self._recordings = 0
        self._last: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns."""
        side = self.compiled.side
        found = self.compiled(*args, **kwargs)
        self._last = args, kwargs
        if side.recordings == self._recordings:
            self.purse.save(self.saving)
        else:
            # Each recording has to be paid for, so that a function that never settles costs little.
            self.purse.spend(self.price.build * (side.recordings - self._recordings))
            self._recordings = side.recordings
            self._look(side)
        if self.off:
            return found
        if self.purse.empty:
            self.off, self.reason = True, "it was recorded again and again, and replays have not paid for that"
        elif side.reasons:
            self.off, self.reason = True, side.reasons[-1]
        return found

    def _look(self, side: Any) -> None:
        """Take note of what a new program cannot do without Python."""
        calls = max([variant.program.stats.get("callbacks", 0) for variant in side.variants()[:1]], default=0)
        if not self.purse.eager and self.saving <= calls * CALLBACK:
            self.off, self.reason = True, f"the program calls Python {calls} times, and so would save nothing"

    def holds(self, x: Any = None, place: int = 0) -> bool:
        """Say whether a replay comes to what the function itself does, at ``x`` or where it was called last.

        True where nothing is replayed.
        """
        if self._last is None or self.off or not self.compiled.side.replays():
            return True
        given, kwargs = self._last
        args = list(given)
        if x is not None and np.shape(x) == np.shape(args[place]):
            args[place] = np.array(x, dtype=float)[()]
        found, right = self.compiled(*args, **kwargs), self.truth(*args, **kwargs)
        if _near(found, right):
            return True
        at = np.asarray(args[place], dtype=float)
        scale = np.where(at == 0, np.max(np.abs(at), initial=0.0) or 1.0, np.abs(at))
        args[place] = (at + _STEP * scale)[()]
        if _near(found, right, self.truth(*args, **kwargs)):
            return True
        self.off, self.reason = True, "a replay differed from the function"
        return False


def unsteady(watch: Watch) -> tuple[bool, str]:
    """Say whether a function has changed what it sees, and if so why it is therefore not replayed."""
    changed = watch.changed()
    return bool(changed), f"the function changes {changed[0]}" if changed else ""


def _near(found: Any, right: Any, moved: Any = None) -> bool:
    """Say whether results are equal, or with ``moved``, the result at a slightly other x, as near as can be asked.

    NumPy rounds sums by the layout of arrays, and a program sums derivatives in another order than a recording. What
    that costs where terms cancel, a change of x in its last digits costs as well.
    """
    if isinstance(right, tuple):
        others = right if moved is None else moved
        parts = zip(found, right, others, strict=True)
        return all([_near(a, b, None if moved is None else c) for a, b, c in parts])
    found, right = np.asarray(found, dtype=float), np.asarray(right, dtype=float)
    if found.shape != right.shape:
        return False
    if moved is None:
        return bool(np.array_equal(found, right, equal_nan=True))
    finite = np.isfinite(right)
    if not np.array_equal(found[~finite], right[~finite], equal_nan=True):
        return False
    change = np.abs(np.asarray(moved, dtype=float) - right)[finite]
    allowed = np.max(change, initial=0.0) + _ROUNDING * np.max(np.abs(right[finite]), initial=0.0)
    return bool(np.all(np.abs(found - right)[finite] <= allowed))


# --- the forms of one function of x -----------------------------------------------------------------------------------


def _value(f: Function) -> Function:
    return lambda x, *args, **kwargs: collect(f(x, *args, **kwargs))


def _one_number(f: Function) -> Function:
    def number(x: Any, *args: Any, **kwargs: Any) -> Any:
        y = collect(f(x, *args, **kwargs))
        return np.reshape(y, ()) if np.ndim(y) else y

    return number


def _weighted(f: Function) -> Function:
    return hessian(lambda x, weights, *args, **kwargs: np.sum(weights * collect(f(x, *args, **kwargs))))


_MADE: dict[str, Callable[[Function], Function]] = {
    "value": _value,
    "gradient": lambda f: value_and_grad(_one_number(f)),
    "jacobian": lambda f: jacobian(_value(f)),
    "hessian": lambda f: hessian(_one_number(f)),
    "product": lambda f: hvp(_one_number(f)),
    "weighted": _weighted,
}


def _truth(f: Function, form: str) -> Function:
    def fresh(x: Any, *args: Any, **kwargs: Any) -> Any:
        first, rest = (args[:1], args[1:]) if form in ("product", "weighted") else ((), args)
        point = Point(f, (x, *rest), kwargs)
        if form == "gradient":
            return np.reshape(point.value(), ())[()], point.gradient()  # an array of one number is one, as in the form
        names = {"product": "hessian_product", "weighted": "weighted_hessian"}
        return getattr(point, names.get(form, form))(*first)

    return fresh


class Forms:
    """All forms of one function that a solve asks for, and the purse from which they are compiled."""

    def __init__(self, f: Function, eager: bool) -> None:
        self.f = f
        self.purse = Purse(eager)
        self.made: dict[str, Form] = {}
        self.prices: dict[str, Price] = {}
        self._gains: dict[tuple[str, bool, int], float] = {}
        self.sizes: tuple[int, int, Any] | None = None  # of inputs, of outputs, and what f does
        self.shape: tuple[int, ...] = ()
        self.off, self.reason = False, ""
        self.steady = eager  # what it sees stays as it is while it is evaluated

    def learn(self, point: Point) -> None:
        """Take note of what f does."""
        if self.sizes is None or self.sizes[:2] != (point.n, point.m):
            self._gains.clear()
            self.sizes, self.shape = (point.n, point.m, point.work), np.shape(point.y)
            if not (point.n and point.m and point.depends):
                self.off, self.reason = True, "the result does not depend on x"

    def note(self, what: str, fresh: bool, order: int) -> None:
        """Count an uncompiled evaluation, ``fresh`` where the function had to run for it."""
        if self.off or self.sizes is None:
            return
        if what == "compressed":
            self.off, self.reason = True, "compressed Jacobians are carried by dual numbers"
            return
        gain = self._gains.get((what, fresh, order))
        if gain is None:
            gain = self._gains[what, fresh, order] = self._gain(what, fresh, order)
        self.purse.save(gain)

    def _gain(self, what: str, fresh: bool, order: int) -> float:
        """Return what a replay saves of an evaluation, and take note of what it would cost."""
        n, m, work = self.sizes  # type: ignore[misc]
        if what == "gradient":
            self._gains.clear()  # the value comes with it from now on
            self.prices.pop("value", None)
        if not (what == "value" and "gradient" in self.prices):
            self.prices[what] = price(what, n, m, work, order > 0)
            self.purse.price = sum([one.build for one in self.prices.values()])
        saved = carried(n, work, order > 0, order == 2) if fresh else 0.0
        if what in self.prices:
            saved += self.prices[what].plain - self.prices[what].replay
        return saved

    def name(self, what: str) -> str:
        """Return the form that answers ``what``: the value comes with the gradient where that is asked for as well."""
        return "gradient" if what == "value" and "gradient" in self.prices else what

    @property
    def on(self) -> bool:
        """Say whether replays serve."""
        return self.steady and self.purse.open and not self.off and self.sizes is not None

    def evaluated(self, make: Callable[[], Known], others: Sequence[Any]) -> Known:
        """Return what an uncompiled evaluation makes; the last one before compiling is watched.

        A function that counts its calls would be found out by recordings as well, but these are calls, which it counts.
        """
        if self.steady or self.off or not self.purse.open:
            return make()
        watch = Watch([self.f, *others])
        found = make()
        self.off, self.reason = unsteady(watch)
        self.steady = not self.off
        return found

    def told(self) -> str:
        """Return in a sentence why it is compiled, or is not."""
        if self.off:
            return f"not compiled: {self.reason}"
        if self.purse.eager:
            return "compile=True was asked for"
        saved, price = f"{self.purse.saved / 1e6:.2f} ms", f"{self.purse.price / 1e6:.2f} ms"
        if self.on:
            return f"compiled: it costs about {price}, and replays have saved or would have saved {saved}"
        return f"not compiled yet: it costs about {price}, and replays would have saved {saved} until now"

    def serve(self, what: str, x: Any = None) -> bool:
        """Say whether ``what`` is to be had by a replay."""
        if not self.on or what == "compressed" or (x is not None and not _double(x)):
            return False
        return what in ("value", "jacobian", "weighted") or self.sizes[1] == 1  # type: ignore[index]

    def form(self, what: str) -> Form:
        """Return a form, compiled."""
        if what not in self.made:
            n, m, work = self.sizes  # type: ignore[misc]
            cost = self.prices.get(what) or price(what, n, m, work)
            # What carries all forms at one x is saved by the first of them.
            saving = cost.plain - cost.replay
            saving += carried(n, work, False, False) if what in ("value", "gradient") else 0.0
            self.made[what] = Form(_MADE[what](self.f), _truth(self.f, what), cost, self.purse, saving)
        return self.made[what]

    def result(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Return the result of a replay."""
        form = self.form(what)
        found = form(*args, **kwargs)
        if form.off and not self.purse.eager:
            self.off, self.reason = True, form.reason
        return found

    def holds(self, x: Any = None) -> bool:
        """Say whether all replays come to what the function does; nothing more is replayed where they do not."""
        wrong = [form.reason for form in self.made.values() if not form.holds(x)]
        if wrong:
            self.off, self.reason = True, wrong[0]
        return not wrong


def _double(x: Any) -> bool:
    """Say whether x is taken as doubles: numbers of another precision make a program of their own."""
    return x.dtype == np.float64 if type(x) is np.ndarray else bool(np.result_type(x, float) == np.float64)


class Replayed(Known):
    """A function at one x by replays, each made when it is asked for."""

    def __init__(self, forms: Forms, what: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        super().__init__(None)
        self._forms, self._args, self._kwargs = forms, args[1:], kwargs
        x = args[0]
        # A copy, because solvers write into theirs.
        double = type(x) is np.ndarray and x.dtype == np.float64 and x.ndim
        self._x = x.copy() if double else np.array(as_argument(x, "derivatives"), dtype=float)[()]
        self._jacobian: Any = None
        if what == "jacobian":
            self.jacobian()
        elif what in ("value", "gradient"):
            self._run(what)

    def _run(self, what: str) -> None:
        form = self._forms.name(what)
        found = self._forms.result(form, self._x, *self._args, **self._kwargs)
        if form == "gradient":
            value, self._gradient = found
            self._value = value if not self._forms.shape else np.reshape(value, self._forms.shape)
        else:
            self._value = found

    def knows(self, what: str) -> bool:  # noqa: D102 - as in Known
        had = {"value": self._value, "gradient": self._gradient, "jacobian": self._jacobian}.get(what)
        return had is not None or self._forms.serve(what)

    def value(self) -> Any:  # noqa: D102 - as in Known
        if self._value is None:
            self._run("value")
        return super().value()

    def gradient(self) -> Any:  # noqa: D102 - as in Known
        if self._gradient is None:
            self._run("gradient")
        return np.array(self._gradient)[()]

    def jacobian(self) -> Any:
        """Return the Jacobian, of shape T + S."""
        if self._jacobian is None:
            self._jacobian = self._forms.result("jacobian", self._x, *self._args, **self._kwargs)
        return self._jacobian.copy()

    def hessian(self) -> Any:
        """Return the Hessian, of shape S + S."""
        return self._forms.result("hessian", self._x, *self._args, **self._kwargs)

    def hessian_product(self, p: Any) -> Any:
        """Return the Hessian times p, of the shape of x."""
        p = np.array(np.reshape(p, np.shape(self._x)), dtype=float)[()]
        return self._forms.result("product", self._x, p, *self._args, **self._kwargs)

    def weighted_hessian(self, weights: Any) -> Any:
        """Return the Hessian of the sum of ``weights * y``."""
        weights = np.array(np.reshape(weights, self._forms.shape), dtype=float)[()]
        return self._forms.result("weighted", self._x, weights, *self._args, **self._kwargs)
