"""Which cells lie near each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]


@jit
def count_near(
    labels: NDArray[np.int32], border: NDArray[np.bool_], y: Pixels, x: Pixels, offsets: Offsets, reach: int
) -> Float64:
    """Return (n,) how many other cells of a (y, x) label image have a pixel within `reach` of each cell's edge.

    Parameters
    ----------
    border
        (P,) whether a pixel lies at the edge of its cell.
    """
    height, width = labels.shape
    found = np.zeros(len(offsets) - 1)
    for i in range(len(found)):
        own = labels[y[offsets[i]], x[offsets[i]]]
        seen = np.empty(16, np.int32)
        count, last = 0, own
        for p in range(offsets[i], offsets[i + 1]):
            if not border[p]:
                continue
            for r in range(max(y[p] - reach, 0), min(y[p] + reach + 1, height)):
                across = int(np.sqrt(reach * reach - (r - y[p]) * (r - y[p])))
                for c in range(max(x[p] - across, 0), min(x[p] + across + 1, width)):
                    other = labels[r, c]
                    if other == 0 or other == own or other == last:
                        continue
                    last = other
                    known = False
                    for k in range(count):
                        known = known or seen[k] == other
                    if not known:
                        if count == len(seen):
                            seen = np.append(seen, np.empty(count, np.int32))
                        seen[count] = other
                        count += 1
        found[i] = count
    return found
