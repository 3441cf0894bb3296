"""Pictures of cells in the colours of the canvas. Numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChannelLook:
    """How a channel is shown: values that are black and full, (256, 3) uint8 colours between them, and whether."""

    limits: tuple[float, float]
    colours: Rgb
    visible: bool = True

    @cached_property
    def grey(self) -> ChannelLook:
        """The same limits in grey."""
        return ChannelLook(self.limits, GREY)

    @cached_property
    def table(self) -> NDArray[np.uint32]:
        """(65536,) the colour of each value that a camera gives: red, green, blue and 255 as four bytes."""
        bytes_ = np.full((2**16, 4), 255, np.uint8)
        bytes_[:, :3] = self.colours[_steps(np.arange(2**16, dtype=np.uint16), self.limits)]
        return bytes_.view(np.uint32)[:, 0]

    def paint(self, plane: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Return (y, x, 4) uint8; looked up where there are few values, which is five times as quick."""
        if plane.dtype.kind == "u" and plane.dtype.itemsize <= 2:
            return self.table[plane].view(np.uint8).reshape(*plane.shape, 4)
        painted = np.full((*plane.shape, 4), 255, np.uint8)
        painted[..., :3] = self.colours[_steps(plane, self.limits)]
        return painted


GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def compose(
    pixels: NDArray[np.generic], channels: Sequence[str], looks: Mapping[str, ChannelLook], only: str = ""
) -> Rgb:
    """Return (y, x, 3) uint8: the channels added up, as the canvas does.

    Parameters
    ----------
    pixels, channels
        (c, y, x) and the labels of the channels.
    looks
        Label to look; a channel without one is grey between its own extremes.
    only
        Label of the one channel to show, in grey and with its own limits; "" for all that are visible.
    """
    total = np.zeros((*pixels.shape[1:], 4), np.uint8)
    for plane, label in zip(pixels, channels, strict=True):
        look = looks.get(label)
        if only:
            look = (look or _between_extremes(plane)).grey if label == only else None
        elif look is None:
            look = _between_extremes(plane)
        if look is not None and look.visible:
            painted = look.paint(plane)
            total = painted + np.minimum(total, ~painted)  # no more than 255
    return total[..., :3]


def _between_extremes(plane: NDArray[np.generic]) -> ChannelLook:
    return ChannelLook((float(plane.min()), float(plane.max())), GREY)


def outline(picture: Rgb, own: NDArray[np.bool_]) -> Rgb:
    """Return a picture with a light line around a cell, on the pixels next to it: the cell itself stays as it is."""
    near = np.zeros_like(own)
    near[1:] |= own[:-1]
    near[:-1] |= own[1:]
    near[:, 1:] |= own[:, :-1]
    near[:, :-1] |= own[:, 1:]
    line = near & ~own
    out = picture.copy()
    out[line] = out[line] // 3 + 150
    return out


def _steps(plane: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return 0 … 255 between two values."""
    low, high = limits
    scaled = (plane.astype(np.float32) - low) * np.float32(255 / max(high - low, 1e-9))
    return np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
