"""Many runs of one program: memory, threads, errors inside, runs within runs."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from test_corrupt import programs

from dualad.drivers.recording import record
from dualad.program.build import build
from dualad.program.kernels import Program
from dualad.program.parts import Callback


def resident() -> int:
    """Return the resident memory in kB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer keeps what was freed")
def test_memory_stays_level() -> None:
    for program, x in programs():
        for _ in range(500):
            program.run([x])
        before = resident()
        for _ in range(5000):
            program.run([x])
        assert resident() - before < 400  # kB: a leak of 80 bytes a run would show


def test_memory_is_used_again() -> None:
    for program, _ in programs():
        assert program.stats["workspace bytes"] < program.stats["node bytes"]


def test_threads() -> None:
    for program, x in programs():
        points = [x + 1e-3 * k for k in range(8)]
        wanted = [program.run([point]) for point in points]
        wrong: list[int] = []

        def runs(
            k: int, program: Any = program, points: Any = points, wanted: Any = wanted, wrong: Any = wrong
        ) -> None:
            for _ in range(200):
                found = program.run([points[k]])
                if not all(np.array_equal(a, b) for a, b in zip(found, wanted[k], strict=True)):
                    wrong.append(k)

        threads = [threading.Thread(target=runs, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_errors_and_runs_inside_of_a_call_back() -> None:
    hooks: list[Any] = [lambda: None]

    x = np.array([3.0, 1.0, 2.0])
    tape = record(lambda x: np.sum(np.sort(x) * np.arange(3.0)), x)
    program = build(tape, tape.inputs, list(tape.outputs))
    callback = program.parts.callbacks[0]
    plain = callback.function

    def hooked(*args: Any, **kwargs: Any) -> Any:
        hooks[0]()
        return plain(*args, **kwargs)

    changed = Callback(hooked, callback.args, callback.kwargs, callback.operands, callback.target, callback.name)
    program = Program(dataclasses.replace(program.parts, callbacks=[changed, *program.parts.callbacks[1:]]))
    wanted = program.run([x])[0]

    def fail() -> None:
        raise ValueError

    hooks[0] = fail
    assert program.run([x]) is None  # the function itself will raise it
    inner: list[Any] = []

    def again() -> None:
        hooks[0] = lambda: None
        inner.append(program.run([2 * x])[0])

    hooks[0] = again
    assert program.run([x])[0] == wanted
    assert inner == [2 * wanted]

    def interrupt() -> None:
        raise KeyboardInterrupt

    hooks[0] = interrupt
    with pytest.raises(KeyboardInterrupt):
        program.run([x])
    hooks[0] = lambda: None
    assert program.run([x])[0] == wanted
