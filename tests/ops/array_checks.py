"""What the tests of the array rows share: the calls, random directions, comparisons, and derivatives by differences."""

from __future__ import annotations

import importlib
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from array_cases import Case

from dualad.ops.table import TABLE, Bilinear, Composed, Linear, Ruled

CASES: dict[str, list[Case]] = {}
for _path in sorted(Path(__file__).parent.glob("cases_*.py")):
    CASES |= importlib.import_module(_path.stem).CASES

ROWS = {row.name: row for row in TABLE.rows() if isinstance(row, (Linear, Bilinear, Ruled, Composed))}


def calls(*kinds: type) -> Any:
    """Parametrize a test by the cases of the rows of some kinds."""
    params = [
        pytest.param(name, case, id=f"{name}-{i}")
        for name, row in ROWS.items()
        if isinstance(row, kinds)
        for i, case in enumerate(CASES.get(name, ()))
    ]
    return pytest.mark.parametrize(("name", "case"), params)


# --- calls and their operands ----------------------------------------------------------------------------------------


class Call:
    """A call of a row with the operands taken out, so that others can be put in."""

    def __init__(self, name: str, case: Case) -> None:
        self.row: Any = ROWS[name]
        self.rng = np.random.default_rng(zlib.crc32(f"{name}{case!r}".encode()))
        self.args, self.kwargs = case.build(self.rng)
        names = self.row.operands
        self.star = bool(names) and names[0].startswith("*")
        self.plan = self.row.plan(*self.args, **self.kwargs)
        if self.star:
            variadic = getattr(self.row, "variadic", False)
            self.in_sequence = not variadic
            self.operands = list(self.args if variadic else self.args[0])
        else:
            given = [(i, n) for i, n in enumerate(names) if i < len(self.args) or n in self.kwargs]
            self.places = [i if i < len(self.args) else n for i, n in given]
            self.operands = [self.args[p] if isinstance(p, int) else self.kwargs[p] for p in self.places]

    def value(self, operands: list[Any]) -> Any:
        """Call the public function."""
        if self.star:
            args = (operands, *self.args[1:]) if self.in_sequence else tuple(operands)
            return self.row.function(*args, **self.kwargs)
        args, kwargs = list(self.args), dict(self.kwargs)
        for place, operand in zip(self.places, operands, strict=True):
            if isinstance(place, int):
                args[place] = operand
            else:
                kwargs[place] = operand
        return self.row.function(*args, **kwargs)

    def varied(self) -> list[int]:
        """The numbers of the operands that are given and are floating point."""
        return [i for i, x in enumerate(self.operands) if x is not None and np.asarray(x).dtype.kind in "fc"]

    def direction(self, i: int, lanes: tuple[int, ...] = ()) -> Any:
        """Return a random tangent of one operand."""
        return self._normal(np.asarray(self.operands[i]), lanes)

    def _normal(self, like: Any, lanes: tuple[int, ...]) -> Any:
        """Return normal numbers of the shape and dtype of an array; None where it does not vary."""
        shape = lanes + like.shape
        if like.dtype.kind == "c":
            return (self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)).astype(like.dtype)
        return self.rng.standard_normal(shape).astype(like.dtype) if like.dtype.kind == "f" else None

    def cotangent(self, value: Any, lanes: tuple[int, ...] = ()) -> Any:
        """Return a random cotangent of the result; None for a part that does not vary."""
        if isinstance(value, (tuple, list)):
            return tuple(self.cotangent(v, lanes) for v in value)
        return self._normal(np.asarray(value), lanes)

    def moved(self, tangents: dict[int, Any], h: float) -> list[Any]:
        """Return the operands moved by h along tangents."""
        return [like_layout(x, x + h * tangents[i]) if i in tangents else x for i, x in enumerate(self.operands)]


def like_layout(x: Any, y: Any) -> Any:
    """Return y in the memory order of x, in which order="K" reads it."""
    if not isinstance(x, np.ndarray):
        return y
    laid = np.empty_like(x, dtype=y.dtype)
    laid[...] = y
    return laid


def parts(x: Any) -> list[Any]:
    """Return the results of a function as a list, without those that are None."""
    listed = list(x) if isinstance(x, (tuple, list)) else [x]
    return [part for part in listed if part is not None]


def inner(u: Any, v: Any) -> float:
    """Return the real part of the sum of conj(u) v over all results, in double precision."""
    return float(sum(np.sum(np.multiply(np.conj(a), b, dtype=complex)).real for a, b in pairs(u, v)))


def size(u: Any, v: Any) -> float:
    """Return the sum of the absolute values of the products, to which the rounding of their sum is relative."""
    return max(1.0, float(sum(np.sum(np.abs(np.multiply(a, b))) for a, b in pairs(u, v))))


def pairs(u: Any, v: Any) -> list[tuple[Any, Any]]:
    """Return the results that are not None, side by side."""
    us, vs = (list(x) if isinstance(x, (tuple, list)) else [x] for x in (u, v))
    return [(a, b) for a, b in zip(us, vs, strict=True) if a is not None and b is not None]


def difference(a: Any, b: Any) -> Any:
    """Return a - b in double precision."""
    return np.subtract(a, b, dtype=complex if np.iscomplexobj(a) else float)


def close(found: Any, wanted: Any, tolerance: float) -> None:
    """Compare results with a tolerance relative to the largest of them."""
    for f, w in zip(parts(found), parts(wanted), strict=True):
        assert np.shape(f) == np.shape(w)
        scale = max(1.0, float(np.max(np.abs(w), initial=0.0)))
        np.testing.assert_allclose(f, w, rtol=0, atol=tolerance * scale)


def precision(call: Call) -> float:
    """Return the spacing of numbers of the least precise operand."""
    return max(float(np.finfo(np.asarray(call.operands[i]).dtype).eps) for i in call.varied())


def same_in_lanes(lanes: tuple[int, ...], function: Any, inputs: list[Any], eps: float) -> None:
    """Compare a function called once with lanes and once for each lane."""
    together = parts(function(*inputs))
    for part in together:
        assert np.shape(part)[: len(lanes)] == lanes
    for lane in np.ndindex(*lanes):
        single = parts(function(*(None if x is None else x[lane] for x in inputs)))
        close([part[lane] for part in together], single, 100 * eps)
        assert [np.asarray(part).dtype for part in together] == [np.asarray(part).dtype for part in single]


# --- differences -----------------------------------------------------------------------------------------------------


def ridders(function: Any, start: float, rounds: int = 7) -> tuple[list[Any], list[float]]:
    """Return the derivative of ``function(h)`` at 0 by extrapolated central differences, and its estimated error."""
    best: list[Any] = []
    errors: list[float] = []
    table: list[list[list[Any]]] = []
    h = start
    for k in range(rounds):
        ups, downs = parts(function(h)), parts(function(-h))
        row = [[difference(a, b) / (2 * h) for a, b in zip(ups, downs)]]
        for j in range(1, k + 1):
            factor = 4.0**j
            row.append([(factor * a - b) / (factor - 1) for a, b in zip(row[j - 1], table[k - 1][j - 1])])
            for o in range(len(row[j])):
                error = max(
                    float(np.max(np.abs(row[j][o] - row[j - 1][o]), initial=0.0)),
                    float(np.max(np.abs(row[j][o] - table[k - 1][j - 1][o]), initial=0.0)),
                )
                if len(best) <= o:
                    best.append(row[j][o])
                    errors.append(error)
                elif error < errors[o]:
                    best[o], errors[o] = row[j][o], error
        table.append(row)
        h /= 2
    return best, errors


def against_differences(found: list[Any], function: Any, case: Case, start: float = 2e-3) -> None:
    """Compare derivatives with differences, within ten times their estimated error."""
    wanted, errors = ridders(function, start)
    for f, w, error in zip(found, wanted, errors, strict=True):
        assert np.shape(f) == np.shape(w)
        scale = max(1.0, float(np.max(np.abs(w), initial=0.0)))
        assert error <= 1e-5 * case.tolerance * scale, "the differences say nothing; choose another example"
        np.testing.assert_allclose(f, w, rtol=0, atol=(1e-10 * scale + 10 * error) * case.tolerance)


# --- results ---------------------------------------------------------------------------------------------------------


def leaves(x: Any) -> list[Any]:
    """Return all arrays in nested lists and tuples."""
    return [leaf for part in x for leaf in leaves(part)] if isinstance(x, (tuple, list)) else [x]


def same_bits(found: Any, wanted: Any) -> None:
    assert type(found) is type(wanted) or not isinstance(wanted, (tuple, list))
    for f, w in zip(leaves(found), leaves(wanted), strict=True):
        if w is None:
            assert f is None
            continue
        f, w = np.asarray(f), np.asarray(w)
        assert f.dtype == w.dtype
        assert f.shape == w.shape
        np.testing.assert_array_equal(f, w, strict=True)
        if f.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(f[~np.isnan(f)]), np.signbit(w[~np.isnan(w)]))
