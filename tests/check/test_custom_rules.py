"""check_grad catches mistakes in rules that users wrote for functions of their own, and names the function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import dualad
from dualad.check import check_grad
from dualad.ops.table import TABLE

X = np.array([0.4, 0.9, 1.3, 0.7])
WEIGHTS = np.array([[0.3, -1.2, 0.8, 0.1], [1.1, 0.5, -0.4, 2.0]])


@pytest.fixture
def define() -> Iterator[Callable[..., Any]]:
    """Return ``dualad.define``; the rows that it adds are taken out again."""
    names = []

    def add(*args: Any, name: str, **rest: Any) -> Any:
        names.append(name)
        return dualad.define(*args, name=name, **rest)

    yield add
    for name in names:
        TABLE.remove(name)


def with_vjp(bwd: Callable[..., Any]) -> Any:
    @dualad.custom_vjp
    def scaled_rows(x: Any, w: Any) -> Any:
        return np.exp(x) * w

    scaled_rows.defvjp(lambda x, w: (scaled_rows(x, w), (x, w)), bwd)
    return scaled_rows


def with_jvp(rule: Callable[..., Any]) -> Any:
    @dualad.custom_jvp
    def wave(x: Any) -> Any:
        return np.sin(x) * x

    wave.defjvp(rule)
    return wave


VJP: dict[str, Callable[..., Any]] = {
    "sign": lambda kept, g: (-np.sum(g * np.exp(kept[0]) * kept[1], axis=0), None),
    "factor": lambda kept, g: (2 * np.sum(g * np.exp(kept[0]) * kept[1], axis=0), None),
    "dropped term": lambda kept, g: (np.sum(g * np.exp(kept[0]), axis=0), None),
    "index": lambda kept, g: (np.sum(g * np.exp(kept[0]) * kept[1], axis=0)[..., ::-1], None),
    "broadcast sum": lambda kept, g: (g[..., 0, :] * np.exp(kept[0]) * kept[1][0], None),
}
JVP: dict[str, Callable[..., Any]] = {
    "sign": lambda x, t: (np.sin(x[0]) * x[0], (np.sin(x[0]) - x[0] * np.cos(x[0])) * t[0]),
    "factor": lambda x, t: (np.sin(x[0]) * x[0], 0.5 * (np.sin(x[0]) + x[0] * np.cos(x[0])) * t[0]),
    "dropped term": lambda x, t: (np.sin(x[0]) * x[0], x[0] * np.cos(x[0]) * t[0]),
}


def right_vjp(kept: Any, g: Any) -> Any:
    return np.sum(g * np.exp(kept[0]) * kept[1], axis=0), None


def right_jvp(x: Any, t: Any) -> Any:
    return np.sin(x[0]) * x[0], (np.sin(x[0]) + x[0] * np.cos(x[0])) * t[0]


@pytest.mark.parametrize("kind", VJP)
def test_custom_vjp(kind: str) -> None:
    function = with_vjp(VJP[kind])
    report = check_grad(lambda x: np.sum(np.cos(function(x * x, WEIGHTS)) * x), X, order=1)
    assert report.failed
    assert {fault.operator for fault in report.faults} == {"scaled_rows"}


@pytest.mark.parametrize("kind", JVP)
def test_custom_jvp(kind: str) -> None:
    function = with_jvp(JVP[kind])
    report = check_grad(lambda x: np.sum(np.exp(function(x * x)) * x), X, order=1)
    assert report.failed
    assert {fault.operator for fault in report.faults} == {"wave"}


def test_right_rules() -> None:
    rows, wave = with_vjp(right_vjp), with_jvp(right_jvp)
    assert check_grad(lambda x: np.sum(np.cos(rows(x * x, WEIGHTS)) * wave(x)), X, order=1).passed


@pytest.mark.parametrize(("kind", "formula"), [("sign", "-3*x*x"), ("factor", "x*x"), ("dropped term", "3*x")])
def test_define(define: Callable[..., Any], kind: str, formula: str) -> None:
    cube = define(lambda x: x * x * x, formula, name="cube", args="x")
    report = check_grad(lambda x: np.sum(np.sin(cube(x)) * x), X, order=1)
    assert report.failed
    assert {fault.operator for fault in report.faults} == {"cube"}


def test_formula_that_is_right_and_whose_derivative_is_wrong(define: Callable[..., Any]) -> None:
    """A branch that is right at the one point x hides the slope of the formula: only second derivatives show it."""
    cube = define(lambda x: x * x * x, "where(x == 0.9, 2.43, 3*x*x)", name="branching_cube", args="x")

    def f(x: Any) -> Any:
        return np.sum(np.sin(cube(x)))

    assert check_grad(f, X, order=1).passed
    report = check_grad(f, X)
    assert report.failed
    assert {(fault.operator, fault.rule) for fault in report.faults} == {("branching_cube", "second order")}
