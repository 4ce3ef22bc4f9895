"""Formulas are read, simplified, differentiated and evaluated."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dualad.ops import formula
from dualad.ops.formula import ONE, ZERO, Call, Const, Symbol, call, differentiate, evaluate, parse, partials, second
from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo, op

X, Y = Symbol("x"), Symbol("y")


@pytest.fixture
def row():
    """Return a function that adds a row which is taken out again after the test."""
    names = []

    def add(name, *rest, **more):
        names.append(name)
        return op(name, *rest, **more)

    yield add
    for name in names:
        TABLE.remove(name)


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("x", X),
        ("2", Const(2.0)),
        ("-2", Const(-2.0)),
        ("pi", Const(math.pi)),
        ("x + y", Call("add", (X, Y))),
        ("x - y", Call("subtract", (X, Y))),
        ("x*y/x", Call("divide", (Call("multiply", (X, Y)), X))),
        ("-x", Call("negative", (X,))),
        ("x**2", Call("multiply", (X, X))),
        ("x**y", Call("power", (X, Y))),
        ("x <= y", Call("less_equal", (X, Y))),
        ("exp(-x)", Call("exp", (Call("negative", (X,)),))),
        ("where(x < 0, y, 1)", Call("where", (Call("less", (X, ZERO)), Y, ONE))),
        ("modf(x)[1]", Call("modf", (X,), 1)),
    ],
)
def test_parse(text, expr):
    assert parse(text, ("x", "y")) == expr


def test_powers_share_their_squares():
    fourth = parse("x**4", ("x",))
    assert fourth.args[0] is fourth.args[1] == Call("multiply", (X, X))


@pytest.mark.parametrize("text", ["z", "x if x else y", "x.real", "f(x, key=1)", "x[0]", "not x", "'a'", "1j"])
def test_what_the_language_lacks(text):
    with pytest.raises(ValueError, match="the language lacks"):
        parse(text, ("x", "y"))


# --- building --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("x + 0", "x"),
        ("0 + x", "x"),
        ("x - 0", "x"),
        ("0 - x", "-x"),
        ("0*x", "0"),
        ("1*x", "x"),
        ("x*1", "x"),
        ("-1*x", "-x"),
        ("x/1", "x"),
        ("0/x", "0"),
        ("-(-x)", "x"),
        ("x + (-y)", "x - y"),
        ("2*3 + 1", "7"),
        ("x - 1 + 1", "x"),
        ("x + 1 - 3", "x - 2"),
        ("(1 - x) - (1 + x)", "-2*x"),
        ("x - x", "0"),
        ("where(x < y, 2, 2)", "2"),
    ],
)
def test_simplification(text, short):
    assert parse(text, ("x", "y")) == parse(short, ("x", "y"))


def test_sums_of_unlike_terms_stay_as_they_are_written():
    expr = parse("(x + y) - 1", ("x", "y"))
    assert expr == Call("subtract", (Call("add", (X, Y)), ONE))


# --- differentiating -------------------------------------------------------------------------------------------------


def slope(text, at, names=("x", "y"), arg=0, row=None):
    row = row or TABLE.named("add")
    return evaluate(differentiate(parse(text, names), row, arg), dict(zip(names, at)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x*x*x", lambda x, y: 3 * x * x),
        ("sin(x)*exp(y)", lambda x, y: np.cos(x) * np.exp(y)),
        ("x**y", lambda x, y: y * x ** (y - 1)),
        ("y/x", lambda x, y: -y / x**2),
        ("sqrt(1 + x*x)", lambda x, y: x / np.sqrt(1 + x * x)),
        ("where(x < y, x*x, x)", lambda x, y: 2 * x if x < y else 1.0),
        ("arctan2(x, y)", lambda x, y: y / (x * x + y * y)),
        ("modf(x)[0]", lambda x, y: 1.0),
        ("modf(x)[1]", lambda x, y: 0.0),
    ],
)
def test_differentiate(text, expected):
    for x, y in [(0.3, 1.7), (2.5, 0.4)]:
        assert slope(text, (x, y)) == pytest.approx(expected(x, y), rel=1e-14)


def test_condition_is_constant():
    assert differentiate(parse("x < y", ("x", "y")), TABLE.named("add"), 0) == ZERO


def test_value_differentiates_to_the_partial(row):
    made = row("test_value", "x", "2*v", function=np.exp)
    assert second(made)[0, 0, 0] == call("multiply", Const(2.0), call("multiply", Const(2.0), Symbol("v")))


def test_formula_that_calls_no_elementwise_row(row):
    made = row("test_calls_sum", "x", "sum(x)", function=np.exp)
    with pytest.raises(TypeError, match="'sum', which is no elementwise row"):
        second(made)


def test_three_kinds_of_no_derivative(row):
    reason = Todo("nobody has written it")
    made = row("test_kinds", "n a x", NoTangent, reason, "n*a*x", function=np.exp)
    assert partials(made)[:2] == ((NoTangent,), (reason,))
    derived = second(made)
    assert derived[0, 0, 0] is derived[2, 0, 0] is NoTangent
    assert derived[1, 1, 0] is reason
    # The mixed partial is known in one order of differentiation.
    assert evaluate(derived[2, 1, 0], {"n": 2.0, "x": 5.0}) == 10.0
    assert evaluate(derived[2, 2, 0], {"n": 2.0, "a": 3.0}) == 6.0


def test_constant_partials_have_no_second():
    assert set(second(TABLE.named("add")).values()) == {ZERO}
    assert second(TABLE.named("multiply")) == {(0, 0, 0): ZERO, (1, 0, 0): ONE, (1, 1, 0): ZERO}


# --- against SymPy, on formulas that hypothesis invents --------------------------------------------------------------

EXPRESSIONS = st.recursive(
    st.sampled_from([X, Y]) | st.sampled_from([-2.0, 0.5, 3.0]).map(Const),
    lambda inner: st.builds(
        lambda name, left, right: call(name, left, right) if name in BINARY else call(name, left),
        st.sampled_from(["add", "subtract", "multiply", "negative", "sin", "exp", "arctan", "tanh"]),
        inner,
        inner,
    ),
    max_leaves=8,
)
BINARY = ("add", "subtract", "multiply")


@given(EXPRESSIONS, st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_derivative_against_difference_quotients(expr, x, y):
    h = 1e-5

    def f(at):
        return evaluate(expr, {"x": at, "y": y})

    found = evaluate(differentiate(expr, TABLE.named("add"), 0), {"x": x, "y": y})
    with np.errstate(all="ignore"):
        around = [float(f(x + s * h)) for s in (-2, -1, 1, 2)]
        quotient = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * h)
    scale = max(map(abs, around)) + abs(quotient) + 1
    if np.isfinite(scale) and scale < 1e6:
        assert abs(found - quotient) < 1e-6 * scale**2


# --- evaluating ------------------------------------------------------------------------------------------------------


def test_evaluate_shares_common_parts(row):
    calls = []

    def counted(x):
        calls.append(x)
        return x

    row("test_counted", "x", "1", function=counted)
    made = row("test_uses", "x", "test_counted(x)*test_counted(x) + test_counted(x)", function=np.exp)
    assert evaluate(partials(made)[0][0], {"x": 3.0}) == 12.0
    assert len(calls) == 1


def test_evaluate_keeps_whole_numbers_whole(row):
    seen = []

    def looked_at(n, x):
        seen.append(type(n))
        return x

    row("test_order", "n x", NoTangent, "1", function=looked_at)
    made = row("test_moves_order", "n x", NoTangent, "test_order(n - 1, x)", function=np.add)
    evaluate(partials(made)[1][0], {"n": 3, "x": 1.5})
    assert issubclass(seen[0], (int, np.integer))


def test_every_formula_of_the_table_can_be_read_and_differentiated():
    for made in TABLE.rows():
        if isinstance(made, Elementwise):
            for by_output in partials(made):
                assert all(e is NoTangent or isinstance(e, Todo | formula.Expr) for e in by_output)
            assert second(made)
