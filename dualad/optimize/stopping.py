"""When trust-constr may stop: not before the barrier is gone."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["with_barrier"]


def with_barrier(callback: Callable[..., Any] | None) -> Callable[..., Any]:
    """Return a callback that calls the given one, and then counts the barrier parameter into the optimality.

    SciPy stops trust-constr when the gradient of the Lagrangian is small, whatever the barrier parameter. By
    differences and quasi-Newton updates that happens late. With exact Hessians each barrier problem is solved in a few
    steps, its Lagrangian has a gradient of zero while the barrier is still high, and the run would end with four
    digits. The conditions of optimality ask for complementarity as well (Nocedal and Wright, *Numerical Optimization*,
    2nd ed., section 19.1), and what is left of that is the barrier parameter.
    """
    by_name = callback is not None and set(inspect.signature(callback).parameters) == {"intermediate_result"}

    def each(xk: Any, state: Any) -> Any:
        stop = None
        if callback is not None:
            stop = callback(intermediate_result=state) if by_name else callback(xk, state)
        if "barrier_parameter" in state:
            state.optimality = np.maximum(np.linalg.norm(state.lagrangian_grad, np.inf), state.barrier_parameter)
        return stop

    return each
