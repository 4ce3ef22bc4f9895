"""One function through every engine: the tape's sweeps and transforms against dual and hyper-dual arrays.

A function takes a list of arrays and returns arrays. What is compared: the compiled forward and reverse sweeps, with
one lane and several; the readable sweeps; the adjoints and tangents that are written on the tape; and second
derivatives by forward over reverse and reverse over reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dualad import Dual, HyperDual
from dualad.duck.kernels import DuckArray
from dualad.duck.levels import fresh_level
from dualad.reverse.kernels import Recorded, Tape
from dualad.sweeps.kernels import Cotangents, Tangents
from dualad.sweeps.reference import reverse
from dualad.sweeps.reference_forward import forward
from dualad.transforms import adjoint, tangent
from dualad.transforms.operands import GENERAL
from dualad.transforms.verify import verify

LANES = 2

Function = Callable[[list[Any]], Any]


def flat(x: Any) -> list[Any]:
    """Return the results of a function as a list, without None."""
    listed = [leaf for part in x for leaf in flat(part)] if isinstance(x, (tuple, list)) else [x]
    return [part for part in listed if part is not None]


def close(found: Any, wanted: Any, tolerance: float) -> None:
    """Compare with a tolerance relative to the largest number wanted; infinities and NaN must agree."""
    assert np.shape(found) == np.shape(wanted), (np.shape(found), np.shape(wanted))
    wanted = np.asarray(wanted)
    finite = wanted[np.isfinite(wanted)]
    scale = max(1.0, float(np.max(np.abs(finite), initial=0.0)))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * scale, equal_nan=True)


class Recorded_:
    """A function on a tape, with its outputs that vary."""

    def __init__(self, f: Function, arrays: Sequence[Any], lean: bool) -> None:
        self.tape = Tape(fresh_level(), lean)
        self.arrays = list(arrays)
        inputs = [
            self.tape.input(np.float64(x) if np.shape(x) == () and x.dtype == float else np.copy(x, order="K"))
            for x in arrays
        ]
        self.results = flat(f(inputs))
        self.inputs = list(self.tape.inputs)
        self.varying = [i for i, y in enumerate(self.results) if isinstance(y, Recorded) and not y._is_discrete]
        self.nodes = [self.results[i]._operand() for i in self.varying]


class Engines:
    """Every engine on one function at one point."""

    def __init__(self, f: Function, arrays: Sequence[Any], seed: int = 0, tolerance: float = 1e-12) -> None:
        self.f, self.arrays = f, [np.asarray(x) for x in arrays]
        self.rng = np.random.default_rng(seed)
        self.values = flat(f([np.copy(x, order="K") for x in self.arrays]))
        single = any(np.asarray(x).dtype == np.float32 for x in (*self.arrays, *self.values))
        self.tolerance = max(tolerance, 1e-5 if single else 0.0)
        self.tangents = [self._normal(x, (LANES,)) for x in self.arrays]
        self.moved = self._dual()
        self.lean = Recorded_(f, self.arrays, lean=True)
        self.full = Recorded_(f, self.arrays, lean=False)
        self.cotangents = [self._normal(self.values[i], (LANES,)) for i in self.lean.varying]

    def _normal(self, like: Any, lanes: tuple[int, ...]) -> Any:
        return self.rng.standard_normal(lanes + np.shape(like)).astype(np.asarray(like).dtype)

    def _dual(self) -> list[Any]:
        """Return the tangents of the results by dual arrays."""
        results = flat(
            self.f([Dual(np.copy(x, order="K"), t) for x, t in zip(self.arrays, self.tangents, strict=True)])
        )
        assert len(results) == len(self.values)
        zeros = [np.zeros((LANES, *np.shape(v))) for v in self.values]
        return [y.tangents if isinstance(y, Dual) else zero for y, zero in zip(results, zeros, strict=True)]

    def check(self, second: bool = True) -> None:
        """Compare all engines."""
        for run in (self.lean, self.full):
            self.check_values(run)
            verify(run.tape)
            self.check_forward(run)
            self.check_reverse(run)
        self.check_written(self.full, second)
        self.check_written(self.lean, second)

    def check_values(self, run: Recorded_) -> None:
        """The values are NumPy's, bit for bit."""
        assert len(run.results) == len(self.values)
        for y, value in zip(run.results, self.values, strict=True):
            found = y._primal() if isinstance(y, DuckArray) else y
            assert np.asarray(found).dtype == np.asarray(value).dtype
            np.testing.assert_array_equal(found, value)

    def check_forward(self, run: Recorded_) -> None:
        """Both forward sweeps give the tangents of the dual arrays."""
        sweep = Tangents(run.tape, LANES)
        for node, t in zip(run.inputs, self.tangents, strict=True):
            sweep.seed(node, t)
        sweep.sweep()
        plain = forward(run.tape, dict(zip(run.inputs, self.tangents, strict=True)))
        for i, node in zip(run.varying, run.nodes, strict=True):
            for found in (sweep.of(node), plain.of(node)):
                close(np.zeros(self.moved[i].shape) if found is None else found, self.moved[i], self.tolerance)

    def pulled(self, run: Recorded_, cotangents: Sequence[Any], single: bool) -> list[Any]:
        """Return the cotangents of the inputs by the compiled sweep."""
        sweep = Cotangents(run.tape, 1 if single else LANES, single)
        for node, g in zip(run.nodes, cotangents, strict=True):
            sweep.seed(node, g)
        sweep.sweep()
        found = [sweep.of(node) for node in run.inputs]
        lanes = () if single else (LANES,)
        return [np.zeros(lanes + x.shape, x.dtype) if g is None else g for g, x in zip(found, self.arrays, strict=True)]

    def check_reverse(self, run: Recorded_) -> None:
        """Both reverse sweeps are the transposes of the dual arrays' tangents, and agree with each other."""
        together = self.pulled(run, self.cotangents, False)
        for lane in range(LANES):
            mine = [g[lane] for g in self.cotangents]
            single = self.pulled(run, mine, True)
            adjoints = reverse(run.tape, dict(_merged(run.nodes, mine)))
            for k, x in enumerate(self.arrays):
                assert single[k].dtype == x.dtype
                close(together[k][lane], single[k], self.tolerance)
                found = adjoints.of(run.inputs[k])
                close(np.zeros(x.shape) if found is None else found, single[k], self.tolerance)
            for other in range(LANES):
                left = [(g, self.moved[i][other]) for g, i in zip(mine, run.varying, strict=True)]
                right = [(g, t[other]) for g, t in zip(single, self.tangents, strict=True)]
                self.same_products(left, right)

    def same_products(self, left: Any, right: Any) -> None:
        """Compare two sums of products, relative to their terms."""
        sums = [sum(float(np.sum(np.multiply(a, b, dtype=float))) for a, b in pairs) for pairs in (left, right)]
        size = sum(float(np.sum(np.abs(np.multiply(a, b, dtype=float)))) for a, b in left)
        size += sum(float(np.sum(np.abs(np.multiply(a, b, dtype=float)))) for a, b in right)
        if np.isfinite(size):
            assert abs(sums[0] - sums[1]) <= 10 * self.tolerance * max(1.0, size), sums

    def check_written(self, run: Recorded_, second: bool) -> None:
        """What transforms write on the tape has the values of the sweeps, and can be differentiated again."""
        tape, mine = run.tape, [g[0] for g in self.cotangents]
        numeric = self.pulled(run, mine, True)
        gradient = adjoint.extend(tape, dict(_merged(run.nodes, mine)))
        for g, wanted, x in zip(gradient, numeric, self.arrays, strict=True):
            assert np.shape(g) == x.shape
            close(g._primal(), wanted, self.tolerance)
        try:
            gradients = adjoint.extend(tape, dict(_merged(run.nodes, self.cotangents)))
        except NotImplementedError:  # scalar operations, of which each lane is a node of its own
            assert sum(tape.operator(node) > GENERAL for node in range(len(tape))) > 64
        else:
            lanes = (LANES,) if run.nodes else ()
            for g, wanted, x in zip(gradients, self.pulled(run, self.cotangents, False), self.arrays, strict=True):
                assert np.shape(g) == lanes + x.shape
                close(g._primal(), wanted if lanes else wanted[0], self.tolerance)
        verify(tape)
        nodes = [g._operand() for g in gradient]
        if second:
            self.check_second(run, nodes)
        moved = tangent.extend(tape, dict(zip(run.inputs, [t[0] for t in self.tangents], strict=True)), run.nodes)
        for t, i in zip(moved, run.varying, strict=True):
            close(t._primal(), self.moved[i][0], self.tolerance)
        moved = tangent.extend(tape, dict(zip(run.inputs, self.tangents, strict=True)), run.nodes)
        for t, i in zip(moved, run.varying, strict=True):
            close(t._primal(), self.moved[i], self.tolerance)
        verify(tape)

    def check_second(self, run: Recorded_, nodes: Sequence[int]) -> None:
        """Second derivatives by hyper-dual arrays, forward over reverse, and reverse over reverse."""
        t, s = ([each[lane] for each in self.tangents] for lane in range(2))
        hyper = flat(
            self.f(
                [
                    HyperDual(np.copy(x, order="K"), a[None], b[None], np.zeros((1, 1, *x.shape), x.dtype))
                    for x, a, b in zip(self.arrays, t, s, strict=True)
                ]
            )
        )
        wanted = [
            (g[0], hyper[i].e12[0, 0] if isinstance(hyper[i], HyperDual) else np.zeros(np.shape(self.values[i])))
            for g, i in zip(self.cotangents, run.varying, strict=True)
        ]
        sweep = Tangents(run.tape, 1)
        for node, b in zip(run.inputs, s, strict=True):
            sweep.seed(node, b[None])
        sweep.sweep()
        columns = [sweep.of(node) for node in nodes]
        over = [(a, c[0]) for a, c in zip(t, columns, strict=True) if c is not None]
        self.same_products(wanted, over)
        again = Cotangents(run.tape, 1, True)
        for node, a in zip(nodes, t, strict=True):
            again.seed(node, a)
        again.sweep()
        rows = [again.of(node) for node in run.inputs]
        self.same_products(wanted, [(b, r) for b, r in zip(s, rows, strict=True) if r is not None])


def _merged(nodes: Sequence[int], cotangents: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return seeds of outputs, those of one node added."""
    seeds: dict[int, Any] = {}
    for node, g in zip(nodes, cotangents, strict=True):
        seeds[node] = seeds[node] + g if node in seeds else g
    return list(seeds.items())
