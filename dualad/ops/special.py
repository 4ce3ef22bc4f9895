"""The rows of ``scipy.special``, in rooms by subject; this one has the elementary functions and the entropies.

The rooms of the others are imported here, so that the table opens them all at once.
"""

from __future__ import annotations

from math import factorial, log, pi
from typing import Final

from dualad.ops import (  # noqa: F401 - importing a room adds its rows
    special_bessel,
    special_distributions,
    special_elliptic,
    special_errors,
    special_gamma,
    special_polynomials,
)
from dualad.ops.special_rows import BOXCOX, SLOPE, polynomial, refused, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, Interval, NoTangent, Todo

_EXPONENT: Final = REAL.on(-300.0, 300.0)
_DEGREES: Final = REAL.on(-720.0, 720.0)
_WIDE: Final = REAL.on(-1e50, 1e50)
_AMOUNT: Final = NONNEGATIVE.on(1e-6, 1e6)
_POWER: Final = REAL.on(-3.0, 3.0)

# --- NumPy's functions that SciPy has under the same name ------------------------------------------------------------

special("special_cbrt", "x", "1/(3*v*v)", path="cbrt", domain=_WIDE, kinks=(0,), sympy="real_root(x, 3)")
special("special_exp2", "x", f"{log(2)!r}*v", path="exp2", domain=REAL.on(-1000.0, 1000.0), sympy="2**x")
special("special_expm1", "x", "exp(x)", path="expm1", domain=_EXPONENT, sympy="exp(x) - 1")
special("special_log1p", "x", "1/(1 + x)", path="log1p", domain=Interval(-1.0, float("inf")), sympy="log(1 + x)")
special(
    "special_round", "x", "0", path="round", domain=REAL.on(-50.0, 50.0), kinks=tuple(n + 0.5 for n in range(-50, 50))
)

# --- powers, exponentials and angles in degrees ----------------------------------------------------------------------

special("exp10", "x", f"{log(10)!r}*v", domain=_EXPONENT, sympy="10**x")
special("cosm1", "x", "-sin(x)", domain=REAL.on(-100.0, 100.0), sympy="cos(x) - 1")
special("sindg", "x", f"{pi / 180!r}*cosdg(x)", domain=_DEGREES, sympy="sin(pi*x/180)")
special("cosdg", "x", f"{-pi / 180!r}*sindg(x)", domain=_DEGREES, sympy="cos(pi*x/180)")
special("tandg", "x", f"{pi / 180!r}/cosdg(x)/cosdg(x)", domain=_DEGREES, sympy="tan(pi*x/180)")
special("cotdg", "x", f"{-pi / 180!r}/sindg(x)/sindg(x)", domain=_DEGREES, sympy="cot(pi*x/180)")
special("radian", "d m s", repr(pi / 180), repr(pi / 180 / 60), repr(pi / 180 / 3600), domain=REAL.on(-60.0, 60.0),
        sympy="(d + m/60 + s/3600)*pi/180")  # fmt: skip
special("powm1", "x y", "where(x == 0, where(y == 0, 0, y*power(x, y - 1)), y*power(x, y - 1))",
        "where(x == 0, 0, power(x, y)*log(x))", domain=(REAL.on(0.01, 100.0), REAL.on(-20.0, 20.0)),
        sympy="x**y - 1")  # fmt: skip

special("exprel", "x", f"where(absolute(x) < 1, {polynomial('x', *SLOPE)}, (exp(x) - v)/x)",
        domain=REAL.on(-700.0, 700.0), sympy="(exp(x) - 1)/x")  # fmt: skip

# --- Box and Cox's transformations -----------------------------------------------------------------------------------

# u/(1 + u) - log(1 + u) over u**2, about 0 by its power series.
_INVERSE: Final = [(-1) ** (k + 1) * (k - 1) / k for k in range(2, 20)]
_UNBOXCOX: Final = (
    f"{{w}}*where(absolute(lmbda*y) < 0.1, y*y*{polynomial('(lmbda*y)', *_INVERSE)}, "
    "(y/(1 + lmbda*y) - log1p(lmbda*y)/lmbda)/lmbda)"
)
special("boxcox", "x lmbda", "power(x, lmbda - 1)",
        BOXCOX.format(log="log(x)", power="power(x, lmbda)", l="lmbda", v="v"),
        domain=(POSITIVE.on(0.01, 100.0), _POWER), sympy="(x**lmbda - 1)/lmbda")  # fmt: skip
special("boxcox1p", "x lmbda", "exp((lmbda - 1)*log1p(x))",
        BOXCOX.format(log="log1p(x)", power="exp(lmbda*log1p(x))", l="lmbda", v="v"),
        domain=(Interval(-1.0, float("inf"), sample=(-0.99, 100.0)), _POWER),
        sympy="((1 + x)**lmbda - 1)/lmbda")  # fmt: skip
special("inv_boxcox", "y lmbda", "power(v, 1 - lmbda)", _UNBOXCOX.format(w="v"),
        domain=(NONNEGATIVE.on(0.01, 5.0), REAL.on(-0.15, 3.0)), sympy="(1 + y*lmbda)**(1/lmbda)")  # fmt: skip
special("inv_boxcox1p", "y lmbda", "exp((1 - lmbda)*log1p(v))", _UNBOXCOX.format(w="(1 + v)"),
        domain=(NONNEGATIVE.on(0.01, 5.0), REAL.on(-0.15, 3.0)), sympy="(1 + y*lmbda)**(1/lmbda) - 1")  # fmt: skip

# --- the logistic function and its relatives -------------------------------------------------------------------------

special("expit", "x", "where(absolute(x) > 800, 0, (0.5/cosh(0.5*x))**2)", domain=_EXPONENT, sympy="1/(1 + exp(-x))",
        note="v*(1 - v) would lose all digits where the function saturates.")  # fmt: skip
special("log_expit", "x", "expit(-x)", domain=_EXPONENT, sympy="-log(1 + exp(-x))")
special("logit", "x", "1/(x*(1 - x))", domain=Interval(0.0, 1.0, (True, True)), sympy="log(x/(1 - x))")
special("softplus", "x", "expit(x)", domain=_EXPONENT, sympy="log(1 + exp(x))")

# --- entropies and robust losses -------------------------------------------------------------------------------------

special("entr", "x", "-1 - log(x)", domain=_AMOUNT, sympy="-x*log(x)")
special("rel_entr", "x y", "log(x/y) + 1", "-x/y", domain=_AMOUNT, sympy="x*log(x/y)")
special("kl_div", "x y", "where(absolute(x - y) < 0.5*y, log1p((x - y)/y), log(x/y))",
        "where(absolute(x - y) < 0.5*y, (y - x)/y, 1 - x/y)", domain=_AMOUNT, sympy="x*log(x/y) - x + y",
        note="x - y and not x/y where the two are close.")  # fmt: skip
special("xlogy", "x y", "log(y)", "where(y == 0, where(x == 0, 0, x/y), x/y)", domain=_AMOUNT, sympy="x*log(y)")
special("xlog1py", "x y", "log1p(y)", "where(y == -1, where(x == 0, 0, x/(1 + y)), x/(1 + y))",
        domain=(_AMOUNT, Interval(-1.0, float("inf"), (True, False), sample=(-0.999, 1e6))),
        sympy="x*log(1 + y)")  # fmt: skip
special("huber", "delta r", "where(absolute(r) <= delta, 0, absolute(r) - delta)",
        "where(absolute(r) <= delta, r, delta*sign(r))",
        domain=(NONNEGATIVE.on(0.1, 5.0), REAL.on(-20.0, 20.0)))  # fmt: skip
_LENGTH: Final = "hypot(1, r/delta)"
special("pseudo_huber", "delta r", f"(v/delta)*(v/delta)/(delta*{_LENGTH})",
        f"delta*where(absolute(r) < delta, r/delta/{_LENGTH}, sign(r)*sqrt(1 - (1/{_LENGTH})**2))",
        domain=(POSITIVE.on(0.1, 5.0), REAL.on(-1e4, 1e4)), sympy="delta**2*(sqrt(1 + (r/delta)**2) - 1)")  # fmt: skip

# --- integrals of elementary functions -------------------------------------------------------------------------------

_WAVE: Final = [(-1) ** k / factorial(2 * k + 1) for k in range(11)]
_CHAIN: Final = [1 / factorial(2 * k + 1) for k in range(11)]
special("exp1", "x", "-exp(-x)/x", domain=POSITIVE.on(1e-6, 300.0), sympy="expint(1, x)", source="DLMF 6.2.1")
special("expi", "x", "exp(x)/x", domain=_EXPONENT, kinks=(0,), sympy="Ei", source="DLMF 6.2.5")
special("expn", "n x", NoTangent, "where(n == 0, -exp(-x)*(1 + 1/x)/x, -expn(n - 1, x))",
        domain=(Interval(0.0, float("inf"), (True, False), integer=True, sample=(0.0, 8.0)), POSITIVE.on(1e-3, 300.0)),
        sympy="expint", source="DLMF 8.19.13")  # fmt: skip
special("sici", "x", (f"where(absolute(x) < 1, {polynomial('(x*x)', *_WAVE)}, sin(x)/x)", "cos(x)/x"),
        domain=POSITIVE.on(1e-6, 1e3), source="DLMF 6.2.9, 6.2.11")  # fmt: skip
special("shichi", "x", (f"where(absolute(x) < 1, {polynomial('(x*x)', *_CHAIN)}, sinh(x)/x)", "cosh(x)/x"),
        domain=POSITIVE.on(1e-6, 300.0), source="DLMF 6.2.15, 6.2.16")  # fmt: skip
# log(x)/(1 - x) about 1.
_NEAR_ONE: Final = [-1 / (k + 1) for k in range(18)]
special("spence", "x", f"where(absolute(1 - x) < 0.1, {polynomial('(1 - x)', *_NEAR_ONE)}, log(x)/(1 - x))",
        domain=NONNEGATIVE.on(1e-6, 1e6), sympy="polylog(2, 1 - x)", source="DLMF 25.12.2")  # fmt: skip
special("lambertw", "z k tol", "exp(-v)/(1 + v)", NoTangent, NoTangent,
        domain=(Interval(-0.36787944117144233, float("inf"), (True, False), sample=(-0.36, 1e6)),
                Interval(-1.0, 0.0, (True, True), integer=True, sample=(0.0, 0.0)), POSITIVE.on(1e-9, 1e-8)),
        sympy="LambertW(z, k)", source="DLMF 4.13.4",
        note="The real branches, for which SciPy returns complex numbers without an imaginary part.")  # fmt: skip
special("lambertw_ufunc", "z k tol", "exp(-v)/(1 + v)", NoTangent, NoTangent, path="_ufuncs._lambertw",
        domain=(Interval(-0.36787944117144233, float("inf"), (True, False), sample=(-0.36, 1e6)),
                Interval(-1.0, 0.0, (True, True), integer=True, sample=(0.0, 0.0)), POSITIVE.on(1e-9, 1e-8)),
        sympy="LambertW(z, k)", note="The ufunc that lambertw calls.")  # fmt: skip
special("wrightomega", "x", "where(v < 1, v/(1 + v), 1/(1 + 1/v))", domain=REAL.on(-300.0, 1e6),
        sympy="LambertW(exp(x))", source="DLMF 4.13.4")  # fmt: skip
_NO_ORDER: Final = Todo("the derivative in the parameters of the series is not a Wright function")
_WRIGHT: Final = (NONNEGATIVE.on(0.1, 3.0), NONNEGATIVE.on(0.1, 3.0), NONNEGATIVE.on(0.05, 20.0))
special("wright_bessel", "a b x", _NO_ORDER, _NO_ORDER, "wright_bessel(a, a + b, x)",
        domain=_WRIGHT, source="DLMF 10.46.1")  # fmt: skip
special("log_wright_bessel", "a b x", _NO_ORDER, _NO_ORDER, "exp(log_wright_bessel(a, a + b, x) - v)",
        domain=_WRIGHT, source="DLMF 10.46.1")  # fmt: skip

# --- known, and not written ------------------------------------------------------------------------------------------

_PARTS: Final = "it has complex values, and derivatives are of real numbers"
for _name, _instead in (
    ("hankel1", "jv(n, x) and yv(n, x)"),
    ("hankel2", "jv(n, x) and yv(n, x)"),
    ("hankel1e", "jv(n, x) and yv(n, x)"),
    ("hankel2e", "jv(n, x) and yv(n, x)"),
    ("kelvin", "ber, bei, ker, kei and their derivatives berp, beip, kerp, keip"),
    ("wofz", "erfcx, dawsn or voigt_profile"),
    ("modfresnelp", "fresnel"),
    ("modfresnelm", "fresnel"),
):
    refused(_name, _PARTS, _instead)
for _name in ("mathieu_a", "mathieu_b"):
    refused(_name, "the derivative of a characteristic value has no closed form in functions that SciPy has")
for _name in ("cem", "sem", "modcem1", "modcem2", "modsem1", "modsem2"):
    refused(f"mathieu_{_name}", "the derivative in q has no closed form", "its second result for the derivative in x")
for _kind in ("pro", "obl"):
    refused(f"{_kind}_cv", "the derivative of a characteristic value has no closed form in functions that SciPy has")
    for _name in ("ang1", "rad1", "rad2", "ang1_cv", "rad1_cv", "rad2_cv"):
        refused(
            f"{_kind}_{_name}", "the derivative in c has no closed form", "its second result for the derivative in x"
        )
