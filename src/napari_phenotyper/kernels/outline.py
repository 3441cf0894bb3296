"""Outlines of many cells: neighbours of each pixel, perimeter, Euler number, depth below the edge.

Throughout, pixels come cell after cell as in a `CellIndex`: `y`, `x` (P,) int32 in raster order within a cell,
`offsets` (n + 1,), `box` (n, 4). Each cell is drawn into a small map of its own, which stays in the processor's cache
and keeps touching cells apart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""(y, x) steps to the eight neighbours, going round: even ones share a side, odd ones a corner."""

Pixels = NDArray[np.int32]
Boxes = NDArray[np.int32]
Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int32]

_SIDES = 0b01010101

_WIDE = 256
"""Pixels: in wider cells depth is found by parabolas."""

# Weights of Benkrid & Crookes (2000) as scikit-image's `perimeter` has them: a border pixel counts by how many of its
# border neighbours share a side (2 each) and a corner (10 each), and 1 for itself.
_WEIGHTS = np.zeros(50)
_WEIGHTS[[5, 7, 15, 17, 25, 27]] = 1.0
_WEIGHTS[[21, 33]] = np.sqrt(2)
_WEIGHTS[[13, 23]] = (1 + np.sqrt(2)) / 2


def _euler_terms() -> NDArray[np.int64]:
    """Return (256,) pixels − pairs + triples − quads that a pixel with each code of neighbours brings.

    The clique complex of eight-neighbours has the Euler number of the cell; each clique is counted at one pixel.
    """
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    east, south_east, south, south_west, west, _, north, _ = bits.T
    pairs = east + south + south_east + south_west
    triples = (north & west) + (north & east) + (south & west) + (south & east)
    return np.asarray(1 - pairs + triples - (east & south & south_east), np.int64)


_EULER = _euler_terms()


@jit
def paint(y: Pixels, x: Pixels, first: int, last: int, top: int, left: int, map_: Codes) -> None:
    """Set the pixels first … last to 1 in a map whose corner lies at (top, left)."""
    for p in range(first, last):
        map_[y[p] - top, x[p] - left] = 1


@jit
def neighbours(y: Pixels, x: Pixels, offsets: Offsets, box: Boxes) -> Codes:
    """Return (P,) codes: bit k tells whether the neighbour in `STEPS[k]` belongs to the same cell."""
    codes = np.empty(len(y), np.uint8)
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        m = np.zeros((box[i, 2] - top + 1, box[i, 3] - left + 1), np.uint8)
        paint(y, x, offsets[i], offsets[i + 1], top, left, m)
        for p in range(offsets[i], offsets[i + 1]):
            r, c = y[p] - top, x[p] - left
            low = m[r, c + 1] | m[r + 1, c + 1] << 1 | m[r + 1, c] << 2 | m[r + 1, c - 1] << 3
            codes[p] = low | m[r, c - 1] << 4 | m[r - 1, c - 1] << 5 | m[r - 1, c] << 6 | m[r - 1, c + 1] << 7
    return codes


def is_border(codes: Codes) -> Flags:
    """Return (P,): whether a pixel has a side towards another cell, the background or the end of the field."""
    return np.asarray((codes & _SIDES) != _SIDES)


@jit
def _length(y: Pixels, x: Pixels, offsets: Offsets, box: Boxes, border: Flags, weights: Float64) -> Float64:
    found = np.zeros(len(box))
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        m = np.zeros((box[i, 2] - top + 1, box[i, 3] - left + 1), np.uint8)
        for p in range(offsets[i], offsets[i + 1]):
            m[y[p] - top, x[p] - left] = border[p]
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                r, c = y[p] - top, x[p] - left
                sides = m[r, c + 1] + m[r + 1, c] + m[r, c - 1] + m[r - 1, c]
                corners = m[r + 1, c + 1] + m[r + 1, c - 1] + m[r - 1, c - 1] + m[r - 1, c + 1]
                found[i] += weights[1 + 2 * sides + 10 * corners]
    return found


def perimeter(y: Pixels, x: Pixels, offsets: Offsets, box: Boxes, border: Flags) -> Float64:
    """Return (n,) lengths of the outlines in pixels, as `skimage.measure.perimeter` gives them, inner ones included."""
    return _length(y, x, offsets, box, border, _WEIGHTS)


@jit
def _sum_of(codes: Codes, offsets: Offsets, table: NDArray[np.int64]) -> Float64:
    found = np.zeros(len(offsets) - 1)
    for i in range(len(found)):
        total = 0
        for p in range(offsets[i], offsets[i + 1]):
            total += table[codes[p]]
        found[i] = total
    return found


def euler_number(codes: Codes, offsets: Offsets) -> Float64:
    """Return (n,) parts less holes of each cell, where pixels that share a corner are connected."""
    return _sum_of(codes, offsets, _EULER)


@jit
def _squares(m: Codes, gap: Integers, first: Integers, heights: Integers, where: Float64) -> None:
    """Set `gap` (h, w) to the squared distance of each pixel of a map (h, w), 0 around, to the nearest 0.

    Distances along columns, then along rows: step by step from each pixel where the map is small, by the lower envelope
    of parabolas (Felzenszwalb & Huttenlocher 2012), whose time does not grow with the distance, where it is large.
    """
    height, width = m.shape
    for r in range(1, height):
        for c in range(width):
            gap[r, c] = gap[r - 1, c] + 1 if m[r, c] else 0
    for r in range(height - 2, -1, -1):
        for c in range(width):
            gap[r, c] = min(gap[r, c], gap[r + 1, c] + 1)
    for r in range(1, height - 1):
        if width > _WIDE:
            _envelope(gap[r], first, heights, where)
        else:
            _nearby(gap[r], heights)


@jit
def _nearby(row: Integers, squares: Integers) -> None:
    """Put the least of each place's own square and those of others, plus the distance's square, into a row.

    Step by step for all places at once. What lies nearer to an end of the row than a step has nothing to gain from it.
    """
    width, most = len(row), 0
    for c in range(width):
        squares[c] = row[c] * row[c]
        row[c] = squares[c]
        most = max(most, squares[c])
    step = 1
    while step * step < most and 2 * step < width:
        square, behind, out = np.int32(step * step), squares[2 * step :], row[step:]
        for c in range(width - 2 * step):
            out[c] = min(out[c], min(squares[c], behind[c]) + square)
        step += 1


@jit
def _envelope(row: Integers, first: Integers, heights: Integers, where: Float64) -> None:
    """Put the height of the lowest of the parabolas over each place of a row in place of the root of its own."""
    k = 0
    first[0], heights[0], where[0] = 0, 0, -1.0
    for c in range(1, len(row)):
        own = row[c] * row[c]
        meet = _meeting(c, own, first[k], heights[k])
        while k > 0 and meet <= where[k]:
            k -= 1
            meet = _meeting(c, own, first[k], heights[k])
        k += 1
        first[k], heights[k], where[k] = c, own, meet
    for c in range(len(row) - 1, -1, -1):
        while k > 0 and where[k] > c:
            k -= 1
        row[c] = (c - first[k]) * (c - first[k]) + heights[k]


@jit
def _meeting(c: int, height: int, other: int, other_height: int) -> float:
    """Return where two parabolas meet, by the places and heights of their lowest points."""
    return (height + c * c - other_height - other * other) / (2.0 * (c - other))


@jit
def depth(y: Pixels, x: Pixels, offsets: Offsets, box: Boxes) -> NDArray[np.float32]:
    """Return (P,) distance of each pixel to the nearest pixel outside its own cell, in pixels (1 at the edge)."""
    found = np.empty(len(y), np.float32)
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        shape = (box[i, 2] - top + 1, box[i, 3] - left + 1)
        m = np.zeros(shape, np.uint8)
        paint(y, x, offsets[i], offsets[i + 1], top, left, m)
        gap = np.zeros(shape, np.int32)
        _squares(m, gap, np.empty(shape[1], np.int32), np.empty(shape[1], np.int32), np.empty(shape[1]))
        for p in range(offsets[i], offsets[i + 1]):
            found[p] = np.sqrt(gap[y[p] - top, x[p] - left])
    return found


@jit
def depth_statistics(deep: NDArray[np.float32], offsets: Offsets) -> Float64:
    """Return (n, 3) greatest, mean and median depth, from the counts of the squares, which are whole numbers."""
    found = np.zeros((len(offsets) - 1, 3))
    for i in range(len(found)):
        part = deep[offsets[i] : offsets[i + 1]]
        most = np.float32(0)
        for d in part:
            most = max(most, d)
        counts = np.zeros(int(np.rint(most * most)) + 1, np.int64)
        total = 0.0
        for d in part:
            total += d
            counts[int(np.rint(d * d))] += 1
        found[i, 0], found[i, 1] = most, total / len(part)
        lower, upper = (len(part) - 1) // 2, len(part) // 2
        seen = 0
        for square in range(len(counts)):
            begun = seen
            seen += counts[square]
            found[i, 2] += 0.5 * np.sqrt(square) * (int(begun <= lower < seen) + int(begun <= upper < seen))
    return found


@jit
def touching(labels: NDArray[np.int32], y: Pixels, x: Pixels, offsets: Offsets, border: Flags) -> Float64:
    """Return (n,) the share, 0 to 1, of each cell's border pixels that share a side with another cell of (y, x)."""
    height, width = labels.shape
    found = np.zeros(len(offsets) - 1)
    for i in range(len(found)):
        edge, beside = 0, 0
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                edge += 1
                r, c = y[p], x[p]
                own = labels[r, c]
                up = labels[max(r - 1, 0), c]
                down = labels[min(r + 1, height - 1), c]
                before = labels[r, max(c - 1, 0)]
                after = labels[r, min(c + 1, width - 1)]
                other = (up != own and up > 0) or (down != own and down > 0)
                beside += other or (before != own and before > 0) or (after != own and after > 0)
        found[i] = beside / max(edge, 1)
    return found
