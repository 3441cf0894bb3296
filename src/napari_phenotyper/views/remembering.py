"""How the window looks at a plate: told to the desk, which keeps it, and taken up again when the plate is opened."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QTabWidget

from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.live import nothing
from napari_phenotyper.desk.viewing import OpenField
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.plate_panel import PlatePanel


class Remembering:
    """Keeps camera, colours, style and tab as they are, plate by plate.

    Parameters
    ----------
    viewer
        napari's viewer, whose camera is watched.
    desk
        What keeps them.
    view, panel, tabs
        The canvas, the plate map, and the tabs of the way.
    """

    def __init__(self, viewer: Any, desk: Desk, view: FieldView, panel: PlatePanel, tabs: QTabWidget) -> None:
        self._desk, self._view, self._panel, self._tabs = desk, view, panel, tabs
        self._camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 has the scene
        self._shown = ""
        self._later = nothing
        self._take_up()
        self._camera.events.center.connect(self._moved)
        self._camera.events.zoom.connect(self._moved)
        view.changed.connect(self._styled)
        panel.colours.currentIndexChanged.connect(self._coloured)
        tabs.currentChanged.connect(self._turned)
        desk.viewing.events.asked.connect(self._asked)
        desk.viewing.events.opened.connect(self._opened)
        desk.events.survey.connect(self._surveyed)
        desk.results.events.recalled.connect(self._recalled)

    def close(self) -> None:
        """Note where the camera is, and listen no more."""
        self._later()
        self._note_camera()
        self._camera.events.center.disconnect(self._moved)
        self._camera.events.zoom.disconnect(self._moved)

    def _take_up(self) -> None:
        """Draw cells as they were drawn, and show the tab that was open."""
        state, view = self._desk.back.state, self._view
        if state.style in ("outlines", "filled"):
            view.set_style(state.style)
        if state.colouring in ("class", "confidence"):
            view.set_colouring(state.colouring)
        titles = [self._tabs.tabText(i) for i in range(self._tabs.count())]
        if state.tab in titles:
            self._tabs.setCurrentIndex(titles.index(state.tab))

    def _moved(self, _: object = None) -> None:
        """Note the place once the hand has come to rest: a drag is hundreds of events."""
        self._later()
        self._later = self._desk.later(0.5, self._note_camera)

    def _note_camera(self) -> None:
        if self._shown:
            y, x, zoom = self._view.layers.looked_at()
            self._desk.back.note_plate(self._shown, centre=(round(y, 2), round(x, 2)), zoom=round(zoom, 5))

    def _asked(self, ref: FieldRef) -> None:
        if self._shown and ref.plate != self._shown:
            self._later()
            self._note_camera()
            self._shown = ""

    def _opened(self, field: OpenField) -> None:
        """Look where somebody looked before, the first time that a plate is shown, or shown again."""
        plate = field.ref.plate
        if plate != self._shown and field.images:
            known = self._desk.back.state.of(plate)
            if known.centre is not None and known.zoom and not self._view.sought:
                self._view.layers.look_at(*known.centre, known.zoom)
            self._shown = plate
            self._colour(plate)

    def _surveyed(self, plate: str) -> None:
        """Colour the map by what was chosen, as soon as it is there to choose."""
        if plate == self._shown:
            self._colour(plate)

    def _recalled(self, _: object) -> None:
        """Colour the map by a score if it was, now that there are scores to choose."""
        self._colour(self._shown)

    def _colour(self, plate: str) -> None:
        kind, _, name = self._desk.back.state.of(plate).coloured_by.partition(":")
        if kind and self._panel.colours.findData(f"{kind}:{name}") >= 0:
            self._panel.colour_by(kind, name)

    def _coloured(self, _: int) -> None:
        chosen = self._panel.colours.currentData()
        if self._shown and chosen:
            self._desk.back.note_plate(self._shown, coloured_by=str(chosen))

    def _styled(self) -> None:
        self._desk.back.note(style=self._view.style, colouring=self._view.colouring)

    def _turned(self, number: int) -> None:
        self._desk.back.note(tab=self._tabs.tabText(number))
