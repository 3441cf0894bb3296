"""Which cells lie near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]
Labels = NDArray[np.int32]


@jit
def _mark(marks: Labels, row: int, column: int, across: Labels) -> None:
    """Mark the disc round a place of a window: 1 where it begins in each row, −1 behind its end."""
    height, width = marks.shape[0], marks.shape[1] - 1
    reach = len(across) // 2
    for r in range(max(row - reach, 0), min(row + reach + 1, height)):
        wide = across[r - row + reach]
        marks[r, max(column - wide, 0)] += 1
        marks[r, min(column + wide + 1, width)] -= 1


@jit
def _count_new(labels: Labels, marks: Labels, own: int, seen: Labels) -> int:
    """Return how many labels but 0 and a window's own have a marked pixel; they come to lie in `seen`."""
    count = 0
    for r in range(labels.shape[0]):
        discs, before = 0, own
        for c in range(labels.shape[1]):
            discs += marks[r, c]
            other = labels[r, c]
            if discs > 0 and other and other != own and other != before:
                before = other
                known = False
                for k in range(count):
                    known = known or seen[k] == other
                if not known:
                    seen[count] = other
                    count += 1
    return count


@jit
def count_near(
    labels: Labels, border: NDArray[np.bool_], y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, reach: int
) -> Float64:
    """Return (n,) how many other cells of a (y, x) label image have a pixel within `reach` of each cell's edge.

    Parameters
    ----------
    border
        (P,) whether a pixel lies at the edge of its cell.
    """
    height, width = labels.shape
    found = np.zeros(len(box))
    seen = np.zeros(len(box), np.int32)
    across = np.empty(2 * reach + 1, np.int32)
    for k in range(len(across)):
        across[k] = int(np.sqrt(reach * reach - (k - reach) * (k - reach)))
    for i in range(len(box)):
        top, left = max(box[i, 0] - reach, 0), max(box[i, 1] - reach, 0)
        window = labels[top : min(box[i, 2] + reach, height), left : min(box[i, 3] + reach, width)]
        marks = np.zeros((window.shape[0], window.shape[1] + 1), np.int32)
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                _mark(marks, y[p] - top, x[p] - left, across)
        found[i] = _count_new(window, marks, labels[y[offsets[i]], x[offsets[i]]], seen)
    return found
