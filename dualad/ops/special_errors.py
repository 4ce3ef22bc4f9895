"""Rows of ``scipy.special``: the error function, its relatives and inverses, and the normal distribution."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, Final

import numpy as np
import scipy.special

from dualad.ops.special_rows import polynomial, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, UNIT, Interval, op

_BELL: Final = 2.0 / sqrt(pi)
_WIDE: Final = REAL.on(-25.0, 25.0)
_PROBABILITY: Final = Interval(0.0, 1.0, (True, True))

# --- error functions ----------------------------------------------------------------------------------------------------

special("erf", "x", f"{_BELL!r}*exp(-x*x)", domain=_WIDE, sympy="erf", source="DLMF 7.2.1")
special("erfc", "x", f"{-_BELL!r}*exp(-x*x)", domain=_WIDE, sympy="erfc", source="DLMF 7.2.2")
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

# --- the normal distribution --------------------------------------------------------------------------------------------

_NORMAL: Final = 1.0 / sqrt(2.0 * pi)
special("ndtr", "x", f"{_NORMAL!r}*exp(-0.5*x*x)", domain=REAL.on(-35.0, 35.0), sympy="erfc(-x/sqrt(2))/2")
special("ndtri", "p", f"{1 / _NORMAL!r}*exp(0.5*v*v)", domain=_PROBABILITY, sympy="sqrt(2)*erfinv(2*p - 1)")
special("log_ndtr", "x", f"{2 * _NORMAL!r}/erfcx({-sqrt(0.5)!r}*x)", domain=REAL.on(-1e4, 25.0),
        sympy="log(erfc(-x/sqrt(2))/2)")  # fmt: skip
special("ndtri_exp", "y", f"{0.5 / _NORMAL!r}*erfcx({-sqrt(0.5)!r}*v)",
        domain=Interval(-float("inf"), 0.0, sample=(-1e4, -1e-4)), note="The inverse of log_ndtr.")  # fmt: skip
special("owens_t", "h a", f"{-0.5 * _NORMAL!r}*exp(-0.5*h*h)*erf({sqrt(0.5)!r}*a*h)",
        f"{0.5 / pi!r}*exp(-0.5*h*h*(1 + a*a))/(1 + a*a)", domain=REAL.on(-6.0, 6.0))  # fmt: skip
special("nrdtrimn", "p std x", f"{-1 / _NORMAL!r}*std*exp(0.5*ndtri(p)**2)", "-ndtri(p)", "1",
        domain=(_PROBABILITY, POSITIVE.on(0.01, 100.0), REAL.on(-100.0, 100.0)))  # fmt: skip
special("nrdtrisd", "mn p x", "-1/ndtri(p)", f"{-1 / _NORMAL!r}*v/ndtri(p)*exp(0.5*ndtri(p)**2)", "1/ndtri(p)",
        domain=(REAL.on(-100.0, 0.0), _PROBABILITY.on(0.6, 0.99), REAL.on(1.0, 100.0)))  # fmt: skip

# --- the Faddeeva function, which SciPy has for complex arguments only ---------------------------------------------------


def _faddeeva_real(x: Any, y: Any) -> Any:
    """Return the real part of ``wofz(x + 1j*y)``."""
    return np.real(scipy.special.wofz(x + 1j * y))


def _faddeeva_imag(x: Any, y: Any) -> Any:
    """Return the imaginary part of ``wofz(x + 1j*y)``."""
    return np.imag(scipy.special.wofz(x + 1j * y))


# w'(z) = -2 z w + 2i/sqrt(pi), split in its parts.
_PLANE: Final = (REAL.on(-6.0, 6.0), NONNEGATIVE.on(0.0, 6.0))
_INTERNAL: Final = "A part of formulas, which users do not call."
op("faddeeva_real", "x y", "2*(y*faddeeva_imag(x, y) - x*v)", f"2*(x*faddeeva_imag(x, y) + y*v) - {_BELL!r}",
   function=_faddeeva_real, domain=_PLANE, source="DLMF 7.10.2", note=_INTERNAL)  # fmt: skip
op("faddeeva_imag", "x y", f"{_BELL!r} - 2*(x*v + y*faddeeva_real(x, y))", "2*(y*v - x*faddeeva_real(x, y))",
   function=_faddeeva_imag, domain=_PLANE, source="DLMF 7.10.2", note=_INTERNAL)  # fmt: skip

_U: Final = f"({sqrt(0.5)!r}*x/sigma)"
_W: Final = f"({sqrt(0.5)!r}*gamma/sigma)"
_K: Final = f"faddeeva_real({_U}, {_W})"
_L: Final = f"faddeeva_imag({_U}, {_W})"
_ACROSS: Final = f"{1 / sqrt(pi)!r}*({_W}*{_L} - {_U}*{_K})/sigma/sigma"
_ALONG: Final = f"({1 / sqrt(pi)!r}*({_U}*{_L} + {_W}*{_K}) - {1 / pi!r})/sigma/sigma"
special("voigt_profile", "x sigma gamma", _ACROSS, f"-(v + x*({_ACROSS}) + gamma*({_ALONG}))/sigma", _ALONG,
        domain=(REAL.on(-4.0, 4.0), POSITIVE.on(0.5, 2.0), NONNEGATIVE.on(0.05, 2.0)), source="DLMF 7.19",
        note="Digits are lost far in the wings, about the square of x/sigma or gamma/sigma units in the last place.")  # fmt: skip
