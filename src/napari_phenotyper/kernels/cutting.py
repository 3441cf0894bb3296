"""Each zone of a field cut at a share of its own brightness, and how objects stand out from what is around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.pieces import past_nothing

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
        row, light = labels[y], image[y]
        x = past_nothing(row, 0)
        while x < len(row):
            while x < len(row) and row[x]:
                label = row[x]
                width = max(most[label] - least[label], np.float32(1e-30))
                counts[label, min(int((light[x] - least[label]) / width * _BINS), _BINS - 1)] += 1
                x += 1
            x = past_nothing(row, x)
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
        row, light = labels[y], image[y]
        x = past_nothing(row, 0)
        while x < len(row):
            label = row[x]
            low, high = least[label], most[label]
            while x < len(row) and row[x] == label:
                low, high = min(low, light[x]), max(high, light[x])
                x += 1
            least[label], most[label] = low, high
            x = past_nothing(row, x)
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
    """Return labels grown into the background by so many pixels, one step to four neighbours at a time.

    Of several neighbours that have a label, the first of above, left, right and below is taken.
    """
    height, width = labels.shape
    # nothing lies around the field
    before, after = np.zeros((height + 2, width + 2), np.int32), np.zeros((height + 2, width + 2), np.int32)
    before[1:-1, 1:-1] = labels
    for _ in range(steps):
        for y in range(height):
            _grow(before[y, 1:], before[y + 1], before[y + 2, 1:], after[y + 1, 1:-1])
        before, after = after, before
    return before[1:-1, 1:-1].copy()


@jit
def _grow(above: Labels, own: Labels, below: Labels, out: Labels) -> None:
    """Grow the labels of a row by one step; all four neighbours are read, so that nothing is branched on."""
    middle, right = own[1:], own[2:]
    for x in range(len(out)):
        label, up, before, behind, down = middle[x], above[x], own[x], right[x], below[x]
        side = behind if behind else down
        side = before if before else side
        side = up if up else side
        out[x] = label if label else side


@jit
def margin(labels: Labels, cuts: Image32, image: Image32) -> Image32:
    """Return (y, x) how far a pixel is above the cut of its label; below every cut where there is no label."""
    result = np.full(labels.shape, -np.float32(np.inf), np.float32)
    for y in range(labels.shape[0]):
        row, light, out = labels[y], image[y], result[y]
        x = past_nothing(row, 0)
        while x < len(row):
            while x < len(row) and row[x]:
                out[x] = light[x] - cuts[row[x]]
                x += 1
            x = past_nothing(row, x)
    return result


@jit
def surround(labels: Labels, image: Image32, count: int, steps: int) -> NDArray[np.float64]:
    """Return (count + 1, 2) how many background pixels lie within some steps of each label, and their mean brightness.

    The mean is half of the label's own where nothing is around it but others.
    """
    around = spread(labels, steps)
    result, own = np.zeros((count + 1, 2)), np.zeros((count + 1, 2))
    for y in range(labels.shape[0]):
        row, light, inside = around[y], image[y], labels[y]
        x = past_nothing(row, 0)
        while x < len(row):
            while x < len(row) and row[x]:
                if inside[x]:
                    own[row[x], 0] += 1
                    own[row[x], 1] += light[x]
                else:
                    result[row[x], 0] += 1
                    result[row[x], 1] += light[x]
                x += 1
            x = past_nothing(row, x)
    for label in range(1, count + 1):
        if result[label, 0]:
            result[label, 1] /= result[label, 0]
        else:
            result[label, 1] = 0.5 * own[label, 1] / max(own[label, 0], 1.0)
    return result
