"""check_grad: everything that can be said for or against a derivative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from dualad import errors
from dualad.check.given import given_first, given_second, split
from dualad.check.report import UNDECIDED, Outcome, Report
from dualad.check.run import Run
from dualad.check.subject import Subject

__all__ = ["check_grad"]

_UNSTEADY: Final = Outcome(
    "f repeats itself",
    UNDECIDED,
    remark="it returns other numbers when it is called again; seed the random numbers inside of f",
)


def check_grad(
    f: Callable[..., Any],
    x: Any,
    jac: Any = None,
    *,
    grad: Callable[..., Any] | None = None,
    hess: Callable[..., Any] | None = None,
    hessp: Callable[..., Any] | None = None,
    args: Sequence[Any] = (),
    order: int | None = None,
    directions: int | None = None,
    near: float = 1e-6,
    seed: int = 0,
    progress: bool | None = None,
) -> Report:
    """Check the derivatives of ``f`` at ``x``: this package's own, or those that the user wrote.

    Parameters
    ----------
    f : callable
        Function of an array x and of ``args``; it returns a number or an array.
    x : array_like
        The point.
    jac, grad : callable, optional
        The user's Jacobian or gradient, called as ``jac(x, *args)``; as in SciPy ``jac=True`` says that f returns its
        value and its derivative. Without any of these and the next two, the derivatives of this package are checked.
    hess, hessp : callable, optional
        The user's Hessian ``hess(x, *args)`` and Hessian-vector product ``hessp(x, p, *args)`` of an f that returns one
        number.
    args : tuple
        Further arguments of ``f`` and of its derivatives; as in SciPy one that is no tuple is one argument.
    order : {1, 2}, optional
        1 leaves the second derivatives of this package out.
    directions : int, optional
        How many directions to try; all of a random orthonormal basis, but no more than 24, when it is not given.
    near : float
        Kinks so near to x, relative to its size, are listed.
    seed : int
        Seed of the random directions.
    progress : bool, optional
        Show a bar (needs rich); when it is not given, only on a terminal and only where the check takes long.

    Returns
    -------
    Report
        Prints as a table; ``passed`` says whether no test failed, and so does the truth of the report. ``tests``,
        ``worst`` (entries), ``faults`` (operators), ``kinks`` and ``plot()``.

    Raises
    ------
    DifferentiationError
        This package has no derivative of ``f`` to check.

    Notes
    -----
    No step is guessed and no tolerance is fixed. Along each direction f is evaluated at steps that fall from a quarter
    of the size of x to rounding, central differences are extrapolated (Ridders 1982), and the derivative is held
    against the estimated error of the extrapolation. About 35 evaluations of f for each of the first directions, 20 for
    the others.

    Where f bends at x, any number between the one-sided slopes passes. Where it jumps, the check is undecided: it
    neither fails nor passes.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.check import check_grad
    >>> def f(x):
    ...     return np.sum(np.sin(x) * x[0])
    >>> check_grad(f, np.array([1.0, 2.0, 3.0])).passed
    True
    >>> report = check_grad(f, np.array([1.0, 2.0, 3.0]), grad=lambda x: x[0] * np.cos(x))
    >>> report.passed, [entry.place for entry in report.worst], report.looks_like
    (False, [(0,)], ['grad: right in 2 of 3 entries; wrong in entry 0'])
    """
    if jac is True:
        f, jac = split(f)
    if order not in (None, 1, 2):
        raise ValueError(f"order must be 1 (first derivatives) or 2 (second as well), not {order!r}")
    if directions is not None and not (isinstance(directions, (int, np.integer)) and directions >= 1):
        raise ValueError(errors.wrong_directions(directions))
    named = {"jac": None if jac is False else jac, "grad": grad, "hess": hess, "hessp": hessp}
    theirs = {name: function for name, function in named.items() if function is not None}
    for name, function in theirs.items():
        if not callable(function):
            raise TypeError(errors.no_function("check_grad", name, function))
    # Steps leave the domain of f, and slopes may be infinite: that is no cause for warnings here.
    with np.errstate(all="ignore"):
        subject = Subject(f, x, args if isinstance(args, tuple) else (args,))
        if ("hess" in theirs or "hessp" in theirs) and subject.m != 1:
            raise ValueError(
                f"hess and hessp are checked for a function that returns one number; this one returned {subject.m}"
            )
        if not (subject.steady or theirs):
            return Report(subject.name, subject.shape, subject.out, [_UNSTEADY], evaluations=subject.points.count)
        run = Run(subject, np.random.default_rng(seed), directions, near, progress, bool(theirs))
        with run.progress:
            first = [given_first(subject, name, theirs[name]) for name in ("jac", "grad") if name in theirs]
            second = [given_second(subject, name, theirs[name]) for name in ("hess", "hessp") if name in theirs]
            run.tests(first, second, 2 if order is None else order)
            run.explain()
        if not subject.steady:
            run.report.tests.append(_UNSTEADY)
    run.report.evaluations = subject.points.count
    return run.report
