"""Adding an operator is one line and nothing else: dual and hyper-dual arrays and the drivers know it at once."""

import numpy as np
import pytest
from scipy.special import _ufuncs

import dualad
from dualad import Dual, HyperDual, errors
from dualad.ops import describe
from dualad.ops.table import TABLE, Todo, op

X = np.array([-0.7, 0.0, 0.3, 1.25])

# Universal functions that SciPy keeps to itself, and the table leaves out.
sinpi, cospi, log1pmx = _ufuncs._sinpi, _ufuncs._cospi, _ufuncs._log1pmx


@pytest.fixture
def new_row():
    """Return ``op``; the rows that it adds are taken out again."""
    names = []

    def add(name, *rest, **more):
        made = op(name, *rest, **more)
        names.append(name)
        return made

    yield add
    for name in reversed(names):
        TABLE.remove(name)


@pytest.fixture
def waves(new_row):
    new_row("sinpi", "x", "pi*cospi(x)", function=sinpi)
    new_row("cospi", "x", "-pi*sinpi(x)", function=cospi)


def test_unknown_before_and_after(new_row):
    with pytest.raises(errors.UnknownFunction):
        dualad.jacobian(sinpi)(X)
    op("sinpi", "x", Todo("only for a moment"), function=sinpi)
    TABLE.remove("sinpi")
    with pytest.raises(errors.UnknownFunction):
        dualad.jacobian(sinpi)(X)


def test_dual(waves):
    y = sinpi(Dual(X, np.stack([np.ones_like(X), X])))
    np.testing.assert_array_equal(y.value, sinpi(X))
    np.testing.assert_allclose(y.tangents, [np.pi * cospi(X), np.pi * cospi(X) * X], rtol=1e-15)


def test_scalar_dual(waves):
    y = sinpi(Dual(0.3, [1.0]))
    assert float(y.value) == sinpi(0.3)
    np.testing.assert_allclose(y.tangents, [np.pi * cospi(0.3)], rtol=1e-15)


def test_hyperdual_derives_what_nobody_has_typed(waves):
    one = np.ones((1, *X.shape))
    y = sinpi(HyperDual(X, one, one, np.zeros((1, 1, *X.shape))))
    np.testing.assert_allclose(y.e1[0], np.pi * cospi(X), rtol=1e-15)
    np.testing.assert_allclose(y.e12[0, 0], -(np.pi**2) * sinpi(X), rtol=1e-15, atol=1e-15)


def test_drivers(waves):
    np.testing.assert_allclose(dualad.jacobian(sinpi)(X), np.diag(np.pi * cospi(X)), rtol=1e-15)
    third = dualad.derivative(lambda x: x * sinpi(x), order=3)(0.3)
    assert third == pytest.approx(-3 * np.pi**2 * sinpi(0.3) - 0.3 * np.pi**3 * cospi(0.3), rel=1e-13)


def test_formula_may_call_a_plain_function(new_row):
    """A function without C loops may have a row too, for formulas to call."""

    def fraction(x):
        return x / (1 + x)

    new_row("log1pmx", "x", "-fraction(x)", function=log1pmx)
    new_row("fraction", "x", "1/(1 + x)**2", function=fraction)
    x = X[1:]
    np.testing.assert_allclose(dualad.jacobian(log1pmx)(x), np.diag(-x / (1 + x)), rtol=1e-15)
    hessian = dualad.hessian(lambda x: np.sum(log1pmx(x)))(x)
    np.testing.assert_allclose(hessian, np.diag(-1 / (1 + x) ** 2), rtol=1e-15)
    np.testing.assert_allclose(dualad.derivative(log1pmx)(0.25), -0.2, rtol=1e-15)


def test_several_outputs(new_row):
    """The second output of this function is the derivative of the first."""
    both = np.frompyfunc(lambda x: (x * x, 2 * x), 1, 2)
    made = new_row("squares", "x", ("v1", "2"), function=both)
    assert made.outputs == 2
    assert "v0_dot = v1*x_dot" in describe.everything(made)


def test_it_can_be_shown(waves):
    shown = describe.everything(describe.find("sinpi"))
    assert "v_dot = d_x*x_dot" in shown
    assert "d_xx = pi*(-pi*sinpi(x))" in shown


def test_a_name_is_given_once(waves):
    with pytest.raises(ValueError, match="'sinpi' already"):
        op("sinpi", "x", "1", function=sinpi)


def test_a_partial_for_each_argument():
    with pytest.raises(ValueError, match="2 arguments and 1 partials"):
        op("lopsided", "x y", "1", function=sinpi)
