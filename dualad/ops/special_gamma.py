"""Rows of ``scipy.special``: the gamma function and its relatives, the incomplete functions and the zeta function."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import scipy.special

from dualad.ops.special_rows import ABOVE, MODERATE, PROBABILITY, SHAPE, gamma_density, special
from dualad.ops.table import NONNEGATIVE, POSITIVE, REAL, Interval, NoTangent, Todo, composed

_ORDER: Final = Interval(0.0, float("inf"), (True, False), integer=True, sample=(0.0, 5.0))
_INCOMPLETE: Final = (ABOVE, NONNEGATIVE.on(0.05, 80.0))
_CANCELS: Final = "Differences of digamma lose digits where one argument is much smaller than the other."

# --- gamma -----------------------------------------------------------------------------------------------------------

special("gamma", "x", "v*digamma(x)", domain=REAL.on(0.01, 100.0), sympy="gamma", source="DLMF 5.2.2")
special("gammaln", "x", "digamma(x)", domain=REAL.on(1e-6, 1e6), sympy="loggamma", source="DLMF 5.2.2")
special("loggamma", "x", "digamma(x)", domain=POSITIVE.on(1e-6, 1e6), sympy="loggamma", source="DLMF 5.2.2")
special("gammasgn", "x", "0", domain=REAL.on(-5.0, 5.0), kinks=(0.0, -1.0, -2.0, -3.0, -4.0, -5.0))
# An entire function; the reflection formula keeps its derivatives at the poles of gamma.
special("rgamma", "x",
        "where(x < 0.5, gamma(1 - x)*(cos(pi*x) - sin(pi*x)*digamma(1 - x)/pi), -v*digamma(x))",
        domain=REAL.on(-10.0, 100.0), sympy="1/gamma(x)", source="DLMF 5.5.3")  # fmt: skip
special("digamma", "x", "hurwitz_zeta(2, x)", domain=REAL.on(1e-6, 1e6), sympy="digamma", source="DLMF 5.15.1")
special("polygamma", "n x", NoTangent, "polygamma(n + 1, x)", domain=(_ORDER, POSITIVE.on(0.05, 1e3)),
        sympy="polygamma", source="DLMF 5.15.1")  # fmt: skip
special("poch", "x m", "v*(digamma(x + m) - digamma(x))", "v*digamma(x + m)", domain=(MODERATE, MODERATE),
        sympy="RisingFactorial", source="DLMF 5.2.5", note=_CANCELS)  # fmt: skip
special("beta", "a b", "v*(digamma(a) - digamma(a + b))", "v*(digamma(b) - digamma(a + b))", domain=MODERATE,
        sympy="beta", source="DLMF 5.12.1", note=_CANCELS)  # fmt: skip
special("betaln", "a b", "digamma(a) - digamma(a + b)", "digamma(b) - digamma(a + b)", domain=MODERATE,
        sympy="log(beta(a, b))", source="DLMF 5.12.1", note=_CANCELS)  # fmt: skip
_OVER_N: Final = "v*(digamma(n + 1) - digamma(n - k + 1))"
_OVER_K: Final = "v*(digamma(n - k + 1) - digamma(k + 1))"
_CHOICE: Final = (REAL.on(8.0, 30.0), REAL.on(0.5, 7.5))
special("binom", "n k", _OVER_N, _OVER_K, domain=_CHOICE, sympy="binomial", source="DLMF 1.2.6", note=_CANCELS)
special("comb", "n k", _OVER_N, _OVER_K, domain=_CHOICE, sympy="binomial", note="With exact=False, as by default.")
special("perm", "n k", _OVER_N, "v*digamma(n - k + 1)", domain=_CHOICE, sympy="FallingFactorial",
        note="With exact=False, as by default.")  # fmt: skip
special("factorial", "n", "v*digamma(n + 1)", domain=NONNEGATIVE.on(0.0, 100.0), sympy="factorial",
        note="With exact=False, as by default.")  # fmt: skip


@composed("scipy.special.multigammaln", "a", name="multigammaln")
def _multigammaln(a: Any, d: Any) -> Any:
    """Return the logarithm of the multivariate gamma function, as the sum of d values of gammaln."""
    logarithms = scipy.special.gammaln(np.stack([a - 0.5 * j for j in range(int(d))]))
    return d * (d - 1) * 0.25 * np.log(np.pi) + np.sum(logarithms, axis=0)


# --- zeta ------------------------------------------------------------------------------------------------------------

_NO_ZETA: Final = Todo("the derivative of the zeta function has no closed form in functions that SciPy has")
_ZETA: Final = (Interval(1.0, float("inf"), sample=(1.1, 20.0)), POSITIVE.on(0.05, 100.0))
special("zeta", "x q", _NO_ZETA, "-x*hurwitz_zeta(x + 1, q)", domain=_ZETA, sympy="zeta", source="DLMF 25.11.17")
special("hurwitz_zeta", "x q", _NO_ZETA, "-x*hurwitz_zeta(x + 1, q)", path="_ufuncs._zeta", domain=_ZETA, sympy="zeta",
        source="DLMF 25.11.17", note="The ufunc that zeta calls where it is given q.")  # fmt: skip
special("riemann_zeta", "x", _NO_ZETA, path="_ufuncs._riemann_zeta", domain=_ZETA[0], sympy="zeta",
        note="The ufunc that zeta calls where it is given x alone.")  # fmt: skip
special("zetac", "x", _NO_ZETA, domain=_ZETA[0], sympy="zeta(x) - 1")

# --- incomplete gamma and beta ---------------------------------------------------------------------------------------

_LOWER: Final = gamma_density("a", "x")
_INVERSE: Final = "exp(v + gammaln(a) - xlogy(a - 1, v))"
_LARGE: Final = "A shape of s costs about s*log(s) units in the last place."
special("gammainc", "a x", SHAPE, _LOWER, domain=_INCOMPLETE, sympy="lowergamma(a, x)/gamma(a)", source="DLMF 8.8.13",
        note=_LARGE)  # fmt: skip
special("gammaincc", "a x", SHAPE, f"-{_LOWER}", domain=_INCOMPLETE, sympy="uppergamma(a, x)/gamma(a)",
        source="DLMF 8.8.14", note=_LARGE)  # fmt: skip
special("gammaincinv", "a y", SHAPE, _INVERSE, domain=(MODERATE, PROBABILITY), note=_LARGE)
special("gammainccinv", "a y", SHAPE, f"-{_INVERSE}", domain=(MODERATE, PROBABILITY), note=_LARGE)
_BETA: Final = "exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))"
# Near 1 the value does not know its distance from 1; the inverse of the complement does.
_UNBETA: Final = "exp(betaln(a, b) - xlogy(a - 1, v) - xlogy(b - 1, {0}(b, a, y)))"
_FRACTION: Final = Interval(0.0, 1.0, (True, True), sample=(0.001, 0.999))
special(
    "betainc", "a b x", SHAPE, SHAPE, _BETA, domain=(MODERATE, MODERATE, _FRACTION), source="DLMF 8.17.1", note=_LARGE
)
special("betaincc", "a b x", SHAPE, SHAPE, f"-{_BETA}", domain=(MODERATE, MODERATE, _FRACTION), source="DLMF 8.17.4",
        note=_LARGE)  # fmt: skip
special(
    "betaincinv",
    "a b y",
    SHAPE,
    SHAPE,
    _UNBETA.format("betainccinv"),
    domain=(MODERATE, MODERATE, PROBABILITY),
    note=_LARGE,
)
special("betainccinv", "a b y", SHAPE, SHAPE, "-" + _UNBETA.format("betaincinv"),
        domain=(MODERATE, MODERATE, PROBABILITY), note=_LARGE)  # fmt: skip
