"""A residual network on crops of cells that sees finer detail than the fast one, and takes longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from napari_phenotyper.classifiers._crops import CropClassifier

if TYPE_CHECKING:
    from napari_phenotyper.nets.blocks import Architecture


@dataclass(frozen=True)
class ResNet(CropClassifier):
    """Residual network on crops.

    As the fast network, but its stem folds only 2 × 2 pixels into channels, four stages follow (He et al. 2015), it
    learns twice as long, and every other crop loses a square in training (DeVries & Taylor 2017).
    """

    version: ClassVar[int] = 2
    kind: ClassVar[str] = "resnet"
    seen: ClassVar[int] = 200_000
    erase: ClassVar[float] = 0.4

    width: int = field(default=16, metadata={"help": "Feature maps of the first of four stages", "min": 4, "max": 512})

    def architecture(self, channels: int, classes: int) -> Architecture:
        """Return what a network for crops of so many channels, and for so many classes, is built from."""
        from napari_phenotyper.nets.residual import ResidualArchitecture

        return ResidualArchitecture(channels, classes, self.width, stages=4, factor=2)
