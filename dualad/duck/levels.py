"""Levels: a number for each derivative that is taken, so that nested derivatives are not confused.

A derivative that begins later is the inner one. The numbers only grow, hence nothing has to be undone when a function
raises, and threads cannot disturb each other (``next`` of a count is atomic).
"""

import itertools

__all__ = ["fresh_level"]

_LEVELS = itertools.count(1)


def fresh_level() -> int:
    """Return the level of a derivative that begins now."""
    return next(_LEVELS)
