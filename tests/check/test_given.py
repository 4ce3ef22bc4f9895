"""Derivatives that users wrote: right ones pass in every form that SciPy takes, wrong ones are found to the entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, sparse
from scipy.sparse.linalg import aslinearoperator

from dualad.check import check_grad

X = np.array([-1.2, 0.7, 1.1, 0.4])
T = np.linspace(0.0, 1.0, 6)


def residual(b: Any) -> Any:
    return b[0] * np.exp(-b[1] * T) + b[2] * np.sin(b[3] * T)


def jacobian(b: Any) -> Any:
    decay = np.exp(-b[1] * T)
    return np.stack([decay, -b[0] * T * decay, np.sin(b[3] * T), b[2] * T * np.cos(b[3] * T)], axis=1)


def quadratic(x: Any, matrix: Any) -> Any:
    return x @ matrix @ x / 2 + np.sum(np.sin(x))


MATRIX = np.array([[2.0, 0.3, 0.1, 0.7], [0.3, 1.5, 0.2, 0.4], [0.1, 0.2, 1.0, 0.6], [0.7, 0.4, 0.6, 3.0]])


def gradient(x: Any, matrix: Any) -> Any:
    return matrix @ x + np.cos(x)


def hessian(x: Any, matrix: Any) -> Any:
    return matrix - np.diag(np.sin(x))


# --- right ones -------------------------------------------------------------------------------------------------------


def test_of_scipy() -> None:
    report = check_grad(
        optimize.rosen,
        X,
        jac=optimize.rosen_der,
        hess=optimize.rosen_hess,
        hessp=optimize.rosen_hess_prod,
    )
    assert report.passed
    assert {test.name.split(":")[0] for test in report.tests} >= {"jac", "hess", "hessp"}
    assert not report.worst


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.coo_matrix, aslinearoperator])
def test_forms_of_a_jacobian(form: Callable[[Any], Any]) -> None:
    assert check_grad(residual, X, jac=lambda b: form(jacobian(b))).passed


def test_arguments_are_passed_on() -> None:
    report = check_grad(
        quadratic, X, grad=gradient, hess=hessian, hessp=lambda x, p, matrix: hessian(x, matrix) @ p, args=(MATRIX,)
    )
    assert report.passed


def test_jac_true() -> None:
    def both(x: Any) -> Any:
        return quadratic(x, MATRIX), gradient(x, MATRIX)

    assert check_grad(both, X, jac=True).passed
    assert not check_grad(lambda x: (both(x)[0], 2 * both(x)[1]), X, jac=True).passed


def test_function_of_a_number() -> None:
    assert check_grad(lambda x: x**3, 1.3, jac=lambda x: 3 * x**2, hess=lambda x: 6 * x).passed
    assert not check_grad(lambda x: x**3, 1.3, jac=lambda x: 3 * x).passed


def test_of_a_matrix() -> None:
    x = np.arange(6.0).reshape(2, 3)
    assert check_grad(lambda x: np.sum(x**3), x, grad=lambda x: 3 * x**2).passed
    report = check_grad(lambda x: np.sum(x**3), x, grad=lambda x: 3 * x**2 + (x == 4.0))
    assert [entry.place for entry in report.worst] == [(1, 1)]


def test_function_that_cannot_be_recorded() -> None:
    """The derivative of a black box is checked by differences alone."""

    def box(x: Any) -> Any:
        return np.array([float(v) ** 2 for v in x])

    assert check_grad(box, X, jac=lambda x: np.diag(2 * x)).passed
    assert check_grad(box, X, jac=lambda x: np.diag(2 * x) + 1e-6).failed


# --- wrong ones -------------------------------------------------------------------------------------------------------


def spoiled(column: int, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def wrong(b: Any) -> Any:
        found = jacobian(b)
        found[:, column] = change(found[:, column])
        return found

    return wrong


JACOBIANS: dict[str, tuple[Callable[[Any], Any], set[int]]] = {
    "sign": (spoiled(1, lambda c: -c), {1}),
    "factor": (spoiled(3, lambda c: c * 0.5), {3}),
    "dropped factor": (spoiled(1, lambda c: np.where(T > 0, c / np.maximum(T, 0.1), c)), {1}),
    "small": (spoiled(0, lambda c: c + 1e-7), {0}),
    "swapped": (lambda b: jacobian(b)[:, [0, 2, 1, 3]], {1, 2}),
    "whole": (lambda b: -jacobian(b), {0, 1, 2, 3}),
}


@pytest.mark.parametrize("mistake", JACOBIANS)
def test_wrong_jacobian(mistake: str) -> None:
    wrong, columns = JACOBIANS[mistake]
    report = check_grad(residual, X, jac=wrong)
    assert report.failed
    assert {entry.place[1] for entry in report.worst} <= columns
    assert {entry.name for entry in report.worst} == {"jac"}


GRADIENTS: dict[str, tuple[Callable[..., Any], str]] = {
    "sign": (lambda x, m: -gradient(x, m), "the right derivative with the other sign"),
    "factor": (lambda x, m: 2 * gradient(x, m), "the right derivative times 2"),
    "dropped term": (lambda x, m: m @ x, ""),
    "dropped entry": (lambda x, m: gradient(x, m) * (np.arange(4) != 2), "right in 3 of 4 entries; wrong in entry 2"),
    "index": (lambda x, m: gradient(x, m)[::-1], ""),
}


@pytest.mark.parametrize("mistake", GRADIENTS)
def test_wrong_gradient(mistake: str) -> None:
    wrong, likeness = GRADIENTS[mistake]
    report = check_grad(quadratic, X, grad=wrong, args=(MATRIX,))
    assert report.failed
    assert report.worst
    assert report.looks_like == ([f"grad: {likeness}"] if likeness else [])


def test_missing_broadcast_sum() -> None:
    """The gradient of a number that was broadcast must be summed: here every element gets its own."""
    report = check_grad(lambda x: np.sum(x * T), 1.5, grad=lambda x: T)
    assert report.failed
    assert "shape (6,)" in str(report)


def test_transposed_jacobian() -> None:
    m = np.array([[1.0, 2.0], [3.0, 5.0]])
    report = check_grad(lambda x: m @ x, np.array([0.3, 0.9]), jac=lambda x: m.T)
    assert report.looks_like == ["jac: the transpose of the right derivative"]


HESSIANS: dict[str, Callable[..., Any]] = {
    "sign": lambda x, m: m + np.diag(np.sin(x)),
    "factor": lambda x, m: 0.5 * hessian(x, m),
    "dropped term": lambda x, m: m,
    "one entry": lambda x, m: hessian(x, m) + 1e-3 * np.eye(4)[:, [1, 0, 2, 3]],
    "triangle": lambda x, m: np.tril(hessian(x, m)),
}


@pytest.mark.parametrize("mistake", HESSIANS)
def test_wrong_hessian(mistake: str) -> None:
    report = check_grad(quadratic, X, hess=HESSIANS[mistake], args=(MATRIX,))
    assert report.failed
    assert report.worst


@pytest.mark.parametrize("mistake", HESSIANS)
def test_wrong_hessian_product(mistake: str) -> None:
    report = check_grad(quadratic, X, hessp=lambda x, p, m: HESSIANS[mistake](x, m) @ p, args=(MATRIX,))
    assert report.failed


def test_hessian_that_is_not_symmetric_fails_for_symmetry() -> None:
    report = check_grad(quadratic, X, hess=HESSIANS["triangle"], args=(MATRIX,))
    assert "hess: symmetry" in {test.name for test in report.tests if test.verdict == "failed"}


def test_hessian_of_a_black_box_by_second_differences() -> None:
    def box(x: Any) -> Any:
        return float(x[0]) ** 2 * float(x[1])

    x = np.array([1.5, 0.4])

    def hess(x: Any) -> Any:
        return np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 0.0]])

    assert check_grad(box, x, hess=hess).passed
    assert check_grad(box, x, hess=lambda x: 1.01 * hess(x)).failed


def test_raising_derivative() -> None:
    def jac(b: Any) -> Any:
        raise ZeroDivisionError("too early")

    report = check_grad(residual, X, jac=jac)
    assert report.failed
    assert "ZeroDivisionError: too early" in str(report)


def test_hessian_of_several_results_is_refused() -> None:
    with pytest.raises(ValueError, match="hess and hessp are checked for a function that returns one number"):
        check_grad(residual, X, hess=hessian)


def test_order_is_one_or_two() -> None:
    with pytest.raises(ValueError, match="order must be 1"):
        check_grad(residual, X, order=3)
