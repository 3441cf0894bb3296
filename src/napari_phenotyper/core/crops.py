"""Crops that are kept once they are cut."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import CropSource, CropSpec, Float32

Kept = dict[CropSpec, tuple[NDArray[np.int32], Float32]]
"""By spec: n ids, and (n, c, size, size) crops."""


@dataclass(frozen=True, eq=False)
class CachedCrops:
    """Crops that are cut once for all cells of a chunk and kept by spec: what cross-validation reads again and again.

    Attributes
    ----------
    source
        Where they are cut the first time.
    ids, y, x
        All cells of the chunk.
    kept
        What has been cut, perhaps for a smaller chunk of the same masks.
    """

    source: CropSource
    ids: NDArray[np.int32]
    y: Float32
    x: Float32
    kept: Kept = field(default_factory=dict, repr=False)

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of the source, or None."""
        return self.source.pixel_size

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32 of cells that the chunk holds."""
        new = ~np.isin(self.ids, self.kept[spec][0]) if spec in self.kept else np.ones(len(self.ids), bool)
        if new.any():
            cut_now = self.source.crops(self.ids[new], self.y[new], self.x[new], spec)
            before = self.kept.get(spec)
            self.kept[spec] = (
                (self.ids[new], cut_now)
                if before is None
                else (np.concatenate([before[0], self.ids[new]]), np.concatenate([before[1], cut_now]))
            )
        known, crops = self.kept[spec]
        order = np.argsort(known)
        return np.asarray(crops[order[np.searchsorted(known, ids, sorter=order)]], np.float32)
