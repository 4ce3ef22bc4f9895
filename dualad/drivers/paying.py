"""When a solve compiles a function: the cost of compiling against what each replay saves.

How long a solve lasts is not known in advance. So it waits until what replays would have saved comes to what compiling
costs, and compiles then: whenever the solve ends, it has cost at most about twice what the better choice would have
(the ski rental problem; Karlin, Manasse, Rudolph and Sleator (1988), *Competitive snoopy caching*, Algorithmica 3,
79-119). All times are predicted from what the function does and never taken with a clock: a solve takes the same path
whenever it is run.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

from dualad.drivers.choose import COSTS, DIRECT, Rate, Work, choose

__all__ = ["CALLBACK", "PROGRAMS", "Price", "Programs", "Purse", "carried", "price", "told"]


class Programs(NamedTuple):
    """Measured rates of programs: of values, of first and of second derivatives.

    To record, differentiate, build and make sure of one, and to run it, in nanoseconds, as in `choose`.
    ``benchmarks/bench_paying.py`` measures them again.
    """

    made: tuple[Rate, Rate, Rate] = (
        Rate(200e3, 14e3, 270, 13),
        Rate(200e3, 36e3, 240, 19, 200),
        Rate(180e3, 93e3, 250, 8.7, 150, 7.4),
    )
    # The call itself takes 0.1 to 0.2 us; a solve's way to it, and its accounts, take the rest of the start.
    run: tuple[Rate, Rate, Rate] = (
        Rate(600, 10, 0.55, 0.73),
        Rate(1000, 52, 1.1, 1.1, 0.44),
        Rate(1000, 64, 1.1, 1.0, 0.0, 0.37),
    )


PROGRAMS = Programs()
CALLBACK = 15e3  # what a replay takes for each node that it leaves to Python
_ORDERS = {"value": 0, "gradient": 1, "jacobian": 1, "product": 2, "hessian": 2, "weighted": 2}


class Price(NamedTuple):
    """What one form of a function costs in nanoseconds: ``plain`` each time uncompiled, beside what carries all forms
    at one x, ``replay`` each time compiled, and ``build`` once.
    """

    plain: float
    replay: float
    build: float


class Purse:
    """What replays would have saved until now, or have saved, and what was spent on compiling.

    ``price`` is what compiling all forms costs that are in use. As soon as that has been saved the purse is open; when
    the spendings exceed the savings by the price, it is empty, and nothing more is compiled.
    """

    def __init__(self, eager: bool) -> None:
        self.eager, self.open, self.empty = eager, eager, False
        self.saved = self.spent = self.price = 0.0

    def save(self, nanoseconds: float) -> None:
        """Put in what one replay saves."""
        self.saved += nanoseconds
        self.open = self.eager or self.open or 0.0 < self.price <= self.saved

    def spend(self, nanoseconds: float) -> None:
        """Take out what one recording costs."""
        self.spent += nanoseconds
        self.empty = not self.eager and self.spent > self.saved + self.price


def carried(n: int, work: Work, dual: bool, second: bool) -> float:
    """Return what the evaluation costs that carries all that is asked for at one x."""
    if not dual:
        return COSTS.record.cost(work, 0)
    return COSTS.hyper.cost(work, n * (n + 2)) if second else COSTS.dual.cost(work, n)


@functools.lru_cache(maxsize=256)
def price(form: str, n: int, m: int, work: Work, dual: bool = False) -> Price:
    """Return what one form of a function costs.

    Parameters
    ----------
    form : {"value", "gradient", "jacobian", "hessian", "weighted", "product"}
        The value; the value and the gradient; the Jacobian; the Hessian, also of weighted outputs; the Hessian times a
        vector.
    n, m : int
        Numbers of inputs and outputs.
    work : Work
        What f does.
    dual : bool
        Uncompiled, dual or hyper-dual numbers carry it.
    """
    order, c = _ORDERS[form], COSTS
    lanes = {"value": 0, "jacobian": min(n, m), "hessian": n, "weighted": n}.get(form, 1)
    replay, build = PROGRAMS.run[order].cost(work, lanes), PROGRAMS.made[order].cost(work, lanes)
    if dual or form == "value":
        return Price(0.0, replay, build)
    if form == "gradient":
        return Price(c.reverse.cost(work, 1), replay, build)
    if form == "jacobian":
        plan = choose(n, m, 1, work, recorded=True)
        return Price(c.plain.cost(work, 0) * min(plan.costs.values(), default=0.0), replay, build)
    columns = c.forward.cost(work, lanes) * 3  # over a tape that the gradient has made three times as long
    extend = 0.0 if form == "product" else c.extend.cost(work, 0)  # products at one x share that
    return Price(extend + columns, replay, build)


def told(n: int, m: int, order: int, work: Work) -> tuple[float, str]:
    """Return after how many evaluations a solve compiles, and why, in a sentence."""
    dual = n > 0 and not choose(n, m, order, work).recorded and n <= DIRECT
    forms = ["gradient", "hessian"] if order == 2 else ["gradient"] if m == 1 else ["value", "jacobian"]
    prices = [price(form, n, m, work, dual) for form in forms]
    plain = carried(n, work, dual, order == 2) + sum(one.plain for one in prices)
    replay, build = sum(one.replay for one in prices), sum(one.build for one in prices)
    after = math.ceil(build / (plain - replay)) if plain > replay else math.inf
    each = f"{_time(plain)} each, {_time(replay)} by a replay"
    if math.isinf(after):
        return after, f"a solve does not compile it: {each}"
    return after, f"a solve compiles it after {after} evaluations: {each}, {_time(build)} to compile"


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e3:.3g} us" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.3g} ms"
