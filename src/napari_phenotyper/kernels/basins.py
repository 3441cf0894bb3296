"""Basins of a relief: every pixel climbs to its summit, and the basins' sums, neighbours and passes are taken.

Loops over the foreground only, without a queue: where a watershed floods pixel by pixel in the order of height,
steepest ascent with pointers that are shortened as they are followed (union-find) costs a few comparisons a pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Image32 = NDArray[np.float32]
Labels = NDArray[np.int32]
Mask = NDArray[np.bool_]
Float64 = NDArray[np.float64]

AREA, Y, X, YY, XX, XY, SUM, TOP, DEPTH, HEIGHT = range(10)
"""Columns of `sums`: area, moments of the coordinates, sum and most of the brightness, most of depth and relief."""

PASS, PASS_LIGHT, PASS_SUM, LENGTH, PASS_DEPTH = range(5)
"""Columns of `Borders.at`: highest relief and brightness on the border, sum of the brightness, length, most depth."""


class Borders(NamedTuple):
    """Where basins touch: (k,) smaller and larger label of each pair, and (k, 5) what lies on the border."""

    one: Labels
    two: Labels
    at: Float64


@jit
def climb(relief: Image32, mask: Mask) -> tuple[Labels, int]:
    """Return (y, x) labels 1 … n of the summit that each pixel of a mask reaches by steepest ascent, and n.

    A step goes to the highest of eight neighbours; of equal ones, to the last in raster order, which leads every
    plateau to one end.
    """
    height, width = relief.shape
    row = width + 2
    hill = np.full((height + 2, row), -np.inf, np.float32)
    hill[1:-1, 1:-1] = np.where(mask, relief, np.float32(-np.inf))
    flat = hill.ravel()
    target = np.empty(flat.size, np.int32)
    for y in range(1, height + 1):
        for at in range(y * row + 1, y * row + 1 + width):
            if flat[at] != -np.inf:
                target[at] = _highest(flat, at, row)
    return _number(flat, target, height, width)


@jit
def _highest(flat: Image32, at: int, row: int) -> int:
    best = at
    for other in (at + 1, at + row - 1, at + row, at + row + 1):
        if flat[other] >= flat[best]:
            best = other
    for other in (at - 1, at - row + 1, at - row, at - row - 1):
        if flat[other] > flat[best]:
            best = other
    return best


@jit
def _number(flat: Image32, target: Labels, height: int, width: int) -> tuple[Labels, int]:
    """Return labels of the summits, numbered as the raster meets them; shortens the ways in `target`."""
    row = width + 2
    name = np.zeros(flat.size, np.int32)
    labels = np.zeros((height, width), np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            at = (y + 1) * row + x + 1
            if flat[at] == -np.inf:
                continue
            top = at
            while target[top] != top:
                target[top] = target[target[top]]
                top = target[top]
            target[at] = top
            if name[top] == 0:
                count += 1
                name[top] = count
            labels[y, x] = name[top]
    return labels, count


@jit
def sums(labels: Labels, light: Image32, depth: Image32, relief: Image32, count: int) -> Float64:
    """Return (count + 1, 10) sums and maxima over each label's pixels, the columns named above."""
    result = np.zeros((count + 1, 10))
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label == 0:
                continue
            own = result[label]
            own[0] += 1
            own[1] += y
            own[2] += x
            own[3] += y * y
            own[4] += x * x
            own[5] += x * y
            own[6] += light[y, x]
            own[7] = max(own[7], light[y, x])
            own[8] = max(own[8], depth[y, x])
            own[9] = max(own[9], relief[y, x])
    return result


def borders(labels: Labels, light: Image32, depth: Image32, relief: Image32, count: int) -> Borders:
    """Return the pairs of labels that share a side, in the order in which the raster meets them."""
    return Borders(*_borders(labels, light, depth, relief, count))


@jit
def _slot(keys: NDArray[np.int64], key: int) -> int:
    """Return where a key lies in an open hash table, or may be put."""
    where = (key * 2654435761) & (len(keys) - 1)
    while keys[where] != -1 and keys[where] != key:
        where = (where + 1) & (len(keys) - 1)
    return where


@jit
def _record(own: Float64, steep: float, bright: float, deep: float) -> None:
    """Add a pair of pixels to a border."""
    first = own[3] == 0
    own[0] = steep if first else max(own[0], steep)
    own[1] = bright if first else max(own[1], bright)
    own[4] = deep if first else max(own[4], deep)
    own[2] += bright
    own[3] += 1


@jit
def _borders(
    labels: Labels, light: Image32, depth: Image32, relief: Image32, count: int
) -> tuple[Labels, Labels, Float64]:
    size = 1
    while size < 16 * (count + 4):
        size *= 2
    keys, slots = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    one, two, found = np.zeros(size, np.int32), np.zeros(size, np.int32), 0
    at = np.zeros((size // 2, 5))
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            if label == 0:
                continue
            for side in range(2):
                v, u = y + side, x + 1 - side
                if v >= height or u >= width or labels[v, u] == 0 or labels[v, u] == label:
                    continue
                low, high = min(label, labels[v, u]), max(label, labels[v, u])
                key = np.int64(low) * (count + 1) + high
                where = _slot(keys, key)
                if keys[where] == -1:
                    keys[where], slots[where] = key, found
                    one[found], two[found] = low, high
                    found += 1
                _record(
                    at[slots[where]],
                    min(relief[y, x], relief[v, u]),
                    min(light[y, x], light[v, u]),
                    min(depth[y, x], depth[v, u]),
                )
    return one[:found].copy(), two[:found].copy(), at[:found].copy()


@jit
def depth_of(mask: Mask) -> Image32:
    """Return (y, x) distance to the nearest pixel outside a mask, or beyond the image, by chamfers of 1 and √2 · 0.965.

    Two passes over the image (Borgefors 1986); within 7 % of the distance by Pythagoras.
    """
    height, width = mask.shape
    far = np.zeros((height + 2, width + 2), np.float32)
    side, corner = np.float32(1.0), np.float32(1.365)
    for y in range(1, height + 1):
        for x in range(1, width + 1):
            if mask[y - 1, x - 1]:
                beside = min(far[y - 1, x], far[y, x - 1]) + side
                far[y, x] = min(beside, min(far[y - 1, x - 1], far[y - 1, x + 1]) + corner)
    for y in range(height, 0, -1):
        for x in range(width, 0, -1):
            if mask[y - 1, x - 1]:
                beside = min(far[y + 1, x], far[y, x + 1]) + side
                far[y, x] = min(far[y, x], min(beside, min(far[y + 1, x - 1], far[y + 1, x + 1]) + corner))
    return far[1:-1, 1:-1].copy()


@jit
def centres(labels: Labels, count: int) -> Float64:
    """Return (count + 1, 2) mean y and x of each label; of one without pixels, and of the background, 0."""
    total, area = np.zeros((count + 1, 2)), np.zeros(count + 1)
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            label = labels[y, x]
            if label:
                total[label, 0] += y
                total[label, 1] += x
                area[label] += 1
    for label in range(count + 1):
        total[label] /= max(area[label], 1.0)
    return total
