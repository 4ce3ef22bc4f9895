"""Rows of ``scipy.special``: elliptic integrals and functions.

Derivatives in the parameter are given by Carlson's R_D and by Gauss' hypergeometric function, which keep the digits
that differences of the integrals E and K lose for a small parameter.
"""

from __future__ import annotations

from math import pi
from typing import Final

from dualad.ops.special_rows import polynomial, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, Interval

_PARAMETER: Final = Interval(-float("inf"), 1.0, (False, True), sample=(-10.0, 0.999))
_CARLSON: Final = NONNEGATIVE.on(0.05, 20.0)
_APART: Final = (NONNEGATIVE.on(0.05, 0.5), NONNEGATIVE.on(0.8, 2.0), NONNEGATIVE.on(3.0, 6.0), POSITIVE.on(9.0, 20.0))
_TIES: Final = (
    "About 1/(1 - r) units in the last place are lost where the ratio r of two arguments is close to 1, and the "
    "derivative is nan where they are equal."
)

# --- Carlson's symmetric integrals -----------------------------------------------------------------------------------

# R_C about x = y: sum of (-u)**n/(2n + 1)/sqrt(x) with u = (y - x)/x.
_EVEN: Final = polynomial("((y - x)/x)", *((-1) ** n / (2 * n + 1) for n in range(20)))
_ODD: Final = polynomial("((y - x)/x)", *((-1) ** n * n / (2 * n + 1) for n in range(1, 20)))
special("elliprc", "x y",
        f"where(absolute(y - x) < 0.1*x, -(0.5*{_EVEN} + y/x*{_ODD})/x/sqrt(x), 0.5*(v - 1/sqrt(x))/(y - x))",
        f"where(absolute(y - x) < 0.1*x, {_ODD}/x/sqrt(x), 0.5*(sqrt(x)/y - v)/(y - x))",
        domain=(_CARLSON, POSITIVE.on(0.05, 20.0)), source="DLMF 19.2.17")  # fmt: skip
special("elliprf", "x y z", "-elliprd(y, z, x)/6", "-elliprd(x, z, y)/6", "-elliprd(x, y, z)/6", domain=_APART[:3],
        source="DLMF 19.18.1", note="The second partials: " + _TIES)  # fmt: skip
special("elliprg", "x y z", *(f"0.25*elliprf(x, y, z) - {last}*elliprd({first}, {last})/12"
                              for first, last in (("y, z", "x"), ("x, z", "y"), ("x, y", "z"))),
        domain=_APART[:3], source="DLMF 19.16.3", note="The second partials: " + _TIES)  # fmt: skip
_ALONG: Final = "where({0} == 0, 0, 0.5*{0}*(elliprd({1}, z, {0}) - v)/(z - {0}))"
special("elliprd", "x y z", "-0.5*(elliprd(y, z, x) - v)/(z - x)", "-0.5*(elliprd(x, z, y) - v)/(z - y)",
        f"({_ALONG.format('x', 'y')} + {_ALONG.format('y', 'x')} - 1.5*v)/z", domain=_APART[:3], source="DLMF 19.18.1",
        note=_TIES)  # fmt: skip
_EACH: Final = {
    last: f"(elliprd({first}, {last}) - v)/(p - {last})"
    for first, last in (("y, z", "x"), ("x, z", "y"), ("x, y", "z"))
}
special("elliprj", "x y z p", *(f"-0.5*{rate}" for rate in _EACH.values()),
        "(" + " + ".join(f"where({s} == 0, 0, 0.5*{s}*{rate})" for s, rate in _EACH.items()) + " - 1.5*v)/p",
        domain=_APART, source="DLMF 19.18.1", note=_TIES)  # fmt: skip
# The mean is (a + b)/2 over 2F1(1/2, 1/2; 1; q*q).
_Q: Final = "((a - b)/(a + b))"
_MEAN: Final = f"v/(a + b)*(1 {{0}} 0.5*v*{_Q}*hyp2f1(0.5, 0.5, 2, {_Q}*{_Q})/{{1}})"
special("agm", "a b", _MEAN.format("-", "a"), _MEAN.format("+", "b"), domain=POSITIVE.on(0.05, 50.0),
        source="DLMF 19.8.6, 15.5.1")  # fmt: skip

# --- Legendre's integrals --------------------------------------------------------------------------------------------

_K_RATE: Final = f"{pi / 8!r}*hyp2f1(0.5, 0.5, 2, m)/(1 - m)"
_E_RATE: Final = f"{-pi / 8!r}*hyp2f1(0.5, 1.5, 2, m)"
special("ellipk", "m", _K_RATE, domain=_PARAMETER, sympy="elliptic_k", source="DLMF 19.4.1, 19.5.1")
special("ellipkm1", "p", f"{-pi / 8!r}*hyp2f1(0.5, 0.5, 2, 1 - p)/p",
        domain=POSITIVE.on(1e-12, 10.0), sympy="elliptic_k(1 - p)", source="DLMF 19.4.1, 19.5.1")  # fmt: skip
special("ellipe", "m", _E_RATE, domain=_PARAMETER, sympy="elliptic_e", source="DLMF 19.4.2, 19.5.2")


def _incomplete(phi: str, first: str, rate: str) -> str:
    """Return a partial in m: Carlson's form in the half period about 0, and of the complete integral for the others."""
    turns = f"rint({phi}/{pi!r})"
    rest = f"({phi} - {pi!r}*{turns})"
    square = f"(sin({rest})*sin({rest}))"
    body = first.format(c=f"cos({rest})*cos({rest})", d=f"1 - m*{square}")
    return f"({square}*sin({rest})*{body} + where({turns} == 0, 0, 2*{turns}*{rate}))"


_F_RATE: Final = "elliprd({c}, 1, {d})/6"
_F_DOMAIN: Final = (REAL.on(0.5, 6.0), Interval(-float("inf"), 1.0, sample=(0.2, 0.95)))
_SMALL: Final = (
    "The second partial in m loses digits where q = m*sin(phi)**2 is small, about 1/q**2 units in the last place."
)
special("ellipkinc", "phi m", "1/sqrt(1 - m*sin(phi)**2)", _incomplete("phi", _F_RATE, _K_RATE), domain=_F_DOMAIN,
        sympy="elliptic_f", source="DLMF 19.25.5, 19.18.1", note=_SMALL)  # fmt: skip
special("ellipeinc", "phi m", "sqrt(1 - m*sin(phi)**2)", _incomplete("phi", "(-elliprd({c}, {d}, 1)/6)", _E_RATE),
        domain=_F_DOMAIN, sympy="elliptic_e", source="DLMF 19.25.9, 19.18.1", note=_SMALL)  # fmt: skip

# --- Jacobi's functions: the amplitude v3 is the inverse of F, and the others are functions of it --------------------

_TURN: Final = f"(-v2*{_incomplete('v3', _F_RATE, _K_RATE)})"
special("ellipj", "u m", ("v1*v2", "-v0*v2", "-m*v0*v1", "v2"),
        (f"v1*{_TURN}", f"-v0*{_TURN}", f"-(0.5*v0*v0 + m*v0*v1*{_TURN})/v2", _TURN),
        domain=(REAL.on(0.5, 1.4), Interval(0.0, 1.0, sample=(0.2, 0.95))),
        source="DLMF 22.13.1", note=_SMALL)  # fmt: skip
