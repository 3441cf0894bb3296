"""Which cells lie near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]
Labels = NDArray[np.int32]


@jit
def _add_new(labels: Labels, row: int, first: int, last: int, seen: Labels, count: int) -> int:
    """Put the labels of a piece of a row that are new into `seen`, as far as it holds; return how many it has then."""
    before = 0
    for c in range(first, last):
        other = labels[row, c]
        if other != before and other != 0:
            known = False
            for k in range(count):
                known = known or seen[k] == other
            if not known and count < len(seen):
                seen[count] = other
                count += 1
        before = other
    return count


@jit
def count_near(
    labels: Labels, border: NDArray[np.bool_], y: Pixels, x: Pixels, offsets: Offsets, reach: int
) -> Float64:
    """Return (n,) how many other cells of a (y, x) label image have a pixel within `reach` of each cell's edge.

    Parameters
    ----------
    border
        (P,) whether a pixel lies at the edge of its cell.
    """
    height, width = labels.shape
    found = np.zeros(len(offsets) - 1)
    seen = np.zeros(len(found), np.int32)
    for i in range(len(found)):
        # the cell itself comes first
        seen[0], count = labels[y[offsets[i]], x[offsets[i]]], 1
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                for r in range(max(y[p] - reach, 0), min(y[p] + reach + 1, height)):
                    across = int(np.sqrt(reach * reach - (r - y[p]) * (r - y[p])))
                    first, last = max(x[p] - across, 0), min(x[p] + across + 1, width)
                    count = _add_new(labels, r, first, last, seen, count)
        found[i] = count - 1
    return found
