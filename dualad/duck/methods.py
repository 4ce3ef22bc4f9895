"""The methods of ``ndarray``: nearly all of them are NumPy's function of the same name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.protocol import settled
from dualad.ops.table import TABLE, Elementwise

__all__ = ["METHODS", "find"]

_FUNCTIONS = (
    "all any argmax argmin argpartition argsort choose clip cumprod cumsum diagonal dot max mean min nonzero prod put "
    "ravel repeat round searchsorted squeeze std sum swapaxes take trace var"
).split()
# What looks at the memory of an ndarray: an array that carries derivatives has more of it than its values.
_REFUSED = frozenset("base byteswap ctypes data getfield resize setfield tobytes tofile".split())


def reshape(x: Any, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """Accept the new shape as one tuple or as separate numbers."""
    options = {} if copy is None else {"copy": copy}  # which NumPy 2.0 does not know
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, order=order, **options)  # type: ignore[call-overload]


def transpose(x: Any, *axes: Any) -> Any:
    """Accept the axes as one tuple or as separate numbers."""
    return np.transpose(x, axes[0] if len(axes) == 1 else axes or None)


def flatten(x: Any, order: str = "C") -> Any:
    """Return a copy with one axis."""
    return np.copy(np.ravel(x, order=order))  # type: ignore[call-overload]


def copy(x: Any, order: str = "C") -> Any:
    """Return a copy; a scalar is its own, as it cannot be changed."""
    return x if x._is_scalar else np.copy(x, order=order)  # type: ignore[call-overload]


def conjugate(x: Any) -> Any:
    """Return the array itself, as ndarray does where the values are real."""
    return x


def compress(x: Any, condition: Any, axis: Any = None, out: Any = None) -> Any:
    """Return the slices where the condition is true."""
    return np.compress(condition, x, axis=axis, out=out)


def astype(x: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True) -> Any:
    """Convert to another floating-point type, or to integers or booleans, which are plain: they do not vary."""
    kind = np.dtype(dtype).kind
    if kind in "iub":
        return settled(x._discrete(_whole, (x, dtype), {}))
    if kind == "O":
        return np.array(x.tolist(), dtype=object).reshape(x.shape)
    errors.check_real(np.dtype(dtype), "astype")
    found = (np.copy(x) if copy else x) if x.dtype == dtype else x._astype(dtype)
    if order == "K" or (x.flags.c_contiguous and x.flags.f_contiguous):
        return found
    wanted = "F" if order == "F" or (order == "A" and x.flags.f_contiguous) else "C"
    lies = x.flags.f_contiguous if wanted == "F" else x.flags.c_contiguous
    return found if lies else np.copy(found, order=wanted)  # type: ignore[call-overload]


def _whole(x: Any, dtype: Any) -> Any:
    return x.astype(dtype)


def item(x: Any, *index: Any) -> Any:
    """Return one element, with its derivative."""
    if not index:
        if x.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return np.reshape(x, (1,))[0]
    place = index[0] if len(index) == 1 else index
    return x[place] if isinstance(place, tuple) else np.ravel(x)[place]


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


def view(x: Any, dtype: Any = None) -> Any:
    """Return a new array on the same memory."""
    if dtype is not None and np.dtype(dtype) != x.dtype:
        raise errors.NotOffered(errors.not_offered("view(dtype)"))
    return x[...]


def to_device(x: Any, device: str, *, stream: Any = None) -> Any:
    """Return the array itself: it lies where the CPU finds it."""
    if device != "cpu":
        raise ValueError(f"there is only the device 'cpu', not {device!r}")
    return x


def dump(x: Any, file: Any) -> None:
    """Pickle the array into a file."""
    if hasattr(file, "write"):
        pickle.dump(x, file)
    else:
        with open(file, "wb") as stream:
            pickle.dump(x, stream)


def dumps(x: Any) -> bytes:
    """Return the pickled array."""
    return pickle.dumps(x)


METHODS: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in _FUNCTIONS}
METHODS |= {
    rule.__name__: rule
    for rule in (
        reshape, transpose, flatten, copy, conjugate, compress, astype, item, tolist, fill, sort, partition, view,
        to_device, dump, dumps,
    )
}  # fmt: skip
METHODS["conj"] = conjugate


def find(x: Any, name: str) -> Callable[..., Any]:
    """Return an elementwise function as a method bound to ``x``, for NumPy's loops over objects call it so."""
    row = TABLE.find(getattr(np, name, None)) if not name.startswith("_") else None
    if isinstance(row, Elementwise):
        return partial(row.function, x)
    if name in _REFUSED:
        raise errors.NotOffered(errors.not_offered(name))
    raise AttributeError(f"{type(x).__name__!r} object has no attribute {name!r}")
