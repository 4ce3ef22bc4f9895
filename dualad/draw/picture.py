"""A graph in the DOT language, and pictures of it where Graphviz is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Graph"]


@dataclass(frozen=True)
class Graph:
    """A computational graph.

    Attributes
    ----------
    dot : str
        The graph in the DOT language, which many programs read.
    """

    dot: str

    def __str__(self) -> str:
        return self.dot

    def svg(self) -> str:
        """Return the picture as SVG; ImportError or RuntimeError says what to install where Graphviz is missing."""
        return self._rendered("svg").decode()

    def png(self) -> bytes:
        """Return the picture as PNG."""
        return self._rendered("png")

    def save(self, path: str | Path) -> None:
        """Write a file: its ending says whether ``.dot`` or ``.gv`` text, ``.svg``, ``.png`` or ``.pdf``."""
        path = Path(path)
        kind = path.suffix.removeprefix(".").lower()
        if kind in ("dot", "gv"):
            path.write_text(self.dot + "\n", encoding="utf-8")
        elif kind in ("svg", "png", "pdf"):
            path.write_bytes(self._rendered(kind))
        else:
            raise ValueError(f"a graph is saved as .dot, .gv, .svg, .png or .pdf, not as {path.name!r}")

    def _rendered(self, kind: str) -> bytes:
        try:
            import graphviz
        except ImportError:
            raise ImportError(
                "pictures of graphs need the package graphviz: pip install 'dualad[graph]'. The text of the graph "
                "needs nothing: print it, or save('graph.dot')."
            ) from None
        try:
            picture: bytes = graphviz.Source(self.dot).pipe(format=kind)
        except graphviz.ExecutableNotFound:
            raise RuntimeError(
                "pictures of graphs need the program dot: install Graphviz (apt install graphviz, brew install "
                "graphviz, or https://graphviz.org/download). The text of the graph needs nothing: print it, or "
                "save('graph.dot')."
            ) from None
        return picture

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """Return what a notebook shows: the picture where it can be made, the text in any case."""
        shown = {"text/plain": self.dot}
        try:
            shown["image/svg+xml"] = self.svg()
        except (ImportError, RuntimeError):
            pass
        return shown
