"""The package from the shell: check and info."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import dualad
from dualad.__main__ import main

SOURCE = """
import numpy as np

def f(x):
    return np.sum(np.exp(x) * x)

def grad(x):
    return np.exp(x) * (1 + x)

def bad(x):
    return np.exp(x) * x

def scaled(x, a, b):
    return a * x ** b

def trace(x):
    return np.trace(x @ x)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "functions_of_the_shell"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_check(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{module}:f", "--at", "-1,2,3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("check of f: passed (x of shape (3,)")
    assert "hyper-dual" in out


def test_check_of_a_derivative(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{module}.py:f", "--at", "1,2,3", "--grad", f"{module}:grad"]) == 0
    assert main(["check", f"{module}:f", "--at", "1,2,3", "--grad", f"{module}:bad"]) == 1
    assert "wrong entries" in capsys.readouterr().out


def test_forms_of_the_point(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", f"{module}:scaled", "--at", "2", "--args", "(1.5, 3)", "--order", "1"]) == 0
    assert "x of shape ()" in capsys.readouterr().out
    assert main(["check", f"{module}:trace", "--at", "[[1,2],[3,4]]"]) == 0
    assert "x of shape (2, 2)" in capsys.readouterr().out
    assert main(["check", f"{module}:f", "--at=-1,"]) == 0
    assert "x of shape (1,)" in capsys.readouterr().out


def test_picture(module: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert main(["check", f"{module}:f", "--at", "1,2", "--plot", str(tmp_path / "v.png")]) == 0
    assert (tmp_path / "v.png").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("functions_of_the_shell:g", "no attribute 'g'"),
        ("no_such_module_here:f", "No module named"),
        ("no_such_file.py:f", "there is no file"),
        ("f", "does not name a function"),
    ],
)
def test_what_cannot_be_found(module: str, name: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", name, "--at", "1"]) == 2
    assert words in capsys.readouterr().err


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in (dualad.__version__, "NumPy", "SciPy", "Elementwise", "extra 'plot'"):
        assert word in out


def test_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "dualad", "info"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dualad")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert "module:function" in capsys.readouterr().out
