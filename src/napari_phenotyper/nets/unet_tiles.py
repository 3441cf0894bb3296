"""What a U-Net sees in an image of any size: tile by tile, so that memory is bounded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.nets.blocks import folded
from napari_phenotyper.nets.device import in_parts, short_floats_pay
from napari_phenotyper.nets.unet import UNet
from napari_phenotyper.nets.unet_pixels import DIAMETER, Levels, normalised, resized

Image32 = NDArray[np.float32]

TILE = 768
"""Pixels of a tile's side, at the training scale: what a level's maps need then stays in a processor's cache."""
OVERLAP = 48
"""Pixels that a tile sees beyond its own."""
BLOCK = 2048
"""Pixels of a block's side, at the training scale: nuclei are told apart a block at a time."""
MARGIN = 128
"""Pixels that a block sees beyond its own: nuclei up to five times as long as usual are whole in one block."""

_LARGEST = 6144
"""Pixels of a block's side in the image itself, where the nuclei are large."""
_LEAST_SCALE, _GREATEST_SCALE = 0.05, 4.0


@dataclass(frozen=True)
class Block:
    """A part of an image: what is seen of it, and what is its own. Rows and columns in pixels of the image.

    Attributes
    ----------
    seen
        Top, left, bottom, right; bottom and right are exclusive.
    own
        The same of the part whose nuclei are the block's; the blocks' own parts make up the image.
    """

    seen: tuple[int, int, int, int]
    own: tuple[int, int, int, int]


def scale_of(diameter: float) -> float:
    """Return how many times an image is enlarged so that nuclei of a diameter, in px, have the trained one."""
    return float(np.clip(DIAMETER / diameter, _LEAST_SCALE, _GREATEST_SCALE))


def blocks(shape: tuple[int, int], scale: float) -> Iterator[Block]:
    """Yield the blocks of an image of (y, x) pixels, row by row."""
    margin = round(MARGIN / scale)
    rows, columns = (_cuts(side, min(round(BLOCK / scale), _LARGEST)) for side in shape)
    for top, bottom in rows:
        for left, right in columns:
            seen = (max(top - margin, 0), max(left - margin, 0))
            yield Block(
                (*seen, min(bottom + margin, shape[0]), min(right + margin, shape[1])), (top, left, bottom, right)
            )


def _cuts(side: int, most: int) -> list[tuple[int, int]]:
    """Return where a side is cut into equal parts, none longer than `most` by more than a rounding."""
    edges = np.linspace(0, side, max(1, -(-side // max(most, 1))) + 1).round().astype(int).tolist()
    return list(itertools.pairwise(edges))


def seen(
    net: UNet, image: NDArray[np.generic], found: Levels, scale: float, multiple: int, progress: Progress
) -> tuple[Image32, Image32]:
    """Return (y, x) foreground and depth (0 … 1) of an image, at the training scale.

    Parameters
    ----------
    net
        From `ready`, on its device.
    image
        (y, x) of any type; may hold what is not finite.
    found
        The grey levels of the whole field.
    scale
        From `scale_of`.
    multiple
        The architecture's.
    progress
        Called at every tile; Cancelled passes through.
    """
    sides = [max(1, round(side * scale)) for side in image.shape]
    pixels = resized(torch.from_numpy(normalised(image, found))[None], sides[0], sides[1])
    maps = np.empty((2, sides[0], sides[1]), np.float32)
    parts = [(rows, columns) for rows in _cuts(sides[0], TILE) for columns in _cuts(sides[1], TILE)]
    for number, ((top, bottom), (left, right)) in enumerate(parts):
        progress(number / len(parts), "Looking for nuclei")
        up, before = max(top - OVERLAP, 0), max(left - OVERLAP, 0)
        tile = pixels[:, up : bottom + OVERLAP, before : right + OVERLAP]
        logits = _logits(net, tile, multiple)
        own = logits[:, top - up : bottom - up, left - before : right - before]
        maps[:, top:bottom, left:right] = own.sigmoid().numpy()
    return maps[0], maps[1]


@torch.inference_mode()
def _logits(net: UNet, tile: Tensor, multiple: int) -> Tensor:
    """Return (2, y, x) float32 logits of a (1, y, x) tile, on the processor."""
    height, width = tile.shape[1:]
    weight = net.stem[0][0].weight  # type: ignore[index]
    padded = functional.pad(tile[None], (0, -width % multiple, 0, -height % multiple), mode="replicate")
    (found,) = in_parts(lambda rows: net(rows.to(weight.device, weight.dtype)).float().cpu(), padded, 1)
    return found[0, :, :height, :width]


def ready(net: UNet, device: torch.device) -> UNet:
    """Return a copy that predicts, on a device and in the numbers that pay there."""
    return folded(net, short_floats_pay(device)).to(device)
