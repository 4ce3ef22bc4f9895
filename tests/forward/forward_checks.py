"""Helpers of the tests of dual arrays: equal to the last bit, random dual arrays, the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dualad import Dual, HyperDual


def same(found: Any, wanted: Any) -> None:
    """Assert equal values to the last bit, equal shapes and dtypes; NaN equals NaN."""
    if isinstance(wanted, (tuple, list)):
        assert type(found) is type(wanted) and len(found) == len(wanted)
        for one, other in zip(found, wanted):
            same(one, other)
        return
    found = found.value if isinstance(found, (Dual, HyperDual)) else found
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    assert np.array_equal(found, wanted, equal_nan=np.asarray(wanted).dtype.kind == "f"), (found, wanted)
    assert isinstance(found, np.ndarray) == isinstance(wanted, np.ndarray)


def close(found: Any, wanted: Any, rtol: float = 1e-12) -> None:
    """Assert closeness relative to the largest element."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape
    scale = np.max(np.abs(wanted), initial=1e-30)
    assert np.max(np.abs(found - wanted), initial=0.0) <= rtol * scale, (found, wanted)


def random_dual(rng: np.random.Generator, shape: Any = (), k: int = 2, dtype: Any = float, low: float = 0.5) -> Dual:
    """A dual array with values in (low, low + 1.5) and normal tangents."""
    shape = (shape,) if isinstance(shape, int) else shape
    value = rng.uniform(low, low + 1.5, shape).astype(dtype) if shape else dtype(rng.uniform(low, low + 1.5))
    return Dual(value, rng.standard_normal((k, *shape)))


def complex_step(f: Callable[[Any], Any], x: Any, h: float = 1e-30) -> Any:
    """The Jacobian, T + S, of a function of plain complex arithmetic (Squire and Trapp, 1998)."""
    x = np.asarray(x, dtype=float)
    columns = []
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * h
        columns.append(np.imag(np.asarray(f(moved if x.ndim else moved[()]))) / h)
    return np.moveaxis(np.array(columns), 0, -1).reshape(np.shape(columns[0]) + x.shape)
