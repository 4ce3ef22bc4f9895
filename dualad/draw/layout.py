"""The trace table as a thing to look at: plain text, Markdown, LaTeX, HTML in a notebook, and a table of ``rich``."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dualad.draw.equations import Equation, shown_value

__all__ = ["Row", "TraceTable", "width_of"]

Row = tuple[Equation | None, Equation | None]


@dataclass(frozen=True)
class TraceTable:
    """A trace table; it prints as text and shows as a table in a notebook.

    Attributes
    ----------
    titles : tuple of str
        What the two halves are.
    sections : sequence of sequence of (Equation, Equation)
        The inputs, the computation and the outputs, line by line; None leaves a place empty.
    value : object
        What the function returned; a list where it returned several parts.
    derivative : object
        In forward mode the tangent of the value; in reverse mode the adjoint of the argument, a list for several.
    digits : int
        Digits of the numbers shown.
    """

    titles: tuple[str, str]
    sections: Sequence[Sequence[Row]]
    value: Any
    derivative: Any
    digits: int

    def __str__(self) -> str:
        lines = [(self._cells(left), self._cells(right)) for left, right in self._rows()]
        halves = [_aligned([line[side] for line in lines]) for side in (0, 1)]
        widths = [max(map(width_of, (*half, title))) for half, title in zip(halves, self.titles, strict=True)]
        rule = "─" * (widths[0] + 1) + "┼" + "─" * (widths[1] + 1)
        page = [_padded(self.titles[0], widths[0]) + " │ " + self.titles[1], rule]
        done = 0
        for section in filter(None, self.sections):
            if done:
                page.append(rule)
            for left, right in zip(*(half[done : done + len(section)] for half in halves), strict=True):
                page.append(_padded(left, widths[0]) + " │ " + right)
            done += len(section)
        return "\n".join(line.rstrip() for line in page)

    __repr__ = __str__

    def markdown(self) -> str:
        """Return the table in Markdown, its formulas between dollar signs."""
        page = [f"| {self.titles[0]} | | {self.titles[1]} | |", "|:--|:--|:--|:--|"]
        for left, right in self._rows():
            cells = [*self._in_latex(left), *self._in_latex(right)]
            # A bar within a cell would end it.
            shown = [f"${cell.replace('|', chr(92) + 'vert ')}$" if cell else "" for cell in cells]
            page.append("| " + " | ".join(shown) + " |")
        return "\n".join(page)

    def latex(self) -> str:
        """Return the table in LaTeX, an environment ``tabular`` that needs no package but ``amsmath``."""
        titles = [title.rstrip("↓↑ ") for title in self.titles]
        page = [r"\begin{tabular}{ll|ll}", rf"{titles[0]} & & {titles[1]} & \\"]
        for section in filter(None, self.sections):
            page.append(r"\hline")
            for left, right in section:
                cells = [*self._in_latex(left), *self._in_latex(right)]
                page.append(" & ".join(f"${cell}$" if cell else "" for cell in cells) + r" \\")
        return "\n".join([*page, r"\end{tabular}"])

    def _repr_html_(self) -> str:
        page = ["<table>", f"<tr>{_heads(self.titles)}</tr>"]
        for left, right in self._rows():
            cells = (*self._cells(left), *self._cells(right))
            page.append(f"<tr>{''.join(map(_cell, cells))}</tr>")
        return "\n".join([*page, "</table>"])

    def __rich__(self) -> Any:
        """Return a table of ``rich``, which alone calls this."""
        from rich.table import Table

        table = Table(*(column for title in self.titles for column in (title, "", "")))
        for section in filter(None, self.sections):
            for left, right in section:
                table.add_row(*self._cells(left), *self._cells(right))
            table.add_section()
        return table

    # --- cells

    def _rows(self) -> Iterator[Row]:
        for section in self.sections:
            yield from section

    def _cells(self, equation: Equation | None) -> tuple[str, str, str]:
        """Return the target, the formulas and the value of a line as text."""
        if equation is None:
            return "", "", ""
        forms = "".join(f" = {text}" for text, _ in equation.forms).lstrip()
        return equation.target[0], forms, self._value(equation, "= ", lambda text: text)

    def _in_latex(self, equation: Equation | None) -> tuple[str, str]:
        if equation is None:
            return "", ""
        line = " = ".join([equation.target[1], *(latex for _, latex in equation.forms)])
        return line, self._value(equation, "", lambda text: text if _is_number(text) else rf"\mathtt{{{text}}}")

    def _value(self, equation: Equation, sign: str, spell: Callable[[str], str]) -> str:
        return "" if equation.value is None else sign + spell(shown_value(equation.value, self.digits))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "e" not in text


def _cell(text: str) -> str:
    return f'<td style="text-align:left">{html.escape(text)}</td>'


def _heads(titles: Sequence[str]) -> str:
    return "".join(f'<th colspan="3" style="text-align:left">{html.escape(title)}</th>' for title in titles)


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes; a mark over a letter takes none."""
    return sum(not unicodedata.combining(letter) for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _aligned(lines: Sequence[tuple[str, str, str]]) -> list[str]:
    widths = [max((width_of(line[column]) for line in lines), default=0) for column in range(3)]
    return [" ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
