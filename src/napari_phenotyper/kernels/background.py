"""The background of a fluorescence image: its slow changes over the field, and its noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_phenotyper.kernels.shrink import block_means, blur, enlarge

Image32 = NDArray[np.float32]


def background(image: Image32, diameter: float) -> Image32:
    """Return the (y, x) background of an image, by an opening on a coarse grid.

    Means over blocks of a quarter of a diameter are opened (minimum, then maximum) over 2.5 diameters, smoothed and
    brought back to full size: what is smaller than that vanishes, what is larger stays.

    Parameters
    ----------
    image
        (y, x) float32, finite.
    diameter
        Of a typical nucleus, in pixels.
    """
    block = max(1, int(diameter / 4))
    coarse = block_means(image, block)
    size = max(3, round(2.5 * diameter / block) | 1)
    coarse = ndimage.maximum_filter(ndimage.minimum_filter(coarse, size, mode="nearest"), size, mode="nearest")
    height, width = image.shape
    return enlarge(blur(coarse, size / 2), block, (height, width))


def level_and_noise(image: Image32) -> tuple[float, float]:
    """Return median and standard deviation of the background of an evenly lit image.

    From the 1st and the 10th percentile, which lie in the background of all but full fields, as those of a normal
    distribution.
    """
    step = max(1, int(np.sqrt(image.size / 2**16)))
    low, high = np.quantile(image[::step, ::step], (0.01, 0.1))
    deviation = float(high - low) / 1.0448
    return float(high) + 1.2816 * deviation, deviation
