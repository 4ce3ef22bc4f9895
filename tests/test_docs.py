"""The examples in the pages of the documentation say what is true."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if ">>>" in page.read_text()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page):
    found = doctest.testfile(str(page), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0


def test_every_page_stands_in_the_table_of_contents():
    index = (DOCS / "index.md").read_text().splitlines()
    assert {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")} - set(index) == {"index"}
