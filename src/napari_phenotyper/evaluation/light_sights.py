"""What one field tells of how it was lit: where bright spots stand, how far above the background around them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_phenotyper.core.illumination import Float64, places

_SIDE = 256
"""Blocks along a field's longer side that it is shrunken to."""
TILES = 8
"""Along each axis of a field, for its background."""
_GROUND = 0.1
"""The background is what a tenth of a tile stays below: cells may cover nine tenths of it."""
_NOISE = 6.0
"""Standard deviations of the shrunken background that a spot must stand above it."""
_EDGE = 3
"""Blocks along the field's edge in which no spot counts."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What one field tells of how a channel was lit.

    Attributes
    ----------
    shape
        (y, x) of the field.
    y, x
        (n,) places of bright spots, −1 to 1 from edge to edge.
    height
        (n,) logarithm of how far each stands above the background around it.
    floor
        Height below which no spot was looked for.
    ground
        (8, 8) background of the tiles of the field; NaN where there is none.
    """

    shape: tuple[int, int]
    y: Float64
    x: Float64
    height: Float64
    floor: float
    ground: Float64

    def only(self, kept: NDArray[np.bool_], height: Float64) -> Sight:
        """Return some of the spots, with other heights."""
        return Sight(self.shape, self.y[kept], self.x[kept], height[kept], self.floor, self.ground)


def sight(image: NDArray[np.generic]) -> Sight:
    """Return what a field tells.

    Parameters
    ----------
    image
        (y, x) of any type. Values that are not finite do not count; nor do spots that reach the camera's ceiling.
    """
    shape, none = (image.shape[0], image.shape[1]), np.zeros(0)
    nothing = Sight(shape, none, none, none, math.nan, np.full((TILES, TILES), math.nan))
    if min(shape) < 2 * TILES:
        return nothing
    small, clipped = _shrunken(image)
    ground, noise = _ground(small)
    if not np.isfinite(ground).all():
        return nothing  # a tile without a pixel that counts
    above = np.where(np.isfinite(small), small - _spread(ground, small.shape), 0.0)
    smooth = ndimage.gaussian_filter(above, 1.0)
    floor = max(_NOISE * noise, 1e-9)
    is_spot = (ndimage.maximum_filter(smooth, 5) == smooth) & (smooth > floor) & ~clipped
    is_spot[~_inner(smooth.shape)] = False
    rows, columns = np.nonzero(is_spot)
    y, x = places(small.shape[0])[rows], places(small.shape[1])[columns]
    return Sight(shape, y, x, np.log(smooth[is_spot]), math.log(floor), ground)


def _inner(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which blocks lie far enough inside: a cell that the edge cuts has its brightest place there, too dim."""
    inner = np.zeros(shape, bool)
    inner[_EDGE:-_EDGE, _EDGE:-_EDGE] = True
    return inner


def _shrunken(image: NDArray[np.generic]) -> tuple[Float64, NDArray[np.bool_]]:
    """Return means over blocks, NaN where nothing is finite, and which blocks hold a pixel at the ceiling.

    The highest value is a ceiling if it is commoner than all values of the 2 % of the range below it.
    """
    block = max(1, -(-max(image.shape) // _SIDE))
    height, width = (side // block * block for side in image.shape)
    pixels = image[:height, :width].astype(np.float32)
    pixels[~np.isfinite(pixels)] = np.nan
    top = np.nanmax(pixels) if np.isfinite(pixels).any() else np.float32(0)
    near = pixels >= top - 0.02 * (top - np.nanmedian(pixels[::4, ::4])) if top > 0 else np.zeros(pixels.shape, bool)
    at = pixels == top
    if 2 * at.sum() <= near.sum():
        at[:] = False
    blocks = (height // block, block, width // block, block)
    finite = np.isfinite(pixels).reshape(blocks).sum((1, 3))
    sums = np.nan_to_num(pixels, copy=False).reshape(blocks).sum((1, 3), dtype=np.float64)
    means = np.divide(sums, finite, out=np.full(sums.shape, math.nan), where=finite > 0)
    return means, at.reshape(blocks).any((1, 3))


def _ground(small: Float64) -> tuple[Float64, float]:
    """Return the background of each tile of a shrunken field, NaN for a tile of nothing, and its noise."""
    rows, columns = (np.linspace(0, side, TILES + 1).round().astype(int) for side in small.shape)
    ground = np.full((TILES, TILES), math.nan)
    noise = []
    for i, j in np.ndindex(TILES, TILES):
        tile = small[rows[i] : rows[i + 1], columns[j] : columns[j + 1]]
        tile = tile[np.isfinite(tile)]
        if tile.size:
            least, low = np.quantile(tile, (0.01, _GROUND))
            ground[i, j] = low
            noise.append((low - least) / 1.0448)  # between these quantiles of a normal distribution
    return ground, float(np.median(noise)) if noise else 0.0


def _spread(ground: Float64, shape: tuple[int, ...]) -> Float64:
    """Return the background of every block, linear between the middles of the tiles."""
    smooth = ndimage.median_filter(ground, 3, mode="nearest")
    rows, columns = ((np.arange(side) + 0.5) / side * TILES - 0.5 for side in shape)
    at = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(ndimage.map_coordinates(smooth, at, order=1, mode="nearest"), np.float64)
