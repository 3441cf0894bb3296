"""Outlines of many cells at once: neighbours of each pixel, perimeter, Euler number, depth below the edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_phenotyper.kernels.grouped import Float64, Offsets, group_sum

STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""(y, x) steps to the eight neighbours, going round: even ones share a side, odd ones a corner."""

Pixels = NDArray[np.int32]

# Weights of Benkrid & Crookes (2000) as scikit-image's `perimeter` has them: a border pixel counts by how many of its
# border neighbours share a side (2 each) and a corner (10 each), and 1 for itself.
_WEIGHTS = np.zeros(50)
_WEIGHTS[[5, 7, 15, 17, 25, 27]] = 1.0
_WEIGHTS[[21, 33]] = np.sqrt(2)
_WEIGHTS[[13, 23]] = (1 + np.sqrt(2)) / 2


def neighbours(shape: tuple[int, int], y: Pixels, x: Pixels, cell: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return (8, P): whether the neighbour in each of `STEPS` belongs to the same cell.

    Parameters
    ----------
    shape
        (y, x) of the field.
    y, x
        (P,) coordinates of the pixels.
    cell
        (P,) position of each pixel's cell.
    """
    width = shape[1] + 2
    owner = np.full((shape[0] + 2) * width, -1, np.int32)
    at = (y.astype(np.int64) + 1) * width + x + 1
    owner[at] = cell
    return np.stack([owner[at + dy * width + dx] == cell for dy, dx in STEPS])


def is_border(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (P,): whether a pixel has a side towards another cell, the background or the end of the field."""
    return np.asarray(~same[::2].all(axis=0))


def perimeter(
    shape: tuple[int, int], y: Pixels, x: Pixels, cell: NDArray[np.intp], offsets: Offsets, same: NDArray[np.bool_]
) -> Float64:
    """Return (n,) lengths of the outlines in pixels, as `skimage.measure.perimeter` gives them, inner ones included."""
    border = is_border(same)
    by, bx, owner = y[border], x[border], cell[border]
    beside = neighbours(shape, by, bx, owner)
    code = 1 + 2 * beside[::2].sum(axis=0) + 10 * beside[1::2].sum(axis=0)
    weight = np.zeros(len(y))
    weight[border] = _WEIGHTS[np.minimum(code, len(_WEIGHTS) - 1)]
    return group_sum(weight, offsets)


def euler_number(offsets: Offsets, same: NDArray[np.bool_]) -> Float64:
    """Return (n,) parts less holes of each cell, where pixels that share a corner are connected.

    The clique complex of eight-neighbours has the same Euler number: pixels − pairs + triples − quads.
    """
    east, south_east, south, south_west, west, _, north, _ = same
    pairs = east.astype(np.int64) + south + south_east + south_west
    triples = ((north & west).astype(np.int64) + (north & east).astype(np.int64) + (south & west).astype(np.int64)) + (
        south & east
    ).astype(np.int64)
    quads = (east & south & south_east).astype(np.int64)
    return group_sum(1 - pairs + triples - quads, offsets)


def depth(y: Pixels, x: Pixels, offsets: Offsets, box: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return (P,) distance of each pixel to the nearest pixel outside its own cell, in pixels (1 at the edge).

    A loop over cells: maps of the boxes cost a tenth of one over a sparse field, and keep touching cells apart.
    """
    result = np.empty(len(y), np.float32)
    for i, (top, left, bottom, right) in enumerate(box.tolist()):
        part = slice(offsets[i], offsets[i + 1])
        mask = np.zeros((bottom - top + 2, right - left + 2), bool)
        rows, columns = y[part] - (top - 1), x[part] - (left - 1)
        mask[rows, columns] = True
        result[part] = ndimage.distance_transform_edt(mask)[rows, columns]
    return result


def touching(shape: tuple[int, int], y: Pixels, x: Pixels, offsets: Offsets, same: NDArray[np.bool_]) -> Float64:
    """Return (n,) the share, 0 to 1, of each cell's border pixels that share a side with another cell."""
    width = shape[1] + 2
    owned = np.zeros((shape[0] + 2) * width, bool)
    at = (y.astype(np.int64) + 1) * width + x + 1
    owned[at] = True
    other = np.zeros(len(y), bool)
    for i in range(0, 8, 2):
        dy, dx = STEPS[i]
        other |= owned[at + dy * width + dx] & ~same[i]
    return group_sum(other, offsets) / np.maximum(group_sum(is_border(same), offsets), 1)
