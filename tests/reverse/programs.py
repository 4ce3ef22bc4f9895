"""Random programs of array steps, for any kind of array: what a step does depends on shapes and whole numbers only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["STEPS", "run"]

State = list[Any]
Step = Callable[[State, Sequence[int]], Any]
STEPS: list[Step] = []
MOST = 24  # elements of an array


def step(rule: Step) -> Step:
    STEPS.append(rule)
    return rule


def run(program: Sequence[Sequence[int]], x: Any, y: Any) -> Any:
    """Run the steps on a state that begins with two arrays; return one number that all of the state enters."""
    state = [x, y, x * y[0] + 1.0]
    for number, *choices in program:
        made = STEPS[number % len(STEPS)](state, choices)
        if made is not None and np.size(made) <= MOST:
            state.append(made)
    total = 0.0
    for k, part in enumerate(state):
        total = total + np.sum(np.tanh(part * 0.3) * (k + 1.0)) + np.sum(np.ravel(part)[:1])
    return total


def pick(state: State, choice: int) -> Any:
    return state[choice % len(state)]


def array(state: State, choice: int) -> Any:
    """Return an array with axes and elements; the first of the state is one."""
    found = pick(state, choice)
    return found if np.ndim(found) and np.size(found) else state[0]


# --- elementwise ------------------------------------------------------------------------------------------------------

_UNARY: list[Callable[[Any], Any]] = [
    np.sin, np.tanh, np.square, np.negative, np.exp, np.arctan, lambda x: np.sqrt(x * x + 1.0), lambda x: x * 0.7,
    lambda x: 1.3 - x, lambda x: x / 3, lambda x: np.log(x * x + 2.0), lambda x: 2.0 / (x * x + 1.0), lambda x: x**3,
    lambda x: (x * x + 0.5) ** 1.5,
]  # fmt: skip
_BINARY: list[Callable[[Any, Any], Any]] = [
    np.add, np.subtract, np.multiply, lambda x, y: x / (y * y + 1.0), lambda x, y: x * y + y,
    lambda x, y: (x * x + 1.0) ** y,
]  # fmt: skip


def small(x: Any) -> Any:
    """Keep numbers of a size with which any function can follow."""
    return np.tanh(x * 0.5)


@step
def unary(state: State, choice: Sequence[int]) -> Any:
    return _UNARY[choice[1] % len(_UNARY)](small(pick(state, choice[0])))


@step
def binary(state: State, choice: Sequence[int]) -> Any:
    a, b = pick(state, choice[0]), pick(state, choice[1])
    try:
        np.broadcast_shapes(np.shape(a), np.shape(b))
    except ValueError:
        return None
    return _BINARY[choice[2] % len(_BINARY)](small(a), small(b))


@step
def branch(state: State, choice: Sequence[int]) -> Any:
    a, b = pick(state, choice[0]), pick(state, choice[1])
    if np.shape(a) != np.shape(b):
        b = 0.5
    return np.where(a.real > 0.1, a * b, np.where(a.real < -2.0, b, -a))


@step
def larger(state: State, choice: Sequence[int]) -> Any:
    a = pick(state, choice[0])
    return np.maximum(a, 0.25) if choice[1] % 2 else np.minimum(a, a * a)


# --- reductions, shapes, products -------------------------------------------------------------------------------------


@step
def reduction(state: State, choice: Sequence[int]) -> Any:
    a = small(array(state, choice[0]))
    axis = [None, 0, -1][choice[1] % 3]
    function = [np.sum, np.mean, np.prod, np.max, np.var][choice[2] % 5]
    if function is np.var and np.iscomplexobj(a):
        return np.mean((a - np.mean(a, axis=axis, keepdims=True)) ** 2, axis=axis)
    return function(a, axis=axis)


@step
def running(state: State, choice: Sequence[int]) -> Any:
    a = small(array(state, choice[0]))
    return [np.cumsum, np.diff, np.flip, np.cumprod][choice[1] % 4](a, axis=choice[2] % np.ndim(a))


@step
def shape(state: State, choice: Sequence[int]) -> Any:
    a = array(state, choice[0])
    return [
        lambda: np.reshape(a, -1),
        lambda: a.T,
        lambda: a[None],
        lambda: np.broadcast_to(a, (2, *np.shape(a))),
        lambda: np.ravel(a.T),
        lambda: np.copy(a, order="F") if np.ndim(a) == 2 else np.stack([a, a * 2.0], axis=-1),
        lambda: np.swapaxes(a, 0, -1).copy(),
        lambda: np.concatenate([a, a[:1]]),
    ][choice[1] % 8]()


@step
def product(state: State, choice: Sequence[int]) -> Any:
    a, b = small(array(state, choice[0])), small(array(state, choice[1]))
    if np.ndim(a) == 2 and np.ndim(b) == 2 and np.shape(a)[1] == np.shape(b)[0]:
        return a @ b
    if np.ndim(a) == 1 and np.shape(a) == np.shape(b):
        return np.dot(a, b) if choice[2] % 2 else np.outer(a, b)[:4, :4]
    return a @ a.T if np.ndim(a) == 2 else np.einsum("...i,...i->...", a, a)


# --- indices ----------------------------------------------------------------------------------------------------------


@step
def element(state: State, choice: Sequence[int]) -> Any:
    a = array(state, choice[0])
    return a[tuple(choice[1] % n for n in np.shape(a))]


@step
def basic(state: State, choice: Sequence[int]) -> Any:
    a = array(state, choice[0])
    return a[
        [slice(1, None), slice(None, None, -1), slice(None, None, 2), -1, (Ellipsis, 0), (None, slice(0, 2))][
            choice[1] % 6
        ]
    ]


@step
def fancy(state: State, choice: Sequence[int]) -> Any:
    a = array(state, choice[0])
    n = np.shape(a)[0]
    if choice[1] % 3 == 0:
        return a[np.array([choice[2] % n, 0, choice[2] % n])]
    if choice[1] % 3 == 1:
        return a[np.arange(n) % 2 == 0]
    return np.ravel(a)[np.ravel(a.real) > 0]


@step
def sorted_(state: State, choice: Sequence[int]) -> Any:
    a = array(state, choice[0])
    flat = np.ravel(a) + 1e-3 * np.arange(np.size(a))
    order = np.argsort(flat.real)
    return flat[order] if choice[1] % 2 else flat[np.argmax(flat.real)] * flat


# --- writing ----------------------------------------------------------------------------------------------------------


@step
def fill(state: State, choice: Sequence[int]) -> Any:
    a = np.ravel(small(array(state, choice[0])))
    y = np.zeros_like(a)
    y[0] = a[0]
    for i in range(1, len(a)):
        y[i] = np.sin(y[i - 1]) * 0.5 + a[i] * a[i - 1]
    return y


@step
def assign(state: State, choice: Sequence[int]) -> Any:
    y = array(state, choice[0]).copy()
    value = pick(state, choice[1])
    value = np.ravel(value)[0] if np.size(value) else 0.5
    kind = choice[2] % 6
    if kind == 0:
        y[0] = value
    elif kind == 1:
        y[1:] = y[:-1] * 0.5
    elif kind == 2:
        y[1:] = y[:-1]
    elif kind == 3:
        y[np.array([0, -1])] = value
    elif kind == 4:
        y[y.real > 0.2] = 0.1
    else:
        y[...] = value * 2.0
    return y


@step
def in_place(state: State, choice: Sequence[int]) -> Any:
    y = array(state, choice[0]).copy()
    kind = choice[1] % 6
    if kind == 0:
        y += 1.0
        y *= y
    elif kind == 1:
        y[:1] -= y[-1:] * 0.3
    elif kind == 2:
        view = y[1:]
        view *= 0.5
        view[:1] += y[:1][: len(view)]
    elif kind == 3:
        np.add.at(y, np.array([0, 0]), 0.25 * y[-1])
    elif kind == 4:
        # Of more axes dual arrays refuse it where their tangents lie in memory in another way.
        flat = y.reshape(-1) if np.ndim(y) == 1 else y[0].reshape(-1)[:] if np.ndim(y) == 2 else y[0, 0]
        flat[0] = flat[-1] * flat[0]
        flat[::2] += 0.5
    else:
        row = y.T[::-1]
        row[0] = row[-1] * 2.0
        np.multiply(y, 0.5, out=y)
    return y


@step
def aliased(state: State, choice: Sequence[int]) -> Any:
    """Write into an array that others of the state may be views of."""
    y = array(state, choice[0])
    if not hasattr(y, "flags") or y.flags.writeable:
        try:
            y[...] = y * 0.9
        except ValueError:
            return None
    return None
