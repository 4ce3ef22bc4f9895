"""The methods of ``ndarray``: nearly all of them are NumPy's function of the same name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dualad import errors
from dualad.ops.table import TABLE, Elementwise

__all__ = ["METHODS", "find"]

_FUNCTIONS = (
    "all any argmax argmin argpartition argsort choose clip compress conj conjugate copy cumprod cumsum diagonal dot max "
    "mean min nonzero prod ptp put ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
).split()


def reshape(x: Any, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """Accept the new shape as one tuple or as separate numbers."""
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order=order, copy=copy)  # type: ignore[call-overload]


def transpose(x: Any, *axes: Any) -> Any:
    """Accept the axes as one tuple or as separate numbers."""
    return np.transpose(x, axes[0] if len(axes) == 1 else axes or None)


def flatten(x: Any, order: str = "C") -> Any:
    """Return a copy with one axis."""
    return np.copy(np.ravel(x, order=order))  # type: ignore[call-overload]


def astype(x: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """Convert to another floating-point type, or to integers or booleans, which are plain: they do not vary."""
    kind = np.dtype(dtype).kind
    if kind in "iub":
        return x._primal().astype(dtype)
    if kind == "O":
        return np.array(x.tolist(), dtype=object).reshape(x.shape)
    errors.check_real(np.dtype(dtype), "astype")
    if x.dtype == dtype:
        return np.copy(x) if copy else x
    return x._astype(dtype)


def item(x: Any, *index: Any) -> Any:
    """Return one element, with its derivative."""
    flat = np.ravel(x) if len(index) < 2 else x
    place = index[0] if len(index) == 1 else index if index else 0
    if not index and x.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return flat[place] if x.shape else x


def tolist(x: Any) -> Any:
    """Return nested lists of elements, each with its derivative."""
    return [tolist(part) for part in x] if x.shape else x[()]


def fill(x: Any, value: Any) -> None:
    """Set all elements."""
    x[...] = value


def sort(x: Any, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> None:
    """Sort in place."""
    x[...] = np.sort(x, axis=axis, kind=kind, order=order, stable=stable)


def partition(x: Any, kth: Any, axis: int = -1, kind: Any = "introselect", order: Any = None) -> None:
    """Partition in place."""
    x[...] = np.partition(x, kth, axis=axis, kind=kind, order=order)


METHODS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _FUNCTIONS if hasattr(np, name)}
METHODS |= {
    rule.__name__: rule for rule in (reshape, transpose, flatten, astype, item, tolist, fill, sort, partition)
}  # fmt: skip


def find(x: Any, name: str) -> Callable[..., Any]:
    """Return the method ``name`` bound to ``x``; elementwise functions count, since object arrays call them so."""
    method = METHODS.get(name)
    if method is None and not name.startswith("_"):
        row = TABLE.functions.get(getattr(np, name, None))
        method = row.function if isinstance(row, Elementwise) and len(row.args) == 1 else None
    if method is None:
        raise AttributeError(f"{type(x).__name__!r} object has no attribute {name!r}")
    return partial(method, x)
