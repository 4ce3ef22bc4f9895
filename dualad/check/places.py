"""Where in the user's source a node of the tape was written."""

from __future__ import annotations

import linecache
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import scipy

__all__ = ["Place", "is_library"]

_LIBRARIES: Final = tuple(
    f"{folder}{os.sep}" for folder in (Path(__file__).parents[1], *(Path(m.__file__ or "").parent for m in (np, scipy)))
)
_FROZEN: Final = ("<frozen ", str(Path(os.__file__).parent / "ast.py"), str(Path(os.__file__).parent / "importlib"))


def is_library(file: str) -> bool:
    """Say whether a file of source is this package's, NumPy's, SciPy's or Python's own machinery of imports."""
    return file.startswith(_LIBRARIES + _FROZEN)


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
