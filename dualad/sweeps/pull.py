"""The rules of one node, where the sweeps and what is drawn of them find them."""

from dualad.reverse.pull import pull, push, scaled

__all__ = ["pull", "push", "scaled"]
