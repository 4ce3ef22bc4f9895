"""Which operator is at fault: each node of a recording is checked by itself, by differences of its own function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from dualad.check import engine
from dualad.check.differences import allowance
from dualad.check.replay import Site, sites
from dualad.check.report import Fault
from dualad.check.watched import ComposedCall, Watched
from dualad.errors import DifferentiationError
from dualad.numeric.attempt import attempt
from dualad.numeric.ladder import Sweep, ladder, sweep, sweep_elements
from dualad.numeric.points import Points
from dualad.ops.lanes import sum_to
from dualad.ops.table import Elementwise

__all__ = ["find_faults"]

_SAME: Final = 3  # so many nodes of the same row with the same shapes and options are looked at
_ULPS: Final = {"forward": 64.0, "second order": 1e5}  # units in the last place that a rule may be off
_NUMBERS: Final = 1000  # scalar nodes of a row that are looked at, together as one array


def find_faults(
    watched: Watched, rng: np.random.Generator, second: bool = False, step: Callable[[], None] = lambda: None
) -> list[Fault]:
    """Return the operators of a recording whose rules are wrong, each once, the first node that shows it named."""
    found: dict[tuple[str, str, int], Fault] = {}
    for site in _chosen(watched, rng):
        for fault in _of_site(site, rng, second):
            fault = replace(fault, node=site.node, place=watched.place(site.node))
            inside = watched.within.get(site.node)
            if inside is not None and inside != fault.operator:
                fault = replace(fault, operator=f"{fault.operator} (in {inside})")
            key = (fault.operator, fault.rule, fault.argument)
            found[key] = replace(found[key], count=found[key].count + 1) if key in found else fault
        step()
    for call in watched.calls:
        for fault in _of_composed(call):
            found.setdefault((fault.operator, fault.rule, -1), fault)
    return list(found.values())


# --- which nodes
# -----------------------------------------------------------------------------------------------------------


def _chosen(watched: Watched, rng: np.random.Generator) -> Iterator[Site]:
    """Go through the nodes to look at: arrays node by node, scalars of a row together."""
    numbers: dict[tuple[Any, tuple[int, ...]], list[Site]] = {}
    seen: dict[Any, int] = {}
    for site in sites(watched.tape):
        if not isinstance(site, Site):
            continue
        if site.scalar:
            numbers.setdefault((site.row, site.active), []).append(site)
            continue
        key = (site.row, tuple(np.shape(x) for x in site.operands), site.active, site.options)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= _SAME:
            yield site
    for (row, active), group in numbers.items():
        picked = (
            group if len(group) <= _NUMBERS else [group[i] for i in rng.choice(len(group), _NUMBERS, replace=False)]
        )
        columns = tuple(np.array([site.operands[i] for site in picked], dtype=float) for i in range(len(row.args)))
        yield Site(group[0].node, row, group[0].call, columns, active)
        # A number has code of its own in the engines.
        for site in group[:_SAME]:
            yield replace(site, operands=tuple(np.float64(x) for x in site.operands))


# --- one node
# --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """What differences say about one operand: along ``t`` (all ones for an elementwise row) the results change so."""

    operand: int
    t: Any
    sweeps: list[Sweep]


def _of_site(site: Site, rng: np.random.Generator, second: bool) -> Iterator[Fault]:
    seen, error = attempt(lambda: [one for i in site.active for one in _differences(site, i, rng)])
    if error is not None:
        return  # the function itself cannot be called again: it is no fault of a rule
    for one in seen:
        yield from _forward(site, one)
        if second:
            yield from _second(site, one, rng)
    yield from _reverse(site, seen, rng)


def _differences(site: Site, i: int, rng: np.random.Generator) -> Iterator[_Seen]:
    x = np.asarray(site.operands[i], dtype=float)
    top = 0.25 * rng.uniform(0.7, 1.0)

    def at(x: Any) -> list[Any]:
        full = list(site.operands)
        full[i] = x
        return engine.parts(site.call(full))

    if isinstance(site.row, Elementwise):
        count = len(at(x))
        yield _Seen(i, np.ones(x.shape), [sweep_elements(_picked(at, o), x, top) for o in range(count)])
        return
    for _ in range(2):
        v = rng.standard_normal(x.size)
        size = float(np.median(np.abs(x))) if x.size else 0.0
        points = Points(lambda x: np.concatenate([np.ravel(part) for part in at(x)]), x, forgiving=True)
        yield _Seen(
            i, v.reshape(x.shape), [sweep(points, v, ladder(size, top / max(1.0, float(np.abs(v).max(initial=0)))))]
        )


def _picked(at: Callable[[Any], list[Any]], output: int) -> Callable[[Any], Any]:
    return lambda x: at(x)[output]


def _forward(site: Site, seen: _Seen) -> Iterator[Fault]:
    moved, error = attempt(engine.tangent, site.call, site.operands, {seen.operand: seen.t})
    if error is not None:
        yield from _raised(site, "forward", seen.operand, error)
        return
    yield from _compared(site, "forward", seen.operand, _laid(site, moved), seen.sweeps)


def _laid(site: Site, moved: list[Any]) -> list[Any]:
    """Return tangents as the sweeps have them: of each result for an elementwise row, in one row for any other."""
    return moved if isinstance(site.row, Elementwise) else [np.concatenate([np.ravel(part) for part in moved])]


def _compared(site: Site, rule: str, operand: int, claimed: Sequence[Any], sweeps: Sequence[Sweep]) -> Iterator[Fault]:
    for said, one in zip(claimed, sweeps, strict=True):
        wanted, error = one.first.value, one.first.error
        if np.shape(said) != np.shape(wanted):
            yield Fault(site.row.name, rule, operand, np.nan, np.nan, f"shape {np.shape(said)}, not {np.shape(wanted)}")
            continue
        size = np.max(np.abs(said), where=np.isfinite(said), initial=0.0)
        bad = _beyond(said, one) > allowance(error, said, wanted, _eps(site)) + _ULPS[rule] * _eps(site) * size
        if np.any(bad):
            at = np.unravel_index(np.argmax(np.where(bad, np.abs(said - wanted), -1.0)), np.shape(bad))
            yield Fault(site.row.name, rule, operand, float(said[at]), float(wanted[at]))
            return


def _beyond(said: Any, one: Sweep) -> Any:
    """Return how far a claim is from the slope, at a kink from the one-sided slopes; 0 where they are not known."""
    wanted = one.first.value
    low = high = wanted
    if np.any(one.kinked):
        left, right = one.sides
        low = np.where(one.kinked, np.fmin(left.value, right.value), low)
        high = np.where(one.kinked, np.fmax(left.value, right.value), high)
    off = np.maximum(np.maximum(low - said, said - high), 0.0)
    off = np.where(np.isfinite(said), off, np.inf)
    return np.where(np.isfinite(one.first.error) & np.isfinite(wanted), off, 0.0)


def _reverse(site: Site, seen: Sequence[_Seen], rng: np.random.Generator) -> Iterator[Fault]:
    active = site.active
    both, error = attempt(engine.pulled, site.call, site.operands, active, lambda y: _weights(y, rng))
    if error is not None:
        yield from _raised(site, "reverse", -1, error)
        return
    given, back = both
    known = [g for g in given if np.asarray(g).dtype.kind == "f"]
    for one in seen:
        g = np.asarray(back[active.index(one.operand)])
        x = np.asarray(site.operands[one.operand])
        if g.shape != x.shape:
            yield Fault(site.row.name, "reverse", one.operand, np.nan, np.nan, f"shape {g.shape}, not {x.shape}")
            return
        if sum(np.size(u) for u in known) != sum(np.size(swept.middle) for swept in one.sweeps):
            return  # some of its results are not recorded
        pull = _pulled_elements if isinstance(site.row, Elementwise) else _pulled_along
        said, wanted, doubt = pull(g, x, one, known, 4.0 * _eps(site))
        off = np.where(np.isfinite(said), np.abs(said - wanted), np.inf)
        bad = np.isfinite(doubt) & np.isfinite(wanted) & (off > allowance(doubt, said, wanted, _eps(site)))
        if np.any(bad):
            at = np.unravel_index(np.argmax(np.where(bad, off, -1.0)), np.shape(bad))
            yield Fault(site.row.name, "reverse", one.operand, float(said[at]), float(wanted[at]))
            return


def _weights(y: Any, rng: np.random.Generator) -> Any:
    y = np.asarray(y)
    return rng.uniform(0.5, 1.5, y.shape).astype(y.dtype)[()] if y.dtype.kind == "f" else np.zeros(y.shape)[()]


def _pulled_elements(g: Any, x: Any, one: _Seen, known: Sequence[Any], eps: float) -> tuple[Any, Any, Any]:
    """Return the cotangent of an elementwise operand as it is and as it should be: summed over what was broadcast."""
    wanted, error = np.zeros(x.shape), np.zeros(x.shape)
    for u, swept in zip(known, one.sweeps, strict=True):
        slope, doubt = swept.first.value, np.where(swept.kinked, np.inf, swept.first.error)
        ndim = np.ndim(slope)
        wanted = wanted + sum_to(u * slope, ndim, x.shape)
        error = error + sum_to(np.abs(u) * (doubt + eps * np.abs(slope)), ndim, x.shape)
    return g, wanted, error


def _pulled_along(g: Any, x: Any, one: _Seen, known: Sequence[Any], eps: float) -> tuple[Any, Any, Any]:
    """Return <J'u, t> as it is, and <u, J t> by differences."""
    swept = one.sweeps[0]
    u = np.concatenate([np.ravel(part) for part in known])
    terms = g * one.t
    doubt = np.where(swept.kinked, np.inf, swept.first.error)
    error = np.abs(u) @ doubt + eps * (np.sum(np.abs(terms)) + np.abs(u) @ np.abs(swept.first.value))
    return np.sum(terms), u @ swept.first.value, error


def _second(site: Site, seen: _Seen, rng: np.random.Generator) -> Iterator[Fault]:
    """Hold the curvature along the tangent against differences of the tangent."""
    x = np.asarray(site.operands[seen.operand], dtype=float)

    def slope(x: Any) -> Any:
        full = list(site.operands)
        full[seen.operand] = x
        return np.concatenate([np.ravel(part) for part in engine.tangent(site.call, full, {seen.operand: seen.t})])

    bent, error = attempt(engine.curvature, site.call, site.operands, seen.operand, seen.t)
    if error is None:
        points, error = attempt(Points, slope, x, (), False, True)
    if error is not None:
        yield from _raised(site, "second order", seen.operand, error)
        return
    v = np.ravel(seen.t)
    swept = sweep(
        points,
        v,
        ladder(float(np.median(np.abs(x))) if x.size else 0.0, 0.2 / max(1.0, float(np.abs(v).max(initial=0.0)))),
    )
    yield from _compared(
        site, "second order", seen.operand, [np.concatenate([np.ravel(part) for part in bent])], [swept]
    )


def _eps(site: Site) -> float:
    """Return the rounding of the least precise type among the operands of a node."""
    kinds = [np.asarray(x).dtype for x in site.operands]
    return max((float(np.finfo(kind).eps) for kind in kinds if kind.kind == "f"), default=0.0)


def _raised(site: Site, rule: str, operand: int, error: Exception) -> Iterator[Fault]:
    """A rule that raises is wrong; one that refuses by name is not."""
    if not isinstance(error, DifferentiationError):
        yield Fault(site.row.name, rule, operand, np.nan, np.nan, f"raises {type(error).__name__}: {error}"[:120])


def _of_composed(call: ComposedCall) -> Iterator[Fault]:
    """Hold the definition of a composed row against the function that it defines, on the numbers of the call."""
    wanted, error = attempt(lambda: call.row.function(*call.args, **call.kwargs))
    found, other = attempt(lambda: call.row.plan(*call.args, **call.kwargs))
    if error is not None or other is not None:
        return
    for one, other in zip(engine.parts(found), engine.parts(wanted), strict=False):
        if np.shape(one) != np.shape(other) or not np.array_equal(one, other, equal_nan=True):
            at = np.ravel(np.asarray(one, dtype=float)), np.ravel(np.asarray(other, dtype=float))
            yield Fault(
                call.row.name, "value", -1, float(at[0][0]), float(at[1][0]), "its definition gives another value"
            )
            return
