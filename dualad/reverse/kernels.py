"""The door to the compiled side of this room."""

from dualad._tape import Record, Recorded, RecordedScalar, Shape, Tape, hang, print_with, spell_with, unwatched
from dualad._views import Pick, is_basic

__all__ = [
    "Pick", "Record", "Recorded", "RecordedScalar", "Shape", "Tape", "hang", "is_basic", "print_with", "spell_with",
    "unwatched",
]  # fmt: skip
