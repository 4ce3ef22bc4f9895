"""Rows of ``scipy.special``: distribution functions and their inverses.

A distribution function has its density for a derivative in x, and its inverse one over the density at the value.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Final

from dualad.ops.special_rows import BOXCOX, MODERATE, PROBABILITY, SHAPE, gamma_density, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, Interval, NoTangent, Todo

_COUNT: Final = Interval(0.0, float("inf"), (True, False), integer=True, sample=(0.0, 8.0))
_TRIALS: Final = Interval(0.0, float("inf"), (True, False), integer=True, sample=(9.0, 30.0))
_INVERTED: Final = Todo(
    "the inverse in a shape parameter needs the derivative in that parameter, which has no closed form"
)

# --- gamma, chi-square and Poisson -----------------------------------------------------------------------------------

_CHI: Final = f"0.5*{gamma_density('(0.5*df)', '(0.5*x)')}"
_CHI_DOMAIN: Final = (MODERATE, NONNEGATIVE.on(0.05, 60.0))
special("chdtr", "df x", SHAPE, _CHI, domain=_CHI_DOMAIN)
special("chdtrc", "df x", SHAPE, f"-{_CHI}", domain=_CHI_DOMAIN)
special("chdtri", "df p", SHAPE, "-2*exp(0.5*v + gammaln(0.5*df) - xlogy(0.5*df - 1, 0.5*v))",
        domain=(MODERATE, PROBABILITY))  # fmt: skip
special("chdtriv", "p x", _INVERTED, _INVERTED, domain=(PROBABILITY, POSITIVE.on(0.5, 20.0)))

_GAMMA_DOMAIN: Final = (POSITIVE.on(0.2, 5.0), MODERATE, NONNEGATIVE.on(0.05, 15.0))
_RATE: Final = gamma_density("b", "(a*x)")
special("gdtr", "a b x", f"x*{_RATE}", SHAPE, f"a*{_RATE}", domain=_GAMMA_DOMAIN)
special("gdtrc", "a b x", f"-x*{_RATE}", SHAPE, f"-a*{_RATE}", domain=_GAMMA_DOMAIN)
special("gdtria", "p b x", f"1/(x*{gamma_density('b', '(v*x)')})", SHAPE, "-v/x",
        domain=(PROBABILITY, MODERATE, POSITIVE.on(0.2, 15.0)))  # fmt: skip
special("gdtrix", "a b p", "-v/a", SHAPE, f"1/(a*{gamma_density('b', '(a*v)')})",
        domain=(POSITIVE.on(0.2, 5.0), MODERATE, PROBABILITY))  # fmt: skip
special("gdtrib", "a p x", _INVERTED, _INVERTED, _INVERTED,
        domain=(POSITIVE.on(0.2, 5.0), PROBABILITY, POSITIVE.on(0.2, 15.0)))  # fmt: skip

_POISSON: Final = "exp(xlogy(floor(k), m) - m - gammaln(floor(k) + 1))"
special("pdtr", "k m", NoTangent, f"-{_POISSON}", domain=(_COUNT, NONNEGATIVE.on(0.05, 40.0)))
special("pdtrc", "k m", NoTangent, _POISSON, domain=(_COUNT, NONNEGATIVE.on(0.05, 40.0)))
special("pdtri", "k y", NoTangent, "-exp(v + gammaln(floor(k) + 1) - xlogy(floor(k), v))", domain=(_COUNT, PROBABILITY))
special("pdtrik", "p m", _INVERTED, _INVERTED, domain=(PROBABILITY, POSITIVE.on(0.5, 20.0)))

# The noncentral chi-square density with two more degrees of freedom gives the derivative in the noncentrality.
_NONCENTRAL: Final = (
    "exp(xlogy(0.5*{df} - 1, 0.5*{x}) - 0.5*({x} + nc) - gammaln(0.5*{df}))*hyp0f1(0.5*{df}, 0.25*nc*{x})"
)
_AT_X: Final = f"0.5*{_NONCENTRAL.format(df='df', x='x')}"
_ONE_UP: Final = f"0.5*{_NONCENTRAL.format(df='(df + 2)', x='x')}"
_AT_V: Final = f"0.5*{_NONCENTRAL.format(df='df', x='v')}"
_V_UP: Final = f"0.5*{_NONCENTRAL.format(df='(df + 2)', x='v')}"
special("chndtr", "x df nc", _AT_X, SHAPE, f"-{_ONE_UP}",
        domain=(NONNEGATIVE.on(0.1, 30.0), POSITIVE.on(0.5, 10.0), NONNEGATIVE.on(0.05, 10.0)))  # fmt: skip
special("chndtrix", "p df nc", f"1/({_AT_V})", SHAPE, f"{_V_UP}/({_AT_V})",
        domain=(PROBABILITY.on(0.1, 0.9), POSITIVE.on(0.5, 10.0), NONNEGATIVE.on(0.05, 10.0)))  # fmt: skip

# --- binomial and negative binomial ----------------------------------------------------------------------------------

_SUCCESS: Final = "xlogy(floor(k), {p}) + xlog1py(n - floor(k) - 1, -{p}) - betaln(n - floor(k), floor(k) + 1)"
_BINOMIAL: Final = (_COUNT, _TRIALS, PROBABILITY)
special("bdtr", "k n p", NoTangent, NoTangent, f"-exp({_SUCCESS.format(p='p')})", domain=_BINOMIAL)
special("bdtrc", "k n p", NoTangent, NoTangent, f"exp({_SUCCESS.format(p='p')})", domain=_BINOMIAL)
special("bdtri", "k n y", NoTangent, NoTangent, f"-exp(-({_SUCCESS.format(p='v')}))", domain=_BINOMIAL)
special("bdtrik", "y n p", _INVERTED, NoTangent, _INVERTED, domain=(PROBABILITY, _TRIALS, PROBABILITY))
special("bdtrin", "k y p", NoTangent, _INVERTED, _INVERTED, domain=(_COUNT, PROBABILITY, PROBABILITY))
_FAILURES: Final = "xlogy(floor(n) - 1, {p}) + xlog1py(floor(k), -{p}) - betaln(floor(n), floor(k) + 1)"
_WAITING: Final = (_COUNT, Interval(0.0, float("inf"), integer=True, sample=(1.0, 12.0)), PROBABILITY)
special("nbdtr", "k n p", NoTangent, NoTangent, f"exp({_FAILURES.format(p='p')})", domain=_WAITING)
special("nbdtrc", "k n p", NoTangent, NoTangent, f"-exp({_FAILURES.format(p='p')})", domain=_WAITING)
special("nbdtri", "k n y", NoTangent, NoTangent, f"exp(-({_FAILURES.format(p='v')}))", domain=_WAITING)

# --- F and Student's t -----------------------------------------------------------------------------------------------

_F: Final = (
    "exp(xlogy(0.5*dfn, dfn*{x}/(dfd + dfn*{x})) - 0.5*dfd*log1p(dfn*{x}/dfd) - betaln(0.5*dfn, 0.5*dfd) - log({x}))"
)
_FREEDOM: Final = POSITIVE.on(0.5, 30.0)
_F_DOMAIN: Final = (_FREEDOM, _FREEDOM, POSITIVE.on(0.05, 10.0))
special("fdtr", "dfn dfd x", SHAPE, SHAPE, _F.format(x="x"), domain=_F_DOMAIN)
special("fdtrc", "dfn dfd x", SHAPE, SHAPE, f"-{_F.format(x='x')}", domain=_F_DOMAIN)
special(
    "fdtri", "dfn dfd p", SHAPE, SHAPE, f"1/{_F.format(x='v')}", domain=(_FREEDOM, _FREEDOM, PROBABILITY.on(0.1, 0.9))
)
special("fdtridfd", "dfn p x", _INVERTED, _INVERTED, _INVERTED, domain=(_FREEDOM, PROBABILITY, POSITIVE.on(0.5, 2.0)))
_T: Final = "exp(-0.5*(df + 1)*log1p({t}*{t}/df) - 0.5*log(df) - betaln(0.5, 0.5*df))"
special("stdtr", "df t", SHAPE, _T.format(t="t"), domain=(_FREEDOM, REAL.on(-20.0, 20.0)))
special("stdtrit", "df p", SHAPE, f"1/{_T.format(t='v')}", domain=(_FREEDOM, PROBABILITY))
special("stdtridf", "p t", _INVERTED, _INVERTED, domain=(PROBABILITY.on(0.6, 0.9), REAL.on(1.0, 3.0)))

# --- Tukey's lambda and Kolmogorov's distribution --------------------------------------------------------------------

_TUKEY: Final = "(power(v, lmbda - 1) + power(1 - v, lmbda - 1))"


def _quantile_rate(p: str) -> str:
    return BOXCOX.format(log=f"log({p})", power=f"power({p}, lmbda)", l="lmbda", v=f"boxcox({p}, lmbda)")


special("tklmbda", "x lmbda", f"1/{_TUKEY}", f"({_quantile_rate('(1 - v)')} - {_quantile_rate('v')})/{_TUKEY}",
        domain=(REAL.on(0.05, 0.9), REAL.on(0.1, 0.95)),
        note="SciPy's own function has about 8 digits where lmbda is close to 0.")  # fmt: skip

# Two series of theta functions, one for each side of 1; below 0.04 they are zero in double precision.
_FAR: Final = (
    "-8*{y}*(" + " + ".join(f"{(-1) ** (k - 1) * k * k}*exp({-2 * k * k}*{{y}}*{{y}})" for k in range(1, 6)) + ")"
)
_RATES: Final = [(2 * k - 1) ** 2 * pi * pi / 4 for k in range(1, 5)]
_NEAR: Final = (
    f"{sqrt(2 * pi)!r}/{{y}}/{{y}}*("
    + " + ".join(f"exp({-c / 2!r}/{{y}}/{{y}})*(1 - {c!r}/{{y}}/{{y}})" for c in _RATES)
    + ")"
)
_KOLMOGOROV: Final = f"where({{y}} > 1, {_FAR}, where({{y}} < 0.04, 0, {_NEAR}))"
special("kolmogorov", "y", _KOLMOGOROV.format(y="y"), domain=NONNEGATIVE.on(0.1, 5.0))
special("kolmogi", "p", f"1/({_KOLMOGOROV.format(y='v')})", domain=PROBABILITY.on(1e-6, 0.99))
_SMIRNOV: Final = (_TRIALS, Interval(0.0, 1.0, sample=(0.03, 0.6)))
special("smirnov", "n d", NoTangent, "smirnov_rate(n, d)", domain=_SMIRNOV)
special("smirnovi", "n p", NoTangent, "1/smirnov_rate(n, v)", domain=(_TRIALS, PROBABILITY))
special("smirnov_rate", "n d", NoTangent,
        Todo("the second derivative of the Smirnov distribution is a sum whose length varies with its argument"),
        path="_ufuncs._smirnovp", domain=_SMIRNOV, note="A part of formulas, which users do not call.")  # fmt: skip

# --- shape parameters throughout: known, and not written -------------------------------------------------------------

special("btdtria", "p b x", _INVERTED, _INVERTED, _INVERTED)
special("btdtrib", "a p x", _INVERTED, _INVERTED, _INVERTED)
special("nbdtrik", "y n p", _INVERTED, NoTangent, _INVERTED)
special("nbdtrin", "k y p", NoTangent, _INVERTED, _INVERTED)
special("chndtridf", "x p nc", _INVERTED, _INVERTED, _INVERTED)
special("chndtrinc", "x df p", _INVERTED, _INVERTED, _INVERTED)
special("nctdtr", "df nc t", SHAPE, SHAPE, SHAPE)
special("nctdtrit", "df nc p", SHAPE, SHAPE, SHAPE)
special("ncfdtr", "dfn dfd nc f", SHAPE, SHAPE, SHAPE, SHAPE)
special("ncfdtri", "dfn dfd nc p", SHAPE, SHAPE, SHAPE, SHAPE)
special("nctdtridf", "p nc t", _INVERTED, _INVERTED, _INVERTED)
special("nctdtrinc", "df p t", _INVERTED, _INVERTED, _INVERTED)
special("ncfdtridfn", "p dfd nc f", _INVERTED, _INVERTED, _INVERTED, _INVERTED)
special("ncfdtridfd", "dfn p nc f", _INVERTED, _INVERTED, _INVERTED, _INVERTED)
special("ncfdtrinc", "dfn dfd p f", _INVERTED, _INVERTED, _INVERTED, _INVERTED)
