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
    least, most = _ends(labels, image, count)
    counts = np.zeros((count + 1, _BINS), np.int32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                width = max(most[label] - least[label], np.float32(1e-30))
                counts[label, min(int((image[y, x] - least[label]) / width * _BINS), _BINS - 1)] += 1
    result = np.zeros((count + 1, 2), np.float32)
    for label in range(1, count + 1):
        width = most[label] - least[label]
        if width >= 0:
            result[label, 0] = least[label] + width * _quantile(counts[label], low)
            result[label, 1] = least[label] + width * _quantile(counts[label], high)
    return result


@jit
def _ends(labels: Labels, image: Image32, count: int) -> tuple[Image32, Image32]:
    """Return (count + 1,) the least and the most of each label's pixels; of none, ∞ and −∞."""
    least, most = np.full(count + 1, np.inf, np.float32), np.full(count + 1, -np.inf, np.float32)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                least[label] = min(least[label], image[y, x])
                most[label] = max(most[label], image[y, x])
    return least, most


@jit
def _quantile(counts: Labels, share: float) -> float:
    """Return a quantile of a histogram over 0 … 1."""
    wanted, below, at = share * counts.sum(), 0, 0
    while at < _BINS - 1 and below + counts[at] < wanted:
        below += counts[at]
        at += 1
    return float((at + min((wanted - below) / max(counts[at], 1), 1.0)) / _BINS)


@jit
def spread(labels: Labels, steps: int) -> Labels:
    """Return labels grown into the background by so many pixels, one step to four neighbours at a time."""
    result = labels.copy()
    before = labels
    for step in range(steps):
        if step:
            before = result.copy()
        for y in range(labels.shape[0]):
            for x in range(labels.shape[1]):
                if not before[y, x]:
                    result[y, x] = _beside(before, y, x)
    return result


@jit
def _beside(labels: Labels, y: int, x: int) -> int:
    """Return the label of the first of four neighbours that has one, or 0."""
    if y and labels[y - 1, x]:
        return int(labels[y - 1, x])
    if x and labels[y, x - 1]:
        return int(labels[y, x - 1])
    if x + 1 < labels.shape[1] and labels[y, x + 1]:
        return int(labels[y, x + 1])
    return int(labels[y + 1, x]) if y + 1 < labels.shape[0] else 0


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
