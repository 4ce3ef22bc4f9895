"""Indexing, assignment and aliasing: what NumPy's arrays do, value and tangents alike."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import dualad
from dualad import Dual
from dualad.errors import DerivativeLost, DiscreteArgument, WrongShape

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, random_dual, same

SHAPE = (4, 3, 5)
MASK = np.random.default_rng(0).random(SHAPE) < 0.4
BASIC = [
    0, -1, slice(None), slice(1, 3), slice(None, None, -2), slice(3, 0, -1), None, Ellipsis, (), (1, 2), (1, 2, 3),
    (-1, -1, -1), (slice(None), 1), (Ellipsis, 0), (0, Ellipsis, slice(1, 4)), (None, 1, None, slice(None), 2),
    (slice(0, 0), 1), (1, 2, 3, Ellipsis), (np.int64(1), slice(None)), (slice(1, 3), slice(None), slice(None, None, 2)),
]  # fmt: skip
FANCY = [
    [0, 2], [[0, 1], [2, 3]], np.array([1, 1, 0]), ([0, 1], [1, 2]), (slice(None), [0, 2]),
    ([0, 1], slice(None), [1, 4]),
    (0, slice(None), [1, 2]), ([[0], [1]], [0, 2]), (Ellipsis, [0, 3]), (None, [1, 2]), MASK, MASK[..., 0],
    MASK[:, 0, 0], (MASK[:, 0, 0], 1), (slice(None), MASK[0]), (slice(None), slice(None), MASK[0, 0]), (1, MASK[0]),
    np.zeros(SHAPE, bool), np.array([], dtype=int), (np.array(2), slice(None), [0, 1]), np.array(1), True, False,
    (MASK[:, 0, 0], slice(None), 0), ([0, 1], None, [1, 2]), np.ix_([0, 2], [1], [0, 3]),
]  # fmt: skip
LAYOUTS = {
    "C": lambda rng: random_dual(rng, SHAPE),
    "F": lambda rng: random_dual(rng, SHAPE[::-1]).T,
    "strided": lambda rng: random_dual(rng, (8, 3, 10))[::2, :, ::-2],
    "single": lambda rng: random_dual(rng, SHAPE, dtype=np.float32),
    "one lane": lambda rng: random_dual(rng, SHAPE, k=1),
}


def names(indices):
    return [repr(index)[:40] for index in indices]


def lanes_of(x, index, value):
    """What each lane should be after the assignment."""
    lanes = x.tangents.copy()
    for j, lane in enumerate(lanes):
        lane[index] = value.tangents[j] if isinstance(value, Dual) else 0.0
    return lanes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("index", BASIC + FANCY, ids=names(BASIC + FANCY))
def test_reading(index, layout):
    x = LAYOUTS[layout](np.random.default_rng(0))
    found = x[index]
    same(found, x.value[index])
    same(found.tangents, np.array([lane[index] for lane in x.tangents]))
    assert found.level == x.level


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("index", BASIC + FANCY, ids=names(BASIC + FANCY))
def test_a_view_where_numpy_gives_one(index, layout):
    """Writing into what an index gave changes the array exactly where NumPy's own would change."""
    x = LAYOUTS[layout](np.random.default_rng(0))
    plain = x.value.copy()
    part, plain_part = x[index], plain[index]
    lanes = x.tangents.copy()
    if not isinstance(plain_part, np.ndarray):
        with pytest.raises(TypeError):
            part[...] = 7.0
        return
    part[...] = 7.0
    plain_part[...] = 7.0
    same(x.value, plain)
    lanes[:, (plain == 7.0)] = 0.0
    same(x.tangents, lanes)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("index", BASIC + FANCY, ids=names(BASIC + FANCY))
def test_assignment(index, layout):
    rng = np.random.default_rng(0)
    shape = np.shape(np.zeros(SHAPE)[index])
    values = [2.5, 3, np.float32(1.5), random_dual(rng), random_dual(rng, shape), random_dual(rng, shape).value]
    values += [random_dual(rng, (1, *shape))] if shape else []
    values += [random_dual(rng, shape[1:])] if len(shape) > 1 else []
    for value in values:
        x = LAYOUTS[layout](rng)
        if isinstance(value, Dual) and value.lanes != x.lanes:
            value = Dual(value.value, value.tangents[: x.lanes])
        plain = x.value.copy()
        try:
            plain[index] = value.value if isinstance(value, Dual) else value
        except (TypeError, ValueError):  # a mask takes no more axes than it gives
            with pytest.raises((TypeError, ValueError)):
                x[index] = value
            continue
        lanes = lanes_of(x, index, value)
        x[index] = value
        same(x, plain)
        same(x.tangents, lanes)


@pytest.mark.parametrize("index", [[0, 0, 1], ([0, 0], [1, 1]), np.array([2, 2, 2])], ids=str)
def test_repeated_indices_keep_the_last(index):
    rng = np.random.default_rng(0)
    x = random_dual(rng, SHAPE)
    value = random_dual(rng, np.shape(x.value[index]))
    plain, lanes = x.value.copy(), lanes_of(x, index, value)
    plain[index] = value.value
    x[index] = value
    same(x, plain)
    same(x.tangents, lanes)


def test_item_by_item_is_the_same_as_all_at_once():
    x = random_dual(np.random.default_rng(0), SHAPE)
    y, z = np.zeros_like(x), np.zeros_like(x)
    for i, j, k in itertools.product(*map(range, SHAPE)):
        y[i, j, k] = x[i, j, k]
        z[i][j][k] = x[i][j][k]
    for other in (y, z):
        same(other.value, x.value)
        same(other.tangents, x.tangents)


def test_overlapping_assignment():
    x = random_dual(np.random.default_rng(0), 7)
    start = np.copy(x)
    x[1:] = x[:-1]
    same((x.value, x.tangents), (start.value[[0, 0, 1, 2, 3, 4, 5]], start.tangents[:, [0, 0, 1, 2, 3, 4, 5]]))
    x = np.copy(start)
    x[:] = x[::-1]
    same((x.value, x.tangents), (start.value[::-1].copy(), start.tangents[:, ::-1].copy()))
    x = np.copy(start)
    x[[0, 1]] = x[[1, 0]]
    same(x.value[:2], start.value[[1, 0]])
    same(x.tangents[:, :2], start.tangents[:, [1, 0]])
    x[...] = x
    a = random_dual(np.random.default_rng(0), (3, 3))
    start = np.copy(a)
    a[...] = a.T
    same((a.value, a.tangents), (start.value.T.copy(), start.tangents.transpose(0, 2, 1).copy()))


def test_swap_of_scalars():
    x = random_dual(np.random.default_rng(0), 3)
    start = np.copy(x)
    x[0], x[1] = x[1], x[0]
    same((x.value, x.tangents), (start.value[[1, 0, 2]], start.tangents[:, [1, 0, 2]]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_was_read_does_not_change_with_the_array(dtype):
    """A scalar is a value, as NumPy's scalars are, in nested derivatives too."""
    x = random_dual(np.random.default_rng(0), 3, dtype=dtype)
    first, kept = x[0], np.copy(x[0:1])
    x[0] = 9.0
    same((first.value, first.tangents), (kept.value[0], kept.tangents[:, 0]))

    def f(a):
        def g(y):
            z = y * a
            first = z[0]
            z[0] = 0.0
            return first * z[1]

        return dualad.grad(g)(np.array([2.0, 3.0]))

    close(dualad.jacobian(f)(2.0), [12.0, 8.0])  # g = a*a*y0*y1


def test_augmented_assignment_to_elements():
    x = random_dual(np.random.default_rng(0), (3, 4))
    y, plain = np.copy(x), x.value.copy()
    y[1] += x[0, 0] * 2
    plain[1] += x.value[0, 0] * 2
    y[0, 2] *= x[0, 1]
    plain[0, 2] *= x.value[0, 1]
    y[:, 3] -= x[:, 0]
    plain[:, 3] -= x.value[:, 0]
    y[[0, 2]] /= 2.0
    plain[[0, 2]] /= 2.0
    y[y > 1] **= 2
    plain[plain > 1] **= 2
    same(y, plain)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(-1), lambda x: x.reshape(-1, order="F"), lambda x: x.ravel(),
        lambda x: x.ravel("F"), lambda x: x.T,
        lambda x: np.swapaxes(x, 0, 1), lambda x: x.reshape(2, 6)[1], lambda x: x[None], lambda x: np.expand_dims(x, 1),
        lambda x: np.squeeze(x[:1]), lambda x: np.moveaxis(x, 0, 1), lambda x: np.flip(x), lambda x: np.flipud(x),
        lambda x: np.rot90(x), lambda x: np.split(x, 2, axis=1)[0], lambda x: np.atleast_3d(x),
        lambda x: np.atleast_1d(x),
        lambda x: x.view(), lambda x: x.real, lambda x: np.real(x), lambda x: x.T.T, lambda x: x.mT,
        lambda x: x[1:, ::2].T,
        lambda x: np.transpose(x[::-1]), lambda x: np.diagonal(x), lambda x: np.broadcast_to(x, (2, 3, 4)),
        lambda x: np.array_split(x, 2)[1], lambda x: np.hsplit(x, 2)[1],
        lambda x: np.unstack(x)[1] if hasattr(np, "unstack")
        else x[1], lambda x: np.asarray(x, like=x), lambda x: x.astype(float, copy=False), lambda x: np.rollaxis(x, 1),
        lambda x: np.copy(x), lambda x: x.copy(), lambda x: x.flatten(), lambda x: x.astype(float), lambda x: +x,
        lambda x: np.array(x, like=x), lambda x: np.positive(x), lambda x: np.concatenate([x]), lambda x: np.roll(x, 0),
        lambda x: np.tile(x, 1), lambda x: np.clip(x, -9, 9), lambda x: np.nan_to_num(x), lambda x: np.pad(x, 0),
        lambda x: np.real_if_close(x), lambda x: np.ravel(x[:, :2]), lambda x: x[:, :2].reshape(-1),
        lambda x: np.unwrap(x),
        lambda x: np.broadcast_arrays(x, x)[0], lambda x: np.meshgrid(x[0], copy=False)[0],
        lambda x: np.take(x, [0, 1]),
        lambda x: np.copy(np.reshape(x, (4, 3))), lambda x: np.append(x, []), lambda x: np.atleast_2d(x),
        lambda x: x.squeeze(),
        lambda x: np.fliplr(x), lambda x: np.matrix_transpose(x), lambda x: np.permute_dims(x),
        lambda x: np.nan_to_num(x, copy=False),
        lambda x: np.trim_zeros(x[0]), lambda x: np.ediff1d(x), lambda x: np.conjugate(x), lambda x: np.conj(x),
        lambda x: x.conj(),
        lambda x: np.diff(x, n=0), lambda x: np.sum(x, axis=()), lambda x: np.max(x, axis=()), lambda x: np.vstack([x]),
        lambda x: np.block(x), lambda x: np.delete(x, []), lambda x: np.repeat(x, 1), lambda x: np.triu(x, -9),
    ],
)  # fmt: skip
def test_memory_is_shared_exactly_where_numpy_shares_it(view, order):
    """Write into the result and look at the array, write into the array and look at the result."""
    rng = np.random.default_rng(0)

    def fresh():
        x = random_dual(rng, (3, 4)) if order == "C" else random_dual(rng, (4, 3)).T
        return x * 1.0  # of the memory layout that arithmetic leaves

    x = fresh()
    plain = x.value.copy(order="K")
    assert plain.flags.c_contiguous == x.flags.c_contiguous
    part, plain_part = view(x), view(plain)
    same(part, plain_part)
    lanes_before = x.tangents.copy()
    assert part.flags.writeable == plain_part.flags.writeable
    if plain_part.flags.writeable:
        part[...] = 7.0
        plain_part[...] = 7.0
        same(x.value, plain)
        assert np.all((x.tangents == 0) == np.broadcast_to(plain == 7.0, x.tangents.shape))
        same(x.tangents, np.where(plain == 7.0, 0.0, lanes_before))
    x = fresh()
    plain = x.value.copy(order="K")
    part, plain_part = view(x), view(plain)
    x[...] = 8.0
    plain[...] = 8.0
    same(part.value, plain_part)
    assert np.all(part.tangents == 0) == np.all(plain_part == 8.0) or part.size == 0


def test_indices_that_do_not_exist():
    x = random_dual(np.random.default_rng(0), (3, 4))
    for index in (3, -4, (0, 4), (0, 0, 0), [3], "a", 1.5, (slice(None), 7)):
        with pytest.raises(IndexError) as wanted:
            x.value[index]
        with pytest.raises(IndexError) as found:
            x[index]
        assert str(found.value) == str(wanted.value)
        with pytest.raises(IndexError):
            x[index] = 1.0


def test_values_that_do_not_fit():
    x = random_dual(np.random.default_rng(0), (3, 4))
    before = np.copy(x)
    for index, value in (
        (0, np.zeros(3)),
        (slice(None), random_dual(np.random.default_rng(0), (2, 4))),
        ([0, 1], [1, 2, 3]),
    ):
        with pytest.raises(ValueError):
            x[index] = value
    with pytest.raises(TypeError):
        x[0, 0] = 1j
    with pytest.raises(ValueError):
        x[0, 0] = "text"
    with pytest.raises(WrongShape, match="2 and 3 directions"):
        x[0, 0] = random_dual(np.random.default_rng(0), k=3)
    with pytest.raises(WrongShape, match="2 and 3 directions"):
        x[0] = random_dual(np.random.default_rng(0), 4, k=3)
    same((x.value, x.tangents), (before.value, before.tangents))


def test_an_index_does_not_vary():
    x = random_dual(np.random.default_rng(0), 3)
    for index in (x[0], (x[0],), x):
        with pytest.raises(DiscreteArgument, match="x\\[i\\]"):
            x[index]
        with pytest.raises(DiscreteArgument, match="x\\[i\\]"):
            x[index] = 1.0
    with pytest.raises(TypeError):
        [1, 2, 3][x[0]]
    with pytest.raises(IndexError):
        np.zeros(3)[x[0]]
    same(x[int(x[0])], x.value[int(x.value[0])])


def test_read_only():
    x = random_dual(np.random.default_rng(0), 3)
    x.setflags(write=False)
    for f in (
        lambda: x.__setitem__(0, 1.0),
        lambda: x.__setitem__(0, x[1]),
        lambda: x.__iadd__(1.0),
        lambda: x.fill(1.0),
    ):
        with pytest.raises(ValueError, match="read-only"):
            f()
    x.setflags(write=True)
    x[0] = 1.0
    wide = np.broadcast_to(x, (2, 3))
    with pytest.raises(ValueError, match="read-only"):
        wide[0, 0] = 1.0


def test_scalars_cannot_be_assigned_to():
    for dtype in (float, np.float32):
        x = random_dual(np.random.default_rng(0), dtype=dtype)
        same(x[()], x.value)
        same(x[...].value, x.value[...])
        with pytest.raises(TypeError, match="does not support item assignment"):
            x[()] = 1.0
        with pytest.raises(IndexError):
            x[0]


def test_length_iteration_and_containment():
    x = random_dual(np.random.default_rng(0), (2, 3))
    assert len(x) == 2
    for row, plain in zip(x, x.value, strict=True):
        same(row, plain)
        for number, plain_number in zip(row, plain, strict=True):
            same(number, plain_number)
    assert x.value[0, 0] in x and 99.0 not in x
    assert [float(n.value) for n in reversed(x[0])] == x.value[0, ::-1].tolist()
    a, b = x
    same((a, b), tuple(x.value))
    for scalar in (x[0, 0], Dual(np.array(1.0), [1.0])):
        with pytest.raises(TypeError, match="len\\(\\) of unsized object"):
            len(scalar)
        with pytest.raises(TypeError, match="iteration over a 0-d array"):
            iter(scalar)


def test_flat():
    x = random_dual(np.random.default_rng(0), (2, 3))
    y, plain = np.copy(x), x.value.copy()
    assert len(x.flat) == 6
    same([n.value for n in x.flat], list(plain.flat))
    same(x.flat[4], plain.flat[4])
    same(x.flat[1:4], plain.flat[1:4])
    y.flat[::2] = [1.0, 2.0]
    plain.flat[::2] = [1.0, 2.0]
    same(y, plain)
    y.flat[3] = x[0, 0]
    same(y[1, 0].tangents, x[0, 0].tangents)
    y.flat = 5.0
    same(y, np.full((2, 3), 5.0))


def test_an_outer_derivative_moves_into_an_array_of_the_inner_one():
    """An array made in the inner function learns of the outer derivative when it first meets it."""

    def inner(y, a):
        z = np.zeros_like(y)
        for i in range(len(y)):
            z[i] = y[i] * a ** (i + 1)
        z[1:] += a
        return np.sum(z * z)

    def f(a):
        return dualad.grad(inner)(np.array([1.0, 2.0]), a)

    a = 3.0  # z = (y0 a, y1 a**2 + a), gradient = (2 z0 a, 2 z1 a**2)
    close(f(a), [2 * a * a, 2 * (2 * a**2 + a) * a**2])
    close(dualad.jacobian(f)(a), [4 * a, 16 * a**3 + 6 * a**2])

    def shared(y):
        z = np.zeros_like(y)
        row = z[:1]
        z[0] = y[0] * outer[0]
        return row[0] + z[1]

    outer = []

    def g(a):
        outer[:] = [a]
        return way(shared)(np.array([1.0, 2.0]))

    # A view that is there already: the tape writes through it, the numbers of a dual array have moved away from under
    # it.
    way = dualad.grad
    close(dualad.jacobian(g)(1.0), [1.0, 0.0])
    way = dualad.jacobian
    with pytest.raises(DerivativeLost, match="cannot hold that derivative"):
        dualad.jacobian(g)(1.0)


def test_an_inner_derivative_does_not_fit_into_an_outer_array():
    def f(x):
        z = np.zeros_like(x)

        def g(y):
            z[0] = y * x[0]
            return y

        return dualad.derivative(g)(1.0) * x[0]

    with pytest.raises(DerivativeLost, match="cannot hold that derivative"):
        dualad.grad(f)(np.array([1.0, 2.0]))
