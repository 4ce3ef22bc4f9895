"""The sessions in the pages on tapes and on conventions, and in the docstrings of this room, give what they show."""

import doctest
import importlib
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["tape.md", "conventions-nan.md"])
def test_pages(page):
    if not (DOCS / page).exists():
        pytest.skip("the documentation is not part of this installation")
    result = doctest.testfile(str(DOCS / page), module_relative=False, encoding="utf-8")
    assert result.attempted > 5 and result.failed == 0


@pytest.mark.parametrize("module", ["graph", "table"])
def test_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"dualad.draw.{module}"))
    assert result.attempted == 2 and result.failed == 0


def test_pictures_lie_beside_the_page_and_are_small():
    if not DOCS.exists():
        pytest.skip("the documentation is not part of this installation")
    for name in ("textbook.svg", "textbook-extended.svg"):
        assert f"pictures/{name}" in (DOCS / "tape.md").read_text(encoding="utf-8")
        assert (DOCS / "pictures" / name).stat().st_size < 20_000
