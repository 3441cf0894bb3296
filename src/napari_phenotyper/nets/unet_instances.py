"""Nuclei out of what a U-Net sees: seeds by depth, basins, rules of score and size; block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.kernels.splitting import largest_parts, renumber, split
from napari_phenotyper.nets.unet_pixels import DIAMETER, resized
from napari_phenotyper.nets.unet_tiles import Block, Image32, blocks, scale_of

_LOOSE = 0.8
"""Share of the threshold down to which basins reach: the edge itself is drawn at the image's own resolution."""

_SMOOTH = 1.0
"""Standard deviation, in pixels at the training scale, by which depth is smoothed: a dent of a pixel is no neck."""


@dataclass(frozen=True)
class Rules:
    """How nuclei are made of foreground and depth.

    Attributes
    ----------
    threshold
        Foreground from which a pixel is a nucleus's.
    neck
        Nuclei are split where depth on the pass between falls below this share of the lower summit.
    score
        Least mean foreground of a nucleus.
    area
        Least area, as a share of a typical nucleus's.
    """

    threshold: float = 0.5
    neck: float = 0.55
    score: float = 0.6
    area: float = 0.05


def nuclei(
    image: NDArray[np.generic],
    diameter: float,
    see: Callable[[NDArray[np.generic], float, Progress], tuple[Image32, Image32]],
    rules: Rules,
    progress: Progress,
) -> Labels:
    """Return (y, x) labels of the nuclei of an image, 1 … n, each in one piece.

    Parameters
    ----------
    image
        (y, x).
    diameter
        Of a typical nucleus, in px.
    see
        A part of the image and the scale to foreground and depth at that scale (`unet_tiles.seen`).
    rules
        What counts as a nucleus.
    progress
        Called at every tile; Cancelled passes through.
    """
    scale = scale_of(diameter)
    height, width = image.shape
    result = np.zeros((height, width), np.int32)
    todo = list(blocks((height, width), scale))
    count = 0
    for number, block in enumerate(todo):
        at = part(progress, number / len(todo), (number + 1) / len(todo))
        top, left, bottom, right = block.seen
        foreground, depth = see(image[top:bottom, left:right], scale, part(at, 0.0, 0.7))
        at(0.7, "Telling nuclei apart")
        found = _instances(foreground, depth, (bottom - top, right - left), diameter, rules)
        into = result[top:bottom, left:right]
        if len(todo) > 1:
            # a block before may have given some of the pixels to a nucleus of its own
            found = renumber(largest_parts(np.where(into == 0, _own(found, block), 0).astype(np.int32)))
        np.copyto(into, found + np.int32(count), where=found > 0)
        count += int(found.max(initial=0))
    return result


def _instances(foreground: Image32, depth: Image32, shape: tuple[int, int], diameter: float, rules: Rules) -> Labels:
    """Return labels of a block, (y, x) of the image's own pixels, from maps at the training scale."""
    mask = foreground > _LOOSE * rules.threshold
    if not mask.any():
        return np.zeros(shape, np.int32)
    usual = np.pi / 4 * DIAMETER**2
    labels = split(mask, ndimage.gaussian_filter(depth, _SMOOTH), DIAMETER, rules.neck, rules.area * usual)
    fine = resized(torch.from_numpy(foreground)[None], *shape)[0].numpy() > rules.threshold
    labels = largest_parts(np.where(fine, _enlarged(labels, shape), 0).astype(np.int32))
    area = np.bincount(labels.ravel())
    keep = area >= max(rules.area * np.pi / 4 * diameter**2, 1)
    # a nucleus's score is that of the pixels at the training scale that it is made of
    small = _enlarged(labels, (foreground.shape[0], foreground.shape[1]))
    number = np.maximum(np.bincount(small.ravel(), minlength=len(area)), 1)
    keep &= np.bincount(small.ravel(), foreground.ravel(), len(area)) / number >= rules.score
    return renumber(labels, keep)


def _enlarged(labels: Labels, shape: tuple[int, int]) -> Labels:
    """Return labels of another size, each pixel the nearest one's."""
    if labels.shape == shape:
        return labels
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(np.intp) for new, old in zip(shape, labels.shape))
    return np.asarray(labels[rows].take(columns, axis=1))


def _own(labels: Labels, block: Block) -> Labels:
    """Return the labels whose centroid lies in the block's own part, numbered 1 … n."""
    from napari_phenotyper.core.scene import cell_index

    index = cell_index(labels)
    top, left, bottom, right = block.own
    y, x = (index.centroid + block.seen[:2]).T
    keep = np.zeros(int(labels.max(initial=0)) + 1, bool)
    keep[index.ids] = (y >= top) & (y < bottom) & (x >= left) & (x < right)
    return renumber(labels, keep)
