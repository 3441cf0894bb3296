"""What networks on crops are made of, how they start, and how they are made ready to predict."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from napari_phenotyper.core.keys import Json

Net = TypeVar("Net", bound=nn.Module)


class CropNet(nn.Module, ABC):
    """A network on crops: features, then one dense layer."""

    head: nn.Linear

    @abstractmethod
    def features(self, crops: Tensor) -> Tensor:
        """Return (n, D) activations before the last dense layer of (n, c, y, x) crops of any size."""

    def forward(self, crops: Tensor) -> Tensor:
        """Return (n, K) logits."""
        return torch.as_tensor(self.head(self.features(crops).to(self.head.weight.dtype)))


class Architecture(Protocol):
    """The numbers that a network is built from; a frozen dataclass."""

    @property
    def channels(self) -> int:
        """Of the crops."""

    @property
    def classes(self) -> int:
        """How many outputs there are."""

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON, with "family", the key that tells architectures apart."""

    def build(self) -> CropNet:
        """Return a network whose weights are not drawn yet."""


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


def fresh(architecture: Architecture, generator: torch.Generator) -> CropNet:
    """Return an untrained network on crops, drawn from the generator alone."""
    return drawn(architecture.build, generator)


def drawn(build: Callable[[], Net], generator: torch.Generator) -> Net:
    """Return an untrained network whose last layer is its `head`, drawn from the generator alone.

    Convolutions and inner dense layers after He et al. (2015); every residual starts as the identity, and the last
    layer at zero, so that all classes are equally likely at first (a loss of ln K).
    """
    with torch.device("meta"):  # draws nothing from the process's own generator
        net = build()
    net.to_empty(device="cpu")
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data.normal_(0.0, math.sqrt(2 / module.weight[0].numel()), generator=generator)
            if module.bias is not None:
                module.bias.data.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    for module in net.modules():
        if isinstance(module, Residual):
            nn.init.zeros_(module.second[1].weight)  # type: ignore[arg-type]
    nn.init.zeros_(net.head.weight)  # type: ignore[arg-type, union-attr]
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def folded(net: Net, short: bool = False) -> Net:
    """Return a copy that predicts the same, faster: batch normalisation folded into the convolutions before it.

    Parameters
    ----------
    net
        Ready to predict; its last layer is its `head`.
    short
        Whether all but the last layer computes in bfloat16.
    """
    ready = copy.deepcopy(net).eval()
    for unit in [m for m in ready.modules() if isinstance(m, ConvUnit)]:
        unit[0] = fuse_conv_bn_eval(unit[0], unit[1])  # type: ignore[type-var, arg-type]
        unit[1] = nn.Identity()
    if short:
        head = ready.head
        ready.to(torch.bfloat16)
        ready.head = head.float()
    return ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
