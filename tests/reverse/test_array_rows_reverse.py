"""Every array row of the table through every engine, on the example calls of tests/ops."""

from __future__ import annotations

import sys
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad.duck.kernels import DuckArray
from dualad.ops.table import Bilinear, Composed, Linear, Ruled

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))  # the tests are no package
sys.path.insert(0, str(Path(__file__).parent))
from array_cases import Case
from array_checks import ROWS, calls, leaves
from engines import Engines


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """NumPy's warnings about the values are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Caller:
    """A call of a row as a function of its arrays."""

    def __init__(self, name: str, case: Case) -> None:
        self.row: Any = ROWS[name]
        self.case = case
        self.seed = zlib.crc32(f"{name}{case!r}".encode())
        self.arrays: list[Any] = []
        self.build(lambda x: self.arrays.append(x) or x)

    def build(self, wrap: Any) -> Any:
        return self.case.build(np.random.default_rng(self.seed), wrap)

    def __call__(self, arrays: list[Any]) -> Any:
        given = iter(arrays)
        args, kwargs = self.build(lambda x: next(given))
        ducks = [x for x in arrays if isinstance(x, DuckArray)]
        if ducks and self.row.path.startswith("scipy."):
            result = ducks[0].__array_function__(self.row.function, (type(ducks[0]),), args, kwargs)
        else:
            result = self.row.function(*args, **kwargs)
        if result is not None:
            return leaves(result)
        return [x for x in arrays if isinstance(x, (DuckArray, np.ndarray))]


@calls(Linear, Bilinear, Ruled, Composed)
def test_row(name: str, case: Case) -> None:
    caller = Caller(name, case)
    plain = caller([np.copy(x, order="K") for x in caller.arrays])
    if any(np.asarray(x).dtype.kind == "c" for x in (*caller.arrays, *plain) if x is not None) or not case.defined:
        pytest.skip("complex numbers, or a value that is arbitrary")
    if "weights" in case.kwargs and "tile" in name:
        pytest.skip("weights that are plain")
    Engines(caller, caller.arrays, tolerance=1e-10 * case.tolerance).check(second=case.smooth)
