"""How the brightness of a cell changes from pixel to pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import (
    Float64,
    block,
    cell_values,
    clean_image,
    contrast,
    ordered_values,
)

_SQUARES = (3, 5, 9, 17)


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

    version: ClassVar[int] = 2

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 42 × channels) columns."""
        scales = list(dict.fromkeys((self.fine, self.coarse)))
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            columns |= _haralick(scene, label, scales, self.levels)
            columns |= _patterns(scene, label)
            columns |= _spots(scene, label)
        return block(columns, len(scene.index))


def _haralick(scene: Scene, label: str, scales: Sequence[int], levels: int) -> dict[str, Float64]:
    """Return Haralick's statistics at each scale, averaged over four directions."""
    from napari_phenotyper.kernels.cooccurrence import HARALICK, grey_levels, haralick
    from napari_phenotyper.kernels.grouped import sorted_quantiles

    index = scene.index
    ends = sorted_quantiles(ordered_values(scene, label), index.offsets, (0.01, 0.99))
    low, high = (np.ascontiguousarray(end) for end in ends.T)
    level = grey_levels(cell_values(scene, label), low, high, index.offsets, levels)
    steps = np.array(scales, np.int64)
    found = haralick(level, index.y, index.x, index.offsets, index.box, levels, steps)
    return {
        f"Texture_{name}_{label}_{scale}": found[:, s, i]
        for s, scale in enumerate(scales)
        for i, name in enumerate(HARALICK)
    }


def _patterns(scene: Scene, label: str) -> dict[str, Float64]:
    """Return the shares of local binary patterns of the eight neighbours."""
    from napari_phenotyper.kernels.patches import pattern_shares

    index = scene.index
    shares = pattern_shares(clean_image(scene, label), index.y, index.x, index.offsets, index.box)
    return {f"Texture_Pattern_{label}_{k}": column for k, column in enumerate(shares.T)}


def _spots(scene: Scene, label: str) -> dict[str, Float64]:
    """Return spread and skewness of spots of three sizes within each cell."""
    from napari_phenotyper.kernels.patches import band_moments

    index = scene.index
    halves = np.array([size // 2 for size in _SQUARES], np.int64)
    moments = band_moments(clean_image(scene, label), index.y, index.x, index.offsets, index.box, halves)
    found: dict[str, Float64] = {}
    for j, size in enumerate(_SQUARES[:-1]):
        found[f"Texture_SpotsStd_{label}_{size}"] = moments[:, j, 0] / contrast(scene, label)
        found[f"Texture_SpotsSkewness_{label}_{size}"] = moments[:, j, 1]
    return found
