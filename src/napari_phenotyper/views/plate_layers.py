"""The layers over a mosaic: borders and names of wells, and the heat map."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_phenotyper.core.mosaic import LIMIT, MosaicPlan
from napari_phenotyper.pages.mosaic_picture import STEPS, Rgba
from napari_phenotyper.views.layers import FieldLayers, Image

WELLS, HEAT = "Wells", "Heat map"
OPACITY = 0.6
"""Of the heat map at first: the cells are still seen through it."""


def texture_limit(viewer: Any) -> int:
    """Return how many pixels a side a mosaic may have: no more than the graphics card takes as one texture."""
    if getattr(viewer, "window", None) is None:
        return LIMIT
    from napari._vispy.utils.gl import get_max_texture_sizes

    return min(LIMIT, get_max_texture_sizes()[0] or LIMIT)


class PlateLayers:
    """Puts pictures over the mosaic; a layer that was deleted is made anew with the next picture.

    Parameters
    ----------
    layers
        Those of the mosaic itself.
    """

    def __init__(self, layers: FieldLayers) -> None:
        self._layers = layers
        self._wells: Image | None = None
        self._heat: Image | None = None
        self._opacity = OPACITY

    def show_wells(self, picture: Rgba) -> None:
        """Show borders and names, as `pages.mosaic_picture.frames` draws them."""
        pixel = self._layers.pixel_size or 1.0
        self._wells = self._show(self._wells, WELLS, picture, (pixel, pixel), (0.0, 0.0), 1.0, None)

    def show_heat(self, picture: Rgba, plan: MosaicPlan) -> None:
        """Show the colours of wells, as `pages.mosaic_picture.heat` draws them."""
        pixel = self._layers.pixel_size or 1.0
        steps = [pitch / STEPS for pitch in plan.pitch]
        # napari places the middle of the first pixel
        corner = [(plan.margin - 0.5 + step / 2) * pixel for step in steps]
        scale = steps[0] * pixel, steps[1] * pixel
        self._heat = self._show(self._heat, HEAT, picture, scale, (corner[0], corner[1]), self._opacity, self._wells)

    def hide_heat(self) -> None:
        """Take the heat map away; it comes back as it was shown."""
        if self._heat is not None:
            self._opacity = float(self._heat.opacity)
            self._layers.take_out(self._heat)
            self._heat = None

    def hide(self) -> None:
        """Take both away."""
        self.hide_heat()
        if self._wells is not None:
            self._layers.take_out(self._wells)
            self._wells = None

    def _show(
        self,
        layer: Image | None,
        name: str,
        picture: Rgba,
        scale: tuple[float, float],
        corner: tuple[float, float],
        opacity: float,
        below: Image | None,
    ) -> Image:
        if layer is not None and self._layers.is_shown(layer):
            if layer.data.shape == picture.shape:
                layer.data[:] = picture  # in place: setting data would also rebuild controls and extents
                layer.refresh(extent=False, highlight=False)
            else:
                layer.data = picture
            return layer
        smooth = "linear" if name == WELLS else "nearest"  # letters are often seen smaller than they were drawn
        unit = "micrometer" if self._layers.pixel_size else "pixel"
        made = Image(
            np.array(picture), rgb=True, name=name, scale=scale, translate=corner, opacity=opacity,
            units=(unit, unit), blending="translucent_no_depth", interpolation2d=smooth,
        )  # fmt: skip
        self._layers.put(made, below)
        return made
