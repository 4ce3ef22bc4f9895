"""No failure is reported on the whole operator table, as it stands: every row, at points of its domain."""

from __future__ import annotations

import random
import sys
import zlib
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from dualad.check import Report, check_grad
from dualad.errors import NotWritten
from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))  # the tests are no package
from array_checks import CASES, ROWS, Call
from truth import sample

# Where SciPy's own value has few digits, its differences are not those of the function. These are drawn from where it
# is good; the truth of the derivatives elsewhere is in tests/ops/test_elementwise_truth.py, against mpmath.
MILD = {
    "iti0k0": (0.5, 5.0), "it2j0y0": (0.5, 5.0), "it2i0k0": (0.5, 5.0), "it2struve0": (0.5, 5.0),
    "itmodstruve0": (0.5, 5.0), "pbdv": (0.5, 3.0), "pbvv": (0.5, 3.0), "hyperu": (0.3, 3.0),
}  # fmt: skip
COARSE = {"itairy": "SciPy sums its series to six digits"}
POINTS = 4


def varied(row: Elementwise) -> list[int]:
    """The arguments in which a row has a derivative."""
    marked = [all(p is NoTangent or isinstance(p, Todo) for p in by_output) for by_output in row.partials]
    return [i for i, (no, interval) in enumerate(zip(marked, row.domain)) if not no and not interval.integer]


def in_formulas_only(row: Elementwise) -> bool:
    """Rows that NumPy's protocols do not reach, or of complex results: they stand in formulas of others."""
    return not isinstance(row.function, np.ufunc) or row.name.startswith("faddeeva")


ELEMENTWISE = [
    row for row in TABLE.rows() if isinstance(row, Elementwise) and varied(row) and not in_formulas_only(row)
]


def columns_of(row: Elementwise) -> list[Any]:
    if row.name not in MILD:
        columns = sample(row, 40 * POINTS)
        # The ends of the range of doubles are left to the tests against mpmath.
        size = np.abs(np.stack(columns))
        ordinary = np.flatnonzero(np.all((size > 1e-3) & (size < 1e3) | (size == 0), axis=0))
        return [column[ordinary[:POINTS]] for column in columns]
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    low, high = MILD[row.name]
    return [rng.uniform(low, high, POINTS) if not interval.integer else np.arange(POINTS) for interval in row.domain]


def programs(row: Elementwise) -> list[tuple[Any, Any]]:
    """One function of all varied arguments for each output that varies, and the point."""
    columns, places = columns_of(row), varied(row)

    def called(x: Any) -> Any:
        full = list(columns)
        for k, i in enumerate(places):
            full[i] = x[k]
        return row.function(*full)

    point = np.stack([columns[i] for i in places])
    if row.outputs == 1:
        return [(called, point)] if called(point).dtype.kind == "f" else []
    floating = [o for o, part in enumerate(called(point)) if part.dtype.kind == "f"]
    return [(lambda x, o=o: called(x)[o], point) for o in floating]


@pytest.mark.parametrize("row", [row for row in ELEMENTWISE if row.name not in COARSE], ids=lambda row: row.name)
def test_elementwise(row: Elementwise) -> None:
    for program, point in programs(row):
        report = check_grad(program, point, directions=3)
        assert not report.failed, f"{row.name} at {point.tolist()}:\n{report}"


def test_the_check_is_finer_than_scipy() -> None:
    """The one row that fails does so because SciPy's value is wrong: the derivative is Ai(x) to all digits."""
    (program, _), *_ = programs(TABLE.named("itairy"))
    point = np.array([0.5, 1.5])
    report = check_grad(program, point.reshape(1, 2), order=1)
    assert report.failed
    assert report.worst
    for entry in report.worst:
        truth = float(mp.airyai(point[entry.place[-1]]))
        assert entry.claimed == pytest.approx(truth, rel=1e-13)
        assert entry.wanted == pytest.approx(truth, rel=1e-4)


# --- array rows -------------------------------------------------------------------------------------------------------

# Functions of SciPy that NumPy's protocols do not reach.
UNREACHED = {"logsumexp", "softmax", "log_softmax", "multigammaln"}


def program_of(call: Call) -> tuple[Any, Any] | None:
    """A call of an array row as a function of one vector; None where nothing real varies."""
    operands = [np.asarray(x) for x in call.operands if x is not None]
    places = [i for i in call.varied() if np.asarray(call.operands[i]).dtype.kind == "f"]
    if not places or any(x.dtype.kind == "c" for x in operands):
        return None
    ends = np.cumsum([np.size(call.operands[i]) for i in places])

    def flat(x: Any) -> Any:
        full = list(call.operands)
        for end, i in zip(ends, places):
            shape = np.shape(call.operands[i])
            full[i] = np.reshape(x[end - np.size(call.operands[i]) : end], shape)
        y = call.value(full)
        parts = [part for part in (y if isinstance(y, (tuple, list)) else [y]) if part is not None]
        return np.concatenate([np.ravel(part) for part in parts if part.dtype.kind == "f"] or [x[:0]])

    return flat, np.concatenate([np.ravel(call.operands[i]) for i in places])


def check_row(name: str, **options: Any) -> list[tuple[Any, Report]]:
    found = []
    for case in CASES.get(name, ()):
        if not case.defined:
            continue
        try:
            made = program_of(Call(name, case))
            complex_or_none = made is None or np.asarray(made[0](made[1])).dtype.kind == "c"
        except (ValueError, TypeError, AttributeError, Warning):
            continue  # calls that warn, return ragged results or check their refusal
        if not complex_or_none:
            try:
                found.append((case, check_grad(*made, **options)))
            except NotWritten:
                continue  # a call that is refused by name
    return found


ARRAYS = [name for name in ROWS if name not in UNREACHED]


@pytest.mark.parametrize("name", ARRAYS)
def test_array_row(name: str) -> None:
    for case, report in check_row(name, order=1, directions=2):
        assert not report.failed, f"{name}, {case!r}:\n{report}"


# All take two minutes: `make test-slow`. Some are always run.
ALWAYS = set(random.Random(4).sample(ARRAYS, 24))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow) for name in ARRAYS]
)
def test_array_row_second_order(name: str) -> None:
    for case, report in check_row(name, directions=2):
        assert not report.failed, f"{name}, {case!r}:\n{report}"
