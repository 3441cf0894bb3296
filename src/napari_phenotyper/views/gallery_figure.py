"""The page of the gallery that is in sight as a figure with a scale bar: to the clipboard, or to a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from qtpy.QtCore import QMimeData
from qtpy.QtGui import QGuiApplication, QImage, QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.pages.cell_page import PageCell, PageGroup, cell_page
from napari_phenotyper.pages.compose import SIMULATED
from napari_phenotyper.pages.plots import SAVED_DPI, Plot
from napari_phenotyper.pages.style import to_png, to_svg
from napari_phenotyper.session.choosing import CellId, CellQuery, CellRows
from napari_phenotyper.views.gallery_tiles import face_text
from napari_phenotyper.views.saving import Offer, SaveButton


class GalleryFigure(QWidget):
    """Two buttons: copy the page in sight, or save it.

    Parameters
    ----------
    view
        The gallery.
    """

    def __init__(self, view: Any) -> None:
        super().__init__()
        self._view, self._desk = view, view.desk
        self.copy = QPushButton("⧉")
        self.copy.setToolTip("Copy the cells in sight as a figure with a scale bar (Ctrl+C)")
        self.copy.setAccessibleName(self.copy.toolTip())
        self.copy.setFixedWidth(28)
        self.copy.clicked.connect(lambda: self.copy_page())
        self.save = SaveButton(self._desk.background, self.offered)
        self.save.setToolTip("Save the cells in sight as a figure with a scale bar, or as a table")
        QShortcut(QKeySequence("Ctrl+C"), view).activated.connect(self.copy_page)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(3)
        line.addWidget(self.copy)
        line.addWidget(self.save)

    def copy_page(self) -> None:
        """Put the cells in sight on the clipboard, as a picture and as a drawing."""
        for offer in self.offered():
            self._desk.background.read("figures", "queue", _drawn, offer, title="Copying the page", on_result=self._put)

    def offered(self) -> Sequence[Offer]:
        """Return the page in sight as what can be saved; nothing where there are no cells."""
        groups = tuple(self._group(number) for number in range(len(self._desk.gallery.groups)))
        population = self._desk.gallery.population
        if population is None or not any(group.cells for group in groups):
            return ()
        columns = max(self._view.halves[n].grid.columns for n in range(len(groups)))
        cells = max(len(group.cells) for group in groups)
        across = min(columns, cells) if len(groups) == 1 else min(max(2 * columns, 6), cells)
        plates = list(self._desk.session.plates)
        named = groups[0].title if len(groups) == 1 else "cells beside those of the controls"
        title = f"{plates[0] if len(plates) == 1 else f'{len(plates)} plates'} · {named}"
        simulated = any(plate.startswith(SIMULATED) for plate in self._desk.session.plates)
        make = partial(cell_page, groups, population.side, population.unit, across, title, simulated=simulated)
        return (Offer("The cells in sight", "gallery", make),)

    def _group(self, number: int) -> PageGroup:
        group, grid = self._desk.gallery.groups[number], self._view.halves[number].grid
        rows = grid.in_sight()
        cells = tuple(cell for row in rows if (cell := self._cell(group.rows, row)) is not None)
        return PageGroup(f"{query_words(group.query)} ({len(cells):,} of {len(group.rows):,})", cells)

    def _cell(self, rows: CellRows, row: int) -> PageCell | None:
        """Return a cell of the page; None while its pixels are not read."""
        cell = rows.cell(row)
        picture, face = self._view.tiles.rgb(cell), self._desk.gallery.face(cell)
        if picture is None:
            return None
        name = face.annotated or face.predicted
        colours = {p.name: p.colour for p in self._desk.session.annotations.phenotypes}
        facts = {
            **_place(cell), "y": float(rows.y[row]), "x": float(rows.x[row]), "annotated": face.annotated,
            "predicted": face.predicted, "probability": None if math.isnan(face.probability) else face.probability,
        }  # fmt: skip
        return PageCell(picture, face_text(face), name, colours.get(name, ""), bool(face.annotated), facts)

    def _put(self, drawn: tuple[bytes, bytes]) -> None:
        png, svg = drawn
        content = QMimeData()
        content.setImageData(QImage.fromData(png))
        content.setData("image/svg+xml", svg)
        QGuiApplication.clipboard().setMimeData(content)
        self._desk.background.tell("The page is on the clipboard: paste it into your document.")


def query_words(query: CellQuery) -> str:
    """Return which cells a query chooses, in words."""
    parts = [f"predicted {query.predicted}"] if query.predicted else []
    if query.annotated_as or query.annotated is not None:
        parts.append(f"annotated {query.annotated_as}".strip() if query.annotated is not False else "not annotated")
    named = [well if isinstance(well, str) else well.well for well in query.wells]
    wells = [", ".join(named) if len(named) <= 4 else f"{len(named)} wells"] if named else []
    parts += [*query.treatments, *wells, *(f"{role} controls" for role in query.roles), *query.plates]
    return query.title or ", ".join(parts) or "all cells"


def _place(cell: CellId) -> dict[str, object]:
    ref, number = cell
    return {"plate": ref.plate, "well": ref.well, "field": ref.field, "label": number}


def _drawn(offer: Offer, progress: Progress) -> tuple[bytes, bytes]:
    """Return the page as PNG and SVG."""
    progress(0.0, "Drawing the page")
    plot: Plot = offer.make()
    return to_png(plot.figure, SAVED_DPI), to_svg(plot.figure)
