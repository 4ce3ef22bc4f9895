"""What is known of a function at one x: one recording, and each derivative swept over it when it is asked for."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from dualad.drivers.arguments import collect
from dualad.drivers.backward import jacobian_rows
from dualad.drivers.choose import Plan, choose, most_lanes
from dualad.drivers.compressed import Compressed
from dualad.drivers.forward_over_reverse import SecondOrder
from dualad.drivers.recording import Recording, one_number
from dualad.sweeps.kernels import Tangents

__all__ = ["Point"]


class Point:
    """A recorded function of one array, and its derivatives there."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.y = collect(recording.result)
        self.depends = recording.mine(self.y)
        self.shape: tuple[int, ...] = recording.arrays[0].shape
        self.n = int(recording.arrays[0].size)
        self.m = int(np.size(self.y))
        self.plan: Plan | None = None
        self._value = self.y._primal() if self.depends else self.y
        self._recorded = True
        self._one: Any = None
        self._gradient: Any = None
        self._jacobian: Any = None
        self._written: SecondOrder | None = None
        recording.tape.inputs = recording.inputs

    def light(self) -> Point:
        """Return what is known of the value and the gradient, without the recording."""
        if not self._recorded:
            return self
        light = copy.copy(self)
        light._recorded = False
        del light.recording, light.y
        light._one = light._jacobian = light._written = None
        return light

    def knows(self, what: str) -> bool:
        """Say whether ``what``, "value" or "gradient" or anything else, can be had."""
        return self._recorded or what == "value" or (what == "gradient" and self._gradient is not None)

    def one(self, driver: str) -> Any:
        """Return y as one number, or raise the sentence for a function of several."""
        if self._one is None:
            self._one = one_number(self.y, driver)
        return self._one

    def value(self) -> Any:
        """Return the value, one of its own: the caller may write into it."""
        return np.array(self._value)[()]

    def gradient(self) -> Any:
        """Return the gradient, of the shape of x."""
        if self._gradient is None:
            y = self.one("grad")
            seeds = {y._operand(): np.float64(1.0)} if self.depends else {}
            self._gradient = self.recording.pull(seeds)[0]
        return self._gradient.copy()

    def jacobian(self) -> Any:
        """Return the Jacobian, by columns or by rows as the dispatcher chooses."""
        if self._jacobian is None:
            if not self.depends or not self.m or not self.n:
                self._jacobian = np.zeros(np.shape(self.y) + self.shape)
            else:
                self.plan = choose(self.n, self.m, nodes=len(self.recording.tape), recorded=True)
                if self.plan.mode == "forward":
                    self._jacobian = self._by_columns(self.plan.chunk)
                else:
                    self._jacobian = jacobian_rows(self.recording, self.y, self.plan.chunk)[0]
        return self._jacobian.copy()

    def tangents(self, directions: Any) -> Any:
        """Return the derivatives of y along several directions, shapes (k, n) and (k,) + T."""
        if not self.depends:
            return np.zeros((len(directions), *np.shape(self.y)))
        node = self.y._operand()  # before the sweep is laid out: to ask for it may write a node
        sweep = Tangents(self.recording.tape, len(directions))
        sweep.seed(self.recording.inputs[0], np.reshape(directions, (len(directions), *self.shape)))
        sweep.sweep()
        found = sweep.of(node)
        return np.zeros((len(directions), *np.shape(self.y))) if found is None else found

    def _by_columns(self, chunk: int) -> Any:
        columns = [self.tangents(_rows_of_identity(self.n, at, chunk)) for at in range(0, self.n, chunk)]
        whole = columns[0] if len(columns) == 1 else np.concatenate(columns)
        return np.ascontiguousarray(np.moveaxis(whole, 0, -1)).reshape(np.shape(self.y) + self.shape)

    def compressed_jacobian(self, pattern: Compressed) -> Any:
        """Return the Jacobian as a sparse array, its columns carried by the groups of a pattern."""
        if pattern.shape != (self.m, self.n):
            raise ValueError(f"the pattern has shape {pattern.shape} and the Jacobian {(self.m, self.n)}")
        seeds = pattern.seeds
        chunk = most_lanes(max(self.n, self.m))
        lanes = [self.tangents(seeds[at : at + chunk]) for at in range(0, len(seeds), chunk)]
        return pattern.matrix(np.concatenate(lanes or [np.zeros((0, self.m))]))

    def hessian(self) -> Any:
        """Return the Hessian, of shape S + S."""
        return self._columns_of(self._second("hessian"))

    def weighted_hessian(self, weights: Any) -> Any:
        """Return the Hessian of the sum of ``weights * y``."""
        weights = np.reshape(np.asarray(weights, dtype=float), np.shape(self.y))
        if not self.depends:
            return self._columns_of(None)
        return self._columns_of(SecondOrder(self.recording.tape, {self.y._operand(): weights[()]}))

    def hessian_product(self, p: Any) -> Any:
        """Return the Hessian times p, of the shape of x."""
        second = self._second("hvp")
        if second is None:
            return np.zeros(self.shape)
        return second.columns([np.reshape(np.asarray(p, dtype=float), (1, *self.shape))])[0][0]

    def _second(self, driver: str) -> SecondOrder | None:
        """Return the gradient written on the tape, which is done once."""
        if self._written is None:
            y = self.one(driver)
            if self.depends:
                self._written = SecondOrder(self.recording.tape, y)
        return self._written

    def _columns_of(self, second: SecondOrder | None) -> Any:
        if second is None or not self.n:
            return np.zeros(self.shape * 2)
        chunk = choose(self.n, 1, order=2, nodes=len(self.recording.tape), recorded=True).chunk
        directions = [_rows_of_identity(self.n, at, chunk) for at in range(0, self.n, chunk)]
        columns = [second.columns([part.reshape(len(part), *self.shape)])[0] for part in directions]
        return np.concatenate(columns).reshape(self.shape * 2)


def _rows_of_identity(n: int, start: int, chunk: int) -> Any:
    stop = min(n, start + chunk)
    rows = np.zeros((stop - start, n))
    rows[np.arange(stop - start), np.arange(start, stop)] = 1.0
    return rows
