"""Exceptions, threads, recursion, generators and memory: no state is left behind."""

import gc
import resource
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import dualad
from dualad.reverse.kernels import Tape


def mixture(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = np.sin(y[i - 1]) * 0.5 + x[i]
    y[1:3] *= 2
    return np.sum(np.exp(-(y**2))) + np.linalg.norm(x)


X = np.linspace(0.5, 1.5, 6)


class Stop(BaseException):
    """Stands for KeyboardInterrupt, which is no Exception either."""


@pytest.mark.parametrize("kind", [ValueError, Stop, KeyboardInterrupt])
def test_an_exception_at_any_operation_leaves_the_next_call_right(kind):
    expected = dualad.grad(mixture)(X)
    calls = 0

    def counted(x, stop):
        nonlocal calls
        calls = 0

        def step(value):
            nonlocal calls
            calls += 1
            if calls == stop:
                raise kind
            return value

        y = step(np.zeros_like(x))
        for i in range(len(x)):
            y[i] = step(step(x[i]) * 2)
        return step(np.sum(step(y * y)))

    dualad.grad(counted)(X, -1)
    for stop in range(1, calls + 1):
        with pytest.raises(kind):
            dualad.grad(counted)(X, stop)
        np.testing.assert_array_equal(dualad.grad(mixture)(X), expected)


def test_threads_get_the_answers_of_one():
    def task(seed):
        x = X + 0.01 * seed
        nested = dualad.jacobian(dualad.grad(mixture))(x)
        return dualad.grad(mixture)(x), nested, dualad.hessian(mixture, mode="forward-over-reverse")(x)

    alone = [task(seed) for seed in range(16)]
    barrier = threading.Barrier(8)

    def together(seed):
        if seed < 8:
            barrier.wait()
        return task(seed)

    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(alone, pool.map(together, range(16)), strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)


def test_recursion_and_generators():
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    assert dualad.grad(lambda x: power(x, 5))(2.0) == 80.0

    def terms(x):
        for i in range(1, 4):
            yield x**i

    # A generator that is left half way, and a gradient inside it.
    def f(x):
        steps = terms(x)
        first = next(steps)
        inner = dualad.grad(lambda y: sum(terms(y)))(x)
        return first + next(steps) + inner

    assert dualad.grad(f)(2.0) == 1 + 2 * 2 + (2 + 6 * 2)


def test_a_tape_is_freed_after_the_call():
    seen = []

    class Watched(Tape):
        pass

    tape = Watched(1)
    seen.append(weakref.ref(tape))
    x = tape.input(np.ones(3))
    y = np.sum(x * 2)
    del tape, x, y
    gc.collect()
    assert seen[0]() is None


def test_memory_is_level():
    def use():
        dualad.grad(mixture)(X)

    for _ in range(300):
        use()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3000):
        use()
    # The highest use so far, in KiB, may grow by a page or two of the allocator's; a leak of one node a call would be
    # 32 bytes * 40 nodes * 3000 = 3.8 MB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2000


def test_bytes_of_a_scalar_node():
    tape = dualad.record(lambda x: sum(x * i for i in range(1000)), 1.0)
    assert tape.nbytes / len(tape) <= 2 * 32  # six columns of 32 bytes together, room grows by doubling


def test_a_loop_that_reads_n_elements_writes_order_n_nodes():
    def f(x):
        total = 0.0
        for i in range(len(x)):
            total = total + x[i] * x[i]
        return total

    lengths = [len(dualad.record(f, np.ones(n))) for n in (10, 100, 1000)]
    assert lengths[1] - lengths[0] == 90 * (lengths[0] - 1) // 10
    assert lengths[2] - lengths[1] == 10 * (lengths[1] - lengths[0])
