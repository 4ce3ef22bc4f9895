"""Indices of dual and hyper-dual arrays, assignment, and arrays of objects made one array.

Value and lanes are indexed alike, so that a view of the one goes with a view of the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad import errors
from dualad.forward.kernels import Forward, gather_scalars, make
from dualad.ops.lanes import gather

__all__ = ["any_forward", "get_item", "lift", "set_item"]


# --- reading ---------------------------------------------------------------------------------------------------------


def _plain_index(index: Any) -> Any:
    """Refuse an index that varies."""
    if any(isinstance(i, Forward) for i in (index if isinstance(index, tuple) else (index,))):
        raise errors.DiscreteArgument(errors.discrete_argument("x[i]", "i"))
    return np.asarray(index) if isinstance(index, list) else index


def _is_basic(index: Any) -> bool:
    """Say whether an index has integers, slices, None and ... only, and so gives a view."""
    for i in index if type(index) is tuple else (index,):
        kind = type(i)
        if not (kind is int or kind is slice or i is None or i is Ellipsis or isinstance(i, np.integer)):
            return False
    return True


def _with_lanes(index: Any) -> tuple[Any, ...]:
    return (slice(None), *index) if isinstance(index, tuple) else (slice(None), index)


def get_item(x: Any, index: Any) -> Any:
    """Return ``x[index]``: a view where NumPy gives one."""
    if _is_basic(index):
        return make(x, x._primal()[index], x._parts()[_with_lanes(index)])
    index = _plain_index(index)
    return make(x, x._primal()[index], gather(x._parts(), index, x.ndim))


# --- assignment ------------------------------------------------------------------------------------------------------


def set_item(x: Any, index: Any, value: Any) -> None:
    """Do ``x[index] = value``, value and lanes."""
    if x._is_scalar:
        raise TypeError(f"{type(x).__name__!r} object does not support item assignment")
    basic = _is_basic(index)
    index = index if basic else _plain_index(index)
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        value = lift(np.array(value, dtype=object)) if any_forward(value) else np.asarray(value, dtype=x.dtype)
    lanes: Any = 0.0
    if isinstance(value, Forward):
        if value.level > x.level:
            raise errors.DerivativeLost(errors.lost_nested("x[...] = value"))
        if value.level == x.level:
            if value.lanes != x.lanes or value.k2 != x.k2:
                raise errors.WrongShape(errors.lanes_differ(x.lanes, value.lanes))
            lanes, value = value._parts(), value._primal()
    if not x._make_room(value, lanes):
        raise errors.DerivativeLost(errors.lost_nested("x[...] = value"))
    held, own = x._primal(), x._parts()
    if basic:
        held[index] = value
        target = own[_with_lanes(index)]
        target[...] = _against(lanes, np.ndim(target))
    else:
        held[index] = value
        for lane in range(x.lanes):
            own[lane][index] = 0.0 if isinstance(lanes, float) else lanes[lane]


def _against(lanes: Any, ndim: int) -> Any:
    """Return lanes of a value shaped to be assigned to lanes of ``ndim`` axes, the first included."""
    if isinstance(lanes, float):
        return lanes
    inner = lanes.shape[1:]
    extra = ndim - 1 - len(inner)
    if extra >= 0:
        return np.reshape(lanes, (lanes.shape[0], *(1,) * extra, *inner)) if extra else lanes
    return np.reshape(lanes, (lanes.shape[0], *inner[-extra:]))  # NumPy lets leading axes of size 1 go


# --- arrays of objects -----------------------------------------------------------------------------------------------


def any_forward(x: Any) -> bool:
    """Say whether a list or an array of objects has an array or a number with derivatives in it."""
    if isinstance(x, np.ndarray):
        x = x.ravel().tolist()
    return any(any_forward(p) if isinstance(p, (list, tuple, np.ndarray)) else isinstance(p, Forward) for p in x)


def lift(objects: Any) -> Any:
    """Return an object array whose elements carry derivatives as one array that carries them."""
    if not isinstance(objects, np.ndarray) or objects.dtype != object:
        return objects
    flat = objects.ravel().tolist()
    found = gather_scalars(flat)
    if found is not None:
        return found if objects.ndim == 1 else np.reshape(found, objects.shape)
    if not any_forward(flat):
        return objects.astype(np.float64)
    whole = np.stack([x if isinstance(x, Forward) else np.asarray(x, dtype=np.float64) for x in flat])
    return np.reshape(whole, objects.shape + np.shape(whole)[1:])
