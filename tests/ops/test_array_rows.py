"""Every array row of the table on its example calls: derivatives, transposes, lanes, dtypes, views, exact values.

The calls are in the files ``cases_*.py`` beside this one, by the name of the row. A row without a call fails.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad.ops.table import Bilinear, Composed, Linear, Ruled

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from array_cases import Case
from array_checks import (
    CASES,
    ROWS,
    Call,
    against_differences,
    calls,
    close,
    difference,
    inner,
    leaves,
    parts,
    precision,
    same_bits,
    same_in_lanes,
    size,
)

LANES = [(2,), (2, 3), (0,)]
# What NumPy computes for complex arguments as well, by the same formula: a complex step has no rounding error.
ANALYTIC = {"prod", "cumprod", "cumulative_prod", "linalg.inv", "linalg.det", "linalg.solve"}


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """NumPy's warnings about the values (empty means, NaN only) are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# --- every row has a call --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROWS)
def test_has_cases(name: str) -> None:
    assert CASES.get(name), f"write an example call of {name!r} in one of tests/ops/cases_*.py"


def test_cases_have_rows() -> None:
    assert not set(CASES) - set(ROWS)


# --- Linear ----------------------------------------------------------------------------------------------------------


@calls(Linear)
def test_linear(name: str, case: Case) -> None:
    call = Call(name, case)
    value = call.value(call.operands)
    tangents = {i: call.direction(i) for i in call.varied()}
    # A constant operand (an array of integers) has a zero tangent.
    full = [tangents.get(i, np.zeros(np.shape(x))) for i, x in enumerate(call.operands)]
    moved = call.plan.apply(*full)
    eps = precision(call)
    if case.defined:
        step = call.value(call.moved(tangents, 1.0))
        close([difference(a, b) for a, b in zip(parts(step), parts(value))], parts(moved), 100 * eps)
    u = call.cotangent(value)
    back = call.plan.transpose(*u) if isinstance(value, (tuple, list)) else call.plan.transpose(u)
    back = back if call.star or len(call.operands) > 1 else (back,)
    for cotangent, x in zip(back, call.operands, strict=True):
        assert np.shape(cotangent) == np.shape(x)
    assert abs(inner(u, moved) - inner(back, tuple(full))) <= 100 * eps * size(u, moved)
    for part, v in zip(parts(moved), parts(value)):
        assert part.dtype == np.asarray(v).dtype
    for i in tangents:
        assert back[i].dtype == np.asarray(call.operands[i]).dtype


@calls(Linear)
def test_linear_lanes(name: str, case: Case) -> None:
    call = Call(name, case)
    value = call.value(call.operands)
    several = isinstance(value, (tuple, list))
    for lanes in LANES:
        tangents = [call.direction(i, lanes) for i in range(len(call.operands))]
        full = [np.zeros(lanes + np.shape(x)) if t is None else t for t, x in zip(tangents, call.operands)]
        same_in_lanes(lanes, call.plan.apply, full, precision(call))
        u = call.cotangent(value, lanes)
        same_in_lanes(lanes, call.plan.transpose, list(u) if several else [u], precision(call))


@calls(Linear)
def test_linear_views(name: str, case: Case) -> None:
    """A tangent is a view of the operand's tangent exactly where the value is a view of the operand."""
    call = Call(name, case)
    operands = call.operands
    x = operands[0]
    if len(operands) > 1 or call.star or not isinstance(x, np.ndarray) or not x.size or not x.flags.c_contiguous:
        pytest.skip("the tangent has another layout than the value")
    value = call.value(operands)
    if not isinstance(value, np.ndarray):
        pytest.skip("a scalar is no view")
    for lanes in ((), (2,)):
        tangent = call.direction(0, lanes)
        moved = call.plan.apply(tangent)
        assert np.shares_memory(moved, tangent) == (np.size(value) > 0 and np.shares_memory(value, x))


# --- Bilinear --------------------------------------------------------------------------------------------------------


@calls(Bilinear)
def test_bilinear(name: str, case: Case) -> None:
    call = Call(name, case)
    operands = call.operands
    value = call.value(operands)
    eps = precision(call)
    assert np.shape(call.plan.apply(*operands)) == np.shape(value)
    for i in call.varied():

        def apply(t: Any, i: int = i) -> Any:
            return call.plan.apply(*operands[:i], t, *operands[i + 1 :])

        def transpose(g: Any, i: int = i) -> Any:
            return call.plan.transpose(i, g, *operands)

        t, u = call.direction(i), call.cotangent(value)
        moved, back = apply(t), transpose(u)
        close(difference(call.value(call.moved({i: t}, 1.0)), value), moved, 1000 * eps)
        assert np.shape(back) == np.shape(operands[i])
        assert abs(inner(u, moved) - inner(back, t)) <= 1000 * eps * size(u, moved)
        assert moved.dtype == np.asarray(value).dtype
        assert back.dtype == np.result_type(np.asarray(value).dtype, operands[i].dtype)
        for lanes in LANES:
            same_in_lanes(lanes, apply, [call.direction(i, lanes)], eps)
            same_in_lanes(lanes, transpose, [call.cotangent(value, lanes)], eps)


# --- Ruled -----------------------------------------------------------------------------------------------------------


def in_single_precision(call: Call) -> bool:
    return any(np.asarray(call.operands[i]).dtype == np.float32 for i in call.varied())


@calls(Ruled)
def test_ruled(name: str, case: Case) -> None:
    call = Call(name, case)
    operands, value = call.operands, call.value(call.operands)
    tangents = {i: call.direction(i) for i in call.varied()}
    listed = [tangents.get(i) for i in range(len(operands))]
    moved = call.plan.jvp(value, operands, listed)
    varying = [m is not None for m in moved] if isinstance(moved, (tuple, list)) else [True]
    assert len(varying) == len(parts(value))
    for part, v in zip(moved if isinstance(moved, (tuple, list)) else [moved], parts(value)):
        if part is not None:
            assert part.dtype == np.asarray(v).dtype
            assert np.shape(part) == np.shape(v)
    if case.smooth and not in_single_precision(call):

        def along(h: float) -> Any:
            return [v for v, keep in zip(parts(call.value(call.moved(tangents, h))), varying) if keep]

        against_differences(parts(moved), along, case)
        if name in ANALYTIC:
            step = call.value([np.asarray(x, complex) for x in call.moved(tangents, 1e-30j)])
            close([part.imag / 1e-30 for part in parts(step)], parts(moved), 1e-13)
    u = call.cotangent(value)
    back = call.plan.vjp(value, operands, u)
    assert len(back) == len(operands)
    for i in tangents:
        assert back[i].dtype == np.asarray(operands[i]).dtype
        assert np.shape(back[i]) == np.shape(operands[i])
    eps = precision(call) * case.tolerance
    assert abs(inner(u, moved) - inner(back, tuple(listed))) <= 1000 * eps * size(u, moved)
    # A constant operand is given as None.
    if len(tangents) > 1:
        single = [[t if j == i else None for j, t in enumerate(listed)] for i in tangents]
        alone = [parts(call.plan.jvp(value, operands, one)) for one in single]
        close([sum(terms) for terms in zip(*alone, strict=True)], parts(moved), 1000 * eps)


@calls(Ruled)
def test_ruled_lanes(name: str, case: Case) -> None:
    call = Call(name, case)
    operands, value = call.operands, call.value(call.operands)
    eps = precision(call) * case.tolerance
    varied = call.varied()
    several = isinstance(value, (tuple, list))

    def jvp(*t: Any) -> Any:
        given = dict(zip(varied, t))
        return call.plan.jvp(value, operands, [given.get(i) for i in range(len(operands))])

    def vjp(*g: Any) -> Any:
        back = call.plan.vjp(value, operands, tuple(g) if several else g[0])
        return [back[i] for i in varied]

    for lanes in LANES:
        same_in_lanes(lanes, jvp, [call.direction(i, lanes) for i in varied], eps)
        u = call.cotangent(value, lanes)
        same_in_lanes(lanes, vjp, list(u) if several else [u], eps)


# --- Composed --------------------------------------------------------------------------------------------------------


@calls(Composed)
def test_composed_value(name: str, case: Case) -> None:
    """The definition gives NumPy's value bit for bit, has the same effect in place, and views where NumPy has views."""
    call, again = Call(name, case), Call(name, case)
    args, kwargs = case.build(np.random.default_rng(5))
    others, keywords = case.build(np.random.default_rng(5))
    wanted, found = call.row.function(*args, **kwargs), again.row.plan(*others, **keywords)
    same_bits(found, wanted)
    same_bits(leaves(list(others)), leaves(list(args)))
    for f, w in zip(leaves(found), leaves(wanted), strict=True):
        shared = [
            [isinstance(r, np.ndarray) and np.shares_memory(r, x) for x in leaves(list(a)) if isinstance(x, np.ndarray)]
            for r, a in ((f, others), (w, args))
        ]
        assert shared[0] == shared[1]
