"""Openings and closings of many cells by squares, each cell alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]


@jit
def _least(a: Float32, b: Float32, out: Float32) -> None:
    for i in range(len(b)):
        out[i] = b[i] if b[i] < a[i] else a[i]
    for i in range(len(b), len(a)):
        out[i] = a[i]


@jit
def _most(a: Float32, b: Float32, shift: int, out: Float32) -> None:
    for i in range(shift):
        out[i] = a[i]
    late, behind = a[shift:], out[shift:]
    for i in range(len(late)):
        behind[i] = b[i] if b[i] > late[i] else late[i]


@jit
def _eroded(a: Float32, b: Float32, size: int, stride: int) -> tuple[Float32, Float32]:
    """Return least values over `size` places from each place on, `stride` apart, and the spare buffer.

    Windows are doubled until they have the size, or all but the rest.
    """
    have = 1
    while have < size:
        step = min(have, size - have)
        _least(a, a[step * stride :], b)
        a, b = b, a
        have += step
    return a, b


@jit
def _dilated(a: Float32, b: Float32, size: int, stride: int) -> tuple[Float32, Float32]:
    """Return greatest values over `size` places up to each place, and the spare buffer."""
    have = 1
    while have < size:
        step = min(have, size - have)
        _most(a, a, step * stride, b)
        a, b = b, a
        have += step
    return a, b


@jit
def _sum_at(a: Float32, at: NDArray[np.int64], limit: float) -> float:
    total = 0.0
    for k in at:
        total += min(a[k], limit)
    return total


@jit
def _opened(drawn: Float32, a: Float32, b: Float32, size: int, width: int) -> Float32:
    """Return the opening of a drawing, 0 outside the cell. Windows ahead, then behind: together they are centred."""
    for k in range(len(drawn)):
        a[k] = drawn[k]
    a, b = _eroded(a, b, size, 1)
    a, b = _eroded(a, b, size, width)
    a, b = _dilated(a, b, size, 1)
    return _dilated(a, b, size, width)[0]


@jit
def opening_sums(
    light: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, bright: NDArray[np.int64], dark: NDArray[np.int64]
) -> tuple[Float64, Float64]:
    """Return (n, k) what openings leave of each cell's light, and (n, m) its light after closings.

    Parameters
    ----------
    light
        (P,) not negative. What lies outside a cell counts as 0 for openings; for closings as brighter than anything,
        but none makes a cell brighter than its brightest pixel.
    bright, dark
        (k,), (m,) half sides of the squares: 2r + 1 pixels.
    """
    opened, closed = np.zeros((len(box), len(bright))), np.zeros((len(box), len(dark)))
    # space to the right and below, so that a window of one row never reaches the next
    space = 2 * max(bright.max(), dark.max())
    for i in range(len(box)):
        width = box[i, 3] - box[i, 1] + space
        size = (box[i, 2] - box[i, 0] + space) * width
        drawn, a, b = np.zeros(size, np.float32), np.empty(size, np.float32), np.empty(size, np.float32)
        at = np.empty(offsets[i + 1] - offsets[i], np.int64)
        most = np.float32(0)
        for q in range(len(at)):
            p = offsets[i] + q
            at[q] = (y[p] - box[i, 0]) * width + x[p] - box[i, 1]
            drawn[at[q]] = light[p]
            most = max(most, light[p])
        for k in range(len(bright)):
            opened[i, k] = _sum_at(_opened(drawn, a, b, 2 * bright[k] + 1, width), at, np.inf)
        # a closing is the opening of the negative
        for k in range(size):
            drawn[k] = -np.inf
        for q in range(len(at)):
            drawn[at[q]] = -light[offsets[i] + q]
        for k in range(len(dark)):
            left = _opened(drawn, a, b, 2 * dark[k] + 1, width)
            for q in range(len(at)):
                closed[i, k] += min(-left[at[q]], most)
    return opened, closed
