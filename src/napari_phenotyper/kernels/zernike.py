"""Zernike moments of many cells, by the moments of x and y that they are sums of."""

from __future__ import annotations

from functools import lru_cache
from math import comb, factorial

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]
Complex128 = NDArray[np.complex128]


def orders(degree: int) -> list[tuple[int, int]]:
    """Return (n, m) of all Zernike polynomials to a degree, without negative m."""
    return [(n, m) for n in range(degree + 1) for m in range(n % 2, n + 1, 2)]


@jit
def _disc_moments(
    rows: Pixels, columns: Pixels, weights: NDArray[np.float32], circle: Float64, offsets: Offsets, degree: int
) -> Float64:
    """Return (n, (degree + 1)²) sums of w·y^b·x^a, at a + b·(degree + 1), x and y in units of each cell's circle."""
    count = degree + 1
    found = np.zeros((len(offsets) - 1, count * count))
    line = np.zeros(count)
    for i in range(len(found)):
        p, last = offsets[i], offsets[i + 1]
        scale = 1.0 / circle[i, 2]
        while p < last:
            row = rows[p]
            for a in range(count):
                line[a] = 0.0
            while p < last and rows[p] == row:
                x, term = (columns[p] - circle[i, 1]) * scale, float(weights[p])
                for a in range(count):
                    line[a] += term
                    term *= x
                p += 1
            power, y = 1.0, (row - circle[i, 0]) * scale
            for b in range(count):
                for a in range(count - b):
                    found[i, b * count + a] += power * line[a]
                power *= y
    return found


@lru_cache(maxsize=8)
def _combination(degree: int) -> Complex128:
    """Return ((degree + 1)², orders) how the conjugate Zernike polynomials are made of x^a·y^b."""
    count = degree + 1
    found = np.zeros((count * count, len(orders(degree))), np.complex128)
    for j, (n, m) in enumerate(orders(degree)):
        for s in range((n - m) // 2 + 1):
            below = factorial(s) * factorial((n + m) // 2 - s) * factorial((n - m) // 2 - s)
            scale = (-1) ** s * factorial(n - s) / below
            half = (n - m) // 2 - s  # r^(n − 2s)·e^(−imφ) = (x² + y²)^half · (x − iy)^m
            for t in range(half + 1):
                for u in range(m + 1):
                    a, b = 2 * (half - t) + m - u, 2 * t + u
                    found[b * count + a, j] += scale * comb(half, t) * comb(m, u) * (-1j) ** u
    return found


def magnitudes(
    rows: Pixels, columns: Pixels, weights: NDArray[np.float32], circle: Float64, offsets: Offsets, degree: int
) -> Float64:
    """Return (n, orders) |Σ w·V*| of each cell's pixels (Boland & Murphy 2001).

    A polynomial of degree d is a sum of x^a·y^b: 55 sums over the pixels, made row by row, give all 30 moments to
    degree 9.

    Parameters
    ----------
    rows, columns, weights
        (P,) coordinates, in raster order within a cell, and weights.
    circle
        (n, 3) row, column and radius of the unit circle of each cell.
    """
    sums = _disc_moments(rows, columns, weights, circle, offsets, degree)
    return np.asarray(np.abs(sums @ _combination(degree)))
