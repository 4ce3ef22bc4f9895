"""Where in the user's source a node of the tape was written."""

from __future__ import annotations

import linecache
import os
from dataclasses import dataclass

__all__ = ["Place"]


@dataclass(frozen=True)
class Place:
    """A line of source."""

    file: str
    line: int
    function: str

    @property
    def text(self) -> str:
        """The line itself, empty where the source is not at hand."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{os.path.basename(self.file)}:{self.line} in {self.function}" + (f": {self.text}" if self.text else "")
