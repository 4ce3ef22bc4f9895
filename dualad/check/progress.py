"""Progress of a long check: a bar where rich is installed and somebody is looking, silence otherwise."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import Any, Final

__all__ = ["Progress"]

_PATIENCE: Final = 1.0  # seconds before a bar is shown


class Progress:
    """A bar over ``total`` steps. ``show`` is True, False, or None for: if it takes long and a terminal is there."""

    def __init__(self, total: int, show: bool | None = None) -> None:
        self.total, self.done = total, 0
        self._start = time.monotonic()
        wanted = show if show is not None else sys.stderr is not None and sys.stderr.isatty()
        self._wanted = bool(wanted) and importlib.util.find_spec("rich") is not None
        self._patience = 0.0 if show else _PATIENCE
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, what: str = "checking derivatives") -> None:
        """Say that one step is done."""
        self.done += 1
        if not self._wanted:
            return
        if self._bar is None and time.monotonic() - self._start >= self._patience:
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(what, total=self.total)
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, total=max(self.total, self.done), description=what)
