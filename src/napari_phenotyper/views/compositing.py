"""Pictures of cells in the colours of the canvas. Numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ChannelLook:
    """How a channel is shown: values that are black and full, (256, 3) uint8 colours between them, and whether."""

    limits: tuple[float, float]
    colours: Rgb
    visible: bool = True


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
    total = np.zeros((*pixels.shape[1:], 3), np.uint16)
    for plane, label in zip(pixels, channels, strict=True):
        look = looks.get(label) or ChannelLook((float(plane.min()), float(plane.max())), GREY)
        if only:
            look = ChannelLook(look.limits, GREY, label == only)
        if look.visible:
            total += look.colours[_steps(plane, look.limits)]
    return np.minimum(total, 255).astype(np.uint8)


def outline(picture: Rgb, own: NDArray[np.bool_]) -> Rgb:
    """Return a picture with a light line around a cell, on the pixels next to it: the cell itself stays as it is."""
    padded = np.pad(own, 1)
    near = padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
    line = near & ~own
    out = picture.copy()
    out[line] = out[line] // 3 + 150
    return out


def _steps(plane: NDArray[np.generic], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Return 0 … 255 between two values."""
    low, high = limits
    scaled = (plane.astype(np.float32) - low) * np.float32(255 / max(high - low, 1e-9))
    return np.clip(np.nan_to_num(scaled), 0, 255).astype(np.uint8)
