"""What lies around a cell: a piece of the image, its nearest pixels repeated beyond the end of the field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]

PATTERNS = 10
"""Uniform local binary patterns of eight neighbours: 0 to 8 brighter ones in one run, and those of several runs."""


def _pattern_of() -> NDArray[np.int64]:
    """Return (256,) the pattern of each set of brighter neighbours, going round."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.asarray(np.where(changes <= 2, bits.sum(axis=1), PATTERNS - 1), np.int64)


_PATTERN_OF = _pattern_of()


@jit
def pixel_values(image: Float32, y: Pixels, x: Pixels) -> Float32:
    """Return (P,) values of a (y, x) image at some pixels."""
    found = np.empty(len(y), np.float32)
    for p in range(len(y)):
        found[p] = image[y[p], x[p]]
    return found


@jit
def patch(image: Float32, top: int, left: int, height: int, width: int) -> Float32:
    """Return the (height, width) piece of an image from (top, left), which may lie outside."""
    rows, columns = image.shape
    found = np.empty((height, width), np.float32)
    before = min(max(-left, 0), width)
    inside = max(min(left + width, columns) - max(left, 0), 0)
    for r in range(height):
        line, own = image[min(max(top + r, 0), rows - 1)], found[r]
        source, target = line[max(left, 0) :], own[before:]
        for c in range(inside):
            target[c] = source[c]
        for c in range(before):
            own[c] = line[0]
        for c in range(before + inside, width):
            own[c] = line[columns - 1]
    return found


@jit
def _shares_of(
    image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, pattern_of: NDArray[np.int64]
) -> Float64:
    found = np.zeros((len(box), PATTERNS))
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        p = patch(image, top, left, box[i, 2] - top + 1, box[i, 3] - left + 1)
        for k in range(offsets[i], offsets[i + 1]):
            r, c = y[k] - top, x[k] - left
            v = p[r, c]
            code = int(p[r, c + 1] > v) | int(p[r + 1, c + 1] > v) << 1 | int(p[r + 1, c] > v) << 2
            code |= int(p[r + 1, c - 1] > v) << 3 | int(p[r, c - 1] > v) << 4 | int(p[r - 1, c - 1] > v) << 5
            code |= int(p[r - 1, c] > v) << 6 | int(p[r - 1, c + 1] > v) << 7
            found[i, pattern_of[code]] += 1
        for k in range(PATTERNS):
            found[i, k] /= offsets[i + 1] - offsets[i]
    return found


def pattern_shares(image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels) -> Float64:
    """Return (n, 10) the share of each cell's pixels with each uniform local binary pattern (Ojala et al. 2002)."""
    return _shares_of(image, y, x, offsets, box, _PATTERN_OF)


@jit
def _table(piece: Float32) -> Float64:
    """Return the summed-area table of a piece (Crow 1984), one row and column larger."""
    height, width = piece.shape
    found = np.zeros((height + 1, width + 1))
    for r in range(height):
        total = 0.0
        for c in range(width):
            total += piece[r, c]
            found[r + 1, c + 1] = found[r, c + 1] + total
    return found


@jit
def _means(table: Float64, width: int, half: int, margin: int, out: Float64) -> None:
    """Set means over squares of 2·half + 1 round the pixels of a piece, at the places that they have in its table.

    Of the rows that lie `margin` inside; what is mixed at the ends of rows lies in the margin.
    """
    size = 2 * half + 1
    start = (margin - half) * (width + 1)
    a, b = table[start:], table[start + size :]
    c, d = table[start + size * width :], table[start + size * width + size :]
    scale = 1.0 / (size * size)
    for i in range(len(out)):
        out[i] = (d[i] - c[i] - b[i] + a[i]) * scale


@jit
def _spread_and_skewness(wide: Float64, narrow: Float64, places: NDArray[np.int64], found: Float64) -> None:
    """Fill `found` (2,) with spread and skewness of the difference of two planes at some places."""
    count, total = len(places), 0.0
    values = np.empty(count)
    for q in range(count):
        values[q] = narrow[places[q]] - wide[places[q]]
        total += values[q]
    mean, second, third = total / count, 0.0, 0.0
    for v in values:
        off = v - mean
        second += off * off
        third += off * off * off
    found[0] = np.sqrt(second / count)
    # rounding leaves a constant group with a variance just above zero
    if second / count > 1e-12 * mean * mean:
        found[1] = third / count / (second / count) ** 1.5


@jit
def band_moments(
    image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, halves: NDArray[np.int64]
) -> Float64:
    """Return (n, k − 1, 2) spread and skewness in each cell of the difference between means over growing squares.

    Parameters
    ----------
    halves
        (k,) growing: squares of 2·half + 1 pixels. Band j is the mean over square j less that over square j + 1.
    """
    margin = halves[len(halves) - 1]
    found = np.zeros((len(box), len(halves) - 1, 2))
    for i in range(len(box)):
        top, left = box[i, 0] - margin, box[i, 1] - margin
        height, width = box[i, 2] - top + margin, box[i, 3] - left + margin + 1
        table = _table(patch(image, top, left, height, width - 1)).ravel()
        places = np.empty(offsets[i + 1] - offsets[i], np.int64)
        for q in range(len(places)):
            p = offsets[i] + q
            places[q] = (y[p] - box[i, 0]) * width + x[p] - box[i, 1]
        # squares of the last pixels end with the table
        count = (box[i, 2] - box[i, 0]) * width - 2 * margin
        narrow, wide = np.empty(count), np.empty(count)
        _means(table, width, halves[0], margin, narrow)
        for j in range(1, len(halves)):
            _means(table, width, halves[j], margin, wide)
            _spread_and_skewness(wide, narrow, places, found[i, j - 1])
            narrow, wide = wide, narrow
    return found
