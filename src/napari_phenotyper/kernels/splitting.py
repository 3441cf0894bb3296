"""Splits touching objects of a mask, and joins again what was split without a neck between."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from napari_phenotyper.core.scene import cell_index
from napari_phenotyper.kernels.outline import depth

Labels = NDArray[np.int32]
Image32 = NDArray[np.float32]


def distance(mask: NDArray[np.bool_]) -> Image32:
    """Return the (y, x) distance of each pixel to the nearest one outside the mask, or beyond the end of the image.

    Object by object: where half of the field is background, a fraction of the time of a map of the whole.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    index = cell_index(labels)
    result = np.zeros(mask.shape, np.float32)
    result[index.y, index.x] = depth(index.y, index.x, index.offsets, index.box)
    return result


def split(mask: NDArray[np.bool_], relief: Image32, diameter: float, neck: float, least: float) -> Labels:
    """Return labels of a mask's objects, touching ones split along the valleys of a relief.

    Every summit of the relief grows a basin (watershed); then neighbouring basins are joined, highest pass first, where
    the pass is higher than `neck` times the lower summit or one of the two is smaller than `least`.

    Parameters
    ----------
    mask
        (y, x) foreground.
    relief
        (y, x), high in the middle of objects.
    diameter
        Of a typical object, in pixels: summits nearer than a quarter of it are one.
    neck
        Share of the lower summit, 0 … 1; 1 joins nothing.
    least
        Area of the smallest part, in pixels.
    """
    size = max(3, round(diameter / 4) | 1)
    objects, _ = ndimage.label(mask)
    summit = (relief == ndimage.maximum_filter(relief, size=size)) & mask
    markers, count = ndimage.label(summit)
    where = np.zeros(count + 1, np.intp)
    where[markers[summit]] = objects[summit]
    several = np.bincount(where[1:], minlength=objects.max() + 1) > 1
    # most objects have one summit: the watershed is for the others
    clumps = several[objects]
    basins = watershed(-relief, np.where(clumps, markers, 0), mask=clumps).astype(np.int32)
    joined = _join(basins, relief, summit & clumps, neck, least)
    return np.where(clumps, joined, np.where(mask, objects + count, 0)).astype(np.int32)


def _join(basins: Labels, relief: Image32, at: NDArray[np.bool_], neck: float, least: float) -> Labels:
    """Return basins with those joined that no neck separates; `at` says where the summits are."""
    count = int(basins.max(initial=0))
    one, two, height = _passes(basins, relief)
    if not len(one):
        return basins
    area = np.bincount(basins.ravel(), minlength=count + 1).astype(float)
    summit = np.zeros(count + 1)
    np.maximum.at(summit, basins[at], relief[at])
    parent = np.arange(count + 1)

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for k in np.argsort(-height, kind="stable"):
        i, j = root(int(one[k])), root(int(two[k]))
        if i != j and (height[k] > neck * min(summit[i], summit[j]) or min(area[i], area[j]) < least):
            i, j = min(i, j), max(i, j)
            parent[j] = i
            summit[i] = max(summit[i], summit[j])
            area[i] += area[j]
    return np.array([root(i) for i in range(count + 1)], np.int32)[basins]


def _passes(basins: Labels, relief: Image32) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of basins that touch, and the height of the pass between them."""
    pairs, heights = [], []
    count = int(basins.max(initial=0)) + 1
    for here, there in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        a, b = basins[here], basins[there]
        meet = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.minimum(a[meet], b[meet]).astype(np.int64) * count + np.maximum(a[meet], b[meet]))
        heights.append(np.minimum(relief[here][meet], relief[there][meet]))
    unique, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    height = np.zeros(len(unique))
    np.maximum.at(height, inverse, np.concatenate(heights))
    return unique // count, unique % count, height


def renumber(labels: Labels, keep: NDArray[np.bool_] | None = None) -> Labels:
    """Return labels numbered 1 … n without gaps.

    Parameters
    ----------
    labels
        (y, x) int32.
    keep
        (max + 1,) which to keep; all if None.
    """
    count = int(labels.max(initial=0))
    area = np.bincount(labels.ravel(), minlength=count + 1)
    chosen = area > 0 if keep is None else (area > 0) & keep
    chosen[0] = False
    number = np.where(chosen, np.cumsum(chosen), 0).astype(np.int32)
    return np.asarray(number[labels])


def largest_parts(labels: Labels) -> Labels:
    """Return labels with each one's largest connected part (sharing a side) only."""
    from skimage.measure import label

    parts = label(labels, background=0, connectivity=1).astype(np.int32)
    area = np.bincount(parts.ravel())
    owner = np.zeros(len(area), np.int64)
    owner[parts.ravel()] = labels.ravel()
    order = np.lexsort((-np.arange(len(area)), area))
    best = np.full(int(labels.max(initial=0)) + 1, -1)
    best[owner[order]] = order
    kept = best[owner] == np.arange(len(area))
    return np.where(kept[parts], labels, 0).astype(np.int32)
