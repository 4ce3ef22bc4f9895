"""NumPy's two protocols, for any engine: which row serves a call, and what ``out``, ``where`` and ``dtype`` mean.

An engine is asked only for ``_elementwise(row, function, inputs)``, ``_array_row(row, args, kwargs)``,
``_discrete(function, args, kwargs)``, ``_constant(value)``, ``_lift(objects)``, ``_with_value(value)`` and
``_primal()``.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck import ufunc_methods
from dualad.duck.kernels import DuckArray, survey
from dualad.ops.table import TABLE, Composed, Discrete, Elementwise, Operator, Unwritten

__all__ = ["LIKE", "Flat", "call_function", "call_ufunc", "decided", "lost", "plain", "settled", "stripped"]

_CREATION: frozenset[Any] = frozenset(
    (np.zeros, np.ones, np.empty, np.full, np.eye, np.identity, np.arange, np.array, np.asarray, np.asanyarray, np.tri)
)
# What nobody has written is zero: a recording that is made again is then the same.
_BLANK: dict[Any, Any] = {np.empty: np.zeros, np.empty_like: np.zeros_like}
LIKE: frozenset[Any] = frozenset((np.zeros_like, np.ones_like, np.empty_like, np.full_like))


# --- values ----------------------------------------------------------------------------------------------------------


def plain(x: Any) -> Any:
    """Return the bare value under any number of derivatives."""
    while isinstance(x, DuckArray):
        x = x._primal()
    return x


def settled(part: Any) -> Any:
    """Return arguments with bare values, on which what follows relies: every recording takes note of them."""
    while isinstance(part, DuckArray):
        part = part._settled()
    if isinstance(part, (list, tuple)):
        return type(part)(map(settled, part))
    if isinstance(part, np.ndarray) and part.dtype == object and survey(part).top is not None:
        return np.array([settled(x) for x in part.ravel().tolist()], dtype=float).reshape(part.shape)
    return part


def decided(level: int, function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Call a function whose result does not vary without the derivative of one level."""
    args = [primal(part, level) for part in args]
    kwargs = {name: primal(part, level) for name, part in kwargs.items()}
    found = survey(args, kwargs)
    if found.top is None:
        return function(*args, **kwargs)
    if found.loose:
        return function(*settled(args), **{name: settled(part) for name, part in kwargs.items()})
    return settled(function(*args, **kwargs))


def stripped(part: Any) -> Any:
    """Return arguments with bare values in place of arrays that carry derivatives."""
    if isinstance(part, DuckArray):
        return plain(part)
    if isinstance(part, (list, tuple)):
        return type(part)(map(stripped, part))
    if isinstance(part, np.ndarray) and part.dtype == object and survey(part).top is not None:
        return np.array([plain(x) for x in part.ravel().tolist()], dtype=float).reshape(part.shape)
    return part


def primal(part: Any, level: int) -> Any:
    """Return arguments without the derivative of one level."""
    if isinstance(part, DuckArray):
        return part._primal() if part.level == level else part
    if isinstance(part, (list, tuple)):
        return type(part)(primal(p, level) for p in part)
    return part


def joined(part: Any, by: Any) -> Any:
    """Return arguments with arrays of objects that carry derivatives made one such array."""
    if isinstance(part, (list, tuple)):
        return type(part)(joined(p, by) for p in part)
    if isinstance(part, np.ndarray) and part.dtype == object and survey(part).top is not None:
        return by._lift(part)
    return part


def lost(kind: str) -> Exception:
    """Return the error for a conversion that would lose the derivative."""
    return errors.DerivativeLost(errors.lost_by(kind))


# --- what every call has in common -----------------------------------------------------------------------------------


def _named(function: Any) -> str:
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module}.{getattr(function, '__name__', function)}"


def row_of(function: Any) -> Operator:
    """Return the row of a function, or raise the sentence that says why there is none."""
    row = TABLE.functions.get(function) or TABLE.find(function)
    if row is None:
        objects = isinstance(function, np.ufunc) and all(set(kinds) <= set("O->") for kinds in function.types)
        said = errors.made_by_frompyfunc(_named(function)) if objects else errors.unknown(_named(function))
        raise errors.UnknownFunction(said)
    if isinstance(row, Unwritten):
        raise errors.NotWritten(errors.unwritten(row.path, row.reason, row.instead))
    return row


def _store(result: Any, out: Any, name: str) -> Any:
    if out is None:
        return result
    if isinstance(out, tuple):
        results = result if isinstance(result, tuple) else (result,)
        kept = tuple(_store(r, o, name) for r, o in zip(results, out, strict=True))
        return kept if isinstance(result, tuple) else kept[0]
    if isinstance(result, DuckArray) and not isinstance(out, DuckArray):
        raise errors.DerivativeLost(errors.lost_out(name))
    out[...] = result
    return out


def _check_dtype(dtype: Any, name: str) -> None:
    if dtype is not None:
        if np.dtype(dtype).kind in "iub":
            raise errors.DerivativeLost(errors.lost_dtype(name, dtype))
        errors.check_real(np.dtype(dtype), name)


def _revalued(result: Any, value: Any, level: int) -> Any:
    """Return a result with NumPy's own value in place of the one that was found on the way to its derivative."""
    if isinstance(result, (tuple, list)):
        parts = [_revalued(r, v, level) for r, v in zip(result, value, strict=True)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return result._with_value(value) if isinstance(result, DuckArray) and result.level == level else value


# --- __array_ufunc__ -------------------------------------------------------------------------------------------------


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``__array_ufunc__``."""
    name = ufunc.__name__
    out = kwargs.pop("out", None)
    found = survey(inputs, kwargs)
    by = found.top
    if by is None or not found.varies:  # at most out= carries derivatives
        where = kwargs.pop("where", True) if out is not None and method == "__call__" else True
        function = getattr(ufunc, method)
        with np.errstate(all="ignore") if where is not True else contextlib.nullcontext():
            result = function(*inputs, **kwargs) if by is None else by._discrete(function, inputs, kwargs)
        return _store(result if where is True else _masked(where, result, out), out, name)
    row = row_of(ufunc)
    if found.loose:
        inputs = joined(inputs, by)
    _check_dtype(kwargs.get("dtype"), name)
    if isinstance(row, Discrete):
        result = by._discrete(getattr(ufunc, method), inputs, kwargs)
    elif method != "__call__":
        result = _call_method(by.level, ufunc, method, inputs, kwargs)
    elif isinstance(row, Elementwise):
        result = _call_with_options(by, row, ufunc, inputs, kwargs, out)
    else:
        result = _call_row(by, row, inputs, kwargs)
    return _store(result, out, name)


def _call_with_options(by: Any, row: Elementwise, ufunc: np.ufunc, inputs: Any, options: Any, out: Any) -> Any:
    """Call an elementwise row with ``where=``, ``dtype=`` and the like: on the values they are NumPy's affair."""
    mask = options.get("where", True)
    where = settled(mask)
    if where is not True:
        options = {**options, "where": where}
    shape = np.broadcast_shapes(np.shape(where), *map(np.shape, inputs))

    def function(*primals: Any) -> Any:
        if where is True or survey(primals).top is not None:
            return ufunc(*primals, **options)
        # Elements that are not wanted must be skipped, so that no warning comes from them; zeros stand in their places.
        blank = tuple(np.zeros(shape, options.get("dtype") or np.result_type(*primals)) for _ in range(row.outputs))
        return ufunc(*primals, **options, out=blank)

    result = by._elementwise(row, function if options else ufunc, inputs)
    if where is True:
        return result
    before = [0.0 if kept is None else kept for kept in out or (None,) * row.outputs]
    return _masked(mask, result, before)


def _masked(mask: Any, result: Any, before: Any) -> Any:
    """Return results where a mask is true, and what stood there before elsewhere."""
    results = result if isinstance(result, tuple) else (result,)
    kept = tuple(new if old is None else np.where(mask, new, old) for new, old in zip(results, before, strict=True))
    return kept if isinstance(result, tuple) else kept[0]


def _call_method(level: int, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    options = {name: value for name, value in kwargs.items() if name != "dtype" and value is not np._NoValue}
    with np.errstate(all="ignore"):
        result = ufunc_methods.METHODS[method](ufunc, *inputs, **options)
    if method == "at":
        return None
    value = getattr(ufunc, method)(*primal(inputs, level), **kwargs)
    return _revalued(result, value, level)


# --- __array_function__ ----------------------------------------------------------------------------------------------


def call_function(like: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``__array_function__``; ``like`` is the array that NumPy dispatched on."""
    if function in _CREATION:
        return _create(like, _BLANK.get(function, function), args, kwargs)
    if function in LIKE and args and isinstance(args[0], DuckArray):
        return _create_like(_BLANK.get(function, function), *args, **kwargs)
    found = survey(args, kwargs)
    if found.top is not None and not found.varies and "out" not in kwargs:
        return found.top._discrete(function, args, kwargs)
    row = row_of(function)
    if isinstance(row, Discrete):
        return (like if found.top is None else found.top)._discrete(function, args, kwargs)
    if len(args) > (len(row.args) if isinstance(row, Elementwise) else row.places):  # type: ignore[attr-defined]
        args, kwargs = _by_name(row, args, kwargs)
    out = None
    if kwargs:
        kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}
        out = kwargs.pop("out", None)
        _check_dtype(kwargs.get("dtype"), row.name)
        found = survey(args, kwargs)
    by = found.top
    if by is None:
        return _store(function(*args, **kwargs), out, row.name)
    if found.loose:
        args = joined(args, by)
        kwargs = {name: joined(value, by) for name, value in kwargs.items()}
    if isinstance(row, Composed):
        result = _compose(by, row, args, kwargs)
    elif isinstance(row, Elementwise):
        if function is np.where and len(args) == 1:
            return np.nonzero(args[0] != 0)
        result = by._elementwise(row, function, args + tuple(kwargs.pop(name) for name in row.args[len(args) :]))
    else:
        result = _call_row(by, row, args, kwargs)
    return result if out is None else _store(result, out, row.name)


def _by_name(row: Operator, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Name the arguments that the plan does not take by position (``np.sum(x, 0, float, out)``)."""
    names = list(inspect.signature(row.function).parameters)
    kept = len(row.args) if isinstance(row, Elementwise) else row.places  # type: ignore[attr-defined]
    return args[:kept], kwargs | dict(zip(names[kept:], args[kept:], strict=False))


def _call_row(by: Any, row: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call an array row. With ``dtype=``, which no plan takes, its operands are cast first, as NumPy casts them."""
    if "dtype" not in kwargs:
        return by._array_row(row, args, kwargs)
    options = {name: value for name, value in kwargs.items() if name != "dtype"}
    if kwargs["dtype"] is None:
        return by._array_row(row, args, options)
    dtype = np.dtype(kwargs["dtype"])
    if row.name == "linspace":  # the one that NumPy casts when it is done
        result = by._array_row(row, args, options).astype(dtype)
    else:
        names = row.operands
        count = len(args) if row.variadic else len(names)
        inner = tuple([_cast(part, dtype) for part in args[:count]]) + args[count:]
        named = {name: _cast(part, dtype) if name in names else part for name, part in options.items()}
        result = by._array_row(row, inner, named)
    named = {name: primal(value, by.level) for name, value in kwargs.items()}
    return _revalued(result, row.call(primal(args, by.level), named), by.level)


def _cast(part: Any, dtype: Any) -> Any:
    if isinstance(part, (list, tuple)):
        return type(part)(_cast(p, dtype) for p in part)
    if isinstance(part, str) or getattr(part, "dtype", None) == dtype:
        return part
    return (part if isinstance(part, DuckArray) else np.asarray(part)).astype(dtype)


def _compose(by: Any, row: Composed, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function by its definition, which gives the derivative; the value is NumPy's own, to the last bit."""
    options = {name: value for name, value in kwargs.items() if name != "dtype"}
    with np.errstate(all="ignore"):
        result = row.plan(*args, **options)
    if result is None or any(_calls(part) for part in args) or any(result is part for part in args):
        return result  # written in place, or made by functions of the user's
    named = {name: primal(value, by.level) for name, value in kwargs.items()}
    return _revalued(result, row.call(primal(args, by.level), named), by.level)


def _calls(part: Any) -> bool:
    return any(map(callable, part)) if isinstance(part, (list, tuple)) else callable(part)


# --- making arrays ---------------------------------------------------------------------------------------------------


def _create(like: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer ``np.zeros(n, like=x)`` and its kin."""
    dtype = kwargs.get("dtype")
    if survey(args, kwargs).top is None:
        inner = like._primal()
        value = function(*args, **kwargs, like=inner) if isinstance(inner, DuckArray) else function(*args, **kwargs)
        if plain(value).dtype.kind != "f":
            # Whole numbers that were asked for, or that count, are plain; others are there to be written over.
            if dtype is not None or function is np.arange:
                return value
            value = value.astype(np.float64)
        return like._constant(value)
    if function is np.full:
        shape, fill = args[:2] if len(args) > 1 else (args[0], kwargs["fill_value"])
        return np.copy(np.broadcast_to(fill, shape))
    if function not in (np.array, np.asarray, np.asanyarray):
        raise errors.DiscreteArgument(errors.discrete_argument(f"numpy.{function.__name__}", "number 1"))
    content = args[0]
    if not isinstance(content, DuckArray):
        content = like._lift(np.array(content, dtype=object))
    elif function is np.array and kwargs.get("copy", True):
        content = np.copy(content)
    missing = kwargs.get("ndmin", 0) - content.ndim
    content = content[(None,) * missing] if missing > 0 else content
    return content if dtype is None else content.astype(dtype, copy=False)


def _create_like(function: Callable[..., Any], x: Any, *args: Any, **options: Any) -> Any:
    """Answer ``np.zeros_like(x)`` and its kin: an array that can take in all derivatives that ``x`` carries."""
    dtype = np.dtype(options.get("dtype") or x.dtype)
    if function is np.full_like:
        if survey(args, options).top is not None:
            result = np.empty_like(x, **{name: value for name, value in options.items() if name != "fill_value"})
            result[...] = args[0] if args else options["fill_value"]
            return result
    if dtype.kind != "f":
        return function(plain(x), *args, **options)
    return x._constant(function(x._primal(), *args, **options))


class Flat:
    """``x.flat``: the elements one after the other."""

    def __init__(self, x: Any) -> None:
        self._x = x

    def __len__(self) -> int:
        return int(self._x.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(np.ravel(self._x))

    def __getitem__(self, index: Any) -> Any:
        return np.copy(np.ravel(self._x))[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        places = np.arange(self._x.size)[index]
        if np.size(places) != np.size(value) > 1:  # flat iterators begin again when the values end
            value = np.take(np.ravel(value), np.arange(np.size(places)) % np.size(value))
        self._x[np.unravel_index(places, self._x.shape)] = value
