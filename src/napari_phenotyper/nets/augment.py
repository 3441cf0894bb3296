"""Augmentation of crops in whole batches: a cell has no right way up and is never quite in the middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far crops are moved, turned and flattened; each crop by its own draw, all channels alike.

    Attributes
    ----------
    rotate
        Turn by any angle.
    flip
        Mirror every other crop.
    shift
        Largest shift, as a share of the crop's side.
    zoom
        Largest change of size, as a share.
    contrast
        Largest change of contrast, as a share of the distance from the mean.
    erase
        Side of a square that every other crop loses to its own lowest value, as a share of the crop's side, so that
        a network does not stake all on one spot of a cell (DeVries & Taylor 2017).
    """

    rotate: bool = True
    flip: bool = True
    shift: float = 0.1
    zoom: float = 0.1
    contrast: float = 0.2
    erase: float = 0.0

    def __call__(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a changed copy of (n, c, y, x) float32 crops around 0; a generator of the processor serves any device.

        One bilinear resampling does rotation, mirroring, shift and zoom; beyond the border the crop is mirrored.
        """
        n = len(batch)
        draw = torch.rand((6, n), generator=generator).to(batch.device)
        signed = draw * 2 - 1
        angle = signed[0] * math.pi * self.rotate
        side = torch.where(draw[1] < 0.5 * self.flip, -1.0, 1.0)
        size = 1 + signed[2] * self.zoom
        cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
        # affine_grid counts a crop's side as 2, so a share of the side is twice as much there
        rows = (cos * side, -sin, signed[3] * 2 * self.shift, sin * side, cos, signed[4] * 2 * self.shift)
        matrix = torch.stack(rows, dim=1).reshape(n, 2, 3)
        grid = functional.affine_grid(matrix, list(batch.shape), align_corners=False)
        moved = functional.grid_sample(batch, grid, padding_mode="reflection", align_corners=False)
        moved = moved * (1 + signed[5] * self.contrast).reshape(n, 1, 1, 1)
        return self._erased(moved, generator) if self.erase else moved

    def _erased(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return (n, c, y, x) crops, a square gone out of every other one."""
        draw = torch.rand((3, len(batch)), generator=generator).to(batch.device)
        middle, chosen = draw[1:, :, None], (draw[0] > 0.5)[:, None, None]
        rows, columns = (
            (torch.linspace(0, 1, side, device=batch.device) - at).abs() < self.erase / 2
            for side, at in zip(batch.shape[2:], middle, strict=True)
        )
        gone = (rows[:, :, None] & columns[:, None, :] & chosen)[:, None]
        return torch.where(gone, batch.amin((2, 3), keepdim=True), batch)


PLAIN = Augmentation(rotate=False, flip=False, shift=0.0, zoom=0.0, contrast=0.0)
"""Leaves crops as they are (but for the resampling)."""


def views(batch: Tensor, count: int) -> list[Tensor]:
    """Return the first `count` of the eight mirrored and turned views of (n, c, y, x) square crops, the crop first."""
    found = []
    for number in range(count):
        view = batch.flip(2) if number & 1 else batch
        view = view.flip(3) if number & 2 else view
        found.append(view.transpose(2, 3) if number & 4 else view)
    return found
