"""Reductions that leave out NaN: an element that is NaN has the derivative 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from dualad.ops.lanes import Axis
from dualad.ops.reductions import extreme, safe_sqrt
from dualad.ops.table import composed, ruled

__all__: list[str] = []


def _replaced(a: Any, by: float) -> tuple[Any, Any]:
    """Return the array with a number in place of NaN, and where NaN was."""
    missing = np.isnan(a)
    return np.where(missing, by, a), missing


def _divided(total: Any, count: Any) -> Any:
    """Divide by counts without changing the dtype and without a warning."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return total / count.astype(total.dtype)


@composed("numpy.nansum", "a")
def _nansum(a: Any, axis: Axis = None, **options: Any) -> Any:
    return np.sum(_replaced(a, 0.0)[0], axis=axis, **options)


@composed("numpy.nanprod", "a")
def _nanprod(a: Any, axis: Axis = None, **options: Any) -> Any:
    return np.prod(_replaced(a, 1.0)[0], axis=axis, **options)


@composed("numpy.nancumsum", "a")
def _nancumsum(a: Any, axis: int | None = None) -> Any:
    return np.cumsum(_replaced(a, 0.0)[0], axis=axis)


@composed("numpy.nancumprod", "a")
def _nancumprod(a: Any, axis: int | None = None) -> Any:
    return np.cumprod(_replaced(a, 1.0)[0], axis=axis)


@composed("numpy.nanmean", "a")
def _nanmean(a: Any, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a, missing = _replaced(a, 0.0)
    total = np.sum(a, axis=axis, keepdims=keepdims, where=where)
    return _divided(total, np.sum(~missing, axis=axis, keepdims=keepdims, where=where))


@composed("numpy.nanvar", "a")
def _nanvar(
    a: Any,
    axis: Axis = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    a, missing = _replaced(a, 0.0)
    count = np.sum(~missing, axis=axis, keepdims=True, where=where)
    if mean is None:
        mean = _divided(np.sum(a, axis=axis, keepdims=True, where=where), count)
    rest = np.where(missing, 0.0, a - mean)
    total = np.sum(rest * rest, axis=axis, keepdims=keepdims, where=where)
    freedom = np.reshape(count, np.shape(total)) - (ddof if correction is None else correction)
    return np.where(freedom <= 0, np.nan, _divided(total, freedom))


@composed("numpy.nanstd", "a")
def _nanstd(a: Any, axis: Axis = None, **options: Any) -> Any:
    return safe_sqrt(np.nanvar(a, axis=axis, **options))


for _name in ("nanmax", "nanmin"):
    ruled(f"numpy.{_name}", "a", note="elements that attain it together share its derivative equally")(extreme)
