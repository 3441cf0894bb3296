"""How sharp a cell is: blobs, and the slope of the brightness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import Float64, block, border_pixels, clean_image, contrast

_BLOBS = (1, 2, 4)
_SLOPES = (1, 2)
_NAMES = ("BlobsStd", "BlobsMin", "BlobsMax", "Slope", "SlopeEdge")


@dataclass(frozen=True)
class Edges:
    """Edges: blobs of three sizes, and how steeply the brightness changes.

    Per channel, over the cell's contrast to the darkest twentieth of the field. `Edges_Blobs…_CHANNEL_s` are spread,
    minimum and maximum within the cell of the Laplacian of the field smoothed with σ = s px (Marr & Hildreth 1980):
    low on bright blobs, high on dark ones. `Edges_Slope…_CHANNEL_s` are the means of the gradient's magnitude, smoothed
    likewise, over the cell and over the pixels at its edge: low where a cell is out of focus.
    """

    version: ClassVar[int] = 3

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 13 × channels) columns."""
        from napari_phenotyper.kernels.edges import blobs_and_slopes, gaussians

        index, weights = scene.index, gaussians(_BLOBS)
        place = (border_pixels(scene), index.y, index.x, index.offsets, index.box)
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            found = blobs_and_slopes(clean_image(scene, label), *place, weights) / contrast(scene, label)[:, None, None]
            for k, scale in enumerate(_BLOBS):
                for j, name in enumerate(_NAMES if scale in _SLOPES else _NAMES[:3]):
                    columns[f"Edges_{name}_{label}_{scale}"] = found[:, k, j]
        return block(columns, len(index))
