"""The elementwise rows of NumPy: one line an operator, one formula a partial derivative.

Formulas are closed under the table, so that the second partials follow from them. They are written for relative
accuracy, also of what is derived from them: where a difference would lose digits, or where its derivative would, there
is a form that does not. DLMF is the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

from math import factorial, pi
from typing import Any, Final

import numpy as np

from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, Map, NoTangent, composed, linear, op

__all__ = ["polynomial"]

_EXPONENT: Final = REAL.on(-700.0, 700.0)
_NEAR: Final = REAL.on(-50.0, 50.0)
_PHASE: Final = REAL.on(-1e4, 1e4)
_WIDE: Final = REAL.on(-1e50, 1e50)
_NONZERO: Final = REAL.on(0.01, 1e50)
_INTEGER: Final = Interval(-float("inf"), float("inf"), integer=True, sample=(-40.0, 40.0))
_CONDITION: Final = Interval(0.0, 1.0, (True, True), integer=True)


def polynomial(variable: str, *coefficients: float) -> str:
    """Return Horner's form of a polynomial as the text of a formula, constant coefficient first."""
    text = repr(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        text = f"({coefficient!r} + {variable}*{text})"
    return text


# --- arithmetic ------------------------------------------------------------------------------------------------------

op("add", "x y", "1", "1", domain=_WIDE, sympy="x + y")
op("subtract", "x y", "1", "-1", domain=_WIDE, sympy="x - y")
op("multiply", "x y", "y", "x", domain=_WIDE, sympy="x*y")
op("divide", "x y", "1/y", "-v/y", domain=(_WIDE, _NONZERO), sympy="x/y")
op("negative", "x", "-1", domain=_WIDE, sympy="-x")
op("positive", "x", "1", domain=_WIDE, sympy="x")
op("conjugate", "x", "1", domain=_WIDE, sympy="conjugate")
op("absolute", "x", "sign(x)", domain=_WIDE, kinks=(0,), sympy="Abs")
op("fabs", "x", "sign(x)", domain=_WIDE, kinks=(0,), sympy="Abs")
op("reciprocal", "x", "-v*v", domain=_NONZERO, sympy="1/x")
op("square", "x", "2*x", domain=_WIDE, sympy="x**2")
op("sqrt", "x", "0.5/v", domain=NONNEGATIVE, sympy="sqrt", note="The derivative at 0 is infinite.")
op("cbrt", "x", "1/(3*v*v)", domain=_WIDE, kinks=(0,), sympy="real_root(x, 3)")

# x**0 is the constant 1 also at x = 0; in y at x = 0 the power is constant on the side where it is finite. A condition
# y == 0 alone would give the right partial with the wrong derivative in y, which a branch does not see.
_IN_X: Final = "where(x == 0, where(y == 0, 0, y*{0}(x, y - 1)), y*{0}(x, y - 1))"
_IN_Y: Final = "where(x == 0, 0, v*log(x))"
_POWERS: Final = (REAL.on(0.01, 100.0), REAL.on(-20.0, 20.0))
op("power", "x y", _IN_X.format("power"), _IN_Y, domain=_POWERS, sympy="Pow",
   note="A negative base has no derivative in the exponent: it is nan there.")  # fmt: skip
op("float_power", "x y", _IN_X.format("float_power"), _IN_Y, domain=_POWERS, sympy="Pow")

# --- exponentials and logarithms -------------------------------------------------------------------------------------

op("exp", "x", "v", domain=_EXPONENT, sympy="exp")
op("exp2", "x", "0.6931471805599453*v", domain=REAL.on(-1000.0, 1000.0), sympy="2**x")
op("expm1", "x", "exp(x)", domain=_EXPONENT, sympy="exp(x) - 1", note="v + 1 would lose digits for negative x.")
op("log", "x", "1/x", domain=POSITIVE, sympy="log")
op("log2", "x", "1.4426950408889634/x", domain=POSITIVE, sympy="log(x, 2)")
op("log10", "x", "0.4342944819032518/x", domain=POSITIVE, sympy="log(x, 10)")
op("log1p", "x", "1/(1 + x)", domain=Interval(-1.0, float("inf")), sympy="log(1 + x)")

# The weight of x is t/(1 + t) or 1/(1 + t) with t the smaller power over the larger, so that nothing overflows.
_BELOW: Final = "where(x < y, x - y, y - x)"
for _name, _power, _sympy in (
    ("logaddexp", "exp", "log(exp(x) + exp(y))"),
    ("logaddexp2", "exp2", "log(2**x + 2**y, 2)"),
):
    _t = f"{_power}({_BELOW})"
    op(_name, "x y", f"where(x < y, {_t}, 1)/(1 + {_t})", f"where(x < y, 1, {_t})/(1 + {_t})",
       domain=_EXPONENT, sympy=_sympy)  # fmt: skip

# --- circular and hyperbolic functions -------------------------------------------------------------------------------

# 1 - x*x would lose digits near 1. The sum in the derivative of (1 - x)*(1 + x) is merged to -2*x as it is built.
op("sin", "x", "cos(x)", domain=_PHASE, sympy="sin")
op("cos", "x", "-sin(x)", domain=_PHASE, sympy="cos")
op("tan", "x", "1 + v*v", domain=_PHASE, sympy="tan")
op("arcsin", "x", "1/sqrt((1 - x)*(1 + x))", domain=UNIT, sympy="asin", source="DLMF 4.24.7")
op("arccos", "x", "-1/sqrt((1 - x)*(1 + x))", domain=UNIT, sympy="acos", source="DLMF 4.24.8")
op("arctan", "x", "1/(1 + x*x)", domain=_WIDE, sympy="atan", source="DLMF 4.24.9")
op("sinh", "x", "cosh(x)", domain=_EXPONENT, sympy="sinh")
op("cosh", "x", "sinh(x)", domain=_EXPONENT, sympy="cosh")
op("tanh", "x", "where(absolute(x) > 400, 0, (1/cosh(x))**2)", domain=REAL.on(-300.0, 300.0), sympy="tanh",
   note="1 - v*v would lose all digits where the function saturates; from 400 on it has come to rest.")  # fmt: skip
op("arcsinh", "x", "1/hypot(1, x)", domain=_WIDE, sympy="asinh", source="DLMF 4.38.1")
op("arccosh", "x", "1/(sqrt(x - 1)*sqrt(x + 1))", domain=Interval(1.0, float("inf"), (True, False)), sympy="acosh",
   source="DLMF 4.38.2")  # fmt: skip
op("arctanh", "x", "1/((1 - x)*(1 + x))", domain=Interval(-1.0, 1.0), sympy="atanh", source="DLMF 4.38.3")

# x/v in the smaller argument; in the larger one a form whose own derivative y*y/v**3 does not come from 1/v - x*x/v**3.
_LEG: Final = "where(v == 0, 0, where(absolute({0}) < absolute({1}), {0}/v, sign({0})*sqrt(1 - ({1}/v)**2)))"
op("hypot", "x y", _LEG.format("x", "y"), _LEG.format("y", "x"), domain=_WIDE, sympy="sqrt(x**2 + y**2)",
   note="The derivative at the origin is 0, that of the smallest subgradient.")  # fmt: skip
op("arctan2", "y x", "x/hypot(x, y)/hypot(x, y)", "-y/hypot(x, y)/hypot(x, y)", domain=_WIDE, sympy="atan2",
   note="There is no derivative at the origin: it is nan there.")  # fmt: skip

for _name, _factor, _sympy in (
    ("deg2rad", pi / 180.0, "x*pi/180"),
    ("radians", pi / 180.0, "x*pi/180"),
    ("rad2deg", 180.0 / pi, "x*180/pi"),
    ("degrees", 180.0 / pi, "x*180/pi"),
):
    op(_name, "x", repr(_factor), domain=_WIDE, sympy=_sympy)

# sin(pi x)/(pi x) about 0 by its power series, whose derivatives keep their digits.
_SINC: Final = polynomial("(x*x)", *((-1) ** k * 2 * k * pi ** (2 * k) / factorial(2 * k + 1) for k in range(1, 13)))
op("sinc", "x", f"where(absolute(x) < 0.4, x*{_SINC}, (cos({pi!r}*x) - v)/x)", domain=_NEAR, sympy="sinc(pi*x)")
op("i0", "x", "i1(x)", domain=_EXPONENT, sympy="besseli(0, x)", source="DLMF 10.29.3")

# --- choices: the larger, the smaller, a sign, a branch --------------------------------------------------------------

# Ties are shared equally. What none of the comparisons holds for is nan, as v then is.
_MORE: Final = "where({0} > {1}, 1, where({0} < {1}, 0, where({0} == {1}, 0.5, {2})))"
_LESS: Final = "where({0} < {1}, 1, where({0} > {1}, 0, where({0} == {1}, 0.5, {2})))"
# One nan: the other argument is the result.
_SKIP: Final = "where({1} == {1}, 0, where({0} == {0}, 1, v))"
op("maximum", "x y", _MORE.format("x", "y", "v"), _MORE.format("y", "x", "v"), domain=_WIDE, sympy="Max")
op("minimum", "x y", _LESS.format("x", "y", "v"), _LESS.format("y", "x", "v"), domain=_WIDE, sympy="Min")
op("fmax", "x y", _MORE.format("x", "y", _SKIP.format("x", "y")), _MORE.format("y", "x", _SKIP.format("y", "x")),
   domain=_WIDE, sympy="Max", note="nan is passed over: the derivative is that of the other argument.")  # fmt: skip
op("fmin", "x y", _LESS.format("x", "y", _SKIP.format("x", "y")), _LESS.format("y", "x", _SKIP.format("y", "x")),
   domain=_WIDE, sympy="Min", note="nan is passed over: the derivative is that of the other argument.")  # fmt: skip
_RAISED: Final = "maximum(x, low)"
op("umath_clip", "x low high",
   f"{_MORE.format('x', 'low', 'v')}*{_LESS.format(_RAISED, 'high', 'v')}",
   f"{_MORE.format('low', 'x', 'v')}*{_LESS.format(_RAISED, 'high', 'v')}",
   _LESS.format("high", _RAISED, "v"),
   numpy="numpy._core.umath.clip", domain=_WIDE, sympy="Min(Max(x, low), high)",
   note="The ufunc behind numpy.clip. At a bound the derivative is shared equally, as minimum and maximum share it.",
   )  # fmt: skip
op("where", "condition x y", NoTangent, "where(condition, 1, 0)", "where(condition, 0, 1)",
   domain=(_CONDITION, _WIDE, _WIDE))  # fmt: skip
op("copysign", "x y", "sign(x)*copysign(1, y)", "0", domain=_WIDE, kinks=(0,))
op("heaviside", "x h", "0", "where(x == 0, 1, 0)", domain=_WIDE, kinks=(0,), sympy="Heaviside")
op("sign", "x", "0", domain=_WIDE, kinks=(0,), sympy="sign")

# --- rounding, remainders and the parts of a number ------------------------------------------------------------------

_HALVES: Final = tuple(n + 0.5 for n in range(-50, 50))
_WHOLES: Final = tuple(float(n) for n in range(-50, 51))
op("rint", "x", "0", domain=_NEAR, kinks=_HALVES)
op("floor", "x", "0", domain=_NEAR, kinks=_WHOLES, sympy="floor")
op("ceil", "x", "0", domain=_NEAR, kinks=_WHOLES, sympy="ceiling")
op("trunc", "x", "0", domain=_NEAR, kinks=_WHOLES)
op("fix", "x", "0", domain=_NEAR, kinks=_WHOLES)
op("spacing", "x", "0", domain=_NEAR, note="Constant between the powers of 2.")
op("nextafter", "x y", "1", "0", domain=_NEAR, note="x moved by one unit in its last place.")

# The whole quotient, found again from the remainder that was computed.
_QUOTIENT: Final = "-rint((x - v)/y)"
_DIVISION: Final = (REAL.on(-1e3, 1e3), REAL.on(0.1, 1e3))
op("floor_divide", "x y", "0", "0", domain=_DIVISION, sympy="floor(x/y)")
op("remainder", "x y", "1", _QUOTIENT, domain=_DIVISION, sympy="Mod")
op("fmod", "x y", "1", _QUOTIENT, domain=_DIVISION)
op("divmod", "x y", ("0", "1"), ("0", "-v0"), domain=_DIVISION)
op("modf", "x", ("1", "0"), domain=_NEAR, kinks=_WHOLES, note="The fraction and the whole number.")
op("frexp", "x", ("exp2(-v1)", "0"), domain=_WIDE, note="The mantissa and the exponent of 2.")
op("ldexp", "x i", "exp2(i)", NoTangent, domain=(_WIDE, _INTEGER), sympy="x*2**i")


# --- functions with keyword parameters -------------------------------------------------------------------------------


@composed("numpy.clip", "a a_min a_max")
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None, **rest: Any) -> Any:
    low = a_min if min is None else min
    high = a_max if max is None else max
    if low is None:
        return np.positive(a, **rest) if high is None else np.minimum(a, high, **rest)
    return np.maximum(a, low, **rest) if high is None else np._core.umath.clip(a, low, high, **rest)  # type: ignore[attr-defined]


@composed("numpy.nan_to_num", "x")
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Replaced elements are constants; all others are passed on."""
    limits = np.finfo(x.dtype)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    y = np.where(x == np.inf, high, np.where(x == -np.inf, low, np.where(x != x, nan, x)))
    if copy:
        return y
    x[...] = y
    return x


@linear("numpy.round", "a")
@linear("numpy.around", "a")
def _round(a: Any, decimals: int = 0) -> Map:
    return Map(np.zeros_like, np.zeros_like)


@linear("numpy.imag", "val")
def _imag(val: Any) -> Map:
    return Map(np.zeros_like, np.zeros_like)


@linear("numpy.angle", "z", note="A real number has the angle 0 or pi.")
def _angle(z: Any, deg: bool = False) -> Map:
    return Map(np.zeros_like, np.zeros_like)


@composed("numpy.real", "val")
def _real(val: Any) -> Any:
    return val


@composed("numpy.real_if_close", "a")
def _real_if_close(a: Any, tol: float = 100) -> Any:
    return a


@linear("numpy.unwrap", "p", note="Whole periods are added, which are constant between their jumps.")
def _unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * pi) -> Map:
    return Map(np.positive, np.positive)
