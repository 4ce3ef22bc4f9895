"""A program that was recorded at whole numbers, where nothing rounds, gives NumPy's last digits at others."""

from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

import dualad

REDUCTIONS = {
    "sum": np.sum,
    "sum over rows": lambda y: np.sum(y, axis=0),
    "sum over columns": lambda y: np.sum(y, axis=1),
    "mean": np.mean,
    "norm": np.linalg.norm,
    "in the order of memory": lambda y: np.sum(np.ravel(y, order="K")),
}
# All of these change the order of the memory, which sums follow.
LAYOUTS = {
    "astype to F": lambda x: x.astype(float, order="F"),
    "astype to C": lambda x: x.T.astype(float, order="C"),
    "astype as it is": lambda x: x.T.astype(float),
    "copy to F": lambda x: x.copy(order="F"),
    "flip": lambda x: np.flip(x.T, 0),
    "rot90": np.rot90,
    "backwards": lambda x: x.T[::-1],
    "gaps": lambda x: x.T[::2, ::3],
    "select": lambda x: np.select([x.T < 1e300], [x.T], 0.0),
    "delete": lambda x: np.delete(x.T, 1, axis=0),
    "insert": lambda x: np.insert(x.T, 1, 2.0, axis=1),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0],
}


def bits(found, wanted):
    assert type(found) is type(wanted)
    assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_sums_follow_the_order_of_memory(layout, reduction, order):
    def f(x):
        return REDUCTIONS[reduction](LAYOUTS[layout](x))

    rng = np.random.default_rng(7)
    compiled = dualad.compile(f)
    for k in range(6):
        x = np.asarray(rng.normal(size=(23, 37)) if k else np.ones((23, 37)), order=order)
        bits(compiled(x), f(x))
    for value in (dualad.vjp(f, x)[0], dualad.jvp(f, (x,), (x,))[0]):
        bits(np.asarray(value), np.asarray(f(x)))


def test_reduceat_adds_as_numpy_does():
    rng = np.random.default_rng(7)
    for axis in (0, 1):
        for ufunc in (np.add, np.multiply, np.maximum, np.logaddexp):

            def f(x, ufunc=ufunc, axis=axis):
                return ufunc.reduceat(x, [0, 9, 10, 3], axis=axis)

            compiled = dualad.compile(f)
            for k in range(6):
                x = rng.normal(size=(40, 40)) if k else np.ones((40, 40))
                bits(compiled(x), f(x))
            x[:] = -0.0
            bits(compiled(x), f(x))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 9, 33])
def test_which_zero_a_bound_gives(n):
    """Numbers beside arrays have no steps in NumPy's loops, on which np.clip and np.fmax decide between equal zeros."""
    functions = [
        lambda x: np.clip(x, 0.0, 1.0), lambda x: np.clip(x, -1.0, -0.0), lambda x: np.clip(x, x[::-1], 1.0),
        lambda x: np.fmax(x, 0.0), lambda x: np.fmin(-0.0, x), lambda x: np.maximum(x, 0.0),
        lambda x: np.clip(x[0], 0.0, 1.0), lambda x: np.fmax(x[0], -0.0), lambda x: np.minimum(0.0, x[-1]),
    ]  # fmt: skip
    rng = np.random.default_rng(n)
    for f in functions:
        compiled = dualad.compile(f)
        points = rng.choice([0.0, -0.0], size=(19, n))
        for x in (np.full(n, 0.5), np.full(n, 0.25), *points):
            bits(compiled(x), f(x))
        bits(compiled.batch(points), np.stack([f(x) for x in points]))


def test_mappings_of_every_kind():
    def f(x):
        return defaultdict(list, a=x * 2.0), Counter({"b": x[0] * 3.0}), OrderedDict(c=x[1] + 1.0)

    compiled = dualad.compile(f)
    for k in range(4):
        found, wanted = compiled(np.arange(2.0) + k), f(np.arange(2.0) + k)
        for one, other in zip(found, wanted, strict=True):
            assert type(one) is type(other)
            assert list(one) == list(other)
            bits(*(next(iter(part.values())) for part in (one, other)))
    assert found[0].default_factory is list
    assert compiled.stats["replays"] == 3
    (g,) = dualad.vjp(lambda d: d["a"] * d["b"], Counter(a=2.0, b=3.0))[1](1.0)
    assert type(g) is Counter
    assert (g["a"], g["b"]) == (3.0, 2.0)


def test_sums_of_objects_are_found_out_at_the_first_replay():
    """NumPy adds objects one by one, and doubles in eight running sums."""

    def f(x):
        return np.sum([x[i] * 1.5 for i in range(len(x))])

    compiled = dualad.compile(f)
    compiled(np.ones(100))
    for seed in range(3):
        x = np.random.default_rng(seed).normal(size=100)
        bits(compiled(x), f(x))
    assert compiled.stats["replays"] == 0
    assert "other values" in compiled.stats["not replayed"][0]


def test_interpolation_in_tables_that_are_not_finite():
    """NumPy turns to the other knot where a slope is infinite; a program of finite tables must not go on there."""
    rng = np.random.default_rng(12)
    grid = np.arange(5.0)
    x = np.array([-1.0, 0.0, 0.3, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, np.nan])

    def f(values):
        return np.interp(x, grid, values)

    compiled = dualad.compile(f)
    for _ in range(3):
        compiled(rng.normal(size=5))
    for _ in range(60):
        values = np.where(rng.random(5) < 0.3, rng.choice([np.inf, -np.inf, np.nan, 0.0], 5), rng.normal(size=5))
        with np.errstate(all="ignore"):
            right = f(values)
            one_shot = dualad.jvp(f, (values,), (np.ones(5),))[0]
        np.testing.assert_array_equal(compiled(values), right)
        np.testing.assert_array_equal(one_shot, right)
    assert compiled.stats["variants"] == 2 and compiled.stats["not replayed"] == []
