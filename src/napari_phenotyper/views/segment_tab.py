"""The tab Segment: try parameters on the open field, then segment and measure the plate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import QCheckBox, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.live import nothing
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.evaluation.field_quality import counted
from napari_phenotyper.session.segmenting import DEFAULT_SEGMENTER, Preview
from napari_phenotyper.views.chooser import Chooser
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.light_choice import LightChoice

PAUSE = 0.15
"""Seconds without another change after which a preview is made."""


class SegmentTab(QWidget):
    """Segments and measures the plate that is open.

    Parameters
    ----------
    desk
        Whose plate.
    view
        Shows previews.
    """

    def __init__(self, desk: Desk, view: FieldView) -> None:
        super().__init__()
        self._desk, self._view = desk, view
        self._wish = nothing
        self._plate, self._found, self._declined = "", "", False
        self.chooser = Chooser(
            desk.session.registry, "segmenter", DEFAULT_SEGMENTER, desk.background.fail, self._saved_settings
        )
        self.preview = QCheckBox("Preview on the open field")
        self.light, self.run = LightChoice(desk), QPushButton()
        self._stands, self._column = QLabel(), QVBoxLayout(self)
        self._lay_out()
        self._show_plate()
        self.chooser.chosen.connect(self._chosen)
        self.chooser.changed.connect(self._moved)
        desk.events.survey.connect(self._refresh)
        desk.events.selection.connect(self._refresh)
        desk.viewing.events.asked.connect(self._show_plate)
        desk.viewing.events.opened.connect(self._preview_soon)
        self._refresh()

    def start(self) -> None:
        """Segment and measure the plate, or the wells selected, with what the form says."""
        self.preview.setChecked(False)
        self._desk.segment(self.chooser.name, self.chooser.value())

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Give the canvas its own masks back when another tab is shown: what is clicked there are these."""
        if not event.spontaneous():
            self.preview.setChecked(False)
        super().hideEvent(event)

    def _lay_out(self) -> None:
        self.preview.setToolTip("Show what the parameters below find in this field; nothing is stored")
        self.preview.toggled.connect(self._toggled)
        self.preview.clicked.connect(self._clicked)
        self.run.clicked.connect(self.start)
        self.run.setDefault(True)
        self._stands.setWordWrap(True)
        # two lines always, so that the form stays where it is while somebody turns at it
        self._stands.setMinimumHeight(2 * self._stands.fontMetrics().lineSpacing() + 2)
        self._stands.setAlignment(Qt.AlignmentFlag.AlignTop)
        for widget in (self._stands, self.preview, self.chooser, self.light, self.run):
            self._column.addWidget(widget)
        self._column.addStretch(1)

    def _chosen(self) -> None:
        self._show_resolved()
        self._preview_soon()

    def _saved_settings(self, segmenter: str) -> Mapping[str, object]:
        """Return the parameters that the plate was segmented with by a segmenter, nothing if it was not."""
        asked = self._saved().get("asked", {})
        return dict(asked["settings"]) if asked.get("id") == segmenter else {}

    def _saved(self) -> Mapping[str, Any]:
        """Return what the plate was segmented with, nothing if it was not."""
        plate = self._desk.viewing.plate
        return self._desk.session.setting("segmenters").get(plate.name, {}) if plate is not None else {}

    def _show_plate(self, *_: object) -> None:
        """Show what another plate was segmented with; one that was not shall be as the one before."""
        plate, saved = self._desk.viewing.plate, self._saved()
        if plate is not None and plate.name != self._plate:
            self._plate = plate.name
            if saved and saved["asked"]["id"] in self._desk.session.registry.ids("segmenter"):
                self.chooser.choose(saved["asked"]["id"])
        self._refresh()

    def _show_resolved(self) -> None:
        """Show what "auto" came to, where the plate was segmented with what the form says."""
        saved = self._saved()
        asked = saved.get("asked", {})
        if asked.get("id") == self.chooser.name and asked["settings"] == self.chooser.value():
            self.chooser.form.set_resolved(saved["resolved"]["settings"])

    def _refresh(self, *_: object) -> None:
        desk, plate = self._desk, self._desk.viewing.plate
        if plate is None:
            return
        count = len(desk.selected)
        wells = "1 selected well" if count == 1 else f"{count} selected wells"
        self.run.setText(f"Segment and measure {wells if count else 'the plate'}")
        self.run.setEnabled(not desk.session.project.read_only)
        known = desk.surveys.get(plate.name, Survey())
        fields = sum(len(well.sources) for well in plate.wells)
        words = [f"{len(known.cells)} of {fields} fields segmented, {len(known.measured)} measured."]
        if known.cells:
            words.append(f"{sum(known.cells.values()):,} cells.")
        if known.flagged:
            words.append(f"Doubtful fields: {counted(known.flagged.values())}; the map marks their wells.")
        if known.failed:
            words.append(f"{len(known.failed)} could not be done; what is in the way is told below.")
        self._stands.setText(self._found or " ".join(words))
        if not self._found:
            self._show_resolved()

    def _moved(self) -> None:
        """Answer a parameter that moved on the open field, unless the user has said no to that."""
        if not self._declined:
            self.preview.setChecked(True)
        self._preview_soon()

    def _clicked(self, on: bool) -> None:
        self._declined = not on

    def _toggled(self, on: bool) -> None:
        if on:
            self._preview_soon()
        else:
            self._wish()
            self._found = ""
            self._view.end_preview()
            self._refresh()

    def _preview_soon(self, *_: object) -> None:
        if self.preview.isChecked():
            self._wish()
            self._wish = self._desk.later(PAUSE, self._show_preview)

    def _show_preview(self) -> None:
        field = self._desk.viewing.open
        if field is not None:
            name, settings, ref = self.chooser.name, self.chooser.value(), field.ref
            self._desk.preview(name, settings, lambda found: self._previewed(ref, found))

    def _previewed(self, ref: FieldRef, found: Preview) -> None:
        field = self._desk.viewing.open
        if self.preview.isChecked() and field is not None and field.ref == ref:
            self._view.show_preview(found.masks)
            self.chooser.form.set_resolved(found.settings)
            cells = len(found.masks.ids())
            words = [f"Preview: {cells} {'cell' if cells == 1 else 'cells'} in this field; nothing is stored."]
            words.append(_suggested(self.chooser.value(), found.settings, field.field.info.pixel_size))
            self._found = " ".join(filter(None, words))
            self._refresh()


def _suggested(asked: Mapping[str, object], found: Mapping[str, object], pixel_size: float | None) -> str:
    """Return the diameter that was estimated for the field as a sentence, "" where the user gave one."""
    diameter = found.get("diameter")
    if asked.get("diameter") is not None or not isinstance(diameter, float):
        return ""
    size = f" ({diameter * pixel_size:.3g} µm)" if pixel_size else ""
    return f"Suggested diameter: {diameter:.3g} px{size}."
