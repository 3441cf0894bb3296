"""The network that finds nuclei: a small U-Net that tells foreground and depth inside each nucleus."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.nets.blocks import ConvUnit, Residual

OUTPUTS = 2
"""Planes that come out, as logits: foreground, and depth (0 at a nucleus's edge, 1 in its middle)."""

_MOST_LEVELS, _MOST_WIDTH = 6, 512


@dataclass(frozen=True)
class UNetArchitecture:
    """The numbers that a `UNet` is built from.

    Attributes
    ----------
    widths
        Feature maps of each level; every level has half the resolution of the one before.
    factor
        Pixels along a side that are folded into one before the first level.
    """

    widths: tuple[int, ...] = (32, 48, 64, 80)
    factor: int = 2

    @property
    def multiple(self) -> int:
        """What the sides of an image must be multiples of."""
        return int(self.factor * 2 ** (len(self.widths) - 1))

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON."""
        return {"family": "unet", "widths": list(self.widths), "factor": self.factor}

    def build(self) -> UNet:
        """Return a network whose weights are not drawn yet."""
        return UNet(self)


def restore(state: object) -> UNetArchitecture:
    """Return the architecture whose `state` this is. Raises ModelError for other values."""
    if isinstance(state, Mapping) and set(state) == {"family", "widths", "factor"} and state["family"] == "unet":
        widths, factor = state["widths"], state["factor"]
        fits = isinstance(widths, list | tuple) and 1 <= len(widths) <= _MOST_LEVELS
        fits = fits and all(type(w) is int and 1 <= w <= _MOST_WIDTH for w in widths)
        if fits and type(factor) is int and 1 <= factor <= 8:
            return UNetArchitecture(tuple(widths), factor)
    raise ModelError("The segmenter's network is not described as it should be.", "The file is damaged; train again.")


class UNet(nn.Module):
    """Encoder and decoder with skip connections (Ronneberger et al. 2015), made for speed on a processor.

    Pixels are folded into channels first and unfolded last (Shi et al. 2016), so that no convolution runs at full
    resolution; skips are added, not concatenated; each level has one residual block.
    """

    def __init__(self, architecture: UNetArchitecture) -> None:
        super().__init__()
        self.factor, widths = architecture.factor, architecture.widths
        self.stem = nn.Sequential(ConvUnit(self.factor**2, widths[0]), Residual(widths[0]))
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), ConvUnit(a, b), Residual(b)) for a, b in pairs)
        self.narrow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.up = nn.ModuleList(nn.Sequential(ConvUnit(a, a), ConvUnit(a, a)) for a, _ in pairs)
        self.head = nn.Conv2d(widths[0], OUTPUTS * self.factor**2, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return (n, 2, y, x) logits of (n, 1, y, x) images whose sides are multiples of `multiple`."""
        folded = functional.pixel_unshuffle(images, self.factor)
        maps = [self.stem(folded.contiguous(memory_format=torch.channels_last))]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for narrow, up in zip(reversed(self.narrow), reversed(self.up)):
            x = up(maps.pop() + functional.interpolate(narrow(x), scale_factor=2.0, mode="nearest"))
        return functional.pixel_shuffle(self.head(x.to(self.head.weight.dtype)), self.factor)
