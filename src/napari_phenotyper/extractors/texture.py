"""How the brightness of a cell changes from pixel to pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, channels

_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))
_PATTERNS = 10
_BANDS = ((3, 5), (5, 9), (9, 17))
_AT_ONCE = 2_000
"""Cells whose co-occurrence is held at a time: 16 MB at 32 grey levels."""


@dataclass(frozen=True)
class Texture:
    """Texture: Haralick's statistics, local binary patterns and spots of three sizes.

    Per channel. `Texture_…_CHANNEL_s` are the 13 statistics of Haralick et al. (1973) for pixels s apart, averaged
    over four directions; the grey levels span each cell's own 1st to 99th percentile, so that they mean the same at
    every bit depth and exposure. `Texture_Pattern_CHANNEL_k` is the share of pixels with k brighter neighbours in one
    run, the last of those with several runs (uniform local binary patterns, Ojala et al. 2002).
    `Texture_Spots…_CHANNEL_s` is the spread and skewness within the cell of the difference between the mean of s × s
    pixels and that of a square nearly twice as wide, over the cell's contrast to the darkest twentieth of the field.
    """

    fine: int = field(default=1, metadata={"help": "Nearer scale", "unit": "px", "min": 1, "max": 50})
    coarse: int = field(default=3, metadata={"help": "Farther scale", "unit": "px", "min": 1, "max": 50})
    levels: int = field(default=16, metadata={"help": "Grey levels", "min": 4, "max": 32})

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 42 × channels) columns."""
        index = scene.index
        columns: dict[str, Float64] = {}
        for label, image in channels(scene):
            columns |= _haralick(image, index, list(dict.fromkeys((self.fine, self.coarse))), self.levels, label)
            columns |= _patterns(image, index, label)
            columns |= _spots(image, index, label)
        return block(columns) if columns else ColumnBlock((), np.zeros((len(index), 0), np.float32))


def _grey_levels(image: NDArray[np.float32], index: CellIndex, levels: int) -> NDArray[np.intp]:
    """Return (P,) grey levels that span each cell's own 1st to 99th percentile."""
    from napari_phenotyper.kernels.grouped import group_quantiles, spread

    values = image[index.y, index.x]
    low, high = group_quantiles(values, index.offsets, (0.01, 0.99)).T
    span = np.where(high > low, high - low, 1.0)
    share = (values - spread(low, index.offsets)) / spread(span, index.offsets)
    return np.asarray(np.clip(share * levels, 0, levels - 1).astype(np.intp))


def _haralick(
    image: NDArray[np.float32], index: CellIndex, scales: Sequence[int], levels: int, label: str
) -> dict[str, Float64]:
    """Return Haralick's statistics at each scale, averaged over four directions."""
    from napari_phenotyper.kernels.cooccurrence import HARALICK, cooccurrence, haralick

    steps = [(dy * scale, dx * scale) for scale in scales for dy, dx in _DIRECTIONS]
    found = np.zeros((len(scales), len(index), len(HARALICK)))
    level = _grey_levels(image, index, levels) if len(index) else np.zeros(0, np.intp)
    for first in range(0, len(index), _AT_ONCE):
        last = min(first + _AT_ONCE, len(index))
        part = slice(index.offsets[first], index.offsets[last])
        y, x, cell = index.y[part], index.x[part], index.cell[part] - first
        matrices = cooccurrence(index.shape, y, x, cell, level[part], (last - first, levels), steps)
        for i, matrix in enumerate(matrices):
            found[i // len(_DIRECTIONS), first:last] += haralick(matrix) / len(_DIRECTIONS)
    return {
        f"Texture_{name}_{label}_{scale}": found[s, :, i]
        for s, scale in enumerate(scales)
        for i, name in enumerate(HARALICK)
    }


def _patterns(image: NDArray[np.float32], index: CellIndex, label: str) -> dict[str, Float64]:
    """Return the shares of local binary patterns of the eight neighbours."""
    from napari_phenotyper.kernels.outline import STEPS

    padded = np.pad(image, 1, mode="edge") if image.size else np.zeros((2, 2), np.float32)
    middle = padded[index.y + 1, index.x + 1]
    brighter = np.stack([padded[index.y + 1 + dy, index.x + 1 + dx] > middle for dy, dx in STEPS])
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0)
    pattern = np.where(changes <= 2, brighter.sum(axis=0), _PATTERNS - 1)
    counts = np.bincount(index.cell * _PATTERNS + pattern, minlength=len(index) * _PATTERNS)
    shares = counts.reshape(len(index), _PATTERNS) / np.maximum(index.area, 1)[:, None]
    return {f"Texture_Pattern_{label}_{k}": shares[:, k] for k in range(_PATTERNS)}


def _spots(image: NDArray[np.float32], index: CellIndex, label: str) -> dict[str, Float64]:
    """Return spread and skewness of spots of three sizes within each cell."""
    from napari_phenotyper.kernels.boxes import box_sums
    from napari_phenotyper.kernels.grouped import group_mean, group_moments

    dark = np.float32(np.quantile(image, 0.05)) if image.size else np.float32(0)
    above = image - dark
    contrast = group_mean(above[index.y, index.x], index.offsets)
    found: dict[str, Float64] = {}
    sizes = sorted({size for band in _BANDS for size in band})
    sums = box_sums(above, index.y, index.x, sizes, "edge") if image.size else np.zeros((len(sizes), 0))
    mean = {size: sums[i] / size**2 for i, size in enumerate(sizes)}
    safe = np.where(contrast > 0, contrast, np.inf)
    for scale, wider in _BANDS:
        moments = group_moments(mean[scale] - mean[wider], index.offsets)
        found[f"Texture_SpotsStd_{label}_{scale}"] = moments.sd / safe
        found[f"Texture_SpotsSkewness_{label}_{scale}"] = moments.skewness
    return found
