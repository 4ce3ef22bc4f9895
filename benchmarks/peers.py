"""The same functions by other libraries, those that are installed: each builder returns a call that takes nothing.

JAX, autograd and CasADi read the very source of ``objectives`` and ``adbench`` with another ``np``; loops of many steps
are written anew for JAX with ``lax.scan``, because it would unroll them. A call takes an ndarray and returns ndarrays,
as a solver of SciPy wants them. Kinds: value_and_grad, jacobian, hessian, hvp (in the direction of ones), batch
(Jacobians at all rows).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import adbench
import numpy as np
import objectives

Call = Callable[[], Any]


@dataclass
class Case:
    """One function and a point: ``make`` takes the module in which they are written."""

    name: str
    module: ModuleType
    make: Callable[[Any], tuple[Callable[[Any], Any], Any]]

    def written(self, library: Any = np) -> Callable[[Any], Any]:
        """Return the function, in which ``np`` stands for ``library``."""
        spec = importlib.util.find_spec(self.module.__name__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.np = library
        return self.make(module)[0]

    def plain(self) -> tuple[Callable[[Any], Any], Any]:
        """Return the function of plain NumPy, and the point."""
        f, x = self.make(self.module)
        return f, np.asarray(x, dtype=float)


def with_jax(case: Case, kind: str) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    x = case.plain()[1]
    written = {"lstm": jax_lstm, "lorenz": jax_lorenz}.get(case.name)
    f = written() if written else case.written(jax.numpy)
    if kind == "jacobian":
        derived = jax.jacrev(f) if np.size(f(x)) < np.size(x) else jax.jacfwd(f)
    elif kind == "hvp":

        def derived(x: Any) -> Any:
            return jax.jvp(jax.grad(f), (x,), (jax.numpy.ones_like(x),))[1]

    elif kind == "batch":
        derived = jax.vmap(jax.jacfwd(f))
    else:
        derived = {"value_and_grad": jax.value_and_grad, "hessian": jax.hessian}[kind](f)
    compiled = jax.jit(derived)
    if kind == "value_and_grad":
        return lambda: tuple(np.asarray(part) for part in compiled(x))
    return lambda: np.asarray(compiled(x))


def jax_lstm(layers: int = 2, length: int = 1024, width: int = 14) -> Callable[[Any], Any]:
    """Return ADBench's LSTM as a scan over its characters."""
    import jax

    characters, states, _ = adbench.lstm_data(layers, length, width)
    at = Case("lstm", adbench, lambda module: ((module.lstm_step, module.logsumexp), None))
    step, logsumexp = at.written(jax.numpy)

    def f(x: Any) -> Any:
        main = x[: 8 * layers * width].reshape(layers, 2, 4, width)
        into, scale, shift = x[8 * layers * width :].reshape(3, width)

        def one(carried: Any, pair: Any) -> Any:
            character, following = pair
            signal = character * into
            hidden, cell = [], []
            for j in range(layers):
                signal, c = step(signal, carried[0][j], carried[1][j], main[j, 0], main[j, 1])
                hidden.append(signal)
                cell.append(c)
            guess = signal * scale + shift
            return (hidden, cell), logsumexp(guess) - jax.numpy.sum(following * guess)

        first = (list(states[:, 0]), list(states[:, 1]))
        losses = jax.lax.scan(one, first, (characters[:-1], characters[1:]))[1]
        return jax.numpy.sum(losses) / (length - 1)

    return f


def jax_lorenz() -> Callable[[Any], Any]:
    """Return the 1000 steps as a scan."""
    import jax

    def f(p: Any) -> Any:
        def step(state: Any, _: Any) -> Any:
            return objectives.lorenz_step(*state, *p[3:]), None

        (x, y, z), _ = jax.lax.scan(step, (p[0], p[1], p[2]), None, length=1000)
        return x * y + z * z

    return f


def with_autograd(case: Case, kind: str) -> Call:
    import autograd

    x = case.plain()[1]
    f = case.written(autograd.numpy)
    if kind == "hvp":
        product = autograd.hessian_vector_product(f)
        return lambda: product(x, np.ones_like(x))
    derived = getattr(autograd, kind)(f)
    return lambda: derived(x)


def _casadi(case: Case, kind: str) -> tuple[Any, Any, list[Any]]:
    import casadi

    if hasattr(casadi.GlobalOptions, "setNumpyMode"):
        casadi.GlobalOptions.setNumpyMode(-1)  # its symbols are elements of object arrays here
    x = case.plain()[1]
    symbols = casadi.SX.sym("x", len(x))
    y = case.written(np)(np.array(casadi.vertsplit(symbols), dtype=object))
    y = casadi.vertcat(*(y.tolist() if isinstance(y, np.ndarray) else [y]))
    if kind == "value_and_grad":
        results = [y, casadi.densify(casadi.gradient(y, symbols))]
    elif kind == "hessian":
        results = [casadi.densify(casadi.hessian(y, symbols)[0])]
    elif kind == "jacobian":  # transposed, because CasADi's matrices lie column by column
        results = [casadi.densify(casadi.jacobian(y, symbols)).T]
    else:
        results = [casadi.jtimes(casadi.gradient(y, symbols), symbols, np.ones(len(x)))]
    function = casadi.Function("f", [symbols], results)
    outputs = [np.empty(function.size_out(i)[::-1]) for i in range(function.n_out())]
    return function, x, [out[0] if out.shape[0] == 1 else out for out in outputs]


def with_casadi(case: Case, kind: str) -> Call:
    """Through its buffer interface, which writes into arrays that are there."""
    function, x, outputs = _casadi(case, kind)
    buffer, run = function.buffer()
    buffer.set_arg(0, memoryview(x))
    for i, out in enumerate(outputs):
        buffer.set_res(i, memoryview(out))
    result = (outputs[0][0], outputs[1]) if kind == "value_and_grad" else outputs[0]
    held = (function, buffer, x, outputs)

    def call(held: Any = held) -> Any:
        run()
        return (outputs[0][0], outputs[1]) if kind == "value_and_grad" else result

    return call


def with_casadi_call(case: Case, kind: str) -> Call:
    """By calling the function as Python does."""
    function, x, _ = _casadi(case, kind)
    if kind != "value_and_grad":
        return lambda: function(x).full()

    def call() -> Any:
        value, gradient = function(x)
        return float(value), gradient.full().ravel()

    return call


def with_torch(case: Case, kind: str) -> Call:
    import torch
    from torch_objectives import WRITTEN

    torch.set_num_threads(1)
    x = torch.from_numpy(case.plain()[1])
    f = WRITTEN[case.name]()
    if kind == "value_and_grad":

        def call() -> Any:
            at = x.detach().requires_grad_()
            value = f(at)
            value.backward()
            return value.item(), at.grad.numpy()

        return call
    derived = {"jacobian": torch.func.jacfwd(f), "batch": torch.func.vmap(torch.func.jacfwd(f))}[kind]
    return lambda: derived(x).numpy()


def with_num_dual(case: Case, kind: str) -> Call:
    import num_dual

    f, x = case.plain()
    if kind == "hessian":
        return lambda: np.array(num_dual.hessian(lambda x: f(np.array(x, dtype=object)), x)[2])

    def call() -> Any:
        value, gradient = num_dual.gradient(f, x)
        return value, np.array(gradient)

    return call


def with_numba(case: Case, kind: str) -> Call:
    """A gradient written by hand and compiled by Numba: what there is to win."""
    import numba

    @numba.njit(fastmath=True)
    def by_hand(x: Any) -> Any:
        total, gradient = 0.0, np.zeros_like(x)
        for i in range(len(x) - 1):
            a, b = x[i + 1] - x[i] ** 2, 1.0 - x[i]
            total += 100.0 * a * a + b * b
            gradient[i] -= 400.0 * a * x[i] + 2 * b
            gradient[i + 1] += 200.0 * a
        return total, gradient

    x = case.plain()[1]
    return lambda: by_hand(x)


PEERS: dict[str, tuple[str, Callable[[Case, str], Call]]] = {
    "CasADi, buffer": ("casadi", with_casadi),
    "CasADi, call": ("casadi", with_casadi_call),
    "JAX": ("jax", with_jax),
    "PyTorch": ("torch", with_torch),
    "autograd": ("autograd", with_autograd),
    "num-dual": ("num-dual", with_num_dual),
    "by hand, Numba": ("numba", with_numba),
}
