"""Views, writes and in-place operators: NumPy's aliasing, in every engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualad
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.sweeps.reference import reverse
from dualad.transforms import adjoint, tangent
from dualad.transforms.verify import verify

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from engines import Engines

CASES: dict[str, Callable[[Any], Any]] = {}
SHAPES: dict[str, tuple[int, ...]] = {}


def case(shape: tuple[int, ...] = (6,)) -> Callable[[Any], Any]:
    def keep(f: Any) -> Any:
        CASES[f.__name__] = f
        SHAPES[f.__name__] = shape
        return f

    return keep


@case()
def view_of_view(x: Any) -> Any:
    y = x * 1.0
    w = y[1:][::2][:2]
    w *= x[:2]
    w[0] = x[5] * x[5]
    return y * y


@case()
def write_seen_by_earlier_view(x: Any) -> Any:
    y = x * 1.0
    v = y[2:]
    before = v * v
    y[3] = x[0] * 3.0
    y[4:] = v[:2]
    return np.concatenate([before, v * x[0], y])


@case()
def boolean_write(x: Any) -> Any:
    y = x.copy()
    y[y > 0.1] = 0.5
    y[x < -0.2] *= 3.0
    y[np.array([True, False] * 3)] += x[::2]
    return y * x


@case()
def fancy_write(x: Any) -> Any:
    y = x * x
    y[np.array([4, 0, 4])] = x[:3]
    y[[1, 2]] = x[0]
    y[[-1]] += 1.0
    return y * x


@case((3, 4))
def fancy_write_of_rows(x: Any) -> Any:
    y = x * x
    y[np.array([0, 2, 0])] = x * 2.0
    y[:, np.array([1, 1])] = x[:, :2]
    y[np.array([0, 1]), np.array([2, 3])] = x[0, :2]
    y[np.array([1, 1]), 1:3] = x[:2, :2]
    return y


@case()
def adding_at(x: Any) -> Any:
    y = np.zeros_like(x)
    np.add.at(y, np.array([0, 0, 5]), x[:3])
    np.multiply.at(y, np.array([5, 5]), x[1])
    return y


@case()
def operators_in_place(x: Any) -> Any:
    y = x + 2.0
    y += x
    y *= y
    y -= x[0]
    y /= 3.0
    y **= 2
    s = y[0]
    s += 1.0
    return np.append(y, s)


@case()
def overlapping(x: Any) -> Any:
    y = x * 1.0
    y[1:] = y[:-1]
    y[:-2] = y[2:] * x[0]
    y[::-1] = y
    y[1:4] += y[:3]
    return y


@case((3, 4))
def elements_of_a_matrix(x: Any) -> Any:
    total = 0.0
    y = np.zeros_like(x)
    for i in range(3):
        row = x[i]
        for j in range(4):
            y[i, j] = row[j] * x[i, j] + x[i][j]
            total = total + y[i, j] * row[-1]
    last = y[2]
    last[1] = total
    return y


def transposed_and_flat(x: Any) -> Any:
    y = x.T * 2.0
    flat = y.T.ravel()
    flat[::3] = x[0, 0]
    flat[0] += flat[-1] * flat[1]
    z = np.copy(x, order="F")
    z.T[1] *= z[0, 1]
    z.reshape(-1, order="F")[2] = x[1, 1] * x[1, 1]
    return np.sum(y) * z + flat[:4]


@case()
def into_the_input(x: Any) -> Any:
    y = x * x
    x[0] = x[1] * x[2]
    x[3:] *= 2.0
    x += y
    return x * y


@case((2, 3))
def parts_are_views(x: Any) -> Any:
    y = x * 1.0
    left, right = np.split(y, [1], axis=1)
    left *= 3.0
    right[0] = left[1, 0]
    a, b = y
    a[...] = b * a
    return y


@case()
def out_argument(x: Any) -> Any:
    y = np.zeros_like(x)
    np.multiply(x, x, out=y)
    np.exp(y[:3], out=y[3:])
    return y


@case(())
def number(x: Any) -> Any:
    y = np.zeros(3, like=x)
    y[0] = x
    y[1:] = x * x
    return y * x


@case((3,))
def seen_through_what_cannot_be_written(x: Any) -> Any:
    y = x * 1.0
    wide = np.broadcast_to(y, (2, 3))
    column = wide[:, 1]
    diagonal = np.diagonal(np.stack([y, y, y]))
    before = wide * wide + column[0]
    y[1] = x[0] * x[2]
    y *= 2.0
    return np.concatenate([before.ravel(), (wide * x).ravel(), column * x[2], diagonal, wide[1], [wide[0, 1]]])


@case((0, 3))
def empty(x: Any) -> Any:
    y = x.copy()
    y[...] = y * 2.0
    y += x
    return np.sum(y, axis=0) + np.sum(x * x)


@case((1,))
def no_axes(x: Any) -> Any:
    y = x.reshape(()) * 2.0
    z = np.zeros((), like=x)
    z[...] = y * y
    z[()] = z * x[0]
    return z


@case()
def swapped(x: Any) -> Any:
    y = x * 1.0
    y[0], y[5] = y[5], y[0] * y[1]
    y[[1, 2]] = y[[2, 1]]
    return y


@case()
def recurrence(x: Any) -> Any:
    y = np.empty_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = np.tanh(y[i - 1] * x[i]) + y[i - 1] / (1.0 + x[i] ** 2)
    return y[::-1] * x


@case()
def stencil_on_itself(x: Any) -> Any:
    y = x * 1.0
    for _ in range(3):
        y[1:-1] = y[1:-1] + 0.1 * (y[2:] - 2.0 * y[1:-1] + y[:-2]) * y[1:-1]
    return y


@case()
def conditions_and_places(x: Any) -> Any:
    top = np.argmax(x)
    order = np.argsort(x)
    mask = (x > -0.3) & ~(x > 0.4)
    y = x[order] * x[top]
    table = np.arange(6.0) + 1.0
    return np.concatenate([y * table[order], x[mask] ** 2, np.where(mask, x, -x) * table[top]])


@case()
def counted_in_place(x: Any) -> Any:
    """Work arrays of the user's that are filled anew after they were used."""
    scale, index = np.ones(6), np.array([0, 1])
    total = 0.0
    for k in range(3):
        scale[:] = k + 1.0
        total = total + np.sum(x * scale) * np.sum(x[index] * x[index + 1]) + np.sum(x.take(index))
        index += 1
    return total


@pytest.mark.parametrize("layout", ["C", "F", "strided"])
@pytest.mark.parametrize("name", CASES)
def test_every_engine(name: str, layout: str) -> None:
    f, shape = CASES[name], SHAPES[name]
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 1.0, shape)
    if layout == "F":
        x = np.asarray(x, order="F")
    elif layout == "strided" and shape:
        x = np.repeat(x, 2, axis=-1)[..., ::2]
    Engines(lambda arrays: f(arrays[0]), [x]).check()


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("lean", [False, True])
def test_flat_views_of_arrays_in_column_order(layout: Any, lean: bool) -> None:
    """Cotangents are laid out in memory like their arrays; dual arrays refuse these writes."""
    x = np.asarray(np.random.default_rng(3).uniform(-1.0, 1.0, (3, 4)), order=layout)
    weights = np.arange(12.0).reshape(3, 4)
    tape = Tape(1, lean)
    y = np.sum(transposed_and_flat(tape.input(np.copy(x, order="K"))) * weights)
    wanted = np.zeros((3, 4))
    for place in np.ndindex(3, 4):
        moved = np.array(x, complex, order="K")
        moved[place] += 1e-30j
        wanted[place] = np.imag(np.sum(transposed_and_flat(moved) * weights)) / 1e-30
    sweep = Cotangents(tape, 1, True)
    sweep.seed(y._operand(), np.float64(1.0))
    sweep.sweep()
    np.testing.assert_allclose(sweep.of(0), wanted, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(reverse(tape, {y._operand(): 1.0}).of(0), wanted, rtol=1e-14, atol=1e-14)
    forward = Tangents(tape, 12)
    forward.seed(0, np.eye(12).reshape(12, 3, 4))
    forward.sweep()
    np.testing.assert_allclose(forward.of(y._operand()), wanted.ravel(), rtol=1e-14, atol=1e-14)
    (g,) = adjoint.extend(tape, y)
    verify(tape)
    np.testing.assert_allclose(g._primal(), wanted, rtol=1e-14, atol=1e-14)
    (t,) = tangent.extend(tape, {0: weights}, y)
    verify(tape)
    np.testing.assert_allclose(t._primal(), np.sum(wanted * weights), rtol=1e-14)


def test_single_precision() -> None:
    x = np.random.default_rng(3).uniform(-1.0, 1.0, 6).astype(np.float32)
    for name in ("view_of_view", "boolean_write", "overlapping", "swapped", "conditions_and_places"):
        Engines(lambda arrays, f=CASES[name]: f(arrays[0]), [x]).check()


def test_large_work_array_that_changes_is_refused() -> None:
    work = np.ones(20000)

    def f(x: Any) -> Any:
        y = x * work
        work[:] = 2.0
        return np.sum(y)

    with pytest.raises(dualad.errors.ChangedConstant, match="changed before its derivative"):
        dualad.grad(f)(np.ones(20000))


def test_read_only_results_refuse_writes() -> None:
    with pytest.raises(ValueError, match="read-only"):
        dualad.grad(lambda x: np.broadcast_to(x, (2, 3)).__setitem__((0, 0), 1.0) or x[0])(np.ones(3))


def test_inputs_of_the_user_are_not_written() -> None:
    x = np.arange(4.0)

    def f(x: Any) -> Any:
        x *= 2.0
        x[0] = 9.0
        return np.sum(x**2)

    np.testing.assert_array_equal(dualad.grad(f)(x), [0.0, 8.0, 16.0, 24.0])
    np.testing.assert_array_equal(x, np.arange(4.0))
