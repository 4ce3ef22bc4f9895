"""Adjoints as nodes: the textbook example, how few nodes there are, and derivatives of derivatives."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dualad
from dualad.drivers.forward_over_reverse import SecondOrder, hessian_columns
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.transforms import adjoint, tangent
from dualad.transforms.verify import verify


def recorded(f: Callable[..., Any], *arrays: Any, lean: bool = False) -> tuple[Tape, Any]:
    """Return the tape of a function and what it returned."""
    tape = Tape(fresh_level(), lean)
    inputs = [tape.input(np.float64(x) if np.ndim(x) == 0 else np.array(x)) for x in arrays]
    return tape, f(*inputs)


def names(tape: Tape, start: int) -> list[str]:
    """Return what the nodes from ``start`` on are called."""
    found = []
    for node in range(start, len(tape)):
        op = tape.operator(node)
        if op >= 0:
            found.append(tape.row_of(node).name)
        elif op == -4:
            record = tape.record_of(node)
            found.append(record.row.name if record.row is not None else record.kind)
        else:
            found.append({-1: "leaf", -2: "read", -3: "write"}.get(op, "compare"))
    return found


def textbook(x1: Any, x2: Any) -> Any:
    return np.log(x1) + x1 * x2 - np.sin(x2)


def test_textbook_example() -> None:
    tape, y = recorded(textbook, 2.0, 5.0)
    n = len(tape)
    gradient = adjoint.extend(tape, y)
    verify(tape)
    assert [float(g._primal()) for g in gradient] == pytest.approx([5.5, 2.0 - np.cos(5.0)], abs=1e-15)
    # x1_bar = x2 + 1/x1, x2_bar = x1 - cos x2
    assert sorted(names(tape, n)) == ["add", "add", "cos", "divide", "negative"]


@pytest.mark.parametrize(
    ("f", "written"),
    [
        (lambda x: x + 1.0, ["leaf"]),
        (lambda x: 3.0 * x, ["leaf"]),
        (lambda x: -x, ["leaf"]),
        (lambda x: x * x, ["add"]),
        (lambda x: np.sin(x), ["cos"]),
        (lambda x: np.exp(x), []),
        (lambda x: x**2, ["multiply"]),
        (lambda x: x**1, ["leaf"]),
        (lambda x: np.sin(x) * np.cos(x), ["multiply", "multiply", "negative", "scale", "add"]),
        (lambda x: np.sqrt(x) * 0.0, ["leaf"]),
    ],
)
def test_constants_fold_and_nodes_are_shared(f: Any, written: list[str]) -> None:
    tape, y = recorded(f, 0.7)
    n = len(tape)
    (g,) = adjoint.extend(tape, y)
    assert len(names(tape, n)) <= len(written), names(tape, n)
    step = 1e-30
    assert float(g._primal()) == pytest.approx(np.imag(f(0.7 + step * 1j)) / step, rel=1e-14)


def test_the_same_operation_is_one_node() -> None:
    tape, y = recorded(lambda x: np.sin(x) + np.sin(x) * np.cos(x), 0.7)
    adjoint.extend(tape, y)
    written = names(tape, 0)
    # Two sines are what was recorded; the cosine of the record serves the adjoints.
    assert written.count("cos") == 1
    assert written.count("sin") == 2


def test_nothing_is_written_for_what_does_not_vary() -> None:
    def f(x: Any) -> Any:
        table = np.zeros(3, like=x)
        table[1] = 2.0
        return np.sum(np.exp(table) * x)

    tape, y = recorded(f, 0.7)
    n = len(tape)
    adjoint.extend(tape, y)
    assert "exp" not in names(tape, n)


@pytest.mark.parametrize(
    ("f", "fourth"),
    [
        (lambda x: np.exp(x) * np.sin(x), lambda x: -4.0 * np.exp(x) * np.sin(x)),
        (lambda x: np.log(x), lambda x: -6.0 / x**4),
        (lambda x: x**5 / 120.0, lambda x: x),
        (lambda x: np.sqrt(x), lambda x: -15.0 / 16.0 * x**-3.5),
        (lambda x: 1.0 / (1.0 + x), lambda x: 24.0 / (1.0 + x) ** 5),
        (lambda x: np.tanh(x), lambda x: _tanh4(np.tanh(x))),
        (lambda x: x**x, lambda x: _power4(x)),
    ],
)
@pytest.mark.parametrize("x", [0.7, 1.3])
def test_fourth_derivative_by_repeated_extension(f: Any, fourth: Any, x: float) -> None:
    tape, y = recorded(f, x)
    for _ in range(4):
        (y,) = adjoint.extend(tape, y)
        verify(tape)
    assert float(y._primal()) == pytest.approx(fourth(x), rel=1e-12)
    assert len(tape) < 800


def _tanh4(t: float) -> float:
    return 8.0 * t * (2.0 - 5.0 * t**2 + 3.0 * t**4)


def _power4(x: float) -> float:
    u = 1.0 + np.log(x)
    return float(x**x * (u**4 + 6.0 * u**2 / x + 3.0 / x**2 - 4.0 * u / x**2 + 2.0 / x**3))


def test_fourth_derivative_of_a_loop_that_writes() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(4, like=x)
        y[0] = x
        for i in range(1, 4):
            y[i] = y[i - 1] * x
        y[1:] *= 2.0
        return np.sum(y)  # x + 2 x**2 + 2 x**3 + 2 x**4

    tape, y = recorded(f, 1.5)
    wanted = [1.5 + 2 * 1.5**2 + 2 * 1.5**3 + 2 * 1.5**4, 1 + 6 + 13.5 + 27, 4 + 18 + 54, 12 + 72, 48]
    for value in wanted:
        assert float(y._primal()) == pytest.approx(value, rel=1e-13)
        (y,) = adjoint.extend(tape, y)
        verify(tape)


# --- versions that are read after they were overwritten ---------------------------------------------------------------


def overwritten(x: Any) -> Any:
    y = x * x
    total = np.sum(y * y * x)
    y[1] = x[0] * x[2]
    view = y[1:]
    total = total + np.sum(view**3)
    view *= x[:2]
    return total + np.prod(y) * np.sum(np.sin(y))


@pytest.mark.parametrize("lean", [False, True])
def test_rules_that_need_an_old_version(lean: bool) -> None:
    point = np.array([0.7, -0.4, 1.2])
    tape, y = recorded(overwritten, point, lean=lean)
    (g,) = adjoint.extend(tape, y)
    verify(tape)
    assert tape.late
    np.testing.assert_allclose(g._primal(), dualad.jacobian(overwritten, mode="forward")(point), rtol=1e-13)
    hessian = dualad.hessian(overwritten)(point)
    forward = Tangents(tape, 3)
    forward.seed(tape.inputs[0], np.eye(3))
    forward.sweep()
    np.testing.assert_allclose(forward.of(g._operand()), hessian, rtol=1e-12, atol=1e-12)
    back = Cotangents(tape, 3, False)
    back.seed(g._operand(), np.eye(3))
    back.sweep()
    np.testing.assert_allclose(back.of(tape.inputs[0]), hessian, rtol=1e-12, atol=1e-12)
    (row,) = adjoint.extend(tape, g[1])
    verify(tape)
    np.testing.assert_allclose(row._primal(), hessian[1], rtol=1e-12, atol=1e-12)
    (column,) = tangent.extend(tape, {tape.inputs[0]: np.array([0.0, 1.0, 0.0])}, g)
    verify(tape)
    np.testing.assert_allclose(column._primal(), hessian[1], rtol=1e-12, atol=1e-12)


# --- second order -----------------------------------------------------------------------------------------------------


def two(x: Any, y: Any) -> Any:
    return np.sum(np.exp(x[:2]) * y) + np.dot(x, x) * np.sum(y**3)


def test_columns_of_a_hessian() -> None:
    x, y = np.array([0.3, -0.2, 0.9]), np.array([0.5, 1.5])
    tape, value = recorded(two, x, y, lean=True)
    lanes = [np.concatenate([np.eye(3), np.zeros((2, 3))]), np.concatenate([np.zeros((3, 2)), np.eye(2)])]
    columns = np.concatenate(hessian_columns(tape, value, lanes), axis=1)
    joined = dualad.hessian(lambda z: two(z[:3], z[3:]))(np.concatenate([x, y]))
    np.testing.assert_allclose(columns, joined, rtol=1e-13, atol=1e-13)


def test_chunks_of_columns_need_one_extension() -> None:
    x, y = np.array([0.3, -0.2, 0.9]), np.array([0.5, 1.5])
    tape, value = recorded(two, x, y, lean=True)
    second = SecondOrder(tape, value)
    n = len(tape)
    whole = second.columns([np.eye(3), np.zeros((3, 2))])
    for k in range(3):
        part = second.columns([np.eye(3)[k : k + 1], np.zeros((1, 2))])
        for a, b in zip(part, whole, strict=True):
            np.testing.assert_allclose(a[0], b[k], rtol=1e-15, atol=1e-15)
    assert len(tape) == n


def test_hessian_vector_product_as_nodes() -> None:
    x, y = np.array([0.3, -0.2, 0.9]), np.array([0.5, 1.5])
    tape, value = recorded(two, x, y)
    gradient = adjoint.extend(tape, value)
    p = tape.constant(np.array([1.0, -2.0, 0.5]))
    products = tangent.extend(tape, {tape.inputs[0]: p}, gradient)
    verify(tape)
    joined = dualad.hessian(lambda z: two(z[:3], z[3:]))(np.concatenate([x, y]))
    wanted = joined @ np.array([1.0, -2.0, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(np.concatenate([q._primal() for q in products]), wanted, rtol=1e-13)


def test_everything_is_freed() -> None:
    def f(x: Any) -> Any:
        y = x * x
        left, right = np.split(y, 2)
        left *= right
        return overwritten(y[:3]) * np.linalg.norm(right) + np.prod(y) + np.sum(np.broadcast_to(y, (2, y.size)))

    def once() -> None:
        tape, value = recorded(f, np.linspace(0.5, 1.5, 2000))
        (g,) = adjoint.extend(tape, value)
        tangent.extend(tape, {tape.inputs[0]: np.ones(2000)}, g)

    once()
    gc.collect()
    tracemalloc.start()
    once()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10):
        once()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 50_000  # one array kept by each call would be 160 000


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_outputs_of_the_tape() -> None:
    tape, y = recorded(textbook, 2.0, 5.0)
    tape.outputs = [y._operand()]
    assert float(adjoint.extend(tape)[0]._primal()) == 5.5


def test_an_array_needs_its_adjoint() -> None:
    tape, y = recorded(lambda x: x * x, np.arange(3.0))
    with pytest.raises(dualad.errors.NotScalar, match=r"shape \(3,\)"):
        adjoint.extend(tape, y)
    (g,) = adjoint.extend(tape, {y._operand(): np.array([1.0, 0.0, 2.0])})
    np.testing.assert_array_equal(g._primal(), [0.0, 0.0, 8.0])


def test_an_input_that_does_nothing() -> None:
    tape, y = recorded(lambda x, z: np.sum(x), np.arange(3.0), np.ones((2, 2)))
    g, nothing = adjoint.extend(tape, y)
    np.testing.assert_array_equal(g._primal(), np.ones(3))
    np.testing.assert_array_equal(nothing._primal(), np.zeros((2, 2)))


def test_some_inputs_only() -> None:
    tape, y = recorded(textbook, 2.0, 5.0)
    n = len(tape)
    (g,) = adjoint.extend(tape, y, inputs=tape.inputs[:1])
    assert float(g._primal()) == 5.5
    assert "cos" not in names(tape, n)


def test_what_cannot_be_differentiated_again_is_refused_when_it_is() -> None:
    from scipy import special

    tape, y = recorded(lambda d: special.smirnov(3, d), 0.4)
    (g,) = adjoint.extend(tape, y)
    with pytest.raises(dualad.errors.NotWritten, match="not written yet"):
        adjoint.extend(tape, g)
