"""Zernike moments of the form of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import block, local_coordinates, zernike_circles


@dataclass(frozen=True)
class Zernike:
    """Zernike moments: magnitudes of the form.

    Boland & Murphy (2001). `AreaShape_CentredZernike_n_m` is of the mask in the circle about the cell's centroid that
    holds every pixel, over the circle's area; magnitudes do not change when a cell is turned. (In CellProfiler's, of
    the family of moments, the circle is the smallest one, wherever its centre; classifiers learn less from them.)
    """

    degree: int = field(default=9, metadata={"help": "Highest degree: 9 gives 30 moments", "min": 1, "max": 15})

    version: ClassVar[int] = 2

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 30) columns at degree 9; none depends on pixel values."""
        from napari_phenotyper.kernels.zernike import magnitudes, orders

        circle, ones = zernike_circles(scene), np.ones(len(scene.index.y), np.float32)
        found = magnitudes(*local_coordinates(scene), ones, circle, scene.index.offsets, self.degree)
        columns = {
            f"AreaShape_CentredZernike_{n}_{m}": (n + 1) * column / (np.pi * circle[:, 2] ** 2)
            for (n, m), column in zip(orders(self.degree), found.T, strict=True)
        }
        return block(columns, len(scene.index))
