"""Example calls of reductions, running sums and products, differences."""

from __future__ import annotations

import numpy as np
from array_cases import Case, arr

RNG = np.random.default_rng(1)
MASK = RNG.random((3, 4)) < 0.6
MASK[0] = True
ROW = np.array([True, False, True, True])
NAN = np.nan
# Coordinates of even spacing, for which np.gradient has a formula of its own.
EVEN = arr(5).via(lambda x: 0.5 * np.arange(5.0))


def along_axes(*more: Case) -> list[Case]:
    """Calls that every reduction understands."""
    return [
        Case(arr(5)),
        Case(arr()),
        Case(arr(3, 4).f32),
        Case(arr(3, 4), axis=0),
        Case(arr(3, 4).fortran, -1),
        Case(arr(2, 3, 4).strided, axis=(0, -1)),
        Case(arr(2, 3, 4), axis=(2, 0), keepdims=True),
        Case(arr(2, 3, 4).f32.strided, axis=1, keepdims=True),
        Case(arr(2, 1, 3), axis=1),
        Case(arr(0, 3), axis=1),
        *more,
    ]


MASKED = [
    Case(arr(3, 4), where=MASK),
    Case(arr(3, 4), axis=1, where=MASK, keepdims=True),
    Case(arr(2, 3, 4).f32, axis=(0, -1), where=ROW),
    Case(arr(2, 3, 4).fortran, axis=-1, where=MASK),
]
EXTREME = [
    Case(arr(3, 4), axis=1, where=MASK, initial=-1.0),
    Case(arr(3, 4), initial=5.0),
    Case(arr(3, 4).f32, axis=0, initial=0.5, keepdims=True),
    Case(np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]), axis=1).kink(),
    Case(np.array([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]])).kink(),
]
MOMENT = [
    Case(arr(4, 5), ddof=1),
    Case(arr(4, 5), axis=0, ddof=2, keepdims=True),
    Case(arr(4, 5).f32, axis=1, correction=1),
    Case(arr(3, 4), axis=1, where=MASK, ddof=1),
    Case(arr(3, 4).f32, where=ROW, ddof=1, keepdims=True),
    Case(arr(4, 5), axis=1, mean=arr(4, 1)),
    Case(arr(4, 5), mean=arr(1, 1), ddof=1),
]
RUNNING = [
    Case(arr(5)),
    Case(arr()),
    Case(arr(3, 4)),
    Case(arr(3, 4).f32, axis=0),
    Case(arr(2, 3, 4).strided, axis=1),
    Case(arr(2, 3, 4).fortran, -1),
    Case(arr(2, 7, 2), axis=-2),
    Case(arr(0, 3), axis=0),
    Case(arr(3, 0)),
    Case(arr(1, 3), axis=0),
]
CUMULATIVE = [
    Case(arr(5)),
    Case(arr()),
    Case(arr(5).f32, include_initial=True),
    Case(arr(3, 4), axis=0),
    Case(arr(2, 3, 4).strided, axis=1, include_initial=True),
    Case(arr(2, 6).fortran, axis=-1, include_initial=True),
    Case(arr(0, 3), axis=0, include_initial=True),
    Case(arr(), include_initial=True),
]
ZEROS = [
    Case(arr(5).with_(2, 0.0)),
    Case(arr(6).with_(2, 0.0).with_(4, 0.0)),
    Case(arr(3, 5).with_((1, 2), 0.0).with_((1, 4), 0.0).with_((2, 0), 0.0), axis=1),
]
HOLES = [
    Case(arr(5).with_(2, NAN)),
    Case(arr(3, 4).with_((1, 2), NAN).with_((0, 0), NAN), axis=0),
    Case(arr(3, 4).f32.with_((1, 2), NAN), axis=-1),
    Case(arr(2, 3, 4).strided.with_((1, 2, 1), NAN).with_((0, 0, 1), NAN), axis=(0, 2), keepdims=True),
]
EMPTY_SLICE = [Case(arr(3, 2).with_(1, NAN), axis=1).kink()]

CASES: dict[str, list[Case]] = {
    "sum": [*along_axes(*MASKED), Case(arr(3, 4), axis=1, initial=2.0), Case(arr(0)), Case(arr(3, 4), axis=())],
    "mean": [*along_axes(*MASKED), Case(arr(2, 3), axis=0, where=ROW[:3]).undefined()],
    "average": [
        Case(arr(3, 4)),
        Case(arr(3, 4).f32, axis=0, returned=True),
        Case(arr(3, 4), weights=arr(3, 4).on(0.5, 1)),
        Case(arr(3, 4).f32, axis=1, weights=arr(4).f32.on(0.5, 1)),
        Case(arr(3, 4), 0, arr(3).on(0.5, 1), True),
        Case(arr(2, 3, 4).strided, axis=(2, 0), weights=arr(4, 2).on(0.5, 1), keepdims=True),
        Case(arr(3, 4), weights=np.array([1, 2, 3, 4]), axis=-1),
        Case(arr(3, 4).f32, weights=arr(4).on(0.5, 1), axis=-1),
        Case(arr(3, 4), axis=1, keepdims=True, returned=True),
    ],
    "var": along_axes(*MASKED, *MOMENT),
    "std": along_axes(*MASKED, *MOMENT, Case(np.ones((2, 3)), axis=1).kink()),
    "max": [*along_axes()[:9], *EXTREME],
    "amax": [Case(arr(3, 4), axis=0)],
    "min": [
        *along_axes()[:9],
        Case(arr(3, 4), axis=1, where=MASK, initial=1.0),
        Case(arr(3, 4), initial=-5.0, keepdims=True),
        Case(np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0]]), axis=1).kink(),
    ],
    "amin": [Case(arr(3, 4), axis=0, keepdims=True)],
    "ptp": [Case(arr(5)), Case(arr(3, 4).f32, axis=0), Case(arr(2, 3, 4).strided, axis=(0, 2), keepdims=True)],
    "prod": [
        *along_axes(*MASKED, *ZEROS),
        Case(arr(3).f32, initial=np.float64(2.0)),
        Case(arr(3, 4), axis=1, initial=2.0),
        Case(arr(9)),
        Case(arr(0)),
    ],
    "cumsum": RUNNING,
    "cumprod": [*RUNNING, *ZEROS, Case(arr(17)), Case(arr(6).with_(0, 0.0).with_(5, 0.0))],
    "cumulative_sum": CUMULATIVE,
    "cumulative_prod": [*CUMULATIVE, *ZEROS[:2]],
    "nansum": [*along_axes(*MASKED)[:-1], *HOLES],
    "nanprod": [*along_axes()[:-1], *HOLES, Case(arr(3, 4), axis=1, initial=2.0, where=MASK)],
    "nanmean": [*along_axes(*MASKED)[:-1], *HOLES, *EMPTY_SLICE],
    "nanvar": [*along_axes(*MASKED, *MOMENT)[:-1], *HOLES, *EMPTY_SLICE],
    "nanstd": [*along_axes(*MASKED, *MOMENT)[:-1], *HOLES, *EMPTY_SLICE],
    "nanmax": [*along_axes()[:9], *HOLES, *EXTREME],
    "nanmin": [*along_axes()[:9], *HOLES],
    "nancumsum": [Case(arr(5).with_(1, NAN)), Case(arr(3, 4).f32.with_((1, 2), NAN), axis=0), Case(arr(3, 4).strided)],
    "nancumprod": [Case(arr(5).with_(1, NAN)), Case(arr(3, 4).f32.with_((1, 2), NAN), axis=0), Case(arr(3, 4).strided)],
    "diff": [
        Case(arr(5)),
        Case(arr(5), n=0),
        Case(arr(3, 6).f32, n=2),
        Case(arr(2, 6, 3).strided, 3, 1),
        Case(arr(3, 4), axis=0, prepend=1.5),
        Case(arr(3, 4), prepend=arr(3, 2), append=arr(3, 1)),
        Case(arr(3, 4), append=arr()),
        Case(arr(1), n=2),
    ],
    "ediff1d": [
        Case(arr(5)),
        Case(arr(2, 3).strided),
        Case(arr(5).f32, to_end=arr(2).f32, to_begin=arr().f32),
        Case(arr(4), arr(2, 2)),
        Case(arr(4).f32, to_begin=arr(2)),
        Case(arr(1)),
        Case(arr(0)),
    ],
    "gradient": [
        Case(arr(5)),
        Case(arr(5).f32, 0.5),
        Case(arr(3, 4), edge_order=2),
        Case(arr(3, 4).strided, 0.5, 2.0, edge_order=2),
        Case(arr(5), np.array([0.0, 0.5, 1.5, 1.75, 3.0])),
        Case(arr(5, 3), np.array([0.0, 0.5, 1.5, 1.75, 3.0]), axis=0, edge_order=2),
        Case(arr(5).f32, np.array([0.0, 0.5, 1.5, 1.75, 3.0]), edge_order=2),
        Case(arr(4, 5), np.arange(4), np.linspace(0, 1, 5)),
        Case(arr(2, 3, 4), axis=(-1, 0)),
        Case(arr(2)),
        Case(arr(5), arr().on(0.5, 1)),
        Case(arr(5), arr(5).via(np.sort)),
        Case(arr(5), arr(5).via(np.sort), edge_order=2),
        Case(arr(5), EVEN),
        Case(arr(5), EVEN, edge_order=2),
        Case(arr(5, 5).strided, EVEN, arr(5).via(np.sort), edge_order=2),
        Case(np.arange(10.0).reshape(5, 2) ** 2, EVEN, axis=0, edge_order=2),
        Case(arr(3), EVEN.via(lambda x: np.arange(3.0)), edge_order=2),
    ],
    "trapezoid": [
        Case(arr(5)),
        Case(arr(3, 5).f32, dx=0.5),
        Case(arr(3, 5), arr(5)),
        Case(arr(3, 5).strided, x=arr(3), axis=0),
        Case(arr(2, 3, 5), x=arr(2, 3, 5), axis=1),
        Case(arr(3, 5), dx=arr()),
        Case(arr(1)),
    ],
    "logsumexp": [
        Case(arr(5)),
        Case(arr(3, 4).f32, axis=0),
        Case(arr(3, 4), axis=1, b=arr(4).on(0.5, 1), keepdims=True),
        Case(arr(3, 4), (0, 1), arr(3, 1), False, True),
    ],
    "weighted_logsumexp": [
        Case(arr(5), None, None, False, False),
        Case(arr(), None, None, True, False),
        Case(arr(3, 4).f32, None, 0, False, False),
        Case(arr(2, 3, 4).strided, None, (0, -1), True, False),
        Case(arr(3, 4), arr(4).on(0.5, 1), 1, True, False),
        Case(arr(4), arr(3, 4).on(0.5, 1), 1, False, False),
        Case(arr(3, 4), arr(3, 1), None, False, True),
        Case(arr(3, 4).f32, arr(3, 4).f32, 1, True, True),
        Case(arr(3, 4), arr(3, 4).on(0.5, 1).with_((1, 2), 0.0), 1, False, False),
        Case(np.array([[-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 1.0]]), None, 1, False, False).kink(),
    ],
    "softmax": [Case(arr(5)), Case(arr()), Case(arr(3, 4).f32, axis=0), Case(arr(2, 3, 4).strided, axis=(0, -1))],
    "log_softmax": [Case(arr(5)), Case(arr()), Case(arr(3, 4).f32, axis=0), Case(arr(2, 3, 4).strided, axis=(0, -1))],
}
