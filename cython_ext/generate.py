"""Write the C header that follows from the operator table, or show all that one row becomes.

    python cython_ext/generate.py               write cython_ext/dualad/_table.h, if it has changed
    python cython_ext/generate.py --show erf    print the rules, the code and the spellings of one row

Nothing compiled is needed: the package itself is not executed, only the modules of ``dualad.ops`` are.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = Path(__file__).resolve().parent / "dualad" / "_table.h"

if "dualad" not in sys.modules:
    # The package's own __init__ imports the compiled modules, which do not exist yet: leave it aside.
    sys.path.insert(0, str(ROOT))
    spec = importlib.util.find_spec("dualad")
    assert spec is not None
    sys.modules["dualad"] = importlib.util.module_from_spec(spec)

from dualad.ops import describe, formula, spell  # noqa: E402 - the package must be there first
from dualad.ops.digest import digest  # noqa: E402
from dualad.ops.formula import COMPARISONS, ZERO, Call, Expr  # noqa: E402
from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo  # noqa: E402

# --- which rows C can compute by itself ------------------------------------------------------------------------------

IN_C = frozenset({"add", "subtract", "multiply", "divide", "negative", "where", *COMPARISONS, *spell.EXACT_IN_C})
MOST = 4  # arguments of a row in C: its second partials are numbered by the bits of an int


def in_c(e: Expr) -> bool:
    """Say whether C computes a formula as NumPy does, to the last bit: by arithmetic, comparisons and square roots."""
    return not isinstance(e, Call) or (e.name in IN_C and all(in_c(part) for part in e.args))


def body(row: Elementwise, formulas: Iterable[Expr | Todo | Any]) -> list[str] | None:
    """Return C statements that store formulas in d and return their bits, or None where C needs a function."""
    chosen: dict[str, Expr] = {}
    bits = 0
    for place, e in enumerate(formulas):
        if e is NoTangent or e == ZERO:
            continue
        if isinstance(e, Todo) or not in_c(e):
            return None
        chosen[f"d[{place}]"] = e
        bits |= 1 << place
    return [*spell.c_statements(row, chosen), f"return {bits};"]


def bodies(rows: Iterable[Elementwise], second: bool) -> Iterator[tuple[Elementwise, list[str]]]:
    for row in rows:
        if row.outputs == 1 and len(row.args) <= MOST:
            partials: Iterable[Any] = (by_output[0] for by_output in formula.partials(row))
            if second:
                partials = formula.second(row).values()
            lines = body(row, partials)
            if lines is not None:
                yield row, lines


# --- the header ------------------------------------------------------------------------------------------------------

TEMPLATE = """\
/* Made from the operator table by cython_ext/generate.py: do not edit. */
#ifndef DUALAD_TABLE_H
#define DUALAD_TABLE_H

#include <math.h>

/* The opcodes of the elementwise rows. */
enum {{
{opcodes}
    ROW_COUNT
}};

/* Their names, and what the build has read of each: a row of another digest is not the one that is compiled here. */
static const char *const table_names[ROW_COUNT] = {{
{names}
}};
static const unsigned int table_digests[ROW_COUNT] = {{
{digests}
}};

static inline double table_sign(double x)
{{
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x == 0.0 ? 0.0 : x;
}}

/* Store the first partials of a row at arguments x with value v. The result says which: bit i for d[i], the partial in
   argument i; the others are zero everywhere. It is -1 for a row that needs a function, of which C knows nothing. */
static inline int table_partials(int opcode, const double *x, double v, double *d)
{{
    (void) x, (void) v, (void) d;
    switch (opcode) {{
{first}
    default:
        return -1;
    }}
}}

/* The same for the second partials, d[i*(i + 1)/2 + j] that in the arguments i and j <= i. */
static inline int table_second(int opcode, const double *x, double v, double *d)
{{
    (void) x, (void) v, (void) d;
    switch (opcode) {{
{second}
    default:
        return -1;
    }}
}}

#endif
"""


def cases(rows: Iterable[tuple[Elementwise, list[str]]]) -> str:
    text = []
    for row, lines in rows:
        text += [f"    case ROW_{row.name}: {{", *(f"        {line}" for line in lines), "    }"]
    return "\n".join(text)


def header(rows: list[Elementwise]) -> str:
    """Return the text of the header for these rows."""
    return TEMPLATE.format(
        opcodes="\n".join(f"    ROW_{row.name}," for row in rows),
        names="\n".join(f'    "{row.name}",' for row in rows),
        digests="\n".join(f"    {digest(row):#010x}u," for row in rows),
        first=cases(bodies(rows, second=False)),
        second=cases(bodies(rows, second=True)),
    )


def write_header() -> bool:
    """Write the header and say whether it has changed; an old file is kept, so that nothing is compiled in vain."""
    rows = [row for row in TABLE.rows() if isinstance(row, Elementwise)]
    text = header(rows)
    if HEADER.exists() and HEADER.read_text() == text:
        return False
    HEADER.write_text(text)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the C header of the operator table, or show one row.")
    parser.add_argument("--show", metavar="NAME", help="print all that the row of this name becomes")
    name = parser.parse_args().show
    if name is None:
        print(f"{HEADER.relative_to(ROOT)}: {'written' if write_header() else 'unchanged'}")
        return
    try:
        print(describe.everything(describe.find(name)))
    except LookupError as unknown:
        sys.exit(unknown.args[0])


if __name__ == "__main__":
    main()
