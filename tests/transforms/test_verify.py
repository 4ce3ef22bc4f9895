"""``verify`` finds what is wrong with a tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dualad.reverse.kernels import Tape
from dualad.transforms.verify import Malformed, verify


class Changed:
    """A tape with the fields of some nodes changed."""

    def __init__(self, tape: Tape, **changes: Any) -> None:
        self.tape, self.changes = tape, {int(node[1:]): fields for node, fields in changes.items()}
        self.late: set[int] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tape, name)

    def __len__(self) -> int:
        return len(self.tape)

    def fields(self, node: int) -> Any:
        found = list(self.tape.fields(node))
        for place, value in self.changes.get(node, {}).items():
            found[place] = value
        return tuple(found)


def tape_of(f: Any) -> Tape:
    tape = Tape(1)
    f(tape.input(np.arange(3.0) + 1.0))
    return tape


def written(x: Any) -> Any:
    y = np.zeros_like(x)  # 1
    y[0] = x[1]  # 2 reads, 3 writes
    y[2] = y[0] * 2.0  # 4 reads, 5 multiplies, 6 writes
    return np.sum(y)  # 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n5": {1: 6}}, "comes after it"),
        ({"n5": {5: 9.0}}, "came out as"),
        ({"n2": {4: 3.0}}, "element 3 of an array of shape"),
        ({"n6": {1: 1}}, "uses version 1"),
        ({"n6": {3: 7}}, "writes version 3"),
        ({"n2": {3: 0}}, "has slot 0"),
    ],
)
def test_malformed(changes: Any, message: str) -> None:
    tape = tape_of(written)
    verify(tape)
    with pytest.raises(Malformed, match=message):
        verify(Changed(tape, **changes))  # type: ignore[arg-type]
