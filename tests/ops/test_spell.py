"""Formulas spelled in Python, C, SymPy and LaTeX mean the same."""

import re

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from dualad.ops import formula, spell
from dualad.ops.code import first_code
from dualad.ops.formula import Call, Const, Symbol, call, evaluate, parse, partials, second, symbols_of
from dualad.ops.spell import as_c, as_latex, as_listing, as_python, as_sympy, c_statements, share, value_of
from dualad.ops.table import TABLE, Elementwise, Todo

ROWS = [row for row in TABLE.rows() if isinstance(row, Elementwise)]
X, Y = Symbol("x"), Symbol("y")


def expr(text):
    return parse(text, ("x", "y", "v", "low", "x_1", "alpha"))


def written(row):
    """The first and second partials of a row that are written, those that would be too long in one line aside."""
    found = [e for by_output in partials(row) for e in by_output] + list(second(row).values())
    return [e for e in found if isinstance(e, formula.Expr) and formula._size(e) < 60]


def same(one, other):
    return one == other or "nan" in as_python(one)  # nan differs from itself


# --- Python ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "x + y*2", "(x + y)*2", "x - (y - 1)", "x - y - 1", "x/(y*2)", "x/y*2", "-x*y", "-(x*y)", "-x/y", "-(-x - y)",
        "x**y", "(-x)**y", "x**(-y)", "(x**y)**2.5", "exp(x)*-1.5", "where(x < y + 1, -x, pi)", "modf(x)[1]",
        "(x < y)*x", "1e-300 + 1e+22*x", "power(x, 2)", "inf*x",
    ],
)  # fmt: skip
def test_python_is_read_back(text):
    assert parse(as_python(expr(text)), ("x", "y")) == expr(text)


def test_python_is_short():
    assert as_python(expr("1/((1 - x)*(1 + x))")) == "1/((1 - x)*(1 + x))"
    assert as_python(expr("-v/y")) == "-v/y"
    assert as_python(expr("3.0*x - (x - -2)")) == "3*x - (x - -2)"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_python_of_every_row_is_read_back(row):
    for e in written(row):
        assert same(e, parse(as_python(e), symbols_of(row)))


TREES = st.recursive(
    st.sampled_from([X, Y]) | st.sampled_from([-2.5, -0.5, 0.25, 3.5]).map(Const),
    lambda inner: st.builds(
        lambda name, parts: call(name, *parts[: 1 if name in ("negative", "exp") else 2]),
        st.sampled_from(["add", "subtract", "multiply", "divide", "power", "negative", "exp"]),
        st.tuples(inner, inner),
    ),
    max_leaves=12,
)


@given(TREES)
@settings(max_examples=200, deadline=None)
def test_python_and_sympy_have_the_value_of_the_expression(e):
    bound = {"x": 0.7, "y": 1.3}
    with np.errstate(all="ignore"):
        value = evaluate(e, bound)
        again = evaluate(parse(as_python(e), ("x", "y")), bound)
    np.testing.assert_array_equal(again, value)
    if np.isfinite(value) and abs(value) < 1e200:
        found = sympy.sympify(as_sympy(e), locals={name: sympy.Float(at, 40) for name, at in bound.items()})
        if found.is_finite:
            np.testing.assert_allclose(float(found), value, rtol=1e-9, atol=1e-9)


# --- shared parts ----------------------------------------------------------------------------------------------------


def test_share_names_what_occurs_twice():
    named, (first, then) = share([expr("exp(x) + 1"), expr("exp(x)*exp(x)")])
    assert named == [("t0", Call("exp", (X,)))]
    assert as_python(first) == "t0 + 1"
    assert as_python(then) == "t0*t0"


def test_share_keeps_deep_formulas_short():
    e = X
    for _ in range(40):
        e = Call("add", (e, e))
    named, _ = share([e])
    assert len(named) == 39


# --- C ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "c"),
    [
        ("2*x", "2.0*x"),
        ("x**y", "pow(x, y)"),
        ("arcsin(x)", "asin(x)"),
        ("absolute(x)", "fabs(x)"),
        ("where(x < 0, where(y == 1, 2, x), -x)", "x < 0.0 ? (y == 1.0 ? 2.0 : x) : -x"),
        ("where(x < 0, 1, 2)*y", "(x < 0.0 ? 1.0 : 2.0)*y"),
        ("where(x, 1, 2)", "x ? 1.0 : 2.0"),
        ("x - -y", "x - -y"),
        ("-(-1*x - y)", "-(-x - y)"),
        ("inf", "INFINITY"),
        ("nan*x", "NAN*x"),
    ],
)
def test_c(text, c):
    assert as_c(expr(text)) == c


def test_c_statements_compute_common_parts_once():
    lines = c_statements(TABLE.named("hypot"), {"d[0]": expr("exp(x)*y"), "d[1]": expr("exp(x)*x/v")})
    assert lines == ["const double t0 = exp(x[0]);", "d[0] = t0*x[1];", "d[1] = t0*x[0]/v;"]


def test_no_sign_runs_into_the_next():
    for row in ROWS:
        for e in written(row):
            assert not re.search(r"--|\+\+", as_c(e))


# --- SymPy -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("arcsin(x)/pi", "asin(x)/pi"),
        ("hypot(1, x)", "(sqrt(1**2 + x**2))"),
        ("log2(x + 1)", "(log((x + 1), 2))"),
        ("where(x == y, 1, 2)", "Piecewise((1, Eq(x, y)), (2, True))"),
        ("where(x, 1, inf)", "Piecewise((1, Ne(x, 0)), (oo, True))"),
    ],
)
def test_sympy(text, spelled):
    assert as_sympy(expr(text)) == spelled


# Which functions of SymPy can be evaluated and differentiated without trouble is SymPy's affair; these are elementary.
ELEMENTARY = (
    "add subtract multiply divide negative positive reciprocal square sqrt exp exp2 expm1 log log2 log10 log1p sin cos "
    "tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh hypot arctan2 logaddexp logaddexp2 power deg2rad "
    "rad2deg absolute erf erfc gamma gammaln digamma expit logit log_expit entr rel_entr xlogy xlog1py exp10 cosm1 "
    "sindg cosdg tandg beta betaln ndtr log_ndtr boxcox j0 j1 y0 k1 i0 expi exprel"
).split()


def inside(row):
    """A point in the domain of a row where nothing is symmetric."""
    point = []
    for domain, fraction in zip(row.domain, (0.63, 0.79)):
        low, high = domain.sample or (domain.low, domain.high)
        low, high = max(low, -1.0), min(high, 2.0)
        point.append(low + fraction * (high - low))
    return point


@pytest.mark.parametrize("name", ELEMENTARY)
def test_sympy_differentiates_to_the_same(name):
    row = TABLE.named(name)
    point = inside(row)
    if name in ("arccosh", "power", "rel_entr", "beta", "betaln", "boxcox", "gamma", "gammaln", "digamma"):
        point = [1.6, 1.3][: len(row.args)]
    symbols = {arg: sympy.Symbol(arg, real=True) for arg in (*row.args, "v")}
    numbers = {symbols[arg]: sympy.Float(at, 30) for arg, at in zip(row.args, point)}
    value = sympy.sympify(as_sympy(value_of(row)), locals=symbols)
    at_point = numbers | {symbols["v"]: sympy.N(value.subs(numbers), 30)}
    np.testing.assert_allclose(float(at_point[symbols["v"]]), row.function(*point), rtol=1e-13)
    for arg, (rule,) in zip(row.args, partials(row)):
        ours = sympy.sympify(as_sympy(rule), locals=symbols).subs(at_point)
        theirs = value.diff(symbols[arg]).subs(numbers)
        np.testing.assert_allclose(float(sympy.N(ours)), float(sympy.N(theirs)), rtol=1e-12)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_sympy_reads_every_row(row):
    symbols = {name: sympy.Symbol(name) for name in symbols_of(row)}
    for by_output in partials(row):
        for e in by_output:
            if isinstance(e, formula.Expr):
                found = sympy.parse_expr(as_sympy(e), local_dict=symbols, evaluate=False)
                assert found.free_symbols <= set(symbols.values())


# --- LaTeX -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("1/sqrt(x)", r"\frac{1}{\sqrt{x}}"),
        ("-v/y", r"-\frac{v}{y}"),
        ("x*x*x", "x^{3}"),
        ("(x*y)**2", r"\left(x \, y\right)^{2}"),
        ("-v*v", "-v^{2}"),
        ("x**(y - 1)", "x^{y - 1}"),
        ("(x + 1)**y", r"\left(x + 1\right)^{y}"),
        ("x - (y - 1)", r"x - \left(y - 1\right)"),
        ("x + -2*y", r"x + \left(-2 \, y\right)"),
        ("2*(3*x)", r"2 \cdot 3 \, x"),
        ("hypot(1, y)", r"\sqrt{1 + y^{2}}"),
        ("exp(-x*x)", "e^{-x^{2}}"),
        ("absolute(low)", r"\left|\mathrm{low}\right|"),
        ("x_1*alpha", r"x_{1} \, \alpha"),
        ("log1p(x)", r"\operatorname{log1p}\left(x\right)"),
        ("gamma(x)", r"\Gamma\left(x\right)"),
        ("rel_entr(x, y)", r"\operatorname{rel\_entr}\left(x, y\right)"),
        ("0.1234567890123*x", r"0.1234568\ldots \, x"),
        ("1e-9*x", r"1 \cdot 10^{-9} \, x"),
        ("pi", r"\pi"),
        (
            "where(x < y, 1, where(x >= 2, x, 0))",
            r"\begin{cases} 1 & \text{if } x < y \\ x & \text{if } x \ge 2 \\ 0 & \text{otherwise} \end{cases}",
        ),
        ("1 + x*(2 + x*(3 + x*(4 + x*5)))", r"p_{4}\left(x\right)"),
        ("modf(x)[1]", r"\operatorname{modf}_{1}\left(x\right)"),
    ],
)
def test_latex(text, latex):
    assert as_latex(expr(text)) == latex


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_latex_of_every_row_is_balanced(row):
    for e in (*written(row), value_of(row)):
        text = as_latex(e)
        assert text.count(r"\left") - text.count(r"\left\l") == text.count(r"\right") - text.count(r"\right\r")
        assert text.count(r"\begin{cases}") == text.count(r"\end{cases}")
        depth = 0
        for brace in re.findall(r"(?<!\\)[{}]", text):
            depth += 1 if brace == "{" else -1
            assert depth >= 0
        assert depth == 0


def test_a_row_may_say_its_own_latex():
    made = Elementwise(
        name="test_latex", path="numpy.exp", args=("x",), partials=(("1",),), domain=(TABLE.named("exp").domain[0],),
        latex=r"\mathrm{Ex}",
    )  # fmt: skip
    TABLE.add(made)
    try:
        assert as_latex(value_of(made)) == r"\mathrm{Ex}\left(x\right)"
    finally:
        TABLE.remove("test_latex")


# --- the listing -----------------------------------------------------------------------------------------------------


def test_listing():
    row = TABLE.named("arctan")
    assert as_listing(first_code(row, (0,)), row) == ["s0 = x * x", "s1 = 1 + s0", "s0 = 1 / s1", "return s0"]


def test_spell_knows_every_call_that_c_computes_exactly():
    for name in spell.EXACT_IN_C:
        assert isinstance(TABLE.named(name), Elementwise)


def test_marks_have_no_spelling():
    with pytest.raises((TypeError, AttributeError)):
        as_python(Todo("no formula"))
