"""Initial value problems: exact Jacobians for the implicit methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy
from scipy import integrate as scipy_integrate
from scipy import sparse

from dualad.drivers.arguments import collect
from dualad.drivers.choose import most_lanes
from dualad.drivers.compressed import Compressed, directional
from dualad.drivers.direct import Direct
from dualad.drivers.wrapping import Arguments, Solve, improved

__all__ = ["odeint", "solve_ivp"]

_IMPLICIT = (scipy_integrate.Radau, scipy_integrate.BDF, scipy_integrate.LSODA)
_NAMES = tuple(method.__name__ for method in _IMPLICIT)
# LSODA took its banded matrices with as many rows of zeros below as there are lower diagonals, contrary to its
# documentation.
_PADDED = tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 16)


@improved(scipy_integrate.solve_ivp)
def solve_ivp(given: Arguments, solve: Solve) -> None:
    """Solve an initial value problem, as ``scipy.integrate.solve_ivp``, with the exact Jacobian for the implicit
    methods.

    Parameters
    ----------
    fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args, **options
        As in SciPy. Where ``jac`` is not among the options, Radau, BDF and LSODA receive the exact one: compressed by
        ``jac_sparsity``, or by ``lband`` and ``uband``, where these are given.

    Returns
    -------
    Bunch object of SciPy

    Notes
    -----
    ``fun`` is evaluated on plain numbers, and once more on dual numbers where the method asks for a Jacobian, which is
    seldom. The explicit methods, and problems with complex ``y0``, are solved by SciPy as it is.

    Examples
    --------
    >>> from dualad import integrate
    >>> def robertson(t, y):
    ...     slow, fast, product = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    ...     return [product - slow, slow - product - fast, fast]
    >>> found = integrate.solve_ivp(robertson, (0, 40), [1, 0, 0], method="BDF", rtol=1e-8, atol=1e-12)
    >>> found.y[:, -1].round(6)
    array([7.15827e-01, 9.00000e-06, 2.84164e-01])
    """
    method = given.get("method", "RK45")
    implicit = (
        method in _NAMES if isinstance(method, str) else isinstance(method, type) and issubclass(method, _IMPLICIT)
    )
    if np.iscomplexobj(given["y0"]):
        return
    fun, columns, n = given["fun"], bool(given.get("vectorized")), np.size(given["y0"])
    direct = solve.direct(fun, 1) if not columns else None
    if direct is not None:
        given["fun"] = direct.fun
    if not implicit or given.get("jac") is not None:
        return

    def slope(t: Any, y: Any, *args: Any) -> Any:
        # A vectorized right-hand side may be unable to do with one state that is no column.
        return np.reshape(collect(fun(t, np.reshape(y, (-1, 1)), *args)), (-1,)) if columns else fun(t, y, *args)

    # Each method knows one way to state where the zeros are, and warns of the other.
    lsoda = method == "LSODA" or (isinstance(method, type) and issubclass(method, scipy_integrate.LSODA))
    if lsoda and (given.get("lband") is not None or given.get("uband") is not None):
        lower, upper = given.get("lband") or 0, given.get("uband") or 0
        jacobian = _banded(slope, 1, n, lower, upper, lower if _PADDED else 0)
    elif not lsoda and given.get("jac_sparsity") is not None:
        pattern = Compressed(given["jac_sparsity"])
        jacobian = _by(slope, 1, pattern.seeds, pattern.matrix)
    else:
        jacobian = _dense(slope, 1, n, direct)
    given["jac"] = jacobian


@improved(scipy_integrate.odeint)
def odeint(given: Arguments, solve: Solve) -> None:
    """Solve an initial value problem, as ``scipy.integrate.odeint``, with the exact Jacobian.

    Parameters
    ----------
    func, y0, t, args, Dfun, col_deriv, full_output, ml, mu, rtol, atol, tcrit, h0, hmax, hmin, ixpr, mxstep, mxhnil
        As in SciPy, with its further arguments. Where ``Dfun`` is not given it is exact, and banded with ``ml`` or
        ``mu``.

    Returns
    -------
    y : ndarray
        And with ``full_output`` what SciPy adds.

    Notes
    -----
    ``func`` is evaluated on plain numbers, and once more on dual numbers where the method asks for a Jacobian.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad import integrate
    >>> t = np.array([0.0, 1.0])
    >>> integrate.odeint(lambda y, t: -1000 * (y - np.cos(t)), 0.0, t, rtol=1e-8).round(6)
    array([[0.      ],
           [0.541143]])
    """
    func, place, n = given["func"], 1 if given.get("tfirst") else 0, np.size(given["y0"])
    direct = solve.direct(func, place)
    given["func"] = direct.fun
    if given.get("Dfun") is not None:
        return
    ends: list[Any] = [given.get("ml"), given.get("mu")]
    lower, upper = (-1 if end is None else end for end in ends)
    banded = max(lower, upper) >= 0
    slope = _banded(func, place, n, max(lower, 0), max(upper, 0)) if banded else _dense(func, place, n, direct)
    given["Dfun"] = (lambda *args: slope(*args).T) if given.get("col_deriv") else slope


Slope = Callable[..., Any]


def _by(f: Slope, place: int, directions: Any, finish: Callable[[Any], Any]) -> Slope:
    """Return the function that makes a Jacobian in argument ``place`` from the derivatives along some directions."""
    most = most_lanes(directions.shape[-1])

    def jacobian(first: Any, second: Any, *rest: Any) -> Any:
        # Two arguments by name: compiled code in SciPy counts them.
        args = (first, second, *rest)

        def of_state(y: Any) -> Any:
            return f(*args[:place], y, *args[place + 1 :])

        lanes = [
            directional(of_state, args[place], directions[at : at + most]) for at in range(0, len(directions), most)
        ]
        return finish(lanes[0] if len(lanes) == 1 else np.concatenate(lanes))

    return jacobian


def _dense(f: Slope, place: int, n: int, direct: Direct | None) -> Slope:
    plain = _by(f, place, np.eye(n), lambda lanes: np.array(np.reshape(lanes, (n, -1)).T))
    if direct is None:
        return plain
    # Two arguments by name: compiled code in SciPy counts them.
    return lambda first, second, *rest: direct.jacobian(plain, (first, second, *rest))


def _banded(f: Slope, place: int, n: int, lower: int, upper: int, below: int = 0) -> Slope:
    """Return the Jacobian in the form of LSODA's banded matrices: entry (i, j) stands in row i - j + upper."""
    offsets = range(max(-lower, 1 - n), min(upper, n - 1) + 1)
    pattern = Compressed(sparse.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=list(offsets)))
    rows = pattern.rows - pattern.columns + upper

    def packed(lanes: Any) -> Any:
        found = np.zeros((lower + upper + 1 + below, n))
        found[rows, pattern.columns] = pattern.matrix(lanes).data
        return found

    return _by(f, place, pattern.seeds, packed)
