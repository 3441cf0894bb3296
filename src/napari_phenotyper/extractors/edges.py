"""How sharp a cell is: blobs, and the slope of the brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, channels

_BLOBS = (1, 2, 4)
_SLOPES = (1, 2)
_NOTHING = np.zeros((2, 2), np.float32)


@dataclass(frozen=True)
class Edges:
    """Edges: blobs of three sizes, and how steeply the brightness changes.

    Per channel, over the cell's contrast to the darkest twentieth of the field. `Edges_Blobs…_CHANNEL_s` are spread,
    minimum and maximum within the cell of the Laplacian of the field smoothed with σ = s px (Marr & Hildreth 1980):
    low on bright blobs, high on dark ones. `Edges_Slope…_CHANNEL_s` are the means of the gradient's magnitude, smoothed
    likewise, over the cell and over the pixels at its edge: low where a cell is out of focus.
    """

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 13 × channels) columns."""
        from napari_phenotyper.kernels.grouped import group_mean
        from napari_phenotyper.kernels.outline import is_border, neighbours

        index = scene.index
        border = is_border(neighbours(index.shape, index.y, index.x, index.cell))
        columns: dict[str, Float64] = {}
        for label, image in channels(scene):
            dark = np.float32(np.quantile(image, 0.05)) if image.size else np.float32(0)
            contrast = group_mean(image[index.y, index.x] - dark, index.offsets)
            found = _at_all_scales(image, index, border, label)
            safe = np.where(contrast > 0, contrast, np.inf)
            columns |= {name: values / safe for name, values in found.items()}
        return block(columns) if columns else ColumnBlock((), np.zeros((len(index), 0), np.float32))


def _at_all_scales(
    image: NDArray[np.float32], index: CellIndex, border: NDArray[np.bool_], label: str
) -> dict[str, Float64]:
    """Return the Laplacian's spread, minimum and maximum, and the mean steepness, of each cell at each scale.

    Both are differences of neighbours in the smoothed field, taken at the cells' pixels only.
    """
    from scipy.ndimage import gaussian_filter

    from napari_phenotyper.kernels.grouped import group_max, group_mean, group_min, group_moments

    starts = np.append(0, np.cumsum(border))[index.offsets]
    y, x = index.y + 1, index.x + 1
    found: dict[str, Float64] = {}
    for scale in _BLOBS:
        smooth = np.pad(gaussian_filter(image, scale, mode="nearest"), 1, mode="edge") if image.size else _NOTHING
        up, down, left, right = smooth[y - 1, x], smooth[y + 1, x], smooth[y, x - 1], smooth[y, x + 1]
        curved = up + down + left + right - 4 * smooth[y, x]
        found[f"Edges_BlobsStd_{label}_{scale}"] = group_moments(curved, index.offsets).sd
        found[f"Edges_BlobsMin_{label}_{scale}"] = group_min(curved, index.offsets)
        found[f"Edges_BlobsMax_{label}_{scale}"] = group_max(curved, index.offsets)
        if scale in _SLOPES:
            steep = np.hypot(down - up, right - left) / 2
            found[f"Edges_Slope_{label}_{scale}"] = group_mean(steep, index.offsets)
            found[f"Edges_SlopeEdge_{label}_{scale}"] = group_mean(steep[border], starts)
    return found
