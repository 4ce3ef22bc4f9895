"""Every row of the table: a hyper-dual number must be what a dual number over dual numbers is."""

import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from dualad import Dual, HyperDual
from dualad.errors import DiscreteArgument, NotWritten, UnsupportedType
from dualad.forward.kernels import rebuild
from dualad.ops.table import TABLE, Composed, Elementwise, Linear, NoTangent, Todo

sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))  # the tests are no package
from array_checks import calls, leaves

K1, K2 = 2, 3


@pytest.fixture(autouse=True)
def _quiet():
    """NumPy's warnings about the values are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class Hyper:
    """Wraps arrays as hyper-dual ones with random parts, the same each time."""

    def __init__(self, nested):
        self.rng = np.random.default_rng(1)
        self.nested = nested
        self.made = []

    def __call__(self, x):
        shape = np.shape(x)
        e1, e2, e12 = (self.rng.standard_normal((*lead, *shape)).astype(x.dtype) for lead in ((K1,), (K2,), (K1, K2)))
        if self.nested:
            # The inner derivative (level 2) runs along e1; its value and tangents carry the outer one along e2.
            tangents = rebuild(Dual, 1, K2, 0, e1, np.moveaxis(e12, 1, 0))
            made = rebuild(Dual, 2, K1, 0, rebuild(Dual, 1, K2, 0, x, e2), tangents)
        else:
            made = HyperDual(x, e1, e2, e12)
        self.made.append(made)
        return made


def four_parts(x, nested):
    """Return value, e1, e2, e12 of either kind; zeros where the result does not vary."""
    if not isinstance(x, (Dual, HyperDual)):
        x = np.asarray(x)
        zeros = [np.zeros((*lead, *x.shape)) for lead in ((K1,), (K2,), (K1, K2))]
        return x, *zeros
    if not nested:
        return x.value, x.e1, x.e2, x.e12
    if x.level == 1:  # it does not vary with the inner argument
        return x.value, np.zeros((K1, *x.shape)), x.tangents, np.zeros((K1, K2, *x.shape))
    value, e2 = (x.value.value, x.value.tangents) if isinstance(x.value, Dual) else (x.value, np.zeros((K2, *x.shape)))
    if isinstance(x.tangents, Dual):
        return value, x.tangents.value, e2, np.moveaxis(x.tangents.tangents, 0, 1)
    return value, x.tangents, e2, np.zeros((K1, K2, *x.shape))


def compare(hyper, nested, tolerance):
    hyper, nested = (four_parts(x, n) for x, n in ((hyper, False), (nested, True)))
    assert np.array_equal(hyper[0], nested[0], equal_nan=hyper[0].dtype.kind == "f")
    for one, other in zip(hyper[1:], nested[1:]):
        assert one.shape == other.shape
        assert np.array_equal(np.isnan(one), np.isnan(other))
        finite = np.isfinite(one) & np.isfinite(other)
        assert np.array_equal(one[~finite], other[~finite], equal_nan=True)
        scale = max(1.0, np.max(np.abs(other[finite]), initial=0.0))
        assert np.max(np.abs(one[finite] - other[finite]), initial=0.0) <= tolerance * scale


# --- elementwise rows ------------------------------------------------------------------------------------------------

ROWS = [row for row in TABLE.rows() if isinstance(row, Elementwise)]


def arguments(row, count=7):
    """Points in the domain of a row, its kinks and simple ends among them."""
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    points = []
    for interval in row.domain:
        low, high = interval.sample or (max(interval.low, -3.0), min(interval.high, 3.0))
        low, high = max(low, -20.0), min(high, 20.0)
        x = rng.uniform(low, high, count)
        points.append(np.round(x).astype(int) if interval.integer else x)
    return points


def call(row, args):
    """Call the function of a row, by the door for those of SciPy that are no ufuncs."""
    if isinstance(row.function, np.ufunc) or row.path.startswith("numpy."):
        return row.function(*args)
    duck = next(x for x in args if isinstance(x, (Dual, HyperDual)))
    return duck.__array_function__(row.function, (type(duck),), tuple(args), {})


def active_arguments(row):
    marks = [[row.partials[i][o] for o in range(row.outputs)] for i in range(len(row.args))]
    return [
        i for i, kinds in enumerate(marks) if not any(kind is NoTangent or isinstance(kind, Todo) for kind in kinds)
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("single", [False, True], ids=["array", "scalar"])
def test_elementwise(row, single):
    points = arguments(row)
    active = active_arguments(row)
    if not active:
        pytest.skip("no argument in which to differentiate")
    tried = 0
    for chosen in {tuple(active), *((i,) for i in active)}:
        results = []
        try:
            for nested in (False, True):
                wrap = Hyper(nested)
                args = [wrap(x) if i in chosen else x for i, x in enumerate(points)]
                if single:
                    args = [x[2] for x in args]
                results.append(call(row, args))
        except NotWritten:
            continue  # a second partial that is not known
        tried += 1
        parts = zip(*(r if isinstance(r, tuple) else (r,) for r in results))
        for hyper, nested in parts:
            compare(hyper, nested, 1e-11)
    if not tried:
        pytest.skip("no second partial is known")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_scalars_and_arrays_agree(row):
    """The path of single numbers gives what the path of arrays gives, to the last bit."""
    points = arguments(row)
    active = active_arguments(row)
    if not active:
        pytest.skip("no argument in which to differentiate")
    rng = np.random.default_rng(0)
    args = [Dual(x, rng.standard_normal((3, 7))) if i in active else x for i, x in enumerate(points)]
    whole = call(row, args)
    for j in range(7):
        one = call(row, [x[j] for x in args])
        for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (whole, one))):
            if isinstance(a, Dual):
                assert np.allclose(a.tangents[:, j], b.tangents, rtol=1e-14, atol=0, equal_nan=True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_arguments_without_a_derivative(row):
    points = arguments(row)
    for i, marks in enumerate(row.partials):
        for wrap in (lambda x: Dual(x, np.ones((1, *np.shape(x)))), lambda x: Dual(x[0], [1.0])):
            args = list(points)
            args[i] = wrap(points[i])
            if any(isinstance(mark, Todo) for mark in marks):
                with pytest.raises(NotWritten, match="is not written yet"):
                    call(row, args)
            elif any(mark is NoTangent for mark in marks):
                with pytest.raises(DiscreteArgument, match="it only takes separate values"):
                    call(row, args)


# --- array rows ------------------------------------------------------------------------------------------------------


@calls(Linear, Composed, *{type(row) for row in TABLE.rows()} - {Elementwise, Linear, Composed})
def test_array_rows(name, case):
    row = TABLE.named(name)
    results = []
    for nested in (False, True):
        wrap = Hyper(nested)
        try:
            args, kwargs = case.build(np.random.default_rng(zlib.crc32(f"{name}{case!r}".encode())), wrap)
            if not wrap.made:
                pytest.skip("nothing varies")
            if row.path.startswith("scipy."):
                result = wrap.made[0].__array_function__(row.function, (type(wrap.made[0]),), args, kwargs)
            else:
                result = row.function(*args, **kwargs)
        except (DiscreteArgument, UnsupportedType) as error:
            pytest.skip(str(error))
        results.append(leaves(result) if result is not None else wrap.made)
    if not case.defined:
        return
    single = any(x.dtype == np.float32 for x in wrap.made)
    for hyper, nested in zip(*results, strict=True):
        compare(hyper, nested, (2e-4 if single else 1e-11) * case.tolerance)
