"""What a function can see besides its arguments: globals, closures, defaults, attributes, and what hangs on them.

A recording holds for as long as all of it is the same. Arrays of doubles are not compared but read anew at each replay,
unless the function may have looked at their numbers in another way than through the tape.
"""

from __future__ import annotations

import collections
import dis
import functools
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from dualad.drivers.alike import same
from dualad.drivers.kernels import NOTHING, Compiled, Sight, Sights, cell_contents

__all__ = ["Seen", "Watch", "look"]

_LIBRARIES: Final = frozenset(sys.stdlib_module_names) | {"numpy", "scipy", "dualad", "builtins"}
_MOST: Final = 4096  # entries of a container, and things in all, that are looked at one by one
_SMALL: Final = 1 << 20  # bytes of an array that is looked at for changes that a function itself makes
_HUGE: Final = 2**1023  # whole numbers beyond it are no doubles
_VALUES: Final = (int, float, str, bytes, complex, bool, type(None), np.generic)
# Functions that make a count, an index or a decision of numbers without a comparison that stands in the code.
_DECIDING: Final = frozenset(
    "int bool round min max any all sorted next filter argmax argmin argsort argpartition count_nonzero searchsorted "
    "digitize nonzero flatnonzero argwhere item tolist floor ceil trunc astype sort unique isin allclose array_equal "
    "eval exec globals locals vars getattr".split()
)


@dataclass(frozen=True)
class _Code:
    """What stands in the code of a function: the names it reads, with the attributes that are taken of them."""

    globals: dict[str, set[tuple[str, ...]]]
    frees: dict[str, set[tuple[str, ...]]]
    names: frozenset[str]
    stored: frozenset[str]
    numbers: frozenset[float]
    decides: bool
    inner: tuple[types.CodeType, ...]


@functools.lru_cache(maxsize=4096)
def _read(code: types.CodeType) -> _Code:
    reads: dict[str, dict[str, set[tuple[str, ...]]]] = {"global": {}, "free": {}}
    decides = False
    steps = list(dis.get_instructions(code))
    for i, step in enumerate(steps):
        name = step.opname
        kind = "global" if name in ("LOAD_GLOBAL", "LOAD_NAME") else "free" if name == "LOAD_DEREF" else None
        if kind is not None:
            chain = []
            for after in steps[i + 1 :]:
                if after.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                    break
                chain.append(after.argval)
            reads[kind].setdefault(step.argval, set()).add(tuple(chain))
        decides |= name in ("COMPARE_OP", "CONTAINS_OP") or ("JUMP" in name and "IF" in name) or name[:5] == "MATCH"
    names = frozenset(code.co_names)
    stored = frozenset(step.argval for step in steps if step.opname == "STORE_ATTR")
    numbers = frozenset(float(c) for c in code.co_consts if type(c) in (int, float) and -_HUGE < c < _HUGE)
    inner = tuple(c for c in code.co_consts if isinstance(c, types.CodeType))
    return _Code(reads["global"], reads["free"], names, stored, numbers, decides or bool(names & _DECIDING), inner)


@dataclass
class Seen:
    """All that a function sees, as it is now.

    ``live`` are the arrays of doubles, by identity; ``others`` all other arrays, which are compared. ``decides`` says
    that the code may choose its way by plain numbers, ``numbers`` are the numbers that stand in it or that it sees.
    """

    sights: list[Sight] = field(default_factory=list)
    live: dict[int, Any] = field(default_factory=dict)
    arrays: list[tuple[Any, str]] = field(default_factory=list)
    others: list[tuple[Any, str]] = field(default_factory=list)
    numbers: set[float] = field(default_factory=set)
    decides: bool = False

    def relied_on(self, constants: Iterable[float], arrays: bool) -> Sights:
        """Return what a tape relies on that has these constants, and constant arrays of unknown origin or not."""
        sights = list(self.sights)
        sights += [Sight("content", x, None, x.copy(order="K"), label) for x, label in self.others]
        if self.arrays and (arrays or self.decides or not self._known(constants)):
            sights += [Sight("content", x, None, x.copy(order="K"), label) for x, label in self.arrays]
        return Sights(sights)

    def _known(self, constants: Iterable[float]) -> bool:
        """Say whether constants stand in the code, and cannot have come from an array."""
        constants = np.array(sorted(set(constants)))
        if any(c not in self.numbers for c in constants.tolist()):
            return False
        # The few constants stand second: then no array is sorted.
        return not any(np.isin(x, constants).any() for x, _ in self.arrays)


class Watch:
    """What functions see now, to find out later what of it they have changed themselves."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self.seen = look(roots)
        arrays = (*self.seen.arrays, *self.seen.others)
        self._before = [(x, x.copy(), label) for x, label in arrays if x.nbytes <= _SMALL]

    def changed(self) -> list[str]:
        """Return the names of what is not as it was."""
        found = [sight.label for sight in self.seen.sights if not sight.holds()]
        return found + [label for x, copy, label in self._before if not same(x, copy)]


def owner(x: Any) -> Any:
    """Return the array whose memory an array shows."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


def look(roots: Iterable[Any]) -> Seen:
    """Return what functions (and objects that are passed to them) see."""
    search = _Search()
    for root in roots:
        search.meet(root, getattr(root, "__name__", type(root).__name__))
    search.finish()
    return search.seen


class _Search:
    def __init__(self) -> None:
        self.seen = Seen()
        self.met: dict[int, Any] = {}  # kept, so that their numbers are not given to others
        self.names: set[str] = set()
        self.stored: set[str] = set()  # attributes that the function may make
        self.objects: list[tuple[Any, str]] = []
        self.noted: set[tuple[int, str]] = set()

    def meet(self, x: Any, label: str) -> None:
        """Look at a value that can be seen under a name."""
        if isinstance(x, _VALUES):
            if isinstance(x, (int, float, np.integer, np.floating)) and -_HUGE < x < _HUGE:
                self.seen.numbers.add(float(x))
            return
        if id(x) in self.met or len(self.met) > _MOST:
            return
        self.met[id(x)] = x
        if isinstance(x, np.ndarray):
            self._array(x, label)
        elif isinstance(x, Compiled):
            self.meet(x.function, label)
        elif isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, types.MethodType):
            self.meet(x.__func__, label)
            self.meet(x.__self__, label.split(".")[0])
        elif isinstance(x, functools.partial):
            self.meet(x.func, label)
            self.meet(x.args, label)
            self.meet(x.keywords, label)
        elif isinstance(x, (list, tuple, dict, set, frozenset, collections.deque)):
            self._container(x, label)
        elif isinstance(x, types.ModuleType) or (isinstance(x, type) and _of_library(x)):
            return
        else:
            # Of an object of a library only the attributes are of interest that were given to it.
            self.objects.append((x, label))
            self.meet(getattr(x, "__wrapped__", None), label)
            self.meet(type(x), type(x).__name__)

    def _array(self, x: Any, label: str) -> None:
        self.seen.sights.append(Sight("placed", x, None, None, label))
        if x.dtype == object:
            for part in x.ravel().tolist()[:_MOST]:
                self.meet(part, label)
        elif x.dtype == np.float64 and type(x) is np.ndarray:
            whole = owner(x)
            self.seen.live[id(whole)] = whole
            self.seen.arrays.append((x, label))
        else:
            self.seen.others.append((x, label))

    def _container(self, x: Any, label: str) -> None:
        entries = tuple(part for pair in x.items() for part in pair) if isinstance(x, dict) else tuple(x)
        if type(x) is not tuple:
            self.seen.sights.append(Sight("listed", x, None, entries, label))
        for i, part in enumerate(entries[:_MOST]):
            self.meet(part, f"{label}[{i}]")

    def _function(self, f: types.FunctionType) -> None:
        label = f.__name__
        if vars(f):
            self.objects.append((f, label))  # a function can count its calls in an attribute of its own
        self.meet(f.__defaults__, f"a default of {label}")
        self.meet(f.__kwdefaults__, f"a default of {label}")
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            value = cell_contents(cell)
            self.seen.sights.append(Sight("cell", cell, None, value, f"the closure variable {name!r}"))
            self.meet(value, name)
        if not _of_library(f):
            self._code(f.__code__, f)

    def _code(self, code: types.CodeType, f: types.FunctionType) -> None:
        read = _read(code)
        self.names |= read.names
        self.stored |= read.stored
        self.seen.numbers |= read.numbers
        self.seen.decides |= read.decides
        for name, chains in read.globals.items():
            if (id(f.__globals__), name) not in self.noted:
                self.noted.add((id(f.__globals__), name))
                if name not in f.__globals__:
                    self.seen.sights.append(Sight("absent", f.__globals__, name, None, f"the global {name!r}"))
                    continue
                value = f.__globals__[name]
                self.seen.sights.append(Sight("named", f.__globals__, name, value, f"the global {name!r}"))
                self.meet(value, name)
            for chain in chains if name in f.__globals__ else ():
                self._chain(f.__globals__[name], chain, name)
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        for name, chains in read.frees.items():
            for chain in chains if name in cells else ():
                self._chain(cell_contents(cells[name]), chain, name)
        for inner in read.inner:
            self._code(inner, f)

    def _chain(self, x: Any, chain: tuple[str, ...], label: str) -> None:
        """Follow the attributes that are taken of a module of the user's."""
        for name in chain:
            if not isinstance(x, types.ModuleType) or _is_library(x.__name__) or name not in vars(x):
                return
            label = f"{label}.{name}"
            if (id(x), name) not in self.noted:
                self.noted.add((id(x), name))
                self.seen.sights.append(Sight("named", vars(x), name, vars(x)[name], label))
                self.meet(vars(x)[name], label)
            x = vars(x)[name]

    def finish(self) -> None:
        """Look at the attributes of objects whose names occur in the code that was met, until no more are found."""
        before = -1
        while before != len(self.noted) + len(self.names) + len(self.objects):
            before = len(self.noted) + len(self.names) + len(self.objects)
            for x, label in list(self.objects):
                for name in sorted(self._attributes(x)):
                    if (id(x), name) not in self.noted:
                        self.noted.add((id(x), name))
                        self._attribute(x, name, label)

    def _attributes(self, x: Any) -> set[str]:
        own = set(vars(x)) if hasattr(x, "__dict__") else set()
        for kind in type(x).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            own |= {slots} if isinstance(slots, str) else set(slots)
        if isinstance(x, type):
            return {name for name in own if name in self.names or name[:2] == "__"} - {"__dict__", "__weakref__"}
        return (own & self.names) | (self.stored if not _of_library(x) else set())

    def _attribute(self, x: Any, name: str, label: str) -> None:
        if isinstance(x, type):
            found = x.__dict__[name]
            parts = (found.fget, found.fset) if isinstance(found, property) else (getattr(found, "__func__", found),)
            for part in parts:
                if isinstance(part, types.FunctionType):
                    self.meet(part, f"{label}.{name}")
                elif name[:2] != "__":
                    self.seen.sights.append(Sight("attribute", x, name, getattr(x, name, None), f"{label}.{name}"))
                    self.meet(part, f"{label}.{name}")
            return
        value = getattr(x, name, NOTHING)
        self.seen.sights.append(Sight("attribute", x, name, value, f"{label}.{name}"))
        self.meet(value, f"{label}.{name}")


def _is_library(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _LIBRARIES


def _of_library(x: Any) -> bool:
    """Say whether a function, class, module or object belongs to Python, NumPy, SciPy or this package."""
    if isinstance(x, types.FunctionType):
        return _is_library(x.__globals__.get("__name__"))
    if isinstance(x, types.ModuleType):
        return _is_library(x.__name__)
    return _is_library(getattr(x if isinstance(x, type) else type(x), "__module__", None))
