"""Rows of ``scipy.special``: orthogonal polynomials, Legendre functions and hypergeometric functions."""

from __future__ import annotations

from typing import Final

from dualad.ops.special_rows import DEGREE, MODERATE, special
from dualad.ops.table import REAL, UNIT, Interval, NoTangent, Todo

_DEGREE: Final = Todo("the derivative in the degree has no closed form in functions that SciPy has")
_PARAMETER: Final = Todo("the derivative in the parameters of the polynomial is not written")
_SHIFTED: Final = Interval(0.0, 1.0, (True, True))
_OPEN: Final = UNIT.on(-0.999, 0.999)

# --- orthogonal polynomials: the derivative is one degree lower and of the next family -------------------------------

_LOWER: Final = "where(n == 0, 0, {0})"
special("eval_jacobi", "n a b x", _DEGREE, _PARAMETER, _PARAMETER,
        _LOWER.format("0.5*(n + a + b + 1)*eval_jacobi(n - 1, a + 1, b + 1, x)"),
        domain=(DEGREE, MODERATE, MODERATE, UNIT), sympy="jacobi", source="DLMF 18.9.15")  # fmt: skip
special("eval_sh_jacobi", "n p q x", _DEGREE, _PARAMETER, _PARAMETER,
        _LOWER.format("n*eval_sh_jacobi(n - 1, p + 2, q + 1, x)"),
        domain=(DEGREE, REAL.on(3.0, 6.0), REAL.on(0.5, 3.0), _SHIFTED), source="DLMF 18.9.15")  # fmt: skip
special("eval_gegenbauer", "n a x", _DEGREE, _PARAMETER, _LOWER.format("2*a*eval_gegenbauer(n - 1, a + 1, x)"),
        domain=(DEGREE, MODERATE, UNIT), sympy="gegenbauer", source="DLMF 18.9.19")  # fmt: skip
special("eval_legendre", "n x", _DEGREE, _LOWER.format("eval_gegenbauer(n - 1, 1.5, x)"),
        domain=(DEGREE, UNIT), sympy="legendre", source="DLMF 18.7.9, 18.9.19")  # fmt: skip
special("eval_sh_legendre", "n x", _DEGREE, _LOWER.format("2*eval_gegenbauer(n - 1, 1.5, 2*x - 1)"),
        domain=(DEGREE, _SHIFTED), sympy="legendre(n, 2*x - 1)", source="DLMF 18.7.9, 18.9.19")  # fmt: skip
special("eval_chebyt", "n x", _DEGREE, _LOWER.format("n*eval_chebyu(n - 1, x)"), domain=(DEGREE, UNIT),
        sympy="chebyshevt", source="DLMF 18.9.21")  # fmt: skip
special("eval_chebyu", "n x", _DEGREE, _LOWER.format("2*eval_gegenbauer(n - 1, 2, x)"), domain=(DEGREE, UNIT),
        sympy="chebyshevu", source="DLMF 18.9.19")  # fmt: skip
special("eval_chebyc", "n x", _DEGREE, _LOWER.format("n*eval_chebys(n - 1, x)"), domain=(DEGREE, REAL.on(-2.0, 2.0)),
        sympy="2*chebyshevt(n, x/2)", source="DLMF 18.9.21, 18.1.3")  # fmt: skip
special("eval_chebys", "n x", _DEGREE, _LOWER.format("eval_gegenbauer(n - 1, 2, 0.5*x)"),
        domain=(DEGREE, REAL.on(-2.0, 2.0)), sympy="chebyshevu(n, x/2)", source="DLMF 18.9.19, 18.1.3")  # fmt: skip
special("eval_sh_chebyt", "n x", _DEGREE, _LOWER.format("2*n*eval_sh_chebyu(n - 1, x)"), domain=(DEGREE, _SHIFTED),
        sympy="chebyshevt(n, 2*x - 1)", source="DLMF 18.9.21")  # fmt: skip
special("eval_sh_chebyu", "n x", _DEGREE, _LOWER.format("4*eval_gegenbauer(n - 1, 2, 2*x - 1)"),
        domain=(DEGREE, _SHIFTED), sympy="chebyshevu(n, 2*x - 1)", source="DLMF 18.9.19")  # fmt: skip
special("eval_laguerre", "n x", _DEGREE, _LOWER.format("-eval_genlaguerre(n - 1, 1, x)"),
        domain=(DEGREE, REAL.on(-5.0, 20.0)), sympy="laguerre", source="DLMF 18.9.23")  # fmt: skip
special("eval_genlaguerre", "n a x", _DEGREE, _PARAMETER, _LOWER.format("-eval_genlaguerre(n - 1, a + 1, x)"),
        domain=(DEGREE, MODERATE, REAL.on(-5.0, 20.0)), sympy="assoc_laguerre", source="DLMF 18.9.23")  # fmt: skip
special("eval_hermite", "n x", NoTangent, _LOWER.format("2*n*eval_hermite(n - 1, x)"),
        domain=(DEGREE, REAL.on(-5.0, 5.0)), sympy="hermite", source="DLMF 18.9.25")  # fmt: skip
special("eval_hermitenorm", "n x", NoTangent, _LOWER.format("n*eval_hermitenorm(n - 1, x)"),
        domain=(DEGREE, REAL.on(-5.0, 5.0)), sympy="hermite_prob", source="DLMF 18.9.27")  # fmt: skip
special("lpmv", "m n x", NoTangent, _DEGREE,
        "0.5*((n + m)*(n - m + 1)*lpmv(m - 1, n, x) - lpmv(m + 1, n, x))/sqrt((1 - x)*(1 + x))",
        domain=(Interval(-float("inf"), float("inf"), integer=True, sample=(0.0, 3.0)), REAL.on(3.1, 5.9), _OPEN),
        sympy="assoc_legendre(n, m, x)", source="DLMF 14.10.5")  # fmt: skip

# --- hypergeometric functions ----------------------------------------------------------------------------------------

_SERIES: Final = Todo(
    "the derivative in a parameter of a hypergeometric function has no closed form in functions that SciPy has"
)
special("hyp0f1", "b z", _SERIES, "hyp0f1(b + 1, z)/b", domain=(MODERATE, REAL.on(-20.0, 20.0)),
        sympy="hyper([], [b], z)", source="DLMF 16.3.1")  # fmt: skip
special("hyp1f1", "a b x", _SERIES, _SERIES, "a/b*hyp1f1(a + 1, b + 1, x)",
        domain=(MODERATE, MODERATE, REAL.on(-10.0, 10.0)),
        sympy="hyper([a], [b], x)", source="DLMF 13.3.15")  # fmt: skip
special("hyp2f1", "a b c z", _SERIES, _SERIES, _SERIES, "a*b/c*hyp2f1(a + 1, b + 1, c + 1, z)",
        domain=(REAL.on(0.2, 3.0), REAL.on(0.2, 3.0), REAL.on(0.5, 6.0),
                Interval(-float("inf"), 1.0, sample=(-2.0, 0.9))),
        sympy="hyper([a, b], [c], z)", source="DLMF 15.5.1")  # fmt: skip
special("hyperu", "a b x", _SERIES, _SERIES, "-a*hyperu(a + 1, b + 1, x)",
        domain=(REAL.on(0.3, 4.0), REAL.on(0.2, 0.8), Interval(0.0, float("inf"), sample=(0.5, 20.0))),
        source="DLMF 13.3.22",
        note="Where b is close to a whole number, SciPy's own function has few digits.")  # fmt: skip
