"""Arrays of objects with numbers that carry derivatives: np.array([x[0], x[1]]) and np.asarray(x)."""

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

import dualad
from dualad import Dual

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, complex_step, random_dual, same

X = np.array([0.7, 1.3, 2.1])
FUNCTIONS = {
    "np.array": lambda x: np.array([x[0] * x[1], np.sin(x[2]), 3.0]),
    "nested lists": lambda x: np.array([[x[0], x[1]], [1.0, x[2] ** 2]]),
    "asarray": lambda x: np.asarray(x) ** 2 + 1.0,
    "asarray and functions": lambda x: np.exp(np.asarray(x)) * np.sqrt(np.asarray(x)),
    "operators": lambda x: np.array([x[0], x[1], 1.0]) * x - x / np.array([x[1], 2.0, x[2]]),
    "with plain": lambda x: np.array([x[0], x[1]]) * np.array([2.0, 3.0]) + np.array([1, 2]),
    "unary": lambda x: -abs(np.array([x[0], -x[1]])),
    "functions on the left": lambda x: np.arctan2(np.array([x[0], x[1], x[2]]), x),
    "functions on the right": lambda x: np.hypot(x, np.array([x[1], 2.0, x[2]])),
    "two of objects": lambda x: np.arctan2(np.array([x[0], x[1]]), np.array([x[2], 1.5])),
    "matmul": lambda x: np.array([x[0], x[1], x[2]]) @ x,
    "matmul from the left": lambda x: x @ np.array([[x[0], 1.0], [x[1], x[2]], [2.0, x[0]]]),
    "matmul of objects": lambda x: np.array([[x[0], x[1]], [x[2], 1.0]]) @ np.array([x[1], x[2]]),
    "dot": lambda x: np.dot(np.eye(3), np.asarray(x)) + np.dot(x, np.asarray(x)),
    "sum": lambda x: np.sum(np.array([x[0], x[1] * x[2]])) + np.asarray(x).sum(),
    "statistics": lambda x: np.ptp(np.asarray(x)) * np.prod(np.asarray(x)) + np.cumsum(np.asarray(x))[1],
    "concatenate": lambda x: np.concatenate([x, np.array([x[0], x[1]])]),
    "stack": lambda x: np.stack([x, np.array([x[0], x[1], 2.0])]),
    "where": lambda x: np.where(np.array([True, False, True]), np.asarray(x), x * x),
    "where of objects": lambda x: np.where(np.asarray(x).real > 1.0, np.asarray(x) ** 2, 0.0),
    "assigned": lambda x: assigned(x),
    "into objects": lambda x: into_objects(x),
    "list arithmetic": lambda x: x + [x[0], 1.0, x[1]],
    "list returned": lambda x: [x[0], x[1] ** 2, 5.0],
    "tuple of lists returned": lambda x: ([x[0], 1.0], [2.0, x[1]]),
    "list of arrays returned": lambda x: [x, x * x, np.zeros(3)],
    "list of objects returned": lambda x: [np.array([x[0], x[1]]), x[:2]],
    "einsum": lambda x: np.einsum("i,j->ij", x, np.asarray(x)),
    "solve": lambda x: np.linalg.solve(np.eye(3) * x, np.asarray(x)),
    "vectorize": lambda x: np.vectorize(lambda a: a * a if a.real > 1 else np.sin(a))(x),
    "apply": lambda x: np.array([f(a) for f, a in zip((np.sin, np.cos, np.exp), x)]),
    "linspace": lambda x: np.array([x[0] * t for t in np.linspace(0, 1, 4)]),
    "state of an equation": lambda x: euler(x),
}
NOT_COMPLEX = ("unary", "functions on the left", "functions on the right", "two of objects", "statistics")


def assigned(x):
    y = x * 0
    y[:2] = np.array([x[1], x[0]])
    y[2] = [x[2]][0]
    return y


def into_objects(x):
    y = np.empty(2, dtype=object) if not np.iscomplexobj(x) else np.empty(2, dtype=complex)
    for i in range(2):
        y[i] = x[i] * x[i + 1]
    return y


def euler(x):
    y = np.array([1.0, x[0]])
    for _ in range(5):
        y = y + 0.1 * np.array([y[1], -x[1] * y[0] - x[2] * y[1]])
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivative(name):
    f = FUNCTIONS[name]
    found = dualad.jacobian(f)(X)
    assert found.dtype == np.float64
    if name in NOT_COMPLEX:
        h = 1e-6 * np.eye(3)
        close(found, np.stack([np.subtract(f(X + e), f(X - e)) / 2e-6 for e in h], axis=-1), 1e-8)
    else:
        assert np.allclose(found, complex_step(f, X), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivative(name):
    f = FUNCTIONS[name]
    found, nested = dualad.hessian(f)(X), dualad.jacobian(dualad.jacobian(f))(X)
    assert np.max(np.abs(found - nested)) <= 1e-13 * np.max(np.abs(nested)) + 1e-15


def test_scalars_are_no_sequences_and_arrays_are():
    x = random_dual(np.random.default_rng(0), (2, 3))
    for array, shape in (
        (np.array([x[0, 0], x[0, 1]]), (2,)),
        (np.asarray(x), (2, 3)),
        (np.array([x, x]), (2, 2, 3)),
        (np.array(x[0, 0]), ()),
        (np.array([Dual(1.0, [1.0]), 2.0]), (2,)),
        (np.array([Dual(np.float32(1.0), [1.0]), 2.0]), (2,)),
        (np.array([Dual(np.array(1.0), [1.0]), 2.0]), (2,)),
        (np.array([np.sum(x), np.mean(x)]), (2,)),
    ):
        assert array.dtype == object and array.shape == shape
        assert all(isinstance(one, (Dual, float)) for one in array.ravel())
    same(np.asarray(x)[1, 2].tangents, x[1, 2].tangents)


def test_objects_of_arrays():
    x = random_dual(np.random.default_rng(0), 3)
    kept = np.empty(2, dtype=object)
    kept[0], kept[1] = x, x * x
    whole = np.concatenate(list(kept))
    same(whole, np.concatenate([x.value, x.value * x.value]))
    same((np.ones(3) + x).value, 1 + x.value)


def test_functions_of_scipy_written_in_plain_numpy():
    x = np.array([1.3, 0.7, 0.8, 1.9, 1.2])
    rosen, exact = scipy.optimize.rosen, scipy.optimize.rosen_der(x)
    close(dualad.grad(rosen)(x), exact, 1e-14)
    close(dualad.hessian(rosen)(x), scipy.optimize.rosen_hess(x), 1e-14)
    close(dualad.jacobian(dualad.grad(rosen))(x), scipy.optimize.rosen_hess(x), 1e-14)
    p = np.arange(5.0)
    close(dualad.hvp(rosen)(x, p), scipy.optimize.rosen_hess_prod(x, p), 1e-14)
    value, _ = dualad.value_and_grad(rosen)(x)
    same(value, rosen(x))
