"""The operations of a group made fewer: signs carried along, and two operations done as one.

All of it is exact: -(a*b) is (-a)*b, x + (-y) is x - y, to the last bit and for zeros, infinities and NaN alike.
"""

from __future__ import annotations

from collections.abc import Callable

from dualad.program.groups import Group, Member
from dualad.program.kernels import OPCODES

__all__ = ["paired", "signed"]

_ADD, _SUBTRACT, _MULTIPLY, _SCALE = (OPCODES[name] for name in ("add", "subtract", "multiply", "scale"))
_DIVIDE, _NEGATIVE, _SQUARE = (OPCODES[name] for name in ("divide", "negative", "square"))
_FIRST: dict[int, str] = {_ADD: "add", _SUBTRACT: "subtract", _MULTIPLY: "multiply", _SCALE: "scale"}


class _Signs:
    """Members rewritten so that a negated result is negated only where its user cannot do that for nothing."""

    def __init__(self, members: list[Member], negated: Callable[[int], int | None], wanted: set[int]) -> None:
        self.made: list[Member] = []
        self.negated, self.wanted = negated, wanted
        self.of: dict[int, tuple[int, bool]] = {}  # of a key: what holds it, and whether that is to be negated
        self.own: dict[int, int] = {}  # of a key that is to be negated: the key that holds it after all
        self.next = 1 + max((member.key for member in members), default=0)
        for member in members:
            self._take(member)

    def plain(self, key: int) -> int:
        """Return a key that holds a value itself."""
        held, minus = self.of.get(key, (key, False))
        if not minus:
            return held
        if key not in self.own:
            self.own[key] = self._emit(None, _NEGATIVE, 0, [held])
        return self.own[key]

    def _emit(self, key: int | None, op: int, function: int, operands: list[int]) -> int:
        if key is None:
            key, self.next = self.next, self.next + 1
        self.made.append(Member(key, op, function, operands))
        return key

    def _take(self, member: Member) -> None:
        key, op = member.key, member.op
        held = [self.of.get(x, (x, False)) for x in member.operands]
        keys, signs = [x for x, _ in held], [minus for _, minus in held]
        if op == _NEGATIVE and key not in self.wanted:
            self.of[key] = keys[0], not signs[0]
        elif op in (_MULTIPLY, _DIVIDE) and any(signs):
            minus = signs[0] != signs[1]
            for i in (0, 1) if minus else ():
                other = self.negated(keys[i])
                if other is not None:
                    keys[i], minus = other, False
                    break
            if minus and key in self.wanted:
                self._emit(key, op, member.function, [self.plain(x) for x in member.operands])
                return
            self._emit(key, op, member.function, keys)
            self.of[key] = key, minus
        elif op == _SQUARE:
            self._emit(key, op, member.function, keys)
        elif op == _ADD and signs[0] != signs[1]:
            self._emit(key, _SUBTRACT, 0, keys if signs[1] else keys[::-1])
        elif op == _SUBTRACT and signs == [False, True]:
            self._emit(key, _ADD, 0, keys)
        elif op == _SUBTRACT and signs == [True, True]:
            self._emit(key, _SUBTRACT, 0, keys[::-1])
        else:
            self._emit(key, op, member.function, [self.plain(x) for x in member.operands])


def signed(made: Group, negated: Callable[[int], int | None]) -> None:
    """Carry signs along; ``negated`` returns the operand that is a constant operand's negative, None for others."""
    if not any(member.op == _NEGATIVE for member in made.members):
        return
    wanted = {key for key, _, _ in made.stores} | {key for key, *_ in made.sinks}
    made.members = _Signs(made.members, negated, wanted).made
    used = set(wanted)
    for member in reversed(made.members):
        if member.key in used:
            used.update(member.operands)
    made.members = [member for member in made.members if member.key in used]


def paired(made: Group) -> None:
    """Do an operation together with the only one that uses its result."""
    uses: dict[int, int] = dict.fromkeys([*(store[0] for store in made.stores), *(sink[0] for sink in made.sinks)], 2)
    at: dict[int, Member] = {}
    for member in made.members:
        for x in member.operands:
            uses[x] = uses.get(x, 0) + 1
    gone: set[int] = set()
    for member in made.members:
        if member.op in _FIRST:
            for i in (1, 0):
                first = at.get(member.operands[i])
                if first is None or uses[first.key] != 1:
                    continue
                second = _FIRST[member.op]
                if second == "subtract" and i == 1:
                    second = "from"
                member.op = OPCODES[f"{_FIRST[first.op]}, {second}"]
                member.operands = [*first.operands, member.operands[1 - i]]
                gone.add(first.key)
                break
            else:
                at[member.key] = member
    made.members = [member for member in made.members if member.key not in gone]
