"""The door to the compiled side of this room."""

from dualad._record import Record, Shape, unwatched
from dualad._tape import Recorded, RecordedScalar, Tape, hang, print_with, spell_with
from dualad._views import Pick, is_basic

__all__ = [
    "Pick", "Record", "Recorded", "RecordedScalar", "Shape", "Tape", "hang", "is_basic", "print_with", "spell_with",
    "unwatched",
]  # fmt: skip
