"""A function as a program, run at other points than that of its recording, against NumPy and the one-shot engines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "reverse"))  # the tests are no package
sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
from engines import Recorded_, flat

from dualad.program.build import build
from dualad.program.kernels import Program
from dualad.transforms import adjoint, tangent

__all__ = ["Replayed", "same_bits"]

Function = Callable[[list[Any]], Any]


def same_bits(found: Any, wanted: Any) -> bool:
    """Say whether two results are the same numbers; any NaN is as good as another."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return False
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, wanted))
    return bool(np.array_equal(found, wanted, equal_nan=True) and np.array_equal(
        np.signbit(found[~np.isnan(found)]), np.signbit(wanted[~np.isnan(wanted)])
    ))  # fmt: skip


def seeds_of(run: Recorded_, seed: int) -> dict[int, Any]:
    """Return cotangents of the outputs, the same for any recording of a function."""
    rng = np.random.default_rng(seed)
    found: dict[int, Any] = {}
    for i, node in zip(run.varying, run.nodes, strict=True):
        like = run.results[i]
        g = rng.standard_normal(like.shape).astype(like.dtype)
        g = g[()] if g.ndim == 0 else g
        found[node] = found[node] + g if node in found else g
    return found


def extended(run: Recorded_, seed: int, directions: Sequence[Any]) -> list[Any]:
    """Write adjoints and tangents on a tape and return the recorded results."""
    seeds = seeds_of(run, seed)
    written = list(adjoint.extend(run.tape, seeds)) if seeds else []
    moved = tangent.extend(run.tape, dict(zip(run.inputs, directions, strict=True)), run.nodes) if run.nodes else []
    return [*written, *(t for t in moved if t is not None)]


def plain(x: Any) -> Any:
    """Return the numbers of a recorded array."""
    return x._primal() if hasattr(x, "_primal") else x


class Replayed:
    """A function recorded at one point and compiled: with its derivatives if asked."""

    def __init__(self, f: Function, arrays: Sequence[Any], derivatives: bool = True, seed: int = 0) -> None:
        self.f, self.seed = f, seed
        self.arrays = [np.asarray(x) for x in arrays]
        rng = np.random.default_rng(seed + 1)
        self.directions = [rng.standard_normal(x.shape).astype(x.dtype) for x in self.arrays]
        self.derivatives = derivatives
        run = self.recorded(self.arrays)
        values = [plain(run.results[i]) for i in run.varying]
        self.count = len(values)
        self.varying = run.varying
        own = len(run.tape)
        later = extended(run, seed, self.directions) if derivatives else []
        self.nodes = [*run.nodes, *(x._operand() for x in later)]
        self.tape = run.tape
        self.program: Program = build(run.tape, run.inputs, self.nodes, recorded=own)

    def recorded(self, arrays: Sequence[Any]) -> Recorded_:
        """Record the function."""
        return Recorded_(self.f, arrays, lean=False)

    def at(self, arrays: Sequence[Any]) -> list[Any] | None:
        """Run the program."""
        return self.program.run([x[()] if x.ndim == 0 and x.dtype == float else np.copy(x, order="K") for x in arrays])

    def check(self, arrays: Sequence[Any], tolerance: float) -> bool:
        """Compare at a point; say whether the program answered. Where it did not, a recording must differ."""
        found = self.at(arrays)
        if found is None:
            return False
        values = [
            x
            for x in flat(self.f([np.copy(x, order="K")[()] if x.ndim == 0 else np.copy(x, order="K") for x in arrays]))
        ]
        for number, i in enumerate(self.varying):
            assert same_bits(found[number], values[i]), ("value", number, found[number], values[i])
        if self.derivatives:
            once = self.recorded(arrays)
            wanted = [plain(x) for x in extended(once, self.seed, self.directions)]
            assert len(wanted) == len(found) - self.count, "a guard is missing: another number of derivatives"
            for got, want in zip(found[self.count :], wanted, strict=True):
                near(got, want, tolerance)
        return True


def near(found: Any, wanted: Any, tolerance: float) -> None:
    """Compare with a tolerance relative to the largest number wanted; infinities and NaN must agree."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape and found.dtype == wanted.dtype, (found.shape, wanted.shape, found.dtype)
    finite = wanted[np.isfinite(wanted)]
    scale = float(np.max(np.abs(finite), initial=0.0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale, equal_nan=True)
