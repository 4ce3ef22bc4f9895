"""Functions and derivatives as people bring them: no false alarm, and a sentence for every mishap."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, special

from dualad import errors
from dualad.check import Report, check_grad

X = np.array([0.3, 0.4])
SCALE = np.array([1e-8, 1e8, 1.0, 1e-3])


def rounds(x: Any) -> Any:
    return np.round(np.sum(np.exp(np.asarray(x, dtype=float))), 6)


def single(x: Any) -> Any:
    return float(np.sum(np.exp(np.asarray(x, dtype=np.float32)).astype(float)))


def swings(x: Any) -> Any:
    return np.sum(np.exp(x)) + 1e-7 * np.sin(1e12 * x[0])


def swinging(x: Any) -> Any:
    return np.exp(x) + np.array([1e5 * np.cos(1e12 * x[0]), 0.0])


def box(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of which only values are known."""
    return lambda x: float(f(x))


# --- right derivatives ------------------------------------------------------------------------------------------------

RIGHT: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "badly scaled": (lambda x: np.sum((x / SCALE - 1) ** 2), SCALE * [0.3, 0.7, 1.2, 2.0]),
    "next to nothing": (lambda x: np.sum(x**2), np.full(3, 1e-300)),
    "next to infinity": (lambda x: np.sum(x**2), np.full(3, 1e120)),
    "great offset": (lambda x: 1e15 + np.sum(np.sin(x)), X),
    "single precision inside": (lambda x: np.sum(np.exp(x.astype(np.float32))), X),
    "single precision inside, double outside": (lambda x: np.sum(np.exp(x.astype(np.float32)).astype(float)), X),
    "waves": (lambda x: np.sin(1e6 * x[0]), X),
    "terms that cancel": (lambda x: np.prod([x[0] - k for k in range(1, 21)]), np.array([10.501])),
    "saturated": (lambda x: np.sum(np.log1p(np.exp(-x))), np.array([40.0, -40.0, 0.0])),
    "next to overflow": (lambda x: np.exp(x[0]), np.array([709.7])),
    "list": (lambda x: [x[0] * x[1], np.sin(x[0])], X),
    "partial": (functools.partial(lambda x, a: a * np.sum(x**3), a=2.0), X),
    "ufunc": (np.sin, X),
    "infinite x": (lambda x: np.sum(np.exp(-x)), np.array([0.3, np.inf])),
    "end of a domain": (lambda x: np.sum(special.xlogy(x, x)), np.zeros(2)),
    "one-sided power": (lambda x: np.sum(x**1.5), np.zeros(2)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right(name: str) -> None:
    report = check_grad(*RIGHT[name])
    assert report.passed, str(report)


UNDECIDED: dict[str, tuple[Any, ...]] = {
    "rounded": (rounds, X, np.exp),
    "hidden single precision": (single, X, np.exp),
    "swings": (box(swings), X, swinging),
    "waves that no step resolves": (box(lambda x: np.sin(1e11 * x[0])), X, lambda x: [1e11 * np.cos(1e11 * x[0]), 0]),
    "nan in x": (lambda x: np.sum(x**2), np.array([0.3, np.nan])),
    "nan in f": (lambda x: np.sum(np.log(x)), np.array([-0.3, 1.0])),
    "infinite f": (lambda x: np.sum(np.exp(x)), np.array([1.0, 1e8])),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_undecided(name: str) -> None:
    report = check_grad(*UNDECIDED[name])
    assert not report.failed, str(report)
    assert not report.passed


def test_the_complex_step_decides_where_differences_cannot() -> None:
    report = check_grad(swings, X, grad=swinging)
    assert report.passed
    assert {test.verdict for test in report.tests if "differences" in test.name} == {"undecided"}


def test_every_operator_right_and_f_all_rounding() -> None:
    """1 - cos(x) has two digits here: its differences are those of rounding, and so is any derivative."""
    report = check_grad(lambda x: (1 - np.cos(x[0])) / x[0] ** 2, np.array([1e-7]))
    assert not report.failed
    assert "each operator is right by itself" in str(report)


def test_derivative_in_single_precision() -> None:
    report = check_grad(lambda x: np.sum(np.sin(x)), X, grad=lambda x: np.cos(x).astype(np.float32))
    assert report.passed
    assert "returned in single precision" in str(report)
    assert check_grad(
        lambda x: np.sum(np.sin(x)), X, hess=lambda x: np.diag(-np.sin(x)).astype(np.float32), grad=np.cos
    ).passed
    assert check_grad(lambda x: np.sum(np.sin(x)), X, grad=lambda x: (1.00001 * np.cos(x)).astype(np.float32)).failed


def test_additive_noise() -> None:
    rng = np.random.default_rng(1)

    def noisy(x: Any) -> Any:
        return float(np.sum(np.exp(x)) + 1e-7 * rng.standard_normal())

    assert check_grad(noisy, X, grad=np.exp).passed
    assert check_grad(noisy, X, grad=lambda x: 1.01 * np.exp(x)).failed


def test_forms_of_a_derivative() -> None:
    for form in (lambda g: g[np.newaxis], lambda g: g[:, np.newaxis], list, lambda g: g.astype(object)):
        assert check_grad(lambda x: np.sum(x**3), X, grad=lambda x, form=form: form(3 * x**2)).passed
    assert check_grad(lambda x: np.sum(x**2), [1.0, 2.0], jac=lambda x: (2 * x).astype(int)).passed
    assert check_grad(lambda x: np.sum(x**2), X, jac=False).passed
    assert check_grad(lambda x, a: a * np.sum(x), X, args=3.0).passed


def test_a_derivative_may_write_into_x() -> None:
    assert check_grad(lambda x: np.sum(x**2), X, grad=lambda x: np.multiply(x, 2, out=x)).passed


# --- wrong derivatives ------------------------------------------------------------------------------------------------

A = np.random.default_rng(5).standard_normal((200, 5))
POINT = np.random.default_rng(6).standard_normal(5)


def wide(x: Any) -> Any:
    return np.sin(A @ x)


def jacobian(x: Any) -> Any:
    return np.cos(A @ x)[:, np.newaxis] * A


@pytest.mark.parametrize(("n", "place"), [(100, 50), (300, 217)])
def test_the_wrong_entry_of_many_is_found(n: int, place: int) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    wrong = 1.0 + 1e-5 * (np.arange(n) == place)
    report = check_grad(optimize.rosen, x, grad=lambda x: optimize.rosen_der(x) * wrong)
    assert [entry.place for entry in report.worst] == [(place,)]
    assert report.looks_like == [f"grad: the right derivative but for entry {place}"]


def test_the_wrong_entry_of_many_results_is_found() -> None:
    def wrong(x: Any) -> Any:
        found = jacobian(x)
        found[137, 2] *= 1.001
        return found

    report = check_grad(wide, POINT, wrong)
    assert [entry.place for entry in report.worst] == [(137, 2)]
    assert report.looks_like == ["jac: the right derivative but for entry (137, 2)"]


def test_right_digits_are_counted() -> None:
    report = check_grad(box(lambda x: np.sum(np.exp(x))), X, grad=lambda x: np.exp(x) * (1 + 3e-7))
    assert report.looks_like == ["grad: right to 6 digits; f itself may have no more (a solver, a table)"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: jacobian(x).T, "jac returned shape (5, 200), not (200, 5); is it transposed?"),
        (lambda x: jacobian(x).ravel(), "jac returned shape (1000,), not (200, 5)"),
        (lambda x: None, "jac returned NoneType None, which is no array of real numbers"),
        (lambda x: "no", "jac returned str 'no', which is no array of real numbers"),
        (lambda x: jacobian(x) + 0j, "jac returned an array of complex128, which is no array of real numbers"),
        (lambda x: [[1, 2], [1]], "jac returned list [[1, 2], [1]], which is no array of real numbers"),
        (lambda: 0, "takes 0 positional arguments but 1 was given"),
    ],
)
def test_what_is_no_jacobian(wrong: Any, words: str) -> None:
    report = check_grad(wide, POINT, wrong)
    assert report.failed
    assert words in str(report)


# --- mishaps ----------------------------------------------------------------------------------------------------------


def told(*args: Any, **options: Any) -> str:
    with pytest.raises((TypeError, ValueError, errors.DifferentiationError)) as caught:
        check_grad(*args, **options)
    return str(caught.value)


def test_sentences() -> None:
    f = np.sum
    assert told(3, X) == "check_grad: f must be a function, not 3 of type int"
    assert told(f, X, "2-point") == "check_grad: jac must be a function, not '2-point' of type str"
    assert told(f, X, hess=np.eye(2)).startswith("check_grad: hess must be a function")
    assert told(f, X, directions=0) == "directions must be a whole number of at least 1, not 0"
    assert told(f, X, jac=True).startswith("with jac=True the function returns its value and its derivative, as a")
    assert "which makes no array of numbers" in told(lambda x: None, X)
    assert "which makes no array of numbers" in told(lambda x: [x, x[0]], X)
    assert "real numbers" in told(lambda x: "abc", X)
    assert "real numbers" in told(f, None)


def test_what_f_raises_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        check_grad(lambda x: 1 / 0, X)
    assert caught.value.__notes__ == [errors.raised_at_point("check_grad")]


def test_a_function_with_memory() -> None:
    calls = 0

    def counting(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return np.sum(x) * calls

    for report in (check_grad(counting, X), check_grad(counting, X, grad=np.ones_like)):
        assert isinstance(report, Report)
        assert not report.failed
        assert not report.passed


def test_values_of_arrays_of_objects_are_rounded_otherwise():
    """NumPy adds their elements one after the other; the derivatives are no worse for it."""
    t = np.random.default_rng(0).uniform(size=200)
    report = check_grad(lambda x: np.sum(np.array([np.sin(x[0] * v) + x[1] for v in t])), X)
    assert report.passed
    (value,) = [one for one in report.tests if one.name.startswith("value")]
    assert value.verdict == "skipped"
    assert "arrays of objects" in value.remark
