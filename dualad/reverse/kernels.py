"""The door to the compiled side of this room."""

from dualad._tape import Record, Recorded, RecordedScalar, Shape, Tape, hang, print_with, spell_with
from dualad._views import Pick

__all__ = ["Pick", "Record", "Recorded", "RecordedScalar", "Shape", "Tape", "hang", "print_with", "spell_with"]
