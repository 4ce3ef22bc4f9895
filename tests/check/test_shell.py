"""The package from the shell: check and info."""

from __future__ import annotations

import os
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

def failing(x):
    return 1 / 0

const = 3
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["f", "--at", "1,,2"], "--at '1,,2' cannot be read; write it as 1,2,3 or [[1,2],[3,4]]"),
        (["f", "--at", "[[1],[2,3]]"], "cannot be read"),
        (["f", "--at", "np.pi"], "cannot be read"),
        (["f", "--at", "1", "--args", "(3"], "--args '(3' cannot be read"),
        (["scaled", "--at", "1,2"], "TypeError: scaled() missing 2 required positional arguments"),
        (["const", "--at", "1"], "f must be a function, not 3 of type int"),
        (["failing", "--at", "1"], "ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_checked(module: str, words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    name, *rest = words
    assert main(["check", f"{module}:{name}", *rest]) == 2
    assert told in capsys.readouterr().err


def test_the_line_that_raised(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", f"{module}:failing", "--at", "1"])
    assert "raised in functions_of_the_shell.py:20 in failing: return 1 / 0" in capsys.readouterr().err


def test_picture_that_cannot_be_saved(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["check", f"{module}:f", "--at", "1,2", "--order", "1", "--plot", "no_such_folder/v.png"]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith("check of f: passed")
    assert "FileNotFoundError" in captured.err


def test_a_reader_that_goes_away(module: str) -> None:
    command = f'"{sys.executable}" -m dualad check {module}:f --at 1,2,3 | head -n 1'
    env = os.environ | {"PYTHONPATH": str(Path(dualad.__file__).parents[1])}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, env=env)
    assert done.stdout.startswith("check of f: passed")
    assert done.stderr == ""


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
