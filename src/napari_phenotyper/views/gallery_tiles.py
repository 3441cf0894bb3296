"""What is painted of a cell in the gallery, and what is said of it."""

from __future__ import annotations

import math
from collections import OrderedDict

from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.gallery import Face
from napari_phenotyper.pages.style import UNLIKE
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.views.cell_grid import Tile
from napari_phenotyper.views.compositing import ChannelLook, Rgb, compose, outline
from napari_phenotyper.views.field_view import FieldView

_DRAWN = 4000
"""Thumbnails that are kept as they were drawn."""


class Tiles:
    """Draws cells in the colours of the canvas, and keeps what it drew.

    Parameters
    ----------
    desk
        Whose cells.
    view
        Knows how channels are drawn.

    Attributes
    ----------
    channel
        Label of the one channel to show; "" for all, as on the canvas.
    side
        Of a picture, in pixels of the screen.
    """

    def __init__(self, desk: Desk, view: FieldView) -> None:
        self._desk, self._view = desk, view
        self._drawn: OrderedDict[CellId, QPixmap] = OrderedDict()
        self._looks: dict[str, ChannelLook] = {}
        self._layers: tuple[object, ...] = ()
        self.channel, self.side = "", 96

    def forget(self, cells: object = None) -> None:
        """Draw some cells anew, or all."""
        if cells is None:
            self._drawn.clear()
            self._layers = ()
        else:
            for cell in cells:
                self._drawn.pop(cell, None)

    def tile(self, cell: CellId) -> Tile:
        """Return what is painted of a cell."""
        gallery = self._desk.gallery
        face, thumbnail = gallery.face(cell), gallery.thumbnails.get(cell)
        name = face.annotated or face.predicted
        problem, colours = thumbnail is not None and bool(thumbnail.problem), self._colours
        doubted = face.annotated and face.predicted and face.annotated != face.predicted
        other = colours.get(face.predicted, "") if doubted else ""
        return Tile(self._picture(cell), colours.get(name, ""), bool(face.annotated), face_text(face), problem, other)

    def words(self, cell: CellId) -> str:
        """Return what is known of a cell, for a person."""
        (ref, number), face = cell, self._desk.gallery.face(cell)
        thumbnail = self._desk.gallery.thumbnails.get(cell)
        treatment = self._desk.session.layout.of(ref.well_ref).treatment
        lines = [f"{ref} · cell {number}", treatment, f"annotated {face.annotated}" if face.annotated else ""]
        if face.predicted:
            sure = "" if math.isnan(face.probability) else f" {face.probability:.0%}"
            lines.append(f"predicted {face.predicted}{sure}")
        lines.append(thumbnail.problem if thumbnail is not None else "")
        return "\n".join(line for line in lines if line)

    def rgb(self, cell: CellId) -> Rgb | None:
        """Return (s, s, 3) uint8 pixels of a cell as it is shown, None while they are not read."""
        found = self._desk.gallery.thumbnails.get(cell)
        if found is None or found.problem:
            return None
        rgb = compose(found.pixels, found.channels, self._channel_looks(), self.channel)
        return outline(rgb, found.own) if found.own is not None else rgb

    def _picture(self, cell: CellId) -> QPixmap | None:
        """Return the picture of a cell, drawn when it is first asked for."""
        if cell in self._drawn:
            self._drawn.move_to_end(cell)
            return self._drawn[cell]
        rgb = self.rgb(cell)
        if rgb is None:
            return None
        image = QImage(rgb.tobytes(), rgb.shape[1], rgb.shape[0], 3 * rgb.shape[1], QImage.Format.Format_RGB888)
        smooth = Qt.TransformationMode.SmoothTransformation
        self._drawn[cell] = QPixmap.fromImage(image).scaled(
            self.side, self.side, Qt.AspectRatioMode.KeepAspectRatio, smooth
        )
        while len(self._drawn) > _DRAWN:
            self._drawn.popitem(last=False)
        return self._drawn[cell]

    def _channel_looks(self) -> dict[str, ChannelLook]:
        """Return how channels are drawn; asked of napari again after a change or with other layers only."""
        layers = self._view.layers.layers
        if not self._layers or layers != self._layers:
            self._layers, self._looks = layers, self._view.layers.looks()
        return self._looks

    @property
    def _colours(self) -> dict[str, str]:
        return {p.name: p.colour for p in self._desk.session.annotations.phenotypes}


def face_text(face: Face) -> str:
    """Return what is written below a cell."""
    if face.annotated and face.predicted and face.annotated != face.predicted:
        return f"{face.annotated}{UNLIKE}{face.predicted}"
    if face.annotated:
        return f"✓ {face.annotated}"
    if face.predicted and not math.isnan(face.probability):
        return f"{face.probability:.0%} {face.predicted}"
    return face.predicted
