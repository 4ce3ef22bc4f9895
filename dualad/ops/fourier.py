"""Rows of numpy.fft. All are linear, over the reals at least: <u, v> means the real part of sum(conj(u) * v).

Each transform is a chain of steps along one axis; the transpose of a chain is the chain of transposes, backward. The
transpose of a Fourier transform is the inverse one with the scale that the normalization leaves on this side; cutting
an axis and filling it with zeros are each other's transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import numpy as np

from dualad.ops.contraction import arraylike, real_like
from dualad.ops.lanes import axes_from_end, axis_from_end
from dualad.ops.table import Map, linear

Step = Callable[[Any], Any]
Norm = Literal["backward", "ortho", "forward"] | None

_OTHER: Final[dict[Norm, Norm]] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}


def _fitted(x: Any, axis: int, length: int) -> Any:
    """Cut an axis, or fill it with zeros, to a length."""
    own = x.shape[axis]
    if own > length:
        index = (slice(None),) * (x.ndim + axis) + (slice(0, length),)
        return x[index]
    return x if own == length else np.pad(x, [(0, 0)] * (x.ndim + axis) + [(0, length - own)] + [(0, 0)] * (-axis - 1))


def _complex_step(function: Callable[..., Any], length: int, own: int, axis: int, norm: Norm) -> Step:
    """Return the transpose of fft or ifft of an axis of size ``own``; ``function`` is the other of the two."""
    return lambda g: _fitted(function(g, length, axis, _OTHER[norm]), axis, own)


def _rfft_step(length: int, own: int, axis: int, norm: Norm) -> Step:
    """Return the transpose of rfft: the frequencies that it leaves out receive nothing."""
    return lambda g: _fitted(np.real(np.fft.ifft(_fitted(g, axis, length), length, axis, _OTHER[norm])), axis, own)


def _irfft_step(length: int, own: int, axis: int, norm: Norm) -> Step:
    """Return the transpose of irfft: each frequency but the first and the middle one stands for two."""
    half = length // 2 + 1
    twice = np.full(half, 2.0)
    twice[0] = 1.0
    if length % 2 == 0:
        twice[-1] = 1.0
    twice = twice.reshape((half,) + (1,) * (-axis - 1))

    def step(g: Any) -> Any:
        spectrum = np.fft.rfft(g, length, axis, _OTHER[norm])
        return _fitted(spectrum * twice.astype(spectrum.real.dtype), axis, own)

    return step


def _chain(a: Any, apply: Step, steps: Sequence[Step]) -> Map:
    def transpose(g: Any) -> Any:
        for step in reversed(steps):
            g = step(g)
        return real_like(g, arraylike(a))

    return Map(apply, transpose)


# --- one axis ---------------------------------------------------------------------------------------------------------


def _along(a: Any, n: int | None, axis: int) -> tuple[int, int, int]:
    """Return the axis from the end, its own size and the size asked for."""
    axis = axis_from_end(axis, np.ndim(a))
    own = np.shape(a)[axis]
    return axis, own, own if n is None else n


@linear("numpy.fft.fft", "a")
def _fft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, n = _along(a, n, axis)
    return _chain(a, lambda t: np.fft.fft(t, n, axis, norm), [_complex_step(np.fft.ifft, n, own, axis, norm)])


@linear("numpy.fft.ifft", "a")
def _ifft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, n = _along(a, n, axis)
    return _chain(a, lambda t: np.fft.ifft(t, n, axis, norm), [_complex_step(np.fft.fft, n, own, axis, norm)])


@linear("numpy.fft.rfft", "a")
def _rfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, n = _along(a, n, axis)
    return _chain(a, lambda t: np.fft.rfft(t, n, axis, norm), [_rfft_step(n, own, axis, norm)])


@linear("numpy.fft.irfft", "a")
def _irfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, _ = _along(a, None, axis)
    n = 2 * (own - 1) if n is None else n
    return _chain(a, lambda t: np.fft.irfft(t, n, axis, norm), [_irfft_step(n, own, axis, norm)])


@linear("numpy.fft.hfft", "a")
def _hfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, _ = _along(a, None, axis)
    n = 2 * (own - 1) if n is None else n
    # hfft(a) is irfft(conj(a)) with the scale on the other side.
    steps: list[Step] = [np.conjugate, _irfft_step(n, own, axis, _OTHER[norm])]
    return _chain(a, lambda t: np.fft.hfft(t, n, axis, norm), steps)


@linear("numpy.fft.ihfft", "a")
def _ihfft(a: Any, n: int | None = None, axis: int = -1, norm: Norm = None) -> Map:
    axis, own, n = _along(a, n, axis)
    steps: list[Step] = [_rfft_step(n, own, axis, _OTHER[norm]), np.conjugate]
    return _chain(a, lambda t: np.fft.ihfft(t, n, axis, norm), steps)


# --- several axes -----------------------------------------------------------------------------------------------------


def _several(a: Any, s: Any, axes: Any) -> tuple[list[int], list[int], list[int]]:
    """Return the axes from the end, their own sizes and the sizes asked for, as numpy.fft reads its arguments."""
    shape = np.shape(a)
    if axes is None:
        axes = range(-len(shape) if s is None else -len(s), 0)
    places = list(axes_from_end(tuple(axes), len(shape)))
    own = [shape[axis] for axis in places]
    asked = own if s is None else [n if m is None or m == -1 else m for m, n in zip(s, own, strict=True)]
    return places, own, list(asked)


def _complex_steps(
    back: Callable[..., Any], axes: Sequence[int], asked: Sequence[int], size: dict[int, int], norm: Norm
) -> list[Step]:
    """Return the steps of axes in the order of their transforms; ``size`` follows what each axis has become."""
    steps = []
    for axis, n in zip(axes, asked, strict=True):
        steps.append(_complex_step(back, n, size[axis], axis, norm))
        size[axis] = n
    return steps


def _many_complex(a: Any, s: Any, axes: Any, norm: Norm, forward: bool) -> Map:
    places, own, asked = _several(a, s, axes)
    there, back = (np.fft.fftn, np.fft.ifft) if forward else (np.fft.ifftn, np.fft.fft)
    steps = _complex_steps(back, places[::-1], asked[::-1], dict(zip(places, own, strict=True)), norm)
    return _chain(a, lambda t: there(t, asked, places, norm), steps)


@linear("numpy.fft.fftn", "a")
def _fftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Map:
    return _many_complex(a, s, axes, norm, forward=True)


@linear("numpy.fft.ifftn", "a")
def _ifftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Map:
    return _many_complex(a, s, axes, norm, forward=False)


@linear("numpy.fft.fft2", "a")
def _fft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Map:
    return _many_complex(a, s, axes, norm, forward=True)


@linear("numpy.fft.ifft2", "a")
def _ifft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Map:
    return _many_complex(a, s, axes, norm, forward=False)


@linear("numpy.fft.rfftn", "a")
def _rfftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Map:
    places, own, asked = _several(a, s, axes)
    size = dict(zip(places, own, strict=True))
    steps = [_rfft_step(asked[-1], own[-1], places[-1], norm)]
    size[places[-1]] = asked[-1] // 2 + 1
    steps += _complex_steps(np.fft.ifft, places[-2::-1], asked[-2::-1], size, norm)
    return _chain(a, lambda t: np.fft.rfftn(t, asked, places, norm), steps)


@linear("numpy.fft.irfftn", "a")
def _irfftn(a: Any, s: Any = None, axes: Any = None, norm: Norm = None) -> Map:
    places, own, asked = _several(a, s, axes)
    size = dict(zip(places, own, strict=True))
    if s is None:
        asked[-1] = 2 * (own[-1] - 1)
    steps = _complex_steps(np.fft.fft, places[:-1], asked[:-1], size, norm)
    steps.append(_irfft_step(asked[-1], size[places[-1]], places[-1], norm))
    return _chain(a, lambda t: np.fft.irfftn(t, asked, places, norm), steps)


@linear("numpy.fft.rfft2", "a")
def _rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Map:
    plan: Map = _rfftn(a, s, axes, norm)
    return plan


@linear("numpy.fft.irfft2", "a")
def _irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Norm = None) -> Map:
    plan: Map = _irfftn(a, s, axes, norm)
    return plan


# --- shifts: real to real ---------------------------------------------------------------------------------------------


def _shift(x: Any, axes: Any, there: Callable[..., Any], back: Callable[..., Any]) -> Map:
    places = axes_from_end(axes if axes is None else tuple(np.atleast_1d(axes).tolist()), np.ndim(x))
    return Map(lambda t: there(t, places), lambda g: back(g, places))


@linear("numpy.fft.fftshift", "x")
def _fftshift(x: Any, axes: Any = None) -> Map:
    return _shift(x, axes, np.fft.fftshift, np.fft.ifftshift)


@linear("numpy.fft.ifftshift", "x")
def _ifftshift(x: Any, axes: Any = None) -> Map:
    return _shift(x, axes, np.fft.ifftshift, np.fft.fftshift)
