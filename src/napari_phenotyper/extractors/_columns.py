"""What the feature families share: coordinates that move with the cell, clean pixel values, blocks of columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene

PREFIX = "Nuclei_"

Float64 = NDArray[np.float64]


def block(columns: Mapping[str, Float64]) -> ColumnBlock:
    """Return columns as a block: (n, D) float32, NaN where a value is infinite, names with the compartment before."""
    values = np.stack(list(columns.values()), axis=1).astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return ColumnBlock(tuple(PREFIX + name for name in columns), values)


def local_coordinates(index: CellIndex) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (P,) rows and columns from the corner of each cell's box: the same wherever the cell lies."""
    return index.y - np.repeat(index.box[:, 0], index.area), index.x - np.repeat(index.box[:, 1], index.area)


def clean(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return an image as float32; pixels that are not finite become its lowest finite value, the background."""
    pixels = image.astype(np.float32)
    finite = np.isfinite(pixels)
    if not finite.all():
        pixels[~finite] = pixels[finite].min() if finite.any() else 0.0
    return pixels


def channels(scene: Scene) -> list[tuple[str, NDArray[np.float32]]]:
    """Return label and clean image of every channel of a scene."""
    return [(label, clean(image)) for label, image in scene.pixels.items()]


def ratio(top: Float64, bottom: Float64) -> Float64:
    """Return top / bottom, NaN where bottom is 0."""
    return np.asarray(np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom != 0))
