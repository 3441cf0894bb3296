"""How large the bright and the dark parts of a cell are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, channels

_BRIGHT = (1, 2, 3, 4, 6, 8)
_DARK = (1, 2, 4)


@dataclass(frozen=True)
class Granularity:
    """Granularity: what openings and closings of growing size take away and fill.

    Per channel, shares of the cell's brightness above the darkest twentieth of the field (Serra 1982).
    `Granularity_Bright_CHANNEL_r` goes with an opening by a square of 2r + 1 px, beyond what smaller ones took: bright
    parts of that width. `Granularity_Dark_CHANNEL_r` likewise is added by a closing: gaps and holes. What lies outside
    a cell counts as dark for the one and as bright for the other, so that neighbours do not matter unless they touch.
    """

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 9 × channels) columns."""
        from napari_phenotyper.kernels.grouped import group_sum

        index = scene.index
        columns: dict[str, Float64] = {}
        for label, image in channels(scene):
            dark = np.float32(np.quantile(image, 0.05)) if image.size else np.float32(0)
            light = np.maximum(image[index.y, index.x] - dark, 0)
            total = group_sum(light, index.offsets)
            safe = np.where(total > 0, total, np.inf)
            opened, closed = _opened(light, index), _closed(light, index)
            for name, sums, sizes in (("Bright", opened, _BRIGHT), ("Dark", closed, _DARK)):
                steps = np.abs(np.diff(np.stack([total, *sums]), axis=0)) / safe
                columns |= {f"Granularity_{name}_{label}_{r}": step for r, step in zip(sizes, steps, strict=True)}
        return block(columns) if columns else ColumnBlock((), np.zeros((len(index), 0), np.float32))


def _opened(light: NDArray[np.float32], index: CellIndex) -> list[Float64]:
    """Return (n,) the brightness that each opening leaves."""
    from scipy.ndimage import maximum_filter, minimum_filter

    from napari_phenotyper.kernels.grouped import group_sum

    image = np.zeros(index.shape, np.float32)
    image[index.y, index.x] = light
    sums = []
    for r in _BRIGHT:
        size = 2 * r + 1
        opened = maximum_filter(minimum_filter(image, size, mode="constant"), size, mode="constant")
        sums.append(group_sum(opened[index.y, index.x], index.offsets))
    return sums


def _closed(light: NDArray[np.float32], index: CellIndex) -> list[Float64]:
    """Return (n,) the brightness after each closing, nowhere brighter than the cell's brightest pixel."""
    from scipy.ndimage import maximum_filter, minimum_filter

    from napari_phenotyper.kernels.grouped import group_max, group_sum, spread

    image = np.full(index.shape, np.inf, np.float32)
    image[index.y, index.x] = light
    limit = spread(group_max(light, index.offsets), index.offsets)
    sums = []
    for r in _DARK:
        size = 2 * r + 1
        beyond = {"mode": "constant", "cval": np.inf}
        closed = minimum_filter(maximum_filter(image, size, **beyond), size, **beyond)
        sums.append(group_sum(np.minimum(closed[index.y, index.x], limit), index.offsets))
    return sums
