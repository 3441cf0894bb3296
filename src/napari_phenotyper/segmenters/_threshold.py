"""Flattening and thresholding of a DNA channel, and what a first look at a field tells of its nuclei."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.scene import cell_index

Image32 = NDArray[np.float32]
Kind = Literal["otsu", "li", "local"]

DIAMETER = 20.0
"""Pixels across a nucleus where nothing tells: at 20× and 0.65 µm per pixel, 13 µm."""

_SPECK = 12
"""Pixels; what is smaller is no nucleus at any magnification that a phenotype shows at."""

_SURROUND = 1.5
"""Standard deviation of the local mean, in diameters: about as far as the next nuclei."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a first look at one field tells.

    Attributes
    ----------
    noise
        Standard deviation of the flattened background; at least a part of a grey level.
    threshold
        Otsu's, above the background; 0 if nothing stands out.
    brightest
        Above the background.
    unevenness
        Brightness of the brightest sixteenth of the field's foreground over that of the dimmest.
    sizes, areas
        (k,) diameter of each object and its area, in px.
    """

    noise: float
    threshold: float
    brightest: float
    unevenness: float
    sizes: NDArray[np.float64]
    areas: NDArray[np.float64]


def pixels(image: NDArray[np.generic]) -> Image32:
    """Return (y, x) float32, smoothed by one pixel; what is not finite becomes dark."""
    from scipy.ndimage import gaussian_filter

    floats = image.astype(np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        floats[~finite] = np.quantile(floats[finite], 0.05) if finite.any() else 0.0
    return np.asarray(gaussian_filter(floats, 1.0)) if floats.size else floats


def flatten(smooth: Image32, diameter: float) -> Image32:
    """Return the image above its background, whose median becomes 0."""
    from napari_phenotyper.kernels.background import background, level_and_noise

    flat = smooth - background(smooth, diameter)
    return flat - np.float32(level_and_noise(flat)[0])


def otsu(flat: Image32) -> float:
    """Return Otsu's (1979) threshold of the square roots: they even out the spread of dim and bright nuclei."""
    from skimage.filters import threshold_otsu

    positive = np.sqrt(np.maximum(flat, 0))
    if positive.max(initial=0) <= positive.min(initial=0):
        return 0.0
    return float(threshold_otsu(positive)) ** 2


def foreground(flat: Image32, kind: str, diameter: float, contrast: float) -> NDArray[np.bool_]:
    """Return (y, x) where nuclei are: above the threshold, and by more than the least contrast."""
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_li

    if flat.max() <= contrast:
        return np.zeros(flat.shape, bool)
    if kind == "li":
        return np.asarray(flat > max(float(threshold_li(flat)), contrast))
    if kind == "otsu":
        return np.asarray(flat > max(otsu(flat), contrast))
    surround = gaussian_filter(flat, _SURROUND * diameter)
    return np.asarray((flat > max(0.5 * otsu(flat), contrast)) & (flat > 0.8 * surround))


def bright_part(labels: Labels, flat: Image32, share: float) -> NDArray[np.bool_]:
    """Return (y, x) where a pixel is brighter than a share of its object's 90th percentile."""
    from napari_phenotyper.kernels.grouped import group_quantiles

    index = cell_index(labels)
    values = flat[index.y, index.x]
    top = group_quantiles(values, index.offsets, (0.9,))[:, 0]
    result = np.zeros(labels.shape, bool)
    result[index.y, index.x] = values > share * np.repeat(top, index.area)
    return result


def look(smooth: Image32, diameter: float | None) -> Look:
    """Return what a field tells; `diameter` in px if it is known."""
    from napari_phenotyper.kernels.background import level_and_noise

    nothing = np.zeros(0)
    if min(smooth.shape) < 3 or smooth.max() <= smooth.min():
        return Look(0.0, 0.0, 0.0, 1.0, nothing, nothing)
    scale = diameter or float(np.clip(min(smooth.shape) / 10, 10, 50))
    flat = flatten(smooth, scale)
    # rounding to float32 is noise too
    sigma = max(level_and_noise(flat)[1], 1e-6 * float(np.abs(smooth).max()))
    brightest = float(flat.max())
    for threshold in _candidates(flat, sigma):
        mask = flat > threshold
        sizes, areas = _sizes(mask)
        # what is mostly specks is noise
        if areas.sum() > 0.5 * mask.sum() and _stands_out(flat, mask, sigma):
            return Look(sigma, threshold, brightest, _unevenness(flat, mask), sizes, areas)
    return Look(sigma, 0.0, brightest, 1.0, nothing, nothing)


def _candidates(flat: Image32, sigma: float) -> tuple[float, float]:
    """Return two thresholds to try: the usual one, and one that only what is evident passes.

    A few nuclei in a large field do not move Otsu's threshold out of the noise, and not out of what is left of an
    uneven background.
    """
    usual = max(otsu(flat), 6 * sigma)
    return usual, 25 * max(float(flat[flat <= usual].std()), sigma)


def _stands_out(flat: Image32, mask: NDArray[np.bool_], sigma: float) -> bool:
    """Tell whether the foreground is more than the tail of the background's own distribution.

    Of noise, clipped at black or not, the foreground's mean lies within three standard deviations of the rest.
    """
    bright, rest = flat[mask], flat[~mask]
    return bool(float(bright.mean()) - float(rest.mean()) > 3.5 * max(float(rest.std()), sigma))


def _sizes(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return diameters and areas of the objects of a mask that are no specks.

    A clump counts by the largest circle in it.
    """
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    area = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
    deepest = np.zeros(count + 1)
    np.maximum.at(deepest, labels[mask], ndimage.distance_transform_edt(mask)[mask])
    large = area >= _SPECK
    return np.minimum(2 * np.sqrt(area / np.pi), 2.5 * deepest[1:])[large], area[large]


def _unevenness(flat: Image32, mask: NDArray[np.bool_]) -> float:
    """Return the brightness of the foreground in the brightest of 4 × 4 parts of the field over the dimmest."""
    levels = []
    for rows in np.array_split(np.arange(flat.shape[0]), 4):
        for columns in np.array_split(np.arange(flat.shape[1]), 4):
            if len(rows) and len(columns):
                part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                inside = flat[part][mask[part]]
                if inside.size > 0.01 * flat[part].size:
                    levels.append(float(np.median(inside)))
    return max(levels) / min(levels) if len(levels) > 3 else 1.0


def typical_diameter(looks: Sequence[Look]) -> float:
    """Return the diameter, in px, below which half of the area of all objects lies."""
    sizes = np.concatenate([k.sizes for k in looks]) if looks else np.zeros(0)
    if not len(sizes):
        return DIAMETER
    area = np.concatenate([k.areas for k in looks])
    order = np.argsort(sizes)
    below = np.cumsum(area[order])
    return max(6.0, float(sizes[order][np.searchsorted(below, below[-1] / 2)]))


def choice(looks: Sequence[Look]) -> Kind:
    """Return "local" where the brightness of nuclei differs more than twice over half of the fields, else "otsu"."""
    return "local" if looks and float(np.median([k.unevenness for k in looks])) > 2 else "otsu"


def least_contrast(looks: Sequence[Look]) -> float:
    """Return the brightness above the background that a nucleus must have, in grey levels.

    Six times the noise, and a quarter of the usual threshold of fields that have nuclei. Where no field has any,
    whatever was seen is noise, and only what is brighter is a nucleus.
    """
    noise = float(np.median([k.noise for k in looks]))
    found = [k.threshold for k in looks if k.threshold > 0]
    if not found:
        return max(6 * noise, max(k.brightest for k in looks))
    return max(6 * noise, 0.25 * float(np.median(found)))
