"""Compiled functions: the same results in the same structure, types and shapes, to the last bit for values."""

import copy
import gc
import pickle
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.drivers.kernels import Compiled

RNG = np.random.default_rng(7)


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def looped(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def several(x):
    return np.array([x[0] * x[1], np.sin(x[2]) * x[0], x[1] ** 3])


def same(x, y, exact=True):
    """Whether two results have the same structure, types, shapes and bits (derivatives: but for rounding)."""
    assert type(x) is type(y), (x, y)
    if isinstance(x, (tuple, list)):
        assert len(x) == len(y)
        return all(same(a, b, exact) for a, b in zip(x, y, strict=True))
    if isinstance(x, dict):
        assert list(x) == list(y)
        return all(same(x[name], y[name], exact) for name in x)
    if isinstance(x, (np.ndarray, np.generic, float)):
        a, b = np.asarray(x), np.asarray(y)
        assert a.dtype == b.dtype and a.shape == b.shape
        if not exact:
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)  # the same terms, added in another order
            return True
        return a.tobytes() == b.tobytes()
    return x == y


def replayed(f, calls, exact=True, replays=None):
    """Call a function and its compiled twin alike, and return the twin."""
    compiled = dualad.compile(f)
    for args in calls:
        assert same(compiled(*args), f(*args), exact)
    assert compiled.stats["not replayed"] == []
    assert compiled.stats["replays"] >= (len(calls) - 1 if replays is None else replays)
    return compiled


# --- results ----------------------------------------------------------------------------------------------------------

STRUCTURES = [
    lambda x: x[0] * x[1],
    lambda x: [x[0], x[1] ** 2],
    lambda x: (x[0], {"a": x[1:], "b": np.sum(x)}),
    lambda x: np.array([x[0], x[1] ** 2]),
    lambda x: np.outer(x, x).T,
    lambda x: np.asfortranarray(np.outer(x, x)),
    lambda x: np.sum(x, keepdims=True),
    lambda x: x > 0.5,
    lambda x: bool(x[0] > 10.0),
    lambda x: np.argmax(x * 0.0 + np.array([0.0, 2.0, 1.0])),
    lambda x: (np.ones(2), 3, None, "text", x[0]),
    lambda x: x,
    lambda x: x[1:],
    lambda x: x[None] * 1.0,
]


@pytest.mark.parametrize("f", STRUCTURES)
def test_results_are_what_the_function_returns(f):
    replayed(f, [(RNG.uniform(1, 2, 3),) for _ in range(4)])


def test_numbers_of_python_stay_numbers_of_python():
    compiled = replayed(lambda a, b: a * b + a**2 / b, [(1.5, 2.0), (0.3, -1.0), (2.0, 7.0)])
    assert type(compiled(1.0, 2.0)) is float
    assert type(compiled(np.float64(1.0), 2.0)) is np.float64


def test_numbers_of_python_raise_as_they_do():
    compiled = dualad.compile(lambda a, b: 1.0 / (a / b))
    for a in (1.0, 2.0, 3.0):
        assert compiled(a, 2.0) == 1.0 / (a / 2.0)
    with pytest.raises(ZeroDivisionError):
        compiled(1.0, 0.0)
    with pytest.raises(ZeroDivisionError):
        compiled(0.0, 1.0)
    power = dualad.compile(lambda a: 1.0 / a**40)
    for a in (1.0, 2.0, 3.0):
        assert power(a) == 1.0 / a**40
    with pytest.raises(OverflowError):
        power(1e30)
    assert power(4.0) == 1.0 / 4.0**40


@dataclass
class Pair:
    a: object
    b: object


@pytest.mark.parametrize("made", [np.empty_like, lambda x: np.empty(len(x), like=x), lambda x: np.full_like(x, x[0])])
def test_arrays_that_begin_empty(made):
    def f(x):
        y = made(x)
        y[0], y[1:] = x[-1], np.diff(x)
        return np.sum(y**3)

    calls = [(RNG.normal(size=4),) for _ in range(3)]
    replayed(f if made is np.empty_like else dualad.value_and_grad(f), calls, exact=made is np.empty_like)


@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: 2, lambda x: max(0.0, -x[0])])
def test_constants_are_numbers_as_the_driver_gives_them(f):
    replayed(dualad.value_and_grad(f), [(np.array([1.0, k]),) for k in range(3)])


def test_structures_as_arguments_and_results():
    def f(p, options):
        return Pair(p.a * options["scale"], [np.sum(p.b), p.a])

    compiled = dualad.compile(f)
    for k in range(4):
        p = Pair(1.0 + k, np.arange(3.0) + k)
        found, wanted = compiled(p, {"scale": 2.0 * k}), f(p, {"scale": 2.0 * k})
        assert same(found.a, wanted.a) and same(found.b, wanted.b)
    assert compiled.stats["replays"] == 3

    g = dualad.compile(dualad.grad(lambda p: np.sum(p["w"] ** 2 * p["b"])))
    for k in range(3):
        p = {"w": np.arange(2.0) + k, "b": 3.0 + k}
        assert same(g(p), dualad.grad(lambda p: np.sum(p["w"] ** 2 * p["b"]))(p), exact=False)
    assert g.stats["replays"] == 2


# --- derivatives ------------------------------------------------------------------------------------------------------

DERIVED = [
    dualad.grad(rosenbrock),
    dualad.value_and_grad(rosenbrock),
    dualad.value_and_grad(looped),
    dualad.jacobian(several),
    dualad.jacobian(lambda x: x**2 * x[0]),
    dualad.jacobian(lambda x: np.concatenate([x * x[0], np.sin(x) * x[1], x**2, x - 1])),
    dualad.jacobian(lambda x: [x[0], x[1] * x[2]], mode="reverse"),
    dualad.hessian(rosenbrock),
    dualad.hessian(looped, mode="forward-over-reverse"),
    dualad.hessian(several),
    dualad.grad(lambda x: dualad.grad(rosenbrock)(x)[1] * x[0]),
    dualad.jacobian(dualad.grad(looped)),
    dualad.grad(lambda x: dualad.jvp(rosenbrock, (x,), (np.ones(3),))[1]),
]


@pytest.mark.parametrize("f", DERIVED, ids=range(len(DERIVED)))
def test_derivatives(f):
    replayed(f, [(RNG.normal(size=3),) for _ in range(4)], exact=False)


def test_derivatives_of_numbers():
    replayed(dualad.derivative(lambda t, a: np.sin(t * a) * t), [(0.5, 2.0), (1.5, 1.0), (1.0, 3.0)], exact=False)
    replayed(dualad.derivative(lambda t: t**4, order=3), [(0.5,), (1.5,), (1.0,)], exact=False)
    replayed(dualad.grad(lambda a, b: a * b**2, argnums=(0, 1)), [(1.0, 2.0), (2.0, 3.0), (0.0, 1.0)], exact=False)
    replayed(dualad.grad(dualad.grad(lambda t: t**4)), [(1.0,), (2.0,), (3.0,)], exact=False)


def test_hvp():
    f = dualad.hvp(lambda x, a: a * rosenbrock(x))
    calls = [(RNG.normal(size=3), RNG.normal(size=3), 2.0 + k) for k in range(4)]
    replayed(f, calls, exact=False)


@pytest.mark.parametrize("x_order", ["C", "F"])
@pytest.mark.parametrize("p_order", ["C", "F"])
def test_hvp_of_matrices_in_any_layout(x_order, p_order):
    f = dualad.hvp(lambda x: np.sum(x[0] ** 2 * x[1]) + np.sum(x @ x.T @ x))
    draw = [[np.asarray(RNG.normal(size=(3, 3)), order=order) for order in (x_order, p_order)] for _ in range(3)]
    replayed(f, draw, exact=False)


def test_types_are_those_of_the_driver():
    weights = np.arange(3.0)
    functions = (
        lambda x: np.sum(x**2), lambda x: np.sum(x * weights), lambda x: np.sum(np.where(x > 0.3, x**2, -x)),
        lambda x: 1.5, lambda x: np.sum(x * weights).astype(np.float32),
    )  # fmt: skip
    drivers = (
        dualad.value_and_grad, dualad.grad, dualad.jacobian, lambda f: dualad.jacobian(f, mode="reverse"),
        dualad.hessian, lambda f: dualad.hessian(f, mode="hyperdual"),
    )  # fmt: skip
    for f in functions:
        for kind in (np.float32, np.float64):
            calls = [(RNG.normal(size=3).astype(kind),) for _ in range(3)]
            for driver in drivers:
                compiled, wanted = dualad.compile(driver(f)), driver(f)
                for (x,) in calls:
                    found, right = ([y] if driver is not dualad.value_and_grad else y for y in (compiled(x), wanted(x)))
                    for one, other in zip(found, right, strict=True):
                        assert type(one) is type(other) and one.dtype == other.dtype
                        np.testing.assert_allclose(one, other, rtol=1e-6)  # single precision, in another order
            for other in (np.float32, np.float64):
                replayed(dualad.hvp(f), [(x, x.astype(other)) for (x,) in calls], exact=False)


def test_jacobians_and_hessians_of_numbers_are_arrays():
    for driver in (dualad.jacobian, dualad.hessian):
        for kind in (float, np.float64, np.array):
            replayed(driver(lambda x: x**3), [(kind(0.5 + k),) for k in range(3)], exact=False)


def test_second_derivatives_of_a_matrix_times_a_vector():
    data, weights = RNG.normal(size=(7, 3)), np.array([1.0, -1.0])
    f = dualad.jacobian(dualad.grad(lambda w: np.sum(np.tanh(data @ w.reshape(3, 2)) @ weights) ** 2))
    replayed(f, [(RNG.normal(size=6),) for _ in range(3)], exact=False)


def test_jacobians_in_several_arguments_of_any_shape():
    f = dualad.jacobian(lambda a, b: a @ b * b[0], argnums=(0, 1))
    replayed(f, [(RNG.normal(size=(2, 3)), RNG.normal(size=3)) for _ in range(3)], exact=False)
    wide = dualad.jacobian(lambda x: np.tanh(x[:, None] * np.arange(1.0, 12.0)))
    replayed(wide, [(RNG.normal(size=10),) for _ in range(3)], exact=False)


def test_integers_and_lists_are_taken_as_the_driver_takes_them():
    f = dualad.grad(lambda x: np.sum(x**3))
    compiled = dualad.compile(f)
    for x in ([1, 2, 3], [1.0, 2.0, 4.0], np.array([1, 2, 5]), np.array([1.0, 2.0, 6.0])):
        assert same(compiled(x), f(x), exact=False)
    assert compiled.stats["replays"] == 3  # one program serves them all
    assert compiled.stats["recordings"] == 1


def test_drivers_of_compiled_functions_are_compiled():
    compiled = dualad.grad(dualad.compile(rosenbrock, check="never"))
    assert isinstance(compiled, Compiled)
    assert compiled.side.check == "never"
    x = RNG.normal(size=4)
    for _ in range(3):
        assert same(compiled(x), dualad.grad(rosenbrock)(x), exact=False)
    assert compiled.stats["replays"] == 2
    assert isinstance(dualad.hessian(f=dualad.compile(rosenbrock)), Compiled)
    again = dualad.compile(compiled)
    assert again is not compiled and again.function is compiled.function


def test_compiled_functions_inside_of_derivatives():
    inner = dualad.compile(rosenbrock)
    x = RNG.normal(size=4)
    wanted = dualad.grad(lambda x: rosenbrock(x) * x[0])(x)
    for _ in range(3):
        inner(x)
        assert same(dualad.grad(lambda x: inner(x) * x[0])(x), wanted, exact=False)
        assert same(dualad.jvp(inner, (x,), (x,)), dualad.jvp(rosenbrock, (x,), (x,)), exact=False)


def test_a_wrapper_that_copied_the_mark_is_a_function_of_its_own():
    import functools

    g = dualad.grad(rosenbrock)

    @functools.wraps(g)
    def twice(x):
        return 2.0 * g(x)

    replayed(twice, [(RNG.normal(size=3),) for _ in range(3)], exact=False)


# --- what selects a program -------------------------------------------------------------------------------------------


def test_shapes_types_and_static_arguments_select_programs():
    def f(x, n=1, *, mode="a", flag=None):
        return np.sum(x**n) * (2.0 if mode == "a" else 3.0) + (1.0 if flag else 0.0)

    compiled = dualad.compile(f)
    for size in (2, 3):
        for kind in (np.float64, np.float32):
            for keywords in ({}, {"n": 2}, {"n": 3, "mode": "b"}, {"flag": True}, {"flag": 1}):
                for _ in range(3):
                    x = RNG.normal(size=size).astype(kind)
                    assert same(compiled(x, **keywords), f(x, **keywords))
    assert compiled.stats["replays"] == 2 * 2 * 5 * 2


def test_layouts():
    def f(x):
        return np.sum(x @ x.T, axis=0)

    whole = RNG.normal(size=(6, 6))
    calls = [whole, whole.T, np.asfortranarray(whole[:4, :4]), whole[::2, ::2], whole[:, ::-1], whole[1:3]]
    for driver in (lambda f: f, dualad.jacobian):
        compiled = dualad.compile(driver(f))
        for _ in range(3):
            for x in calls:
                assert same(compiled(x), driver(f)(x), exact=driver is not dualad.jacobian)


def test_arguments_that_cannot_be_recorded_select_programs_by_value():
    def f(x, a):
        return np.sum(x) * float(a) + np.sum(x**2)

    g = dualad.value_and_grad(f)
    compiled = dualad.compile(g)
    for a in (1.0, 2.0, 1.0, 2.0, 2.0):
        x = RNG.normal(size=3)
        assert same(compiled(x, a), g(x, a), exact=False)
    assert compiled.stats["recordings"] == 2
    assert compiled.stats["replays"] == 3


def test_an_argument_that_is_written_is_written():
    def f(x):
        x[0] = x[1] * 2
        return np.sum(x)

    compiled = dualad.compile(f)
    for _ in range(4):
        x, y = np.array([1.0, 2.0]), np.array([1.0, 2.0])
        assert compiled(x) == f(y)
        assert (x == y).all()
    g = dualad.compile(dualad.grad(f))  # which never writes into what it is given
    for _ in range(4):
        x = np.array([1.0, 2.0])
        assert (g(x) == [0.0, 3.0]).all() and (x == [1.0, 2.0]).all()
    assert g.stats["replays"] == 3


def test_results_are_the_callers_own():
    compiled = dualad.compile(dualad.value_and_grad(rosenbrock))
    x = RNG.normal(size=4)
    results = [compiled(x)[1] for _ in range(4)]
    results[2][:] = 0.0
    assert (results[3] == results[0]).all() and (compiled(x)[1] == results[0]).all()
    constant = dualad.compile(lambda x: np.ones(2))
    for _ in range(3):
        y = constant(x)
        assert (y == 1).all()
        y[:] = 5.0


# --- out --------------------------------------------------------------------------------------------------------------


def test_out():
    compiled = dualad.compile(dualad.value_and_grad(rosenbrock))
    y, g = np.empty(()), np.empty(4)
    for _ in range(4):
        x = RNG.normal(size=4)
        wanted = dualad.value_and_grad(rosenbrock)(x)
        found = compiled(x, out=(y, g))
        assert found[0] is y and found[1] is g
        assert same((y[()], g), wanted, exact=False)
        value, found = compiled(x, out=(None, g))
        assert found is g and value == wanted[0]
    assert compiled.stats["replays"] == 7
    with pytest.raises(errors.WrongShape, match="2 parts"):
        compiled(x, out=(y, g, g))
    gradient = dualad.compile(dualad.grad(rosenbrock))
    for _ in range(3):
        x = RNG.normal(size=4)
        wanted = dualad.grad(rosenbrock)(x)
        assert gradient(x, out=x) is x  # into the argument itself
        assert same(x, wanted, exact=False)


def test_a_function_with_an_out_of_its_own():
    compiled = dualad.compile(lambda x, out=2.0: x * out)
    assert [float(compiled(np.float64(3.0), out=k)) for k in (2.0, 3.0, 4.0)] == [6.0, 9.0, 12.0]


# --- batches, threads, pickles ----------------------------------------------------------------------------------------


def test_batch():
    compiled = dualad.compile(dualad.value_and_grad(lambda x, a: a * rosenbrock(x)))
    X, A = RNG.normal(size=(20, 4)), RNG.normal(size=20)
    wanted = [dualad.value_and_grad(lambda x, a: a * rosenbrock(x))(x, a) for x, a in zip(X, A, strict=True)]
    y, g = np.array([w[0] for w in wanted]), np.array([w[1] for w in wanted])
    with ThreadPoolExecutor(2) as pool:
        for workers in (None, 2, -1, map, pool.map):
            assert same(compiled.batch(X, A, workers=workers), (y, g), exact=False)
    out = np.empty(20), np.empty((20, 4))
    assert compiled.batch(X, A, out=out) is out
    assert same(out, (y, g), exact=False)
    with pytest.raises(errors.WrongShape, match="one row for each call"):
        compiled.batch(X, A[:3])
    with pytest.raises(ValueError, match="workers"):
        compiled.batch(X, A, workers=0)


SEEN, TARGETS = RNG.normal(size=(30, 3)), RNG.normal(size=30)


def misfit(b):
    e = TARGETS - np.dot(SEEN, b)
    return np.vdot(e, e)


@pytest.mark.parametrize(
    "f",
    [
        misfit,
        lambda b: np.linalg.norm(TARGETS - SEEN @ b) + np.abs(b).sum(),
        lambda b: np.sum((TARGETS[:9].reshape(3, 3) - np.outer(b, b)) @ b),
        lambda b: sum(np.sin(TARGETS[i] - b[i % 3] * TARGETS[i + 1]) for i in range(20)),
    ],
)
def test_batch_reads_what_it_captured_at_every_row(f):
    """Memory of a captured array must not be used again within a row: the next row reads it as well."""
    X = RNG.normal(size=(25, 3))
    for driver in (lambda f: f, dualad.value_and_grad, dualad.hessian):
        single, compiled = dualad.compile(driver(f)), dualad.compile(driver(f))
        wanted = [single(x) for x in X]
        found = compiled.batch(X)
        if isinstance(found, tuple):
            wanted = tuple(np.stack(part) for part in zip(*wanted, strict=True))
        assert same(found, wanted if isinstance(found, tuple) else np.stack(wanted))


def test_batch_of_numbers_of_pythons():
    """A call returns floats; the rows of a batch are an array, however many they are."""
    X = RNG.normal(size=(20, 3))
    for f in (lambda x: (x**2).sum().item(), lambda x: [x.sum().item(), x * 2], lambda x: np.sin(x).tolist()):
        compiled = dualad.compile(f)
        wanted = zip(*[np.atleast_1d(f(x)) if isinstance(f(x), float) else f(x) for x in X], strict=True)
        found = compiled.batch(X)
        found = found if isinstance(found, list) else [found]
        assert same([np.asarray(y) for y in found], [np.stack(y).reshape(np.shape(g)) for y, g in zip(wanted, found)])


def branching(x):
    return np.sum(x**2) * x[0] if x[0] > 0 else np.sin(x[1])


def test_batch_over_several_paths():
    compiled = dualad.compile(branching)
    X = RNG.normal(size=(50, 3))
    assert same(compiled.batch(X), np.array([branching(x) for x in X]))


def test_threads():
    compiled = dualad.compile(dualad.value_and_grad(branching))
    X = RNG.normal(size=(8, 200, 3))
    start = threading.Barrier(8)

    def work(rows):
        start.wait()
        return [compiled(x) for x in rows]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, X))
    for rows, results in zip(X, found, strict=True):
        for x, result in zip(rows, results, strict=True):
            assert same(result, dualad.value_and_grad(branching)(x), exact=False)
    assert compiled.stats["replays"] > 100


def test_pickle_and_copy():
    x = RNG.normal(size=3)
    for made in (
        dualad.compile(np.linalg.norm),  # workers find a function by its name
        dualad.compile(dualad.grad(np.linalg.norm), check="always"),
        dualad.compile(dualad.jacobian(dualad.grad(np.linalg.norm))),
    ):
        wanted = made(x)
        for twin in (pickle.loads(pickle.dumps(made)), copy.copy(made), copy.deepcopy(made)):
            assert twin.side.check == made.side.check
            for _ in range(3):
                assert same(twin(x), wanted, exact=False)


def test_programs_travel_along():
    x = RNG.normal(size=3)
    for made in (dualad.compile(np.linalg.norm), dualad.compile(dualad.value_and_grad(np.linalg.norm))):
        for _ in range(3):
            wanted = made(x)
        twin = pickle.loads(pickle.dumps(made))
        assert same(twin(x), wanted)
        assert (twin.stats["recordings"], twin.stats["replays"]) == (0, 1)
    # One that sees what has changed in between is recorded again.
    scale = 2.0
    held = dualad.compile(lambda x: np.sum(x) * scale)
    for _ in range(3):
        held(x)
    scale = 3.0
    twin = copy.copy(held)
    assert twin(x) == np.sum(x) * 3.0
    assert twin.stats["recordings"] == 1


# --- exceptions and recursion -----------------------------------------------------------------------------------------


def test_exceptions_are_those_of_the_function():
    def f(x):
        if x[0] > 1:
            raise KeyError("too large")
        return np.sum(np.linalg.inv(np.outer(x, x) + np.diag(x)))

    for driver in (lambda f: f, dualad.value_and_grad):
        compiled = dualad.compile(driver(f))
        for _ in range(3):
            x = RNG.uniform(0.1, 1, 3)
            assert same(compiled(x), driver(f)(x), exact=False)
            with pytest.raises(KeyError, match="too large"):
                compiled(np.array([2.0, 1.0, 1.0]))
            with pytest.raises(np.linalg.LinAlgError):
                compiled(np.zeros(3))
        assert compiled.stats["replays"] >= 2


def test_refusals_are_those_of_the_driver():
    f = dualad.grad(lambda x: float(x[0]) * x[1])
    with pytest.raises(errors.DerivativeLost) as wanted:
        f(np.ones(2))
    compiled = dualad.compile(f)
    for _ in range(3):
        with pytest.raises(errors.DerivativeLost) as found:
            compiled(np.ones(2))
        assert str(found.value) == str(wanted.value)
    with pytest.raises(errors.NotScalar):
        dualad.compile(dualad.grad(several))(np.ones(3))
    with pytest.raises(TypeError):
        dualad.compile(rosenbrock)()


def test_a_function_that_cannot_be_recorded_is_called():
    import math

    compiled = dualad.compile(lambda x: math.sin(x[0]) * x[1])
    for _ in range(3):
        x = RNG.normal(size=2)
        assert compiled(x) == math.sin(x[0]) * x[1]
    assert "could not be recorded" in compiled.stats["not replayed"][0]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, SystemExit])
def test_an_exception_at_any_time_leaves_it_usable(error):
    for stop in range(12):
        steps = iter(range(stop))

        def f(x, steps=steps, stop=stop):
            y = x[0]
            for _ in range(3):
                if next(steps, None) == stop - 1:
                    raise error
                y = y * x[1]
            return y

        compiled = dualad.compile(dualad.grad(f))
        for _ in range(8):
            try:
                g = compiled(np.array([2.0, 3.0]))
            except error:
                continue
            assert g.tolist() == [27.0, 54.0]


def test_recursion():
    @dualad.compile
    def f(x):
        return x if x < 1 else x * f(x / 2)

    for x in (0.5, 3.0, 8.0, 3.0, 8.0, 8.0, 100.0):
        wanted, y = 1.0, x
        while y >= 1:
            wanted, y = wanted * y, y / 2
        assert abs(f(x) - wanted * y) <= 1e-12 * abs(wanted)
    assert f.stats["replays"] > 0


def test_methods():
    class Model:
        def __init__(self, k):
            self.k = k

        @dualad.compile
        def cost(self, x):
            return self.k * np.sum(x**2)

    one, two = Model(1.0), Model(2.0)
    x = np.array([1.0, 2.0])
    for _ in range(3):
        assert (one.cost(x), two.cost(x)) == (5.0, 10.0)
    one.k = 3.0
    assert (one.cost(x), two.cost(x)) == (15.0, 10.0)
    assert isinstance(Model.cost, Compiled) and isinstance(one.cost, types.MethodType)


def test_what_it_says_of_itself():
    compiled = dualad.compile(dualad.value_and_grad(rosenbrock))
    assert compiled.__name__ == "rosenbrock" and "compiled" in repr(compiled)
    for _ in range(3):
        compiled(RNG.normal(size=3))
    stats = compiled.stats
    assert (stats["variants"], stats["recordings"], stats["re-recordings"], stats["replays"]) == (1, 1, 0, 2)
    assert stats["workspace bytes"] > 0
    assert "1 programs, 2 replays" in str(compiled)
    with pytest.raises(ValueError, match="check must be"):
        dualad.compile(rosenbrock, check="sometimes")
    with pytest.raises(TypeError, match="takes a function"):
        dualad.compile(3)


@pytest.mark.parametrize("driver", [dualad.value_and_grad, dualad.hessian])
def test_a_compiled_function_that_nobody_needs_is_gone_at_once(driver):
    collecting = gc.isenabled()
    gc.disable()  # which finds what refers to itself, late
    try:
        compiled = dualad.compile(driver(rosenbrock))
        for _ in range(3):
            compiled(RNG.normal(size=20))
        gone = weakref.ref(compiled)
        del compiled
        assert gone() is None
    finally:
        if collecting:
            gc.enable()


@pytest.mark.parametrize(
    "driver", [lambda f: f, dualad.value_and_grad, dualad.hvp], ids=["value", "gradient", "product"]
)
def test_loops_over_elements_are_found_again(driver):
    """They run as arrays, which the statistics tell; a fault in this would show in nothing but the time."""
    weights = np.linspace(1.0, 2.0, 300)

    def loop(x):
        total = 0.0
        for i in range(len(x) - 1):
            total = total + weights[i] * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return total

    compiled = dualad.compile(driver(loop))
    rng = np.random.default_rng(11)
    for _ in range(3):
        x = rng.normal(size=300)
        args = (x, rng.normal(size=300)) if driver is dualad.hvp else (x,)
        found, right = compiled(*args), driver(loop)(*args)
        for one, other in zip(found, right) if driver is dualad.value_and_grad else [(found, right)]:
            # Terms of the derivatives may be added in another order: a few roundings of the largest.
            np.testing.assert_allclose(one, other, rtol=1e-13, atol=1e-13 * np.max(np.abs(other)))
    assert compiled.stats["not replayed"] == [] and compiled.stats["replays"] == 2
    assert compiled.stats["rewritten"] < compiled.stats["recorded"] and compiled.stats["groups"]
