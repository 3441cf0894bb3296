"""Openings and closings of many cells by squares, each cell alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]
Radii = NDArray[np.int64]
Places = NDArray[np.int64]


@jit
def _least(a: Float32, b: Float32, out: Float32) -> None:
    for i in range(len(out)):
        out[i] = b[i] if b[i] < a[i] else a[i]


@jit
def _most(a: Float32, shift: int, out: Float32) -> None:
    for i in range(min(shift, len(out))):
        out[i] = a[i]
    late, behind = a[shift:], out[shift:]
    for i in range(len(behind)):
        behind[i] = a[i] if a[i] > late[i] else late[i]


@jit
def _widen(a: Float32, b: Float32, have: int, size: int, stride: int, count: int) -> tuple[Float32, Float32]:
    """Return least values over `size` places from each place on, given those over `have`, and the spare buffer.

    Windows are doubled until they have the size, or all but the rest. Places from `count` on keep their value, which
    is what lies outside the cell.
    """
    while have < size:
        step = min(have, size - have)
        _least(a, a[step * stride :], b[:count])
        a, b = b, a
        have += step
    return a, b


@jit
def _dilate(a: Float32, b: Float32, size: int, stride: int, count: int) -> tuple[Float32, Float32]:
    """Return greatest values over `size` places up to each place, and the spare buffer."""
    have = 1
    while have < size:
        step = min(have, size - have)
        _most(a, step * stride, b[:count])
        a, b = b, a
        have += step
    return a, b


@jit
def _total(plane: Float32) -> float:
    """Return the sum of a plane, by sixteen sums that take turns, so that they are added at once."""
    sums = np.zeros(16)
    count = len(plane) // 16
    for k in range(count):
        part = plane[16 * k : 16 * k + 16]
        for i in range(16):
            sums[i] += part[i]
    total = 0.0
    for i in range(16):
        total += sums[i]
    for i in range(16 * count, len(plane)):
        total += plane[i]
    return total


@jit
def _openings(drawn: Float32, radii: Radii, width: int, count: int, found: Float64) -> None:
    """Fill `found` (k,) with the sums of openings of a drawing, 0 outside the cell, by growing squares.

    Least values are of windows ahead, greatest ones of windows behind: together they are centred.
    """
    eroded, a, b, spare = drawn.copy(), drawn.copy(), drawn.copy(), drawn.copy()
    have = 1
    for k in range(len(radii)):
        size = 2 * radii[k] + 1
        # a square grows by a window of what is missing
        more = size - have + 1
        eroded, spare = _widen(eroded, spare, 1, more, 1, count)
        eroded, spare = _widen(eroded, spare, 1, more, width, count)
        have = size
        for i in range(count):
            a[i] = eroded[i]
        a, b = _dilate(a, b, size, 1, count)
        a, b = _dilate(a, b, size, width, count)
        found[k] = _total(a[:count])


@jit
def opening_sums(
    light: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, bright: Radii, dark: Radii
) -> tuple[Float64, Float64]:
    """Return (n, k) what openings leave of each cell's light, and (n, m) its light after closings.

    Parameters
    ----------
    light
        (P,) not negative. What lies outside a cell counts as 0 for openings; for closings as brighter than anything,
        but none makes a cell brighter than its brightest pixel.
    bright, dark
        (k,), (m,) growing half sides of the squares: 2r + 1 pixels.
    """
    opened, closed = np.zeros((len(box), len(bright))), np.zeros((len(box), len(dark)))
    # space to the right and below, so that a window of one row never reaches the next
    space = 2 * max(bright.max(), dark.max())
    for i in range(len(box)):
        width = box[i, 3] - box[i, 1] + space
        count = (box[i, 2] - box[i, 0]) * width
        drawn = np.zeros(count + space * width, np.float32)
        at = np.empty(offsets[i + 1] - offsets[i], np.int64)
        most = np.float32(0)
        for q in range(len(at)):
            p = offsets[i] + q
            at[q] = (y[p] - box[i, 0]) * width + x[p] - box[i, 1]
            drawn[at[q]] = light[p]
            most = max(most, light[p])
        _openings(drawn, bright, width, count, opened[i])
        # a closing is the opening of what is missing to the brightest pixel
        for q in range(len(at)):
            drawn[at[q]] = most - light[offsets[i] + q]
        _openings(drawn, dark, width, count, closed[i])
        for k in range(len(dark)):
            closed[i, k] = len(at) * most - closed[i, k]
    return opened, closed


@jit
def top_hats(light: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, radius: int) -> Float32:
    """Return (P,) what the opening of each cell's light, 0 outside it, by a square of 2·radius + 1 takes away."""
    found = np.empty(len(light), np.float32)
    size = 2 * radius + 1
    for i in range(len(box)):
        width = box[i, 3] - box[i, 1] + size
        count = (box[i, 2] - box[i, 0]) * width
        a = np.zeros(count + size * width, np.float32)
        for p in range(offsets[i], offsets[i + 1]):
            a[(y[p] - box[i, 0]) * width + x[p] - box[i, 1]] = light[p]
        b = np.zeros(len(a), np.float32)
        a, b = _widen(a, b, 1, size, 1, count)
        a, b = _widen(a, b, 1, size, width, count)
        a, b = _dilate(a, b, size, 1, count)
        a, b = _dilate(a, b, size, width, count)
        for p in range(offsets[i], offsets[i + 1]):
            found[p] = light[p] - a[(y[p] - box[i, 0]) * width + x[p] - box[i, 1]]
    return found
