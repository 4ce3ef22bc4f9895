"""The door to the compiled side of this room."""

from dualad._calls import (
    FORMS,
    KINDS,
    NOTHING,
    Compiled,
    Entry,
    Sight,
    Sights,
    Variant,
    cell_contents,
    holds_derivatives,
    is_loud,
    is_same,
)

__all__ = [
    "FORMS", "KINDS", "NOTHING", "Compiled", "Entry", "Sight", "Sights", "Variant", "cell_contents",
    "holds_derivatives", "is_loud", "is_same",
]  # fmt: skip
