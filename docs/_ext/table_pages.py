"""Directives that draw pages of the documentation from the operator table and from the list of rooms."""

from __future__ import annotations

import html
import tomllib
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from dualad.ops import describe, table

FLOORS = ("meaning", "values", "engines", "drivers", "uses")


def markdown_table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a list-table, whose cells may hold formulas with bars; ``<br>`` in a cell begins a new paragraph."""
    lines = [":::{list-table}", ":header-rows: 1", ":class: operators", ""]
    for row in [headings, *rows]:
        for mark, cell in zip("*" + " " * len(row), row):
            lines.append(f"{mark} - {cell.replace('<br>', chr(10) * 2 + '    ')}".rstrip())
    return "\n".join([*lines, ":::"])


class Elementwise(SphinxDirective):
    """The elementwise rows of one library, named by its argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        rows = [row for row in table.TABLE.rows() if isinstance(row, table.Elementwise)]
        chosen = [row for row in rows if row.path.startswith(self.arguments[0])]
        cells = [describe.cells(row) for row in sorted(chosen, key=lambda row: row.path)]
        return self.parse_text_to_nodes(markdown_table(describe.CELLS, cells))


class ArrayRows(SphinxDirective):
    """The rows of one of the other kinds, named by its argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        kind = getattr(table, self.arguments[0])
        rows = sorted((row for row in table.TABLE.rows() if type(row) is kind), key=lambda row: row.path)
        if kind is table.Discrete:
            return self.parse_text_to_nodes(", ".join(f"`{row.path}`" for row in rows) + ".")
        if kind is table.Unwritten:
            text = [(f"`{row.path}`", describe.words(row.reason), describe.words(row.instead)) for row in rows]
            return self.parse_text_to_nodes(markdown_table(("Function", "Reason", "Instead"), text))
        text = [(f"`{row.path}`", f"`{' '.join(row.operands)}`", describe.remarks(row)) for row in rows]
        return self.parse_text_to_nodes(markdown_table(("Function", "Operands", "Source and note"), text))


class Rooms(SphinxDirective):
    """The picture of the rooms of the package, floor by floor, each with what it may import."""

    BOX, BAND, GAP = 190, 96, 12

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, "internals", "rooms.toml")
        self.env.note_dependency(str(path))
        rooms = tomllib.loads(path.read_text())
        floors = [(floor, list(names)) for floor, names in groupby(rooms, key=lambda name: rooms[name]["floor"])]
        width = 90 + max(len(names) for _, names in floors) * (self.BOX + self.GAP)
        height = len(floors) * (self.BAND + self.GAP)
        parts = [f'<svg viewBox="0 0 {width} {height}" width="100%" font-family="sans-serif" font-size="12">']
        for level, (floor, names) in enumerate(reversed(floors)):
            y = level * (self.BAND + self.GAP)
            parts.append(f'<text x="0" y="{y + 20}" font-weight="bold">L{floor} {FLOORS[floor]}</text>')
            for place, name in enumerate(names):
                parts.append(self.box(90 + place * (self.BOX + self.GAP), y, name, rooms[name]))
        return [nodes.raw("", "".join([*parts, "</svg>"]), format="html")]

    def box(self, x: int, y: int, name: str, room: dict[str, object]) -> str:
        below = ", ".join(room["imports"]) or "nothing"  # type: ignore[arg-type]
        lines = [*_wrapped(str(room["purpose"])), *_wrapped(f"imports {below}")]
        text = "".join(
            f'<text x="{x + 8}" y="{y + 36 + 15 * i}" fill="#555">{html.escape(line)}</text>'
            for i, line in enumerate(lines)
        )
        style = 'fill="#f5f7fa" stroke="#8a94a6" rx="4"'
        frame = f'<rect x="{x}" y="{y}" width="{self.BOX}" height="{self.BAND}" {style}/>'
        return f'{frame}<text x="{x + 8}" y="{y + 18}" font-weight="bold">{name}</text>{text}'


def _wrapped(text: str, most: int = 30) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("elementwise-rows", Elementwise)
    app.add_directive("array-rows", ArrayRows)
    app.add_directive("rooms", Rooms)
    return {"parallel_read_safe": True}
