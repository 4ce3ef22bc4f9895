"""A recorded function in the symbols of SymPy: the same operations, on expressions in place of numbers.

Arrays become object arrays of expressions, on which NumPy's own functions of sums, products and shapes work. What is
decided by numbers (a branch, an index) stays as it was decided when the function was recorded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from dualad import errors
from dualad.draw.statements import Ref, Statement, statement_of
from dualad.duck.kernels import DuckArray
from dualad.ops.spell import as_sympy, value_of
from dualad.ops.table import Elementwise
from dualad.reverse.kernels import Tape

__all__ = ["Symbolic", "to_sympy"]


class Symbolic(NamedTuple):
    """The symbols of the inputs, and the expressions of the outputs in them: arrays of them for arrays."""

    symbols: Any
    expressions: Any


def to_sympy(tape: Tape, names: Sequence[str] | None = None) -> Symbolic:
    """Return what a tape computes as SymPy expressions.

    Parameters
    ----------
    tape : Tape
        What :func:`dualad.record` returns.
    names : sequence of str, optional
        A name for each input; x for one input and x0, x1, ... for several when it is not given. The elements of an
        array x are called x_0, x_1, ..., of a matrix x_0_0, x_0_1, ...

    Returns
    -------
    Symbolic
        ``symbols`` and ``expressions``: one of each for one input and one output, tuples for several; object arrays of
        them for arrays.

    Raises
    ------
    ImportError
        SymPy is not installed (the extra "sympy").
    NotWritten
        The tape has an operation that is not done on expressions, such as a singular value decomposition.

    Notes
    -----
    The expressions are those of the recorded path: where the function branches on numbers, they hold on this side of
    the branch.

    Examples
    --------
    >>> import numpy as np, dualad
    >>> tape = dualad.record(lambda x: np.sin(x[0]) * x[1], np.array([1.0, 2.0]))
    >>> symbols, expression = tape.to_sympy()
    >>> expression
    x_1*sin(x_0)
    >>> expression.diff(symbols[0])
    x_1*cos(x_0)
    """
    sympy = _sympy()
    inputs = list(tape.inputs or ())
    if names is None:
        names = ["x"] if len(inputs) == 1 else [f"x{i}" for i in range(len(inputs))]
    if len(names) != len(inputs):
        raise ValueError(f"to_sympy was given {len(names)} names for {len(inputs)} inputs; give one for each")
    values: dict[int, Any] = {}
    for node, name in zip(inputs, names, strict=True):
        values[node] = _symbols(sympy, name, statement_of(tape, node).shape or ())
    symbols = tuple(values[node] for node in inputs)
    for node in range(len(tape)):
        if node not in values:
            values[node] = _value(sympy, tape, statement_of(tape, node), values)
    outputs = tuple(values[node] for node in tape.outputs or ())
    return Symbolic(symbols[0] if len(symbols) == 1 else symbols, outputs[0] if len(outputs) == 1 else outputs)


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise ImportError('to_sympy needs SymPy; install it, or dualad with the extra "sympy"') from None
    return sympy


def _symbols(sympy: Any, name: str, shape: tuple[int, ...]) -> Any:
    if not shape:
        return sympy.Symbol(name, real=True)
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        found[place] = sympy.Symbol("_".join([name, *map(str, place)]), real=True)
    return found


# --- nodes -----------------------------------------------------------------------------------------------------------


def _value(sympy: Any, tape: Tape, statement: Statement, values: Mapping[int, Any]) -> Any:
    """Return the expression of a node; an array of them for an array."""

    def known(part: Any) -> Any:
        if isinstance(part, Ref):
            return values[part.node]
        if isinstance(part, (list, tuple)):
            return type(part)(known(inner) for inner in part)
        return part

    args = known(statement.args)
    match statement.kind:
        case "constant":
            return _exact(sympy, args[0] if args else statement.value)
        case "read" | "item":
            return args[0][args[1]]
        case "view":
            return functools.reduce(lambda base, step: step(base), args[1], args[0])
        case "write":
            return _written(sympy, *args)
        case "discrete":
            return _decided(sympy, tape, statement, args)
    if isinstance(statement.row, Elementwise):
        return _elementwise(sympy, statement.row, [_exact(sympy, part) for part in args])
    return _array(sympy, statement, args, known(dict(statement.kwargs)))


def _exact(sympy: Any, x: Any) -> Any:
    """Return numbers as SymPy has them, whole ones as integers."""
    while isinstance(x, DuckArray):
        x = x._primal()
    if isinstance(x, np.ndarray) and x.dtype != object:
        return np.frompyfunc(lambda number: _exact(sympy, number), 1, 1)(x) if x.ndim else _exact(sympy, x[()])
    if isinstance(x, (bool, np.bool_)):
        return sympy.true if x else sympy.false
    if isinstance(x, (int, np.integer)) or (isinstance(x, (float, np.floating)) and float(x).is_integer()):
        return sympy.Integer(int(x))
    return sympy.Float(float(x)) if isinstance(x, (float, np.floating)) else x


def _written(sympy: Any, base: Any, place: tuple[Any, ...], put: Any) -> Any:
    array = base.copy()
    *steps, index = place
    target = functools.reduce(lambda base, step: step(base), steps, array)
    target[index] = _exact(sympy, put)
    return array


def _elementwise(sympy: Any, row: Elementwise, args: Sequence[Any]) -> Any:
    if row.outputs > 1:
        raise errors.NotWritten(_unwritten(row.path, "it has several results"))
    function = np.frompyfunc(_formula(row.name, row), len(args), 1)
    return function(*args)


@functools.cache
def _formula(name: str, row: Elementwise) -> Callable[..., Any]:
    """Return a row as a function of expressions, from the row's own spelling."""
    sympy = _sympy()
    if name == "where":
        return lambda condition, x, y: sympy.Piecewise((x, condition), (y, True))
    arguments = [sympy.Dummy(arg) for arg in row.args]
    expression = sympy.sympify(as_sympy(value_of(row)), locals=dict(zip(row.args, arguments, strict=True)))
    return sympy.Lambda(tuple(arguments), expression)  # type: ignore[no-any-return]


_RELATIONS: Final = {
    "less": "Lt", "less_equal": "Le", "greater": "Gt", "greater_equal": "Ge", "equal": "Eq", "not_equal": "Ne",
}  # fmt: skip


def _decided(sympy: Any, tape: Tape, statement: Statement, args: Sequence[Any]) -> Any:
    """Return a comparison as a relation; any other result that does not vary as it was."""
    relation = _RELATIONS.get(statement.name)
    if relation is not None and len(args) == 2:
        compare = getattr(sympy, relation)
        return np.frompyfunc(compare, 2, 1)(*(_exact(sympy, part) for part in args))
    if statement.value is not None:
        return statement.value
    return tape.record_of(statement.node).value


# --- array rows
# --------------------------------------------------------------------------------------------------------


def _array(sympy: Any, statement: Statement, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    special = _SPECIAL.get(statement.name)
    try:
        if special is not None:
            return special(sympy, *args, **kwargs)
        return statement.row.function(*args, **kwargs)
    except (TypeError, AttributeError, ValueError, np.linalg.LinAlgError) as error:
        raise errors.NotWritten(_unwritten(statement.row.path, "NumPy does not do it on expressions")) from error


def _unwritten(path: str, reason: str) -> str:
    return (
        f"{path} cannot be written in symbols here: {reason}. to_sympy takes elementwise functions, sums, products, "
        "shapes and indices, and solve, inv, det and norm of np.linalg."
    )


def _mean(sympy: Any, a: Any, axis: Any = None, keepdims: bool = False, **rest: Any) -> Any:
    total = np.sum(a, axis=axis, keepdims=keepdims)
    return total / sympy.Integer(np.size(a) // max(np.size(total), 1))


def _extreme(name: str) -> Callable[..., Any]:
    def extreme(sympy: Any, a: Any, axis: Any = None, keepdims: bool = False, **rest: Any) -> Any:
        larger = np.frompyfunc(getattr(sympy, name), 2, 1)
        return larger.reduce(a, axis=axis if axis is not None else tuple(range(np.ndim(a))), keepdims=keepdims)

    return extreme


def _matrix(method: str) -> Callable[..., Any]:
    def done(sympy: Any, a: Any, *rest: Any, **options: Any) -> Any:
        if np.ndim(a) != 2:
            raise ValueError("one matrix, not several")
        right = [sympy.Matrix(np.reshape(b, (len(b), -1)).tolist()) for b in rest]
        found = getattr(sympy.Matrix(np.asarray(a).tolist()), method)(*right)
        if not hasattr(found, "tolist"):
            return found
        array = np.array(found.tolist(), dtype=object)
        return array.reshape(np.shape(rest[0])) if rest else array

    return done


def _norm(sympy: Any, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None and not (ord == 2 and (np.ndim(x) == 1 or isinstance(axis, int))):
        raise ValueError("the norm of squares only")
    total = np.sum(np.square(x), axis=axis, keepdims=keepdims)
    return np.frompyfunc(sympy.sqrt, 1, 1)(total)


_SPECIAL: Final[Mapping[str, Callable[..., Any]]] = {
    "mean": _mean,
    "max": _extreme("Max"),
    "amax": _extreme("Max"),
    "min": _extreme("Min"),
    "amin": _extreme("Min"),
    "linalg.solve": _matrix("LUsolve"),
    "linalg.inv": _matrix("inv"),
    "linalg.det": _matrix("det"),
    "linalg.norm": _norm,
}
