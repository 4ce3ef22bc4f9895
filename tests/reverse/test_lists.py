"""Lists and tuples that hold recorded numbers, as operands of NumPy's functions: no derivative is dropped."""

import numpy as np
import pytest

import dualad

X = np.array([0.7, 1.3, 2.1])
FUNCTIONS = {
    "x + list": lambda x: x + [x[0], 1.0, x[1]],
    "list + x": lambda x: [x[0], 1.0, x[1]] + x,
    "x - tuple": lambda x: x - (x[0], 1.0, x[1]),
    "add": lambda x: np.add(x, [x[0], 1.0, x[1]]),
    "number * list": lambda x: x[0] * [x[1], 2.0],
    "number * lists": lambda x: x[0] * [x[:2], [1.0, x[2]]],
    "x * list of arrays": lambda x: x * [x, x * x],
    "x * lists": lambda x: x * [[x[0]], [x[1]]],
    "ones * list": lambda x: np.ones(3) * [x[0], x[1], 2.0],
    "maximum": lambda x: np.maximum(x, [x[1], 1.0, x[0]]),
    "where": lambda x: np.where(x > 1, [x[0], 1.0, x[1]], x),
    "two lists": lambda x: np.where([True, False, True], [x[0], 1.0, 2.0], [x[1]] * 3) + 0 * x,
    "clip": lambda x: np.clip(x, [x[0]] * 3, [2.0, 2.0, x[1]]),
    "modulo": lambda x: np.divmod(x, [x[0], 1.0, 2.0])[1],
    "comparison": lambda x: (x > [x[1], 1.0, 2.0]) * x,
    "plain list": lambda x: x * [1.0, 2, 3.0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lists_among_operands(name):
    f = FUNCTIONS[name]
    # The same products; only their order may differ.
    np.testing.assert_allclose(
        dualad.jacobian(f, mode="reverse")(X), dualad.jacobian(f, mode="forward")(X), rtol=1e-15, atol=1e-16
    )
    np.testing.assert_allclose(
        dualad.hessian(f, mode="forward-over-reverse")(X),
        dualad.hessian(f, mode="hyperdual")(X),
        rtol=1e-15,
        atol=1e-16,
    )
