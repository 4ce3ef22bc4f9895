"""The operator table: what an operator is, and where the rows are kept.

An operator is written once, as a row of one of the kinds below. Every engine asks :data:`TABLE` for the row of the
function that a user called and needs to know nothing else about it.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

__all__ = [
    "COUNT", "NEGATIVE", "NONNEGATIVE", "POSITIVE", "REAL", "TABLE", "UNIT", "Bilinear", "Composed", "Discrete",
    "Elementwise", "Interval", "Linear", "Map", "NoTangent", "Operator", "Products", "Rule", "Ruled", "Todo",
    "Unwritten", "bilinear", "composed", "discrete", "linear", "op", "ruled", "unwritten",
]  # fmt: skip


# --- the three kinds of "no derivative"; the first is the formula "0" ------------------------------------------------


class _NoTangent:
    """A discrete argument: to seed it is an error, because a derivative in it has no meaning."""

    def __repr__(self) -> str:
        return "NoTangent"


NoTangent: Final = _NoTangent()


@dataclass(frozen=True, slots=True)
class Todo:
    """A derivative that exists and is not written; the error that it raises quotes ``reason``."""

    reason: str


Partial = str | _NoTangent | Todo


# --- domains ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Interval:
    """Where an argument may lie: the check of the domain and the source of the tests' inputs.

    ``integer`` marks an argument that only takes whole numbers (the order of a polynomial). ``sample`` is the part of
    the interval from which tests draw, where the whole of it would overflow or lose digits.
    """

    low: float
    high: float
    closed: tuple[bool, bool] = (False, False)
    integer: bool = False
    sample: tuple[float, float] | None = None

    def on(self, low: float, high: float) -> Interval:
        """Return the same interval with tests drawing from ``low`` to ``high`` only."""
        return Interval(self.low, self.high, self.closed, self.integer, (low, high))


_INF: Final = float("inf")
REAL: Final = Interval(-_INF, _INF)
POSITIVE: Final = Interval(0.0, _INF)
NONNEGATIVE: Final = Interval(0.0, _INF, (True, False))
NEGATIVE: Final = Interval(-_INF, 0.0)
UNIT: Final = Interval(-1.0, 1.0, (True, True))
COUNT: Final = Interval(0.0, _INF, (True, False), integer=True, sample=(0.0, 6.0))


# --- the kinds of operator -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator:
    """What every row has: a name, the public function it describes, and what a reader should know.

    ``path`` is where users find the function (``"numpy.linalg.solve"``); it is resolved when first needed, so that a
    table of SciPy functions costs no import of SciPy.
    """

    name: str
    path: str
    note: str = ""
    source: str = ""
    given: Callable[..., Any] | None = field(default=None, repr=False)

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The public function itself."""
        return self.given if self.given is not None else _resolve(self.path)

    @cached_property
    def dispatches(self) -> bool:
        """Whether the function itself looks for NumPy's protocols in its arguments; SciPy's Python functions do not."""
        own = getattr(self.function, "dispatches", False)  # functions that are given a rule say so themselves
        return isinstance(self.function, np.ufunc) or self.path.startswith("numpy.") or own

    def call(self, args: Sequence[Any], kwargs: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Call the function on values that may carry derivatives."""
        if not self.dispatches:
            for x in (*args, *kwargs.values()):
                if hasattr(type(x), "__array_function__") and not isinstance(x, np.ndarray):
                    return x.__array_function__(self.function, (type(x),), tuple(args), dict(kwargs))
        return self.function(*args, **kwargs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Elementwise(Operator):
    """An operator that acts on each element by itself, given by one formula a partial derivative.

    ``partials[i][o]`` is the partial of output ``o`` in argument ``i``: a formula in the arguments and in ``v`` (the
    value; ``v0, v1, ...`` where there are several outputs), or one of the kinds of "no derivative".
    """

    args: tuple[str, ...]
    partials: tuple[tuple[Partial, ...], ...]
    domain: tuple[Interval, ...]
    kinks: tuple[float, ...] = ()
    outputs: int = 1
    sympy: str | None = None
    latex: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Array(Operator):
    """An operator on whole arrays. ``operands`` names the differentiable parameters of ``plan``, which come first.

    A name that starts with ``*`` (it must be the only one) means that the parameter is a sequence of operands, or that
    all positional arguments are. ``plan`` takes what the public function takes, without ``out`` and ``dtype``.
    """

    operands: tuple[str, ...] = ()
    plan: Callable[..., Any] = field(repr=False)

    @cached_property
    def variadic(self) -> bool:
        """Whether the positional arguments themselves are the operands."""
        return any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(self.plan).parameters.values())

    @cached_property
    def places(self) -> int:
        """How many arguments the plan takes by position."""
        kinds = [parameter.kind for parameter in inspect.signature(self.plan).parameters.values()]
        return sys.maxsize if self.variadic else kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Linear(_Array):
    """``plan(...)`` returns a :class:`Map`: the linear part of the function and its transpose."""


class Bilinear(_Array):
    """``plan(...)`` returns :class:`Products`: linear in each operand when the others are held."""


class Ruled(_Array):
    """``plan(...)`` returns a :class:`Rule`: jvp and vjp by hand, in plain NumPy."""


class Composed(_Array):
    """``plan`` is the definition of the function by other operators; no rule is needed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Discrete(Operator):
    """A function whose result does not vary (comparisons, argsort, shapes): it is called on the values."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Unwritten(Operator):
    """A function that is known and has no rule: the error quotes ``reason`` and names ``instead``."""

    reason: str
    instead: str = ""


# A rule receives tangents and cotangents with any number of leading axes ("lanes") before the shape of the operand or
# of the result, and gives its answer with the same leading axes. Primal values never have lanes.


class Map(NamedTuple):
    """The linear part of a function and its transpose.

    ``apply(*tangents)`` takes one tangent for each operand and returns the tangent of the result (a list or tuple of
    them where the function returns several). ``transpose(g)`` takes the cotangent of the result (several: one argument
    each) and returns that of the operand (several operands: a tuple).
    """

    apply: Callable[..., Any]
    transpose: Callable[..., Any]


class Products(NamedTuple):
    """A function that is linear in each operand.

    ``apply(*operands)`` is the function, with lanes on at most one operand. ``transpose(i, g, *operands)`` is the
    cotangent of operand ``i`` from the cotangent ``g`` of the result; ``g`` alone may have lanes.
    """

    apply: Callable[..., Any]
    transpose: Callable[..., Any]


class Rule(NamedTuple):
    """Rules written by hand.

    ``jvp(value, primals, tangents)`` returns the tangent of the result; ``tangents[i]`` is None for a constant operand.
    ``vjp(value, primals, g)`` returns a tuple with the cotangent of each operand. Where the function returns several
    results, ``value``, ``g`` and the answer of ``jvp`` are tuples; None in the answer of ``jvp`` marks a discrete
    result, None in ``g`` a result that is not used.
    """

    jvp: Callable[..., Any]
    vjp: Callable[..., Any]


# --- the table -------------------------------------------------------------------------------------------------------


def _resolve(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


class Table:
    """All rows, found by name or by the function object that the user called.

    Rows of a library are read when that library is loaded and one of its functions is looked up for the first time.
    """

    def __init__(self, rooms: Sequence[tuple[str, str]]) -> None:
        self._names: dict[str, Operator] = {}
        #: The rows seen so far by function object; the compiled engines read it before they ask ``find``.
        self.functions: dict[Any, Operator] = {}
        self._pending: list[Operator] = []
        self._rooms = list(rooms)
        self._lock = threading.RLock()

    def add(self, row: Operator) -> None:
        """Add a row; a second row of the same name is an error."""
        if row.name in self._names:
            raise ValueError(f"the table has a row named {row.name!r} already; give the new one another name")
        self._names[row.name] = row
        self._pending.append(row)

    def remove(self, name: str) -> None:
        """Take a row out again (rows that a test or a user added)."""
        row = self._names.pop(name)
        self._settle()
        for function in [function for function, other in self.functions.items() if other is row]:
            del self.functions[function]

    def find(self, function: Any) -> Operator | None:
        """Return the row of a function object, or None where there is none."""
        row = self.functions.get(function)
        if row is None and (self._pending or self._rooms):
            self._settle()
            row = self.functions.get(function)
        return row

    def named(self, name: str) -> Operator:
        """Return the row of that name; KeyError where there is none."""
        while name not in self._names and self._rooms:
            self._open(0)
        return self._names[name]

    def rows(self) -> Iterator[Operator]:
        """Go through all rows, those of SciPy included."""
        while self._rooms:
            self._open(0)
        return iter(tuple(self._names.values()))

    def loaded(self) -> tuple[Operator, ...]:
        """Return the rows read so far, importing nothing."""
        return tuple(self._names.values())

    def _open(self, index: int) -> None:
        library, room = self._rooms[index]
        importlib.import_module(library)
        importlib.import_module(room)
        self._rooms = [pair for pair in self._rooms if pair[1] != room]

    def _settle(self) -> None:
        with self._lock:
            for library, room in tuple(self._rooms):
                if library in sys.modules:
                    self._open(self._rooms.index((library, room)))
            for row in self._pending:
                try:
                    self.functions.setdefault(row.function, row)
                except AttributeError:
                    pass  # the installed library is older, or newer, than the function
            self._pending.clear()


TABLE: Final = Table(
    [
        ("numpy", "dualad.ops.elementwise"),
        ("numpy", "dualad.ops.reductions"),
        ("numpy", "dualad.ops.cumulative"),
        ("numpy", "dualad.ops.nanreductions"),
        ("numpy", "dualad.ops.differences"),
        ("numpy", "dualad.ops.shapes"),
        ("numpy", "dualad.ops.joining"),
        ("numpy", "dualad.ops.patterns"),
        ("numpy", "dualad.ops.selection"),
        ("numpy", "dualad.ops.sorting"),
        ("numpy", "dualad.ops.products"),
        ("numpy", "dualad.ops.series"),
        ("numpy", "dualad.ops.linalg"),
        ("numpy", "dualad.ops.linalg_factors"),
        ("numpy", "dualad.ops.linalg_norms"),
        ("numpy", "dualad.ops.fourier"),
        ("numpy", "dualad.ops.discrete"),
        ("scipy.special", "dualad.ops.special"),
        ("scipy.special", "dualad.ops.softmax"),
    ]
)


# --- how a row is written --------------------------------------------------------------------------------------------


def op(
    name: str,
    args: str,
    *partials: Partial | tuple[Partial, ...],
    numpy: str | None = None,
    domain: Interval | tuple[Interval, ...] = REAL,
    kinks: tuple[float, ...] = (),
    sympy: str | None = None,
    latex: str | None = None,
    source: str = "",
    note: str = "",
    function: Callable[..., Any] | None = None,
) -> Elementwise:
    """Add an elementwise row: its name, its arguments, and one formula a partial derivative.

    A function with several outputs gives a tuple of formulas for each argument, one an output.
    """
    names = tuple(args.split())
    if len(partials) != len(names):
        raise ValueError(f"row {name!r} has {len(names)} arguments and {len(partials)} partials; write one for each")
    by_output = tuple(p if isinstance(p, tuple) else (p,) for p in partials)
    row = Elementwise(
        name=name,
        path=numpy or f"numpy.{name}",
        args=names,
        partials=by_output,
        domain=domain if isinstance(domain, tuple) else (domain,) * len(names),
        kinks=kinks,
        outputs=len(by_output[0]),
        sympy=sympy,
        latex=latex,
        source=source,
        note=note,
        given=function,
    )
    TABLE.add(row)
    return row


Plan = Callable[..., Any]


def _array_row(kind: type[_Array]) -> Callable[..., Callable[[Plan], Plan]]:
    def write(path: str, operands: str = "", **rest: Any) -> Callable[[Plan], Plan]:
        def keep(plan: Plan) -> Plan:
            name = rest.pop("name", path.removeprefix("numpy."))
            TABLE.add(kind(name=name, path=path, operands=tuple(operands.split()), plan=plan, **rest))
            return plan

        return keep

    write.__doc__ = f"Decorate a plan to become the {kind.__name__} row of the function at ``path``."
    return write


linear = _array_row(Linear)
bilinear = _array_row(Bilinear)
ruled = _array_row(Ruled)
composed = _array_row(Composed)


def discrete(*paths: str) -> None:
    """Add functions whose results do not vary with their arguments."""
    for path in paths:
        TABLE.add(Discrete(name=path.removeprefix("numpy."), path=path))


def unwritten(path: str, reason: str, instead: str = "") -> None:
    """Add a function that is known to have no rule, with the reason and what to write instead."""
    TABLE.add(Unwritten(name=path.removeprefix("numpy."), path=path, reason=reason, instead=instead))
