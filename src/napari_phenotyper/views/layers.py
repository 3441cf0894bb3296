"""Layers: pictures of values. The only file that knows napari's layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_phenotyper.core.field import Field

LayerData = tuple[Any, dict[str, Any], str]

_COLOURS = {"DNA": "bop blue", "tubulin": "bop orange", "actin": "bop purple"}


def field_layers(field: Field) -> list[LayerData]:
    """Return an image layer per channel of a field, named by plate, well, field and channel.

    Contrast runs from the 1st to the 99.8th percentile, so that a few bright pixels do not darken the rest.

    Raises
    ------
    PixelError
    """
    pixel = field.info.pixel_size or 1.0
    layers: list[LayerData] = []
    for channel, image in zip(field.channels, field.read(), strict=True):
        low, high = np.percentile(image, (1.0, 99.8))
        options = {
            "name": f"{field.ref} {channel.label}",
            "scale": (pixel, pixel),
            "contrast_limits": (float(low), float(max(high, low + 1))),
            "colormap": _COLOURS.get(channel.role, "gray"),
            "blending": "additive",
            "metadata": {"plate": field.ref.plate, "well": field.ref.well, "field": field.ref.field},
        }
        layers.append((image, options, "image"))
    return layers
