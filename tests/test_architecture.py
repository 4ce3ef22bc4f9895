"""Imports point downward: every module is held against the list of rooms from which the documentation is drawn."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import dualad

PACKAGE = Path(dualad.__file__).parent
ROOT = Path(__file__).parents[1]
ROOMS = tomllib.loads((ROOT / "docs" / "internals" / "rooms.toml").read_text())
ROOM_OF_COMPILED = {name: room for room, entry in ROOMS.items() for name in entry.get("compiled", ())}

MODULES = sorted(PACKAGE.rglob("*.py"))
CYTHON = sorted((ROOT / "cython_ext" / "dualad").glob("_*.p[yx][xd]"))


def names_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts


def room_of(path):
    """The room of a module; what stands beside the rooms, above all of them, is the face."""
    first = names_of(path)[0]
    return "face" if first in ("__init__", "__main__", "testing") else first


def imported(tree):
    """Yield the parts below ``dualad`` of everything that a module imports from the package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            found = [[*node.module.split("."), alias.name] for alias in node.names]
        else:
            continue
        yield from (parts[1:] for parts in found if parts[0] == "dualad")


def imported_by_cython(text):
    """The same for a Cython module: imports and cimports."""
    pattern = r"^(?:from|cimport|import)\s+dualad(?:\.([\w.]+))?(?:\s+c?import\s+(.+))?"
    for module, names in re.findall(pattern, text, re.M):
        yield from ([module.split(".")[0]] if module else [name.split()[0]] for name in names.split(","))


def complaint(room, target):
    if target == room or room == "face":
        return None
    if target not in ROOMS:
        return f"{room} imports {target!r}, which is no room of docs/internals/rooms.toml"
    if target not in ROOMS[room]["imports"]:
        return f"{room} imports {target}, which docs/internals/rooms.toml does not allow"
    return None


def test_the_list_names_every_room_and_no_other():
    in_python = {room_of(path) for path in MODULES} - {"face"}
    only_compiled = {room for room, entry in ROOMS.items() if entry.get("compiled")} - in_python
    assert in_python | only_compiled == set(ROOMS)
    assert {path.stem for path in CYTHON} == set(ROOM_OF_COMPILED)


def test_allowed_directions_point_downward():
    seen = []
    for room, entry in ROOMS.items():
        assert set(entry["imports"]) <= set(seen), f"{room} may import a room that is not below it"
        assert all(ROOMS[other]["floor"] <= entry["floor"] for other in entry["imports"])
        seen.append(room)
    floors = [entry["floor"] for entry in ROOMS.values()]
    assert floors == sorted(floors)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: ".".join(names_of(path)))
def test_module(path):
    room = room_of(path)
    for parts in imported(ast.parse(path.read_text())):
        if room == "face" and not parts:
            continue
        target = parts[0]
        if target.startswith("_") and target in ROOM_OF_COMPILED:
            assert names_of(path) == (room, "kernels"), "compiled modules are imported through kernels.py only"
            target = ROOM_OF_COMPILED[target]
        elif room != "face":
            assert target in ROOMS, f"{'.'.join(parts)} is imported from the package itself"
        assert complaint(room, target) is None


@pytest.mark.parametrize("path", CYTHON, ids=lambda path: path.name)
def test_cython_module(path):
    room = ROOM_OF_COMPILED[path.stem]
    for target, *_ in imported_by_cython(path.read_text()):
        assert complaint(room, ROOM_OF_COMPILED.get(target, target)) is None
