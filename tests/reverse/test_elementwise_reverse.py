"""Every elementwise row of the table through every engine: several shapes, layouts, numbers, single precision."""

from __future__ import annotations

import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad.ops import formula
from dualad.ops.table import TABLE, Elementwise

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from engines import Engines

ROWS = [
    row
    for row in TABLE.rows()
    if isinstance(row, Elementwise) and any(isinstance(p, str) for by_output in row.partials for p in by_output)
]
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "array": [(2, 3)] * 5,
    "number": [()] * 5,
    "broadcast": [(2, 1), (3,), (1, 3), (), (2, 3)],
    "empty": [(0, 2)] * 5,
}


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """NumPy's warnings about the values are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def draw(row: Elementwise, shapes: list[tuple[int, ...]]) -> tuple[list[Any], list[int]]:
    """Return arguments from the domain, near zero where it is wide, and which of them may vary."""
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    columns = []
    for interval, shape in zip(row.domain, shapes, strict=False):
        low, high = interval.sample or (interval.low, interval.high)
        near = (max(low, -3.0), min(high, 3.0))
        low, high = near if near[0] < near[1] else (low, high)
        if interval.integer:
            columns.append(rng.integers(int(low), int(high) + 1, shape))
        else:
            inside = rng.uniform(0.05, 0.95, shape)
            columns.append(np.asarray(low + (high - low) * inside))
    varying = [i for i, by_output in enumerate(row.partials) if all(isinstance(p, str) for p in by_output)]
    return columns, [i for i in varying if not row.domain[i].integer]


def check(row: Elementwise, columns: list[Any], varying: list[int]) -> None:
    def f(arrays: list[Any]) -> Any:
        given = [c.astype(bool) if row.args[i] == "condition" else c for i, c in enumerate(columns)]
        for i, x in zip(varying, arrays, strict=True):
            given[i] = x
        # Numbers are NumPy's own scalars, as they are in a user's function.
        given = [x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in given]
        # SciPy's own Python functions do not dispatch by themselves.
        value = row.call(tuple(given))
        return value.real if isinstance(value, (np.ndarray, complex, np.generic)) else value

    second = all(isinstance(p, (formula.Const, formula.Symbol, formula.Call)) for p in formula.second(row).values())
    Engines(f, [columns[i] for i in varying], tolerance=1e-10).check(second)


def parametrize(*kinds: str) -> Callable[[Any], Any]:
    params = [pytest.param(row, kind, id=f"{row.name}-{kind}") for row in ROWS for kind in kinds]
    return pytest.mark.parametrize(("row", "kind"), params)


@parametrize(*SHAPES)
def test_shapes(row: Elementwise, kind: str) -> None:
    columns, varying = draw(row, SHAPES[kind])
    check(row, columns, varying)


@parametrize("fortran", "strided", "mixed")
def test_layouts(row: Elementwise, kind: str) -> None:
    columns, varying = draw(row, SHAPES["array"])
    laid = [
        np.asfortranarray(c) if kind == "fortran" or (kind == "mixed" and i % 2) else c for i, c in enumerate(columns)
    ]
    if kind == "strided":
        laid = [np.repeat(c, 2, axis=1)[:, ::2] for c in columns]
    check(row, laid, varying)


@parametrize("one")
def test_one_argument_at_a_time(row: Elementwise, kind: str) -> None:
    columns, varying = draw(row, SHAPES["array"])
    for i in varying if len(varying) > 1 else ():
        check(row, columns, [i])


@parametrize("single")
def test_single_precision(row: Elementwise, kind: str) -> None:
    columns, varying = draw(row, SHAPES["array"])
    columns = [c.astype(np.float32) if c.dtype.kind == "f" else c for c in columns]
    value = row.function(*(c.astype(bool) if row.args[i] == "condition" else c for i, c in enumerate(columns)))
    if np.asarray(value[0] if isinstance(value, tuple) else value).dtype != np.float32:
        pytest.skip("no loop in single precision")
    if row.name.startswith(("eval_", "hyp", "ell", "k", "y", "j")):
        pytest.skip("ill-conditioned in single precision")
    check(row, columns, varying)
