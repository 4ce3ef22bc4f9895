"""The tables of evaluations in the documentation are there, and the script that makes them runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

count_evaluations = pytest.importorskip("count_evaluations", reason="the documentation is not here")


def test_the_page_has_the_tables():
    page = (DOCS / "optimizing.md").read_text()
    for name in ("minimize", "fits", "solvers"):
        _, _, table = page.partition(f"<!-- counts: {name} -->")
        assert table.partition("<!-- end -->")[0].count("|") > 40


def test_counts_fall():
    rows = count_evaluations.fits_and_roots()[1:]
    assert all(int(row[2]) < int(row[1]) for row in rows)


@pytest.mark.slow
def test_counts_fall_in_solvers_and_minimizers():
    for row in count_evaluations.solvers()[1:]:
        assert int(row[3]) < int(row[2])
    for row in count_evaluations.minimizers()[1:]:
        assert row[1] == "needs one" or int(row[2]) <= int(row[1])
