"""What programs compute without a call of Python beside elementwise functions: to the bit, and in any layout."""

from __future__ import annotations

import itertools
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from replays import same_bits
from test_arrays import agrees, compiled

import dualad

Function = Callable[[Any], Any]
N = 24
ROWS = np.array([3, 0, 0, -1, 2])
MASK = np.arange(N) % 3 == 1


def square(x: Any) -> Any:
    """A matrix whose inverse is well conditioned."""
    return np.reshape(x[:16], (4, 4)) * 0.1 + np.eye(4)


def positive(x: Any) -> Any:
    a = square(x)
    return a @ a.T + np.eye(4)


def layouts(x: Any) -> list[Any]:
    """The same numbers in arrays that lie in all kinds of ways."""
    a = np.reshape(x, (4, 6))
    b = np.reshape(x, (2, 3, 4))
    return [a, a.T, a[::-1], a[:, ::-2], a[1:, 1:4], b, b.transpose(2, 0, 1), b.transpose(1, 2, 0), b[:, 1:], b[0].T]


COPIES: list[Function] = [
    lambda x: np.roll(x, 5),
    lambda x: np.roll(np.reshape(x, (4, 6)), (1, -2), axis=(0, 1)),
    lambda x: np.pad(x, (2, 3)),
    lambda x: np.pad(np.reshape(x, (4, 6)), 2, mode="edge"),
    lambda x: np.pad(np.reshape(x, (4, 6)), ((1, 0), (0, 2)), mode="wrap"),
    lambda x: np.pad(x, 4, mode="reflect"),
    lambda x: np.pad(x, 4, mode="symmetric"),
    lambda x: np.repeat(x, 3),
    lambda x: np.repeat(np.reshape(x, (4, 6)), [1, 0, 2, 3], axis=0),
    lambda x: np.tile(x, (3, 2)),
    lambda x: np.tril(np.reshape(x, (4, 6)), 1),
    lambda x: np.triu(np.reshape(x, (6, 4)), -1),
    lambda x: np.diag(x),
    lambda x: np.diag(x[:5], -2),
    lambda x: np.diag(np.reshape(x, (4, 6)), 1),
    lambda x: np.take(np.reshape(x, (4, 6)), [[1, 2], [5, 0]], axis=1),
    lambda x: np.take_along_axis(np.reshape(x, (4, 6)), np.array([[1], [2], [5], [0]]), axis=1),
    lambda x: np.reshape(x, (4, 6))[:, ROWS],
    lambda x: np.reshape(x, (4, 6)).T[ROWS],
    lambda x: np.reshape(x, (4, 6))[[1, 2]][:, [0, 0, 4]],
    lambda x: x[MASK],
    lambda x: np.reshape(x, (4, 6))[np.reshape(MASK, (4, 6))],
    lambda x: np.reshape(x, (2, 3, 4))[[0, 1], :, [2, 3]],
    lambda x: np.rot90(np.reshape(x, (4, 6))).reshape(3, 8),
    lambda x: np.ravel(np.reshape(x, (2, 3, 4)).transpose(2, 0, 1)),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 5)[::2] * 1.0,
    lambda x: np.delete(x, [3, 5]),
    lambda x: np.resize(x, (5, 6)),
    lambda x: np.concatenate([[1, 2], x, np.zeros(2)], axis=0),
    lambda x: np.hstack([0.0, x, 1]),
    lambda x: np.column_stack([x, x**2]),
    lambda x: np.array([x[0], 1.0, x[2] * x[1], x[0]]) * x[:4],
    lambda x: np.array([[x[0], 1.0], [-2, x[1]]]) @ np.ones(2),
]

COMPUTED: list[Function] = [
    lambda x: np.mean(x),
    lambda x: np.mean(x, keepdims=True),
    lambda x: np.mean(np.reshape(x, (4, 6)), axis=0),
    lambda x: np.mean(np.reshape(x, (4, 6)), axis=1, keepdims=True),
    lambda x: np.mean(np.exp(x)),
    lambda x: np.var(x) + np.std(x, ddof=1),
    lambda x: np.linalg.norm(x),
    lambda x: np.linalg.norm(np.reshape(x, (4, 6)), "fro"),
    lambda x: np.linalg.norm(np.reshape(x, (4, 6)), axis=0),
    lambda x: np.linalg.norm(np.reshape(x, (2, 3, 4))[:, 1], axis=-1, keepdims=True),
    lambda x: np.linalg.norm(x, 1) * np.linalg.norm(np.reshape(x, (4, 6)), 1, axis=1),
    lambda x: np.cross(x[:3], x[3:6]),
    lambda x: np.cross(np.reshape(x, (8, 3)), [1.0, 2.0, 3.0]),
    lambda x: np.cross(np.reshape(x, (3, 8)), np.reshape(x, (8, 3)), axisa=0, axisc=0),
    lambda x: np.cross(np.reshape(x, (4, 2, 3)), x[:3]),
    lambda x: np.outer(x[:5], x[5:8]),
    lambda x: np.outer(x[:5], [1, 2, 3]),
    lambda x: np.trace(np.reshape(x, (4, 6)), 1) * np.trace(np.reshape(x, (4, 6)), -2, axis1=1, axis2=0),
    lambda x: np.cumsum(x),
    lambda x: np.cumsum(x[::-2]),
    lambda x: np.cumsum(np.reshape(x, (2, 3, 4)), axis=1),
    lambda x: np.cumprod(np.reshape(x, (4, 6)), axis=1),
    lambda x: np.cumsum(np.reshape(x, (4, 6))),
    lambda x: np.dot(x, np.arange(N)) + np.inner(x[::2], x[1::2]) + np.vdot(x, x),
    lambda x: np.linalg.inv(square(x)),
    lambda x: np.linalg.det(square(x)) * np.linalg.det(np.stack([square(x), positive(x)])),
    lambda x: np.linalg.solve(square(x), x[16:20]),
    lambda x: np.linalg.solve(square(x).T, np.reshape(x[16:24], (4, 2))),
    lambda x: np.linalg.solve(np.stack([square(x), positive(x)]), np.reshape(x[16:], (2, 4, 1))),
    lambda x: np.linalg.cholesky(positive(x)),
    lambda x: np.linalg.slogdet(square(x))[1] * x[0],
    lambda x: np.linalg.slogdet(positive(x).T - 4.0)[0] * np.exp(np.linalg.slogdet(positive(x))[1]) * x[:3],
    lambda x: np.sum(np.diff(x, n=2, prepend=0, append=1) ** 2),
]


@pytest.mark.parametrize("f", [*COPIES, *COMPUTED])
def test_no_call_is_left(f: Function) -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(N)
    weights = rng.standard_normal(np.shape(f(x)))

    def total(x: Any) -> Any:
        return np.sum(np.sin(f(x)) * weights)

    for one in (f, total, lambda x: np.sum(f(np.exp(x) * 0.1) * weights)):
        program = agrees(one, x, rng)
        assert program.stats["native"]
        # A program from a pickle is checked.
        assert same_bits(pickle.loads(pickle.dumps(program)).run([x])[0], one(x))
    assert agrees(total, x, rng, gradient=True).stats["native"]


def test_large_copies_are_slices() -> None:
    rng = np.random.default_rng(5)
    for f in (
        lambda x: np.roll(x, 100),
        lambda x: np.roll(np.reshape(x, (40, 50)), 3, axis=1),
        lambda x: np.pad(np.reshape(x, (40, 50)), 1),
        lambda x: np.pad(np.reshape(x, (40, 50)), 2, mode="wrap"),
        lambda x: np.tile(x, (3, 1)),
        lambda x: np.reshape(x, (40, 50)).T.reshape(-1)[:1990],
    ):
        program = agrees(f, rng.standard_normal(2000), rng)
        assert program.stats["native"]
        assert len(program.parts.constants) < 100, len(program.parts.constants)  # no list of places


@pytest.mark.parametrize("name", ["sum", "mean", "max", "prod"])
def test_reductions_in_any_layout(name: str) -> None:
    rng = np.random.default_rng(6)
    function = getattr(np, name)
    count = 0
    for shape in ((4, 6), (2, 3, 4), (1, 9, 2), (5, 1, 40), (3, 130, 2)):
        for order in itertools.permutations(range(len(shape))):
            for axis in (None, *range(len(shape)), (0, 1), (-1, 0)):

                def f(x: Any, shape: Any = shape, order: Any = order, axis: Any = axis) -> Any:
                    y = np.transpose(np.reshape(x, shape), order)
                    return np.ravel(function(y, axis=axis)) + np.ravel(function(np.exp(y), axis=axis, keepdims=True))

                x = rng.standard_normal(int(np.prod(shape)))
                count += compiled(f, x).stats["native"]
                agrees(f, x, rng)
    assert count > 140


def test_views_in_any_layout() -> None:
    rng = np.random.default_rng(7)
    x = rng.standard_normal(N)
    for i in range(len(layouts(x))):
        for f in (
            lambda a: np.roll(a, 1, axis=0),
            lambda a: np.reshape(a, (-1,)),
            lambda a: a[[1, 0, 1]],
            lambda a: a[..., [1, 0]],
            lambda a: np.cumsum(np.ravel(a)),
            lambda a: np.linalg.norm(a, axis=-1),
            lambda a: np.linalg.norm(a, axis=0),
            lambda a: np.mean(a, axis=-1),
            lambda a: np.sum(a, axis=0),
            lambda a: np.linalg.norm(a),
            lambda a: np.tril(a),
        ):
            agrees(lambda x, f=f, i=i: f(layouts(x)[i]), x, rng)
            agrees(lambda x, f=f, i=i: np.sum(np.sin(f(layouts(np.exp(x))[i])) ** 2), x, rng, gradient=True)


def test_sums_at_places_keep_their_order() -> None:
    rng = np.random.default_rng(8)
    rows = rng.integers(-4, 4, 300)
    x = rng.standard_normal(N) * 10.0 ** rng.integers(-8, 8, N)
    for f in (
        lambda x: np.sum(np.reshape(x, (4, 6))[rows] * np.arange(1800.0).reshape(300, 6)),
        lambda x: np.sum(np.reshape(x, (6, 4))[:, rows] ** 2),
        lambda x: np.sum(np.reshape(x, (2, 4, 3))[:, rows] * x[3]),
    ):
        program = compiled(f, x, gradient=True)
        assert program.stats["native"]
        for y in (x, x[::-1].copy()):
            assert same_bits(program.run([y])[0], f(y))
            np.testing.assert_allclose(program.run([y])[1], dualad.grad(f)(y), rtol=1e-12)  # sums in another order


DOTS = [
    ((200,), (200,)),
    ((200,), (200, 5)),
    ((5, 200), (200,)),
    ((1, 200), (200, 1)),
    ((7, 60), (60, 7)),
    ((1,), (1, 90)),
]


@pytest.mark.parametrize(("one", "two"), DOTS)
def test_products_of_arrays_that_lie_in_any_way(one: Any, two: Any) -> None:
    """Matrices with gaps, in Fortran's order, backward: what NumPy calls depends on that, and so does the last bit."""
    rng = np.random.default_rng(9)
    size = int(np.prod(one))
    dense = rng.standard_normal(two)
    wide = rng.standard_normal(tuple(2 * n for n in two))[tuple(slice(None, None, 2) for _ in two)]
    first: list[Function] = [lambda x: x.reshape(one), lambda x: x.reshape(one)[::-1]]
    first += [lambda x: x.reshape(one[::-1]).T, lambda x: np.repeat(x, 2)[::2].reshape(one)]
    for constant, view in itertools.product((dense, np.asfortranarray(dense), wide, dense[::-1]), first):
        for product in (np.dot, np.matmul):
            x = rng.standard_normal(size)

            def f(x: Any, constant: Any = constant, view: Any = view, product: Any = product) -> Any:
                return product(view(x), constant)

            agrees(f, x, rng)


def test_matrices_that_have_no_inverse() -> None:
    """NumPy's errors are raised by the function, which is recorded again."""
    for f, bad in (
        (lambda x: np.sum(np.linalg.inv(np.reshape(x, (2, 2)))), [1.0, 2.0, 2.0, 4.0]),
        (lambda x: np.sum(np.linalg.solve(np.reshape(x, (2, 2)), np.ones(2))), [0.0, 0.0, 0.0, 4.0]),
        (lambda x: np.sum(np.linalg.cholesky(np.reshape(x, (2, 2)))), [1.0, 2.0, 2.0, 1.0]),
    ):
        good, wrong = np.array([2.0, 1.0, 1.0, 3.0]), np.array(bad)
        program = compiled(f, good)
        assert program.stats["native"]
        assert program.run([wrong]) is None
        assert same_bits(program.run([good])[0], f(good))
        fast = dualad.compile(dualad.value_and_grad(f))
        fast(good)
        fast(good * 1.5)
        with pytest.raises(np.linalg.LinAlgError):
            fast(wrong)
        assert same_bits(fast(good)[0], f(good))
        rows = dualad.compile(f).batch(np.stack([good, good * 1.5, good * 2.0]))
        np.testing.assert_array_equal(rows, [f(good), f(good * 1.5), f(good * 2.0)])


def test_outcomes_of_arrays_are_compared() -> None:
    def f(x: Any) -> Any:
        return np.sum(x[x > 0] ** 2)

    x = np.array([1.0, -2.0, 3.0, np.nan])
    program = compiled(f, x)
    assert program.stats["native"]
    assert same_bits(program.run([x])[0], f(x))
    assert program.run([-x]) is None
    assert program.run([np.array([1.0, -2.0, 3.0, 4.0])]) is None
