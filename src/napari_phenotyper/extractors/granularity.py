"""How large the bright and the dark parts of a cell are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, cell_values, darkest

_BRIGHT = (1, 2, 3, 4, 6, 8)
_DARK = (1, 2, 4)


@dataclass(frozen=True)
class Granularity:
    """Granularity: what openings and closings of growing size take away and fill.

    Per channel, shares of the cell's brightness above the darkest twentieth of the field (Serra 1982).
    `Granularity_Bright_CHANNEL_r` goes with an opening by a square of 2r + 1 px, beyond what smaller ones took: bright
    parts of that width. `Granularity_Dark_CHANNEL_r` likewise is added by a closing: gaps and holes. What lies outside
    a cell counts as dark for the one and as bright for the other, so that its neighbours do not matter.
    """

    version: ClassVar[int] = 3

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 9 × channels) columns."""
        from napari_phenotyper.kernels.grouped import group_sum
        from napari_phenotyper.kernels.openings import opening_sums

        index = scene.index
        sizes = np.array(_BRIGHT, np.int64), np.array(_DARK, np.int64)
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            light = np.maximum(cell_values(scene, label) - np.float32(darkest(scene, label)), 0)
            total = group_sum(light, index.offsets)
            safe = np.where(total > 0, total, np.inf)
            opened, closed = opening_sums(light, index.y, index.x, index.offsets, index.box, *sizes)
            for name, sums, radii in (("Bright", opened, _BRIGHT), ("Dark", closed, _DARK)):
                steps = np.abs(np.diff(sums, axis=1, prepend=total[:, None])) / safe[:, None]
                columns |= {f"Granularity_{name}_{label}_{r}": step for r, step in zip(radii, steps.T, strict=True)}
        return block(columns, len(index))
