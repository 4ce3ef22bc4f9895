"""Example calls of indexing, choosing, sorting and of functions that write in place."""

from __future__ import annotations

import numpy as np
from array_cases import Case, arr

X = arr(3, 4, 5)
MASK = np.random.default_rng(2).random((3, 4)) < 0.5
CUBE = np.random.default_rng(3).random((3, 4, 5)) < 0.5
ROWS = np.array([0, 2, 2])
GRID = np.array([[0, 1], [1, 3]])
FULL = slice(None)
INDICES = [
    0,
    (1, -1),
    (1, 2, 3),
    slice(None, None, -2),
    (Ellipsis, 1),
    (0, Ellipsis, slice(1, 3)),
    (None, 1, None, slice(2), Ellipsis, None),
    Ellipsis,
    (),
    None,
    [0, 2, 2],
    ROWS,
    (FULL, GRID),
    (FULL, [1, -1], 2),
    (0, FULL, [1, 4, 1]),
    (ROWS, FULL, np.array([1, 0, 4])),
    (ROWS, None, [0, 1, 0]),
    (ROWS[:2, None], FULL, GRID),
    (FULL, 0, Ellipsis, [1, 2, 3]),
    (Ellipsis, GRID, GRID),
    (FULL, [1, 2], slice(None, None, 2)),
    MASK,
    CUBE,
    (FULL, np.array([True, False, True, True])),
    (0, MASK[0], FULL),
    (MASK[:, 0], FULL, [0]),
    (np.array([True, False, True]), 1),
    np.array(1),
    np.int64(2),
    True,
    (FULL, np.False_),
    np.zeros((0,), dtype=int),
    np.zeros((3, 4), dtype=bool),
    (ROWS, [1, 1, 1], [0, 0, 0]),
]
METHODS = [
    "linear", "hazen", "weibull", "median_unbiased", "normal_unbiased", "interpolated_inverted_cdf", "lower", "higher",
    "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
]  # fmt: skip
NAN = np.nan
MEDIANS = [
    Case(arr(5)),
    Case(arr(6).f32),
    Case(arr()),
    Case(arr(3, 4), axis=0),
    Case(arr(3, 4).strided, axis=-1, keepdims=True),
    Case(arr(2, 3, 4), axis=(0, -1)),
    Case(arr(2, 3, 4).fortran, axis=(2, 1), keepdims=True),
]
HOLES = [
    Case(arr(6).with_(2, NAN)),
    Case(arr(4, 5).with_((1, 2), NAN).with_((1, 4), NAN).with_((0, 0), NAN), axis=1),
    Case(arr(4, 5).f32.with_((1, 2), NAN), axis=0, keepdims=True),
]
TIED = Case(np.array([1.0, 2.0, 2.0, 2.0, 3.0, 0.0])).kink()


def quantiles(unit: float, *weights: int) -> list[Case]:
    """Return calls of np.quantile (unit 1) or np.percentile (unit 100); ``weights`` is a shape beside (3, 4)."""
    return [
        Case(arr(7), 0.3 * unit),
        Case(arr(3, 5).f32, np.float32(0.4 * unit), axis=1),
        Case(arr(3, 5).f32, 0.3 * unit, axis=1),
        Case(arr(3, 5), np.array([0.1, 0.55, 0.8]) * unit, axis=0),
        Case(arr(2, 3, 4).strided, np.array([[0.1, 0.2], [0.6, 0.7]]) * unit, axis=(0, 2), keepdims=True),
        *(Case(arr(9), np.array([0.03, 0.34, 0.52, 0.97]) * unit, method=method) for method in METHODS),
        Case(arr(9), 0.5 * unit, method="inverted_cdf", weights=arr(9).on(0.5, 1)).kink(),
        Case(arr(3, 4), 0.5 * unit, axis=1, method="inverted_cdf", weights=arr(*weights).on(0.5, 1)).kink(),
        Case(arr(5), np.array([0.0, 0.25, 1.0]) * unit).kink(),
        Case(arr(3, 4), np.zeros((0,)), axis=1),
    ]


CASES: dict[str, list[Case]] = {
    "getitem": [
        *(Case(X, index) for index in INDICES),
        Case(arr(4).f32, [1, 1]),
        Case(arr(), ()),
        Case(arr(), None),
        Case(arr(), True),
        Case(arr(0, 3), slice(1)),
        Case(arr(3, 4).strided, (FULL, 1)),
        Case(arr(3, 4).fortran, ([1, 0], FULL)),
    ],
    "scatter_add": [
        Case(arr(4, 5), 0, (3, 4, 5)),
        Case(arr(3), [1, 1, 2], (4,)),
        Case(arr(2, 3).f32, (ROWS, [0, 1, 0]), (3, 4)),
        Case(arr(3, 4).strided, (ROWS, FULL, [0, 1, 0]), (3, 4, 5)),
        Case(arr(), (1, 2), (3, 4)),
        Case(arr(2), np.array([True, False, True]), (3,)),
    ],
    "take": [
        Case(arr(5), [0, 2, 2]),
        Case(arr(3, 4).f32, GRID, axis=1),
        Case(arr(3, 4), -1, 0),
        Case(arr(3, 4).strided, [[1], [-1]]),
        Case(arr(2, 3, 4), np.zeros((0,), int), axis=1),
        Case(arr(3, 4), [5, -7, 1], axis=-1, mode="wrap"),
        Case(arr(3, 4), [15, -7, 1], mode="clip"),
        Case(arr(), 0),
        Case(arr(2, 3, 4), GRID % 3, axis=-2),
    ],
    "take_along_axis": [
        Case(arr(3, 4), np.array([[0], [1], [3]]), axis=1),
        Case(arr(3, 4).f32, np.array([[0, 1, 2, 0], [1, 1, -1, 2]]), 0),
        Case(arr(3, 4), np.array([0, 5, 5]), axis=None),
        Case(arr(3, 4).strided, np.array([[0, 3]])),
        Case(arr(2, 3, 4), np.array([[[1], [0], [2]]]), -1),
    ],
    "compress": [
        Case([True, False, True], arr(3, 4), axis=0),
        Case([0, 1, 1], arr(3, 4).f32, 1),
        Case(np.array([True, False, True]), arr(2, 3).strided),
    ],
    "extract": [Case(MASK, arr(3, 4)), Case(MASK * 2.0, arr(3, 4).f32)],
    "choose": [
        Case(np.array([0, 1, 2, 1]), [arr(4), arr(4), arr(4)]),
        Case(np.array([[0], [1]]), (arr(3).f32, arr(2, 1).f32)),
        Case(np.array([3, -1, 5]), [arr(3), arr()], mode="wrap"),
        Case(np.array([3, -1, 1]), arr(2, 3), mode="clip"),
        Case(1, [arr(2), 7.0]),
    ],
    "select": [
        Case([MASK, ~MASK], [arr(3, 4), arr(3, 4)]),
        Case([MASK, MASK[:, ::-1]], [arr(4).f32, 2.0], 1.5),
        Case([np.array([True, False])], [arr(3, 1)], default=arr()),
        Case([np.bool_(True)], [arr(2)], arr(2)),
    ],
    "piecewise": [
        Case(arr(6), np.arange(6) < 3, [1.0, 2.0]),
        Case(arr(6).f32, [np.arange(6) < 2, np.arange(6) > 3], [lambda x: x * x, lambda x, k=2: k * x, 0.5]),
        Case(arr(2, 3), [np.zeros((2, 3), bool)], [np.exp, lambda x: -x]),
        Case(arr(), True, [np.exp, np.sin]),
    ],
    "trim_zeros": [
        Case(arr(5).with_(0, 0.0).with_(4, 0.0)).kink(),
        Case(arr(5).f32.with_(0, 0.0).with_(4, 0.0), "f"),
        Case(arr(3, 4).with_(0, 0.0).with_((FULL, 3), 0.0), axis=-1).kink(),
        Case(arr(3, 4).with_(0, 0.0).with_((FULL, 3), 0.0), "b").kink(),
        Case(np.zeros(3)),
        Case(arr(3)),
    ],
    "sort": [
        Case(arr(6)),
        Case(arr(3, 4).f32, axis=0),
        Case(arr(3, 4).strided, axis=None),
        Case(arr(2, 3, 4).fortran, 1, kind="stable"),
        Case(arr(5), stable=True),
        Case(arr(0)),
        Case(arr(3, 0), axis=0),
        TIED,
        Case(arr(5).with_(2, NAN)).kink(),
    ],
    "partition": [
        Case(arr(9), 3),
        Case(arr(3, 30).f32, (2, -1), axis=1),
        Case(arr(3, 4).strided, 5, axis=None),
        Case(arr(9, 2), 4, 0),
        Case(*TIED.args, 3).kink(),
    ],
    "median": [*MEDIANS, TIED, Case(arr(0)).kink()],
    "nanmedian": [*MEDIANS, *HOLES, Case(arr(3, 2).with_(1, NAN), axis=1).kink()],
    "quantile": quantiles(1.0, 4),
    "percentile": quantiles(100.0, 4),
    "nanquantile": [
        *(case for case in quantiles(1.0, 3, 4)[:-1] if np.ndim(case.args[1]) < 2),
        *(Case(case.args[0], np.array([0.12, 0.57]), **case.kwargs) for case in HOLES),
        Case(arr(4, 5).with_((1, 2), NAN), 0.33, axis=(0, 1), method="hazen"),
    ],
    "nanpercentile": [
        *(case for case in quantiles(100.0, 3, 4)[:-1] if np.ndim(case.args[1]) < 2),
        *(Case(case.args[0], 37.0, **case.kwargs) for case in HOLES),
    ],
    "put": [
        Case(arr(5), [0, 2], arr(2)),
        Case(arr(3, 4).f32, [1, -2, 5, 7], arr(2)),
        Case(arr(3, 4).strided, [[1, 14], [3, -13]], arr(4), mode="wrap"),
        Case(arr(5), [7, -2], 1.5, mode="clip"),
        Case(arr(5), 2, arr(3)),
    ],
    "place": [Case(arr(3, 4), MASK, arr(2)), Case(arr(3, 4).strided, MASK, [1.0, 2.0, 3.0])],
    "putmask": [
        Case(arr(3, 4), MASK, arr(3, 4)),
        Case(arr(3, 4).strided, MASK, arr(5)),
        Case(arr(4).f32, np.array([1, 0, 1, 0]), arr().f32),
    ],
    "put_along_axis": [
        Case(arr(3, 4), np.array([[0], [1], [3]]), arr(3, 1), axis=1),
        Case(arr(3, 4).f32, np.array([[0, 1, 2, 0]]), 2.0, 0),
        Case(arr(3, 4).strided, np.array([[1, 3]]), arr(3, 2), -1),
        Case(arr(4), np.array([1, 3]), arr(2), None),
    ],
    "copyto": [
        Case(arr(3, 4), arr(4)),
        Case(arr(3, 4).f32, arr(3, 1)),
        Case(arr(3, 4), 2.0, where=MASK),
        Case(arr(3, 4).strided, arr(3, 4), "same_kind", MASK[0]),
    ],
    "fill_diagonal": [
        Case(arr(3, 3), arr()),
        Case(arr(5, 3).f32, arr(2)),
        Case(arr(7, 3), 1.0, wrap=True),
        Case(arr(3, 5).strided, arr(9)),
        Case(arr(3, 3, 3), 2.0),
    ],
}
