"""How recorded arrays meet the array rows of the table, indices and assignment: what is written on the tape."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dualad import errors
from dualad.duck.kernels import DuckArray
from dualad.duck.operands import Operand, Operands, any_duck, put_back
from dualad.duck.protocol import settled
from dualad.ops.contraction import arraylike
from dualad.ops.table import TABLE, Bilinear, Linear, Map, Operator
from dualad.reverse.kernels import Recorded, Shape, Tape, is_basic, unwatched

__all__ = ["array_row", "compare", "discrete", "get_item", "lift", "set_item"]

_SIMPLE = frozenset((int, float, bool, str, type(None)))
_COMPARE = (operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge)


def _settled(part: Any, level: int) -> Any:
    """Return arguments with the recorded integers, booleans and masks of this tape as plain values."""
    if type(part) in _SIMPLE:
        return part
    if isinstance(part, Recorded) and part.level == level and part._is_discrete:
        part._tape.guards.append((part._operand(), part._primal()))
        return part._primal()
    if isinstance(part, (list, tuple)):
        return type(part)(_settled(p, level) for p in part)
    if isinstance(part, np.ndarray) and part.dtype.kind in "iub":
        return part.copy()  # an index that the function may count up in place
    if isinstance(part, slice):
        return slice(_settled(part.start, level), _settled(part.stop, level), _settled(part.step, level))
    return part


def array_row(like: Recorded, row: Operator, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call the function of an array row and write it on the tape."""
    x = args[0] if args else None
    if isinstance(x, Recorded) and x.level == like.level and not x._is_discrete and _is_simple(row, args, kwargs):
        if type(x) is Recorded or type(x._primal()) is np.float64:
            return _one_operand(x, row, args, kwargs)
    args = [_settled(part, like.level) for part in args]
    kwargs = {name: _settled(part, like.level) for name, part in kwargs.items()}
    if not any_duck(args, like.level) and not any_duck(kwargs, like.level):
        return row.function(*args, **kwargs)
    call = Operands(like, row, args, kwargs, lambda x: x._primal(), lift, like._tape.seen)
    value = row.function(*call.args, **call.kwargs)
    _check(value, row)
    plan = row.plan(*call.args, **call.kwargs)  # type: ignore[attr-defined]
    kept_args, kept_kwargs = _kept(like._tape, call.kept_args), _kept(like._tape, call.kept_kwargs)
    linear = isinstance(row, Linear)
    if linear and len(call.found) == 1 and not call.found[0]._is_scalar:
        shown = _shown(call.found[0], value, Step(row, plan.apply, kept_args, kept_kwargs), plan)
        if shown is not None:
            return shown
    nodes, primals = [], []
    for x in call.found:
        mine = call.carries(x)
        if mine:
            primals.append(Shape(x.shape, x.dtype) if linear else x._saved())
        else:
            primals.append(Shape(x.shape, x.dtype) if linear and isinstance(x, np.ndarray) else like._tape.freeze(x))
        nodes.append(x._operand(needed=False) if mine else -1)
    return like._tape.record(
        "row",
        row,
        tuple(nodes),
        primals,
        value,
        plan,
        kept_args,
        kept_kwargs,
        needed=not isinstance(row, _VALUE_FREE),
    )


def _kept(tape: Any, part: Any) -> Any:
    """Return the arguments of a call as a replay may read them: the function may write into its arrays later."""
    if tape.lean:
        return part
    if isinstance(part, np.ndarray):
        return tape.freeze(part)
    if type(part) in (list, tuple):
        return type(part)(_kept(tape, inner) for inner in part)
    if isinstance(part, dict):
        return {name: _kept(tape, inner) for name, inner in part.items()}
    return part


_VALUE_FREE = (Linear, Bilinear)


def _is_simple(row: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Say whether a call has one operand, its first argument, and plain numbers, words and shapes beside it."""
    names = row.operands
    if len(names) != 1 or names[0][0] == "*":
        return False
    for part in (*args[1:], *kwargs.values()):
        if type(part) not in _SIMPLE and not (type(part) is tuple and all([type(n) is int for n in part])):
            return False
    return True


def _one_operand(x: Any, row: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Write the usual call of an array row."""
    linear = isinstance(row, Linear)
    own, rest = x._primal(), args[1:]
    plain = type(own) is np.ndarray or type(own) is np.float64
    value = row.function(own, *rest, **kwargs) if plain else row.call((own, *rest), kwargs)
    if type(value) is not np.float64:
        _check(value, row)
    if plain and linear:
        plan, step = _planned(x._tape, row, own, rest, kwargs)
    else:
        plan = row.plan(own, *rest, **kwargs)
        step = Step(row, plan.apply, (_FIRST, *rest), kwargs) if linear else None
    if linear and not isinstance(value, np.generic) and not x._is_scalar:
        shown = _shown(x, value, step, plan)
        if shown is not None:
            return shown
    primal = Shape(own.shape, own.dtype) if linear else x._saved()
    kept = step.args if linear else (_FIRST, *rest)
    return x._tape.record(
        "row", row, (x._operand(needed=False),), (primal,), value, plan, kept, kwargs, needed=not linear
    )


def _planned(tape: Tape, row: Any, own: Any, rest: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the plan of a linear row and its step, made once for all calls that are alike.

    A row of the table that was told plain numbers only can lead the garbage collector nowhere.
    """
    given = *rest, *kwargs.values()
    key = row, type(own), own.shape, own.strides, own.dtype, given, tuple([type(part) for part in given]), tuple(kwargs)
    found = None if float in key[6] else tape.plans.get(key)  # zeros of both signs are equal
    if found is None:
        plan = row.plan(own, *rest, **kwargs)
        step = Step(row, plan.apply, (_FIRST, *rest), kwargs)
        if TABLE.find(row.function) is row:
            plan, step = unwatched(plan), unwatched(step)
        found = tape.plans[key] = plan, step
    return found


_OPERANDS = [unwatched(Operand(place)) for place in range(8)]
_FIRST = _OPERANDS[0]


class Step:
    """One step from a base to its view, for numbers, tangents and cotangents alike; ``row`` and its call say which.

    ``part`` is the number of the result, of a function with several. A step that was pickled serves for numbers only.
    """

    __slots__ = ("apply", "args", "kwargs", "part", "row")

    def __init__(
        self,
        row: Operator,
        apply: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        part: int | None = None,
    ) -> None:
        self.row, self.apply, self.args, self.kwargs, self.part = row, apply, args, kwargs, part

    def __call__(self, t: Any) -> Any:
        return self.apply(t)

    def __reduce__(self) -> Any:
        return _step_of, (self.row.name, self.args, self.kwargs, self.part)


def _step_of(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], part: int | None) -> Step:
    """Return a step that was pickled: the row's own function."""
    row = ASTYPE if name == ASTYPE.name else TABLE.named(name)

    def apply(t: Any) -> Any:
        found = row.function(*put_back(args, [t]), **put_back(kwargs, [t]))
        return found if part is None else found[part]

    return Step(row, apply, args, kwargs, part)


class Parts:
    """A function that returns several views; all parts of one array are asked for in turn, and made once."""

    def __init__(self, apply: Callable[..., Any]) -> None:
        self.apply = apply
        self.last: tuple[Any, Any] = (None, None)

    def part(self, i: int) -> Callable[[Any], Any]:
        """Return the function that returns view number ``i``."""

        def one(t: Any) -> Any:
            whole, parts = self.last
            if whole is not t:
                parts = self.apply(t)
                # A recorded array would keep its own tape alive from here.
                self.last = (t, parts) if isinstance(t, np.ndarray) else (None, None)
            return parts[i]

        return one


def _shown(x: Recorded, value: Any, step: Step, plan: Any) -> Any:
    """Return what a linear function of one array gives where it is the array itself or views of it, else None."""
    own = x._primal()
    if value is own:
        return x
    if isinstance(value, (tuple, list)):
        if not value or x._is_shown or not all(_is_view(part, own) for part in value):
            return None
        views = Parts(step.apply)
        return type(value)(
            x._tape.view(x, Step(step.row, views.part(i), step.args, step.kwargs, i), part)
            for i, part in enumerate(value)
        )
    if _is_view(value, own) and not x._is_shown:
        return x._tape.view(x, step, value)
    plain = isinstance(value, np.ndarray) and isinstance(own, np.ndarray)
    if np.may_share_memory(value, own) if plain else _same_cell(value, own):
        return x._tape.shown(x, step, value, step.row, plan)
    return None


def _check(value: Any, row: Operator) -> None:
    for part in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(part, (np.ndarray, np.generic)) and part.dtype.kind not in "iub":
            errors.check_result(part.dtype, row.name)


def _same_cell(value: Any, x: Any) -> bool:
    return (
        isinstance(value, Recorded) and isinstance(x, Recorded) and value._cell is not None and value._cell is x._cell
    )


def _is_view(value: Any, x: Any) -> bool:
    """Say whether ``value`` shows the numbers of ``x``, each at most once, so that writing to it writes to ``x``."""
    if isinstance(value, Recorded):
        return _same_cell(value, x) and not value._is_shown
    if isinstance(value, DuckArray):
        return isinstance(x, DuckArray) and value.level == x.level and _is_view(value._primal(), x._primal())
    if not isinstance(x, np.ndarray) or value is x or not np.may_share_memory(value, x):
        return False
    if not value.flags.writeable:
        return False
    return all(stride != 0 or n < 2 for stride, n in zip(value.strides, value.shape, strict=True))


def discrete(like: Recorded, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function whose result does not vary, and write the result as what it is."""
    nodes: list[int] = []
    outcomes: list[Any] = []

    if function is np.nonzero and not like._is_discrete:
        return np.nonzero(args[0] != 0)  # which needs no other numbers to be the same

    def taken(part: Any) -> tuple[Any, Any]:
        part = like._tape.seen(part)
        if isinstance(part, Recorded) and part.level == like.level:
            nodes.append(part._operand(needed=False))
            outcomes.append(part._primal())
            return outcomes[-1], _OPERANDS[len(nodes) - 1] if len(nodes) <= len(_OPERANDS) else Operand(len(nodes) - 1)
        if isinstance(part, (list, tuple)):
            pairs = [taken(p) for p in part]
            return type(part)(pair[0] for pair in pairs), type(part)(pair[1] for pair in pairs)
        return part, _kept(like._tape, part)

    plain, kept = taken(tuple(args))
    named = {name: taken(part) for name, part in kwargs.items()}
    value = function(*plain, **{name: pair[0] for name, pair in named.items()})
    value = settled(value)
    if function in _OF_SHAPES:
        return value
    if isinstance(value, bool):
        value = np.bool_(value)
    if type(value) is int and nodes:
        # A count (np.count_nonzero) is plain, and what follows relies on it.
        count = np.int64(value)
        rest = {name: pair[1] for name, pair in named.items()}
        return int(like._tape.record("discrete", None, tuple(nodes), [], count, None, (function, *kept), rest))
    if not isinstance(value, (np.ndarray, np.generic)) or value.dtype.kind not in "iubf" or not nodes:
        # Several results (np.nonzero) and texts are plain, and what follows relies on them.
        outcomes = [np.copy(x) if type(x) is np.ndarray else x for x in outcomes]
        like._tape.guards.extend(zip(nodes, outcomes, strict=True))
        return value
    kept_named = {name: pair[1] for name, pair in named.items()}
    return like._tape.record(
        "discrete", None, tuple(nodes), [], value, None, (function, *kept), kept_named, needed=value.dtype.kind != "f"
    )


#: What these return follows from shapes and types, not from values.
_OF_SHAPES = frozenset((
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.common_type, np.shares_memory, np.may_share_memory,
    np.einsum_path, np.isrealobj, np.iscomplexobj,
))  # fmt: skip


def compare(like: Recorded, other: Any, op: int) -> Any:
    """Compare arrays: recorded booleans."""
    if isinstance(other, DuckArray) and other.level > like.level:
        return NotImplemented
    return discrete(like, _COMPARE[op], (like, other), {})


# --- indices ----------------------------------------------------------------------------------------------------------


def _is_full(index: Any, ndim: int) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return len(parts) == ndim and all(isinstance(i, (int, np.integer)) and not isinstance(i, bool) for i in parts)


def _checked(index: Any, level: int) -> Any:
    if is_basic(index):
        return index
    index = _settled(index, level)
    if any_duck(index, level):
        raise errors.DiscreteArgument(errors.discrete_argument("x[i]", "i"))
    return index


def get_item(x: Recorded, index: Any) -> Any:
    """Return ``x[index]``: an element, a view where NumPy gives one, or a copy."""
    index = _checked(index, x.level)
    if x._is_discrete:
        return discrete(x, operator.getitem, (x, index), {})
    if x._is_scalar:
        return array_row(x, TABLE.named("reshape"), (x, np.empty(())[index].shape), {}) if index != () else x
    if x._has_doubles and _is_full(index, x.ndim):
        return x._read(tuple(map(int, index)) if isinstance(index, tuple) else (int(index),))
    return array_row(x, TABLE.named("getitem"), (x, index), {})


def set_item(x: Recorded, index: Any, value: Any) -> None:
    """Do ``x[index] = value`` as a new version of the array."""
    index = _checked(index, x.level)
    if x._is_scalar:
        raise TypeError("a scalar does not support item assignment")
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.dtype == object):
        value = lift(np.array(value, dtype=object)) if any_duck(value) else value
    value = x._tape.seen(value)
    mine = isinstance(value, Recorded) and value.level == x.level
    if isinstance(value, DuckArray) and value.level > x.level:
        raise errors.DerivativeLost(errors.lost_nested("x[...] = value"))
    primal = value._primal() if isinstance(value, Recorded) and value.level == x.level else value
    if isinstance(primal, DuckArray) and not isinstance(x._primal(), DuckArray):
        x._make_room(primal)
    if mine and not x._path and _is_whole(index, x.ndim) and _can_stand_in(primal, x._primal()):
        # A fresh result of the same shape and type takes the place of the numbers that it overwrites.
        copied: Any = np.copy(value)
        x._adopt(copied._operand(needed=False), copied._primal())
        return
    if mine and isinstance(primal, np.ndarray) and np.may_share_memory(primal, x._primal()):
        primal = np.copy(primal)  # NumPy too reads an overlapping source as it was
    node = value._operand(needed=False) if mine else -1
    x._overwrite(index, node, primal, not mine, _put_last(index, x.shape) if mine else None)


def _put_last(index: Any, shape: tuple[int, ...]) -> Any:
    """Return where an index with repetitions puts the values that stay, None where nothing is named twice."""
    if is_basic(index):
        return None
    parts = index if isinstance(index, tuple) else (index,)
    if all(np.ndim(part) == 0 or getattr(part, "dtype", None) == np.bool_ for part in parts):
        return None
    if len(parts) == 1:
        # The usual case, without an array as large as what is written to.
        numbers = np.where(np.asarray(index) < 0, np.asarray(index) + shape[0], index)
        rest: tuple[int, ...] = (1,) * (len(shape) - 1)
    else:
        numbers, rest = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index], ()
    flat = numbers.ravel()[::-1]
    last = np.zeros(flat.size, bool)
    last[np.unique(flat, return_index=True)[1]] = True
    return None if last.all() else last[::-1].reshape(numbers.shape + rest)


def _is_whole(index: Any, ndim: int) -> bool:
    return index is Ellipsis or (isinstance(index, slice) and index == slice(None) and ndim > 0)


def _can_stand_in(fresh: Any, own: Any) -> bool:
    return (
        isinstance(fresh, np.ndarray)
        and isinstance(own, np.ndarray)
        and fresh.shape == own.shape
        and fresh.dtype == own.dtype
        and fresh.flags.c_contiguous
        and own.flags.c_contiguous
    )


# --- arrays of objects ------------------------------------------------------------------------------------------------


def lift(objects: Any) -> Any:
    """Return an object array whose elements carry derivatives as one recorded array."""
    if not isinstance(objects, np.ndarray) or objects.dtype != object:
        return objects
    flat = objects.ravel().tolist()
    inside = [x for x in flat if isinstance(x, DuckArray)]
    if not inside:
        return objects.astype(float)
    like = max(inside, key=lambda x: x.level)
    if not isinstance(like, Recorded):
        return like._lift(objects)
    stacked = array_row(like, TABLE.named("stack"), (flat,), {})
    return np.reshape(stacked, objects.shape + stacked.shape[1:])


def _astype(x: Any, dtype: Any) -> Any:
    return x.astype(dtype)


ASTYPE = Linear(
    name="astype",
    path="ndarray.astype",
    operands=("x",),
    plan=lambda x, dtype: Map(lambda t: arraylike(t).astype(dtype), lambda g: arraylike(g).astype(x.dtype)),
    given=_astype,
)
