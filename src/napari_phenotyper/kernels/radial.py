"""How brightness is distributed from the middle of a cell to its edge, as CellProfiler measures it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]
Codes = NDArray[np.uint8]

BINS = 4
WEDGES = 8
OUTSIDE = 255

_DIAGONAL = np.sqrt(2.0)


@jit
def _sweep(away: Float64, inside: NDArray[np.bool_], step: int) -> bool:
    """Shorten the ways in a map, 1 to a side and √2 to a corner; tell whether any became shorter.

    Step −1 goes forth and looks back, step 1 goes back and looks ahead.
    """
    height, width = away.shape
    changed = False
    for i in range(1, height - 1):
        r = i if step < 0 else height - 1 - i
        for j in range(1, width - 1):
            c = j if step < 0 else width - 1 - j
            if inside[r, c]:
                near = min(away[r + step, c], away[r, c + step]) + 1
                far = min(away[r + step, c - 1], away[r + step, c + 1]) + _DIAGONAL
                if min(near, far) < away[r, c] - 1e-9:
                    away[r, c] = min(near, far)
                    changed = True
    return changed


@jit
def _octant(dy: int, dx: int) -> int:
    return int(dy > 0) + 2 * int(dx > 0) + 4 * int(abs(dy) > abs(dx))


@jit
def radial_parts(deep: Float32, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels) -> Codes:
    """Return (P,) 8 times the ring, from the middle outwards, plus the wedge; 255 where no way leads to the middle.

    The middle is the deepest pixel, the first in raster order of several. A ring is a quarter of the way, inside the
    cell, from the middle to a pixel over that way plus the pixel's depth.

    Parameters
    ----------
    deep
        (P,) depth of each pixel below the edge.
    """
    found = np.empty(len(y), np.uint8)
    for i in range(len(box)):
        top, left = box[i, 0] - 1, box[i, 1] - 1
        shape = (box[i, 2] - top + 1, box[i, 3] - left + 1)
        inside, away = np.zeros(shape, np.bool_), np.full(shape, np.inf)
        middle = offsets[i]
        for p in range(offsets[i], offsets[i + 1]):
            inside[y[p] - top, x[p] - left] = True
            if deep[p] > deep[middle]:
                middle = p
        away[y[middle] - top, x[middle] - left] = 0.0
        while _sweep(away, inside, -1) | _sweep(away, inside, 1):
            pass
        for p in range(offsets[i], offsets[i + 1]):
            way = away[y[p] - top, x[p] - left]
            if way < np.inf:
                ring = min(int(way / (way + deep[p] + 0.001) * BINS), BINS - 1)
                found[p] = ring * WEDGES + _octant(y[p] - y[middle], x[p] - x[middle])
            else:
                found[p] = OUTSIDE
    return found


@jit
def part_sums(values: Float32, part: Codes, offsets: Offsets) -> tuple[Float64, Float64]:
    """Return (n, 32) sums of the values and (n, 32) counts of the pixels in each part of a cell."""
    light = np.zeros((len(offsets) - 1, BINS * WEDGES))
    pixels = np.zeros((len(offsets) - 1, BINS * WEDGES))
    for i in range(len(light)):
        for p in range(offsets[i], offsets[i + 1]):
            if part[p] != OUTSIDE:
                light[i, part[p]] += values[p]
                pixels[i, part[p]] += 1
    return light, pixels
