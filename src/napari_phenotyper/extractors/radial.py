"""How brightness is distributed from the middle of a cell to its edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, cell_values, depths


@dataclass(frozen=True)
class Radial:
    """Radial distribution: brightness in four rings, as CellProfiler measures it.

    Per channel, on the pixel values as stored, names and definition those of CellProfiler (Stirling et al. 2021):
    rings by the way from the deepest pixel inside the cell, over that way plus the depth below the edge. FracAtD is
    the share of the brightness in a ring, MeanFrac that share over the share of pixels, RadialCV the variation over
    eight directions. To which direction a pixel on an axis or diagonal belongs, and which of several deepest pixels is
    the middle, goes by raster order: RadialCV of a cell that is turned is another, the others' are where several pixels
    are deepest. `Rings_…` of the intensity family tell the same above the local background and do not change when a
    cell is turned.
    """

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 12 × channels) columns."""
        from napari_phenotyper.kernels.radial import BINS, WEDGES, part_sums, radial_parts

        index = scene.index
        part = radial_parts(depths(scene), index.y, index.x, index.offsets, index.box)
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            sums = part_sums(cell_values(scene, label), part, index.offsets)
            light, pixels = (s.reshape(len(index), BINS, WEDGES) for s in sums)
            share, size = _shares(light), _shares(pixels)
            for i in range(BINS):
                name = f"{label}_{i + 1}of{BINS}"
                columns[f"RadialDistribution_FracAtD_{name}"] = share[:, i]
                columns[f"RadialDistribution_MeanFrac_{name}"] = share[:, i] / (size[:, i] + np.finfo(float).eps)
                columns[f"RadialDistribution_RadialCV_{name}"] = _variation(light[:, i], pixels[:, i])
        return block(columns, len(index))


def _shares(sums: Float64) -> Float64:
    """Return (n, rings) the share of each ring in (n, rings, wedges) sums; 0 where all is dark."""
    rings = sums.sum(axis=2)
    total = rings.sum(axis=1, keepdims=True)
    return np.asarray(rings / np.where(total != 0, total, np.inf))


def _variation(light: Float64, pixels: Float64) -> Float64:
    """Return (n,) the coefficient of variation of the mean brightness over the wedges of a ring that hold pixels."""
    held = pixels > 0
    count = np.maximum(held.sum(axis=1), 1)
    mean = np.where(held, light / np.maximum(pixels, 1), 0.0)
    centre = mean.sum(axis=1) / count
    spread = np.sqrt(np.where(held, (mean - centre[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return np.asarray(spread / np.where(centre != 0, centre, np.inf))
