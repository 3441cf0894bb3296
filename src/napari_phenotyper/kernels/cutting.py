"""Each zone of a field cut at a share of its own brightness, and how objects stand out from what is around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Labels = NDArray[np.int32]
Image32 = NDArray[np.float32]

_BINS = 64
"""Of a zone's histogram; quantiles are linear within a bin."""


@jit
def quantiles(labels: Labels, image: Image32, count: int, low: float, high: float) -> Image32:
    """Return (count + 1, 2) two quantiles of each label's pixels, from a histogram between its least and its most."""
    least, most = np.full(count + 1, np.inf, np.float32), np.full(count + 1, -np.inf, np.float32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                least[label] = min(least[label], image[y, x])
                most[label] = max(most[label], image[y, x])
    counts = np.zeros((count + 1, _BINS), np.int32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                width = max(most[label] - least[label], np.float32(1e-30))
                counts[label, min(int((image[y, x] - least[label]) / width * _BINS), _BINS - 1)] += 1
    result = np.zeros((count + 1, 2), np.float32)
    for label in range(1, count + 1):
        width, total = most[label] - least[label], counts[label].sum()
        for k in range(2):
            wanted = (low if k == 0 else high) * total
            below, bin_ = 0, 0
            while bin_ < _BINS - 1 and below + counts[label, bin_] < wanted:
                below += counts[label, bin_]
                bin_ += 1
            inside = (wanted - below) / max(counts[label, bin_], 1)
            result[label, k] = least[label] + width * (bin_ + min(inside, 1.0)) / _BINS
    return result


@jit
def spread(labels: Labels, steps: int) -> Labels:
    """Return labels grown into the background by so many pixels, one step to four neighbours at a time."""
    height, width = labels.shape
    result = labels.copy()
    before = labels
    for step in range(steps):
        if step:
            before = result.copy()
        for y in range(height):
            for x in range(width):
                if before[y, x]:
                    continue
                if y and before[y - 1, x]:
                    result[y, x] = before[y - 1, x]
                elif x and before[y, x - 1]:
                    result[y, x] = before[y, x - 1]
                elif x + 1 < width and before[y, x + 1]:
                    result[y, x] = before[y, x + 1]
                elif y + 1 < height and before[y + 1, x]:
                    result[y, x] = before[y + 1, x]
    return result


@jit
def margin(labels: Labels, cuts: Image32, image: Image32) -> Image32:
    """Return (y, x) how far a pixel is above the cut of its label; below every cut where there is no label."""
    result = np.full(labels.shape, -np.float32(np.inf), np.float32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            if labels[y, x]:
                result[y, x] = image[y, x] - cuts[labels[y, x]]
    return result


@jit
def surround(labels: Labels, image: Image32, count: int, steps: int) -> NDArray[np.float64]:
    """Return (count + 1, 2) how many background pixels lie within some steps of each label, and their mean brightness.

    The mean is half of the label's own where nothing is around it but others.
    """
    around = spread(labels, steps)
    result, own = np.zeros((count + 1, 2)), np.zeros((count + 1, 2))
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = around[y, x]
            if label:
                table = own if labels[y, x] else result
                table[label, 0] += 1
                table[label, 1] += image[y, x]
    for label in range(1, count + 1):
        if result[label, 0]:
            result[label, 1] /= result[label, 0]
        else:
            result[label, 1] = 0.5 * own[label, 1] / max(own[label, 0], 1.0)
    return result
