"""A function evaluated at many points: as a map of vectors, counted, one point after the other or all at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import errors
from dualad.numeric.attempt import attempt

__all__ = ["Points", "as_tuple"]


def as_tuple(args: Any) -> tuple[Any, ...]:
    """Return further arguments as SciPy takes them: one that is no tuple is one argument."""
    return args if isinstance(args, tuple) else (args,)


def _numbers(x: Any, ragged: str) -> Any:
    try:
        return np.asarray(x)
    except ValueError:
        raise errors.RaggedReturn(ragged) from None


class Points:
    """``f`` as a map from vectors of n to vectors of m numbers.

    With ``vectorized``, f takes points along a last axis that is added to the shape of x and returns its values along a
    last axis, as SciPy's ``scipy.differentiate`` asks for. With ``forgiving``, a point where f raises, or returns
    another shape, counts as nan: it lies outside of the domain.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        x: Any,
        args: Any = (),
        vectorized: bool = False,
        forgiving: bool = False,
    ) -> None:
        if not callable(f):
            raise TypeError(errors.no_function("numeric", "f", f))
        self.f, self.args, self.vectorized, self.forgiving = f, as_tuple(args), vectorized, forgiving
        array = _numbers(x, errors.ragged_argument("numeric"))
        if array.dtype.kind not in "fiub":
            raise errors.UnsupportedType(errors.unsupported("numeric", array.dtype))
        self.x = array if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else array.astype(float)
        self.shape, self.n = self.x.shape, self.x.size
        self.count = 0
        #: Whether f answered complex arguments with real numbers, as a function that drops the imaginary part does.
        self.returned_real = False
        self.middle = self._one(self.x.ravel())
        self.out = np.shape(self._middle_value)
        kind = self._middle_value.dtype
        #: The rounding of the type in which f returns its values.
        self.eps = float(np.finfo(kind if kind.kind in "fc" else float).eps)
        self.m = self.middle.size

    def _call(self, x: Any) -> Any:
        self.count += 1
        return self.f(self._fresh(x), *self.args)

    def _fresh(self, x: Any) -> Any:
        """Return a point as an array of its own, which f may write into, in the memory order of x, which f may see."""
        if x.shape != self.shape:
            return np.array(x)
        laid = np.empty_like(self.x, dtype=x.dtype)
        laid[...] = x
        return laid[()]

    def _one(self, point: Any) -> Any:
        x = point.reshape(self.shape)
        if self.vectorized:
            value = np.asarray(self._call(x[..., np.newaxis]))
            value = value[..., 0]
        else:
            value = _numbers(self._call(x), errors.ragged("a list of parts of different shapes"))
        if value.dtype.kind not in "fciub":
            raise errors.UnsupportedType(errors.unsupported("the function", value.dtype, "returns"))
        self._middle_value = value
        return np.ravel(value).astype(complex if value.dtype.kind == "c" else float)

    def at(self, points: Any) -> Any:
        """Return the values at points of shape (p, n), shape (p, m)."""
        points = np.asarray(points)
        if self.vectorized and len(points):
            stacked = np.moveaxis(points.reshape(len(points), *self.shape), 0, -1)
            value = np.asarray(self.f(stacked, *self.args))
            self.count += len(points)
            return np.moveaxis(np.broadcast_to(value, (*self.out, len(points))), -1, 0).reshape(len(points), self.m)
        kind = complex if points.dtype.kind == "c" else float
        values = np.full((len(points), self.m), np.nan, kind)
        with np.errstate(all="ignore"):
            for i, point in enumerate(points):
                if self.forgiving:
                    values[i] = self._guarded(point)
                    continue
                value = np.asarray(self._call(point.reshape(self.shape)))
                self.returned_real |= kind is complex and value.dtype.kind != "c"
                values[i] = np.ravel(value)
        return values

    def _guarded(self, point: Any) -> Any:
        value, error = attempt(lambda: np.asarray(self._call(point.reshape(self.shape))))
        known = error is None and value.size == self.m and value.dtype.kind in "fciub"
        return np.ravel(value) if known else np.nan
