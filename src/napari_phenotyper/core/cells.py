"""Cells: an immutable chunk of one field's cells, with their columns and their crops."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.wells import FieldRef

Float32 = NDArray[np.float32]
Background = Literal["surrounding", "cropped", "masked"]
Normalisation = Literal["none", "crop"]


@dataclass(frozen=True)
class CropSpec:
    """How crops are cut: what a CNN records with its weights. Hashable, so that crops are cached by it.

    Attributes
    ----------
    size
        Pixels along a side of the crop that is returned.
    channels
        Labels (roles or names) in order; empty for all.
    pixel_size
        µm per pixel of the crop: a plate with another pixel size is resampled to it. None: pixels as they are.
    background
        "surrounding" shows the neighbours; "cropped" fits the cell's own box into the crop; "masked" does too and
        sets pixels outside the cell to zero.
    normalisation
        "none": pixel values; "crop": each channel's 1st to 99.8th percentile to 0 … 1.
    """

    size: int = 64
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None
    background: Background = "surrounding"
    normalisation: Normalisation = "crop"

    def state(self) -> Mapping[str, Json]:
        """Return the fields as JSON."""
        return {
            "size": self.size,
            "channels": list(self.channels),
            "pixel_size": self.pixel_size,
            "background": self.background,
            "normalisation": self.normalisation,
        }


class CropSource(Protocol):
    """Cuts crops of cells: from the field, from crops kept beside the journal, from a folder of crops."""

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of the pixels that crops are cut from, or None where it is not known."""

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32. Raises PixelError, ChannelError."""


@dataclass(frozen=True, eq=False)
class ColumnBlock:
    """Columns that one extractor measured.

    Attributes
    ----------
    columns
        D names, unique in the plate ("Nuclei_AreaShape_Area").
    values
        (n, D) float32, a row per cell in the order of ids; NaN where a value is not defined.
    """

    columns: tuple[str, ...]
    values: Float32

    def __post_init__(self) -> None:
        """Check that there is one value per row and column."""
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns, but values of shape {self.values.shape}")


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of one field, n rows. A plate is a tuple of these.

    Attributes
    ----------
    field
        Where they lie.
    ids
        (n,) int32, ids of the mask.
    y, x
        (n,) float32 centroids in pixels.
    blocks
        One per extractor, by its id.
    pixels
        Where crops come from; None if there are no pixels.
    """

    field: FieldRef
    ids: NDArray[np.int32]
    y: Float32
    x: Float32
    blocks: Mapping[str, ColumnBlock]
    pixels: CropSource | None = None

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.ids)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns, block after block."""
        return tuple(name for block in self.blocks.values() for name in block.columns)

    def matrix(self, columns: Sequence[str] | None = None) -> Float32:
        """Return (n, D) float32 of the named columns, or of all.

        Raises
        ------
        ModelError
            If a column is not there, naming the first that is missing.
        """
        blocks = list(self.blocks.values())
        if columns is None or tuple(columns) == self.columns:
            if len(blocks) == 1:
                return blocks[0].values
            return np.hstack([b.values for b in blocks]) if blocks else np.zeros((len(self), 0), np.float32)
        where = {name: (block, i) for block in blocks for i, name in enumerate(block.columns)}
        missing = [name for name in columns if name not in where]
        if missing:
            raise ModelError(
                f"{len(missing)} of {len(columns)} columns are not measured in {self.field}, first {missing[0]!r}.",
                "Measure with the extractors that the model was trained on, and give the channels the same roles.",
            )
        matrix = np.empty((len(self), len(columns)), np.float32)
        for j, name in enumerate(columns):
            block, i = where[name]
            matrix[:, j] = block.values[:, i]
        return matrix

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Cells:
        """Return the cells in some rows."""
        blocks = {k: ColumnBlock(b.columns, b.values[rows]) for k, b in self.blocks.items()}
        return replace(self, ids=self.ids[rows], y=self.y[rows], x=self.x[rows], blocks=blocks)

    def crops(self, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32 crops. Raises ModelError where there are no pixels."""
        if self.pixels is None:
            raise ModelError(f"The pixels of {self.field} are not at hand.", "Open the plate, or use features only.")
        return self.pixels.crops(self.ids, self.y, self.x, spec)


def total(chunks: Iterable[Cells]) -> int:
    """Count the cells of several chunks."""
    return sum(len(chunk) for chunk in chunks)


def stack(chunks: Sequence[Cells], columns: Sequence[str] | None = None) -> Float32:
    """Return (N, D) float32 over several chunks; columns default to those of the first."""
    if not chunks:
        return np.zeros((0, len(columns or ())), np.float32)
    wanted = chunks[0].columns if columns is None else columns
    return np.concatenate([chunk.matrix(wanted) for chunk in chunks])
