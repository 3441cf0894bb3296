"""The LipNet family (Gryshkevych 2016): plain 3 × 3 convolutions of 32 feature maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.keys import Json
from napari_phenotyper.nets.blocks import CropNet

Variant = Literal["1", "2", "4", "4c", "6"]

MAPS = 32
HIDDEN = 128
"""Width of the first dense layer, which the thesis leaves open; that of the usual networks on 28 × 28 digits."""
_BLOCKS: Mapping[str, tuple[int, int]] = {"1": (1, 1), "2": (2, 1), "4": (2, 2), "4c": (2, 2), "6": (3, 2)}
"""Blocks, and convolutions in each."""


@dataclass(frozen=True)
class LipArchitecture:
    """The numbers that a `LipNet` is built from.

    Attributes
    ----------
    channels, classes
        Of the crops, and outputs.
    variant
        Which of the family.
    """

    channels: int
    classes: int
    variant: Variant = "4"

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON."""
        return {"family": "lipnet", **asdict(self)}

    def build(self) -> CropNet:
        """Return a network whose weights are not drawn yet."""
        return LipNet(self)


class LipNet(CropNet):
    """Blocks of convolutions with ReLU, halved resolution and dropout after each, and two dense layers.

    Crops are brought to 28 × 28 (LipNet-6: 32 × 32) by averaging. LipNet-4c halves by convolutions of stride 2 and
    ends in a 1 × 1 convolution with K maps, averaged; as both are linear, it is computed as a dense layer on the mean.
    """

    def __init__(self, architecture: LipArchitecture) -> None:
        super().__init__()
        blocks, convolutions = _BLOCKS[architecture.variant]
        strided = architecture.variant == "4c"
        self.side = 32 if architecture.variant == "6" else 28
        layers: list[nn.Module] = []
        inputs = architecture.channels
        for _ in range(blocks):
            for _ in range(convolutions):
                layers += [nn.Conv2d(inputs, MAPS, 3, padding=1), nn.ReLU()]
                inputs = MAPS
            if strided:
                layers += [nn.Conv2d(MAPS, MAPS, 3, stride=2, padding=1), nn.ReLU()]
            else:
                layers.append(nn.MaxPool2d(2))
            layers.append(nn.Dropout(0.25))
        self.convolutions = nn.Sequential(*layers)
        if strided:
            self.dense: nn.Module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(MAPS, architecture.classes)
        else:
            flat = MAPS * (self.side >> blocks) ** 2
            self.dense = nn.Sequential(nn.Flatten(), nn.Linear(flat, HIDDEN), nn.ReLU(), nn.Dropout(0.5))
            self.head = nn.Linear(HIDDEN, architecture.classes)

    def features(self, crops: Tensor) -> Tensor:
        """Return (n, D) activations before the last dense layer of (n, c, y, x) crops of any size."""
        small = functional.adaptive_avg_pool2d(crops, self.side)
        return torch.as_tensor(self.dense(self.convolutions(small.contiguous(memory_format=torch.channels_last))))
