"""Names and formulas as a textbook writes them: v with an index, a dot for tangents, a bar for adjoints.

In expressions a symbol is called ``v_3``, ``dot_3`` or ``bar_3``; what a reader sees is made here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from dualad.draw.spoken import INFIX, number_text
from dualad.ops.formula import Call, Const, Expr, Symbol
from dualad.ops.spell import as_latex

__all__ = ["as_math", "as_text", "labelled", "mathtt", "numbered", "raised", "symbol_latex", "symbol_text"]

# U+0307 and U+0304 set a dot and a bar over the letter before them.
MARKS: Final = {"v": "v", "dot": "v\u0307", "bar": "v\u0304"}
_LATEX_MARKS: Final = {"v": "v", "dot": r"\dot{v}", "bar": r"\bar{v}"}
_SUBSCRIPTS: Final = str.maketrans("-0123456789", "₋₀₁₂₃₄₅₆₇₈₉")
_SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(5)
_BINDS: Final = {"add": _SUM, "subtract": _SUM, "multiply": _PRODUCT, "divide": _PRODUCT, "power": _POWER}


def symbol_text(name: str) -> str:
    """Return a symbol as a reader of plain text sees it: ``v_-1`` is v₋₁."""
    head, _, index = name.partition("_")
    return MARKS.get(head, head) + index.translate(_SUBSCRIPTS)


def symbol_latex(name: str) -> str:
    """Return a symbol in LaTeX."""
    head, _, index = name.partition("_")
    return _LATEX_MARKS.get(head, head) + (f"_{{{index}}}" if index else "")


def labelled(label: str, mark: str = "") -> tuple[str, str]:
    """Return the name of an argument (``x1``, ``x[0]``) as text and as LaTeX, with a ``dot`` or a ``bar`` over it."""
    word, number, rest = re.fullmatch(r"(.*?)_?(\d*)(\[.*\])?", label).groups()  # type: ignore[union-attr]
    over = {"dot": "\u0307", "bar": "\u0304"}.get(mark, "")
    # A mark over a word stands over its first letter.
    # One character where Unicode has one, as editors and repositories may make of it.
    text = unicodedata.normalize("NFC", word[:1] + over + word[1:]) + number.translate(_SUBSCRIPTS) + (rest or "")
    plain = word.replace("_", r"\_")
    latex = word if len(word) == 1 else rf"\mathit{{{plain}}}"
    latex = rf"\{mark}{{{latex}}}" if mark else latex
    return text, latex + (f"_{{{number}}}" if number else "") + (rest or "")


# --- formulas --------------------------------------------------------------------------------------------------------


def as_text(e: Expr, digits: int = 6) -> str:
    """Return an expression as text, its numbers in so many digits."""
    return _spelled(e, digits)[0]


def _spelled(e: Expr, digits: int) -> tuple[str, int]:
    def within(part: Expr, least: int) -> str:
        text, binds = _spelled(part, digits)
        return text if binds >= least else f"({text})"

    match e:
        case Const(value):
            return number_text(value, digits), _SIGN if value < 0 else _ATOM
        case Symbol(name):
            return symbol_text(name), _ATOM
        case Call("multiply", (left, right)) if left == right and not isinstance(left, Const):
            return f"{within(left, _ATOM)}**2", _POWER
        case Call("multiply", (Call() as left, Const() as right)):
            return _spelled(Call("multiply", (right, left)), digits)
        case Call("power", (base, exponent)):
            return f"{within(base, _ATOM)}**{within(exponent, _ATOM)}", _POWER
        case Call(name, (left, right)) if name in INFIX:
            binds = _BINDS.get(name, _SUM)
            behind = within(right, binds + 1)
            # A negative number may stand first; behind a sign it gets parentheses.
            return f"{within(left, binds)} {INFIX[name]} {f'({behind})' if behind[0] == '-' else behind}", binds
        case Call("negative", (inner,)):
            text = within(inner, _PRODUCT)
            return f"-({text})" if text[0] == "-" else f"-{text}", _SIGN
    assert isinstance(e, Call)
    return f"{e.name}({', '.join(as_text(part, digits) for part in e.args)})", _ATOM


def as_math(e: Expr, digits: int = 6) -> str:
    """Return an expression in LaTeX."""
    return re.sub(
        r"\\mathrm\{(dot|bar)\}", lambda found: _LATEX_MARKS[found[1]], as_latex(_rounded(e, digits))
    )  # fmt: skip


def _rounded(e: Expr, digits: int) -> Expr:
    match e:
        case Const(value):
            return Const(float(f"{value:.{digits}g}"))
        case Call(name, args, output):
            return Call(name, tuple(_rounded(part, digits) for part in args), output)
    return e


def numbered(e: Expr, number: Callable[[str], float | None]) -> Expr | None:
    """Return an expression with numbers for its symbols; None where one of them is an array."""
    match e:
        case Symbol(name):
            value = number(name)
            return None if value is None else Const(float(value))
        case Call(name, args, output):
            parts = [numbered(part, number) for part in args]
            return None if any(part is None for part in parts) else Call(name, tuple(parts), output)  # type: ignore[arg-type]
    return e


def raised(e: Expr) -> Expr:
    """Return an expression with ``power(x, 1)`` written as x."""
    match e:
        case Call("power", (base, Const(1.0))):
            return raised(base)
        case Call(name, args, output):
            return Call(name, tuple(raised(part) for part in args), output)
    return e


# --- anything else ---------------------------------------------------------------------------------------------------

_ESCAPES: Final = {"_": r"\_", "%": r"\%", "#": r"\#", "&": r"\&", "{": r"\{", "}": r"\}", " ": r"\ ", "~": r"\sim "}


def mathtt(text: str) -> str:
    """Return text as it stands, within a LaTeX formula; parts between NUL signs are LaTeX already."""
    parts = text.split("\0")
    shown = [part if i % 2 else _typed(part) for i, part in enumerate(parts)]
    return "".join(shown)


def _typed(text: str) -> str:
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in text)
    return rf"\mathtt{{{escaped}}}" if escaped else ""
