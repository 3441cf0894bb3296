"""Spots within a nucleus: foci such as γ-H2AX, speckles, bodies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float32, Float64, block, cell_values, darkest, ratio

_SMALLEST = 2
"""Pixels of the smallest spot: one pixel alone is noise."""
_SPREAD = 1.4826
"""From a median absolute deviation to the standard deviation of a normal distribution."""
_FAINT = 0.05


@dataclass(frozen=True)
class Spots:
    """Spots: how many foci, how large and how bright.

    Per channel. What an opening by a square takes away from a cell's light, its top hat (Meyer 1979), is bright where
    something smaller than the square stands out. Spots are connected pixels whose top hat lies above the cell's median
    by so many robust standard deviations, and is more than a twentieth of the cell's contrast to the darkest twentieth
    of the field. `Spots_…_CHANNEL`: Count; MeanArea in pixels; AreaFraction of the cell; IntegratedIntensity and
    MaxIntensity of the top hat; IntensityFraction of the cell's light. All are 0 where there is no spot.
    """

    radius: int = field(
        default=4, metadata={"help": "Spots are narrower than 2r + 1", "unit": "px", "min": 1, "max": 30}
    )
    strength: float = field(
        default=4.0, metadata={"help": "How many standard deviations a spot stands out", "min": 1.0, "max": 50.0}
    )

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 6 × channels) columns."""
        from napari_phenotyper.kernels.grouped import group_sum
        from napari_phenotyper.kernels.openings import top_hats
        from napari_phenotyper.kernels.spots import spot_statistics

        index = scene.index
        place = (index.y, index.x, index.offsets, index.box)
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            light = np.maximum(cell_values(scene, label) - np.float32(darkest(scene, label)), 0)
            height = top_hats(light, *place, self.radius)
            total = group_sum(light, index.offsets)
            least = np.maximum(self._least(height, scene), _FAINT * total / np.maximum(index.area, 1))
            # nothing stands out of a cell that is dark or even
            least = np.where(least > 0, least, np.inf)
            count, area, bright, most = spot_statistics(height, least, _SMALLEST, *place).T
            columns |= {
                f"Spots_Count_{label}": count,
                f"Spots_MeanArea_{label}": np.nan_to_num(ratio(area, count)),
                f"Spots_AreaFraction_{label}": area / np.maximum(index.area, 1),
                f"Spots_IntegratedIntensity_{label}": bright,
                f"Spots_MaxIntensity_{label}": most,
                f"Spots_IntensityFraction_{label}": np.nan_to_num(ratio(bright, total)),
            }
        return block(columns, len(index))

    def _least(self, height: Float32, scene: Scene) -> Float64:
        """Return (n,) median of the cell's top hat and so many robust standard deviations."""
        from napari_phenotyper.kernels.brightness import absolute_deviation
        from napari_phenotyper.kernels.grouped import sort_groups, sorted_quantiles

        offsets = scene.index.offsets
        ordered = sort_groups(height, offsets)
        median = np.ascontiguousarray(sorted_quantiles(ordered, offsets, (0.5,))[:, 0])
        return median + self.strength * _SPREAD * absolute_deviation(ordered, median, offsets)
