"""What classifiers of the pixel route share: their parameters, and the way from cells to a fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from napari_phenotyper.core.cells import CropSpec, Float32
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from napari_phenotyper.nets.blocks import Architecture


@dataclass(frozen=True)
class CropSettings:
    """The parameters of every classifier of the pixel route."""

    epochs: int | None = field(
        default=None, metadata={"help": "Passes over the cells; none: as many as suit their number", "min": 1}
    )
    size: int = field(
        default=64,
        metadata={"help": "Side of the crop: three times a cell's diameter", "unit": "px", "min": 3, "max": 512},
    )
    pixel_size: float | None = field(
        default=None,
        metadata={
            "help": "Pixel size of the crop; plates with another are resampled to it. None: that of the training cells",
            "unit": "µm",
            "min": 0.01,
            "max": 100.0,
        },
    )
    background: Literal["surrounding", "cropped", "masked"] = field(
        default="surrounding", metadata={"help": "Show the neighbours, fit the crop to the cell, or mask all else too"}
    )
    normalisation: Literal["crop", "none"] = field(
        default="crop", metadata={"help": "Bring each crop to 0 … 1, or keep its brightness"}
    )
    channels: tuple[str, ...] = field(default=(), metadata={"help": "Channels to look at; none named: all"})
    balance: float = field(
        default=0.5,
        metadata={
            "help": "How far rare classes are favoured: 0 as frequent as annotated, 1 all equally likely",
            "min": 0.0,
            "max": 1.0,
        },
    )
    views: int = field(
        default=2, metadata={"help": "Mirrored views whose scores are averaged; 1 is fastest", "min": 1, "max": 8}
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = field(default="auto", metadata={"help": "Where the network runs"})

    @property
    def spec(self) -> CropSpec:
        """How crops are cut."""
        return CropSpec(self.size, self.channels, self.pixel_size, self.background, self.normalisation)


@dataclass(frozen=True)
class CropClassifier(CropSettings, ABC):
    """A network on crops; a classifier adds `architecture`, and what its networks like."""

    live_slices: ClassVar[int] = 8
    needs_columns: ClassVar[bool] = False
    kind: ClassVar[str] = ""
    rate: ClassVar[float] = 4e-3
    """Highest learning rate."""
    seen: ClassVar[int] = 100_000
    """Crops that a cold fit sees, all epochs together …"""
    most_epochs: ClassVar[int] = 150
    """… unless these are more epochs than so many, or fewer than 10 (of 160 cells, 150 instead of 60 find 7 points
    more)."""
    erase: ClassVar[float] = 0.0
    """Side of the square that every other crop loses in training, as a share of the crop's side."""

    networks: int = field(
        default=3,
        metadata={"help": "Networks whose scores are averaged; each holds out other cells", "min": 1, "max": 6},
    )

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train; from `training.before` where that is a network of the same kind, else from random weights.

        Raises
        ------
        TrainingError
            If there are no cells, or their crops have different channels.
        ModelError
            If there are no pixels.
        Cancelled
        """
        from napari_phenotyper.classifiers._networks import Fit

        if not len(training):
            raise TrainingError("No cell is annotated.", "Annotate a few cells of each class.")
        progress(0.0, "cutting crops")
        settled = replace(self, pixel_size=self.pixel_size or _pixel_size(training))
        return Fit(settled, training, settled._crops(training)).run(part(progress, 0.1, 1.0))

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        from napari_phenotyper.nets.model import restore

        return restore(state, self.kind, self.device)

    @abstractmethod
    def architecture(self, channels: int, classes: int) -> Architecture:
        """Return what a network for crops of so many channels, and for so many classes, is built from."""

    def _crops(self, training: TrainingSet) -> Float32:
        parts = [chunk.crops(self.spec) for chunk in training.cells if len(chunk)]
        counts = {crops.shape[1] for crops in parts}
        if len(counts) != 1:
            raise TrainingError(
                f"The annotated cells have different numbers of channels: {', '.join(map(str, sorted(counts)))}.",
                "Name the channels to look at, so that all plates give the same.",
            )
        return np.concatenate(parts)


def _pixel_size(training: TrainingSet) -> float | None:
    """Return the pixel size of the training cells, the commonest where plates differ; None where it is not known."""
    known = [(c.pixels.pixel_size, len(c)) for c in training.cells if c.pixels is not None and c.pixels.pixel_size]
    sizes, which = np.unique([size for size, _ in known], return_inverse=True)
    return float(sizes[np.bincount(which, [n for _, n in known]).argmax()]) if known else None
