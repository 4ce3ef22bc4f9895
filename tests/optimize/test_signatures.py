"""Every function has SciPy's signature; the rooms are there after ``import dualad`` and cost its import nothing."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize

from dualad import errors, integrate, optimize

PAIRS = [
    (getattr(ours, name), getattr(theirs, name))
    for ours, theirs in ((optimize, scipy.optimize), (integrate, scipy.integrate))
    for name in ours.__all__
    if inspect.isfunction(getattr(ours, name)) and name != "derivatives"
]


def test_all_of_them_are_looked_at():
    assert len(PAIRS) == 15


@pytest.mark.parametrize("ours, theirs", PAIRS, ids=lambda one: one.__name__)
def test_signature(ours, theirs):
    # SciPy's, and one keyword more.
    parameters = dict(inspect.signature(ours).parameters)
    further = parameters.pop("compile")
    assert further.kind is inspect.Parameter.KEYWORD_ONLY and further.default is None
    assert list(parameters.values()) == list(inspect.signature(theirs).parameters.values())
    assert ours.__name__ == theirs.__name__ and ours.__module__.startswith("dualad.")
    for name in ("Parameters", "Returns", "Examples"):
        assert name in ours.__doc__


@pytest.mark.parametrize("ours, theirs", PAIRS, ids=lambda one: one.__name__)
def test_every_argument_is_in_the_documentation(ours, theirs):
    # Several functions leave the latest arguments of SciPy to "its further arguments".
    for name in list(inspect.signature(theirs).parameters)[:3]:
        assert name in ours.__doc__


@pytest.mark.parametrize(
    "module",
    [
        "drivers.shared", "integrate.boundary", "integrate.initial", "optimize.constraints", "optimize.fitting",
        "optimize.minimizing", "optimize.roots", "optimize.searching",
    ],
)  # fmt: skip
def test_the_examples_say_what_is_true(module):
    found = doctest.testmod(import_module(f"dualad.{module}"))
    assert found.attempted > 0 and found.failed == 0


def test_the_classes_of_scipy_are_here_too():
    for name in ("BFGS", "SR1", "Bounds", "LinearConstraint", "OptimizeResult", "RootResults"):
        assert getattr(optimize, name) is getattr(scipy.optimize, name)


def test_the_rooms_are_loaded_when_they_are_asked_for():
    code = (
        "import sys, dualad; assert 'scipy.optimize' not in sys.modules, 'SciPy is loaded too early';"
        "d = dualad.optimize.derivatives(lambda x: x**2); print(d.grad(3.0), dualad.integrate.solve_ivp.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["6.0", "solve_ivp"], found.stderr


# --- functions that make their arrays where derivatives cannot follow -------------------------------------------------


def plain_array(x):
    y = np.zeros(2)
    y[0], y[1] = x[0] - 1, x[1] + 1
    return y


WRONG = {
    "a plain array": (plain_array, r"np\.zeros\(n, like=x\)"),
    "a dtype": (lambda x: np.array([x[0] - 1, x[1]], dtype=float), r"np\.array\(\[a, b\], like=x\)"),
    "float": (lambda x: [float(x[0]), x[1]], r"leave float\(x\) out"),
    "objects": (lambda x: np.linalg.solve(np.array([[x[0], 1.0], [2.0, x[1]]]), np.ones(2)), "like=x"),
    "scipy.linalg": (lambda x: scipy.linalg.solve(np.eye(2), x), r"np\.linalg"),
    "nothing": (lambda x: None, "makes no array"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_the_sentence_names_cause_and_remedy(name):
    f, remedy = WRONG[name]
    calls = [
        lambda: optimize.least_squares(f, [0.5, 0.6]),
        lambda: optimize.root(f, [0.5, 0.6]),
        lambda: optimize.fsolve(f, [0.5, 0.6]),
    ]
    if name != "nothing":  # which the explicit first step of the solver meets on plain numbers
        calls.append(lambda: integrate.solve_ivp(lambda t, y: f(y), (0, 1), [0.5, 0.6], "BDF"))
    for call in calls:
        with pytest.raises(errors.DifferentiationError, match=remedy):
            call()


def test_arrays_of_recorded_numbers_are_understood():
    makers = (np.array, np.asarray, np.stack, np.hstack, list, tuple, np.r_.__getitem__)
    for make in makers:
        found = optimize.root(lambda x, make=make: make((x[0] - 1, x[1] ** 2 - 4)), [0.0, 1.0])
        np.testing.assert_allclose(found.x, [1, 2], rtol=1e-8)


def test_errors_of_the_callers_own_stay():
    def own(x):
        raise ValueError("of the caller's own")

    with pytest.raises(ValueError, match="of the caller's own") as caught:
        optimize.minimize(own, [1.0])
    assert type(caught.value) is ValueError
