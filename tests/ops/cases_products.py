"""Example calls of the rows of dualad/ops/products.py and dualad/ops/series.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_cases import BEFORE_2_5, Case, Draw, arr


def _complex(x: Any) -> Any:
    return x * np.exp(1j * x)


def com(*shape: int) -> Draw:
    """Describe a complex array."""
    return arr(*shape).via(_complex)


LENGTHS = [(5, 3), (3, 5), (4, 4), (5, 2), (2, 5)]
_CROSS_IN_THE_PLANE = [
    Case(arr(2), arr(2)), Case(arr(4, 2), arr(2)), Case(arr(2), arr(3)), Case(arr(3), arr(4, 2)),
    Case(arr(4, 3), arr(2), axisc=0), Case(arr(2, 4), arr(2, 4), axis=0), Case(com(2), com(2)),
] if BEFORE_2_5 else []  # fmt: skip
_POLY_OF_A_MATRIX = [Case(arr(2, 2).via(lambda a: a @ a.T))] if BEFORE_2_5 else []

CASES: dict[str, list[Case]] = {
    "matmul": [
        Case(arr(3), arr(3)), Case(arr(2, 3), arr(3)), Case(arr(3), arr(3, 4)), Case(arr(2, 3), arr(3, 4)),
        Case(arr(5, 2, 3), arr(3, 4)), Case(arr(2, 3), arr(5, 3, 4)), Case(arr(1, 2, 3), arr(5, 3, 4)),
        Case(arr(4, 1, 2, 3), arr(5, 3, 2)), Case(arr(3), arr(5, 3, 2)), Case(arr(5, 2, 3), arr(3)),
        Case(arr(0, 3), arr(3, 2)), Case(arr(2, 0), arr(0, 3)), Case(arr(2, 3).f32, arr(3, 4).f32),
        Case(arr(2, 3).f32, arr(3, 4)), Case(arr(2, 3).strided, arr(3, 4).fortran),
        Case(arr(2, 3), np.eye(3, dtype=int)),
        Case(arr(2, 5, 3), arr(5, 4, 3), axes=[(0, 2), (2, 1), (2, 1)]),
        Case(com(2, 3), com(3, 2)), Case(com(3), com(3, 2)), Case(com(2, 3), com(3)), Case(com(2, 2, 3), com(3, 2)),
    ],
    "linalg.matmul": [Case(arr(2, 3), arr(3, 4)), Case(arr(2, 2, 3), arr(3, 1)), Case(arr(3), arr(3))],
    "dot": [
        Case(arr(), arr(3, 2)), Case(arr(3), arr()), Case(arr(3), arr(3)), Case(arr(2, 3), arr(3)),
        Case(arr(3), arr(3, 4)), Case(arr(5, 2, 3), arr(3)), Case(arr(2, 3), arr(6, 3, 4)),
        Case(arr(5, 2, 3), arr(6, 3, 4)), Case(arr(2, 0), arr(0, 3)), Case(arr(3).f32, arr(3, 2).f32),
        Case(np.array(3.0), arr(3)),
        Case(com(3), com(3)), Case(com(2, 2, 3), com(2, 3, 2)),
    ],
    "inner": [
        Case(arr(), arr(3)), Case(arr(3), arr(3)), Case(arr(2, 3), arr(3)), Case(arr(5, 2, 3), arr(6, 4, 3)),
        Case(arr(2, 0), arr(3, 0)), Case(arr(2, 3).strided, arr(3).f32),
        Case(com(2, 3), com(3)),
    ],
    "vdot": [
        Case(arr(3), arr(3)), Case(arr(2, 3), arr(3, 2)), Case(arr(2, 3).fortran, arr(6)), Case(arr(), arr()),
        Case(com(3), com(3)), Case(com(2, 2), com(4)), Case(com(3), com(3)),
    ],
    "vecdot": [
        Case(arr(3), arr(3)), Case(arr(2, 3), arr(3)), Case(arr(5, 2, 3), arr(1, 2, 3)),
        Case(arr(3, 2), arr(3, 1), axis=0),
        Case(arr(2, 3), arr(3), keepdims=True), Case(arr(3, 2), arr(2, 3), axes=[0, 1, ()]), Case(arr(0, 3), arr(3)),
        Case(com(2, 3), com(3)), Case(com(3), com(2, 3)), Case(com(3), com(2, 3)),
    ],
    "linalg.vecdot": [Case(arr(3, 2), arr(3, 2), axis=0), Case(arr(3, 2), arr(2))],
    "matvec": [
        Case(arr(2, 3), arr(3)), Case(arr(5, 2, 3), arr(3)), Case(arr(2, 3), arr(5, 3)),
        Case(arr(2, 3, 5), arr(3, 5), axes=[(0, 1), 0, 0]),
    ],
    "vecmat": [
        Case(arr(3), arr(3, 2)), Case(arr(5, 3), arr(3, 2)), Case(arr(3), arr(5, 3, 2)),
        Case(com(3), com(3, 2)), Case(com(3), com(3, 2)),
    ],
    "outer": [
        Case(arr(3), arr(4)), Case(arr(3, 2), arr(4).f32), Case(arr(), arr(4)), Case(arr(0), arr(4)),
        Case(com(3), com(2)), Case(com(3), com(2)),
    ],
    "linalg.outer": [Case(arr(3), arr(4))],
    "tensordot": [
        Case(arr(2, 3, 4), arr(3, 4, 5)), Case(arr(2, 3), arr(3, 4), 1), Case(arr(2, 3), arr(3, 4), axes=0),
        Case(arr(2, 3, 4), arr(4, 5, 2), axes=([0, 2], [2, 0])), Case(arr(2, 3), arr(4, 2), axes=(0, 1)),
        Case(arr(2, 3).strided, arr(4, 2).f32, axes=(-2, [-1])), Case(arr(2, 3), arr(3, 2), axes=([0, 1], [1, 0])),
        Case(com(2, 3), com(3, 4), 1),
    ],
    "linalg.tensordot": [Case(arr(2, 3), arr(3, 4), axes=1)],
    "kron": [
        Case(arr(2, 3), arr(3, 2)), Case(arr(3), arr(2)), Case(arr(3), arr(2, 2)), Case(arr(2, 1, 2), arr(2)),
        Case(arr(), arr(2)), Case(arr(2, 0), arr(2, 2)), Case(arr(2, 2).f32, arr(2, 2).strided),
        Case(com(2), com(2, 2)),
    ],
    "linalg.multi_dot": [
        Case([arr(2, 3), arr(3, 4)]), Case([arr(3), arr(3, 4), arr(4, 2)]), Case([arr(3), arr(3, 4), arr(4)]),
        Case([arr(2, 3), arr(3, 4), arr(4, 1), arr(1, 3), arr(3)]), Case((arr(2, 2, 3), arr(3))),
        Case([arr(2, 3).f32, arr(3, 4).f32, arr(4, 2).f32]), Case([arr(2, 0), arr(0, 3), arr(3, 2)]),
    ],
    "einsum": [
        Case("ij,jk->ik", arr(2, 3), arr(3, 4)), Case("ij,jk", arr(2, 3), arr(3, 4)), Case("ij->ji", arr(2, 3)),
        Case("ij->", arr(2, 3)), Case("ij->j", arr(2, 3).strided), Case("ii->i", arr(3, 3)), Case("ii", arr(3, 3)),
        Case("iji->ij", arr(3, 2, 3)), Case("ijij->ji", arr(3, 2, 3, 2)), Case("iii->i", arr(3, 3, 3)),
        Case("i,i->i", arr(3), arr(3)), Case("i,j->ij", arr(3), arr(2)), Case("i,j->", arr(3), arr(2)),
        Case("ijk,jil->kl", arr(2, 3, 4), arr(3, 2, 2)), Case("...ij,...jk->...ik", arr(5, 1, 2, 3), arr(4, 3, 2)),
        Case("...,...", arr(2, 3), arr(3)), Case("i...,i...->...", arr(3, 2), arr(3, 1)),
        Case("ij,jk,kl->il", arr(2, 3), arr(3, 4), arr(4, 2)), Case("i,ij,j", arr(2), arr(2, 3), arr(3)),
        Case("ii,ij,j->i", arr(2, 2), arr(2, 3), arr(3)), Case("ij,ij->ij", arr(1, 3), arr(2, 3)),
        Case("bij,bjk->bik", arr(4, 2, 3), arr(4, 3, 2), optimize=True), Case("ij,jk->ik", arr(0, 3), arr(3, 2)),
        Case("ij,kl,jm,ln->ikmn", arr(2, 3), arr(2, 2), arr(3, 2), arr(2, 3), optimize="greedy"),
        Case(",i->i", arr(), arr(3)), Case(" i j , j -> i ", arr(2, 3), arr(3)), Case("...i->...", arr(2, 3)),
        Case(arr(2, 3), [0, 1], arr(3, 4), [1, 2], [0, 2]), Case(arr(2, 3), [0, 1], arr(3, 4), [1, 2]),
        Case(arr(5, 2, 3), [Ellipsis, 0, 1], arr(3), [1], [Ellipsis, 0]), Case(arr(2, 3), [1, 0]),
        Case("ij,jk", arr(2, 3).f32, arr(3, 4).f32), Case("ij,jk", arr(2, 3), np.arange(6).reshape(3, 2)),
        Case("ij,jk,k->i", com(2, 3), com(3, 4), com(4)), Case("ii->i", com(3, 3)), Case("ij->i", com(2, 3)),
    ],
    "cross": [
        Case(arr(3), arr(3)), Case(arr(2, 3), arr(3)), Case(arr(5, 1, 3), arr(2, 3)),
        Case(arr(3, 4), arr(4, 3), axisa=0, axisc=0), Case(arr(3, 4), arr(3, 4), axis=0),
        Case(arr(0, 3), arr(3)), Case(arr(2, 3).f32, arr(3).f32), Case(com(2, 3), com(3)), *_CROSS_IN_THE_PLANE,
    ],
    "linalg.cross": [Case(arr(3, 4), arr(3, 4), axis=0), Case(arr(2, 3), arr(3))],
    "convolve": [
        *(Case(arr(n), arr(m), mode) for n, m in LENGTHS for mode in ("full", "same", "valid")),
        Case(arr(1), arr(4)), Case(arr(), arr(3)), Case(arr(5).f32, arr(3).f32), Case(arr(5).strided, arr(3).strided),
        Case(com(4), com(3)), Case(com(3), com(4), "same"),
    ],
    "correlate": [
        *(Case(arr(n), arr(m), mode) for n, m in LENGTHS for mode in ("full", "same", "valid")),
        Case(arr(1), arr(4)), Case(arr(5).f32, arr(3).f32), Case(arr(5), np.array([1, 2, -1])),
        Case(com(4), com(3)), Case(com(3), com(4), "same"), Case(com(3), com(4), "full"),
    ],
    "polyval": [
        Case(arr(4), arr(3)), Case(arr(4), arr()), Case(arr(0), arr(2)), Case(arr(4), arr(2, 2).f32),
        Case([1.0, 2.0, 3.0], arr(3).strided), Case(arr(3), 2.0),
    ],
    "polyadd": [Case(arr(4), arr(2)), Case(arr(2), arr(4)), Case(arr(3), arr(3)), Case(arr(), arr(2))],
    "polysub": [Case(arr(4), arr(2)), Case(arr(2), arr(4)), Case(arr(3), arr(3)), Case(2.0, arr(2))],
    "polymul": [
        Case(arr(4), arr(2)), Case(arr(2).f32, arr(4)), Case(np.array([0.0, 0.0, 1.0]), arr(3)),
        Case(np.zeros(2), arr(3)),
    ],
    "polyder": [Case(arr(4)), Case(arr(4), 2), Case(arr(2), 3), Case(arr(3), 0), Case(arr(3).f32)],
    "polyint": [
        Case(arr(3)), Case(arr(3), 2), Case(arr(3), 2, 3.0), Case(arr(3), 2, [1.0, 2.0]), Case(arr(3), 0),
        Case(arr(3), k=arr(1)),
    ],
    "poly": [Case(arr(3)), Case(arr(0)), Case(arr(1)), Case(arr(2).f32), *_POLY_OF_A_MATRIX],
    "polyfit": [
        Case(arr(6), arr(6), 2), Case(arr(6), arr(6, 2), 2, w=arr(6).on(1, 2)), Case(arr(6), arr(6), 2, cov=True),
        Case(arr(6), arr(6), 1, cov="unscaled"), Case(arr(6), arr(6), 2, full=True),
        Case(arr(6), arr(6, 2), 1, cov=True),
    ],
    "vander": [
        Case(arr(4)), Case(arr(4), 2), Case(arr(4), 5, increasing=True), Case(arr(4), 0), Case(arr(4), 1),
        Case(arr(3).f32),
        Case(arr(3).with_(1, 0.0)),
    ],
    "interp": [
        Case(arr(9).on(-3, 3), arr(6).via(np.sort), arr(6)), Case(np.arange(4.0), np.arange(4.0), arr(4)),
        Case(arr(3, 3), arr(6).via(np.sort), arr(6), left=1.0, right=arr()), Case(arr(5), arr(6), arr(6), period=1.5),
        Case(0.1, arr(6).via(np.sort), arr(6)), Case(arr(5), arr(1), arr(1)), Case(arr(0), arr(2).via(np.sort), arr(2)),
        Case(arr(5).f32, arr(4).f32.via(np.sort), arr(4).f32), Case(arr(5), np.array([0.0, 1.0, 1.0, 2.0]), arr(4)),
        Case(np.array([2.0, 3.0, np.nan]), np.arange(3.0), arr(3)).kink(), Case(arr(5), [-1, 0, 2], [1, 5, 3]),
    ],
    "cov": [
        Case(arr(3, 5)), Case(arr(5)), Case(arr(1, 5)), Case(arr(3, 5), arr(2, 5)), Case(arr(3, 5), bias=True),
        Case(arr(3, 5), rowvar=False), Case(arr(5, 3), arr(5, 2), False), Case(arr(3, 5), ddof=0),
        Case(arr(3, 5), arr(5), fweights=np.arange(5)), Case(arr(3, 5), aweights=arr(5).on(1, 2)),
        Case(arr(3, 5), aweights=arr(5).on(1, 2), fweights=np.arange(5), ddof=0), Case(arr(2, 4).f32), Case(arr(0, 3)),
    ],
    "corrcoef": [
        Case(arr(3, 5)), Case(arr(5)), Case(arr(5), arr(5)), Case(arr(5, 3), arr(5, 2), False), Case(arr(2, 4).f32),
    ],
    "bincount": [
        Case(np.array([0, 2, 2, 1]), arr(4)), Case(np.array([0, 2, 2, 1]), weights=arr(4).f32, minlength=6),
        Case(np.array([0, 2, 2, 1])), Case(np.array([], dtype=int), arr(0), 3), Case([1, 1, 0], [1, 2, 3]),
    ],
}  # fmt: skip
