"""The array rows through dual and hyper-dual arrays, against differences: definitions, second derivatives of rules."""

from __future__ import annotations

import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad import Dual, HyperDual
from dualad.ops.table import Composed, Ruled

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from array_cases import Case
from array_checks import ROWS, against_differences, calls, leaves, same_bits


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """NumPy's warnings about the values are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def call(name: str, case: Case, wrap: Callable[[Any], Any]) -> list[Any]:
    """Call a function on wrapped arrays; return its results and its arguments, which it may have written to."""
    row: Any = ROWS[name]
    args, kwargs = case.build(np.random.default_rng(zlib.crc32(f"{name}{case!r}".encode())), wrap)
    ducks = [x for x in (*leaves(list(args)), *leaves(list(kwargs.values()))) if isinstance(x, (Dual, HyperDual))]
    if ducks and row.path.startswith("scipy."):
        result = ducks[0].__array_function__(row.function, (type(ducks[0]),), args, kwargs)
    else:
        result = row.function(*args, **kwargs)
    if result is not None:
        return leaves(result)
    arrays = (Dual, HyperDual, np.ndarray)
    return [x for x in (*leaves(list(args)), *leaves(list(kwargs.values()))) if isinstance(x, arrays)]


class Directions:
    """The same random directions for the arrays of a call each time it is built."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self) -> Callable[[Any], Any]:
        rng = np.random.default_rng(self.seed)
        return lambda x: rng.standard_normal(np.shape(x)).astype(x.dtype)


def values(results: list[Any]) -> list[Any]:
    return [x.value if isinstance(x, (Dual, HyperDual)) else x for x in results]


def single(case: Case) -> bool:
    seen: list[Any] = []
    case.build(np.random.default_rng(0), lambda x: seen.append(x.dtype))
    return np.float32 in seen


@calls(Composed)
def test_definition(name: str, case: Case) -> None:
    """A definition on dual arrays has NumPy's value, the right derivative, and keeps float32."""
    first, second = Directions(1), Directions(2)
    t, s = first(), second()
    found = call(name, case, lambda x: Dual(x, np.stack([t(x), s(x)])))
    plain = call(name, case, lambda x: x)
    if case.defined:
        same_bits(values(found), plain)
    for lane, directions in enumerate((first, second)):
        moved = [x.tangents[lane] if isinstance(x, Dual) else np.zeros(np.shape(x)) for x in found]
        for part, x in zip(moved, found):
            assert not isinstance(x, Dual) or part.dtype == x.dtype
        if case.smooth and not single(case):

            def along(h: float, directions: Directions = directions) -> Any:
                draw = directions()
                return call(name, case, lambda y: np.asarray(y + h * draw(y)))

            against_differences(moved, along, case)


@calls(Composed, Ruled)
def test_second_derivative(name: str, case: Case) -> None:
    """Rules and definitions run on dual arrays, as their derivatives need."""
    if not case.smooth or single(case):
        pytest.skip("differences say nothing here")
    first, second = Directions(1), Directions(2)
    t, s = first(), second()
    found = call(name, case, lambda x: HyperDual(x, t(x)[None], s(x)[None], np.zeros((1, 1, *np.shape(x)))))
    both = [x.e12[0, 0] if isinstance(x, HyperDual) else np.zeros(np.shape(x)) for x in found]

    def along(h: float) -> Any:
        t, s = first(), second()
        results = call(name, case, lambda x: Dual(x + h * s(x), t(x)[None]))
        return [x.tangents[0] if isinstance(x, Dual) else np.zeros(np.shape(x)) for x in results]

    against_differences(both, along, case)
