"""Powers with a plain exponent: the formulas with the number put in say what the general ones say."""

import mpmath as mp
import numpy as np
import pytest

import dualad
from dualad.ops import formula
from dualad.ops.code import first_code, second_code
from dualad.ops.settle import NUMBERS, exponent, settle
from dualad.ops.table import TABLE, Elementwise

POWER = TABLE.named("power")
ROWS = [row for row in TABLE.rows() if isinstance(row, Elementwise) and exponent(row) >= 0]
BY_NUMBER = pytest.mark.parametrize("number", NUMBERS)
X = np.geomspace(1e-3, 1e3, 1201)


def names(e):
    return {e.name}.union(*map(names, e.args)) if isinstance(e, formula.Call) else set()


def test_which_rows_have_an_exponent():
    assert exponent(POWER) == exponent(TABLE.named("float_power")) == 1
    assert exponent(TABLE.named("multiply")) == exponent(TABLE.named("exp")) == -1
    assert {"boxcox", "powm1"} <= {row.name for row in ROWS}


@BY_NUMBER
def test_no_power_is_left(number):
    e = settle(formula.partials(POWER)[0][0], "y", number)
    assert names(e) <= {"add", "multiply", "divide", "negative", "sqrt"}
    assert first_code(POWER, (0,), (), number) != first_code(POWER, (0,))
    assert second_code(POWER, (0,), (), number) is not None


def within(found, wanted, bound):
    for a, b in zip(found, wanted, strict=True):
        assert abs(mp.mpf(float(a)) - b) <= bound * abs(b)


@BY_NUMBER
@pytest.mark.parametrize("power", [np.power, np.float_power, lambda x, y: x**y], ids=["power", "float_power", "**"])
def test_derivatives_of_powers(power, number):
    y = power(dualad.HyperDual(X, np.ones((1, X.size)), np.ones((1, X.size)), np.zeros((1, 1, X.size))), number)
    assert np.array_equal(y.value, power(X, number))
    with mp.workdps(40):
        c = mp.mpf(number)
        within(y.e1[0], [c * mp.mpf(x) ** (c - 1) for x in X], 1e-15)
        within(y.e12[0, 0], [c * (c - 1) * mp.mpf(x) ** (c - 2) for x in X], 2e-15)


@BY_NUMBER
def test_one_number_and_an_array_agree(number):
    x = X[::40]
    array = dualad.Dual(x, np.ones((1, x.size))) ** number
    assert np.array_equal([(dualad.Dual(a, [1.0]) ** number).tangents[0] for a in x.tolist()], array.tangents[0])
    general = np.power(dualad.Dual(x, np.ones((1, x.size))), np.full(x.size, number))
    np.testing.assert_allclose(array.tangents, general.tangents, rtol=1e-15)


@BY_NUMBER
def test_ends(number):
    x = np.array([0.0, -0.0, np.inf, np.nan, 1e-310, 1e308, 1e160, 1e-160, -3.0])
    with np.errstate(all="ignore"):
        settled = np.power(dualad.Dual(x, np.ones((1, x.size))), number)
        general = np.power(dualad.Dual(x, np.ones((1, x.size))), np.full(x.size, number))
    np.testing.assert_allclose(settled.tangents, general.tangents, rtol=1e-15, atol=1e-322)
    signs = [np.copysign(1.0, t)[~np.isnan(t)] for t in (settled.tangents, general.tangents)]
    assert np.array_equal(*signs)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_agrees_with_its_general_formulas(row):
    place = exponent(row)
    active = [i for i in range(len(row.args)) if i != place and isinstance(formula.partials(row)[i][0], formula.Call)]
    rng = np.random.default_rng(1)
    for number in NUMBERS:
        if not row.domain[place].low <= number <= row.domain[place].high:
            continue
        columns = [np.full(40, number) if i == place else rng.uniform(0.3, 0.9, 40) for i in range(len(row.args))]
        with np.errstate(all="ignore"):
            bound = dict(zip(formula.symbols_of(row), (*columns, row.function(*columns)), strict=True))
        found = {i: formula.partials(row)[i][0] for i in active} | {
            (i, i): formula.second(row)[i, i, 0] for i in active
        }
        for e in found.values():
            if isinstance(e, formula.Call):
                with np.errstate(all="ignore"):
                    general = formula.evaluate(e, bound)
                    settled = formula.evaluate(settle(e, row.args[place], number), bound)
                largest = np.max(np.abs(general), where=np.isfinite(general), initial=0.0)
                np.testing.assert_allclose(settled, general, rtol=1e-12, atol=1e-13 * largest)
