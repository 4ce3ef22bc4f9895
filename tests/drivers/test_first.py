"""jvp, derivative, jacobian, grad, value_and_grad: shapes, dtypes, arguments, chunks."""

import functools
import sys
from pathlib import Path

import numpy as np
import pytest

import dualad
from dualad.errors import NotScalar, RaggedReturn, UnsupportedType, WrongShape

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, complex_step, same

SHAPES = [(), (1,), (4,), (2, 3), (2, 1, 3), (0,), (2, 0)]


@pytest.mark.parametrize("inner", SHAPES)
@pytest.mark.parametrize("outer", SHAPES)
def test_jacobian_has_the_shape_of_the_result_then_of_the_argument(inner, outer):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(inner)[()]
    weights = rng.standard_normal((*outer, *inner))

    def f(x):
        return np.sum(weights * np.sin(x), axis=tuple(range(len(outer), len(outer) + len(inner)))).reshape(outer)

    found = dualad.jacobian(f)(x)
    assert isinstance(found, np.ndarray) and found.shape == outer + inner
    close(found, weights * np.cos(x), 1e-14)
    twice = dualad.hessian(f)(x)
    assert twice.shape == outer + inner + inner
    n = int(np.prod(inner))
    diagonal = np.einsum("...ii->...i", twice.reshape((*outer, n, n)))
    close(diagonal, (-weights * np.sin(x)).reshape((*outer, n)), 1e-13)


def smooth(x):
    y = np.outer(x, np.exp(-x))
    return np.concatenate([y.sum(axis=0) * x[::-1], np.cumsum(np.tanh(x)), [x[0] * x[-1]]])


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 8, 100, np.int64(4), None])
def test_any_chunk_gives_the_same_jacobian(chunk):
    x = np.random.default_rng(0).standard_normal(20)
    whole = dualad.jacobian(smooth, chunk=20)(x)
    same(dualad.jacobian(smooth, chunk=chunk)(x), whole)
    close(whole, complex_step(smooth, x), 1e-14)


def test_long_arguments_are_cut_into_chunks():
    calls = []

    def f(x):
        calls.append(x.lanes)
        return np.sum(x * x)

    x = np.arange(300.0)
    same(dualad.jacobian(f, mode="forward")(x), 2 * x)
    assert len(calls) > 1 and sum(calls) == 300 and max(calls) - min(calls) <= 1


@pytest.mark.parametrize("chunk", [0, -1, 1.5, True, "3", np.array([1, 2])])
def test_wrong_chunks(chunk):
    with pytest.raises(WrongShape, match="chunk must be a positive whole number of columns to carry at once, not"):
        dualad.jacobian(np.sin, chunk=chunk)(np.ones(3))


def test_arguments():
    def f(a, b, c=2.0, *, d=1.0):
        return a * b[0] ** c + d * np.sum(b)

    b = np.array([1.5, 2.5])
    close(dualad.jacobian(f)(3.0, b), 1.5**2)
    close(dualad.jacobian(f, 1)(3.0, b), [1 + 3 * 2 * 1.5, 1.0])
    close(dualad.jacobian(f, argnums=-1)(3.0, b, c=2.0, d=4.0), [4 + 9.0, 4.0])
    close(dualad.grad(f, argnums=1)(3.0, b, 3.0, d=4.0), [4 + 3 * 3 * 1.5**2, 4.0])
    by_a, by_b = dualad.jacobian(f, argnums=(0, 1))(3.0, b)
    close(by_a, 1.5**2)
    close(by_b, [10.0, 1.0])
    by_c, by_a = dualad.grad(f, argnums=[2, 0])(3.0, b, 2.0)
    close(by_c, 3 * 1.5**2 * np.log(1.5))
    close(by_a, 1.5**2)
    (only,) = dualad.jacobian(f, argnums=(1,))(3.0, b)
    close(only, [10.0, 1.0])
    assert dualad.jacobian(f, argnums=())(3.0, b) == ()
    value, (slope,) = dualad.value_and_grad(f, argnums=(0,))(3.0, b)
    close(value, 3 * 1.5**2 + 4)
    close(slope, 1.5**2)
    close(dualad.jacobian(f, argnums=np.int64(1))(3.0, b), [10.0, 1.0])


def test_several_arguments_in_chunks():
    def f(a, b):
        return np.outer(a, b).ravel() * a[0]

    a, b = np.arange(1.0, 4.0), np.arange(2.0, 6.0)
    whole = dualad.jacobian(f, argnums=(0, 1))(a, b)
    for chunk in range(1, 8):
        for one, other in zip(dualad.jacobian(f, argnums=(0, 1), chunk=chunk)(a, b), whole):
            same(one, other)
    close(whole[1], complex_step(lambda b: f(a, b), b))


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), 5])
def test_arguments_that_are_not_there(argnums):
    with pytest.raises(
        TypeError, match=r"asks for positional argument .*, and the function was called with 1 positional"
    ):
        dualad.jacobian(lambda x, y=1.0: x * y, argnums=argnums)(np.ones(2), y=2.0)


def test_arguments_named_twice():
    for argnums in ((0, 0), (0, -1)):
        with pytest.raises(ValueError, match="names an argument twice"):
            dualad.grad(np.sum, argnums=argnums)(np.ones(2))
    with pytest.raises(TypeError):
        dualad.grad(np.sum, argnums="x")(np.ones(2))


def test_names_and_documentation_are_kept():
    def f(x):
        """Return x."""
        return x

    for driver in (dualad.jacobian, dualad.grad, dualad.hessian, dualad.hvp, dualad.value_and_grad, dualad.derivative):
        assert driver(f).__name__ == "f" and driver(f).__doc__ == "Return x."
        driver(functools.partial(np.power, 2.0))


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        ([1.0, 2.0], np.float64), ((1, 2), np.float64), ([True, False], np.float64),
        (np.array([1, 2], np.int8), np.float64),
        (np.array([1.0, 2.0], np.float32), np.float32), ([[1.0], [2]], np.float64), (range(1, 3), np.float64),
        ([np.float32(1.0)] * 2, np.float32),
        (np.array([1.0, 2.0], dtype=">f8"), np.float64),
    ],
)  # fmt: skip
def test_kinds_of_arguments(x, dtype):
    found = dualad.jacobian(lambda x: np.sin(x) * x)(x)
    wanted = np.asarray(x, float)
    assert found.dtype == dtype and found.shape == wanted.shape * 2
    diagonal = np.einsum("ijij->ij" if wanted.ndim == 2 else "ii->i", found)
    close(diagonal, np.cos(wanted) * wanted + np.sin(wanted), 1e-13 if dtype == np.float64 else 1e-6)


@pytest.mark.parametrize("x", [2, 2.0, np.float64(2), np.array(2.0), np.float32(2), np.int64(2), True, np.array(2)])
def test_kinds_of_numbers(x):
    f, slope = (lambda x: x**3 + np.exp(x)), 3 * float(x) ** 2 + np.exp(float(x))
    rtol = 1e-6 if getattr(x, "dtype", None) == np.float32 else 1e-15
    for driver in (dualad.jacobian, dualad.grad, dualad.derivative):
        found = driver(f)(x)
        assert found.shape == ()
        close(found, slope, rtol)
    close(dualad.hessian(f)(x), 6 * float(x) + np.exp(float(x)), rtol)
    close(dualad.derivative(f, 2)(x), 6 * float(x) + np.exp(float(x)), rtol)


RETURNS = {
    "constant": (lambda x: 3.0, np.zeros(3)),
    "constant array": (lambda x: np.ones((2, 2)), np.zeros((2, 2, 3))),
    "whole numbers": (lambda x: np.array([1, 2]), np.zeros((2, 3))),
    "truth values": (lambda x: x > 0, np.zeros((3, 3))),
    "list of constants": (lambda x: [1, 2.0], np.zeros((2, 3))),
    "empty list": (lambda x: [], np.zeros((0, 3))),
    "the argument": (lambda x: x, np.eye(3)),
    "list": (lambda x: [x[0], 2 * x[1]], [[1, 0, 0], [0, 2, 0]]),
    "tuple": (lambda x: (x[0], 1.0, 3), [[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
    "nested lists": (lambda x: [[x[0], 1.0], (x[1], x[2])], [[[1, 0, 0], [0, 0, 0]], [[0, 1, 0], [0, 0, 1]]]),
    "list of arrays": (lambda x: [x, np.zeros(3)], [np.eye(3), np.zeros((3, 3))]),
    "list of one array": (lambda x: [x[:2]], [[[1, 0, 0], [0, 1, 0]]]),
    "array of objects": (lambda x: np.array([x[2], 0.0]), [[0, 0, 1], [0, 0, 0]]),
    "objects in a square": (
        lambda x: np.array([[x[2], 0], [1, x[0]]]),
        [[[0, 0, 1], [0, 0, 0]], [[0, 0, 0], [1, 0, 0]]],
    ),
    "no axes": (lambda x: x[1:2].reshape(()), [0, 1, 0]),
    "object without axes": (lambda x: np.array(x[1]), [0, 1, 0]),
    "one axis of one": (lambda x: x[1:2], [[0, 1, 0]]),
    "row of a matrix": (lambda x: (x[:, None] * np.ones((3, 2)))[1], [[0, 1, 0], [0, 1, 0]]),
    "read only": (lambda x: np.broadcast_to(x[0], (2,)), [[1, 0, 0], [1, 0, 0]]),
}


@pytest.mark.parametrize("name", RETURNS)
def test_kinds_of_results(name):
    f, wanted = RETURNS[name]
    x = np.array([0.5, 1.5, 2.5])
    for chunk in (None, 1):
        found = dualad.jacobian(f, chunk=chunk)(x)
        assert found.dtype == np.float64
        same(found, np.array(wanted, float))
    y, y_dot = dualad.jvp(f, (x,), (np.array([1.0, 2.0, 3.0]),))
    close(y_dot, np.array(wanted, float) @ [1.0, 2.0, 3.0])
    assert np.shape(y) == np.shape(y_dot)
    same(dualad.hessian(f)(x), np.zeros((*np.shape(wanted), 3)))


@pytest.mark.parametrize(
    ("f", "sentence"),
    [
        (
            lambda x: [x, x[:2]],
            "the function returned a list of parts of different shapes, which makes no array of numbers",
        ),
        (lambda x: (x[0], x), "a tuple of parts of different shapes"),
        (lambda x: [[x[0]], [x[0], x[1]]], "a list of parts of different shapes"),
        (lambda x: [[1.0], [2.0, 3.0]], "a list of parts of different shapes"),
        (lambda x: {"a": x}, "an object of type dict"),
        (lambda x: None, "an object of type NoneType"),
        (lambda x: iter(x), "an object of type generator"),
        (lambda x: [x, None], "a list of parts of different shapes|an object of type NoneType"),
    ],
)
def test_results_that_make_no_array(f, sentence):
    for driver in (dualad.jacobian, dualad.hessian, lambda f: lambda x: dualad.jvp(f, (x,), (x,))):
        with pytest.raises(RaggedReturn, match=sentence):
            driver(f)(np.ones(3))


@pytest.mark.parametrize("f", [lambda x: 1j, lambda x: np.array([1j]), lambda x: "text", lambda x: [x[0], 1j]])
def test_results_that_are_not_real(f):
    with pytest.raises((UnsupportedType, RaggedReturn, TypeError)):
        dualad.jacobian(f)(np.ones(3))


@pytest.mark.parametrize(
    "x", [1j, np.array([1j]), "text", ["a"], [None], object(), np.array([1.0], np.float16), np.longdouble(1)]
)
def test_arguments_that_are_not_real(x):
    for driver in (dualad.jacobian, dualad.grad, dualad.hessian, dualad.value_and_grad):
        with pytest.raises(UnsupportedType, match="takes real numbers of float64 or float32"):
            driver(np.sum)(x)


def test_arguments_that_make_no_array():
    with pytest.raises(WrongShape, match="jacobian was given a list of parts of different shapes"):
        dualad.jacobian(np.sum)([[1.0], [2.0, 3.0]])


def test_the_caller_keeps_his_array():
    def f(x):
        x *= 2.0
        x[0] = 5.0
        return np.sum(x**2)

    for x in (np.arange(3.0), np.arange(3), [0.0, 1.0, 2.0], np.arange(3.0, dtype=np.float32)):
        before = np.array(x)
        close(dualad.grad(f)(x), [0, 8, 16])
        close(dualad.hessian(f)(x), np.diag([0, 8, 8.0]))
        dualad.jvp(f, (x,), (np.ones(3),))
        assert np.array_equal(x, before)
    x = np.arange(3.0)
    x.setflags(write=False)
    close(dualad.grad(f)(x), [0, 8, 16])


def test_results_belong_to_the_caller():
    x = np.arange(3.0)
    y, y_dot = dualad.jvp(lambda x: x, (x,), (x,))
    y[0] = y_dot[0] = 7.0
    assert x[0] == 0.0
    value, slope = dualad.value_and_grad(lambda x: x[0])(x)
    slope[0] = 9.0
    jacobian = dualad.jacobian(lambda x: x)(x)
    jacobian[0, 0] = 5.0
    assert value == 0.0 and np.array_equal(x, np.arange(3.0))


def test_values_are_those_of_numpy():
    def f(x):
        return np.sum(np.exp(x) ** 2 / np.sqrt(x)) - np.prod(x) + x[0] ** 2 * np.linalg.norm(x)

    x = np.random.default_rng(0).uniform(0.5, 2, 101)
    same(dualad.value_and_grad(f)(x)[0], f(x))
    same(dualad.jvp(f, (x,), (x,))[0], f(x))
    same(dualad.jvp(np.exp, (x[0],), (1.0,))[0], np.exp(x[0]))
    assert isinstance(dualad.jvp(np.exp, (1.5,), (1.0,))[0], np.float64)


def test_grad_wants_one_number():
    for f, shape in (
        (lambda x: x, r"\(3,\)"),
        (lambda x: np.outer(x, x), r"\(3, 3\)"),
        (lambda x: [x[0], x[1]], r"\(2,\)"),
    ):
        for driver in (dualad.grad, dualad.value_and_grad):
            with pytest.raises(NotScalar, match=f"an array of shape {shape}. Perhaps you meant dualad.jacobian"):
                driver(f)(np.ones(3))
    for f in (lambda x: x[:1], lambda x: x[:1, None], lambda x: [x[0]], lambda x: np.array([[x[0]]])):
        close(dualad.grad(f)(np.ones(2)), [1.0, 0.0])


def test_derivative_wants_a_number():
    with pytest.raises(WrongShape, match=r"the argument has shape \(3,\)"):
        dualad.derivative(np.sin)(np.ones(3))
    for order in (0, -1, 1.5, True, "1"):
        with pytest.raises(ValueError, match="order must be a whole number of at least 1"):
            dualad.derivative(np.sin, order)
    found = dualad.derivative(lambda t, a, b=1.0: np.array([np.sin(a * t), b * t**2]), 2)(0.5, 3.0, b=2.0)
    close(found, [-9 * np.sin(1.5), 4.0])


def test_modes():
    close(dualad.jacobian(np.sin, mode="forward")(0.5), np.cos(0.5))
    with pytest.raises(ValueError, match="mode must be 'auto', 'forward' or 'reverse', not 'backward'"):
        dualad.jacobian(np.sin, mode="backward")
    with pytest.raises(ValueError, match="mode must be 'auto', 'hyperdual' or 'forward-over-reverse', not 'forward'"):
        dualad.hessian(np.sin, mode="forward")


def test_jvp():
    def f(x, y):
        return np.sin(x) * y[:, None]

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(3), rng.standard_normal(2)
    x_dot, y_dot = rng.standard_normal(3), [1, 2]
    value, tangent = dualad.jvp(f, (x, y), [x_dot, y_dot])
    same(value, f(x, y))
    close(tangent, np.cos(x) * x_dot * y[:, None] + np.sin(x) * np.array(y_dot)[:, None])
    same(dualad.jvp(lambda: 3.0, (), ())[1], np.array(0.0)[()])


@pytest.mark.parametrize(
    ("primals", "tangents", "error", "sentence"),
    [
        ((1.0,), (1.0, 2.0), WrongShape, "1 primals and 2 tangents"),
        (np.ones(2), np.ones(2), TypeError, r"jvp\(f, \(x,\), \(x_dot,\)\)"),
        ((np.ones(2),), (np.ones(3),), WrongShape, r"tangent 0 has shape \(3,\) and its primal has shape \(2,\)"),
        ((1.0, np.ones(2)), (1.0, 1.0), WrongShape, r"tangent 1 has shape \(\) and its primal has shape \(2,\)"),
        ((np.ones(2),), (1j * np.ones(2),), UnsupportedType, "jvp takes real numbers"),
    ],
)
def test_wrong_tangents(primals, tangents, error, sentence):
    with pytest.raises(error, match=sentence):
        dualad.jvp(lambda *x: x[0], primals, tangents)
