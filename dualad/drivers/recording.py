"""One recording of a function: its tape, what went in, what came out, and the sweeps over it.

The function's Python body runs once; any number of cotangents or tangents is carried over the same tape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.arguments import as_argument, collect
from dualad.drivers.containers import flatten, is_array_like, is_container
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Recorded, Tape
from dualad.sweeps.kernels import Cotangents
from dualad.sweeps.reference import reverse

__all__ = ["Recording", "record"]


class Recording:
    """A function recorded at given arguments.

    ``inputs`` are the numbers of the leaves of the varied arguments, ``output`` the collected result: an array of this
    tape, or anything that does not depend on the inputs.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        numbers: Sequence[int],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        name: str,
        lean: bool = True,
    ) -> None:
        # Only a tape that is looked at keeps the values that no rule needs.
        self.tape = Tape(fresh_level(), lean)
        self.name = name
        varied = [args[number] for number in numbers]
        leaves, self._rebuild = flatten([np.asarray(x, dtype=float) if is_array_like(x) else x for x in varied])
        self.arrays = [as_argument(leaf, name) for leaf in leaves]
        self.recorded = [self.tape.input(_fresh(array)) for array in self.arrays]
        self.inputs = [x._operand() for x in self.recorded]
        call = list(args)
        for number, argument in zip(numbers, self._rebuild(iter(self.recorded)), strict=True):
            call[number] = argument
        try:
            self.result = f(*call, **kwargs)
        except errors.REWORDED as error:
            errors.reword(error)
            raise

    def mine(self, y: Any) -> bool:
        """Say whether a result was computed on this tape from its inputs."""
        return isinstance(y, Recorded) and y.level == self.tape.level

    def pull(self, seeds: Mapping[int, Any]) -> list[Any]:
        """Return the cotangent of every input leaf from the cotangents of output nodes, one lane."""
        if self.tape.boxed or any(isinstance(g, DuckArray) for g in seeds.values()):
            adjoints = reverse(self.tape, seeds)
            found = [adjoints.of(node) for node in self.inputs]
        else:
            sweep = Cotangents(self.tape, 1, True)
            for node, g in seeds.items():
                sweep.seed(node, g)
            sweep.sweep()
            found = [sweep.of(node) for node in self.inputs]
        return [self._natural(g, x) for g, x in zip(found, self.arrays, strict=True)]

    def pull_rows(self, node: int, rows: Any) -> list[Any]:
        """Return the cotangents of the inputs for several cotangents of one output node, the lane as first axis."""
        sweep = Cotangents(self.tape, len(rows), False)
        sweep.seed(node, rows)
        sweep.sweep()
        found = [sweep.of(node) for node in self.inputs]
        return [
            np.zeros((len(rows), *x.shape), x.dtype) if g is None else np.reshape(g, (len(rows), *x.shape))
            for g, x in zip(found, self.arrays, strict=True)
        ]

    def _natural(self, g: Any, x: Any) -> Any:
        if g is None:
            return np.zeros(x.shape, x.dtype)[()]
        if isinstance(g, np.ndarray):
            return np.array(g, copy=g.base is not None or not g.flags.writeable or None).reshape(x.shape)[()]
        return g

    def like_arguments(self, leaves: Sequence[Any]) -> list[Any]:
        """Return leaves in the structure of the varied arguments."""
        return self._rebuild(iter(leaves))  # type: ignore[no-any-return]


def _fresh(array: Any) -> Any:
    if isinstance(array, DuckArray):
        return np.copy(array)
    return np.float64(array) if array.ndim == 0 and array.dtype == np.float64 else np.array(array)


def one_number(y: Any, driver: str) -> Any:
    """Return a result as one number, or raise the sentence for a function of several."""
    y = collect(y)
    if np.size(y) != 1:
        raise errors.NotScalar(errors.not_scalar(driver, np.shape(y)))
    return np.reshape(y, ()) if np.shape(y) else y


def record(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Tape:
    """Record a function and return its tape.

    Parameters
    ----------
    f : callable
        Function of plain NumPy code.
    *args, **kwargs
        Its arguments; the positional ones are the inputs of the tape, the others are constants.

    Returns
    -------
    Tape
        ``print(tape)`` shows the nodes; ``tape.inputs`` and ``tape.outputs`` are node numbers, ``tape.guards`` the
        outcomes that the recording relied on.

    Notes
    -----
    Costs one evaluation of ``f``.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> tape = dualad.record(lambda x: np.sin(x) * x, 2.0)
    >>> len(tape)
    3
    """
    recording = Recording(f, range(len(args)), args, kwargs, "record", lean=False)
    leaves, _ = flatten(recording.result) if is_container(recording.result) else ([collect(recording.result)], None)
    recording.tape.inputs = recording.inputs
    recording.tape.outputs = [y._operand() for y in leaves if recording.mine(y)]
    return recording.tape
