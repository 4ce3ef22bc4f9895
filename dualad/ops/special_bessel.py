"""Rows of ``scipy.special``: Bessel functions and their relatives.

The derivative in the order has no closed form in functions of the table. For the argument, order plus and minus one are
used, because these keep their digits where the form with ``n/x`` loses them; the fast functions of order 0 and 1 use it
where they can, and their power series below 1.
"""

from __future__ import annotations

from math import factorial, pi, sqrt
from typing import Final

from dualad.ops.special_rows import polynomial, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, Interval, NoTangent, Todo

_ORDER: Final = Todo("the order derivative of Bessel functions has no closed form in functions that SciPy has")
_ANY_ORDER: Final = REAL.on(0.0, 8.0)
_WHOLE: Final = Interval(0.0, float("inf"), (True, False), integer=True, sample=(0.0, 6.0))
_ARGUMENT: Final = NONNEGATIVE.on(0.01, 40.0)
_POSITIVE: Final = POSITIVE.on(0.01, 40.0)
_BOTH: Final = REAL.on(-40.0, 40.0)

# --- any order -------------------------------------------------------------------------------------------------------

for _name, _formula, _domain, _head, _source in (
    ("jv", "0.5*(jv(n - 1, x) - jv(n + 1, x))", _ARGUMENT, "besselj", "DLMF 10.6.1"),
    ("jve", "0.5*(jve(n - 1, x) - jve(n + 1, x))", _ARGUMENT, "besselj", "DLMF 10.6.1"),
    ("yv", "0.5*(yv(n - 1, x) - yv(n + 1, x))", _POSITIVE, "bessely", "DLMF 10.6.1"),
    ("yve", "0.5*(yve(n - 1, x) - yve(n + 1, x))", _POSITIVE, "bessely", "DLMF 10.6.1"),
    ("iv", "0.5*(iv(n - 1, x) + iv(n + 1, x))", _ARGUMENT, "besseli", "DLMF 10.29.1"),
    ("ive", "0.5*(ive(n - 1, x) + ive(n + 1, x)) - sign(x)*v", _ARGUMENT, "exp(-Abs(x))*besseli(n, x)", "DLMF 10.29.1"),
    ("kv", "-0.5*(kv(n - 1, x) + kv(n + 1, x))", _POSITIVE, "besselk", "DLMF 10.29.1"),
    ("kve", "v - 0.5*(kve(n - 1, x) + kve(n + 1, x))", _POSITIVE, "exp(x)*besselk(n, x)", "DLMF 10.29.1"),
):
    special(_name, "n x", _ORDER, _formula, domain=(_ANY_ORDER, _domain), sympy=_head, source=_source)
special("yn", "n x", NoTangent, "0.5*(yv(n - 1, x) - yv(n + 1, x))", domain=(_WHOLE, _POSITIVE), sympy="bessely",
        source="DLMF 10.6.1")  # fmt: skip
special("kn", "n x", NoTangent, "-0.5*(kv(n - 1, x) + kv(n + 1, x))", domain=(_WHOLE, _POSITIVE), sympy="besselk",
        source="DLMF 10.29.1")  # fmt: skip
_FLOW: Final = f"power(0.5*x, n)*rgamma(n + 1.5)*{0.5 / sqrt(pi)!r}"
special("struve", "n x", _ORDER, f"0.5*(struve(n - 1, x) - struve(n + 1, x)) + {_FLOW}",
        domain=(_ANY_ORDER, POSITIVE.on(0.01, 20.0)), source="DLMF 11.4.24")  # fmt: skip
special("modstruve", "n x", _ORDER, f"0.5*(modstruve(n - 1, x) + modstruve(n + 1, x)) + {_FLOW}",
        domain=(_ANY_ORDER, POSITIVE.on(0.01, 20.0)), source="DLMF 11.4.28")  # fmt: skip

# --- orders 0 and 1 --------------------------------------------------------------------------------------------------


def _series(alternate: bool, terms: int = 12) -> str:
    """Return the power series of the derivative of J1 or I1, in x*x."""
    sign = -1 if alternate else 1
    return polynomial(
        "(x*x)",
        *(sign**k * (2 * k + 1) / (2 * 4**k * factorial(k) * factorial(k + 1)) for k in range(terms)),
    )


def _decay(order: int, alternate: bool, terms: int = 20) -> str:
    """Return the derivative of the asymptotic series of a scaled I (alternating) or K, but for its leading power."""
    factors = [1.0]
    for k in range(1, terms):
        factors.append(factors[-1] * (4 * order * order - (2 * k - 1) ** 2) / (8 * k))
    sign = -1 if alternate else 1
    return polynomial("(1/absolute(x))", *(-(k + 0.5) * sign**k * a for k, a in enumerate(factors)))


special("j0", "x", "-j1(x)", domain=_BOTH, sympy="besselj(0, x)", source="DLMF 10.6.3")
special("j1", "x", f"where(absolute(x) < 1, {_series(True)}, j0(x) - v/x)", domain=_BOTH, sympy="besselj(1, x)",
        source="DLMF 10.6.2, 10.2.2")  # fmt: skip
special("y0", "x", "-y1(x)", domain=_POSITIVE, sympy="bessely(0, x)", source="DLMF 10.6.3")
special("y1", "x", "y0(x) - v/x", domain=_POSITIVE, sympy="bessely(1, x)", source="DLMF 10.6.2")
special("special_i0", "x", "i1(x)", path="i0", domain=_BOTH, sympy="besseli(0, x)", source="DLMF 10.29.3")
special("i1", "x", f"where(absolute(x) < 1, {_series(False)}, special_i0(x) - v/x)", domain=_BOTH,
        sympy="besseli(1, x)", source="DLMF 10.29.2, 10.25.2")  # fmt: skip
special("k0", "x", "-k1(x)", domain=_POSITIVE, sympy="besselk(0, x)", source="DLMF 10.29.3")
special("k1", "x", "-k0(x) - v/x", domain=_POSITIVE, sympy="besselk(1, x)", source="DLMF 10.29.2")

# The scaled functions decay slowly: from 30 on the difference of two of them is taken from their asymptotic series.
_I_TAIL: Final = f"{1 / sqrt(2 * pi)!r}/absolute(x)/sqrt(absolute(x))"
_K_TAIL: Final = f"{sqrt(pi / 2)!r}/x/sqrt(x)"
_SCALED: Final = REAL.on(-1e4, 1e4)
special("i0e", "x", f"where(absolute(x) > 30, sign(x)*{_I_TAIL}*{_decay(0, True)}, i1e(x) - sign(x)*v)",
        domain=_SCALED, kinks=(0,), sympy="exp(-Abs(x))*besseli(0, x)", source="DLMF 10.40.1")  # fmt: skip
special("i1e", "x",
        f"where(absolute(x) > 30, {_I_TAIL}*{_decay(1, True)}, "
        f"where(absolute(x) < 1, exp(-absolute(x))*{_series(False)}, i0e(x) - v/x) - sign(x)*v)",
        domain=_SCALED, sympy="exp(-Abs(x))*besseli(1, x)", source="DLMF 10.40.1")  # fmt: skip
special("k0e", "x", f"where(x > 30, {_K_TAIL}*{_decay(0, False)}, v - k1e(x))", domain=POSITIVE.on(0.01, 1e4),
        sympy="exp(x)*besselk(0, x)", source="DLMF 10.40.2")  # fmt: skip
special("k1e", "x", f"where(x > 30, {_K_TAIL}*{_decay(1, False)}, v - k0e(x) - v/x)", domain=POSITIVE.on(0.01, 1e4),
        sympy="exp(x)*besselk(1, x)", source="DLMF 10.40.2")  # fmt: skip

# --- spherical Bessel functions: the ufuncs that spherical_jn and its kind call --------------------------------------

_BALL: Final = "where(n == 0, {s0}{f}(n + 1, x), ({s1}n*{f}(n - 1, x) {s2} (n + 1)*{f}(n + 1, x))/(2*n + 1))"
for _name, _signs, _source in (
    ("spherical_jn", ("-", "", "-"), "DLMF 10.51.2"),
    ("spherical_yn", ("-", "", "-"), "DLMF 10.51.2"),
    ("spherical_in", ("", "", "+"), "DLMF 10.51.5"),
    ("spherical_kn", ("-", "-", "-"), "DLMF 10.51.5"),
):
    for _suffix in ("", "_d"):
        _rule = _BALL.format(f=_name + _suffix, s0=_signs[0], s1=_signs[1], s2=_signs[2])
        special(_name + _suffix, "n x", NoTangent, _rule, path=f"_ufuncs._{_name}{_suffix}",
                domain=(_WHOLE, POSITIVE.on(0.1, 40.0)), source=_source,
                note=f"The ufunc that {_name} calls{' with derivative=True' if _suffix else ''}.")  # fmt: skip

# --- Airy and Kelvin functions ---------------------------------------------------------------------------------------

special("airy", "x", ("v1", "x*v0", "v3", "x*v2"), domain=REAL.on(-20.0, 20.0), source="DLMF 9.2.1")
special("airye", "x", ("v1 + sqrt(x)*v0", "x*v0 + sqrt(x)*v1", "v3 - sqrt(x)*v2", "x*v2 - sqrt(x)*v3"),
        domain=NONNEGATIVE.on(0.1, 8.0), source="DLMF 9.2.1",
        note="Digits are lost for large x, about x**1.5 units in the last place.")  # fmt: skip
special("itairy", "x", ("airy(x)[0]", "airy(x)[2]", "airy(-x)[0]", "airy(-x)[2]"), domain=NONNEGATIVE.on(0.01, 10.0))

# bei'' by its power series below 1: sum of (-1)**k*(4k + 2)*(4k + 1)/4*(x/2)**(4k)/((2k + 1)!)**2.
_BEI: Final = polynomial(
    "(x*x*x*x)", *((-1) ** k * (4 * k + 2) * (4 * k + 1) / (4 * 16**k * factorial(2 * k + 1) ** 2) for k in range(6))
)
_KELVIN: Final = NONNEGATIVE.on(0.01, 8.0)
special("ber", "x", "berp(x)", domain=_KELVIN, source="DLMF 10.61.1")
special("bei", "x", "beip(x)", domain=_KELVIN, source="DLMF 10.61.1")
special("ker", "x", "kerp(x)", domain=_KELVIN, source="DLMF 10.61.2")
special("kei", "x", "keip(x)", domain=_KELVIN, source="DLMF 10.61.2")
special("berp", "x", "where(x == 0, 0, -bei(x) - v/x)", domain=_KELVIN, source="DLMF 10.61.3")
special("beip", "x", f"where(absolute(x) < 1, {_BEI}, ber(x) - v/x)", domain=_KELVIN, source="DLMF 10.61.3")
special("kerp", "x", "-kei(x) - v/x", domain=_KELVIN, source="DLMF 10.61.3")
special("keip", "x", "ker(x) - v/x", domain=_KELVIN, source="DLMF 10.61.3")

# --- integrals of Bessel and Struve functions ------------------------------------------------------------------------

_INTEGRAL: Final = NONNEGATIVE.on(0.1, 30.0)


def _deficit(alternate: bool, terms: int = 12) -> str:
    """Return the power series of (1 - J0)/x or (I0 - 1)/x."""
    sign = -1 if alternate else 1
    return "x*" + polynomial("(x*x)", *(sign ** (k + 1) / (4**k * factorial(k) ** 2) for k in range(1, terms + 1)))


special("itj0y0", "x", ("j0(x)", "y0(x)"), domain=_INTEGRAL, source="DLMF 10.22.1")
special("iti0k0", "x", ("special_i0(x)", "k0(x)"), domain=_INTEGRAL, source="DLMF 10.43.1")
special("it2j0y0", "x", (f"where(absolute(x) < 1, {_deficit(True)}, (1 - j0(x))/x)", "-y0(x)/x"), domain=_INTEGRAL)
special("it2i0k0", "x", (f"where(absolute(x) < 1, {_deficit(False)}, (special_i0(x) - 1)/x)", "-k0(x)/x"),
        domain=_INTEGRAL)  # fmt: skip
special("besselpoly", "a power n", "besselpoly(a, power + 1, n - 1) - besselpoly(a, power + 1, n + 1)",
        Todo("the derivative in the exponent has no closed form in functions that SciPy has"), _ORDER,
        domain=(POSITIVE.on(0.1, 5.0), NONNEGATIVE.on(0.5, 3.0), _ANY_ORDER), source="DLMF 10.6.1")  # fmt: skip
special("itstruve0", "x", "struve(0, x)", domain=_INTEGRAL)
special("it2struve0", "x", "-struve(0, x)/x", domain=_INTEGRAL)
special("itmodstruve0", "x", "modstruve(0, x)", domain=_INTEGRAL)

# --- parabolic cylinder functions: each with its derivative ----------------------------------------------------------

# SciPy's own functions lose up to all digits where the order is close to a whole number, but for the number itself.
_CYLINDER: Final = (REAL.on(0.2, 0.8), REAL.on(-4.0, 4.0))
special("pbdv", "n x", (_ORDER, _ORDER), ("v1", "(0.25*x*x - n - 0.5)*v0"), domain=_CYLINDER, source="DLMF 12.2.2")
special("pbvv", "n x", (_ORDER, _ORDER), ("v1", "(0.25*x*x - n - 0.5)*v0"), domain=_CYLINDER, source="DLMF 12.2.2")
special("pbwa", "a x", (_ORDER, _ORDER), ("v1", "(a - 0.25*x*x)*v0"), domain=(REAL.on(-4.0, 4.0), REAL.on(-4.0, 4.0)),
        source="DLMF 12.14.1")  # fmt: skip
