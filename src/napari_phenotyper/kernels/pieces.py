"""Connected pieces of label images, found by runs of pixels along the rows; holes; and labels brought to full size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Labels = NDArray[np.int32]
Image32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_RIM = 3
"""Pixels from the edge of a hole to where its rim is about as bright as the nucleus."""


@jit
def past_nothing(row: Labels | Mask, x: int) -> int:
    """Return the next place of a row, from x on, that is not 0; eight at a time, as most of a field is background."""
    width = len(row)
    while x + 8 <= width and not (
        row[x] | row[x + 1] | row[x + 2] | row[x + 3] | row[x + 4] | row[x + 5] | row[x + 6] | row[x + 7]
    ):
        x += 8
    while x < width and not row[x]:
        x += 1
    return x


@jit
def renamed(labels: Labels, names: Labels) -> Labels:
    """Return labels (y, x), each by the name that stands at its place in `names`; 0 stays."""
    height, width = labels.shape
    result = np.zeros((height, width), np.int32)
    for y in range(height):
        row, out = labels[y], result[y]
        x = past_nothing(row, 0)
        while x < width:
            while x < width and row[x]:
                out[x] = names[row[x]]
                x += 1
            x = past_nothing(row, x)
    return result


@jit
def _runs(labels: Labels, background: bool) -> tuple[Labels, NDArray[np.int64], NDArray[np.int64]]:
    """Return (r, 4) runs: row, start, stop, label; (rows + 1,) the first of each row; (r,) the root of each run.

    Runs of equal labels that share a side are united (He et al. 2008). The background has runs only if asked for.
    """
    height, width = labels.shape
    runs, found = np.empty((1024, 4), np.int32), 0
    first = np.zeros(height + 1, np.int64)
    parent = np.arange(1024)
    for y in range(height):
        above, stop_above = first[max(y - 1, 0)], found
        first[y] = found
        row = labels[y]
        x = 0
        while x < width:
            if row[x] == 0 and not background:
                x = past_nothing(row, x)
                continue
            start, label = x, row[x]
            while x < width and row[x] == label:
                x += 1
            if found == len(runs):
                runs = np.concatenate((runs, np.empty_like(runs)))
                parent = np.concatenate((parent, np.arange(found, 2 * found)))
            runs[found, 0], runs[found, 1], runs[found, 2], runs[found, 3] = y, start, x, label
            above = _unite_above(runs, parent, found, above, stop_above)
            found += 1
    first[height] = found
    for i in range(found):
        parent[i] = parent[parent[i]]
    return runs[:found], first, parent[:found]


@jit
def _unite_above(runs: Labels, parent: NDArray[np.int64], run: int, above: int, stop: int) -> int:
    """Unite a run with those of its label that touch it in the row above; return the first that may touch the next."""
    while above < stop and runs[above, 2] <= runs[run, 1]:
        above += 1
    other = above
    while other < stop and runs[other, 1] < runs[run, 2]:
        if runs[other, 3] == runs[run, 3]:
            _unite(parent, other, run)
        other += 1
    return above


@jit
def _unite(parent: NDArray[np.int64], i: int, j: int) -> None:
    """Unite two sets under the smaller root, so that one pass in order settles all roots."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    while parent[j] != j:
        parent[j] = parent[parent[j]]
        j = parent[j]
    parent[max(i, j)] = min(i, j)


@jit
def pieces(labels: Labels) -> tuple[Labels, int]:
    """Return labels 1 … n of the connected pieces (sharing a side) of each label, in raster order, and n."""
    runs, _, root = _runs(labels, False)
    result = np.zeros_like(labels)
    name, count = np.zeros(len(runs), np.int32), 0
    for i in range(len(runs)):
        if root[i] == i:
            count += 1
            name[i] = count
        result[runs[i, 0], runs[i, 1] : runs[i, 2]] = name[root[i]]
    return result, count


@jit
def fill_holes(mask: Mask, image: Image32, largest: float) -> None:
    """Fill holes of up to so many pixels in a mask, and in its image with the mean of the rim left and right of them.

    A hole shares no side with the background beyond it. Both are written to.
    """
    height, width = mask.shape
    outside = np.empty((height, width), np.int32)
    for y in range(height):
        for x in range(width):
            outside[y, x] = 1 if mask[y, x] else 0
    runs, _, root = _runs(outside, True)
    area, light, ends = np.zeros(len(runs), np.int64), np.zeros(len(runs)), np.zeros(len(runs), np.int64)
    for i in range(len(runs)):
        y, start, stop, inside = runs[i]
        area[root[i]] += stop - start
        if inside or y == 0 or y == height - 1 or start == 0 or stop == width:
            area[root[i]] = np.int64(1) << 40
        elif area[root[i]] <= largest:
            light[root[i]] += max(image[y, start - 1], image[y, max(start - _RIM, 0)])
            light[root[i]] += max(image[y, stop], image[y, min(stop + _RIM - 1, width - 1)])
            ends[root[i]] += 2
    for i in range(len(runs)):
        if area[root[i]] <= largest:
            mask[runs[i, 0], runs[i, 1] : runs[i, 2]] = True
            image[runs[i, 0], runs[i, 1] : runs[i, 2]] = light[root[i]] / ends[root[i]]


@jit
def keep_largest(labels: Labels, count: int, least: float, most: float, drop_cut: bool) -> int:
    """Change labels to 1 … n, each the largest connected piece (sharing a side) of one before; return n.

    Parameters
    ----------
    labels
        (y, x), at most `count`; is written to.
    count
        The largest label.
    least, most
        Area of a piece that is kept, in pixels.
    drop_cut
        Whether what touches the end of the image is left out.
    """
    height, width = labels.shape
    runs, _, root = _runs(labels, False)
    area, cut = np.zeros(len(runs), np.int64), np.zeros(len(runs), np.bool_)
    for i in range(len(runs)):
        y, start, stop, _ = runs[i]
        area[root[i]] += stop - start
        cut[root[i]] |= y == 0 or y == height - 1 or start == 0 or stop == width
    best = np.full(count + 1, -1, np.int64)
    for i in range(len(runs)):
        label = runs[i, 3]
        if root[i] == i and (best[label] < 0 or area[i] > area[best[label]]):
            best[label] = i
    name, found = np.zeros(count + 1, np.int32), 0
    for label in range(1, count + 1):
        i = best[label]
        if i >= 0 and least <= area[i] <= most and not (drop_cut and cut[i]):
            found += 1
            name[label] = found
    for i in range(len(runs)):
        y, start, stop, label = runs[i]
        new = name[label] if best[label] == root[i] else 0
        if new != label:
            labels[y, start:stop] = new
    return found


@jit
def enlarge_labels(labels: Labels, above: Image32, factor: int, height: int, width: int) -> Labels:
    """Return (height, width) labels of an image whose pixels become `factor` × `factor` ones.

    A pixel belongs to an object where `above`, linear between the four nearest small pixels, is above 0, and then to
    the label that most of the same four weights name. Where `above` and the labels disagree, the labels are right.
    """
    rows, columns = labels.shape
    result = np.zeros((height, width), np.int32)
    either = np.empty(columns, np.int32)
    for y in range(height):
        v = min(max((y + 0.5) / factor - 0.5, 0.0), rows - 1.0)
        top = int(v)
        bottom, down = min(top + 1, rows - 1), v - top
        for left in range(columns):
            either[left] = labels[top, left] | labels[bottom, left]
        left = _before_something(either, 0)
        while left < columns:
            right = min(left + 1, columns - 1)
            a, b = labels[top, left], labels[top, right]
            c, d = labels[bottom, left], labels[bottom, right]
            start = left * factor + factor // 2 if left else 0
            stop = min(start + factor, width) if left else min(factor + factor // 2, width)
            if a == b and a == c and a == d:
                for x in range(start, stop):
                    result[y, x] = a
            else:
                near = _between(labels, above, top, bottom, left, down)
                far = _between(labels, above, top, bottom, right, down)
                for x in range(start, stop):
                    share = min(max((x + 0.5) / factor - 0.5 - left, 0.0), 1.0)
                    if near + share * (far - near) > 0:
                        result[y, x] = _heaviest(a, b, c, d, share, down)
            left = _before_something(either, left + 1)
    return result


@jit
def _before_something(row: Labels, x: int) -> int:
    """Return the next place of a row, from x on, that is not 0 or has one that is not 0 behind it."""
    return x if x < len(row) and row[x] else max(past_nothing(row, x) - 1, x)


@jit
def _between(labels: Labels, above: Image32, top: int, bottom: int, column: int, down: float) -> float:
    """Return how far a point between two pixels of a column is inside an object."""
    high = max(above[top, column], 0.0) if labels[top, column] else min(above[top, column], -0.0)
    low = max(above[bottom, column], 0.0) if labels[bottom, column] else min(above[bottom, column], -0.0)
    return float(high + down * (low - high))


@jit
def _heaviest(a: int, b: int, c: int, d: int, right: float, down: float) -> int:
    """Return the label, not 0, with most weight in the bilinear mean of two above (a, b) and two below (c, d)."""
    only = max(max(a, b), max(c, d))
    if (a == only or not a) and (b == only or not b) and (c == only or not c) and (d == only or not d):
        return only
    names = (a, b, c, d)
    weights = ((1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down)
    best, most = 0, -1.0
    for i in range(4):
        total = 0.0
        for k in range(4):
            if names[k] == names[i]:
                total += weights[k]
        if names[i] and total > most:
            best, most = names[i], total
    return best
