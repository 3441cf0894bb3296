"""Statistics of the pixel values of two channels in many cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Float32 = NDArray[np.float32]


@jit
def _pearson(a: Float32, b: Float32) -> float:
    """Return the correlation of two groups of values, 0 where one does not vary."""
    mean_a, mean_b = 0.0, 0.0
    for k in range(len(a)):
        mean_a += a[k] / len(a)
        mean_b += b[k] / len(b)
    aa, bb, ab = 0.0, 0.0, 0.0
    for k in range(len(a)):
        da, db = a[k] - mean_a, b[k] - mean_b
        aa += da * da
        bb += db * db
        ab += da * db
    least = 1e-12 * len(a)
    if aa <= least * mean_a * mean_a or bb <= least * mean_b * mean_b:
        return 0.0
    return float(ab / np.sqrt(aa * bb))


@jit
def _top(values: Float32) -> float:
    most = -np.inf
    for v in values:
        most = max(most, v)
    return most


@jit
def pair_statistics(a: Float32, b: Float32, offsets: Offsets, share: float) -> Float64:
    """Return (n, 6) of each cell: Pearson, overlap, K of a and of b, Manders of a and of b.

    Parameters
    ----------
    a, b
        (P,) values of two channels.
    share
        All but Pearson's are of pixels that have at least this share of the cell's maximum, in both channels.
    """
    found = np.zeros((len(offsets) - 1, 6))
    for i in range(len(found)):
        one, two = a[offsets[i] : offsets[i + 1]], b[offsets[i] : offsets[i + 1]]
        found[i, 0] = _pearson(one, two)
        low_one, low_two = share * _top(one), share * _top(two)
        aa, bb, ab, sum_a, sum_b, all_a, all_b = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(len(one)):
            u, v = float(one[k]), float(two[k])
            above_one, above_two = u >= low_one, v >= low_two
            all_a += u * above_one
            all_b += v * above_two
            if above_one and above_two:
                aa += u * u
                bb += v * v
                ab += u * v
                sum_a += u
                sum_b += v
        if aa > 0 and bb > 0:
            found[i, 1], found[i, 2], found[i, 3] = ab / np.sqrt(aa * bb), ab / aa, ab / bb
        found[i, 4] = sum_a / all_a if all_a != 0 else 0.0
        found[i, 5] = sum_b / all_b if all_b != 0 else 0.0
    return found
