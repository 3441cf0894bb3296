"""Blobs and slopes of many cells: differences of neighbours in the smoothed image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets
from napari_phenotyper.kernels.patches import patch

Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]
Pixels = NDArray[np.int32]
Places = NDArray[np.int64]

_TRUNCATE = 4.0
"""Standard deviations at which the Gaussian ends, as scipy has it."""


def gaussians(sigmas: Sequence[float]) -> Float64:
    """Return (k, 4·j + 1) half Gaussians, the middle first, 0 beyond their ends; each whole one sums to 1."""
    radii = [int(_TRUNCATE * sigma + 0.5) for sigma in sigmas]
    found = np.zeros((len(sigmas), -(-max(radii) // 4) * 4 + 1))
    for row, sigma, radius in zip(found, sigmas, radii, strict=True):
        weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
        row[: radius + 1] = weights / (2 * weights.sum() - weights[0])
    return found


@jit
def _add(out: Float64, source: Float64, middle: int, step: int, first: int, weights: Float64) -> None:
    """Add to `out` what lies `first` to `first + 3` steps on either side of each place, times a weight each."""
    count = len(out)
    a0, b0 = source[middle - first * step :], source[middle + first * step :]
    a1, b1 = source[middle - (first + 1) * step :], source[middle + (first + 1) * step :]
    a2, b2 = source[middle - (first + 2) * step :], source[middle + (first + 2) * step :]
    a3, b3 = source[middle - (first + 3) * step :], source[middle + (first + 3) * step :]
    w0, w1, w2, w3 = weights[first], weights[first + 1], weights[first + 2], weights[first + 3]
    for i in range(count):
        near = w0 * (a0[i] + b0[i]) + w1 * (a1[i] + b1[i])
        out[i] += near + (w2 * (a2[i] + b2[i]) + w3 * (a3[i] + b3[i]))


@jit
def _scale(source: Float64, weight: float, out: Float64) -> None:
    for i in range(len(out)):
        out[i] = weight * source[i]


@jit
def _smooth(piece: Float64, height: int, margin: int, weights: Float64, lines: Float64, out: Float64) -> None:
    """Smooth the middle of a piece of (height + 2·margin, w) pixels, flattened, down and then along.

    Rows follow one another without a gap, so that one loop goes over all of them; what it mixes at the ends of rows
    lies in the margin. `out` holds, at r·w + c, the pixel (r + margin, c + margin) of the piece.
    """
    width = len(piece) // (height + 2 * margin)
    count = height * width
    start = margin * width
    _scale(piece[start:], weights[0], lines[:count])
    for k in range(1, len(weights), 4):
        _add(lines[:count], piece, start, width, k, weights)
    _scale(lines[margin:], weights[0], out[: count - 2 * margin])
    for k in range(1, len(weights), 4):
        _add(out[: count - 2 * margin], lines, margin, 1, k, weights)


@jit
def _repeat(plane: Float64, width: int, height: int, tall: int, beyond: tuple[bool, bool, bool, bool]) -> None:
    """Repeat the outermost rows and columns of a plane where the first and last ones lie beyond the field."""
    above, below, before, behind = beyond
    for c in range(tall):
        if above:
            plane[c] = plane[width + c]
        if below:
            plane[(height - 1) * width + c] = plane[(height - 2) * width + c]
    for r in range(height):
        if before:
            plane[r * width] = plane[r * width + 1]
        if behind:
            plane[r * width + tall - 1] = plane[r * width + tall - 2]


@jit
def _describe(plane: Float64, width: int, places: Places, border: Flags, found: Float64) -> None:
    """Fill `found` (5,): the Laplacian's spread, minimum and maximum, mean steepness, and that at the edge."""
    count, edge = len(places), 0
    total, square, least, most, slope, slope_edge = 0.0, 0.0, np.inf, -np.inf, 0.0, 0.0
    for q in range(count):
        at = places[q]
        up, down, before, after = plane[at - width], plane[at + width], plane[at - 1], plane[at + 1]
        # in pairs that lie opposite, so that a quarter turn changes nothing
        v = (up + down) + (before + after) - 4 * plane[at]
        total += v
        square += v * v
        least, most = min(least, v), max(most, v)
        steep = 0.5 * np.sqrt((down - up) * (down - up) + (after - before) * (after - before))
        slope += steep
        if border[q]:
            slope_edge += steep
            edge += 1
    # a Laplacian varies about 0, so that nothing is lost here
    variance = square / count - (total / count) * (total / count)
    found[0], found[1], found[2] = np.sqrt(max(variance, 0.0)), least, most
    found[3], found[4] = slope / count, slope_edge / edge


@jit
def _reach(weights: Float64) -> int:
    """Return how many places of a half Gaussian, in fours, are not 0."""
    reach = len(weights) - 1
    while reach > 4 and weights[reach - 3] == 0:
        reach -= 4
    return reach


@jit
def blobs_and_slopes(
    image: Float32, border: Flags, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, weights: Float64
) -> Float64:
    """Return (n, k, 5) of each cell in the image smoothed by k half Gaussians (k, m) of `gaussians`.

    The five are spread, minimum and maximum of the Laplacian, and the mean steepness over the cell and over its border
    pixels. Differences are taken at the cells' pixels; beyond the field lie its outermost pixels again. Each cell's own
    neighbourhood is smoothed, so that the values are the same wherever it lies; in float64, as a Laplacian is a small
    difference of large numbers.
    """
    rows, columns = image.shape
    found = np.zeros((len(box), len(weights), 5))
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        height, tall = box[i, 2] + 1 - top, box[i, 3] + 1 - left
        beyond = (top < 0, box[i, 2] == rows, left < 0, box[i, 3] == columns)
        own = border[offsets[i] : offsets[i + 1]]
        places = np.empty(len(own), np.int64)
        for k in range(len(weights)):
            margin = _reach(weights[k])
            width = tall + 2 * margin
            piece = patch(image, top - margin, left - margin, height + 2 * margin, width).ravel().astype(np.float64)
            for q in range(len(own)):
                places[q] = (y[offsets[i] + q] - top) * width + x[offsets[i] + q] - left
            lines, plane = np.empty(height * width), np.zeros(height * width)
            _smooth(piece, height, margin, weights[k, : margin + 1], lines, plane)
            _repeat(plane, width, height, tall, beyond)
            _describe(plane, width, places, own, found[i, k])
    return found
