"""Example calls of array rows that act on each element by itself."""

from __future__ import annotations

import numpy as np
from array_cases import Case, arr

PLAIN = [Case(arr(2, 3)), Case(arr().f32), Case(arr(2, 3).strided), Case(arr(0, 2))]

CASES: dict[str, list[Case]] = {
    "clip": [
        Case(arr(2, 3), -1.0, 1.0),
        Case(arr(4).f32, None, 0.5),
        Case(arr(2, 3), arr(3).on(-1, 0), arr(2, 1).on(0, 1)),
        Case(arr(3), max=0.0),
        Case(arr(3), min=0.0, max=1.0),
    ],
    "nan_to_num": [
        Case(arr(4).with_(1, np.nan).with_(2, np.inf).with_(3, -np.inf)),
        Case(arr(3).f32.with_(1, np.nan), nan=2.0),
        Case(arr(3).with_(1, np.inf).with_(2, -np.inf), posinf=9.0, neginf=-9.0),
        Case(arr(3).with_(1, np.nan), copy=False),
    ],
    # Constant between jumps: a large step says nothing.
    "around": [Case(arr(2, 3)).undefined(), Case(arr(3).f32, 1).undefined()],
    "round": [Case(arr(2, 3)).undefined(), Case(arr(3).f32, decimals=1).undefined()],
    "angle": [Case(arr(2, 3)).undefined(), Case(arr(3).f32, deg=True).undefined()],
    "unwrap": [Case(arr(5).on(-9, 9)).undefined(), Case(arr(3, 4).f32, axis=0, period=2.0).undefined()],
    "imag": PLAIN,
    "real": PLAIN,
    "real_if_close": PLAIN,
    "multigammaln": [Case(arr(3).on(3, 5), 4), Case(arr().on(3, 5), 1)],
}
