"""Calls of code that is not ours: what it raises is a finding, not an accident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["attempt"]


def attempt(call: Callable[..., Any], *args: Any) -> tuple[Any, Exception | None]:
    """Return what a call returns, and the exception that it raised; one of the two is None."""
    try:
        return call(*args), None
    except Exception as error:  # the functions of users may raise anything
        return None, error
