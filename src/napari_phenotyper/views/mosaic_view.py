"""The plate on the canvas in place of a field: thumbnails of all fields, wells around them, values over them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_phenotyper.core.mosaic import MosaicPlan
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.mosaic import MosaicPicture
from napari_phenotyper.pages.mosaic_picture import Rgba, frames, heat
from napari_phenotyper.pages.style import contrast
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.layers import ChannelDisplay, default_colour
from napari_phenotyper.views.map_colours import value_text
from napari_phenotyper.views.overlay import colours, dot_codes
from napari_phenotyper.views.plate_layers import PlateLayers, texture_limit
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.qt_thread import Soon

MIDDLE = 130.0
"""Screen pixels along a well from which its cells wear their classes, and the heat map is only a rim."""


class MosaicView(QObject):
    """Shows the mosaic of a desk on the canvas of its field.

    Parameters
    ----------
    viewer
        napari's viewer.
    desk
        What to show.
    view
        The field, whose layers the mosaic borrows: contrast and colours of a channel are the same in both.
    panel
        Whose map says what the heat map shows.

    Signals
    -------
    changed()
        The mosaic or its heat map was switched on or off.
    """

    changed = Signal()

    def __init__(self, viewer: Any, desk: Desk, view: FieldView, panel: PlatePanel) -> None:
        super().__init__(panel)
        self._desk, self._view, self._panel = desk, view, panel
        self.layers = PlateLayers(view.layers)
        self.heated = False
        self._dots: NDArray[np.uint8] | None = None
        self._close: bool | None = None
        self._cameras: dict[object, tuple[Any, float]] = {}
        self._frames_soon, self._dots_soon = Soon(self, self._draw_wells), Soon(self, desk.mosaic.draw_dots, 300)
        desk.mosaic.limit = texture_limit(viewer)
        self._wired: list[tuple[Any, Callable[..., object]]] = [
            (desk.mosaic.events.shown, self._show),
            (desk.mosaic.events.tiles, self._fill),
            (desk.mosaic.events.dots, self._take_dots),
            (desk.mosaic.events.hidden, self._come_back),
            (view.returning, self._leave),
            (view.layers.camera.events.zoom, self._zoomed),
            (panel.recoloured, self._draw_heat),
            (panel.plates.textActivated, desk.mosaic.follow),
            (desk.events.predictions, self._dots_soon.ask),
            (desk.events.survey, self._dots_soon.ask),
            (desk.events.selection, self._frames_soon.ask),
            (desk.events.plates, self._frames_soon.ask),
            (desk.marking.events.classes, self._new_classes),
        ]
        for signal, slot in self._wired:
            signal.connect(slot)

    def toggle(self) -> None:
        """Show the mosaic, or the open field again."""
        if self._desk.mosaic.on:
            self._desk.mosaic.hide()
        else:
            self._desk.mosaic.show(tuple(self._desk.selected))
        self.changed.emit()

    def toggle_heat(self) -> None:
        """Put the colours of the plate map over the mosaic, or take them away; the mosaic is shown in any case."""
        self.heated = not (self.heated and self._desk.mosaic.on)
        if not self._desk.mosaic.on:
            self.toggle()
        self._draw_heat()
        self.changed.emit()

    def click(self, y: float, x: float) -> None:
        """Open the field at a point of the mosaic."""
        self._desk.mosaic.open_at(y, x)

    def describe(self, y: float, x: float) -> str:
        """Say what is at a point: field, treatment, value of the well. Called in napari's status thread."""
        picture = self._desk.mosaic.picture
        ref = picture.plan.at(y, x) if picture is not None else None
        if picture is None or ref is None:
            return ""
        plate = self._desk.session.plates.get(ref.plate)
        face = self._panel.map.face
        words = [str(ref), plate.layout.of(ref.well_ref).treatment if plate is not None else ""]
        if ref.well in face.values:
            words.append(f"{face.title}: {value_text(face.values[ref.well], face.percent)}")
        return " · ".join(word for word in (*words, picture.problems.get(ref, "")) if word)

    def close(self) -> None:
        """Listen to nothing any more and take the layers away; the canvas must still be there."""
        for signal, slot in self._wired:
            signal.disconnect(slot)
        self._wired = []
        self.layers.hide()

    def _show(self) -> None:
        """Put the mosaic on the canvas, where it was looked at before if it was."""
        picture, plate = self._desk.mosaic.picture, self._desk.viewing.plate
        if picture is None or plate is None:
            return
        if not self._view.lent and self._desk.viewing.open is not None:
            self._cameras[self._desk.viewing.open.ref] = self._camera()
        self._view.lend(self.describe)
        self._dots, self._close = None, None
        self._show_channels(picture, plate)
        phenotypes = self._desk.session.annotations.phenotypes
        self._desk.mosaic.codes = dot_codes(phenotypes)
        self._view.layers.show_classes(np.zeros(picture.plan.size, np.uint8), colours(phenotypes))
        self._draw_wells()
        self._look_from(picture.plan.plate)
        self._zoomed()
        self.changed.emit()

    def _show_channels(self, picture: MosaicPicture, plate: Plate) -> None:
        """Show the thumbnails; a channel of which no field was seen yet gets its contrast from them."""
        layers, channels, pixel = self._view.layers, plate.channels, picture.plan.pixel_size
        display = dict(self._view.displays(plate.name))
        for number, channel in enumerate(channels):
            if channel.label not in layers.looks() and channel.label not in display:
                seen = picture.image[number][picture.image[number] > 0]
                display[channel.label] = ChannelDisplay(contrast(seen), default_colour(channels, number))
        images = picture.image[: len(channels)]
        layers.show_channels(FieldRef(plate.name, "", 0), channels[: len(images)], list(images), pixel, display)

    def _fill(self) -> None:
        """Draw what has been read meanwhile."""
        picture, plate = self._desk.mosaic.picture, self._desk.viewing.plate
        if picture is None or plate is None or not self._view.lent:
            return
        self._view.layers.refresh()
        if picture.problems:
            self._frames_soon.ask()

    def _draw_wells(self) -> None:
        picture = self._desk.mosaic.picture
        plate = self._desk.session.plates.get(picture.plan.plate) if picture is not None else None
        if picture is None or plate is None or not self._view.lent:
            return
        roles = {ref.well: plate.layout.of(ref).role for ref in plate.well_refs() if len(plate.layout)}
        args = picture.plan, roles, self._desk.selected, tuple(picture.problems)
        # half a second for 1536 wells
        self._desk.background.read("wells", "coalesce", _frames, *args, on_result=self._show_wells)

    def _show_wells(self, drawn: tuple[MosaicPlan, Rgba]) -> None:
        plan, borders = drawn
        if plan is self._plan:
            self.layers.show_wells(borders)

    def _draw_heat(self) -> None:
        """Draw the heat map in the colours of the plate map: whole wells, or rims where single cells are seen."""
        plan = self._plan
        if plan is None:
            return
        if not self.heated:
            self.layers.hide_heat()
            return
        reading = self._panel.map.reading
        worn = {reading.wells[at]: colour.getRgb()[:3] for at, colour in reading.colours.items()}
        self.layers.show_heat(heat(plan, worn, filled=not self._close), plan)

    @property
    def _plan(self) -> MosaicPlan | None:
        """The plan of what is on the canvas, None where that is a field."""
        picture = self._desk.mosaic.picture
        return picture.plan if picture is not None and self._view.lent else None

    def _take_dots(self, picture: NDArray[np.uint8]) -> None:
        self._dots = picture
        self._draw_dots()

    def _draw_dots(self) -> None:
        if self._plan is not None:
            seen = self._dots if self._dots is not None and self._close else np.zeros(self._plan.size, np.uint8)
            self._view.layers.recolour(seen)

    def _new_classes(self, *_: object) -> None:
        """Give the dots the colours of the classes as they are now."""
        if self._plan is not None:
            phenotypes = self._desk.session.annotations.phenotypes
            self._desk.mosaic.codes = dot_codes(phenotypes)
            self._view.layers.show_classes(np.zeros(self._plan.size, np.uint8), colours(phenotypes))
            self._desk.mosaic.draw_dots()

    def _zoomed(self, *_: object) -> None:
        """Change to what is to be seen from near, or from far."""
        if self._plan is None:
            return
        close = self._plan.inside[1] * self._view.layers.screen_pixels >= MIDDLE
        if close != self._close:
            self._close = close
            self._draw_heat()
            self._draw_dots()

    def _come_back(self) -> None:
        """Show the open field again, as it was looked at."""
        self._view.come_back()
        if self._desk.viewing.open is not None:
            self._look_from(self._desk.viewing.open.ref)
        self.changed.emit()

    def _leave(self) -> None:
        """Take away what lies over the mosaic: a field comes in its place."""
        if self._plan is not None:
            self._cameras[self._plan.plate] = self._camera()
        self.layers.hide()
        self._dots = None
        self.changed.emit()

    def _camera(self) -> tuple[Any, float]:
        camera = self._view.layers.camera
        return camera.center, float(camera.zoom)

    def _look_from(self, what: object) -> None:
        """Bring the camera back to where it was."""
        if what in self._cameras:
            camera = self._view.layers.camera
            camera.center, camera.zoom = self._cameras.pop(what)


def _frames(
    plan: MosaicPlan,
    roles: Mapping[str, str],
    selected: Collection[str],
    problems: Collection[FieldRef],
    progress: Progress,
) -> tuple[MosaicPlan, Rgba]:
    return plan, frames(plan, roles, selected, problems)
