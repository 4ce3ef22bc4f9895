"""What is known of a function at one x: one evaluation that carries derivatives, each of them made when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument, chunks, collect, identity_lanes, lanes_of, seeded
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import DIRECT, SIDE, Plan, choose, most_lanes
from dualad.drivers.columns import collected, jacobian_columns, tangents, work_of
from dualad.drivers.compressed import Compressed
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.recording import Recording, one_number
from dualad.duck.levels import fresh_level

__all__ = ["DualPoint", "Known", "Point"]


class Known:
    """A value, and a gradient where it was asked for.

    What carries more has more: ``jacobian()``, ``compressed_jacobian(pattern)``, ``hessian()``,
    ``weighted_hessian(weights)`` and ``hessian_product(p)``, as :class:`Point` has them.
    """

    def __init__(self, value: Any, gradient: Any = None) -> None:
        self._value, self._gradient = value, gradient

    def knows(self, what: str) -> bool:
        """Say whether ``what``, "value" or "gradient" or anything else, can be had."""
        return what == "value" or (what == "gradient" and self._gradient is not None)

    def value(self) -> Any:
        """Return the value, one of its own: the caller may write into it."""
        return np.array(self._value)[()]

    def gradient(self) -> Any:
        """Return the gradient, of the shape of x."""
        return self._gradient.copy()

    def light(self) -> Known:
        """Return the value and the gradient alone."""
        return Known(self._value, self._gradient)


class Point(Known):
    """A recorded function of one array, and the sweeps over its tape."""

    def __init__(self, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.recording = Recording(f, [0], args, kwargs, "derivatives")
        self.recording.tape.inputs = self.recording.inputs
        self.y = collected(self.recording)
        self.depends = self.recording.mine(self.y)
        self.work = work_of(self.recording.tape)
        self.shape: tuple[int, ...] = self.recording.arrays[0].shape
        self.n, self.m = int(self.recording.arrays[0].size), int(np.size(self.y))
        super().__init__(self.y._primal() if self.depends else self.y)
        self._jacobian: Any = None
        self._second: SecondOrder | None = None

    def knows(self, what: str) -> bool:
        """Say that everything can be had."""
        return True

    def order(self, wanted: int) -> int:
        """Return ``wanted`` where (hyper-)dual numbers carry it in one evaluation and cheaper than the tape, else 0."""
        if not 0 < self.n <= (DIRECT if wanted == 1 else SIDE):
            return 0
        return 0 if choose(self.n, self.m, wanted, self.work).recorded else wanted

    def gradient(self) -> Any:
        """Return the gradient, of the shape of x."""
        if self._gradient is None:
            y = one_number(self.y, "grad")
            self._gradient = self.recording.pull({y._operand(): np.float64(1.0)} if self.depends else {})[0]
        return self._gradient.copy()

    def plan(self) -> Plan:
        """Return what the dispatcher chooses for the Jacobian."""
        return choose(self.n, self.m, 1, self.work, recorded=True)

    def jacobian(self) -> Any:
        """Return the Jacobian, by columns or by rows as the dispatcher chooses."""
        if self._jacobian is None:
            shape = np.shape(self.y) + self.shape
            plan = self.plan()
            if not self.depends or not self.m or not self.n:
                self._jacobian = np.zeros(shape)
            elif plan.mode == "forward":
                self._jacobian = jacobian_columns(self.recording, self.y, plan.chunk).reshape(shape)
            else:
                self._jacobian = jacobian_rows(self.recording, self.y, plan.chunk)[0]
        return self._jacobian.copy()

    def compressed_jacobian(self, pattern: Compressed) -> Any:
        """Return the Jacobian as a sparse array, its columns carried by the groups of a pattern."""
        seeds = pattern.fitting(self.m, self.n)
        chunk = most_lanes(max(self.n, self.m), self.work.scalars)
        lanes = [np.zeros((0, self.m))]
        for at in range(0, len(seeds) if self.depends else 0, chunk):
            part = seeds[at : at + chunk]
            lanes.append(tangents(self.recording, self.y, [part.reshape(len(part), *self.shape)]).reshape(-1, self.m))
        return pattern.matrix(np.concatenate(lanes) if self.depends else np.zeros((len(seeds), self.m)))

    def hessian(self) -> Any:
        """Return the Hessian, of shape S + S."""
        return self._columns_of(self._gradient_on_tape("hessian"))

    def weighted_hessian(self, weights: Any) -> Any:
        """Return the Hessian of the sum of ``weights * y``."""
        weights = np.reshape(np.asarray(weights, dtype=float), np.shape(self.y))
        return self._columns_of(
            SecondOrder(self.recording.tape, {self.y._operand(): weights[()]}) if self.depends else None
        )

    def hessian_product(self, p: Any) -> Any:
        """Return the Hessian times p, of the shape of x."""
        second = self._gradient_on_tape("hvp")
        p = _direction(p, self.shape)
        return np.zeros(self.shape) if second is None else second.columns([p[np.newaxis]])[0][0]

    def _gradient_on_tape(self, driver: str) -> SecondOrder | None:
        if self._second is None:
            y = one_number(self.y, driver)
            if self.depends:
                self._second = SecondOrder(self.recording.tape, y)
        return self._second

    def _columns_of(self, second: SecondOrder | None) -> Any:
        if second is None or not self.n:
            return np.zeros(self.shape * 2)
        ranges = chunks(self.n, most_lanes(self.n, len(self.recording.tape)))
        columns = [second.columns(identity_lanes(self.recording.arrays, *at))[0] for at in ranges]
        return np.concatenate(columns).reshape(self.shape * 2)


class DualPoint(Known):
    """A function of a few numbers on dual or hyper-dual ones: value, all columns, and Hessians, by one evaluation."""

    def __init__(self, order: int, f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        x = as_argument(args[0], "derivatives")
        self.order = order
        self.shape: tuple[int, ...] = x.shape
        self.n = n = int(x.size)
        level = fresh_level()
        lanes = identity_lanes([x], 0, n)[0]
        if order == 2:
            lanes = np.concatenate([lanes, lanes, np.zeros((n * n, *self.shape), x.dtype)])
        try:
            y = f(seeded(x, level, lanes, n, n if order == 2 else 0), *args[1:], **kwargs)
        except errors.REWORDED as error:
            errors.reword(error)
            raise
        value, self._parts = lanes_of(collect(y), level, len(lanes))
        self.m = int(np.size(value))
        super().__init__(value)

    def knows(self, what: str) -> bool:  # noqa: D102 - as in Known
        return self.order == 2 or what in ("value", "gradient", "jacobian", "compressed")

    def _check_one(self, driver: str) -> None:
        if self.m != 1:
            raise errors.NotScalar(errors.not_scalar(driver, np.shape(self._value)))

    def gradient(self) -> Any:
        """Return the gradient, of the shape of x."""
        self._check_one("grad")
        self._gradient = np.array(self._parts[: self.n]).reshape(self.shape)[()]
        return self._gradient.copy()

    def jacobian(self) -> Any:
        """Return the Jacobian, of shape T + S."""
        columns = np.moveaxis(self._parts[: self.n], 0, -1)
        return np.array(columns, order="C").reshape(np.shape(self._value) + self.shape)

    def compressed_jacobian(self, pattern: Compressed) -> Any:
        """Return the Jacobian as a sparse array of a given pattern."""
        seeds = pattern.fitting(self.m, self.n)
        return pattern.matrix(seeds @ self._parts[: self.n].reshape(self.n, self.m))

    def hessian(self) -> Any:
        """Return the Hessian, of shape S + S."""
        self._check_one("hessian")
        return np.array(self._parts[2 * self.n :]).reshape(self.shape * 2)

    def weighted_hessian(self, weights: Any) -> Any:
        """Return the Hessian of the sum of ``weights * y``."""
        parts = self._parts[2 * self.n :].reshape(self.n * self.n, self.m)
        return (parts @ np.reshape(np.asarray(weights, dtype=float), self.m)).reshape(self.shape * 2)

    def hessian_product(self, p: Any) -> Any:
        """Return the Hessian times p, of the shape of x."""
        p = _direction(p, self.shape)
        return (self.hessian().reshape(self.n, self.n) @ p.reshape(self.n)).reshape(self.shape)


def _direction(p: Any, shape: tuple[int, ...]) -> Any:
    p = np.asarray(p, dtype=float)
    if p.size != int(np.prod(shape)):
        raise errors.WrongShape(errors.wrong_tangent(0, shape, p.shape))
    return p.reshape(shape)
