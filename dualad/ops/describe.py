"""All that one row becomes, as text: rules, code, spellings, sparsity, and its row in the documentation."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from dualad.ops import formula
from dualad.ops.code import first_code
from dualad.ops.formula import ONE, ZERO, Call, Const, Expr, Symbol, call
from dualad.ops.spell import as_latex, as_listing, as_python, as_sympy, c_statements, share, value_of
from dualad.ops.table import TABLE, Elementwise, Interval, NoTangent, Operator, Todo

__all__ = ["CELLS", "Sparsity", "cells", "everything", "find", "remarks", "signature", "sparsity", "words"]

_WIDTH = 100  # a longer formula is shown with its common parts named


def find(name: str) -> Operator:
    """Return the row that a reader means by a name or a path; LookupError names the closest ones."""
    rows = list(TABLE.rows())
    for fits in (lambda row: row.name == name, lambda row: f".{row.path}".endswith(f".{name}")):
        found = [row for row in rows if fits(row)]
        if found:
            return found[0]
    close = difflib.get_close_matches(name, [row.name for row in rows], n=4)
    hint = f"; did you mean {' or '.join(close)}?" if close else "; dualad.ops.table.TABLE.rows() goes through all."
    raise LookupError(f"the operator table has no row named {name!r}{hint}")


# --- sparsity --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sparsity:
    """Which derivatives of a row can differ from zero: ``first[i]``, and the pairs ``(i, j)`` in ``second``.

    Of a pair the larger argument comes first. A derivative that is not known is taken to differ from zero.
    """

    first: tuple[bool, ...]
    second: frozenset[tuple[int, int]]

    def classes(self) -> tuple[str, ...]:
        """Return ``zero``, ``linear`` or ``nonlinear`` for each argument, the others being held."""
        bent = ("linear", "nonlinear")
        return tuple(bent[(i, i) in self.second] if first else "zero" for i, first in enumerate(self.first))


def sparsity(row: Elementwise) -> Sparsity:
    """Derive the sparsity of a row from its partials being zero."""
    rules, twice = formula.partials(row), formula.second(row)
    first = tuple(any(e != ZERO and e is not NoTangent for e in by_output) for by_output in rules)
    pairs = frozenset((i, j) for (i, j, _), e in twice.items() if e != ZERO and e is not NoTangent)
    return Sparsity(first, pairs)


# --- the cells of the documentation ----------------------------------------------------------------------------------


def signature(row: Elementwise) -> str:
    """Return how the function is called: its path and its arguments."""
    return f"{row.path}({', '.join(row.args)})"


def derivatives(row: Elementwise) -> list[str]:
    """Return one line a partial derivative: its formula in LaTeX, or in words why there is none."""
    names, rules = formula.symbols_of(row), formula.partials(row)
    lines = []
    for i, arg in enumerate(row.args):
        for output, e in enumerate(rules[i]):
            if e is NoTangent:
                lines.append(words(f"{arg} is discrete"))
            elif isinstance(e, Todo):
                lines.append(words(f"{arg}: not written, because {e.reason}"))
            else:
                value, argument = (as_latex(Symbol(names[place])) for place in (len(row.args) + output, i))
                lines.append(rf"$\frac{{\partial {value}}}{{\partial {argument}}} = {as_latex(e)}$")
    return list(dict.fromkeys(lines))


def domains(row: Elementwise) -> str:
    """Return where the arguments may lie, each by itself where they differ."""
    shown = [_interval(domain) for domain in row.domain]
    if len(set(shown)) == 1:
        return shown[0]
    return "; ".join(f"{words(arg)}: {place}" for arg, place in zip(row.args, shown))


def _interval(domain: Interval) -> str:
    ends = ", ".join(as_latex(Const(float(end))) for end in (domain.low, domain.high))
    text = f"${'(['[domain.closed[0]]}{ends}{')]'[domain.closed[1]]}$"
    return f"whole numbers in {text}" if domain.integer else text


def kinks(row: Elementwise) -> str:
    """Return the places of the kinks in LaTeX, the ones next to zero where there are many."""
    places = sorted(row.kinks, key=abs)
    shown = ", ".join(as_latex(Const(float(place))) for place in sorted(places[:3]))
    if len(places) > 3:
        shown = rf"\ldots, {shown}, \ldots"
    return f"${shown}$" if places else ""


def remarks(row: Operator) -> str:
    """Return the source and the note of a row."""
    return words(". ".join(text.rstrip(".") for text in (row.source, row.note) if text))


def words(text: str) -> str:
    """Return plain text so that Markdown shows it as it stands."""
    return re.sub(r"([*_<])", r"\\\1", text)


CELLS = ("Function", "Derivatives", "Domain", "Kinks", "Source and note")


def cells(row: Elementwise) -> tuple[str, ...]:
    """Return the row of an operator in the documentation, in Markdown."""
    return (f"`{signature(row)}`", "<br>".join(derivatives(row)), domains(row), kinks(row), remarks(row))


# --- everything ------------------------------------------------------------------------------------------------------


def everything(row: Operator) -> str:
    """Return all that follows from a row, under headings."""
    parts = _SECTIONS if isinstance(row, Elementwise) else {"Row": _array_row}
    shown = [f"{row.name}: {type(row).__name__} row of {row.path}"]
    for heading, write in parts.items():
        shown.append(f"\n{heading}\n{textwrap.indent(chr(10).join(write(row)), '    ')}")
    return "\n".join(shown)


def _facts(row: Operator) -> Iterator[str]:
    for name in ("reason", "instead", "source", "note"):
        if text := getattr(row, name, ""):
            yield f"{name}: {text}"


def _array_row(row: Any) -> Iterator[str]:
    if hasattr(row, "plan"):
        plan = inspect.unwrap(row.plan)
        yield f"operands: {' '.join(row.operands)}"
        yield f"plan: {plan.__name__}{inspect.signature(plan)}, in {plan.__module__}"
    yield from _facts(row)


def _row(row: Elementwise) -> Iterator[str]:
    for arg, by_output, domain in zip(row.args, row.partials, row.domain):
        formulas = ", ".join(rule if isinstance(rule, str) else repr(rule) for rule in by_output)
        yield f"{arg}: {formulas}, in {_plain(domain)}"
    if row.kinks:
        yield f"kinks: {', '.join(f'{place:g}' for place in row.kinks)}"
    yield from _facts(row)


def _plain(domain: Interval) -> str:
    ends = f"{'(['[domain.closed[0]]}{domain.low:g}, {domain.high:g}{')]'[domain.closed[1]]}"
    return f"the whole numbers of {ends}" if domain.integer else ends


def _names(row: Elementwise) -> tuple[str, ...]:
    return formula.symbols_of(row)[len(row.args) :]


def _partial_name(row: Elementwise, output: int, *args: int) -> str:
    return f"d{output if row.outputs > 1 else ''}_{''.join(row.args[i] for i in args)}"


def _known(row: Elementwise) -> dict[tuple[int, int], Expr]:
    """Return the first partials that are written, by argument and output."""
    known = {}
    for output in range(row.outputs):
        for i, by_output in enumerate(formula.partials(row)):
            e = by_output[output]
            if _written(e):
                known[i, output] = e
    return known


def _written(e: Expr | Todo | Any) -> TypeGuard[Expr]:
    return not (e is NoTangent or isinstance(e, Todo))


def _factor(row: Elementwise, e: Expr, output: int, *args: int) -> Expr:
    """Return a partial as it stands in a rule: short ones themselves, the others by their name."""
    return Symbol(_partial_name(row, output, *args)) if isinstance(e, Call) else e


def _sum(terms: Sequence[Expr]) -> Expr:
    total: Expr = ZERO
    for term in terms:
        total = call("add", total, term)
    return total


def _term(*factors: Expr) -> Expr:
    product: Expr = ONE
    for factor in factors:
        product = call("multiply", product, factor)
    return product


def _assigned(target: str, e: Expr) -> Iterator[str]:
    """Spell ``target = e``, with the common parts named first where it is long."""
    text = as_python(e)
    if len(text) > _WIDTH:
        named, (e,) = share([e])
        for name, part in named:
            yield f"{name} = {as_python(part)}"
        text = as_python(e)
    yield f"{target} = {text}"


def _first(row: Elementwise) -> Iterator[str]:
    rules = formula.partials(row)
    for output in range(row.outputs):
        for i, arg in enumerate(row.args):
            e = rules[i][output]
            name = _partial_name(row, output, i)
            if e is NoTangent:
                yield f"{name}: none, {arg} is discrete and seeding it is refused"
            elif isinstance(e, Todo):
                yield f"{name}: not written, because {e.reason}"
            else:
                yield from _assigned(name, e)


def _jvp(row: Elementwise) -> Iterator[str]:
    known = _known(row)
    for output, value in enumerate(_names(row)):
        terms = [
            _term(_factor(row, e, output, i), Symbol(f"{row.args[i]}_dot"))
            for (i, o), e in known.items()
            if o == output
        ]
        yield f"{value}_dot = {as_python(_sum(terms))}"


def _vjp(row: Elementwise) -> Iterator[str]:
    known = _known(row)
    for i in dict.fromkeys(i for i, _ in known):
        terms = [
            _term(_factor(row, e, o, i), Symbol(f"{_names(row)[o]}_bar")) for (arg, o), e in known.items() if arg == i
        ]
        yield f"{row.args[i]}_bar = {as_python(_sum(terms))}"


def _second(row: Elementwise) -> Iterator[str]:
    for (i, j, output), e in formula.second(row).items():
        name = _partial_name(row, output, i, j)
        if e is NoTangent:
            continue
        if isinstance(e, Todo):
            yield f"{name}: not written, because {e.reason}"
        else:
            yield from _assigned(name, e)


def _hyperdual(row: Elementwise) -> Iterator[str]:
    known = _known(row)
    for output, value in enumerate(_names(row)):
        first = {i: _factor(row, e, output, i) for (i, o), e in known.items() if o == output}

        def lanes(part: str, first: dict[int, Expr] = first) -> list[Expr]:
            return [_term(e, Symbol(f"{row.args[i]}.{part}")) for i, e in first.items()]

        cross = lanes("e12")
        for (i, j, o), e in formula.second(row).items():
            if o == output and _written(e):
                factor = _factor(row, e, output, i, j)
                for a, b in dict.fromkeys([(i, j), (j, i)]):
                    cross.append(_term(factor, Symbol(f"{row.args[a]}.e1"), Symbol(f"{row.args[b]}.e2")))
        for part, terms in (("e1", lanes("e1")), ("e2", lanes("e2")), ("e12", cross)):
            yield f"{value}.{part} = {as_python(_sum(terms))}"


def _active(row: Elementwise) -> tuple[int, ...]:
    known = _known(row)
    return tuple(i for i in range(len(row.args)) if all((i, o) in known for o in range(row.outputs)))


def _code(row: Elementwise) -> Iterator[str]:
    code = first_code(row, _active(row), tuple(domain.integer for domain in row.domain))
    if code is None:
        yield "none: a formula calls a function that has no loop over doubles, so NumPy's functions evaluate it"
    else:
        yield from as_listing(code, row)


def _c(row: Elementwise) -> Iterator[str]:
    known = _known(row)
    targets = {f"d[{place}]": e for place, e in enumerate(known.values())}
    yield f"/* {', '.join(_partial_name(row, o, i) for i, o in known)} */"
    yield from c_statements(row, targets)


def _sympy(row: Elementwise) -> Iterator[str]:
    if row.outputs == 1:
        yield f"v = {as_sympy(value_of(row))}"
    for (i, o), e in _known(row).items():
        yield f"{_partial_name(row, o, i)} = {as_sympy(e)}"


def _latex(row: Elementwise) -> Iterator[str]:
    if row.outputs == 1:
        yield f"v = {as_latex(value_of(row))}"
    for (i, o), e in _known(row).items():
        yield f"{_partial_name(row, o, i)} = {as_latex(e)}"


def _sparsity(row: Elementwise) -> Iterator[str]:
    found = sparsity(row)
    for arg, kind in zip(row.args, found.classes()):
        yield f"{arg}: {kind}"
    for i, j in sorted(found.second):
        if i != j:
            yield f"{row.args[j]} and {row.args[i]} interact"


def _documentation(row: Elementwise) -> Iterator[str]:
    for heading, cell in zip(CELLS, cells(row)):
        yield f"{heading}: {cell}"


_SECTIONS: dict[str, Callable[[Any], Iterator[str]]] = {
    "Row": _row,
    "First partials": _first,
    "Rule for tangents (jvp)": _jvp,
    "Rule for cotangents (vjp)": _vjp,
    "Second partials, derived": _second,
    "Rule for hyper-dual numbers": _hyperdual,
    "Three-address code of the first partials": _code,
    "C": _c,
    "SymPy": _sympy,
    "LaTeX": _latex,
    "Sparsity": _sparsity,
    "Documentation": _documentation,
}
