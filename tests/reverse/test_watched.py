"""What the garbage collector sees of a recording: nothing that can be part of no cycle, and all else."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np

import dualad
from dualad.ops.table import TABLE
from dualad.reverse.kernels import Tape


def plain(x: Any) -> Any:
    y = np.reshape(np.tanh(x) * 2 + x[1:3].sum(), (2, 2)) ** 2
    y[0] = x[:2] + 1.0
    return np.sum(y / np.sum(y, axis=1)[:, None])


def test_records_of_plain_operations_are_not_watched() -> None:
    tape = dualad.record(plain, np.ones(4))
    kinds = {record.kind for record in tape.records}
    assert kinds == {"constant", "elementwise", "view", "write", "row"}
    assert [record for record in tape.records if gc.is_tracked(record)] == []


class Holder:
    """Something of the user's that leads back to the tape."""

    tape: Tape


def test_a_cycle_through_a_record_is_found() -> None:
    tape, holder = Tape(), Holder()
    holder.tape = tape
    row = TABLE.named("getitem")
    tape.record("row", row, (), (), np.ones(2), args=(holder,), kwargs={})
    assert gc.is_tracked(tape.records[0])
    gone = weakref.ref(holder)
    del tape, holder
    gc.collect()
    assert gone() is None


def test_plans_of_alike_calls_are_made_once() -> None:
    x = np.ones((3, 2))
    tape = dualad.record(lambda x: np.sum(np.sum(x, axis=0) + np.sum(2 * x, axis=0)) + np.sum(np.sum(x, axis=1)), x)
    plans = [record.plan for record in tape.records if record.kind == "row" and record.kwargs == {"axis": 0}]
    assert len(plans) == 2 and plans[0] is plans[1]
    others = [record.plan for record in tape.records if record.kind == "row" and record.kwargs == {"axis": 1}]
    assert len(others) == 1 and others[0] is not plans[0]
