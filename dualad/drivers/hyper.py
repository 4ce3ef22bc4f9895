"""One evaluation on a hyper-dual array: second derivatives between two sets of directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dualad.drivers.arguments import Varied, collect, lanes_of, seeded
from dualad.duck.levels import fresh_level

__all__ = ["block", "second_derivative"]

Function = Callable[..., Any]


def block(f: Function, varied: Varied, kwargs: Mapping[str, Any], e1: Any, e2: Any) -> Any:
    """Return second derivatives between two sets of directions, shape (k1, k2) + T."""
    x = varied.arrays[0]
    k1, k2 = len(e1), len(e2)
    level = fresh_level()
    zeros = np.zeros((k1 * k2, *x.shape), x.dtype)
    argument = seeded(x, level, np.concatenate([e1, e2, zeros]), k1, k2)
    lanes = lanes_of(collect(varied.call(f, [argument], kwargs)), level, k1 + k2 + k1 * k2)[1]
    return np.reshape(lanes[k1 + k2 :], (k1, k2, *lanes.shape[1:]))


def second_derivative(f: Function, x: Any) -> Any:
    """Return the second derivative of a function of one number."""
    varied = Varied("derivative", 0, (x,))
    return block(f, varied, {}, np.ones(1), np.ones(1))[0, 0]
