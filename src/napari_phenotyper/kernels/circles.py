"""Local binary patterns on circles round the pixels of many cells."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets
from napari_phenotyper.kernels.patches import patch

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]
Codes = NDArray[np.uint32]
Patterns = NDArray[np.uint8]

_TIE = 1e-6
"""Share of a pixel's value that a point must be brighter by: rounding makes none brighter."""


def circle(points: int, radius: float) -> Float64:
    """Return (points, 2) y and x on a circle, going round from (0, radius); exact where they lie on an axis."""
    angle = 2 * np.pi * np.arange(points) / points
    return np.round(radius * np.stack([np.sin(angle), np.cos(angle)], axis=1), 9)


@lru_cache(maxsize=4)
def _patterns_of(points: int) -> Patterns:
    """Return (2^points,) the number of brighter points of each set in one run, points + 1 of several runs."""
    codes = np.arange(1 << points, dtype=np.uint32)
    turned = (codes >> 1) | ((codes & 1) << (points - 1))
    brighter, changes = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
    for k in range(points):
        brighter += (codes >> k) & 1
        changes += ((codes ^ turned) >> k) & 1
    return np.where(changes <= 2, brighter, points + 1).astype(np.uint8)


@jit
def _mark(piece: Float32, start: int, width: int, point: Float64, bit: int, least: Float32, codes: Codes) -> None:
    """Set a bit in the codes of all places whose point, interpolated between four pixels, is brighter than `least`."""
    row, column = int(np.floor(point[0])), int(np.floor(point[1]))
    dy, dx = point[0] - row, point[1] - column
    first = start + row * width + column
    a, b = piece[first:], piece[first + 1 :]
    c, d = piece[first + width :], piece[first + width + 1 :]
    wa, wb = np.float32((1 - dy) * (1 - dx)), np.float32((1 - dy) * dx)
    wc, wd = np.float32(dy * (1 - dx)), np.float32(dy * dx)
    own, none = np.uint32(1 << bit), np.uint32(0)
    for i in range(len(codes)):
        # corner to corner, so that a quarter turn changes nothing but the order of two terms
        value = (wa * a[i] + wd * d[i]) + (wb * b[i] + wc * c[i])
        codes[i] |= own if value > least[i] else none


@jit
def _shares_of(
    image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, round_: Float64, patterns: Patterns
) -> Float64:
    margin = int(np.ceil(np.abs(round_).max())) + 1
    found = np.zeros((len(box), len(round_) + 2))
    for i in range(len(box)):
        top, left = box[i, 0] - margin, box[i, 1] - margin
        height, width = box[i, 2] - box[i, 0], box[i, 3] - left + margin
        piece = patch(image, top, left, height + 2 * margin, width).ravel()
        start, count = margin * width + margin, height * width - 2 * margin
        codes, least = np.zeros(count, np.uint32), np.empty(count, np.float32)
        middle = piece[start:]
        for k in range(count):
            least[k] = middle[k] + np.float32(_TIE) * abs(middle[k])
        for k in range(len(round_)):
            _mark(piece, start, width, round_[k], k, least, codes)
        for p in range(offsets[i], offsets[i + 1]):
            found[i, patterns[codes[(y[p] - box[i, 0]) * width + x[p] - box[i, 1]]]] += 1
        for k in range(len(round_) + 2):
            found[i, k] /= offsets[i + 1] - offsets[i]
    return found


def circle_patterns(
    image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, points: int, radius: float
) -> Float64:
    """Return (n, points + 2) the share of each cell's pixels with 0 … k brighter points in one run, and in several.

    Rotation-invariant uniform patterns (Ojala et al. 2002) of up to 16 points, interpolated between pixels.
    """
    return _shares_of(image, y, x, offsets, box, circle(points, radius), _patterns_of(points))
