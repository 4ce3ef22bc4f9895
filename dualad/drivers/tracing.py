"""A function, or a derivative of one, written on a tape with everything that a call of it takes and returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad.drivers.alike import Recorded as Account
from dualad.drivers.alike import same
from dualad.drivers.arguments import collect
from dualad.drivers.calling import Call, Leaf
from dualad.drivers.columns import collected, real_dtype
from dualad.drivers.containers import flatten, is_container
from dualad.drivers.derived import Derived
from dualad.drivers.first import jacobian
from dualad.drivers.recording import one_number
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Pick, Recorded, Tape, is_basic
from dualad.reverse.rules import lift
from dualad.transforms import adjoint, tangent

__all__ = ["Trace", "Written"]

_ROWS = 8  # outputs whose rows are written one by one whatever the number of inputs
_COLUMNS = 8  # inputs whose columns are written one by one
_FEW = 4  # directions that are taken one by one in any case: what a unit vector makes zero then leaves no node
_CHUNK = 1 << 20  # numbers of rows that are carried together
_LARGEST = float(np.finfo(float).max)

Function = Callable[..., Any]


class Written(Exception):
    """The function writes into an argument of the caller's, which no replay would do."""


class Unwilling(Exception):
    """A recording that would not give NumPy's own values when it is replayed."""


class Trace:
    """One recording of the function under a compiled one, and what is made of it.

    ``made`` are the leaves of the result, recorded arrays and constants; ``rebuild`` puts leaves in the structure of
    the result. ``derive`` has to be called before the two are there.
    """

    def __init__(self, function: Function, derived: Derived | None, call: Call) -> None:
        self.call, self.derived, self.function = call, derived, function
        self.kind = derived.name if derived is not None else "plain"
        if derived is not None and not self._is_direct(derived):
            self.kind = "traced"
        self.f = derived.f if derived is not None and self.kind != "traced" else function
        #: Jacobians and Hessians are arrays, also of no axes; gradients may be numbers.
        self.whole = self.kind in ("jacobian", "hessian")
        #: The types of the derivatives as the drivers give them: those of the arguments, or of the result.
        self.dtypes: list[Any] | None = None

    def _is_direct(self, derived: Derived) -> bool:
        if self.kind == "derivative":
            return bool(derived.option(1, "order", 1) == 1)
        if self.kind == "jacobian":
            return derived.option(3, "chunk", None) is None
        return self.kind in ("grad", "value_and_grad", "hessian", "hvp")

    # --- recording

    def record(self, live: dict[int, Any], watch: Callable[[int], None] | None = None) -> None:
        """Run the function on recorded arguments."""
        self.tape = tape = Tape(fresh_level())
        handles: list[Any] = []
        self.inputs: list[int] = []
        self.python: list[int] = []
        direction = self.call.varied_leaves(1)[0] if self.kind == "hvp" else []
        tape.live, tape.watch = live, watch
        for i, leaf in enumerate(self.call.leaves):
            if leaf.kind == "s":
                handles.append(leaf.given)
                continue
            handle = tape.input(np.float64(leaf.value) if leaf.kind in "fn0" else np.array(leaf.value, order="C"))
            self.inputs.append(handle._operand())
            if leaf.kind == "f" and not (leaf.varied and self.derived is not None) and i not in direction:
                self.python.append(self.inputs[-1])
            handles.append(handle)
        self.handles = handles
        shown = [np.transpose(h) if leaf.kind == "t" else h for h, leaf in zip(handles, self.call.leaves, strict=True)]
        #: The node of each leaf as it came in; a function that writes into it makes new versions of it.
        self.entered = before = [h._operand(False) if isinstance(h, Recorded) else -1 for h in handles]
        args, kwargs = self.call.arguments(shown)
        if self.kind == "hvp":
            del args[1]
        self.result = self.f(*args, **kwargs)
        tape.watch = None
        fixed = frozenset(self.inputs) | {node for node, _ in tape.captured}
        leaves = flatten(self.result)[0] if is_container(self.result) else [self.result]
        constants = tuple([_constant(x) for x in leaves])
        self.account = Account(tape, len(tape), len(tape.guards), fixed, constants)
        for handle, leaf, node in zip(handles, self.call.leaves, before, strict=True):
            written = node >= 0 and handle._operand(False) != node
            if written and not (leaf.varied and self.derived is not None and self.kind != "traced"):
                raise Written
        tape.live = None

    def constants(self) -> tuple[set[float], bool]:
        """Return the numbers that are constants of the tape, and whether arrays or unknown things are."""
        tape, fixed = self.tape, self.account.fixed
        numbers: set[float] = set(tape.constants(fixed))
        arrays = False
        looked: set[int] = set()
        known = {id(tape.record_of(node)) for node in fixed if tape.operator(node) == -4}
        for record in tape.records:
            if (record.kind == "elementwise" and -1 not in record.operands) or id(record) in known:
                continue
            if record.kind == "row" and record.row.name == "copy" and not self._is_copy(record):
                raise Unwilling("NumPy rounds a value in another way than the recording, whose replay would show it")
            operands = record.operands
            loose = [x for n, x in zip(operands, record.primals, strict=False) if n < 0] if -1 in operands else []
            for x in [record.value] if record.kind == "constant" else [*loose, *_constants_of(record, looked)]:
                if isinstance(x, (float, int, np.number)):
                    numbers.add(float(x))
                elif isinstance(x, np.ndarray):
                    arrays = True
        for x in self.account.constants:
            if isinstance(x, (float, int, np.number)):
                numbers.add(float(x))
            arrays |= isinstance(x, np.ndarray)
        return numbers, arrays

    def _is_copy(self, record: Any) -> bool:
        """Say whether a copy is one, and not NumPy's own value in place of one that differs by rounding."""
        node = record.operands[0]
        if self.tape.fields(node)[3] < 0:
            return bool(np.float64(self.tape.fields(node)[5]).tobytes() == np.asarray(record.value).tobytes())
        held = self.tape.record_of(node).value if self.tape.operator(node) == -4 else None
        return held is None or record.value is None or same(np.asarray(held), np.asarray(record.value))

    def guard_numbers(self) -> None:
        """Make a guard of all that decides whether Python's own numbers would raise an error."""
        if not self.python:
            return
        divisors, powers = self.tape.raising(self.python)
        for node in divisors:
            bool(self.tape.handle(node) == 0.0)
        for node in powers:
            bool(self.tape.handle(node) <= _LARGEST)
            bool(self.tape.handle(node) >= -_LARGEST)

    # --- what is made of it

    def derive(self) -> None:
        """Write the derivatives on the tape."""
        self.guard_numbers()
        getattr(self, "_" + self.kind)()
        if self.dtypes is not None:
            first = len(self.made) - len(self.dtypes)  # before them may stand the value
            self.made[first:] = [_cast(x, dtype) for x, dtype in zip(self.made[first:], self.dtypes, strict=True)]

    def _plain(self) -> None:
        self.made, self.rebuild = _leaves(self.result)

    _traced = _plain

    def _nodes(self, place: int) -> list[int]:
        numbers, _ = self.call.varied_leaves(place)
        return [self.entered[i] for i in numbers]

    def mine(self, y: Any) -> bool:
        """Say whether a result was computed on this tape."""
        return isinstance(y, Recorded) and y.level == self.tape.level

    def _places(self) -> tuple[bool, list[int]]:
        derived, count = self.derived, self.call.count
        argnums = derived.option(1, "argnums", 0) if derived is not None else 0
        if isinstance(argnums, (tuple, list)):
            return False, [number % count for number in argnums]
        return True, [argnums % count]

    def _gradients(self, y: Any, nodes: Sequence[int], numbers: Sequence[int]) -> list[Any]:
        """Write the gradient of one number in some leaves, and return it in their shapes."""
        if not self.mine(y):
            return [np.zeros(np.shape(self.call.leaves[i].given))[()] for i in numbers]
        found = adjoint.extend(self.tape, {y._operand(): np.float64(1.0)}, nodes)
        return [np.transpose(g) if self.call.leaves[i].kind == "t" else g for g, i in zip(found, numbers, strict=True)]

    def _value_and_grad(self, with_value: bool = True) -> None:
        y = one_number(self.result, "grad")
        single, places = self._places()
        parts = [self.call.varied_leaves(place) for place in places]
        numbers = [i for found, _ in parts for i in found]
        gradients = self._gradients(y, [self.entered[i] for i in numbers], numbers)
        self.dtypes = [_dtype(self.call.leaves[i]) for i in numbers]

        def rebuild(leaves: Any) -> Any:
            value = next(leaves) if with_value else None
            trees = [fill(leaves) for _, fill in parts]
            g = trees[0] if single else tuple(trees)
            return (value, g) if with_value else g

        self.made, self.rebuild = [y if self.mine(y) else y[()]] * with_value + gradients, rebuild

    def _grad(self) -> None:
        self._value_and_grad(False)

    def _hvp(self) -> None:
        y = one_number(self.result, "hvp")
        (x,), (p,) = self._nodes(0), self._nodes(1)
        one, other = [self.call.leaves[self.call.varied_leaves(place)[0][0]] for place in (0, 1)]
        if self.mine(y):
            direction = _cast(self.tape.handle(p), _dtype(one))
            if (one.kind == "t") != (other.kind == "t"):
                direction = np.transpose(direction)  # they lie in memory in other orders
            (g,) = adjoint.extend(self.tape, y, [x])
            made: Any = tangent.extend(self.tape, {x: direction}, [g])[0]
            if one.kind == "t":
                made = np.transpose(made)
        else:
            made = np.zeros(np.shape(one.given))
        self.made, self.rebuild, self.dtypes = [made], next, [_dtype(one)]

    def _derivative(self) -> None:
        y = collect(self.result)
        (x,) = self._nodes(0)
        mine = self.mine(y)
        self.made = tangent.extend(self.tape, {x: np.float64(1.0)}, [y]) if mine else [np.zeros(np.shape(y))[()]]
        self.rebuild = next

    def _jacobian(self) -> None:
        single, places = self._places()
        numbers = [self.call.varied_leaves(place)[0][0] for place in places]
        leaves = [self.call.leaves[i] for i in numbers]
        y = collected(self)  # type: ignore[arg-type]
        shape, m = np.shape(y), int(np.size(y))
        n = sum(int(np.size(leaf.given)) for leaf in leaves)
        turned = any(leaf.kind == "t" for leaf in leaves)
        if not self.mine(y) or not m or not n:
            made: Any = [np.zeros(shape + np.shape(leaf.given)) for leaf in leaves]
        elif not turned and (m <= _ROWS or 4 * m <= n):
            made = self._rows(y, shape, m, leaves, [self.entered[i] for i in numbers])
        else:
            made = None if turned else self._columns(y, shape, leaves, [self.entered[i] for i in numbers])
            if made is None:
                args, kwargs = self._entering()
                made = jacobian(self.f, argnums=tuple(places), mode="forward")(*args, **kwargs)
        self.made, self.dtypes = list(made), [real_dtype(y)] * len(leaves)
        self.rebuild = next if single else tuple

    def _entering(self) -> tuple[list[Any], dict[str, Any]]:
        """Return the recorded arguments as they came in, for a driver to run on."""
        shown = []
        for handle, node, leaf in zip(self.handles, self.entered, self.call.leaves, strict=True):
            whole = self.tape.handle(node) if node >= 0 else handle
            shown.append(np.transpose(whole) if leaf.kind == "t" else whole)
        return self.call.arguments(shown)

    def _rows(self, y: Any, shape: Any, m: int, leaves: Any, nodes: Any) -> list[Any]:
        most = max(_CHUNK // max(1, *(int(np.size(leaf.given)) for leaf in leaves)), 1)
        found = self._adjoints(y, m, nodes, most) if m > 1 and most > 1 else None
        if found is None:
            rows = [adjoint.extend(self.tape, {e: np.float64(1.0)}, nodes) for e in _elements(self.tape, y, m)]
            found = [column[0] if m == 1 else np.stack(column) for column in zip(*rows, strict=True)]
        return [np.reshape(g, shape + np.shape(leaf.given)) for g, leaf in zip(found, leaves, strict=True)]

    def _adjoints(self, y: Any, m: int, nodes: Any, most: int) -> list[Any] | None:
        """Return the adjoints of nodes for each element of a result, first axis; None where they want to be apart."""
        units, node = np.eye(m, dtype=y.dtype).reshape((m, *np.shape(y))), y._operand()
        try:
            parts = [adjoint.extend(self.tape, {node: units[i : i + most]}, nodes) for i in range(0, m, most)]
        except NotImplementedError:
            return None
        return parts[0] if len(parts) == 1 else [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _columns(self, y: Any, shape: Any, leaves: Any, nodes: Any) -> list[Any] | None:
        made = []
        for leaf, node in zip(leaves, nodes, strict=True):
            columns = self._tangents(y, node, np.shape(leaf.given))
            if columns is None:
                return None
            made.append(np.reshape(np.moveaxis(columns, 0, -1), shape + np.shape(leaf.given)))
        return made

    def _tangents(self, y: Any, node: int, inner: tuple[int, ...]) -> Any:
        """Return the tangents of a result for each element of an input, first axis; None where they are too many."""
        units = _units(inner)
        if len(units) <= _FEW:
            return np.stack([tangent.extend(self.tape, {node: unit}, [y])[0] for unit in units])
        try:
            return tangent.extend(self.tape, {node: units}, [y])[0]
        except NotImplementedError:  # a rule takes one direction at a time
            if len(units) > _COLUMNS:
                return None
            return np.stack([tangent.extend(self.tape, {node: unit}, [y])[0] for unit in units])

    def _hessian(self) -> None:
        (place,) = self._places()[1]
        number = self.call.varied_leaves(place)[0][0]
        leaf, node = self.call.leaves[number], self.entered[number]
        y = collected(self)  # type: ignore[arg-type]
        inner, n, m = np.shape(leaf.given), int(np.size(leaf.given)), int(np.size(y))
        self.rebuild, self.dtypes = next, [real_dtype(y)]
        if not self.mine(y) or not n or not m:
            self.made = [np.zeros(np.shape(y) + inner * 2)]
            return
        columns = None if leaf.kind == "t" else self._second(y, m, node, inner)
        if columns is None:
            # The driver itself, on recorded numbers.
            args, kwargs = self._entering()
            self.made = [self.function(*args, **kwargs)]
            return
        self.made = [np.reshape(columns, np.shape(y) + inner * 2)]

    def _second(self, y: Any, m: int, node: int, inner: tuple[int, ...]) -> Any:
        """Return the tangents of the adjoints of an input, a row for each element of a result; None as above."""
        most = _CHUNK // int(np.prod(inner)) ** 2
        found = self._adjoints(y, m, [node], m) if 1 < m <= most else None
        if found is not None:
            columns = self._tangents(found[0], node, inner)
            return None if columns is None else np.moveaxis(columns, 0, 1)
        rows = []
        for element in _elements(self.tape, y, m):
            (g,) = adjoint.extend(self.tape, {element: np.float64(1.0)}, [node])
            rows.append(self._tangents(g, node, inner))
            if rows[-1] is None:
                return None
        return rows[0] if m == 1 else np.stack(rows)


def _constant(x: Any) -> Any:
    if isinstance(x, DuckArray):
        return "recorded"
    return [_constant(part) for part in x.ravel().tolist()] if isinstance(x, np.ndarray) and x.dtype == object else x


def _dtype(leaf: Leaf) -> Any:
    return np.asarray(leaf.value).dtype


def _cast(x: Any, dtype: Any) -> Any:
    return x if x.dtype == dtype else x.astype(dtype)


def _units(shape: tuple[int, ...]) -> Any:
    n = math.prod(shape)
    return np.eye(n).reshape((n, *shape)) if shape else np.ones(1)


def _elements(tape: Tape, y: Any, m: int) -> list[int]:
    """Return the nodes of the elements of a result; an array that was stacked of numbers has them already."""
    if np.shape(y) == ():
        return [y._operand()]
    node = y._operand()
    record = tape.record_of(node) if tape.operator(node) == -4 else None
    if record is not None and record.kind == "row" and record.row.name == "stack" and len(record.operands) == m:
        if all(n >= 0 for n in record.operands):
            return list(record.operands)
    flat = np.ravel(y)
    return [flat[i]._operand() for i in range(m)]


def _leaves(result: Any) -> tuple[list[Any], Any]:
    leaves, rebuild = flatten(result)
    return [lift(x) if isinstance(x, np.ndarray) and x.dtype == object else x for x in leaves], rebuild


def _constants_of(record: Any, looked: set[int]) -> Sequence[Any]:
    path = [s for s in record.path or () if not (type(s) is Pick and is_basic(s.index)) and id(s) not in looked]
    looked.update([id(s) for s in path])  # many views share a step, which lives as long as they do
    steps = [(s.args, s.kwargs) for s in path if hasattr(s, "args")]
    if record.args is None and is_basic(record.index) and not steps:
        return ()
    found: list[Any] = []
    _gather((record.args, record.kwargs, record.index, steps), found)
    return found


def _gather(part: Any, found: list[Any]) -> None:
    if isinstance(part, (list, tuple)):
        for one in part:
            _gather(one, found)
    elif isinstance(part, dict):
        _gather(list(part.values()), found)
    elif isinstance(part, (float, np.floating, np.ndarray)):
        found.append(part)
