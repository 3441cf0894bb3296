"""Zernike moments of the brightness of a cell, and of its mask as CellProfiler takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import (
    Float64,
    block,
    cell_values,
    local_coordinates,
    ordered_values,
    ratio,
    shared_hulls,
    zernike_circles,
)


@dataclass(frozen=True)
class Moments:
    """Moments: Zernike moments of the brightness, and of the mask as CellProfiler takes them.

    Boland & Murphy (2001); magnitudes do not change when a cell is turned. `Zernike_Magnitude_CHANNEL_n_m` is of the
    brightness above the cell's darkest pixel, over its sum, in the circle about the cell's centroid that holds every
    pixel. `AreaShape_Zernike_n_m` is of the mask in the smallest circle that holds the centres of its pixels, over the
    circle's area, as in CellProfiler (Stirling et al. 2021).
    """

    degree: int = field(default=9, metadata={"help": "Highest degree: 9 gives 30 moments", "min": 1, "max": 15})

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 30 × (1 + channels)) columns at degree 9."""
        from napari_phenotyper.kernels.zernike import magnitudes, orders

        hull = shared_hulls(scene)
        # a pixel alone fills a circle of its own
        radius = np.maximum(hull.radius, 0.5)
        circle = np.stack([hull.y, hull.x, radius], axis=1)
        ones = np.ones(len(scene.index.y), np.float32)
        found = magnitudes(*local_coordinates(scene), ones, circle, scene.index.offsets, self.degree)
        columns: dict[str, Float64] = {
            f"AreaShape_Zernike_{n}_{m}": column / (np.pi * radius**2)
            for (n, m), column in zip(orders(self.degree), found.T, strict=True)
        }
        for label in scene.pixels:
            columns |= _of_brightness(scene, label, self.degree)
        return block(columns, len(scene.index))


def _of_brightness(scene: Scene, label: str, degree: int) -> dict[str, Float64]:
    """Return the moments of the brightness above each cell's darkest pixel, over its sum."""
    from napari_phenotyper.kernels.grouped import group_sum
    from napari_phenotyper.kernels.zernike import magnitudes, orders

    index = scene.index
    light = cell_values(scene, label) - np.repeat(ordered_values(scene, label)[index.offsets[:-1]], index.area)
    found = magnitudes(*local_coordinates(scene), light, zernike_circles(scene), index.offsets, degree)
    size = group_sum(light, index.offsets)
    return {
        # all pixels alike: no brightness above the darkest, and so no form of it
        f"Zernike_Magnitude_{label}_{n}_{m}": np.nan_to_num(ratio(column * (n + 1) / np.pi, size), nan=0.0)
        for (n, m), column in zip(orders(degree), found.T, strict=True)
    }
