"""Columns of a Hessian from one recording: the tape is extended by its adjoints once, then carries tangents forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dualad.reverse.kernels import Recorded, Tape
from dualad.sweeps.kernels import Tangents
from dualad.transforms.adjoint import extend

__all__ = ["SecondOrder", "hessian_columns"]


class SecondOrder:
    """The gradient of one output of a tape as nodes of the tape, over which any number of directions is carried."""

    def __init__(self, tape: Tape, output: Any) -> None:
        self.tape = tape
        #: The gradient in each input, as recorded arrays.
        self.gradient = extend(tape, output)
        self.nodes = [g._operand() for g in self.gradient]

    def columns(self, directions: Sequence[Any]) -> list[Any]:
        """Return the Hessian times directions: for each input its part of H @ d, shape (k,) + S.

        ``directions`` has for each input an array of shape (k,) + S, the parts of k directions.
        """
        k = len(directions[0])
        sweep = Tangents(self.tape, k)
        for node, direction in zip(self.tape.inputs, directions, strict=True):
            sweep.seed(node, direction)
        sweep.sweep(self.nodes)
        return [self._column(node, k, sweep.of(node)) for node in self.nodes]

    def _column(self, node: int, k: int, found: Any) -> Any:
        return np.zeros((k, *self.tape.shape_of(node)), self.tape.dtype_of(node)) if found is None else found


def hessian_columns(tape: Tape, output: Recorded | int, lanes: Sequence[Any]) -> list[Any]:
    """Return the Hessian of one output times the directions ``lanes``, an array of shape (k,) + S for each input.

    For several chunks of directions make one :class:`SecondOrder` and ask it for the columns of each.
    """
    return SecondOrder(tape, output).columns(lanes)
