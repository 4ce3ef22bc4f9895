"""For the test suites of people who differentiate: ``from dualad.testing import assert_grad``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dualad.check import Report, check_grad

__all__ = ["assert_grad"]


def assert_grad(f: Callable[..., Any], x: Any, jac: Any = None, **options: Any) -> Report:
    """Raise unless the derivatives of ``f`` at ``x`` pass every test of :func:`dualad.check_grad`.

    Parameters
    ----------
    f : callable
        Function of an array x.
    x : array_like
        The point.
    jac : callable, optional
        The user's own derivative; without it, that of this package is checked.
    **options
        Those of :func:`dualad.check_grad`.

    Returns
    -------
    Report
        For further looks at what passed.

    Raises
    ------
    AssertionError
        A test failed, or none could decide; the message is the report.

    Examples
    --------
    >>> import numpy as np
    >>> from dualad.testing import assert_grad
    >>> report = assert_grad(lambda x: np.sum(np.exp(x)), np.array([0.1, 0.2]), grad=np.exp)
    >>> report.passed
    True
    """
    __tracebackhide__ = True  # pytest shows the line that called, not this one
    report = check_grad(f, x, jac, **options)
    if not report.passed:
        raise AssertionError(str(report))
    return report
