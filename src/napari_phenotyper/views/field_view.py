"""The open field on napari's canvas: channels, cells in their classes, and what the status bar says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.live import nothing
from napari_phenotyper.desk.marking import Look
from napari_phenotyper.desk.viewing import OpenField
from napari_phenotyper.session.labelling import REACH
from napari_phenotyper.views.layers import ChannelDisplay, Describe, FieldLayers
from napari_phenotyper.views.overlay import ClassImage, Colouring, Faces, Style, colours, preview_colours, zoned

FEW = 64
"""So many cells are repainted one by one; more of them all at once."""


class FieldView:
    """Shows the field that is open at a desk.

    Parameters
    ----------
    viewer
        napari's viewer.
    desk
        What to show.
    """

    changed = Signal()
    """Style or colouring is another."""
    dressed = Signal(object)
    """The cells of a field (FieldRef) are drawn."""
    returning = Signal()
    """The field is about to come back to a canvas that was lent."""

    def __init__(self, viewer: Any, desk: Desk) -> None:
        self.desk = desk
        self.layers = FieldLayers(viewer, self.describe)
        self.style: Style = "outlines"
        self.colouring: Colouring = "class"
        self._image: ClassImage | None = None
        self._look: Look | None = None
        self._preview: Masks | None = None
        self._sought: tuple[FieldRef, float, float] | None = None
        self._found_sought = False
        self._ringed = False
        self._displayed: dict[str, dict[str, Json]] = {}
        self._lent: Describe | None = None
        self._forget = nothing
        desk.viewing.events.opened.connect(self._opened)
        desk.viewing.events.masks.connect(self._dress)
        desk.session.events.annotations.connect(self.update)
        desk.events.predictions.connect(self._predicted)
        self.layers.display_changed.connect(self._remember)
        if desk.viewing.open is not None:
            self._opened(desk.viewing.open)

    def set_style(self, style: Style) -> None:
        """Draw predicted cells as outlines, or filled."""
        self.style = style
        self._redress()

    def set_colouring(self, colouring: Colouring) -> None:
        """Colour cells by class, or by the confidence of their prediction."""
        self.colouring = colouring
        self._redress()

    def next_style(self) -> None:
        """Draw predicted cells the other way."""
        self.set_style("filled" if self.style == "outlines" else "outlines")

    def next_colouring(self) -> None:
        """Colour cells the other way."""
        self.set_colouring("confidence" if self.colouring == "class" else "class")

    def look_at(self, ref: FieldRef, y: float, x: float, ring: bool = False) -> None:
        """Open a field, and bring a point of it, in pixels, to the middle of the canvas, perhaps with a ring."""
        self._sought, self._ringed = (ref, y, x), ring
        self.desk.viewing.show(ref)

    @property
    def lent(self) -> bool:
        """Whether the canvas shows something else than the field, which draws nothing meanwhile."""
        return self._lent is not None

    def lend(self, describe: Describe) -> None:
        """Draw the field no more until it is opened again; `describe` says what is at a point meanwhile."""
        self._lent = describe
        self._image = self._look = self._preview = None

    def come_back(self) -> None:
        """Draw the open field again."""
        if self.lent and self.desk.viewing.open is not None:
            self._opened(self.desk.viewing.open)

    def displays(self, plate: str) -> dict[str, ChannelDisplay]:
        """Return how the channels of a plate are shown, as far as the project says so."""
        saved = self.desk.session.setting("display").get(plate, {})
        return {k: ChannelDisplay(tuple(v["limits"]), v["colour"], v["visible"]) for k, v in saved.items()}

    @property
    def sought(self) -> bool:
        """Whether the field that opened last was asked for with a point of it, which is in the middle now."""
        return self._found_sought

    def show_preview(self, masks: Masks) -> None:
        """Show the outlines of masks that are only tried out, until the field's own come back."""
        self.come_back()
        self._preview = masks
        self._zone(masks.labels[NUCLEI], None)

    def end_preview(self) -> None:
        """Show the field's own masks again, if others are shown."""
        if self._preview is not None:
            self._preview = None
            field = self.desk.viewing.open
            if field is not None:
                self._dress(field)

    def update(self) -> None:
        """Draw what has changed since the cells were drawn last."""
        before, now = self._look, self.desk.marking.look()
        if self._preview is not None or self._image is None or now is None or before is None:
            return
        if now.mask_key != before.mask_key or now.ref != before.ref:
            return  # its masks are on their way
        self._look = now
        if now.phenotypes != before.phenotypes:
            self.layers.show_classes(self._image.draw(_faces(now), self.layers.picture), colours(now.phenotypes))
            return
        changed = _changed(before, now)
        few = changed if len(changed) <= FEW else ()
        points = {cell: point for cell in few if (point := now.points.get(cell) or before.points.get(cell))}
        if len(points) == len(changed):
            self.layers.paint(*self._image.draw_cells(_faces(now), points))
        else:
            self.layers.recolour(self._image.draw(_faces(now), self.layers.picture))

    def describe(self, y: float, x: float) -> str:
        """Say what is at a point: field, cell, class and probability. Called in napari's status thread."""
        lent = self._lent
        if lent is not None:
            return lent(y, x)
        field, look = self.desk.viewing.open, self._look
        if field is None:
            return ""
        words = [str(field.ref)]
        treatment = field_treatment(self.desk, field)
        if treatment:
            words.append(treatment)
        cell = field.masks.at(y, x, within=REACH) if field.masks is not None else 0
        if cell:
            words.append(f"cell {cell}")
            if look is not None and look.ref == field.ref and cell < len(look.predicted):
                words += _class_words(look, cell)
        return " · ".join(words)

    def close(self) -> None:
        """Take the layers away and listen to nothing any more; the project must still be open."""
        desk = self.desk
        self._save()
        desk.viewing.events.opened.disconnect(self._opened)
        desk.viewing.events.masks.disconnect(self._dress)
        desk.session.events.annotations.disconnect(self.update)
        desk.events.predictions.disconnect(self._predicted)
        self.layers.close()

    def _opened(self, field: OpenField) -> None:
        if self.lent:
            self.returning.emit()
            self._lent = None
        numbers = sorted(field.images)
        self.layers.show_channels(
            field.ref,
            [field.field.channels[i] for i in numbers],
            [field.images[i] for i in numbers],
            field.field.info.pixel_size,
            self.displays(field.ref.plate),
        )
        self._found_sought = self._sought is not None and self._sought[0] == field.ref
        if self._sought is not None and self._found_sought:
            self.layers.look_at(*self._sought[1:])
            self.layers.unmark()
            if self._ringed:
                self.layers.mark(*self._sought[1:])
        self._sought = None
        self._dress(field)

    def _dress(self, field: OpenField) -> None:
        if self.lent:
            return
        self._image = self._look = self._preview = None
        if field.images:
            # an empty picture even where there are no masks yet: to add the layer later would hold the window up
            shape = next(iter(field.images.values())).shape
            self.layers.show_classes(np.zeros(shape, np.uint8), colours(()))
        if field.masks is not None:
            self._zone(field.masks.labels[NUCLEI], field)

    def _zone(self, labels: NDArray[np.int32], field: OpenField | None) -> None:
        """Find the cells' edges in the background, then draw the cells."""

        def zoned_now(zones: NDArray[np.int32]) -> None:
            image = ClassImage(labels, self.style, self.colouring, zones)
            if field is None:
                if self._preview is not None:
                    self.layers.show_classes(image.draw(Faces.plain(int(labels.max(initial=0)))), preview_colours())
                return
            if self.desk.viewing.open is field and not self.lent:
                self._image = image
                self._draw()

        self.desk.background.read("zones", "replace", _zones, labels, on_result=zoned_now)

    def _draw(self) -> None:
        self._look = self.desk.marking.look()
        if self._image is not None and self._look is not None:
            self.layers.show_classes(
                self._image.draw(_faces(self._look), self.layers.picture), colours(self._look.phenotypes)
            )
            self.dressed.emit(self._look.ref)

    def _redress(self) -> None:
        if self._image is not None:
            self._image = ClassImage(self._image.labels, self.style, self.colouring, self._image.zones)
            self._draw()
        self.changed.emit()

    def _predicted(self, refs: object) -> None:
        if self._look is not None and self._look.ref in tuple(refs):
            self.update()

    def _remember(self, label: str, display: ChannelDisplay) -> None:
        """Keep how a channel is shown in the project, once the user's hand has come to rest."""
        if self.desk.viewing.open is not None:
            shown = {"limits": list(display.limits), "colour": display.colour, "visible": display.visible}
            self._displayed.setdefault(self.desk.viewing.open.ref.plate, {})[label] = shown
            self._forget()
            self._forget = self.desk.later(1.0, self._save)

    def _save(self) -> None:
        self._forget()
        found, self._displayed = self._displayed, {}
        session = self.desk.session
        if not found or session.project.read_only:
            return
        saved = dict(session.setting("display"))
        try:
            session.set("display", {**saved, **{name: {**saved.get(name, {}), **new} for name, new in found.items()}})
        except ProjectError as error:
            self.desk.background.fail(error)


def field_treatment(desk: Desk, field: OpenField) -> str:
    """Return what was done to the well of a field, "" if it is not known."""
    plate = desk.session.plates.get(field.ref.plate)
    return plate.layout.of(field.ref.well_ref).treatment if plate is not None else ""


def _zones(labels: NDArray[np.int32], progress: Progress) -> NDArray[np.int32]:
    return zoned(labels)


def _faces(look: Look) -> Faces:
    return Faces(look.predicted, look.annotated, look.probability)


def _changed(before: Look, now: Look) -> list[int]:
    """Return the cells that look otherwise now."""
    same = (before.annotated == now.annotated) & (before.predicted == now.predicted)
    alike = (before.probability == now.probability) | (np.isnan(before.probability) & np.isnan(now.probability))
    return np.flatnonzero(~(same & alike)).tolist()


def _class_words(look: Look, cell: int) -> list[str]:
    words = []
    if look.annotated[cell] >= 0:
        words.append(f"annotated {look.phenotypes[look.annotated[cell]].name}")
    if look.predicted[cell] >= 0:
        name = look.phenotypes[look.predicted[cell]].name
        words.append(f"predicted {name} {look.probability[cell]:.0%}")
    return words
