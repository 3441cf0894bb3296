"""Sums over squares around many points at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels.grouped import Float64

Pixels = NDArray[np.int32]


def box_sums(
    image: NDArray[np.generic], y: Pixels, x: Pixels, sizes: Sequence[int], outside: Literal["edge", "constant"]
) -> Float64:
    """Return (k, P) sums of the image over squares centred on points, by one summed-area table (Crow 1984).

    Parameters
    ----------
    image
        (y, x), finite; sums are exact for whole numbers.
    y, x
        (P,) points.
    sizes
        k odd sides, in pixels.
    outside
        What lies beyond the image: "edge", its nearest pixel; "constant", zero.
    """
    margin = max(sizes) // 2
    padded = np.pad(image.astype(np.float64), margin, mode=outside)
    table = np.zeros((padded.shape[0] + 1, padded.shape[1] + 1))
    np.cumsum(padded, axis=0, out=table[1:, 1:])
    np.cumsum(table[1:, 1:], axis=1, out=table[1:, 1:])
    width = table.shape[1]
    flat = table.ravel()
    found = np.empty((len(sizes), len(y)))
    for i, size in enumerate(sizes):
        start = (y.astype(np.int64) + margin - size // 2) * width + x + margin - size // 2
        below = start + size * width
        found[i] = flat[below + size] - flat[below] - flat[start + size] + flat[start]
    return found
