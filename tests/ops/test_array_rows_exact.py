"""What the array rows say at kinks, ties, zeros, NaN and the ends of a domain, where no difference can tell."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import dualad
from dualad import Dual, errors
from dualad.ops.lanes import each_lane, gather, scatter_add
from dualad.ops.table import TABLE, Unwritten

NAN, INF = np.nan, np.inf


def gradient(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the cotangent of the operand for a cotangent of ones."""
    row: Any = TABLE.named(name)
    value = row.function(x, *args, **kwargs)
    return row.plan(x, *args, **kwargs).vjp(value, (x,), np.ones(np.shape(value)))[0]


@pytest.mark.parametrize("name", ["max", "amax", "nanmax"])
def test_ties_of_a_maximum_share_it(name: str) -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_array_equal(gradient(name, x, axis=1), [[0, 0.5, 0.5], [1 / 3] * 3])
    np.testing.assert_array_equal(gradient(name, x), [[0, 0.5, 0.5], [0, 0, 0]])
    np.testing.assert_array_equal(gradient(name, x, axis=1, initial=2.0), [[0, 0.5, 0.5], [1 / 4] * 3])
    np.testing.assert_array_equal(gradient(name, x, initial=9.0), np.zeros((2, 3)))


def test_extremes_with_nan() -> None:
    x = np.array([1.0, NAN, 3.0])
    np.testing.assert_array_equal(gradient("max", x), [0, 1, 0])
    np.testing.assert_array_equal(gradient("nanmax", x), [0, 0, 1])
    np.testing.assert_array_equal(gradient("nanmin", x), [1, 0, 0])


def test_an_infinite_tangent_that_is_not_chosen_stays_out() -> None:
    x = np.array([1.0, 2.0, 3.0])
    for name in ("max", "median"):
        rule = TABLE.named(name).plan(x)  # type: ignore[attr-defined]
        tangent = np.array([INF, 0.0, 5.0]) if name == "max" else np.array([INF, 4.0, INF])
        assert rule.jvp(getattr(np, name)(x), (x,), (tangent,)) == (5.0 if name == "max" else 4.0)


@pytest.mark.parametrize("zeros", [(), (2,), (1, 3), (0, 1, 2, 3)])
def test_products_with_zero_factors(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, 3.0, 5.0, 7.0])
    x[list(zeros)] = 0.0
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    np.testing.assert_array_equal(gradient("prod", x), others)
    running = [sum(np.prod(np.delete(x[: j + 1], i)) for j in range(i, 4)) for i in range(4)]
    np.testing.assert_allclose(gradient("cumprod", x), running, rtol=1e-15)


def test_long_products() -> None:
    """A thousand factors: the rules go down a tree and do not lose digits or time."""
    x = np.random.default_rng(0).uniform(0.5, 1.6, 1000)
    np.testing.assert_allclose(gradient("prod", x), np.prod(x) / x, rtol=1e-13)
    t = np.random.default_rng(1).standard_normal((2, 1000))
    y_dot = TABLE.named("cumprod").plan(x).jvp(np.cumprod(x), (x,), (t,))  # type: ignore[attr-defined]
    np.testing.assert_allclose(y_dot, np.cumprod(x) * np.cumsum(t / x, axis=-1), rtol=1e-9)


@pytest.mark.parametrize("function", [np.std, np.nanstd])
def test_deviation_of_a_constant(function: Any) -> None:
    x = Dual(np.array([[2.0, 2.0], [1.0, 3.0]]), np.eye(4).reshape(4, 2, 2))
    np.testing.assert_array_equal(function(x, axis=1).tangents.T, [[0, 0, 0, 0], [0, 0, -0.5, 0.5]])


def test_sorting_selects_one_element_at_ties() -> None:
    x = np.array([2.0, 1.0, 2.0, 1.0])
    for name, args in (("sort", ()), ("partition", (1,))):
        row: Any = TABLE.named(name)
        plan = row.plan(x, *args)
        value = row.function(x, *args)
        moved = plan.jvp(value, (x,), (np.arange(4.0),))
        assert sorted(moved) == [0, 1, 2, 3]
        np.testing.assert_array_equal(x[moved.astype(int)], value)
    np.testing.assert_array_equal(gradient("median", np.array([1.0, 2.0, 2.0, 3.0])), [0, 0.5, 0.5, 0])


def test_quantile_in_q() -> None:
    row: Any = TABLE.named("quantile")
    x, q = np.array([3.0, 1.0, 7.0]), np.array([0.0, 0.5, 0.75, 1.0])
    slopes = row.plan(x, q).jvp(np.quantile(x, q), (x, q), (None, np.ones(4)))
    np.testing.assert_array_equal(slopes, [4, 8, 8, 0])  # to the right of an element; nothing beyond the last
    lower = row.plan(x, q, method="lower").jvp(np.quantile(x, q), (x, q), (None, np.ones(4)))
    np.testing.assert_array_equal(lower, np.zeros(4))


def test_logsumexp_at_infinity() -> None:
    row: Any = TABLE.named("weighted_logsumexp")
    for x, share in (([-INF, -INF], [0.5, 0.5]), ([INF, 1.0], [1, 0]), ([-INF, 1.0], [0, 1]), ([1e4, 0.0], [1, 0])):
        a = np.array(x)
        plan = row.plan(a, None, None, False, False)
        value = row.function(a, None, None, False, False)
        np.testing.assert_array_equal(plan.vjp(value, (a, None), np.ones(()))[0], share)
        np.testing.assert_array_equal(plan.jvp(value, (a, None), (np.eye(2), None)), share)


def test_assignment_goes_through_a_view_of_the_tangent() -> None:
    t = np.zeros((2, 3, 4))
    for index in (0, (1, 2), (slice(1), Ellipsis, None)):
        gather(t, index, 2)[...] = 1.0
        x = np.zeros((3, 4))
        x[index] = 1.0
        np.testing.assert_array_equal(t, [x, x])
        t[...] = 0.0
    with pytest.raises(ValueError, match="read-only"):
        np.broadcast_to(t, (1, 2, 3, 4))[...] = 1.0


def test_an_index_named_twice_receives_twice() -> None:
    np.testing.assert_array_equal(scatter_add(np.array([1.0, 2.0, 4.0]), [1, 1, -1], (4,)), [0, 3, 0, 4])


def test_each_lane() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(each_lane(np.cumsum, [1], x), np.cumsum(x, axis=-1))
    assert each_lane(np.cumsum, [1], x[:, :0]).shape == (2, 0, 4)
    assert each_lane(np.dot, [1, 1], x, x).shape == (2, 3)


@pytest.mark.parametrize(
    "values",
    [
        lambda x: x[0, 0],
        lambda x: (x[0, 0], 3.0),
        lambda x: [[x[0, 0], 3.0], [x[1, 1], x[2, 2]]],
        lambda x: ((x[0, 0],), (x[1, 1],)),
        lambda x: x[:2, :2],
    ],
)
@pytest.mark.parametrize("widths", [1, (1, 2), ((0, 2), (3, 0))])
def test_padding_with_numbers_that_vary(values, widths) -> None:
    x = np.random.default_rng(5).normal(size=(3, 4))

    def f(x):
        return np.pad(3.0 * x, widths, constant_values=values(x))

    # It is linear in x, so that its differences along the unit vectors from zero are exact.
    wanted = np.stack([f(e) - f(0.0 * x) for e in np.eye(12).reshape(12, 3, 4)], axis=-1)
    for mode in ("forward", "reverse"):
        found = dualad.jacobian(f, mode=mode)(x)
        assert np.array_equal(found.reshape(wanted.shape), wanted)
    compiled = dualad.compile(f)
    for k in range(3):
        assert compiled(x + k).tobytes() == f(x + k).tobytes()


@pytest.mark.parametrize("name", ["unique", "unique_all", "unique_counts", "unique_inverse", "unique_values"])
def test_unique_is_refused(name: str) -> None:
    assert isinstance(TABLE.named(name), Unwritten)
    with pytest.raises(errors.NotWritten, match=name):
        getattr(np, name)(Dual(np.ones(3), np.zeros((1, 3))))


def test_refusals() -> None:
    x = Dual(np.ones((2, 2)), np.ones((1, 2, 2)))
    with pytest.raises(errors.NotWritten, match="plain arrays"):
        np.pad(x, 1, lambda *_: None)
    with pytest.raises(errors.NotWritten, match="end_values of mode 'linear_ramp'"):
        np.pad(x, 1, "linear_ramp", end_values=x[0, 0])
    with pytest.raises(errors.DerivativeLost, match="dtype int"):
        np.insert(np.arange(3), 1, x[0, 0])
    with pytest.raises(errors.NotWritten, match="several axes"):
        np.nanquantile(x, np.full((2, 2), 0.5), axis=0)


def test_no_warning_without_a_reason() -> None:
    x = Dual(np.array([0.0, 1.0, 2.0]), np.eye(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for function in (np.prod, np.cumprod, np.std, np.max, np.median, np.sort, np.mean, np.var, np.ptp, np.nanmean):
            function(x)
