"""What a compiled function sees besides its arguments: it follows every change of it, or says that it cannot."""

import functools
import types
import warnings

import numpy as np
import pytest

import dualad
from dualad import errors

ALPHA = 1.0
W = np.ones(3)
SIGN = np.array([1.0, 2.0])
CONFIG = types.SimpleNamespace(scale=1.0, count=2)
TABLE = {"a": 1.0, "weights": [1.0, 2.0]}
STEPS = [lambda x: x * 2.0]


def helper(x):
    return ALPHA * x


def by_default(x, w=np.ones(3)):  # noqa: B008 - such a default is what is tested
    return np.sum(w * x)


class Model:
    def __init__(self):
        self.k, self.w, self.step = 1.0, np.ones(3), STEPS[0]

    def cost(self, x):
        return self.scaled(x) * self.k

    def scaled(self, x):
        return np.sum(self.w * self.step(x) ** 2)

    def __call__(self, x):
        return self.cost(x)


MODEL = Model()


def set_global(name, value):
    globals()[name] = value


def decided(x):
    return x[0] * x[1] if SIGN[0] > 0.5 else x[0] + x[1]


def looped(x):
    total = 0.0
    for i in range(CONFIG.count):
        total = total + CONFIG.scale * x[i] ** 2
    return total


def rows(x):
    return sum(np.sum(row * x) for row in MATRIX)


MATRIX = np.ones((4, 3))


def closed():
    value = 1.0

    def f(x):
        return value * np.sum(x**2)

    def change(k):
        nonlocal value
        value = float(k)

    return f, change


CELL = closed()

# (function, what is changed before call number k)
SEEN = {
    "global number": (lambda x: ALPHA * np.sum(x), lambda k: set_global("ALPHA", float(k))),
    "global number in a helper": (lambda x: np.sum(helper(x)), lambda k: set_global("ALPHA", float(k))),
    "global array rebound": (lambda x: np.sum(W * x), lambda k: set_global("W", np.full(3, float(k)))),
    "global array in place": (lambda x: np.sum(W * x**2), lambda k: W.__setitem__(int(k) % 3, float(k))),
    "view of a global array": (lambda x: np.sum(W[1:] * x[1:]) + W[::2] @ x[::2], lambda k: W.__setitem__(1, float(k))),
    "element of a global array": (lambda x: W[0] * x[0] + 1.0 * x[1], lambda k: W.__setitem__(0, 1.0 + k % 2)),
    "sum of a global array": (lambda x: np.sum(W) * x[0], lambda k: W.__setitem__(0, float(k))),
    "matrix product": (
        lambda x: np.sum((MATRIX @ x) ** 2),
        lambda k: MATRIX.__setitem__((int(k) % 4, int(k) % 3), float(k)),
    ),
    "rows of a matrix": (rows, lambda k: MATRIX.__setitem__((k % 4, k % 3), float(k))),
    "assignment of an array": (
        lambda x: np.sum(functools.reduce(lambda y, _: y, [x * 1.0])) + filled(x),
        lambda k: W.__setitem__(0, float(k)),
    ),
    "comparison with an array": (lambda x: np.sum(np.where(x > W, x, W * x)), lambda k: W.__setitem__(0, float(k) - 3)),
    "stacked with an array": (lambda x: np.sum(np.stack([x, W]) ** 2), lambda k: W.__setitem__(0, float(k))),
    "branch on an array": (decided, lambda k: SIGN.__setitem__(0, float(k % 2))),
    "index by an array": (lambda x: x[np.argmax(SIGN)] * x[2], lambda k: SIGN.__setitem__(0, 3.0 * (k % 2))),
    "attributes of an object": (
        looped,
        lambda k: (setattr(CONFIG, "scale", k // 2), setattr(CONFIG, "count", 1 + k % 3)),
    ),
    "entries of a dict": (
        lambda x: TABLE["a"] * x[0] + TABLE["weights"][1] * x[1],
        lambda k: (TABLE.update(a=float(k // 2)), TABLE["weights"].__setitem__(1, float(k % 3))),
    ),
    "functions of a list": (
        lambda x: np.sum(STEPS[0](x)),
        lambda k: STEPS.__setitem__(0, [lambda x: x * 2.0, lambda x: x**2][k % 2]),
    ),
    "method": (MODEL.cost, lambda k: (setattr(MODEL, "k", float(k // 2)), MODEL.w.__setitem__(0, float(k)))),
    "callable object": (MODEL, lambda k: setattr(MODEL, "w", np.full(3, float(k)))),
    "step of an object": (MODEL.cost, lambda k: setattr(MODEL, "step", [np.sin, np.cos][k % 2])),
    "closure": (CELL[0], CELL[1]),
    "default": (by_default, lambda k: by_default.__defaults__[0].__setitem__(0, float(k))),
    "partial": (functools.partial(lambda w, x: np.sum(w * x), W), lambda k: W.__setitem__(2, float(k))),
}


def filled(x):
    y = np.zeros_like(x)
    y[:] = W
    return np.sum(y * x)


@pytest.mark.parametrize("driver", [None, dualad.value_and_grad, dualad.jacobian, dualad.hessian])
@pytest.mark.parametrize("name", SEEN)
def test_every_change_is_followed(name, driver):
    f, change = SEEN[name]
    f = f if driver is None else driver(f)
    compiled = dualad.compile(f)
    rng = np.random.default_rng(len(name))
    for k in range(12):
        if k % 3 == 0:
            change(k // 3 + 1)
        x = rng.normal(size=3)
        found, wanted = compiled(x), f(x)
        for a, b in zip(found, wanted, strict=True) if driver is dualad.value_and_grad else [(found, wanted)]:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)  # added in another order
    assert compiled.stats["not replayed"] == []
    assert compiled.stats["replays"] >= 7


def test_arrays_that_are_only_operands_are_read_live():
    set_global("W", np.array([0.1, 0.2, 0.3]))
    MATRIX[:] = 0.1
    for f, change in (SEEN["global array in place"], SEEN["matrix product"], SEEN["stacked with an array"]):
        compiled = dualad.compile(dualad.grad(f))
        for k in range(6):
            change(k + 0.25)  # a number that does not stand in the code
            compiled(np.ones(3))
        assert compiled.stats["recordings"] == 1


@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")  # of NumPy 2.5
def test_an_array_that_is_laid_out_anew_is_recorded_anew():
    held = np.arange(6.0).reshape(2, 3)
    compiled = dualad.compile(f := lambda x: np.sum(held @ x[: held.shape[1]]))
    for shape in ((2, 3), (2, 3), (3, 2), (3, 2), (6, 1), (2, 3)):
        held.shape = shape
        assert compiled(np.arange(3.0)) == f(np.arange(3.0))


# --- impure functions -------------------------------------------------------------------------------------------------


def drawn():
    generator = np.random.default_rng(3)
    return lambda x: generator.normal() * np.sum(x)


def counting():
    count = iter(range(1000))
    return lambda x: next(count) * x[0]


@pytest.mark.parametrize("make", [drawn, counting])
@pytest.mark.parametrize("driver", [None, dualad.grad, dualad.value_and_grad])
def test_chance_is_found_out(make, driver):
    f = make()
    compiled = dualad.compile(f if driver is None else driver(f))
    with pytest.warns(errors.ImpureFunction) as caught:
        results = [compiled(np.ones(3)) for _ in range(8)]
    found = [float(np.max(result[-1] if isinstance(result, tuple) else result)) for result in results]
    assert len(caught) == 1
    told = str(caught[0].message)
    assert "the constant of multiply was" in told and "test_compile_honesty.py" in told
    assert len(set(found)) == 8  # each call has its own number
    assert compiled.stats["replays"] == 0


def test_an_array_of_chance_is_found_out():
    generator = np.random.default_rng(3)
    compiled = dualad.compile(dualad.grad(lambda x: np.sum(generator.normal(size=3) * x)))
    with pytest.warns(errors.ImpureFunction, match="the constant of multiply was \\["):
        found = {compiled(np.ones(3)).tobytes() for _ in range(5)}
    assert len(found) == 5


def test_chance_in_the_path_is_found_out():
    generator = np.random.default_rng(3)

    def f(x):
        return np.sum(x) if generator.random() < 0.5 else np.sum(x**2)

    compiled = dualad.compile(dualad.grad(f), check="always")  # one more recording might take the same path by chance
    with pytest.warns(errors.ImpureFunction):
        found = {compiled(np.ones(3))[0] for _ in range(40)}
    assert found == {1.0, 2.0}


def test_never_checks_nothing():
    compiled = dualad.compile(dualad.grad(drawn()), check="never")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len({compiled(np.ones(3))[0] for _ in range(5)}) == 1  # the first number for ever: it was asked for


def test_always_checks_every_call():
    held = iter([1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0])
    compiled = dualad.compile(dualad.grad(lambda x: next(held) * x[0]), check="always")
    with pytest.warns(errors.ImpureFunction, match=r"was 1\. and is 2\."):
        assert [compiled(np.ones(2))[0] for _ in range(4)] == [1.0, 1.0, 1.0, 3.0]


def test_a_function_that_changes_what_it_sees_is_called():
    class Counted:
        def __init__(self):
            self.calls, self.seen = 0, []

        def cost(self, x):
            self.calls += 1
            return np.sum(x**2) * 2.0

        def log(self, x):
            self.seen.append(1)
            return np.sum(x**2)

    for name in ("cost", "log"):
        counted = Counted()
        compiled = dualad.compile(dualad.grad(getattr(counted, name)))
        with pytest.warns(errors.ImpureFunction, match="changes"):
            for _ in range(6):
                compiled(np.ones(2))
        before = counted.calls, len(counted.seen)
        compiled(np.ones(2))
        assert (counted.calls, len(counted.seen)) == (before[0] + (name == "cost"), before[1] + (name == "log"))


def test_a_function_that_counts_in_an_attribute_of_its_own_is_called():
    def counted(x):
        counted.calls += 1
        return np.sum(x**2)

    counted.calls = 0
    compiled = dualad.compile(dualad.grad(counted))
    with pytest.warns(errors.ImpureFunction, match=r"changes .*counted\.calls"):
        for _ in range(6):
            compiled(np.ones(2))
    before = counted.calls
    compiled(np.ones(2))
    assert counted.calls == before + 1

    def scaled(x):
        return scaled.factor * np.sum(x)

    scaled.factor = 1.0
    compiled = dualad.compile(scaled)
    assert [compiled(np.ones(2)) for _ in range(3)] == [2.0] * 3
    scaled.factor = 4.0
    assert compiled(np.ones(2)) == 8.0


def test_what_is_prepared_at_the_first_call_does_no_harm():
    class Lazy:
        weights = None

        def cost(self, x):
            if self.weights is None:
                self.weights = np.arange(3.0)
            return np.sum(self.weights * x**2)

    for driver in (lambda f: f, dualad.grad):
        lazy = Lazy()
        compiled = dualad.compile(driver(lazy.cost))
        for _ in range(5):
            assert np.all(compiled(np.ones(3)) == driver(lazy.cost)(np.ones(3)))
        assert compiled.stats["replays"] >= 3


def test_numbers_that_are_read_off_a_recording_are_relied_on():
    """Whatever a function learns of the numbers in x, it learns anew where they differ."""

    def told(x):
        text = f"{x[0]:.1f} {x[1]!r} {np.array_str(x > 0)}"
        return np.sum(x**2) * len(text.partition(" ")[0])

    functions = [
        told,
        lambda x: x[0] * float(np.round(x[1].value, 1)),
        lambda x: x[0] * (x * 2).astype(int)[1],
        lambda x: x[0] * np.count_nonzero(x > 0),
        lambda x: np.sum(x[np.nonzero(x > 0)]),
        lambda x: np.sum(x[np.where(x > 0)[0]]),
        lambda x: np.sum(np.sqrt(x, where=x > 0, out=np.zeros_like(x))),
        lambda x: x[int(abs(x[0]) * 2) % 3] * x[round(abs(x[1])) % 3],
        lambda x: x[0] * len([y for y in x if y > 0]),
        lambda x: x[0] if 0.5 in np.round(x, 1) else x[1],
        lambda x: max(x) * min(x, key=abs),
    ]
    rng = np.random.default_rng(5)
    for driver in (dualad.value_and_grad, dualad.hessian, dualad.jacobian):
        for f in functions:
            plain = driver(f)
            compiled = dualad.compile(plain)
            for _ in range(40):
                x = np.round(rng.normal(size=3), 1) + 0.01
                found, wanted = compiled(x), plain(x)
                for a, b in zip(found, wanted, strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_outer_recordings_see_the_decisions_of_inner_derivatives():
    def bent(x):
        return np.sum(x**2) * x[0] if x[1] > 0 else np.prod(x)

    def chosen(x):
        return x[np.argmax(x)] ** 2 * np.sum(x) + np.sum(x[x > 0] ** 3)

    rng = np.random.default_rng(6)
    for f in (bent, chosen):
        for nested in (
            lambda x, f=f: dualad.grad(f)(x)[0] * x[1],
            lambda x, f=f: np.sum(dualad.jacobian(lambda y: f(y) * y)(x) ** 2),
            lambda x, f=f: dualad.jvp(f, (x,), (np.arange(3.0),))[1],
            lambda x, f=f: np.sum(dualad.hessian(f)(x) * x),
        ):
            for driver in (lambda g: g, dualad.grad):
                plain = driver(nested)
                compiled = dualad.compile(plain)
                for _ in range(25):
                    x = rng.normal(size=3)
                    np.testing.assert_allclose(compiled(x), plain(x), rtol=1e-10, atol=1e-11)
                assert compiled.stats["replays"] > 0, compiled.stats


# --- floating-point errors --------------------------------------------------------------------------------------------


def quotients(x):
    return np.sum(1 / x)


@pytest.mark.parametrize("kind", ["divide", "all"])
def test_where_errors_are_to_raise_the_function_itself_is_called(kind):
    f = dualad.compile(quotients)
    for k in range(3):
        f(np.array([1.0, 2.0 + k]))
    bad, out = np.array([0.0, 1.0]), np.zeros(())
    with np.errstate(**{kind: "raise"}):
        with pytest.raises(FloatingPointError, match="divide by zero"):
            f(bad)
        with pytest.raises(FloatingPointError, match="divide by zero"):
            f(bad, out=out)
        assert f(np.array([1.0, 4.0]), out=out) is out and out == 1.25
    assert f(bad) == np.inf and f.stats["recordings"] == 1  # and replays again


def test_errors_that_are_to_be_called_or_noted():
    f, seen = dualad.compile(quotients), []
    for k in range(3):
        f(np.array([1.0, 2.0 + k]))
    with np.errstate(divide="call", call=lambda what, flag: seen.append(what)):
        f(np.array([0.0, 1.0]))
    assert seen == ["divide by zero"]


@pytest.mark.parametrize("workers", [None, 2])
def test_errors_raise_in_a_batch(workers):
    f, x = dualad.compile(quotients), np.arange(1.0, 21.0).reshape(10, 2)
    f.batch(x)
    x[7, 0] = 0.0
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="divide by zero"):
        f.batch(x, workers=workers)
    assert f.batch(x, workers=workers)[7] == np.inf


def test_states_that_stop_nothing_are_replayed():
    f = dualad.compile(quotients)
    for how in ("ignore", "warn", "ignore", "warn"):
        with np.errstate(all=how):
            f(np.array([1.0, 2.0]))
    assert f.stats["replays"] == 3
