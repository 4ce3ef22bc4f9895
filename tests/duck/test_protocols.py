"""NumPy's two protocols: methods of ufuncs, out=, where=, dtype=, arguments by position and by name, like=."""

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import dualad
from dualad import Dual
from dualad.errors import DerivativeLost, DiscreteArgument, NotWritten, UnknownFunction, UnsupportedType

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, random_dual, same


def rng():
    return np.random.default_rng(0)


def by_differences(f, x, lane, h=1e-6):
    t = x.tangents[lane]
    return (f(x.value + h * t) - f(x.value - h * t)) / (2 * h)


def check(f, x, rtol=1e-7):
    """Value to the last bit, tangents by differences."""
    result = f(x)
    same(result, f(x.value))
    for lane in range(x.lanes):
        wanted = np.asarray(by_differences(f, x, lane))
        assert np.all(np.abs(result.tangents[lane] - wanted) <= rtol * (1 + np.abs(wanted)))
    return result


# --- methods of ufuncs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.logaddexp, np.hypot, np.fmin])
@pytest.mark.parametrize("shape", [5, (3, 4), (2, 3, 4)])
def test_reduce(ufunc, shape):
    x = random_dual(rng(), shape)
    check(lambda x: ufunc.reduce(x), x)
    check(lambda x: ufunc.reduce(x, axis=-1), x)
    check(lambda x: ufunc.reduce(x, 0, keepdims=True), x)
    check(lambda x: ufunc.reduce(x, 0, None, None, True), x)
    if x.ndim > 1:
        check(lambda x: ufunc.reduce(x, axis=(0, 1)), x)
        check(lambda x: ufunc.reduce(x, axis=None), x)
        check(lambda x: ufunc.reduce(x, axis=()), x)
    mask = rng().random(x.shape) < 0.6
    check(lambda x: ufunc.reduce(x, axis=-1, initial=1.25, where=mask), x)
    check(lambda x: ufunc.reduce(x, initial=0.25), x)


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide])
def test_reduce_without_order(ufunc):
    x = random_dual(rng(), (4, 3))
    check(lambda x: ufunc.reduce(x, axis=1), x)
    with pytest.raises(ValueError, match="not reorderable"):
        ufunc.reduce(x, axis=None)
    check(lambda x: ufunc.reduce(x[:, 0]), x)


def test_reduce_of_nothing():
    empty = Dual(np.zeros((0, 3)), np.zeros((2, 0, 3)))
    same(np.add.reduce(empty), np.zeros(3))
    same(np.multiply.reduce(empty), np.ones(3))
    same(np.maximum.reduce(empty, initial=-1.0), np.full(3, -1.0))
    for ufunc in (np.maximum, np.hypot, np.subtract):
        try:
            wanted = ufunc.reduce(empty.value)
        except ValueError:
            with pytest.raises((ValueError, IndexError)):
                ufunc.reduce(empty)
        else:
            same(ufunc.reduce(empty), wanted)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.logaddexp, np.subtract])
def test_accumulate(ufunc):
    x = random_dual(rng(), (3, 4))
    for axis in (0, 1, -1):
        check(lambda x, axis=axis: ufunc.accumulate(x, axis=axis), x)
    check(lambda x: ufunc.accumulate(x), x[0])


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.arctan2, np.power])
def test_outer(ufunc):
    x, c = random_dual(rng(), (2, 3)), np.array([1.5, 2.5])
    check(lambda x: ufunc.outer(x, c), x)
    check(lambda x: ufunc.outer(c, x), x)
    check(lambda x: ufunc.outer(x, x), x)
    check(lambda x: ufunc.outer(x[0], [1.0, 2.0]), x)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum])
def test_reduceat(ufunc):
    x = random_dual(rng(), (6, 2))
    check(lambda x: ufunc.reduceat(x, [0, 4, 1, 5]), x)
    check(lambda x: ufunc.reduceat(x, np.array([0, 1]), axis=1), x)


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum])
def test_at(ufunc):
    x = random_dual(rng(), 5)

    def f(x, index=(0, 0, 3)):
        y = np.array(x, copy=True) if isinstance(x, np.ndarray) else np.copy(x)
        ufunc.at(y, list(index), x[[1, 2, 2]])
        return y

    check(f, x)
    check(lambda x: f(x, (1, 1, 1)), x)

    def g(x):
        y = np.zeros_like(x) + 1.5
        ufunc.at(y, slice(1, 4), 0.5)
        ufunc.at(y, (np.array([0, 0]),), x[:2])
        return y

    check(g, x)

    def unary(x):
        y = x * 1.0
        np.negative.at(y, [0, 0, 1])
        np.square.at(y, [1, 1])
        return y

    check(unary, x)
    with pytest.raises(DerivativeLost, match=r"add\.at was asked to write its result into a plain array"):
        np.add.at(np.zeros(3), [0], x[:1])


# --- options ---------------------------------------------------------------------------------------------------------


def test_out():
    x, y = random_dual(rng(), (2, 3)), random_dual(rng(), 3)
    out = np.zeros_like(x)
    view = out[0]
    assert np.multiply(x, y, out=out) is out
    product = x * y
    same((out.value, out.tangents), (product.value, product.tangents))
    same(view.tangents, product[0].tangents)
    assert np.add(x, 1.0, out) is out
    assert np.exp(x.value, out=out) is out
    assert not np.any(out.tangents)
    assert np.sin(out, out=out) is out
    row = np.zeros_like(y)
    assert np.sum(x, axis=0, out=row) is row
    same((row.value, row.tangents), (np.sum(x.value, axis=0), np.sum(x.tangents, axis=1)))
    assert np.add.reduce(x, out=row) is row
    assert x.sum(0, None, row) is row
    assert np.matmul(y, y.value, out=None) == y.value @ y.value
    first, second = np.zeros_like(y), np.zeros_like(y)
    assert np.divmod(y, 0.25, out=(first, second))[0] is first
    same((first.value, second.value), np.divmod(y.value, 0.25))
    whole, part = np.zeros_like(y), np.modf(y, out=(None, row))
    assert part[1] is row and not np.any(whole.value)
    assert np.concatenate([y, y], out=np.zeros(6, like=y)).lanes == 2
    with pytest.raises(ValueError):
        np.add(x, 1.0, out=row)


def test_out_into_a_plain_array():
    x, plain = random_dual(rng(), 3), np.zeros(3)
    calls = [
        lambda: np.add(x, 1, out=plain), lambda: np.exp(x, plain), lambda: np.cumsum(x, out=plain),
        lambda: np.add.accumulate(x, out=plain), lambda: plain.__iadd__(x), lambda: np.matmul(np.eye(3), x, out=plain),
        lambda: np.sum(x, out=plain[:1].reshape(())), lambda: np.dot(np.eye(3), x, out=plain),
        lambda: np.clip(x, 0, 1, out=plain), lambda: x.mean(out=plain[0:1].reshape(())),
    ]  # fmt: skip
    for f in calls:
        with pytest.raises(DerivativeLost, match=r"into a plain array .*, which cannot hold the derivative"):
            f()
    assert not plain.any()
    for f in (lambda: np.copyto(plain, x), lambda: np.put(plain, [0], x[:1]), lambda: np.putmask(plain, plain == 0, x)):
        with pytest.raises(DerivativeLost):
            f()


def test_where():
    x = random_dual(rng(), (2, 3))
    mask = np.array([[True, False, True], [False, True, True]])
    result = np.log(x - 1.0, where=x > 1.0)
    wanted = np.log(x.value - 1.0, where=x.value > 1.0, out=np.zeros((2, 3)))
    same(result, wanted)
    assert not np.any(result.tangents[:, x.value <= 1.0])
    close(result.tangents[:, x.value > 1], (x.tangents / (x.value - 1))[:, x.value > 1])
    out = np.copy(x)
    np.multiply(x, 3.0, where=mask, out=out)
    same(out, np.multiply(x.value, 3.0, where=mask, out=x.value.copy()))
    same(out.tangents, np.where(mask, 3.0, 1.0) * x.tangents)
    check(lambda x: np.sum(x * x, where=mask), x)
    check(lambda x: np.mean(x * x, axis=1, where=mask), x)
    first, second = np.modf(x, where=mask)
    same((first.value, second.value), np.modf(x.value, where=mask, out=(np.zeros((2, 3)), np.zeros((2, 3)))))


def test_the_branch_that_is_not_taken_does_not_poison():
    def f(x):
        return np.where(x > 0, np.sqrt(np.abs(x)) * np.log(np.where(x > 0, x, 1.0)), 0.0)

    def g(x):
        with np.errstate(all="ignore"):
            return np.where(x > 0, np.log(x) / x, x)

    x = np.array([0.0, 1.0, 4.0, -1.0])
    for function, wanted in ((f, [0, 1, 0.25 * np.log(4) + 0.5, 0]), (g, [1, 1, (1 - np.log(4)) / 16, 1])):
        assert np.array_equal(np.isfinite(dualad.jacobian(function)(x)), np.ones((4, 4), bool))
        close(np.diag(dualad.jacobian(function)(x)), wanted)
        for i in range(4):
            close(dualad.derivative(function)(x[i]), wanted[i])
        assert np.isfinite(dualad.hessian(lambda x, function=function: np.sum(function(x)))(x)).all()
        assert np.isfinite(dualad.jacobian(dualad.jacobian(function))(x)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, "float32", float])
def test_dtype(dtype):
    for x in (random_dual(rng(), (50, 30)), random_dual(rng(), (50, 30), dtype=np.float32)):
        for f in (
            lambda x: np.add(x, 0.1, dtype=dtype), lambda x: np.exp(x, dtype=dtype), lambda x: np.sum(x, dtype=dtype),
            lambda x: np.mean(x, axis=1, dtype=dtype), lambda x: np.cumsum(x, 0, dtype), lambda x: x.sum(0, dtype),
            lambda x: x.astype(dtype), lambda x: np.var(x, dtype=dtype), lambda x: x.std(0, dtype=dtype),
            lambda x: np.multiply.reduce(x[:5], axis=0, dtype=dtype), lambda x: np.zeros_like(x, dtype=dtype),
            lambda x: np.prod(x[:4], axis=0, dtype=dtype), lambda x: np.matmul(x.T, x, dtype=dtype),
            lambda x: np.concatenate([x, x], dtype=dtype), lambda x: np.add.accumulate(x, dtype=dtype),
        ):  # fmt: skip
            result = f(x)
            same(result, f(x.value))
            assert result.dtype == result.tangents.dtype == np.dtype(dtype)
        close(np.sum(x, axis=0, dtype=dtype).tangents, x.tangents.sum(axis=1), 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, None])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_dtype_of_recorded_arrays(dtype, kind):
    """Functions are recorded and replayed with ``dtype=``, operands in lists and numbers among them."""
    functions = [
        lambda x: np.sum(x, dtype=dtype), lambda x: x.sum(0, dtype), lambda x: np.prod(x, axis=1, dtype=dtype),
        lambda x: np.mean(x, axis=1, dtype=dtype), lambda x: np.cumsum(x, 0, dtype), lambda x: np.trace(x, dtype=dtype),
        lambda x: np.cumprod(x, 1, dtype=dtype), lambda x: np.matmul(x.T, x, dtype=dtype),
        lambda x: np.concatenate([x, np.ones((1, 4))], dtype=dtype), lambda x: np.stack((x, x), dtype=dtype),
        lambda x: np.einsum("ij->i", x, dtype=dtype, casting="unsafe"), lambda x: x.mean(dtype=dtype),
        lambda x: np.linspace(x[0], 2.0, 3, dtype=dtype),
    ]  # fmt: skip
    for f in functions:
        compiled, replayed = dualad.compile(f), dualad.compile(dualad.jacobian(f))
        for _ in range(3):
            x = rng().normal(size=(3, 4)).astype(kind)
            value, pullback = dualad.vjp(f, x)
            wanted = f(x)
            for found in (value, compiled(x)):
                same(np.asarray(found), np.asarray(wanted))
            ways = [dualad.jacobian(f, mode=mode)(x) for mode in ("forward", "reverse")]
            close(ways[0], ways[1], 1e-6)
            close(replayed(x), ways[1], 1e-6)
            assert pullback(np.ones_like(wanted))[0].dtype == kind


@pytest.mark.parametrize("dtype", [int, np.int32, bool])
def test_dtype_that_cannot_hold_a_derivative(dtype):
    x = random_dual(rng(), 3)
    for f in (lambda: np.sum(x, dtype=dtype), lambda: np.add(x, 1, dtype=dtype), lambda: np.add.reduce(x, dtype=dtype)):
        with pytest.raises(DerivativeLost, match=r"result of dtype (int|bool).*carries no derivative"):
            f()
    same(x.astype(dtype), x.value.astype(dtype))
    same(np.zeros_like(x, dtype=dtype), np.zeros(3, dtype))


def test_dtype_that_is_not_real():
    x = random_dual(rng(), 3)
    for f in (lambda: np.sum(x, dtype=complex), lambda: x.astype(complex), lambda: np.exp(x, dtype=np.longdouble)):
        with pytest.raises(UnsupportedType, match="real numbers of float64 or float32"):
            f()


def test_casting_and_order_are_numpys_affair():
    x = random_dual(rng(), (2, 3))
    same(np.add(x, 1, casting="same_kind", order="F"), np.add(x.value, 1, casting="same_kind", order="F"))
    with pytest.raises(ValueError):
        np.add(x, 1, casting="nonsense")
    with pytest.raises(TypeError):
        np.add(x, 1, nonsense=True)
    with pytest.raises(TypeError):
        np.sum(x, nonsense=True)
    with pytest.raises(TypeError):
        np.exp(x, x, x)


# --- functions -------------------------------------------------------------------------------------------------------


def test_arguments_by_position_and_by_name():
    x = random_dual(rng(), (3, 4))
    for f in (
        lambda x: np.sum(x, 0, None, None, True), lambda x: np.sum(a=x, axis=0), lambda x: np.std(x, 0, None, None, 1),
        lambda x: np.max(x, 0, None, True), lambda x: np.cumsum(x, 1, None), lambda x: np.clip(x, 0.7, None),
        lambda x: np.clip(x, a_min=0.7, a_max=1.2), lambda x: np.clip(a=x, a_min=None, a_max=1.2),
        lambda x: np.take(x, [0, 1], 1),
        lambda x: np.concatenate((x, x), axis=1), lambda x: np.concatenate((x, x.tolist())),
        lambda x: np.dot(a=x, b=x.T),
        lambda x: np.where(x > 1, x, 0), lambda x: np.mean(x, keepdims=np._NoValue),
        lambda x: np.linalg.norm(x, None, 1),
        lambda x: np.quantile(x, 0.3, 1), lambda x: np.trapezoid(x, None, 0.5, 0), lambda x: np.diff(x, 2, 0),
        lambda x: np.roll(x, 1, 0),
        lambda x: np.interp(x[0], [0, 1, 2, 3], [1, 3, 2, 5]), lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: np.tensordot(x, x, ([1], [1])),
        lambda x: np.einsum(x, [0, 1], [1]), lambda x: np.reshape(x, (4, 3), "F"), lambda x: np.ravel(x, "F"),
        lambda x: np.repeat(x, 2, 1),
        lambda x: np.matmul(x, x.T), lambda x: np.vecdot(x, x), lambda x: np.expand_dims(x, 0) @ x.T,
        lambda x: np.average(x, 0, [1, 2, 3]),
        lambda x: np.select([x < 1, x < 1.5], [x, x * x], 9.0), lambda x: np.linalg.multi_dot([x, x.T, x]),
        lambda x: np.sum([x, x * x], axis=0),
        lambda x: np.stack([x[0], [1.0, 2.0, 3.0, 4.0]]), lambda x: np.hstack([x, x]),
        lambda x: np.array([x[0], x[1]]).sum(),
    ):  # fmt: skip
        result = f(x)
        plain = f(x.value)
        if isinstance(result, Dual):
            same(result, plain)
            for lane in range(2):
                wanted = by_differences(f, x, lane)
                assert np.all(np.abs(result.tangents[lane] - wanted) <= 1e-7 * (1 + np.abs(wanted)))
        else:
            assert isinstance(result, np.ndarray)


def test_discrete_functions_are_called_on_the_values():
    x = random_dual(rng(), (3, 4))
    for f in (
        np.argmax, np.argsort, np.shape, np.ndim, np.size, np.isfinite, np.isnan, np.any, np.all, np.nonzero,
        np.signbit,
        np.count_nonzero, np.iscomplexobj, np.isrealobj, lambda x: np.argmin(x, axis=1),
        lambda x: np.searchsorted([1.0, 1.5], x),
        lambda x: np.allclose(x, x), lambda x: np.array_equal(x, x), lambda x: np.isclose(x, 1.0, atol=0.2),
        lambda x: np.greater(x, 1),
        lambda x: np.logical_and(x > 1, x < 1.5), lambda x: np.where(x > 1.2),
        lambda x: np.isclose([x[0, 0], 1.0], 1.0),
        lambda x: np.logical_and.reduce(x > 0), lambda x: np.result_type(x, 1.0),
        lambda x: np.greater.outer(x[0], x[1]),
        lambda x: np.all(x > 0, axis=0, keepdims=True), lambda x: np.argpartition(x, 1),
        lambda x: np.digitize(x, [1.0, 1.5]),
        lambda x: np.isin(x, [x[0, 0]]), lambda x: np.flatnonzero(x > 1), lambda x: np.lexsort((x[0], x[1])),
        lambda x: np.argwhere(x > 1),
        lambda x: np.can_cast(x.dtype, float), lambda x: np.shares_memory(x, x), lambda x: np.isscalar(x[0]),
        lambda x: np.iterable(x),
    ):  # fmt: skip
        same(f(x), f(x.value))


def test_creation_by_like():
    x = random_dual(rng(), 3)
    for f in (
        lambda **like: np.zeros(3, **like), lambda **like: np.ones((2, 3), **like),
        lambda **like: np.full(3, 2.5, **like),
        lambda **like: np.eye(2, **like), lambda **like: np.array([1.0, 2.0], **like),
        lambda **like: np.asarray([1.5], **like),
        lambda **like: np.identity(3, **like), lambda **like: np.arange(3.0, **like),
        lambda **like: np.zeros((), **like),
        lambda **like: np.zeros(3, dtype=np.float32, **like), lambda **like: np.zeros(3, dtype=int, **like),
        lambda **like: np.arange(3, **like),
    ):  # fmt: skip
        same(f(like=x), f())
    for made in (np.zeros(3, like=x), np.full(3, 0, like=x), np.array([1, 2, 3], like=x), np.empty(3, like=x)):
        made[0] = x[0]
        same((made[0].value, made[0].tangents), (x[0].value, x[0].tangents))
    made = np.array([x[0], [x[1]][0], 3.0], like=x)
    assert isinstance(made, Dual)
    same(made.value, np.array([x.value[0], x.value[1], 3.0]))
    same(made.tangents[:, 2], np.zeros(2))
    same(np.array([[x[0], 1.0], [2.0, x[1]]], like=x).value, np.array([[x.value[0], 1.0], [2.0, x.value[1]]]))
    same(np.full((2, 3), x, like=x), np.full((2, 3), x.value))
    same(np.full(2, x[0], like=x).tangents, np.repeat(x[0].tangents[:, None], 2, 1))
    same(np.array(x, like=x, ndmin=3), np.array(x.value, ndmin=3))
    assert np.asarray(x, like=x) is x
    with pytest.raises(DiscreteArgument):
        np.arange(x[0], like=x)
    for f in (np.zeros_like, np.ones_like, lambda x: np.full_like(x, 2.5), lambda x: np.full_like(x, 1, shape=(2, 2))):
        same(f(x), f(x.value))
        assert f(x).lanes == 2
    same(np.full_like(x, x[0]), np.full_like(x.value, x.value[0]))
    same(np.full_like(x, fill_value=x).tangents, x.tangents)
    same(np.zeros_like(x, shape=(2, 0)), np.zeros((2, 0)))


def test_functions_without_a_rule():
    x = random_dual(rng(), 3)
    for f, name in ((lambda: np.histogram(x), "numpy.histogram"), (lambda: np.unique(x), "numpy.unique")):
        with pytest.raises(NotWritten, match=f"{name} has no derivative here"):
            f()
    strange = np.frompyfunc(lambda a: a, 1, 1)
    with pytest.raises(UnknownFunction, match="was made by"):
        strange(x)
    with pytest.raises(UnknownFunction, match=r"numpy\.save has no rule|savez"):
        np.savetxt(None, x) if False else np.save("nowhere", x)


def test_special_functions_dispatch():
    x = random_dual(rng(), 4)
    check(lambda x: scipy.special.gammaln(x), x)
    check(lambda x: scipy.special.expit(x) * scipy.special.erf(x[0]), x)
    check(lambda x: scipy.special.jv(2, x), x)
    check(lambda x: scipy.special.xlogy(x, x[::-1]), x)


def test_composed_functions_have_numpys_value():
    """A definition by other operators may round otherwise; the value must not."""
    x = random_dual(rng(), (301, 7))
    for f in (
        lambda x: np.var(x, axis=0), np.std, np.ptp, lambda x: np.average(x, axis=0, weights=np.arange(301)), np.nanvar,
        lambda x: np.trapezoid(x, axis=0), lambda x: np.gradient(x)[0],
        lambda x: np.linalg.norm(x, axis=1), np.cov, np.corrcoef,
        lambda x: np.nanmean(x, axis=1), lambda x: np.linalg.cond(x[:7]), lambda x: np.polyval(x[0], x[1]),
    ):  # fmt: skip
        same(f(x), f(x.value))


def test_memory_order_goes_with_the_value():
    a = random_dual(rng(), (3, 4))
    for y in (
        a.T * 2.0,
        np.exp(a.T),
        a.T + a.T,
        np.maximum(a.T, 1.0),
        np.modf(a.T)[0],
        a.T * a[:, 0],
        a.T * a[0][:, None],
    ):
        assert y.value.flags.f_contiguous and y.tangents[0].flags.f_contiguous
    same((a.T * a[:, 0]).value, a.value.T * a.value[:, 0])
    close(
        (a.T * a[:, 0]).tangents, a.tangents.transpose(0, 2, 1) * a.value[:, 0] + a.value.T * a.tangents[:, None, :, 0]
    )
    b = random_dual(rng(), (2, 3, 4))
    check(lambda b: np.exp(np.transpose(b, (1, 2, 0))) * np.transpose(b, (1, 2, 0)), b)


def test_fit_for_functions_that_are_called_on_both():
    """Numbers and arrays of any kind that NumPy takes, on both sides."""
    x = random_dual(rng(), ())
    c = np.array([1.0, 2.0])
    for f in (np.add, np.multiply, np.arctan2, np.hypot, np.logaddexp, np.maximum, np.power, np.copysign):
        for other in (
            c,
            [1.0, 2.0],
            3,
            2.5,
            np.float32(1.5),
            np.array(2.5),
            c.astype(np.float32),
            np.array([1, 2]),
            True,
        ):
            same(f(x, other), f(x.value, other))
            if f is not np.power or not isinstance(other, np.generic):  # NumPy calls np.power for other**x
                same(f(other, x), f(other, x.value))


def test_where_and_out_of_plain_operands():
    """What is not wanted stays as it was in out=, also where no operand carries a derivative."""
    mask = np.array([True, False, True])

    def f(x):
        a = np.multiply([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], out=7.0 * x, where=mask)
        b = np.divide(np.ones(3), [1.0, 0.0, 2.0], out=np.zeros_like(x), where=mask)
        c = np.logical_not(x > 0, out=3 * x, where=mask)
        quotient, rest = np.divmod(np.arange(3.0), 2.0, out=(1 * x, 2 * x), where=mask)
        return a + b + c + quotient * rest

    x = np.array([1.0, 2.0, -3.0])
    for mode in ("forward", "reverse"):
        assert np.array_equal(dualad.jacobian(f, mode=mode)(x), np.diag([0.0, 7.0 + 3.0 + 4 * x[1], 0.0]))
    assert np.array_equal(dualad.jvp(f, (x,), (x,))[0], f(x))
    assert np.array_equal(dualad.vjp(f, x)[0], f(x))
