"""The door to the compiled side of this room."""

from dualad._calls import (
    Compiled,
    Entry,
    Sight,
    Sights,
    Variant,
    cell_contents,
    holds_derivatives,
    is_same,
    replayed,
)

__all__ = [
    "Compiled", "Entry", "Sight", "Sights", "Variant", "cell_contents", "holds_derivatives", "is_same", "replayed",
]  # fmt: skip
