"""Convex hulls of many cells: area, outline, calipers, and the smallest circle around each.

Pixels come cell after cell, in raster order: `rows` and `columns` (P,), `offsets` (n + 1,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]
Integers = NDArray[np.int64]


class Hull(NamedTuple):
    """What the convex hulls tell, each (n,), in pixels.

    Attributes
    ----------
    area
        Pixels of the filled hull, as scikit-image's `convex_hull_image` and with it CellProfiler counts them.
    perimeter
        Of the hull of the pixels as unit squares.
    max_feret, min_feret
        Longest and shortest caliper of the pixels' centres, as in CellProfiler.
    y, x, radius
        The smallest circle that holds the pixels' centres (Welzl 1991), from the corner of the cell's box.
    """

    area: Float64
    perimeter: Float64
    max_feret: Float64
    min_feret: Float64
    y: Float64
    x: Float64
    radius: Float64


@jit
def _ends(rows: Pixels, columns: Pixels, first: int, last: int) -> Integers:
    """Return (rows, 3) of one cell: row, first and last column of each row that holds pixels."""
    count = 1
    for p in range(first + 1, last):
        count += rows[p] != rows[p - 1]
    found = np.empty((count, 3), np.int64)
    k = -1
    for p in range(first, last):
        if p == first or rows[p] != rows[p - 1]:
            k += 1
            found[k, 0], found[k, 1] = rows[p], columns[p]
        found[k, 2] = columns[p]
    return found


@jit
def _chain(points: Integers, side: int) -> Integers:
    """Return the points of a (k, 2) chain, by rising first coordinate, that are corners of the hull on one side.

    Andrew's (1979) monotone chain; side 1 keeps what lies at low second coordinates, −1 what lies at high ones.
    """
    kept = np.empty_like(points)
    n = 0
    for i in range(len(points)):
        a, b = points[i, 0], points[i, 1]
        if n and kept[n - 1, 0] == a:
            if side * (b - kept[n - 1, 1]) >= 0:
                continue
            n -= 1
        while n > 1:
            turn = (kept[n - 1, 0] - kept[n - 2, 0]) * (b - kept[n - 2, 1])
            turn -= (kept[n - 1, 1] - kept[n - 2, 1]) * (a - kept[n - 2, 0])
            if side * turn > 0:
                break
            n -= 1
        kept[n, 0], kept[n, 1] = a, b
        n += 1
    return kept[:n]


@jit
def _ring(ends: Integers, column: int, rise: int, widen: int) -> Integers:
    """Return a chain of one side in half pixels: each row's end, moved by `widen` and spread by `rise` up and down."""
    out = np.empty((2 * len(ends), 2), np.int64)
    for k in range(len(ends)):
        for j in range(2):
            out[2 * k + j, 0] = 2 * ends[k, 0] + (2 * j - 1) * rise
            out[2 * k + j, 1] = 2 * ends[k, column] + widen
    return out


@jit
def _diamonds(ends: Integers, column: int, widen: int) -> Integers:
    """Return a chain of one side through the middles of the pixels' sides, in half pixels."""
    out = np.empty((3 * len(ends), 2), np.int64)
    for k in range(len(ends)):
        for j in range(3):
            out[3 * k + j, 0] = 2 * ends[k, 0] + j - 1
            out[3 * k + j, 1] = 2 * ends[k, column] + (widen if j == 1 else 0)
    return out


@jit
def _filled(low: Integers, high: Integers) -> int:
    """Count the pixels between two chains in half pixels: whole columns of the whole rows, ends included."""
    count, i, j = 0, 0, 0
    row = low[0, 0] + 1
    while row < low[len(low) - 1, 0]:
        while low[i + 1, 0] < row:
            i += 1
        while high[j + 1, 0] < row:
            j += 1
        run, rise = low[i + 1, 0] - low[i, 0], low[i + 1, 1] - low[i, 1]
        # in whole numbers: the first pixel at or behind the low chain, the last at or before the high one
        first = -((-(low[i, 1] * run + rise * (row - low[i, 0]))) // (2 * run))
        run, rise = high[j + 1, 0] - high[j, 0], high[j + 1, 1] - high[j, 1]
        last = (high[j, 1] * run + rise * (row - high[j, 0])) // (2 * run)
        count += last - first + 1
        row += 2
    return count


@jit
def _length(low: Integers, high: Integers) -> float:
    """Return the way round a hull of two chains in half pixels, in pixels."""
    total = float(high[0, 1] - low[0, 1] + high[len(high) - 1, 1] - low[len(low) - 1, 1])
    for chain in (low, high):
        for k in range(1, len(chain)):
            total += np.hypot(chain[k, 0] - chain[k - 1, 0], chain[k, 1] - chain[k - 1, 1])
    return total / 2


@jit
def _corners(ends: Integers) -> Float64:
    """Return (k, 2) corners of the hull of the pixels' centres, going round."""
    before, behind = np.empty((len(ends), 2), np.int64), np.empty((len(ends), 2), np.int64)
    for k in range(len(ends)):
        before[k, 0], before[k, 1] = ends[k, 0], ends[k, 1]
        behind[k, 0], behind[k, 1] = ends[k, 0], ends[k, 2]
    low, high = _chain(before, 1), _chain(behind, -1)
    out = np.empty((len(low) + len(high), 2))
    for k in range(len(low)):
        out[k, 0], out[k, 1] = low[k, 0], low[k, 1]
    for k in range(len(high)):
        out[len(out) - 1 - k, 0], out[len(out) - 1 - k, 1] = high[k, 0], high[k, 1]
    return out


@jit
def _calipers(corners: Float64) -> tuple[float, float]:
    """Return the longest and the shortest distance between parallel tangents of a hull."""
    longest, shortest = 0.0, np.inf  # the former squared
    for i in range(len(corners)):
        dy = corners[(i + 1) % len(corners), 0] - corners[i, 0]
        dx = corners[(i + 1) % len(corners), 1] - corners[i, 1]
        side = np.sqrt(dy * dy + dx * dx)
        across = 0.0
        for k in range(len(corners)):
            ay, ax = corners[k, 0] - corners[i, 0], corners[k, 1] - corners[i, 1]
            longest = max(longest, ay * ay + ax * ax)
            across = max(across, abs(ay * dx - ax * dy))
        if side > 0:
            shortest = min(shortest, across / side)
    return np.sqrt(longest), shortest if shortest < np.inf else 0.0


@jit
def _circle_of_three(a: Float64, b: Float64, c: Float64) -> tuple[float, float]:
    """Return the centre of the circle through three points; of points in a line, the middle of the first two."""
    by, bx, cy, cx = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    cross = 2 * (by * cx - bx * cy)
    if cross == 0:
        return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    bb, cc = by * by + bx * bx, cy * cy + cx * cx
    return a[0] + (cx * bb - bx * cc) / cross, a[1] + (by * cc - cy * bb) / cross


@jit
def _outside(point: Float64, y: float, x: float, square: float) -> bool:
    return bool((point[0] - y) ** 2 + (point[1] - x) ** 2 > square * (1 + 1e-12) + 1e-12)


@jit
def _circle(points: Float64) -> tuple[float, float, float]:
    """Return y, x and radius of the smallest circle that holds some points, adding one point after another."""
    y, x, square = points[0, 0], points[0, 1], 0.0
    for i in range(1, len(points)):
        if not _outside(points[i], y, x, square):
            continue
        y, x, square = points[i, 0], points[i, 1], 0.0
        for j in range(i):
            if not _outside(points[j], y, x, square):
                continue
            y, x = (points[i, 0] + points[j, 0]) / 2, (points[i, 1] + points[j, 1]) / 2
            square = (points[i, 0] - y) ** 2 + (points[i, 1] - x) ** 2
            for k in range(j):
                if _outside(points[k], y, x, square):
                    y, x = _circle_of_three(points[i], points[j], points[k])
                    square = (points[i, 0] - y) ** 2 + (points[i, 1] - x) ** 2
    return y, x, np.sqrt(square)


@jit
def _hulls(rows: Pixels, columns: Pixels, offsets: Offsets) -> Float64:
    found = np.zeros((len(offsets) - 1, 7))
    for i in range(len(found)):
        ends = _ends(rows, columns, offsets[i], offsets[i + 1])
        low, high = _chain(_diamonds(ends, 1, -1), 1), _chain(_diamonds(ends, 2, 1), -1)
        found[i, 0] = _filled(low, high)
        found[i, 1] = _length(_chain(_ring(ends, 1, 1, -1), 1), _chain(_ring(ends, 2, 1, 1), -1))
        corners = _corners(ends)
        found[i, 2], found[i, 3] = _calipers(corners)
        found[i, 4], found[i, 5], found[i, 6] = _circle(corners)
    return found


def convex_hulls(rows: Pixels, columns: Pixels, offsets: Offsets) -> Hull:
    """Return the convex hulls of cells.

    Parameters
    ----------
    rows, columns
        (P,) coordinates in raster order within each cell, relative to anything that moves with the cell.
    offsets
        (n + 1,) where each cell begins.
    """
    return Hull(*_hulls(rows, columns, offsets).T)
