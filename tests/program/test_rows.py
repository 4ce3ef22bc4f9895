"""Every operator of the table as a program: values bit-equal to NumPy's, derivatives those of a fresh recording."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from replays import Replayed, same_bits

sys.path.insert(0, str(Path(__file__).parents[1] / "reverse"))
import programs
import test_array_rows_reverse as array_rows
import test_elementwise_reverse as elementwise
from array_cases import Case
from array_checks import calls

from dualad.ops.table import Bilinear, Composed, Linear, Ruled
from dualad.program.build import build

NEAR = (0.0, 1e-3, 0.02, 0.3)  # how far other points lie from that of the recording

# Their value is the argument that they wrote into, which is no result that varies or none at all for plain arrays.
IN_PLACE = ("fill_diagonal", "putmask")


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """NumPy's warnings about the values are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def moved(x: Any, far: float, rng: np.random.Generator) -> Any:
    """Return numbers near an array, laid out in memory as it is."""
    other = np.copy(x, order="K")
    if x.dtype.kind == "f":
        other[...] = x + (far * rng.standard_normal(x.shape)).astype(x.dtype)
    return other


def check(f: Any, arrays: list[Any], tolerance: float, seed: int) -> None:
    """Replay at several points; at that of the recording every guard holds, whatever the function."""
    rng = np.random.default_rng(seed)
    for derivatives in (False, True):
        replayed = Replayed(f, arrays, derivatives, seed)
        answered = [replayed.check([moved(x, far, rng) for x in replayed.arrays], tolerance) for far in NEAR]
        assert answered[0], "a guard failed at the point of the recording"


@calls(Linear, Bilinear, Ruled, Composed)
def test_array_rows(name: str, case: Case) -> None:
    caller = array_rows.Caller(name, case)
    plain = caller([np.copy(x, order="K") for x in caller.arrays])
    if any(np.asarray(x).dtype.kind == "c" for x in (*caller.arrays, *plain) if x is not None) or not case.defined:
        pytest.skip("complex numbers, or a value that is arbitrary")
    if "weights" in case.kwargs and "tile" in name:
        pytest.skip("weights that are plain")
    if name in IN_PLACE:
        pytest.skip("no result of plain numbers to compare with")
    single = any(x.dtype == np.float32 for x in caller.arrays)
    check(caller, caller.arrays, 1e-5 if single else 1e-12 * case.tolerance, caller.seed)


@elementwise.parametrize("array", "number", "broadcast", "empty")
def test_elementwise_rows(row: Any, kind: str) -> None:
    columns, varying = elementwise.draw(row, elementwise.SHAPES[kind])

    def f(arrays: list[Any]) -> Any:
        given = [c.astype(bool) if row.args[i] == "condition" else c for i, c in enumerate(columns)]
        for i, x in zip(varying, arrays, strict=True):
            given[i] = x
        given = [x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in given]
        value = row.call(tuple(given))
        return value.real if isinstance(value, (np.ndarray, complex, np.generic)) else value

    check(f, [columns[i] for i in varying], 1e-11, 3)


QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
NUMBER = st.integers(0, 10**6)


@settings(QUIET, max_examples=200)
@given(
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), min_size=1, max_size=9),
    st.sampled_from([(4,), (2, 3), (3, 2), (1,), (2, 2)]),
    st.sampled_from(["C", "F"]),
    NUMBER,
)
def test_random_programs(program: Any, shape: tuple[int, ...], order: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = np.array(rng.uniform(-1, 1, shape), order=order), rng.uniform(-1, 1, 4)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        check(lambda arrays: programs.run(program, *arrays), [x, y], 1e-9, seed)


# --- what a replay must not take from the recording -------------------------------------------------------------------


def replayed_at(f: Any, x: Any, y: Any) -> Any:
    """Record at one point and run at another; None where a guard failed."""
    made = Replayed(lambda arrays: f(arrays[0]), [np.asarray(x, float)], False)
    found = made.at([np.asarray(y, float)])
    return None if found is None else found[0]


def test_constants_that_are_written_into_later() -> None:
    def f(x: Any) -> Any:
        w = np.ones(3)
        y = np.dot(w, x)
        w *= 2
        z = np.dot(w, x)
        inside = x > w
        w *= 3
        return y * z + np.sum(np.where(inside, x, 0.0))

    x = np.array([4.0, 3.0, 1.0])
    assert same_bits(replayed_at(f, [0.0, 1.0, 2.0], x), f(x))


def test_masks_that_are_written_into_later() -> None:
    def f(x: Any) -> Any:
        mask = np.asarray(x > 0)
        found = np.sum(x[mask])
        mask[:] = True
        return found

    assert replayed_at(f, [1.0, -1.0, 2.0], [1.0, 1.0, 2.0]) is None
    assert replayed_at(f, [1.0, -1.0, 2.0], [3.0, -1.0, 2.0]) == 5.0


def test_whole_numbers_among_results_are_guarded() -> None:
    """The exponent of frexp scales its derivative; it is no constant."""

    def f(arrays: Any) -> Any:
        return np.frexp(arrays[0])[0]

    made = Replayed(f, [np.array([1.5, 3.0])])
    assert made.check([np.array([1.25, 2.5])], 1e-15)
    assert made.at([np.array([1.5, 5.0])]) is None


@pytest.mark.parametrize("y", [2, 2.0, 0.5, -1, -1.0, 3, 1.7, np.float64(2), np.float64(0.5), np.array([2.0])])
def test_powers_to_the_bit(y: Any) -> None:
    """NumPy takes squares and roots here, its own loop there, and the C library for numbers."""
    rng = np.random.default_rng(0)
    functions = [
        lambda x: x**y, lambda x: np.power(x, y), lambda x: x[::2] ** y, lambda x: np.power(x[::-1], y),
        lambda x: x[0] ** y, lambda x: np.power(x[0], y), lambda x: x[..., 0] ** y, lambda x: np.mean(x) ** y,
        lambda x: np.abs(y) ** x, lambda x: np.sum(x, keepdims=True) ** y,
    ]  # fmt: skip
    for n in (1, 3, 500):
        for f in functions:
            made = Replayed(lambda arrays, f=f: f(arrays[0]), [rng.uniform(0.1, 9, n)], False)
            for _ in range(20):
                x = rng.uniform(0.1, 9, n)
                assert same_bits(made.at([x])[0], f(x))  # type: ignore[index]


def test_results_are_the_callers_own() -> None:
    def f(arrays: Any) -> Any:
        return [arrays[0] * 1.0, arrays[0] + 0.0]

    made = Replayed(f, [np.ones(200)], False)
    nodes = [*made.nodes, made.nodes[0]]
    program = build(made.tape, made.tape.inputs, nodes)
    one, _, same = program.run([np.ones(200)])
    one[:] = 7.0
    assert np.all(same == 1.0) and np.all(program.run([np.ones(200)])[0] == 1.0)


# --- pickles ----------------------------------------------------------------------------------------------------------


def test_pickles() -> None:
    def f(arrays: Any) -> Any:
        x = arrays[0]
        y = np.sort(x)[::-1].reshape(2, -1)
        a, b = np.split(np.cumsum(y, axis=0).T, [1])
        return np.sum(np.linalg.svd(y)[1]) + np.sum(np.sin(a)) * np.max(b) + x.astype(float)[0]

    x = np.array([3.0, 1.0, 2.5, -1.0])
    made = Replayed(f, [x])
    wanted = made.at([x])
    made.program = pickle.loads(pickle.dumps(made.program))
    for one, other in zip(made.at([x]), wanted, strict=True):  # type: ignore[arg-type]
        assert same_bits(one, other)
