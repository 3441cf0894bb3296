"""Blocks of networks on crops, and the small residual network made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json


@dataclass(frozen=True)
class Architecture:
    """The numbers that a `CropNet` is built from.

    Attributes
    ----------
    channels, classes
        Of the crops, and outputs.
    width
        Feature maps of the first stage; each further stage has twice as many at half the resolution.
    stages
        Residual stages.
    factor
        Pixels along a side that the stem folds into one.
    """

    channels: int
    classes: int
    width: int = 64
    stages: int = 2
    factor: int = 4

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON."""
        return asdict(self)

    @staticmethod
    def restore(state: object) -> Architecture:
        """Return the architecture that `state` made. Raises ModelError for other values."""
        names = ("channels", "classes", "width", "stages", "factor")
        limits = (10_000, 100_000, 4096, 8, 64)
        if isinstance(state, Mapping) and set(state) == set(names):
            values = [state[name] for name in names]
            if all(type(v) is int and 1 <= v <= most for v, most in zip(values, limits, strict=True)):
                return Architecture(*values)
        raise ModelError("The model's network is not described as it should be.", "The file is damaged; train again.")


class ConvUnit(nn.Sequential):
    """3 × 3 convolution, batch normalisation (Ioffe & Szegedy 2015), and optionally a ReLU."""

    def __init__(self, inputs: int, outputs: int, relu: bool = True) -> None:
        parts = [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
        super().__init__(*parts, *([nn.ReLU()] if relu else []))


class Residual(nn.Module):
    """Two convolutions beside the identity (He et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvUnit(width, width)
        self.second = ConvUnit(width, width, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, y, x)."""
        return torch.relu(x + self.second(self.first(x)))


class CropNet(nn.Module):
    """Space-to-depth stem, residual stages, mean and maximum over the crop, one dense layer.

    The stem folds `factor` × `factor` pixels into channels (Shi et al. 2016, backwards): no pixel is lost, and the
    convolutions work on a sixteenth of the positions, which is what makes the network fast on a processor.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.factor = architecture.factor
        width = architecture.width
        self.stem = ConvUnit(architecture.channels * self.factor**2, width)
        stages: list[nn.Module] = [Residual(width)]
        for _ in range(architecture.stages - 1):
            stages += [ConvUnit(width, 2 * width), nn.MaxPool2d(2, ceil_mode=True), Residual(2 * width)]
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

    def forward(self, crops: Tensor) -> Tensor:
        """Return (n, K) logits."""
        return torch.as_tensor(self.head(self.features(crops)))


def fresh(architecture: Architecture, generator: torch.Generator) -> CropNet:
    """Return an untrained network, drawn from the generator alone.

    Convolutions after He et al. (2015); every residual starts as the identity, and the dense layer at zero, so that all
    classes are equally likely at first (a loss of ln K).
    """
    with torch.device("meta"):  # draws nothing from the process's own generator
        net = CropNet(architecture)
    net.to_empty(device="cpu")
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.weight[0].numel()
            module.weight.data.normal_(0.0, math.sqrt(2 / fan), generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            module.weight.data.zero_()
            module.bias.data.zero_()
    for module in net.modules():
        if isinstance(module, Residual):
            last = module.second[1]
            if isinstance(last, nn.BatchNorm2d):
                last.weight.data.zero_()
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
