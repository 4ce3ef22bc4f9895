"""Random programs through every engine, and against the complex step."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dualad

sys.path.insert(0, str(Path(__file__).parent))  # the tests are no package
from engines import Engines
from programs import run

NUMBER = st.integers(0, 10**6)
PROGRAMS = st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), min_size=1, max_size=9)
SHAPES = st.sampled_from([(4,), (2, 3), (3, 2), (1,), (2, 2)])
LAYOUTS = st.sampled_from(["C", "F", "strided"])


def laid_out(x: Any, layout: str) -> Any:
    if layout == "strided":
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
        wide[..., ::2] = x
        return wide[..., ::2]
    return np.array(x, order=layout)


def complex_step(program: Sequence[Sequence[int]], x: Any, y: Any) -> list[Any]:
    """Return the gradient by the complex step, one element at a time."""
    gradient = [np.zeros(x.shape), np.zeros(y.shape)]
    for k, g in enumerate(gradient):
        for place in np.ndindex(*g.shape):
            moved = [np.array(x, complex, order="K"), np.array(y, complex, order="K")]
            moved[k][place] += 1e-40j
            g[place] = np.imag(run(program, *moved)) / 1e-40
    return gradient


QUIET = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(QUIET, max_examples=150)
@given(PROGRAMS, SHAPES, LAYOUTS, NUMBER)
def test_random_programs(program: Any, shape: tuple[int, ...], layout: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = laid_out(rng.uniform(-1, 1, shape), layout), rng.uniform(-1, 1, 4)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        engines = Engines(lambda arrays: run(program, *arrays), [x, y], tolerance=1e-9)
        engines.check()
        engines.cotangents = [np.ones((2,))]
        found = engines.pulled(engines.lean, [np.float64(1.0)], True)
        for g, wanted in zip(found, complex_step(program, x, y), strict=True):
            np.testing.assert_allclose(g, wanted, rtol=1e-9, atol=1e-9)


@settings(QUIET, max_examples=60)
@given(PROGRAMS, SHAPES, st.sampled_from(["C", "F"]), NUMBER)
def test_derivatives_of_derivatives(program: Any, shape: tuple[int, ...], layout: str, seed: int) -> None:
    """Dual arrays and recorded arrays as the numbers of a recording: Hessian times a direction in three ways."""
    rng = np.random.default_rng(seed)
    x, y, t = laid_out(rng.uniform(-1, 1, shape), layout), rng.uniform(-1, 1, 4), rng.standard_normal(shape)

    def f(x: Any) -> Any:
        return run(program, x, np.ravel(x)[0] * y)

    def fresh() -> Any:
        return np.copy(x, order="K")

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wanted = np.tensordot(dualad.hessian(f, mode="hyperdual")(fresh()), t, axes=t.ndim)
        scale = 1e-8 * max(1.0, float(np.max(np.abs(wanted))))
        found = dualad.jvp(dualad.grad(f), (fresh(),), (t,))[1]
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=scale)
        found = dualad.grad(lambda x: np.sum(dualad.grad(f)(x) * t))(fresh())
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=scale)


PIECES = [
    (lambda x: [x < 0, x >= 0], [lambda t: -(t**3), lambda t: t**2]),
    (lambda x: x < 0, [lambda t: t**2, np.sin]),
    (lambda x: [x < -1, x > 1], [-1.0, np.exp, lambda t: t]),
]


@pytest.mark.parametrize(("conditions", "pieces"), PIECES)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_piecewise_by_conditions_on_the_argument(conditions: Any, pieces: Any, mode: str) -> None:
    x = np.linspace(-1.5, 2.0, 6)

    def of_x(x: Any) -> Any:
        return np.piecewise(x, conditions(x), pieces) * x

    def of_masks(y: Any) -> Any:
        return np.piecewise(y, conditions(x), pieces) * y

    assert np.array_equal(dualad.jacobian(of_x, mode=mode)(x), dualad.jacobian(of_masks, mode=mode)(x))
    # Pieces that use the argument from outside.
    found = dualad.jacobian(lambda x: np.piecewise(x, [x < 0], [lambda t: t * x[-1], x[0]]), mode=mode)(x)
    wanted = np.diag(np.where(x < 0, x[-1], 0.0))
    wanted[x < 0, -1], wanted[x >= 0, 0] = x[x < 0], 1.0
    assert np.array_equal(found, wanted)
