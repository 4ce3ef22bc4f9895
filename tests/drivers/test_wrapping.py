"""How a SciPy function is improved: the call is bound by its signature, and what is not filled in stays as it was."""

import inspect

import pytest

from dualad.drivers.wrapping import improved


def target(fun, x0, args=(), *, tol=None, **options):
    """Give back what arrived, and how."""
    return fun, x0, args, tol, options


def test_what_is_filled_in_and_what_stays():
    @improved(target)
    def better(given, solve):
        given["fun"] = given["fun"].upper()
        if given.get("jac") is None:
            given["jac"] = "exact"

    assert better("f", 1) == ("F", 1, (), None, {"jac": "exact"})
    assert better("f", x0=1, tol=2, jac="own", other=3) == ("F", 1, (), 2, {"jac": "own", "other": 3})
    assert better(x0=1, fun="f", args=(4,)) == ("F", 1, (4,), None, {"jac": "exact"})


def test_positions_stay_positions():
    def told(*args, **kwargs):
        return args, kwargs

    told.__signature__ = inspect.signature(target)

    @improved(told)
    def better(given, solve):
        given["tol"] = 1

    assert better("f", 2, (3,)) == (("f", 2, (3,)), {"tol": 1})
    assert better("f", args=(3,), x0=2) == (("f",), {"args": (3,), "x0": 2, "tol": 1})


def test_a_wrong_call_raises_in_the_words_of_the_target():
    @improved(target)
    def better(given, solve):
        raise AssertionError("not reached")

    with pytest.raises(TypeError, match=r"target\(\) missing 1 required positional argument: 'x0'"):
        better("f")


def test_name_documentation_and_signature():
    @improved(target)
    def better(given, solve):
        """What it does."""

    assert (better.__name__, better.__doc__, better.__module__) == ("better", "What it does.", __name__)
    # One keyword more than the target has, before those that it collects.
    assert str(inspect.signature(better)) == "(fun, x0, args=(), *, tol=None, compile=None, **options)"
    assert inspect.signature(target).parameters.keys() == inspect.signature(better).parameters.keys() - {"compile"}
