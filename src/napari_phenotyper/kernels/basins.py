"""Basins of a relief: every pixel climbs to its summit, and the basins' sums, neighbours and passes are taken.

Loops over the foreground only, without a queue: where a watershed floods pixel by pixel in the order of height,
steepest ascent with pointers that are shortened as they are followed (union-find) costs a few comparisons a pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.pieces import past_nothing

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
    flat = np.full((height + 2) * row, -np.inf, np.float32)
    for y in range(height):
        hill, light, inside = flat[(y + 1) * row + 1 :], relief[y], mask[y]
        for x in range(width):
            hill[x] = light[x] if inside[x] else -np.inf
    target = np.empty(flat.size, np.int32)
    for y in range(height):
        start = (y + 1) * row
        out = target[start + 1 : start + 1 + width]
        _ascend(flat[start - row :], flat[start:], flat[start + row :], start + 1, np.int32(row), out)
    return _number(mask, target)


@jit
def _ascend(above: Image32, own: Image32, below: Image32, start: int, row: np.int32, out: Labels) -> None:
    """Set where each pixel of a row climbs to; rows are one pixel wider on either side.

    The height goes along with the step, so that nothing is branched on.
    """
    one = np.int32(1)
    for x in range(len(out)):
        top, step = own[x + 1], np.int32(0)
        step, top = one if own[x + 2] >= top else step, max(top, own[x + 2])
        step, top = row - one if below[x] >= top else step, max(top, below[x])
        step, top = row if below[x + 1] >= top else step, max(top, below[x + 1])
        step, top = row + one if below[x + 2] >= top else step, max(top, below[x + 2])
        step, top = -one if own[x] > top else step, max(top, own[x])
        step, top = one - row if above[x + 2] > top else step, max(top, above[x + 2])
        step, top = -row if above[x + 1] > top else step, max(top, above[x + 1])
        step, top = -one - row if above[x] > top else step, max(top, above[x])
        out[x] = start + x + step


@jit
def _number(mask: Mask, target: Labels) -> tuple[Labels, int]:
    """Return labels of the summits, numbered as the raster meets them.

    Writes their negative into `target`, along each way that is followed, so that none is followed twice.
    """
    height, width = mask.shape
    labels = np.zeros((height, width), np.int32)
    count = 0
    for y in range(height):
        start, inside = (y + 1) * (width + 2) + 1, mask[y]
        x = past_nothing(inside, 0)
        while x < width:
            while x < width and inside[x]:
                top = start + x
                while target[top] >= 0 and target[top] != top:
                    top = target[top]
                if target[top] >= 0:
                    count += 1
                    target[top] = -count
                name, at = target[top], start + x
                while target[at] != name:
                    following = target[at]
                    target[at] = name
                    at = following
                labels[y, x] = -name
                x += 1
            x = past_nothing(inside, x)
    return labels, count


@jit
def sums(labels: Labels, light: Image32, depth: Image32, relief: Image32, count: int) -> Float64:
    """Return (count + 1, 10) sums and maxima over each label's pixels, the columns named above."""
    height, width = labels.shape
    result = np.zeros((count + 1, 10))
    for y in range(height):
        row, lights, depths, reliefs = labels[y], light[y], depth[y], relief[y]
        x = past_nothing(row, 0)
        while x < width:
            label, start = row[x], x
            along, square, bright, top = 0, 0, result[label, 6], result[label, 7]
            deep, high = result[label, 8], result[label, 9]
            while x < width and row[x] == label:
                along += x
                square += x * x
                bright += lights[x]
                top, deep, high = max(top, lights[x]), max(deep, depths[x]), max(high, reliefs[x])
                x += 1
            result[label, 0] += x - start
            result[label, 1] += (x - start) * y
            result[label, 2] += along
            result[label, 3] += (x - start) * y * y
            result[label, 4] += square
            result[label, 5] += along * y
            result[label, 6], result[label, 7], result[label, 8], result[label, 9] = bright, top, deep, high
            x = past_nothing(row, x)
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
        row, below = labels[y], labels[min(y + 1, height - 1)]
        x = past_nothing(row, 0)
        while x < width:
            while x < width and row[x]:
                for side in range(2):
                    other = below[x] if side else row[min(x + 1, width - 1)]
                    if other == 0 or other == row[x]:
                        continue
                    v, u = y + side, x + 1 - side
                    low, high = min(row[x], other), max(row[x], other)
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
                x += 1
            x = past_nothing(row, x)
    return one[:found].copy(), two[:found].copy(), at[:found].copy()


@jit
def depth_of(mask: Mask) -> Image32:
    """Return (y, x) distance to the nearest pixel outside a mask, or beyond the image, by chamfers of 1 and √2 · 0.965.

    Two passes over the image (Borgefors 1986); within 7 % of the distance by Pythagoras.
    """
    height, width = mask.shape
    far = np.zeros((height + 2, width + 2), np.float32)
    side, corner = np.float32(1.0), np.float32(1.365)
    for y in range(height):
        inside, above, own = mask[y], far[y], far[y + 1]
        x = past_nothing(inside, 0)
        while x < width:
            while x < width and inside[x]:
                beside = min(above[x + 1], own[x]) + side
                own[x + 1] = min(beside, min(above[x], above[x + 2]) + corner)
                x += 1
            x = past_nothing(inside, x)
    for y in range(height - 1, -1, -1):
        inside, below, own = mask[y, ::-1], far[y + 2], far[y + 1]
        x = past_nothing(inside, 0)
        while x < width:
            while x < width and inside[x]:
                # x counts from the right, and the map is one pixel wider on either side
                at = width - x
                beside = min(below[at], own[at + 1]) + side
                own[at] = min(own[at], min(beside, min(below[at - 1], below[at + 1]) + corner))
                x += 1
            x = past_nothing(inside, x)
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
