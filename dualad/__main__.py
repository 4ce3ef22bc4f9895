"""The package from the shell: ``python -m dualad check module:function --at 1,2,3`` and ``python -m dualad info``."""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy

import dualad
from dualad.check import Report, check_grad
from dualad.check.places import Place, is_library
from dualad.numeric.attempt import attempt
from dualad.ops.table import TABLE

__all__ = ["main"]

_EXTRAS: Final = {"plot": "matplotlib", "graph": "graphviz", "sympy": "sympy", "progress": "rich"}
_GIVEN: Final = ("jac", "grad", "hess", "hessp")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return 0 where all is well, 1 where a check did not pass, 2 where it could not be made."""
    options = _parser().parse_args(_joined(sys.argv[1:] if argv is None else list(argv)))
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        status = run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dualad", description="Exact derivatives of plain NumPy and SciPy code."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    check = commands.add_parser("check", help="check the derivatives of a function at a point")
    check.add_argument("function", help="module:function, or file.py:function")
    check.add_argument(
        "--at", required=True, help="the point: 2 for a number, 1,2,3 for an array, [[1,2],[3,4]] for a matrix"
    )
    check.add_argument(
        "--args", default="()", help="further arguments of the function, as a Python tuple: \"(1.5, 'a')\""
    )
    for name in _GIVEN:
        check.add_argument(
            f"--{name}", help=f"module:function of a {name} to check instead of dualad's own derivatives"
        )
    check.add_argument("--order", type=int, choices=(1, 2), help="1: no second derivatives")
    check.add_argument("--seed", type=int, default=0, help="seed of the random directions")
    check.add_argument("--plot", metavar="FILE", help="save the picture of the error of differences over the step")
    check.set_defaults(run=_check)
    info = commands.add_parser("info", help="versions, the operator table, and the optional libraries that are there")
    info.set_defaults(run=_info)
    return parser


def _joined(argv: list[str]) -> list[str]:
    """Join ``--at`` with what follows: -1,2 is a point and no option."""
    joined: list[str] = []
    for word in argv:
        if joined and joined[-1] in ("--at", "--args"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _check(options: argparse.Namespace) -> int:
    report, error = attempt(_checked, options)
    if error is not None:
        return _complain(error, _raised_in(error))
    print(report)
    if options.plot:
        _, error = attempt(report.plot, options.plot)
        if error is not None:
            return _complain(error)
    return 0 if report.passed else 1


def _complain(error: Exception, where: str = "") -> int:
    print(f"{type(error).__name__}: {error}{where}", file=sys.stderr)
    return 2


def _checked(options: argparse.Namespace) -> Report:
    given: dict[str, Any] = {
        name: _found(getattr(options, name)) for name in _GIVEN if getattr(options, name) is not None
    }
    x = _read("--at", options.at, "1,2,3 or [[1,2],[3,4]]", lambda value: np.asarray(value, dtype=float))
    args = _read("--args", options.args, "\"(1.5, 'a')\"", lambda value: value)
    return check_grad(_found(options.function), x[()], args=args, order=options.order, seed=options.seed, **given)


def _read(option: str, text: str, example: str, convert: Callable[[Any], Any]) -> Any:
    try:
        return convert(ast.literal_eval(text))
    except (SyntaxError, TypeError, ValueError):
        raise ValueError(f"{option} {text!r} cannot be read; write it as {example}") from None


def _raised_in(error: Exception) -> str:
    """Return the line of the user's own code that raised, where it did."""
    lines = [line for line in traceback.extract_tb(error.__traceback__) if not is_library(line.filename)]
    return f"\n  raised in {Place(lines[-1].filename, lines[-1].lineno or 0, lines[-1].name)}" if lines else ""


def _found(name: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` or ``file.py:function`` names."""
    module, _, path = name.rpartition(":")
    if not module or not path:
        raise ValueError(f"{name!r} does not name a function; write module:function or file.py:function")
    found = _file(Path(module)) if module.endswith(".py") else importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found  # type: ignore[return-value]


def _file(path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Functions that the file defines find their module, and lines of its source are found for the report.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _info(options: argparse.Namespace) -> int:
    kinds = Counter(type(row).__name__ for row in TABLE.rows())
    lines = [
        ("dualad", dualad.__version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("NumPy", np.__version__),
        ("SciPy", scipy.__version__),
        ("operators", f"{sum(kinds.values())}: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())),
    ]
    for extra, module in _EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        version = importlib.metadata.version(module) if there else "not there"
        lines.append((f"extra {extra!r}", f"{module} {version}"))
    width = max(len(name) for name, _ in lines)
    print("\n".join(f"{name:<{width}}  {value}" for name, value in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
