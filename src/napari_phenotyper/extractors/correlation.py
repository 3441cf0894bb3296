"""How the brightness of two channels goes together within a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import ClassVar

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, cell_values


@dataclass(frozen=True)
class Correlation:
    """Correlation: how two channels go together, pixel by pixel.

    Per pair of channels; a field with one channel has no columns. Names and definitions are those of CellProfiler
    (Stirling et al. 2021): Pearson's coefficient over all pixels of the cell; overlap and K (Manders et al. 1993) over
    the pixels above a share of the cell's maximum in both channels; Manders' coefficients, the share of one channel's
    brightness above its threshold where the other is above its own. 0 where a channel does not vary.
    """

    threshold: int = field(
        default=15,
        metadata={"help": "Pixels count from this share of the maximum on", "unit": "%", "min": 0, "max": 99},
    )

    version: ClassVar[int] = 1
    default: ClassVar[bool] = False

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 6 × pairs of channels) columns."""
        from napari_phenotyper.kernels.pairs import pair_statistics

        columns: dict[str, Float64] = {}
        for a, b in combinations(scene.pixels, 2):
            values = cell_values(scene, a), cell_values(scene, b)
            found = pair_statistics(*values, scene.index.offsets, self.threshold / 100)
            for name, column in zip(
                (f"Correlation_{a}_{b}", f"Overlap_{a}_{b}", f"K_{a}_{b}", f"K_{b}_{a}", f"Manders_{a}_{b}",
                 f"Manders_{b}_{a}"),
                found.T,
                strict=True,
            ):  # fmt: skip
                columns[f"Correlation_{name}"] = column
        return block(columns, len(scene.index))
