"""Mistakes planted in the operator table for the length of a test: a row is replaced, and put back afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from dualad.ops.table import TABLE, Elementwise, Map, Products, Rule

__all__ = ["Mutation", "apply", "formulas", "jvp", "planted", "products", "transpose", "value", "vjp"]

Change = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Mutation:
    """One mistake: its kind in words, the row, what becomes of the row, and a program in which the row occurs."""

    kind: str
    row: str
    change: Change
    program: Callable[[Any], Any]
    x: Any

    def __repr__(self) -> str:
        return f"{self.row}-{self.kind.replace(' ', '-')}"


@contextmanager
def planted(name: str, change: Change) -> Iterator[Any]:
    """Replace a row of the table by what ``change`` makes of it."""
    row = TABLE.named(name)
    TABLE.find(row.function)  # so that the row stands in the dictionary of functions
    wrong = change(row)
    functions = [function for function, other in TABLE.functions.items() if other is row]

    def put(new: Any) -> None:
        TABLE._names[name] = new
        for function in functions:
            TABLE.functions[function] = new

    put(wrong)
    try:
        yield wrong
    finally:
        put(row)


def formulas(*partials: str) -> Change:
    """Other formulas for the partials of an elementwise row."""

    def change(row: Elementwise) -> Elementwise:
        assert len(partials) == len(row.args)
        return replace(row, partials=tuple((text,) for text in partials))

    return change


def _plan(wrap: Callable[[Any], Any]) -> Change:
    def change(row: Any) -> Any:
        def plan(*args: Any, **kwargs: Any) -> Any:
            return wrap(row.plan(*args, **kwargs))

        # The operands are found by the signature of the plan.
        plan.__wrapped__ = row.plan  # type: ignore[attr-defined]
        return replace(row, plan=plan)

    return change


def transpose(wrong: Callable[..., Any]) -> Change:
    """Another transpose of a linear row: ``wrong(map, *g)``."""
    return _plan(lambda right: Map(right.apply, lambda *g: wrong(right, *g)))


def apply(wrong: Callable[..., Any]) -> Change:
    """Another tangent of a linear row: ``wrong(map, *t)``."""
    return _plan(lambda right: Map(lambda *t: wrong(right, *t), right.transpose))


def products(wrong: Callable[..., Any]) -> Change:
    """Another transpose of a bilinear row: ``wrong(products, i, g, *operands)``."""
    return _plan(lambda right: Products(right.apply, lambda i, g, *x: wrong(right, i, g, *x)))


def jvp(wrong: Callable[..., Any]) -> Change:
    """Another tangent of a ruled row: ``wrong(rule, value, primals, tangents)``."""
    return _plan(lambda right: Rule(lambda *given: wrong(right, *given), right.vjp))


def vjp(wrong: Callable[..., Any]) -> Change:
    """Another cotangent of a ruled row: ``wrong(rule, value, primals, g)``."""
    return _plan(lambda right: Rule(right.jvp, lambda *given: wrong(right, *given)))


def value(plan: Callable[..., Any]) -> Change:
    """Another definition of a composed row."""
    return lambda row: replace(row, plan=plan)
