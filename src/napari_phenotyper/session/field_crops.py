"""Crops out of the pixels and masks of a field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import CropSpec, Float32
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.scene import cell_index
from napari_phenotyper.kernels.crops import cut


@dataclass(frozen=True, eq=False)
class FieldCrops:
    """Crops out of a field's pixels and masks, read when they are asked for.

    Attributes
    ----------
    field
        Where the pixels are.
    masks
        Gives the field's masks; called only where the spec needs them.
    """

    field: Field
    masks: Callable[[], Masks]

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of the field, or None."""
        return self.field.info.pixel_size

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32. Raises PixelError, ChannelError."""
        images = self.field.read(spec.channels or None)
        if spec.background == "surrounding":
            scale = spec.pixel_size / (self.pixel_size or spec.pixel_size) if spec.pixel_size else 1.0
            return cut(images, np.column_stack([y, x, np.full(len(ids), spec.size * scale)]), spec)
        labels = self.masks().labels[NUCLEI]
        index = cell_index(labels)
        box = index.box[np.searchsorted(index.ids, ids)]
        first, end = box[:, :2], box[:, 2:]
        places = np.column_stack([(first + end - 1) / 2, (end - first).max(axis=1)])
        return cut(images, places, spec, labels, ids)
