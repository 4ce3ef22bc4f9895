"""The door to the compiled side of this room."""

from dualad._tape import Record, Recorded, RecordedScalar, Tape, hang

__all__ = ["Record", "Recorded", "RecordedScalar", "Tape", "hang"]
