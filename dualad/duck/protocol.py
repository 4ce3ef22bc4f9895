"""NumPy's two protocols, for any engine: which row serves a call, and what ``out``, ``where`` and ``dtype`` mean.

An engine is asked only for ``_elementwise(row, function, inputs)``, ``_array_row(row, args, kwargs)``, ``_constant(value)``
and ``_primal()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck import ufunc_methods
from dualad.duck.kernels import DuckArray
from dualad.ops.table import TABLE, Composed, Discrete, Elementwise, Operator, Unwritten

__all__ = ["call_function", "call_ufunc", "in_place", "is_operand", "lost", "plain"]

_NUMBERS = (int, float, complex, np.generic, np.ndarray, list, tuple)
_CREATION = frozenset(
    (np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.array, np.asarray, np.asanyarray, np.tri)
)


def is_operand(x: Any) -> bool:
    """Say whether an operator accepts ``x`` beside an array that carries derivatives."""
    return isinstance(x, _NUMBERS) or isinstance(x, DuckArray)


def plain(x: Any) -> Any:
    """Return the bare value under any number of derivatives."""
    while isinstance(x, DuckArray):
        x = x._primal()
    return x


def lost(kind: str, x: Any) -> Exception:
    """Return the error for a conversion that would lose the derivative."""
    return errors.DerivativeLost(errors.lost_by(kind))


def in_place(target: Any, result: Any) -> Any:
    """Finish ``target += ...``: arrays are written through, scalars are replaced."""
    if result is NotImplemented or target._is_scalar:
        return result
    target[...] = result
    return target


def ducks(*parts: Any) -> Iterator[DuckArray]:
    """Go through the arrays that carry derivatives in arguments, lists and object arrays."""
    for part in parts:
        if isinstance(part, DuckArray):
            yield part
        elif isinstance(part, (list, tuple)):
            yield from ducks(*part)
        elif isinstance(part, dict):
            yield from ducks(*part.values())
        elif isinstance(part, np.ndarray) and part.dtype == object:
            yield from ducks(*part.ravel().tolist())


def carries(*parts: Any) -> bool:
    """Say whether any argument carries derivatives."""
    return next(ducks(*parts), None) is not None


def top(*parts: Any) -> Any:
    """Return the array of the innermost derivative: its engine acts first."""
    return max(ducks(*parts), key=lambda duck: duck.level)


def is_discrete(*parts: Any) -> bool:
    """Say whether all recorded arrays among arguments are conditions or whole numbers, on which any function may be called."""
    found = [hasattr(type(duck), "_is_discrete") and duck._is_discrete for duck in ducks(*parts)]
    return bool(found) and all(found)


def lifted(part: Any, by: Any) -> Any:
    """Return arguments with object arrays of numbers that carry derivatives made one such array."""
    if isinstance(part, (list, tuple)):
        return type(part)(lifted(p, by) for p in part)
    if isinstance(part, np.ndarray) and part.dtype == object and carries(part):
        return by._lift(part)
    return part


def stripped(part: Any) -> Any:
    """Return arguments with bare values in place of arrays that carry derivatives."""
    if isinstance(part, (list, tuple)):
        return type(part)(map(stripped, part))
    if isinstance(part, np.ndarray) and part.dtype == object:
        return np.vectorize(plain, otypes=[float])(part) if carries(part) else part
    return plain(part)


def _named(function: Any) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module}.{getattr(function, '__name__', function)}"


def row_of(function: Any) -> Operator:
    """Return the row of a function, or raise the sentence that says why there is none."""
    row = TABLE.find(function)
    if row is None:
        raise errors.UnknownFunction(errors.unknown(_named(function)))
    if isinstance(row, Unwritten):
        raise errors.NotWritten(errors.unwritten(row.path, row.reason, row.instead))
    return row


def _store(result: Any, out: Any, name: str) -> Any:
    if isinstance(out, tuple):
        results = result if isinstance(result, tuple) else (result,)
        kept = tuple(_store(r, o, name) for r, o in zip(results, out, strict=True))
        return kept if isinstance(result, tuple) else kept[0]
    if out is None:
        return result
    if not isinstance(out, DuckArray) and isinstance(result, DuckArray):
        raise errors.DerivativeLost(errors.lost_out(name))
    out[...] = result  # type: ignore[index]
    return out


def _as_dtype(result: Any, dtype: Any, name: str) -> Any:
    if dtype is None or not isinstance(result, DuckArray):
        return result
    if np.dtype(dtype).kind != "f":
        raise errors.DerivativeLost(errors.lost_dtype(name, dtype))
    return result.astype(dtype)


# --- __array_ufunc__ ---------------------------------------------------------------------------------------------------


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``__array_ufunc__``."""
    kwargs = dict(kwargs)
    out = kwargs.pop("out", None)
    name = ufunc.__name__
    if not all(is_operand(x) or method != "__call__" for x in inputs):
        return NotImplemented
    by = top(inputs, out)
    inputs = lifted(inputs, by)
    if method == "at":
        return ufunc_methods.at(ufunc, *inputs)
    if method != "__call__":
        dtype = kwargs.pop("dtype", None)
        result = getattr(ufunc_methods, method)(ufunc, *inputs, **kwargs)
        return _store(_as_dtype(result, dtype, name), out, name)
    for ignored in ("order", "subok", "casting"):
        kwargs.pop(ignored, None)
    dtype, where = kwargs.pop("dtype", None), kwargs.pop("where", True)
    row = None if is_discrete(inputs) else row_of(ufunc)
    if (row is None or isinstance(row, Discrete)) and where is True:
        result = _unvarying(ufunc, inputs, kwargs)
    elif row is None or isinstance(row, Discrete) or not carries(inputs):
        result = ufunc(*stripped(inputs), where=plain(where), **kwargs)
    elif not isinstance(row, Elementwise):
        result = by._array_row(row, inputs, kwargs)
    elif where is True:
        result = top(inputs)._elementwise(row, ufunc, inputs, **kwargs)
    else:
        result = _masked(row, ufunc, inputs, plain(where), out[0] if out else None)
    return _store(_as_dtype(result, dtype, name), out, name)


def _unvarying(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function whose result does not vary; a tape writes down what came of it."""
    by = top(args, kwargs) if carries(args, kwargs) else None
    if hasattr(type(by), "_discrete"):
        return by._discrete(function, args, kwargs)
    return function(*stripped(args), **{name: stripped(value) for name, value in kwargs.items()})


def _masked(row: Elementwise, ufunc: np.ufunc, inputs: tuple[Any, ...], where: Any, out: Any) -> Any:
    """Evaluate only where the mask is true, so that no warning comes from elements that are not wanted."""
    shape = np.broadcast_shapes(np.shape(where), *map(np.shape, inputs))

    def function(*primals: Any) -> Any:
        if carries(primals):
            return ufunc(*primals)
        return ufunc(*primals, out=np.zeros(shape), where=where)

    by = top(inputs)
    kept = by._constant(np.zeros(shape)) if out is None else out
    return np.where(where, by._elementwise(row, function, inputs), kept)


# --- __array_function__ ------------------------------------------------------------------------------------------------


def call_function(like: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``__array_function__``; ``like`` is the array that NumPy dispatched on."""
    if function in _CREATION:
        return _create(like, function, args, kwargs)
    row = None if is_discrete(args, kwargs) else row_of(function)
    if row is None or isinstance(row, Discrete):
        return _unvarying(function, args, kwargs)
    kwargs = dict(kwargs)
    out, dtype = kwargs.pop("out", None), kwargs.pop("dtype", None)
    by = top(args, kwargs, out)
    args = lifted(args, by)
    if carries(args, kwargs):
        result = _apply(top(args, kwargs), row, args, kwargs)
    else:
        result = function(*args, **kwargs)
    return _store(_as_dtype(result, dtype, row.name), out, row.name)


def _apply(by: Any, row: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if isinstance(row, Composed):
        return row.plan(*args, **kwargs)
    if isinstance(row, Elementwise):
        if kwargs:
            unexpected = sorted(set(kwargs) - set(row.args))
            if unexpected:
                raise TypeError(f"{row.name}() got an unexpected keyword argument {unexpected[0]!r}")
            args += tuple(kwargs[name] for name in row.args[len(args) :])
        return by._elementwise(row, row.function, args)
    return by._array_row(row, args, kwargs)


def _create(like: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if carries(args, kwargs):
        if function is np.full:
            shape, fill = args[:2] if len(args) > 1 else (args[0], kwargs["fill_value"])
            return np.broadcast_to(fill, shape).copy()
        content = args[0]
        return np.copy(content) if isinstance(content, DuckArray) else like._lift(np.array(content, dtype=object))
    value = function(*args, **kwargs)
    return like._constant(value.astype(float) if value.dtype.kind in "iub" and "dtype" not in kwargs else value)
