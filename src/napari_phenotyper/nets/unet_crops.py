"""Random crops of training fields for the U-Net, changed as other microscopes would show them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from napari_phenotyper.nets.unet_pixels import ONE

_PLACES = 2
"""Places that are drawn for a crop; the one that shows most foreground is taken."""


@dataclass(frozen=True)
class CropDraw:
    """How crops are drawn and changed.

    Attributes
    ----------
    side
        Of a crop, in pixels.
    zoom
        Crops are enlarged or shrunk up to this many times; smaller nuclei beside larger ones need both.
    gamma
        Largest change of the exponent of brightness, as a natural logarithm.
    gain
        Least and greatest factor of the brightness.
    uneven
        Greatest share of the brightness that is added or lost across a crop.
    noise
        Greatest standard deviation of added noise.
    blur
        Greatest standard deviation of a blur, in pixels.
    empty
        Share of crops that show noise and no nuclei.
    """

    side: int = 192
    zoom: float = 1.6
    gamma: float = 0.7
    gain: tuple[float, float] = (0.5, 1.15)
    uneven: float = 0.3
    noise: float = 0.1
    blur: float = 1.5
    empty: float = 0.03


def draw(fields: Sequence[Tensor], chosen: Sequence[int], how: CropDraw, generator: torch.Generator) -> Tensor:
    """Return (n, 4, side, side) crops of some fields: image, foreground, depth (0 … 1), weight.

    Parameters
    ----------
    fields
        (4, y, x) uint8 planes of each.
    chosen
        n positions in `fields`.
    how, generator
        The generator of the processor alone decides.
    """
    crops = torch.stack([_crop(fields[i], how, generator) for i in chosen])
    crops[:, 3] *= ONE / 20
    crops[:, 0] = _seen(crops[:, 0], how, generator)
    empty = torch.rand(len(crops), generator=generator) < how.empty
    crops[empty, 0] = _nothing(int(empty.sum()), how, generator)
    crops[empty, 1:3] = 0.0
    crops[empty, 3] = 1.0
    return crops


def _crop(field: Tensor, how: CropDraw, generator: torch.Generator) -> Tensor:
    """Return a (4, side, side) piece of a field, enlarged, mirrored and turned at random; 1 is `ONE`."""
    rand = torch.rand(4 + 2 * _PLACES, generator=generator).tolist()
    side = max(8, round(how.side / how.zoom ** (2 * rand[0] - 1)))
    height, width = (max(length - side, 0) for length in field.shape[1:])
    places = [(round(y * height), round(x * width)) for y, x in zip(rand[4::2], rand[5::2])]
    # where there are more nuclei there is more to learn
    pieces = [field[:, top : top + side, left : left + side] for top, left in places]
    piece = _filled(max(pieces, key=lambda p: int(p[1].sum())).float() / ONE, side)
    piece = functional.interpolate(piece[None], (how.side, how.side), mode="bilinear")[0]
    piece = piece.flip(1) if rand[1] < 0.5 else piece
    piece = piece.flip(2) if rand[2] < 0.5 else piece
    return piece.transpose(1, 2) if rand[3] < 0.5 else piece


def _filled(piece: Tensor, side: int) -> Tensor:
    """Return a piece that is mirrored at its ends until it is as large as a side."""
    while min(piece.shape[1:]) < side:
        down, right = (min(side - length, length - 1) for length in piece.shape[1:])
        piece = functional.pad(piece[None], (0, right, 0, down), mode="reflect")[0]
    return piece


def _seen(images: Tensor, how: CropDraw, generator: torch.Generator) -> Tensor:
    """Return (n, y, x) images with other contrast, uneven light, blur and noise; each by its own draw."""
    n = len(images)
    rand = torch.rand((6, n, 1, 1), generator=generator)
    low, high = how.gain
    images = images.clamp(min=0) ** torch.exp((2 * rand[0] - 1) * how.gamma)
    images = images * (low + (high - low) * rand[1])
    light = _slow(n, images.shape[-1], generator)
    images = images * torch.exp(light * how.uneven * 2 * (rand[2] < 0.3)) + light.abs() * how.uneven * (rand[3] < 0.3)
    images = torch.stack([_blurred(i, float(s) * how.blur) for i, s in zip(images, rand[4].ravel() * 2 - 1)])
    noise = torch.randn(images.shape, generator=generator) * how.noise * (rand[5] * 2 - 1).clamp(min=0)
    return (images + noise).clamp(0, 1.25)


def _slow(n: int, side: int, generator: torch.Generator) -> Tensor:
    """Return (n, side, side) fields between about −1 and 1 that change slowly."""
    coarse = torch.randn((n, 1, 3, 3), generator=generator) * 0.5
    smooth = functional.interpolate(coarse, (side // 8 + 1,) * 2, mode="bicubic")
    return functional.interpolate(smooth, (side, side), mode="bilinear")[:, 0]


def _blurred(image: Tensor, sigma: float) -> Tensor:
    """Return a (y, x) image after a Gaussian blur; of none where sigma is small or negative."""
    if sigma < 0.3:
        return image
    reach = math.ceil(2.5 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(image[None, None], (reach,) * 4, mode="reflect")
    return functional.conv2d(functional.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))[0, 0]


def _nothing(n: int, how: CropDraw, generator: torch.Generator) -> Tensor:
    """Return (n, side, side) images of noise, coarse or fine, and slow changes of light."""
    if not n:
        return torch.zeros((0, how.side, how.side))
    rand = torch.rand((3, n), generator=generator)
    noise = torch.randn((n, how.side, how.side), generator=generator)
    noise = torch.stack([_blurred(i, float(s) * 2 * how.blur) for i, s in zip(noise, rand[0])])
    noise = noise / noise.std((1, 2), keepdim=True) * (0.02 + 0.25 * rand[1])[:, None, None]
    light = _slow(n, how.side, generator) * (0.4 * rand[2])[:, None, None]
    return (0.4 + noise + light).clamp(0, 1.25)
