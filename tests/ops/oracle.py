"""What the elementwise rows mean, in mpmath, at any precision: the truth that their formulas are tested against.

``FUNCTIONS`` has the function itself of each row by the row's name (of several outputs, a tuple), and ``INTEGRANDS``
the derivative where the function is defined by an integral. Neither knows SciPy, except that a root starts from the
value that SciPy found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import mpmath as mp
import scipy.special
from mpmath import mpf

__all__ = ["FUNCTIONS", "INTEGRANDS"]


# --- NumPy -----------------------------------------------------------------------------------------------------------


def _whole_quotient(round_to: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: x - y * round_to(x / y)


def _truncate(x: Any) -> Any:
    return mp.floor(x) if x > 0 else mp.ceil(x)


def _exponent(x: Any) -> int:
    return int(mp.floor(mp.log(abs(x), 2))) + 1 if x else 0


def _clip(x: Any, low: Any, high: Any) -> Any:
    return min(max(x, low), high)


def _sinc(x: Any) -> Any:
    return mp.sincpi(x)


def _log_sum(base: Any) -> Callable[[Any, Any], Any]:
    def function(x: Any, y: Any) -> Any:
        larger = max(x, y)
        return larger + mp.log(mp.power(base, x - larger) + mp.power(base, y - larger)) / mp.log(base)

    return function


_NUMPY: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "negative": lambda x: -x,
    "positive": lambda x: +x,
    "conjugate": lambda x: +x,
    "absolute": abs,
    "fabs": abs,
    "reciprocal": lambda x: 1 / x,
    "square": lambda x: x * x,
    "sqrt": mp.sqrt,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "power": mp.power,
    "float_power": mp.power,
    "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x),
    "expm1": mp.expm1,
    "log": mp.log,
    "log2": lambda x: mp.log(x) / mp.log(2),
    "log10": lambda x: mp.log(x) / mp.log(10),
    "log1p": lambda x: mp.log(1 + x),
    "logaddexp": _log_sum(mp.e),
    "logaddexp2": _log_sum(2),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "arcsin": mp.asin,
    "arccos": mp.acos,
    "arctan": mp.atan,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "arcsinh": mp.asinh,
    "arccosh": mp.acosh,
    "arctanh": mp.atanh,
    "hypot": mp.hypot,
    "arctan2": mp.atan2,
    "deg2rad": mp.radians,
    "radians": mp.radians,
    "rad2deg": mp.degrees,
    "degrees": mp.degrees,
    "sinc": _sinc,
    "i0": lambda x: mp.besseli(0, x),
    "maximum": max,
    "minimum": min,
    "fmax": max,
    "fmin": min,
    "umath_clip": _clip,
    "where": lambda condition, x, y: x if condition else y,
    "copysign": lambda x, y: abs(x) * mp.sign(y),
    "heaviside": lambda x, h: h if x == 0 else mpf(x > 0),
    "sign": mp.sign,
    "rint": mp.nint,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": _truncate,
    "fix": _truncate,
    "spacing": lambda x: mp.sign(x) * mp.ldexp(mpf(1), _exponent(x) - 53),
    "nextafter": lambda x, y: x,
    "floor_divide": lambda x, y: mp.floor(x / y),
    "remainder": _whole_quotient(mp.floor),
    "fmod": _whole_quotient(_truncate),
    "divmod": lambda x, y: (mp.floor(x / y), x - y * mp.floor(x / y)),
    "modf": lambda x: (x - _truncate(x), _truncate(x)),
    "frexp": lambda x: (mp.ldexp(x, -_exponent(x)), _exponent(x)),
    "ldexp": lambda x, i: mp.ldexp(x, int(i)),
}


# --- SciPy: elementary functions, errors and the normal distribution -------------------------------------------------


def _box_cox(x: Any, rate: Any) -> Any:
    return mp.expm1(rate * mp.log(x)) / rate


def _faddeeva(x: Any, y: Any, order: int = 0) -> Any:
    z = mp.mpc(x, y)
    with mp.extradps(40):
        before, w = 0, mp.exp(-z * z) * mp.erfc(-1j * z)
        for k in range(order):
            before, w = w, -2 * z * w - 2 * k * before + (2j / mp.sqrt(mp.pi) if k == 0 else 0)
    return +w


def _voigt(x: Any, sigma: Any, gamma: Any) -> Any:
    return mp.re(_faddeeva(x / sigma / mp.sqrt(2), gamma / sigma / mp.sqrt(2))) / (sigma * mp.sqrt(2 * mp.pi))


def _quantile(p: Any) -> Any:
    """Return the normal quantile by Newton's method, whose derivative is known."""
    x = mpf(float(scipy.special.ndtri(float(p))))
    digits = 8
    while digits < mp.mp.dps:
        digits *= 2
        x -= (_normal(x) - p) / mp.npdf(x)
    return x - (_normal(x) - p) / mp.npdf(x)


def _normal(x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _owen(h: Any, a: Any) -> Any:
    return mp.quad(lambda t: mp.exp(-h * h * (1 + t * t) / 2) / (1 + t * t), [0, a], method="gauss-legendre") / (
        2 * mp.pi
    )


def _wright(a: Any, b: Any, x: Any) -> Any:
    total, term, k = mpf(0), mpf(1), 0
    small = mpf(10) ** (-mp.mp.dps - 10)
    while True:
        part = term * mp.rgamma(a * k + b)
        total += part
        if k > 5 and abs(part) < small * abs(total):
            return total
        k += 1
        term *= x / k


def _pseudo_huber(delta: Any, r: Any) -> Any:
    return r * r / (mp.sqrt(1 + (r / delta) ** 2) + 1)


def _huber(delta: Any, r: Any) -> Any:
    return r * r / 2 if abs(r) <= delta else delta * (abs(r) - delta / 2)


_ELEMENTARY: Final[Mapping[str, Callable[..., Any]]] = {
    "special_cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "special_exp2": lambda x: mp.power(2, x),
    "special_expm1": mp.expm1,
    "special_log1p": lambda x: mp.log(1 + x),
    "special_round": mp.nint,
    "exp10": lambda x: mp.power(10, x),
    "cosm1": lambda x: -2 * mp.sin(x / 2) ** 2,
    "sindg": lambda x: mp.sin(mp.radians(x)),
    "cosdg": lambda x: mp.cos(mp.radians(x)),
    "tandg": lambda x: mp.tan(mp.radians(x)),
    "cotdg": lambda x: mp.cot(mp.radians(x)),
    "radian": lambda d, m, s: mp.radians(d + m / 60 + s / 3600),
    "powm1": lambda x, y: mp.power(x, y) - 1,
    "exprel": lambda x: mp.expm1(x) / x,
    "boxcox": _box_cox,
    "boxcox1p": lambda x, rate: _box_cox(1 + x, rate),
    "inv_boxcox": lambda y, rate: mp.power(1 + rate * y, 1 / rate),
    "inv_boxcox1p": lambda y, rate: mp.power(1 + rate * y, 1 / rate) - 1,
    "expit": lambda x: 1 / (1 + mp.exp(-x)),
    "log_expit": lambda x: -mp.log1p(mp.exp(-x)),
    "logit": lambda x: mp.log(x / (1 - x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "entr": lambda x: -x * mp.log(x),
    "rel_entr": lambda x, y: x * mp.log(x / y),
    "kl_div": lambda x, y: x * mp.log(x / y) - x + y,
    "xlogy": lambda x, y: x * mp.log(y),
    "xlog1py": lambda x, y: x * mp.log(1 + y),
    "huber": _huber,
    "pseudo_huber": _pseudo_huber,
    "exp1": mp.e1,
    "expi": mp.ei,
    "expn": lambda n, x: mp.expint(int(n), x),
    "sici": lambda x: (mp.si(x), mp.ci(x)),
    "shichi": lambda x: (mp.shi(x), mp.chi(x)),
    "spence": lambda x: mp.re(mp.polylog(2, 1 - x)),
    "lambertw": lambda z, k, tol: mp.re(mp.lambertw(z, int(k))),
    "lambertw_ufunc": lambda z, k, tol: mp.re(mp.lambertw(z, int(k))),
    "wrightomega": lambda x: mp.re(mp.lambertw(mp.exp(x))),
    "wright_bessel": _wright,
    "log_wright_bessel": lambda a, b, x: mp.log(_wright(a, b, x)),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfi": mp.erfi,
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    "erfinv": lambda x: _quantile((1 + x) / 2) / mp.sqrt(2),
    "erfcinv": lambda x: -_quantile(x / 2) / mp.sqrt(2),
    "fresnel": lambda z: (mp.fresnels(z), mp.fresnelc(z)),
    "ndtr": _normal,
    "ndtri": _quantile,
    "log_ndtr": lambda x: mp.log(_normal(x)) if x < 0 else mp.log1p(-_normal(-x)),
    "owens_t": _owen,
    "nrdtrimn": lambda p, std, x: x - std * _quantile(p),
    "nrdtrisd": lambda mn, p, x: (x - mn) / _quantile(p),
    "faddeeva_real": lambda k, x, y: mp.re(_faddeeva(x, y, k)),
    "faddeeva_imag": lambda k, x, y: mp.im(_faddeeva(x, y, k)),
    "voigt_profile": _voigt,
}


# --- SciPy: gamma, zeta and distributions ----------------------------------------------------------------------------


def _root(function: Callable[[Any], Any], start: float) -> Any:
    """Return the root of a smooth function near a value that is right to some digits."""
    x, step = mpf(float(start)), mpf(10) ** -12 * (abs(mpf(float(start))) or 1)
    before, value, other = x + step, function(x), function(x + step)
    goal = mpf(10) ** (5 - mp.mp.dps)
    for _ in range(20):
        if value == other:
            return x
        move = value * (before - x) / (other - value)
        before, other = x, value
        x -= move
        if abs(move) < goal * abs(x):
            return x
        value = function(x)
    raise ArithmeticError("the oracle found no root")


def _lower(a: Any, x: Any) -> Any:
    return mp.gammainc(a, 0, x, regularized=True)


def _upper(a: Any, x: Any) -> Any:
    return mp.gammainc(a, x, mp.inf, regularized=True)


def _beta_lower(a: Any, b: Any, x: Any) -> Any:
    return mp.betainc(a, b, 0, x, regularized=True)


def _noncentral(x: Any, df: Any, nc: Any) -> Any:
    """Return the noncentral chi-square distribution function, as a Poisson mixture of central ones."""
    a, h, u = df / 2, nc / 2, x / 2
    with mp.extradps(30):
        weight, part = mp.exp(-h), _lower(a, u)
        step = mp.exp(a * mp.log(u) - u - mp.loggamma(a + 1))
        total, j, small = mpf(0), 0, mpf(10) ** -mp.mp.dps
        while weight > small or j < h:
            total += weight * part
            part -= step
            j += 1
            weight *= h / j
            step *= u / (a + j)
        return total


def _student(df: Any, t: Any) -> Any:
    tail = _beta_lower(df / 2, mpf(1) / 2, df / (df + t * t)) / 2
    return tail if t < 0 else 1 - tail


def _fisher(dfn: Any, dfd: Any, x: Any) -> Any:
    return _beta_lower(dfn / 2, dfd / 2, dfn * x / (dfd + dfn * x))


def _kolmogorov(y: Any) -> Any:
    total, k, small = mpf(0), 1, mpf(10) ** (-mp.mp.dps - 5)
    while True:
        term = mp.exp(-2 * k * k * y * y)
        total += term if k % 2 else -term
        if term < small:
            return 2 * total
        k += 1


def _smirnov(n: Any, d: Any) -> Any:
    terms = (
        mp.binomial(n, j) * mp.power(d + mpf(j) / n, j - 1) * mp.power(1 - d - mpf(j) / n, n - j)
        for j in range(int(mp.floor(n * (1 - d))) + 1)
    )
    return d * mp.fsum(terms)


def _tukey(x: Any, rate: Any) -> Any:
    start = scipy.special.tklmbda(float(x), float(rate))
    return _root(lambda p: (p**rate - (1 - p) ** rate) / rate - x, start)


def _inverse(name: str, function: Callable[..., Any], place: int = -1, seek: int = -1) -> Callable[..., Any]:
    """Return the inverse of ``function`` in argument ``seek``; argument ``place`` of the inverse is its value."""

    def inverse(*args: Any) -> Any:
        start = float(getattr(scipy.special, name)(*(x if isinstance(x, int) else float(x) for x in args)))
        rest = list(args)
        goal = rest.pop(place)
        at = seek % (len(rest) + 1)
        return _root(lambda x: function(*rest[:at], x, *rest[at:]) - goal, start)

    return inverse


def _chi(df: Any, x: Any) -> Any:
    return _lower(df / 2, x / 2)


def _chi_upper(df: Any, x: Any) -> Any:
    return _upper(df / 2, x / 2)


def _binomial(k: Any, n: Any, p: Any) -> Any:
    return _beta_lower(n - mp.floor(k), mp.floor(k) + 1, 1 - p)


def _waiting(k: Any, n: Any, p: Any) -> Any:
    return _beta_lower(n, mp.floor(k) + 1, p)


def _poisson(k: Any, m: Any) -> Any:
    return _upper(mp.floor(k) + 1, m)


_GAMMA: Final[Mapping[str, Callable[..., Any]]] = {
    "gamma": mp.gamma,
    "gammaln": mp.loggamma,
    "loggamma": mp.loggamma,
    "gammasgn": lambda x: mp.sign(mp.gamma(x)),
    "rgamma": mp.rgamma,
    "digamma": mp.digamma,
    "polygamma": lambda n, x: mp.psi(int(n), x),
    "poch": mp.rf,
    "beta": mp.beta,
    "betaln": lambda a, b: mp.log(mp.beta(a, b)),
    "binom": mp.binomial,
    "comb": mp.binomial,
    "perm": lambda n, k: mp.gamma(n + 1) / mp.gamma(n - k + 1),
    "factorial": lambda n: mp.gamma(n + 1),
    "zeta": mp.zeta,
    "hurwitz_zeta": mp.zeta,
    "gammainc": _lower,
    "gammaincc": _upper,
    "gammaincinv": _inverse("gammaincinv", _lower),
    "gammainccinv": _inverse("gammainccinv", _upper),
    "betainc": _beta_lower,
    "betaincc": lambda a, b, x: _beta_lower(b, a, 1 - x),
    "betaincinv": _inverse("betaincinv", _beta_lower),
    "betainccinv": _inverse("betainccinv", lambda a, b, x: _beta_lower(b, a, 1 - x)),
    "chdtr": _chi,
    "chdtrc": _chi_upper,
    "chdtri": _inverse("chdtri", _chi_upper),
    "gdtr": lambda a, b, x: _lower(b, a * x),
    "gdtrc": lambda a, b, x: _upper(b, a * x),
    "gdtria": _inverse("gdtria", lambda a, b, x: _lower(b, a * x), place=0, seek=0),
    "gdtrix": _inverse("gdtrix", lambda a, b, x: _lower(b, a * x)),
    "pdtr": _poisson,
    "pdtrc": lambda k, m: _lower(mp.floor(k) + 1, m),
    "pdtri": _inverse("pdtri", _poisson),
    "chndtr": _noncentral,
    "chndtrix": _inverse("chndtrix", _noncentral, place=0, seek=0),
    "bdtr": _binomial,
    "bdtrc": lambda k, n, p: _beta_lower(mp.floor(k) + 1, n - mp.floor(k), p),
    "bdtri": _inverse("bdtri", _binomial),
    "nbdtr": _waiting,
    "nbdtrc": lambda k, n, p: _beta_lower(mp.floor(k) + 1, n, 1 - p),
    "nbdtri": _inverse("nbdtri", _waiting),
    "fdtr": _fisher,
    "fdtrc": lambda dfn, dfd, x: _beta_lower(dfd / 2, dfn / 2, dfd / (dfd + dfn * x)),
    "fdtri": _inverse("fdtri", _fisher),
    "stdtr": _student,
    "stdtrit": _inverse("stdtrit", _student),
    "tklmbda": _tukey,
    "kolmogorov": _kolmogorov,
    "kolmogi": _inverse("kolmogi", _kolmogorov),
    "smirnov": _smirnov,
    "smirnovi": _inverse("smirnovi", _smirnov),
    "ndtri_exp": _inverse("ndtri_exp", lambda x: mp.log(_normal(x))),
}


# --- SciPy: Bessel functions and their relatives ---------------------------------------------------------------------


def _ball(bessel: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda n, x: mp.sqrt(mp.pi / 2 / x) * bessel(n + mpf(1) / 2, x)


def _ball_rate(bessel: Callable[[Any, Any], Any], sign: int) -> Callable[[Any, Any], Any]:
    function = _ball(bessel)
    return lambda n, x: n / x * function(n, x) + sign * function(n + 1, x)


def _airy(x: Any) -> tuple[Any, ...]:
    return mp.airyai(x), mp.airyai(x, 1), mp.airybi(x), mp.airybi(x, 1)


def _airy_scaled(x: Any) -> tuple[Any, ...]:
    up = mp.exp(2 * x * mp.sqrt(x) / 3)
    a, a1, b, b1 = _airy(x)
    return a * up, a1 * up, b / up, b1 / up


def _bessel_moment(a: Any, power: Any, n: Any) -> Any:
    """Return the integral of ``x**power*J_n(2*a*x)`` from 0 to 1."""
    total = power + n + 1
    return a**n * mp.rgamma(n + 1) / total * mp.hyp1f2(total / 2, n + 1, total / 2 + 1, -a * a)


def _kelvin_rate(first: Callable[..., Any], second: Callable[..., Any], sign: int) -> Callable[[Any], Any]:
    return lambda x: (sign * first(1, x) + second(1, x)) / mp.sqrt(2)


def _cylinder(n: Any, x: Any) -> tuple[Any, Any]:
    return mp.pcfd(n, x), x / 2 * mp.pcfd(n, x) - mp.pcfd(n + 1, x)


def _cylinder_v(n: Any, x: Any) -> tuple[Any, Any]:
    a = -n - mpf(1) / 2
    return mp.pcfv(a, x), x / 2 * mp.pcfv(a, x) + (a - mpf(1) / 2) * mp.pcfv(a - 1, x)


def _cylinder_w(a: Any, x: Any) -> tuple[Any, Any]:
    """Return W and its derivative from the power series of the even and the odd solution."""
    series = [mpf(1), mpf(1)]
    values, rates = [mpf(0), mpf(0)], [mpf(0), mpf(0)]
    for parity in (0, 1):
        coefficients = {parity: series[parity]}
        k, small = parity, mpf(10) ** (-mp.mp.dps - 5)
        while True:
            term = coefficients[k] * mp.power(x, k)
            values[parity] += term
            if k:
                rates[parity] += k * coefficients[k] * mp.power(x, k - 1)
            if k > 40 and abs(term) < small:
                break
            past = coefficients.get(k - 2, mpf(0))
            coefficients[k + 2] = (a * coefficients[k] - past / 4) / ((k + 1) * (k + 2))
            k += 2
    at_zero = mp.power(2, -mpf(3) / 4) * mp.sqrt(abs(mp.gamma(mp.mpc(0.25, a / 2)) / mp.gamma(mp.mpc(0.75, a / 2))))
    slope = -mp.power(2, -mpf(1) / 4) * mp.sqrt(abs(mp.gamma(mp.mpc(0.75, a / 2)) / mp.gamma(mp.mpc(0.25, a / 2))))
    return at_zero * values[0] + slope * values[1], at_zero * rates[0] + slope * rates[1]


_BESSEL: Final[Mapping[str, Callable[..., Any]]] = {
    "jv": mp.besselj,
    "jve": mp.besselj,
    "yv": mp.bessely,
    "yve": mp.bessely,
    "iv": mp.besseli,
    "ive": lambda n, x: mp.besseli(n, x) * mp.exp(-abs(x)),
    "kv": mp.besselk,
    "kve": lambda n, x: mp.besselk(n, x) * mp.exp(x),
    "yn": mp.bessely,
    "kn": mp.besselk,
    "struve": mp.struveh,
    "modstruve": mp.struvel,
    "j0": lambda x: mp.besselj(0, x),
    "j1": lambda x: mp.besselj(1, x),
    "y0": lambda x: mp.bessely(0, x),
    "y1": lambda x: mp.bessely(1, x),
    "special_i0": lambda x: mp.besseli(0, x),
    "i1": lambda x: mp.besseli(1, x),
    "k0": lambda x: mp.besselk(0, x),
    "k1": lambda x: mp.besselk(1, x),
    "i0e": lambda x: mp.besseli(0, x) * mp.exp(-abs(x)),
    "i1e": lambda x: mp.besseli(1, x) * mp.exp(-abs(x)),
    "k0e": lambda x: mp.besselk(0, x) * mp.exp(x),
    "k1e": lambda x: mp.besselk(1, x) * mp.exp(x),
    "spherical_jn": _ball(mp.besselj),
    "spherical_yn": _ball(mp.bessely),
    "spherical_in": _ball(mp.besseli),
    "spherical_kn": _ball(mp.besselk),
    "spherical_jn_d": _ball_rate(mp.besselj, -1),
    "spherical_yn_d": _ball_rate(mp.bessely, -1),
    "spherical_in_d": _ball_rate(mp.besseli, 1),
    "spherical_kn_d": _ball_rate(mp.besselk, -1),
    "airy": _airy,
    "airye": _airy_scaled,
    "besselpoly": _bessel_moment,
    "ber": lambda x: mp.ber(0, x),
    "bei": lambda x: mp.bei(0, x),
    "ker": lambda x: mp.ker(0, x),
    "kei": lambda x: mp.kei(0, x),
    "berp": _kelvin_rate(mp.ber, mp.bei, 1),
    "beip": _kelvin_rate(mp.ber, mp.bei, -1),
    "kerp": _kelvin_rate(mp.ker, mp.kei, 1),
    "keip": _kelvin_rate(mp.ker, mp.kei, -1),
    "pbdv": _cylinder,
    "pbvv": _cylinder_v,
    "pbwa": _cylinder_w,
}

INTEGRANDS: Final[Mapping[str, Callable[..., Any]]] = {
    "itj0y0": lambda x: (mp.besselj(0, x), mp.bessely(0, x)),
    "iti0k0": lambda x: (mp.besseli(0, x), mp.besselk(0, x)),
    "it2j0y0": lambda x: ((1 - mp.besselj(0, x)) / x, -mp.bessely(0, x) / x),
    "it2i0k0": lambda x: ((mp.besseli(0, x) - 1) / x, -mp.besselk(0, x) / x),
    "itairy": lambda x: (mp.airyai(x), mp.airybi(x), mp.airyai(-x), mp.airybi(-x)),
    "itstruve0": lambda x: mp.struveh(0, x),
    "it2struve0": lambda x: -mp.struveh(0, x) / x,
    "itmodstruve0": lambda x: mp.struvel(0, x),
}


# --- SciPy: elliptic, orthogonal, hypergeometric ---------------------------------------------------------------------


def _jacobi(u: Any, m: Any) -> tuple[Any, ...]:
    sn, cn, dn = (mp.ellipfun(kind, u, m=m) for kind in ("sn", "cn", "dn"))
    turns = mp.nint(u / (4 * mp.ellipk(m)))
    return sn, cn, dn, mp.atan2(sn, cn) + 2 * mp.pi * turns


_ELLIPTIC: Final[Mapping[str, Callable[..., Any]]] = {
    "elliprc": mp.elliprc,
    "elliprf": mp.elliprf,
    "elliprg": mp.elliprg,
    "elliprd": mp.elliprd,
    "elliprj": mp.elliprj,
    "agm": mp.agm,
    "ellipk": mp.ellipk,
    "ellipkm1": lambda p: mp.ellipk(1 - p),
    "ellipe": mp.ellipe,
    "ellipkinc": mp.ellipf,
    "ellipeinc": mp.ellipe,
    "ellipj": _jacobi,
}

_POLYNOMIALS: Final[Mapping[str, Callable[..., Any]]] = {
    "eval_jacobi": mp.jacobi,
    "eval_sh_jacobi": lambda n, p, q, x: mp.jacobi(n, p - q, q - 1, 2 * x - 1) / mp.binomial(2 * n + p - 1, n),
    "eval_gegenbauer": mp.gegenbauer,
    "eval_legendre": mp.legendre,
    "eval_sh_legendre": lambda n, x: mp.legendre(n, 2 * x - 1),
    "eval_chebyt": mp.chebyt,
    "eval_chebyu": mp.chebyu,
    "eval_chebyc": lambda n, x: 2 * mp.chebyt(n, x / 2),
    "eval_chebys": lambda n, x: mp.chebyu(n, x / 2),
    "eval_sh_chebyt": lambda n, x: mp.chebyt(n, 2 * x - 1),
    "eval_sh_chebyu": lambda n, x: mp.chebyu(n, 2 * x - 1),
    "eval_laguerre": lambda n, x: mp.laguerre(n, 0, x),
    "eval_genlaguerre": mp.laguerre,
    "eval_hermite": mp.hermite,
    "eval_hermitenorm": lambda n, x: mp.power(2, -mpf(n) / 2) * mp.hermite(n, x / mp.sqrt(2)),
    "lpmv": lambda m, n, x: mp.re(mp.legenp(n, int(m), x)),
    "hyp0f1": mp.hyp0f1,
    "hyp1f1": mp.hyp1f1,
    "hyp2f1": mp.hyp2f1,
    "hyperu": mp.hyperu,
}

FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    **_NUMPY, **_ELEMENTARY, **_GAMMA, **_BESSEL, **_ELLIPTIC, **_POLYNOMIALS,
}  # fmt: skip
