"""Kinks met on the way are listed with the line that met them, and are no reason to fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualad.check import Report, check_grad


def relu(x: Any) -> Any:
    return np.sum(np.maximum(x, 0.0) * np.array([1.0, 2.0, 3.0]))


def rectified_and_clipped(x: Any) -> Any:
    y = np.maximum(x, 0.0)
    z = np.abs(x[1] - 1.0)
    if x[0] > 0.5:
        z = z + x[0]
    return np.sum(np.clip(y, 0.1, 1.0)) + z


def met(report: Report) -> dict[str, str]:
    return {kink.operator: kink.what for kink in report.kinks}


def test_all_kinds() -> None:
    report = check_grad(rectified_and_clipped, np.array([0.5, 1.0, 0.0]))
    assert met(report) == {
        "maximum": "tie in 1 of 3 elements",
        "absolute": "at its kink 0",
        "branch >": "at its boundary: both sides are equal",
        "clip": "at a clip edge in 1 of 3 elements",
    }


def test_lines_of_the_source() -> None:
    report = check_grad(rectified_and_clipped, np.array([0.5, 1.0, 0.0]), order=1)
    text = {kink.operator: kink.place.text for kink in report.kinks if kink.place is not None}
    assert text == {
        "maximum": "y = np.maximum(x, 0.0)",
        "absolute": "z = np.abs(x[1] - 1.0)",
        "branch >": "if x[0] > 0.5:",
        "clip": "return np.sum(np.clip(y, 0.1, 1.0)) + z",
    }
    place = report.kinks[0].place
    assert place is not None
    assert (place.function, str(place).split(":")[0]) == ("rectified_and_clipped", "test_kinks.py")
    assert "test_kinks.py" in str(report)


def test_line_within_a_helper() -> None:
    def helper(x: Any) -> Any:
        return np.abs(x)

    (kink,) = check_grad(lambda x: np.sum(helper(x)), np.zeros(2), order=1).kinks
    assert kink.place is not None
    assert kink.place.function == "helper"


def test_near_kinks() -> None:
    x = np.array([1e-8, 1.0, -1.0])
    assert met(check_grad(relu, x, order=1)) == {"maximum": "nearly a tie in 1 of 3 elements"}
    assert met(check_grad(relu, x, order=1, near=1e-9)) == {}
    assert met(check_grad(relu, np.array([0.1, 1.0, -1.0]), order=1)) == {}


@pytest.mark.parametrize(
    ("f", "x", "operator"),
    [
        (lambda x: np.sort(x) @ np.array([1.0, 2.0, 4.0]), [1.0, 1.0, 2.0], "sort"),
        (lambda x: np.max(x), [2.0, 1.0, 2.0], "max"),
        (lambda x: np.linalg.norm(x), [0.0, 0.0, 0.0], "linalg.norm"),
        (lambda x: np.median(x), [1.0, 1.0, 0.5], "median"),
        (lambda x: np.sum(np.sqrt(x)), [0.0, 1.0, 2.0], "sqrt"),
        (lambda x: np.sum(np.floor(x)), [1.0, 1.5, 2.5], "floor"),
        (lambda x: np.sum(np.where(x > 1.5, x, 0.0)), [1.5, 1.0, 2.0], "condition >"),
        (lambda x: np.sum(x % 0.5), [1.5, 1.1, 2.3], "remainder"),
        (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0, 1.0], "hypot"),
    ],
)
def test_operators(f: Any, x: Any, operator: str) -> None:
    report = check_grad(f, np.array(x))
    assert operator in met(report)
    assert not report.failed


def test_between_the_one_sided_slopes_every_slope_passes() -> None:
    """At 0 the slopes of abs are -1 and 1: any number between them is right there, and no other."""
    x = np.array([0.0, 2.0])
    for slope in (-1.0, 0.0, 0.3, 1.0):
        assert check_grad(lambda x: np.sum(np.abs(x)), x, grad=lambda x, s=slope: np.array([s, 1.0])).passed
    for slope in (-1.2, 3.0, np.nan):
        assert not check_grad(lambda x: np.sum(np.abs(x)), x, grad=lambda x, s=slope: np.array([s, 1.0])).passed


def test_a_wrong_derivative_at_a_kink_fails() -> None:
    def grad(x: Any) -> Any:
        return np.where(x > 0, np.array([1.0, 2.0, -3.0]), 0.0)

    report = check_grad(relu, np.array([0.0, 1.0, 2.0]), grad=grad)
    assert report.failed
    assert (2,) in {entry.place for entry in report.worst}


def test_at_a_jump_it_is_looked_beside() -> None:
    def f(x: Any) -> Any:
        return x[0] ** 2 + (1.0 if x[0] >= 1.0 else 0.0) * x[1]

    x = np.array([1.0, 3.0])
    report = check_grad(f, x)
    assert report.passed
    assert "undecided" in {test.verdict for test in report.tests}
    assert any(test.name.startswith("beside: ") for test in report.tests)
    wrong = check_grad(f, x, grad=lambda x: np.array([3 * x[0], float(x[0] >= 1)]))
    assert not wrong.passed


def test_undecided_without_a_way_out() -> None:
    """f has steps everywhere: differences say nothing, and the check neither fails nor passes."""

    def box(x: Any) -> Any:
        return np.floor(1e12 * np.asarray(x, dtype=float)[0])

    report = check_grad(box, np.array([0.3]), grad=lambda x: np.array([1e12]))
    assert not report.failed or not report.passed
