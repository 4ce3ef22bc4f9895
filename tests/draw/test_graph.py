"""draw: the graph's text, its pictures where Graphviz is there, and the sentences where it is not."""

import shutil
import sys

import numpy as np
import pytest

from dualad.draw import draw


def textbook(x1, x2):
    return np.log(x1) + x1 * x2 - np.sin(x2)


def dot(f, *args, **options):
    return str(draw(f, *args, **options))


def edges(graph):
    return [line.strip() for line in str(graph).splitlines() if "->" in line]


def labels(graph):
    return [line.split('"')[1] for line in str(graph).splitlines() if "label=" in line]


def test_the_graph_of_the_textbook():
    assert (
        dot(textbook, 2.0, 5.0)
        == """\
digraph {
    rankdir=LR
    node [fontname="Helvetica", fontsize=11]
    edge [arrowsize=0.7]
    n0 [label="x₁\\nv₋₁ = 2", shape=box, style=filled, fillcolor="#cfe3f5"]
    n1 [label="x₂\\nv₀ = 5", shape=box, style=filled, fillcolor="#cfe3f5"]
    n2 [label="v₁ = log v₋₁\\n0.69315", shape=box, style="rounded,filled", fillcolor="#ffffff"]
    n3 [label="v₂ = v₋₁ * v₀\\n10", shape=box, style="rounded,filled", fillcolor="#ffffff"]
    n4 [label="v₃ = v₁ + v₂\\n10.693", shape=box, style="rounded,filled", fillcolor="#ffffff"]
    n5 [label="v₄ = sin v₀\\n-0.95892", shape=box, style="rounded,filled", fillcolor="#ffffff"]
    n6 [label="v₅ = v₃ - v₄\\n11.652", shape=box, style="rounded,filled", fillcolor="#ffffff"]
    y [label="y\\n11.652", shape=box, style=filled, fillcolor="#d5ecd0", peripheries=2]
    n0 -> n2
    n0 -> n3
    n1 -> n3
    n2 -> n4
    n3 -> n4
    n1 -> n5
    n4 -> n6
    n5 -> n6
    n6 -> y
}"""
    )


def test_the_extended_graph_of_the_textbook():
    graph = draw(textbook, 2.0, 5.0, extended=True)
    plain = str(draw(textbook, 2.0, 5.0))
    assert [edge for edge in edges(plain) if edge not in edges(graph)] == []
    assert r"x̄₁\n5.5" in labels(graph)
    assert r"x̄₂\n1.7163" in labels(graph)
    adjoint = [line for line in str(graph).splitlines() if "#fde2c4" in line]
    assert adjoint and all("#fde2c4" not in line for line in plain.splitlines())


def test_kinds_of_nodes_look_different():
    def f(x):
        return np.sum(np.where(x > 1, x, np.ones(3, like=x)) @ np.eye(3)) if x[0] > 0 else x[0]

    text = dot(f, np.array([1.0, 2.0, 3.0]))
    for mark in ("#cfe3f5", "plaintext", "dashed", "#d5ecd0", "rounded,filled"):
        assert mark in text


def test_what_nothing_depends_on_is_left_out():
    def f(x):
        np.exp(x)
        return x * 2

    assert "exp" not in dot(f, 1.0)


def test_elements_of_an_input_are_inputs():
    graph = draw(lambda x: x[0] * x[1], np.array([2.0, 5.0]))
    assert labels(graph) == [r"x[0]\nv₋₁ = 2", r"x[1]\nv₀ = 5", r"v₁ = v₋₁ * v₀\n10", r"y\n10"]
    assert edges(graph) == ["n0_0 -> n3", "n0_1 -> n3", "n3 -> y"]


def test_gradients_of_arrays_and_of_inputs_without_effect():
    graph = draw(lambda x, unused: np.sum(x * x), np.array([1.0, 2.0]), 3.0, extended=True)
    assert r"x̄\n[2, 4]" in labels(graph)
    assert "\u016bnused\\n0" in labels(graph)


def test_labels_are_quoted():
    assert r"einsum('i,i', v₀, v₀)" in dot(lambda x: np.einsum("i,i", x, x), np.ones(2))
    assert dot(lambda x: x + 1, 1.0).count('"') % 2 == 0


def test_a_large_graph_is_refused():
    def f(x):
        for _ in range(400):
            x = x * 1.01
        return x

    with pytest.raises(ValueError, match=r"has 401 nodes, and a picture of more than 150.*draw\(f, x, most=401\)"):
        draw(f, 1.0)
    assert len(edges(draw(f, 1.0, most=401))) == 401


def test_adjoints_need_one_number():
    with pytest.raises(ValueError, match="needs a function that returns one number"):
        draw(lambda x: x * 2, np.ones(2), extended=True)
    with pytest.raises(ValueError, match="needs a function that returns one number"):
        draw(lambda x: 3.0, 1.0, extended=True)


# --- pictures --------------------------------------------------------------------------------------------------------


def test_text_is_saved_without_graphviz(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    graph = draw(textbook, 2.0, 5.0)
    graph.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8") == graph.dot + "\n"
    assert graph._repr_mimebundle_() == {"text/plain": graph.dot}


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(ImportError, match=r"pip install 'dualad\[graph\]'"):
        draw(textbook, 2.0, 5.0).svg()


def test_without_the_program_the_remedy_is_named(monkeypatch):
    pytest.importorskip("graphviz")
    monkeypatch.setenv("PATH", "")
    graph = draw(textbook, 2.0, 5.0)
    with pytest.raises(RuntimeError, match="apt install graphviz"):
        graph.svg()
    assert graph._repr_mimebundle_() == {"text/plain": graph.dot}


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"saved as \.dot, \.gv, \.svg, \.png or \.pdf, not as 'graph\.bmp'"):
        draw(textbook, 2.0, 5.0).save(tmp_path / "graph.bmp")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("extended", [False, True])
def test_pictures(tmp_path, extended):
    pytest.importorskip("graphviz")
    graph = draw(textbook, 2.0, 5.0, extended=extended)
    assert graph.png().startswith(b"\x89PNG")
    assert "<svg" in graph.svg() and "v₃ = v₁ + v₂" in graph.svg()
    assert graph._repr_mimebundle_()["image/svg+xml"] == graph.svg()
    graph.save(tmp_path / "graph.svg")
    assert "</svg>" in (tmp_path / "graph.svg").read_text(encoding="utf-8")
