"""check_grad catches mistakes planted in rules and in hand-written derivatives, and names the guilty operator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dualad.check import check_grad
from dualad.ops.table import TABLE

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from mutations import MUTATIONS
from planting import Mutation, planted


@pytest.mark.parametrize("mutation", MUTATIONS, ids=repr)
def test_rule(mutation: Mutation) -> None:
    before = TABLE.named(mutation.row)
    with planted(mutation.row, mutation.change):
        report = check_grad(mutation.program, mutation.x, order=1)
    assert report.failed
    assert not report.passed
    assert {fault.operator for fault in report.faults} == {mutation.row}
    assert TABLE.named(mutation.row) is before


@pytest.mark.parametrize("mutation", MUTATIONS, ids=repr)
def test_program_without_the_mistake(mutation: Mutation) -> None:
    assert check_grad(mutation.program, mutation.x, order=1).passed


def test_there_are_fifty_and_of_every_kind() -> None:
    assert len(MUTATIONS) >= 50
    kinds = {mutation.kind for mutation in MUTATIONS}
    assert kinds == {"sign", "factor", "dropped term", "index", "broadcast sum"}
    for kind in kinds:
        assert sum(mutation.kind == kind for mutation in MUTATIONS) >= 3
