"""A program that was damaged is refused or runs; it never reads or writes memory that is not its own."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dualad import errors
from dualad.drivers.recording import record
from dualad.program.build import build
from dualad.program.kernels import Program
from dualad.program.parts import Output
from dualad.transforms.adjoint import extend

HERE = Path(__file__)


def mixed(x: Any) -> Any:
    """Numbers, groups, sums, products, elements at places, branches, call-backs, views, writes."""
    a = np.arange(12.0).reshape(4, 3)
    z = a @ x[:3] + np.sum(x[None, :] * x[:, None], axis=0)[:4]
    if z[0] > -1e6:
        z = z * np.where(x[:4] > 0, 2.0, 3.0)
    y = np.zeros(4, like=x)
    y[0] = z[1]
    y[1:] = np.cumsum(z)[:3]
    total = np.sum(np.sin(y) * 1e-3) + np.max(z[np.array([0, 2, 2])]) + np.sum(y[::-1] ** 2)
    return total + x[0] * x[1] + np.tanh(x[2] + int(np.sum(x * 0)))


def large(x: Any) -> Any:
    """Inputs and outputs that are read and written where they lie."""
    y = np.exp(-x * x) + x[::-1]
    return np.sum(y * y) + np.sum(np.reshape(x, (20, -1)) ** 2) + np.max(y)


def matrices(x: Any) -> Any:
    """Functions of matrices, running sums, copies with zeros between them, elements that are added at places."""
    a = np.reshape(x, (3, 3)) + 3.0 * np.eye(3)
    b = np.linalg.solve(a, np.cumsum(np.triu(a), axis=0)) + np.diag(x[:3])
    y = np.cross(b, np.roll(a, 1, axis=0)) + np.reshape(np.pad(x[:5], 2, mode="wrap"), (3, 3))
    return np.sum(np.linalg.norm(y, axis=1)) + np.linalg.norm(b) + np.mean(b[:, [2, 0]]) * np.trace(y)


def loop(x: Any) -> Any:
    """Numbers only."""
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + np.exp(x[i]) + (1.0 if x[i] > -50 else 2.0)
    return total


def programs() -> list[tuple[Program, Any]]:
    found = []
    rng = np.random.default_rng(0)
    for f, n in ((mixed, 6), (large, 300), (loop, 5), (matrices, 9)):
        x = rng.uniform(0.1, 1.0, n)
        tape = record(f, x)
        outputs = [*tape.outputs, *(g._operand() for g in extend(tape))]
        found.append((build(tape, tape.inputs, outputs), x))
    return found


ODD = (0, 1, -1, 2, 7, 8, 9, 64, 255, 2**31 - 1, -(2**31), 2**40, -(2**40), 2**62)


def damaged(part: Any, rng: np.random.Generator) -> Any:
    """Return a copy of plain data with one thing in it changed."""
    if dataclasses.is_dataclass(part):
        names = [field.name for field in dataclasses.fields(part) if field.name not in ("function", "stats")]
        name = names[rng.integers(len(names))]
        return dataclasses.replace(part, **{name: damaged(getattr(part, name), rng)})  # type: ignore[type-var]
    if isinstance(part, np.ndarray):
        changed = part.copy()
        if changed.size:
            place = rng.integers(changed.size)
            if changed.dtype.kind == "i":
                odd = (
                    int(ODD[rng.integers(len(ODD))])
                    if rng.integers(2)
                    else int(changed.flat[place]) + int(rng.integers(-4, 5))
                )
                changed.flat[place] = min(max(odd, -(2**31)), 2**31 - 1)
            else:
                changed.flat[place] = np.int64(rng.integers(-(2**62), 2**62)).view(np.float64)
        return changed if rng.integers(8) else changed[: rng.integers(changed.size + 1)]
    if isinstance(part, (list, tuple)):
        if not part:
            return part
        place = rng.integers(len(part))
        kind = rng.integers(8)
        items = list(part)
        if kind == 0:
            del items[place]
        elif kind == 1:
            items.insert(place, items[rng.integers(len(items))])
        else:
            items[place] = damaged(items[place], rng)
        return type(part)(items)
    if isinstance(part, bool) or part is None or isinstance(part, str):
        return ("d", "?", "l", None, 3)[rng.integers(5)]
    if isinstance(part, (int, np.integer)):
        return int(ODD[rng.integers(len(ODD))]) if rng.integers(2) else int(part) + int(rng.integers(-9, 10))
    if isinstance(part, float):
        return (0.0, -1.0, np.inf, np.nan, 1e300)[rng.integers(5)]
    return part


def takes_long(parts: Any) -> bool:
    """Say whether a program asks for much memory, or for many elements: both may be had, and take their time."""

    def most(part: Any) -> float:
        if isinstance(part, (list, tuple)):
            return max(map(most, part), default=0)
        return part if isinstance(part, (int, float)) and part == part else 0

    numbers = [parts.scratch, parts.doubles, [g[0] for g in parts.groups if g], [w[3:5] for w in parts.wholes if w]]
    return most([numbers, [output.shape for output in parts.outputs if isinstance(output, Output)]]) > 2**24


def attack(count: int, seed: int) -> None:
    """Damage programs and run what is not refused."""
    rng = np.random.default_rng(seed)
    found = programs()
    refused = 0
    for _ in range(count):
        program, x = found[rng.integers(len(found))]
        parts = copy.copy(program.parts)
        for _ in range(rng.integers(1, 3)):
            parts = damaged(parts, rng)
        if takes_long(parts):
            continue
        try:
            with np.errstate(all="ignore"):
                Program(parts).run([x.copy()])
        except errors.CorruptProgram:
            refused += 1
        except (errors.WrongShape, TypeError, ValueError, IndexError, MemoryError):
            pass  # another number of inputs, or an output of a shape that was changed
    print("refused", refused, "of", count)


def run_apart(count: int, seed: int) -> None:
    made = subprocess.run(
        [sys.executable, str(HERE), str(count), str(seed)], capture_output=True, text=True, timeout=3000, check=False
    )
    assert made.returncode == 0, (made.returncode, made.stdout[-500:], made.stderr[-2000:])
    assert int(made.stdout.split("refused")[1].split()[0]) > count // 4


def test_damaged_programs_do_not_crash() -> None:
    run_apart(2000, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_damaged_programs(seed: int) -> None:
    run_apart(25_000, 10 + seed)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("doubles", 1),
        ("scratch", 0),
        ("bases", 1),
        ("code", np.zeros(0, np.int32)),
        ("constants", np.zeros(0)),
        ("functions", []),
    ],
)
def test_refusal_in_a_sentence(field: str, value: Any) -> None:
    program, _ = programs()[0]
    with pytest.raises(errors.CorruptProgram, match="this is no program that can be run"):
        Program(dataclasses.replace(program.parts, **{field: value}))


def test_arrays_that_do_not_fit() -> None:
    for program, x in programs():
        for wrong in (x[:-1].copy(), np.repeat(x, 2)[::2], x.astype(np.float32), list(x)):
            with pytest.raises(errors.WrongShape, match="does not fit the program"):
                program.run([wrong])
        outs: list[Any] = [np.empty(()), x[:-1].copy()]
        with pytest.raises((errors.WrongShape, ValueError)):
            program.run([x], outs)


if __name__ == "__main__":
    attack(int(sys.argv[1]), int(sys.argv[2]))
