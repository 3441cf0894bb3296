"""A small convolutional network on crops of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from napari_phenotyper.classifiers._crops import CropClassifier

if TYPE_CHECKING:
    from napari_phenotyper.nets.blocks import Architecture


@dataclass(frozen=True)
class FastNet(CropClassifier):
    """Fast network on crops.

    A residual network (He et al. 2015) whose stem folds 4 × 4 pixels into channels, trained with the multi-class log
    loss, label smoothing (Szegedy et al. 2016), logit adjustment for rare classes (Menon et al. 2021), random
    rotations, shifts and mirrorings, and AdamW in one cycle (Smith & Topin 2018), its weights averaged as it goes
    (Polyak & Juditsky 1992). Several are trained, each without another sixth of the groups of cells: the network that
    is best on its sixth is kept, and all are calibrated on what they held out by temperature (Guo et al. 2017). Their
    scores, and those of mirrored views of a crop, are averaged.
    """

    version: ClassVar[int] = 2
    kind: ClassVar[str] = "fastnet"

    width: int = field(default=32, metadata={"help": "Feature maps of the first of three stages", "min": 4, "max": 512})

    def architecture(self, channels: int, classes: int) -> Architecture:
        """Return what a network for crops of so many channels, and for so many classes, is built from."""
        from napari_phenotyper.nets.residual import ResidualArchitecture

        return ResidualArchitecture(channels, classes, self.width, stages=3, factor=4)
