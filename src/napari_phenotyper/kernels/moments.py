"""Moments of the form of many cells, and how the distance of their outline from the centroid varies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]

CENTRAL = ((2, 0), (0, 2), (1, 1), (3, 0), (2, 1), (1, 2), (0, 3))
"""Powers of y and x of the columns that `central_moments` returns."""


@jit
def from_corners(y: Pixels, x: Pixels, offsets: Offsets, box: Pixels) -> tuple[Pixels, Pixels]:
    """Return (P,) rows and columns from the corner of each cell's (n, 4) box."""
    rows, columns = np.empty_like(y), np.empty_like(x)
    for i in range(len(box)):
        for p in range(offsets[i], offsets[i + 1]):
            rows[p] = y[p] - box[i, 0]
            columns[p] = x[p] - box[i, 1]
    return rows, columns


@jit
def centroids(rows: Pixels, columns: Pixels, offsets: Offsets) -> Float64:
    """Return (n, 2) mean row and column of the (P,) pixels of each cell."""
    found = np.empty((len(offsets) - 1, 2))
    for i in range(len(found)):
        y, x = 0, 0
        for p in range(offsets[i], offsets[i + 1]):
            y += rows[p]
            x += columns[p]
        count = offsets[i + 1] - offsets[i]
        found[i, 0], found[i, 1] = y / count, x / count
    return found


@jit
def central_moments(rows: Pixels, columns: Pixels, centre: Float64, offsets: Offsets) -> Float64:
    """Return (n, 7) sums of y^p·x^q about the (n, 2) centres, in the order of `CENTRAL`."""
    found = np.zeros((len(offsets) - 1, 7))
    for i in range(len(found)):
        yy, xx, xy, yyy, yyx, yxx, xxx = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for p in range(offsets[i], offsets[i + 1]):
            y, x = rows[p] - centre[i, 0], columns[p] - centre[i, 1]
            y2, x2 = y * y, x * x
            yy += y2
            xx += x2
            xy += y * x
            yyy += y2 * y
            yyx += y2 * x
            yxx += y * x2
            xxx += x2 * x
        found[i, 0], found[i, 1], found[i, 2] = yy, xx, xy
        found[i, 3], found[i, 4], found[i, 5], found[i, 6] = yyy, yyx, yxx, xxx
    return found


@jit
def outline_radii(
    rows: Pixels, columns: Pixels, centre: Float64, border: NDArray[np.bool_], offsets: Offsets, highest: int
) -> Float64:
    """Return (n, highest + 1): how the border pixels' distance from the centre varies.

    Column 0 is the mean distance, column 1 its standard deviation, column k from 2 on the magnitude of the sum of
    distance·exp(i·k·angle) over the sum of the distances.
    """
    found = np.zeros((len(offsets) - 1, highest + 1))
    for i in range(len(found)):
        real, imaginary = np.zeros(highest + 1), np.zeros(highest + 1)
        count, total, squares = 0, 0.0, 0.0
        for p in range(offsets[i], offsets[i + 1]):
            if border[p]:
                y, x = rows[p] - centre[i, 0], columns[p] - centre[i, 1]
                count += 1
                squares += y * y + x * x
                radius = np.sqrt(y * y + x * x)
                total += radius
                turn = complex(x / radius, y / radius) if radius > 0 else complex(1.0, 0.0)
                power = radius * turn
                for k in range(2, highest + 1):
                    power *= turn
                    real[k] += power.real
                    imaginary[k] += power.imag
        found[i, 0] = total / count
        found[i, 1] = np.sqrt(max(squares / count - found[i, 0] ** 2, 0.0))
        for k in range(2, highest + 1):
            found[i, k] = np.hypot(real[k], imaginary[k]) / max(total, 0.5)
    return found


@jit
def reach(rows: Pixels, columns: Pixels, centre: Float64, offsets: Offsets) -> Float64:
    """Return (n,) the distance of the pixel of each cell that lies farthest from its centre."""
    found = np.zeros(len(offsets) - 1)
    for i in range(len(found)):
        most = 0.0
        for p in range(offsets[i], offsets[i + 1]):
            y, x = rows[p] - centre[i, 0], columns[p] - centre[i, 1]
            most = max(most, y * y + x * x)
        found[i] = np.sqrt(most)
    return found
