"""Grey-level co-occurrence of many cells, and Haralick's statistics of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.grouped import Float64, Offsets

Pixels = NDArray[np.int32]
Levels = NDArray[np.uint8]
Counts = NDArray[np.int64]

HARALICK = (
    "AngularSecondMoment", "Contrast", "Correlation", "Variance", "InverseDifferenceMoment", "SumAverage",
    "SumVariance", "SumEntropy", "Entropy", "DifferenceVariance", "DifferenceEntropy", "InfoMeas1", "InfoMeas2",
)  # fmt: skip
"""Names of the statistics, in CellProfiler's words."""

_STATISTICS = len(HARALICK)
_TABLE = 1 << 16


@jit
def grey_levels(values: NDArray[np.float32], low: Float64, high: Float64, offsets: Offsets, levels: int) -> Levels:
    """Return (P,) levels 0 … levels − 1 that span `low` to `high` (n,) of each cell; values beyond take the ends."""
    found = np.empty(len(values), np.uint8)
    for i in range(len(offsets) - 1):
        span = high[i] - low[i] if high[i] > low[i] else 1.0
        for p in range(offsets[i], offsets[i + 1]):
            found[p] = int(min(max((values[p] - low[i]) / span * levels, 0.0), levels - 1.0))
    return found


@jit
def _draw(level: Levels, y: Pixels, x: Pixels, first: int, last: int, corner: tuple[int, int], map_: Levels) -> None:
    """Put the levels of the pixels first … last into a map whose corner lies at (top, left)."""
    for p in range(first, last):
        map_[y[p] - corner[0], x[p] - corner[1]] = level[p]


@jit
def _pairs(m: Levels, outside: int, reach: int, scale: int, found: Counts) -> None:
    """Count pairs in four directions into (4, g + 1, g + 1); level g stands for what is outside the cell.

    Pixels of the map lie `reach` from its ends.
    """
    found[:] = 0
    for r in range(reach, m.shape[0] - reach):
        for c in range(reach, m.shape[1] - reach):
            a = m[r, c]
            if a != outside:
                found[0, a, m[r, c + scale]] += 1
                found[1, a, m[r + scale, c + scale]] += 1
                found[2, a, m[r + scale, c]] += 1
                found[3, a, m[r + scale, c - scale]] += 1


@jit
def _symmetric(pairs: Counts, alone: Counts, found: Counts) -> int:
    """Set `found` (g, g) to symmetric counts and return their sum; without pairs, each pixel with itself."""
    levels = len(found)
    total = 0
    for a in range(levels):
        for b in range(levels):
            found[a, b] = pairs[a, b] + pairs[b, a]
            total += found[a, b]
    if total == 0:
        for a in range(levels):
            found[a, a] = alone[a]
            total += alone[a]
    return total


@jit
def _log_terms(count: int) -> Float64:
    """Return n·log2(n) of 0 … count − 1."""
    found = np.zeros(count)
    for n in range(2, count):
        found[n] = n * np.log2(n)
    return found


@jit
def _term(n: int, table: Float64) -> float:
    return float(table[n] if n < len(table) else n * np.log2(n))


@jit
def _marginals(matrix: Counts, shares: Counts, along: Counts, apart: Counts, table: Float64) -> tuple[float, ...]:
    """Sum a symmetric matrix up by level, by sum and by difference of levels.

    Returns
    -------
    Σn², Σn·log n, Σn·a·b and Σn/(1 + (a − b)²) over all its entries n.
    """
    levels = len(matrix)
    along[:] = 0
    apart[:] = 0
    squares, entropy, product, inverse = 0.0, 0.0, 0.0, 0.0
    for a in range(levels):
        row = 0
        for b in range(a, levels):
            n = matrix[a, b]
            if n:
                weight = 1 if a == b else 2
                row += n
                along[a + b] += weight * n
                apart[b - a] += weight * n
                squares += weight * n * n
                entropy += weight * _term(n, table)
                product += weight * n * a * b
                inverse += weight * n / (1.0 + (b - a) * (b - a))
        for b in range(a):
            row += matrix[a, b]
        shares[a] = row
    return squares, entropy, product, inverse


@jit
def _spectrum(counts: NDArray[np.int64], total: int, table: Float64) -> tuple[float, float, float]:
    """Return mean, mean square and entropy in bits of numbers 0 … k − 1 that occur so often."""
    mean, square, entropy = 0.0, 0.0, 0.0
    for k in range(len(counts)):
        mean += k * counts[k]
        square += k * k * counts[k]
        entropy += _term(counts[k], table)
    return mean / total, square / total, np.log2(total) - entropy / total


@jit
def _add_statistics(
    matrix: Counts, total: int, buffers: tuple[Counts, Counts, Counts], table: Float64, found: Float64
) -> None:
    """Add a quarter of each statistic of a symmetric matrix to `found` (13,)."""
    level, along, apart = buffers
    squares, terms, product, inverse = _marginals(matrix, level, along, apart, table)
    mean, square, level_entropy = _spectrum(level, total, table)
    sum_mean, sum_square, sum_entropy = _spectrum(along, total, table)
    gap_mean, gap_square, gap_entropy = _spectrum(apart, total, table)
    entropy = np.log2(total) - terms / total
    variance = max(square - mean * mean, 0.0)
    # of a symmetric matrix HXY1 and HXY2 are both twice the marginal entropy
    common = max(2 * level_entropy - entropy, 0.0)
    flat = variance < 1e-12
    found[0] += 0.25 * squares / total / total
    found[1] += 0.25 * gap_square
    found[2] += 0.25 * (1.0 if flat else (product / total - mean * mean) / variance)
    found[3] += 0.25 * variance
    found[4] += 0.25 * inverse / total
    found[5] += 0.25 * sum_mean
    found[6] += 0.25 * (sum_square - sum_mean * sum_mean)
    found[7] += 0.25 * sum_entropy
    found[8] += 0.25 * entropy
    found[9] += 0.25 * (gap_square - gap_mean * gap_mean)
    found[10] += 0.25 * gap_entropy
    found[11] += 0.25 * (0.0 if flat else -common / level_entropy)
    found[12] += 0.25 * np.sqrt(1 - np.exp(-2 * common))


@jit
def haralick(
    level: Levels, y: Pixels, x: Pixels, offsets: Offsets, box: Pixels, levels: int, scales: NDArray[np.int64]
) -> Float64:
    """Return (n, k, 13) statistics of each cell at k scales, in the order of `HARALICK` (Haralick et al. 1973).

    Each is the mean of those of four directions. Logarithms are to base 2; SumVariance is taken about SumAverage, as
    all later software does. A cell that is too small for a step has each of its pixels paired with itself.

    Parameters
    ----------
    level
        (P,) grey level, 0 … levels − 1, of each pixel.
    scales
        (k,) pixels from one pixel of a pair to the other.
    """
    found = np.zeros((len(box), len(scales), _STATISTICS))
    table = _log_terms(_TABLE)
    pairs, matrix = np.zeros((4, levels + 1, levels + 1), np.int64), np.zeros((levels, levels), np.int64)
    buffers = np.zeros(levels, np.int64), np.zeros(2 * levels - 1, np.int64), np.zeros(levels, np.int64)
    reach = scales.max()
    for i in range(len(box)):
        top, left = box[i, 0] - reach, box[i, 1] - reach
        m = np.full((box[i, 2] - top + reach, box[i, 3] - left + reach), levels, np.uint8)
        _draw(level, y, x, offsets[i], offsets[i + 1], (top, left), m)
        alone = np.zeros(levels, np.int64)
        for p in range(offsets[i], offsets[i + 1]):
            alone[level[p]] += 1
        for s in range(len(scales)):
            _pairs(m, levels, reach, scales[s], pairs)
            for d in range(4):
                total = _symmetric(pairs[d], alone, matrix)
                _add_statistics(matrix, total, buffers, table, found[i, s])
    return found
