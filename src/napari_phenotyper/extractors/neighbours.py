"""Who stands beside a nucleus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, border_pixels, label_image, local_centroids


@dataclass(frozen=True)
class Neighbours:
    """Neighbours: how many, how far, in what directions.

    Names are those of CellProfiler (Stirling et al. 2021). `Neighbors_NumberOfNeighbors_d` counts the nuclei that have
    a pixel within d pixels of this one's edge; distances are between centroids, the angle (0 to 180°) is that at this
    nucleus between the two closest ones. Distances and angle are not defined where there are too few nuclei.
    """

    reach: int = field(
        default=10, metadata={"help": "How near the edges of neighbours come", "unit": "px", "min": 1, "max": 100}
    )

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 4) columns; none depends on pixel values."""
        from napari_phenotyper.kernels.nearness import count_near

        index = scene.index
        place = (index.y, index.x, index.offsets, index.box)
        count = count_near(label_image(scene), border_pixels(scene), *place, self.reach)
        first, second, angle = _closest(scene)
        columns = {
            f"Neighbors_NumberOfNeighbors_{self.reach}": count,
            "Neighbors_FirstClosestDistance": first,
            "Neighbors_SecondClosestDistance": second,
            "Neighbors_AngleBetweenNeighbors": angle,
        }
        return block(columns, len(index))


def _closest(scene: Scene) -> tuple[Float64, Float64, Float64]:
    """Return (n,) distances to the two closest nuclei, and the angle between them in degrees; NaN without them."""
    from scipy.spatial import cKDTree

    count = len(scene.index)
    if count < 2:
        nothing = np.full(count, np.nan)
        return nothing, nothing, nothing
    # rounded, so that sums far from the origin give the same distances as near it
    centre = np.round((local_centroids(scene) + scene.index.box[:, :2]) * 1024) / 1024
    distance, other = cKDTree(centre).query(centre, k=min(count, 3))
    if count < 3:
        return distance[:, 1], np.full(count, np.nan), np.full(count, np.nan)
    a, b = (centre[other[:, k]] - centre for k in (1, 2))
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return distance[:, 1], distance[:, 2], np.degrees(np.arctan2(np.abs(cross), (a * b).sum(axis=1)))
