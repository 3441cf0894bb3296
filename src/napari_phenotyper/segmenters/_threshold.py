"""Flattening and thresholding of a DNA channel at the scale of its nuclei, and what a first look at a field tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image32 = NDArray[np.float32]
Kind = Literal["otsu", "li", "local"]

DIAMETER = 20.0
"""Pixels across a nucleus where nothing tells: at 20× and 0.65 µm per pixel, 13 µm."""

SMALL = 12.0
"""Pixels across a nucleus that suffice to tell it from its neighbours; larger ones are brought down to 12 to 24."""

_LARGE = 4096
"""Pixels; of larger fields, only parts are looked at."""

_SPECK = 12
"""Pixels; what is smaller is no nucleus at any magnification that a phenotype shows at."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a first look at one field tells, in grey levels.

    Attributes
    ----------
    noise
        Standard deviation of the flattened background; at least a part of a grey level.
    threshold
        Otsu's, above the background; 0 if nothing stands out.
    brightest
        Above the background.
    """

    noise: float
    threshold: float
    brightest: float


def sample(images: Iterable[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
    """Return the images; of one larger than 4096 pixels, four parts that lie about the middles of its quarters."""
    result = []
    for image in images:
        if max(image.shape, default=0) <= _LARGE:
            result.append(image)
            continue
        rows, columns = (
            [max(n * k // 4 - _LARGE // 4, 0) for k in ((1, 3) if n > _LARGE else (1,))] for n in image.shape
        )
        result += [image[y : y + _LARGE // 2, x : x + _LARGE // 2] for y in rows for x in columns]
    return result


def factor(diameter: float) -> int:
    """Return how many pixels become one."""
    return max(1, int(diameter / SMALL))


def flatten(image: NDArray[np.generic], diameter: float) -> Image32:
    """Return a field above its background, whose median becomes 0: smoothed, and shrunk by `factor(diameter)`.

    What is not finite becomes dark.
    """
    from napari_phenotyper.kernels.background import background, level_and_noise
    from napari_phenotyper.kernels.shrink import block_means, blur

    times = factor(diameter)
    small = block_means(image, times)
    unknown = ~np.isfinite(small)
    if unknown.any():
        small[unknown] = np.quantile(small[~unknown], 0.05) if not unknown.all() else 0.0
    smooth = blur(small, max(0.5, 1 / times))
    smooth -= background(smooth, diameter / times)
    smooth -= np.float32(level_and_noise(smooth)[0]) if smooth.size else 0
    return smooth


def noise_of(flat: Image32) -> float:
    """Return the standard deviation of a flattened background; rounding to float32 is noise, too."""
    from napari_phenotyper.kernels.background import level_and_noise

    return max(level_and_noise(flat)[1], 1e-6 * float(np.abs(flat).max()))


def otsu(flat: Image32) -> float:
    """Return Otsu's (1979) threshold of the square roots: they even out the spread of dim and bright nuclei."""
    from skimage.filters import threshold_otsu

    positive = np.sqrt(np.maximum(flat, 0))
    if positive.max(initial=0) <= positive.min(initial=0):
        return 0.0
    return float(threshold_otsu(positive)) ** 2


def floor(flat: Image32, kind: str, contrast: float) -> float:
    """Return the brightness below which nothing is a nucleus: the least contrast, or a threshold above it."""
    from skimage.filters import threshold_li

    if kind == "local" or flat.max() <= contrast:
        return contrast
    return max(float(threshold_li(flat)) if kind == "li" else otsu(flat), contrast)


def look(flat: Image32) -> Look:
    """Return what a flattened field tells."""
    if min(flat.shape) < 3 or flat.max() <= flat.min():
        return Look(0.0, 0.0, 0.0)
    sigma, brightest = noise_of(flat), float(flat.max())
    for threshold in _candidates(flat, sigma):
        mask = flat > threshold
        # what is mostly specks is noise
        if _not_specks(mask) and _stands_out(flat, mask, sigma):
            return Look(sigma, threshold, brightest)
    return Look(sigma, 0.0, brightest)


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


def _not_specks(mask: NDArray[np.bool_]) -> bool:
    """Tell whether most of a mask lies in objects that are no specks."""
    from napari_phenotyper.kernels.pieces import pieces

    area = np.bincount(pieces(mask.astype(np.int32))[0].ravel())[1:]
    return bool(area[area >= _SPECK].sum() > 0.5 * area.sum())


def least_contrast(looks: Sequence[Look]) -> float:
    """Return the brightness above the background that a nucleus must have, in grey levels.

    Five times the noise, and a fifth of the usual threshold of fields that have nuclei. Where no field has any,
    whatever was seen is noise, and only what is brighter is a nucleus.
    """
    noise = float(np.median([k.noise for k in looks]))
    found = [k.threshold for k in looks if k.threshold > 0]
    if not found:
        return max(6 * noise, max(k.brightest for k in looks))
    return max(5 * noise, 0.2 * float(np.median(found)))
