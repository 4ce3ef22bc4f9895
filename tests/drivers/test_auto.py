"""Jacobians and Hessians whose mode is chosen: the same numbers, one run of the function, and the plan."""

import concurrent.futures

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.drivers.auto import explain, hessian_auto, jacobian_auto
from dualad.drivers.choose import DIRECT

SIZES = [1, 3, 30, 60, 200]


def vector(n, m):
    weights = np.cos(np.arange(n * m)).reshape(m, n)
    return lambda x, a=1.0: np.tanh(weights @ x) * a + np.sum(x**2)


def looped(n, m):
    def f(x, a=1.0):
        s = 0.0
        for i in range(n):
            s = 0.5 * s + x[i] * x[(i + 1) % n]
        return [a * s * x[j % n] + np.sin(x[(3 * j) % n]) for j in range(m)]

    return f


def scalar(x):
    return np.sum(np.sin(x) * x[::-1]) + np.prod(x[:2])


class Counted:
    def __init__(self, f):
        self.f, self.runs = f, 0

    def __call__(self, *args, **kwargs):
        self.runs += 1
        return self.f(*args, **kwargs)


@pytest.mark.parametrize("kind", [vector, looped])
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", SIZES)
def test_all_calls_give_the_same_jacobian(n, m, kind):
    f = Counted(kind(n, m))
    x = np.linspace(0.1, 1, n)
    expected = dualad.jacobian(f.f, mode="forward")(x, 2.0)
    plan = None
    for _ in range(4):
        f.runs = 0
        found, plan = jacobian_auto(f, 0, (x, 2.0), {}, None, plan)
        assert found.shape == (m, n) and f.runs == 1
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert plan.n == n and (plan.m == m or n <= 4)


def test_the_first_call_learns_what_the_next_ones_use():
    f, x = vector(60, 40), np.ones(60)
    _, first = jacobian_auto(f, 0, (x,), {})
    assert first.recorded and first.m == 40 and first.work.calls > 2
    _, later = jacobian_auto(f, 0, (x,), {}, None, first)
    assert "forward, dual numbers" in later.costs and "forward, dual numbers" not in first.costs
    small, direct = jacobian_auto(vector(DIRECT, 3), 0, (np.ones(DIRECT),), {})
    assert small.shape == (3, DIRECT) and not direct.recorded and direct.work is None
    _, learned = jacobian_auto(vector(DIRECT, 3), 0, (np.ones(DIRECT),), {}, None, direct)
    assert learned.work is not None


def test_a_plan_for_another_size_is_not_used():
    _, plan = jacobian_auto(lambda x: x**2, 0, (np.ones(50),), {})
    found, plan = jacobian_auto(lambda x: x**2, 0, (np.ones(3),), {}, None, plan)
    assert found.shape == (3, 3) and plan.n == 3


def test_several_arguments_keywords_and_shapes():
    def f(a, b, *, c):
        return np.outer(a, np.sum(b, axis=0)) * c

    args = (np.arange(1.0, 9), np.ones((6, 5)))
    expected = dualad.jacobian(f, (0, 1), mode="forward")(*args, c=2.0)
    for chunk in (None, 1, 7):
        found, plan = jacobian_auto(f, (0, 1), args, {"c": 2.0}, chunk)
        assert plan.recorded
        for one, other in zip(found, expected):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-13)
    found, _ = jacobian_auto(f, 1, args, {"c": 2.0})
    np.testing.assert_allclose(found, expected[1], rtol=1e-13)
    with pytest.raises(errors.WrongShape, match="chunk"):
        jacobian_auto(f, 0, (np.ones(100), np.ones((6, 5))), {"c": 2.0}, 0)


@pytest.mark.parametrize("n", [3, 60])
def test_results_that_do_not_vary_and_empty_ones(n):
    x = np.ones(n)
    for f, shape in (
        (lambda x: np.ones((2, 2)), (2, 2, n)),
        (lambda x: 3.0, (n,)),
        (lambda x: [], (0, n)),
        (lambda x: x[:0], (0, n)),
    ):
        found, _ = jacobian_auto(f, 0, (x,), {})
        assert found.shape == shape and not found.any()
    assert jacobian_auto(lambda x: np.ones(2), 0, (np.zeros(0),), {})[0].shape == (2, 0)


@pytest.mark.parametrize("n", [3, 60])
def test_nested_in_other_derivatives(n):
    x = np.linspace(0.1, 1, n)

    def norm(x):
        return np.sum(jacobian_auto(lambda y: np.sin(y) * y, 0, (x,), {})[0] ** 2)

    def by_forward(x):
        return np.sum(dualad.jacobian(lambda y: np.sin(y) * y, mode="forward")(x) ** 2)

    np.testing.assert_allclose(dualad.grad(norm)(x), dualad.grad(by_forward)(x), rtol=1e-12)
    captured = dualad.derivative(lambda t: np.sum(jacobian_auto(lambda y: y**2 * t, 0, (x,), {})[0]))(2.0)
    assert captured == pytest.approx(2 * x.sum())


@pytest.mark.parametrize("n", [1, 3, 12, 13, 40])
def test_hessians(n):
    x = np.linspace(0.1, 1, n)
    expected = dualad.hessian(scalar, mode="hyperdual")(x)
    plan = None
    for _ in range(3):
        found, plan = hessian_auto(scalar, 0, (x,), {}, None, plan)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)

    def both(x):
        return np.stack([scalar(x), np.sum(x**3)])

    found, _ = hessian_auto(both, 0, (x,), {})
    np.testing.assert_allclose(found, dualad.hessian(both, mode="hyperdual")(x), rtol=1e-11, atol=1e-12)


BIG = np.linspace(0, 1, 5_000)


def heavy(x):
    return np.sum(np.exp(x[0] * BIG) * np.sin(x[1] * BIG) + np.sum(x**2) * BIG)


@pytest.mark.parametrize(
    ("f", "n", "modes"),
    [
        (scalar, 12, ["hyperdual", "hyperdual"]),
        (heavy, 12, ["hyperdual", "hyperdual"]),
        (scalar, 20, ["forward-over-reverse", "hyperdual"]),  # what the first call learns the second one uses
        (heavy, 20, ["forward-over-reverse", "forward-over-reverse"]),
        (scalar, 150, ["forward-over-reverse", "forward-over-reverse"]),
    ],
)
def test_a_hessian_runs_the_function_once(f, n, modes):
    counted, x = Counted(f), np.linspace(0.1, 1, n)
    hessian = dualad.hessian(lambda x: counted(x))
    for mode in modes:
        counted.runs = 0
        found = hessian(x)
        assert (hessian.plan.mode, counted.runs) == (mode, 1)
        np.testing.assert_allclose(found, dualad.hessian(f, mode="hyperdual")(x), rtol=1e-9, atol=1e-9)
    counted.runs = 0
    np.testing.assert_allclose(dualad.hessian(counted_as(counted), chunk=5)(x), found, rtol=1e-9, atol=1e-9)
    assert counted.runs == 1


def counted_as(counted):
    return lambda x: counted(x)


def test_the_hessian_of_many_outputs_does_not_extend_a_tape_for_each():
    f = Counted(vector(20, 50))
    hessian = dualad.hessian(counted_as(f))
    for runs in (2, 1):
        f.runs = 0
        found = hessian(np.full(20, 0.3))
        assert hessian.plan.mode == "hyperdual" and f.runs == runs
    np.testing.assert_allclose(found, dualad.hessian(f.f, mode="hyperdual")(np.full(20, 0.3)), rtol=1e-11, atol=1e-12)


# --- as the drivers use it --------------------------------------------------------------------------------------------


def test_the_plan_of_a_call():
    f = vector(60, 2)
    jacobian = dualad.jacobian(f)
    assert jacobian.plan is None
    jacobian(np.ones(60))
    plan = jacobian.plan
    assert (plan.mode, plan.recorded, plan.n, plan.m, plan.order, plan.chunk) == ("reverse", True, 60, 2, 1, 2)
    assert (
        plan.work.calls and "2 rows backward" in plan.reason and min(plan.costs, key=plan.costs.get).startswith("rev")
    )
    jacobian(np.ones(60))
    later = jacobian.plan
    assert "forward, dual numbers" in later.costs and min(later.costs, key=later.costs.get).startswith(later.mode)
    with pytest.raises(ZeroDivisionError):
        dualad.jacobian(lambda x: 1 / 0)(np.ones(60))
    with pytest.raises(ValueError):
        jacobian(np.ones(3))
    assert jacobian.plan.n == 60
    assert dualad.jacobian(jacobian).plan is None  # functools.wraps copies attributes


@pytest.mark.parametrize(
    ("driver", "mode", "recorded", "chunk"),
    [
        (dualad.jacobian, "forward", False, 7),
        (dualad.jacobian, "reverse", True, 3),
        (dualad.hessian, "hyperdual", False, 7),
        (dualad.hessian, "forward-over-reverse", True, 7),
    ],
)
def test_the_plan_of_a_mode_that_was_asked_for(driver, mode, recorded, chunk):
    made = driver(vector(7, 3), mode=mode)
    assert made.plan is None
    made(np.ones(7))
    assert (made.plan.mode, made.plan.recorded, made.plan.chunk) == (mode, recorded, chunk)
    assert (made.plan.n, made.plan.m) == (7, 3) and not made.plan.costs
    assert str(made.plan).endswith(f"mode='{mode}' was asked for")
    made = driver(vector(7, 3), mode=mode, chunk=2)
    made(np.ones(7))
    assert made.plan.chunk == 2


@pytest.mark.parametrize("n", [5, 60])
@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_chunks_do_not_run_the_function_again(n, chunk):
    f = Counted(vector(n, 6))
    expected = dualad.jacobian(f.f, mode="forward")(np.ones(n))
    jacobian = dualad.jacobian(counted_as(f), chunk=chunk)
    for _ in range(3):
        f.runs = 0
        np.testing.assert_allclose(jacobian(np.ones(n)), expected, rtol=1e-12, atol=1e-14)
        assert f.runs == 1


def test_threads():
    sizes = [3, 20, 60] * 8
    jacobian, hessian = dualad.jacobian(lambda x: np.sin(x) * x[::-1]), dualad.hessian(scalar)

    def both(n):
        x = np.linspace(0.1, 1, n)
        return jacobian(x), hessian(x)

    expected = {n: both(n) for n in set(sizes)}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for n, found in zip(sizes, pool.map(both, sizes)):
            for one, other in zip(found, expected[n]):
                np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)
    assert jacobian.plan.n in sizes


def test_what_cannot_be_swept_is_carried_by_dual_numbers():
    buffer = np.zeros(20_000)

    def f(x):
        buffer[:] = 1.0
        y = np.sum(x**3) * buffer
        buffer[:] = 2.0
        return np.sum(y * buffer) / 40_000

    x = np.linspace(0.1, 1, 40)
    with pytest.raises(errors.ChangedConstant):
        dualad.jacobian(f, mode="reverse")(x)
    for driver, exact in ((dualad.jacobian, 3 * x**2), (dualad.hessian, np.diag(6 * x))):
        counted = Counted(f)
        made = driver(counted_as(counted))
        for runs in (2, None, None) if driver is dualad.jacobian else (None, None):
            counted.runs = 0
            np.testing.assert_allclose(made(x), exact, rtol=1e-12, atol=1e-14)
            assert not made.plan.recordable and "changes an array" in made.plan.reason
            assert runs is None or counted.runs == runs
        assert not made.plan.recorded
    counted.runs = 0
    jacobian = dualad.jacobian(counted_as(counted))
    jacobian(x), jacobian(x)
    assert counted.runs == 3  # recorded in vain once only


def test_values_of_an_outer_derivative_in_the_function():
    x = np.linspace(0.1, 1, 40)

    def by(driver, t):
        made = driver(lambda y: np.sum(y**3 * t))
        return np.sum(made(x)), made

    for driver, power in ((dualad.jacobian, 3 * x**2), (dualad.hessian, 6 * x)):
        for outer in (dualad.derivative, dualad.grad):
            seen = []

            def g(t, driver=driver, seen=seen):
                found, made = by(driver, t)
                seen.append(made.plan)
                return found

            assert outer(g)(2.0) == pytest.approx(power.sum(), rel=1e-13)
            assert "outer derivative" in seen[0].reason


def doubled(x):
    y = x
    y *= 2.0
    return y


KINDS = {
    "truth values": lambda x: x > 1,
    "whole numbers": lambda x: np.array([1, 2]),
    "place": lambda x: np.argmax(x),
    "constant": lambda x: 3.0,
    "the argument": lambda x: x,
    "list": lambda x: [x.ravel()[0], 2.0],
    "sum": lambda x: np.sum(x**2),
    "nothing": lambda x: x.ravel()[:0],
    "choice": lambda x: np.where(x > 1, x, -x),
    "single precision": lambda x: x.astype(np.float32),
    "transposed": lambda x: x.T,
    "in place": doubled,
}
ARGUMENTS = [
    np.array([0.5, 1.5, 2.5]), np.array(2.0), 2.0, np.array([1, 2]), np.array([1, 2], np.float32), np.ones((2, 3)),
    np.zeros(0), [1.0, 2.0], np.arange(1.0, 41),
]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_no_mode_changes_shape_or_dtype(name):
    f = KINDS[name]
    for x in ARGUMENTS:
        if name in ("place", "list") and np.size(x) == 0:
            continue
        for driver, modes in (
            (dualad.jacobian, ("forward", "reverse")),
            (dualad.hessian, ("hyperdual", "forward-over-reverse")),
        ):
            expected = driver(f, mode=modes[0])(x)
            auto = driver(f)
            for found in (auto(x), auto(x), auto(x), driver(f, mode=modes[1])(x), driver(f, chunk=1)(x)):
                assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
                np.testing.assert_array_equal(found, expected)


def test_explain(capsys):
    plan = explain(vector(300, 2), np.ones(300))
    assert plan.mode == "reverse" and capsys.readouterr().out == f"{plan}\n"
    plan = explain(scalar, np.ones(5), order=2)
    assert plan.order == 2 and plan.mode == "hyperdual" and plan.work.elements > 0
    plan = explain(lambda a, b: a * np.sum(b), np.ones(2), np.ones(50), argnums=(0, 1))
    assert plan.n == 52 and plan.m == 2
    f = Counted(vector(4, 2))
    capsys.readouterr()
    plan = dualad.explain(f, np.ones(4), a=2.0)
    lines = capsys.readouterr().out.splitlines()
    assert f.runs == 1 and lines[0].startswith("Jacobian of 4 inputs and 2 outputs: forward, 4 at a time, without")
    assert lines[1] == plan.reason and lines[2] == "predicted cost, in evaluations of f:"
    assert [line.split("  ")[1] for line in lines[3:-1]] == sorted(plan.costs, key=plan.costs.get)
    with pytest.raises(ValueError, match="order must be 1"):
        explain(scalar, np.ones(3), order=3)
    with pytest.raises(errors.UnsupportedType, match="explain takes real numbers"):
        explain(scalar, np.ones(3) * 1j)
