"""What a check says: the verdict, the table, the picture, progress, and what it does with functions that are odd."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dualad
from dualad import errors
from dualad.check import Outcome, Report, check_grad
from dualad.check import progress as progress_module
from dualad.check.progress import Progress
from dualad.testing import assert_grad

X = np.array([0.4, 0.9, 1.3])


def f(x: Any) -> Any:
    return np.sum(np.exp(x) * np.sin(x[0]))


def test_the_table() -> None:
    text = str(check_grad(f, X))
    first, heading, *rows = text.splitlines()
    assert first.startswith("check of f: passed (x of shape (3,), result of shape (),")
    assert heading.split() == ["test", "verdict", "error", "allowed"]
    names = [row.split("  ")[1] for row in rows]
    wanted = [
        "forward: differences along 3 directions",
        "reverse: differences along 3 directions",
        "forward: Taylor remainder of slope 2",
        "forward: complex step",
        "forward = reverse: <u, J v> = <J'u, v>",
        "hyper-dual: differences of gradients along 3 directions",
        "hyper-dual: Taylor remainder of slope 3",
        "forward over reverse: symmetry",
        "hyper-dual = forward over reverse",
    ]
    for part in wanted:
        assert part in names
    assert max(map(len, text.splitlines())) <= 160


def test_truth() -> None:
    good, bad = check_grad(f, X), check_grad(f, X, grad=np.exp)
    assert good
    assert good.passed
    assert not bad
    assert bad.failed
    assert str(bad).startswith("check of f: FAILED")
    undecided = Report("f", (), (), [Outcome("forward: differences", "undecided")])
    assert not undecided
    assert not undecided.failed
    assert str(undecided).startswith("check of f: UNDECIDED")


def test_slopes_are_those_of_the_textbook() -> None:
    remarks = {test.name: test.remark for test in check_grad(f, X).tests if "Taylor" in test.name}
    found = {name: float(remark.removeprefix("slope ")) for name, remark in remarks.items()}
    for name, slope in found.items():
        assert slope == pytest.approx(3.0 if name.endswith("3") else 2.0, abs=0.1)
    assert len(found) == 3


def test_the_verdict_rests_on_an_estimate() -> None:
    """The error is of the size of rounding, and what is allowed is not much more than that."""
    for test in check_grad(f, X).tests:
        if "differences" in test.name:
            assert test.error is not None
            assert test.allowed is not None
            assert test.error <= test.allowed <= 1e-8


def test_noise_is_allowed_for() -> None:
    """A function with 8 digits is checked to about 8 digits, one with 16 to more."""

    def fine(x: Any) -> Any:
        return np.sum(np.exp(x))

    def coarse(x: Any) -> Any:
        return fine(x) + 1e-8 * np.sin(1e14 * np.sum(x) % 1.0)

    def grad(factor: float) -> Any:
        return lambda x: np.exp(x) * factor

    # As numbers of Python they are black boxes: there is no derivative of ours to compare with.
    def box(f: Any) -> Any:
        return lambda x: float(f(x))

    for factor in (1.0, 1.0 + 1e-9):
        assert check_grad(box(coarse), X, grad=grad(factor)).passed
    assert check_grad(box(coarse), X, grad=grad(1.001)).failed
    assert check_grad(box(fine), X, grad=grad(1.0)).passed
    assert check_grad(box(fine), X, grad=grad(1.0 + 1e-9)).failed


def test_badly_scaled_coordinates() -> None:
    """Coordinates of very different size are moved by steps of their own."""
    scale = np.array([1e-8, 1e8, 1.0])

    def badly(x: Any) -> Any:
        return np.sum(np.sin(x / scale))

    x = np.array([0.3, 0.5, 0.7]) * scale
    assert check_grad(badly, x).passed
    report = check_grad(badly, x, grad=lambda x: np.cos(x / scale) / scale * np.array([1.0, 1.001, 1.0]))
    assert [entry.place for entry in report.worst] == [(1,)]


def test_many_coordinates() -> None:
    """With fewer directions than coordinates the directions share them out: one wrong entry of 300 is found."""
    x = np.linspace(0.5, 1.5, 300)
    assert check_grad(lambda x: np.sum(np.sin(x)), x).passed
    report = check_grad(lambda x: np.sum(np.sin(x)), x, grad=lambda x: np.cos(x) * (1 + 1e-6 * (np.arange(300) == 217)))
    assert report.failed


def test_single_precision() -> None:
    assert check_grad(f, X.astype(np.float32)).passed
    assert check_grad(f, X.astype(np.float32), grad=lambda x: 1.01 * dualad.grad(f)(x)).failed


def test_f_may_write_into_its_argument() -> None:
    def writing(x: Any) -> Any:
        x[0] = x[0] * x[1]
        x *= 2.0
        return np.sum(np.sin(x))

    x = X.copy()
    assert check_grad(writing, x).passed
    np.testing.assert_array_equal(x, X)


def test_random_numbers() -> None:
    rng = np.random.default_rng(0)
    report = check_grad(lambda x: np.sum(x) * rng.uniform(), X)
    assert not report.passed
    assert not report.failed
    assert "it returns other numbers when it is called again" in str(report)


def test_nothing_to_differentiate() -> None:
    assert check_grad(lambda x: np.sum(x), np.zeros(0)).passed
    assert check_grad(lambda x: x[:0], X).passed
    assert check_grad(lambda x: np.float64(3.0), X).passed


def test_refusals_are_those_of_the_package() -> None:
    with pytest.raises(errors.DerivativeLost):
        check_grad(lambda x: float(x[0]), X)
    with pytest.raises(errors.UnsupportedType):
        check_grad(f, X + 0j)


def test_seed() -> None:
    one, other = str(check_grad(f, X, seed=3)), str(check_grad(f, X, seed=3))
    assert one == other


def test_evaluations_are_counted() -> None:
    calls = 0

    def counted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return f(x)

    report = check_grad(counted, X, grad=dualad.grad(f))
    assert 0 <= calls - report.evaluations <= 20  # recordings and dual numbers call f as well


# --- the picture ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not there")
def test_picture(tmp_path: Path) -> None:
    report = check_grad(f, X)
    axes = report.plot(tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 5000
    labels = [line.get_label() for line in axes.get_lines()]
    forward, central = (axes.get_lines()[labels.index(f"{kind} differences")] for kind in ("forward", "central"))
    h, errors_ = central.get_xdata(), central.get_ydata()
    lowest = int(np.argmin(errors_))
    # A V: truncation falls with the square of the step down to the bottom, rounding rises beyond it.
    assert errors_[0] / errors_[2] == pytest.approx((h[0] / h[2]) ** 2, rel=0.5)
    assert errors_[-1] > 100 * errors_[lowest]
    assert np.min(forward.get_ydata()) > errors_[lowest]
    assert report.plot(axes=axes) is axes


def test_no_picture_without_differences() -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="no differences to draw"):
        Report("f", (), ()).plot()


def test_picture_needs_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match='extra "plot"'):
        check_grad(f, X, order=1).plot()


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_is_silent_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    check_grad(f, X)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_is_silent_without_rich(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress_module.importlib.util, "find_spec", lambda name: None)
    check_grad(f, X, progress=True)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_progress_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rich = pytest.importorskip("rich.console")
    real = rich.Console
    shown = io.StringIO()
    monkeypatch.setattr(rich, "Console", lambda stderr: real(file=shown, force_terminal=True))
    with Progress(4, True) as bar:
        for _ in range(4):
            bar.step()
    assert "checking derivatives" in shown.getvalue()


# --- for test suites --------------------------------------------------------------------------------------------------


def test_assert_grad() -> None:
    assert isinstance(assert_grad(f, X), Report)
    assert_grad(f, X, dualad.grad(f))
    assert_grad(f, X, hess=dualad.hessian(f), args=())
    with pytest.raises(AssertionError, match=r"check of f: FAILED(.|\n)*wrong entries"):
        assert_grad(f, X, np.exp)
