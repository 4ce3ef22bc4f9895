"""What goes wrong in one call leaves the next one right; memory stays where it was; threads do not meet."""

import gc
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import dualad

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, same

X = np.array([0.5, 1.5, 2.5])


def program(x, step=lambda: None):
    """Some of everything, with a call of ``step`` between the operations."""
    step()
    y = np.zeros_like(x)
    step()
    for i in range(len(x)):
        y[i] = x[i] ** 2 * np.sin(x[i])
        step()
    y[1:] += x[:-1] * y[0]
    step()
    z = np.outer(x, y) + 3 * np.eye(len(x))
    step()
    w = np.linalg.solve(z, y)
    step()
    inner = dualad.grad(lambda v: (step(), np.sum(v * w) ** 2)[1])(np.ones(3))
    step()
    v = np.concatenate([w, np.array([x[0], y[1]])]).max() + np.sum(inner)
    step()
    return v * np.sum(y)


class Stop(Exception):
    pass


def stopping_at(number, error):
    """A step that raises at its ``number``-th call."""
    count = iter(range(10_000))

    def step():
        if next(count) == number:
            raise error

    return step


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, MemoryError, SystemExit])
@pytest.mark.parametrize("driver", [dualad.grad, dualad.hessian], ids=["grad", "hessian"])
def test_an_exception_at_any_operation_leaves_the_next_call_right(driver, error):
    wanted = driver(program)(X)
    for number in range(100):
        try:
            driver(lambda x, number=number: program(x, stopping_at(number, error)))(X)
        except error:
            same(driver(program)(X), wanted)
        else:
            break
    assert number > 10


def test_errors_inside_keep_their_own_words():
    def f(x):
        return x[7]

    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 with size 3"):
        dualad.grad(f)(X)
    with pytest.raises(np.linalg.LinAlgError):
        dualad.grad(lambda x: np.linalg.inv(np.outer(x, x) * 0)[0, 0])(X)
    with pytest.raises(ValueError, match="broadcast"):
        dualad.grad(lambda x: np.sum(x + np.ones(4)))(X)
    with pytest.raises(TypeError, match="argument"):
        dualad.grad(lambda x: np.sum(x))(X, 1.0, 2.0)


def refused(f):
    with pytest.raises(dualad.errors.DerivativeLost):
        dualad.grad(f)(X)


WORK = [
    lambda: dualad.grad(program)(X),
    lambda: dualad.hessian(program)(X),
    lambda: dualad.jacobian(lambda x: [x[0], x[1] * x[2]])(X),
    lambda: dualad.derivative(lambda t: np.exp(t) * np.sin(t), 3)(0.5),
    lambda: dualad.hvp(program)(X, X),
    lambda: refused(lambda x: float(x[0])),
]


@pytest.mark.parametrize("work", WORK)
def test_memory_is_given_back(work):
    """One block that is lost at each call would be 100 a round; caches are full after some rounds."""
    grown = []
    for _ in range(10):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(100):
            work()
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
        if grown[-1] < 30:
            return
    pytest.fail(f"blocks that were not given back, by round: {grown}")


def resident():
    """Pages that the process holds, in bytes; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except OSError:
        return None


def test_resident_memory_stays_level():
    if resident() is None:
        pytest.skip("the system does not say how much memory is resident")
    long = np.linspace(0.1, 1.0, 200)
    x = np.linspace(0.5, 1.5, 9)  # more lanes than a scalar keeps inside

    def work(count):
        for _ in range(count):
            dualad.grad(lambda x: x[0] * np.sin(x[1]) + x[2] / x[0] + np.sum(x * x))(x)
            dualad.jacobian(lambda x: x[0] * np.exp(-x[1] * long))(X)

    work(300)
    gc.collect()
    before = resident()
    work(3000)
    gc.collect()
    assert resident() - before < 1 << 20


def test_nothing_is_kept_of_a_call():
    """No reference to the argument or the result stays behind."""
    x = np.arange(1.0, 4.0)
    held = sys.getrefcount(x)
    for driver in (dualad.grad, dualad.hessian):
        driver(lambda x: np.sum(x**3))(x)
    dualad.jvp(np.sin, (x,), (x,))
    assert sys.getrefcount(x) == held


def test_threads_get_the_answers_of_one():
    def job(seed):
        x = np.random.default_rng(seed).uniform(0.5, 1.5, 3)
        big = np.random.default_rng(seed).uniform(0.5, 1.5, 5000)
        return (
            dualad.grad(program)(x),
            dualad.hessian(program)(x),
            dualad.jacobian(dualad.grad(program))(x),
            dualad.derivative(lambda t: t * dualad.derivative(lambda s: np.sin(s * t))(t), 2)(x[0]),
            dualad.jacobian(lambda p: p[0] * np.exp(-p[1] * big) + np.tanh(p[2] * big))(x),
        )

    alone = [job(seed) for seed in range(16)]
    barrier = threading.Barrier(8)

    def together(seed):
        if seed < 8:
            barrier.wait()
        return job(seed)

    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(alone, pool.map(together, range(16))):
            same(other, one)


def test_threads_inside_a_differentiated_function():
    """Work that f hands to threads carries its derivatives along."""
    with ThreadPoolExecutor(4) as pool:

        def f(x):
            parts = pool.map(lambda i: dualad.grad(lambda y: np.sum(np.sin(y) * x[i]))(np.ones(2)) * x[i], range(3))
            return np.concatenate(list(parts))

        found = dualad.jacobian(f)(X)
    close(found, np.repeat(np.diag(2 * X * np.cos(1.0)), 2, axis=0), 1e-14)


def test_recursion_and_reentrance():
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    close(dualad.derivative(power)(1.1, 50), 50 * 1.1**49, 1e-13)
    f = dualad.grad(
        lambda x: np.sum(x**2) + (0.0 if np.sum(x.value if hasattr(x, "value") else x) < 0 else np.sum(f(X)))
    )
    with pytest.raises(RecursionError):
        f(X)
    close(dualad.grad(program)(X), dualad.grad(program)(X))
