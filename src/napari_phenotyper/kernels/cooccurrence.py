"""Grey-level co-occurrence of many cells at once, and Haralick's statistics of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels.grouped import Float64

Pixels = NDArray[np.int32]

HARALICK = (
    "AngularSecondMoment", "Contrast", "Correlation", "Variance", "InverseDifferenceMoment", "SumAverage",
    "SumVariance", "SumEntropy", "Entropy", "DifferenceVariance", "DifferenceEntropy", "InfoMeas1", "InfoMeas2",
)  # fmt: skip
"""Names of the statistics, in CellProfiler's words."""


def cooccurrence(
    shape: tuple[int, int],
    y: Pixels,
    x: Pixels,
    cell: NDArray[np.intp],
    level: NDArray[np.intp],
    count: tuple[int, int],
    steps: Sequence[tuple[int, int]],
) -> Iterator[Float64]:
    """Yield, for each step, (n, g, g) symmetric co-occurrence of pixels one step apart within a cell; it sums to 1.

    A cell that is too small for the step has each of its pixels paired with itself.

    Parameters
    ----------
    shape
        (y, x) of the field.
    y, x, cell, level
        (P,) coordinates, position of the cell and grey level, 0 … g − 1, of each pixel.
    count
        (n, g) cells and grey levels.
    steps
        (y, x) from one pixel to the other.
    """
    n, levels = count
    margin = max(abs(s) for step in steps for s in step)
    width = shape[1] + 2 * margin
    # cell and grey level in one number, so that a neighbour is looked up once
    code = np.full((shape[0] + 2 * margin) * width, -1, np.int32)
    at = (y.astype(np.int64) + margin) * width + x + margin
    own = (cell * levels + level).astype(np.int32)
    code[at] = own
    for dy, dx in steps:
        other = code[at + (dy * width + dx)]
        same = (other >= 0) & (other // levels == cell)
        pairs = np.bincount(own[same].astype(np.int64) * levels + other[same] % levels, minlength=n * levels * levels)
        matrix = pairs.reshape(n, levels, levels).astype(np.float64)
        matrix += matrix.transpose(0, 2, 1)
        alone = np.flatnonzero(matrix.sum(axis=(1, 2)) == 0)
        if alone.size:
            histogram = np.bincount(own, minlength=n * levels).reshape(n, levels)
            matrix[alone[:, None], np.arange(levels), np.arange(levels)] = histogram[alone]
        yield np.asarray(matrix / np.maximum(matrix.sum(axis=(1, 2), keepdims=True), 1))


def haralick(matrix: Float64) -> Float64:
    """Return (n, 13) statistics of (n, g, g) co-occurrence, in the order of `HARALICK` (Haralick et al. 1973).

    Logarithms are to base 2; SumVariance is taken about SumAverage, as all later software does.
    """
    n, levels, _ = matrix.shape
    grey = np.arange(levels, dtype=np.float64)
    gap = np.abs(grey[:, None] - grey[None, :])
    marginal = matrix.sum(axis=1)
    mean = marginal @ grey
    variance = np.maximum(marginal @ grey**2 - mean**2, 0)
    product = np.einsum("nij,i,j->n", matrix, grey, grey)
    sums, gaps = _along(matrix, (grey[:, None] + grey[None, :])), _along(matrix, gap)
    over, apart = np.arange(sums.shape[1]), np.arange(gaps.shape[1])
    sum_mean, gap_mean = sums @ over, gaps @ apart
    entropy, marginal_entropy = _entropy(matrix.reshape(n, -1)), _entropy(marginal)
    # of a symmetric matrix HXY1 and HXY2 are both twice the marginal entropy
    shared = np.maximum(2 * marginal_entropy - entropy, 0)
    flat = variance < 1e-12
    return np.stack(
        [
            (matrix**2).sum(axis=(1, 2)),
            gaps @ apart**2,
            np.where(flat, 1.0, (product - mean**2) / np.where(flat, 1.0, variance)),
            variance,
            np.einsum("nij,ij->n", matrix, 1 / (1 + gap**2)),
            sum_mean,
            sums @ over**2 - sum_mean**2,
            _entropy(sums),
            entropy,
            gaps @ apart**2 - gap_mean**2,
            _entropy(gaps),
            np.where(flat, 0.0, -shared / np.where(flat, 1.0, marginal_entropy)),
            np.sqrt(1 - np.exp(-2 * shared)),
        ],
        axis=1,
    )


def _along(matrix: Float64, index: Float64) -> Float64:
    """Return (n, k) the share of pairs with each value of a (g, g) index."""
    flat = index.astype(np.intp).ravel()
    chooser = np.zeros((flat.size, int(flat.max()) + 1))
    chooser[np.arange(flat.size), flat] = 1
    return np.asarray(matrix.reshape(len(matrix), -1) @ chooser)


def _entropy(shares: Float64) -> Float64:
    """Return (n,) entropy in bits of (n, k) shares."""
    return -np.asarray((shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(axis=1))
