"""The LipNet family of plain convolutional networks on crops of cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from napari_phenotyper.classifiers._crops import CropClassifier

if TYPE_CHECKING:
    from napari_phenotyper.nets.blocks import Architecture


@dataclass(frozen=True)
class LipNet(CropClassifier):
    """LipNet on crops.

    Plain 3 × 3 convolutions of 32 feature maps with dropout, on crops brought to 28 × 28 (LipNet-6: 32 × 32) pixels
    (Gryshkevych 2016), trained as the fast network is.
    """

    version: ClassVar[int] = 1
    kind: ClassVar[str] = "lipnet"
    rate: ClassVar[float] = 1e-3  # without batch normalisation, higher rates do not hold

    variant: Literal["1", "2", "4", "4c", "6"] = field(
        default="4", metadata={"help": "Convolutions; 4c: strides instead of pooling, and no dense layers"}
    )

    def architecture(self, channels: int, classes: int) -> Architecture:
        """Return what a network for crops of so many channels, and for so many classes, is built from."""
        from napari_phenotyper.nets.lipnets import LipArchitecture

        return LipArchitecture(channels, classes, self.variant)
