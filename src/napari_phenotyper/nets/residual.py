"""The residual network on crops: space-to-depth stem, stages of halved resolution, mean and maximum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.keys import Json
from napari_phenotyper.nets.blocks import ConvUnit, CropNet, Residual


@dataclass(frozen=True)
class ResidualArchitecture:
    """The numbers that a `ResidualNet` is built from.

    Attributes
    ----------
    channels, classes
        Of the crops, and outputs.
    width
        Feature maps of the first stage; each further stage has twice as many at half the resolution.
    stages
        Stages, of one residual block each.
    factor
        Pixels along a side that the stem folds into one.
    """

    channels: int
    classes: int
    width: int = 32
    stages: int = 3
    factor: int = 4

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON."""
        return {"family": "residual", **asdict(self)}

    def build(self) -> CropNet:
        """Return a network whose weights are not drawn yet."""
        return ResidualNet(self)


class ResidualNet(CropNet):
    """Space-to-depth stem, residual stages, mean and maximum over the crop, one dense layer.

    The stem folds `factor` × `factor` pixels into channels (Shi et al. 2016, backwards): no pixel is lost, and the
    convolutions work on `factor`² times fewer positions, which is what makes the network fast on a processor.
    """

    def __init__(self, architecture: ResidualArchitecture) -> None:
        super().__init__()
        self.factor = architecture.factor
        width = architecture.width
        self.stem = ConvUnit(architecture.channels * self.factor**2, width)
        stages: list[nn.Module] = [Residual(width)]
        for _ in range(architecture.stages - 1):
            stages += [nn.MaxPool2d(2, ceil_mode=True), ConvUnit(width, 2 * width), Residual(2 * width)]
            width *= 2
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(2 * width, architecture.classes)

    def features(self, crops: Tensor) -> Tensor:
        """Return (n, D) activations before the dense layer of (n, c, y, x) crops of any size."""
        missing = [-side % self.factor for side in crops.shape[2:]]
        if any(missing):
            crops = functional.pad(crops, (0, missing[1], 0, missing[0]), mode="replicate")
        folded = functional.pixel_unshuffle(crops, self.factor)
        maps = self.stages(self.stem(folded.contiguous(memory_format=torch.channels_last)))
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)
