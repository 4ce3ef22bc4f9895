"""Some of the functions of ``objectives`` and ``adbench`` in PyTorch, for comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import adbench
import numpy as np
import torch
from objectives import banana
from scipy.special import multigammaln

Function = Callable[[Any], Any]


def rosenbrock(x: Any) -> Any:
    return torch.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def chain(x: Any) -> Any:
    for _ in range(10):
        x = torch.sin(x)
        x = x * 1.1
        x = x + 0.1
    return torch.sum(x)


def mixture(d: int = 10, k: int = 25, n: int = 1000) -> Function:
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(n, d)))  # the first that adbench draws
    eye, (rows, columns) = torch.eye(d, dtype=torch.float64), torch.tril_indices(d, d, -1)
    constant = -0.5 * n * d * np.log(2 * np.pi)
    constant += k * (-(d + 1) * d * np.log(np.sqrt(2)) - multigammaln(0.5 * (d + 1), d))

    def f(x: Any) -> Any:
        weights, means, logs, lower = torch.split(x, [k, k * d, k * d, k * d * (d - 1) // 2])
        means, logs, lower = means.reshape(k, d), logs.reshape(k, d), lower.reshape(k, -1)
        factors = torch.zeros((k, d, d), dtype=x.dtype)
        factors[:, rows, columns] = lower
        factors = factors + torch.exp(logs)[:, :, None] * eye
        z = (points - means[:, None, :]) @ factors.transpose(1, 2)
        inner = weights[:, None] + torch.sum(logs, 1)[:, None] - 0.5 * torch.sum(z**2, 2)
        likelihood = torch.sum(torch.logsumexp(inner, 0)) - n * torch.logsumexp(weights, 0)
        return constant + likelihood - 0.5 * (torch.sum(torch.exp(logs) ** 2) + torch.sum(lower**2))

    return f


def lstm(layers: int = 2, length: int = 1024, width: int = 14) -> Function:
    characters, states, _ = (torch.from_numpy(part) for part in adbench.lstm_data(layers, length, width))

    def f(x: Any) -> Any:
        main = x[: 8 * layers * width].reshape(layers, 2, 4, width)
        into, scale, shift = x[8 * layers * width :].reshape(3, width)
        hidden, cell = list(states[:, 0]), list(states[:, 1])
        total = 0.0
        for t in range(length - 1):
            signal = characters[t] * into
            for j in range(layers):
                w, b = main[j, 0], main[j, 1]
                forget = torch.sigmoid(signal * w[0] + b[0])
                take = torch.sigmoid(hidden[j] * w[1] + b[1])
                give = torch.sigmoid(signal * w[2] + b[2])
                cell[j] = cell[j] * forget + take * torch.tanh(hidden[j] * w[3] + b[3])
                signal = hidden[j] = give * torch.tanh(cell[j])
            guess = signal * scale + shift
            total = total + torch.logsumexp(guess, 0) - torch.dot(characters[t + 1], guess)
        return total / (length - 1)

    return f


def project(camera: Any, point: Any) -> Any:
    axis, v = camera[..., :3], point - camera[..., 3:6]
    square = torch.sum(axis**2, -1, keepdim=True)
    angle, along = torch.sqrt(square), torch.sum(axis * v, -1, keepdim=True)
    cross = torch.linalg.cross(axis, v)
    v = torch.cos(angle) * v + torch.sin(angle) / angle * cross + (1 - torch.cos(angle)) / square * along * axis
    seen = v[..., :2] / v[..., 2:3]
    r = torch.sum(seen**2, -1, keepdim=True)
    return camera[..., 6:7] * seen * (1 + camera[..., 9:10] * r + camera[..., 10:11] * r**2) + camera[..., 7:9]


def bundle() -> Function:
    data = adbench.bundle_data(49, 7776, 31843)
    _, _, by, at, _, features = (torch.from_numpy(part) for part in data)
    a, b = 11 * 49, 11 * 49 + 3 * 7776

    def f(x: Any) -> Any:
        w = x[b:]
        seen = project(x[:a].reshape(-1, 11)[by], x[a:b].reshape(-1, 3)[at])
        return 0.5 * (torch.sum((w[:, None] * (seen - features)) ** 2) + torch.sum((1 - w**2) ** 2))

    return f


def observations() -> Function:
    def f(row: Any) -> Any:
        w = row[..., 14:15]
        return torch.cat([w * (project(row[..., :11], row[..., 11:14]) - row[..., 15:]), 1 - w**2], -1)

    return f


def matrix(rows: Any) -> Any:
    return torch.stack([torch.as_tensor(number, dtype=torch.float64) for row in rows for number in row]).reshape(
        len(rows), -1
    )


def about_x(angle: Any) -> Any:
    c, s = torch.cos(angle), torch.sin(angle)
    return matrix([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]])


def about_z(angle: Any) -> Any:
    c, s = torch.cos(angle), torch.sin(angle)
    return matrix([[c, -s, 0, 0], [s, c, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def hand(points: int = 100, vertices: int = 544) -> Function:
    data = adbench.hand_data(points, vertices)
    base, inverse, surface, share, nearest, seen = (torch.from_numpy(part) for part in data)
    still = torch.eye(4, dtype=torch.float64)

    def f(x: Any) -> Any:
        placed = [base[0]]
        for finger in range(5):
            spread, bend, middle, tip = x[6 + 4 * finger : 10 + 4 * finger]
            bone = placed[0]
            for j, turn in enumerate((about_z(spread) @ about_x(bend), about_x(middle), about_x(tip), still)):
                bone = bone @ base[4 * finger + j + 1] @ turn
                placed.append(bone)
        positions = torch.zeros((3, vertices), dtype=torch.float64)
        for j in range(len(placed)):
            positions = positions + share[j] * ((placed[j] @ inverse[j])[:3] @ surface)
        angle = torch.sqrt(torch.sum(x[:3] ** 2))
        a, b, c = x[:3] / angle
        cross = matrix([[0, -c, b], [c, 0, -a], [-b, a, 0]])
        turn = still[:3, :3] + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)
        return (turn @ positions[:, nearest] + x[3:6, None] - seen).T.ravel()

    return f


WRITTEN: dict[str, Callable[[], Function]] = {
    "banana": lambda: banana,
    "rosenbrock": lambda: rosenbrock,
    "chain": lambda: chain,
    "mixture": mixture,
    "mixture loop": mixture,
    "lstm": lstm,
    "bundle": bundle,
    "hand": hand,
    "observations": observations,
}
