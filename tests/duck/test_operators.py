"""Every operator with every kind of operand: NumPy's value to the last bit, the right tangents."""

import operator
import sys
import warnings
from array import array
from collections import deque
from pathlib import Path

import numpy as np
import pytest

import dualad
from dualad import Dual, HyperDual
from dualad.errors import UnsupportedType

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, random_dual, same

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod, divmod,
]  # fmt: skip
IN_PLACE = [
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow, operator.ifloordiv, operator.imod,
]  # fmt: skip
COMPARE = [operator.lt, operator.le, operator.eq, operator.ne, operator.gt, operator.ge]
RNG = np.random.default_rng(0)
DUALS = {
    "scalar": random_dual(RNG),
    "array": random_dual(RNG, (2, 3)),
    "single": random_dual(RNG, (2, 3), dtype=np.float32),
    "single scalar": random_dual(RNG, (), dtype=np.float32),
    "row": random_dual(RNG, 3),
    "fortran": random_dual(RNG, (3, 2)).T,
    "strided": random_dual(RNG, (4, 3))[::2],
    "no axes": Dual(np.array(1.25), RNG.standard_normal((2,))),
    "empty": Dual(np.zeros((0, 3)), np.zeros((2, 0, 3))),
}
OTHERS = {
    "float": 1.75,
    "int": 2,
    "bool": True,
    "np.float64": np.float64(0.75),
    "np.float32": np.float32(0.75),
    "np.int64": np.int64(3),
    "array": RNG.uniform(0.5, 2.0, (2, 3)),
    "column": RNG.uniform(0.5, 2.0, (2, 1)),
    "integers": np.array([1, 2, 3]),
    "booleans": np.array([True, True, True]),
    "single": RNG.uniform(0.5, 2.0, (2, 3)).astype(np.float32),
    "list": [1.5, 2.5, 0.5],
    "no axes": np.array(2.5),
}


def value_of(x):
    return x.value if isinstance(x, (Dual, HyperDual)) else x


def tangents_by_differences(f, x, other, lane):
    """The derivative by central differences, with the smooth operators only."""
    h = 1e-6
    t = x.tangents[lane]
    return (f(x.value.astype(float) + h * t, other) - f(x.value.astype(float) - h * t, other)) / (2 * h)


def check_tangents(f, x, other, result):
    if isinstance(result, tuple):
        return
    plain = value_of(other)
    plain = np.asarray(plain, dtype=float) if isinstance(plain, np.ndarray) else plain
    for lane in range(2):
        wanted = tangents_by_differences(f, x, plain, lane)
        if isinstance(other, Dual):
            wanted = wanted + tangents_by_differences(lambda o, v: f(v, o), other, x.value.astype(float), lane)
        found = result.tangents[lane]
        assert found.shape == result.shape and found.dtype == result.dtype
        assert np.all(np.abs(found - wanted) <= 1e-6 * (1 + np.abs(wanted)) * (1 if x.dtype == np.float64 else 10))


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("other_name", OTHERS)
def test_dual_and_plain(op, name, other_name):
    x, other = DUALS[name], OTHERS[other_name]
    if name == "empty" and np.ndim(other) == 2 and np.shape(other)[0] == 2:
        pytest.skip("these do not broadcast")
    if op is operator.mul and other_name == "list" and not np.ndim(x.value):
        pytest.skip("NumPy's own scalars do not multiply lists")
    for f in (op, lambda a, b: op(b, a)):
        result = f(x, other)
        same(result, f(x.value, other))
        if op not in (operator.floordiv, operator.mod):
            check_tangents(f, x, other, result)


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
@pytest.mark.parametrize("name", DUALS)
@pytest.mark.parametrize("other_name", DUALS)
def test_dual_and_dual(op, name, other_name):
    x, other = DUALS[name], DUALS[other_name]
    if ("empty" in (name, other_name)) and name != other_name and len(x.shape) == len(other.shape) == 2:
        pytest.skip("these do not broadcast")
    result = op(x, other)
    same(result, op(x.value, other.value))
    if op not in (operator.floordiv, operator.mod):
        check_tangents(op, x, other, result)


@pytest.mark.parametrize("name", DUALS)
def test_unary(name):
    x = DUALS[name]
    for op, sign in ((operator.neg, -1), (operator.pos, 1), (abs, 1)):
        result = op(x)
        same(result, op(x.value))
        same(result.tangents, sign * x.tangents)
    same(round(x, 1), np.round(x.value, 1))


@pytest.mark.parametrize("op", IN_PLACE, ids=lambda op: op.__name__)
@pytest.mark.parametrize("name", ["array", "single", "fortran", "strided", "no axes"])
def test_in_place_on_arrays(op, name):
    """The array itself changes, and so does every view of it."""
    for other in (1.5, DUALS["row"] if DUALS[name].ndim == 2 else DUALS["scalar"]):
        if op in (operator.ifloordiv, operator.imod, operator.ipow) and other is not DUALS["row"]:
            other = 2
        x = np.copy(DUALS[name])
        view, plain = x[...], np.copy(x.value)
        by_parts = getattr(operator, op.__name__[1:])(np.copy(x), other)
        result = op(x, other)
        assert result is x
        same(x.value, op(plain, value_of(other)))
        same(view.tangents, x.tangents)
        close(x.tangents, by_parts.tangents, 1e-6)
        same(view.value, x.value)


@pytest.mark.parametrize("op", IN_PLACE, ids=lambda op: op.__name__)
@pytest.mark.parametrize("name", ["scalar", "single scalar"])
def test_in_place_on_scalars_makes_a_new_one(op, name):
    x = kept = DUALS[name]
    before = (kept.value, kept.tangents.copy())
    x = op(x, 2)
    assert x is not kept
    same((kept.value, kept.tangents), before)


def test_in_place_in_which_the_array_meets_itself():
    x = random_dual(np.random.default_rng(1), 5)
    start = np.copy(x)
    x[1:] += x[:-1]
    same(x.value[1:], start.value[1:] + start.value[:-1])
    same(x.tangents[:, 1:], start.tangents[:, 1:] + start.tangents[:, :-1])
    x = np.copy(start)
    x *= x[::-1]
    same(x.value, start.value * start.value[::-1])


def test_in_place_keeps_single_precision():
    x = random_dual(np.random.default_rng(1), 5, dtype=np.float32)
    x += np.arange(5.0)
    assert x.dtype == x.tangents.dtype == np.float32


@pytest.mark.parametrize("op", COMPARE, ids=lambda op: op.__name__)
def test_comparisons_are_plain(op):
    for x in DUALS.values():
        for other in (1.5, np.float64(1.5), x, DUALS["scalar"]):
            same(op(x, other), op(x.value, value_of(other)))
            same(op(value_of(other), x), op(value_of(other), x.value))
    row = DUALS["row"]
    same(op(row, [1.0, 1.5, row[2]]), op(row.value, [1.0, 1.5, row[2].value]))


def test_equality_with_what_is_no_number():
    x = DUALS["row"]
    assert (DUALS["scalar"] == None) == False  # noqa: E711, E712
    assert not np.any(x == None)  # noqa: E711


def test_what_is_no_number_is_left_to_its_own_methods():
    class Odd:
        def __radd__(self, other):
            return "odd"

        def __rmatmul__(self, other):
            return "odder"

        __array_ufunc__ = None

    for x in DUALS.values():
        assert x + Odd() == "odd"
        assert x @ Odd() == "odder"
        for op in (*BINARY, operator.matmul):
            with pytest.raises(TypeError):
                op(x, object())
            with pytest.raises(TypeError):
                op(None, x)


def test_subclasses_of_ndarray(tmp_path):
    """A memory map is an array; masked arrays and matrices mean something else by their operators."""
    x = DUALS["row"]
    kept = np.memmap(tmp_path / "map", dtype=float, mode="w+", shape=3)
    kept[:] = [1.0, 2.0, 3.0]
    same(np.asarray((x * kept).value), x.value * np.asarray(kept))
    same(np.asarray((kept - x).value), np.asarray(kept) - x.value)
    masked = np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0])
    for f in (
        lambda: x * masked,
        lambda: np.dot(x, masked),
        lambda: np.add(masked, x),
        lambda: dualad.grad(np.sum)(masked),
        lambda: dualad.grad(lambda x: masked * x)(np.ones(3)),
        lambda: np.sum(x, where=masked),
    ):
        with pytest.raises(UnsupportedType, match=r"a masked array .* Use a plain array instead: np\.where"):
            f()
    with pytest.warns(PendingDeprecationWarning):
        matrix = np.matrix(np.eye(3))
    for f in (lambda: matrix @ x, lambda: x @ matrix, lambda: x * matrix, lambda: dualad.jacobian(np.sum)(matrix)):
        with pytest.raises(UnsupportedType, match=r"a matrix .* Use a plain array instead: np\.asarray"):
            f()

    class Quantity(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
            return "quantity"

    assert x * np.ones(3).view(Quantity) == "quantity"
    assert np.ones(3).view(Quantity) * x == "quantity"


@pytest.mark.parametrize("name", ["scalar", "array"])
def test_complex_operands_are_refused(name):
    x = DUALS[name]
    for f in (lambda: x * 1j, lambda: 1j + x, lambda: x / np.array([1j, 2, 3]), lambda: np.complex128(1) * x):
        with pytest.raises(UnsupportedType, match="real numbers"):
            f()


@pytest.mark.parametrize(("left", "right"), [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((4, 2, 3), (3, 2))])
def test_matmul(left, right):
    rng = np.random.default_rng(2)
    x, y = random_dual(rng, left), random_dual(rng, right)
    for a, b in ((x, y), (x, y.value), (x.value, y), (x, y.value.tolist())):
        result = a @ b
        same(result, value_of(a) @ value_of(b))
        wanted = 0
        if isinstance(a, Dual):
            wanted = wanted + np.array([t @ value_of(b) for t in a.tangents])
        if isinstance(b, Dual):
            wanted = wanted + np.array([value_of(a) @ t for t in b.tangents])
        close(result.tangents, wanted)


def test_matmul_in_place():
    rng = np.random.default_rng(2)
    x, y = random_dual(rng, (3, 3)), random_dual(rng, (3, 3))
    view, product = x[...], x @ y
    x @= y
    same(view.value, product.value)
    same(view.tangents, product.tangents)


def test_small_powers_have_the_values_of_numpy():
    """NumPy squares where it can, and so must we: x**2 and pow(x, 2.0) may differ in the last bit."""
    x = np.random.default_rng(3).uniform(-3, 3, 1000)
    seeded = Dual(x, np.ones((1, 1000)))
    for exponent in (2, 2.0, 3, -1, -1.0, 1, 0, np.float64(2), np.int64(3), np.array(2), np.array(2.0)):
        same(seeded**exponent, x**exponent)
        for i in range(20):
            same(seeded[i] ** exponent, x[i] ** exponent)
    same(np.abs(seeded) ** 0.5, np.abs(x) ** 0.5)
    same(1.5**seeded, 1.5**x)
    close((seeded**2).tangents[0], 2 * x)
    close((seeded**3).tangents[0], 3 * x**2)


def test_warnings_are_those_of_numpy():
    x = np.array([0.0, 1.0, -1.0, 1e300])
    seeded = Dual(x, np.ones((1, 4)))
    programs = [
        lambda x: 1.0 / x, lambda x: x**0.5, lambda x: x * 1e300, lambda x: np.exp(x), lambda x: np.sqrt(np.abs(x)),
        lambda x: np.log(np.abs(x) + 1), lambda x: x / np.abs(x), lambda x: np.arcsin(np.clip(x, -1, 1)),
        lambda x: x[0] / 2.0, lambda x: 1.0 / x[0], lambda x: x[0] / x[0], lambda x: x[3] * x[3],
        lambda x: np.sqrt(x[2]),
        lambda x: x[2] ** 0.5, lambda x: np.sqrt(x[0]), lambda x: np.cbrt(x[0]), lambda x: np.log(x[0]),
        lambda x: np.prod(x), lambda x: np.sum(x * x), lambda x: np.linalg.norm(x[:1]), lambda x: np.std(x[:1]),
        lambda x: np.hypot(x[0], 0.0), lambda x: np.mean(x[:0]), lambda x: np.var(x[:1], ddof=1), lambda x: x // 0.0,
        lambda x: x[1] % 0.0, lambda x: 1e-200 * (x[1] * 1e-200), lambda x: np.exp(-800 * x[1]),
        lambda x: np.exp(-800 * x),
    ]  # fmt: skip

    def told(f, x):
        with warnings.catch_warnings(record=True) as heard, np.errstate(all="warn"):
            warnings.simplefilter("always")
            f(x)
        return [str(message.message) for message in heard]

    for f in programs:
        assert told(f, seeded) == told(f, x)
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        1.0 / seeded[0]
    with np.errstate(all="ignore"):
        assert 1.0 / seeded[0] == np.inf


@pytest.mark.parametrize(
    "other", [range(1, 4), deque([1, 2, 3]), array("d", [1, 2, 3]), memoryview(array("d", [1, 2, 3]))]
)
@pytest.mark.parametrize("op", BINARY[:-1])
def test_other_sequences_are_arrays(op, other):
    x, wanted = np.array([0.5, 1.5, 2.5]), np.array([1, 2, 3])
    for mode in ("forward", "reverse"):
        for f in (lambda x, y: op(x, y), lambda x, y: op(y, x)):
            assert np.array_equal(dualad.jvp(f, (x, other), (x, np.zeros(3)))[0], f(x, wanted))
            found = dualad.jacobian(lambda x, f=f: f(x, other), mode=mode)(x)
            assert np.array_equal(found, dualad.jacobian(lambda x, f=f: f(x, wanted), mode=mode)(x))


def test_what_is_no_sequence_of_numbers_is_left_to_its_own_methods():
    class Other:
        def __rmul__(self, x):
            return "its own"

    for other in ("text", {1: 2.0}, {1.0}, None):
        with pytest.raises(TypeError, match=r"unsupported operand|multiply sequence|only integers"):
            dualad.grad(lambda x, y=other: np.sum(x * y))(np.ones(2))
    assert dualad.record(lambda x: [x[0], float(x * Other() == "its own")], np.ones(2)) is not None


def test_levels_meet_in_operators():
    """The inner derivative acts, whichever side it stands on."""

    def f(x):
        return dualad.derivative(lambda y: x * y - y * x + x / y - y / x + x**y - y**x)(2.0)

    slope = dualad.derivative(f)(3.0)
    x, y = 3.0, 2.0
    # d/dx of  -x/y**2 - 1/x + x**y*log(x) - x*y**(x - 1)
    lx, ly = np.log(x), np.log(y)
    wanted = -1 / y**2 + 1 / x**2 + y * x ** (y - 1) * lx + x ** (y - 1) - (y ** (x - 1) + x * y ** (x - 1) * ly)
    close(slope, wanted, 1e-13)
