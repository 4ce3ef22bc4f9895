"""Four objectives of ADBench, written as a user of NumPy would write them, with data made up from a seed.

Their mathematics is that of F. Srajer, Z. Kukelova, A. Fitzgibbon, A benchmark of selected algorithmic differentiation
tools on some problems in computer vision and machine learning, Optimization Methods and Software 33 (2018), and of the
suite that grew from it, which added the LSTM.

Each function below returns the objective and a point. Data come from ``default_rng``, not from ``np``, and nothing is
assigned in place, so that the module can be loaded once more with another library's ``np`` (``peers.Case``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.linalg import inv
from numpy.random import default_rng
from scipy.special import multigammaln

Problem = tuple[Callable[[Any], Any], Any]


def logsumexp(a: Any, axis: int = 0) -> Any:
    """Return log(sum(exp(a))) along an axis."""
    most = np.max(a, axis=axis)
    return most + np.log(np.sum(np.exp(a - np.expand_dims(most, axis)), axis=axis))


def mixture(d: int = 10, k: int = 25, n: int = 1000, loop: bool = False) -> Problem:
    """Return the log-posterior of a mixture of k Gaussians in d dimensions, given n points, with a Wishart prior.

    The parameters: k logarithms of weights, k means, and for each inverse covariance its triangular factor, first the
    logarithms of the diagonal, then what is below it. ``loop`` takes the components one after the other.
    """
    rng = default_rng(0)
    points = rng.normal(size=(n, d))
    x = rng.normal(size=k + 2 * k * d + k * d * (d - 1) // 2) * 0.3
    below = np.tri(d, k=-1)
    place = (np.reshape(np.cumsum(below), (d, d)) * below).astype(int)  # where each number below the diagonal goes
    gamma, m = 1.0, 0
    normal = -0.5 * n * d * np.log(2 * np.pi)
    freedom = d + m + 1
    wishart = k * (freedom * d * np.log(gamma / np.sqrt(2)) - multigammaln(0.5 * freedom, d))

    def parts(x: Any) -> Any:
        a, b, c = k, k + k * d, k + 2 * k * d
        return x[:a], x[a:b].reshape(k, d), x[b:c].reshape(k, d), x[c:].reshape(k, -1)

    def posterior(inner: Any, weights: Any, logs: Any, lower: Any) -> Any:
        likelihood = normal + np.sum(logsumexp(inner)) - n * logsumexp(weights)
        squares = np.sum(np.exp(logs) ** 2) + np.sum(lower**2)
        return likelihood + wishart - 0.5 * gamma**2 * squares + m * np.sum(logs)

    def arrays(x: Any) -> Any:
        weights, means, logs, lower = parts(x)
        padded = np.concatenate([np.zeros((k, 1)), lower], axis=1)
        factors = padded[:, place] + np.exp(logs)[:, :, None] * np.eye(d)
        z = (points - means[:, None, :]) @ np.swapaxes(factors, 1, 2)
        inner = weights[:, None] + np.sum(logs, axis=1)[:, None] - 0.5 * np.sum(z**2, axis=2)
        return posterior(inner, weights, logs, lower)

    def components(x: Any) -> Any:
        weights, means, logs, lower = parts(x)
        inner = []
        for j in range(k):
            padded = np.concatenate([np.zeros(1), lower[j]])
            factor = padded[place] + np.diag(np.exp(logs[j]))
            z = (points - means[j]) @ factor.T
            inner.append(weights[j] + np.sum(logs[j]) - 0.5 * np.sum(z**2, axis=1))
        return posterior(np.stack(inner), weights, logs, lower)

    return components if loop else arrays, x


def sigmoid(x: Any) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))


def lstm_step(signal: Any, hidden: Any, cell: Any, w: Any, b: Any) -> Any:
    """Return hidden and cell state after one step of a layer whose gates have diagonal weights."""
    forget = sigmoid(signal * w[0] + b[0])
    take = sigmoid(hidden * w[1] + b[1])
    give = sigmoid(signal * w[2] + b[2])
    cell = cell * forget + take * np.tanh(hidden * w[3] + b[3])
    return give * np.tanh(cell), cell


def lstm_data(layers: int, length: int, width: int) -> Any:
    """Return the characters, each a row with a single one, the states before the first of them, and parameters."""
    rng = default_rng(1)
    characters = (rng.integers(width, size=(length, 1)) == range(width)).astype(float)
    return characters, rng.normal(size=(layers, 2, width)), rng.normal(size=8 * layers * width + 3 * width)


def lstm(layers: int = 2, length: int = 1024, width: int = 14) -> Problem:
    """Return the mean loss of an LSTM that predicts each character of a text from those before it."""
    characters, states, x = lstm_data(layers, length, width)

    def f(x: Any) -> Any:
        main = x[: 8 * layers * width].reshape(layers, 2, 4, width)
        into, scale, shift = x[8 * layers * width :].reshape(3, width)
        hidden, cell = list(states[:, 0]), list(states[:, 1])
        total = 0.0
        for t in range(length - 1):
            signal = characters[t] * into
            for j in range(layers):
                hidden[j], cell[j] = lstm_step(signal, hidden[j], cell[j], main[j, 0], main[j, 1])
                signal = hidden[j]
            guess = signal * scale + shift
            total = total + logsumexp(guess) - np.sum(characters[t + 1] * guess)
        return total / (length - 1)

    return f, x


def project(camera: Any, point: Any) -> Any:
    """Return where cameras see points.

    A camera: axis by angle, centre, focal length, principal point, and two coefficients of distortion.
    """
    axis, centre = camera[..., :3], camera[..., 3:6]
    v = point - centre
    square = np.sum(axis**2, axis=-1, keepdims=True)
    angle = np.sqrt(square)
    along = np.sum(axis * v, axis=-1, keepdims=True)
    v = np.cos(angle) * v + np.sin(angle) / angle * np.cross(axis, v) + (1 - np.cos(angle)) / square * along * axis
    seen = v[..., :2] / v[..., 2:3]
    r = np.sum(seen**2, axis=-1, keepdims=True)
    seen = seen * (1 + camera[..., 9:10] * r + camera[..., 10:11] * r**2)
    return camera[..., 6:7] * seen + camera[..., 7:9]


def bundle_data(cameras: int, points: int, observations: int) -> Any:
    """Return cameras, points, which camera sees which point, the weights and what was seen."""
    rng = default_rng(2)
    views = rng.normal(size=(cameras, 11)) * 0.1
    views = views + [0, 0, 0, 0, 0, -8, 1, 0, 0, 0, 0]  # eight units before the points, focal length about 1
    places = rng.normal(size=(points, 3))
    by, at = rng.integers(cameras, size=observations), rng.integers(points, size=observations)
    return views, places, by, at, rng.uniform(0.5, 1.5, observations), rng.normal(size=(observations, 2)) * 0.2


def bundle(cameras: int = 49, points: int = 7776, observations: int = 31843) -> Problem:
    """Return half the sum of squares of bundle adjustment: weighted reprojection errors, and 1 - w**2."""
    views, places, by, at, weights, features = bundle_data(cameras, points, observations)
    a, b = 11 * cameras, 11 * cameras + 3 * points

    def f(x: Any) -> Any:
        w = x[b:]
        seen = project(x[:a].reshape(-1, 11)[by], x[a:b].reshape(-1, 3)[at])
        return 0.5 * (np.sum((w[:, None] * (seen - features)) ** 2) + np.sum((1 - w**2) ** 2))

    return f, np.asarray([*views.ravel(), *places.ravel(), *weights])


def observations(cameras: int = 49, points: int = 7776, observations: int = 31843) -> Problem:
    """Return the residuals of one observation (camera, point, weight, feature: 17 numbers), and a row for each of them.

    The Jacobian of bundle adjustment consists of these 3 x 17 blocks.
    """
    views, places, by, at, weights, features = bundle_data(cameras, points, observations)

    def f(row: Any) -> Any:
        w = row[..., 14:15]
        error = w * (project(row[..., :11], row[..., 11:14]) - row[..., 15:])
        return np.concatenate([error, 1 - w**2], axis=-1)

    return f, np.concatenate([views[by], places[at], weights[:, None], features], axis=1)


def about_x(angle: Any) -> Any:
    """Return the matrix, in homogeneous coordinates, of a turn about the first axis."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]])


def about_z(angle: Any) -> Any:
    """Return the matrix, in homogeneous coordinates, of a turn about the third axis."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def rotation(axis: Any) -> Any:
    """Return the rotation about an axis by its length."""
    angle = np.sqrt(np.sum(axis**2))
    x, y, z = axis / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def hand_data(points: int, vertices: int) -> Any:
    """Return the bones at rest, their inverses, the surface, the bones' shares in it, and what was seen of it."""
    rng = default_rng(3)
    bones = 21  # the wrist, and four of each finger
    base = np.stack([rigid(*rng.normal(size=5)) for _ in range(bones)])
    absolute = [base[0]]
    for j in range(1, bones):
        absolute.append(absolute[0 if j % 4 == 1 else j - 1] @ base[j])
    inverse = np.stack([inv(bone) for bone in absolute])
    surface = np.concatenate([rng.normal(size=(3, vertices)), np.ones((1, vertices))])
    share = rng.uniform(size=(bones, vertices)) ** 8
    share = share / np.sum(share, axis=0)
    return base, inverse, surface, share, rng.integers(vertices, size=points), rng.normal(size=(3, points))


def hand(points: int = 100, vertices: int = 544) -> Problem:
    """Return the residuals of a hand model to points that were seen: 26 parameters, 3 residuals a point.

    A rotation and a translation of the hand, and four angles of each finger: spread and bend at its root, and the bend
    of two joints. The vertices of the surface follow the bones that they hang on by weights.
    """
    base, inverse, surface, share, nearest, seen = hand_data(points, vertices)

    def f(x: Any) -> Any:
        placed = [base[0]]
        for finger in range(5):
            spread, bend, middle, tip = x[6 + 4 * finger : 10 + 4 * finger]
            bone = placed[0]
            for j, turn in enumerate((about_z(spread) @ about_x(bend), about_x(middle), about_x(tip), np.eye(4))):
                bone = bone @ base[4 * finger + j + 1] @ turn
                placed.append(bone)
        positions = np.zeros((3, vertices))
        for j in range(len(placed)):
            positions = positions + share[j] * ((placed[j] @ inverse[j])[:3] @ surface)
        moved = rotation(x[:3]) @ positions[:, nearest] + x[3:6, None]
        return (moved - seen).T.ravel()

    return f, default_rng(4).normal(size=26) * 0.3


def rigid(a: Any, b: Any, x: Any, y: Any, z: Any) -> Any:
    """Return a rigid motion: two turns and a shift."""
    return about_x(a) @ about_z(b) + np.array([[0, 0, 0, x], [0, 0, 0, y], [0, 0, 0, z], [0, 0, 0, 0]])
