"""Example calls of the rows of dualad/ops/fourier.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_cases import Case, Draw, arr

NORMS = (None, "backward", "ortho", "forward")


def _complex(x: Any) -> Any:
    return x * np.exp(1j * x)


def com(*shape: int) -> Draw:
    """Describe a complex array."""
    return arr(*shape).via(_complex)


def _one_axis(given: Callable[..., Draw] = arr) -> list[Case]:
    return [
        *(Case(given(5), n, norm=norm) for n in (None, 3, 4, 5, 6, 7) for norm in NORMS),
        *(Case(given(4, 3), n, 0) for n in (None, 2, 3, 6)), Case(given(2, 3, 4), axis=-2), Case(given(0, 4)),
        Case(arr(5).f32),
        Case(given(5).strided),
    ]  # fmt: skip


def _two_axes(given: Callable[..., Draw] = arr) -> list[Case]:
    return [
        *(Case(given(3, 4, 3), norm=norm) for norm in NORMS), Case(given(3, 4, 3), (2, 6), (0, 1)),
        Case(given(3, 4), (5, -1)),
        Case(given(3, 4), axes=(1, 0)), Case(arr(3, 4).f32),
    ]  # fmt: skip


def _all_axes(given: Callable[..., Draw] = arr) -> list[Case]:
    several = Case(given(2, 3, 4, 3), (5, 3, 4), (3, 1, 0))
    return [*_two_axes(given), Case(given(3, 4, 3), axes=(2, 0)), Case(given(6)), several]


def _shifts() -> list[Case]:
    return [
        Case(arr(5)), Case(arr(3, 4)), Case(arr(3, 4), axes=0), Case(arr(3, 4, 5), (0, -1)), Case(arr(0, 3).f32),
    ]  # fmt: skip


CASES: dict[str, list[Case]] = {
    # What takes complex numbers is called with both.
    **{f"fft.{name}": _one_axis() + _one_axis(com) for name in ("fft", "ifft", "irfft", "hfft")},
    **{f"fft.{name}": _one_axis() for name in ("rfft", "ihfft")},
    **{f"fft.{name}": _two_axes() + _two_axes(com) for name in ("fft2", "ifft2", "irfft2")},
    **{f"fft.{name}": _all_axes() + _all_axes(com) for name in ("fftn", "ifftn", "irfftn")},
    "fft.rfft2": _two_axes(),
    "fft.rfftn": _all_axes(),
    **{f"fft.{name}": _shifts() for name in ("fftshift", "ifftshift")},
}
