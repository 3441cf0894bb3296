"""Distances between many cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def square_distances(a: Float32, b: Float32) -> Float32:
    """Return (n, m) squared Euclidean distances of (n, D) and (m, D), by one matrix product; never negative."""
    out = a @ b.T
    out *= -2
    out += np.einsum("ij,ij->i", a, a)[:, None]
    out += np.einsum("ij,ij->i", b, b)
    return np.asarray(np.maximum(out, 0, out=out))
