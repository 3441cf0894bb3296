"""Spots within cells: parts of a cell that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]
Pixels = NDArray[np.int32]
Places = NDArray[np.int64]


@jit
def _fill(raised: Places, start: int, width: int, stack: Places) -> int:
    """Erase the part of a flattened map that holds `start`, corners connected; return how many places it has.

    The places come to lie in `stack`.
    """
    stack[0] = start
    found, done = 1, 0
    raised[start] = 0
    while done < found:
        place = stack[done]
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                near = place + dy * width + dx
                if raised[near]:
                    raised[near] = 0
                    stack[found] = near
                    found += 1
        done += 1
    return found


@jit
def spot_statistics(
    height: Float32, least: Float64, smallest: int, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels
) -> Float64:
    """Return (n, 4) of the spots of each cell: how many, their pixels, the sum of their height, and the greatest.

    Parameters
    ----------
    height
        (P,) how far each pixel stands out.
    least
        (n,) from which height on pixels belong to a spot of the cell.
    smallest
        Parts of fewer pixels, corners connected, are no spots.
    """
    found = np.zeros((len(box), 4))
    for i in range(len(box)):
        width = box[i, 3] - box[i, 1] + 2
        size = (box[i, 2] - box[i, 0] + 2) * width
        raised, heights, stack = np.zeros(size, np.int64), np.empty(size, np.float32), np.empty(size, np.int64)
        for p in range(offsets[i], offsets[i + 1]):
            place = (y[p] - box[i, 0] + 1) * width + x[p] - box[i, 1] + 1
            heights[place] = height[p]
            raised[place] = height[p] >= least[i]
        for start in range(size):
            if raised[start]:
                count = _fill(raised, start, width, stack)
                if count >= smallest:
                    found[i, 0] += 1
                    found[i, 1] += count
                    for k in range(count):
                        found[i, 2] += heights[stack[k]]
                        found[i, 3] = max(found[i, 3], heights[stack[k]])
    return found
