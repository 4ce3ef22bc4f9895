"""The sessions in the docstrings of this room give what they show; the pictures of the page on tapes are there."""

import doctest
import importlib
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("module", ["graph", "table"])
def test_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"dualad.draw.{module}"))
    assert result.attempted == 2 and result.failed == 0


@pytest.mark.parametrize("name", ["textbook.svg", "textbook-extended.svg"])
def test_pictures_lie_beside_the_page_and_are_small(name):
    if not DOCS.exists():
        pytest.skip("the documentation is not part of this installation")
    assert f"pictures/{name}" in (DOCS / "tape.md").read_text(encoding="utf-8")
    assert (DOCS / "pictures" / name).stat().st_size < 20_000
