"""A field as napari's layer data, for readers where there is no window."""

from __future__ import annotations

from typing import Any

from napari_phenotyper.core.field import Field
from napari_phenotyper.pages.style import contrast
from napari_phenotyper.views.layers import COLOURS

LayerData = tuple[Any, dict[str, Any], str]


def field_layers(field: Field) -> list[LayerData]:
    """Return an image layer per channel of a field, named by plate, well, field and channel.

    Raises
    ------
    PixelError
    """
    pixel = field.info.pixel_size or 1.0
    layers: list[LayerData] = []
    for channel, image in zip(field.channels, field.read(), strict=True):
        options = {
            "name": f"{field.ref} {channel.label}",
            "scale": (pixel, pixel),
            "contrast_limits": contrast(image),
            "colormap": COLOURS.get(channel.role, "gray"),
            "blending": "additive",
            "metadata": field.ref._asdict(),
        }
        layers.append((image, options, "image"))
    return layers
