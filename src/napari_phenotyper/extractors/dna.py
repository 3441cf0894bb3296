"""How much DNA a nucleus holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, cell_values, local_background

CHANNEL = "DNA"


@dataclass(frozen=True)
class Dna:
    """DNA content: brightness of the DNA channel above the local background.

    Of the channel whose role is DNA; without one there are no columns. `DNA_Content` is the sum over the nucleus of
    what lies above the mean of the background around it, `DNA_LogContent` its logarithm to base 2 (a nucleus before
    division has 1 more than one after; below one grey value it is 0), `DNA_Density` the content per pixel.
    """

    reach: int = field(
        default=8, metadata={"help": "How far around a cell its local background is read", "unit": "px", "min": 1,
                             "max": 100}
    )  # fmt: skip

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 3) columns, or none."""
        from napari_phenotyper.kernels.grouped import group_sum

        label = next((name for name in scene.pixels if name.casefold() == CHANNEL.casefold()), None)
        if label is None:
            return block({}, len(scene.index))
        area = scene.index.area
        # where no background is in sight, all light counts
        ground = np.nan_to_num(local_background(scene, label, self.reach))
        content = group_sum(cell_values(scene, label), scene.index.offsets) - ground * area
        columns: dict[str, Float64] = {
            "DNA_Content": content,
            "DNA_LogContent": np.log2(np.maximum(content, 1.0)),
            "DNA_Density": content / np.maximum(area, 1),
        }
        return block(columns, len(scene.index))
