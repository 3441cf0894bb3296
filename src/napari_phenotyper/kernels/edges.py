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

_TRUNCATE = 4.0
"""Standard deviations at which the Gaussian ends, as scipy has it."""


def gaussians(sigmas: Sequence[float]) -> Float32:
    """Return (k, m) half Gaussians, the middle first, 0 beyond their ends; each whole one sums to 1."""
    radii = [int(_TRUNCATE * sigma + 0.5) for sigma in sigmas]
    found = np.zeros((len(sigmas), max(radii) + 1), np.float32)
    for row, sigma, radius in zip(found, sigmas, radii, strict=True):
        weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
        row[: radius + 1] = weights / (2 * weights.sum() - weights[0])
    return found


@jit
def _add(out: Float32, a: Float32, b: Float32, weight: np.float32) -> None:
    for i in range(len(out)):
        out[i] += weight * (a[i] + b[i])


@jit
def _smooth(piece: Float32, height: int, margin: int, weights: Float32, lines: Float32, out: Float32) -> None:
    """Smooth the middle of a piece of (height + 2·margin, w) pixels, flattened, down and then along.

    Rows follow one another without a gap, so that one loop goes over all of them; what it mixes at the ends of rows
    lies in the margin. `out` holds, at r·w + c, the pixel (r + margin, c + margin) of the piece.
    """
    width = len(piece) // (height + 2 * margin)
    count = height * width
    start = margin * width
    for i in range(count):
        lines[i] = weights[0] * piece[start + i]
    for k in range(1, len(weights)):
        if weights[k] > 0:
            shift = k * width
            _add(lines[:count], piece[start - shift :], piece[start + shift :], weights[k])
    for i in range(count - 2 * margin):
        out[i] = weights[0] * lines[margin + i]
    for k in range(1, len(weights)):
        if weights[k] > 0:
            _add(out[: count - 2 * margin], lines[margin - k :], lines[margin + k :], weights[k])


@jit
def _describe(
    smooth: Float32, places: NDArray[np.int64], steps: NDArray[np.int64], border: Flags, found: Float64
) -> None:
    """Fill `found` (5,): the Laplacian's spread, minimum and maximum, mean steepness, and that at the edge.

    `places` (q,) are where the cell's pixels lie in `smooth`, `steps` (q, 4) where their neighbours do.
    """
    count, edge = len(places), 0
    curved = np.empty(count, np.float32)
    total, least, most, steep, steep_edge = 0.0, np.inf, -np.inf, 0.0, 0.0
    for q in range(count):
        up, down, left, right = (
            smooth[steps[q, 0]], smooth[steps[q, 1]], smooth[steps[q, 2]], smooth[steps[q, 3]]
        )  # fmt: skip
        curved[q] = up + down + left + right - 4 * smooth[places[q]]
        total += curved[q]
        least, most = min(least, curved[q]), max(most, curved[q])
        slope = 0.5 * np.sqrt((down - up) * (down - up) + (right - left) * (right - left))
        steep += slope
        if border[q]:
            steep_edge += slope
            edge += 1
    square = 0.0
    for v in curved:
        square += (v - total / count) ** 2
    found[0], found[1], found[2] = np.sqrt(square / count), least, most
    found[3], found[4] = steep / count, steep_edge / edge


@jit
def blobs_and_slopes(
    image: Float32, border: Flags, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, weights: Float32
) -> Float64:
    """Return (n, k, 5) of each cell in the image smoothed by k half Gaussians (k, m) of `gaussians`.

    The five are spread, minimum and maximum of the Laplacian, and the mean steepness over the cell and over its border
    pixels. Differences are taken at the cells' pixels; beyond the field lie its outermost pixels again. Each cell's own
    neighbourhood is smoothed, so that the values are the same wherever it lies.
    """
    rows, columns = image.shape
    found = np.zeros((len(box), len(weights), 5))
    margin = weights.shape[1] - 1
    for i in range(len(box)):
        top, left = max(box[i, 0] - 1, 0), max(box[i, 1] - 1, 0)
        height, tall = min(box[i, 2] + 1, rows) - top, min(box[i, 3] + 1, columns) - left
        width = tall + 2 * margin
        piece = patch(image, top - margin, left - margin, height + 2 * margin, width).ravel()
        base = piece[margin * width + margin]
        for k in range(len(piece)):
            piece[k] -= base
        places, steps = np.empty(offsets[i + 1] - offsets[i], np.int64), np.empty((offsets[i + 1] - offsets[i], 4), np.int64)
        for q in range(len(places)):
            r, c = y[offsets[i] + q] - top, x[offsets[i] + q] - left
            places[q] = r * width + c
            steps[q, 0], steps[q, 1] = max(r - 1, 0) * width + c, min(r + 1, height - 1) * width + c
            steps[q, 2], steps[q, 3] = r * width + max(c - 1, 0), r * width + min(c + 1, tall - 1)
        lines, smooth = np.empty(height * width, np.float32), np.empty(height * width, np.float32)
        for k in range(len(weights)):
            _smooth(piece, height, margin, weights[k], lines, smooth)
            _describe(smooth, places, steps, border[offsets[i] : offsets[i + 1]], found[i, k])
    return found
