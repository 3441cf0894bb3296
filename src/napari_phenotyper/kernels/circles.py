"""Local binary patterns on circles round the pixels of many cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets
from napari_phenotyper.kernels.patches import patch

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]


def circle(points: int, radius: float) -> Float64:
    """Return (points, 2) y and x on a circle, going round from (0, radius); exact where they lie on an axis."""
    angle = 2 * np.pi * np.arange(points) / points
    return np.round(radius * np.stack([np.sin(angle), np.cos(angle)], axis=1), 9)


@jit
def _corners(round_: Float64, width: int) -> tuple[NDArray[np.int64], Float64]:
    """Return (k,) the step in a flattened piece to the pixel above and before each point, and (k, 4) weights."""
    steps, weights = np.empty(len(round_), np.int64), np.empty((len(round_), 4))
    for k in range(len(round_)):
        y, x = np.floor(round_[k, 0]), np.floor(round_[k, 1])
        dy, dx = round_[k, 0] - y, round_[k, 1] - x
        steps[k] = int(y) * width + int(x)
        weights[k, 0], weights[k, 1] = (1 - dy) * (1 - dx), (1 - dy) * dx
        weights[k, 2], weights[k, 3] = dy * (1 - dx), dy * dx
    return steps, weights


@jit
def circle_patterns(image: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, round_: Float64) -> Float64:
    """Return (n, k + 2) the share of each cell's pixels with 0 … k brighter points in one run, and in several runs.

    Rotation-invariant uniform patterns (Ojala et al. 2002), points between pixels interpolated.

    Parameters
    ----------
    round_
        (k, 2) y and x of the points, going round.
    """
    count = len(round_)
    margin = int(np.ceil(np.abs(round_).max())) + 1
    found = np.zeros((len(box), count + 2))
    brighter = np.empty(count, np.bool_)
    for i in range(len(box)):
        top, left = box[i, 0] - margin, box[i, 1] - margin
        width = box[i, 3] - left + margin
        piece = patch(image, top, left, box[i, 2] - top + margin, width).ravel()
        steps, weights = _corners(round_, width)
        for p in range(offsets[i], offsets[i + 1]):
            place = (y[p] - top) * width + x[p] - left
            # rounding makes no point brighter
            own = piece[place] + 1e-6 * abs(piece[place])
            bright, changes = 0, 0
            for k in range(count):
                at = place + steps[k]
                value = weights[k, 0] * piece[at] + weights[k, 1] * piece[at + 1]
                value += weights[k, 2] * piece[at + width] + weights[k, 3] * piece[at + width + 1]
                brighter[k] = value > own
                bright += brighter[k]
                changes += k > 0 and brighter[k] != brighter[k - 1]
            changes += brighter[0] != brighter[count - 1]
            found[i, bright if changes <= 2 else count + 1] += 1
        for k in range(count + 2):
            found[i, k] /= offsets[i + 1] - offsets[i]
    return found
