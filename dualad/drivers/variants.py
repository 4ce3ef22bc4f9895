"""The Python side of a compiled function: it records, builds programs, makes sure of them, and keeps the statistics."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dualad import errors
from dualad.drivers.alike import Recorded as Account
from dualad.drivers.alike import parting, same, writer
from dualad.drivers.calling import Call, Unfit
from dualad.drivers.containers import flatten
from dualad.drivers.derived import derived_of, recipe
from dualad.drivers.kernels import Compiled, Entry, Sights, Variant, holds_derivatives
from dualad.drivers.results import Differs, Result, written
from dualad.drivers.sources import Seen, Watch
from dualad.drivers.tracing import Trace, Written
from dualad.drivers.travelling import packed
from dualad.program.build import build

__all__ = ["Side"]

_VARIANTS = 64  # paths that are kept of one kind of call
_ENTRIES = 64  # kinds of call
_TRIAL = 32  # recordings after which it is asked whether replays have paid for them, more and more of which should come
_ENOUGH = 32  # calls without a program, of a function that has none at all

Function = Callable[..., Any]


@dataclass
class State:
    """What is kept of one kind of call: the objects that stand in its key, its recordings, and replays of variants that
    were given up, those of all until the last trial, and calls without a program.
    """

    objects: list[Any]
    recordings: int = 0
    lost: int = 0
    before: int = 0
    calls: int = 0


class Side:
    """What a compiled function has besides its fast calls.

    ``compiled`` is set when that one is made. It is not held from here, so that a compiled function that nobody needs
    any more, with its tapes and programs, is gone at once, and not when the garbage collector comes to it.
    """

    def __init__(self, function: Function, check: str) -> None:
        self.function, self.check = function, check
        self.derived = derived_of(function)
        self.entries: dict[Any, Entry] = {}
        self.static: set[Any] = set()  # keys of calls whose other arguments select programs by their values
        self.recording = threading.Lock()
        self.recordings = self.lost = self.changes = 0
        self.reasons: list[str] = []
        self.quiet = False  # nobody asked for it to be compiled, and so nobody is told that it is not

    @property
    def compiled(self) -> Compiled:
        """The compiled function, which is there while it is called."""
        found = self._compiled()
        if found is None:
            raise ReferenceError("the compiled function is gone")
        return found

    @compiled.setter
    def compiled(self, compiled: Compiled) -> None:
        self._compiled = weakref.ref(compiled)

    # --- one call

    def call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any = None, itself: bool = False) -> Any:
        """Answer a call that native code could not, by the function ``itself`` where nothing may be replayed."""
        result = self.function(*args, **kwargs) if itself else self.result(args, kwargs)
        return result if out is None else written(result, out)

    def result(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Return the result of a call."""
        if self.compiled.plain or holds_derivatives(args, kwargs):
            return self.function(*args, **kwargs)
        try:
            call = Call(args, kwargs, self.derived)
            if call.key in self.static:
                call.with_static_extras()
        except (Unfit, errors.DifferentiationError, TypeError, ValueError):
            return self.function(*args, **kwargs)  # whose own words say what is wrong, if anything is
        entry = self.entry(call)
        if entry.plain:
            self.compiled.recent = entry
            entry.state.calls += 1
            if entry.state.calls >= _ENOUGH and all([one.plain for one in list(self.entries.values())]):
                self.give_up("no kind of call could be replayed")  # and so need not be looked at
            return self.function(*args, **kwargs)
        found = self.replayed(entry, call)
        if found is None:
            found = self.recorded(entry, call, args, kwargs)
        return found[0] if found is not None else self.function(*args, **kwargs)

    def entry(self, call: Call) -> Entry:
        """Return the entry of a call; a function that is called in ever new ways is compiled no more."""
        entry = self.entries.get(call.key)
        if entry is None:
            if len(self.entries) >= _ENTRIES:
                oldest = next(iter(self.entries))
                gone = self.entries.pop(oldest)
                self.lost += gone.state.lost + sum(variant.replays for variant in gone.variants)
                if self.replays() < self.recordings:
                    self.give_up("the function was called in ever new ways")
            kinds, wanted = call.fast() or (None, ())
            entry = self.entries.setdefault(call.key, Entry(call.key, kinds, wanted, State(call.objects)))
        return entry

    def replayed(self, entry: Entry, call: Call) -> tuple[Any] | None:
        """Return the result of the first program that holds here, in a tuple; None where there is none."""
        inputs = call.inputs
        for variant in entry.variants:
            if not variant.sights.hold():
                continue
            outputs = variant.program.run(inputs)
            if outputs is None:
                continue
            made = None
            if not variant.trusted:
                outcome = self.confirmed(entry, variant, call)
                if outcome is not True:
                    return None
                made = variant.made(outputs)
                if self.derived is None and not self.agrees(call, made):
                    self.stop(entry, "a replay of the recording gave other values than the function")
                    return None
            variant.replays += 1
            entry.variants = (variant, *(v for v in entry.variants if v is not variant))
            self.compiled.recent = entry
            return (variant.made(outputs) if made is None else made,)
        return None

    def agrees(self, call: Call, made: Any) -> bool:
        """Say whether a first replay gives what the function gives there.

        A recording at whole numbers, where nothing is rounded, may add in another order than NumPy: NumPy itself runs
        sums and products of arrays of objects, element by element.
        """
        args, kwargs = call.arguments([leaf.given for leaf in call.leaves])
        with np.errstate(all="ignore"):
            wanted, found = flatten(self.function(*args, **kwargs))[0], flatten(made)[0]
        return len(wanted) == len(found) and all(map(_alike, wanted, found))

    # --- recording

    def recorded(self, entry: Entry, call: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any] | None:
        """Record the function at this call and return its result in a tuple; None where it has to be called itself."""
        if entry.plain or self.compiled.plain or not self.recording.acquire(blocking=False):
            return None  # another thread, or this one further up, is recording
        try:
            return self._recorded(entry, call, args, kwargs)
        finally:
            self.recording.release()

    def _recorded(self, entry: Entry, call: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any] | None:
        state = entry.state
        if state.recordings and state.recordings % _TRIAL == 0:
            replays = state.lost + sum(variant.replays for variant in entry.variants)
            if replays - state.before < min(state.recordings // 2, 2 * _TRIAL):
                self.stop(entry, f"{state.recordings} recordings of one kind of call, and only {replays} replays")
                return None
            state.before = replays
        real: tuple[Any] | None = None
        trace = Trace(self.function, self.derived, call)
        if trace.kind in ("plain", "traced"):
            real = (self.function(*args, **kwargs),)  # raises what there is to raise
        try:
            seen = self.watched(call, trace)
            if seen is None:
                return real
            self.recordings += 1
            state.recordings += 1
            numbers, arrays = trace.constants()
            with np.errstate(all="ignore"):  # those of the function's own values have been given
                trace.derive()
            result = Result(trace, real)
            sights = seen.relied_on(numbers, arrays)
            own = len(trace.tape) if trace.kind in ("plain", "traced") else trace.account.nodes
            program = build(trace.tape, trace.inputs, result.nodes, live=trace.tape.captured, recorded=own)
        except Differs as error:
            self.compared(call, trace.account)  # numbers of chance, or digits
            self.stop(entry, f"it could not be recorded: {error}")
            return real
        except Exception as error:  # whatever it is, the function itself decides what becomes of this call
            return self.refused(entry, call, args, kwargs, real, error)
        outputs = program.run(call.inputs)
        if outputs is None or not result.fits(outputs):
            self.stop(entry, "a replay of the recording gave other values than the function")
            return real
        trusted = self.check == "never"
        variant = Variant(
            program,
            self.shared(entry, sights),
            result.form,
            result.shapes,
            [array for _, array in trace.tape.captured],
            trusted,
            None if trusted else trace.account,
        )
        kept = entry.variants[: _VARIANTS - 1]
        state.lost += sum(one.replays for one in entry.variants[_VARIANTS - 1 :])
        entry.variants = (variant, *kept)
        self.compiled.recent = entry
        return real if real is not None else (variant.made(outputs),)

    def watched(self, call: Call, trace: Trace) -> Seen | None:
        """Record a call and return what the function saw, None where it changed some of it."""
        watch = Watch([self.function if self.derived is None else self.derived.f, *call.objects])
        trace.record(watch.seen.live)
        changed = watch.changed()
        if changed:
            self.changed(changed)
            return None
        return watch.seen

    def shared(self, entry: Entry, sights: Sights) -> Sights:
        """Return what a recording relies on, that of an earlier one where it is the same: it is then checked once."""
        for variant in entry.variants:
            pairs = zip(variant.sights.all, sights.all, strict=False)
            if len(variant.sights.all) == len(sights.all) and variant.sights.hold():
                if all(
                    one.holder is two.holder and one.kind == two.kind and one.name == two.name for one, two in pairs
                ):
                    return variant.sights
        return sights

    def refused(
        self, entry: Entry, call: Call, args: Any, kwargs: Any, real: tuple[Any] | None, error: Exception
    ) -> tuple[Any] | None:
        """Answer a call that could not be recorded."""
        extras = [leaf for leaf in call.leaves if leaf.kind != "s" and not leaf.varied]
        if self.derived is not None and extras and not isinstance(error, Written):
            self.static.add(call.key)
            try:
                call.with_static_extras()
            except Unfit:
                pass
            else:
                return self._recorded(self.entry(call), call, args, kwargs)
        if real is None:
            real = (self.function(*args, **kwargs),)
        self.stop(entry, f"it could not be recorded: {type(error).__name__}: {error}")
        return real

    def state(self) -> State:
        """Return what is kept of a kind of call that has no objects in its key."""
        return State([])

    def stop(self, entry: Entry, reason: str) -> None:
        """Replay one kind of call no more."""
        self.lost += sum(variant.replays for variant in entry.variants)
        entry.variants, entry.plain = (), True
        self.reasons.append(reason)

    def give_up(self, reason: str) -> None:
        """Replay the function no more."""
        self.lost = self.replays()
        self.compiled.plain = True
        self.compiled.recent = None
        self.entries = {}
        self.reasons.append(reason)

    # --- honesty

    def confirmed(self, entry: Entry, variant: Variant, call: Call) -> bool | None:
        """Record again and say whether it is the same recording: True, False, or None where it cannot be said now."""
        if not self.recording.acquire(blocking=False):
            return None
        try:
            account = variant.recorded
            alike = account is None or self.compared(call, account)
            if alike and self.check == "second":
                variant.trusted, variant.recorded = True, None
            return alike
        except Exception:  # whatever the function raises, it raises again when it is called itself
            return None
        finally:
            self.recording.release()

    def compared(self, call: Call, account: Account) -> bool | None:
        """Record again and say whether it comes to the same, None where the function has changed what it sees."""
        trace = Trace(self.function, self.derived, call)
        if self.watched(call, trace) is None:
            return None
        node = parting(account, trace.account)
        if node is not None:
            self.impure(call, account, trace, node)
        return node is None

    def changed(self, labels: list[str]) -> None:
        """Note that the function changed what it sees; it may do so once, to prepare something for later calls."""
        self.changes += 1
        if self.changes > 1:
            self.give_up(f"it changes {labels[0]}")
            if self.quiet:
                return
            warnings.warn(errors.changes_itself(_name(self.function), labels), errors.ImpureFunction, stacklevel=6)

    def impure(self, call: Call, account: Any, trace: Trace, node: int) -> None:
        """Replay the function no more, and say why."""
        what = "what it returns" if node < 0 else _told(account.tape, trace.tape, node)
        where = None
        if node >= 0:
            again = Trace(self.function, self.derived, call)
            where = writer(lambda note: again.record({}, note), node)
        self.give_up(f"it is impure: {what}")
        if self.quiet:
            return
        warnings.warn(errors.impure(_name(self.function), what, where), errors.ImpureFunction, stacklevel=6)

    # --- statistics

    def replays(self) -> int:
        """Return the number of replays until now."""
        kept = sum([variant.replays for entry in list(self.entries.values()) for variant in entry.variants])
        return self.lost + kept + sum([int(entry.state.lost) for entry in list(self.entries.values())])

    def variants(self) -> list[Variant]:
        """Return all variants, the most recent first."""
        recent = self.compiled.recent
        entries = sorted(list(self.entries.values()), key=lambda entry: entry is not recent)
        return [variant for entry in entries for variant in entry.variants]

    def stats(self) -> dict[str, Any]:
        """Return what was recorded, what became of it, and how often it was replayed."""
        variants = self.variants()
        found = {
            "variants": len(variants),
            "recordings": self.recordings,
            "re-recordings": max(self.recordings - 1, 0),
            "replays": self.replays(),
            "not replayed": list(self.reasons),
        }
        return {**(variants[0].program.stats if variants else {}), **found}

    def page(self) -> str:
        """Return the programs as text."""
        variants = self.variants()
        head = f"{self.compiled!r}: {len(variants)} programs, {self.replays()} replays, {self.recordings} recordings"
        return "\n\n".join([head, *(str(variant.program) for variant in variants)])

    # --- others like it

    def again(self, function: Function) -> Compiled:
        """Compile another function in the same way."""
        from dualad.drivers.compiling import compile

        return compile(function, check=self.check)

    def reduced(self) -> Any:
        """Return how to make the compiled function again elsewhere."""
        from dualad.drivers.compiling import restored

        return restored, (recipe(self.function), self.check, packed(self))

    def batch(self, arguments: tuple[Any, ...], workers: Any, out: Any) -> Any:
        """Return the results for all rows of the arguments."""
        from dualad.drivers.batching import batch

        return batch(self.compiled, arguments, workers, out)


def _alike(x: Any, y: Any) -> bool:
    """Say whether two leaves of results are equal; the signs of NaN are the processor's affair."""
    if same(x, y) or not isinstance(x, (float, np.floating, np.ndarray)):
        return True
    return np.asarray(x).dtype.kind != "f" or bool(np.array_equal(x, y, equal_nan=True))


def _name(function: Any) -> str:
    return getattr(function, "__name__", repr(function))


def _told(one: Any, two: Any, node: int) -> str:
    """Return in words where two recordings part."""
    if node >= min(len(one), len(two)):
        return "what it does next"
    values = []
    for tape in (one, two):
        op, _, _, _, at, v = tape.fields(node)
        if op >= 0:
            values.append((tape.row_of(node).name, at))
        elif op == -4:
            record = tape.record_of(node)
            loose = [x for n, x in zip(record.operands, record.primals, strict=False) if n < 0]
            number = loose[0] if loose else record.value if record.kind == "constant" else record.args
            values.append((record.row.name if record.row is not None else record.kind, number))
        else:
            values.append(
                ("a number" if op == -1 else "an element" if op in (-2, -3) else "a comparison", v if op == -1 else at)
            )
    (name, x), (_, y) = values
    return f"the constant of {name} was {_short(x)} and is {_short(y)} when it is recorded again"


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x), threshold=6) if isinstance(x, (np.ndarray, float, np.generic)) else repr(x)
