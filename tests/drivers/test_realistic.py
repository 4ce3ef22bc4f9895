"""Functions as people write them in plain NumPy and SciPy, against the complex step or closed forms."""

import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import scipy.special

import dualad

sys.path.insert(0, str(Path(__file__).parents[1] / "forward"))  # the tests are no package
from forward_checks import close, complex_step, same

RNG = np.random.default_rng(0)
DATA = RNG.standard_normal((40, 3))
LABELS = (DATA @ [1.0, -2.0, 0.5] + 0.3 * RNG.standard_normal(40) > 0).astype(float)
TIMES = np.linspace(0.1, 3.0, 25)


def rosenbrock_loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


def rosenbrock_vectors(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def logistic_regression(w):
    z = DATA @ w[:3] + w[3]
    return np.mean(np.log1p(np.exp(-z)) * LABELS + np.log1p(np.exp(z)) * (1 - LABELS)) + 0.1 * np.dot(w, w)


def gaussian_mixture(p):
    weights, means, scales = p[:2], p[2:4], np.exp(p[4:6])
    logits = weights - np.log(np.sum(np.exp(weights)))
    z = (DATA[:, :1] - means) / scales
    log_prob = logits - 0.5 * z**2 - np.log(scales) - 0.5 * np.log(2 * np.pi)
    top = np.max(log_prob.real, axis=1, keepdims=True)
    return np.sum(top[:, 0] + np.log(np.sum(np.exp(log_prob - top), axis=1)))


def runge_kutta(p):
    """Lotka and Volterra's equations, the state an array of objects."""
    a, b, c, d = p

    def rate(y):
        return np.array([a * y[0] - b * y[0] * y[1], c * y[0] * y[1] - d * y[1]])

    y, h = np.array([1.0, 0.5]), 0.05
    for _ in range(40):
        k1 = rate(y)
        k2 = rate(y + h / 2 * k1)
        k3 = rate(y + h / 2 * k2)
        k4 = rate(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def trajectory(p):
    """The same kind of loop, which fills an array row by row."""
    y = np.zeros((20, 2)) * p[0]
    y[0] = p[:2]
    for n in range(19):
        y[n + 1, 0] = y[n, 0] + 0.1 * y[n, 1]
        y[n + 1, 1] = y[n, 1] - 0.1 * (p[2] * np.sin(y[n, 0]) + p[3] * y[n, 1])
    return y


def gaussian_process(p):
    """The log likelihood by Cholesky's factor, with arithmetic that is its own transpose for the complex step."""
    x = TIMES[:12]
    k = p[0] ** 2 * np.exp(-0.5 * (x[:, None] - x[None, :]) ** 2 / p[1] ** 2) + p[2] ** 2 * np.eye(12)
    low = cholesky(k)
    alpha = np.linalg.solve(low.T, np.linalg.solve(low, np.sin(x)))
    return -0.5 * np.sin(x) @ alpha - np.sum(np.log(np.diag(low)))


def cholesky(a):
    """NumPy's own for real numbers; column by column for the complex step, which NumPy would conjugate."""
    if not np.iscomplexobj(a):
        return np.linalg.cholesky(a)
    low = np.zeros_like(a)
    for j in range(len(a)):
        low[j, j] = np.sqrt(a[j, j] - low[j, :j] @ low[j, :j])
        low[j + 1 :, j] = (a[j + 1 :, j] - low[j + 1 :, :j] @ low[j, :j]) / low[j, j]
    return low


def convolution(p):
    signal = np.convolve(np.sin(TIMES * p[0]), p[1:], mode="same")
    return np.correlate(signal, [1.0, -2.0, 1.0], "valid") ** 2


def recurrences(x):
    level, season = (
        np.zeros_like(x),
        np.empty(len(x), dtype=x.dtype) if np.iscomplexobj(x) else np.empty(len(x), like=x),
    )
    level[0], season[0] = x[0], x[-1]
    for t in range(1, len(x)):
        level[t] = 0.3 * x[t] + 0.7 * level[t - 1] + 0.1 * season[t - 1]
        season[t] = level[t] * season[t - 1] - x[t] ** 2
    return np.cumsum(level) * np.cumprod(1 + 0.1 * season)[::-1]


def energies(x):
    """Lennard-Jones energies of all pairs by broadcasting."""
    x = x.reshape(-1, 3)
    delta = x[:, None, :] - x[None, :, :]
    square = np.sum(delta**2, axis=-1)
    i, j = np.triu_indices(len(x), 1)
    inverse = 1.0 / square[i, j] ** 3
    return np.sum(4 * (inverse**2 - inverse))


def tensors(x):
    a = x.reshape(3, 4)
    b = np.einsum("ij,kj->ik", a, np.sin(a))
    return (
        np.einsum("ii,i->", b, a[:, 0])
        + np.tensordot(a, b, axes=(0, 1)).sum()
        + np.trace(b @ b.T)
        + np.kron(a[0], a[1]) @ np.ones(16)
    )


def masks(x):
    y = np.where(x.real > 0.5, x**3, np.exp(x) - 1)
    y[x.real > 1.2] *= 2.0
    y[y.real < 0] = 0.1 * y[y.real < 0]
    return y * (x.real < 1.8) + np.select([x.real < 0.2, x.real < 0.9], [x, x * x], 5.0)


def newton_root(a):
    """Iterate until it converges: the number of steps depends on the value only."""
    x = a
    while abs(x**3 + x - a) > 1e-14:
        x = x - (x**3 + x - a) / (3 * x**2 + 1)
    return x - (x**3 + x - a) / (3 * x**2 + 1)


def mean_of_agm(x):
    a, g = x[0], x[1]
    for _ in range(100):
        a, g = (a + g) / 2, np.sqrt(a * g)
        if abs(a - g) < 1e-15:
            break
    return a


def order_statistics(x):
    s = np.sort(x)
    trimmed = s[1:-1].mean()
    return np.array([trimmed, s[-1] - s[0], np.sum(np.partition(x, 2)[:3]) / 3, s[len(s) // 2] ** 2])


def spline(x):
    """Natural cubic spline through values x, its second derivatives by a tridiagonal system."""
    n = len(x)
    m = np.zeros((n, n))
    m[0, 0] = m[-1, -1] = 1.0
    right = np.zeros(n, dtype=x.dtype) if np.iscomplexobj(x) else np.zeros(n, like=x)
    for i in range(1, n - 1):
        m[i, i - 1 : i + 2] = [1.0, 4.0, 1.0]
        right[i] = 6 * (x[i - 1] - 2 * x[i] + x[i + 1])
    c = np.linalg.solve(m, right)
    t = np.linspace(0, 1, 5)
    pieces = [
        x[i] * (1 - t) + x[i + 1] * t - (c[i] * (t**3 - 3 * t**2 + 2 * t) * -1 + c[i + 1] * (t - t**3)) / 6
        for i in range(n - 1)
    ]
    return np.concatenate(pieces)


def network(p):
    """A small network with its weights in one vector."""
    w1, b1, w2, b2 = p[:12].reshape(3, 4), p[12:16], p[16:20], p[20]
    hidden = np.tanh(DATA @ w1 + b1)
    return np.mean((hidden @ w2 + b2 - LABELS) ** 2)


def heat_equation(p):
    u = np.exp(-((np.linspace(-1, 1, 21) - p[0]) ** 2) / p[1])
    for _ in range(30):
        u[1:-1] = u[1:-1] + p[2] * (u[2:] - 2 * u[1:-1] + u[:-2])
        u[0] = u[-1] = 0.0
    return u


def kalman(p):
    """The likelihood of a random walk seen through noise."""
    q, r = np.exp(p[0]), np.exp(p[1])
    mean, variance, total = p[2], 1.0, 0.0
    for y in np.cos(TIMES):
        variance = variance + q
        gain = variance / (variance + r)
        total += 0.5 * np.log(2 * np.pi * (variance + r)) + 0.5 * (y - mean) ** 2 / (variance + r)
        mean, variance = mean + gain * (y - mean), (1 - gain) * variance
    return total


def rotations(p):
    def about(axis, angle):
        c, s = np.cos(angle), np.sin(angle)
        m = {
            0: [[1, 0, 0], [0, c, -s], [0, s, c]],
            1: [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            2: [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }
        return np.array(m[axis])

    return about(0, p[0]) @ about(1, p[1]) @ about(2, p[2]) @ np.array([1.0, 2.0, 3.0])


def polynomials(p):
    x = TIMES / 3
    return np.polyval(p, x) + np.polynomial.polynomial.polyval(x, p[::-1]) * np.interp(0.4, x, np.sin(x) * p[0])


def special(x):
    return (
        scipy.special.expit(x) + np.log(scipy.special.gamma(x + 1)) + scipy.special.erf(x) * scipy.special.wofz(0).real
    )


def helpers(x, scale=2.0, **options):
    def inner(values, *more):
        return sum(v * m for v, m in zip(values, more))

    records = {"a": x[0], "b": [x[1], x[2]]}
    head, *rest = x
    total = inner(rest, 1.0, 2.0) * scale + records["a"] * max(options.get("power", 2), 1)
    return [total, *(r**2 for r in records["b"]), head if head.real > 100 else 1 / head]


FUNCTIONS = {
    rosenbrock_loop: np.array([-1.2, 1.0, 0.7, 0.3, 1.9]),
    rosenbrock_vectors: np.array([-1.2, 1.0, 0.7, 0.3, 1.9]),
    scipy.optimize.rosen: np.array([-1.2, 1.0, 0.7, 0.3, 1.9]),
    logistic_regression: np.array([0.3, -0.7, 0.2, 0.1]),
    gaussian_mixture: np.array([0.2, -0.1, -0.5, 0.6, 0.1, -0.2]),
    runge_kutta: np.array([1.1, 0.4, 0.3, 0.7]),
    trajectory: np.array([0.4, 0.1, 2.0, 0.3]),
    gaussian_process: np.array([1.2, 0.8, 0.3]),
    convolution: np.array([2.0, 0.5, -0.3, 0.2]),
    recurrences: np.array([0.4, 0.9, 1.4, 0.3, 0.7]),
    energies: RNG.uniform(0, 3, 12),
    tensors: RNG.uniform(-1, 1, 12),
    masks: np.array([-0.7, 0.1, 0.6, 1.1, 1.5, 2.0]),
    newton_root: np.float64(1.7),
    mean_of_agm: np.array([1.0, 2.3]),
    order_statistics: np.array([0.7, -0.3, 1.9, 0.2, 1.1, 0.9]),
    spline: np.array([0.3, 1.2, -0.4, 0.8, 0.1]),
    network: 0.5 * RNG.standard_normal(21),
    heat_equation: np.array([0.1, 0.2, 0.3]),
    kalman: np.array([-1.0, -0.5, 0.2]),
    rotations: np.array([0.3, -0.8, 1.2]),
    polynomials: np.array([1.0, -2.0, 0.5, 0.3]),
    helpers: np.array([0.3, 0.8, 1.2]),
}
NOT_TWICE = {trajectory, polynomials}  # long tables of second derivatives say nothing more


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_jacobian(f):
    x = FUNCTIONS[f]
    close(dualad.jacobian(f)(x), complex_step(f, x), 1e-12)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_value_is_numpys(f):
    x = FUNCTIONS[f]
    plain = f(x)
    value, _ = dualad.jvp(f, (x,), (np.ones_like(x),))
    same(np.asarray(value), np.asarray(plain))


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if f not in NOT_TWICE], ids=lambda f: f.__name__)
def test_hessian(f):
    """Hyper-dual numbers against differences of Jacobians that the complex step has confirmed."""
    x = FUNCTIONS[f]
    if np.size(x) > 12:
        x = x.copy()
    h = 1e-6
    jacobian = dualad.jacobian(f)
    found = dualad.hessian(f)(x)
    for index in list(np.ndindex(np.shape(x)))[:6]:
        step = np.zeros_like(x)
        step[index] = h
        column = (jacobian(x + step) - jacobian(x - step)) / (2 * h)
        assert np.max(np.abs(found[(..., *index)] - column)) <= 1e-6 * (1 + np.max(np.abs(found)))


def test_statistics_against_closed_forms():
    x = RNG.uniform(0.5, 2.0, 9)
    n, mean, std = len(x), x.mean(), x.std()
    close(dualad.grad(np.mean)(x), np.full(n, 1 / n))
    close(dualad.grad(np.var)(x), 2 * (x - mean) / n)
    close(dualad.grad(np.std)(x), (x - mean) / n / std)
    close(dualad.grad(np.median)(x), np.arange(n) == np.argsort(x)[n // 2])
    close(dualad.grad(lambda x: np.percentile(x, 25))(x), np.arange(n) == np.argsort(x)[2])
    close(dualad.grad(np.linalg.norm)(x), x / np.linalg.norm(x))
    close(dualad.grad(np.max)(x), np.arange(n) == np.argmax(x))
    close(dualad.grad(lambda x: np.corrcoef(x[:4], x[4:8])[0, 1])(x)[8:], [0.0])
    close(
        dualad.grad(lambda x: np.linalg.slogdet(x.reshape(3, 3))[1])(x), np.linalg.inv(x.reshape(3, 3)).T.ravel(), 1e-12
    )
    symmetric = np.diag(x) + 0.1
    w, v = np.linalg.eigh(symmetric)
    slopes = dualad.jacobian(lambda a: np.linalg.eigvalsh((a + a.T) / 2))(symmetric)
    close(slopes, np.einsum("ik,jk->kij", v, v), 1e-12)
    assert np.max(np.abs(w - dualad.jvp(np.linalg.eigvalsh, (symmetric,), (symmetric,))[1])) < 1e-12


def test_special_functions():
    x = np.array([0.3, 0.9, 1.7])
    by_hand = (
        scipy.special.expit(x) * scipy.special.expit(-x)
        + scipy.special.digamma(x + 1)
        + 2 / np.sqrt(np.pi) * np.exp(-(x**2))
    )
    close(dualad.jacobian(special)(x), np.diag(by_hand), 1e-13)


def test_curve_fit_and_least_squares():
    def model(t, a, b, c):
        return a * np.exp(-b * t) + c

    truth = np.array([2.0, 1.3, 0.5])
    data = model(TIMES, *truth)

    def residual(p):
        return model(TIMES, *p) - data

    jac = dualad.jacobian(residual)
    fit = scipy.optimize.least_squares(residual, [1.0, 1.0, 1.0], jac=jac, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    close(fit.x, truth, 1e-10)
    found, _ = scipy.optimize.curve_fit(model, TIMES, data, [1.0, 1.0, 1.0], jac=lambda t, *p: jac(np.array(p)))
    close(found, truth, 1e-6)


def test_constrained_optimization():
    def cost(x):
        return (x[0] - 1) ** 2 + (x[1] - 2.5) ** 2

    def constraint(x):
        return np.array([x[0] - 2 * x[1] + 2, -x[0] - 2 * x[1] + 6, -x[0] + 2 * x[1] + 2])

    constraints = {"type": "ineq", "fun": constraint, "jac": dualad.jacobian(constraint)}
    result = scipy.optimize.minimize(cost, (2.0, 0.0), jac=dualad.grad(cost), method="SLSQP", constraints=constraints)
    close(result.x, [1.4, 1.7], 1e-6)


def test_classes_and_closures():
    class Model:
        def __init__(self, n):
            self.weights = np.linspace(0.1, 1.0, n)
            self.calls = 0

        def __call__(self, x):
            self.calls += 1
            return self.score(x) + np.sum(x)

        def score(self, x):
            return float(self.weights @ np.ones(len(self.weights))) * np.sum(self.weights * x**2)

    model = Model(4)
    x = np.arange(1.0, 5.0)
    close(dualad.grad(model)(x), 2 * 2.2 * model.weights * x + 1)
    assert model.calls == 1
    close(dualad.grad(model.score)(x), 2 * 2.2 * model.weights * x)
