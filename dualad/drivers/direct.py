"""A function that a solver calls on plain numbers, as it is until compiling it pays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad.drivers.arguments import collect
from dualad.drivers.choose import COSTS, Work
from dualad.drivers.columns import work_of
from dualad.drivers.first import jacobian
from dualad.drivers.paying import Price, Purse, price
from dualad.drivers.recording import Recording
from dualad.drivers.replays import Form, unsteady
from dualad.drivers.sources import Watch

__all__ = ["Direct"]

_LOOK = 64  # calls after which the function is looked at
_CALL = 2500  # nanoseconds that it takes to come to a replay, and to keep the accounts


class Direct:
    """The right-hand side of a differential equation, ``f(t, y, *args)`` or ``f(y, t, *args)``, and its Jacobian.

    ``place`` is the place of y among the arguments.
    """

    def __init__(self, f: Callable[..., Any], place: int, compile: bool | None) -> None:
        self._f, self.place = f, place
        self._eager = bool(compile)
        self._calls = self._jacobians = 0
        self._saving = 0.0
        self._purse = Purse(self._eager)
        self._forms: dict[str, Form] = {}
        self._plain = f  # what makes the Jacobian uncompiled, where one was asked for
        self._work: Work | None = None
        self._size = 0
        self._off = compile is False
        self.reason = "compile=False was asked for" if compile is False else ""

    def fun(self, first: Any, second: Any, *rest: Any) -> Any:
        """Return the value."""
        if self._off:
            return self._f(first, second, *rest)
        args = (first, second, *rest)
        if self._purse.open and self._fits(args):
            return self._replayed("value", args)
        self._calls += 1
        if self._work is not None:
            self._purse.save(self._saving)
        elif self._calls == _LOOK:
            return self._watched(args)
        elif self._calls > _LOOK:
            self._look(args)
        return self._f(*args)

    def _watched(self, args: tuple[Any, ...]) -> Any:
        """Return the value, and find out whether the function changes what it sees, such as a counter of its calls."""
        watch = Watch([self._f, *args[: self.place], *args[self.place + 1 :]])
        found = self._f(*args)
        self._off, why = unsteady(watch)
        self.reason = f"not compiled: {why}" if why else ""
        return found

    def jacobian(self, plain: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Return the dense Jacobian in y, by a replay where that pays and else by ``plain``."""
        if self._off:
            return plain(*args)
        if self._purse.open and self._fits(args) and (self._eager or "jacobian" in self._forms or self._worth):
            self._plain = plain
            return self._replayed("jacobian", args)
        self._jacobians += 1
        return plain(*args)

    def holds(self, _: Any = None) -> bool:
        """Say whether replays come to what the function does, where it was called last."""
        return all([form.holds() for form in self._forms.values()])

    @property
    def _worth(self) -> bool:
        """Say whether so many Jacobians have been asked for that compiling theirs pays."""
        if self._work is None:
            return False
        cost = price("jacobian", self._size, self._size, self._work)
        return self._jacobians * (COSTS.dual.cost(self._work, self._size) - cost.replay) >= cost.build

    def _fits(self, args: tuple[Any, ...]) -> bool:
        y = args[self.place]
        return type(y) is np.ndarray and y.dtype == np.float64

    def _look(self, args: tuple[Any, ...]) -> None:
        """Record the function to see what it does."""
        try:
            self._work = work_of(Recording(self._f, [self.place], args, {}, "compile").tape)
        except Exception as error:  # whatever it is: it can do without
            self._off, self.reason = True, f"not compiled: {type(error).__name__}: {error}"
            return
        self._size = int(np.size(args[self.place]))
        cost = price("value", self._size, self._size, self._work)
        self._saving = COSTS.plain.cost(self._work, 0) - cost.replay - _CALL
        if self._saving <= 0:
            self._off, self.reason = True, "not compiled: replays would save nothing"
            return
        self._purse.price = cost.build
        self._purse.save(self._calls * self._saving)

    def _replayed(self, what: str, args: tuple[Any, ...]) -> Any:
        form = self._forms.get(what)
        if form is None:
            form = self._forms[what] = self._form(what)
        # The solver may overwrite its arrays before the replay is looked at again.
        y = args[self.place].copy()
        found = form(*args[: self.place], y, *args[self.place + 1 :])
        if form.off and not self._eager:
            self._off, self.reason = True, f"not compiled: {form.reason}"
        return found

    def _form(self, what: str) -> Form:
        f, place, n = self._f, self.place, self._size
        work = self._work  # None where it is compiled at once, whatever that costs
        cost = Price(0.0, 0.0, 0.0) if work is None else price(what, n, n, work)

        def collected(*args: Any) -> Any:
            return collect(f(*args))

        if what == "value":
            saving = 0.0 if work is None else self._saving
            return Form(collected, f, cost, self._purse, saving)
        saving = 0.0 if work is None else COSTS.dual.cost(work, n) - cost.replay
        return Form(jacobian(collected, argnums=place), self._plain, cost, self._purse, saving)
