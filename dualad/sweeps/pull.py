"""The rules of one node, where the sweeps and what is drawn of them find them."""

from dualad.duck.scale import scaled
from dualad.reverse.pull import pull, push

__all__ = ["pull", "push", "scaled"]
