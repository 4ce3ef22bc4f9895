"""Arrays in programs: groups, their sums and writes, products, elements at fixed places; to the bit."""

import sys
from pathlib import Path

import mpmath
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from replays import same_bits

import dualad
from dualad.drivers.recording import record
from dualad.program.build import build
from dualad.transforms.adjoint import extend


def compiled(f, x, gradient=False):
    """Return a function as a program, with its gradient where asked."""
    tape = record(f, x)
    nodes = list(tape.outputs)
    if gradient:
        nodes += [g._operand() for g in extend(tape)]
    return build(tape, tape.inputs, nodes)


def agrees(f, x, rng, gradient=False):
    """Compare at the point of the recording and at another one; return the program."""
    program = compiled(f, x, gradient)
    for y in (x, rng.standard_normal(x.shape)):
        found = program.run([y])
        assert same_bits(found[0], f(y))
        if gradient:
            wanted = dualad.grad(f)(y)
            # The same terms in the same order, but sines and cosines may differ by 2 units in the last place.
            np.testing.assert_allclose(found[1], wanted, rtol=1e-11, atol=1e-12 * np.abs(wanted).max())
    return program


SIZES = (*range(1, 20), 127, 128, 129, 136, 255, 257, 1000, 1023, 1025, 5000, 100_003)


@pytest.mark.parametrize("n", SIZES)
def test_sums_are_added_in_the_order_of_numpy(n):
    rng = np.random.default_rng(n)
    x = rng.standard_normal(n) * 10.0 ** rng.integers(-6, 6, n)
    for f in (
        lambda x: np.sum(x * x),
        lambda x: np.sum(x * x) + np.sum(x - 1.0) * np.sum(np.exp(-(x**2))),
        lambda x: np.sum(x[:, None] * np.array([1.0, 3.0, 5.0]), axis=0),
        lambda x: np.sum(x[:, None] * np.array([1.0, 3.0, 5.0]), axis=1),
    ):
        assert not agrees(f, x, rng).stats["callbacks"]


@pytest.mark.parametrize("n", range(1, 20))
def test_short_rows_are_read_and_summed_as_numpy_does(n):
    rng = np.random.default_rng(n)
    row, each = rng.standard_normal(n), rng.standard_normal((3, 211, 1))
    x = rng.standard_normal(3 * 211 * n) * 10.0 ** rng.integers(-6, 6, 3 * 211 * n)
    for f in (
        lambda x: x.reshape(3, 211, n) - row,
        lambda x: x.reshape(3, 211, n)[:, :, ::-1] * each,
        lambda x: np.sum(x.reshape(3, 211, n) * each, axis=2),
        lambda x: np.sum(x.reshape(3, 211, n) * row, axis=1),
        lambda x: np.sum(-x.reshape(3, 211, n) / each, axis=0),
        lambda x: np.where((x.reshape(3, 211, n) > row) & (np.sum(x) < 1e9), x.reshape(3, 211, n), each),
    ):
        assert not agrees(f, x, rng).stats["callbacks"]


@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), -1, None])
@pytest.mark.parametrize("name", ["sum", "max", "min", "prod"])
def test_reductions_over_any_axis(name, axis):
    rng = np.random.default_rng(1)
    function = getattr(np, name)
    for shape in ((3, 4, 5), (2, 300, 7), (1, 9, 2)):
        x = rng.standard_normal(int(np.prod(shape)))
        agrees(lambda x, shape=shape: function(np.reshape(x * 1.5, shape), axis=axis), x, rng)


PRODUCTS = [
    ((4, 5), (5, 6)), ((5,), (5, 6)), ((4, 5), (5,)), ((5,), (5,)), ((3, 4, 5), (5, 6)), ((3, 4, 5), (3, 5, 6)),
    ((4, 5), (3, 5, 6)), ((5,), (3, 5, 6)), ((3, 4, 5), (5,)), ((1, 5), (5, 1)), ((33, 40), (40, 50)), ((1, 1), (1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), PRODUCTS)
def test_products_of_matrices(one, two):
    rng = np.random.default_rng(2)
    x, m = rng.standard_normal(int(np.prod(one))), rng.standard_normal(two)
    turned = np.ascontiguousarray(np.swapaxes(m, -1, -2)) if m.ndim > 1 else m
    functions = [
        lambda x: x.reshape(one) @ m,
        lambda x: x.reshape(one) @ np.swapaxes(turned, -1, -2) if m.ndim > 1 else x.reshape(one) @ m,
    ]
    if len(one) == 2:
        functions.append(lambda x: x.reshape(one[::-1]).T @ m)
    if len(one) <= 2 and len(two) <= 2:
        functions.append(lambda x: np.dot(x.reshape(one), m))
    for f in functions:
        assert compiled(f, x).stats["native"]
        agrees(f, x, rng)


def test_elements_at_fixed_places():
    rng = np.random.default_rng(3)
    rows, columns = rng.integers(-5, 5, (2, 40))
    m = rng.standard_normal((5, 6, 2))
    for f, is_native in (
        (lambda x: np.sum(x.reshape(5, 6, 2)[rows] ** 2), True),
        (lambda x: np.sum(x.reshape(5, 6, 2)[rows, columns] ** 2), True),
        (lambda x: np.sum(x.reshape(5, 6, 2)[rows.reshape(8, 5)] ** 3), True),
        (lambda x: np.sum(x.reshape(5, 6, 2)[:, columns] * 3.0), True),  # its axes lie in another order
        (lambda x: np.sum(x.reshape(5, 6, 2)[rows, columns] * x[0]), True),  # adds one number many times
    ):
        assert agrees(f, m.ravel(), rng, True).stats["native"] == is_native


def program_of_writes(rng, n):
    """Return a random function that reads and writes slices, rows and columns of a few arrays."""
    steps = [tuple(rng.integers(0, 1000, 7).tolist()) for _ in range(rng.integers(3, 14))]

    def f(x):
        arrays = [x.copy(), x * 1.5, x.reshape(-1, 4).copy()]
        for op, i, j, _, a, b, c in steps:
            u, v = arrays[i % len(arrays)], arrays[j % len(arrays)]
            match op % 12:
                case 0:
                    arrays.append(np.sin(u) * 0.5 + u)
                case 1:
                    arrays.append(u * 2.0 - np.ravel(v)[a % n])
                case 2 if u.ndim == 1:
                    m = 1 + a % (n - 1)
                    start, other = b % (n - m + 1), c % (n - m + 1)
                    u[start : start + m] = np.ravel(v)[other : other + m] * 0.7
                case 3 if u.ndim == 1:
                    m = 1 + a % (n - 1)
                    start, other = b % (n - m + 1), c % (n - m + 1)
                    u[start : start + m] += np.tanh(u[other : other + m])
                case 4 if u.ndim == 2:
                    arrays.append(u - np.sum(u, axis=a % 2, keepdims=True) * 0.1)
                case 5 if u.ndim == 2:
                    u[a % len(u)] = np.max(u, axis=0) * 0.3
                case 6:
                    arrays.append(np.reshape(u, (-1, 4)) if u.ndim == 1 else np.ravel(u))
                case 7:
                    arrays.append(u / (1 + np.sum(v**2)))
                case 8 if u.ndim == 2:
                    u[:, a % 4] *= np.cos(u[:, b % 4])
                case 9 if u.ndim == 2:
                    arrays.append((u @ u.T) @ u * 0.01)
                case 10 if u.ndim == 1:
                    arrays.append(u[::-1] * np.ravel(v))
                case 11 if u.ndim == 1:
                    arrays.append(np.concatenate([u[a % n :], u[: a % n]]))
        total = 0.0
        for u in arrays:
            total = total + np.sum(u * np.linspace(0.5, 1, u.size).reshape(u.shape))
        return total

    return f


@pytest.mark.parametrize("seed", range(40))
def test_random_programs_that_write(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([8, 12, 64, 200]))
    agrees(program_of_writes(rng, n), rng.standard_normal(n), rng, True)


ODD = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308, 0.1, -3.7])


def test_signs_are_carried_without_a_change_of_any_bit():
    a, b = (part.ravel() for part in np.meshgrid(ODD, ODD))
    x = np.concatenate([a, b])
    n = len(a)

    def f(x):
        p, q = x[:n], x[n:]
        return np.stack(
            [
                p + -q, -p + q, -p - q, -p - -q, p - -q, -p * q, -p * -q, 2.0 * -p, -(2.0 * p), -p / q, (-p) ** 2,
                -(1.0 * -p), -(p * q) + q, q - (-p) * q, (p + q) * q, (p - q) - p, q - (p - q), -(-p * q) - 0.3 * -q,
            ]
        )  # fmt: skip

    with np.errstate(all="ignore"):
        program = compiled(f, np.ones(2 * n))
        assert same_bits(program.run([x])[0], f(x))


def test_sine_and_cosine_of_partial_derivatives():
    rng = np.random.default_rng(4)
    near = np.arange(-40, 41) * (np.pi / 2)  # where one of them is nearly zero
    x = np.concatenate([rng.uniform(-10, 10, 200), near, 10.0 ** rng.uniform(-300, 5, 60), [0.0, 1e6, 1e9, 1e300]])
    for function, partial in ((np.sin, mpmath.cos), (np.cos, lambda y: -mpmath.sin(y))):
        found = compiled(lambda x, function=function: np.sum(function(x)), x, True).run([x])[1]
        with mpmath.workdps(400):
            wanted = np.array([float(partial(mpmath.mpf(float(y)))) for y in x])
        # At most 2 units in the last place, as the comment in waves.h says.
        np.testing.assert_array_max_ulp(found, wanted, maxulp=2)
    odd = np.array([np.inf, -np.inf, np.nan])
    assert np.all(np.isnan(compiled(lambda x: np.sum(np.sin(x)), x[:3], True).run([odd])[1]))


def test_a_program_can_be_read():
    rng = np.random.default_rng(5)
    m = rng.standard_normal((6, 6))
    text = str(compiled(lambda x: np.sum(np.tanh(m @ x) * x), rng.standard_normal(6), True))
    assert "product matmul" in text
    assert "tanh" in text
    assert "sum of" in text


@pytest.mark.parametrize("n", [3, 16, 17, 500])
def test_constants_that_are_alike_are_told_apart(n):
    rng = np.random.default_rng(n)
    one = rng.standard_normal(n)
    others = [one.copy() for _ in range(n)]
    for i, other in enumerate(others):
        other[i] = 0.0 if i else -0.0
    same, nothing = one.copy(), np.full(n, -0.0)

    def f(x):
        terms = [np.sum(x * w) for w in (one, same, *others, np.zeros(n), nothing, np.ones(n), np.full(n, np.nan))]
        return np.stack(terms)

    program = compiled(f, one)
    assert same_bits(program.run([2 * one])[0], f(2 * one))
    # Two equal arrays are one; those of one number are kept as that.
    assert len(program.parts.constants) <= (len(others) + 2) * n + 8


def test_constants_with_gaps_are_read_as_they_lie():
    rng = np.random.default_rng(5)
    whole, x = rng.standard_normal((40, 30)), rng.standard_normal(29)
    whole[3, 4] = -0.0

    def f(x):
        shown = [np.sum(x * part, axis=1) for part in (whole[:, 1:], whole[:, :-1], whole[::-1, 1:], whole[:, :0:-1])]
        return np.stack([*shown, np.sum(x * np.ones((40, 30))[:, 1:], axis=1)])

    agrees(f, x, rng)


def test_constants_that_show_one_array_lie_once():
    # The Hessian is carried forward along the unit vectors, of which x[1:] and x[:-1] show parts.
    n = 100  # a few less, and parts of them are copied when they are used

    def f(x):
        return np.sum(np.exp(x[1:]) * x[:-1])

    hessian = dualad.compile(dualad.hessian(f))
    x = np.random.default_rng(6).standard_normal(n)
    np.testing.assert_allclose(hessian(x), dualad.hessian(f)(x), rtol=1e-14)
    assert len(hessian.recent.variants[0].program.parts.constants) <= n * n + 8


def test_operations_wait_for_the_group_of_their_users():
    rng = np.random.default_rng(3)
    x, matrix = rng.standard_normal(40 * 30), rng.standard_normal((30, 20))

    def plain(x):
        z = x.reshape(40, 30) @ matrix
        twice = 2.0 * z
        return twice * np.sum(z * z)

    def overwritten(x):
        z = x.reshape(40, 30) @ matrix
        twice = 2.0 * z
        total = np.sum(z * z)
        z[1:3] = total
        return twice * total + z

    def used_twice(x):
        z = x.reshape(40, 30) @ matrix
        twice = 2.0 * z
        first = np.sum(twice * np.sum(z * z), axis=1, keepdims=True)
        return twice * first - first

    for f in (plain, overwritten, used_twice):
        assert not agrees(f, x, rng).stats["callbacks"]
    # The doubled array is not written to memory: the group that has the sum doubles and multiplies.
    assert "multiply+multiply" in str(compiled(plain, x))


def test_results_that_show_all_of_an_array_are_computed_where_they_stay():
    rng = np.random.default_rng(4)
    x = rng.standard_normal(600)

    def f(x):
        y = np.exp(x)
        z = np.zeros_like(x).reshape(20, 30)
        z[:, 1:] = y.reshape(20, 30)[:, 1:] * 2.0
        return y.reshape(30, 20), y, z.reshape(-1), y.reshape(20, 30).T, z.reshape(600)[3:]

    g = dualad.compile(f)
    for point in (x, x, x + 1.0, x - 1.0):
        for _ in range(2):
            found, wanted = g(point), f(point)
            assert all(map(same_bits, found, wanted))
    assert g.stats["replays"] == 7
    assert not any(np.shares_memory(one, two) for i, one in enumerate(found) for two in found[:i])
    out = tuple([np.empty(part.shape) for part in wanted])
    g(x, out=out)
    assert all(map(same_bits, out, f(x)))


def test_views_are_equal_by_what_they_show():
    def f(x):
        return np.stack(
            [np.sum(v * v) for v in (x[1:], x[1:], x[(slice(1, None),)], x[1::1], x[:-1], x[::-1], x[None])]
        )

    x = np.random.default_rng(6).standard_normal(40)
    assert same_bits(compiled(f, x).run([x])[0], f(x))


@pytest.mark.parametrize("n", [3, 4, 40, 200])
def test_two_writes_into_copies_of_one_array(n):
    """Copies that are equal are one array; the second write must not find what the first has written."""

    def f(x):
        a = 0.5 * x
        b, c = a.copy(), a.copy()
        b[:-1] = np.sin(a[1:])
        c[:-1] = np.cos(a[1:])
        return np.concatenate([b, c])

    agrees(f, np.linspace(0.1, 1.0, n), np.random.default_rng(0))

    def g(x):
        y = np.trapezoid(x) * x * 1
        y[::2] = y[0]
        return np.sum(y)

    x = np.linspace(0.1, 1.0, min(n, 6))
    np.testing.assert_allclose(dualad.compile(dualad.hessian(g))(x), dualad.hessian(g)(x), rtol=1e-13, atol=1e-15)
