"""A tape in the symbols of SymPy: expressions with the values of the function, and derivatives that are ours."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from scipy import special

import dualad
from dualad import errors
from dualad.draw.symbolic import to_sympy

sympy = pytest.importorskip("sympy")

X = np.array([0.3, 0.8, 1.4])
A = np.array([[2.0, 0.3, 0.1], [0.4, 1.5, 0.2], [0.1, 0.6, 1.9]])


def filled(x: Any) -> Any:
    y = np.zeros_like(x)
    for i in range(3):
        y[i] = x[i] * x[(i + 1) % 3]
    y[1:] *= 2.0
    return y


def branching(x: Any) -> Any:
    return x[0] ** 2 if x[0] < x[1] else x[1]


PROGRAMS: dict[str, Any] = {
    "scalars": lambda x: np.sin(x[0]) * x[1] ** 2 + np.exp(-x[2]) / x[0],
    "sums": lambda x: np.sum(np.tanh(x) * 2.5) + np.mean(x) - np.prod(x),
    "products": lambda x: x @ A @ x + np.dot(x, x) + np.trace(np.outer(x, x)),
    "shapes": lambda x: np.concatenate([x, 2 * x])[::-1].reshape(2, 3).T[1],
    "fill loop": filled,
    "choices": lambda x: np.where(x > 0.5, x * x, np.abs(x)) + np.maximum(x, 0.4) + np.clip(x, 0.1, 0.9),
    "branch": branching,
    "special functions": lambda x: special.gammaln(x) + special.erf(x) + np.hypot(x, 2.0) + np.log1p(x),
    "linear algebra": lambda x: np.linalg.solve(A * x[0], x) + np.linalg.det(A * x) + np.linalg.norm(x),
    "extremes": lambda x: np.max(x) * np.min(np.sin(x)),
    "inverse": lambda x: np.linalg.inv(A * x[1]),
    "cumulative": lambda x: np.cumsum(x * x),
}


def values(symbols: Any, expressions: Any, x: Any) -> Any:
    at = dict(zip(np.ravel(symbols), np.ravel(x).tolist(), strict=True))
    numbers = [float(e.subs(at)) for e in np.ravel(np.array(expressions, dtype=object))]
    return np.reshape(numbers, np.shape(expressions))


@pytest.mark.parametrize("name", PROGRAMS)
def test_values(name: str) -> None:
    f = PROGRAMS[name]
    symbols, expressions = to_sympy(dualad.record(f, X))
    assert np.shape(expressions) == np.shape(f(X))
    np.testing.assert_allclose(values(symbols, expressions, X), f(X), rtol=1e-13)


@pytest.mark.parametrize("name", ["scalars", "sums", "products", "fill loop", "special functions", "cumulative"])
def test_derivatives(name: str) -> None:
    f = PROGRAMS[name]
    symbols, expressions = to_sympy(dualad.record(f, X))
    flat = np.ravel(np.array(expressions, dtype=object))
    found = [values(symbols, [e.diff(x) for x in symbols], X) for e in flat]
    np.testing.assert_allclose(np.reshape(found, (-1, 3)), np.reshape(dualad.jacobian(f)(X), (-1, 3)), rtol=1e-12)


def test_names() -> None:
    symbols, expression = to_sympy(dualad.record(lambda x: x * x + 2, 3.0))
    assert str(symbols) == "x"
    assert str(expression) == "x**2 + 2"
    (_, b), expression = to_sympy(dualad.record(lambda a, b: a * b[1], 2.0, X), names=["a", "b"])
    assert str(expression) == "a*b_1"
    assert [str(s) for s in b] == ["b_0", "b_1", "b_2"]
    symbols, _ = to_sympy(dualad.record(lambda x: x[0, 1], np.eye(2)))
    assert str(symbols[1, 0]) == "x_1_0"
    with pytest.raises(ValueError, match="2 names for 1 input"):
        to_sympy(dualad.record(lambda x: x, 1.0), names=["a", "b"])


def test_a_tape_does_it_itself() -> None:
    tape = dualad.record(lambda x: x * x + 2, 3.0)
    assert tape.to_sympy() == to_sympy(tape)
    assert str(tape.to_sympy(["t"]).expressions) == "t**2 + 2"
    assert str(tape.to_sympy(names=["u"]).symbols) == "u"


def test_several_outputs() -> None:
    _, (first, second) = to_sympy(dualad.record(lambda x: (x * x, np.sin(x)), 1.0))
    assert (str(first), str(second)) == ("x**2", "sin(x)")


def test_numbers_are_those_of_the_function() -> None:
    _, expression = to_sympy(dualad.record(lambda x: 0.1 * x + x**3 / 2, 1.0))
    assert str(expression) == "x**3/2 + 0.1*x"


def test_what_cannot_be_written() -> None:
    with pytest.raises(errors.NotWritten, match=r"svd cannot be written in symbols here"):
        to_sympy(dualad.record(lambda x: np.linalg.svd(np.outer(x, x) + np.eye(3))[1], X))
    with pytest.raises(errors.NotWritten, match=r"modf cannot be written in symbols here"):
        to_sympy(dualad.record(lambda x: np.modf(x)[0], X))


def test_without_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(ImportError, match='extra "sympy"'):
        dualad.record(lambda x: x, 1.0).to_sympy()
