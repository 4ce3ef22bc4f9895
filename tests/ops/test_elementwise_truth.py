"""Every elementwise row against mpmath: first partials within 1e-12, second ones, which nobody typed, within 1e-10.

A partial may miss the truth where a perfect program would: it is right if it is the truth for arguments that differ by
a few units in the last place, as it is near a zero of an oscillating function. Where more is conceded, ``LOOSE`` says
why.
"""

from __future__ import annotations

import sys
from math import exp, inf, log, nan, pi, sqrt
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from mpmath import mpf

from dualad.ops import formula
from dualad.ops.table import TABLE, Elementwise, NoTangent, Todo

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from oracle import FUNCTIONS, INTEGRANDS
from truth import Truth, sample

FIRST, SECOND = 1e-12, 1e-10
POINTS = 10
# mpmath takes long over these.
FEW = {"owens_t": 2, "k1": 4, "k1e": 4, "k0e": 4, "kn": 2, "kv": 4, "kve": 4, "elliprj": 4, "lpmv": 4, "y1": 4,
       "nrdtrimn": 4, "elliprg": 4, "chndtrix": 4, "eval_sh_jacobi": 5, "gammaincc": 5, "elliprd": 5,
       "eval_jacobi": 4}  # fmt: skip

KELVIN = "SciPy's Kelvin functions of the second kind have ten digits"
ABSOLUTE = "SciPy's function has an absolute, not a relative accuracy near its zeros"
WOFZ = "SciPy's wofz has 13 digits, and each order of a derivative costs z**2 of them"
LOOSE: dict[str, tuple[float, float, str]] = {
    "ker": (1e-9, 1e-9, KELVIN),
    "kei": (1e-9, 1e-9, KELVIN),
    "kerp": (1e-9, 1e-9, KELVIN),
    "keip": (1e-9, 1e-9, KELVIN),
    "pbdv": (1e-10, 1e-9, "SciPy's parabolic cylinder functions have eleven digits"),
    "pbwa": (1e-8, 1e-8, "SciPy's parabolic cylinder functions W have nine digits"),
    "hyperu": (1e-5, 1e-5, "SciPy's confluent function of the second kind has six digits here"),
    "hyp0f1": (1e-11, 1e-10, ABSOLUTE),
    "eval_jacobi": (1e-8, 1e-8, ABSOLUTE),
    "eval_chebyu": (1e-10, 1e-10, ABSOLUTE),
    "eval_chebys": (1e-10, 1e-10, ABSOLUTE),
    "airye": (1e-11, 1e-9, "a difference that grows with x**1.5, see its note"),
    "voigt_profile": (1e-10, 1e-8, WOFZ),
    "faddeeva_real": (1e-8, 1e-6, WOFZ),
    "faddeeva_imag": (1e-8, 1e-6, WOFZ),
    "elliprj": (1e-12, 1e-9, "differences of Carlson's integrals, see its note"),
}


def _known(mark: Any) -> bool:
    return not (mark is NoTangent or isinstance(mark, Todo))


ROWS = [
    row
    for row in TABLE.rows()
    if isinstance(row, Elementwise) and any(isinstance(p, str) for by_output in row.partials for p in by_output)
]
BY_NAME = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def bound(row: Elementwise, columns: Any) -> dict[str, Any]:
    """Return what the formulas of a row see: its arguments and the values that the public function gives."""
    with np.errstate(all="ignore"):
        values = row.function(*columns)
    values = values if isinstance(values, tuple) else (values,)
    return dict(zip(formula.symbols_of(row), (*columns, *map(np.real, values)), strict=True))


def evaluated(expr: Any, seen: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return formula.evaluate(expr, seen)


def first(name: str, arg: int, *point: float, output: int = 0) -> float:
    row = TABLE.named(name)
    return float(evaluated(formula.partials(row)[arg][output], bound(row, point)))


def typed(row: Elementwise, points: list[Any]) -> list[Any]:
    """Return the columns in the dtypes that the function expects."""
    return [column.astype(bool) if name == "condition" else column for name, column in zip(row.args, points)]


# --- the truth -------------------------------------------------------------------------------------------------------


def close(got: float, truth: Truth, output: int, wanted: tuple[int, ...], tolerance: float, is_zero: bool) -> bool:
    attempts = 2 if is_zero else 4
    true = truth.partial(output, *wanted, attempts=attempts)
    error = abs(mpf(got) - true)
    if abs(true) > 1e300:
        return abs(got) > 1e299 and (got > 0) == (true > 0)
    # Below, doubles are too coarse, and so are the steps on the way to them.
    if error <= tolerance * abs(true) + mpf(10) ** -290:
        return True
    # Lazily, as it costs as much again: what a change of one unit in the last place of each argument does.
    return error <= tolerance * abs(true) + 4 * sum(
        abs(near.partial(output, *wanted, attempts=attempts) - true) for near in truth.neighbours()
    )


@BY_NAME
def test_partials_are_those_of_mpmath(row):
    points = sample(row, FEW.get(row.name, POINTS))
    columns = typed(row, points)
    seen = bound(row, columns)
    truths = [Truth(row, point) for point in zip(*points, strict=True)]
    loose = LOOSE.get(row.name, (FIRST, SECOND, ""))
    wanted = {((i,), o): e for i, outputs in enumerate(formula.partials(row)) for o, e in enumerate(outputs)}
    wanted |= {((i, j), o): e for (i, j, o), e in formula.second(row).items()}
    for (args, output), expr in wanted.items():
        if not _known(expr):
            continue
        found = np.broadcast_to(evaluated(expr, seen), points[0].shape)
        for place, truth in enumerate(truths):
            right = close(float(found[place]), truth, output, args, loose[len(args) - 1], expr == formula.ZERO)
            assert right, (
                f"partial {args} of output {output} of {row.name} at {[float(x[place]) for x in points]}: "
                f"{found[place]}, mpmath {mp.nstr(truth.partial(output, *args), 17)}"
            )


@BY_NAME
def test_oracle_is_of_the_same_function(row):
    if row.name in INTEGRANDS:
        return
    points = sample(row, 4)
    values = bound(row, typed(row, points))
    for place, point in enumerate(zip(*points, strict=True)):
        truth = Truth(row, point)
        for output, (symbol, true) in enumerate(
            zip(formula.symbols_of(row)[len(row.args) :], truth.value(), strict=True)
        ):
            error = abs(mpf(float(values[symbol][place])) - true)
            moved = sum(abs(near.value()[output] - true) for near in truth.neighbours())
            assert error <= 1e-4 * abs(true) + 4 * moved + mpf(10) ** -290, (row.name, point)


def test_every_row_has_an_oracle():
    names = {row.name for row in ROWS}
    assert names <= FUNCTIONS.keys() | INTEGRANDS.keys()
    assert FUNCTIONS.keys() | INTEGRANDS.keys() <= names


def test_the_table_is_large():
    assert sum(row.path.startswith("scipy.special") for row in ROWS) >= 120
    assert LOOSE.keys() <= {row.name for row in ROWS}


# --- zero, and the smallest numbers ----------------------------------------------------------------------------------

# Not smooth at zero (their values there are with the kinks), or infinite.
ROUGH = {"absolute", "fabs", "cbrt", "special_cbrt", "reciprocal", "sign", "floor", "ceil", "trunc", "fix", "modf",
         "frexp", "spacing", "expi", "i0e", "gamma", "gammaln", "digamma", "cotdg", "gammasgn", "itj0y0"}  # fmt: skip
ONE_ARGUMENT = [row for row in ROWS if len(row.args) == 1 and row.domain[0].low < 0.0 < row.domain[0].high]


@pytest.mark.parametrize("row", [row for row in ONE_ARGUMENT if row.name not in ROUGH], ids=lambda row: row.name)
def test_partials_at_zero_and_next_to_it(row):
    tiny = np.array([0.0, -0.0, 5e-324, -5e-324, 1e-310, -1e-310, 1e-200, -1e-200])
    seen = bound(row, [tiny])
    truth = Truth(row, (0.0,))
    for output, expr in enumerate(formula.partials(row)[0]):
        found = np.broadcast_to(evaluated(expr, seen), tiny.shape)
        true = float(truth.partial(output, 0))
        np.testing.assert_allclose(found, true, rtol=FIRST, atol=1e-30, err_msg=row.name)


# --- ends, kinks and conventions -------------------------------------------------------------------------------------

HALF_LOG = 0.5 * log(2.0) ** 2
# name, point, the partials in each argument (None: not asked).
CONVENTIONS: list[tuple[str, tuple[float, ...], tuple[float | None, ...]]] = [
    # a symmetric optimum: 0
    ("absolute", (0.0,), (0.0,)),
    ("fabs", (-0.0,), (0.0,)),
    ("sign", (0.0,), (0.0,)),
    ("copysign", (0.0, -1.0), (0.0, 0.0)),
    ("copysign", (2.0, -0.0), (-1.0, 0.0)),
    ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("hypot", (3.0, 0.0), (1.0, 0.0)),
    ("hypot", (0.0, -3.0), (0.0, -1.0)),
    ("i0e", (0.0,), (0.0,)),
    ("huber", (2.0, 2.0), (0.0, 2.0)),
    ("huber", (2.0, -3.0), (1.0, -2.0)),
    # ties are shared equally
    ("maximum", (1.0, 1.0), (0.5, 0.5)),
    ("minimum", (1.0, 1.0), (0.5, 0.5)),
    ("maximum", (0.0, -0.0), (0.5, 0.5)),
    ("maximum", (inf, inf), (0.5, 0.5)),
    ("fmax", (1.0, 1.0), (0.5, 0.5)),
    ("fmin", (1.0, 1.0), (0.5, 0.5)),
    ("umath_clip", (1.0, 1.0, 3.0), (0.5, 0.5, 0.0)),
    ("umath_clip", (3.0, 1.0, 3.0), (0.5, 0.0, 0.5)),
    ("umath_clip", (2.0, 1.0, 3.0), (1.0, 0.0, 0.0)),
    ("umath_clip", (2.0, 3.0, 1.0), (0.0, 0.0, 1.0)),
    # one nan is passed over
    ("fmax", (nan, 1.0), (0.0, 1.0)),
    ("fmax", (1.0, nan), (1.0, 0.0)),
    ("fmin", (nan, 1.0), (0.0, 1.0)),
    ("fmin", (1.0, nan), (1.0, 0.0)),
    # powers of and to zero
    ("power", (0.0, 0.0), (0.0, 0.0)),
    ("power", (0.0, 0.5), (inf, 0.0)),
    ("power", (0.0, 1.0), (1.0, 0.0)),
    ("power", (0.0, 2.0), (0.0, 0.0)),
    ("power", (2.0, 0.0), (0.0, log(2.0))),
    ("power", (-2.0, 3.0), (12.0, nan)),
    ("power", (-2.0, 0.0), (-0.0, nan)),
    ("float_power", (0.0, 0.0), (0.0, 0.0)),
    ("powm1", (0.0, 0.0), (0.0, 0.0)),
    ("powm1", (2.0, 0.0), (0.0, log(2.0))),
    ("xlogy", (0.0, 0.0), (-inf, 0.0)),
    ("xlogy", (0.0, 2.0), (log(2.0), 0.0)),
    ("xlog1py", (0.0, -1.0), (-inf, 0.0)),
    ("boxcox", (2.0, 0.0), (0.5, HALF_LOG)),
    ("boxcox1p", (1.0, 0.0), (0.5, HALF_LOG)),
    ("inv_boxcox", (1.0, 0.0), (exp(1.0), -0.5 * exp(1.0))),
    ("inv_boxcox1p", (1.0, 0.0), (exp(1.0), -0.5 * exp(1.0))),
    # ends of a domain
    ("sqrt", (0.0,), (inf,)),
    ("cbrt", (0.0,), (inf,)),
    ("log", (0.0,), (inf,)),
    ("log1p", (-1.0,), (inf,)),
    ("arcsin", (1.0,), (inf,)),
    ("arcsin", (-1.0,), (inf,)),
    ("arccos", (1.0,), (-inf,)),
    ("arccosh", (1.0,), (inf,)),
    ("arctanh", (1.0,), (inf,)),
    ("logit", (0.0,), (inf,)),
    ("entr", (0.0,), (inf,)),
    ("erfinv", (1.0,), (inf,)),
    ("erfcinv", (0.0,), (-inf,)),
    ("ndtri", (0.0,), (inf,)),
    ("spence", (0.0,), (-inf,)),
    ("ellipe", (1.0,), (-inf,)),
    ("kolmogorov", (0.0,), (0.0,)),
    ("gammainc", (1.0, 0.0), (None, 1.0)),
    ("gammainc", (2.0, 0.0), (None, 0.0)),
    ("gammainc", (0.5, 0.0), (None, inf)),
    ("betainc", (1.0, 2.0, 0.0), (None, None, 2.0)),
    ("betainc", (2.0, 1.0, 1.0), (None, None, 2.0)),
    ("eval_legendre", (3, 1.0), (None, 6.0)),
    ("eval_legendre", (3, -1.0), (None, 6.0)),
    ("eval_legendre", (0, 1.0), (None, 0.0)),
    ("eval_chebyt", (3, 1.0), (None, 9.0)),
    ("eval_chebyu", (1, 1.0), (None, 2.0)),
    ("eval_hermite", (0, 0.0), (None, 0.0)),
    # removable singularities
    ("sinc", (0.0,), (0.0,)),
    ("exprel", (0.0,), (0.5,)),
    ("spence", (1.0,), (-1.0,)),
    ("j1", (0.0,), (0.5,)),
    ("i1", (0.0,), (0.5,)),
    ("i1e", (0.0,), (0.5,)),
    ("jv", (0, 0.0), (None, 0.0)),
    ("jv", (1, 0.0), (None, 0.5)),
    ("iv", (2, 0.0), (None, 0.0)),
    ("beip", (0.0,), (0.5,)),
    ("berp", (0.0,), (0.0,)),
    ("ellipk", (0.0,), (pi / 8,)),
    ("ellipe", (0.0,), (-pi / 8,)),
    ("elliprc", (1.0, 1.0), (-1 / 6, -1 / 3)),
    ("agm", (1.0, 1.0), (0.5, 0.5)),
    ("kl_div", (1.0, 1.0), (0.0, 0.0)),
    ("pseudo_huber", (1.0, 0.0), (0.0, 0.0)),
    ("rgamma", (0.0,), (1.0,)),
    ("rgamma", (-2.0,), (2.0,)),
    ("lambertw_ufunc", (0.0, 0, 1e-8), (1.0, None, None)),
    # jumps: the constant or linear side
    ("heaviside", (0.0, 0.5), (0.0, 1.0)),
    ("rint", (0.5,), (0.0,)),
    ("floor", (1.0,), (0.0,)),
    ("remainder", (6.0, 3.0), (1.0, -2.0)),
    ("remainder", (-1.0, 3.0), (1.0, 1.0)),
    ("fmod", (-7.0, 3.0), (1.0, 2.0)),
    ("nextafter", (1.0, 2.0), (1.0, 0.0)),
    # infinite arguments
    ("divide", (1.0, inf), (0.0, -0.0)),
    ("reciprocal", (-inf,), (-0.0,)),
    ("sqrt", (inf,), (0.0,)),
    ("cbrt", (-inf,), (0.0,)),
    ("exp", (-inf,), (0.0,)),
    ("exp", (inf,), (inf,)),
    ("expm1", (-inf,), (0.0,)),
    ("log", (inf,), (0.0,)),
    ("log1p", (inf,), (0.0,)),
    ("tanh", (inf,), (0.0,)),
    ("tanh", (-1e4,), (0.0,)),
    ("arctan", (-inf,), (0.0,)),
    ("arcsinh", (inf,), (0.0,)),
    ("arccosh", (inf,), (0.0,)),
    ("hypot", (-inf, 1.0), (-1.0, 0.0)),
    ("hypot", (1.0, inf), (0.0, 1.0)),
    ("logaddexp", (inf, 0.0), (1.0, 0.0)),
    ("logaddexp", (-inf, 0.0), (0.0, 1.0)),
    ("logaddexp2", (1e4, -1e4), (1.0, 0.0)),
    ("maximum", (inf, 1.0), (1.0, 0.0)),
    ("minimum", (-inf, 1.0), (1.0, 0.0)),
    ("fmod", (1.0, inf), (1.0, 0.0)),
    ("erf", (inf,), (0.0,)),
    ("erfc", (-inf,), (-0.0,)),
    ("erfcx", (inf,), (-0.0,)),
    ("dawsn", (inf,), (-0.0,)),
    ("ndtr", (-inf,), (0.0,)),
    ("log_ndtr", (inf,), (0.0,)),
    ("log_ndtr", (-inf,), (inf,)),
    ("expit", (inf,), (0.0,)),
    ("log_expit", (-inf,), (1.0,)),
    ("softplus", (inf,), (1.0,)),
    ("wrightomega", (inf,), (1.0,)),
    ("wrightomega", (-inf,), (0.0,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "expected"), CONVENTIONS, ids=lambda x: x if isinstance(x, str) else None)
def test_conventions_at_ends_kinks_and_infinity(name, point, expected):
    for arg, value in enumerate(expected):
        if value is not None:
            np.testing.assert_allclose(first(name, arg, *point), value, rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize(
    ("name", "point", "args", "expected"),
    [
        ("power", (0.0, 2.0), (0, 0), 2.0),
        ("power", (2.0, 0.0), (1, 0), 0.5),
        ("power", (2.0, 0.0), (1, 1), log(2.0) ** 2),
        ("power", (-3.0, 2.0), (0, 0), 2.0),
        ("logaddexp", (1.0, 1.0), (1, 0), -0.25),
        ("sinc", (0.0,), (0, 0), -(pi**2) / 3),
        ("tanh", (1e-200,), (0, 0), -2e-200),
        ("expit", (0.0,), (0, 0), 0.0),
        ("arcsin", (1e-200,), (0, 0), 1e-200),
        ("hypot", (1e200, 1.0), (0, 0), 0.0),
        ("hypot", (1.0, 1e-8), (0, 0), 1e-16),
        ("hypot", (3.0, 0.0), (1, 1), 1 / 3),
        ("xlogy", (0.0, 4.0), (1, 0), 0.25),
        ("i1", (0.0,), (0, 0), 0.0),
        ("j0", (0.0,), (0, 0), -0.5),
        ("i0", (0.0,), (0, 0), 0.5),
        ("eval_legendre", (2, 0.3), (1, 1), 3.0),
        ("eval_hermite", (1, 0.3), (1, 1), 0.0),
        ("rgamma", (0.0,), (0, 0), 2 * 0.5772156649015329),
        ("kl_div", (1.0, 1.0), (1, 1), 1.0),
        ("spence", (1.0,), (0, 0), 0.5),
        ("maximum", (1.0, 1.0), (1, 0), 0.0),
        ("ldexp", (2.0, 3), (0, 0), 0.0),
        ("kolmogorov", (0.0,), (0, 0), 0.0),
        # Where a function has come to rest: not 0 times infinity. Ordered models have thresholds at infinity.
        *((name, (x,), (0, 0), 0.0) for name in ("tanh", "expit", "erf", "erfc", "ndtr") for x in (1e5, -1e160, inf)),
        *(("log_ndtr", (x,), (0, 0), 0.0) for x in (100.0, 1e160, inf)),
        ("tanh", (800.0,), (0, 0), 0.0),
    ],
)
def test_second_partials_at_special_points(name, point, args, expected):
    row = TABLE.named(name)
    got = float(evaluated(formula.second(row)[(*args, 0)], bound(row, point)))
    np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-300)


# --- nan -------------------------------------------------------------------------------------------------------------

# A piecewise constant partial knows the side, or has none to know.
NAN_IS_PASSED = {"where", "heaviside", "fmax", "fmin", "copysign"}


@BY_NAME
def test_nan_in_nan_out(row):
    if row.name in NAN_IS_PASSED:
        return
    middle = [column[:1] for column in typed(row, sample(row, 4))]
    middle = [np.array([2]) if i.integer else x for x, i in zip(middle, row.domain, strict=True)]
    for place, interval in enumerate(row.domain):
        if interval.integer:
            continue
        point = [np.array([nan]) if i == place else x for i, x in enumerate(middle)]
        seen = bound(row, point)
        unknown = {name for name, value in seen.items() if np.isnan(value).any()}
        for outputs in formula.partials(row):
            for expr in outputs:
                if _known(expr) and unknown & formula.names_in(expr):
                    assert np.isnan(evaluated(expr, seen)).all(), (row.name, row.args[place])


def test_marks_of_no_derivative_are_kept():
    assert formula.second(TABLE.named("jv"))[1, 1, 0] is not NoTangent
    assert isinstance(formula.second(TABLE.named("jv"))[1, 0, 0], Todo)
    assert formula.second(TABLE.named("kn"))[1, 0, 0] is NoTangent
    # The density's own derivative in the shape is known, and so is the mixed partial of the distribution function.
    assert _known(formula.second(TABLE.named("gammainc"))[1, 0, 0])
    assert abs(first("gammainc", 1, 2.0, 1.0) - exp(-1.0)) < 1e-15
    assert abs(first("ndtri", 0, 0.5) - sqrt(2 * pi)) < 1e-15
