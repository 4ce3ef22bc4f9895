"""The machine's opcodes are numbered in C; Python's table of them repeats the numbers."""

import re
from pathlib import Path

import pytest

from dualad.program.kernels import OPCODES

HEADERS = Path(__file__).parents[2] / "cython_ext" / "dualad"

pytestmark = pytest.mark.skipif(not HEADERS.exists(), reason="the source of the machine is not here")


def test_opcodes_have_the_numbers_of_the_machine():
    text = re.sub(r"/\*.*?\*/", "", (HEADERS / "parts.h").read_text(), flags=re.DOTALL)
    (enumerators,) = re.findall(r"enum \{\s*(OP_ADD\b[^}]*)\}", text)
    assert "=" not in enumerators  # they count from zero
    names = [name.strip() for name in enumerators.split(",")]
    assert names.pop() == "BLOCK_PAIR"
    told = [re.sub(r"^(OP|BLOCK)_", "", name).lower() for name in names]
    # Behind them the operations that are done two at once, in the order of the array of their functions.
    text = (HEADERS / "groups.h").read_text()
    (seconds,) = re.findall(r"#define NAMED\(name\)(.*)", text)
    (firsts,) = re.findall(r"Pair pair\[PAIR_COUNT\] = \{(.*)\};", text)
    seconds = re.findall(r"pair_##name##_(\w+)", seconds)
    told += [f"{first}, {second}" for first in re.findall(r"NAMED\((\w+)\)", firsts) for second in seconds]
    assert [name.lower() for name in OPCODES] == told
    assert list(OPCODES.values()) == list(range(len(told)))
