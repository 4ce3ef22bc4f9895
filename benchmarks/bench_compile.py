"""Compiled tapes beside the plain function, the one-shot drivers, and other libraries where they are installed.

    python benchmarks/bench_compile.py --only overhead

Everything runs on one thread. To compare with the others: pip install 'dualad[bench]'. Every derivative is compared
with a difference of the function, or of its gradient, before it is timed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import adbench
import numpy as np
import objectives
from harness import Report, installed, loops_for, once
from peers import PEERS, Case

import dualad

COMPILED, INTO, ONE_SHOT, FIRST = "dualad.compile", "dualad.compile, out=", "dualad, one-shot", "first call"
US = 1e-6
Call = Callable[[], Any]

rng = np.random.default_rng(0)


def at(name: str, n: int, make: str = "") -> Case:
    """Return one of the functions that have a point of any size."""
    return Case(name, objectives, lambda module: (getattr(module, make or name), np.linspace(0.5, 1.5, n)))


BANANA = Case("banana", objectives, lambda module: (module.banana, np.array([-1.2, 1.0])))
LORENZ = Case("lorenz", objectives, lambda module: (module.lorenz, np.array(module.LORENZ)))
LOGISTIC = Case("logistic", objectives, lambda module: module.logistic())
RAT42 = Case("rat42", objectives, lambda module: module.rat42())
NARROW = Case("network", objectives, lambda module: module.network(1000, 5))
SQUARE = Case("network", objectives, lambda module: module.network(100, 100))
MIXTURE = Case("mixture", adbench, lambda module: module.mixture())
COMPONENTS = Case("mixture loop", adbench, lambda module: module.mixture(loop=True))
LSTM = Case("lstm", adbench, lambda module: module.lstm())
BUNDLE = Case("bundle", adbench, lambda module: module.bundle())
OBSERVATIONS = Case("observations", adbench, lambda module: module.observations())
HAND = Case("hand", adbench, lambda module: module.hand())


def differentiated(f: Any, kind: str) -> Callable[..., Any]:
    """Return what is compiled: a driver of the plain function."""
    return getattr(dualad, "jacobian" if kind == "batch" else kind)(f)


def arguments(case: Case, kind: str) -> tuple[Any, ...]:
    """Return the arguments of the driver."""
    x = case.plain()[1]
    return (x, np.ones_like(x)) if kind == "hvp" else (x,)


def one_shot(case: Case, kind: str) -> Call:
    return partial(differentiated(case.plain()[0], kind), *arguments(case, kind))


def compiled(case: Case, kind: str) -> Call:
    fast = dualad.compile(differentiated(case.plain()[0], kind))
    return partial(fast.batch if kind == "batch" else fast, *arguments(case, kind))


def into(case: Case, kind: str) -> Call:
    """Into arrays that are there."""
    fast = dualad.compile(differentiated(case.plain()[0], kind))
    (x,) = arguments(case, kind)
    result = fast(x)
    out = tuple(np.empty(np.shape(part)) for part in result) if isinstance(result, tuple) else np.empty_like(result)
    return lambda: fast(x, out=out)  # a partial would make a dict of its keywords at each call


def first(case: Case, kind: str) -> Call:
    """Record, compile and call."""
    f, x = case.plain()[0], arguments(case, kind)
    return lambda: dualad.compile(differentiated(f, kind))(*x)


OURS = {COMPILED: compiled, INTO: into, ONE_SHOT: one_shot, FIRST: first}


def verify(case: Case, kind: str, result: Any) -> None:
    """Compare a derivative with a central difference in a direction; raise AssertionError where they differ."""
    f, x = case.plain()
    if kind == "batch":
        for i in (0, len(x) // 2, len(x) - 1):
            compare(f, x[i], result[i])
    elif kind == "value_and_grad":
        np.testing.assert_allclose(result[0], f(x), rtol=1e-10, err_msg="value")
        compare(f, x, result[1])
    elif kind == "jacobian":
        compare(f, x, result)
    else:  # differences of a gradient, which is itself compared with differences in the other tables
        compare(dualad.grad(f), x, result, np.ones_like(x) if kind == "hvp" else None)


def compare(f: Callable[[Any], Any], x: Any, result: Any, direction: Any = None) -> None:
    v = rng.normal(size=x.shape) if direction is None else direction
    h = 3e-6 * max(1.0, np.abs(x).max()) / np.abs(v).max()
    right = (f(x + h * v) - f(x - h * v)) / (2 * h)
    found = result @ v if direction is None else result
    # Truncation h**2 f'''/6 and rounding eps*|f|/h; a wrong sign or term is far larger than either.
    noise = 1e-10 * np.abs(f(x)).max() / h
    np.testing.assert_allclose(found, right, rtol=1e-4, atol=1e-5 * np.abs(right).max() + 1e-3 * noise)


def run(
    report: Report,
    group: str,
    case: Case,
    kind: str = "value_and_grad",
    ours: Sequence[str] = (COMPILED, ONE_SHOT),
    peers: Sequence[str] = (),
    nodes: int = 0,
    **limits: Any,
) -> None:
    """Time one function by all that is there, after comparing the answers."""
    calls: dict[str, Call] = {"f": partial(*case.plain())}
    failed = {}
    builders = {name: OURS[name] for name in ours} | {
        name: PEERS[name][1] for name in peers if installed(PEERS[name][0])
    }
    for name, build in builders.items():
        try:
            call = build(case, kind)
            verify(case, kind, call())
        except Exception as error:  # a library that cannot do it is no reason to leave the others out
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())[:240]}"
        else:
            calls[name] = call
    report.compare(group, calls, **limits)
    if nodes and COMPILED in calls:
        seconds = next(row.seconds for row in report.rows if (row.group, row.name) == (group, COMPILED))
        report.remark(f"{group}: {seconds / nodes / 1e-9:.2f} ns a recorded node")
    for name, why in failed.items():
        if any(name in judged for judged in limits.values()):
            report.missing(group, name, why)
        else:
            report.remark(f"{group}, {name}: {why}")


def overhead(report: Report) -> None:
    if not report.table("Call overhead, value and gradient", "CasADi's buffer writes into arrays, as out= does."):
        return
    peers = ("CasADi, buffer", "CasADi, call", "JAX", "PyTorch", "autograd")
    ours = (COMPILED, INTO, ONE_SHOT)
    at_most = {COMPILED: 0.5 * US, INTO: 0.3 * US}
    run(report, "2 variables", BANANA, ours=ours, peers=(*peers, "num-dual"), at_most=at_most)
    for n, limit in ((10, 0.7), (100, 1.5)):
        at_most = {COMPILED: limit * US}
        run(report, f"Rosenbrock, n = {n}", at("rosenbrock", n), ours=ours, peers=peers, at_most=at_most)


def recorded(case: Case) -> int:
    """Return how many nodes a recording of the function has."""
    return len(dualad.record(*case.plain()))


def scalars(report: Report) -> None:
    if not report.table("Scalar tapes, value and gradient", "Recorded nodes are those of the function."):
        return
    for n, limit, peers in (
        (1000, 18, ("CasADi, buffer", "autograd", "by hand, Numba")),
        (10_000, 180, ("CasADi, buffer", "by hand, Numba")),
    ):
        case = at("loop", n, "rosenbrock_loop")
        nodes = recorded(case)
        most = {COMPILED: min(limit * US, 1.5e-9 * nodes)}
        run(report, f"Rosenbrock loop, n = {n}, {nodes} nodes", case, peers=peers, nodes=nodes, at_most=most)
    nodes = recorded(LORENZ)
    most = {COMPILED: 3e-9 * nodes, FIRST: 0.2}
    ours = (COMPILED, ONE_SHOT, FIRST)
    peers = ("CasADi, buffer", "JAX")
    run(report, f"Lorenz, 1000 steps, {nodes} nodes", LORENZ, ours=ours, peers=peers, nodes=nodes, at_most=most)


def chains(report: Report) -> None:
    if not report.table("Chain of 30 elementwise operations, value and gradient"):
        return
    for n in (1_000, 100_000, 1_000_000):
        run(report, f"n = {n}", at("chain", n), peers=("JAX", "PyTorch"), limits={COMPILED: 1.2})


def benchmark_suite(report: Report) -> None:
    note = "Limits: the faster of JAX and PyTorch in this run. For JAX the LSTM is a lax.scan, ours is the plain loop."
    if not report.table("Objectives of ADBench", note):
        return
    limits = {COMPILED: ("JAX", "PyTorch")}
    both = ("JAX", "PyTorch")
    run(report, "mixture, d=10, K=25, N=1000, arrays", MIXTURE, peers=(*both, "autograd"), limits=limits)
    run(report, "mixture, a loop over components", COMPONENTS, peers=("JAX", "PyTorch"), limits=limits)
    run(report, "LSTM, l=2, c=1024", LSTM, peers=both, limits=limits)
    run(report, "bundle adjustment, gradient", BUNDLE, peers=both, limits=limits)
    run(report, "bundle adjustment, blocks", OBSERVATIONS, "batch", ours=(COMPILED,), peers=both, limits=limits)
    run(report, "hand tracking, Jacobian 300 x 26", HAND, "jacobian", peers=both, limits=limits)


def hessians(report: Report) -> None:
    if not report.table("Hessians and products with them"):
        return
    for n, limit in ((10, 3), (100, 30)):
        peers = ("CasADi, buffer", "JAX", "autograd", *(("num-dual",) if n == 10 else ()))
        case = at("rosenbrock", n)
        run(report, f"Rosenbrock, n = {n}", case, "hessian", peers=peers, at_most={COMPILED: limit * US})
    run(report, "logistic regression, 10 000 x 100", LOGISTIC, "hessian", peers=("JAX",), limits={COMPILED: 12})
    case = at("rosenbrock", 100_000)
    run(report, "product, Rosenbrock, n = 100 000", case, "hvp", peers=("JAX", "autograd"), limits={COMPILED: 1.5})


def jacobians(report: Report) -> None:
    if not report.table("Jacobians"):
        return
    run(report, "3 to 10 000", RAT42, "jacobian", peers=("JAX", "CasADi, buffer"), limits={COMPILED: 2.5})
    run(report, "1000 to 5", NARROW, "jacobian", peers=("JAX", "CasADi, buffer", "autograd"), limits={COMPILED: 1})
    run(report, "100 to 100", SQUARE, "jacobian", peers=("JAX", "CasADi, buffer", "autograd"), limits={COMPILED: 8})


def first_calls(report: Report) -> None:
    if not report.table("First call: record and compile", "Limit: 20 evaluations of f and 1 ms."):
        return
    for group, case, kind in (
        ("2 variables", BANANA, "value_and_grad"),
        ("Rosenbrock, n = 10", at("rosenbrock", 10), "value_and_grad"),
        ("Rosenbrock, n = 100, Hessian", at("rosenbrock", 100), "hessian"),
        ("Rosenbrock loop, n = 1000", at("loop", 1000, "rosenbrock_loop"), "value_and_grad"),
        ("Rosenbrock loop, n = 10 000", at("loop", 10_000, "rosenbrock_loop"), "value_and_grad"),
        ("Lorenz, 1000 steps", LORENZ, "value_and_grad"),
        ("chain of 30, n = 100 000", at("chain", 100_000), "value_and_grad"),
        ("100 to 100", SQUARE, "jacobian"),
        ("mixture", MIXTURE, "value_and_grad"),
        ("LSTM", LSTM, "value_and_grad"),
        ("hand tracking", HAND, "jacobian"),
    ):
        plain = partial(*case.plain())
        loops = loops_for(plain)
        seconds = sorted(once(plain, loops) / loops for _ in range(9))[4]
        run(report, group, case, kind, ours=(FIRST,), limits={FIRST: 20 + 1e-3 / seconds})


def main() -> int:
    report = Report("compile", __doc__)
    absent = sorted({package for package, _ in PEERS.values() if not installed(package)})
    if absent:
        print(f"not installed, hence left out: {', '.join(absent)}")
    for part in (overhead, scalars, chains, benchmark_suite, hessians, jacobians, first_calls):
        part(report)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
