"""Local binary patterns on two circles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, clean_image


@dataclass(frozen=True)
class Lbp:
    """Local binary patterns: on two circles, whichever way the cell is turned.

    Per channel. `LBP_CHANNEL_r_k` is the share of the cell's pixels with k brighter points in one run on a circle of
    radius r, the last of those with several runs (rotation-invariant uniform patterns, Ojala et al. 2002): 8 points on
    the nearer circle, 16 on the farther. The patterns of the eight pixels round each are in the texture family.
    """

    near: int = field(default=2, metadata={"help": "Radius of the nearer circle", "unit": "px", "min": 1, "max": 20})
    far: int = field(default=4, metadata={"help": "Radius of the farther circle", "unit": "px", "min": 1, "max": 40})

    version: ClassVar[int] = 2

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 28 × channels) columns."""
        from napari_phenotyper.kernels.circles import circle_patterns

        index = scene.index
        place = (index.y, index.x, index.offsets, index.box)
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            for radius, points in {self.far: 16, self.near: 8}.items():
                shares = circle_patterns(clean_image(scene, label), *place, points, radius)
                columns |= {f"LBP_{label}_{radius}_{k}": column for k, column in enumerate(shares.T)}
        return block(columns, len(index))
