"""The brightness of many cells: its distribution, its edge, where it lies, and what surrounds it.

Pixels come cell after cell as in a `CellIndex`: `y`, `x` (P,), `offsets` (n + 1,), `box` (n, 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]
Pixels = NDArray[np.int32]
Codes = NDArray[np.uint8]

RINGS = 4
WEDGES = 8


@jit
def absolute_deviation(ordered: Float32, median: Float64, offsets: Offsets) -> Float64:
    """Return (n,) median of |value − median| of groups whose values ascend, walking outwards from the median.

    As `numpy.median` has it: of an even number of values, the mean of the middle two.
    """
    found = np.zeros(len(offsets) - 1)
    for i in range(len(found)):
        count = offsets[i + 1] - offsets[i]
        above = offsets[i]
        while above < offsets[i + 1] and ordered[above] < median[i]:
            above += 1
        below = above - 1
        previous, current = 0.0, 0.0
        for _ in range(count // 2 + 1):
            previous = current
            up = ordered[above] - median[i] if above < offsets[i + 1] else np.inf
            down = median[i] - ordered[below] if below >= offsets[i] else np.inf
            if up <= down:
                current = up
                above += 1
            else:
                current = down
                below -= 1
        found[i] = current if count % 2 else (previous + current) / 2
    return found


@jit
def edge_values(values: Float32, border: Flags, offsets: Offsets) -> tuple[Float32, Offsets]:
    """Return the values of the border pixels, cell after cell, and where each cell's begin."""
    starts = np.zeros(len(offsets), np.int64)
    edge = np.empty(len(values), np.float32)
    count = 0
    for i in range(len(offsets) - 1):
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                edge[count] = values[p]
                count += 1
        starts[i + 1] = count
    return edge[:count], starts


@jit
def _tables(image: Float32, free: Flags, window: tuple[int, int, int, int], sums: Float64, counts: Float64) -> None:
    """Fill the summed-area tables of the free pixels of a window (top, left, bottom, right)."""
    top, left, bottom, right = window
    for c in range(right - left + 1):
        sums[0, c], counts[0, c] = 0.0, 0.0
    for r in range(bottom - top):
        total, pixels = 0.0, 0.0
        sums[r + 1, 0], counts[r + 1, 0] = 0.0, 0.0
        for c in range(right - left):
            if free[top + r, left + c]:
                total += image[top + r, left + c]
                pixels += 1.0
            sums[r + 1, c + 1] = sums[r, c + 1] + total
            counts[r + 1, c + 1] = counts[r, c + 1] + pixels


@jit
def surroundings(
    image: Float32,
    free: Flags,
    border: Flags,
    y: Pixels,
    x: Pixels,
    offsets: Offsets,
    box: Pixels,
    reach: int,
) -> Float64:
    """Return (n,) mean of the free pixels near a cell's edge, NaN where none is.

    A pixel counts once for each border pixel whose square of 2·reach + 1 holds it, by summed-area tables (Crow 1984)
    of each cell's own neighbourhood.

    Parameters
    ----------
    image, free
        (y, x) pixel values, and whether a pixel belongs to no cell.
    border
        (P,) whether a pixel lies at the edge of its cell.
    """
    height, width = image.shape
    found = np.full(len(box), np.nan)
    for i in range(len(box)):
        top, left = max(box[i, 0] - reach, 0), max(box[i, 1] - reach, 0)
        bottom, right = min(box[i, 2] + reach, height), min(box[i, 3] + reach, width)
        sums = np.empty((bottom - top + 1, right - left + 1))
        counts = np.empty((bottom - top + 1, right - left + 1))
        _tables(image, free, (top, left, bottom, right), sums, counts)
        total, pixels = 0.0, 0.0
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                a, b = max(y[p] - reach, top) - top, min(y[p] + reach + 1, bottom) - top
                c, d = max(x[p] - reach, left) - left, min(x[p] + reach + 1, right) - left
                total += sums[b, d] - sums[a, d] - sums[b, c] + sums[a, c]
                pixels += counts[b, d] - counts[a, d] - counts[b, c] + counts[a, c]
        if pixels > 0:
            found[i] = total / pixels
    return found


@jit
def _wedge(dy: float, dx: float) -> int:
    """Return 0 … 7 by direction, 8 of no direction."""
    if dy == 0 and dx == 0:
        return 8
    # turned a little, so that no wedge ends on an axis, where pixels lie
    across, along = dy * 0.99239563 - dx * 0.12308705, dx * 0.99239563 + dy * 0.12308705
    return int(across < 0) * 4 + int(along < 0) * 2 + int(abs(across) > abs(along))


@jit
def parts(rows: Pixels, columns: Pixels, centre: Float64, deep: Float32, offsets: Offsets) -> Codes:
    """Return (P,) the part of its cell that a pixel lies in: 9 times the ring, plus the wedge.

    Rings 0, in the middle, to 3, at the edge, go by depth below the edge as a share of the cell's deepest; wedges
    0 to 7 by direction from the (n, 2) centre, 8 being the pixel on it, which has no direction.
    """
    found = np.empty(len(rows), np.uint8)
    for i in range(len(offsets) - 1):
        most = 1.0
        for p in range(offsets[i], offsets[i + 1]):
            most = max(most, float(deep[p]))
        for p in range(offsets[i], offsets[i + 1]):
            ring = min(int((1 - deep[p] / most) * RINGS), RINGS - 1)
            found[p] = ring * (WEDGES + 1) + _wedge(rows[p] - centre[i, 0], columns[p] - centre[i, 1])
    return found


@jit
def placement(
    values: Float32, ground: Float64, rows: Pixels, columns: Pixels, centre: Float64, offsets: Offsets
) -> Float64:
    """Return (n, 3): how far the centre of brightness lies from the centroid, and how widely it spreads.

    Column 0 is the distance for the values as they are, 1 that for what lies above each cell's `ground` (n,), 2 the
    radius of gyration of the latter. All dark: the brightness has no place, and so is not out of place.
    """
    found = np.zeros((len(offsets) - 1, 3))
    for i in range(len(found)):
        all_, all_y, all_x = 0.0, 0.0, 0.0
        light, light_y, light_x, light_square = 0.0, 0.0, 0.0, 0.0
        for p in range(offsets[i], offsets[i + 1]):
            dy, dx, value = rows[p] - centre[i, 0], columns[p] - centre[i, 1], float(values[p])
            all_ += value
            all_y += value * dy
            all_x += value * dx
            above = max(value - ground[i], 0.0)
            light += above
            light_y += above * dy
            light_x += above * dx
            light_square += above * (dy * dy + dx * dx)
        if all_ != 0:
            found[i, 0] = np.hypot(all_y / all_, all_x / all_)
        if light > 0:
            y, x = light_y / light, light_x / light
            found[i, 1] = np.hypot(y, x)
            found[i, 2] = np.sqrt(max(light_square / light - y * y - x * x, 0.0))
    return found


@jit
def ring_sums(values: Float32, ground: Float64, part: Codes, offsets: Offsets) -> tuple[Float64, Float64]:
    """Return (n, 36) sums of what lies above each cell's ground in each part of a cell, and (n, 36) pixels there."""
    count = RINGS * (WEDGES + 1)
    light, pixels = np.zeros((len(offsets) - 1, count)), np.zeros((len(offsets) - 1, count))
    for i in range(len(offsets) - 1):
        for p in range(offsets[i], offsets[i + 1]):
            light[i, part[p]] += max(values[p] - ground[i], 0.0)
            pixels[i, part[p]] += 1
    return light, pixels
