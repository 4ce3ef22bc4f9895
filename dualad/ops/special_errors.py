"""Rows of ``scipy.special``: the error function, its relatives and inverses, and the normal distribution."""

from __future__ import annotations

from math import pi, prod, sqrt
from typing import Any, Final

import numpy as np
import scipy.special

from dualad.ops.special_rows import polynomial, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, NoTangent, op

_BELL: Final = 2.0 / sqrt(pi)
_WIDE: Final = REAL.on(-25.0, 25.0)
_PROBABILITY: Final = Interval(0.0, 1.0, (True, True))

# --- error functions -------------------------------------------------------------------------------------------------

# Where the bell is 0 at double precision, infinity included, so are its slopes: not 0 times infinity.
special("erf", "x", f"where(absolute(x) > 30, 0, {_BELL!r}*exp(-x*x))", domain=_WIDE, sympy="erf", source="DLMF 7.2.1")
special("erfc", "x", f"where(absolute(x) > 30, 0, {-_BELL!r}*exp(-x*x))", domain=_WIDE, sympy="erfc",
        source="DLMF 7.2.2")  # fmt: skip
special("erfi", "x", f"{_BELL!r}*exp(x*x)", domain=_WIDE, sympy="erfi", source="DLMF 7.2.1")

# For large x the function is nearly its own asymptote, and 2*x*v less a constant loses digits: the asymptotic series
# is differentiated instead, sum of (2n + 1)!!/(2*x*x)**n.
_ODD: Final = [1.0]
for _n in range(1, 16):
    _ODD.append(_ODD[-1] * (2 * _n + 1) / 2)
_TAIL: Final = polynomial("(1/(x*x))", *((-1) ** n * c for n, c in enumerate(_ODD)))
special("erfcx", "x", f"where(x > 10, {-_BELL / 2!r}/x/x*{_TAIL}, 2*x*v - {_BELL!r})", domain=REAL.on(-20.0, 1e6),
        sympy="exp(x**2)*erfc(x)", source="DLMF 7.10.2, 7.12.1")  # fmt: skip
special("dawsn", "x", f"where(absolute(x) > 10, -0.5/x/x*{polynomial('(1/(x*x))', *_ODD)}, 1 - 2*x*v)",
        domain=REAL.on(-1e6, 1e6), sympy="sqrt(pi)/2*exp(-x**2)*erfi(x)", source="DLMF 7.10.2")  # fmt: skip
special("erfinv", "x", f"{1 / _BELL!r}*exp(v*v)", domain=UNIT, sympy="erfinv")
special("erfcinv", "x", f"{-1 / _BELL!r}*exp(v*v)", domain=Interval(0.0, 2.0, (True, True)), sympy="erfcinv")
special("fresnel", "z", (f"sin({pi / 2!r}*z*z)", f"cos({pi / 2!r}*z*z)"), domain=REAL.on(-20.0, 20.0),
        source="DLMF 7.2.7, 7.2.8")  # fmt: skip

# --- the normal distribution -----------------------------------------------------------------------------------------

_NORMAL: Final = 1.0 / sqrt(2.0 * pi)
special("ndtr", "x", f"where(absolute(x) > 40, 0, {_NORMAL!r}*exp(-0.5*x*x))", domain=REAL.on(-35.0, 35.0),
        sympy="erfc(-x/sqrt(2))/2")  # fmt: skip
special("ndtri", "p", f"{1 / _NORMAL!r}*exp(0.5*v*v)", domain=_PROBABILITY, sympy="sqrt(2)*erfinv(2*p - 1)")
# From 37 on, where erfcx is about to overflow, the function is 0 and its slope is that of ndtr.
special("log_ndtr", "x", f"where(x < 37, {2 * _NORMAL!r}/erfcx({-sqrt(0.5)!r}*x), "
        f"where(x > 40, 0, {_NORMAL!r}*exp(-0.5*x*x)))", domain=REAL.on(-1e4, 25.0),
        sympy="log(erfc(-x/sqrt(2))/2)")  # fmt: skip
special("ndtri_exp", "y", f"{0.5 / _NORMAL!r}*erfcx({-sqrt(0.5)!r}*v)",
        domain=Interval(-float("inf"), 0.0, sample=(-1e4, -1e-4)), note="The inverse of log_ndtr.")  # fmt: skip
special("owens_t", "h a", f"{-0.5 * _NORMAL!r}*exp(-0.5*h*h)*erf({sqrt(0.5)!r}*a*h)",
        f"{0.5 / pi!r}*exp(-0.5*h*h*(1 + a*a))/(1 + a*a)", domain=REAL.on(-3.0, 3.0))  # fmt: skip
special("nrdtrimn", "p std x", f"{-1 / _NORMAL!r}*std*exp(0.5*ndtri(p)**2)", "-ndtri(p)", "1",
        domain=(_PROBABILITY, POSITIVE.on(0.01, 100.0), REAL.on(-100.0, 100.0)))  # fmt: skip
special("nrdtrisd", "mn p x", "-1/ndtri(p)", f"{-1 / _NORMAL!r}*v/ndtri(p)*exp(0.5*ndtri(p)**2)", "1/ndtri(p)",
        domain=(REAL.on(-100.0, 0.0), _PROBABILITY.on(0.6, 0.99), REAL.on(1.0, 100.0)))  # fmt: skip

# --- Voigt's profile: the derivatives of the Faddeeva function, which SciPy has for complex arguments ----------------

_TERMS: Final = 40
_SQUARE: Final = 37.0  # of the modulus, from which on the series has double precision


def _faddeeva(order: Any, x: Any, y: Any) -> Any:
    """Return the derivative of ``wofz`` at ``x + 1j*y`` of an order of at least 1, for ``y >= 0``.

    ``w' = 2j/sqrt(pi) - 2*z*w`` costs a factor of z*z in accuracy at each order. Far out, therefore, the asymptotic
    series is differentiated (DLMF 7.12.1), but not on the real axis, where its real part is zero.
    """
    z = np.asarray(x + 1j * y)
    far = (np.abs(z) ** 2 > _SQUARE) & (np.asarray(y) > 1e-9)
    inverse = 1.0 / np.where(far, z, _SQUARE)
    before, near = 0.0, scipy.special.wofz(z)
    found = near
    for k in range(1, int(np.max(order, initial=1)) + 1):
        before, near = near, 2.0 * (_BELL / 2.0 * 1j * (k == 1) - z * near - (k - 1) * before)
        series: Any = 0.0
        for factor in _tail(k):
            series = series * inverse * inverse + factor
        found = np.where(np.equal(order, k), np.where(far, 1j * series * inverse ** (k + 1), near), found)
    return found


def _tail(order: int) -> list[float]:
    """Return the factors of the differentiated series, the last one first."""
    factors, factor = [], (-1) ** order * _BELL / 2.0
    for j in range(_TERMS):
        factors.append(factor * prod(2 * j + i for i in range(1, order + 1)))
        factor *= j + 0.5
    return factors[::-1]


def _faddeeva_real(order: Any, x: Any, y: Any) -> Any:
    return np.real(_faddeeva(order, x, y))


def _faddeeva_imag(order: Any, x: Any, y: Any) -> Any:
    return np.imag(_faddeeva(order, x, y))


_PLANE: Final = (Interval(1.0, float("inf"), (True, False), integer=True, sample=(1.0, 2.0)),
                 REAL.on(-20.0, 20.0), NONNEGATIVE.on(0.05, 20.0))  # fmt: skip
_INTERNAL: Final = "A part of formulas, which users do not call: a derivative of scipy.special.wofz."
op("faddeeva_real", "k x y", NoTangent, "faddeeva_real(k + 1, x, y)", "-faddeeva_imag(k + 1, x, y)",
   numpy="dualad.ops.special_errors._faddeeva_real", domain=_PLANE, source="DLMF 7.10.2", note=_INTERNAL)  # fmt: skip
op("faddeeva_imag", "k x y", NoTangent, "faddeeva_imag(k + 1, x, y)", "faddeeva_real(k + 1, x, y)",
   numpy="dualad.ops.special_errors._faddeeva_imag", domain=_PLANE, source="DLMF 7.10.2", note=_INTERNAL)  # fmt: skip

# In x the profile is a solution of the heat equation, with the square of sigma for twice the time.
_Z: Final = f"{sqrt(0.5)!r}*x/sigma, {sqrt(0.5)!r}*gamma/sigma"
special("voigt_profile", "x sigma gamma", f"{0.5 / sqrt(pi)!r}*faddeeva_real(1, {_Z})/sigma/sigma",
        f"{_NORMAL / 2!r}*faddeeva_real(2, {_Z})/sigma/sigma",
        f"{-0.5 / sqrt(pi)!r}*faddeeva_imag(1, {_Z})/sigma/sigma",
        domain=(REAL.on(-20.0, 20.0), POSITIVE.on(0.5, 5.0), NONNEGATIVE.on(0.05, 5.0)),
        source="DLMF 7.19.1")  # fmt: skip
