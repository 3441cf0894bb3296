"""Layers: pictures of values. The only file that knows napari's layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from psygnal import Signal

from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.views.compositing import ChannelLook
from napari_phenotyper.views.layer_kinds import Image, Labels, Points
from napari_phenotyper.views.overlay import Codes, Rgba

Describe = Callable[[float, float], str]
Image2D = NDArray[np.generic]

CELLS, MARK = "Cells", "Here"
COLOURS = {"DNA": "gray", "tubulin": "bop purple", "actin": "bop orange", "mitochondria": "bop blue"}
"""What a channel is shown in. Nuclei are grey, so that the colours of the classes stand out on them."""
_OTHER_COLOURS = ("bop purple", "bop orange", "bop blue", "green")
_LOOK = ("contrast_limits", "colormap", "visible")
_SAMPLE = 500
_CLOSE = 4.0
"""Screen pixels per pixel of the field at which a single cell is judged."""
_PART = 1_000_000
_RING, _RIM, _RING_COLOUR = 34, 2.5, "#F0E442"
"""Diameter and rim of the ring about a place, in pixels of the field; a yellow that no stain and few classes have."""


@dataclass(frozen=True)
class ChannelDisplay:
    """How a channel is shown: contrast limits, napari colormap name, and whether it is visible at all."""

    limits: tuple[float, float]
    colour: str
    visible: bool = True


class FieldLayers:
    """The layers of the open field: one image per channel, and the class image on top.

    The layers are the user's to rename, reorder, hide and restyle; they are known by reference, and a layer that was
    deleted is made anew with the next picture.

    Parameters
    ----------
    viewer
        napari's viewer.
    describe
        What the status bar says of a point (y, x in pixels). Called in napari's status thread.
    """

    display_changed = Signal(str, object)
    """Channel label and ChannelDisplay: the user changed how a channel is shown."""
    layer_made = Signal(object)
    """A layer of ours was added to the viewer."""

    def __init__(self, viewer: Any, describe: Describe | None = None) -> None:
        self.describe = describe
        self._viewer = viewer
        self._channels: dict[str, Image] = {}
        self._displays: dict[str, ChannelDisplay] = {}
        self._cells: Labels | None = None
        self._mark: Points | None = None
        self._colours: dict[int, Rgba] | None = None
        self._cells_look: dict[str, Any] = {"opacity": 1.0}
        self._ref: FieldRef | None = None
        self._frame: tuple[tuple[int, ...], float | None] = ((), None)

    def show_channels(
        self,
        ref: FieldRef,
        channels: Sequence[Channel],
        images: Sequence[Image2D],
        pixel_size: float | None,
        display: Mapping[str, ChannelDisplay],
    ) -> None:
        """Show a field; the class image of the field before is wiped.

        Parameters
        ----------
        ref
            Which field.
        channels, images
            Its channels and their (y, x) pixels in the same order; none if no channel could be read.
        pixel_size
            In micrometres, None where it is unknown.
        display
            Channel label to look, for layers that have to be made; layers that are there keep theirs.
        """
        frame = (images[0].shape if images else (), pixel_size)
        moved, resized = ref != self._ref, frame != self._frame
        if moved:
            self.unmark()
        self._ref, self._frame = ref, frame
        if not images:
            self.hide_classes()
        elif moved and self._colours is not None:
            self.show_classes(np.zeros(frame[0], np.uint8), self._colours)
        for label in set(self._channels) - {channel.label for channel in channels}:
            self._remove(self._channels.pop(label))
        for position, (channel, image) in enumerate(zip(channels, images, strict=True)):
            layer = self._channels.get(channel.label)
            if self.is_shown(layer):
                self._place(layer)
                layer.data = image
            else:
                known = display.get(channel.label) or self._displays.get(channel.label)
                default = ChannelDisplay(_contrast(image), default_colour(channels, position))
                layer = self._make_channel(channel.label, image, known or default)
            layer.metadata = {**layer.metadata, **ref._asdict()}
            _widen(layer, image)
        if resized and images:
            self._viewer.reset_view()

    def show_classes(self, image: Codes, colours: Mapping[int, Rgba]) -> None:
        """Show the class image, made by `ClassImage.draw`, in the colours that `overlay.colours` gave.

        The image becomes the layer's own: `paint` writes into it.
        """
        changed = self._colours != dict(colours)
        self._colours = dict(colours)
        if self.is_shown(self._cells):
            if changed:
                self._cells.colormap = _colormap(self._colours)
            self.recolour(image)
        else:
            self._make_cells(image)

    def recolour(self, image: Codes) -> None:
        """Show a new picture of the same cells; nothing happens while classes are hidden."""
        if self._colours is None:
            return
        if not self.is_shown(self._cells):
            self._make_cells(image)
            return
        self._place(self._cells)
        if self._cells.data.shape == image.shape:
            # in place: setting data would also rebuild colours, controls and extents
            if not np.shares_memory(self._cells.data, image):
                np.copyto(self._cells.data, image)
            self._cells.refresh(extent=False, highlight=False)
        else:
            self._cells.data = image
            self._cells.editable = False

    @property
    def picture(self) -> Codes | None:
        """The class image that is shown, for `ClassImage.draw` to draw over; None if there is none."""
        return self._cells.data if self.is_shown(self._cells) else None

    def paint(self, rows: NDArray[np.intp], columns: NDArray[np.intp], values: Codes) -> None:
        """Change some pixels of the class image; nothing happens while classes are hidden."""
        if self._colours is None or self._cells is None or not len(rows):
            return
        if not self.is_shown(self._cells):
            self._make_cells(self._cells.data)
        if self._cells.visible and np.ptp(rows) * np.ptp(columns) < _PART:
            self._cells.data_setitem((rows, columns), values)
        else:
            # data_setitem fails on a layer that was never seen, and uploads the rectangle around all pixels, which for
            # cells far apart takes longer than the whole picture
            self._cells.data[rows, columns] = values
            self._cells.refresh(extent=False, highlight=False)

    def hide_classes(self) -> None:
        """Take the class image away, as for a field without masks; it comes back with the opacity it had."""
        if self._cells is not None:
            self._cells_look = {"opacity": self._cells.opacity, "visible": self._cells.visible}
            self._remove(self._cells)
        self._cells, self._colours = None, None

    def world_to_pixel(self, position: Sequence[float]) -> tuple[float, float]:
        """Return (y, x) in pixels of the field shown; (i, j) is the middle of a pixel."""
        layer = self._cells if self._cells is not None else next(iter(self._channels.values()), None)
        if layer is None:
            y, x = np.asarray(position, float)[-2:] / (self._frame[1] or 1.0)
        else:
            y, x = layer.world_to_data(np.asarray(position, float)[-2:] * self._unit_ratio(layer))
        return float(y), float(x)

    def look_at(self, y: float, x: float, zoom: float | None = None) -> None:
        """Bring a point, in pixels of the field shown, to the middle of the canvas.

        At a zoom, in screen pixels per pixel of the field; None: close enough to judge a cell.
        """
        layer = next(iter(self.layers), None)
        if layer is not None:
            world = np.asarray(layer.data_to_world((y, x)), float) / self._unit_ratio(layer)
            unit, camera = self._unit_ratio(layer) / float(layer.scale[-1]), self.camera
            camera.center = tuple(float(v) for v in world)
            camera.zoom = max(camera.zoom, _CLOSE * unit) if zoom is None else zoom * unit

    def looked_at(self) -> tuple[float, float, float]:
        """Return the pixel (y, x) in the middle of the canvas, and the zoom as `look_at` takes it."""
        layer = next(iter(self.layers), None)
        unit = self._unit_ratio(layer) / float(layer.scale[-1]) if layer is not None else 1.0
        return *self.world_to_pixel(self.camera.center), float(self.camera.zoom) / unit

    def mark(self, y: float, x: float) -> None:
        """Put a ring about a point, in pixels of the field shown, until another field comes or `unmark`."""
        self.unmark()
        active = self._viewer.layers.selection.active
        ring = {"symbol": "disc", "size": _RING, "face_color": "transparent", "border_color": _RING_COLOUR}
        self._mark = Points([(y, x)], name=MARK, border_width=_RIM, border_width_is_relative=False, **ring)
        self._place(self._mark)
        self._add(self._mark, len(self._viewer.layers))
        if active is not None:
            self._viewer.layers.selection.active = active  # clicks and keys stay what they are

    def unmark(self) -> None:
        """Take the ring away."""
        mark, self._mark = self._mark, None
        if mark is not None:
            self._remove(mark)

    @property
    def layers(self) -> tuple[Any, ...]:
        """Our layers that are in the viewer, the class image last."""
        return tuple(layer for layer in (*self._channels.values(), self._cells) if self.is_shown(layer))

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of what is shown, None where it is unknown."""
        return self._frame[1]

    @property
    def camera(self) -> Any:
        """Napari's camera."""
        return getattr(self._viewer, "scene", self._viewer).camera  # napari 0.9 has the scene

    @property
    def screen_pixels(self) -> float:
        """Screen pixels per pixel of what is shown."""
        layer = next(iter(self.layers), None)
        return self.camera.zoom * float(layer.scale[-1]) / self._unit_ratio(layer) if layer is not None else 1.0

    def refresh(self) -> None:
        """Draw the channels anew, whose pixels were written to in place."""
        for layer in self._channels.values():
            if self.is_shown(layer):
                layer.refresh(extent=False, highlight=False)

    def put(self, layer: Any, below: Any = None) -> None:
        """Add a picture that lies over the field, on top or below another; what is selected stays so."""
        chosen = set(self._viewer.layers.selection)
        at = self._viewer.layers.index(below) if self.is_shown(below) else len(self._viewer.layers)
        self._add(layer, at)
        self._viewer.layers.selection = chosen & set(self._viewer.layers)

    def take_out(self, layer: Any) -> None:
        """Remove a picture that was put."""
        layer.say = None
        if self.is_shown(layer):
            self._viewer.layers.remove(layer)

    @property
    def takes_clicks(self) -> bool:
        """Whether a click is ours: a field is shown flat, and the active layer draws or transforms nothing."""
        active = self._viewer.layers.selection.active
        return bool(self.layers) and self._viewer.dims.ndisplay == 2 and (active is None or active.mode == "pan_zoom")

    def looks(self) -> dict[str, ChannelLook]:
        """Return how each channel is shown now, by its label."""
        ramp, looks = np.linspace(0, 1, 256), {}
        for label, layer in self._channels.items():
            low, high = layer.contrast_limits
            colours = np.rint(layer.colormap.map(ramp)[:, :3] * 255).astype(np.uint8)
            looks[label] = ChannelLook((float(low), float(high)), colours, bool(layer.visible))
        return looks

    def close(self) -> None:
        """Remove our layers and listen to nothing any more; may be called twice, or after the viewer was closed."""
        self.describe = None
        self.unmark()
        self.hide_classes()
        for layer in self._channels.values():
            self._remove(layer)
        self._channels = {}

    def _make_channel(self, label: str, image: Image2D, look: ChannelDisplay) -> Image:
        options = {"contrast_limits": look.limits, "colormap": look.colour, "visible": look.visible}
        layer = Image(image, name=label, blending="additive", **options)
        self._place(layer)
        ours = [self._viewer.layers.index(other) for other in self.layers if other is not self._cells]
        below = self._viewer.layers.index(self._cells) if self.is_shown(self._cells) else len(self._viewer.layers)
        self._add(layer, max(ours) + 1 if ours else below)
        self._channels[label] = layer
        self._displays[label] = _display(layer)
        for name in _LOOK:
            layer.events[name].connect(self._on_display)
        return layer

    def _make_cells(self, image: Codes) -> None:
        layer = Labels(image, name=CELLS, colormap=_colormap(self._colours or {}), **self._cells_look)
        self._place(layer)
        self._cells = layer
        self._add(layer, len(self._viewer.layers))
        layer.editable = False

    def _add(self, layer: Any, index: int) -> None:
        layer.say = self._say
        self._viewer.layers.insert(index, layer)
        self.layer_made.emit(layer)

    def _remove(self, layer: Any) -> None:
        layer.say = None
        if isinstance(layer, Image):
            for name in _LOOK:
                layer.events[name].disconnect(self._on_display)
        if self.is_shown(layer):
            self._viewer.layers.remove(layer)

    def _unit_ratio(self, layer: Any) -> float:
        # napari tells positions in the smallest unit of all layers, the user's own among them
        world = getattr(self._viewer.layers, "units", None)
        return float((1 * world[-1]).to(layer.units[-1]).magnitude) if world is not None else 1.0

    def _place(self, layer: Any) -> None:
        pixel = self._frame[1]
        scale, unit = (pixel, "micrometer") if pixel else (1.0, "pixel")
        if tuple(layer.scale) != (scale, scale) or str(layer.units[-1]) != unit:
            layer.scale, layer.units = (scale, scale), (unit, unit)

    def is_shown(self, layer: Any) -> bool:
        """Whether a layer is in the viewer; None is not."""
        return layer is not None and layer in self._viewer.layers

    def _say(self, position: Sequence[float]) -> str:
        return self.describe(*self.world_to_pixel(position)) if self.describe is not None else ""

    def _on_display(self, event: Any) -> None:
        layer = event.source
        label = next((label for label, ours in self._channels.items() if ours is layer), None)
        # napari tells of limits also when only their range was widened
        if label is not None and _display(layer) != self._displays[label]:
            self._displays[label] = _display(layer)
            self.display_changed.emit(label, self._displays[label])


def default_colour(channels: Sequence[Channel], number: int) -> str:
    """Return napari's name of the colours that a channel is shown in at first.

    A channel alone is grey, so that colour on the screen means a class.
    """
    colour = COLOURS.get(channels[number].role, _OTHER_COLOURS[number % len(_OTHER_COLOURS)])
    return colour if len(channels) > 1 else "gray"


def before_removing(viewer: Any, call: Callable[[Any], None]) -> None:
    """Call a method with an event whenever a layer, anybody's, is about to leave the viewer; it is held weakly."""
    viewer.layers.events.removing.connect(call)


def _display(layer: Image) -> ChannelDisplay:
    low, high = layer.contrast_limits
    return ChannelDisplay((float(low), float(high)), layer.colormap.name, bool(layer.visible))


def _widen(layer: Image, image: Image2D) -> None:
    # so that the sliders of contrast reach what the image holds
    sample, (low, high) = _sample(image), layer.contrast_limits_range
    layer.contrast_limits_range = (min(low, float(sample.min())), max(high, float(sample.max())))


def _sample(image: Image2D) -> Image2D:
    step = max(1, int(np.sqrt(image.size)) // _SAMPLE)
    return image[::step, ::step]


def _contrast(image: Image2D) -> tuple[float, float]:
    # percentiles, so that a few bright pixels do not darken the rest
    sample = _sample(image)
    low, high = np.percentile(sample, (1.0, 99.8))
    return float(low), float(high if high > low else low + 1)


def _colormap(colours: Mapping[int, Rgba]) -> DirectLabelColormap:
    return DirectLabelColormap(color_dict={None: (0.0, 0.0, 0.0, 0.0), **colours})
