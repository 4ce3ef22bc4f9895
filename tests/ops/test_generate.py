"""The header that follows from the table, and all that one row becomes."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dualad import _table, errors
from dualad.ops import describe, formula
from dualad.ops.digest import digest
from dualad.ops.formula import ZERO, Const, evaluate, partials, second, symbols_of
from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo, op

GENERATE = Path(__file__).parents[2] / "cython_ext" / "generate.py"
ROWS = [row for row in TABLE.rows() if isinstance(row, Elementwise)]
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.3, -7.7, 11.0, 1e-310, 1e300, np.inf, -np.inf, np.nan)


def in_c(row):
    return _table.first(_table.opcode(row), [0.5] * 4, 0.5) is not None


def run(*args):
    return subprocess.run([sys.executable, GENERATE, *args], capture_output=True, text=True)


# --- the header ------------------------------------------------------------------------------------------------------


def test_the_build_is_as_new_as_the_table():
    assert _table.changed() == []
    assert sorted(_table.opcode(row) for row in ROWS) == list(range(len(ROWS)))


def test_which_rows_c_computes():
    known = {row.name for row in ROWS if in_c(row)}
    assert {"add", "multiply", "divide", "exp", "log", "sqrt", "arctan", "maximum", "hypot", "where", "floor"} <= known
    assert known.isdisjoint({"sin", "power", "gamma", "erf", "modf"})
    for row in ROWS:
        if any(isinstance(e, Todo) for by_output in partials(row) for e in by_output) or row.outputs > 1:
            assert row.name not in known


def expected(formulas, row, args, v):
    bound = dict(zip(symbols_of(row), (*args, v)))
    with np.errstate(all="ignore"):
        return {
            place: np.float64(e.value if isinstance(e, Const) else evaluate(e, bound))
            for place, e in formulas.items()
            if e is not NoTangent and e != ZERO
        }


@pytest.mark.parametrize("row", [row for row in ROWS if in_c(row)], ids=lambda row: row.name)
def test_c_is_bit_equal_to_numpy(row):
    code = _table.opcode(row)
    first = {i: by_output[0] for i, by_output in enumerate(partials(row))}
    twice = {(i, j): e for (i, j, _), e in second(row).items()}
    for args in itertools.islice(itertools.product(np.array(NUMBERS), repeat=len(row.args)), 300):
        with np.errstate(all="ignore"):
            v = np.float64(row.function(*args))
        for formulas, compute in ((first, _table.first), (twice, _table.second)):
            found = compute(code, args, v)
            if found is None:
                continue
            wanted = expected(formulas, row, args, v)
            assert found.keys() == wanted.keys()
            for place, number in wanted.items():
                np.testing.assert_array_equal(found[place], number)
                assert np.isnan(number) or np.signbit(found[place]) == np.signbit(number)


def test_no_opcode():
    assert _table.first(-1, [1.0], 1.0) is None
    assert _table.second(-1, [1.0], 1.0) is None
    made = op("test_no_opcode", "x", "2*x", function=np.exp)
    try:
        assert _table.opcode(made) == -1
    finally:
        TABLE.remove("test_no_opcode")


def test_a_row_that_was_changed_since_the_build_is_found_out():
    old = TABLE.named("cbrt")
    TABLE.remove("cbrt")
    try:
        made = op("cbrt", "x", "v/(3*x)")
        assert digest(made) != digest(old)
        assert _table.opcode(made) == -1
        assert _table.changed() == ["cbrt"]
        with pytest.warns(RuntimeWarning, match="before the rows cbrt .* were changed"):
            _table.warn_if_stale()
    finally:
        TABLE.remove("cbrt")
        TABLE.add(old)
    assert "python setup.py build_ext --inplace" in errors.stale_build(["cbrt"])


def test_importing_a_stale_build_says_so():
    code = (
        f"import sys; sys.path.insert(0, {str(GENERATE.parent)!r}); import generate\n"
        "import dualad.ops.elementwise\n"
        "generate.TABLE.remove('tanh')\n"
        "dualad.ops.table.op('tanh', 'x', '1 - v*v')\n"
        "import dualad._table\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "RuntimeWarning: The compiled modules of dualad were built before the rows tanh" in done.stderr


def test_nothing_compiled_is_needed():
    code = (
        f"import sys; sys.path.insert(0, {str(GENERATE.parent)!r}); import generate\n"
        "text = generate.header([row for row in generate.TABLE.rows() if isinstance(row, generate.Elementwise)])\n"
        "assert 'ROW_tanh' in text and 'case ROW_tanh' not in text\n"
        "print([name for name in sys.modules if name.startswith('dualad._')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# --- what one row becomes --------------------------------------------------------------------------------------------


def test_show():
    shown = run("--show", "erfi").stdout
    for part in (
        "Elementwise row of scipy.special.erfi",
        "x: 1.1283791670955126*exp(x*x), in (-inf, inf)",
        "v_dot = d_x*x_dot",
        "x_bar = d_x*v_bar",
        "d_xx = 1.1283791670955126*(exp(x*x)*(2*x))",
        "v.e12 = d_x*x.e12 + d_xx*x.e1*x.e2",
        "s0 = 1.1283791670955126 * s1",
        "d[0] = 1.1283791670955126*exp(x[0]*x[0]);",
        "v = erfi(x)",
        r"d_x = 1.128379\ldots \, e^{x^{2}}",
        "x: nonlinear",
        "Function: `scipy.special.erfi(x)`",
    ):
        assert part in shown


def test_show_unknown():
    done = run("--show", "tnh")
    assert done.returncode == 1
    assert done.stderr.startswith("the operator table has no row named 'tnh'; did you mean tanh")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("row", list(TABLE.rows()), ids=lambda row: row.name)
def test_everything_of_every_row(row):
    shown = describe.everything(row)
    assert row.path in shown
    assert len(shown) < 30_000


def test_two_arguments():
    shown = describe.everything(TABLE.named("multiply"))
    for line in (
        "v_dot = y*x_dot + x*y_dot",
        "x_bar = y*v_bar",
        "y_bar = x*v_bar",
        "v.e12 = y*x.e12 + x*y.e12 + y.e1*x.e2 + x.e1*y.e2",
        "x: linear",
        "x and y interact",
    ):
        assert f"    {line}\n" in shown


def test_several_outputs():
    shown = describe.everything(TABLE.named("modf"))
    assert "v0_dot = x_dot" in shown
    assert "v1_dot = 0" in shown
    assert "x_bar = v0_bar" in shown


def test_no_derivative():
    shown = describe.everything(TABLE.named("jv"))
    assert "d_n: not written, because the order derivative of Bessel functions" in shown
    assert "d_condition: none, condition is discrete" in describe.everything(TABLE.named("where"))


def test_array_row():
    shown = describe.everything(TABLE.named("sum"))
    assert shown.startswith("sum: Linear row of numpy.sum")
    assert "operands: a" in shown


@pytest.mark.parametrize("name", ["erf", "scipy.special.erf", "special.erf"])
def test_find(name):
    assert describe.find(name) is TABLE.named("erf")


# --- sparsity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "classes", "pairs"),
    [
        ("add", ("linear", "linear"), set()),
        ("multiply", ("linear", "linear"), {(1, 0)}),
        ("divide", ("linear", "nonlinear"), {(1, 0), (1, 1)}),
        ("sin", ("nonlinear",), {(0, 0)}),
        ("absolute", ("linear",), set()),
        ("floor", ("zero",), set()),
        ("copysign", ("linear", "zero"), set()),
        ("where", ("zero", "linear", "linear"), set()),
        ("ldexp", ("linear", "zero"), set()),
    ],
)
def test_sparsity(name, classes, pairs):
    found = describe.sparsity(TABLE.named(name))
    assert found.classes() == classes
    assert found.second == pairs


def test_what_is_not_known_may_differ_from_zero():
    found = describe.sparsity(TABLE.named("jv"))
    assert found.classes() == ("nonlinear", "nonlinear")


def test_formulas_are_derived_not_typed():
    assert formula.second(TABLE.named("exp"))[0, 0, 0] == formula.Symbol("v")
