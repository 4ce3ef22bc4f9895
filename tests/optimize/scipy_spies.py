"""Spies: what SciPy estimates by differences, and at which points a function's Python body runs."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

# Everything in SciPy that estimates a derivative by evaluating a function, in Python or in compiled code.
ESTIMATES = (
    "approx_derivative", "approx_fprime", "_approx_fprime_helper", "num_jac", "estimate_fun_jac", "estimate_bc_jac",
)  # fmt: skip
COMPILED = ("_hybrd", "_lmdif")


class Body:
    """A function that counts the runs of its Python body, by the point at which it runs."""

    def __init__(self, f: Any, argument: int = 0) -> None:
        self.f, self.argument = f, argument
        self.points: Counter[bytes] = Counter()
        self.kinds: set[str] = set()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        x = args[self.argument]
        self.kinds.add(type(x).__name__)
        while hasattr(x, "_primal"):
            x = x._primal()
        self.points[np.asarray(x).tobytes()] += 1
        return self.f(*args, **kwargs)

    @property
    def runs(self) -> int:
        return sum(self.points.values())

    @property
    def distinct(self) -> int:
        return len(self.points)

    def forget(self) -> None:
        self.points.clear()
        self.kinds.clear()


@contextmanager
def estimates_in_scipy():
    """Yield a Counter of the estimates that SciPy makes by differences meanwhile."""
    found: Counter[str] = Counter()
    undo = []

    def watched(name: str, original: Any) -> Any:
        def watch(*args: Any, **kwargs: Any) -> Any:
            found[name] += 1
            return original(*args, **kwargs)

        return watch

    for module_name, module in list(sys.modules.items()):
        if not module_name.startswith("scipy.") or not isinstance(module, ModuleType):
            continue
        for name in (*ESTIMATES, *COMPILED):
            original = vars(module).get(name)
            if callable(original):
                undo.append((module, name, original))
                setattr(module, name, watched(name, original))
    try:
        yield found
    finally:
        for module, name, original in undo:
            setattr(module, name, original)
