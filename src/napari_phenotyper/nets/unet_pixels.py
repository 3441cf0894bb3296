"""How images are brought to the brightness and the scale that the U-Net knows, and what it learns of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from napari_phenotyper.core.masks import Labels

Image32 = NDArray[np.float32]

DIAMETER = 24.0
"""Pixels across a typical nucleus at the scale that networks are trained at."""

ONE = 200
"""The stored value of a plane that stands for 1: bright pixels go beyond the range's top."""

_BRIGHTEST = 1.25
_SAMPLE = 1_000_000
_BETWEEN = 5
"""Side of the window, in pixels at the training scale, in which two nuclei count as touching."""


@dataclass(frozen=True)
class Levels:
    """The grey levels of a field between which the network looks.

    Attributes
    ----------
    low, high
        The 1st and the 99.8th percentile.
    """

    low: float
    high: float


def levels(image: NDArray[np.generic]) -> Levels:
    """Return the levels of a (y, x) image, of a sample of the pixels of a large one; what is not finite is left out."""
    step = max(1, int(np.sqrt(image.size / _SAMPLE)))
    sample = image[::step, ::step].astype(np.float32).ravel()
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return Levels(0.0, 0.0)
    low, high = np.percentile(sample, (1, 99.8))
    return Levels(float(low), float(high))


def normalised(image: NDArray[np.generic], found: Levels) -> Image32:
    """Return square roots of the brightness between two levels: they bring dim nuclei near bright ones."""
    span = np.float32(max(found.high - found.low, 1e-12))
    floats = np.nan_to_num(image.astype(np.float32), nan=found.low, posinf=found.high, neginf=found.low)
    shares = np.clip((floats - np.float32(found.low)) / span, 0, _BRIGHTEST**2)
    return np.asarray(np.sqrt(shares), np.float32)


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """Return (c, y, x) planes of another size, bilinear, smoothed first where they shrink."""
    if tuple(image.shape[1:]) == (height, width):
        return image
    shrinks = height < image.shape[1] or width < image.shape[2]
    return functional.interpolate(image[None], (height, width), mode="bilinear", antialias=shrinks)[0]


def typical(images: Sequence[Labels]) -> float:
    """Return the diameter, in px, of the nuclei that cover half of the area of all in some label images; 0 of none.

    It is three times the median's at most: one glow as large as a field says nothing of nuclei.
    """
    areas = [np.bincount(labels.ravel(), minlength=1)[1:] for labels in images]
    area = np.sort(np.concatenate([a[a > 0] for a in areas])).astype(np.float64)
    if not len(area):
        return 0.0
    below = np.cumsum(area)
    usual = min(area[np.searchsorted(below, below[-1] / 2)], 9 * float(np.median(area)))
    return float(2 * np.sqrt(usual / np.pi))


def depth(labels: Labels) -> Image32:
    """Return (y, x) distance from each nucleus's own edge, as a share of its greatest; 0 outside nuclei."""
    found = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None:
            # mirrored where the image ends: an edge of the image is none of the nucleus
            own = np.pad(labels[box] == number, 1, constant_values=False)
            distance = ndimage.distance_transform_edt(_beyond(own, box, labels.shape))[1:-1, 1:-1]
            inside = own[1:-1, 1:-1]
            found[box][inside] = (distance[inside] - 0.5) / max(float(distance[inside].max()) - 0.5, 0.5)
    return np.clip(found, 0, 1)


def _beyond(own: NDArray[np.bool_], box: tuple[slice, slice], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a padded nucleus continued by one pixel over the ends of the image."""
    for axis, part in enumerate(box):
        turned = np.moveaxis(own, axis, 0)
        if part.start == 0:
            turned[0] = turned[1]
        if part.stop == shape[axis]:
            turned[-1] = turned[-2]
    return own


def weights(labels: Labels, touching: float, small: float) -> Image32:
    """Return (y, x) how much each pixel's error counts.

    Parameters
    ----------
    labels
        Nuclei.
    touching
        What is added between two nuclei that touch or nearly do (after Ronneberger et al. 2015).
    small
        Power of (typical area / own area) by which pixels of small nuclei count more, up to 3 times.
    """
    count = int(labels.max(initial=0))
    result = np.ones(labels.shape, np.float32)
    if not count:
        return result
    area = np.maximum(np.bincount(labels.ravel()), 1).astype(np.float64)
    share = np.clip((np.median(area[1:]) / area) ** small, 0.7, 3.0)
    share[0] = 1.0
    result *= share[labels]
    highest = ndimage.maximum_filter(labels, _BETWEEN)
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, count + 1), _BETWEEN)
    result[(highest != lowest) & (highest > 0) & (lowest <= count)] += touching
    return result


def planes(image: NDArray[np.generic], labels: Labels, touching: float = 3.0, small: float = 0.5) -> Tensor:
    """Return (4, y, x) uint8 at the training scale: the image, foreground, depth and weights, as shares of `ONE`.

    Weights are kept as 20ths, up to 12.
    """
    diameter = typical([labels]) or DIAMETER
    scale = float(np.clip(DIAMETER / diameter, 0.1, 4.0))
    height, width = (max(16, round(side * scale)) for side in labels.shape)
    pixels = torch.from_numpy(normalised(image, levels(image)))[None]
    scaled = _nearest(labels, height, width)
    stacked = (
        resized(pixels, height, width)[0].numpy() * ONE,
        (scaled > 0) * float(ONE),
        depth(scaled) * ONE,
        weights(scaled, touching, small) * 20,
    )
    return torch.from_numpy(np.stack([np.clip(np.rint(p), 0, 255).astype(np.uint8) for p in stacked]))


def _nearest(labels: Labels, height: int, width: int) -> Labels:
    """Return labels of another size."""
    rows = ((np.arange(height) + 0.5) * labels.shape[0] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * labels.shape[1] / width).astype(np.intp)
    return np.ascontiguousarray(labels[rows[:, None], columns[None]])
