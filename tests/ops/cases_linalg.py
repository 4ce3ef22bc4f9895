"""Example calls of the rows of dualad/ops/linalg*.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_cases import BEFORE_2_5, Case, Draw, arr


def _definite(a: Any) -> Any:
    return (a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1])).astype(a.dtype)


def _with_real_eigenvalues(a: Any) -> Any:
    n = a.shape[-1]
    basis = a + 3 * np.eye(n)
    return (basis * np.arange(1.0, n + 1) @ np.linalg.inv(basis)).astype(a.dtype)


def _far_from_singular(a: Any) -> Any:
    return (a + 4 * np.eye(a.shape[-1])).astype(a.dtype)


def _of_rank_two(a: Any) -> Any:
    return (a[..., :2] @ a[..., :2, :]).astype(a.dtype)


def definite(*shape: int) -> Draw:
    """Describe symmetric positive definite matrices."""
    return arr(*shape).via(_definite)


def regular(*shape: int) -> Draw:
    """Describe well conditioned square matrices."""
    return arr(*shape).via(_far_from_singular)


SQUARE = [(3, 3), (2, 3, 3), (1, 1), (2, 1, 2, 2)]
ANY = [(4, 3), (3, 3), (3, 5), (2, 4, 3), (2, 3, 4), (1, 1)]
EMPTY = [(0, 0), (0, 2, 2)]
VECTOR_ORDERS: list[Any] = [None, 0, 1, 2, 3, -1, -2, 0.5, 1.5, np.inf, -np.inf]
MATRIX_ORDERS: list[Any] = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


EIGENVALUES = [
    *(Case(arr(*s).via(_with_real_eigenvalues)) for s in SQUARE), Case(definite(3, 3).f32),
] if BEFORE_2_5 else [Case(arr(3, 3).via(lambda a: _with_real_eigenvalues(a) + 0j)).kink()]  # fmt: skip

CASES: dict[str, list[Case]] = {
    "linalg.matrix_transpose": [Case(arr(2, 3)), Case(arr(2, 2, 3).f32), Case(arr(0, 3))],
    "linalg.diagonal": [
        Case(arr(3, 4)), Case(arr(2, 3, 4), offset=-1), Case(arr(3, 4), offset=2), Case(arr(3, 4), offset=9),
    ],
    "linalg.trace": [Case(arr(3, 4)), Case(arr(2, 3, 4), offset=-1), Case(arr(3, 4).f32, offset=2), Case(arr(0, 0))],
    "linalg.solve": [
        Case(regular(3, 3), arr(3)), Case(regular(3, 3), arr(3, 2)), Case(regular(4, 3, 3), arr(3)),
        Case(regular(4, 3, 3), arr(4, 3, 2)), Case(regular(1, 3, 3), arr(4, 3, 2)), Case(regular(3, 3), arr(4, 3, 2)),
        Case(regular(4, 3, 3), arr(3, 2)), Case(regular(2, 1, 3, 3), arr(4, 3, 1)), Case(regular(0, 3, 3), arr(3, 2)),
        Case(regular(3, 3), arr(3, 0)), Case(regular(3, 3).f32, arr(3).f32),
        Case(regular(3, 3).fortran, arr(3).strided),
        Case(np.diag([1, 2, 4]), arr(3)), Case(arr(0, 0), arr(0)),
    ],
    "linalg.inv": [*(Case(regular(*s)) for s in SQUARE + EMPTY), Case(regular(3, 3).f32), Case(regular(3, 3).strided)],
    "linalg.det": [
        *(Case(regular(*s)) for s in SQUARE + EMPTY), Case(regular(3, 3).f32), Case(arr(2, 2).via(np.zeros_like)),
        Case(arr(3, 3).via(lambda a: np.floor(a[:, :1]) * np.arange(3.0))),
    ],
    "linalg.slogdet": [*(Case(regular(*s)) for s in SQUARE + EMPTY), Case(regular(3, 3).f32), Case(arr(3, 3))],
    "linalg.matrix_power": [
        *(Case(regular(3, 3), n) for n in (-3, -2, -1, 0, 1, 2, 3, 4, 5, 7)), Case(arr(2, 3, 3), 3),
        Case(arr(2, 2).f32, 6),
    ],
    "linalg.tensorsolve": [Case(arr(2, 3, 6), arr(2, 3)), Case(arr(2, 6, 3), arr(2, 3), axes=(1,))],
    "linalg.tensorinv": [Case(arr(4, 6, 8, 3)), Case(arr(24, 8, 3), ind=1)],
    "linalg.cholesky": [
        *(Case(definite(*s)) for s in SQUARE + EMPTY), Case(definite(3, 3), upper=True), Case(definite(3, 3).f32),
    ],
    "linalg.qr": [
        *(Case(arr(*s), mode) for s in [*ANY, (0, 3, 2)] for mode in ("reduced", "r")), Case(arr(3, 3), "complete"),
        Case(arr(3, 5), "complete"), Case(arr(4, 3).f32), Case(arr(0, 3)),
    ],
    "linalg.eigh": [
        *(Case(arr(*s)) for s in SQUARE + EMPTY), Case(arr(3, 3), UPLO="U"), Case(definite(3, 3).f32),
        Case(definite(4, 4).fortran),
    ],
    "linalg.eigvalsh": [*(Case(arr(*s)) for s in SQUARE + EMPTY), Case(arr(3, 3), UPLO="U"), Case(definite(3, 3).f32)],
    "linalg.eig": EIGENVALUES,
    "linalg.eigvals": EIGENVALUES,
    "linalg.svd": [
        *(Case(arr(*s), full_matrices=False) for s in [*ANY, (0, 3, 2), (0, 2)]), Case(arr(3, 3)),
        Case(arr(4, 3), compute_uv=False),
        Case(arr(3, 3), hermitian=True), Case(arr(2, 3, 3), hermitian=True, compute_uv=False),
        Case(arr(4, 3).f32, False),
    ],
    "linalg.svdvals": [*(Case(arr(*s)) for s in [*ANY, (0, 3, 2)]), Case(arr(3, 2).f32)],
    "linalg.pinv": [
        *(Case(arr(*s)) for s in ANY), Case(arr(4, 4).via(_of_rank_two)).kink(), Case(definite(3, 3), hermitian=True),
        Case(arr(4, 3), 1e-12), Case(arr(4, 3), rtol=None), Case(arr(0, 2)), Case(arr(4, 3).f32),
    ],
    "linalg.lstsq": [
        *(Case(arr(*s), arr(s[0])) for s in [(5, 3), (3, 3), (3, 5), (1, 1)]), Case(arr(5, 3), arr(5, 2)),
        Case(arr(5, 3), arr(5, 0)), Case(arr(4, 4).via(_of_rank_two), arr(4, 2)).kink(),
        Case(arr(5, 3).f32, arr(5).f32),
        Case(np.arange(8).reshape(4, 2), arr(4)), Case(arr(5, 3), arr(5), 1e-12), Case(arr(3, 2), np.array([1, 2, 3])),
    ],
    "linalg.norm": [
        *(Case(arr(*s)) for s in [(4,), (3, 4), (2, 3, 4), (), (0,)]), Case(arr(2, 3), keepdims=True),
        *(Case(arr(5), order) for order in VECTOR_ORDERS), *(Case(arr(3, 4), order, 0) for order in VECTOR_ORDERS),
        *(Case(arr(2, 3, 4), order, axis=-2, keepdims=True) for order in VECTOR_ORDERS),
        *(Case(arr(3, 4), order) for order in MATRIX_ORDERS),
        *(Case(arr(3, 4, 2), order, (0, 2)) for order in MATRIX_ORDERS),
        *(Case(arr(2, 3, 4), order, axis=(2, -2), keepdims=True) for order in MATRIX_ORDERS),
        Case(arr(3).f32), Case(arr(3).f32, np.inf), Case(arr(3, 3).f32, 2), Case(arr(3, 3).f32, 1), Case(arr(3).f32, 3),
        Case(arr(3).via(np.zeros_like)).kink(), Case(arr(3).with_(1, 0.0), 0.5).kink(),
        Case(arr(4).via(np.sign), np.inf).kink(),
        Case(arr(3).with_(1, 0.0), 3), Case(arr(2, 2).via(np.zeros_like), 2).kink(), Case(arr(3, 4).strided, "nuc"),
    ],
    "linalg.vector_norm": [
        *(Case(arr(3, 4), ord=order) for order in VECTOR_ORDERS if order is not None),
        *(Case(arr(2, 3, 4), ord=order, axis=(0, 2)) for order in (2, 3, np.inf)),
        Case(arr(2, 3, 4), axis=(2, -2), keepdims=True),
        Case(arr(2, 3), keepdims=True), Case(arr(), ord=3), Case(arr(3, 2).f32, axis=1),
    ],
    "linalg.matrix_norm": [
        *(Case(arr(2, 3, 4), ord=order) for order in MATRIX_ORDERS if order is not None),
        Case(arr(3, 4), keepdims=True, ord=2),
        Case(arr(3, 2).f32, ord="nuc"),
    ],
    "linalg.cond": [
        *(Case(regular(3, 3), p) for p in MATRIX_ORDERS), Case(arr(2, 3, 4)), Case(regular(2, 3, 3), "nuc"),
        Case(arr(4, 3).f32),
    ],
}  # fmt: skip
