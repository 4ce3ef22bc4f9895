"""How the example calls of the array rows are written.

    Case(arr(3, 4), axis=-1, keepdims=True)

is a call with a random 3 x 4 array: descriptions of arrays, also inside lists, tuples and dictionaries, are drawn
afresh from a seeded generator each time the case is built. What the row does not differentiate may be written as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Generator = np.random.Generator
# Since NumPy 2.5 cross takes no vectors of the plane, and the eigenvalues of any matrix come as complex numbers.
BEFORE_2_5 = np.lib.NumpyVersion(np.__version__) < "2.5.0"


@dataclass(frozen=True)
class Draw:
    """A random array: shape, dtype, range and memory layout."""

    shape: tuple[int, ...]
    low: float = -2.0
    high: float = 2.0
    dtype: Any = np.float64
    layout: str = "C"
    put: tuple[tuple[Any, float], ...] = ()
    change: Callable[[Any], Any] | None = None
    constant: bool = False

    def draw(self, rng: Generator) -> Any:
        shape = self.shape
        if self.layout == "F":
            x = rng.uniform(self.low, self.high, shape[::-1]).T
        elif self.layout == "strided":
            big = rng.uniform(self.low, self.high, tuple(2 * n for n in shape))
            x = big[tuple(slice(None, None, 2) if i % 2 else slice(None, None, -2) for i in range(len(shape)))]
        else:
            x = rng.uniform(self.low, self.high, shape)
        x = np.asarray(x).astype(self.dtype) if self.layout == "C" else _same_layout(np.asarray(x), self.dtype)
        for index, value in self.put:
            x[index] = value
        return x if self.change is None else self.change(x)

    @property
    def f32(self) -> Draw:
        """The same in single precision."""
        return replace(self, dtype=np.float32)

    @property
    def fortran(self) -> Draw:
        """The same in column-major order."""
        return replace(self, layout="F")

    @property
    def strided(self) -> Draw:
        """The same as every other element of a larger array, backwards along some axes."""
        return replace(self, layout="strided")

    @property
    def held(self) -> Draw:
        """The same as a constant, in which the function is not differentiated."""
        return replace(self, constant=True)

    def on(self, low: float, high: float) -> Draw:
        """The same drawn from another range."""
        return replace(self, low=low, high=high)

    def with_(self, index: Any, value: float) -> Draw:
        """The same with a value put at an index."""
        return replace(self, put=(*self.put, (index, value)))

    def via(self, change: Callable[[Any], Any]) -> Draw:
        """The same with a function called on the array (to make it symmetric, say)."""
        return replace(self, change=change)


def _same_layout(x: Any, dtype: Any) -> Any:
    if x.dtype == dtype:
        return x
    out = np.empty(tuple(2 * n for n in x.shape), dtype)[tuple(slice(None, None, 2) for _ in x.shape)]
    out[...] = x
    return out


def arr(*shape: int) -> Draw:
    """Describe a random array of that shape, uniform on (-2, 2), float64, in C order."""
    return Draw(shape)


class Case:
    """An example call of a row.

    ``smooth`` is false at a kink, where differences say nothing; ``defined`` is false where the value is arbitrary
    (``np.empty_like``); ``tolerance`` multiplies the bounds for calls that are badly conditioned.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs
        self.smooth = self.defined = True
        self.tolerance = 1.0

    def kink(self) -> Case:
        """Mark a call at a kink."""
        self.smooth = False
        return self

    def undefined(self) -> Case:
        """Mark a call whose value is arbitrary."""
        self.smooth = self.defined = False
        return self

    def loose(self, tolerance: float) -> Case:
        """Allow larger errors."""
        self.tolerance = tolerance
        return self

    def build(self, rng: Generator, wrap: Callable[[Any], Any] = lambda x: x) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments, drawn from the generator; ``wrap`` is called on each that is not constant."""
        return _drawn(self.args, rng, wrap), _drawn(self.kwargs, rng, wrap)

    def __repr__(self) -> str:
        return f"Case({', '.join([*map(_shown, self.args), *(f'{k}={_shown(v)}' for k, v in self.kwargs.items())])})"


def _drawn(part: Any, rng: Generator, wrap: Callable[[Any], Any]) -> Any:
    if isinstance(part, Draw):
        x = part.draw(rng)
        return x if part.constant else wrap(x)
    if type(part) in (list, tuple):
        return type(part)(_drawn(p, rng, wrap) for p in part)
    if isinstance(part, dict):
        return {name: _drawn(p, rng, wrap) for name, p in part.items()}
    return part.copy() if isinstance(part, np.ndarray) else part


def _shown(part: Any) -> str:
    if isinstance(part, Draw):
        kind = "" if part.dtype is np.float64 else ":f32"
        return f"{'x'.join(map(str, part.shape)) or '0d'}{kind}{'' if part.layout == 'C' else ':' + part.layout}"
    if isinstance(part, np.ndarray):
        return f"<{part.dtype}{list(part.shape)}>"
    if type(part) in (list, tuple):
        return "[" + ",".join(map(_shown, part)) + "]"
    return repr(part)[:40]
